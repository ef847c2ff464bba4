//! Variants: replies to one key that differ by what the request's fields say.
//!
//! *In nginx* `ngx_http_file_cache_vary`: a reply with `Vary` is kept in the file of the main key together
//! with a hash of the fields it names. A request whose fields hash otherwise looks in the file that
//! has the hash for a key; there is one such file for each further variant.
//!
//! *Here* the same. Values are compared as lists: blanks and empty elements between commas make no
//! difference, the order of elements does.
//!
//! ```text
//!   key ─▶ file: Vary: Accept-Encoding, variant of "gzip"      request: "gzip" ─▶ this one
//!                                                              request: "br"   ─▶ file of variant("br")
//! ```
//!
//! *Read next*: `open.rs`.

use crate::cache::Key;
use crate::http::headers::HeadersIn;
use crate::parse::list::tokens;

/// The key of the variant of `main` for a request with these fields; `vary` is the reply's list of names.
pub fn variant(main: &Key, vary: &[u8], headers: &HeadersIn) -> Key {
    let mut text = main.bytes().to_vec();
    for name in tokens(vary) {
        text.extend(name.iter().map(u8::to_ascii_lowercase));
        text.push(b':');
        let values = headers.named(name).flat_map(tokens);
        for (at, value) in values.enumerate() {
            if at > 0 {
                text.push(b',');
            }
            text.extend_from_slice(value);
        }
        text.extend_from_slice(b"\r\n");
    }
    Key::of(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vary: &str, fields: &[(&'static str, &'static str)]) -> Key {
        let lines: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        variant(&Key::of(b"/"), vary.as_bytes(), &HeadersIn::of_lines(&lines.concat()))
    }

    #[test]
    fn variants_differ_by_the_elements_of_the_named_fields() {
        let plain = of("Accept-Encoding", &[("Accept-Encoding", "foo, bar")]);
        for same in ["foo,bar", "foo,,  ,bar , "] {
            assert_eq!(of(",, Accept-encoding , ,", &[("accept-encoding", same), ("X", "1")]), plain);
        }
        assert_eq!(of("Accept-Encoding", &[("Accept-Encoding", "foo"), ("Accept-Encoding", "bar")]), plain);
        for other in ["foobar", "bar, foo", ""] {
            assert_ne!(of("Accept-Encoding", &[("Accept-Encoding", other)]), plain);
        }
        assert_ne!(of("Accept-Encoding, X", &[("Accept-Encoding", "foo, bar")]), plain);
    }
}
