//! SSI: pages that say inside themselves what else belongs into them.
//!
//! *In nginx* `ngx_http_ssi_filter_module`, three thousand lines: a parser that can stop at every byte,
//! ten commands, and a body filter that hands on what stands between them without copying it.
//!
//! *Here* a room of its own: [`scan`] finds commands in bytes, [`command`] knows their names and
//! parameters, [`filter`] drives both over the body, [`mod@include`] makes subrequests, [`expr`] and
//! [`value`] work out conditions and texts.
//!
//! ```text
//!   "<p>" <!--#include virtual="/a" --> "</p>"
//!   text ─▶ out     command ─▶ child in line here     text ─▶ out, postponed behind the child
//! ```
//!
//! What commands define (variables, blocks, groups of the last match) belongs to the main request and is
//! shared by all of the page; how a command prints (encoding, format of times, text for errors) belongs
//! to one response.
//!
//! *Read next*: `scan.rs`, then `filter.rs`.

mod command;
mod expr;
mod filter;
mod include;
mod scan;
#[cfg(test)]
mod scan_tests;
mod value;

use super::mime_types::MimeTypes;
use crate::buf::Slice;
use crate::conf::directive::{Args, Directive, LEVELS, LOCATION_IF, Module};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::{HeaderFilter, Stage, engage};
use crate::http::turn::Status;
use crate::http::vars::{Definition, definition};
use crate::log::clock;
use crate::settings;
use crate::sys::time;

settings! {
    /// `ssi` and its like.
    pub struct Ssi: Location {
        /// `ssi`
        pub enable: bool = false,
        /// `ssi_silent_errors`
        pub silent_errors: bool = false,
        /// `ssi_last_modified`
        pub last_modified: bool = false,
        /// `ssi_min_file_chunk`; parts of files are sent from memory, whatever their size
        pub min_file_chunk: u64 = 1024,
        /// `ssi_value_length`, bytes
        pub value_length: u64 = 256,
        /// `ssi_types`
        pub types: MimeTypes = MimeTypes::html(),
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    filters: &[HeaderFilter { stage: Stage::Ssi, run: header_filter }],
    variables: Some(variables),
    idle: Some(|confs| !*confs.get::<Ssi>().enable),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_ssi",
    directives: &[
        Directive::of("ssi", LEVELS | LOCATION_IF, Args::Flag)
            .default("off")
            .doc("Whether SSI commands in responses are carried out.")
            .set(|cx, line| line.flag(&mut cx.conf::<Ssi>().enable)),
        Directive::of("ssi_silent_errors", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether a command that fails leaves nothing in the page instead of a text about the error.")
            .set(|cx, line| line.flag(&mut cx.conf::<Ssi>().silent_errors)),
        Directive::of("ssi_last_modified", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether Last-Modified and a weakened ETag of the page itself are kept.")
            .set(|cx, line| line.flag(&mut cx.conf::<Ssi>().last_modified)),
        Directive::of("ssi_min_file_chunk", LEVELS, Args::Exactly(1))
            .default("1k")
            .doc("Accepted for compatibility: text between commands is sent from memory, whatever its size.")
            .set(|cx, line| line.size(&mut cx.conf::<Ssi>().min_file_chunk)),
        Directive::of("ssi_value_length", LEVELS, Args::Exactly(1))
            .default("256")
            .doc("How long a parameter's value in a command may be.")
            .set(|cx, line| line.size(&mut cx.conf::<Ssi>().value_length)),
        Directive::of("ssi_types", LEVELS, Args::AtLeast(1))
            .default("text/html")
            .doc("Content types, besides text/html, of responses that are looked into; * for all.")
            .set(|cx, line| {
                MimeTypes::set(cx, line, |cx| &mut cx.conf::<Ssi>().types);
                Ok(())
            }),
    ],
};

/// How times are printed until `config timefmt` says otherwise.
const TIME_FORMAT: &[u8] = b"%A, %d-%b-%Y %H:%M:%S %Z";

/// The time format of one response, where the variables look for it.
struct TimeFormat(Slice);

/// What the commands of a page share; kept by the main request.
#[derive(Default)]
struct Page {
    /// What `set`, `include set=` and named groups defined; names in lower case.
    variables: Vec<(Vec<u8>, Slice)>,
    /// What `block` keeps for stubs.
    blocks: Vec<(Vec<u8>, Vec<Slice>)>,
    /// Groups of the last regular expression that matched.
    captures: Vec<Option<Slice>>,
}

/// The shared state of the exchange.
fn page(x: &mut Exchange) -> Option<&mut Page> {
    let ctx = &mut x.main_mut().ctx;
    if ctx.get::<Page>().is_none() {
        ctx.set(Page::default());
    }
    ctx.get_mut()
}

fn header_filter(x: &mut Exchange, r: RequestIx, _: &mut Io) -> Result<(), Status> {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<Ssi>();
    let out = &x[r].headers_out;
    if !*conf.enable || out.content_length == Some(0) || !conf.types.contains(out.content_type.as_ref()) {
        return Ok(());
    }
    x[r].flags.need_in_memory = true;
    if x[r].is_main() {
        let out = &mut x[r].headers_out;
        out.clear_content_length();
        out.clear_accept_ranges();
        if *conf.last_modified {
            out.weak_etag();
        } else {
            out.clear_last_modified();
            out.clear_etag();
        }
    }
    let limit = usize::try_from(*conf.value_length).unwrap_or(usize::MAX);
    let filter = filter::SsiFilter::new(limit, *conf.silent_errors);
    engage(x, r, Box::new(filter));
    Ok(())
}

fn variables() -> Vec<(&'static str, Definition)> {
    vec![
        ("date_local", definition(|x, r, _| Some(now(x, r, false))).volatile()),
        ("date_gmt", definition(|x, r, _| Some(now(x, r, true))).volatile()),
    ]
}

/// The time as this response prints it.
fn now(x: &Exchange, r: RequestIx, gmt: bool) -> Slice {
    let seconds = clock::seconds();
    let format = x[r].ctx.get::<TimeFormat>().map_or(TIME_FORMAT, |format| &format.0);
    // Not every C library knows this one.
    if format == b"%s" {
        return seconds.to_string().into();
    }
    Slice::from(time::format(format, seconds, gmt))
}
