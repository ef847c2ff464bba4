//! The `listen` directive.
//!
//! *In nginx* `ngx_http_core_listen`: an address and two dozen options, collected per address when all
//! servers are known.
//!
//! *Here* the options of the socket go into `event::listening::Listen`, those of HTTP stay here.
//!
//! *Read next*: `block.rs`, which joins the addresses of all servers.

use super::conf::CoreServer;
use crate::conf::build::Cx;
use crate::conf::error::{ConfError, Place};
use crate::conf::tree::{Arg, Line};
use crate::conf::value::{parse_number, parse_size};
use crate::event::congestion::Congestion;
use crate::event::listening::{self, Keepalive};
use crate::util::address::Address;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};

/// One `listen` line (and one address, if its name has several).
#[derive(Clone, Debug)]
pub struct Listen {
    /// The socket.
    pub socket: listening::Listen,
    /// This server answers for names that no other has.
    pub default_server: bool,
    /// A PROXY protocol header comes first.
    pub proxy_protocol: bool,
    /// Connections begin with a TLS handshake.
    pub ssl: bool,
    /// Options of the socket were given here.
    pub has_options: bool,
    /// Where the line stands.
    pub place: Place,
}

/// The parameters that need a module that is not there.
const LATER: [&str; 2] = ["http2", "quic"];
/// All parameters, for suggestions.
const KNOWN: [&str; 19] = [
    "default_server",
    "default",
    "bind",
    "backlog=",
    "rcvbuf=",
    "sndbuf=",
    "ipv6only=",
    "deferred",
    "fastopen=",
    "so_keepalive=",
    "congestion=",
    "reuseport",
    "reuseport=cpu",
    "proxy_protocol",
    "setfib=",
    "accept_filter=",
    "ssl",
    "http2",
    "quic",
];

/// Sets the `listen` directive.
///
/// # Errors
/// nginx's sentences about addresses and parameters.
pub fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let text = line.arg(0)?;
    // A name may have several addresses, and a range several ports: a socket for each.
    let mut listens: Vec<Listen> = addresses(line, text)?
        .into_iter()
        .map(|address| Listen {
            socket: listening::Listen::new(address),
            default_server: false,
            proxy_protocol: false,
            ssl: false,
            has_options: false,
            place: line.at.clone(),
        })
        .collect();
    for arg in line.args.iter().skip(1) {
        for listen in &mut listens {
            parameter(line, arg, listen)?;
        }
    }
    let conf = cx.conf::<CoreServer>();
    conf.listen_seen = true;
    // Other servers may listen there as well; this one only once.
    for listen in listens {
        if conf.listens.iter().any(|other| other.socket.address == listen.socket.address) {
            return Err(line.err(format_args!("a duplicate listen {}", listen.socket.address)));
        }
        conf.listens.push(listen);
    }
    Ok(())
}

/// The addresses a text means, one for each port of a range (`8080-8090`).
fn addresses(line: &Line, text: &Arg) -> Result<Vec<Address>, ConfError> {
    let shown = text.as_str()?;
    let Some((first, last)) = port_range(shown) else { return addresses_of(line, shown) };
    let wrong = || line.err(format_args!("invalid port in \"{shown}\" of the \"listen\" directive"));
    let last: u16 = last.parse().map_err(|_| wrong())?;
    let mut all = Vec::new();
    for address in addresses_of(line, first)? {
        let Address::Ip(ip) = address else { return Err(wrong()) };
        if ip.port() > last {
            return Err(wrong());
        }
        all.extend((ip.port()..=last).map(|port| Address::Ip(SocketAddr::new(ip.ip(), port))));
    }
    Ok(all)
}

/// Splits `127.0.0.1:8080-8090` into what stands before the dash and the last port. A dash may also be part
/// of a name.
fn port_range(text: &str) -> Option<(&str, &str)> {
    let (first, last) = text.rsplit_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let port = first.rsplit(':').next()?;
    let has_port = digits(first) || (port.len() < first.len() && digits(port));
    (digits(last) && has_port && !text.starts_with("unix:")).then_some((first, last))
}

/// The addresses of a port, an address or a name.
fn addresses_of(line: &Line, shown: &str) -> Result<Vec<Address>, ConfError> {
    let wrong = |what: &str| line.err(format_args!("{what} in \"{shown}\" of the \"listen\" directive"));
    if shown.starts_with("unix:") {
        return match Address::parse(shown, 0) {
            Some(address) => Ok(vec![address]),
            None => Err(wrong("no path")),
        };
    }
    if shown.bytes().all(|b| b.is_ascii_digit()) {
        let port =
            shown.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(|| wrong("invalid port"))?;
        return Ok(vec![Address::parse("0.0.0.0", port).unwrap_or(Address::NONE)]);
    }
    // An address needs no resolver. Names are asked for once, now, before anything is served.
    if let Some(address) = Address::parse(shown, 80) {
        return if address.port() == 0 { Err(wrong("invalid port")) } else { Ok(vec![address]) };
    }
    let (host, port) = match shown.rsplit_once(':') {
        Some((host, port)) if !shown.starts_with('[') => {
            let port = port.parse::<u16>().ok().filter(|port| *port != 0);
            (host, port.ok_or_else(|| wrong("invalid port"))?)
        }
        _ => (shown, 80),
    };
    if host == "*" {
        return Ok(vec![Address::parse("0.0.0.0", port).unwrap_or(Address::NONE)]);
    }
    if host.is_empty() || host.starts_with('[') {
        return Err(wrong(if host.is_empty() { "no host" } else { "invalid IPv6 address" }));
    }
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    if found.is_empty() {
        return Err(wrong("host not found"));
    }
    Ok(found.into_iter().map(Address::Ip).collect())
}

/// One word behind the address.
fn parameter(line: &Line, arg: &Arg, listen: &mut Listen) -> Result<(), ConfError> {
    let wrong = || arg.invalid_parameter(&KNOWN);
    let number = |text: &[u8]| parse_number(text).and_then(|n| i32::try_from(n).ok()).filter(|n| *n > 0);
    let socket = &mut listen.socket;
    // Options belong to the socket, the rest to this server's use of it.
    let mut option = true;
    if arg.is("default_server") || arg.is("default") {
        listen.default_server = true;
        option = false;
    } else if arg.is("proxy_protocol") {
        listen.proxy_protocol = true;
        option = false;
    } else if arg.is("ssl") {
        listen.ssl = true;
        option = false;
    } else if arg.is("bind") || arg.is("reuseport") {
        // Every address has its own sockets, one per worker, in any case.
    } else if arg.is("reuseport=cpu") {
        socket.by_processor = true;
    } else if arg.is("deferred") {
        socket.deferred = true;
    } else if let Some(text) = arg.after("backlog=") {
        socket.backlog = number(text).ok_or_else(|| line.err(format_args!("invalid backlog \"{arg}\"")))?;
    } else if let Some(text) = arg.after("rcvbuf=") {
        let bytes = parse_size(text).ok_or_else(|| line.err(format_args!("invalid rcvbuf \"{arg}\"")))?;
        socket.rcvbuf = Some(bytes as usize);
    } else if let Some(text) = arg.after("sndbuf=") {
        let bytes = parse_size(text).ok_or_else(|| line.err(format_args!("invalid sndbuf \"{arg}\"")))?;
        socket.sndbuf = Some(bytes as usize);
    } else if let Some(text) = arg.after("fastopen=") {
        let queue = number(text).ok_or_else(|| line.err(format_args!("invalid fastopen \"{arg}\"")))?;
        socket.fastopen = Some(queue as u32);
    } else if let Some(text) = arg.after("ipv6only=") {
        if !matches!(socket.address.ip(), Some(std::net::IpAddr::V6(_))) {
            return Err(
                line.err(format_args!("ipv6only is not supported on addr \"{}\", ignored", socket.address))
            );
        }
        socket.ipv6only = match text {
            b"on" => true,
            b"off" => false,
            _ => {
                return Err(
                    line.err(format_args!("invalid ipv6only flags \"{}\"", String::from_utf8_lossy(text)))
                );
            }
        };
    } else if let Some(text) = arg.after("so_keepalive=") {
        socket.keepalive = Some(keepalive(line, text)?);
    } else if let Some(text) = arg.after("congestion=") {
        socket.congestion = congestion(line, &socket.address, text)?;
    } else if LATER.iter().any(|word| arg.is(word)) {
        return Err(line.err(format_args!("the \"{arg}\" parameter requires a module that is not built in")));
    } else {
        return Err(wrong());
    }
    listen.has_options |= option;
    Ok(())
}

/// `on`, `off`, or `idle:interval:count`, of which any may be left out but not all.
fn keepalive(line: &Line, text: &[u8]) -> Result<Keepalive, ConfError> {
    let wrong =
        || line.err(format_args!("invalid so_keepalive value: \"{}\"", String::from_utf8_lossy(text)));
    match text {
        b"on" => return Ok(Keepalive::On { idle: None, interval: None, count: None }),
        b"off" => return Ok(Keepalive::Off),
        _ => {}
    }
    let mut parts = text.split(|b| *b == b':');
    let mut next = |time: bool| -> Result<Option<u64>, ConfError> {
        match parts.next() {
            None | Some(b"") => Ok(None),
            Some(part) if time => crate::conf::value::parse_sec(part).map(Some).ok_or_else(wrong),
            Some(part) => parse_number(part).map(Some).ok_or_else(wrong),
        }
    };
    let (idle, interval, count) = (next(true)?, next(true)?, next(false)?);
    if idle.is_none() && interval.is_none() && count.is_none() {
        return Err(wrong());
    }
    let count = count.map(u32::try_from).transpose().map_err(|_| wrong())?;
    Ok(Keepalive::On { idle, interval, count })
}

/// `system`, or a name as the kernel's list of congestion controls has it.
fn congestion(line: &Line, address: &Address, text: &[u8]) -> Result<Congestion, ConfError> {
    if address.is_unix() {
        return Err(line.err(format_args!("congestion is not supported on addr \"{address}\"")));
    }
    // The kernel's names have at most fifteen bytes.
    let is_name = (1..16).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic);
    match text {
        b"system" => Ok(Congestion::System),
        name if is_name => Ok(Congestion::Named(name.to_vec())),
        _ => Err(line.err(format_args!("invalid congestion \"{}\"", String::from_utf8_lossy(text)))),
    }
}

/// What a server without `listen` listens on: port 80, or 8000 without the right to it.
pub fn default_listen(place: &Place, privileged: bool) -> Listen {
    let port = if privileged { 80 } else { 8000 };
    Listen {
        socket: listening::Listen::new(Address::parse("0.0.0.0", port).unwrap_or(Address::NONE)),
        default_server: false,
        proxy_protocol: false,
        ssl: false,
        has_options: false,
        place: place.clone(),
    }
}

/// True for `[::]`.
pub fn is_any_v6(address: &Address) -> bool {
    address.ip() == Some(Ipv6Addr::UNSPECIFIED.into())
}
