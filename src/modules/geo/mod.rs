//! `geo`: a variable whose value depends on the client's address.
//!
//! *In nginx* `ngx_http_geo_module`; a block of ranges in a file of its own is also kept in a binary file
//! beside it, to be read faster the next time.
//!
//! *Here* the block fills one of two [tables](table) when the configuration is read. A hundred thousand
//! ranges take less time to read than would be worth a second format, so there is no binary file.
//!
//! ```text
//!   geo $remote_addr $where {  default far;  proxy 10.0.0.0/8;  192.0.2.0/24 near;  }
//!   peer 10.0.0.1 ─ trusted as proxy ─▶ X-Forwarded-For: 192.0.2.7 ─▶ 192.0.2.0/24 ─▶ "near"
//! ```
//!
//! NGINX: a client without an IP address (a unix socket, or a text that is no address) is looked up as
//! 255.255.255.255.
//!
//! *Read next*: `table.rs`, `http/forwarded.rs`.

mod table;

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, HTTP, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::{Arg, Line};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::forwarded;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::vars::{self, VarIx, definition};
use crate::util::address::Address;
use crate::util::cidr::Cidr;
use std::net::{IpAddr, Ipv4Addr};
use table::{Added, Networks, Ranges};

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "http_geo",
    directives: &[Directive::of("geo", HTTP, Args::Between(1, 2))
        .block()
        .doc(
            "Defines a variable whose value is looked up in the block by an address: that of the \
                 client, or of the first argument when there are two.",
        )
        .set(geo)],
};

enum Table {
    Networks(Networks),
    Ranges(Ranges),
}

/// One `geo` block.
struct Geo {
    /// Whose value is the address; None for that of the client.
    source: Option<VarIx>,
    table: Table,
    default: Option<Slice>,
    proxies: Vec<Cidr>,
    recursive: bool,
    volatile: bool,
}

fn geo(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let (source, name) = match line.args.as_slice() {
        [source, name] => match source.bytes() {
            [b'$', bare @ ..] if !bare.is_empty() => (Some(vars::index(cx, bare)), name),
            _ => return Err(line.err(format_args!("invalid variable name \"{source}\""))),
        },
        _ => (None, line.arg(0)?),
    };
    let table = Table::Networks(Networks::default());
    let mut geo =
        Geo { source, table, default: None, proxies: Vec::new(), recursive: false, volatile: false };
    let mut begun = false;
    for child in line.children() {
        match (child.name.bytes(), child.args.as_slice()) {
            (b"ranges", []) if begun => {
                let must = "must be the first directive inside \"geo\" block";
                return Err(child.err(format_args!("the \"ranges\" directive {must}")));
            }
            (b"ranges", []) => geo.table = Table::Ranges(Ranges::default()),
            (b"proxy_recursive", []) => geo.recursive = true,
            (b"volatile", []) => geo.volatile = true,
            (b"proxy", [network]) => {
                let network = geo_network(cx, child, network)?;
                geo.proxies.push(network);
            }
            (_, [value]) if child.block.is_none() => {
                begun = true;
                geo.add(cx, child, value)?;
            }
            _ => return Err(child.err("invalid number of the geo parameters")),
        }
    }
    let volatile = geo.volatile;
    let variable = definition(move |x, r, io| Some(geo.value(x, r, io))).changeable();
    let variable = if volatile { variable.volatile() } else { variable };
    vars::declare(cx, line, name, variable)?;
    Ok(())
}

impl Geo {
    fn add(&mut self, cx: &mut Cx, child: &Line, value: &Arg) -> Result<(), ConfError> {
        let (delete, key) = if child.name.is("delete") { (true, value) } else { (false, &child.name) };
        let text = Slice::copy(value);
        if key.is("default") && !delete {
            if let Some(old) = self.default.replace(text) {
                let what = match self.table {
                    Table::Ranges(_) => "default geo range value:",
                    Table::Networks(_) => "network \"default\", value:",
                };
                cx.warn(&child.at, format_args!("duplicate {what} \"{value}\", old value: \"{old}\""));
            }
            return Ok(());
        }
        match &mut self.table {
            Table::Networks(table) => {
                let network = geo_network(cx, child, key)?;
                if delete {
                    if table.remove(network).is_none() {
                        cx.warn(&child.at, format_args!("no network \"{key}\" to delete"));
                    }
                } else if let Some(old) = table.insert(network, text) {
                    let text = format_args!("duplicate network \"{key}\", value: \"{value}\"");
                    cx.warn(&child.at, format_args!("{text}, old value: \"{old}\""));
                }
            }
            Table::Ranges(table) => {
                let (start, end) =
                    range(key).ok_or_else(|| child.err(format_args!("invalid range \"{key}\"")))?;
                if delete {
                    if !table.remove(start, end) {
                        cx.warn(&child.at, format_args!("no address range \"{key}\" to delete"));
                    }
                    return Ok(());
                }
                match table.add(start, end, text) {
                    Added::New => {}
                    Added::Replaced(old) => {
                        let text = format_args!("duplicate range \"{key}\", value: \"{value}\"");
                        cx.warn(&child.at, format_args!("{text}, old value: \"{old}\""));
                    }
                    Added::Overlaps(from, to) => {
                        return Err(child.err(format_args!("range \"{key}\" overlaps \"{from}-{to}\"")));
                    }
                }
            }
        }
        Ok(())
    }

    fn value(&self, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Slice {
        let ip = self.address(x, r, io).and_then(|address| address.ip());
        let ip = ip.map_or(IpAddr::V4(Ipv4Addr::BROADCAST), |ip| ip.to_canonical());
        let found = match (&self.table, ip) {
            (Table::Networks(table), ip) => table.find(ip),
            (Table::Ranges(table), IpAddr::V4(ip)) => table.find(ip),
            (Table::Ranges(table), IpAddr::V6(_)) => table.find(Ipv4Addr::BROADCAST),
        };
        found.or(self.default.as_ref()).cloned().unwrap_or_default()
    }

    fn address(&self, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Address> {
        let peer = match self.source {
            Some(source) => forwarded::parse(&vars::get(x, r, io, source)?)?,
            None => io.conn(x.client.conn)?.peer.clone(),
        };
        if self.proxies.is_empty() {
            return Some(peer);
        }
        let values: Vec<&[u8]> = x.main().headers_in.all(Known::XForwardedFor).collect();
        Some(forwarded::forwarded(&peer, &values, &self.proxies, self.recursive).unwrap_or(peer))
    }
}

fn geo_network(cx: &mut Cx, child: &Line, text: &Arg) -> Result<Cidr, ConfError> {
    match std::str::from_utf8(text).ok().and_then(Cidr::parse) {
        Some((network, masked)) => {
            if masked {
                cx.warn(&child.at, format_args!("low address bits of {text} are meaningless"));
            }
            Ok(network)
        }
        None => Err(child.err(format_args!("invalid network \"{text}\""))),
    }
}

/// `1.2.3.4-1.2.3.9`
fn range(text: &[u8]) -> Option<(u32, u32)> {
    let (start, end) = std::str::from_utf8(text).ok()?.split_once('-')?;
    let [start, end] = [start, end].map(|ip| ip.parse::<Ipv4Addr>().ok());
    let (start, end) = (start?.to_bits(), end?.to_bits());
    (start <= end).then_some((start, end))
}
