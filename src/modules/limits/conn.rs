//! `limit_conn`: how many requests of a client may be answered at once.
//!
//! *In nginx* `ngx_http_limit_conn_module`. The name says connections, but only one whose request has been
//! read whole counts.
//!
//! *Here* the same count for each key. It is raised when a request passes and lowered by a cleanup of the
//! request, whatever ends it; a count of zero needs no entry.
//!
//! ```text
//!   Preaccess ─▶ count < limit? ─ yes ─▶ count + 1 ─▶ … ─▶ the request is freed ─▶ count − 1
//!                                └ no ──▶ limit_conn_status
//! ```
//!
//! *Read next*: `sys/table.rs`.

use super::{Refusal, Refuses, SHAPE, Verdict, already_bound, dry_run, log_level, status, zone_parameter};
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, HTTP, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::conf::value::parse_number;
use crate::conf::zone::Zone;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging::{self, printable};
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::turn::Status;
use crate::http::vars::{Definition, Template, definition};
use crate::log::Level;
use crate::settings;
use crate::sys::table::{Hash, Table};
use std::cell::OnceCell;
use std::rc::Rc;

/// A zone; `limit_conn` may name it before `limit_conn_zone` gives it a key.
#[derive(Debug)]
pub struct ConnZone {
    zone: Rc<Zone>,
    key: OnceCell<(Template, String)>,
}

/// A `limit_conn` line.
#[derive(Clone, Debug)]
pub struct Limit {
    zone: Rc<ConnZone>,
    connections: u64,
}

settings! {
    /// The zones.
    pub struct LimitConnMain: Http {
        plain {
            /// In the order of their first mention.
            pub zones: Vec<Rc<ConnZone>> = Vec::new()
        }
    }
}

settings! {
    /// The limits of a level.
    pub struct LimitConn: Location {
        /// `limit_conn`
        pub limits: Vec<Limit> = Vec::new(),
        groups {
            /// What is done about requests that are too many.
            pub refusal: Refusal
        }
    }
}

impl Refuses for LimitConn {
    fn refusal(&mut self) -> &mut Refusal {
        &mut self.refusal
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    phases: &[(Phase::Preaccess, handler)],
    variables: Some(variables),
    idle: Some(|confs| confs.get::<LimitConn>().limits.is_empty()),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_limit_conn",
    directives: &[
        Directive::of("limit_conn_zone", HTTP, Args::Exactly(2))
            .doc("A shared zone (zone=name:size) that counts the requests of each value of the key.")
            .set(limit_conn_zone),
        Directive::of("limit_conn", LEVELS, Args::Exactly(2))
            .doc("How many requests with the same key may be answered at once; others are refused.")
            .set(limit_conn),
        log_level::<LimitConn>("limit_conn_log_level", "The level at which refused requests are logged."),
        status::<LimitConn>("limit_conn_status"),
        dry_run::<LimitConn>("limit_conn_dry_run", "Counts and logs, but does not refuse."),
    ],
};

const TAG: &str = "limit_conn";

fn find_zone(cx: &mut Cx, line: &Line, name: &str, bytes: Option<u64>) -> Result<Rc<ConnZone>, ConfError> {
    let zone = cx.zone(line, name, bytes, TAG)?;
    let zones = &mut cx.conf::<LimitConnMain>().zones;
    if let Some(known) = zones.iter().find(|known| Rc::ptr_eq(&known.zone, &zone)) {
        return Ok(known.clone());
    }
    let new = Rc::new(ConnZone { zone, key: OnceCell::new() });
    zones.push(new.clone());
    Ok(new)
}

fn limit_conn_zone(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let (key, parameter) = (line.arg(0)?, line.arg(1)?);
    let Some((name, bytes)) = zone_parameter(line, parameter)? else {
        return Err(parameter.invalid_parameter(&["zone="]));
    };
    let template = Template::compile(cx, line, key)?;
    let zone = find_zone(cx, line, &name, Some(bytes))?;
    if let Some((_, bound)) = zone.key.get() {
        return Err(already_bound(line, &name, bound, cx));
    }
    // It is empty: the line before has just seen so.
    let _ = zone.key.set((template, key.to_string()));
    Ok(())
}

fn limit_conn(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?.to_string();
    let zone = find_zone(cx, line, &name, None)?;
    let limits = cx.conf::<LimitConn>().limits.edit();
    line.refuse_duplicate(limits.iter().any(|limit| Rc::ptr_eq(&limit.zone, &zone)))?;
    let text = line.arg(1)?;
    match parse_number(text) {
        None | Some(0) => Err(line.err(format_args!("invalid number of connections \"{text}\""))),
        Some(65_536..) => Err(line.err("connection limit must be less 65536")),
        Some(connections) => {
            limits.push(Limit { zone, connections });
            Ok(())
        }
    }
}

/// The first value of an entry: how many requests are being answered.
const COUNT: usize = 0;

/// One request more, unless there are `limit` already. None when there is no memory for it.
fn enter(zone: &ConnZone, key: &[u8], limit: u64) -> Option<Result<Hash, ()>> {
    let table = Table::new(zone.zone.memory()?, SHAPE);
    let hash = table.hash(key);
    let _held = table.lock();
    let entry = match table.find(hash) {
        Some(entry) => entry,
        None => table.insert(hash)?,
    };
    let count = table.value(entry, COUNT);
    if count >= limit {
        return Some(Err(()));
    }
    table.set_value(entry, COUNT, count + 1);
    Some(Ok(hash))
}

/// One request less.
fn leave(zone: &ConnZone, hash: Hash) {
    let Some(words) = zone.zone.memory() else { return };
    let table = Table::new(words, SHAPE);
    let _held = table.lock();
    if let Some(entry) = table.find(hash) {
        match table.value(entry, COUNT) {
            0 | 1 => table.remove(entry),
            count => table.set_value(entry, COUNT, count - 1),
        }
    }
}

/// The longest key, in bytes.
const LONGEST: usize = 255;

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let level = x[r].loc.clone();
    let conf = level.confs.get::<LimitConn>();
    if conf.limits.is_empty() || x.main().flags.limit_conn != Verdict::None {
        return Status::Declined;
    }
    let mut entered: Vec<(Rc<ConnZone>, Hash)> = Vec::new();
    for limit in &*conf.limits {
        let Some((template, name)) = limit.zone.key.get() else { continue };
        let key = template.eval(x, r, io);
        if key.len() > LONGEST {
            let shown = printable(&key);
            let text =
                format_args!("the value of the \"{name}\" key is more than {LONGEST} bytes: \"{shown}\"");
            logging::log(x, r, io, Level::Error, None, text);
            continue;
        }
        if key.is_empty() {
            continue;
        }
        x.main_mut().flags.limit_conn = Verdict::Passed;
        let refused = match enter(&limit.zone, &key, limit.connections) {
            Some(Ok(hash)) => {
                entered.push((limit.zone.clone(), hash));
                continue;
            }
            Some(Err(())) => Some(limit.zone.zone.name()),
            None => {
                let name = limit.zone.zone.name();
                let text = format_args!("could not allocate node in limit_conn zone \"{name}\"");
                logging::log(x, r, io, Level::Crit, None, text);
                None
            }
        };
        for (zone, hash) in entered {
            leave(&zone, hash);
        }
        return reject(x, r, io, conf, refused);
    }
    if !entered.is_empty() {
        let leave_all = move |_: &mut Exchange, _: RequestIx, _: &mut Io| {
            entered.iter().for_each(|(zone, hash)| leave(zone, *hash));
        };
        x[r].cleanups.push(Box::new(leave_all));
    }
    Status::Declined
}

fn reject(x: &mut Exchange, r: RequestIx, io: &mut Io, conf: &LimitConn, by: Option<&str>) -> Status {
    let dry = if *conf.refusal.dry_run { ", dry run," } else { "" };
    if let Some(name) = by {
        let text = format_args!("limiting connections{dry} by zone \"{name}\"");
        logging::log(x, r, io, *conf.refusal.log_level, None, text);
    }
    conf.refusal.refuse(&mut x.main_mut().flags.limit_conn)
}

fn variables() -> Vec<(&'static str, Definition)> {
    let get = |x: &mut Exchange, _, _: &mut Io| x.main().flags.limit_conn.word();
    vec![("limit_conn_status", definition(get).volatile())]
}
