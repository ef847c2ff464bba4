//! Which room of the house may use which: the arrows of ARCHITECTURE.md.
//!
//! A room is a directory (or a file) directly below `src/`. It may use itself and the rooms to its left in
//! [`ORDER`]. A room in [`NARROWER`] may use only what is listed there: protocol modules turn bytes into
//! verdicts and must not come near a socket, whatever else lies to their left.

use super::source::Source;

/// The rooms from the ground up.
const ORDER: &[&str] = &[
    "util", "sys", "parse", "log", "buf", "tls", "conf", "event", "resolver", "balance", "cache", "protocol",
    "http", "modules", "upstream", "admin", "process", "worker",
];

/// Rooms that may use less than their place in the order allows, and what.
const NARROWER: &[(&str, &[&str])] = &[
    // processes run whatever implements their traits, so they need to know nothing of requests
    ("process", &["util", "sys", "log", "buf", "conf", "event"]),
    ("protocol", &["util", "parse", "sys", "buf", "conf"]),
];

/// Files of no room: the front door, and documentation that points everywhere.
const OUTSIDE: &[&str] = &["lib", "main", "manual"];

pub fn layers(source: &Source) -> Vec<(usize, String)> {
    let Some(path) = source.name.strip_prefix("src/").and_then(|p| p.strip_suffix(".rs")) else {
        return Vec::new();
    };
    let module: Vec<&str> = path.split('/').filter(|part| *part != "mod").collect();
    let Some(room) = module.first().copied() else { return Vec::new() };
    if OUTSIDE.contains(&room) || source.is_test() {
        return Vec::new();
    }
    let Some(place) = ORDER.iter().position(|r| *r == room) else {
        return vec![(0, format!("{room} is a new room: give it a place in ORDER of tests/tidy/layers.rs"))];
    };
    let mut found = Vec::new();
    for (line, target) in used_paths(&source.shipped, &module) {
        let to = target.first().map_or("", String::as_str);
        let narrow = NARROWER.iter().find(|(name, _)| *name == room);
        let allowed = match (ORDER.iter().position(|r| *r == to), narrow) {
            _ if to == room => true,
            // not a room: a macro or a name that lib.rs gives to everybody
            (None, _) => !OUTSIDE.contains(&to),
            (Some(_), Some((_, allowed))) => allowed.iter().any(|a| is_below(&target, a)),
            (Some(there), None) => there < place,
        };
        if !allowed {
            let may = narrow.map_or_else(|| ORDER[..place].join(", "), |(_, list)| list.join(", "));
            let advice = "move the code, or pass in a value or a function";
            found.push((
                line,
                format!("{room} must not use crate::{}: it may use {may}; {advice}", target.join("::")),
            ));
        }
    }
    found
}

/// Whether the path `target` is `allowed` or below it.
fn is_below(target: &[String], allowed: &str) -> bool {
    let mut parts = target.iter();
    allowed.split("::").all(|part| parts.next().is_some_and(|p| p == part))
}

/// The paths from the crate's root that the code names, each with its line.
fn used_paths(code: &[String], module: &[&str]) -> Vec<(usize, Vec<String>)> {
    let text = code.join("\n");
    let mut found = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back();
        if before.is_none_or(|c| !c.is_alphanumeric() && c != '_') {
            add(&text, at, at + "crate::".len(), &[], &mut found);
        }
    }
    for (at, _) in text.match_indices("super::") {
        if text[..at].ends_with("super::") {
            continue;
        }
        let ups = text[at..].split("::").take_while(|part| *part == "super").count();
        // the module itself counts: one `super` from http::client::wait is http::client
        if ups >= module.len() {
            add(&text, at, at + ups * "super::".len(), &[], &mut found);
        }
    }
    found
}

/// Adds the path that goes on at `from`, or each path of the group that opens there.
fn add(text: &str, start: usize, from: usize, prefix: &[String], found: &mut Vec<(usize, Vec<String>)>) {
    let line = text[..start].matches('\n').count();
    let rest = &text[from..];
    if !rest.starts_with('{') {
        let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let mut path = prefix.to_vec();
        path.push(name.clone());
        let next = from + name.len();
        // two names decide every rule; what comes deeper does not matter
        if path.len() < 2 && text[next..].starts_with("::") && !name.is_empty() {
            return add(text, start, next + 2, &path, found);
        }
        found.push((line, path));
        return;
    }
    let mut depth = 0;
    let mut item_next = true;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return;
        }
        if depth == 1 && item_next && (c.is_alphanumeric() || c == '_') {
            add(text, start, from + at, prefix, found);
            item_next = false;
        }
        item_next |= depth == 1 && matches!(c, '{' | ',');
    }
}

#[test]
fn paths_are_found_in_every_spelling() {
    let code = "use crate::{buf::page::Page, http::{self, headers}};\n\
                let x = $crate::log::warn();\nsuper::super::event::f();";
    let lines: Vec<String> = code.lines().map(str::to_owned).collect();
    let mut paths: Vec<String> = used_paths(&lines, &["http", "client"])
        .iter()
        .map(|(n, p)| format!("{n} {}", p.join("::")))
        .collect();
    paths.sort();
    assert_eq!(paths, ["0 buf::page", "0 http::headers", "0 http::self", "1 log::warn", "2 event::f"]);
}
