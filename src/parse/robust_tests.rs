//! No bytes whatever make a parser of this directory panic.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes_get_an_answer(
        a in proptest::collection::vec(any::<u8>(), 0..60),
        b in "[\\[\\]:.%a-f0-9W/\",;= -]{0,20}",
    ) {
        for text in [&a[..], b.as_bytes()] {
            if let Ok(host) = host::validate_host(text) {
                prop_assert!(!host.host.is_empty() && host.host.len() <= text.len());
            }
            let mut parts = Vec::new();
            let list = [b"bytes=", text].concat();
            if range::parse(&list, 100, None, &mut parts) == range::Ranges::Parts {
                prop_assert!(parts.iter().all(|&(start, end)| start < end && end <= 100));
            }
            let _ = status_line::StatusLine::parse(&[b"HTTP/1.1 ", text, b"\n"].concat());
            let _ = status_line::StatusLine::parse(text);
            let _ = request_line::RequestLine::at(99).parse(text);
            let _ = header::HeaderParser::at(99).parse(text, true);
            let _ = header::bad_byte(text);
            let _ = framing::content_length(text);
            let _ = framing::transfer_encoding(text);
            let _ = list::cookie(text, b"a");
            let _ = list::etag_matches(text, b"\"a\"", true);
            let _ = uri::arg(text, b"a");
            let _ = uri::extension(text);
            let mut out = Vec::new();
            escape::unescape(text, &mut out);
            escape::unescape_uri(text, &mut out);
            escape::unescape_redirect(text, &mut out);
            prop_assert!(out.len() <= 3 * text.len());
        }
    }
}
