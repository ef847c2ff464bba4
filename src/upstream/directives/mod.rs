//! The directives that every upstream module has under its own prefix.
//!
//! *In nginx* each module repeats these rows for itself (`proxy_read_timeout`, `fastcgi_read_timeout`,
//! …) with an offset into its own copy of `ngx_http_upstream_conf_t`.
//!
//! *Here* they are written once, without a prefix. [`table`] puts the name of a protocol before each;
//! what a line sets is found by the same prefix, taken from the line itself. So a module outside this
//! library has all of them by having a name.
//!
//! ```text
//!   Row "read_timeout" ─ table("echo") ─▶ Directive "echo_read_timeout" ─ set ─▶ Passes["echo"].read_timeout
//! ```
//!
//! *Read next*: `rows.rs`, then `http/upstream_conf.rs`.

mod cache_rows;
mod cache_setters;
mod rows;
mod setters;
mod tls_rows;

use crate::conf::build::Cx;
use crate::conf::directive::{Args, Contexts, Directive, Module, SERVER};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::http::upstream_conf::{Passes, UpstreamConf};
use crate::protocol::Protocol;

/// A directive without its prefix.
pub struct Row {
    suffix: &'static str,
    contexts: Contexts,
    args: Args,
    default: &'static str,
    doc: &'static str,
    set: fn(&mut Cx, &Line) -> Result<(), ConfError>,
}

/// The shared directives under a prefix, and the pass directive; with those of the cache if the
/// protocol's replies can be kept, and those of TLS if it has a scheme for that. Made once for each
/// module and kept for the life of the process.
pub fn table<P: Protocol>(pass: fn(&mut Cx, &Line) -> Result<(), ConfError>) -> &'static Module {
    let prefix = P::NAME;
    let has = |row: &&Row| P::SHARED.is_none_or(|list| list.contains(&row.suffix));
    let (args, contexts) = match P::PASS_DEFAULT {
        None => (Args::Exactly(1), rows::PASS),
        // Such a directive may be all that a server is there for.
        Some(_) => (Args::Between(0, 1), rows::PASS | SERVER),
    };
    let mut directives: Vec<Directive> = Vec::new();
    directives.push(
        Directive::of(joined(prefix, "pass"), contexts, args)
            .default(P::PASS_DEFAULT.unwrap_or_default())
            .doc("Passes requests of this location to the peer or the group of peers named.")
            .set(pass),
    );
    let cache_rows = if P::CACHES { cache_rows::ROWS } else { &[] };
    // NGINX: the other modules have no such directive; what they are asked with is the script's business.
    let head_rows: &[Row] = if P::CACHES && prefix == "proxy" { &[cache_rows::CONVERT_HEAD] } else { &[] };
    let tls_rows = if P::TLS_SCHEME.is_some() { tls_rows::ROWS } else { &[] };
    let rows = rows::ROWS.iter().filter(has).chain(tls_rows).chain(cache_rows).chain(head_rows);
    directives.extend(rows.map(|row| {
        Directive::of(joined(prefix, row.suffix), row.contexts, row.args)
            .default(row.default)
            .doc(row.doc)
            .set(row.set)
    }));
    let name = joined(prefix, "upstream");
    Box::leak(Box::new(Module { name, directives: directives.leak() }))
}

fn joined(prefix: &str, suffix: &str) -> &'static str {
    format!("{prefix}_{suffix}").leak()
}

/// The settings a line is about: those of the prefix that stands before `suffix` in its name.
///
/// # Errors
/// None for a line that came here through [`table`].
pub fn of<'a>(cx: &'a mut Cx, line: &Line, suffix: &str) -> Result<&'a mut UpstreamConf, ConfError> {
    let name = line.name.as_str()?;
    let prefix = name.strip_suffix(suffix).and_then(|name| name.strip_suffix('_')).unwrap_or(name);
    cx.conf::<Passes>().entry(prefix).ok_or_else(|| line.err("the configuration has been read already"))
}
