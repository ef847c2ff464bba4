//! Options of sockets that socket2 does not know.
//!
//! *In nginx* these are set in `ngx_configure_listening_sockets`.
//!
//! *Here* TCP options of Linux, and what the kernel tells of a connection.
//!
//! *Read next*: `event/listening.rs`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};

/// setsockopt(2). What a value points to has to be there during the call.
pub(super) fn set<T>(fd: RawFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let size = size_of::<T>() as libc::socklen_t;
    // SAFETY: the value is readable for the size given.
    let answer = unsafe { libc::setsockopt(fd, level, name, std::ptr::from_ref(value).cast(), size) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn set_tcp(fd: &impl AsFd, name: libc::c_int, value: libc::c_int) -> io::Result<()> {
    set(fd.as_fd().as_raw_fd(), libc::IPPROTO_TCP, name, &value)
}

/// Whether accept waits for the first bytes (TCP_DEFER_ACCEPT).
pub fn defer_accept(fd: &impl AsFd) -> io::Result<bool> {
    let mut value: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value is writable for the size given.
    let answer = unsafe {
        let value = std::ptr::from_mut(&mut value).cast();
        let fd = fd.as_fd().as_raw_fd();
        libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, value, &mut size)
    };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(value != 0) }
}

/// Turns the waiting for the first bytes on or off.
pub fn set_defer_accept(fd: &impl AsFd, on: bool) -> io::Result<()> {
    set_tcp(fd, libc::TCP_DEFER_ACCEPT, libc::c_int::from(on))
}

/// Allows data in the first packet (RFC 7413), with a queue of that many unconfirmed connections.
pub fn set_fastopen(fd: &impl AsFd, queue: u32) -> io::Result<()> {
    set_tcp(fd, libc::TCP_FASTOPEN, libc::c_int::try_from(queue).unwrap_or(libc::c_int::MAX))
}

/// Lets the kernel change the sizes of a socket's buffers again, after one has been set (SO_BUF_LOCK).
pub fn unlock_buffers(fd: &impl AsFd) -> io::Result<()> {
    // The same number on all architectures that have common ones; the libc crate does not know it yet.
    const SO_BUF_LOCK: libc::c_int = 72;
    let none: libc::c_int = 0;
    set(fd.as_fd().as_raw_fd(), libc::SOL_SOCKET, SO_BUF_LOCK, &none)
}

/// Smoothed round-trip time and its variance in microseconds, congestion window in segments, receive window
/// in bytes (TCP_INFO).
pub fn tcp_info(fd: &impl AsFd) -> io::Result<[u32; 4]> {
    let mut info = std::mem::MaybeUninit::<libc::tcp_info>::zeroed();
    let mut size = size_of::<libc::tcp_info>() as libc::socklen_t;
    // SAFETY: the struct is writable for the size given.
    let answer = unsafe {
        let fd = fd.as_fd().as_raw_fd();
        libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &mut size)
    };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: zeroed at first, and any number is valid in its fields.
    let info = unsafe { info.assume_init() };
    Ok([info.tcpi_rtt, info.tcpi_rttvar, info.tcpi_snd_cwnd, info.tcpi_rcv_space])
}
