//! splice(2): bytes from one socket to another without passing through this process.
//!
//! *In nginx* there is no use of it; HAProxy has had one since 1.4.
//!
//! *Here* a kernel pipe and the two calls on it. The pipe is the go-between that splice wants on one
//! side; pages of the one socket's queue are moved into it and from it into the other's, and no byte is
//! copied. Whoever fills a [`Conduit`] empties it before anybody else uses it, so a worker needs only
//! one.
//!
//! ```text
//!   socket ── fill ─▶ [ pipe ] ── empty ─▶ socket
//!                        └─ read ─▶ page        the other socket takes no more
//! ```
//!
//! *Read next*: `upstream/pipe/splice.rs`.

use super::page::Page;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// How much a pipe is asked to hold; the kernel may grant less.
const SIZE: libc::c_int = 1 << 20;

/// With less than this a copy through memory is as good.
const LEAST: libc::c_int = 64 << 10;

/// A pipe that bytes pass through.
#[derive(Debug)]
pub struct Conduit {
    read: OwnedFd,
    write: OwnedFd,
    held: usize,
}

fn checked(n: isize) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

impl Conduit {
    /// An empty pipe.
    ///
    /// # Errors
    /// What pipe2(2) said; `QuotaExceeded` if the kernel grants no pipe of a useful size.
    pub fn new() -> io::Result<Conduit> {
        let mut ends = [0; 2];
        // SAFETY: the array has room for both ends; descriptors that the call returned are ours alone.
        unsafe {
            if libc::pipe2(ends.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC) < 0 {
                return Err(io::Error::last_os_error());
            }
            let [read, write] = ends.map(|end| OwnedFd::from_raw_fd(end));
            // A user who has many pipes is refused large ones, and is given tiny ones in the end.
            for size in [SIZE, SIZE / 4] {
                if libc::fcntl(write.as_raw_fd(), libc::F_SETPIPE_SZ, size) >= 0 {
                    break;
                }
            }
            if libc::fcntl(write.as_raw_fd(), libc::F_GETPIPE_SZ) < LEAST {
                return Err(io::ErrorKind::QuotaExceeded.into());
            }
            Ok(Conduit { read, write, held: 0 })
        }
    }

    /// How many bytes are in it.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Moves up to `most` bytes from a socket into it. `Ok(0)` is the end of the stream.
    ///
    /// # Errors
    /// What splice(2) said; `WouldBlock` when the socket has nothing.
    pub fn fill(&mut self, socket: RawFd, most: usize) -> io::Result<usize> {
        let n = splice(socket, self.write.as_raw_fd(), most.min(SIZE as usize))?;
        self.held = self.held.saturating_add(n);
        Ok(n)
    }

    /// Moves what it holds into a socket.
    ///
    /// # Errors
    /// What splice(2) said; `WouldBlock` when the socket takes nothing.
    pub fn empty(&mut self, socket: RawFd) -> io::Result<usize> {
        let n = splice(self.read.as_raw_fd(), socket, self.held)?;
        self.held = self.held.saturating_sub(n);
        Ok(n)
    }

    /// Moves some of what it holds into a file, at this place of it.
    ///
    /// # Errors
    /// What splice(2) said.
    pub fn store(&mut self, file: RawFd, at: u64) -> io::Result<usize> {
        let mut at = libc::off64_t::try_from(at).map_err(|_| io::ErrorKind::FileTooLarge)?;
        // SAFETY: the only memory the call touches is `at`, which it reads and moves on.
        let n = unsafe {
            let from = self.read.as_raw_fd();
            checked(libc::splice(
                from,
                std::ptr::null_mut(),
                file,
                &raw mut at,
                self.held,
                libc::SPLICE_F_MOVE,
            ))?
        };
        self.held = self.held.saturating_sub(n);
        Ok(n)
    }

    /// Moves what it holds into a page, as much as fits.
    ///
    /// # Errors
    /// What read(2) said.
    pub fn read(&mut self, page: &mut Page) -> io::Result<usize> {
        let spare = page.spare();
        let (to, len) = (spare.as_mut_ptr(), spare.len().min(self.held));
        // SAFETY: `to` points at `len` writable bytes; the kernel says how many it wrote.
        let n = unsafe {
            let n = checked(libc::read(self.read.as_raw_fd(), to.cast(), len))?;
            page.commit(n);
            n
        };
        self.held = self.held.saturating_sub(n);
        Ok(n)
    }
}

fn splice(from: RawFd, to: RawFd, len: usize) -> io::Result<usize> {
    let flags = libc::SPLICE_F_MOVE | libc::SPLICE_F_NONBLOCK;
    loop {
        // SAFETY: no offsets are given, so the call touches no memory of ours.
        let n = unsafe { libc::splice(from, std::ptr::null_mut(), to, std::ptr::null_mut(), len, flags) };
        match checked(n) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
