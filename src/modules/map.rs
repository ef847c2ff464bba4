//! `map`: a variable whose value depends on another text.
//!
//! *In nginx* `ngx_http_map_module`: a combined hash of names and an array of regular expressions behind a
//! variable's getter.
//!
//! *Here* likewise; the table is [`Hostnames`], with wildcards only when the block says `hostnames`. Whole
//! texts are compared without regard to case. Regular expressions are tried in their order when no text fits;
//! the first that matches leaves its groups in the request. Values may have variables. Nothing happens until
//! somebody asks for the variable.
//!
//! ```text
//!   map $host $backend {  default a;  *.example.com b;  ~^(?<user>.+)\.net$ "user-$user";  }
//!   $backend ─▶ text of $host ─▶ whole ─▶ wildcards ─▶ regular expressions ─▶ default
//! ```
//!
//! *Read next*: `util/hostnames.rs`, `vars/table.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, HTTP, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::vars::{self, Template, VarRegex, definition};
use crate::settings;
use crate::util::hostnames::{Hostnames, Refused};
use std::rc::Rc;

settings! {
    /// What is accepted for compatibility: tables here grow as they need.
    pub struct MapMain: Http {
        /// `map_hash_max_size`
        pub hash_max_size: u64 = 2048,
        /// `map_hash_bucket_size`
        pub hash_bucket_size: u64 = 64,
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "http_map",
    directives: &[
        Directive::of("map", HTTP, Args::Exactly(2))
            .block()
            .doc("Defines a variable whose value is looked up in the block by the first argument.")
            .set(map),
        Directive::of("map_hash_max_size", HTTP, Args::Exactly(1))
            .default("2048")
            .doc("Accepted so that files of nginx work; the tables of maps take the room they need.")
            .set(|cx, line| line.number(&mut cx.conf::<MapMain>().hash_max_size)),
        Directive::of("map_hash_bucket_size", HTTP, Args::Exactly(1))
            .default("32|64|128")
            .doc("Accepted so that files of nginx work; the tables of maps take the room they need.")
            .set(|cx, line| line.number(&mut cx.conf::<MapMain>().hash_bucket_size)),
    ],
};

/// One `map` block.
#[derive(Default)]
struct Map {
    source: Template,
    names: Hostnames<Template>,
    regexes: Vec<(Rc<VarRegex>, Template)>,
    default: Option<Template>,
    hostnames: bool,
    volatile: bool,
}

fn map(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let mut map = Map { source: Template::compile(cx, line, line.arg(0)?)?, ..Map::default() };
    let mut pairs = Vec::new();
    // `hostnames` holds for the whole block, wherever it stands.
    for child in line.children() {
        match (child.name.bytes(), child.args.as_slice()) {
            (b"hostnames", []) => map.hostnames = true,
            (b"volatile", []) => map.volatile = true,
            (_, [value]) if child.block.is_none() => pairs.push((child, value)),
            _ => return Err(child.err("invalid number of the map parameters")),
        }
    }
    for (child, value) in pairs {
        let value = Template::compile(cx, child, value)?;
        map.add(cx, child, value)?;
    }
    let volatile = map.volatile;
    let variable = definition(move |x, r, io| Some(map.value(x, r, io))).changeable();
    let variable = if volatile { variable.volatile() } else { variable };
    vars::declare(cx, line, line.arg(1)?, variable)?;
    Ok(())
}

impl Map {
    fn add(&mut self, cx: &mut Cx, child: &Line, value: Template) -> Result<(), ConfError> {
        let key = match child.name.bytes() {
            b"default" if self.default.is_some() => {
                return Err(child.err("duplicate default map parameter"));
            }
            b"default" => {
                self.default = Some(value);
                return Ok(());
            }
            [b'~', pattern @ ..] => {
                let (pattern, caseless) = match pattern {
                    [b'*', pattern @ ..] => (pattern, true),
                    pattern => (pattern, false),
                };
                self.regexes.push((VarRegex::compile(cx, child, pattern, caseless)?, value));
                return Ok(());
            }
            // A key that would mean something else begins with a backslash.
            [b'\\', key @ ..] | key => key,
        };
        let added =
            if self.hostnames { self.names.add(key, value) } else { self.names.add_exact(key, value) };
        let shown = String::from_utf8_lossy(key).to_lowercase();
        added.map_err(|why| match why {
            Refused::Invalid => child.err(format_args!("invalid hostname or wildcard \"{shown}\"")),
            Refused::Taken => child.err(format_args!("conflicting parameter \"{shown}\"")),
        })
    }

    fn value(&self, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Slice {
        let subject = self.source.eval(x, r, io);
        let subject = match subject.strip_suffix(b".") {
            Some(bare) if self.hostnames => subject.slice(0..bare.len()),
            _ => subject,
        };
        if let Some(value) = self.names.find(&subject) {
            return value.eval(x, r, io);
        }
        // NGINX: an empty text matches no expression, not even `~^$`.
        if !subject.is_empty()
            && let Some((_, value)) = self.regexes.iter().find(|(regex, _)| regex.exec(x, r, &subject))
        {
            return value.eval(x, r, io);
        }
        self.default.as_ref().map_or(Slice::EMPTY, |value| value.eval(x, r, io))
    }
}
