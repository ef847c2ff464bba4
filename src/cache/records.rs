//! The index: what is known of each key, in memory that all workers share.
//!
//! *In nginx* `ngx_http_file_cache_node_t`, in a red-black tree for finding and a queue for forgetting, with
//! a count of the requests that use it.
//!
//! *Here* an entry of [`Table`], 128 bytes with its place in the table, so that a megabyte has about 8000 of
//! them. Nobody is counted: a record may go while its file is being sent, and what a request learns later
//! makes it again. A zone that is full forgets the key that was not used for the longest time, and its file.
//!
//! ```text
//!   own words  [size of all files][loaded?][loader][stamps][full?][text of the path …]
//!   values     [uses][bytes][state][valid until][locked by][locked at][used at][– – –]
//! ```
//!
//! A lock belongs to one request ([`Lock`]) and is given back when that is dropped. It is void when it is too
//! old, and when the process of its owner is gone.
//!
//! *Read next*: `sys/table.rs`.

use super::{Key, Store};
use crate::log::clock;
use crate::sys::process;
use crate::sys::table::{Entry, Hash, Shape, Table};
use crate::sys::words::{Guard, is_alive};
use std::rc::Rc;

/// The table's own words and ours fill one page: `8 + 504` words.
const SHAPE: Shape = Shape { own: 504, values: 10 };

/// Bytes of all files, in blocks.
const SIZE: usize = 0;
/// 1 when the loader has been through.
const LOADED: usize = 1;
/// The process of the loader that is at work.
const LOADER: usize = 2;
/// How many locks were given out.
const STAMPS: usize = 3;
/// 1 when the zone was full some time.
const FULL: usize = 4;
/// The length of the text that follows, in bytes.
const TEXT: usize = 5;

const USES: usize = 0;
const BYTES: usize = 1;
const STATE: usize = 2;
const VALID: usize = 3;
const OWNER: usize = 4;
const LOCKED_AT: usize = 5;
const USED_AT: usize = 6;

/// Of STATE: there is a file. The bits above the lowest sixteen are a remembered status.
const EXISTS: u64 = 1;
const STATUS: u32 = 16;

/// Of a stamp: the process above, a number below.
const PROCESS: u32 = 40;

/// What the index knows of a key when a request comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// A file is likely to be there: open it. Also true of everything while the loader has not been through.
    pub may_exist: bool,
    /// The index knows of a file, whether or not the loader has been through.
    pub exists: bool,
    /// The key was asked for as often as `NAME_cache_min_uses` wants, this time included.
    pub uses_reached: bool,
    /// Somebody is fetching it.
    pub updating: bool,
    /// Until when the remembered status holds, or the file when it was stored; seconds since 1970, 0 if
    /// unknown.
    pub valid_until: u64,
    /// The status of an answer that is kept without a file and still holds; 0 for none.
    pub remembered_status: u16,
}

/// The right to fetch a reply for all workers. Given back when dropped.
#[must_use]
#[derive(Debug)]
pub struct Lock {
    store: Rc<Store>,
    key: Key,
    stamp: u64,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let Some(records) = self.store.records() else { return };
        let _held = records.lock();
        if let Some(entry) = records.find(&self.key)
            && records.table.value(entry, OWNER) == self.stamp
        {
            records.table.set_value(entry, OWNER, 0);
        }
    }
}

/// What to do with a file that the index has just forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// Its key.
    pub key: Key,
    /// Whether there is a file to be deleted.
    pub exists: bool,
}

/// The records of a store.
pub struct Records<'a> {
    table: Table<'a>,
}

fn hash(key: &Key) -> Hash {
    let number = u128::from_be_bytes(key.bytes());
    ((number >> 64) as u64, number as u64)
}

fn unhash((high, low): Hash) -> Key {
    Key::from_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}

impl Records<'_> {
    /// Keeps others away; sums are made anew after one who died inside.
    pub fn lock(&self) -> Guard {
        self.table.lock_or_repair(|table| {
            let size = table.entries().fold(0u64, |sum, entry| sum.saturating_add(table.value(entry, BYTES)));
            table.set_own(SIZE, size);
        })
    }

    fn find(&self, key: &Key) -> Option<Entry> {
        self.table.find(hash(key))
    }

    /// The record of a key, made if there is none; the second is what had to go for it. None only in a zone
    /// too small for any record.
    fn make(&self, key: &Key) -> Option<(Entry, Option<Evicted>)> {
        if let Some(entry) = self.find(key) {
            return Some((entry, None));
        }
        if let Some(entry) = self.table.insert(hash(key)) {
            return Some((entry, None));
        }
        self.table.set_own(FULL, 1);
        let evicted = self.evict_oldest();
        Some((self.table.insert(hash(key))?, evicted))
    }

    /// Forgets the record that was not used for the longest time.
    pub fn evict_oldest(&self) -> Option<Evicted> {
        let entry = self.table.oldest()?;
        let evicted = Evicted {
            key: unhash(self.table.key(entry)),
            exists: self.table.value(entry, STATE) & EXISTS != 0,
        };
        self.resize(entry, 0);
        self.table.remove(entry);
        Some(evicted)
    }

    /// When the oldest record was used last, in milliseconds of the loop's clock.
    pub fn oldest_use(&self) -> Option<u64> {
        self.table.oldest().map(|entry| self.table.value(entry, USED_AT))
    }

    fn resize(&self, entry: Entry, bytes: u64) {
        let others = self.table.own(SIZE).saturating_sub(self.table.value(entry, BYTES));
        self.table.set_value(entry, BYTES, bytes);
        self.table.set_own(SIZE, others.saturating_add(bytes));
    }

    fn used(&self, entry: Entry, now: u64) {
        self.table.touch(entry);
        self.table.set_value(entry, USED_AT, now);
    }

    fn is_locked(&self, entry: Entry, age_ms: u64, now: u64) -> bool {
        let owner = self.table.value(entry, OWNER);
        let age = now.saturating_sub(self.table.value(entry, LOCKED_AT));
        owner != 0 && age < age_ms && is_alive(owner >> PROCESS)
    }

    /// Bytes of all files, in whole blocks.
    pub fn size(&self) -> u64 {
        self.table.own(SIZE)
    }

    /// How many keys there are.
    pub fn count(&self) -> u64 {
        self.table.used()
    }

    /// Whether the zone has been full, and has less than an eighth of it free again.
    pub fn is_crowded(&self) -> bool {
        let capacity = self.table.capacity() as u64;
        self.table.own(FULL) != 0 && self.count() > capacity - capacity / 8
    }

    /// Whether the loader has not been through.
    pub fn is_cold(&self) -> bool {
        self.table.own(LOADED) == 0
    }

    /// Becomes the loader, unless there is one or its work is done.
    pub fn start_loading(&self) -> bool {
        let _held = self.lock();
        let other = self.table.own(LOADER);
        let own = u64::from(process::id());
        let free = self.is_cold() && (other == 0 || other == own || !is_alive(other));
        if free {
            self.table.set_own(LOADER, own);
        }
        free
    }

    /// Puts another process in the place of the loader.
    #[cfg(test)]
    pub fn set_loader(&self, process: u64) {
        self.table.set_own(LOADER, process);
    }

    /// Makes another process the owner of a key's lock.
    #[cfg(test)]
    pub fn give_lock(&self, key: &Key, process: u64) {
        if let Some(entry) = self.find(key) {
            self.table.set_value(entry, OWNER, process << PROCESS | 1);
        }
    }

    /// The loader has been through.
    pub fn loaded(&self) {
        let _held = self.lock();
        self.table.set_own(LOADED, 1);
        self.table.set_own(LOADER, 0);
    }

    /// Writes down whose files these are, in a zone that is new; gives back what an earlier configuration
    /// wrote.
    pub fn claim(&self, text: &[u8]) -> Option<Vec<u8>> {
        let _held = self.lock();
        // Of a path longer than the page has room for, the end decides.
        let text = text.get(text.len().saturating_sub((SHAPE.own - TEXT - 1) * 8)..).unwrap_or_default();
        let len = usize::try_from(self.table.own(TEXT)).unwrap_or(0);
        if len == 0 {
            for (at, part) in text.chunks(8).enumerate() {
                let mut word = [0; 8];
                word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
                self.table.set_own(TEXT + 1 + at, u64::from_le_bytes(word));
            }
            self.table.set_own(TEXT, text.len() as u64);
            return None;
        }
        let words = (TEXT + 1..SHAPE.own).flat_map(|at| self.table.own(at).to_le_bytes());
        Some(words.take(len).collect())
    }
}

impl Store {
    /// The records; None before the zone has its memory.
    pub(super) fn records(&self) -> Option<Records<'_>> {
        Some(Records { table: Table::new(self.zone.memory()?, SHAPE) })
    }

    /// Does something with the record of a key, made if there is none.
    fn with<T>(&self, key: &Key, work: impl FnOnce(&Records, Entry) -> T) -> Option<T> {
        let records = self.records()?;
        let held = records.lock();
        let (entry, evicted) = records.make(key)?;
        let done = work(&records, entry);
        // Deleting a file takes its time: not while others wait.
        drop(held);
        evicted.into_iter().for_each(|evicted| self.delete(evicted));
        Some(done)
    }

    /// A request for this key came, at `now` milliseconds of the loop's clock: counts it, and says what
    /// is known.
    pub fn touch(&self, key: &Key, min_uses: u64, now: u64) -> Touched {
        let touched = self.with(key, |records, entry| {
            let table = &records.table;
            let uses = table.value(entry, USES).saturating_add(1);
            table.set_value(entry, USES, uses);
            records.used(entry, now);
            let (mut state, mut valid_until) = (table.value(entry, STATE), table.value(entry, VALID));
            if state >> STATUS != 0 && valid_until < seconds() {
                (state, valid_until) = (state & EXISTS, 0);
                table.set_value(entry, STATE, state);
                table.set_value(entry, VALID, 0);
            }
            let exists = state & EXISTS != 0;
            Touched {
                may_exist: exists || records.is_cold(),
                exists,
                uses_reached: uses >= min_uses,
                updating: records.is_locked(entry, u64::MAX, now),
                valid_until,
                remembered_status: u16::try_from(state >> STATUS).unwrap_or(0),
            }
        });
        touched.unwrap_or_default()
    }

    /// Asks to be the one who fetches the reply to this key, among all workers. None if somebody else is, and
    /// has been for less than `age_ms` milliseconds.
    pub fn lock(self: &Rc<Self>, key: &Key, age_ms: u64, now: u64) -> Option<Lock> {
        let stamp = self.with(key, |records, entry| {
            if records.is_locked(entry, age_ms, now) {
                return None;
            }
            let table = &records.table;
            let number = table.own(STAMPS).wrapping_add(1);
            table.set_own(STAMPS, number);
            let stamp = u64::from(process::id()) << PROCESS | number & ((1 << PROCESS) - 1);
            table.set_value(entry, OWNER, stamp);
            table.set_value(entry, LOCKED_AT, now);
            Some(stamp)
        });
        // Without memory nobody can be asked to wait.
        let stamp = stamp.unwrap_or(Some(0))?;
        Some(Lock { store: self.clone(), key: *key, stamp })
    }

    /// A file of so many bytes is in its place, put there or found by its opener. `valid_until` is in seconds
    /// since 1970.
    pub fn stored(&self, key: &Key, file_bytes: u64, valid_until: u64) {
        let block = self.block_size();
        let bytes = file_bytes.max(1).checked_next_multiple_of(block).unwrap_or(file_bytes);
        self.with(key, |records, entry| {
            records.resize(entry, bytes);
            records.table.set_value(entry, STATE, EXISTS);
            records.table.set_value(entry, VALID, valid_until);
            records.used(entry, crate::event::clock::now());
        });
    }

    /// The loader found a file: what is known of it already is better.
    pub(super) fn found(&self, key: &Key, file_bytes: u64) {
        let Some(records) = self.records() else { return };
        let known = {
            let _held = records.lock();
            records.find(key).is_some_and(|entry| records.table.value(entry, STATE) & EXISTS != 0)
        };
        if !known {
            self.stored(key, file_bytes, 0);
        }
    }

    /// Keeps an answer without a file until `valid_until`, seconds since 1970.
    pub fn remember(&self, key: &Key, status: u16, valid_until: u64) {
        self.with(key, |records, entry| {
            let exists = records.table.value(entry, STATE) & EXISTS;
            records.table.set_value(entry, STATE, u64::from(status) << STATUS | exists);
            records.table.set_value(entry, VALID, valid_until);
        });
    }

    /// The file is gone, or was found bad and deleted. How often the key was asked for is not forgotten.
    pub fn forget(&self, key: &Key) {
        let Some(records) = self.records() else { return };
        let _held = records.lock();
        if let Some(entry) = records.find(key) {
            records.resize(entry, 0);
            records.table.set_value(entry, STATE, 0);
            records.table.set_value(entry, VALID, 0);
        }
    }
}

fn seconds() -> u64 {
    u64::try_from(clock::seconds()).unwrap_or(0)
}
