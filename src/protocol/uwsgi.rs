//! uwsgi: a gateway request as a packet, the protocol of the server uWSGI.
//!
//! *In nginx* `ngx_http_uwsgi_module`, 2,803 lines.
//!
//! *Here* the packet: four bytes, of which two say how long the rest is and two what it is about, then
//! names and values, each with its length in front (all lengths little-endian). The reply is read as
//! SCGI's, only that it begins with a status line as a rule. A connection serves one request.
//!
//! ```text
//!   mod1 len len mod2 │ 4 0 P A T H │ 2 0 / x │ …   body   ──▶
//!                                                          ◀──  HTTP/1.1 200 OK ⏎ fields ⏎ ⏎ body
//! ```
//!
//! The body's length is told by a parameter (`uwsgi_param CONTENT_LENGTH $content_length`).
//!
//! *Read next*: `fastcgi/mod.rs`.

use super::cgi::CgiHead;
use super::out::Plain;
use super::params::{Param, gather, param};
use super::scgi::known_length;
use super::{Fault, Framing, Head, Input, Out, Protocol, Request, Step};
use crate::buf::Slice;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::merge::Setting;
use crate::conf::tree::Line;
use crate::conf::value::parse_number;
use std::rc::Rc;

crate::settings! {
    /// uwsgi's own directives, at one level.
    pub struct UwsgiLocation: Location {
        /// `uwsgi_param`
        pub params: Vec<Param> = Vec::new(),
        /// `uwsgi_modifier1`: what the packet is about, 0 for a WSGI application
        pub modifier1: u8 = 0,
        /// `uwsgi_modifier2`: an argument to it
        pub modifier2: u8 = 0,
    }
}

/// The table.
pub static MODULE: Module = Module {
    name: "uwsgi",
    directives: &[
        Directive::of("uwsgi_param", LEVELS, Args::Between(2, 3))
            .doc(
                "A parameter for the uwsgi server; with if_not_empty only when its value is not empty. A \
                 level that has any takes none from outside.",
            )
            .set(|cx, line| {
                let param = param(cx, line)?;
                cx.conf::<UwsgiLocation>().params.edit().push(param);
                Ok(())
            }),
        Directive::of("uwsgi_modifier1", LEVELS, Args::Exactly(1))
            .default("0")
            .doc("The first byte of the packet: which plugin of the server is meant.")
            .set(|cx, line| modifier(line, &mut cx.conf::<UwsgiLocation>().modifier1)),
        Directive::of("uwsgi_modifier2", LEVELS, Args::Exactly(1))
            .default("0")
            .doc("The fourth byte of the packet, an argument to that plugin.")
            .set(|cx, line| modifier(line, &mut cx.conf::<UwsgiLocation>().modifier2)),
    ],
};

fn modifier(line: &Line, setting: &mut Setting<u8>) -> Result<(), ConfError> {
    let number = parse_number(line.arg(0)?).ok_or_else(|| line.err("invalid number"))?;
    let byte = u8::try_from(number).map_err(|_| line.err("value must be between 0 and 255"))?;
    line.store(setting, byte)
}

/// What one request remembers.
#[derive(Clone, Debug)]
pub struct Uwsgi {
    head: CgiHead,
}

impl Protocol for Uwsgi {
    type Conf = UwsgiLocation;
    const NAME: &'static str = "uwsgi";
    const TLS_SCHEME: Option<(&'static str, u16)> = Some(("suwsgi", 0));
    // uWSGI itself just closes.
    const SAYS_GOODBYE: bool = false;
    const DIRECTIVES: &'static Module = &MODULE;
    const CACHES: bool = true;

    fn create_request(r: &mut dyn Request, conf: &Rc<UwsgiLocation>, out: &mut Out) -> Result<Self, Fault> {
        let Some(length) = known_length(r.body()) else {
            return Err(Fault::Internal("a body of unknown length cannot be sent to a uwsgi server"));
        };
        let mut vars = Vec::with_capacity(1024);
        for (name, value) in gather(r, &conf.params) {
            for text in [name, value] {
                vars.extend_from_slice(&count(text.len())?);
                vars.extend_from_slice(&text);
            }
        }
        let [low, high] = count(vars.len())?;
        out.write(&[*conf.modifier1, low, high, *conf.modifier2]);
        out.push(Slice::from(vars));
        if length > 0 {
            out.body(&Plain);
        }
        Ok(Uwsgi { head: CgiHead::new(r.method(), true) })
    }

    fn revive(_: &Rc<UwsgiLocation>) -> Option<Self> {
        Some(Uwsgi { head: CgiHead::new(b"GET", true) })
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        self.head.read(input, head)
    }

    fn input_filter_init(&mut self, head: &Head) -> Framing {
        self.head.framing(head)
    }
}

fn count(n: usize) -> Result<[u8; 2], Fault> {
    u16::try_from(n).map(u16::to_le_bytes).map_err(|_| Fault::Internal("uwsgi request is too big"))
}

#[cfg(test)]
#[path = "uwsgi_tests.rs"]
mod tests;
