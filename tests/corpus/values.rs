//! Small things that strangers write: URIs, ranges, hosts, cookies, dates, addresses, DNS and PROXY messages.

use super::Case;
use super::dice::Dice;
use super::targets::number_of;
use headwater::buf::Slice;
use headwater::conf::value::{parse_msec, parse_number, parse_sec, parse_size};
use headwater::parse::escape::{Escape, escape, escape_html, unescape, unescape_redirect, unescape_uri};
use headwater::parse::{date, framing, host, list, range, uri as path};
use headwater::protocol::Out;
use headwater::resolver::message;
use headwater::util::proxy_protocol::{Parsed, Tlv, parse as parse_proxy, tlv_type};
use headwater::util::{address::Address, base64, cidr::Cidr, hostnames::Hostnames};

/// A path with arguments, as clients, rewrites and X-Accel-Redirect give it.
pub fn uri(bytes: &[u8]) {
    for merge in [false, true] {
        let mut out = Vec::new();
        let Ok(args) = path::parse_complex_uri(bytes, merge, &mut out) else { continue };
        assert!(out.starts_with(b"/") && !out.contains(&0), "{}", out.escape_ascii());
        let segments: Vec<&[u8]> = out.split(|b| *b == b'/').collect();
        assert!(!segments.iter().any(|s| matches!(*s, b"." | b"..")), "{}", out.escape_ascii());
        assert!(!merge || !out.windows(2).any(|pair| pair == b"//"), "{}", out.escape_ascii());
        assert!(args.is_none_or(|span| span.end as usize <= bytes.len()));
        path::extension(&out);
        // What is escaped for a peer means the same path to it.
        let (mut escaped, mut again) = (Vec::new(), Vec::new());
        escape(&out, Escape::Uri, &mut escaped);
        assert!(escaped.iter().all(u8::is_ascii_graphic), "{}", escaped.escape_ascii());
        path::parse_complex_uri(&escaped, merge, &mut again).expect("a path that was one");
        assert_eq!(again.escape_ascii().to_string(), out.escape_ascii().to_string());
    }
    if let Ok((path, args)) = path::parse_unsafe_uri(bytes) {
        assert!(!path.split(|b| *b == b'/').any(|segment| segment == b".."), "{}", path.escape_ascii());
        path::arg(args.unwrap_or_default(), b"a");
    }
    for place in [Escape::Args, Escape::UriComponent, Escape::Memcached] {
        let (mut escaped, mut plain) = (Vec::new(), Vec::new());
        escape(bytes, place, &mut escaped);
        unescape(&escaped, &mut plain);
        assert_eq!(plain, bytes);
        assert!(!escaped.iter().any(|b| *b <= b' '), "{}", escaped.escape_ascii());
    }
    let mut out = Vec::new();
    escape_html(bytes, &mut out);
    assert!(!out.iter().any(|b| matches!(b, b'<' | b'>' | b'"')));
    unescape_uri(bytes, &mut out);
    unescape_redirect(bytes, &mut out);
    assert!(out.len() <= 8 * bytes.len() + 8);
}

/// Values of fields and of directives.
pub fn fields(bytes: &[u8]) {
    if let Ok(found) = host::validate_host(bytes) {
        let name = &bytes[found.host.start as usize..found.host.end as usize];
        assert!(!name.is_empty() && !name.iter().any(|b| matches!(b, 0..=b' ' | b'/' | b'\\')));
    }
    for (length, most) in [(0, None), (1, None), (100, Some(2)), (u64::MAX >> 1, Some(0)), (1 << 40, None)] {
        let mut parts = Vec::new();
        if range::parse(bytes, length, most, &mut parts) == range::Ranges::Parts {
            assert!(!parts.is_empty() && most.is_none_or(|most| parts.len() <= most));
            assert!(parts.iter().all(|(from, to)| from < to && *to <= length), "{parts:?} of {length}");
        }
    }
    for name in [&b"a"[..], b"", b"session"] {
        list::cookie(bytes, name);
        list::set_cookie(bytes, name);
        path::arg(bytes, name);
    }
    assert!(list::tokens(bytes).all(|token| token.len() <= bytes.len()));
    list::etag_matches(bytes, b"\"a\"", true);
    if let Some(time) = date::parse(bytes) {
        assert!(time >= 0, "{time}");
    }
    let _ = (framing::content_length(bytes), framing::transfer_encoding(bytes));
    let _ = (parse_number(bytes), parse_size(bytes), parse_msec(bytes), parse_sec(bytes));
    if let Some(plain) = base64::decode(bytes) {
        assert_eq!(base64::decode(&base64::encode(&plain)), Some(plain));
    }
    base64::decode_url(bytes);
    let mut names = Hostnames::default();
    let _ = (names.add(bytes, 1), names.add(b"*.b", 2), names.add(b"a.*", 3));
    names.find(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        Cidr::parse(text);
        if let Some(address) = Address::parse(text, 80).filter(|address| !address.is_unix()) {
            let again = Address::parse(&address.to_string(), 0);
            assert_eq!(again.map(|again| again.to_string()), Some(address.to_string()));
        }
    }
    if let Some(name) = message::name(bytes) {
        let mut asked = message::question(1, &name, message::Kind::A);
        asked[2] = 0x80;
        let read = message::parse(&asked).expect("an answer without records");
        assert!(read.answers(&name, message::Kind::A));
    }
}

/// A message of a name server.
pub fn dns(bytes: &[u8]) {
    let Ok(read) = message::parse(bytes) else { return };
    assert_eq!(bytes[..2], read.id.to_be_bytes());
    assert!(!read.truncated || read.records.is_empty());
    // A record has at least eleven bytes.
    assert!(read.records.len() * 11 <= bytes.len());
    for record in &read.records {
        assert!(record.name.len() <= 1024 && record.ttl <= u32::MAX / 2);
    }
}

/// The first bytes of a connection from another proxy.
pub fn proxy_protocol(bytes: &[u8]) {
    let Parsed::Header(read, used) = parse_proxy(bytes) else { return };
    assert!(used <= bytes.len() && used <= headwater::util::proxy_protocol::MAX_HEADER);
    assert_eq!(parse_proxy(&bytes[..used]), Parsed::Header(read.clone(), used));
    let cut = Dice(number_of(bytes)).below(used);
    assert_eq!(parse_proxy(&bytes[..cut]), Parsed::Incomplete, "a header of {used} bytes cut at {cut}");
    assert_eq!(read.source.is_some(), read.destination.is_some());
    for kind in [Tlv::Plain(1), Tlv::Plain(bytes[used - 1]), Tlv::InSsl(0x22), Tlv::SslVerify] {
        read.tlv(kind);
    }
    tlv_type(bytes);
}

/// Redirects and cookies of a peer, changed for the client.
pub fn rewriting(bytes: &[u8]) {
    const RULES: [&str; 3] = [
        "proxy_redirect http://peer/ /back/; proxy_cookie_path /a /b; proxy_cookie_domain peer front;",
        "proxy_redirect ~^(http)://([^/]+)(.*)$ $1s://$2$3; proxy_cookie_path ~^/(.+)$ /x/$1;",
        "proxy_redirect off; proxy_cookie_flags ~a secure samesite=lax; proxy_cookie_domain ~e $arg_x;",
    ];
    let directives = RULES[(number_of(bytes) % 3) as usize];
    let case = Case::new("proxy", directives, "");
    let configured = case.configured();
    let mut asking = case.asking(&configured).variable("arg_x", "y");
    let (kind, location) = (&configured.kind, &configured.location);
    let module = kind.create_request(&mut asking, location, &mut Out::new());
    let module = module.expect("a request");
    let value = Slice::copy(bytes);
    for changed in [module.rewrite_redirect(&mut asking, &value), module.rewrite_cookie(&mut asking, &value)]
    {
        assert!(changed.is_none_or(|changed| changed.len() <= 4 * bytes.len() + 256));
    }
}
