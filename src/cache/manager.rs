//! The manager: what deletes files that nobody asks for, and files that are too many.
//!
//! *In nginx* the process "cache manager process" and in it `ngx_http_file_cache_manager`, which looks at
//! every cache at least every ten seconds.
//!
//! *Here* the same, as a [`Manager`] whose [`turn`](Manager::turn) does a stretch of work and says when it
//! wants to be called again. It deletes what was not asked for during `inactive`; then, the least recently
//! used first, what is beyond `max_size`, what `min_free` wants gone, and an eighth of a zone that was
//! full. It does so at the pace of `manager_files`, `manager_threshold` and `manager_sleep`.
//!
//! ```text
//!   turn ─▶ oldest too old? ─▶ delete ─┐        more to do ─▶ again after manager_sleep
//!     └───▶ too much, too full? ───────┴─▶      nothing    ─▶ when the next file is due, 10 s at most
//! ```
//!
//! *Read next*: `records.rs`; `process/helpers.rs`, who runs it.

use super::records::Evicted;
use super::{PathConf, Store};
use crate::event::clock;
use std::rc::Rc;

/// The longest pause, in milliseconds; shorter where files get old sooner.
const LONGEST: u64 = 10_000;
/// The longest pause of a cache whose files get old at once.
const SHORTEST: u64 = 1000;

/// Deletes files of one store.
pub struct Manager {
    store: Rc<Store>,
    due: u64,
}

impl Manager {
    /// A manager whose first turn is at once.
    pub fn new(store: Rc<Store>) -> Manager {
        Manager { store, due: 0 }
    }

    /// When the next turn is due, in milliseconds of the loop's clock.
    pub fn due(&self) -> u64 {
        self.due
    }

    /// Does what there is to do now, within the configured pace.
    pub fn turn(&mut self) {
        let started = clock::now();
        let Some(conf) = self.store.conf() else { return };
        let mut files = 0;
        self.due = loop {
            match self.next(conf) {
                Found::Wait(ms) => {
                    let longest = LONGEST.min(conf.inactive.saturating_mul(1000)).max(SHORTEST);
                    break clock::now().saturating_add(ms.clamp(1, longest));
                }
                Found::Gone(evicted) => self.store.delete(evicted),
            }
            files += 1;
            let elapsed = clock::update().saturating_sub(started);
            if files >= conf.manager.files.max(1) || elapsed >= conf.manager.threshold_ms {
                break clock::now().saturating_add(conf.manager.sleep_ms);
            }
        };
    }

    /// Forgets the oldest record if it has to go.
    fn next(&self, conf: &PathConf) -> Found {
        let Some(records) = self.store.records() else { return Found::Wait(LONGEST) };
        let low = conf.min_free > 0 && self.free_space(conf) <= conf.min_free;
        let _held = records.lock();
        let Some(used) = records.oldest_use() else { return Found::Wait(LONGEST) };
        let left = used.saturating_add(conf.inactive.saturating_mul(1000)).saturating_sub(clock::now());
        let too_much = records.size() >= conf.max_size || records.is_crowded() || low;
        if left > 0 && !too_much {
            return Found::Wait(left);
        }
        records.evict_oldest().map_or(Found::Wait(LONGEST), Found::Gone)
    }

    /// What is free in the file system; everything if it does not say.
    fn free_space(&self, conf: &PathConf) -> u64 {
        crate::sys::file::space(&conf.folder).map_or(u64::MAX, |(_, free)| free)
    }
}

enum Found {
    Gone(Evicted),
    /// Nothing for so many milliseconds.
    Wait(u64),
}
