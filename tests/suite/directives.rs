//! The directive tables as a whole: documented, without conflicts, and printed where people look.

use headwater::conf::docs;
use headwater::worker::app::Program;

#[test]
fn every_directive_says_what_it_does() {
    for module in Program::default().registry().modules() {
        for directive in module.directives {
            let doc = directive.doc.trim();
            assert!(doc.len() >= 10 && doc.ends_with('.'), "{}: {doc:?} is no sentence", directive.name);
        }
    }
}

#[test]
fn no_two_modules_claim_a_directive_in_the_same_place() {
    let registry = Program::default().registry();
    assert!(registry.conflicts().is_empty());
}

#[test]
fn the_printed_reference_is_current() {
    let printed = docs::markdown(&Program::default().registry());
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/directives.md");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == printed, "docs/directives.md is not what the tables say: run `make directives`");
}
