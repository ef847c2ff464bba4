//! One function for each rule; the list of them all; what they count.

use super::layers;
use super::source::Source;

/// Longest file, in lines.
const FILE: usize = 600;
/// Longest function, in lines.
const FUNCTION: usize = 70;
/// Longest line, in columns.
const LINE: usize = 110;
/// Shortest essay at the head of a file, in lines.
const ESSAY: usize = 6;
/// How many lines of the whole tree may claim an exception.
pub const EXCEPTIONS: usize = 12;

/// The files that may read a clock.
const CLOCKS: &[&str] = &["src/event/clock.rs", "src/log/clock.rs"];
/// The files that may print: what runs before there is a log.
const PRINTERS: &[&str] = &["src/main.rs", "src/process/args.rs"];
/// The file of the tests that may sleep between two looks.
const SLEEPERS: &[&str] = &["tests/kit/wait.rs"];

/// Says what is wrong with a file, each complaint starting with the line number from 0.
pub type Rule = fn(&Source) -> Vec<(usize, String)>;

/// Every rule, by the name its samples use.
pub const RULES: &[(&str, Rule)] = &[
    ("file length", file_length),
    ("function length", function_length),
    ("line length", line_length),
    ("essay", essay),
    ("unfinished work", unfinished_work),
    ("unsafe", unsafe_code),
    ("panic", panics),
    ("clock", clocks),
    ("slots", slots),
    ("prints", prints),
    ("sleep", sleeps),
    ("layers", layers::layers),
];

/// All complaints about one file, ready to print.
pub fn check(source: &Source) -> Vec<String> {
    let found = RULES.iter().flat_map(|(_, rule)| rule(source));
    found.map(|(line, text)| format!("{}:{}: {text}", source.name, line + 1)).collect()
}

fn in_src(source: &Source) -> bool {
    source.name.starts_with("src/")
}

fn file_length(source: &Source) -> Vec<(usize, String)> {
    let n = source.raw.len();
    let complaint =
        || (FILE, format!("the file has {n} lines, at most {FILE} are allowed: move a subject out"));
    (n > FILE).then(complaint).into_iter().collect()
}

fn function_length(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for f in &source.functions {
        let n = f.last - f.first + 1;
        if n > FUNCTION {
            found.push((
                f.first,
                format!("fn {} has {n} lines, at most {FUNCTION}: give a step a name", f.name),
            ));
        }
    }
    found
}

fn line_length(source: &Source) -> Vec<(usize, String)> {
    // the manual has wide tables, and listings that are four columns further right than their source
    let in_manual = source.name.starts_with("src/manual/");
    let is_row = |line: &str| in_manual && (line.starts_with("//! |") || line.starts_with("//!     "));
    let is_long = |line: &str| line.chars().count() > LINE && !is_row(line);
    let long = source.raw.iter().enumerate().filter(|(_, line)| is_long(line));
    long.map(|(n, line)| (n, format!("{} columns, at most {LINE}: break the line", line.chars().count())))
        .collect()
}

fn essay(source: &Source) -> Vec<(usize, String)> {
    let lines = source.raw.iter().take_while(|line| line.starts_with("//!")).count();
    let least = if source.is_test() { 1 } else { ESSAY };
    let complaint = || {
        let what = "what it is in nginx, what it owns here, what to read next";
        (0, format!("the file opens with {lines} lines of `//!`, at least {least} are needed: say {what}"))
    };
    (lines < least).then(complaint).into_iter().collect()
}

fn unfinished_work(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (n, (code, comment)) in source.code.iter().zip(&source.comments).enumerate() {
        for word in ["TODO", "FIXME", "XXX"] {
            if has_word(code, word) || has_word(comment, word) {
                found.push((
                    n,
                    format!("{word}: finish it, or say what is missing in README.md under limits"),
                ));
            }
        }
    }
    found
}

fn unsafe_code(source: &Source) -> Vec<(usize, String)> {
    if source.name.starts_with("src/sys/") {
        return Vec::new();
    }
    lines_with(&source.code, "unsafe", |_| {
        "unsafe is only for src/sys/: put a safe function there and call it".to_owned()
    })
}

fn panics(source: &Source) -> Vec<(usize, String)> {
    const WAYS: &[&str] = &[".unwrap()", ".expect(", ".unwrap_err()", ".expect_err("];
    const MACROS: &[&str] = &["panic!", "unreachable!", "todo!", "unimplemented!"];
    if source.is_test() || !in_src(source) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (n, line) in source.shipped.iter().enumerate() {
        let method = WAYS.iter().find(|way| line.contains(**way));
        let name =
            MACROS.iter().find(|name| has_word(line, name.trim_end_matches('!')) && line.contains(**name));
        if let Some(way) = method.or(name).filter(|_| !source.is_excepted(n)) {
            let text =
                "return an error or use `let … else`; only a proved exception may say `// tidy: PROOF`";
            found.push((n, format!("{way} may end the worker: {text}")));
        }
    }
    found
}

fn clocks(source: &Source) -> Vec<(usize, String)> {
    if source.is_test() || !in_src(source) || CLOCKS.contains(&source.name.as_str()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for call in ["Instant::now", "SystemTime::now"] {
        found.extend(lines_with(&source.shipped, call, |_| {
            format!("{call} asks the kernel each time: take the time of this turn from {}", CLOCKS[0])
        }));
    }
    found
}

fn slots(source: &Source) -> Vec<(usize, String)> {
    const SLOTS: &[&str] = &["ClientRead::", "ClientWrite::", "PeerRead::", "PeerWrite::"];
    if source.is_test() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (n, line) in source.shipped.iter().enumerate() {
        // alone, or both at once in parentheses
        let is_place = |left: &str| left.ends_with(".read") || left.ends_with(".write");
        let assigned = line.split_once(" = ").filter(|(left, _)| is_place(left.trim_end_matches(')')));
        let is_slot = assigned.is_some_and(|(_, right)| SLOTS.iter().any(|slot| right.contains(slot)));
        let in_swap = source.function_at(n).is_some_and(|f| f.name.starts_with("swap_"));
        if is_slot && !in_swap {
            found.push((
                n,
                "a handler slot is assigned: call its swap_ method, which logs and checks".to_owned(),
            ));
        }
    }
    found
}

fn prints(source: &Source) -> Vec<(usize, String)> {
    if source.is_test() || !in_src(source) {
        return Vec::new();
    }
    let may_print = PRINTERS.contains(&source.name.as_str());
    let mut found = Vec::new();
    for (n, line) in source.shipped.iter().enumerate() {
        for name in ["println", "eprintln", "print", "eprint", "dbg"] {
            let allowed = may_print && name != "dbg";
            if !allowed && has_word(line, name) && line.contains(&format!("{name}!")) {
                found.push((n, format!("{name}! outside the command line: write to the error log instead")));
            }
        }
    }
    found
}

fn sleeps(source: &Source) -> Vec<(usize, String)> {
    if SLEEPERS.contains(&source.name.as_str()) {
        return Vec::new();
    }
    lines_with(&source.code, "thread::sleep", |_| {
        "sleeping hopes for a moment to be long enough: wait for the event (tests/kit/wait.rs)".to_owned()
    })
}

/// A complaint for every line which has this word or path.
fn lines_with(lines: &[String], what: &str, say: impl Fn(&str) -> String) -> Vec<(usize, String)> {
    let hits = lines.iter().enumerate().filter(|(_, line)| has_word(line, what));
    hits.map(|(n, line)| (n, say(line))).collect()
}

/// Whether the line has the word, and not merely a longer word around it.
pub fn has_word(line: &str, word: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_word);
        let after = line[at + word.len()..].chars().next().is_some_and(is_word);
        !before && !after
    })
}
