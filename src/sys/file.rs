//! Files: reading a stretch into a page, and telling the kernel what will be read.
//!
//! *In nginx* this is `ngx_read_file` (pread), `ngx_read_ahead` (posix_fadvise) and `ngx_openat_file`.
//!
//! *Here* only what the standard library cannot do: read into memory that is not written yet, and give
//! advice. What is sent without being read goes through `socket.rs: send_file`.
//!
//! *Read next*: `http/output/copy.rs`, who reads.

use super::page::Page;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

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

/// openat(2): opens `name`, a single component or a whole path, below `dir`, or as it stands without
/// one. Close-on-exec.
///
/// # Errors
/// What the call said; an interrupted one is repeated. A name with a null byte is invalid.
pub fn open_at(dir: Option<&OwnedFd>, name: &[u8], flags: i32) -> io::Result<OwnedFd> {
    let name = CString::new(name).map_err(|_| io::ErrorKind::InvalidInput)?;
    let dir = dir.map_or(libc::AT_FDCWD, AsRawFd::as_raw_fd);
    loop {
        // SAFETY: the name ends with a null byte; a descriptor that openat returns is ours alone.
        unsafe {
            let fd = libc::openat(dir, name.as_ptr(), flags | libc::O_CLOEXEC);
            if fd >= 0 {
                return Ok(OwnedFd::from_raw_fd(fd));
            }
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// The size of a block of the file system that holds `path`, and how many bytes are free there for users
/// without privileges.
///
/// # Errors
/// What statvfs(2) said. A name with a null byte is invalid.
pub fn space(path: &Path) -> io::Result<(u64, u64)> {
    let name = CString::new(path.as_os_str().as_bytes()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut found = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: the name ends with a null byte; all-zero is a valid `statvfs`, whatever the call wrote.
    let (said, found) = unsafe {
        let said = libc::statvfs(name.as_ptr(), found.as_mut_ptr());
        (said, found.assume_init())
    };
    let block = found.f_frsize;
    if said < 0 { Err(io::Error::last_os_error()) } else { Ok((block, block.saturating_mul(found.f_bavail))) }
}

/// Who owns `name` below `dir` itself, and not what it points at if it is a symbolic link.
///
/// # Errors
/// What fstatat(2) said.
pub fn link_owner(dir: Option<&OwnedFd>, name: &[u8]) -> io::Result<u32> {
    let name = CString::new(name).map_err(|_| io::ErrorKind::InvalidInput)?;
    let dir = dir.map_or(libc::AT_FDCWD, AsRawFd::as_raw_fd);
    let mut found = MaybeUninit::<libc::stat>::zeroed();
    // SAFETY: the name ends with a null byte; all-zero is a valid `stat`, whatever the call wrote.
    let (said, found) = unsafe {
        let said = libc::fstatat(dir, name.as_ptr(), found.as_mut_ptr(), libc::AT_SYMLINK_NOFOLLOW);
        (said, found.assume_init())
    };
    if said < 0 { Err(io::Error::last_os_error()) } else { Ok(found.st_uid) }
}
