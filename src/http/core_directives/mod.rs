//! The directives of the HTTP core, in tables by subject.
//!
//! *In nginx* the table `ngx_http_core_commands`, 90 rows with their setters behind it.
//!
//! *Here* five small modules: blocks and servers in this file, then what concerns the client
//! ([`client`]), the output ([`output`]), errors and access ([`errors`]), files ([`files`]). A row is
//! data and one function that only stores.
//!
//! *Read next*: `conf/directive.rs`, `http/conf.rs` for the fields that are filled.

pub mod client;
pub mod errors;
pub mod files;
pub mod output;
pub mod types;

use super::block;
use super::conf::{CoreMain, CoreServer, LocationDraft};
use super::listen;
use super::module::HttpModule;
use super::output::chunked;
use super::server::ServerName;
use super::vars::{VarRegex, core};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, HTTP, LEVELS, LOCATION, MAIN, Module, SERVER};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;

/// The module of the blocks; it also brings what the core itself adds to requests.
pub static MODULE: HttpModule = HttpModule {
    filters: &[chunked::FILTER],
    variables: Some(core::variables),
    families: &core::FAMILIES,
    ..HttpModule::new(&TABLE)
};

/// Levels of a virtual server as a whole.
const SERVERS: u32 = HTTP | SERVER;

/// Tables grow by themselves here; the number is checked and means nothing.
fn table_size(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let hints = &mut cx.conf::<CoreMain>().table_hints;
    let mut number = crate::conf::merge::Setting::new(0);
    line.refuse_duplicate(hints.contains(&line.name.to_string()))?;
    line.number(&mut number)?;
    hints.push(line.name.to_string());
    Ok(())
}

const TABLE_SIZE: &str = "Kept so that existing files work: tables grow by themselves.";
const POOL_SIZE: &str = "Kept so that existing files work: memory is counted, there are no pools.";

const fn hint(name: &'static str, contexts: u32, default: &'static str) -> Directive {
    Directive::of(name, contexts, Args::Exactly(1)).default(default).doc(TABLE_SIZE).set(table_size)
}

static TABLE: Module = Module {
    name: "http_core",
    directives: &[
        Directive::of("http", MAIN, Args::None).block().doc("Holds everything about HTTP.").set(block::http),
        Directive::of("server", HTTP, Args::None).block().doc("A virtual server.").set(block::server),
        Directive::of("upstream", HTTP, Args::Exactly(1))
            .block()
            .doc("A group of servers that requests are passed to.")
            .set(block::upstream),
        Directive::of("location", SERVER | LOCATION, Args::Between(1, 2))
            .block()
            .doc("What holds for some paths.")
            .set(block::location),
        Directive::of("listen", SERVER, Args::AtLeast(1))
            .default("*:80")
            .doc(
                "An address this server answers on, with the options of its sockets. congestion=NAME sets \
                 TCP's congestion control; without it a loopback address avoids one that paces (bbr), \
                 unless congestion=system.",
            )
            .set(listen::set),
        Directive::of("server_name", SERVER, Args::AtLeast(1))
            .default("\"\"")
            .doc(
                "The names this server answers for: exact, with a wildcard at one end, or a regular \
                 expression.",
            )
            .set(server_name),
        hint("server_names_hash_max_size", HTTP, "512"),
        hint("server_names_hash_bucket_size", HTTP, "64"),
        hint("variables_hash_max_size", HTTP, "1024"),
        hint("variables_hash_bucket_size", HTTP, "64"),
        hint("types_hash_max_size", LEVELS, "1024"),
        hint("types_hash_bucket_size", LEVELS, "64"),
        Directive::of("connection_pool_size", SERVERS, Args::Exactly(1))
            .default("512")
            .doc(POOL_SIZE)
            .set(|cx, line| line.size(&mut cx.conf::<CoreServer>().connection_pool_size)),
        Directive::of("request_pool_size", SERVERS, Args::Exactly(1))
            .default("4k")
            .doc(POOL_SIZE)
            .set(|cx, line| line.size(&mut cx.conf::<CoreServer>().request_pool_size)),
        Directive::of("merge_slashes", SERVERS, Args::Flag)
            .default("on")
            .doc("Whether several slashes in a row count as one.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreServer>().merge_slashes)),
        Directive::of("underscores_in_headers", SERVERS, Args::Flag)
            .default("off")
            .doc("Whether a field's name may have underscores.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreServer>().underscores_in_headers)),
        Directive::of("ignore_invalid_headers", SERVERS, Args::Flag)
            .default("on")
            .doc("Whether fields with odd names are dropped.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreServer>().ignore_invalid_headers)),
    ],
};

fn server_name(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    for arg in &line.args {
        let bytes = arg.bytes();
        let name = match bytes.split_first() {
            Some((b'~', [])) => return Err(line.err("empty regex in server name \"~\"")),
            Some((b'~', pattern)) => {
                // Names are compared in lower case, so a pattern with capitals means their small letters.
                let caseless = pattern.iter().any(u8::is_ascii_uppercase);
                ServerName::Regex(VarRegex::compile(cx, line, pattern, caseless)?)
            }
            _ if arg.is("$hostname") => {
                ServerName::Plain(Slice::from(crate::sys::process::hostname().to_ascii_lowercase()))
            }
            _ => ServerName::Plain(plain_name(cx, line, bytes)?),
        };
        cx.conf::<CoreServer>().names.push(name);
    }
    Ok(())
}

fn plain_name(cx: &mut Cx, line: &Line, name: &[u8]) -> Result<Slice, ConfError> {
    let shown = String::from_utf8_lossy(name).into_owned();
    let stars = name.iter().filter(|b| **b == b'*').count();
    let star_placed = name.starts_with(b"*.") || name.ends_with(b".*");
    let wrong = name == b"." || name == b"*" || stars > 1 || (stars == 1 && !star_placed);
    let dotted = memchr::memmem::find(name, b"..").is_some() || (name.starts_with(b".") && stars > 0);
    if wrong || dotted {
        return Err(line.err(format_args!("server name \"{shown}\" is invalid")));
    }
    if name.contains(&b'/') {
        cx.warn(&line.at, format_args!("server name \"{shown}\" has suspicious symbols"));
    }
    Ok(Slice::from(name.to_ascii_lowercase()))
}

/// Keeps a level of `if` or `limit_except` with its location, and says where it will be found.
pub fn keep_draft(cx: &mut Cx, draft: LocationDraft) -> super::conf::LocationCell {
    let cell = draft.cell.clone();
    cx.conf::<super::conf::CoreLocation>().drafts.push(draft);
    cell
}
