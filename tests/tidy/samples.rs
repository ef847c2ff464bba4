//! Every rule catches a file that breaks it, and lets one pass that only looks so.

use super::rules::RULES;
use super::source::Source;

/// The lines (from 1) the rule complains about.
fn complaints(rule: &str, name: &str, text: &str) -> Vec<usize> {
    let (_, check) = RULES.iter().find(|(r, _)| *r == rule).unwrap_or_else(|| panic!("no rule {rule:?}"));
    check(&Source::new(name, text)).into_iter().map(|(line, _)| line + 1).collect()
}

fn catches(rule: &str, name: &str, text: &str, lines: &[usize]) {
    assert_eq!(complaints(rule, name, text), lines, "{rule} on {name}:\n{text}");
}

fn allows(rule: &str, name: &str, text: &str) {
    catches(rule, name, text, &[]);
}

#[test]
fn long_files_functions_and_lines_are_caught() {
    catches("file length", "src/a.rs", &"x\n".repeat(601), &[601]);
    allows("file length", "src/a.rs", &"x\n".repeat(600));
    let function = |lines: usize| format!("\nfn f() {{\n{}}}\n", "x;\n".repeat(lines - 2));
    catches("function length", "src/a.rs", &function(71), &[2]);
    allows("function length", "src/a.rs", &function(70));
    catches("line length", "src/a.rs", &format!("a\n{}\n", "é".repeat(111)), &[2]);
    allows("line length", "src/a.rs", &"é".repeat(110));
}

#[test]
fn a_missing_essay_is_caught() {
    catches("essay", "src/a.rs", &"//! line\n".repeat(5), &[1]);
    allows("essay", "src/a.rs", &"//! line\n".repeat(6));
    catches("essay", "tests/a.rs", "fn a() {}", &[1]);
    allows("essay", "src/a_tests.rs", "//! one line\n");
}

#[test]
fn unfinished_work_is_caught() {
    catches("unfinished work", "src/a.rs", "// TODO: more\nlet s = \"TODO\";\n/* FIXME */", &[1, 3]);
    allows("unfinished work", "src/a.rs", "// AUTODOC and XXXL are words\n");
}

#[test]
fn unsafe_outside_sys_is_caught() {
    catches("unsafe", "src/buf/a.rs", "// unsafe\nunsafe { f() }", &[2]);
    allows("unsafe", "src/sys/a.rs", "unsafe { f() }");
    allows("unsafe", "src/a.rs", "#![forbid(unsafe_code)]");
}

#[test]
fn panics_are_caught_unless_proved() {
    let text = "x.unwrap();\nx.expect(\"y\");\npanic!();\nx.unwrap_or(1);\n\"panic!\";\n\
                #[cfg(test)]\nmod t { fn f() { x.unwrap() } }";
    catches("panic", "src/a.rs", text, &[1, 2, 3]);
    allows("panic", "src/a_tests.rs", text);
    allows("panic", "src/a.rs", "x.unwrap(); // tidy: the line above pushed an element");
    allows("panic", "src/a.rs", "// tidy: the line above pushed an element\nx.unwrap();");
    catches("panic", "src/a.rs", "x.unwrap(); // tidy: sure", &[1]);
}

#[test]
fn clocks_prints_and_sleeps_are_caught_outside_their_files() {
    catches("clock", "src/http/a.rs", "let t = Instant::now();\nstd::time::SystemTime::now();", &[1, 2]);
    allows("clock", "src/event/clock.rs", "let t = Instant::now();");
    catches("prints", "src/http/a.rs", "println!();\neprintln!();\ndbg!(x);\nwriteln!(f);", &[1, 2, 3]);
    catches("prints", "src/main.rs", "println!();\ndbg!(x);", &[2]);
    catches("sleep", "tests/suite/a.rs", "std::thread::sleep(d);", &[1]);
    allows("sleep", "tests/kit/wait.rs", "std::thread::sleep(d);");
}

#[test]
fn slots_assigned_without_swap_are_caught() {
    let text = "fn f() {\n  u.peer.read = PeerRead::Greet;\n}\n\
                fn swap_read(&mut self) {\n  self.read = PeerRead::Greet;\n}";
    catches("slots", "src/upstream/a.rs", text, &[2]);
    allows(
        "slots",
        "src/upstream/a.rs",
        "fn f() { if u.peer.read == PeerRead::Greet { Peer { read: PeerRead::Greet } } }",
    );
}

#[test]
fn arrows_against_the_layers_are_caught() {
    catches("layers", "src/buf/a.rs", "use crate::util::x;\nuse crate::{sys::a, http::b};", &[2]);
    catches("layers", "src/event/conn.rs", "fn f() { super::super::worker::turn() }", &[1]);
    allows("layers", "src/event/deep/conn.rs", "fn f() { super::super::worker::turn() }");
    catches(
        "layers",
        "src/protocol/redis.rs",
        "use crate::event::Conn;\nuse crate::http::request::R;",
        &[1, 2],
    );
    allows("layers", "src/protocol/redis.rs", "use crate::parse::header;\nuse crate::buf::Input;");
    catches("layers", "src/cellar/a.rs", "", &[1]);
    allows("layers", "src/worker/a.rs", "use crate::{http, process::App};\n// crate::manual::x");
    catches("layers", "src/process/a.rs", "use crate::worker::Worker;\nuse crate::http::Io;", &[1, 2]);
}

#[test]
fn every_rule_has_a_sample() {
    let text = include_str!("samples.rs");
    for (name, _) in RULES {
        assert!(text.contains(&format!("catches(\"{name}\"")), "no sample breaks the rule {name:?}");
    }
}
