//! What an `upstream {}` block may say, and how it becomes a group.
//!
//! *In nginx* eleven small modules (`upstream_hash`, `upstream_keepalive`, …), each with a table of one or
//! two lines.
//!
//! *Here* one table. A line fills [`Upstream`], the block's configuration; when the whole `http` block has
//! been read, [`build`] makes a [`Group`] of it. The block directive itself belongs to `http`.
//!
//! NGINX: what a method leaves out (`backup` with `hash`) is refused only on `server` lines below the
//! method's.
//!
//! *Read next*: `server.rs`, `group.rs`.

use super::Balancer;
use super::budget::Budget;
use super::group::{Group, Parts, Queue};
use super::hash::Hash;
use super::idle::Keepalive;
use super::ip_hash::IpHash;
use super::least_conn::LeastConn;
use super::least_time::{By, LeastTime};
use super::random::{Random, Two};
use super::server::{Server, Unsupported};
use super::sticky::{Cookie, Expires, Learn, Moment, Sessions, Sticky};
use super::zone::Zone;
use crate::conf;
use crate::conf::build::{Cx, Sets};
use crate::conf::directive::{Args, Directive, Module, UPSTREAM};
use crate::conf::error::{ConfError, Place};
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::conf::value::{parse_msec, parse_number, parse_sec, parse_size};
use crate::settings;
use std::rc::Rc;

settings! {
    /// One `upstream {}` block.
    pub struct Upstream: Upstream {
        /// `keepalive`: how many idle connections.
        pub keepalive: usize = 32,
        /// `keepalive … local`.
        pub local: bool = false,
        /// `keepalive_requests`.
        pub keepalive_requests: u64 = 1000,
        /// `keepalive_time`, in milliseconds.
        pub keepalive_time: u64 = 3_600_000,
        /// `keepalive_timeout`, in milliseconds.
        pub keepalive_timeout: u64 = 60_000,
        /// `queue`.
        pub queue: Option<Queue> = None,
        /// `retry_budget`.
        pub budget: Option<Budget> = None,
        /// `zone`: its size in bytes, 0 if none is given.
        pub zone: Option<u64> = None,
        plain {
            /// The `server` lines.
            pub servers: Vec<Server> = Vec::new(),
            /// The method; None for round robin.
            pub method: Option<Box<dyn Balancer>> = None,
            /// What the method leaves out.
            pub unsupported: Unsupported = Unsupported::default(),
            /// `sticky`.
            pub sticky: Option<Sticky> = None
        }
    }
}

/// Makes a group of a block whose lines have all been applied. `end` is where its `}` stands.
///
/// # Errors
/// nginx's `no servers are inside upstream` and `no servers in upstream "x"` (only backups); no memory for
/// the zone.
pub fn build(name: &str, sets: &mut Sets, end: &Place) -> Result<Rc<Group>, ConfError> {
    let conf = sets.get_mut::<Upstream>();
    let servers = std::mem::take(&mut conf.servers);
    if servers.is_empty() {
        return Err(ConfError::at("no servers are inside upstream", end));
    }
    if servers.iter().all(|server| server.backup) {
        return Err(ConfError::at(format_args!("no servers in upstream \"{name}\""), end));
    }
    let zone = match *conf.zone {
        None => Zone::default(),
        Some(bytes) => {
            let peers = servers.iter().map(|server| server.addresses.len().max(1)).sum();
            let made = Zone::shared(peers, bytes);
            made.map_err(|error| ConfError::at(format_args!("zone of upstream \"{name}\": {error}"), end))?
        }
    };
    let keepalive = Keepalive {
        connections: *conf.keepalive,
        local: *conf.local,
        requests: *conf.keepalive_requests,
        time_ms: *conf.keepalive_time,
        timeout_ms: *conf.keepalive_timeout,
    };
    let (method, sticky, queue) = (conf.method.take(), conf.sticky.take(), *conf.queue);
    let budget = *conf.budget;
    Ok(Rc::new(Group::new(name, Parts { servers, method, sticky, zone, queue, budget, keepalive })))
}

/// Names the block's method; for modules that bring a method of their own, too.
pub fn set_method(cx: &mut Cx, line: &Line, method: Box<dyn Balancer>, unsupported: Unsupported) {
    if cx.conf::<Upstream>().method.is_some() {
        cx.warn(&line.at, "load balancing method redefined");
    }
    let conf = cx.conf::<Upstream>();
    (conf.method, conf.unsupported) = (Some(method), unsupported);
}

const NO_BACKUP: Unsupported = Unsupported { backup: true, slow_start: true };

fn server(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let server = Server::parse(line, cx.conf::<Upstream>().unsupported)?;
    cx.conf::<Upstream>().servers.push(server);
    Ok(())
}

fn ip_hash(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    set_method(cx, line, Box::new(IpHash), NO_BACKUP);
    Ok(())
}

fn least_conn(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    set_method(cx, line, Box::new(LeastConn), Unsupported::default());
    Ok(())
}

fn hash(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let consistent = match line.args.get(1) {
        None => false,
        Some(arg) if arg.is("consistent") => true,
        Some(arg) => return Err(arg.invalid_parameter(&["consistent"])),
    };
    let key = Template::compile(cx, line, line.arg(0)?)?;
    set_method(cx, line, Box::new(Hash { key, consistent }), NO_BACKUP);
    Ok(())
}

fn by(word: &[u8]) -> Option<By> {
    match word {
        b"header" => Some(By::Header),
        b"last_byte" => Some(By::LastByte),
        _ => None,
    }
}

fn least_time(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let word = line.arg(0)?;
    let by = by(word).ok_or_else(|| word.invalid_parameter(&["header", "last_byte"]))?;
    let inflight = match line.args.get(1) {
        None => false,
        Some(arg) if arg.is("inflight") => true,
        Some(arg) => return Err(arg.invalid_parameter(&["inflight"])),
    };
    set_method(cx, line, Box::new(LeastTime { by, inflight }), Unsupported::default());
    Ok(())
}

fn random(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let two = match (line.args.first(), line.args.get(1)) {
        (None, _) => None,
        (Some(arg), _) if !arg.is("two") => return Err(arg.invalid_parameter(&["two"])),
        (_, None) => Some(Two::LeastConn),
        (_, Some(arg)) if arg.is("least_conn") => Some(Two::LeastConn),
        (_, Some(arg)) => {
            let known = ["least_conn", "least_time=header", "least_time=last_byte"];
            let by = arg.after("least_time=").and_then(by).ok_or_else(|| arg.invalid_parameter(&known))?;
            Some(Two::LeastTime(LeastTime { by, inflight: false }))
        }
    };
    set_method(cx, line, Box::new(Random::new(two)), NO_BACKUP);
    Ok(())
}

fn keepalive(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let conf = cx.conf::<Upstream>();
    line.refuse_duplicate(conf.keepalive.is_set())?;
    let count = line.arg(0)?;
    let wrong = || line.err(format_args!("invalid value \"{count}\" in \"keepalive\" directive"));
    let number = parse_number(count).and_then(|n| usize::try_from(n).ok()).ok_or_else(wrong)?;
    if let Some(arg) = line.args.get(1) {
        if !arg.is("local") {
            return Err(arg.invalid_parameter(&["local"]));
        }
        conf.local.set(true);
    }
    conf.keepalive.set(number);
    Ok(())
}

fn zone(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?;
    if name.is_empty() {
        return Err(line.err(format_args!("invalid zone name \"{name}\"")));
    }
    let size = match line.args.get(1) {
        None => 0,
        Some(arg) => {
            let size = parse_size(arg).filter(|size| *size > 0);
            size.ok_or_else(|| line.err(format_args!("invalid zone size \"{arg}\"")))?
        }
    };
    // nginx's limit: eight pages.
    if size != 0 && size < 8 * 4096 {
        return Err(line.err(format_args!("zone \"{name}\" is too small")));
    }
    line.store(&mut cx.conf::<Upstream>().zone, Some(size))
}

fn queue(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let count = line.arg(0)?;
    let length = parse_number(count).and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
    let length = length.ok_or_else(|| line.directive_err("invalid number"))?;
    let timeout_ms = match line.args.get(1) {
        None => 60_000,
        Some(arg) => {
            let value = arg.after("timeout=").and_then(parse_msec).filter(|ms| *ms > 0);
            value.ok_or_else(|| arg.invalid_parameter(&["timeout="]))?
        }
    };
    line.store(&mut cx.conf::<Upstream>().queue, Some(Queue { length, timeout_ms }))
}

fn retry_budget(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let share = line.arg(0)?;
    let percent = share.strip_suffix(b"%").and_then(parse_number).filter(|percent| *percent <= 100);
    let percent = percent.ok_or_else(|| share.invalid_parameter(&["20%"]))?;
    let least = match line.args.get(1) {
        None => 3,
        Some(arg) => parse_number(arg).ok_or_else(|| line.directive_err("invalid number"))?,
    };
    line.store(&mut cx.conf::<Upstream>().budget, Some(Budget { percent, least }))
}

fn sticky(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.refuse_duplicate(cx.conf::<Upstream>().sticky.is_some())?;
    let kind = line.arg(0)?;
    let sticky = match kind.bytes() {
        b"cookie" => sticky_cookie(cx, line)?,
        b"route" => {
            let variables = line.args.iter().skip(1);
            if let Some(plain) = variables.clone().find(|arg| !arg.starts_with(b"$")) {
                return Err(line.err(format_args!("invalid variable name \"{plain}\"")));
            }
            Sticky::Route(variables.map(|arg| Template::compile(cx, line, arg)).collect::<Result<_, _>>()?)
        }
        b"learn" => sticky_learn(cx, line)?,
        _ => return Err(kind.invalid_parameter(&["cookie", "route", "learn"])),
    };
    cx.conf::<Upstream>().sticky = Some(sticky);
    Ok(())
}

fn sticky_cookie(cx: &mut Cx, line: &Line) -> Result<Sticky, ConfError> {
    let known = ["expires=", "domain=", "path=", "samesite=", "secure", "httponly"];
    let mut cookie = Cookie {
        name: line.arg(1)?.bytes().into(),
        expires: Expires::Session,
        domain: None,
        path: None,
        secure: false,
        httponly: false,
        samesite: None,
    };
    for arg in line.args.iter().skip(2) {
        if arg.is("expires=max") {
            cookie.expires = Expires::Max;
        } else if let Some(value) = arg.after("expires=") {
            cookie.expires = Expires::After(
                parse_sec(value)
                    .ok_or_else(|| line.err(format_args!("invalid \"expires\" value in \"{arg}\"")))?,
            );
        } else if let Some(value) = arg.after("domain=") {
            cookie.domain = Some(Template::compile(cx, line, value)?);
        } else if let Some(value) = arg.after("path=") {
            cookie.path = Some(Template::compile(cx, line, value)?);
        } else if let Some(value) = arg.after("samesite=") {
            let fixed = [&b"strict"[..], b"lax", b"none"];
            if !value.contains(&b'$') && !fixed.contains(&value.to_ascii_lowercase().as_slice()) {
                return Err(arg.invalid_parameter(&known));
            }
            cookie.samesite = Some(Template::compile(cx, line, value)?);
        } else if arg.is("secure") {
            cookie.secure = true;
        } else if arg.is("httponly") {
            cookie.httponly = true;
        } else {
            return Err(arg.invalid_parameter(&known));
        }
    }
    Ok(Sticky::Cookie(cookie))
}

fn sticky_learn(cx: &mut Cx, line: &Line) -> Result<Sticky, ConfError> {
    let (mut create, mut lookup, mut timeout_s) = (Vec::new(), Vec::new(), 600);
    let (mut moment, mut zone) = (Moment::End, None);
    for arg in line.args.iter().skip(1) {
        let invalid = || arg.invalid_parameter(&["create=", "lookup=", "zone=", "timeout=", "header"]);
        if let Some(value) = arg.after("create=") {
            create.push(Template::compile(cx, line, value)?);
        } else if let Some(value) = arg.after("lookup=") {
            lookup.push(Template::compile(cx, line, value)?);
        } else if let Some(value) = arg.after("timeout=") {
            timeout_s = parse_sec(value).filter(|seconds| *seconds > 0).ok_or_else(invalid)?;
        } else if let Some(value) = arg.after("zone=") {
            zone = Some(named_zone(cx, line, value)?);
        } else if arg.is("header") {
            moment = Moment::Header;
        } else {
            return Err(invalid());
        }
    }
    let missing = |what: &str| line.err(format_args!("\"sticky learn\" requires \"{what}\" parameter"));
    if create.is_empty() || lookup.is_empty() {
        return Err(missing(if create.is_empty() { "create" } else { "lookup" }));
    }
    let sessions = Sessions::new(zone.ok_or_else(|| missing("zone"))?);
    Ok(Sticky::Learn(Learn { create, lookup, timeout_s, moment, sessions }))
}

/// `NAME:SIZE`.
fn named_zone(cx: &mut Cx, line: &Line, value: &[u8]) -> Result<Rc<conf::zone::Zone>, ConfError> {
    let text = String::from_utf8_lossy(value);
    let wrong = |what: &str| line.err(format_args!("{what} \"{text}\""));
    let (name, size) = text.split_once(':').ok_or_else(|| wrong("invalid zone size"))?;
    let size = parse_size(size.as_bytes()).ok_or_else(|| wrong("invalid zone size"))?;
    match (name.is_empty(), size >= 8 * 4096) {
        (true, _) => Err(wrong("invalid zone name")),
        (_, false) => Err(line.err(format_args!("zone \"{name}\" is too small"))),
        _ => cx.zone(line, name, Some(size), "sticky"),
    }
}

/// The table.
pub static MODULE: Module = Module {
    name: "upstream",
    directives: &[
        Directive::of("server", UPSTREAM, Args::AtLeast(1))
            .doc(
                "A server of the group: address or name, and weight, max_conns, max_fails, fail_timeout, \
                 fail_on, fail_window, slow_start, backup, down, drain, route, resolve, service.",
            )
            .set(server),
        Directive::of("zone", UPSTREAM, Args::Between(1, 2))
            .doc("Keeps the state of the servers (failures, connections, weights) where all workers see it.")
            .set(zone),
        Directive::of("ip_hash", UPSTREAM, Args::None)
            .doc("Clients of one network stay with one server.")
            .set(ip_hash),
        Directive::of("least_conn", UPSTREAM, Args::None)
            .doc("The server with the fewest requests under way.")
            .set(least_conn),
        Directive::of("least_time", UPSTREAM, Args::Between(1, 2))
            .doc(
                "The server with the lowest average time to the header or the last byte and the least to \
                 do; with inflight, requests without an answer count as well.",
            )
            .set(least_time),
        Directive::of("hash", UPSTREAM, Args::Between(1, 2))
            .doc("Requests of one key stay with one server; with consistent, few move when servers change.")
            .set(hash),
        Directive::of("random", UPSTREAM, Args::Between(0, 2))
            .doc("A random server by weight, or the better of two by least_conn or least_time.")
            .set(random),
        Directive::of("sticky", UPSTREAM, Args::AtLeast(2))
            .doc(
                "Requests of one session stay with one server: known by a cookie, a route or a learned \
                 session.",
            )
            .set(sticky),
        Directive::of("queue", UPSTREAM, Args::Between(1, 2))
            .doc("How many requests wait, and for how long, when all servers have max_conns.")
            .set(queue),
        Directive::of("retry_budget", UPSTREAM, Args::Between(1, 2))
            .doc(
                "How many of the requests under way may be at a further peer after a failure: a share \
                 (20%), and at least so many (3). Without it there is no bound.",
            )
            .set(retry_budget),
        Directive::of("keepalive", UPSTREAM, Args::Between(1, 2))
            .default("32")
            .doc("How many idle connections a worker keeps; with local, only their own location uses them.")
            .set(keepalive),
        Directive::of("keepalive_requests", UPSTREAM, Args::Exactly(1))
            .default("1000")
            .doc("How many requests are sent over one connection.")
            .set(|cx, line| line.number(&mut cx.conf::<Upstream>().keepalive_requests)),
        Directive::of("keepalive_time", UPSTREAM, Args::Exactly(1))
            .default("1h")
            .doc("How long one connection is used.")
            .set(|cx, line| line.msec(&mut cx.conf::<Upstream>().keepalive_time)),
        Directive::of("keepalive_timeout", UPSTREAM, Args::Exactly(1))
            .default("60s")
            .doc("How long a connection may be idle before it is closed.")
            .set(|cx, line| line.msec(&mut cx.conf::<Upstream>().keepalive_timeout)),
    ],
};

#[cfg(test)]
#[path = "directives_tests.rs"]
mod tests;
