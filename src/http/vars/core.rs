//! The built-in variables.
//!
//! *In nginx* the table `ngx_http_core_variables`, 90 getters in one file.
//!
//! *Here* a list of names with one closure each; families (`$arg_…`, `$http_…`) below. A getter
//! that needs more than a few lines is a function of its own.
//!
//! *Read next*: `modules/mod.rs`, where modules add theirs.

use super::table::Definition;

/// The definition of a built-in variable.
pub fn find(name: &[u8]) -> Option<Definition> {
    let wanted = name.to_ascii_lowercase();
    let all = crate::http::modules::builtin_variables();
    all.into_iter().find(|(name, _)| name.as_bytes() == wanted).map(|(_, definition)| definition)
}

/// The variables of the core.
pub fn variables() -> Vec<(&'static str, Definition)> {
    request::variables()
}

pub use request::FAMILIES;

mod request;
