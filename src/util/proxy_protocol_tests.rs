//! Headers of both versions, cut at every byte.

use super::*;

fn v2(content: &[u8]) -> Vec<u8> {
    let length = (content.len() as u16).to_be_bytes();
    [SIGNATURE, &[0x21, 0x11][..], &length, content].concat()
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    [&[kind][..], &(value.len() as u16).to_be_bytes(), value].concat()
}

#[test]
fn a_header_cut_anywhere_is_incomplete_and_then_whole() {
    let line = b"PROXY TCP6 2001:Db8::1 2001:Db8::2 123 5678\r\n".to_vec();
    let binary = v2(&[192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 22, 46]);
    for header in [line, binary, b"PROXY UNKNOWN 1 2\r\n".to_vec()] {
        for cut in 0..header.len() {
            assert_eq!(parse(&header[..cut]), Parsed::Incomplete, "cut at {cut}");
        }
        let longer = [&header[..], b"GET"].concat();
        let Parsed::Header(_, length) = parse(&longer) else { panic!("not a header") };
        assert_eq!(length, header.len());
    }
}

#[test]
fn addresses_of_both_versions_are_read() {
    let Parsed::Header(one, _) = parse(b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n") else { panic!() };
    let Parsed::Header(two, _) = parse(&v2(&[192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 22, 46])) else { panic!() };
    assert_eq!(one, two);
    assert_eq!(one.source.unwrap().to_string(), "192.0.2.1:123");
}

#[test]
fn what_is_no_header_is_broken() {
    for bad in [
        "GET / HTTP/1.1\r\n",
        "PROXY TCP4 1.2.3.4\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 70000\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
        "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
    ] {
        assert_eq!(parse(bad.as_bytes()), Parsed::Broken, "{bad}");
    }
    assert_eq!(parse(&[b'P'; 200]), Parsed::Broken);
}

#[test]
fn typed_values_are_found_inside_and_outside_of_the_one_about_tls() {
    let inner = [&[1, 0, 0, 0, 255][..], &tlv(0x22, b"example.com")].concat();
    let tlvs = [tlv(1, b"h2"), tlv(SSL, &inner), tlv(0xae, b"x")].concat();
    let Parsed::Header(header, _) = parse(&v2(&[&[0; 12][..], &tlvs].concat())) else { panic!() };
    let value =
        |name: &str| header.tlv(tlv_type(name.as_bytes()).unwrap()).map(|v| String::from_utf8(v).unwrap());
    assert_eq!(value("alpn").as_deref(), Some("h2"));
    assert_eq!(value("ssl_cn").as_deref(), Some("example.com"));
    assert_eq!(value("ssl_0x22").as_deref(), Some("example.com"));
    assert_eq!(value("ssl_verify").as_deref(), Some("255"));
    assert_eq!(value("0x000ae").as_deref(), Some("x"));
    assert_eq!(value("netns"), None);
    assert_eq!(tlv_type(b"nonsense"), None);
}
