//! May this client have a compressed answer? `gzip_vary`, `gzip_proxied`, `gzip_http_version`,
//! `gzip_disable`.
//!
//! *In nginx* `ngx_http_gzip_ok`, a part of the core because three modules ask it: the compressor, the one
//! that sends files compressed beforehand, and the one that decompresses for clients that cannot.
//!
//! *Here* [`accepts`] answers once for a request and remembers. A request that came through a proxy (it has
//! `Via`) gets a compressed answer only as far as `gzip_proxied` allows. [`mark_vary`] notes that the answer
//! depends on `Accept-Encoding`; the field is added at the end of the header filters.
//!
//! *Read next*: `gzip.rs`, `gunzip.rs`, `gzip_static.rs`.

use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::pattern::Pattern;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::{Known, OutField};
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::{HeaderFilter, Stage};
use crate::http::request::Request;
use crate::http::turn::Status;
use crate::log::clock;
use crate::parse::date;
use crate::settings;

use std::rc::Rc;

const OFF: u32 = 1;
const EXPIRED: u32 = 1 << 1;
const NO_CACHE: u32 = 1 << 2;
const NO_STORE: u32 = 1 << 3;
const PRIVATE: u32 = 1 << 4;
const NO_LAST_MODIFIED: u32 = 1 << 5;
const NO_ETAG: u32 = 1 << 6;
const AUTH: u32 = 1 << 7;
const ANY: u32 = 1 << 8;

const PROXIED: &[(&str, u32)] = &[
    ("off", OFF),
    ("expired", EXPIRED),
    ("no-cache", NO_CACHE),
    ("no-store", NO_STORE),
    ("private", PRIVATE),
    ("no_last_modified", NO_LAST_MODIFIED),
    ("no_etag", NO_ETAG),
    ("auth", AUTH),
    ("any", ANY),
];

settings! {
    /// Who may have compressed answers.
    pub struct GzipAccept: Location {
        /// `gzip_vary`
        pub vary: bool = false,
        /// `gzip_http_version`
        pub http_version: u16 = 1001,
        /// `gzip_proxied`, bits
        pub proxied: u32 = OFF,
        /// `gzip_disable`: patterns of User-Agent
        pub disable: Vec<Rc<Pattern>> = Vec::new(),
        /// `gzip_disable msie6`
        pub disable_msie6: bool = false,
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    filters: &[HeaderFilter { stage: Stage::Chunked, run: add_vary }],
    idle: Some(|confs| !*confs.get::<GzipAccept>().vary),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_gzip_accept",
    directives: &[
        Directive::of("gzip_vary", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether answers that may come compressed or not have `Vary: Accept-Encoding`.")
            .set(|cx, line| line.flag(&mut cx.conf::<GzipAccept>().vary)),
        Directive::of("gzip_http_version", LEVELS, Args::Exactly(1))
            .default("1.1")
            .doc("The lowest version of HTTP that gets compressed answers.")
            .set(|cx, line| {
                line.choice(&mut cx.conf::<GzipAccept>().http_version, &[("1.0", 1000), ("1.1", 1001)])
            }),
        Directive::of("gzip_proxied", LEVELS, Args::AtLeast(1))
            .default("off")
            .doc("Which requests that came through a proxy get compressed answers.")
            .set(|cx, line| {
                cx.warn_repeated(line);
                line.bits(&mut cx.conf::<GzipAccept>().proxied, PROXIED)
            }),
        Directive::of("gzip_disable", LEVELS, Args::AtLeast(1))
            .doc("Patterns of User-Agent that get no compressed answers; msie6 means those old browsers.")
            .set(disable),
    ],
};

fn disable(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let mut patterns = Vec::new();
    let mut msie6 = false;
    for arg in &line.args {
        if arg.is("msie6") {
            msie6 = true;
            continue;
        }
        patterns.push(Pattern::compile(cx, line, arg.bytes(), true)?);
    }
    let conf = cx.conf::<GzipAccept>();
    if msie6 {
        conf.disable_msie6.set(true);
    }
    // A level with patterns of its own inherits none, and further lines add up.
    conf.disable.edit().append(&mut patterns);
    Ok(())
}

/// What was found out for a request.
#[derive(Default)]
struct Tested {
    accepts: Option<bool>,
    vary: bool,
}

/// Notes that the answer depends on what encodings the client accepts (nginx: `r->gzip_vary`).
pub fn mark_vary(x: &mut Exchange, r: RequestIx) {
    x[r].ctx.or_default::<Tested>().vary = true;
}

fn add_vary(x: &mut Exchange, r: RequestIx, _: &mut Io) -> Result<(), Status> {
    let varies = x[r].ctx.get::<Tested>().is_some_and(|tested| tested.vary);
    if varies && *x[r].loc.confs.get::<GzipAccept>().vary {
        // In front of the other fields, as nginx writes it.
        let field = OutField { name: "Vary".into(), value: "Accept-Encoding".into() };
        x[r].headers_out.fields.insert(0, field);
    }
    Ok(())
}

/// True if the client may have a compressed answer (nginx: `ngx_http_gzip_ok`). Worked out once for a
/// request.
pub fn accepts(x: &mut Exchange, r: RequestIx) -> bool {
    if let Some(known) = x[r].ctx.get::<Tested>().and_then(|tested| tested.accepts) {
        return known;
    }
    let answer = work_out(&x[r]);
    x[r].ctx.or_default::<Tested>().accepts = Some(answer);
    answer
}

fn work_out(request: &Request) -> bool {
    let conf = request.loc.confs.get::<GzipAccept>();
    let field = |known| request.headers_in.value(known);
    let accepted = field(Known::AcceptEncoding).is_some_and(accepts_gzip);
    let agent = field(Known::UserAgent);
    if !request.is_main() || !accepted || request.http_version < *conf.http_version {
        return false;
    }
    if *conf.disable_msie6 && agent.is_some_and(is_msie6) {
        return false;
    }
    if field(Known::Via).is_some() && !proxied(request, *conf.proxied) {
        return false;
    }
    !agent.is_some_and(|agent| conf.disable.iter().any(|pattern| pattern.regex().is_match(agent)))
}

/// What `gzip_proxied` says about this answer.
fn proxied(request: &Request, rules: u32) -> bool {
    let has = |rule| rules & rule != 0;
    if has(OFF) {
        return false;
    }
    if has(ANY) || has(AUTH) && request.headers_in.has(Known::Authorization) {
        return true;
    }
    let out = &request.headers_out;
    if let Some(expires) = out.get(b"Expires") {
        let now = match &out.date {
            Some(date) => date::parse(date),
            None => Some(clock::seconds()),
        };
        let (Some(expires), Some(now)) = (date::parse(expires), now) else { return false };
        return has(EXPIRED) && expires < now;
    }
    if out.get(b"Cache-Control").is_some() {
        let says = |word: &[u8]| {
            let values = out.fields.iter().filter(|field| field.name.eq_ignore_ascii_case(b"Cache-Control"));
            values
                .flat_map(|field| field.value.split(|b| *b == b','))
                .any(|part| part.trim_ascii().eq_ignore_ascii_case(word))
        };
        return has(NO_CACHE) && says(b"no-cache")
            || has(NO_STORE) && says(b"no-store")
            || has(PRIVATE) && says(b"private");
    }
    let modified = out.last_modified.is_some() || out.get(b"Last-Modified").is_some();
    !(has(NO_LAST_MODIFIED) && modified || has(NO_ETAG) && out.get(b"ETag").is_some())
}

/// Whether `Accept-Encoding` names gzip with a weight above zero (RFC 9110, section 12.5.3).
fn accepts_gzip(value: &[u8]) -> bool {
    for part in value.split(|b| *b == b',') {
        let mut words = part.split(|b| *b == b';').map(<[u8]>::trim_ascii);
        if !words.next().is_some_and(|name| name.eq_ignore_ascii_case(b"gzip")) {
            continue;
        }
        let Some(weight) = words.next() else { return true };
        let weight = match weight {
            [b'q' | b'Q', rest @ ..] => rest.trim_ascii_start().strip_prefix(b"="),
            _ => None,
        };
        let Some(digits) = weight.map(<[u8]>::trim_ascii_start) else { return false };
        return match digits {
            [b'1', ..] => true,
            [b'0', b'.', rest @ ..] => {
                rest.iter().all(u8::is_ascii_digit) && rest.iter().any(|digit| *digit != b'0')
            }
            _ => false,
        };
    }
    false
}

/// Internet Explorer 4 to 6, but not 6 with its second service pack, whose gzip works.
fn is_msie6(agent: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(agent, b"MSIE ") else { return false };
    if memchr::memmem::find(agent, b"Opera").is_some() {
        return false;
    }
    match agent.get(at + 5..) {
        Some([b'4' | b'5', b'.', ..]) => true,
        Some([b'6', b'.', rest @ ..]) => memchr::memmem::find(rest, b"SV1").is_none(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_counts_only_as_a_word_with_a_weight() {
        let rows = [
            ("gzip", true),
            ("deflate, gzip", true),
            ("GZIP;q=0.001", true),
            ("gzip ; q = 1", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("gzip;x", false),
            ("xgzip, gzipx", false),
            ("deflate", false),
            ("", false),
        ];
        for (value, expected) in rows {
            assert_eq!(accepts_gzip(value.as_bytes()), expected, "{value}");
        }
    }
}
