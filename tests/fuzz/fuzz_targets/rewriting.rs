//! libFuzzer on redirects and cookies of peers.
#![no_main]

#[path = "../../corpus/mod.rs"]
mod corpus;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corpus::targets::run("rewriting", bytes));
