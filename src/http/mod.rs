//! The HTTP server: from the first byte of a request to the last byte of its answer.
//!
//! *In nginx* this is `src/http/`: a request is parsed in place, walks through phases, and is answered
//! by a content handler whose output passes through filters.
//!
//! *Here* the same parts have a file each. What only looks at bytes stands in `parse` and knows no
//! socket, no request and no configuration; everything else builds on it.
//!
//! *Read next*: `parse/mod.rs`.

pub mod parse;
