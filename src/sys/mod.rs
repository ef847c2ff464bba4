//! The only unsafe room of the house: what the kernel and the allocator want to be told in raw pointers.
//!
//! *In nginx* this is `src/os/unix` plus the pool allocator: thin functions over system calls, spread over
//! forty files by operating system. Linux is the only one here, so one file per subject is enough.
//!
//! *Here* each file wraps one kind of call in a safe function or type and explains, at each `unsafe`, why
//! the call is sound. Nothing in this room knows what the bytes mean: no HTTP, no configuration, no events.
//! Everything above it is written in safe Rust, and `tests/tidy.rs` keeps it so.
//!
//! *Read next*: `page.rs` for the memory that moves through the proxy, `socket.rs` for the calls that move
//! it.

pub mod counting;
pub mod crypt;
pub mod file;
pub mod inherit;
pub mod lanes;
pub mod limits;
pub mod page;
pub mod process;
pub mod random;
pub mod signal;
pub mod socket;
pub mod socket_options;
pub mod splice;
pub mod steering;
pub mod table;
pub mod time;
pub mod title;
pub mod user;
pub mod words;
