//! Datagrams: sockets that carry whole messages.
//!
//! *In nginx* `ngx_udp_connect` in `ngx_resolver.c` and `ngx_udp_unix_recv`.
//!
//! *Here* the two rules of `stream.rs` differ: a short read is an ordinary message and says nothing about
//! what else the kernel holds, and a message of no bytes is no end. Only `EAGAIN` clears the ready flag.
//! The socket is connected, so the kernel drops what comes from any other address, and its port is the
//! kernel's choice.
//!
//! *Read next*: `resolver/attempt.rs`.

use super::conn::{ConnId, Connection};
use super::net::Net;
use super::owner::Owner;
use crate::sys::socket;
use crate::util::address::Address;
use socket2::{Domain, Socket, Type};
use std::io;
use std::os::fd::OwnedFd;

impl Net {
    /// A socket that talks to `peer` in datagrams, in the table and registered.
    ///
    /// # Errors
    /// What socket(2) or connect(2) said.
    pub fn connect_datagram(&mut self, peer: &Address, owner: Owner) -> io::Result<ConnId> {
        let address = peer.to_sockaddr()?;
        let kind = Type::DGRAM.nonblocking().cloexec();
        let socket = Socket::new(Domain::from(i32::from(address.family())), kind, None)?;
        socket.connect(&address)?;
        self.adopt(OwnedFd::from(socket), peer.clone(), owner)
    }
}

impl Connection {
    /// Takes one message; what does not fit is cut off. None when there is none now.
    ///
    /// # Errors
    /// What recv(2) said: `ECONNREFUSED` means that nobody listens there.
    pub fn recv_datagram(&mut self, to: &mut [u8]) -> io::Result<Option<usize>> {
        match socket::recv_discard(self.raw_fd(), to) {
            Ok(n) => {
                self.received = self.received.saturating_add(n as u64);
                Ok(Some(n))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.read.ready = false;
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Sends one message.
    ///
    /// # Errors
    /// What send(2) said; a full socket buffer too, since nobody waits for room with a question.
    pub fn send_datagram(&mut self, message: &[u8]) -> io::Result<()> {
        let n = socket::send(self.raw_fd(), message)?;
        self.sent = self.sent.saturating_add(n as u64);
        Ok(())
    }
}
