//! `resolver` and `resolver_timeout`.
//!
//! *In nginx* `ngx_http_core_resolver` and `ngx_resolver_create`; since 1.27.3 the same two in `upstream
//! {}` for its `resolve` lines. Each line makes a resolver with a cache of its own.
//!
//! *Here* the same: a line becomes [`Nameservers`] with a number, under which workers keep what they know.
//! Name servers given by name are looked up by the system when the configuration is read.
//!
//! *Read next*: `system.rs`, whom `resolve` lines ask when there is no line at all.

use super::Nameservers;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module, UPSTREAM};
use crate::conf::error::ConfError;
use crate::conf::merge::Setting;
use crate::conf::tree::{Arg, Line};
use crate::conf::value::parse_sec;
use crate::settings;
use crate::util::address::Address;
use std::cell::Cell;
use std::net::{SocketAddr, ToSocketAddrs};
use std::rc::Rc;

/// The port of a name server that is given without one.
const PORT: u16 = 53;

settings! {
    /// Who resolves names that requests make.
    pub struct ResolverConf: Location {
        /// `resolver`
        pub servers: Option<Rc<Nameservers>> = None,
        /// `resolver_timeout`, ms
        pub timeout: u64 = 30_000,
    }
}

settings! {
    /// Who resolves the `server … resolve` lines of an `upstream` block.
    pub struct GroupResolver: Upstream {
        /// `resolver`
        pub servers: Option<Rc<Nameservers>> = None,
        /// `resolver_timeout`, ms
        pub timeout: u64 = 30_000,
    }
}

thread_local! {
    /// How many lines this process has read.
    static LINES: Cell<u32> = const { Cell::new(0) };
}

impl Nameservers {
    /// These servers and nothing special, with a number of their own.
    pub fn new(servers: Vec<SocketAddr>) -> Nameservers {
        let number = LINES.replace(LINES.get().wrapping_add(1));
        Nameservers { number, servers, valid_ms: None, ipv4: true, ipv6: true }
    }

    fn parse(line: &Line) -> Result<Nameservers, ConfError> {
        let mut made = Nameservers::new(Vec::new());
        for arg in &line.args {
            let invalid = || line.err(format_args!("invalid parameter: {arg}"));
            if let Some(value) = arg.after("valid=") {
                let seconds = parse_sec(value).ok_or_else(invalid)?;
                made.valid_ms = Some(seconds.saturating_mul(1000));
            } else if let Some(value) = arg.after("ipv4=") {
                made.ipv4 = on_or_off(value).ok_or_else(invalid)?;
            } else if let Some(value) = arg.after("ipv6=") {
                made.ipv6 = on_or_off(value).ok_or_else(invalid)?;
            } else if arg.after("status_zone=").is_some() {
                return Err(line.err("\"status_zone\" of a resolver is not supported"));
            } else {
                made.servers.extend(addresses(line, arg)?);
            }
        }
        if !made.ipv4 && !made.ipv6 {
            return Err(line.err("\"ipv4\" and \"ipv6\" cannot both be \"off\""));
        }
        match made.servers.is_empty() {
            true => Err(line.err("no name servers defined")),
            false => Ok(made),
        }
    }
}

fn on_or_off(word: &[u8]) -> Option<bool> {
    match word {
        b"on" => Some(true),
        b"off" => Some(false),
        _ => None,
    }
}

/// The addresses of a name server: `address`, `name`, `[::1]`, each with or without a port.
fn addresses(line: &Line, arg: &Arg) -> Result<Vec<SocketAddr>, ConfError> {
    let wrong = |what: &str| line.err(format_args!("{what} in resolver \"{arg}\""));
    let text = arg.as_str()?;
    match Address::parse(text, PORT) {
        Some(Address::Ip(address)) if address.port() != 0 => return Ok(vec![address]),
        Some(Address::Ip(_)) => return Err(wrong("invalid port")),
        Some(Address::Unix(_)) => return Err(wrong("unix domain sockets are not supported")),
        None => {}
    }
    if text.starts_with('[') {
        let closed = text.contains(']');
        return Err(wrong(if closed { "invalid IPv6 address" } else { "invalid host" }));
    }
    let (host, port) = match text.rsplit_once(':') {
        None => (text, PORT),
        Some((host, port)) => {
            let port = port.parse().ok().filter(|port| *port != 0);
            (host, port.ok_or_else(|| wrong("invalid port"))?)
        }
    };
    if host.is_empty() {
        return Err(wrong("no host"));
    }
    let found: Vec<SocketAddr> = (host, port).to_socket_addrs().into_iter().flatten().collect();
    if found.is_empty() { Err(wrong("host not found")) } else { Ok(found) }
}

fn resolver(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let in_group = cx.context() == UPSTREAM;
    let setting = match in_group {
        true => &mut cx.conf::<GroupResolver>().servers,
        false => &mut cx.conf::<ResolverConf>().servers,
    };
    line.refuse_duplicate(setting.is_set())?;
    setting.set(Some(Rc::new(Nameservers::parse(line)?)));
    Ok(())
}

fn timeout(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let setting: &mut Setting<u64> = match cx.context() == UPSTREAM {
        true => &mut cx.conf::<GroupResolver>().timeout,
        false => &mut cx.conf::<ResolverConf>().timeout,
    };
    line.msec(setting)
}

/// The table.
pub static MODULE: Module = Module {
    name: "resolver",
    directives: &[
        Directive::of("resolver", LEVELS | UPSTREAM, Args::AtLeast(1))
            .doc(
                "Name servers, asked in turn for names that are known only at run time. valid= replaces the \
                 TTL of answers; ipv4=off and ipv6=off leave a kind of address out.",
            )
            .set(resolver),
        Directive::of("resolver_timeout", LEVELS | UPSTREAM, Args::Exactly(1))
            .default("30s")
            .doc("How long an answer is waited for, all attempts together.")
            .set(timeout),
    ],
};
