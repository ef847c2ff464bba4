//! Host names as they come in `Host` and in absolute URIs.
//!
//! *In nginx* this is `ngx_http_validate_host`. Peculiar: a dot at the end is cut off, two dots in a row
//! are refused, and the result is what `$host` shows and virtual servers are chosen by, in lower case.
//!
//! *Here* [`validate_host`] judges and cuts; it allocates nothing and says whether lower case is still to
//! be made. What may stand in a name is RFC 3986, section 3.2.2, without user information: stricter than
//! nginx, because the name ends up in cache keys, file names and upstream requests.
//!
//! ```text
//!   Example.COM.:8080   →   host Example.COM   port 8080   uppercase
//! ```
//!
//! *Read next*: `framing.rs`, the other fields that decide over safety.

use super::{Bad, Span, uri};
use std::net::Ipv6Addr;

/// A host that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Host {
    /// Name or address, without port and final dot; brackets of an IPv6 address included.
    pub host: Span,
    /// The port, if there is a colon with digits behind it.
    pub port: Option<u16>,
    /// `host` has upper case letters, so it must be folded before it is compared.
    pub uppercase: bool,
}

/// Judges `text`, the value of a `Host` field or `host:port` of a URI. Spans are offsets into `text`.
///
/// Errors: `InvalidHost`, also for an empty host. (An empty `Host` field is the caller's to allow.)
pub fn validate_host(text: &[u8]) -> Result<Host, Bad> {
    let end = match text.first() {
        Some(b'[') => address_end(text).ok_or(Bad::InvalidHost)?,
        _ => memchr::memchr(b':', text).unwrap_or(text.len()),
    };
    let port = match text.get(end..).unwrap_or_default() {
        [] | [b':'] => None,
        [b':', digits @ ..] => Some(port(digits).ok_or(Bad::InvalidHost)?),
        _ => return Err(Bad::InvalidHost),
    };
    let name = text.get(..end).unwrap_or_default();
    let classes = classes(name);
    if name.first() != Some(&b'[') && !registered_name(name, classes) {
        return Err(Bad::InvalidHost);
    }
    let name = name.strip_suffix(b".").unwrap_or(name);
    if name.is_empty() {
        return Err(Bad::InvalidHost);
    }
    Ok(Host { host: Span::new(0, name.len()), port, uppercase: classes & UPPER != 0 })
}

/// `[…]` in front of `text` with an IPv6 address or a future one (RFC 3986); gives the offset behind it.
fn address_end(text: &[u8]) -> Option<usize> {
    let close = memchr::memchr(b']', text)?;
    let inside = text.get(1..close)?;
    let future = |rest: &[u8]| {
        let dot = memchr::memchr(b'.', rest)?;
        let (version, tail) = rest.split_at_checked(dot)?;
        let tail = tail.strip_prefix(b".")?;
        let good = !version.is_empty() && version.iter().all(u8::is_ascii_hexdigit);
        (good && !tail.is_empty() && tail.iter().all(|&b| b == b':' || name_byte(b))).then_some(())
    };
    match inside {
        [b'v' | b'V', rest @ ..] => future(rest)?,
        _ => {
            std::str::from_utf8(inside).ok()?.parse::<Ipv6Addr>().ok()?;
        }
    }
    Some(close + 1)
}

/// A port in digits, 0 to 65535.
pub fn port(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    digits.iter().try_fold(0u16, |n, b| n.checked_mul(10)?.checked_add(u16::from(b - b'0')))
}

/// A letter that has to be folded.
const UPPER: u8 = 1;
/// A dot, which must not come twice in a row.
const DOT: u8 = 2;
/// No byte of a name, unless it begins an escape.
const ODD: u8 = 4;

/// What is to be looked at for a byte: nothing for most. A class per byte value, so indexing cannot fail.
static CLASS: [u8; 256] = {
    let mut table = [ODD; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        if byte.is_ascii_uppercase() {
            table[b] = UPPER;
        } else if byte == b'.' {
            table[b] = DOT;
        } else if byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'~' | b'!' | b'$' | b'&'..=b',' | b';' | b'=')
        {
            table[b] = 0;
        }
        b += 1;
    }
    table
};

/// The classes that occur among these bytes.
fn classes(name: &[u8]) -> u8 {
    name.iter().fold(0, |found, &b| found | CLASS[usize::from(b)])
}

fn name_byte(b: u8) -> bool {
    CLASS[usize::from(b)] & ODD == 0
}

/// Whether a name with bytes of these classes may be one.
fn registered_name(name: &[u8], classes: u8) -> bool {
    if classes & ODD != 0 {
        let fine = |(i, &b): (usize, &u8)| {
            let escaped = b == b'%' && name.get(i + 1..).and_then(uri::hex_pair).is_some();
            name_byte(b) || escaped
        };
        if !name.iter().enumerate().all(fine) {
            return false;
        }
    }
    classes & DOT == 0 || !name.array_windows().any(|pair| *pair == [b'.', b'.'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_cut_to_name_and_port() {
        let rows: [(&str, &str, Option<u16>, bool); 11] = [
            ("example.com", "example.com", None, false),
            ("Example.com:80", "Example.com", Some(80), true),
            ("example.com.", "example.com", None, false),
            ("example.com.:8080", "example.com", Some(8080), false),
            ("example.com:", "example.com", None, false),
            ("a_b-c.x~", "a_b-c.x~", None, false),
            ("a%20b", "a%20b", None, false),
            (".example", ".example", None, false),
            ("[::1]:443", "[::1]", Some(443), false),
            ("[2001:DB8::1.2.3.4]", "[2001:DB8::1.2.3.4]", None, true),
            ("[v1.x:y]", "[v1.x:y]", None, false),
        ];
        for (text, host, port, uppercase) in rows {
            let got =
                validate_host(text.as_bytes()).map(|h| (h.host.of(text.as_bytes()), h.port, h.uppercase));
            assert_eq!(got, Ok((host.as_bytes(), port, uppercase)), "{text}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        let rows = [
            "",
            ".",
            ":80",
            "a..b",
            "a..",
            "a/b",
            "a\0",
            "a b",
            "a\tb",
            "u@h",
            "a%2",
            "a%zz",
            "a:8x",
            "a:65536",
            "a:80:90",
            "::1",
            "[::1",
            "[]",
            "[::1]x",
            "[::g]",
            "[fe80::1%25eth0]",
            "[v1]",
            "[v.x]",
            "[1.2.3.4]",
            "]",
            "a[b]",
            "\u{e9}",
            "[::1].",
            "a\\b",
            "a?b",
            "a#b",
            "<a>",
        ];
        for text in rows {
            assert_eq!(validate_host(text.as_bytes()), Err(Bad::InvalidHost), "{text:?}");
        }
    }
}
