//! Sockets: the calls that move bytes, each one system call and no more.
//!
//! *In nginx* these are `ngx_unix_recv`, `ngx_writev_chain`, `ngx_linux_sendfile_chain`, `ngx_event_accept`
//! and the socket part of `ngx_event_connect_peer`.
//!
//! *Here* a function takes a descriptor and answers what the kernel said, with `EINTR` repeated and nothing
//! else interpreted. Options that are not on the fast path are set through socket2 by the callers.
//!
//! *Read next*: `event/stream.rs`, which decides what a short read or `EAGAIN` means.

use super::page::Page;
use super::socket_options::set;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

fn checked(n: isize) -> io::Result<usize> {
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

fn again<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// recv(2) into the spare room of `page`, at most `limit` bytes. `Ok(0)` is the end of the stream (or no
/// room).
pub fn recv(fd: RawFd, page: &mut Page, limit: usize) -> io::Result<usize> {
    let spare = page.spare();
    let len = spare.len().min(limit);
    let to = spare.as_mut_ptr();
    // SAFETY: `to` points at `len` writable bytes; the kernel says how many it wrote.
    unsafe {
        let n = again(|| checked(libc::recv(fd, to.cast(), len, 0)))?;
        page.commit(n);
        Ok(n)
    }
}

/// Looks at the next bytes without taking them.
pub fn peek(fd: RawFd, to: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the slice is writable for its length.
    again(|| checked(unsafe { libc::recv(fd, to.as_mut_ptr().cast(), to.len(), libc::MSG_PEEK) }))
}

/// recv(2) of bytes nobody wants.
pub fn recv_discard(fd: RawFd, scratch: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the slice is writable for its length.
    again(|| checked(unsafe { libc::recv(fd, scratch.as_mut_ptr().cast(), scratch.len(), 0) }))
}

/// send(2) without SIGPIPE.
pub fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    // SAFETY: the slice is readable for its length.
    again(|| checked(unsafe { libc::send(fd, bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) }))
}

/// sendmsg(2) of several pieces at once; `more` says that a file follows, so that both share a packet.
pub fn send_pieces(fd: RawFd, pieces: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
    // SAFETY: an all-zero msghdr is a valid empty one; IoSlice is documented to be an iovec.
    unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = pieces.as_ptr().cast_mut().cast();
        message.msg_iovlen = pieces.len();
        let flags = libc::MSG_NOSIGNAL | if more { libc::MSG_MORE } else { 0 };
        again(|| checked(libc::sendmsg(fd, &message, flags)))
    }
}

/// sendfile(2): `len` bytes of `file` from `offset` to a socket, without a copy in user space.
pub fn send_file(fd: RawFd, file: RawFd, offset: u64, len: usize) -> io::Result<usize> {
    let mut offset = i64::try_from(offset).map_err(|_| io::ErrorKind::InvalidInput)?;
    // SAFETY: plain integers and one pointer to a local.
    again(|| checked(unsafe { libc::sendfile(fd, file, &mut offset, len) }))
}

/// accept4(2): a non-blocking, close-on-exec connection with its peer's address.
pub fn accept(listener: RawFd) -> io::Result<(OwnedFd, socket2::SockAddr)> {
    let mut storage = MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut len = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    // SAFETY: storage and len are valid for writes, and a descriptor that accept returns is ours alone; the
    // kernel has filled `len` bytes of zeroed storage, so both parts of the address are initialised.
    unsafe {
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        let fd = again(|| {
            let fd = libc::accept4(listener, storage.as_mut_ptr().cast(), &mut len, flags);
            if fd < 0 { Err(io::Error::last_os_error()) } else { Ok(fd) }
        })?;
        let fd = OwnedFd::from_raw_fd(fd);
        let ((), address) = socket2::SockAddr::try_init(|to, to_len| {
            std::ptr::copy_nonoverlapping(storage.as_ptr().cast::<u8>(), to.cast::<u8>(), len as usize);
            *to_len = len;
            Ok(())
        })?;
        Ok((fd, address))
    }
}

/// How many bytes the kernel holds for reading (FIONREAD).
pub fn readable_bytes(fd: &impl AsRawFd) -> io::Result<usize> {
    let mut n: libc::c_int = 0;
    // SAFETY: FIONREAD writes one int.
    let said = unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &mut n) };
    if said < 0 { Err(io::Error::last_os_error()) } else { Ok(usize::try_from(n).unwrap_or(0)) }
}

/// Lets bind(2) leave the choice of the port to connect(2) (IP_BIND_ADDRESS_NO_PORT); best effort.
pub fn set_bind_address_no_port(fd: &impl AsRawFd) {
    let on: libc::c_int = 1;
    let _ = set(fd.as_raw_fd(), libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, &on);
}
