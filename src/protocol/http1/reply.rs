//! The head of the reply: status line, fields, and what they say about the body.
//!
//! *In nginx* `ngx_http_proxy_process_status_line` and `ngx_http_proxy_process_header`, the second of
//! which takes the first one's place in `u->process_header` once the status line is there.
//!
//! *Here* one function that goes on where it stopped; lines it has used are gone from the window, so nothing
//! is read twice. A peer is a stranger: what is not a well-formed head of exactly one reply is refused with a
//! reason, because a head that two readers can understand differently is how one client gets another's reply.
//!
//! ```text
//!   HTTP/1.1 103 …  fields  ⏎   Interim, at most 16 of them
//!   HTTP/1.1 200 OK fields  ⏎   Done       101: only if the request offered an upgrade
//! ```
//!
//! DIFF: bytes that are no status line are refused; nginx relays them as a reply of HTTP/0.9.
//!
//! *Read next*: `redirect.rs`, `cookie.rs`.

use super::Asked;
use crate::buf::Slice;
use crate::conf::value::parse_number;
use crate::parse::framing::{content_length, transfer_encoding};
use crate::parse::status_line::StatusLine;
use crate::parse::{self, header, list};
use crate::protocol::text::is_token;
use crate::protocol::{Fault, Field, Framing, Head, Input, Step};

/// How many interim replies a peer may send before the final one.
const INTERIM_LIMIT: u8 = 16;

/// How far the head has been read.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The status line being read; None once it is complete.
    line: Option<StatusLine>,
    in_fields: bool,
    interims: u8,
    status: u16,
    version: u32,
    length: Option<u64>,
    chunked: bool,
}

impl Reply {
    /// Goes on reading.
    pub fn process(&mut self, asked: Asked, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        if !self.in_fields && !self.status_line(input, head)? {
            return Ok(Step::Again);
        }
        while let Some(line) = input.line() {
            if line.is_empty() {
                return self.end(asked, head);
            }
            self.field(&line, head)?;
        }
        Ok(Step::Again)
    }

    /// Reads the status line; false if more is needed.
    fn status_line(&mut self, input: &mut Input, head: &mut Head) -> Result<bool, Fault> {
        let parser = self.line.get_or_insert_with(|| StatusLine::at(0));
        match parser.parse(input.bytes()) {
            Ok(parse::Step::Again) => return Ok(false),
            Ok(parse::Step::Done) => {}
            Err(_) => {
                head.detail = Slice::copy(first_line(input.bytes()));
                return Err(Fault::Invalid("no valid HTTP/1.0 header"));
            }
        }
        let (code, version, used) = (parser.code, parser.version(), parser.pos());
        let line = input.take(used);
        *self = Reply { in_fields: true, interims: self.interims, version, status: code, ..Reply::default() };
        head.fields.reserve(16);
        head.status(code);
        head.status_line = with_reason(&line);
        Ok(true)
    }

    fn field(&mut self, line: &Slice, head: &mut Head) -> Result<(), Fault> {
        let refuse = |head: &mut Head, why| {
            head.detail = line.clone();
            Err(Fault::Invalid(why))
        };
        let Ok(field) = header::field(line, 0, line.len(), true) else {
            return refuse(head, "invalid header");
        };
        let cut = |span: parse::Span| line.slice(span.start as usize..span.end as usize);
        let (name, value) = (cut(field.name), cut(field.value));
        if !is_token(&name) {
            return refuse(head, "invalid header");
        }
        if name.eq_ignore_ascii_case(b"Content-Length") {
            match content_length(&value) {
                _ if self.length.is_some() => return refuse(head, "duplicate \"Content-Length\" header"),
                Ok(length) => self.length = Some(length),
                Err(_) => return refuse(head, "invalid \"Content-Length\" header"),
            }
        } else if name.eq_ignore_ascii_case(b"Transfer-Encoding") {
            match transfer_encoding(&value) {
                _ if self.chunked => return refuse(head, "duplicate \"Transfer-Encoding\" header"),
                Ok(()) => self.chunked = true,
                Err(_) => return refuse(head, "unknown \"Transfer-Encoding\""),
            }
        }
        head.fields.push(Field::new(name, value));
        Ok(())
    }

    /// The empty line: is this the reply, and how does its body come?
    fn end(&mut self, asked: Asked, head: &mut Head) -> Result<Step, Fault> {
        self.in_fields = false;
        if self.length.is_some() && self.chunked {
            const BOTH: &str = "\"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
            return Err(Fault::Invalid(BOTH));
        }
        let close = head.all("Connection").any(|value| list::has_token(value, b"close"));
        mark_hops(head);
        match head.status {
            101 if asked.upgrade => head.upgrade = true,
            101 => return Err(Fault::Invalid("101 although no upgrade was asked for")),
            100..=199 if self.interims >= INTERIM_LIMIT => {
                return Err(Fault::Invalid("too many interim responses"));
            }
            100..=199 => {
                self.interims += 1;
                return Ok(Step::Interim);
            }
            _ => {}
        }
        head.keepalive = self.version >= 1001 && !close && !asked.close && !head.upgrade;
        head.idle_sec = keep_alive(head, "timeout");
        head.keepalive &= keep_alive(head, "max") != Some(0);
        head.content_length = self.length.filter(|_| head.status != 204 && !head.upgrade);
        Ok(Step::Done)
    }

    /// How the body comes (RFC 9112, section 6.3).
    pub fn framing(&self, asked: Asked, trailers: bool) -> Framing {
        match self.length {
            _ if asked.head || matches!(self.status, 101 | 204 | 304) => Framing::Empty,
            Some(length) => Framing::Length(length),
            None if self.chunked => Framing::Chunked { trailers },
            None => Framing::UntilClose,
        }
    }
}

/// The status line from the code on; nothing if there are no words behind the code.
fn with_reason(line: &Slice) -> Slice {
    let text = list::trim(line.strip_suffix(b"\n").unwrap_or(line));
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let blank = text.iter().position(|b| *b == b' ').unwrap_or(text.len());
    let code = blank + text.iter().skip(blank).take_while(|b| **b == b' ').count();
    let rest = list::trim(text.get(code..).unwrap_or_default());
    if rest.len() > 3 { line.slice(code..code + rest.len()) } else { Slice::EMPTY }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    const SHOWN: usize = 128;
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len()).min(SHOWN);
    bytes.get(..end).unwrap_or_default()
}

/// A number in Keep-Alive: `timeout=5, max=100`.
fn keep_alive(head: &Head, key: &str) -> Option<u64> {
    let parameters = head.get("Keep-Alive").into_iter().flat_map(|value| list::tokens(value));
    parameters.filter_map(|token| token.split_at_checked(key.len())).find_map(|(name, value)| {
        let value = value.strip_prefix(b"=").filter(|_| name.eq_ignore_ascii_case(key.as_bytes()))?;
        parse_number(value)
    })
}

/// Marks the fields that belong to the connection and not to the reply. Upgrade stays where it tells the
/// client something: the protocol was switched (101), has to be (426), or could be (200).
fn mark_hops(head: &mut Head) {
    let named: Vec<Slice> = head.all("Connection").cloned().collect();
    let offers = matches!(head.status, 101 | 200 | 426);
    for field in &mut head.fields {
        let name = &field.name;
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        field.hop = if is("Upgrade") {
            !offers
        } else {
            ["Connection", "Keep-Alive", "Proxy-Connection", "TE", "Transfer-Encoding", "Content-Length"]
                .iter()
                .any(|known| is(known))
                || named.iter().any(|value| list::has_token(value, name))
        };
    }
}
