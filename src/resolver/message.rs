//! DNS messages: a question as bytes, bytes as an answer (RFC 1035, section 4; SRV: RFC 2782).
//!
//! *In nginx* `ngx_resolver_create_name_query`, `ngx_resolver_process_response` and `ngx_resolver_copy`,
//! which read the same packet several times by offsets.
//!
//! *Here* a message is taken apart once, into owned values; nothing is believed, nothing is looked up. A name
//! is kept as text in lower case without the last dot. A compression pointer must point before the name it
//! is part of, and each further one before the last, so following them ends.
//!
//! ```text
//!   header: id flags qd an ns ar │ question: name type class │ record: name type class ttl length data │ …
//!            └ QR, TC, rcode        names: 3www7example0, or …0xC0 offset ─▶ earlier bytes
//! ```
//!
//! NGINX: names may be longer than the 255 bytes of the RFC (http_resolver.t asks for one of 257).
//!
//! *Read next*: `lookup.rs`, which says what an answer means.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

/// A domain name: labels in lower case with dots between them, none at the end.
pub type Name = Rc<[u8]>;

/// The longest name there may be, in bytes of text.
const LONGEST: usize = 512;
/// The longest label.
const LABEL: usize = 63;
/// Bytes of the header.
const HEADER: usize = 12;
/// The Internet; there is no other class in use.
const IN: u16 = 1;

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Where a service is.
    Srv,
}

impl Kind {
    fn number(self) -> u16 {
        match self {
            Kind::A => 1,
            Kind::Aaaa => 28,
            Kind::Srv => 33,
        }
    }
}

/// The data of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A or AAAA.
    Ip(IpAddr),
    /// CNAME: the name goes by another one.
    Alias(Name),
    /// SRV.
    Service {
        /// Lower ones are asked first.
        priority: u16,
        /// The share among those of one priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The host.
        target: Name,
    },
    /// Something nobody asked for.
    Other,
}

/// One record of the answer section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub name: Name,
    /// For how many seconds it may be kept.
    pub ttl: u32,
    /// What it says.
    pub data: Data,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The number the question had.
    pub id: u16,
    /// There was more than fits: ask over TCP (flag TC).
    pub truncated: bool,
    /// 0 for no error; see [`super::ResolveError`].
    pub code: u8,
    /// What it answers; None if it does not say, as some servers do when they could not read the question.
    pub question: Option<(Name, u16)>,
    /// The answer section; empty if truncated.
    pub records: Vec<Record>,
    /// For how many seconds the absence of an answer may be kept (RFC 2308: the SOA record).
    pub negative_ttl: Option<u32>,
}

impl Message {
    /// Whether it answers this question.
    pub fn answers(&self, name: &Name, kind: Kind) -> bool {
        self.question.as_ref().is_some_and(|(asked, number)| asked == name && *number == kind.number())
    }
}

/// Lower case, without a dot at the end; None for what can be no name.
pub fn name(text: &[u8]) -> Option<Name> {
    let text = text.strip_suffix(b".").unwrap_or(text);
    // What cannot be in a host name would only be trouble in logs.
    let is_odd = |b: &u8| b.is_ascii_control() || matches!(b, b'\\' | b' ');
    let fits = |label: &[u8]| !label.is_empty() && label.len() <= LABEL && !label.iter().any(is_odd);
    let good = text.len() <= LONGEST && text.split(|b| *b == b'.').all(fits);
    good.then(|| text.to_ascii_lowercase().into())
}

/// A question with recursion desired.
pub fn question(id: u16, name: &Name, kind: Kind) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len().saturating_add(18));
    for word in [id, 0x0100, 1, 0, 0, 0] {
        out.extend(word.to_be_bytes());
    }
    for label in name.split(|b| *b == b'.') {
        // Names are made by `name` or read below: no label is longer than 63.
        out.push(u8::try_from(label.len()).unwrap_or(0));
        out.extend_from_slice(label);
    }
    out.push(0);
    out.extend(kind.number().to_be_bytes());
    out.extend(IN.to_be_bytes());
    out
}

/// Takes an answer apart.
///
/// # Errors
/// A sentence about what is wrong with it.
pub fn parse(bytes: &[u8]) -> Result<Message, &'static str> {
    let mut r = Reader { bytes, at: 0 };
    let (id, flags) = (r.u16()?, r.u16()?);
    let (questions, answers, authorities) = (r.u16()?, r.u16()?, r.u16()?);
    r.u16()?;
    if flags & 0x8000 == 0 {
        return Err("unexpected DNS response: not an answer");
    }
    let truncated = flags & 0x0200 != 0;
    let code = u8::try_from(flags & 0xf).unwrap_or(0);
    let question = match questions {
        0 => None,
        1 => {
            let question = (r.name()?, r.u16()?);
            if r.u16()? != IN {
                return Err("unexpected class in DNS response");
            }
            Some(question)
        }
        _ => return Err("unexpected number of questions in DNS response"),
    };
    let mut message = Message { id, truncated, code, question, records: Vec::new(), negative_ttl: None };
    if truncated {
        return Ok(message);
    }
    for _ in 0..answers {
        message.records.push(r.record()?.0);
    }
    for _ in 0..authorities {
        // Nothing but the negative TTL is taken from here, so nothing wrong here spoils the answer.
        let Ok((record, number, data)) = r.record() else { break };
        if number == SOA {
            let minimum = data.last_chunk().map(|word| u32::from_be_bytes(*word));
            message.negative_ttl = minimum.map(|minimum| minimum.min(record.ttl));
        }
    }
    Ok(message)
}

/// The record that says who is responsible for a zone.
const SOA: u16 = 6;
const SHORT: &str = "short DNS response";

/// A place in a message.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], &'static str> {
        let end = self.at.checked_add(n).ok_or(SHORT)?;
        let taken = self.bytes.get(self.at..end).ok_or(SHORT)?;
        self.at = end;
        Ok(taken)
    }

    fn chunk<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        self.take(N)?.try_into().map_err(|_| SHORT)
    }

    fn u16(&mut self) -> Result<u16, &'static str> {
        self.chunk().map(u16::from_be_bytes)
    }

    fn name(&mut self) -> Result<Name, &'static str> {
        let mut text = Vec::new();
        // Where the name began: a pointer must go before that, and the next one before where it went.
        let mut limit = self.at;
        let mut jumped = Reader { bytes: self.bytes, at: self.at };
        let mut end = None;
        loop {
            let [length] = jumped.chunk()?;
            match (length & 0xc0, length) {
                (_, 0) => break,
                (0, length) => {
                    if !text.is_empty() {
                        text.push(b'.');
                    }
                    for byte in jumped.take(usize::from(length))? {
                        if matches!(byte, b'.' | b'\\') {
                            // A dot that does not part labels: the name must not pass for another.
                            text.push(b'\\');
                        }
                        text.push(byte.to_ascii_lowercase());
                    }
                    if text.len() > LONGEST {
                        return Err("too long name in DNS response");
                    }
                }
                (0xc0, high) => {
                    let [low] = jumped.chunk()?;
                    end = end.or(Some(jumped.at));
                    let to = usize::from(u16::from_be_bytes([high & 0x3f, low]));
                    if to >= limit || to < HEADER {
                        return Err("compression loop in DNS response");
                    }
                    (limit, jumped.at) = (to, to);
                }
                _ => return Err("unknown label in DNS response"),
            }
        }
        self.at = end.unwrap_or(jumped.at);
        Ok(text.into())
    }

    /// A record with its type and raw data.
    fn record(&mut self) -> Result<(Record, u16, &'a [u8]), &'static str> {
        let (name, number, class) = (self.name()?, self.u16()?, self.u16()?);
        let ttl = u32::from_be_bytes(self.chunk()?);
        let length = usize::from(self.u16()?);
        let from = self.at;
        let raw = self.take(length)?;
        // Names in the data may point back, so they are read where they stand.
        let mut inside = Reader { bytes: self.bytes.get(..self.at).ok_or(SHORT)?, at: from };
        let data = match (class, number) {
            (IN, 1) => Data::Ip(Ipv4Addr::from(<[u8; 4]>::try_from(raw).map_err(|_| SHORT)?).into()),
            (IN, 28) => Data::Ip(Ipv6Addr::from(<[u8; 16]>::try_from(raw).map_err(|_| SHORT)?).into()),
            (IN, 5) => Data::Alias(inside.name()?),
            (IN, 33) => Data::Service {
                priority: inside.u16()?,
                weight: inside.u16()?,
                port: inside.u16()?,
                target: inside.name()?,
            },
            _ => Data::Other,
        };
        // RFC 2181, section 8: a TTL with the highest bit set is zero.
        let ttl = if ttl > u32::MAX / 2 { 0 } else { ttl };
        Ok((Record { name, ttl, data }, number, raw))
    }
}

#[cfg(test)]
#[path = "message_tests.rs"]
pub(super) mod tests;
