//! What an `if` can ask.
//!
//! *In nginx* `ngx_http_rewrite_if_condition`: the condition leaves a value on the machine's stack, and the
//! `if` looks whether it is neither empty nor `0`.
//!
//! *Here* a value of four kinds with one question, [`Condition::holds`].
//!
//! ```text
//!   ($a)                 neither empty nor "0"
//!   ($a = b)  (!=)       equal as text
//!   ($a ~ re) (~* !~ !~*)  matched; the groups are kept
//!   (-f path) (-d -e -x, each with !)
//! ```
//!
//! There is no `and`, no `or`, and no block inside a block.
//!
//! *Read next*: `compile.rs`.

use super::program::{matches, value};
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::tree::{Arg, Line};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::Status;
use crate::http::vars::{self, Template, VarIx, VarRegex};
use crate::log::Level;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::rc::Rc;

/// A condition.
#[derive(Debug)]
pub enum Condition {
    /// The variable is neither empty nor `0`.
    True(VarIx),
    /// The variable equals the text; the flag negates.
    Equal(VarIx, Template, bool),
    /// The variable matches; the flag negates.
    Match(VarIx, Rc<VarRegex>, bool),
    /// The path is of that kind; the flag negates.
    File(FileKind, Template, bool),
}

/// What a path can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `-f`: a regular file.
    Plain,
    /// `-d`: a directory.
    Folder,
    /// `-e`: anything.
    Any,
    /// `-x`: something its owner may execute.
    Executable,
}

impl Condition {
    /// Reads the words between the parentheses.
    ///
    /// # Errors
    /// nginx's sentences about conditions.
    pub fn read(cx: &mut Cx, line: &Line) -> Result<Condition, ConfError> {
        let words = strip_parentheses(line)?;
        let invalid = |word: &[u8]| {
            let word = String::from_utf8_lossy(word);
            line.err(format_args!("invalid condition \"{word}\""))
        };
        let Some((first, rest)) = words.split_first() else { return Err(invalid(b")")) };
        match (&first[..], rest) {
            ([b'$', name @ ..], []) if !name.is_empty() => Ok(Condition::True(vars::index(cx, name))),
            ([b'$', name @ ..], [operator, operand]) if !name.is_empty() => {
                let variable = vars::index(cx, name);
                compare(cx, line, variable, operator, operand)
            }
            ([b'-', letter], [path]) | ([b'!', b'-', letter], [path]) => {
                let kind = match letter {
                    b'f' => FileKind::Plain,
                    b'd' => FileKind::Folder,
                    b'e' => FileKind::Any,
                    b'x' => FileKind::Executable,
                    _ => return Err(invalid(first)),
                };
                Ok(Condition::File(kind, Template::compile(cx, line, path)?, first.starts_with(b"!")))
            }
            _ => Err(invalid(first)),
        }
    }

    /// Whether it holds. An Err is what the request ends with.
    pub fn holds(
        &self,
        log: bool,
        quote: bool,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
    ) -> Result<bool, Status> {
        match self {
            Condition::True(variable) => {
                let value = vars::get(x, r, io, *variable).unwrap_or_default();
                Ok(!matches!(&value[..], b"" | b"0"))
            }
            Condition::Equal(variable, template, negated) => {
                let left = vars::get(x, r, io, *variable).unwrap_or_default();
                let right = value(template, quote, x, r, io);
                Ok((left == right) != *negated)
            }
            Condition::Match(variable, regex, negated) => {
                let subject = vars::get(x, r, io, *variable).unwrap_or_default();
                Ok(matches(regex, &subject, log, x, r, io) != *negated)
            }
            Condition::File(kind, template, negated) => {
                let path = value(template, quote, x, r, io);
                Ok(is_of_kind(*kind, &path, x, r, io) != *negated)
            }
        }
    }
}

fn is_of_kind(kind: FileKind, path: &[u8], x: &Exchange, r: RequestIx, io: &Io) -> bool {
    let shown = Path::new(OsStr::from_bytes(path));
    match shown.metadata() {
        Ok(found) => match kind {
            FileKind::Plain => found.is_file(),
            FileKind::Folder => found.is_dir(),
            FileKind::Any => true,
            FileKind::Executable => found.permissions().mode() & 0o100 != 0,
        },
        Err(error) => {
            let usual = matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename
            );
            if !usual {
                let text = format_args!("stat() \"{}\" failed", shown.display());
                logging::log(x, r, io, Level::Crit, Some(&error), text);
            }
            false
        }
    }
}

/// The words of the condition. A parenthesis may stand alone or stick to its word.
fn strip_parentheses(line: &Line) -> Result<Vec<Vec<u8>>, ConfError> {
    let invalid = |word: Option<&Arg>| {
        let word = word.map(ToString::to_string).unwrap_or_default();
        line.err(format_args!("invalid condition \"{word}\""))
    };
    let mut words: Vec<Vec<u8>> = line.args.iter().map(|arg| arg.bytes().to_vec()).collect();
    match words.first_mut() {
        Some(first) if first.starts_with(b"(") => _ = first.remove(0),
        _ => return Err(invalid(line.args.first())),
    }
    match words.last_mut() {
        Some(last) if last.ends_with(b")") => _ = last.pop(),
        _ => return Err(invalid(line.args.last())),
    }
    let last = words.len().saturating_sub(1);
    let mut at = 0;
    words.retain(|word| {
        let at_the_end = at == 0 || at == last;
        let emptied = at_the_end && word.is_empty() && !line.args.get(at).is_some_and(Arg::quoted);
        at += 1;
        !emptied
    });
    Ok(words)
}

fn compare(
    cx: &mut Cx,
    line: &Line,
    variable: VarIx,
    operator: &[u8],
    operand: &[u8],
) -> Result<Condition, ConfError> {
    Ok(match operator {
        b"=" => Condition::Equal(variable, Template::compile(cx, line, operand)?, false),
        b"!=" => Condition::Equal(variable, Template::compile(cx, line, operand)?, true),
        b"~" | b"~*" | b"!~" | b"!~*" => {
            let regex = VarRegex::compile(cx, line, operand, operator.ends_with(b"*"))?;
            Condition::Match(variable, regex, operator.starts_with(b"!"))
        }
        other => {
            let other = String::from_utf8_lossy(other);
            return Err(line.err(format_args!("unexpected \"{other}\" in condition")));
        }
    })
}
