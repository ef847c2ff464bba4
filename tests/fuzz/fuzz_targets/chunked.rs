//! libFuzzer on chunked bodies.
#![no_main]

#[path = "../../corpus/mod.rs"]
mod corpus;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corpus::targets::run("chunked", bytes));
