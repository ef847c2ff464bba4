//! Tests of normalisation, escapes and arguments.

use super::*;
use crate::parse::escape::*;
use proptest::prelude::*;

fn normal(raw: &str, merge: bool) -> Option<(String, Option<String>)> {
    let mut out = Vec::new();
    let args = parse_complex_uri(raw.as_bytes(), merge, &mut out).ok()?;
    let text = |b: &[u8]| b.escape_ascii().to_string();
    Some((text(&out), args.map(|a| text(a.of(raw.as_bytes())))))
}

#[test]
fn paths_are_normalised() {
    let rows = [
        ("/", "/"),
        ("", "/"),
        ("?a", "/"),
        ("/a/b", "/a/b"),
        ("//", "/"),
        ("/a//b///c", "/a/b/c"),
        ("/.", "/"),
        ("/./a/./b/.", "/a/b/"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/a/b/../c", "/a/c"),
        ("/a//../b", "/b"),
        ("/a/../../a/../b", ""),
        ("/..", ""),
        ("/a/../..", ""),
        ("/...", "/..."),
        ("/.a/..b/c..", "/.a/..b/c.."),
        ("/%2e%2E/", ""),
        ("/a%2f%2e%2e%2Fb", "/b"),
        ("/a%2f/b", "/a/b"),
        ("/a%20b%41", "/a bA"),
        ("/a%3fb%23c%25d?e", "/a?b#c%d"),
        ("/a%253f", "/a%3f"),
        ("/a#/../..", "/a"),
        ("/a?/../..", "/a"),
        ("/%00", ""),
        ("/%", ""),
        ("/%4", ""),
        ("/%4g", ""),
        ("/%g4", ""),
        ("/a%?", ""),
    ];
    for (raw, path) in rows {
        let got = normal(raw, true).map(|(p, _)| p).unwrap_or_default();
        assert_eq!(got, path, "{raw}");
    }
}

#[test]
fn slashes_stay_when_merging_is_off() {
    for (raw, path) in [
        ("/foo//../bar", "/foo/bar"),
        ("/foo///../bar", "/foo//bar"),
        ("//a//", "//a//"),
        ("/a//./b", "/a//b"),
    ] {
        assert_eq!(normal(raw, false), Some((path.into(), None)), "{raw}");
    }
}

#[test]
fn arguments_end_before_the_fragment() {
    assert_eq!(normal("/a?b=%20#c", true), Some(("/a".into(), Some("b=%20".into()))));
    assert_eq!(normal("/a?", true), Some(("/a".into(), Some("".into()))));
    assert_eq!(normal("/a#?b", true), Some(("/a".into(), None)));
    assert_eq!(normal("?b", true), Some(("/".into(), Some("b".into()))));
}

#[test]
fn the_extension_is_behind_the_last_dot_of_the_last_segment() {
    for (path, ext) in [
        ("/a.b", "b"),
        ("/a.b.c", "c"),
        ("/a.b/c", "-"),
        ("/.b", "-"),
        ("/..b", "-"),
        ("/.a.b", "b"),
        ("/a.", ""),
    ] {
        let got =
            extension(path.as_bytes()).map_or("-".into(), |e| String::from_utf8_lossy(e.of(path.as_bytes())));
        assert_eq!(got, ext, "{path}");
    }
}

#[test]
fn internal_uris_may_not_climb() {
    let run = |uri: &str| {
        let (path, args) = parse_unsafe_uri(uri.as_bytes()).ok()?;
        Some((path.escape_ascii().to_string(), args.map(|a| a.escape_ascii().to_string())))
    };
    assert_eq!(run("/a?b#c?d"), Some(("/a".into(), Some("b#c?d".into()))));
    assert_eq!(run("/a.../b..c"), Some(("/a.../b..c".into(), None)));
    assert_eq!(run("/a%20b%3f?"), Some(("/a b?".into(), Some("".into()))));
    for bad in ["", "?a", "/..", "/../a", "..", "/a/../b", "/%2e%2e/a", "/a/..?b", "/a\0", "/a%00"] {
        assert_eq!(parse_unsafe_uri(bad.as_bytes()), Err(Bad::InvalidRequest), "{bad}");
    }
}

#[test]
fn arguments_are_found_by_name_without_case() {
    let args = b"a=1&B=2&ab=3&c&d=&b=4&=5";
    let rows: [(&str, Option<&str>); 8] = [
        ("a", Some("1")),
        ("b", Some("2")),
        ("AB", Some("3")),
        ("c", None),
        ("d", Some("")),
        ("e", None),
        ("", None),
        ("a=1&B", None),
    ];
    for (name, value) in rows {
        assert_eq!(arg(args, name.as_bytes()), value.map(str::as_bytes), "{name}");
    }
}

#[test]
fn each_place_has_its_escapes() {
    let text = b"a b\"#%&'+/;<>?\\^`{|}~\x01\x7f\xe9";
    let rows = [
        (Escape::Uri, "a%20b%22%23%25&'+/;%3C%3E%3F%5C%5E%60%7B%7C%7D~%01%7F%E9"),
        (Escape::Args, "a%20b%22%23%25%26'%2B/%3B%3C%3E%3F%5C%5E%60%7B%7C%7D~%01%7F%E9"),
        (Escape::UriComponent, "a%20b%22%23%25%26%27%2B%2F%3B%3C%3E%3F%5C%5E%60%7B%7C%7D~%01%7F%E9"),
        (Escape::Memcached, "a%20b\"#%25&'+/;<>?\\^`{|}~%01\x7f\u{e9}"),
    ];
    for (place, expect) in rows {
        let mut out = Vec::new();
        escape(text, place, &mut out);
        let expect: Vec<u8> = expect.chars().map(|c| c as u8).collect();
        assert_eq!(out.escape_ascii().to_string(), expect.escape_ascii().to_string(), "{place:?}");
        assert_eq!(out.len(), text.len() + 2 * escapes_needed(text, place));
    }
    let mut out = Vec::new();
    escape_html(b"<a href=\"x\">&", &mut out);
    assert_eq!(out, b"&lt;a href=&quot;x&quot;&gt;&amp;");
}

#[test]
fn unescaping_knows_where_the_text_goes() {
    let run = |f: fn(&[u8], &mut Vec<u8>), text: &str| {
        let mut out = Vec::new();
        f(text.as_bytes(), &mut out);
        out.escape_ascii().to_string()
    };
    assert_eq!(run(unescape, "a%20b%3F%00c?%41"), "a b?\\x00c?A");
    assert_eq!(run(unescape, "%"), "");
    assert_eq!(run(unescape, "a%zz%%41%4:b%4"), "azz%41b");
    assert_eq!(run(unescape_redirect, "%%3f%41"), "%3fA");
    assert_eq!(run(unescape_uri, "%41%20%3f%25?%41"), "A%20?%25?%41");
    assert_eq!(run(unescape_redirect, "%41%3f%41?%41"), "A?%41?%41");
    assert_eq!(run(unescape_redirect, "%41%20?%41"), "A%20?%41");
}

proptest! {
    #[test]
    fn a_normal_path_has_no_dots_to_climb_and_escaping_is_undone(
        raw in proptest::collection::vec(any::<u8>(), 0..60),
    ) {
        let mut out = Vec::new();
        if parse_complex_uri(&raw, true, &mut out).is_ok() {
            prop_assert!(out.starts_with(b"/"));
            prop_assert!(!out.windows(2).any(|w| w == b"//"));
            prop_assert!(!out.split(|&b| b == b'/').any(|s| s == b"." || s == b".."));
        }
        for place in [Escape::Uri, Escape::Args, Escape::UriComponent] {
            let (mut there, mut back) = (Vec::new(), Vec::new());
            escape(&raw, place, &mut there);
            unescape(&there, &mut back);
            prop_assert_eq!(&back, &raw);
        }
        let _ = parse_unsafe_uri(&raw);
    }
}
