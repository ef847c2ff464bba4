//! Connecting: a non-blocking connect that completes on writability.
//!
//! *In nginx* `ngx_event_connect_peer` starts it and `ngx_http_upstream_test_connect` asks, once the socket
//! is writable, how it went.
//!
//! ```text
//!   socket() ─▶ connect() ─▶ EINPROGRESS ─▶ registered ─▶ writable ─▶ SO_ERROR ── 0 ─▶ connected
//!                   │              └─▶ this machine? getpeername() ── 0 ─▶ connected  └── else ─▶ next peer
//!                   └─▶ 0 (unix sockets): connected
//! ```
//!
//! *Here* [`Net::connect`] and [`Net::connect_result`] are those two halves and nothing more; who is
//! connected to, and what happens when it fails, is the business of `upstream/`. Unlike nginx we know that
//! a peer on this machine has answered while connect(2) was at work, and save the turn of the loop that
//! would tell us so.
//!
//! *Read next*: `upstream/connect.rs`.

use super::conn::ConnId;
use super::net::Net;
use super::owner::Owner;
use crate::util::address::Address;
use socket2::{Domain, SockRef, Socket, Type};
use std::io;
use std::os::fd::OwnedFd;

/// Whether a connect that is "in progress" is over all the same.
///
/// Packets to this machine are delivered within the call that sends them, so the whole handshake has
/// happened when connect(2) returns; it says EINPROGRESS because it did not wait to see. A socket has a
/// peer's name only when it is connected: refused ones, and those that a full queue did not take, have
/// none, and their end is told by the poll as for any other peer.
fn shook_hands(socket: &Socket, peer: &Address) -> bool {
    peer.ip().is_some_and(|ip| ip.is_loopback()) && socket.peer_addr().is_ok()
}

/// What is set on a socket before it connects.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The local address (directive `proxy_bind`).
    pub bind: Option<Address>,
    /// Bind to an address that is not ours (`proxy_bind … transparent`).
    pub transparent: bool,
    /// SO_RCVBUF in bytes.
    pub rcvbuf: Option<usize>,
    /// SO_SNDBUF in bytes.
    pub sndbuf: Option<usize>,
    /// SO_KEEPALIVE (directive `proxy_socket_keepalive`).
    pub keepalive: bool,
}

/// A connect that was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Started {
    /// The connection, in the table and registered.
    pub id: ConnId,
    /// True if it is connected already; else it will be writable when it is known.
    pub done: bool,
}

impl Net {
    /// Starts to connect to `peer`.
    ///
    /// # Errors
    /// What socket(2), bind(2) or connect(2) said at once: `EAGAIN` means a unix socket's queue is full.
    pub fn connect(&mut self, peer: &Address, options: &Options, owner: Owner) -> io::Result<Started> {
        let address = peer.to_sockaddr()?;
        let kind = Type::STREAM.nonblocking().cloexec();
        let socket = Socket::new(Domain::from(i32::from(address.family())), kind, None)?;
        if let Some(bytes) = options.rcvbuf {
            socket.set_recv_buffer_size(bytes)?;
        }
        if let Some(bytes) = options.sndbuf {
            socket.set_send_buffer_size(bytes)?;
        }
        if options.keepalive {
            socket.set_keepalive(true)?;
        }
        if let Some(local) = options.bind.as_ref().filter(|_| !peer.is_unix()) {
            if options.transparent {
                socket.set_ip_transparent_v4(true)?;
            } else if local.port() == 0 {
                // The port is chosen at connect, when the peer is known: more connections from one address.
                crate::sys::socket::set_bind_address_no_port(&socket);
            }
            socket.bind(&local.to_sockaddr()?)?;
        }
        let done = match socket.connect(&address) {
            Ok(()) => true,
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => shook_hands(&socket, peer),
            Err(error) => return Err(error),
        };
        let id = self.adopt(OwnedFd::from(socket), peer.clone(), owner)?;
        if let Some(c) = self.table.get_mut(id) {
            c.write.ready = done;
            c.flags.connecting = !done;
        }
        Ok(Started { id, done })
    }

    /// Asks how a started connect went, once the connection is writable.
    ///
    /// # Errors
    /// What connect(2) would have said.
    pub fn connect_result(&mut self, id: ConnId) -> io::Result<()> {
        let Some(c) = self.table.get_mut(id) else { return Err(io::ErrorKind::NotConnected.into()) };
        if !c.flags.connecting {
            return Ok(());
        }
        match SockRef::from(c.fd()).take_error()? {
            Some(error) => Err(error),
            None => {
                c.flags.connecting = false;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_connect_to_this_machine_is_over_at_once_if_somebody_listens() -> io::Result<()> {
        let mut net = Net::new(8)?;
        let mut begin = |address| net.connect(&Address::Ip(address), &Options::default(), Owner::Waiting);
        let listener = TcpListener::bind("127.0.0.1:0")?;
        assert!(begin(listener.local_addr()?)?.done);
        let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        assert!(!begin(nobody)?.done);
        Ok(())
    }
}
