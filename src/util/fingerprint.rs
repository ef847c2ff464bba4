//! A number that stands for settings: equal settings have equal numbers.
//!
//! *In nginx* nothing: whether a connection that was made with other settings would do is not asked.
//!
//! *Here* what connections are told apart by in pools and stores of sessions. The number holds within one
//! process; it is not kept and not sent.
//!
//! ```text
//!   (user, password, database) ─ of ─▶ 0x3c5f… ─▶ a kept connection is used by those with the same number
//! ```
//!
//! *Read next*: `upstream/pool.rs`, where such numbers are put together.

use std::hash::{DefaultHasher, Hash, Hasher};

/// The number of some settings.
pub fn of(settings: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    settings.hash(&mut hasher);
    hasher.finish()
}
