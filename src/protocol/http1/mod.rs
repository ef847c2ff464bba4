//! HTTP/1: the module behind `proxy_pass`.
//!
//! *In nginx* `ngx_http_proxy_module`, five and a half thousand lines, of which most are directives.
//! Peculiar: it spoke HTTP/1.0 by default until 1.29.7, took any bytes that are no status line for a
//! reply of HTTP/0.9, and leaves the fields of one connection to the operator's `proxy_set_header`.
//!
//! *Here* a file for each of its subjects; this one is the trait and what one request remembers. It
//! speaks HTTP/1.1 by default, reads replies strictly (RFC 9112), and keeps the fields that belong to a
//! connection on that connection.
//!
//! ```text
//!   create_request   line.rs: method and target      request.rs: fields, framing of the body
//!   process_header   reply.rs: status line, fields, interim replies, what frames the body
//!   rewrite_*        redirect.rs, cookie.rs           conf.rs: the directives of all of them
//! ```
//!
//! *Read next*: `request.rs`, `reply.rs`.

mod conf;
mod cookie;
mod field_line;
mod line;
mod plan;
mod redirect;
mod reply;
mod request;
mod rewrite;

pub use conf::{Http1Location, MODULE, SetHeader, Version, Which};

use super::{Fault, Framing, Head, Input, Out, Protocol, Request, Step};
use crate::buf::Slice;
use crate::conf::directive::Module;
use std::rc::Rc;

/// What one request remembers.
#[derive(Clone, Debug)]
pub struct Http1 {
    conf: Rc<Http1Location>,
    asked: Asked,
    reply: reply::Reply,
}

/// What was asked of the peer, as far as it changes how the reply is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// HEAD: no body follows, whatever the head of the reply says.
    head: bool,
    /// The request offers another protocol, so 101 is an answer to it.
    upgrade: bool,
    /// The request says that the connection ends with it.
    close: bool,
}

impl Protocol for Http1 {
    type Conf = Http1Location;
    const NAME: &'static str = "proxy";
    const DIRECTIVES: &'static Module = &MODULE;
    const SCHEME: Option<&'static str> = Some("http");
    const PORT: u16 = 80;
    const CACHES: bool = true;
    const TLS_SCHEME: Option<(&'static str, u16)> = Some(("https", 443));

    fn may_stream(conf: &Http1Location, chunked: bool) -> bool {
        conf.set_body.is_none() && (!chunked || *conf.http_version == Version::V11)
    }

    fn create_request(r: &mut dyn Request, conf: &Rc<Http1Location>, out: &mut Out) -> Result<Self, Fault> {
        let asked = request::write(r, conf, out)?;
        Ok(Http1 { conf: conf.clone(), asked, reply: reply::Reply::default() })
    }

    fn revive(conf: &Rc<Http1Location>) -> Option<Self> {
        Some(Http1 { conf: conf.clone(), asked: Asked::default(), reply: reply::Reply::default() })
    }

    fn cache_key(r: &mut dyn Request) -> Result<Slice, Fault> {
        Ok(Slice::from([&r.target().host[..], &line::target(r)?].concat()))
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        self.reply.process(self.asked, input, head)
    }

    fn input_filter_init(&mut self, _: &Head) -> Framing {
        self.reply.framing(self.asked, *self.conf.pass_trailers)
    }

    fn rewrite_redirect(&self, r: &mut dyn Request, location: &Slice) -> Option<Slice> {
        redirect::rewrite(r, &self.conf.redirects, location)
    }

    fn rewrite_cookie(&self, r: &mut dyn Request, cookie: &Slice) -> Option<Slice> {
        cookie::rewrite(r, &self.conf, cookie)
    }
}

#[cfg(test)]
#[path = "reply_tests.rs"]
mod reply_tests;
#[cfg(test)]
#[path = "request_tests.rs"]
mod request_tests;
#[cfg(test)]
#[path = "rewrite_tests.rs"]
mod rewrite_tests;
