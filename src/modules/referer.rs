//! `valid_referers`: from which sites a link may lead here.
//!
//! *In nginx* `ngx_http_referer_module`: names in a combined hash whose value is the beginning of a path, and
//! regular expressions.
//!
//! *Here* the same. The answer is the variable `$invalid_referer`: `1`, or empty when the referrer is fine,
//! so that `if ($invalid_referer)` reads well. A field can be forged; this keeps honest browsers from using
//! pictures of a site elsewhere, it keeps nobody out.
//!
//! ```text
//!   Referer: https://www.example.com:81/images/x
//!            scheme  └ name, looked up ┘  └ path, must begin as the directive said
//! ```
//!
//! *Read next*: `util/hostnames.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LOCATION, Module, SERVER};
use crate::conf::error::ConfError;
use crate::conf::merge::{Conf, Scope, Setting};
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::server::ServerName;
use crate::http::vars::{Definition, VarRegex, definition};
use crate::util::hostnames::{Hostnames, Refused};
use std::rc::Rc;

/// The configuration of a level.
#[derive(Default)]
pub struct Referer {
    valid: Setting<Valid>,
    hash_max_size: Setting<u64>,
    hash_bucket_size: Setting<u64>,
}

/// What one or more `valid_referers` lines of a level allow.
#[derive(Clone, Default)]
struct Valid {
    /// `none`: no field at all.
    none: bool,
    /// `blocked`: a field without a scheme, as some proxies leave it.
    blocked: bool,
    /// `server_names`
    server_names: bool,
    /// Names with the beginning of the path, which may be empty.
    names: Hostnames<Slice>,
    regexes: Vec<Rc<VarRegex>>,
}

impl Conf for Referer {
    const SCOPE: Scope = Scope::Location;
    crate::conf_slot!();

    fn merge(&mut self, parent: &Self) -> Result<(), String> {
        let own = &self.valid;
        // NGINX: a pattern is not enough.
        let named = own.server_names || !own.names.is_empty();
        if (own.none || own.blocked) && !named {
            return Err("the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" \
                        directive without any valid referer"
                .to_owned());
        }
        self.valid.merge(&parent.valid);
        self.hash_max_size.merge(&parent.hash_max_size);
        self.hash_bucket_size.merge(&parent.hash_bucket_size);
        Ok(())
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule { variables: Some(variables), ..HttpModule::new(&TABLE) };

static TABLE: Module = Module {
    name: "http_referer",
    directives: &[
        Directive::of("valid_referers", SERVER | LOCATION, Args::AtLeast(1))
            .doc(
                "Names of sites, with wildcards and the beginning of a path or as a pattern, for which \
                 $invalid_referer is empty; none, blocked and server_names stand for themselves.",
            )
            .set(valid_referers),
        Directive::of("referer_hash_max_size", SERVER | LOCATION, Args::Exactly(1))
            .default("2048")
            .doc("Accepted so that files of nginx work; the tables take the room they need.")
            .set(|cx, line| line.number(&mut cx.conf::<Referer>().hash_max_size)),
        Directive::of("referer_hash_bucket_size", SERVER | LOCATION, Args::Exactly(1))
            .default("64")
            .doc("Accepted so that files of nginx work; the tables take the room they need.")
            .set(|cx, line| line.number(&mut cx.conf::<Referer>().hash_bucket_size)),
    ],
};

fn valid_referers(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    for arg in &line.args {
        if let [b'~', pattern @ ..] = arg.bytes() {
            let regex = VarRegex::compile(cx, line, pattern, true)?;
            cx.conf::<Referer>().valid.edit().regexes.push(regex);
            continue;
        }
        let valid = cx.conf::<Referer>().valid.edit();
        match arg.bytes() {
            b"none" => valid.none = true,
            b"blocked" => valid.blocked = true,
            b"server_names" => valid.server_names = true,
            name => {
                let slash = memchr::memchr(b'/', name).unwrap_or(name.len());
                let (name, path) = name.split_at_checked(slash).unwrap_or_default();
                let shown = String::from_utf8_lossy(name).to_lowercase();
                valid.names.add(name, Slice::copy(path)).map_err(|why| match why {
                    Refused::Invalid => line.err(format_args!("invalid hostname or wildcard \"{shown}\"")),
                    Refused::Taken => line.err(format_args!("conflicting parameter \"{shown}\"")),
                })?;
            }
        }
    }
    Ok(())
}

fn variables() -> Vec<(&'static str, Definition)> {
    let get = |x: &mut Exchange, r: RequestIx, _: &mut Io| {
        Some(if is_valid(x, r) { Slice::EMPTY } else { Slice::from_static(b"1") })
    };
    vec![("invalid_referer", definition(get))]
}

/// Names longer than this are nobody's.
const LONGEST: usize = 256;

fn is_valid(x: &Exchange, r: RequestIx) -> bool {
    let level = x[r].loc.clone();
    let conf = level.confs.get::<Referer>();
    if !conf.valid.is_set() {
        return true;
    }
    let valid = &conf.valid;
    let Some(referer) = x.main().headers_in.value(Known::Referer) else { return valid.none };
    let Some(rest) = without_scheme(referer) else { return valid.blocked };
    let end = memchr::memchr2(b'/', b':', rest).unwrap_or(rest.len());
    let (name, tail) = rest.split_at_checked(end).unwrap_or_default();
    if name.len() > LONGEST {
        return false;
    }
    let name = name.to_ascii_lowercase();
    let path = memchr::memchr(b'/', tail).and_then(|at| tail.get(at..)).unwrap_or_default();
    if let Some(start) = valid.names.find(&name) {
        return path.starts_with(start);
    }
    let own = valid.server_names && x[r].server.core.names.iter().any(|own| fits(own, &name));
    own || valid.regexes.iter().any(|regex| regex.is_match(rest))
}

/// What follows `http://` or `https://`, if anything does.
fn without_scheme(referer: &[u8]) -> Option<&[u8]> {
    let schemes: [&[u8]; 2] = [b"http://", b"https://"];
    schemes.iter().find_map(|scheme| {
        let (start, rest) = referer.split_at_checked(scheme.len())?;
        (referer.len() >= b"http://i.ru".len() && start.eq_ignore_ascii_case(scheme)).then_some(rest)
    })
}

/// Whether a name is one of the server's.
fn fits(own: &ServerName, name: &[u8]) -> bool {
    match own {
        ServerName::Regex(regex) => regex.is_match(name),
        ServerName::Plain(own) => match &own[..] {
            [b'*', rest @ ..] => name.len() > rest.len() && name.ends_with(rest),
            [b'.', rest @ ..] => name == rest || (name.len() > own.len() && name.ends_with(own)),
            [rest @ .., b'*'] => name.len() > rest.len() && name.starts_with(rest),
            own => !own.is_empty() && name == own,
        },
    }
}
