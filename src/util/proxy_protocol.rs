//! The PROXY protocol: who is behind the proxy in front of us.
//!
//! *In nginx* `ngx_proxy_protocol.c`: a line (version 1) or a binary header (version 2) before anything else
//! on a connection. The whole header must arrive in one piece there.
//!
//! *Here* a pure parser that may be shown the beginning as often as it takes. Addresses are kept as numbers,
//! the typed values behind them (TLVs) as bytes that are searched when a variable asks.
//!
//! ```text
//!   PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n
//!   \r\n\r\n\0\r\nQUIT\n  21  11  LEN  source destination ports  [type length value]…
//!                         │   └ family and transport
//!                         └ version 2, command PROXY (20 is LOCAL: the proxy speaks for itself)
//! ```
//!
//! *Read next*: `http/client/proxy_protocol.rs`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How long a header may be.
pub const MAX_HEADER: usize = 4096;
/// How long the line of version 1 may be, with its end.
const MAX_LINE: usize = 107;
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// The type of the value that holds what the proxy knows of the client's TLS.
const SSL: u8 = 0x20;

/// What a header said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyProtocol {
    /// The client, if the proxy named one.
    pub source: Option<SocketAddr>,
    /// Where the client connected to.
    pub destination: Option<SocketAddr>,
    /// Types, lengths and values, as they came.
    tlvs: Vec<u8>,
}

/// Which typed value is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tlv {
    /// One of this type.
    Plain(u8),
    /// One of this type inside the one about TLS.
    InSsl(u8),
    /// Whether the client's certificate was verified: a number in the one about TLS.
    SslVerify,
}

/// How parsing went.
#[derive(Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole header of so many bytes.
    Header(ProxyProtocol, usize),
    /// The beginning of one.
    Incomplete,
    /// Something else.
    Broken,
}

/// Looks at the first bytes of a connection.
pub fn parse(bytes: &[u8]) -> Parsed {
    let known = bytes.len().min(SIGNATURE.len());
    if bytes.get(..known) == SIGNATURE.get(..known) {
        return if bytes.len() < 16 { Parsed::Incomplete } else { binary(bytes) };
    }
    line(bytes)
}

fn line(bytes: &[u8]) -> Parsed {
    let window = bytes.get(..bytes.len().min(MAX_LINE)).unwrap_or_default();
    let Some(end) = window.windows(2).position(|pair| pair == b"\r\n") else {
        let begins = window.iter().zip(b"PROXY ").all(|(a, b)| a == b);
        return if begins && window.len() < MAX_LINE { Parsed::Incomplete } else { Parsed::Broken };
    };
    let Ok(text) = std::str::from_utf8(window.get(..end).unwrap_or_default()) else { return Parsed::Broken };
    let Some(rest) = text.strip_prefix("PROXY ") else { return Parsed::Broken };
    if rest == "UNKNOWN" || rest.starts_with("UNKNOWN ") {
        return Parsed::Header(ProxyProtocol::default(), end + 2);
    }
    match addresses(rest) {
        Some((source, destination)) => {
            let (source, destination) = (Some(source), Some(destination));
            Parsed::Header(ProxyProtocol { source, destination, tlvs: Vec::new() }, end + 2)
        }
        None => Parsed::Broken,
    }
}

fn addresses(text: &str) -> Option<(SocketAddr, SocketAddr)> {
    let mut words = text.split(' ');
    let family = words.next()?;
    let mut ip = || -> Option<IpAddr> {
        let ip: IpAddr = words.next()?.parse().ok()?;
        (ip.is_ipv4() == (family == "TCP4")).then_some(ip)
    };
    let (source, destination) = (ip()?, ip()?);
    let mut port = || words.next()?.parse::<u16>().ok();
    let (from, to) = (port()?, port()?);
    let whole = matches!(family, "TCP4" | "TCP6") && words.next().is_none();
    whole.then(|| (SocketAddr::new(source, from), SocketAddr::new(destination, to)))
}

fn binary(bytes: &[u8]) -> Parsed {
    let Some(&[command, family, high, low]) = bytes.get(12..16) else { return Parsed::Incomplete };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let total = 16 + length;
    if command >> 4 != 2 || command & 15 > 1 || total > MAX_HEADER {
        return Parsed::Broken;
    }
    let Some(content) = bytes.get(16..total) else { return Parsed::Incomplete };
    // LOCAL: the proxy checks our health; unspecified families and transports are passed over.
    if command & 15 == 0 || family & 15 != 1 {
        return Parsed::Header(ProxyProtocol::default(), total);
    }
    let size = match family >> 4 {
        1 => 4,
        2 => 16,
        _ => return Parsed::Header(ProxyProtocol::default(), total),
    };
    let end = |at: usize| -> Option<SocketAddr> {
        let ip = ip(content.get(at * size..(at + 1) * size)?)?;
        let port = content.get(2 * size + at * 2..)?.first_chunk::<2>()?;
        Some(SocketAddr::new(ip, u16::from_be_bytes(*port)))
    };
    match (end(0), end(1), content.get(2 * size + 4..)) {
        (Some(source), Some(destination), Some(tlvs)) => {
            let (source, destination) = (Some(source), Some(destination));
            Parsed::Header(ProxyProtocol { source, destination, tlvs: tlvs.to_vec() }, total)
        }
        _ => Parsed::Broken,
    }
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    match bytes.len() {
        4 => Some(Ipv4Addr::from(*bytes.first_chunk::<4>()?).into()),
        _ => Some(Ipv6Addr::from(*bytes.first_chunk::<16>()?).into()),
    }
}

impl ProxyProtocol {
    /// A typed value; numbers as decimal text.
    pub fn tlv(&self, wanted: Tlv) -> Option<Vec<u8>> {
        match wanted {
            Tlv::Plain(kind) => find(&self.tlvs, kind).map(<[u8]>::to_vec),
            // A byte of flags and four of the verdict come before the inner values.
            Tlv::InSsl(kind) => find(find(&self.tlvs, SSL)?.get(5..)?, kind).map(<[u8]>::to_vec),
            Tlv::SslVerify => {
                let verdict = find(&self.tlvs, SSL)?.get(1..)?.first_chunk::<4>()?;
                Some(u32::from_be_bytes(*verdict).to_string().into_bytes())
            }
        }
    }
}

fn find(mut tlvs: &[u8], wanted: u8) -> Option<&[u8]> {
    loop {
        let (&[kind, high, low], rest) = tlvs.split_first_chunk::<3>()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
        if kind == wanted {
            return Some(value);
        }
        tlvs = rest;
    }
}

/// The value that the rest of a variable's name means: `alpn`, `ssl_cn`, `0x02`, `ssl_0x21`.
pub fn tlv_type(name: &[u8]) -> Option<Tlv> {
    if let Some(inner) = name.strip_prefix(b"ssl_") {
        return Some(match inner {
            b"verify" => Tlv::SslVerify,
            b"version" => Tlv::InSsl(0x21),
            b"cn" => Tlv::InSsl(0x22),
            b"cipher" => Tlv::InSsl(0x23),
            b"sig_alg" => Tlv::InSsl(0x24),
            b"key_alg" => Tlv::InSsl(0x25),
            _ => Tlv::InSsl(hexadecimal(inner)?),
        });
    }
    Some(Tlv::Plain(match name {
        b"alpn" => 0x01,
        b"authority" => 0x02,
        b"unique_id" => 0x05,
        b"ssl" => SSL,
        b"netns" => 0x30,
        _ => hexadecimal(name)?,
    }))
}

fn hexadecimal(text: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(text.strip_prefix(b"0x")?).ok()?;
    u32::from_str_radix(digits, 16).ok().and_then(|n| u8::try_from(n).ok())
}

#[cfg(test)]
#[path = "proxy_protocol_tests.rs"]
mod tests;
