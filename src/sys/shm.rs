//! Memory that all workers see.
//!
//! *In nginx* `ngx_shm_alloc` maps it, `ngx_slab_pool_t` deals it out, and `ngx_shmtx_t` is a lock in it: a
//! word that holds the number of the process that has it, which the master frees when that process dies.
//!
//! *Here* [`Shared`] is a row of atomic 64-bit words and nothing else: whatever a worker reads, it is a
//! number somebody wrote, so no use of it can be unsound. It is made before the workers are forked and is
//! theirs by inheritance. [`Lock`] is one of the words; a holder that died is noticed by those who wait, so
//! nobody has to clean up. What the words mean is for the modules to say.
//!
//! ```text
//!   master ─ new() ─▶ [ w0 | w1 | w2 | … ] ◀─ the same pages in every worker, before and after a reload
//!                       └ Lock: 0 free, else the holder's number
//! ```
//!
//! *Read next*: `conf/zone.rs`, which gives such memory a name.

use super::process;
use std::io;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Words shared with every process forked after they were made. All zero at first.
#[derive(Debug)]
pub struct Shared {
    words: NonNull<AtomicU64>,
    count: usize,
}

impl Shared {
    /// Maps room for that many words.
    pub fn new(count: usize) -> io::Result<Shared> {
        let bytes = count.max(1).checked_mul(size_of::<AtomicU64>()).ok_or(io::ErrorKind::OutOfMemory)?;
        let (rights, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping at a place of the kernel's choice touches no memory of ours.
        let place = unsafe { libc::mmap(std::ptr::null_mut(), bytes, rights, kind, -1, 0) };
        match NonNull::new(place.cast()) {
            Some(words) if place != libc::MAP_FAILED => Ok(Shared { words, count }),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl Deref for Shared {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the mapping is page aligned, holds `count` words and lives as long as `self`; zeroes and
        // whatever atomic stores left there are valid, whoever made them.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr(), self.count) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let bytes = self.count.max(1).saturating_mul(size_of::<AtomicU64>());
        // SAFETY: mapped in `new` with this size, and no reference into it outlives `self`.
        unsafe { libc::munmap(self.words.as_ptr().cast(), bytes) };
    }
}

/// How often a waiter looks at a lock before it lets others run.
const LOOKS: u32 = 128;
/// After so many times of letting others run, it asks whether the holder is still alive.
const YIELDS: u32 = 64;

/// A word used as a lock between processes. Held for a few operations on memory, never across a system call.
#[derive(Clone, Copy, Debug)]
pub struct Lock<'a>(pub &'a AtomicU64);

/// The lock is held as long as this lives.
#[derive(Debug)]
pub struct Held<'a>(&'a AtomicU64);

impl<'a> Lock<'a> {
    /// Takes the lock if it is free.
    pub fn try_take(self) -> Option<Held<'a>> {
        let mine = u64::from(process::id());
        let taken = self.0.compare_exchange(0, mine, Ordering::Acquire, Ordering::Relaxed);
        taken.ok().map(|_| Held(self.0))
    }

    /// Takes the lock, waiting for it. From a holder that is no more it is taken away.
    pub fn take(self) -> Held<'a> {
        loop {
            for _ in 0..YIELDS {
                for _ in 0..LOOKS {
                    if let Some(held) = self.try_take() {
                        return held;
                    }
                    std::hint::spin_loop();
                }
                std::thread::yield_now();
            }
            self.free_if_abandoned();
        }
    }

    fn free_if_abandoned(self) {
        let holder = self.0.load(Ordering::Relaxed);
        let Ok(pid) = libc::pid_t::try_from(holder) else { return };
        let gone = |error: io::Error| error.raw_os_error() == Some(libc::ESRCH);
        if pid != 0 && super::signal::send(pid, 0).is_err_and(gone) {
            // Only one of those who wait succeeds; the word may be somebody else's by now, then nobody does.
            let _ = self.0.compare_exchange(holder, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_keeps_counts_right_and_is_taken_from_a_process_that_is_gone() {
        let shared = Shared::new(2).expect("mapped");
        let (lock, count) = (Lock(&shared[0]), &shared[1]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        let _held = lock.take();
                        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 4000);
        // No process has this number: it is beyond the kernel's largest.
        shared[0].store(0x4000_0000, Ordering::Relaxed);
        assert!(lock.try_take().is_none());
        drop(lock.take());
        assert_eq!(shared[0].load(Ordering::Relaxed), 0);
    }
}
