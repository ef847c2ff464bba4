//! Sessions that are taken up again: tickets that clients keep, and a memory for those without.
//!
//! *In nginx* the session cache in shared memory (`ngx_ssl_new_session`, `ngx_ssl_get_cached_session`) and
//! ticket keys, from files or made at random and changed with the time.
//!
//! *Here* [`Tickets`] encrypts a session for the client to keep. Its keys come from files, or from a secret
//! that all workers have and the time, so they agree on a key without talking to each other. [`Memory`] keeps
//! sessions in a ring of shared words: the newest overwrite the oldest. Either way a session is forgotten
//! when `ssl_session_timeout` is over.
//!
//! ```text
//!   ring: [ … | start end-of-life length key data | … ]      index[hash of the key] ─▶ start
//! ```
//!
//! *Read next*: `server.rs`.

use crate::log::clock;
use crate::sys::words::Words;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::server::{ProducesTickets, StoresServerSessions};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashMap;
use std::path::Path;
use std::sync::Mutex;

/// Seconds since 1970.
pub fn now() -> u64 {
    u64::try_from(clock::seconds()).unwrap_or(0)
}

/// Fills `to` with bytes nobody can guess; false if the system has none.
pub fn random(to: &mut [u8]) -> bool {
    SystemRandom::new().fill(to).is_ok()
}

/// How long the name of a key in front of a ticket is.
const NAME: usize = 16;

/// A key of tickets and the name that finds it.
struct Key {
    name: [u8; NAME],
    key: LessSafeKey,
}

impl Key {
    fn derived(name: &[u8], secret: &[&[u8]]) -> Option<Key> {
        let mut hash = Sha256::new();
        secret.iter().for_each(|part| hash.update(part));
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &hash.finalize()).ok()?);
        let mut own = [0u8; NAME];
        own.copy_from_slice(name.get(..NAME)?);
        Some(Key { name: own, key })
    }
}

/// Where keys come from.
enum Source {
    /// `ssl_session_ticket_key`: the first encrypts, all decrypt.
    Files(Vec<Key>),
    /// A secret of the configuration.
    Secret(Mutex<Ratchet>),
}

/// A secret that is hashed once for each lifetime that passes: all workers come to the same, and nobody can
/// tell from the present one what those before were.
struct Ratchet {
    /// When the present one began to be used.
    since: u64,
    present: [u8; 32],
    before: Option<[u8; 32]>,
}

impl Ratchet {
    fn turn(&mut self, now: u64, lifetime: u64) {
        let turns = now.saturating_sub(self.since) / lifetime;
        // After a rest of years the rest of the way is not worth going.
        for _ in 0..turns.min(1 << 20) {
            self.before = Some(self.present);
            self.present = Sha256::new().chain_update(b"next").chain_update(self.present).finalize().into();
        }
        self.since += turns * lifetime;
    }
}

/// Encrypts sessions for clients to keep.
pub struct Tickets {
    source: Source,
    lifetime: u64,
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tickets({} s)", self.lifetime)
    }
}

impl Tickets {
    /// Tickets by keys of files of 48 or 80 bytes, as nginx wants them, or by keys of their own.
    ///
    /// # Errors
    /// nginx's sentences about such files.
    pub fn new(files: &[impl AsRef<Path>], lifetime: u64) -> Result<Tickets, String> {
        let lifetime = lifetime.max(1);
        if files.is_empty() {
            let mut secret = [0u8; 32];
            if !random(&mut secret) {
                return Err("no random numbers for session tickets".to_owned());
            }
            let ratchet = Ratchet { since: now(), present: secret, before: None };
            return Ok(Tickets { source: Source::Secret(Mutex::new(ratchet)), lifetime });
        }
        let mut keys = Vec::new();
        for path in files {
            let path = path.as_ref();
            let shown = path.display();
            let bytes =
                std::fs::read(path).map_err(|error| format!("open() \"{shown}\" failed ({error})"))?;
            if !matches!(bytes.len(), 48 | 80) {
                return Err(format!("\"{shown}\" must be 48 or 80 bytes"));
            }
            let key = Key::derived(&bytes, &[b"file", bytes.get(NAME..).unwrap_or_default()]);
            keys.push(key.ok_or_else(|| format!("\"{shown}\" makes no key"))?);
        }
        Ok(Tickets { source: Source::Files(keys), lifetime })
    }

    /// The keys of the present and of one lifetime ago.
    fn made(&self, ratchet: &Mutex<Ratchet>) -> [Option<Key>; 2] {
        let Ok(mut ratchet) = ratchet.lock() else { return [None, None] };
        ratchet.turn(now(), self.lifetime);
        let key = |secret: [u8; 32]| {
            let name = Sha256::new().chain_update(b"name").chain_update(secret).finalize();
            Key::derived(&name, &[b"key", &secret])
        };
        [key(ratchet.present), ratchet.before.and_then(key)]
    }

    fn seal(&self, key: &Key, plain: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0u8; NONCE_LEN];
        random(&mut nonce).then_some(())?;
        let mut sealed = [&now().to_be_bytes(), plain].concat();
        let with = Nonce::assume_unique_for_key(nonce);
        key.key.seal_in_place_append_tag(with, Aad::from(key.name), &mut sealed).ok()?;
        Some([&key.name[..], &nonce, &sealed].concat())
    }

    fn open(&self, key: &Key, ticket: &[u8]) -> Option<Vec<u8>> {
        let rest = ticket.strip_prefix(&key.name)?;
        let nonce = Nonce::try_assume_unique_for_key(rest.get(..NONCE_LEN)?).ok()?;
        let mut sealed = rest.get(NONCE_LEN..)?.to_vec();
        let plain = key.key.open_in_place(nonce, Aad::from(key.name), &mut sealed).ok()?;
        let made = u64::from_be_bytes(plain.get(..8)?.try_into().ok()?);
        let age = now().checked_sub(made)?;
        (age < self.lifetime).then(|| plain.get(8..).unwrap_or_default().to_vec())
    }
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(self.lifetime).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        match &self.source {
            Source::Files(keys) => self.seal(keys.first()?, plain),
            Source::Secret(ratchet) => {
                let [present, _] = self.made(ratchet);
                self.seal(&present?, plain)
            }
        }
    }

    fn decrypt(&self, ticket: &[u8]) -> Option<Vec<u8>> {
        match &self.source {
            Source::Files(keys) => keys.iter().find_map(|key| self.open(key, ticket)),
            Source::Secret(ratchet) => {
                self.made(ratchet).iter().flatten().find_map(|key| self.open(key, ticket))
            }
        }
    }
}

thread_local! {
    /// The memories of this process by name. Sessions are asked for by way of rustls, whose traits are made
    /// for threads, and a memory belongs to one.
    static MEMORIES: RefCell<HashMap<String, Words>> = RefCell::default();
}

/// Makes the words of a zone the memory of that name, in place of another.
pub fn remember(name: &str, words: Words) {
    MEMORIES.with_borrow_mut(|all| all.insert(name.to_owned(), words));
}

/// Sessions in the memory of a name.
#[derive(Debug)]
pub struct Memory {
    /// The name.
    pub name: String,
    /// How long a session is kept, in seconds.
    pub lifetime: u64,
}

/// The lock; how many words have been written in all.
const LOCK: usize = 0;
const WRITTEN: usize = 1;
/// Where the index begins.
const INDEX: usize = 2;
/// One word of the index for so many of the memory.
const SHARE: usize = 32;
/// Words in front of a session's bytes: where it begins, when it ends, how long it is, and its key.
const HEAD: usize = 7;
/// The longest key in bytes.
const KEY: usize = 32;

/// Where things are in a memory.
struct Layout {
    index: usize,
    ring: usize,
}

impl Layout {
    fn of(words: &Words) -> Layout {
        let all = words.all().len();
        let index = (all / SHARE).max(1);
        Layout { index, ring: all.saturating_sub(INDEX + index).max(1) }
    }

    /// The word of the ring that was or will be written as the `n`th.
    fn at(&self, n: u64) -> usize {
        INDEX + self.index + usize::try_from(n % self.ring as u64).unwrap_or(0)
    }

    /// The word of the index for a key.
    fn slot(&self, key: &[u64]) -> usize {
        let hash = key.iter().fold(0u64, |sum, word| (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        INDEX + usize::try_from((hash >> 16) % self.index as u64).unwrap_or(0)
    }
}

fn to_words(bytes: &[u8]) -> impl Iterator<Item = u64> {
    bytes.chunks(8).map(|part| {
        let mut word = [0u8; 8];
        word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        u64::from_le_bytes(word)
    })
}

fn key_words(key: &[u8]) -> Vec<u64> {
    let mut words: Vec<u64> = to_words(key.get(..key.len().min(KEY)).unwrap_or_default()).collect();
    words.resize(KEY / 8, 0);
    words
}

/// Writes a session; false if it is too large to be kept.
fn write(words: &Words, key: &[u8], value: &[u8], until: u64) -> bool {
    let layout = Layout::of(words);
    let size = HEAD + value.len().div_ceil(8);
    if size > layout.ring / 2 || key.len() > KEY {
        return false;
    }
    let key = key_words(key);
    let start = words.get(WRITTEN).max(1);
    let head = [start, until, value.len() as u64];
    let all = head.into_iter().chain(key.iter().copied()).chain(to_words(value));
    for (n, word) in all.enumerate() {
        words.set(layout.at(start.wrapping_add(n as u64)), word);
    }
    words.set(WRITTEN, start.wrapping_add(size as u64));
    words.set(layout.slot(&key), start);
    true
}

/// Reads a session that has not been overwritten; `take` ends its life.
fn read(words: &Words, key: &[u8], now: u64, take: bool) -> Option<Vec<u8>> {
    let layout = Layout::of(words);
    let key = key_words(key);
    let start = words.get(layout.slot(&key));
    let written = words.get(WRITTEN);
    let word = |n: u64| words.get(layout.at(start.wrapping_add(n)));
    let is_there = start != 0 && written.wrapping_sub(start) <= layout.ring as u64 && word(0) == start;
    let is_it = is_there && key.iter().zip(3..).all(|(part, n)| word(n) == *part);
    if !is_it || word(1) <= now {
        return None;
    }
    let length = usize::try_from(word(2)).ok().filter(|length| length.div_ceil(8) <= layout.ring)?;
    let mut value: Vec<u8> = Vec::with_capacity(length + 8);
    for n in 0..length.div_ceil(8) {
        value.extend_from_slice(&word((HEAD + n) as u64).to_le_bytes());
    }
    value.truncate(length);
    if take {
        words.set(layout.at(start.wrapping_add(1)), 0);
    }
    Some(value)
}

impl Memory {
    fn with<T>(&self, call: impl FnOnce(&Words) -> T) -> Option<T> {
        MEMORIES.with_borrow(|all| {
            let words = all.get(&self.name)?;
            let _held = words.lock(LOCK);
            Some(call(words))
        })
    }
}

impl StoresServerSessions for Memory {
    fn put(&self, key: Vec<u8>, value: Vec<u8>) -> bool {
        let until = now().saturating_add(self.lifetime);
        self.with(|words| write(words, &key, &value, until)).unwrap_or(false)
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with(|words| read(words, key, now(), false)).flatten()
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.with(|words| read(words, key, now(), true)).flatten()
    }

    fn can_cache(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_sessions_overwrite_the_oldest() {
        let words = Words::private(256);
        assert!(!write(&words, b"a", &[0; 4000], 10), "too large");
        for n in 0..40u8 {
            assert!(write(&words, &[n; 32], &[n; 100], 10));
        }
        assert_eq!(read(&words, &[0; 32], 9, false), None);
        assert_eq!(read(&words, &[39; 32], 9, false), Some(vec![39; 100]));
        assert_eq!(read(&words, &[39; 32], 10, false), None, "its time is over");
        assert_eq!(read(&words, &[39; 32], 9, true), Some(vec![39; 100]));
        assert_eq!(read(&words, &[39; 32], 9, true), None, "taken");
    }

    #[test]
    fn a_ticket_is_good_for_who_made_it_and_nobody_else() {
        let none: [&Path; 0] = [];
        let one = Tickets::new(&none, 300).expect("keys");
        let other = Tickets::new(&none, 300).expect("keys");
        let mut ticket = one.encrypt(b"session").expect("a ticket");
        assert_eq!(one.decrypt(&ticket).as_deref(), Some(&b"session"[..]));
        assert_eq!(other.decrypt(&ticket), None);
        if let Some(last) = ticket.last_mut() {
            *last ^= 1;
        }
        assert_eq!(one.decrypt(&ticket), None);
        assert_eq!(one.decrypt(b""), None);
    }
}
