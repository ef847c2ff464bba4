//! Files become one tree: statements are collected into lines, and `include` is replaced by what it names.
//!
//! *In nginx*: `ngx_conf_parse` for a file, a block or the `-g` argument, `ngx_conf_include` for the
//! directive. A file must close the blocks it opens: parsing an included file is a call of its own and ends
//! with the file.
//!
//! *Here*: a [`Reader`] that keeps every file's bytes in reading order, once each, because `-T` prints them.
//! This is the only place of the configuration that opens files. It must know no directive but `include`.
//!
//! ```text
//!   nginx.conf: http { include conf.d/*.conf; }
//!                        └─▶ conf.d/a.conf, conf.d/b.conf     alphabetical, hidden files not meant
//!                            their lines stand where the include stood, with their own places
//! ```
//!
//! NGINX: relative names start at the directory of the main file, also in included files; a pattern that
//! fits nothing is no error, a missing plain name is.
//!
//! *Read next*: `lexer` (statements), `tree` (lines), `load` (who starts a Reader).

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::directive::{ANYWHERE, Args, Directive, Module};
use super::error::{ConfError, Place};
use super::lexer::{End, Lexer, Statement};
use super::tree::{Arg, Line, Tree};
use crate::log::error_log::Errno;

/// How deep blocks may be nested, counted over all files; no sensible configuration comes near.
const DEEPEST_BLOCK: usize = 100;
/// How deep includes may be nested; only a file that includes itself comes here.
const DEEPEST_INCLUDE: usize = 20;

/// The language's own directive, for the reference and for suggestions: a [`Reader`] has replaced it before
/// any table is asked.
pub static MODULE: Module = Module {
    name: "conf",
    directives: &[Directive::of("include", ANYWHERE, Args::Exactly(1))
        .doc("Puts the lines of another file, or of all files that fit a pattern, in its place.")
        .set(|_, line| Err(line.directive_err("is not allowed here")))],
};

/// A file as it was read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its name as it was opened.
    pub name: String,
    /// Its bytes.
    pub text: Rc<[u8]>,
}

/// Reads configuration files into trees.
pub struct Reader {
    conf_dir: PathBuf,
    files: Vec<SourceFile>,
    blocks: usize,
    includes: usize,
}

/// What is being read: a file, or the argument of `-g`.
struct Source<'a> {
    lexer: Lexer<'a>,
    file: Option<Rc<str>>,
}

impl Source<'_> {
    fn place(&self) -> Place {
        Place { file: self.file.clone(), line: self.lexer.line() }
    }

    fn err(&self, text: impl std::fmt::Display) -> Box<ConfError> {
        Box::new(ConfError::at(text, &self.place()))
    }
}

/// The lines of a file or block.
#[derive(Default)]
struct Part {
    lines: Vec<Line>,
    end: Option<Place>,
    fault: Option<Box<ConfError>>,
}

impl Part {
    fn cut(mut self, fault: Box<ConfError>) -> Part {
        self.fault = Some(fault);
        self
    }

    /// Whether the reading is over: an error was met here or inside the line read last.
    fn is_cut(&self) -> bool {
        self.fault.is_some() || self.lines.last().is_some_and(|line| line.fault().is_some())
    }
}

impl Reader {
    /// Relative names of `include` will start at `conf_dir`.
    pub fn new(conf_dir: impl Into<PathBuf>) -> Self {
        Reader { conf_dir: conf_dir.into(), files: Vec::new(), blocks: 0, includes: 0 }
    }

    /// Reads the main file and what it includes. Errors are kept in the tree, see [`Tree::fault`].
    pub fn main_file(&mut self, path: &Path) -> Tree {
        let part = self.file(path).unwrap_or_else(|text| Part::default().cut(Box::new(ConfError::new(text))));
        Tree { lines: part.lines, fault: part.fault }
    }

    /// Reads the argument of `-g`: simple directives, each ended by `;`.
    pub fn command_line(&mut self, text: &[u8]) -> Tree {
        let part = self.lines(&mut Source { lexer: Lexer::command_line(text), file: None }, false);
        Tree { lines: part.lines, fault: part.fault }
    }

    /// Reads a configuration from memory, blocks and all; places will name it `name`.
    pub fn text(&mut self, name: &str, text: &[u8]) -> Tree {
        let part = self.lines(&mut Source { lexer: Lexer::file(text), file: Some(name.into()) }, false);
        Tree { lines: part.lines, fault: part.fault }
    }

    /// The files read so far, in order of first reading.
    pub fn into_files(self) -> Vec<SourceFile> {
        self.files
    }

    /// Reads one file. An Err is the sentence without a place: the file could not be read at all.
    fn file(&mut self, path: &Path) -> Result<Part, String> {
        let name = path.display().to_string();
        let mut file = File::open(path).map_err(|e| format!("open() \"{name}\" failed{}", Errno(&e)))?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(|e| format!("pread() \"{name}\" failed{}", Errno(&e)))?;
        if !self.files.iter().any(|known| known.name == name) {
            self.files.push(SourceFile { name: name.clone(), text: text.as_slice().into() });
        }
        Ok(self.lines(&mut Source { lexer: Lexer::file(&text), file: Some(name.into()) }, false))
    }

    /// Collects lines up to the end of the file, or of the block when inside one.
    fn lines(&mut self, source: &mut Source, in_block: bool) -> Part {
        let mut part = Part::default();
        while !part.is_cut() {
            let statement = match source.lexer.statement() {
                Ok(statement) => statement,
                Err(text) => return part.cut(source.err(text)),
            };
            match (statement.end, in_block) {
                (End::Semicolon | End::Open, _) => part = self.line(source, statement, part),
                (End::Eof, true) => return part.cut(source.err("unexpected end of file, expecting \"}\"")),
                (End::Close, false) => return part.cut(source.err("unexpected \"}\"")),
                (End::Eof, false) | (End::Close, true) => break,
            }
        }
        part.end = Some(source.place());
        part
    }

    /// Adds one statement, with its block or the files it includes.
    fn line(&mut self, source: &mut Source, statement: Statement, mut part: Part) -> Part {
        let (at, opens) = (source.place(), statement.end == End::Open);
        let mut words = statement.words.into_iter().map(|word| Arg::new(word.text, word.quoted, at.clone()));
        let Some(name) = words.next() else { return part };
        let mut line = Line { name, args: words.collect(), block: None, end: at.clone(), at, fault: None };
        if opens && source.file.is_none() {
            return part.cut(Box::new(line.err("block directives are not supported in -g option")));
        }
        if line.name.is("include") {
            return self.include(line, opens, part);
        }
        if opens {
            if self.blocks >= DEEPEST_BLOCK {
                let text = format!("blocks are nested too deep, more than {DEEPEST_BLOCK} levels");
                return part.cut(Box::new(line.err(text)));
            }
            self.blocks += 1;
            let inside = self.lines(source, true);
            self.blocks -= 1;
            line.end = inside.end.unwrap_or_else(|| source.place());
            (line.block, line.fault) = (Some(inside.lines), inside.fault);
        }
        part.lines.push(line);
        part
    }

    fn include(&mut self, line: Line, opens: bool, mut part: Part) -> Part {
        let pattern = match line.args.as_slice() {
            _ if opens => {
                return part.cut(Box::new(line.err("directive \"include\" is not terminated by \";\"")));
            }
            [pattern] => self.conf_dir.join(OsStr::from_bytes(pattern)),
            _ => {
                let text = "invalid number of arguments in \"include\" directive";
                return part.cut(Box::new(line.err(text)));
            }
        };
        if self.includes >= DEEPEST_INCLUDE {
            let text = format!(
                "includes are nested too deep, more than {DEEPEST_INCLUDE} levels: \"{}\" may include itself",
                pattern.display()
            );
            return part.cut(Box::new(line.err(text)));
        }
        self.includes += 1;
        for path in expand(&pattern) {
            match self.file(&path) {
                Ok(inside) => {
                    part.lines.extend(inside.lines);
                    part.fault = inside.fault;
                }
                Err(text) => part = part.cut(Box::new(line.err(text))),
            }
            if part.is_cut() {
                break;
            }
        }
        self.includes -= 1;
        part
    }
}

/// The files a name stands for: itself when it has no wildcard, else what fits, in alphabetical order.
fn expand(pattern: &Path) -> Vec<PathBuf> {
    let bytes = pattern.as_os_str().as_bytes();
    if !bytes.iter().any(|byte| matches!(byte, b'*' | b'?' | b'[')) {
        return vec![pattern.to_owned()];
    }
    // To the C library `**` is `*`; the crate would walk whole trees.
    let mut text = pattern.to_string_lossy().into_owned();
    while text.contains("**") {
        text = text.replace("**", "*");
    }
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    match glob::glob_with(&text, options) {
        Ok(paths) => paths.filter_map(Result::ok).collect(),
        // A bracket that never closes is a letter.
        Err(_) => Some(pattern.to_owned()).filter(|path| path.exists()).into_iter().collect(),
    }
}

#[cfg(test)]
#[path = "include_tests.rs"]
mod tests;
