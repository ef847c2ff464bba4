//! The processes beside the workers: who keeps the caches within their bounds.
//!
//! *In nginx* `ngx_start_cache_manager_processes`: a manager and a loader for all caches together, if there
//! is any; the loader begins a minute after the start, when the server has other things behind it.
//!
//! *Here* the same two, as helpers that call the stores' managers and loaders one after the other.
//!
//! ```text
//!   cache manager process   every store whose turn is due ─▶ sleep until the next is
//!   cache loader process    60 s ─▶ the first store ─▶ the second ─▶ … ─▶ exit
//! ```
//!
//! *Read next*: `cache/manager.rs`, `cache/loader.rs`, `process/helper.rs`.

use crate::cache::Store;
use crate::cache::loader::Loader;
use crate::cache::manager::Manager;
use crate::event::clock;
use crate::process::helper::{Duty, Helper};
use std::rc::Rc;

static MANAGER: Duty = Duty { name: "cache manager process", lasting: true };
static LOADER: Duty = Duty { name: "cache loader process", lasting: false };

/// How long after the start the loader begins, in milliseconds.
const LOADER_DELAY: u64 = 60_000;

/// The helpers that these stores need.
pub fn of(stores: &[Rc<Store>]) -> Vec<Helper> {
    if stores.is_empty() {
        return Vec::new();
    }
    let mut managers: Vec<Manager> = stores.iter().cloned().map(Manager::new).collect();
    let manage = move || {
        for manager in &mut managers {
            if manager.due() <= clock::now() {
                manager.turn();
            }
        }
        let next = managers.iter().map(Manager::due).min()?;
        Some(next.saturating_sub(clock::now()))
    };
    let mut loaders: Vec<Loader> = stores.iter().rev().cloned().map(Loader::new).collect();
    let load = move || {
        while let Some(loader) = loaders.last_mut() {
            if let Some(sleep_ms) = loader.turn() {
                return Some(sleep_ms);
            }
            loaders.pop();
        }
        None
    };
    vec![
        Helper { duty: &MANAGER, delay_ms: 0, turn: Box::new(manage) },
        Helper { duty: &LOADER, delay_ms: LOADER_DELAY, turn: Box::new(load) },
    ]
}
