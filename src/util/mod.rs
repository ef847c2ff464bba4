//! Small things that every room may use and that know nothing of any of them.
//!
//! *In nginx* `src/core` holds such things beside the heart of the server; here the heart has
//! rooms of its own.
//!
//! *Here* only values and pure functions: an address, the nearest of many words, and what else is too small
//! for a room of its own. No I/O, no events, no configuration.
//!
//! *Read next*: `address.rs`, `nearest.rs`.

pub mod address;
pub mod base64;
pub mod cidr;
pub mod fingerprint;
pub mod fold;
pub mod hostnames;
pub mod lists;
pub mod murmur;
pub mod nearest;
pub mod numbers;
pub mod proxy_protocol;
pub mod regex;
pub mod swar;
pub mod version;
