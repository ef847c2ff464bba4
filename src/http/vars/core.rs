//! The built-in variables.
//!
//! *In nginx* the table `ngx_http_core_variables`, 90 getters in one file.
//!
//! *Here* three lists by subject, each a name with one closure: what was asked ([`request`]), over which
//! connection ([`connection`]), what was answered ([`response`]); and the [`families`] (`$arg_…`, `$http_…`).
//! A getter that needs more than a few lines is a function of its own.
//!
//! ```text
//!   "$remote_addr" ─▶ find("remote_addr") ─▶ Definition ─▶ get(x, r, io) ─▶ Some("127.0.0.1") or None
//! ```
//!
//! *Read next*: `modules/mod.rs`, where modules add theirs.

use super::table::Definition;
use crate::buf::{Slice, Texts};
use crate::util::numbers;

mod connection;
mod families;
mod request;
mod response;

pub use connection::{local as local_address, port};
pub use families::FAMILIES;
pub use request::basic_credentials;

/// What the access log writes without going through a variable.
pub mod logged {
    pub use super::request::age;
    pub use super::response::{body_bytes_sent, bytes_sent, status};
}

/// A list of names with their definitions.
type List = Vec<(&'static str, Definition)>;

/// The variables of the core.
pub fn variables() -> List {
    [request::variables(), request::files(), connection::variables(), response::variables()]
        .into_iter()
        .flatten()
        .collect()
}

/// A value that is missing when it has no bytes.
fn some(text: &Slice) -> Option<Slice> {
    (!text.is_empty()).then(|| text.clone())
}

/// Milliseconds as seconds with three decimals.
fn seconds(ms: u64, texts: &mut Texts) -> Slice {
    texts.make(|out| numbers::seconds(out, ms))
}
