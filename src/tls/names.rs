//! Names in certificates: how they are shown, and whether one is the host that was meant.
//!
//! *In nginx* `X509_NAME_print_ex`, `X509_NAME_oneline` and `X509_check_host` of OpenSSL.
//!
//! *Here* the two ways of showing a distinguished name (RFC 2253, and the old one with slashes), and the
//! comparison of host names (RFC 6125): names in subjectAltName count; the common name only where there are
//! none. A star stands for one whole label, the first.
//!
//! ```text
//!   RFC 2253: CN=example.com,O=Some\, Inc.,C=DE       old: /C=DE/O=Some, Inc./CN=example.com
//! ```
//!
//! *Read next*: `http/ssl/vars.rs`.

use super::certificate::{Certificate, id};
use super::der::{Der, OID, SEQUENCE, SET, Value};
use std::net::IpAddr;

/// Attribute types with a short name.
const SHORT: &[(&[u8], &str)] = &[
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 4], "SN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "street"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x55, 4, 12], "title"),
    (&[0x55, 4, 42], "GN"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
];

/// One attribute of a name.
struct Attribute<'a> {
    kind: &'a [u8],
    value: Value<'a>,
    /// It stands in one set with the attribute before it.
    joined: bool,
}

impl Attribute<'_> {
    fn name(&self) -> String {
        let known = SHORT.iter().find(|(id, _)| *id == self.kind);
        known.map_or_else(|| dotted(self.kind), |(_, name)| (*name).to_owned())
    }

    /// The value in UTF-8; BMPString and UniversalString are the two wide forms.
    fn text(&self) -> String {
        let body = self.value.body;
        match self.value.tag {
            0x1e => {
                let units: Vec<u16> = body
                    .chunks_exact(2)
                    .map(|two| two.iter().fold(0u16, |sum, byte| sum << 8 | u16::from(*byte)))
                    .collect();
                String::from_utf16_lossy(&units)
            }
            // T61String is taken for Latin-1, as everybody does.
            0x14 => body.iter().map(|byte| char::from(*byte)).collect(),
            _ => String::from_utf8_lossy(body).into_owned(),
        }
    }
}

fn attributes<'a>(name: Value<'a>) -> Vec<Attribute<'a>> {
    let mut all = Vec::new();
    for set in name.inside().filter(|set| set.tag == SET) {
        for (at, one) in set.inside().filter(|one| one.tag == SEQUENCE).enumerate() {
            let mut parts = one.inside();
            if let (Some(kind), Some(value)) = (parts.tagged(OID), parts.next()) {
                all.push(Attribute { kind: kind.body, value, joined: at > 0 });
            }
        }
    }
    all
}

/// An object identifier with dots.
fn dotted(id: &[u8]) -> String {
    let mut numbers: Vec<u64> = Vec::new();
    let mut number = 0u64;
    for byte in id {
        number = number.saturating_mul(128).saturating_add(u64::from(byte & 0x7f));
        if byte & 0x80 == 0 {
            if numbers.is_empty() {
                let first = (number / 40).min(2);
                numbers.push(first);
                number -= first * 40;
            }
            numbers.push(number);
            number = 0;
        }
    }
    numbers.iter().map(u64::to_string).collect::<Vec<_>>().join(".")
}

/// A name by RFC 2253: the last part first, with commas.
pub fn rfc2253(name: Value<'_>) -> String {
    let mut text = String::new();
    // Backwards, what follows one of a set stood before it in the same set.
    let mut joined = false;
    for one in attributes(name).iter().rev() {
        if !text.is_empty() {
            text.push(if joined { '+' } else { ',' });
        }
        text.push_str(&one.name());
        text.push('=');
        escape(&one.text(), &mut text);
        joined = one.joined;
    }
    text
}

fn escape(value: &str, to: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => to.extend(['\\', c]),
            '#' | ' ' if at == 0 => to.extend(['\\', c]),
            ' ' if at == last => to.extend(['\\', c]),
            c if c.is_ascii_control() || !c.is_ascii() => {
                let mut bytes = [0; 4];
                for byte in c.encode_utf8(&mut bytes).bytes() {
                    to.push_str(&format!("\\{byte:02X}"));
                }
            }
            c => to.push(c),
        }
    }
}

/// A name in the old way: in its order, with slashes.
pub fn legacy(name: Value<'_>) -> String {
    attributes(name).iter().map(|one| format!("/{}={}", one.name(), one.text())).collect()
}

/// Whether a certificate is for this host: a name without a dot at its end, or an IP address.
pub fn is_for(certificate: &Certificate, host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let (mut names, mut addresses) = (Vec::new(), Vec::new());
    if let Some(all) = certificate.extension(id::SUBJECT_ALT_NAME).and_then(|der| Der::new(der).next()) {
        for one in all.inside() {
            match one.tag {
                0x82 => names.push(one.body),
                0x87 => addresses.push(one.body),
                _ => {}
            }
        }
    }
    let address = host.parse::<IpAddr>();
    let is_address = address.is_ok();
    if let Ok(address) = address {
        let bytes = match address {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        if addresses.contains(&bytes.as_slice()) {
            return true;
        }
    }
    // A star stands for a label, and an address has none.
    let matches = if is_address { <[u8]>::eq_ignore_ascii_case } else { matches };
    if !names.is_empty() {
        return names.iter().any(|name| matches(name, host.as_bytes()));
    }
    let common = attributes(certificate.subject);
    let mut common = common.iter().filter(|one| one.kind == [0x55, 4, 3]);
    common.any(|one| matches(one.text().as_bytes(), host.as_bytes()))
}

/// Whether a host is meant by a name, which may begin with `*.`.
fn matches(name: &[u8], host: &[u8]) -> bool {
    if let Some(rest) = name.strip_prefix(b"*") {
        let dot = host.iter().position(|byte| *byte == b'.');
        // A star under a top-level domain would be for half the world.
        let wide = rest.iter().filter(|byte| **byte == b'.').count() < 2;
        return !wide
            && dot
                .filter(|at| *at > 0)
                .is_some_and(|at| host.get(at..).is_some_and(|below| rest.eq_ignore_ascii_case(below)));
    }
    !host.is_empty() && name.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A Name of one attribute for each pair of the last byte of its type, and its value.
    fn name(parts: &[(u8, &str)]) -> Vec<u8> {
        let wrap = |tag: u8, body: Vec<u8>| [vec![tag, body.len() as u8], body].concat();
        let mut sets = Vec::new();
        for (kind, value) in parts {
            let value = wrap(0x0c, value.as_bytes().to_vec());
            let pair = wrap(0x30, [vec![6, 3, 0x55, 4, *kind], value].concat());
            sets.extend(wrap(0x31, pair));
        }
        wrap(0x30, sets)
    }

    #[test]
    fn names_are_shown_in_both_ways() {
        let bytes = name(&[(6, "DE"), (10, "Some, Inc. "), (3, "ä#")]);
        let value = Der::new(&bytes).next().expect("a name");
        assert_eq!(rfc2253(value), "CN=\\C3\\A4#,O=Some\\, Inc.\\ ,C=DE");
        assert_eq!(legacy(value), "/C=DE/O=Some, Inc. /CN=ä#");
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]), "1.2.840.113549");
    }

    #[test]
    fn a_star_is_one_label() {
        let cases: [(&str, &str, bool); 8] = [
            ("example.com", "EXAMPLE.com", true),
            ("*.example.com", "foo.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "no.match.example.com", false),
            ("*.example.com", ".example.com", false),
            ("*.com", "example.com", false),
            ("*", "example.com", false),
            ("", "", false),
        ];
        for (name, host, want) in cases {
            assert_eq!(matches(name.as_bytes(), host.as_bytes()), want, "{name} {host}");
        }
    }
}
