//! TLS to a peer: between the connect and the first byte of the request.
//!
//! *In nginx* `ngx_http_upstream_ssl_init_connection`, `ngx_http_upstream_ssl_handshake`,
//! `ngx_http_upstream_ssl_name`.
//!
//! *Here* one function, [`handshake`], that `send.rs` asks whenever a side of the connection has news, until
//! it says that plaintext may pass. A connection from the pool has had its handshake. What the peer showed is
//! looked at here, so nothing is sent to one that is not to be trusted.
//!
//! ```text
//!   connected ─▶ handshake ─┬─ Again: wait (connect_timeout)
//!                           ├─ fault, or not to be trusted ─▶ Next(Error)
//!                           └─ done ─▶ send
//! ```
//!
//! *Read next*: `tls/client.rs`.

use super::send;
use crate::buf::Slice;
use crate::event::{ConnId, RequestIx, Side, clock};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Failure, Leave, Status};
use crate::http::upstream_conf::{Parts, UpstreamConf};
use crate::http::upstreamed::Aim;
use crate::log::{Level, clock as wall};
use crate::tls::certificate::Certificate;
use crate::tls::verify::Purpose;
use crate::tls::{Session, Shake, client, names};
use std::io;

/// With whom a request whose peers want TLS wants to speak it.
///
/// # Errors
/// 500 for a location whose TLS was not prepared.
pub fn aim(x: &mut Exchange, r: RequestIx, io: &mut Io, parts: &Parts) -> Result<Aim, Leave> {
    let conf = super::of(x, r).map(|u| u.conf.clone());
    let tls = conf.as_ref().and_then(|conf| conf.tls.get().cloned());
    let (Some(conf), Some(tls)) = (conf, tls) else { return Err(Leave::Finish(Status::INTERNAL)) };
    let name = match conf.ssl_name.as_ref() {
        Some(template) => template.eval(x, r, io),
        None => parts.host.clone(),
    };
    Ok(Aim { tls, name: without_port(&name) })
}

/// The host of `host:port` or `[v6]:port`.
fn without_port(name: &Slice) -> Slice {
    if name.starts_with(b"[") {
        let end = name.iter().position(|b| *b == b']').unwrap_or(name.len());
        return name.slice(1..end);
    }
    let end = name.iter().position(|b| *b == b':').unwrap_or(name.len());
    name.slice(0..end)
}

/// Goes on with the handshake; true when plaintext may pass, or there is no TLS.
///
/// # Errors
/// [`Leave::Next`] when it failed.
pub fn handshake(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    let Some(u) = x[r].upstream.as_deref() else { return Ok(true) };
    let (Some(aim), Some(peer)) = (u.tls.as_ref(), u.peer.as_ref()) else { return Ok(true) };
    let (conn, timeout) = (peer.conn, *u.conf.connect_timeout);
    let Some(c) = io.net.table.get_mut(conn) else { return Err(Leave::Next(Failure::Error)) };
    if c.session().is_some_and(Session::is_shaken) {
        return Ok(true);
    }
    if c.is_plain() {
        match begin(aim, &c.peer.to_string(), u.kind.says_goodbye) {
            Ok(session) => c.begin_session(session),
            Err(error) => return Err(failed(x, r, io, &error)),
        }
        io.net.set_timer(conn, Side::Write, timeout);
    }
    x.action = "SSL handshaking to upstream";
    let Some(c) = io.net.table.get_mut(conn) else { return Err(Leave::Next(Failure::Error)) };
    match c.shake() {
        Ok(Shake::Done) => {}
        Ok(_) => return Ok(false),
        Err(error) => return Err(failed(x, r, io, &error)),
    }
    io.net.cancel_timer(conn, Side::Write);
    look(x, r, io)?;
    if let Some(state) = super::state(x, r) {
        state.connect_ms = Some(clock::now().saturating_sub(state.started));
    }
    Ok(true)
}

/// The handshake of a health check, which has no request; true when plaintext may pass, or there is no TLS.
///
/// # Errors
/// Why it failed, or what is wrong with the peer's certificate.
pub fn of_check(io: &mut Io, conn: ConnId, conf: &UpstreamConf) -> io::Result<bool> {
    let Some(pass) = conf.pass.as_ref().filter(|pass| pass.parts.tls) else { return Ok(true) };
    let Some(tls) = conf.tls.get().cloned() else { return Ok(true) };
    let Some(c) = io.net.table.get_mut(conn) else { return Ok(false) };
    if c.session().is_some_and(Session::is_shaken) {
        return Ok(true);
    }
    // A name that variables make is made by requests only.
    let name = conf.ssl_name.as_ref().and_then(|name| name.as_constant().cloned());
    let aim = Aim { tls, name: without_port(&name.unwrap_or_else(|| pass.parts.host.clone())) };
    if c.is_plain() {
        c.begin_session(begin(&aim, &c.peer.to_string(), true)?);
        io.net.set_timer(conn, Side::Write, *conf.connect_timeout);
    }
    let Some(c) = io.net.table.get_mut(conn) else { return Ok(false) };
    if c.shake()? != Shake::Done {
        return Ok(false);
    }
    io.net.cancel_timer(conn, Side::Write);
    let session = io.net.table.get(conn).and_then(|c| c.session());
    session.map_or(Ok(()), |session| judge(&aim, session)).map_err(io::Error::other)?;
    Ok(true)
}

fn begin(aim: &Aim, peer: &str, strict: bool) -> io::Result<Session> {
    let name = String::from_utf8_lossy(&aim.name);
    let config = aim.tls.for_peer(&format!("{peer} {name}"));
    Session::connecting(config, client::server_name(&name), strict).map_err(io::Error::other)
}

/// Whether the peer's certificate is as good as the location wants it; what is wrong if not.
fn judge(aim: &Aim, session: &Session) -> Result<(), String> {
    let Some(trust) = aim.tls.trust.as_ref() else { return Ok(()) };
    let certificates = session.certificates();
    if let Err(fault) = trust.verify(certificates, Purpose::Server, wall::seconds()) {
        return Err(format!("upstream SSL certificate verify error: {fault}"));
    }
    let first = certificates.first().and_then(|one| Certificate::parse(one));
    let name = String::from_utf8_lossy(&aim.name);
    match first.is_some_and(|one| names::is_for(&one, &name)) {
        true => Ok(()),
        false => Err(format!("upstream SSL certificate does not match \"{name}\"")),
    }
}

/// Looks at the peer's certificate.
fn look(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Leave> {
    let Some(u) = x[r].upstream.as_deref() else { return Ok(()) };
    let (Some(aim), Some(peer)) = (u.tls.as_ref(), u.peer.as_ref()) else { return Ok(()) };
    let session = io.net.table.get(peer.conn).and_then(|c| c.session());
    let Err(text) = session.map_or(Ok(()), |session| judge(aim, session)) else { return Ok(()) };
    logging::log(x, r, io, Level::Error, None, format_args!("{text}"));
    Err(Leave::Next(Failure::Error))
}

fn failed(x: &mut Exchange, r: RequestIx, io: &mut Io, error: &io::Error) -> Leave {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        let text = format_args!("peer closed connection in SSL handshake");
        logging::log(x, r, io, Level::Error, None, text);
    } else {
        let level = send::send_level(error);
        logging::log(x, r, io, level, Some(error), format_args!("SSL_do_handshake() failed"));
    }
    Leave::Next(Failure::Error)
}
