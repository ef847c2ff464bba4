//! What the manual shows of a run is what a run shows.

use crate::kit::server::is_headwater;
use crate::kit::{Origin, Port, Server, http};

const CHAPTER: &str = include_str!("../../src/manual/one_turn.rs");

/// The lines of all fenced blocks of one kind, in order.
fn blocks(kind: &str) -> Vec<&'static str> {
    let mut lines =
        CHAPTER.lines().filter_map(|line| line.strip_prefix("//!")).map(|l| l.strip_prefix(' ').unwrap_or(l));
    let mut found = Vec::new();
    while lines.any(|line| line == format!("```{kind}")) {
        found.extend(lines.by_ref().take_while(|line| *line != "```"));
    }
    found
}

#[test]
fn the_log_of_the_chapter_one_turn_is_that_of_a_run() {
    if !is_headwater() {
        return;
    }
    let (origin, nobody) = (Origin::always(http::ok("hello")), Port::take());
    let conf = blocks("nginx").join("\n").replace("127.0.0.1:8080", "127.0.0.1:%%PORT_0%%");
    let conf = conf.replace("8081", "%%NOBODY%%").replace("127.0.0.1:8082", "%%ORIGIN%%");
    let setup = Server::conf(&conf).with("NOBODY", nobody.number()).with("ORIGIN", origin.addr());
    let s = setup.start();
    assert_eq!(s.get("/").text(), "hello");
    s.wait_for_line("debug.log", "hold -Main: none");
    let log = s.read_file("debug.log");
    let begins = log.lines().skip_while(|line| !line.contains("hold +Main"));
    let mut seen = Vec::new();
    for line in begins {
        // the date, the level, the process, the text
        let mut parts = line.splitn(5, ' ');
        let (level, text) = (parts.nth(2).unwrap_or(""), parts.nth(1).unwrap_or(""));
        seen.push(format!("{level} {text}"));
        if line.ends_with("hold -Main: none") {
            break;
        }
    }
    let told = blocks("log");
    let same = |told: &&str, seen: &String| match told.strip_suffix('…') {
        Some(start) => seen.starts_with(start),
        None => seen == told,
    };
    let equal = told.len() == seen.len() && told.iter().zip(&seen).all(|(told, seen)| same(told, seen));
    assert!(equal, "src/manual/one_turn.rs should show\n{}\nbut shows\n{}", seen.join("\n"), told.join("\n"));
}
