//! Waiting for what another process does.
//!
//! Most waits in the kit are blocking reads with a time limit. For the rest (a pid file, a log line, the
//! receive queue of somebody else's socket) the kernel offers no event, so [`until`] looks again every few
//! milliseconds. It is the one place in the tests that sleeps; `tests/tidy` sees to it.

use std::io::Read;
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
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

/// Reads what there is, waiting for at least a byte, and again if a signal comes between: a read with a time
/// limit is interrupted by a process that is stopped and continued, which says nothing about the connection.
pub fn read(mut stream: &TcpStream, chunk: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(chunk) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            done => return done,
        }
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
    until("the peer to read what was sent", || (unread_bytes(theirs, ours) == 0).then_some(()));
}

/// Bytes that wait in the receive queue of the socket `local` ← `remote`, 0 if there is no such socket.
fn unread_bytes(local: SocketAddrV4, remote: SocketAddrV4) -> u64 {
    ask_kernel(local, remote).unwrap_or_else(|_| look_up(local, remote))
}

/// Asks for one socket by netlink (sock_diag(7)), which takes microseconds however many sockets there are.
fn ask_kernel(local: SocketAddrV4, remote: SocketAddrV4) -> std::io::Result<u64> {
    const AF_NETLINK: i32 = 16;
    const SOCK_DIAG: i32 = 4;
    const SOCK_DIAG_BY_FAMILY: u16 = 20;
    const ERROR: u16 = 2;
    let mut ask = Vec::new();
    // struct nlmsghdr: length, type, flags (1 is "a request"), sequence, sender
    ask.extend(72u32.to_ne_bytes());
    ask.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    ask.extend(1u16.to_ne_bytes());
    ask.extend([0; 8]);
    // struct inet_diag_req_v2: family and protocol, padding, all states
    ask.extend([2, 6, 0, 0]);
    ask.extend(u32::MAX.to_ne_bytes());
    // struct inet_diag_sockid: ports, addresses of 16 bytes, any interface, any cookie
    ask.extend(local.port().to_be_bytes());
    ask.extend(remote.port().to_be_bytes());
    for addr in [local, remote] {
        ask.extend(addr.ip().octets());
        ask.extend([0; 12]);
    }
    ask.extend([0; 4]);
    ask.extend([0xff; 8]);
    let (domain, protocol) = (socket2::Domain::from(AF_NETLINK), socket2::Protocol::from(SOCK_DIAG));
    let mut socket = socket2::Socket::new(domain, socket2::Type::DGRAM, Some(protocol))?;
    socket.send(&ask)?;
    let mut answer = [0; 1024];
    let length = socket.read(&mut answer)?;
    let word =
        |at: usize| answer.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_ne_bytes);
    match (length, (word(4) & 0xffff) as u16) {
        // struct inet_diag_msg: 4 bytes of kind, the id of 48, 4 of time, then the receive queue
        (76.., SOCK_DIAG_BY_FAMILY) => Ok(word(16 + 4 + 48 + 4).into()),
        // there is no such socket
        (20.., ERROR) if word(16) as i32 == -2 => Ok(0),
        _ => Err(std::io::Error::other("no sock_diag")),
    }
}

/// Looks through the kernel's table of all sockets, where it does not answer questions about one.
fn look_up(local: SocketAddrV4, remote: SocketAddrV4) -> u64 {
    // the four octets as a native-endian number, both in hex
    let form = |a: SocketAddrV4| format!("{:08X}:{:04X}", u32::from_ne_bytes(a.ip().octets()), a.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let (local, remote) = (form(local), form(remote));
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

#[test]
fn both_ways_to_see_a_receive_queue_agree() {
    use std::io::Write;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a listener");
    let ours = TcpStream::connect(listener.local_addr().expect("its address")).expect("a connection");
    let (mut theirs, _) = listener.accept().expect("its other end");
    (&ours).write_all(b"twelve bytes").expect("sending");
    let (Ok(SocketAddr::V4(near)), Ok(SocketAddr::V4(far))) = (ours.local_addr(), ours.peer_addr()) else {
        panic!("IPv4 was asked for");
    };
    assert_eq!((look_up(far, near), unread_bytes(far, near)), (12, 12));
    let _ = theirs.read(&mut [0; 12]);
    assert_eq!((look_up(far, near), unread_bytes(far, near)), (0, 0));
    assert_eq!(ask_kernel(near, near).unwrap_or(0), 0);
}
