//! The handshake with a client, before its first request.
//!
//! *In nginx* `ngx_http_ssl_handshake`, which looks at the first byte, `ngx_ssl_handshake`,
//! `ngx_http_ssl_servername`, `ngx_http_ssl_handshake_handler`.
//!
//! *Here* a connection with the owner `Handshake`: no exchange and no page. All of it, and the first bytes of
//! a request behind it, have to come within `client_header_timeout`. A PROXY protocol header comes in front
//! and is taken off without a byte of what follows it.
//!
//! ```text
//!   PROXY … │ 16 03 01 … ClientHello(name) ─▶ names.find(name) ─▶ its certificate ─▶ … ─▶ Ready
//! ```
//!
//! *Read next*: `http/client/wait.rs`, where a client goes from here.

use super::conf::SslServer;
use crate::event::{ConnId, Connection, Owner, Side};
use crate::http::client::wait::server_of;
use crate::http::cycle::{HttpCycle, ListenAddress};
use crate::http::io::Io;
use crate::http::server::{Found, Server};
use crate::log::{Level, clock};
use crate::sys::socket;
use crate::tls::verify::Purpose;
use crate::tls::{ServerTls, Session, Shake};
use crate::util::proxy_protocol::{self, MAX_HEADER, Parsed};
use std::io;
use std::rc::Rc;

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shook {
    /// It goes on.
    Waits,
    /// The client is to be closed.
    Gone,
    /// A request may come.
    Ready,
}

/// The first byte of a TLS record with a handshake message.
const HANDSHAKE: u8 = 0x16;

/// The handler of both sides of a connection that shakes hands.
pub fn step(io: &mut Io, conn: ConnId) -> Shook {
    if io.net.take_timed_out(conn, Side::Read) {
        let error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
        log(io, conn, Level::Info, Some(&error), "client timed out");
        return Shook::Gone;
    }
    match advance(io, conn) {
        Ok(shook) => {
            if shook == Shook::Ready {
                io.net.set_owner(conn, Owner::Waiting);
            }
            shook
        }
        Err(error) => {
            if error.kind() == io::ErrorKind::UnexpectedEof {
                log(io, conn, Level::Info, None, "peer closed connection in SSL handshake");
            } else {
                log(io, conn, level(&error), Some(&error), "SSL_do_handshake() failed");
            }
            Shook::Gone
        }
    }
}

/// What a client does wrong is no error of the server.
fn level(error: &io::Error) -> Level {
    match error.raw_os_error() {
        None | Some(libc::ECONNRESET | libc::EPIPE | libc::ENOTCONN | libc::ETIMEDOUT) => Level::Info,
        Some(_) => Level::Crit,
    }
}

fn log(io: &mut Io, conn: ConnId, level: Level, errno: Option<&io::Error>, text: &str) {
    let Some(c) = io.net.table.get(conn) else { return };
    let server = match io.cycle.addresses.get(c.listener as usize) {
        Some(listen) => format!(", server: {}", listen.listen.address),
        None => String::new(),
    };
    let context = format!(" while SSL handshaking, client: {}{server}", c.peer.host_text());
    io.cycle.error_log.write_with(level, c.number, errno, format_args!("{text}"), &context);
}

fn advance(io: &mut Io, conn: ConnId) -> io::Result<Shook> {
    let cycle = io.cycle.clone();
    let listener = io.conn(conn).map_or(0, |c| c.listener);
    let Some(listen) = cycle.addresses.get(listener as usize) else { return Ok(Shook::Gone) };
    if io.net.table.get(conn).is_some_and(|c| c.is_plain()) {
        if listen.proxy_protocol
            && let Some(shook) = take_proxy_header(io, conn)?
        {
            return Ok(shook);
        }
        match first_byte(io, conn)? {
            None => return Ok(Shook::Waits),
            Some(HANDSHAKE | 0x80..) => {}
            Some(_) => return Ok(Shook::Ready),
        }
    }
    let Some(c) = io.net.table.get_mut(conn) else { return Ok(Shook::Gone) };
    if c.is_plain() {
        c.begin_session(Session::accepting());
    }
    loop {
        match c.shake()? {
            Shake::Done => {
                look(c, listen, &cycle);
                return Ok(Shook::Ready);
            }
            Shake::Again => return Ok(Shook::Waits),
            Shake::Choose => {
                let name = c.session().and_then(|session| session.name.clone());
                let named = choose(listen, name.as_deref());
                let server = named.as_ref().unwrap_or(&listen.default_server);
                let rejects = *server.confs.get::<SslServer>().reject_handshake;
                let Some(tls) = usable(server, listen).filter(|_| !rejects) else {
                    c.reject_name();
                    return Err(io::Error::other("handshake rejected"));
                };
                c.choose(tls)?;
                if let Some(session) = c.session_mut() {
                    session.server = named.map(|server| server.number);
                }
            }
        }
    }
}

/// The server for the name that a client asks for in its first message.
fn choose(listen: &ListenAddress, name: Option<&str>) -> Option<Rc<Server>> {
    let name = name.map(|name| name.trim_end_matches('.').to_ascii_lowercase()).unwrap_or_default();
    let found = if name.is_empty() { None } else { listen.names.find(name.as_bytes()) };
    found.map(|found| match found {
        Found::Server(server) | Found::Matched(server, _) => server,
    })
}

/// The TLS of a server, or that of the address's own where it has none.
fn usable<'a>(server: &'a Server, listen: &'a ListenAddress) -> Option<&'a ServerTls> {
    let own = server.confs.get::<SslServer>().tls.as_ref();
    own.or_else(|| listen.default_server.confs.get::<SslServer>().tls.as_ref())
}

/// Finds out what a client's certificate is worth; what follows is decided when it asks for something.
fn look(c: &mut Connection, listen: &ListenAddress, cycle: &HttpCycle) {
    let server = server_of(listen, c, cycle);
    let (Some(tls), Some(session)) = (usable(&server, listen), c.session_mut()) else { return };
    if !session.certificates().is_empty() {
        let now = clock::seconds();
        session.verified = Some(tls.trust.verify(session.certificates(), Purpose::Client, now));
    }
}

/// Takes a PROXY protocol header off; None when it is done.
fn take_proxy_header(io: &mut Io, conn: ConnId) -> io::Result<Option<Shook>> {
    let Some(c) = io.net.table.get_mut(conn) else { return Ok(Some(Shook::Gone)) };
    if c.proxied().is_some() {
        return Ok(None);
    }
    if !c.read.ready {
        return Ok(Some(Shook::Waits));
    }
    let mut bytes = [0u8; MAX_HEADER];
    let n = match socket::peek(c.raw_fd(), &mut bytes) {
        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(n) => n,
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            c.read.ready = false;
            return Ok(Some(Shook::Waits));
        }
        Err(error) => return Err(error),
    };
    let seen = bytes.get(..n).unwrap_or_default();
    match proxy_protocol::parse(seen) {
        Parsed::Header(header, length) => {
            c.set_proxied(header);
            let mut taken = bytes.get_mut(..length).unwrap_or_default();
            while !taken.is_empty() {
                let n = socket::recv_discard(c.raw_fd(), taken)?;
                c.received += n as u64;
                taken = taken.get_mut(n.max(1)..).unwrap_or_default();
            }
            Ok(None)
        }
        Parsed::Incomplete if n < MAX_HEADER => {
            // The next bytes bring an event of their own.
            c.read.ready = false;
            Ok(Some(Shook::Waits))
        }
        _ => {
            let shown = String::from_utf8_lossy(seen.get(..n.min(107)).unwrap_or_default()).into_owned();
            log(io, conn, Level::Error, None, &format!("broken header: \"{}\"", shown.escape_debug()));
            Ok(Some(Shook::Gone))
        }
    }
}

/// The first byte, left where it is; None while there is none.
fn first_byte(io: &mut Io, conn: ConnId) -> io::Result<Option<u8>> {
    let Some(c) = io.net.table.get_mut(conn) else { return Err(io::ErrorKind::NotConnected.into()) };
    if !c.read.ready {
        return Ok(None);
    }
    let mut byte = [0u8; 1];
    match socket::peek(c.raw_fd(), &mut byte) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(_) => Ok(Some(byte[0])),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            c.read.ready = false;
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
