//! What a listening socket is to be: an address and the options of its `listen` lines.
//!
//! *In nginx* this is `ngx_listening_t`, which holds the wish, the socket, and the server configurations
//! behind it in one struct; `ngx_open_listening_sockets` and `ngx_configure_listening_sockets` make it
//! true.
//!
//! *Here* a [`Listen`] is only the wish. The configuration makes it, the master opens sockets by it and keeps
//! them across reloads, a worker gets the open socket back together with the number of the wish. Options
//! that can be changed while a socket is open are in [`Listen::configure`], so that a reload may apply them.
//!
//! ```text
//!   listen 80 backlog=1024; ─▶ Listen ─ open ─▶ socket(s), one per worker ─ configure ─▶ accepting
//! ```
//!
//! *Read next*: `process/listen.rs`, the table that keeps them; `accept.rs`, what comes out of them.

use super::congestion::Congestion;
use crate::util::address::Address;
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The `so_keepalive` parameter of `listen`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keepalive {
    /// `off`.
    Off,
    /// `on`, or `[idle]:[interval]:[count]` with the system's value for what is left out; times in seconds.
    On {
        /// Seconds of silence before the first probe.
        idle: Option<u64>,
        /// Seconds between probes.
        interval: Option<u64>,
        /// Probes before the connection is given up.
        count: Option<u32>,
    },
}

/// One listening address with its options, as a set of `listen` lines asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Where to listen.
    pub address: Address,
    /// The length of the accept queue (`backlog=`).
    pub backlog: i32,
    /// SO_RCVBUF in bytes (`rcvbuf=`), the system's when None.
    pub rcvbuf: Option<usize>,
    /// SO_SNDBUF in bytes (`sndbuf=`), the system's when None.
    pub sndbuf: Option<usize>,
    /// `ipv6only=`: whether `[::]` leaves IPv4 alone.
    pub ipv6only: bool,
    /// `deferred`: wake up only when the first bytes are there (TCP_DEFER_ACCEPT).
    pub deferred: bool,
    /// `fastopen=`: the length of the queue of connections that are not yet confirmed.
    pub fastopen: Option<u32>,
    /// `so_keepalive=`; the system's way when None.
    pub keepalive: Option<Keepalive>,
    /// `congestion=`: the congestion control of accepted connections.
    pub congestion: Congestion,
    /// `reuseport=cpu`: a connection goes to the worker of the processor that took it in.
    pub by_processor: bool,
}

impl Listen {
    /// The wish for an address with nginx's defaults.
    pub fn new(address: Address) -> Listen {
        Listen {
            address,
            backlog: 511,
            rcvbuf: None,
            sndbuf: None,
            ipv6only: true,
            deferred: false,
            fastopen: None,
            keepalive: None,
            congestion: Congestion::default(),
            by_processor: false,
        }
    }

    /// Creates the socket and binds it, with SO_REUSEPORT if it is to be one of several. Not yet listening.
    ///
    /// # Errors
    /// The name of the call that failed, and why.
    pub fn bind(&self, reuseport: bool) -> Result<OwnedFd, (&'static str, io::Error)> {
        let socket = self.socket(reuseport)?;
        let at = |name| move |error| (name, error);
        let address = self.address.to_sockaddr().map_err(at("bind()"))?;
        let bound = match &self.address {
            Address::Unix(path) => bind_unix(&socket, &address, path),
            Address::Ip(_) => socket.bind(&address),
        };
        bound.map_err(at("bind()"))?;
        Ok(socket.into())
    }

    fn socket(&self, reuseport: bool) -> Result<Socket, (&'static str, io::Error)> {
        let at = |name| move |error| (name, error);
        let (domain, protocol) = match &self.address {
            Address::Ip(ip) => (Domain::for_address(*ip), Some(Protocol::TCP)),
            Address::Unix(_) => (Domain::UNIX, None),
        };
        let socket = Socket::new(domain, Type::STREAM, protocol).map_err(at("socket()"))?;
        socket.set_nonblocking(true).map_err(at("ioctl(FIONBIO)"))?;
        if let Address::Ip(_) = self.address {
            socket.set_reuse_address(true).map_err(at("setsockopt(SO_REUSEADDR)"))?;
            if reuseport {
                socket.set_reuse_port(true).map_err(at("setsockopt(SO_REUSEPORT)"))?;
            }
        }
        if domain == Domain::IPV6 {
            socket.set_only_v6(self.ipv6only).map_err(at("setsockopt(IPV6_V6ONLY)"))?;
        }
        Ok(socket)
    }

    /// Starts listening, or sets the queue's length anew on a socket that listens already.
    pub fn listen(&self, fd: &OwnedFd) -> io::Result<()> {
        SockRef::from(fd).listen(self.backlog)
    }

    /// Applies the options that may change while the socket is open.
    ///
    /// # Errors
    /// The name of the option that was refused, and why. nginx logs it at level alert and goes on.
    pub fn configure(&self, fd: &impl AsFd) -> Result<(), (&'static str, io::Error)> {
        let socket = SockRef::from(fd);
        let at = |name| move |error| (name, error);
        if let Some(bytes) = self.rcvbuf {
            socket.set_recv_buffer_size(bytes).map_err(at("setsockopt(SO_RCVBUF)"))?;
        }
        if let Some(bytes) = self.sndbuf {
            socket.set_send_buffer_size(bytes).map_err(at("setsockopt(SO_SNDBUF)"))?;
        }
        if let Some(keepalive) = self.keepalive {
            set_keepalive(&socket, keepalive).map_err(at("setsockopt(SO_KEEPALIVE)"))?;
        }
        if !self.address.is_unix() {
            self.configure_tcp(fd).map_err(at("setsockopt(TCP_DEFER_ACCEPT or TCP_FASTOPEN)"))?;
            self.congestion.apply(&self.address, fd).map_err(at("setsockopt(TCP_CONGESTION)"))?;
        }
        Ok(())
    }

    fn configure_tcp(&self, fd: &impl AsFd) -> io::Result<()> {
        use crate::sys::socket_options as options;
        // Turned off only where it was on: most systems never hear of either option.
        if self.deferred || options::defer_accept(fd).unwrap_or(false) {
            options::set_defer_accept(fd, self.deferred)?;
        }
        match self.fastopen {
            Some(queue) => options::set_fastopen(fd, queue),
            None => Ok(()),
        }
    }
}

fn set_keepalive(socket: &Socket, wanted: Keepalive) -> io::Result<()> {
    let Keepalive::On { idle, interval, count } = wanted else { return socket.set_keepalive(false) };
    socket.set_keepalive(true)?;
    let mut times = TcpKeepalive::new();
    if let Some(seconds) = idle {
        times = times.with_time(Duration::from_secs(seconds));
    }
    if let Some(seconds) = interval {
        times = times.with_interval(Duration::from_secs(seconds));
    }
    if let Some(count) = count {
        times = times.with_retries(count);
    }
    socket.set_tcp_keepalive(&times)
}

/// Binds a unix socket and lets everybody connect to it. A file left behind by a process that is gone is
/// taken away first. DIFF: nginx refuses to start until the operator removes it.
fn bind_unix(socket: &Socket, address: &SockAddr, path: &Path) -> io::Result<()> {
    if let Err(error) = socket.bind(address) {
        let gone = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
        let stale = error.kind() == io::ErrorKind::AddrInUse && UnixStream::connect(path).is_err_and(gone);
        if !stale {
            return Err(error);
        }
        fs::remove_file(path)?;
        socket.bind(address)?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o666))
}
