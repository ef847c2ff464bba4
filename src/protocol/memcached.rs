//! memcached: a key in, a value out.
//!
//! *In nginx* `ngx_http_memcached_module`, 736 lines. Peculiar: the key is a variable that the
//! configuration must set; a flag bit that whoever stored the value agreed upon means that it is gzipped;
//! and the tail behind the value may arrive in two reads, which half of its body filter is about.
//!
//! *Here* a whole module to start reading at, and the measure of the trait: what is below is memcached
//! and nothing else. A key that is not there is a 404, which `memcached_next_upstream not_found` or
//! `error_page` can act on.
//!
//! ```text
//!   get /a%20b\r\n  ──▶          VALUE /a%20b 0 5\r\n hello \r\nEND\r\n       200, Tailed { body: 5 }
//!                   ◀──   or     END\r\n                                      404, Empty
//! ```
//!
//! *Read next*: `bench/mod.rs`, for how to try a module; `http1/mod.rs` for a large one.

use super::text::words;
use super::{Fault, Framing, Head, Input, Out, Protocol, Request, Step, memcached_store};
use crate::buf::Slice;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::value::parse_number;
use crate::parse::escape::{Escape, escape, escapes_needed};
use std::rc::Rc;

/// What follows every value.
const TAIL: &[u8] = b"\r\nEND\r\n";

crate::settings! {
    /// memcached's own directives, at one level.
    pub struct MemcachedLocation: Location {
        /// `memcached_gzip_flag`; 0 for none
        pub gzip_flag: u64 = 0,
        /// `memcached_write`
        pub write: bool = false,
    }
}

/// The table.
pub static MODULE: Module = Module {
    name: "memcached",
    directives: &[
        Directive::of("memcached_gzip_flag", LEVELS, Args::Exactly(1))
            .doc(
                "The bit of a value's flags that means it was stored gzipped: the reply says so to the \
                 client.",
            )
            .set(|cx, line| line.number(&mut cx.conf::<MemcachedLocation>().gzip_flag)),
        memcached_store::WRITE,
    ],
};

/// What one request remembers.
#[derive(Clone, Debug)]
pub struct Memcached {
    /// As it was sent: blanks, percent signs and controls escaped.
    key: Slice,
    gzip_flag: u64,
    /// Something was to be changed, not read.
    writes: bool,
}

impl Protocol for Memcached {
    type Conf = MemcachedLocation;
    const NAME: &'static str = "memcached";
    const DIRECTIVES: &'static Module = &MODULE;
    const LIKE_FILES: bool = true;

    fn create_request(
        r: &mut dyn Request,
        conf: &Rc<MemcachedLocation>,
        out: &mut Out,
    ) -> Result<Self, Fault> {
        let writes = !matches!(r.method(), b"GET" | b"HEAD");
        if writes && !*conf.write {
            return Err(Fault::Refuse(405));
        }
        let key = r.var("memcached_key").filter(|key| !key.is_empty());
        let key = key.ok_or(Fault::Internal("the \"$memcached_key\" variable is not set"))?;
        let key = escaped(key);
        if writes {
            memcached_store::command(r, &key, out)?;
        } else {
            out.write_all(&[b"get ", &key, b"\r\n"]);
        }
        Ok(Memcached { key, gzip_flag: *conf.gzip_flag, writes })
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        let Some(line) = input.line() else { return Ok(Step::Again) };
        head.keepalive = true;
        if self.writes {
            return memcached_store::answer(&line, head).map(|()| Step::Done);
        }
        if &*line == b"END" {
            head.status(404).length(0);
            return Ok(Step::Done);
        }
        head.detail = line.clone();
        let mut words = words(&line);
        let value = (words.next(), words.next(), words.next().and_then(parse_number));
        let (Some(b"VALUE"), Some(key), Some(flags)) = value else {
            return Err(Fault::Invalid("invalid response"));
        };
        if *key != *self.key {
            return Err(Fault::Invalid("invalid key in response"));
        }
        let length = words.next().and_then(parse_number).filter(|_| words.next().is_none());
        let length = length.ok_or(Fault::Invalid("invalid length in response"))?;
        if flags & self.gzip_flag != 0 {
            head.field("Content-Encoding", "gzip");
        }
        head.status(200).length(length);
        Ok(Step::Done)
    }

    fn input_filter_init(&mut self, head: &Head) -> Framing {
        match head.content_length {
            Some(body) if head.status == 200 => Framing::Tailed { body, tail: TAIL },
            _ => Framing::Empty,
        }
    }
}

/// The key as it is sent. Nearly none needs an escape.
fn escaped(key: Slice) -> Slice {
    if escapes_needed(&key, Escape::Memcached) == 0 {
        return key;
    }
    let mut text = Vec::with_capacity(key.len() * 3);
    escape(&key, Escape::Memcached, &mut text);
    Slice::from(text)
}

#[cfg(test)]
#[path = "memcached_tests.rs"]
mod tests;
