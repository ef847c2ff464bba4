//! Which of several sockets on one address gets a new connection.
//!
//! *In nginx* `listen … reuseport` leaves it to the kernel, which takes a hash of the two addresses.
//!
//! *Here* the kernel's other way: a small program, run for each new connection, that looks at the processor
//! which took the packet and names a socket. A worker that is bound to that processor then finds the
//! connection's memory in its own caches. The program is classic BPF, the language of packet filters
//! (socket(7), SO_ATTACH_REUSEPORT_CBPF); it lives as long as the group of sockets, whoever closes first.
//!
//! ```text
//!   load the processor's number
//!   is it 0? ─▶ socket 0        is it 4? ─▶ socket 1        …
//!   else no socket of the group, which makes the kernel take its hash after all
//! ```
//!
//! *Read next*: `process/listen.rs`.

use super::socket_options::set;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// Names no socket.
const NOBODY: u32 = u32::MAX;

/// Connections that processor `processors[i]` takes in go to socket `i`, in the order in which the sockets
/// of the group began to listen; those of other processors to any. `fd` is any of them.
///
/// # Errors
/// What setsockopt(2) said; a group knows programs since Linux 4.5.
pub fn by_processor(fd: &impl AsFd, processors: &[usize]) -> io::Result<()> {
    let mut program = program(processors);
    let length = libc::c_ushort::try_from(program.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let text = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    set(fd.as_fd().as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_CBPF, &text)
}

/// Back to the kernel's own way, which is also where a group without a program is.
pub fn by_hash(fd: &impl AsFd) {
    let nothing: libc::c_int = 0;
    // ENOENT: there was no program. An older kernel that cannot take it away says so, and nothing is lost.
    let _ = set(fd.as_fd().as_raw_fd(), libc::SOL_SOCKET, libc::SO_DETACH_REUSEPORT_BPF, &nothing);
}

fn program(processors: &[usize]) -> Vec<libc::sock_filter> {
    let step = |code: u32, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf, k };
    // Offsets below zero are not of the packet but of what the kernel knows about it.
    let processor = (libc::SKF_AD_OFF + libc::SKF_AD_CPU) as u32;
    let mut program = vec![step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, processor)];
    for (socket, number) in (0..).zip(processors) {
        let number = u32::try_from(*number).unwrap_or(NOBODY);
        program.push(step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 1, number));
        program.push(step(libc::BPF_RET | libc::BPF_K, 0, socket));
    }
    program.push(step(libc::BPF_RET | libc::BPF_K, 0, NOBODY));
    program
}
