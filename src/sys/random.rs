//! Random bytes that nobody can guess.
//!
//! *In nginx* `ngx_random()` is `random(3)`, seeded from the process id and the time; whoever sees a few of
//! its numbers can compute the others.
//!
//! *Here* the kernel is asked each time, since the one user (ids of questions to name servers) asks seldom,
//! and the number is all that keeps strangers from answering in a server's name.
//!
//! *Read next*: `resolver/attempt.rs`, who needs it.

/// A number between 0 and 65535. Falls back to the hash seeds of the standard library, which come from the
/// kernel too, should getrandom(2) fail.
pub fn u16() -> u16 {
    let mut bytes = [0u8; 2];
    // SAFETY: the buffer is writable for its length.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if got == 2 {
        return u16::from_ne_bytes(bytes);
    }
    use std::hash::{BuildHasher, RandomState};
    let word = RandomState::new().hash_one(std::process::id());
    u16::try_from(word & 0xffff).unwrap_or(0)
}
