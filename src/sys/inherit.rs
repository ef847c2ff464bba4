//! Descriptors that outlive the program: handed over an exec, and taken back by number.
//!
//! *In nginx* `ngx_exec_new_binary` writes the numbers of its listening sockets into the variable NGINX, and
//! `ngx_add_inherited_sockets` reads them in the new binary.
//!
//! *Here* the two halves of that: marking a descriptor to be kept, and adopting a number as a socket we own.
//! Also the environment, which a process with one thread may change.
//!
//! *Read next*: `process/upgrade.rs`.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};

fn set_flags(fd: RawFd, flags: libc::c_int) -> io::Result<()> {
    // SAFETY: plain numbers.
    match unsafe { libc::fcntl(fd, libc::F_SETFD, flags) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// Whether a program that is executed next gets the descriptor under the same number.
pub fn set_inherited(fd: &impl AsFd, kept: bool) -> io::Result<()> {
    set_flags(fd.as_fd().as_raw_fd(), if kept { 0 } else { libc::FD_CLOEXEC })
}

/// Takes over a socket that was open when this program began, under the number that was told.
///
/// Must be called once for a number, at the start, before anything else could have been opened under it.
///
/// # Errors
/// The number is not that of an open socket.
pub fn adopt_socket(fd: RawFd) -> io::Result<OwnedFd> {
    let (mut kind, mut size): (libc::c_int, _) = (0, size_of::<libc::c_int>() as libc::socklen_t);
    // SAFETY: the value is writable for the size given.
    let answer = unsafe {
        let kind = std::ptr::from_mut(&mut kind).cast();
        libc::getsockopt(fd, libc::SOL_SOCKET, libc::SO_TYPE, kind, &mut size)
    };
    if fd <= libc::STDERR_FILENO || answer < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    set_flags(fd, libc::FD_CLOEXEC)?;
    // SAFETY: an open socket beyond the standard descriptors, which nobody in this program opened.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Leaves these variables in the environment and no others.
pub fn set_environment(variables: &[(OsString, OsString)]) {
    let present: Vec<OsString> = std::env::vars_os().map(|(name, _)| name).collect();
    let usable = |name: &OsStr| !name.is_empty() && !name.as_encoded_bytes().contains(&b'=');
    // SAFETY: this program has one thread, so nobody reads the environment meanwhile.
    unsafe {
        for name in present.iter().filter(|name| usable(name)) {
            std::env::remove_var(name);
        }
        for (name, value) in variables.iter().filter(|(name, _)| usable(name)) {
            std::env::set_var(name, value);
        }
    }
}
