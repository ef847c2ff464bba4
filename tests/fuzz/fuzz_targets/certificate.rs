//! libFuzzer on certificates and lists of revoked ones.
#![no_main]

#[path = "../../corpus/mod.rs"]
mod corpus;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| corpus::targets::run("certificate", bytes));
