//! SCGI: a gateway request as one counted string.
//!
//! *In nginx* `ngx_http_scgi_module`, 2,179 lines, of which 852 are directives and their merging.
//!
//! *Here* the request is written, and the reply, a [`CgiHead`] with a body that ends with the
//! connection, is read by what all gateways share. A connection serves one request.
//!
//! ```text
//!   70:CONTENT_LENGTH␀5␀SCGI␀1␀REQUEST_METHOD␀POST␀…,hello  ──▶
//!                                                           ◀──  Status: 200 OK ⏎ fields ⏎ ⏎ body
//! ```
//!
//! The body's length stands in front, so a body that comes in chunks is read whole first.
//!
//! *Read next*: `uwsgi.rs`, nearly the same; `fastcgi/mod.rs`, the same in records.

use super::cgi::CgiHead;
use super::out::Plain;
use super::params::{Param, gather, param};
use super::{Body, Fault, Framing, Head, Input, Out, Protocol, Request, Step};
use crate::buf::Slice;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use std::rc::Rc;

crate::settings! {
    /// SCGI's own directives, at one level.
    pub struct ScgiLocation: Location {
        /// `scgi_param`
        pub params: Vec<Param> = Vec::new(),
    }
}

/// The table.
pub static MODULE: Module = Module {
    name: "scgi",
    directives: &[Directive::of("scgi_param", LEVELS, Args::Between(2, 3))
        .doc(
            "A parameter for the SCGI server; with if_not_empty only when its value is not empty. A \
                 level that has any takes none from outside.",
        )
        .set(|cx, line| {
            let param = param(cx, line)?;
            cx.conf::<ScgiLocation>().params.edit().push(param);
            Ok(())
        })],
};

/// What one request remembers.
#[derive(Clone, Debug)]
pub struct Scgi {
    head: CgiHead,
}

impl Protocol for Scgi {
    type Conf = ScgiLocation;
    const NAME: &'static str = "scgi";
    const DIRECTIVES: &'static Module = &MODULE;
    const CACHES: bool = true;

    fn create_request(r: &mut dyn Request, conf: &Rc<ScgiLocation>, out: &mut Out) -> Result<Self, Fault> {
        let Some(length) = known_length(r.body()) else {
            return Err(Fault::Internal("a body of unknown length cannot be sent to an SCGI server"));
        };
        let mut text = format!("CONTENT_LENGTH\0{length}\0").into_bytes();
        for (name, value) in gather(r, &conf.params) {
            // A NUL would end the value, and what follows would be a parameter of the client's making.
            if value.contains(&0) {
                return Err(Fault::Refuse(400));
            }
            text.extend_from_slice(&[&name, &b"\0"[..], &value, b"\0"].concat());
        }
        out.number(text.len() as u64);
        out.write(b":");
        out.push(Slice::from(text));
        out.write(b",");
        if length > 0 {
            out.body(&Plain);
        }
        Ok(Scgi { head: CgiHead::new(r.method(), true) })
    }

    fn revive(_: &Rc<ScgiLocation>) -> Option<Self> {
        Some(Scgi { head: CgiHead::new(b"GET", true) })
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        self.head.read(input, head)
    }

    fn input_filter_init(&mut self, head: &Head) -> Framing {
        self.head.framing(head)
    }
}

/// How long a body is that has been read or announced; None if that is not known.
pub fn known_length(body: Body) -> Option<u64> {
    match body {
        Body::None => Some(0),
        Body::Length(length) => Some(length),
        Body::Chunked => None,
    }
}

#[cfg(test)]
#[path = "scgi_tests.rs"]
mod tests;
