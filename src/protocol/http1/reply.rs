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
use super::field_line::{self, Line};
use crate::buf::Slice;
use crate::conf::value::parse_number;
use crate::parse::framing::{content_length, transfer_encoding};
use crate::parse::list;
use crate::parse::status_line::{PREFIX, StatusLine};
use crate::protocol::names::Set;
use crate::protocol::{Fault, Field, Framing, Head, Input, Name, Step};

/// How many interim replies a peer may send before the final one.
const INTERIM_LIMIT: u8 = 16;

/// How far the head has been read.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    /// The status line has been read.
    in_fields: bool,
    interims: u8,
    status: u16,
    version: u32,
    length: Option<u64>,
    chunked: bool,
}

/// What belongs to the connection whatever else a reply says.
const HOPS: Set = Set::of(&[
    Name::Connection,
    Name::ContentLength,
    Name::KeepAlive,
    Name::ProxyConnection,
    Name::Te,
    Name::TransferEncoding,
]);

impl Reply {
    /// Goes on reading.
    pub fn process(&mut self, asked: Asked, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        while input.may_have_line() {
            if !self.in_fields {
                if !self.status_line(input, head)? {
                    break;
                }
                continue;
            }
            match field_line::line(input.bytes()) {
                Line::Field { name, known, value, used } => {
                    let field =
                        Field { name: input.view(0..name), value: input.view(value), known, hop: false };
                    self.field(field, head).map_err(|why| refuse(input, head, why))?;
                    input.consume(used);
                }
                Line::Empty { used } => {
                    input.consume(used);
                    return self.end(asked, head);
                }
                Line::Malformed => return Err(refuse(input, head, "invalid header")),
                Line::Partial => break,
            }
        }
        // What is no status line is refused by its first bytes, without waiting for the end of a line.
        if self.in_fields || input.len() >= PREFIX.len() {
            input.searched();
        }
        Ok(Step::Again)
    }

    /// Reads the status line; false if more is needed.
    fn status_line(&mut self, input: &mut Input, head: &mut Head) -> Result<bool, Fault> {
        let line = match StatusLine::parse(input.bytes()) {
            Ok(Some(line)) => line,
            Ok(None) => return Ok(false),
            Err(_) => {
                head.detail = Slice::copy(first_line(input.bytes()));
                return Err(Fault::Invalid("no valid HTTP/1.0 header"));
            }
        };
        let Reply { interims, .. } = *self;
        *self =
            Reply { in_fields: true, interims, version: line.version, status: line.code, ..Reply::default() };
        head.status(line.code);
        // Without words behind the code the standard ones serve.
        if line.words.len() > 3 {
            head.status_line = input.view(line.words.start as usize..line.words.end as usize);
        }
        input.consume(line.used);
        Ok(true)
    }

    /// Takes a field in; says what is wrong with it, if something is.
    fn field(&mut self, mut field: Field, head: &mut Head) -> Result<(), &'static str> {
        match field.known {
            Name::ContentLength => match content_length(&field.value) {
                _ if self.length.is_some() => return Err("duplicate \"Content-Length\" header"),
                Ok(length) => self.length = Some(length),
                Err(_) => return Err("invalid \"Content-Length\" header"),
            },
            Name::TransferEncoding => match transfer_encoding(&field.value) {
                _ if self.chunked => return Err("duplicate \"Transfer-Encoding\" header"),
                Ok(()) => self.chunked = true,
                Err(_) => return Err("unknown \"Transfer-Encoding\""),
            },
            _ => {}
        }
        // Upgrade stays where it tells the client something: the protocol was switched (101), has to be
        // (426), or could be (200).
        field.hop = match field.known {
            Name::Upgrade => !matches!(self.status, 101 | 200 | 426),
            known => HOPS.has(known),
        };
        head.push(field);
        Ok(())
    }

    /// The empty line: is this the reply, and how does its body come?
    fn end(&mut self, asked: Asked, head: &mut Head) -> Result<Step, Fault> {
        self.in_fields = false;
        if self.length.is_some() && self.chunked {
            const BOTH: &str = "\"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
            return Err(Fault::Invalid(BOTH));
        }
        let close = mark_named_hops(head);
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

/// The peer's line is the reason; the log gets to see it.
fn refuse(input: &mut Input, head: &mut Head, why: &'static str) -> Fault {
    head.detail = input.line().unwrap_or_default();
    Fault::Invalid(why)
}

fn first_line(bytes: &[u8]) -> &[u8] {
    const SHOWN: usize = 128;
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len()).min(SHOWN);
    bytes.get(..end).unwrap_or_default()
}

/// A number in Keep-Alive: `timeout=5, max=100`.
fn keep_alive(head: &Head, key: &str) -> Option<u64> {
    let parameters = head.value(Name::KeepAlive).into_iter().flat_map(|value| list::tokens(value));
    parameters.filter_map(|token| token.split_at_checked(key.len())).find_map(|(name, value)| {
        let value = value.strip_prefix(b"=").filter(|_| name.eq_ignore_ascii_case(key.as_bytes()))?;
        parse_number(value)
    })
}

/// Marks the fields that Connection names: they belong to the connection and not to the reply. True if one
/// of the names is `close`.
fn mark_named_hops(head: &mut Head) -> bool {
    let mut close = false;
    let mut others = false;
    for token in head.values(Name::Connection).flat_map(|value| list::tokens(value)) {
        let is_close = token.eq_ignore_ascii_case(b"close");
        close |= is_close;
        others |= !is_close && !token.eq_ignore_ascii_case(b"keep-alive");
    }
    if others {
        let named: Vec<Slice> = head.values(Name::Connection).cloned().collect();
        let is_named = |field: &Field| named.iter().any(|value| list::has_token(value, &field.name));
        // Upgrade is always named; whether it concerns the client has been decided.
        for field in head.fields.iter_mut().filter(|field| field.known != Name::Upgrade) {
            field.hop |= is_named(field);
        }
    }
    close
}
