//! The manual says what the source says: its listings, and the names it gives to things.
//!
//! A listing is a fenced block whose first line is a comment with a path, `// src/worker/mod.rs`. What
//! follows must stand in that file, line by line; a line with `…` alone skips some. A name is a path in
//! backticks, `upstream/header.rs: process_header`: the file must be there and define it.

use super::source::Source;
use std::collections::HashMap;
use std::path::Path;

/// Everything the manual quotes or names, compared with the files below `root`.
pub fn check(root: &Path, source: &Source) -> Vec<String> {
    if !source.name.starts_with("src/manual/") {
        return Vec::new();
    }
    let mut files = Files { root, read: HashMap::new() };
    let mut complaints = listings(source, &mut files);
    complaints.extend(names(source, &mut files));
    complaints.into_iter().map(|(n, text)| format!("{}:{}: {text}", source.name, n + 1)).collect()
}

struct Files<'a> {
    root: &'a Path,
    read: HashMap<String, Option<Vec<String>>>,
}

impl Files<'_> {
    /// The lines of a file; a path is meant from the root or from `src/`.
    fn lines(&mut self, name: &str) -> Option<&Vec<String>> {
        let root = self.root;
        let read = self.read.entry(name.to_owned()).or_insert_with(|| {
            let text =
                ["", "src/"].iter().find_map(|dir| std::fs::read_to_string(root.join(dir).join(name)).ok());
            text.map(|text| text.lines().map(|line| line.trim_end().to_owned()).collect())
        });
        read.as_ref()
    }
}

/// The text of a documentation line.
fn doc(line: &str) -> Option<&str> {
    let text = line.strip_prefix("//!")?;
    Some(text.strip_prefix(' ').unwrap_or(text).trim_end())
}

fn listings(source: &Source, files: &mut Files) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut lines = source.raw.iter().enumerate().filter_map(|(n, line)| Some((n, doc(line)?)));
    while let Some((_, line)) = lines.next() {
        if !line.starts_with("```") {
            continue;
        }
        let block: Vec<_> = lines.by_ref().take_while(|(_, line)| !line.starts_with("```")).collect();
        let Some(((at, head), listing)) = block.split_first() else { continue };
        let Some(path) = head.strip_prefix("// ").filter(|path| path.ends_with(".rs") && !path.contains(' '))
        else {
            continue;
        };
        let Some(text) = files.lines(path) else {
            found.push((*at, format!("{path} is not there: quote another file")));
            continue;
        };
        for piece in listing.split(|(_, line)| line.trim() == "…") {
            let Some((first, _)) = piece.first() else { continue };
            let is_there = text.windows(piece.len()).any(|w| w.iter().zip(piece).all(|(a, (_, b))| a == b));
            if !is_there {
                found.push((*first, format!("the listing is not in {path} any more: copy it anew")));
            }
        }
    }
    found
}

fn names(source: &Source, files: &mut Files) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (n, line) in source.raw.iter().enumerate() {
        let Some(line) = doc(line) else { continue };
        for quoted in line.split('`').skip(1).step_by(2) {
            let (path, name) = quoted.split_once(": ").unwrap_or((quoted, ""));
            let is_path = path.ends_with(".rs")
                && path.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '/' | '.' | '-'));
            if !is_path || path.starts_with("ngx_") {
                continue;
            }
            match files.lines(path) {
                None => found.push((n, format!("{path} is not there: name another file"))),
                Some(text) => {
                    for name in name.split(", ").filter(|name| !name.is_empty()) {
                        if !text.iter().any(|line| defines(line, name)) {
                            found.push((n, format!("{path} does not define {name}: name what is there")));
                        }
                    }
                }
            }
        }
    }
    found
}

/// Whether a line of code defines a name: an item, a field, a variant, a directive.
fn defines(line: &str, name: &str) -> bool {
    const KEYWORDS: [&str; 9] =
        ["fn", "struct", "enum", "trait", "type", "const", "static", "mod", "macro_rules!"];
    let line = line.trim();
    if line.starts_with("//") {
        return false;
    }
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let keyed = KEYWORDS.iter().any(|word| {
        let after = line.match_indices(word).filter_map(|(at, _)| line[at + word.len()..].strip_prefix(' '));
        after.filter_map(|rest| rest.strip_prefix(name)).any(ends)
    });
    let bare = line.strip_prefix("pub ").or(line.strip_prefix("pub(super) ")).unwrap_or(line);
    let field =
        bare.strip_prefix(name).is_some_and(|rest| rest.starts_with([':', ',', '(', ' ']) || rest.is_empty());
    keyed || field || line.contains(&format!("\"{name}\""))
}

#[test]
fn definitions_are_told_from_uses() {
    for line in
        ["pub fn next(x: u8) {", "const next: u8 = 1;", "next: u8,", "Next, next", "    pub next: u8,"]
    {
        assert_eq!(defines(line, "next"), line != "Next, next", "{line}");
    }
    assert!(
        !defines("// fn next", "next") && !defines("call(next)", "next") && !defines("fn nexts()", "next")
    );
    assert!(defines("name: \"proxy_next\",", "proxy_next"));
}
