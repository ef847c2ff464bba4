//! Files: reading a stretch into a page, and telling the kernel what will be read.
//!
//! *In nginx* this is `ngx_read_file` (pread) and `ngx_read_ahead` (posix_fadvise).
//!
//! *Here* only what the standard library cannot do: read into memory that is not written yet, and give
//! advice. What is sent without being read goes through `socket.rs: send_file`.
//!
//! *Read next*: `http/output/copy.rs`, who reads.

use super::page::Page;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// pread(2) into the spare room of `page`, at most `limit` bytes from `offset`. `Ok(0)` is the end of the
/// file (or no room).
///
/// # Errors
/// What the call said; an interrupted one is repeated.
pub fn read_at(file: &File, page: &mut Page, offset: u64, limit: usize) -> io::Result<usize> {
    let offset = i64::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
    let spare = page.spare();
    let len = spare.len().min(limit);
    let to = spare.as_mut_ptr();
    loop {
        // SAFETY: `to` points at `len` writable bytes.
        let n = unsafe { libc::pread(file.as_raw_fd(), to.cast(), len, offset) };
        if let Ok(n) = usize::try_from(n) {
            // SAFETY: the kernel says that it wrote `n` bytes.
            unsafe { page.commit(n) };
            return Ok(n);
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// Says that a file will be read from its beginning to its end (directive `read_ahead`); best effort.
pub fn will_read_all(file: &File) {
    // SAFETY: plain integers.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_SEQUENTIAL) };
}
