//! Templates at work: the value of a text with variables for one request.
//!
//! *In nginx* a "complex value": the text is compiled into a small program (`ngx_http_script_*`) that is
//! run twice for each value, once for the length and once for the bytes.
//!
//! *Here* the text was compiled by `conf/template.rs`, which knows names but no request; this file is
//! the other half. A text without variables is a constant that is cloned by count, and one that is a
//! single variable hands its value on without a copy.
//!
//! *Read next*: `mod.rs`.

use super::get;
use crate::buf::Slice;
pub use crate::conf::template::{Part, Template, variable_name};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::parse::escape::{Escape, escape};

impl Template {
    /// The value for a request.
    pub fn eval(&self, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Slice {
        match self {
            Template::Constant(text) => text.clone(),
            Template::Parts(parts) => match &parts[..] {
                [only] => only.eval(x, r, io),
                parts => join(parts, x, r, io, |group, whole| whole.extend_from_slice(group)),
            },
        }
    }

    /// The same with the groups of the regular expression escaped as parts of an argument.
    pub fn eval_escaped(&self, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Slice {
        match self {
            Template::Constant(text) => text.clone(),
            Template::Parts(parts) => {
                join(parts, x, r, io, |group, whole| escape(group, Escape::Args, whole))
            }
        }
    }
}

/// The values of some parts, one behind the other; `put` appends those of groups.
fn join(
    parts: &[Part],
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    put: impl Fn(&[u8], &mut Vec<u8>),
) -> Slice {
    let mut whole = io.texts.begin();
    for part in parts {
        match part {
            Part::Text(text) => whole.extend_from_slice(text),
            Part::Var(_) => whole.extend_from_slice(&part.eval(x, r, io)),
            Part::Capture(_) => put(&part.eval(x, r, io), &mut whole),
        }
    }
    io.texts.end(whole)
}

impl Part {
    fn eval(&self, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Slice {
        match self {
            Part::Text(text) => text.clone(),
            Part::Var(ix) => get(x, r, io, *ix).unwrap_or_default(),
            Part::Capture(n) => x[r].captures.get(*n).cloned().flatten().unwrap_or_default(),
        }
    }
}
