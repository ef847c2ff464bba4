//! One `server` line of an `upstream {}` block.
//!
//! *In nginx* `ngx_http_upstream_server_t`, filled by `ngx_http_upstream_server` and resolved at once by
//! `ngx_parse_url`: a name with three addresses becomes three peers.
//!
//! *Here* the line as parsed: parameters, and the addresses its name had when the configuration was read.
//! With `resolve` there are none yet; the resolver brings them later (`group.rs: resolved`). What a peer
//! does at run time is not here.
//!
//! *Read next*: `peers.rs`; `directives.rs` for the table.

use super::Verdict;
use crate::conf::error::{ConfError, Place};
use crate::conf::tree::{Arg, Line};
use crate::conf::value::{parse_msec, parse_number, parse_sec};
use crate::util::address::Address;
use std::net::ToSocketAddrs;
use std::rc::Rc;

/// What a `server` line says.
#[derive(Clone, Debug)]
pub struct Server {
    /// The first argument as written.
    pub name: Rc<str>,
    /// The host in it, without brackets; empty for a unix socket.
    pub host: Rc<str>,
    /// The port in it, or the default one.
    pub port: u16,
    /// The addresses found when the configuration was read.
    pub addresses: Vec<Address>,
    /// `weight=`.
    pub weight: u32,
    /// `max_conns=`; 0 for no limit.
    pub max_conns: u64,
    /// `max_fails=`; 0 switches the counting off.
    pub max_fails: u64,
    /// `fail_timeout=`, in seconds.
    pub fail_timeout_s: u64,
    /// `fail_on=`: bits of [`CLASSES`]; 0 for all that `next_upstream` leads on from.
    pub fail_on: u32,
    /// `fail_window=`, in seconds; 0 for nginx's rule.
    pub fail_window_s: u64,
    /// `slow_start=`, in milliseconds; 0 for none.
    pub slow_start_ms: u64,
    /// `backup`.
    pub backup: bool,
    /// `down`.
    pub down: bool,
    /// `drain`.
    pub drain: bool,
    /// `resolve`: addresses come and go at run time.
    pub resolve: bool,
    /// `service=`: the SRV service to ask for.
    pub service: Option<Rc<str>>,
    /// `route=`.
    pub route: Option<Rc<[u8]>>,
    /// Where the line stands.
    pub place: Place,
}

/// What the method named above the line leaves out (nginx: `uscf->flags`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unsupported {
    /// `backup`.
    pub backup: bool,
    /// `slow_start`.
    pub slow_start: bool,
}

/// The ways in which a peer fails, with the bits that `next_upstream` has for them.
pub const CLASSES: &[(&str, u32)] = &[
    ("error", 1),
    ("timeout", 1 << 1),
    ("invalid_header", 1 << 2),
    ("http_500", 1 << 3),
    ("http_502", 1 << 4),
    ("http_503", 1 << 5),
    ("http_504", 1 << 6),
    ("http_403", 1 << 7),
    ("http_404", 1 << 8),
    ("http_429", 1 << 9),
];

const PARAMETERS: &[&str] = &[
    "weight=",
    "max_conns=",
    "max_fails=",
    "fail_timeout=",
    "fail_on=",
    "fail_window=",
    "slow_start=",
    "backup",
    "down",
    "drain",
    "resolve",
    "service=",
    "route=",
];

impl Server {
    /// Whether such an end of an attempt counts towards `max_fails`.
    pub fn counts(&self, verdict: Verdict) -> bool {
        match self.fail_on {
            0 => verdict.failed,
            classes => verdict.class & classes != 0,
        }
    }

    /// A server with nginx's defaults and no address.
    pub fn new(name: &str, place: Place) -> Server {
        Server {
            name: name.into(),
            host: "".into(),
            port: 0,
            addresses: Vec::new(),
            weight: 1,
            max_conns: 0,
            max_fails: 1,
            fail_timeout_s: 10,
            fail_on: 0,
            fail_window_s: 0,
            slow_start_ms: 0,
            backup: false,
            down: false,
            drain: false,
            resolve: false,
            service: None,
            route: None,
            place,
        }
    }

    /// A server of known addresses.
    pub fn of(name: &str, addresses: Vec<Address>, place: Place) -> Server {
        Server { addresses, ..Server::new(name, place) }
    }

    /// Reads a `server` line. Names are looked up here and now unless the line says `resolve`.
    ///
    /// # Errors
    /// nginx's: `invalid parameter "x"`, `host not found in upstream "x"`, `no port in upstream "x"` …
    pub fn parse(line: &Line, unsupported: Unsupported) -> Result<Server, ConfError> {
        let name = line.arg(0)?;
        let mut server = Server::new(name.as_str()?, line.at.clone());
        for arg in line.args.iter().skip(1) {
            server.parameter(line, arg, unsupported)?;
        }
        server.locate(80)?;
        if server.service.is_some() && !server.resolve {
            return Err(line.err(format_args!("service upstream \"{name}\" requires \"resolve\" parameter")));
        }
        if server.service.is_some() && name.contains(&b':') {
            return Err(line.err(format_args!("service upstream \"{name}\" may not have port")));
        }
        Ok(server)
    }

    fn parameter(&mut self, line: &Line, arg: &Arg, unsupported: Unsupported) -> Result<(), ConfError> {
        let invalid = || arg.invalid_parameter(PARAMETERS);
        let refuse = |yes: bool| match yes {
            true => Err(line.err(format_args!("balancing method does not support parameter \"{arg}\""))),
            false => Ok(()),
        };
        if let Some(value) = arg.after("weight=") {
            let weight = parse_number(value).and_then(|n| u32::try_from(n).ok());
            self.weight = weight.filter(|n| (1..=0x7fff_ffff).contains(n)).ok_or_else(invalid)?;
        } else if let Some(value) = arg.after("max_conns=") {
            self.max_conns = parse_number(value).ok_or_else(invalid)?;
        } else if let Some(value) = arg.after("max_fails=") {
            self.max_fails = parse_number(value).ok_or_else(invalid)?;
        } else if let Some(value) = arg.after("fail_timeout=") {
            self.fail_timeout_s = parse_sec(value).ok_or_else(invalid)?;
        } else if let Some(value) = arg.after("fail_on=") {
            let bit = |word: &[u8]| CLASSES.iter().find(|(known, _)| known.as_bytes() == word);
            for word in value.split(|b| *b == b',') {
                self.fail_on |= bit(word).ok_or_else(invalid)?.1;
            }
        } else if let Some(value) = arg.after("fail_window=") {
            self.fail_window_s = parse_sec(value).filter(|seconds| *seconds > 0).ok_or_else(invalid)?;
        } else if let Some(value) = arg.after("slow_start=") {
            refuse(unsupported.slow_start)?;
            self.slow_start_ms = parse_msec(value).ok_or_else(invalid)?;
        } else if let Some(value) = arg.after("route=") {
            self.route = Some(value).filter(|v| !v.is_empty()).map(Rc::from);
            self.route.as_ref().ok_or_else(invalid)?;
        } else if let Some(value) = arg.after("service=") {
            let text = std::str::from_utf8(value).ok().filter(|v| !v.is_empty());
            self.service = Some(Rc::from(text.ok_or_else(|| line.err("service is empty"))?));
        } else if arg.is("backup") {
            refuse(unsupported.backup)?;
            self.backup = true;
        } else if arg.is("down") {
            self.down = true;
        } else if arg.is("drain") {
            self.drain = true;
        } else if arg.is("resolve") {
            self.resolve = true;
        } else {
            return Err(invalid());
        }
        Ok(())
    }

    /// Splits the name into host and port and finds its addresses.
    ///
    /// # Errors
    /// The name has none, or is no name.
    pub fn locate(&mut self, default_port: u16) -> Result<(), ConfError> {
        let text = self.name.clone();
        let wrong = |what: &str| ConfError::at(format_args!("{what} in upstream \"{text}\""), &self.place);
        if text.is_empty() {
            return Err(wrong("no host"));
        }
        if text.as_bytes().iter().take(5).eq(b"unix:") && text.len() == 5 {
            return Err(wrong("no path in the unix domain socket"));
        }
        if let Some(address) = Address::parse(&text, default_port) {
            if address.to_sockaddr().is_err() {
                return Err(wrong("too long path in the unix domain socket"));
            }
            if address.port() == 0 && !address.is_unix() {
                return Err(wrong("invalid port"));
            }
            // A literal address needs no resolver, whatever the line says.
            self.port = address.port();
            self.host = address.ip().map(|ip| ip.to_string()).unwrap_or_default().into();
            self.resolve = false;
            self.addresses = vec![address];
            return Ok(());
        }
        if text.starts_with('[') {
            return Err(wrong("invalid IPv6 address"));
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => {
                let port = port.parse().ok().filter(|port| *port != 0);
                (host, port.ok_or_else(|| wrong("invalid port"))?)
            }
            None => (&*text, default_port),
        };
        if host.is_empty() {
            return Err(wrong("no host"));
        }
        (self.host, self.port) = (host.into(), port);
        if self.resolve {
            return Ok(());
        }
        let found = (host, port).to_socket_addrs();
        self.addresses = found.into_iter().flatten().map(Address::Ip).collect();
        if self.addresses.is_empty() {
            return Err(wrong("host not found"));
        }
        Ok(())
    }
}
