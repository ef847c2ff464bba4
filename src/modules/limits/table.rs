//! A table in shared memory: what is known of each client, and who was seen last.
//!
//! *In nginx* a red-black tree and a queue in a slab pool, once for `limit_req` and once more for
//! `limit_conn`; a node keeps the text of its key.
//!
//! *Here* one table for both, made of the words of a zone. A key is kept as 128 bits of a hash with a secret
//! of the zone's own, so that entries have one size and nobody can choose keys that meet. Links are numbers
//! of entries; whatever another process may have left there when it was killed, a walk ends and a number
//! beyond the end reads as nothing.
//!
//! ```text
//!   words  [lock secret secret made newest oldest free …][bucket bucket …][entry entry …]
//!   entry  [hash hash next-in-bucket newer older value value –]
//! ```
//!
//! The caller holds the lock ([`Table::lock`]) around what belongs together.
//!
//! *Read next*: `sys/words.rs`, `req.rs`, `conn.rs`.

use crate::sys::words::{Guard, Words};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::hash::{BuildHasher, Hasher, RandomState};

const LOCK: usize = 0;
const SECRET: usize = 1;
const MADE: usize = 3;
const NEWEST: usize = 4;
const OLDEST: usize = 5;
const FREE: usize = 6;
const HEADER: usize = 8;

/// Words of an entry.
const ENTRY: usize = 8;
const HASH: usize = 0;
const NEXT: usize = 2;
const NEWER: usize = 3;
const OLDER: usize = 4;
const VALUE: usize = 5;

/// A key's hash.
pub type Hash = (u64, u64);

/// The number of an entry, counted from 1: 0 is the end of every list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(u64);

/// A table over the words of a zone.
#[derive(Debug)]
pub struct Table<'a> {
    words: &'a Words,
    count: usize,
}

impl<'a> Table<'a> {
    /// The table of these words, which is made when they are all zero.
    pub fn new(words: &'a Words) -> Table<'a> {
        let count = words.all().len().saturating_sub(HEADER) / (ENTRY + 1);
        let table = Table { words, count };
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
        for number in 1..=self.count as u64 {
            self.set(Entry(number), NEXT, if number == self.count as u64 { 0 } else { number + 1 });
        }
        self.words.set(FREE, u64::from(self.count > 0));
        self.words.set(MADE, 1);
    }

    /// Keeps other workers away until dropped.
    pub fn lock(&self) -> Guard {
        self.words.lock(LOCK)
    }

    /// The hash of a key.
    pub fn hash(&self, key: &[u8]) -> Hash {
        let mut hasher = SipHasher13::new_with_keys(self.words.get(SECRET), self.words.get(SECRET + 1));
        hasher.write(key);
        let hash = hasher.finish128();
        (hash.h1, hash.h2)
    }

    fn word(&self, entry: Entry, field: usize) -> Option<usize> {
        let number = usize::try_from(entry.0.checked_sub(1)?).ok().filter(|number| *number < self.count)?;
        Some(HEADER + self.count + number * ENTRY + field)
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
        HEADER + (hash.0 % self.count.max(1) as u64) as usize
    }

    /// One of an entry's two values.
    pub fn value(&self, entry: Entry, which: usize) -> u64 {
        self.get(entry, VALUE + which.min(1))
    }

    /// Changes one of an entry's two values.
    pub fn set_value(&self, entry: Entry, which: usize, value: u64) {
        self.set(entry, VALUE + which.min(1), value);
    }

    /// The entry of a key.
    pub fn find(&self, hash: Hash) -> Option<Entry> {
        let mut entry = Entry(self.words.get(self.bucket(hash)));
        for _ in 0..self.count {
            if entry.0 == 0 {
                return None;
            }
            if (self.get(entry, HASH), self.get(entry, HASH + 1)) == hash {
                return Some(entry);
            }
            entry = Entry(self.get(entry, NEXT));
        }
        None
    }

    /// A new entry for a key that has none, with both values zero. None when there is no room.
    pub fn insert(&self, hash: Hash) -> Option<Entry> {
        let entry = Entry(self.words.get(FREE));
        self.word(entry, 0)?;
        self.words.set(FREE, self.get(entry, NEXT));
        self.set(entry, HASH, hash.0);
        self.set(entry, HASH + 1, hash.1);
        self.set(entry, NEXT, self.words.get(self.bucket(hash)));
        self.words.set(self.bucket(hash), entry.0);
        self.set_value(entry, 0, 0);
        self.set_value(entry, 1, 0);
        self.push_newest(entry);
        Some(entry)
    }

    /// Forgets an entry.
    pub fn remove(&self, entry: Entry) {
        let hash = (self.get(entry, HASH), self.get(entry, HASH + 1));
        let next = self.get(entry, NEXT);
        let head = self.bucket(hash);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_found_until_they_are_removed_and_their_room_is_used_again() {
        let words = Words::private(HEADER + 4 * (ENTRY + 1));
        let table = Table::new(&words);
        let hash = |n: u8| table.hash(&[n]);
        let entries: Vec<Entry> = (0..4).map(|n| table.insert(hash(n)).expect("room")).collect();
        assert_eq!(table.insert(hash(4)), None);
        for (n, entry) in (0..4).zip(&entries) {
            assert_eq!(table.find(hash(n)), Some(*entry));
        }
        table.set_value(entries[2], 1, 7);
        assert_eq!((table.value(entries[2], 0), table.value(entries[2], 1)), (0, 7));
        assert_eq!(table.oldest(), Some(entries[0]));
        table.touch(entries[0]);
        assert_eq!(table.oldest(), Some(entries[1]));
        for entry in &entries {
            table.remove(*entry);
        }
        assert_eq!((table.oldest(), table.find(hash(2))), (None, None));
        assert!((0..4).all(|n| table.insert(hash(n)).is_some()));
    }
}
