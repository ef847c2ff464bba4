//! The rules of the house, as a test.
//!
//! `cargo test --test tidy` reads every source file and complains of what breaks a rule, each complaint
//! with its place and what to do about it. The rules are in `rules.rs` and `layers.rs`, one function each;
//! `source.rs` takes a file apart far enough that a word in a comment or a string is not mistaken for
//! code; `samples.rs` shows every rule a file that breaks it;
//! `manual.rs` compares the manual with what it speaks of. How long protocol modules may be is counted by
//! `scripts/count-modules.sh`.
//!
//! A line that must break a rule against panicking says `// tidy:` and the proof that it cannot happen. There
//! are at most [`rules::EXCEPTIONS`] such lines in the whole tree, so that the way out stays narrow.

mod layers;
mod manual;
mod rules;
mod samples;
mod source;

use std::path::{Path, PathBuf};
use std::process::Command;

use source::Source;

#[test]
fn every_file_follows_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for dir in ["src", "tests", "examples"] {
        collect(&root.join(dir), &mut files);
    }
    assert!(files.len() > 10, "the sources were not found below {root:?}");
    let mut complaints = Vec::new();
    let mut exceptions = 0;
    for path in files {
        let text = std::fs::read_to_string(&path).expect("a readable source file");
        let name = path.strip_prefix(root).expect("a file below the root").display().to_string();
        let source = Source::new(&name, &text);
        exceptions += source.exceptions();
        complaints.extend(rules::check(&source));
        complaints.extend(manual::check(root, &source));
    }
    if exceptions > rules::EXCEPTIONS {
        complaints.push(format!(
            "{exceptions} lines are excepted by `// tidy:`, at most {} may be: find another way for some",
            rules::EXCEPTIONS
        ));
    }
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn no_module_is_longer_than_was_promised() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let counted = Command::new(root.join("scripts/count-modules.sh")).output().expect("a script that runs");
    let (rows, said) = (String::from_utf8_lossy(&counted.stdout), String::from_utf8_lossy(&counted.stderr));
    assert!(counted.status.success() && rows.contains("memcached get"), "{said}");
    let over: Vec<&str> =
        rows.lines().filter(|row| row.split_whitespace().any(|word| word == "over")).collect();
    assert!(
        over.is_empty(),
        "more code lines than the goal, by scripts/count-modules.sh:\n{}",
        over.join("\n")
    );
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}
