//! libFuzzer on queries with variables.
#![no_main]

#[path = "../../corpus/mod.rs"]
mod corpus;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corpus::targets::run("sql", bytes));
