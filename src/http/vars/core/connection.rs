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
use super::{List, number, seconds};
use crate::buf::Slice;
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
        ("remote_addr", of(|c| Some(c.peer.host_text().into()))),
        ("binary_remote_addr", of(|c| Some(binary(&c.peer)))),
        ("remote_port", of(|c| Some(port(&c.peer)))),
        ("server_addr", of(|c| local(c).map(|local| local.host_text().into()))),
        ("server_port", of(|c| local(c).map(|local| port(&local)))),
        ("connection", of(|c| number(c.number))),
        ("connection_requests", of(|c| number(u64::from(c.requests)))),
        ("connection_time", of(|c| seconds(clock::now().saturating_sub(c.started))).volatile()),
        ("proxy_protocol_addr", proxied(|p| p.source.map(|a| a.ip().to_string().into()))),
        ("proxy_protocol_port", proxied(|p| p.source.and_then(|a| number(u64::from(a.port()))))),
        ("proxy_protocol_server_addr", proxied(|p| p.destination.map(|a| a.ip().to_string().into()))),
        ("proxy_protocol_server_port", proxied(|p| p.destination.and_then(|a| number(u64::from(a.port()))))),
        ("tcpinfo_rtt", tcp_info(0)),
        ("tcpinfo_rttvar", tcp_info(1)),
        ("tcpinfo_snd_cwnd", tcp_info(2)),
        ("tcpinfo_rcv_space", tcp_info(3)),
        ("nginx_version", definition(|_, _, _| Some(NGINX_VERSION.into()))),
        ("hostname", definition(|_, _, _| Some(process::hostname().into()))),
        ("pid", definition(|_, _, _| number(u64::from(std::process::id())))),
        ("msec", definition(|_, _, _| Some(msec())).volatile()),
        ("time_iso8601", definition(|_, _, _| Some(Slice::copy(wall::time_iso8601().as_bytes()))).volatile()),
        ("time_local", definition(|_, _, _| Some(Slice::copy(wall::time_local().as_bytes()))).volatile()),
    ]
}

fn of(get: fn(&Connection) -> Option<Slice>) -> Definition {
    definition(move |x, _, io| io.net.table.get(x.client.conn).and_then(get))
}

fn proxied(get: fn(&ProxyProtocol) -> Option<Slice>) -> Definition {
    definition(move |x, _, io| get(io.net.table.get(x.client.conn)?.proxied()?))
}

/// Four or sixteen bytes of an IP address; for a unix socket what `$remote_addr` shows.
pub fn binary(address: &Address) -> Slice {
    match address.ip() {
        Some(IpAddr::V4(ip)) => Slice::copy(&ip.octets()),
        Some(IpAddr::V6(ip)) => Slice::copy(&ip.octets()),
        None => address.host_text().into(),
    }
}

fn port(address: &Address) -> Slice {
    // A client that a proxy named without a port has none.
    if address.port() == 0 { Slice::EMPTY } else { number(u64::from(address.port())).unwrap_or_default() }
}

/// The address the client connected to.
pub fn local(c: &Connection) -> Option<Address> {
    SockRef::from(c.fd()?).local_addr().ok().map(|address| Address::from_sockaddr(&address))
}

fn tcp_info(at: usize) -> Definition {
    definition(move |x, _, io| {
        let c = io.net.table.get(x.client.conn)?;
        let info = socket_options::tcp_info(c.fd()?).ok()?;
        number(u64::from(*info.get(at)?))
    })
    .volatile()
}

fn msec() -> Slice {
    let (seconds, ms) = wall::msec();
    format!("{seconds}.{ms:03}").into()
}
