//! An allocator that counts, for tests that claim "no unbounded memory".
//!
//! *In nginx* memory comes from pools that live as long as a request, and how much one took nobody knows.
//!
//! *Here* a test program may say that its memory comes through [`Counting`], and then ask [`most`] how
//! many bytes a function had in hand at once. The counts are those of the calling thread: tests that run side
//! by side do not see each other's. The server itself has no use for it.
//!
//! ```text
//!   #[global_allocator] static MEMORY: Counting = Counting;
//!   let (answer, bytes) = most(|| parse(input));
//! ```
//!
//! *Read next*: `page.rs`, memory that the server counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    // Neither has a destructor nor needs to be made first, so the allocator may use them at any time.
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
    static WATCHED: Cell<bool> = const { Cell::new(false) };
}

/// How often watched threads asked for memory.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// From now on [`calls`] tells how often this thread asks for memory.
pub fn watch_this_thread() {
    WATCHED.set(true);
}

/// How often the watched threads have asked for memory; any thread may ask.
pub fn calls() -> u64 {
    CALLS.load(Ordering::Relaxed)
}

fn note_call() {
    if WATCHED.try_with(Cell::get).unwrap_or(false) {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }
}

/// The system's allocator, with counts.
pub struct Counting;

/// Memory may be given back by another thread than took it, so a count can be below zero.
fn count(change: isize) {
    let _ = HELD.try_with(|held| {
        let now = held.get().wrapping_add(change);
        held.set(now);
        let _ = MOST.try_with(|most| most.set(most.get().max(now)));
    });
}

fn size_of(layout: Layout) -> isize {
    isize::try_from(layout.size()).unwrap_or(isize::MAX)
}

// SAFETY: every call goes to the system's allocator as it came; counting neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(size_of(layout));
        note_call();
        // SAFETY: the caller's promises are those this function needs.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(size_of(layout).wrapping_neg());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

/// Runs a function; gives what it gives, and how many bytes it held at most beyond those held before.
pub fn most<T>(function: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    MOST.set(before);
    let given = function();
    (given, usize::try_from(MOST.get().wrapping_sub(before)).unwrap_or(0))
}
