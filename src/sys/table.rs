//! A table in shared memory: what is known of each key, and which was used last.
//!
//! *In nginx* a red-black tree and a queue in a slab pool, once for `limit_req`, once more for `limit_conn`
//! and again for the cache, each with structs and pointers of its own.
//!
//! *Here* one table for all of them, made of the words of a zone. A key is 128 bits, so that entries have one
//! size; where it lies in the table depends on a secret of the zone, so that nobody can choose keys that
//! meet. Links are numbers of entries: whatever a process may have left there when it was killed, a walk
//! ends, a number beyond the end reads as nothing, and who takes the lock after it builds the links anew.
//!
//! ```text
//!   words  [lock secret secret made newest oldest free used][the owner's …][bucket …][entry …]
//!   entry  [hash hash next-in-bucket newer older][value …]
//! ```
//!
//! The caller holds the lock ([`Table::lock`]) around what belongs together.
//!
//! *Read next*: `words.rs`; `modules/limits/` and `cache/records.rs`, who keep things here.

use super::words::{Guard, Words};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::{BuildHasher, Hasher, RandomState};

const LOCK: usize = 0;
const SECRET: usize = 1;
const MADE: usize = 3;
const NEWEST: usize = 4;
const OLDEST: usize = 5;
const FREE: usize = 6;
const USED: usize = 7;
const HEADER: usize = 8;

const HASH: usize = 0;
const NEXT: usize = 2;
const NEWER: usize = 3;
const OLDER: usize = 4;
const VALUE: usize = 5;

/// A key, or its hash.
pub type Hash = (u64, u64);

/// The number of an entry, counted from 1: 0 is the end of every list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(u64);

/// How the words are divided. Whoever shares a zone must agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Words of the owner's own, in front of the table.
    pub own: usize,
    /// Values of an entry.
    pub values: usize,
}

/// A table over the words of a zone.
#[derive(Debug)]
pub struct Table<'a> {
    words: &'a Words,
    shape: Shape,
    count: usize,
}

impl<'a> Table<'a> {
    /// The table of these words, which is made when they are all zero.
    pub fn new(words: &'a Words, shape: Shape) -> Table<'a> {
        let room = words.all().len().saturating_sub(HEADER).saturating_sub(shape.own);
        // Each entry has a bucket: as many lists as there can be keys.
        let count = room / shape.values.saturating_add(VALUE + 1);
        let table = Table { words, shape, count };
        if words.get(MADE) == 0 {
            let _held = table.lock();
            table.make();
        }
        table
    }

    fn make(&self) {
        // Another worker may have come first.
        if self.words.get(MADE) != 0 {
            return;
        }
        for at in [SECRET, SECRET + 1] {
            self.words.set(at, RandomState::new().build_hasher().finish());
        }
        self.rebuild();
        self.words.set(MADE, 1);
    }

    /// Keeps other processes away until dropped.
    pub fn lock(&self) -> Guard {
        self.lock_or_repair(|_| ())
    }

    /// The same; `repair` is called when a process died inside the lock and the links were built anew, to
    /// put right what the owner has in its own words.
    pub fn lock_or_repair(&self, repair: impl FnOnce(&Table)) -> Guard {
        let held = self.words.lock(LOCK);
        if held.is_from_the_dead() && self.words.get(MADE) != 0 {
            self.rebuild();
            repair(self);
        }
        held
    }

    /// How many entries there can be.
    pub fn capacity(&self) -> usize {
        self.count
    }

    /// How many entries there are.
    pub fn used(&self) -> u64 {
        self.words.get(USED)
    }

    /// One of the owner's words; 0 beyond them.
    pub fn own(&self, at: usize) -> u64 {
        if at < self.shape.own { self.words.get(HEADER.saturating_add(at)) } else { 0 }
    }

    /// Changes one of the owner's words.
    pub fn set_own(&self, at: usize, value: u64) {
        if at < self.shape.own {
            self.words.set(HEADER.saturating_add(at), value);
        }
    }

    /// The hash of a key of any length, which nobody can foretell.
    pub fn hash(&self, key: &[u8]) -> Hash {
        let mut hasher = SipHasher13::new_with_keys(self.words.get(SECRET), self.words.get(SECRET + 1));
        hasher.write(key);
        let hash = hasher.finish128();
        (hash.h1, hash.h2)
    }

    fn word(&self, entry: Entry, field: usize) -> Option<usize> {
        let number = usize::try_from(entry.0.checked_sub(1)?).ok().filter(|number| *number < self.count)?;
        let size = VALUE.saturating_add(self.shape.values);
        Some(self.buckets() + self.count + number * size + field)
    }

    /// Where the buckets begin.
    fn buckets(&self) -> usize {
        HEADER.saturating_add(self.shape.own)
    }

    fn get(&self, entry: Entry, field: usize) -> u64 {
        self.word(entry, field).map_or(0, |at| self.words.get(at))
    }

    fn set(&self, entry: Entry, field: usize, value: u64) {
        if let Some(at) = self.word(entry, field) {
            self.words.set(at, value);
        }
    }

    fn bucket(&self, hash: Hash) -> usize {
        // A key may be somebody's choice (an MD5 that can be worked out beforehand): the secret factor
        // decides which keys meet.
        let mixed = (hash.0 ^ hash.1.rotate_left(32)).wrapping_mul(self.words.get(SECRET) | 1);
        let high = (mixed ^ self.words.get(SECRET + 1)) >> 24;
        self.buckets() + (high % self.count.max(1) as u64) as usize
    }

    /// The key of an entry.
    pub fn key(&self, entry: Entry) -> Hash {
        (self.get(entry, HASH), self.get(entry, HASH + 1))
    }

    /// One of an entry's values; 0 if it has fewer.
    pub fn value(&self, entry: Entry, which: usize) -> u64 {
        if which < self.shape.values { self.get(entry, VALUE + which) } else { 0 }
    }

    /// Changes one of an entry's values.
    pub fn set_value(&self, entry: Entry, which: usize, value: u64) {
        if which < self.shape.values {
            self.set(entry, VALUE + which, value);
        }
    }

    /// The entry of a key.
    pub fn find(&self, hash: Hash) -> Option<Entry> {
        let mut entry = Entry(self.words.get(self.bucket(hash)));
        for _ in 0..self.count {
            if entry.0 == 0 {
                return None;
            }
            if self.key(entry) == hash {
                return Some(entry);
            }
            entry = Entry(self.get(entry, NEXT));
        }
        None
    }

    /// A new entry for a key that has none, with all values zero. None when there is no room.
    pub fn insert(&self, hash: Hash) -> Option<Entry> {
        let entry = Entry(self.words.get(FREE));
        self.word(entry, 0)?;
        self.words.set(FREE, self.get(entry, NEXT));
        for which in 0..self.shape.values {
            self.set_value(entry, which, 0);
        }
        self.set(entry, HASH, hash.0);
        self.set(entry, HASH + 1, hash.1);
        self.link(entry);
        Some(entry)
    }

    /// Puts an entry with a key into its bucket and in front of all others.
    fn link(&self, entry: Entry) {
        let bucket = self.bucket(self.key(entry));
        self.set(entry, NEXT, self.words.get(bucket));
        self.words.set(bucket, entry.0);
        self.push_newest(entry);
        self.words.set(USED, self.words.get(USED).saturating_add(1));
    }

    /// Forgets an entry.
    pub fn remove(&self, entry: Entry) {
        let next = self.get(entry, NEXT);
        let head = self.bucket(self.key(entry));
        if self.words.get(head) == entry.0 {
            self.words.set(head, next);
        } else {
            let mut before = Entry(self.words.get(head));
            for _ in 0..self.count {
                if self.get(before, NEXT) == entry.0 {
                    self.set(before, NEXT, next);
                    break;
                }
                before = Entry(self.get(before, NEXT));
            }
        }
        self.unlink(entry);
        self.words.set(USED, self.words.get(USED).saturating_sub(1));
        self.free(entry);
    }

    fn free(&self, entry: Entry) {
        self.set(entry, HASH, 0);
        self.set(entry, HASH + 1, 0);
        self.set(entry, NEXT, self.words.get(FREE));
        self.words.set(FREE, entry.0);
    }

    /// The entry has just been used.
    pub fn touch(&self, entry: Entry) {
        if self.words.get(NEWEST) != entry.0 {
            self.unlink(entry);
            self.push_newest(entry);
        }
    }

    /// The entry that was not used for the longest time.
    pub fn oldest(&self) -> Option<Entry> {
        Some(Entry(self.words.get(OLDEST))).filter(|entry| self.word(*entry, 0).is_some())
    }

    /// All entries, the one that was used last first.
    pub fn entries(&self) -> impl Iterator<Item = Entry> {
        let at = |number| Some(Entry(number)).filter(|entry| self.word(*entry, 0).is_some());
        let first = at(self.words.get(NEWEST));
        std::iter::successors(first, move |entry| at(self.get(*entry, OLDER))).take(self.count)
    }

    fn push_newest(&self, entry: Entry) {
        let second = self.words.get(NEWEST);
        self.set(entry, NEWER, 0);
        self.set(entry, OLDER, second);
        self.set(Entry(second), NEWER, entry.0);
        self.words.set(NEWEST, entry.0);
        if second == 0 {
            self.words.set(OLDEST, entry.0);
        }
    }

    fn unlink(&self, entry: Entry) {
        let (newer, older) = (self.get(entry, NEWER), self.get(entry, OLDER));
        match newer {
            0 => self.words.set(NEWEST, older),
            newer => self.set(Entry(newer), OLDER, older),
        }
        match older {
            0 => self.words.set(OLDEST, newer),
            older => self.set(Entry(older), NEWER, newer),
        }
    }

    /// Makes all links from the keys alone, and from what is left of the order of use.
    fn rebuild(&self) {
        let mut seen = vec![false; self.count];
        let mut mark = |entry: Entry| {
            let number = usize::try_from(entry.0.wrapping_sub(1)).unwrap_or(usize::MAX);
            seen.get_mut(number).is_some_and(|seen| !std::mem::replace(seen, true))
        };
        let mut order: Vec<Entry> = self.entries().take_while(|entry| mark(*entry)).collect();
        let all = || (1..=self.count as u64).map(Entry);
        order.extend(all().filter(|entry| mark(*entry)));
        for at in [NEWEST, OLDEST, FREE, USED] {
            self.words.set(at, 0);
        }
        for bucket in 0..self.count {
            self.words.set(self.buckets() + bucket, 0);
        }
        // A key of zeros is nobody's: what has none is free.
        for entry in order.into_iter().rev() {
            if self.key(entry) == (0, 0) { self.free(entry) } else { self.link(entry) }
        }
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
