//! Memory that moves: from a socket, through filters, to a socket, without being copied on the way.
//!
//! *In nginx* this is `ngx_buf_t` and `ngx_chain_t` with their flags (`memory`, `in_file`, `flush`,
//! `last_buf`, `sync`, `recycled`, …) and the `busy`/`free` lists that modules keep to find out when memory
//! may be used again.
//!
//! *Here* memory is counted (`sys/page.rs`), so "may it be used again" is a question the type answers. What
//! is left is small: [`Page`] is written by a `recv`, [`Slice`]s of it travel, a [`Chain`] is a row of
//! slices and file ranges on its way out, [`TempFile`] is where a body goes that memory should not hold.
//!
//! ```text
//!   recv ──▶ Page ──slice──▶ Chain ──filters──▶ Chain ──▶ sendmsg / sendfile
//! ```
//!
//! This room knows nothing of events, HTTP or configuration.
//!
//! *Read next*: `chain.rs`.

pub mod chain;
pub mod temp_file;
pub mod texts;
pub mod writer;

pub use crate::sys::page::{Page, Slice};
pub use chain::{Chain, FileRange, Piece};
pub use temp_file::TempFile;
pub use texts::Texts;
pub use writer::Writer;
