//! Variables of the connection, the process and the moment.
//!
//! *In nginx* a part of `ngx_http_core_variables`; the local address is asked of the kernel when the
//! listening socket has a wildcard (`ngx_connection_local_sockaddr`).
//!
//! *Here* it is always asked of the kernel, and only when somebody wants to know: an idle connection does not
//! carry it.
//!
//! *Read next*: `response.rs`.

use super::super::table::{Definition, definition};
use super::{List, seconds};
use crate::buf::{Slice, Texts};
use crate::event::{Connection, clock};
use crate::log::clock as wall;
use crate::sys::{process, socket_options};
use crate::util::address::Address;
use crate::util::proxy_protocol::ProxyProtocol;
use crate::util::version::NGINX_VERSION;
use socket2::SockRef;
use std::net::IpAddr;

/// The variables.
pub fn variables() -> List {
    vec![
        ("remote_addr", of(|c, texts| Some(texts.make(|out| c.peer.write_host(out))))),
        ("binary_remote_addr", of(|c, texts| Some(binary(&c.peer, texts)))),
        ("remote_port", of(|c, texts| Some(port(&c.peer, texts)))),
        ("server_addr", of(|c, texts| local(c).map(|local| texts.make(|out| local.write_host(out))))),
        ("server_port", of(|c, texts| local(c).map(|local| port(&local, texts)))),
        ("connection", of(|c, texts| Some(texts.number(c.number)))),
        ("connection_requests", of(|c, texts| Some(texts.number(c.requests.into())))),
        (
            "connection_time",
            of(|c, texts| Some(seconds(clock::now().saturating_sub(c.started), texts))).volatile(),
        ),
        ("proxy_protocol_addr", proxied(|p, _| p.source.map(|a| a.ip().to_string().into()))),
        ("proxy_protocol_port", proxied(|p, texts| p.source.map(|a| texts.number(a.port().into())))),
        ("proxy_protocol_server_addr", proxied(|p, _| p.destination.map(|a| a.ip().to_string().into()))),
        (
            "proxy_protocol_server_port",
            proxied(|p, texts| p.destination.map(|a| texts.number(a.port().into()))),
        ),
        ("tcpinfo_rtt", tcp_info(0)),
        ("tcpinfo_rttvar", tcp_info(1)),
        ("tcpinfo_snd_cwnd", tcp_info(2)),
        ("tcpinfo_rcv_space", tcp_info(3)),
        ("nginx_version", definition(|_, _, _| Some(NGINX_VERSION.into()))),
        ("hostname", definition(|_, _, _| Some(process::hostname().into()))),
        ("pid", definition(|_, _, io| Some(io.texts.number(std::process::id().into())))),
        ("msec", definition(|_, _, io| Some(seconds(wall::unix_ms(), &mut io.texts))).volatile()),
        (
            "time_iso8601",
            definition(|_, _, io| Some(io.texts.copy(wall::time_iso8601().as_bytes()))).volatile(),
        ),
        ("time_local", definition(|_, _, io| Some(io.texts.copy(wall::time_local().as_bytes()))).volatile()),
    ]
}

fn of(get: fn(&Connection, &mut Texts) -> Option<Slice>) -> Definition {
    definition(move |x, _, io| get(io.net.table.get(x.client.conn)?, &mut io.texts))
}

fn proxied(get: fn(&ProxyProtocol, &mut Texts) -> Option<Slice>) -> Definition {
    definition(move |x, _, io| get(io.net.table.get(x.client.conn)?.proxied()?, &mut io.texts))
}

/// Four or sixteen bytes of an IP address; for a unix socket what `$remote_addr` shows.
fn binary(address: &Address, texts: &mut Texts) -> Slice {
    match address.ip() {
        Some(IpAddr::V4(ip)) => texts.copy(&ip.octets()),
        Some(IpAddr::V6(ip)) => texts.copy(&ip.octets()),
        None => address.host_text().into(),
    }
}

/// The port as a text.
pub fn port(address: &Address, texts: &mut Texts) -> Slice {
    // A client that a proxy named without a port has none.
    if address.port() == 0 { Slice::EMPTY } else { texts.number(address.port().into()) }
}

/// The address the client connected to.
pub fn local(c: &Connection) -> Option<Address> {
    SockRef::from(c.fd()).local_addr().ok().map(|address| Address::from_sockaddr(&address))
}

fn tcp_info(at: usize) -> Definition {
    definition(move |x, _, io| {
        let c = io.net.table.get(x.client.conn)?;
        let info = socket_options::tcp_info(c.fd()).ok()?;
        Some(io.texts.number(u64::from(*info.get(at)?)))
    })
    .volatile()
}
