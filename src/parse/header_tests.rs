//! Tests of header lines: tables, every cut, and agreement with another parser on random heads.

use super::*;
use crate::parse::Step;
use crate::parse::request_line::RequestLine;
use proptest::prelude::*;

type Read = (Vec<(Vec<u8>, Vec<u8>, bool)>, usize);

/// Reads a whole header, showing the parser windows that end at the given offsets.
fn run(text: &[u8], cuts: impl Iterator<Item = usize>) -> Result<Option<Read>, Bad> {
    let mut parser = HeaderParser::at(0);
    let mut fields = Vec::new();
    for cut in cuts {
        let window = &text[..cut];
        loop {
            match parser.parse(window, false)? {
                HeaderStep::Again => break,
                HeaderStep::Done => return Ok(Some((fields, parser.pos()))),
                HeaderStep::Field(f) => {
                    assert_eq!(f.known, Known::of(f.name.of(text)));
                    fields.push((f.name.of(text).to_vec(), f.value.of(text).to_vec(), f.invalid));
                }
            }
        }
    }
    Ok(None)
}

fn parse(text: &[u8]) -> Result<Option<Read>, Bad> {
    let whole = run(text, [text.len()].into_iter());
    for cut in 0..text.len() {
        assert_eq!(
            run(text, [cut, text.len()].into_iter()),
            whole,
            "cut at {cut} of {}",
            text.escape_ascii()
        );
    }
    assert_eq!(run(text, 0..=text.len()), whole);
    whole
}

#[test]
fn fields_come_with_trimmed_values_and_the_end_is_found() {
    let text = b"Host: a\r\nAccept:\t */* \t\r\nX-Empty:\r\nX-Blank:  \nA:b c:d\n\r\nbody";
    let (fields, end) = parse(text).unwrap().unwrap();
    let expect: [(&[u8], &[u8]); 5] =
        [(b"Host", b"a"), (b"Accept", b"*/*"), (b"X-Empty", b""), (b"X-Blank", b""), (b"A", b"b c:d")];
    let expect: Vec<_> = expect.iter().map(|(n, v)| (n.to_vec(), v.to_vec(), false)).collect();
    assert_eq!(fields, expect);
    assert_eq!(&text[end..], b"body");
    assert_eq!(parse(b"\r\n"), Ok(Some((vec![], 2))));
    assert_eq!(parse(b"\n"), Ok(Some((vec![], 1))));
}

#[test]
fn odd_names_are_marked_and_underscores_are_odd_unless_allowed() {
    for name in ["x_y", "_", "x.y", ".", "a(b", "a\u{e9}", "</kie>", "a,b"] {
        let (fields, _) = parse(format!("{name}: v\r\n\r\n").as_bytes()).unwrap().unwrap();
        assert_eq!(fields, [(name.as_bytes().to_vec(), b"v".to_vec(), true)]);
    }
    let line = b"x_y: v";
    assert_eq!(field(line, 0, line.len(), true).map(|f| f.invalid), Ok(false));
    assert_eq!(field(b"x_y.: v", 0, 7, true).map(|f| f.invalid), Ok(true));
}

#[test]
fn ambiguous_lines_are_refused() {
    let rows: [&[u8]; 14] = [
        b"Host : a\r\n\r\n",
        b"Host\t: a\r\n\r\n",
        b" Host: a\r\n\r\n",
        b"A: b\r\n c\r\n\r\n",
        b"A: b\r\n\tc\r\n\r\n",
        b": a\r\n\r\n",
        b"Host\r\n\r\n",
        b"A: b\rc\r\n\r\n",
        b"A: b\r\r\n\r\n",
        b"A: b\0\r\n\r\n",
        b"A\0: b\r\n\r\n",
        b"A\x02: b\r\n\r\n",
        b"A\x7f: b\r\n\r\n",
        b"A: b\r\n\r\r\n",
    ];
    for text in rows {
        assert_eq!(parse(text), Err(Bad::InvalidHeader), "{}", text.escape_ascii());
    }
}

#[test]
fn the_byte_that_was_refused_is_found() {
    for (line, at) in
        [(&b"Host : a"[..], 4), (b" a: b", 0), (b": a", 0), (b"Host", 4), (b"A: b\0c", 4), (b"A\x02: b", 1)]
    {
        assert_eq!(bad_byte(line), at, "{}", line.escape_ascii());
    }
}

#[test]
fn a_window_may_lose_its_front_between_calls() {
    let mut parser = HeaderParser::at(0);
    let text = b"A: b\r\nLong: val";
    assert!(matches!(parser.parse(text, false), Ok(HeaderStep::Field(_))));
    assert_eq!(parser.parse(text, false), Ok(HeaderStep::Again));
    let start = parser.pos();
    parser.rebase(start);
    let moved = [&text[start..], b"ue\r\n"].concat();
    let Ok(HeaderStep::Field(f)) = parser.parse(&moved, false) else { panic!("no field") };
    assert_eq!((f.name.of(&moved), f.value.of(&moved)), (&b"Long"[..], &b"value"[..]));
}

#[test]
fn names_fold_without_case() {
    assert_eq!(lowercase(b"X-Foo", &mut [0; 8]), Some(&b"x-foo"[..]));
    assert_eq!(lowercase(b"X-Foo", &mut [0; 4]), None);
}

/// Text made of pieces that matter to a head parser, so that random heads are often nearly right.
fn heads() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"GET ",
        b"POST ",
        b"/",
        b"a",
        b"Host",
        b":",
        b": ",
        b" ",
        b"\t",
        b"\r\n",
        b"\n",
        b"\r",
        b"HTTP/1.1",
        b"\0",
        b"http://",
        b"x-y",
        b"_",
        b"%20",
        b"?",
        b"#",
        b"\x80",
        b"\r\n\r\n",
        b"*",
        b" HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\n",
    ];
    prop_oneof![
        proptest::collection::vec(proptest::sample::select(pieces.clone()), 0..24).prop_map(|p| p.concat()),
        proptest::collection::vec(proptest::sample::select(pieces), 0..16).prop_map(|p| [
            b"GET / HTTP/1.1\r\n",
            &p.concat()[..],
            b"\r\n\r\n"
        ]
        .concat()),
        proptest::collection::vec(any::<u8>(), 0..80),
    ]
}

/// What we read: request line, then fields. None when it is incomplete or refused.
fn ours(text: &[u8]) -> Option<(RequestLine, Vec<Field>, usize)> {
    let mut line = RequestLine::default();
    if line.parse(text) != Ok(Step::Done) {
        return None;
    }
    let mut parser = HeaderParser::at(line.pos());
    let mut fields = Vec::new();
    loop {
        match parser.parse(text, true) {
            Ok(HeaderStep::Field(f)) => fields.push(f),
            Ok(HeaderStep::Done) => return Some((line, fields, parser.pos())),
            _ => return None,
        }
    }
}

/// What we accept and httparse does not, each a deliberate choice: versions other than 1.0 and 1.1 (HTTP/0.9
/// included), spaces in a row in the request line, names that are no tokens (they are marked), controls in
/// values, backslashes and the like in targets, and runs of CR in front.
fn known_exception(text: &[u8], line: &RequestLine, fields: &[Field]) -> bool {
    let shown = line.line.of(text);
    let token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let version = shown.ends_with(b"HTTP/1.1") || shown.ends_with(b"HTTP/1.0");
    let lead =
        String::from_utf8_lossy(&text[..line.line.start as usize]).replace("\r\n", "").replace('\n', "");
    !version
        || shown.windows(2).any(|w| w == b"  ")
        || !lead.is_empty()
        || fields.iter().any(|f| !f.name.of(text).iter().all(token))
        || fields.iter().any(|f| f.value.of(text).iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7f))
}

proptest! {
    #[test]
    fn what_we_accept_another_parser_accepts_and_reads_the_same(text in heads()) {
        if let Some((line, fields, end)) = ours(&text) {
            if known_exception(&text, &line, &fields) {
                return Ok(());
            }
            let mut slots = [httparse::EMPTY_HEADER; 64];
            let mut other = httparse::Request::new(&mut slots);
            let status = other.parse(&text);
            prop_assert_eq!(status, Ok(httparse::Status::Complete(end)), "{}", text.escape_ascii());
            prop_assert_eq!(other.method.map(str::as_bytes), Some(line.method_name.of(&text)));
            prop_assert_eq!(other.headers.len(), fields.len());
            for (theirs, f) in other.headers.iter().zip(&fields) {
                prop_assert_eq!(theirs.name.as_bytes(), f.name.of(&text));
                prop_assert_eq!(theirs.value, f.value.of(&text));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_the_same_however_they_are_cut(text in heads(), at in 0usize..80) {
        let cut = at.min(text.len());
        prop_assert_eq!(run(&text, [cut, text.len()].into_iter()), run(&text, [text.len()].into_iter()));
        let mut line = RequestLine::default();
        let mut whole = RequestLine::default();
        let first = line.parse(&text[..cut]);
        let second = if first == Ok(Step::Again) { line.parse(&text) } else { first };
        prop_assert_eq!(second, whole.parse(&text));
        if second.is_ok() {
            prop_assert_eq!(line, whole);
        }
    }
}
