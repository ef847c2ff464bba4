//! What `stub_status` shows.
//!
//! *In nginx* seven atomics in shared memory (`ngx_stat_accepted` …), so that any worker can answer for all.
//!
//! *Here* the same, behind a trait-free struct of atomics: the process room may place it in shared
//! memory before it forks, a single worker just owns it.
//!
//! *Read next*: `modules/stub_status.rs`.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of all workers together.
#[derive(Debug, Default)]
#[repr(C)]
pub struct Counters {
    /// Connections accepted.
    pub accepted: AtomicU64,
    /// Of these, taken in service.
    pub handled: AtomicU64,
    /// Requests begun.
    pub requests: AtomicU64,
    /// Client connections now.
    pub active: AtomicU64,
    /// Of these, reading a request head.
    pub reading: AtomicU64,
    /// Of these, being answered.
    pub writing: AtomicU64,
    /// Of these, idle.
    pub waiting: AtomicU64,
}

/// Adds one.
pub fn up(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Takes one away.
pub fn down(counter: &AtomicU64) {
    counter.fetch_sub(1, Ordering::Relaxed);
}

/// The value.
pub fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
