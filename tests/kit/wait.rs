//! Waiting for what another process does.
//!
//! Most waits in the kit are blocking reads with a time limit. For the rest (a pid file, a log line, the
//! receive queue of somebody else's socket) the kernel offers no event, so [`until`] looks again every few
//! milliseconds. It is the one place in the tests that sleeps; `tests/tidy` sees to it.

use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use super::DEADLINE;

/// Calls `look` until it gives something; panics with `what` after [`DEADLINE`].
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    match try_until(look) {
        Some(found) => found,
        None => panic!("waited {} s in vain for {what}", DEADLINE.as_secs()),
    }
}

/// Calls `look` until it gives something; None after [`DEADLINE`].
pub fn try_until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() > DEADLINE {
            return None;
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

/// Waits until the process at the other end has read everything sent to it so far.
///
/// This is how bytes are made to arrive in pieces: the next piece is sent only when the kernel shows an
/// empty receive queue for the peer's socket. A peer that has closed counts as one that has read.
pub fn until_peer_has_read(stream: &TcpStream) {
    let (Ok(SocketAddr::V4(ours)), Ok(SocketAddr::V4(theirs))) = (stream.local_addr(), stream.peer_addr())
    else {
        return;
    };
    let (ours, theirs) = (SocketAddr::V4(ours), SocketAddr::V4(theirs));
    until("the peer to read what was sent", || (unread_bytes(theirs, ours) == 0).then_some(()));
}

/// Bytes that wait in the receive queue of the socket `local` ← `remote`, 0 if there is no such socket.
fn unread_bytes(local: SocketAddr, remote: SocketAddr) -> u64 {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let (local, remote) = (proc_form(local), proc_form(remote));
    for line in table.lines().skip(1) {
        let mut fields = line.split_whitespace().skip(1);
        if fields.next() == Some(&local) && fields.next() == Some(&remote) {
            let queues = fields.nth(1).unwrap_or("0:0");
            let received = queues.split_once(':').map_or("0", |(_, received)| received);
            return u64::from_str_radix(received, 16).unwrap_or(0);
        }
    }
    0
}

/// An IPv4 address as /proc/net/tcp writes it: the four octets as a native-endian number, both in hex.
fn proc_form(addr: SocketAddr) -> String {
    match addr {
        SocketAddr::V4(a) => format!("{:08X}:{:04X}", u32::from_ne_bytes(a.ip().octets()), a.port()),
        SocketAddr::V6(a) => format!("{a}"),
    }
}
