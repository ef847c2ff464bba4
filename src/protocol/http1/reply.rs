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
use crate::parse::status_line::{PREFIX, StatusLine};
use crate::parse::{Span, list};
use crate::protocol::names::Set;
use crate::protocol::{Fault, Framing, Head, Input, Name, Step};

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
    /// Connection says more than that it stays.
    names_hops: bool,
}

/// What nearly all replies begin with.
const OK: &[u8] = b"HTTP/1.1 200 OK\r\n";

/// What belongs to the connection whatever else a reply says.
const HOPS: Set = Set::of(&[
    Name::Connection,
    Name::ContentLength,
    Name::KeepAlive,
    Name::ProxyConnection,
    Name::Te,
    Name::TransferEncoding,
]);

/// What of that has to be obeyed in the moment it is read.
const HEEDED: Set = Set::of(&[Name::Connection, Name::ContentLength, Name::TransferEncoding]);

impl Reply {
    /// Goes on reading.
    pub fn process(&mut self, asked: Asked, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        if input.may_have_line() {
            let begun = self.in_fields || self.status_line(input, head)?;
            if begun && self.fields(input, head)? {
                return self.end(asked, head);
            }
        }
        // What is no status line is refused by its first bytes, without waiting for the end of a line.
        if self.in_fields || input.len() >= PREFIX.len() {
            input.searched();
        }
        Ok(Step::Again)
    }

    /// Reads fields; true if the empty line behind them is there.
    fn fields(&mut self, input: &mut Input, head: &mut Head) -> Result<bool, Fault> {
        let (page, start) = (input.page(), input.offset());
        let mut reading = head.fields.read_from(page.whole());
        let hops = self.hops();
        let page = Span::reach(page.filled());
        let mut at = start;
        let found = loop {
            match field_line::line(page, at) {
                Line::Field { name, known, value, next } => {
                    let hop = hops.has(known);
                    if hop
                        && HEEDED.has(known)
                        && let Some(why) = self.heed(known, value.of(page))
                    {
                        break Err(why);
                    }
                    reading.push(name, value, known, hop);
                    at = next;
                }
                Line::Empty { next } => {
                    at = next;
                    break Ok(true);
                }
                Line::Partial => break Ok(false),
                Line::Malformed => break Err("invalid header"),
            }
        };
        input.consume(at - start);
        found.map_err(|why| {
            // The peer's line is the reason; the log gets to see it.
            head.detail = input.line().unwrap_or_default();
            Fault::Invalid(why)
        })
    }

    /// Reads the status line; false if more is needed.
    fn status_line(&mut self, input: &mut Input, head: &mut Head) -> Result<bool, Fault> {
        const OK_LINE: StatusLine =
            StatusLine { version: 1001, code: 200, words: Span { start: 0, end: 0 }, used: OK.len() };
        let line = match input.bytes().starts_with(OK) {
            true => Ok(Some(OK_LINE)),
            false => StatusLine::parse(input.bytes()),
        };
        let line = match line {
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
        // Without words behind the code the standard ones serve, and most peers say nothing else.
        if line.words.len() > 3 && line.words.of(input.bytes()) != b"200 OK" {
            head.status_line = input.view(line.words.start as usize..line.words.end as usize);
        }
        input.consume(line.used);
        Ok(true)
    }

    /// What of this reply ends here.
    fn hops(&self) -> Set {
        let mut hops = HOPS;
        // It stays where it tells the client something: the protocol was switched (101), has to be (426), or
        // could be (200).
        if !matches!(self.status, 101 | 200 | 426) {
            hops.add(Name::Upgrade);
        }
        hops
    }

    /// Obeys a field that says something about the connection or the body, or says what is wrong with it.
    fn heed(&mut self, known: Name, value: &[u8]) -> Option<&'static str> {
        match known {
            Name::ContentLength => match content_length(value) {
                _ if self.length.is_some() => return Some("duplicate \"Content-Length\" header"),
                Ok(length) => self.length = Some(length),
                Err(_) => return Some("invalid \"Content-Length\" header"),
            },
            Name::TransferEncoding => match transfer_encoding(value) {
                _ if self.chunked => return Some("duplicate \"Transfer-Encoding\" header"),
                Ok(()) => self.chunked = true,
                Err(_) => return Some("unknown \"Transfer-Encoding\""),
            },
            _ => self.names_hops |= !is_keep_alive(value),
        }
        None
    }

    /// The empty line: is this the reply, and how does its body come?
    fn end(&mut self, asked: Asked, head: &mut Head) -> Result<Step, Fault> {
        self.in_fields = false;
        if self.length.is_some() && self.chunked {
            const BOTH: &str = "\"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
            return Err(Fault::Invalid(BOTH));
        }
        let close = self.names_hops && mark_named_hops(head);
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
        if head.fields.has(Name::KeepAlive) {
            head.idle_sec = keep_alive(head, "timeout");
            head.keepalive &= keep_alive(head, "max") != Some(0);
        }
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

fn first_line(bytes: &[u8]) -> &[u8] {
    const SHOWN: usize = 128;
    let end = memchr::memchr(b'\n', bytes).unwrap_or(bytes.len()).min(SHOWN);
    bytes.get(..end).unwrap_or_default()
}

/// A number in Keep-Alive: `timeout=5, max=100`.
fn keep_alive(head: &Head, key: &str) -> Option<u64> {
    let parameters = head.value(Name::KeepAlive).into_iter().flat_map(list::tokens);
    parameters.filter_map(|token| token.split_at_checked(key.len())).find_map(|(name, value)| {
        let value = value.strip_prefix(b"=").filter(|_| name.eq_ignore_ascii_case(key.as_bytes()))?;
        parse_number(value)
    })
}

/// What nearly every Connection says.
fn is_keep_alive(value: &[u8]) -> bool {
    value == b"keep-alive" || value.eq_ignore_ascii_case(b"keep-alive")
}

/// Marks the fields that Connection names: they belong to the connection and not to the reply. True if one
/// of the names is `close`.
fn mark_named_hops(head: &mut Head) -> bool {
    let mut close = false;
    let mut others = false;
    for token in head.values(Name::Connection).flat_map(list::tokens) {
        let is_close = token.eq_ignore_ascii_case(b"close");
        close |= is_close;
        others |= !is_close && !is_keep_alive(token);
    }
    if others {
        let named: Vec<Slice> = head.fields.known(Name::Connection).map(|field| field.kept_value()).collect();
        // Upgrade is always named; whether it concerns the client has been decided.
        head.fields.mark_hops(|field| {
            field.known != Name::Upgrade && named.iter().any(|value| list::has_token(value, field.name))
        });
    }
    close
}
