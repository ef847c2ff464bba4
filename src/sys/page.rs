//! Pages: reference-counted memory with one writer and any number of readers.
//!
//! *In nginx* a buffer (`ngx_buf_t`) is a pair of pointers into memory that some pool owns, and who may reuse
//! it when is a convention between modules (the `tag`, the `busy` and `free` chains).
//!
//! *Here* the convention is the type. A [`Page`] is the only writer of its memory and only ever appends; a
//! [`Slice`] is a read-only view of bytes that were appended before. Bytes below the fill mark never change
//! while anyone can see them, so a `recv` may append to a page whose earlier half is still on its way to
//! a client, and nothing is copied between the two.
//!
//! ```text
//!   Page ──┐ filled                     Slice, Slice: counted views, keep the memory alive
//!          ▼   ▼
//!   [head|abcdefgh........spare........]     the head holds the count and the size class
//! ```
//!
//! The count is a plain integer: a worker is one thread, and neither type can leave it. Memory of the common
//! sizes goes back to a list of the thread instead of the allocator.
//!
//! *Read next*: `buf/mod.rs`.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::cell::Cell;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{Deref, Range};
use std::ptr::NonNull;

/// The sizes, in bytes, that are kept on a list for reuse: a small head, a kernel page, a large relay read.
pub const CLASSES: [usize; 5] = [1024, 4096, 16 * 1024, 32 * 1024, 64 * 1024];
/// How many pages of each class a thread keeps for reuse.
const KEPT: usize = 64;
/// The class number of memory that goes straight back to the allocator.
const UNPOOLED: u32 = u32::MAX;

/// What stands in front of the bytes.
#[repr(C, align(16))]
struct Head {
    count: Cell<u32>,
    class: u32,
    capacity: usize,
}

/// The blocks of one class that wait to be used again. Each holds the address of the next where its bytes
/// were, so the list needs no memory of its own.
struct List {
    first: Cell<Option<NonNull<Head>>>,
    len: Cell<usize>,
}

impl List {
    const fn new() -> List {
        List { first: Cell::new(None), len: Cell::new(0) }
    }

    fn push(&self, head: NonNull<Head>) {
        // SAFETY: the block is live and nobody's; every class has room for an address, and a head's size
        // keeps the alignment.
        unsafe { data(head).cast::<Option<NonNull<Head>>>().write(self.first.get()) };
        self.first.set(Some(head));
        self.len.set(self.len.get() + 1);
    }

    fn pop(&self) -> Option<NonNull<Head>> {
        let head = self.first.get()?;
        // SAFETY: a listed block is live memory that nobody else refers to, and `push` wrote the address.
        self.first.set(unsafe { data(head).cast::<Option<NonNull<Head>>>().read() });
        self.len.set(self.len.get().saturating_sub(1));
        Some(head)
    }
}

thread_local! {
    /// The block of all pages without room. It owns a count itself, so nobody gives it back; and it stays
    /// where it is until the thread is over, which no page outlives.
    static NOTHING: Head = const { Head { count: Cell::new(1), class: UNPOOLED, capacity: 0 } };
    static LISTS: [List; CLASSES.len()] = const { [const { List::new() }; CLASSES.len()] };
}

/// The class of blocks with room for so many bytes; beyond the last one there is none.
fn class_of(wanted: usize) -> usize {
    CLASSES.iter().position(|&size| wanted <= size).unwrap_or(CLASSES.len())
}

fn layout(capacity: usize) -> Layout {
    let bytes = size_of::<Head>().saturating_add(capacity);
    // SAFETY: the alignment is a power of two; a size beyond isize::MAX is refused by the caller's check.
    unsafe { Layout::from_size_align_unchecked(bytes, align_of::<Head>()) }
}

fn allocate(wanted: usize) -> NonNull<Head> {
    let class = class_of(wanted);
    if let Some(head) = LISTS.with(|lists| lists.get(class).and_then(List::pop)) {
        // SAFETY: a listed block is live memory that nobody else refers to.
        unsafe { head.as_ref() }.count.set(1);
        return head;
    }
    match CLASSES.get(class) {
        Some(capacity) => fresh(Some(class), *capacity),
        None => fresh(None, wanted),
    }
}

/// A block from the allocator.
#[cold]
fn fresh(class: Option<usize>, capacity: usize) -> NonNull<Head> {
    let layout = layout(capacity.min(isize::MAX as usize / 2));
    // SAFETY: the layout has a non-zero size; the head is written before anyone reads it.
    unsafe {
        let Some(head) = NonNull::new(alloc(layout).cast::<Head>()) else { handle_alloc_error(layout) };
        head.write(Head {
            count: Cell::new(1),
            class: class.map_or(UNPOOLED, |class| class as u32),
            capacity,
        });
        head
    }
}

/// One more owner of the block.
#[inline]
fn retain(head: NonNull<Head>) {
    // SAFETY: the caller owns one count, so the block is live.
    let head = unsafe { head.as_ref() };
    head.count.set(head.count.get() + 1);
}

/// One owner less; the last one gives the memory back. The count is all that is touched in most calls, so
/// that much is compiled into the caller.
#[inline]
fn release(head: NonNull<Head>) {
    // SAFETY: the caller owns the count it gives back, so the block is live until we say otherwise.
    let count = unsafe { &head.as_ref().count };
    let left = count.get() - 1;
    count.set(left);
    if left == 0 {
        give_back(head);
    }
}

/// Puts a block that nobody owns any more on the list of its class, or frees it.
#[inline(never)]
fn give_back(head: NonNull<Head>) {
    // SAFETY: the last owner has just let go and passes the block to us.
    let (class, capacity) = unsafe { (head.as_ref().class, head.as_ref().capacity) };
    let kept = LISTS.with(|lists| match lists.get(class as usize) {
        Some(list) if list.len.get() < KEPT => {
            list.push(head);
            true
        }
        _ => false,
    });
    if !kept {
        // SAFETY: allocated in `fresh` or `allocate_exact` with this very layout, and no owner is left.
        unsafe { dealloc(head.as_ptr().cast(), layout(capacity)) }
    }
}

fn data(head: NonNull<Head>) -> NonNull<u8> {
    // SAFETY: the bytes follow the head within the same allocation.
    unsafe { head.add(1).cast() }
}

/// The one writer of a block of memory. Appends only; what is appended can be handed out as [`Slice`]s.
pub struct Page {
    head: NonNull<Head>,
    filled: usize,
}

impl Page {
    /// A page without room, for where one is wanted before it is known of what size. Costs no memory.
    pub fn nothing() -> Page {
        let head = NOTHING.with(|head| NonNull::from(head));
        retain(head);
        Page { head, filled: 0 }
    }

    /// An empty page that holds at least `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Page {
        Page { head: allocate(capacity), filled: 0 }
    }

    /// An empty page that holds exactly `capacity` bytes and never comes from a list: for trying how code
    /// behaves at the end of a page.
    pub fn exactly(capacity: usize) -> Page {
        Page { head: fresh(None, capacity.max(1)), filled: 0 }
    }

    /// How many bytes the page holds in all.
    pub fn capacity(&self) -> usize {
        // SAFETY: we own a count.
        unsafe { self.head.as_ref() }.capacity
    }

    /// How many bytes have been appended.
    pub fn len(&self) -> usize {
        self.filled
    }

    /// True if nothing has been appended.
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// How many bytes can still be appended.
    pub fn room(&self) -> usize {
        self.capacity() - self.filled
    }

    /// What has been appended so far.
    pub fn filled(&self) -> &[u8] {
        // SAFETY: the first `filled` bytes are initialised and are not written again while borrowed.
        unsafe { std::slice::from_raw_parts(data(self.head).as_ptr(), self.filled) }
    }

    /// The memory behind the fill mark, for a system call to write into; then call [`Page::commit`].
    pub(crate) fn spare(&mut self) -> &mut [MaybeUninit<u8>] {
        // SAFETY: nobody else can see the bytes behind the fill mark, and `&mut self` is the only writer.
        unsafe {
            let start = data(self.head).add(self.filled).cast::<MaybeUninit<u8>>();
            std::slice::from_raw_parts_mut(start.as_ptr(), self.capacity() - self.filled)
        }
    }

    /// Says that the first `n` bytes of the spare memory have been written.
    ///
    /// # Safety
    /// They must have been.
    pub(crate) unsafe fn commit(&mut self, n: usize) {
        debug_assert!(n <= self.room());
        self.filled += n.min(self.room());
    }

    /// Appends as much of `bytes` as fits and says how much that was.
    #[inline]
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.room());
        // SAFETY: `n` bytes fit behind the fill mark; source and destination cannot overlap since the
        // destination is visible to nobody.
        unsafe {
            let to = data(self.head).add(self.filled);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), n);
            self.commit(n);
        }
        n
    }

    /// Appends all of `bytes`, or nothing if they do not fit; says whether they did.
    #[inline]
    pub fn append_whole(&mut self, bytes: &[u8]) -> bool {
        let fits = bytes.len() <= self.room();
        if fits {
            // SAFETY: as in `append`.
            unsafe {
                let to = data(self.head).add(self.filled);
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), to.as_ptr(), bytes.len());
            }
            self.filled += bytes.len();
        }
        fits
    }

    /// A counted view of `range`, cut to what has been appended.
    pub fn slice(&self, range: Range<usize>) -> Slice {
        let end = range.end.min(self.filled);
        let start = range.start.min(end);
        retain(self.head);
        // SAFETY: `start` lies within the allocation.
        Slice { head: Some(self.head), start: unsafe { data(self.head).add(start) }, len: end - start }
    }

    /// What has been appended from `start` on, by the page's own count.
    pub fn into_slice(self, start: usize) -> Slice {
        let (head, start) = (self.head, start.min(self.filled));
        let len = self.filled - start;
        std::mem::forget(self);
        // SAFETY: `start` lies within the allocation.
        Slice { head: Some(head), start: unsafe { data(head).add(start) }, len }
    }

    /// A counted view of all that has been appended.
    pub fn whole(&self) -> Slice {
        self.slice(0..self.filled)
    }

    /// True if no [`Slice`] of this page is left.
    pub fn is_unshared(&self) -> bool {
        // SAFETY: we own a count.
        unsafe { self.head.as_ref() }.count.get() == 1
    }

    /// Forgets what was appended, if nobody else looks at it; says whether it did.
    pub fn clear(&mut self) -> bool {
        let free = self.is_unshared();
        if free {
            self.filled = 0;
        }
        free
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        release(self.head);
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({}/{})", self.filled, self.capacity())
    }
}

/// A read-only, counted view of bytes: of a [`Page`], of an owned copy, or of static memory.
pub struct Slice {
    head: Option<NonNull<Head>>,
    start: NonNull<u8>,
    len: usize,
}

impl Slice {
    /// No bytes.
    pub const EMPTY: Slice = Slice::from_static(b"");

    /// A view of static memory; costs nothing to make or clone.
    pub const fn from_static(bytes: &'static [u8]) -> Slice {
        // SAFETY: a reference is never null.
        let start = unsafe { NonNull::new_unchecked(bytes.as_ptr().cast_mut()) };
        Slice { head: None, start, len: bytes.len() }
    }

    /// A view of a fresh copy of `bytes`.
    pub fn copy(bytes: &[u8]) -> Slice {
        if bytes.is_empty() {
            return Slice::EMPTY;
        }
        let mut page = Page { head: allocate_exact(bytes.len()), filled: 0 };
        page.append(bytes);
        page.slice(0..bytes.len())
    }

    /// The part of this view that `range` names, cut to what there is.
    pub fn slice(&self, range: Range<usize>) -> Slice {
        let end = range.end.min(self.len);
        let start = range.start.min(end);
        if let Some(head) = self.head {
            retain(head);
        }
        // SAFETY: `start` is at most `len`, so the pointer stays within the viewed bytes.
        Slice { head: self.head, start: unsafe { self.start.add(start) }, len: end - start }
    }

    /// Drops the first `n` bytes from the view.
    pub fn advance(&mut self, n: usize) {
        let n = n.min(self.len);
        // SAFETY: as in `slice`.
        self.start = unsafe { self.start.add(n) };
        self.len -= n;
    }

    /// Joins a list of what is held, in place of the last one if that begins at the same byte: it is the same
    /// page with less in it, since nothing else can stand where one is held.
    #[inline]
    pub fn hold_in(self, held: &mut Vec<Slice>) {
        match held.last_mut() {
            Some(last) if last.as_ptr() == self.as_ptr() => *last = self,
            _ => held.push(self),
        }
    }

    /// Makes it a view of nothing.
    #[inline]
    pub fn clear(&mut self) {
        // Most that are cleared are that already; then there is nothing to be written.
        if self.len != 0 {
            self.len = 0;
            if let Some(head) = self.head.take() {
                release(head);
            }
        }
    }

    /// Drops everything behind the first `n` bytes.
    pub fn truncate(&mut self, n: usize) {
        self.len = self.len.min(n);
    }

    /// True if both views are of the same memory and `next` begins where this one ends.
    pub fn is_followed_by(&self, next: &Slice) -> bool {
        self.head.is_some() && self.head == next.head && self.as_ptr_range().end == next.as_ptr()
    }

    /// Takes `next`, which [follows](Slice::is_followed_by), into this view.
    pub fn join(&mut self, next: &Slice) -> bool {
        let follows = self.is_followed_by(next);
        if follows {
            self.len += next.len;
        }
        follows
    }

    /// Appends a copy of `bytes` to the view, if there is room for it in the block and nobody but this view
    /// looks at the block; says whether it did.
    pub fn grow(&mut self, bytes: &[u8]) -> bool {
        let Some(head) = self.head else { return false };
        // SAFETY: we own a count.
        let block = unsafe { head.as_ref() };
        let start = self.start.as_ptr().addr() - data(head).as_ptr().addr();
        let end = start + self.len;
        if block.count.get() != 1 || block.capacity - end < bytes.len() {
            return false;
        }
        // SAFETY: the bytes fit in the block. It has no other view and no writer, so nobody can see what
        // stands behind our end, and `bytes`, which is borrowed from somebody else, is not of this
        // block.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.start.add(self.len).as_ptr(), bytes.len())
        };
        self.len += bytes.len();
        true
    }
}

/// Memory for exactly `n` bytes: long-lived small strings must not each pin a whole pooled page.
fn allocate_exact(n: usize) -> NonNull<Head> {
    if n > 512 {
        return allocate(n);
    }
    let layout = layout(n);
    // SAFETY: as in `allocate`.
    unsafe {
        let Some(head) = NonNull::new(alloc(layout).cast::<Head>()) else { handle_alloc_error(layout) };
        head.write(Head { count: Cell::new(1), class: UNPOOLED, capacity: n });
        head
    }
}

impl Deref for Slice {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the count keeps the memory alive (or it is static), and the bytes are never written again.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl Clone for Slice {
    fn clone(&self) -> Slice {
        if let Some(head) = self.head {
            retain(head);
        }
        Slice { head: self.head, start: self.start, len: self.len }
    }
}

impl Drop for Slice {
    fn drop(&mut self) {
        if let Some(head) = self.head {
            release(head);
        }
    }
}

impl Default for Slice {
    fn default() -> Slice {
        Slice::EMPTY
    }
}

impl AsRef<[u8]> for Slice {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl PartialEq for Slice {
    fn eq(&self, other: &Slice) -> bool {
        **self == **other
    }
}

impl Eq for Slice {}

impl PartialEq<[u8]> for Slice {
    fn eq(&self, other: &[u8]) -> bool {
        **self == *other
    }
}

impl<const N: usize> PartialEq<&[u8; N]> for Slice {
    fn eq(&self, other: &&[u8; N]) -> bool {
        **self == other[..]
    }
}

impl From<&'static str> for Slice {
    fn from(text: &'static str) -> Slice {
        Slice::from_static(text.as_bytes())
    }
}

impl From<String> for Slice {
    fn from(text: String) -> Slice {
        Slice::copy(text.as_bytes())
    }
}

impl From<Vec<u8>> for Slice {
    fn from(bytes: Vec<u8>) -> Slice {
        Slice::copy(&bytes)
    }
}

impl fmt::Debug for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.escape_ascii())
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_keeps_its_bytes_while_the_page_is_written_on() {
        let mut page = Page::with_capacity(10);
        assert_eq!(page.append(b"hello"), 5);
        let hello = page.slice(0..5);
        assert_eq!(page.append(b", world"), 7);
        assert_eq!(&*hello, b"hello");
        assert!(!page.clear());
        drop(hello);
        assert!(page.clear());
    }

    #[test]
    fn a_slice_outlives_its_page() {
        let mut page = Page::with_capacity(4096);
        page.append(&[7; 4096]);
        let all = page.slice(0..9999);
        drop(page);
        assert_eq!(all.len(), 4096);
        let tail = all.slice(4000..5000);
        drop(all);
        assert_eq!(&*tail, &[7; 96]);
    }

    #[test]
    fn a_view_grows_while_it_is_alone_and_there_is_room() {
        let mut page = Page::with_capacity(1024);
        page.append(&[1; 600]);
        let mut view = page.slice(100..600);
        assert!(!view.grow(b"x"), "the page may still write there");
        drop(page);
        assert!(view.grow(&[2; 424]));
        assert_eq!((view.len(), view.last()), (924, Some(&2)));
        assert!(!view.grow(b"x"), "it is full");
        view.truncate(1);
        let other = view.clone();
        assert!(!view.grow(b"x"), "another view may see it");
        drop(other);
        assert!(view.grow(b"xy"));
        assert_eq!(view, b"\x01xy");
        assert!(!Slice::from("static").grow(b"x"));
    }

    #[test]
    fn neighbouring_slices_join_and_strangers_do_not() {
        let mut page = Page::with_capacity(100);
        page.append(b"abcdef");
        let mut left = page.slice(0..3);
        assert!(left.join(&page.slice(3..6)));
        assert_eq!(left, b"abcdef");
        assert!(!left.join(&Slice::copy(b"x")));
    }
}
