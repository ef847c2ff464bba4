//! Words: a row of 64-bit numbers that processes may share.
//!
//! *In nginx* a shared zone is raw memory with a slab allocator and a mutex in it, and what lies there are C
//! structs with pointers that happen to be valid in every worker.
//!
//! *Here* the memory is a row of atomic integers of a fixed length, so whatever another process writes there,
//! reading it is only ever a number. A row is private (on the heap) or shared (an anonymous mapping made
//! before the workers are forked); who uses it need not know which. The lock spins, since what it guards is
//! a few additions, and a holder that died is noticed by its process id.
//!
//! ```text
//!   master: Words::shared(n) ── fork ──▶ worker 1 ─┐
//!                              └─ fork ──▶ worker 2 ─┴─▶ the same numbers
//! ```
//!
//! *Read next*: `balance/peers.rs`, whose state of a peer is eighteen such words.

use std::io;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How often a lock is tried before its holder is suspected to be dead.
const SPINS: u32 = 1 << 14;

/// A counted handle to a row of numbers, all zero at first.
#[derive(Clone, Debug)]
pub struct Words {
    /// Where they are; `memory` keeps them there.
    start: NonNull<AtomicU64>,
    count: usize,
    shared: bool,
    _memory: Rc<Memory>,
}

#[derive(Debug)]
enum Memory {
    Private(Box<[AtomicU64]>),
    Shared(Mapping),
}

#[derive(Debug)]
struct Mapping {
    start: NonNull<AtomicU64>,
    count: usize,
}

impl Mapping {
    fn bytes(&self) -> usize {
        self.count.saturating_mul(size_of::<AtomicU64>())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping was made by `shared` with this length, and the last handle to it is going.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes()) };
    }
}

impl Words {
    /// Numbers of this process only.
    pub fn private(count: usize) -> Words {
        let words = (0..count).map(|_| AtomicU64::new(0)).collect();
        Words::of(Memory::Private(words))
    }

    fn of(memory: Memory) -> Words {
        let memory = Rc::new(memory);
        let (start, count, shared) = match &*memory {
            Memory::Private(words) => (NonNull::from(&words[..]).cast(), words.len(), false),
            Memory::Shared(mapping) => (mapping.start, mapping.count, true),
        };
        Words { start, count, shared, _memory: memory }
    }

    /// Numbers that processes forked from now on share with this one.
    ///
    /// # Errors
    /// What mmap(2) said.
    pub fn shared(count: usize) -> io::Result<Words> {
        let count = count.max(1);
        let bytes = count.checked_mul(size_of::<AtomicU64>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let protection = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
        // SAFETY: a new anonymous mapping at an address of the kernel's choice touches no other memory.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), bytes, protection, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Words::of(Memory::Shared(Mapping { start, count })))
    }

    /// Whether other processes may see the numbers.
    pub fn is_shared(&self) -> bool {
        self.shared
    }

    /// All of them.
    pub fn all(&self) -> &[AtomicU64] {
        // SAFETY: both kinds of memory hold so many numbers, stay where they are and live as long as
        // `self`; a mapping is page-aligned and zero-filled, every bit pattern is a valid AtomicU64, and
        // nobody gets at it but through atomics.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.count) }
    }

    /// So many numbers that stand side by side, the first of them at `at`; None beyond the end.
    pub fn run<const N: usize>(&self, at: usize) -> Option<Run<N>> {
        let numbers = NonNull::from(self.all().get(at..)?.first_chunk()?);
        Some(Run { numbers, shared: self.shared, _memory: self._memory.clone() })
    }

    /// One number; 0 beyond the end.
    pub fn get(&self, at: usize) -> u64 {
        self.all().get(at).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// Stores one number; beyond the end it is lost.
    pub fn set(&self, at: usize, value: u64) {
        if let Some(word) = self.all().get(at) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Adds to one number, also while other processes do.
    pub fn add(&self, at: usize, value: u64) {
        if let Some(word) = self.all().get(at) {
            add(word, value, self.shared);
        }
    }

    /// Subtracts from one number, not below zero, also while other processes do.
    pub fn sub(&self, at: usize, value: u64) {
        if let Some(word) = self.all().get(at) {
            sub(word, value, self.shared);
        }
    }

    /// Puts the number of a process where none stands, or that of one that is over; says whether it did.
    pub fn claim(&self, at: usize, process: u32) -> bool {
        let Some(word) = self.all().get(at) else { return false };
        let holder = word.load(Ordering::Relaxed);
        let is_free = holder == 0 || holder == u64::from(process) || !is_alive(holder);
        let exchange =
            || word.compare_exchange(holder, u64::from(process), Ordering::Acquire, Ordering::Relaxed);
        is_free && exchange().is_ok()
    }

    /// Takes the lock whose word is at `at`; a row that is not shared needs none. Given back on drop.
    pub fn lock(&self, at: usize) -> Guard {
        let own = u64::from(super::process::id());
        let word = self.all().get(at).filter(|_| self.is_shared());
        let Some(word) = word else { return Guard { words: None, at, from_the_dead: false } };
        let mut spins: u32 = 0;
        let mut from_the_dead = false;
        while let Err(holder) = word.compare_exchange_weak(0, own, Ordering::Acquire, Ordering::Relaxed) {
            spins = spins.wrapping_add(1);
            if spins.is_multiple_of(SPINS) && !is_alive(holder) {
                // A process that was killed inside the lock: the numbers are whole, each by itself.
                if word.compare_exchange(holder, own, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                    from_the_dead = true;
                    break;
                }
            }
            match spins.is_multiple_of(64) {
                true => std::thread::yield_now(),
                false => std::hint::spin_loop(),
            }
        }
        Guard { words: Some(self.clone()), at, from_the_dead }
    }
}

/// Adds; what nobody else writes need not be done in one go.
#[inline]
fn add(word: &AtomicU64, value: u64, shared: bool) {
    match shared {
        true => _ = word.fetch_add(value, Ordering::Relaxed),
        false => word.store(word.load(Ordering::Relaxed).wrapping_add(value), Ordering::Relaxed),
    }
}

/// Subtracts, not below zero.
#[inline]
fn sub(word: &AtomicU64, value: u64, shared: bool) {
    let less = |old: u64| Some(old.saturating_sub(value));
    match shared {
        true => _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less),
        false => word.store(word.load(Ordering::Relaxed).saturating_sub(value), Ordering::Relaxed),
    }
}

/// A counted handle to a few numbers of a row, for those who ask for them often: where they are, and that
/// they are there, has been found out once.
#[derive(Clone, Debug)]
pub struct Run<const N: usize> {
    /// Where they are; `memory` keeps them there.
    numbers: NonNull<[AtomicU64; N]>,
    shared: bool,
    _memory: Rc<Memory>,
}

impl<const N: usize> Run<N> {
    /// Numbers of this process only, all zero.
    pub fn private() -> Run<N> {
        let row = Words::private(N);
        Run { numbers: row.start.cast(), shared: false, _memory: row._memory }
    }

    /// For the one process that writes these numbers; others only read them.
    pub fn alone(mut self) -> Run<N> {
        self.shared = false;
        self
    }

    #[inline]
    fn all(&self) -> &[AtomicU64; N] {
        // SAFETY: there are so many numbers: `run` has looked, and `private` has made them. As for
        // `Words::all`, they stay where they are as long as `self` lives.
        unsafe { self.numbers.as_ref() }
    }

    /// One number; 0 beyond the end.
    #[inline]
    pub fn get(&self, at: usize) -> u64 {
        self.all().get(at).map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// Stores one number; beyond the end it is lost.
    #[inline]
    pub fn set(&self, at: usize, value: u64) {
        if let Some(word) = self.all().get(at) {
            word.store(value, Ordering::Relaxed);
        }
    }

    /// Adds to one number, also while other processes do.
    #[inline]
    pub fn add(&self, at: usize, value: u64) {
        if let Some(word) = self.all().get(at) {
            add(word, value, self.shared);
        }
    }

    /// Subtracts from one number, not below zero, also while other processes do.
    #[inline]
    pub fn sub(&self, at: usize, value: u64) {
        if let Some(word) = self.all().get(at) {
            sub(word, value, self.shared);
        }
    }
}

/// Whether there is a process of that number, be it a dead one whom its parent has not asked about yet.
pub fn is_alive(process: u64) -> bool {
    let Some(process) = libc::pid_t::try_from(process).ok().filter(|process| *process > 0) else {
        return false;
    };
    // SAFETY: signal 0 asks whether the process exists and does nothing to it.
    let asked = unsafe { libc::kill(process, 0) };
    asked == 0 || io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
}

/// Holds a lock of a row until it is dropped.
#[must_use]
#[derive(Debug)]
pub struct Guard {
    words: Option<Words>,
    at: usize,
    from_the_dead: bool,
}

impl Guard {
    /// Whether the lock was taken from a process that died while it held it: numbers that belong together
    /// may not agree.
    pub fn is_from_the_dead(&self) -> bool {
        self.from_the_dead
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(word) = self.words.as_ref().and_then(|words| words.all().get(self.at)) {
            word.store(0, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_kept_and_the_ends_are_safe() {
        for words in [Words::private(3), Words::shared(3).expect("a mapping")] {
            words.set(2, 7);
            words.set(3, 8);
            assert_eq!((words.get(0), words.get(2), words.get(3)), (0, 7, 0));
        }
    }

    #[test]
    fn a_lock_is_held_until_dropped_and_a_dead_holder_is_passed_over() {
        let words = Words::shared(1).expect("a mapping");
        let guard = words.lock(0);
        assert_eq!(words.get(0), u64::from(std::process::id()));
        drop(guard);
        assert_eq!(words.get(0), 0);
        words.set(0, u64::from(u32::MAX) / 2 - 7);
        let guard = words.lock(0);
        assert!(guard.is_from_the_dead());
        drop(guard);
        assert!(!words.lock(0).is_from_the_dead());
        assert_eq!(words.get(0), 0);
        drop(Words::private(1).lock(0));
    }
}
