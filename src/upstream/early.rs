//! Interim replies: 1xx, before the answer.
//!
//! *In nginx* `ngx_http_upstream_process_early_hints` (since 1.29.0) passes 103 on where `early_hints`
//! allows it; 100 is skipped.
//!
//! *Here* the same: a 103 goes to a client that speaks HTTP/1.1, with the fields an answer would have;
//! all others end here.
//!
//! *Read next*: `header.rs`, who calls it.

use crate::buf::{Chain, Slice};
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::write;
use crate::http::turn::{Leave, Status};
use crate::http::vars::Template;
use crate::protocol::Head;
use crate::settings;

settings! {
    /// `early_hints`
    pub struct EarlyHints: Location {
        /// Hints are passed on if one of these is neither empty nor "0".
        pub values: Vec<Template> = Vec::new(),
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "early_hints",
    directives: &[Directive::of("early_hints", LEVELS, Args::AtLeast(1))
        .doc("Passes 103 replies of upstreams on if one of the values is neither empty nor 0.")
        .set(|cx, line| {
            line.refuse_duplicate(cx.conf::<EarlyHints>().values.is_set())?;
            for arg in &line.args {
                let value = Template::compile(cx, line, arg)?;
                cx.conf::<EarlyHints>().values.edit().push(value);
            }
            Ok(())
        })],
};

/// Deals with an interim reply.
///
/// # Errors
/// [`Leave::Finish`] when the client cannot be written to.
pub fn interim(x: &mut Exchange, r: RequestIx, io: &mut Io, head: &Head) -> Result<(), Leave> {
    if head.status != 103 || !x[r].is_main() || x[r].http_version < 1001 || !wanted(x, r, io) {
        return Ok(());
    }
    let mut bytes = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
    for field in head.fields.iter().filter(|field| !field.hop) {
        let hidden = super::heads::is_hidden(x, r, &field);
        if !hidden {
            for part in [field.name, b": ", field.value, b"\r\n"] {
                bytes.extend_from_slice(part);
            }
        }
    }
    bytes.extend_from_slice(b"\r\n");
    let mut chain = Chain::of(Slice::from(bytes));
    chain.flush = true;
    match write::filter(x, io, chain) {
        Status::Error => Err(Leave::Finish(Status::Error)),
        _ => Ok(()),
    }
}

/// `early_hints`: off unless one of its values is neither empty nor "0".
fn wanted(x: &mut Exchange, r: RequestIx, io: &mut Io) -> bool {
    let loc = x[r].loc.clone();
    let values = loc.confs.get::<EarlyHints>();
    values.values.iter().any(|value| {
        let value = value.eval(x, r, io);
        !value.is_empty() && value != b"0"
    })
}
