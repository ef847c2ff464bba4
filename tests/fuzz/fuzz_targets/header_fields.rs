//! libFuzzer on the fields of a head, and what they say of a body.
#![no_main]

#[path = "../../corpus/mod.rs"]
mod corpus;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corpus::targets::run("header_fields", bytes));
