//! The manual: how an event-driven proxy works, told along the code of this one.
//!
//! *In nginx* such things are in a development guide beside the sources, and in the heads of those who
//! have read them.
//!
//! *Here* they are modules without code. So they stand where the code stands, every link in them is
//! checked when the documentation is built (`make manual`), and listings, tables and log lines are
//! compared with the source by tests: what you read is what runs.
//!
//! You should know some Rust and have seen a socket: `bind`, `accept`, `recv`, `send`. You need not know
//! nginx. Where its names help those who do, they are given.
//!
//! | chapter | it answers |
//! | --- | --- |
//! | [`tour`] | What is there, who owns what, and in which order do I read it? |
//! | [`one_turn`] | What happens when a request comes? Every step of one, with the log. |
//! | [`slots`] | How does the program know what to do next? |
//! | [`holds`] | Who keeps a request alive, and who frees it? |
//! | [`relay_modes`] | How does a body get from one connection to the other? |
//! | [`tls`] | What is different when bytes are encrypted, and why does nobody notice? |
//! | [`caching`] | What is kept, where, and what happens when a process dies over it? |
//! | [`writing_a_module`] | How do I teach it another protocol? |
//! | [`debugging`] | It does not do what I think. How do I find out why? |
//! | [`from_nginx`] | I know nginx. Where is what I know? |
//! | [`glossary`] | What does that word mean here? |
//!
//! Read the first two in this order, with the source open beside them. The others wait until you need
//! them.
//!
//! *Read next*: [`tour`].

// listings are pieces of files, and a piece need not be a whole item
#![allow(rustdoc::invalid_rust_codeblocks)]

pub mod caching;
pub mod debugging;
pub mod from_nginx;
pub mod glossary;
pub mod holds;
pub mod one_turn;
pub mod relay_modes;
pub mod slots;
pub mod tls;
pub mod tour;
pub mod writing_a_module;
