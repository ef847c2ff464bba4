//! `set_real_ip_from`: the client's address is the one that a trusted proxy names.
//!
//! *In nginx* `ngx_http_realip_module`: it replaces the connection's address for the time of one request, so
//! that everything behind it (access rules, limits, logs) sees the client instead of the proxy.
//!
//! *Here* the same: the peer's address in the connection is exchanged, once for each request, and put back
//! when the request is freed. It is tried twice, right after the head was read and again when the location is
//! known, because both may be configured.
//!
//! ```text
//!   peer 10.0.0.1 trusted? ─▶ X-Real-IP │ X-Forwarded-For │ any field │ PROXY protocol ─▶ peer 192.0.2.7
//! ```
//!
//! *Read next*: `http/forwarded.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::forwarded;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::turn::Status;
use crate::http::vars::core::port;
use crate::http::vars::{Definition, definition};
use crate::settings;
use crate::util::address::Address;
use crate::util::cidr::Cidr;
use std::net::ToSocketAddrs;

/// Where the address is looked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The list of a chain of proxies.
    ForwardedFor,
    /// A field with one address.
    Field(Slice),
    /// What the PROXY protocol said.
    ProxyProtocol,
}

settings! {
    /// Whom a level believes, and what.
    pub struct RealIp: Location {
        /// `set_real_ip_from`
        pub from: Vec<Cidr> = Vec::new(),
        /// `real_ip_header`
        pub source: Source = Source::Field(Slice::from_static(b"X-Real-IP")),
        /// `real_ip_recursive`
        pub recursive: bool = false,
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    phases: &[(Phase::PostRead, handler), (Phase::Preaccess, handler)],
    variables: Some(variables),
    idle: Some(|confs| confs.get::<RealIp>().from.is_empty()),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_realip",
    directives: &[
        Directive::of("set_real_ip_from", LEVELS, Args::Exactly(1))
            .doc(
                "An address, network, host name or unix: for proxies that are believed what client they \
                 name.",
            )
            .set(set_real_ip_from),
        Directive::of("real_ip_header", LEVELS, Args::Exactly(1))
            .default("X-Real-IP")
            .doc("The request field that names the client, or proxy_protocol.")
            .set(real_ip_header),
        Directive::of("real_ip_recursive", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether the last address that is no trusted proxy is taken, instead of the last.")
            .set(|cx, line| line.flag(&mut cx.conf::<RealIp>().recursive)),
    ],
};

fn set_real_ip_from(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let text = line.arg(0)?;
    let shown = text.as_str()?;
    if let Some((network, masked)) = Cidr::parse(shown) {
        if masked {
            cx.warn(&line.at, format_args!("low address bits of {shown} are meaningless"));
        }
        cx.conf::<RealIp>().from.edit().push(network);
        return Ok(());
    }
    let found: Vec<_> = (shown, 0).to_socket_addrs().map(Iterator::collect).unwrap_or_default();
    if found.is_empty() {
        return Err(line.err(format_args!("host not found in set_real_ip_from \"{shown}\"")));
    }
    let from = cx.conf::<RealIp>().from.edit();
    from.extend(found.into_iter().map(|address| Cidr::of(address.ip())));
    Ok(())
}

fn real_ip_header(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?;
    let source = if name.is("proxy_protocol") {
        Source::ProxyProtocol
    } else if name.eq_ignore_ascii_case(b"X-Forwarded-For") {
        Source::ForwardedFor
    } else {
        Source::Field(Slice::copy(name))
    };
    line.store(&mut cx.conf::<RealIp>().source, source)
}

/// Exchanges the address. Always lets the request go on.
fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<RealIp>();
    if conf.from.is_empty() || x.main().flags.realip_done {
        return Status::Declined;
    }
    let Some(client) = client(x, io, conf) else { return Status::Declined };
    let conn = x.client.conn;
    let Some(c) = io.conn(conn) else { return Status::Declined };
    let proxy = std::mem::replace(&mut c.peer, client);
    let main = x.main_mut();
    main.flags.realip_done = true;
    main.cleanups.push(Box::new(move |x, _, io| {
        // The next request on the connection comes from the proxy again.
        if let (Some(c), Some(proxy)) = (io.conn(conn), x.client.replaced.take()) {
            c.peer = proxy;
        }
    }));
    x.client.replaced = Some(proxy);
    Status::Declined
}

/// The address the proxy names, if it is believed.
fn client(x: &Exchange, io: &Io, conf: &RealIp) -> Option<Address> {
    let c = io.net.table.get(x.client.conn)?;
    let headers = &x.main().headers_in;
    let text: Slice;
    let values: Vec<&[u8]> = match &*conf.source {
        Source::ForwardedFor => headers.named(b"X-Forwarded-For").collect(),
        Source::Field(name) => headers.named(name).take(1).collect(),
        Source::ProxyProtocol => {
            text = c.proxied()?.source?.to_string().into();
            vec![&text]
        }
    };
    if values.is_empty() {
        return None;
    }
    forwarded::forwarded(&c.peer, &values, &conf.from, *conf.recursive)
}

/// The proxy's own address.
fn variables() -> Vec<(&'static str, Definition)> {
    let proxy = |x: &Exchange, io: &Io| -> Option<Address> {
        x.client.replaced.clone().or_else(|| io.net.table.get(x.client.conn).map(|c| c.peer.clone()))
    };
    vec![
        (
            "realip_remote_addr",
            definition(move |x, _, io| {
                let proxy = proxy(x, io)?;
                Some(io.texts.make(|out| proxy.write_host(out)))
            }),
        ),
        ("realip_remote_port", definition(move |x, _, io| Some(port(&proxy(x, io)?, &mut io.texts)))),
    ]
}
