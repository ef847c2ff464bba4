//! Tests of the chunked coding: whole, cut at every byte, byte by byte, and with bytes behind that must stay.

use super::*;
use proptest::prelude::*;

#[derive(Debug, PartialEq, Eq)]
struct Read {
    data: Vec<u8>,
    /// Bytes of the message, when its end was seen.
    used: Option<usize>,
    trailers: Vec<Trailer>,
}

/// Feeds the text in pieces that end at the given offsets, dropping what was used, as a connection does.
fn run(text: &[u8], cuts: &[usize]) -> Result<Read, Bad> {
    let mut chunked = Chunked::with_trailers();
    let mut data = Vec::new();
    let mut at = 0;
    for &cut in cuts {
        loop {
            let shown = &text[at..cut];
            match chunked.parse(shown)? {
                ChunkStep::Again { used } => {
                    assert_eq!(used, shown.len());
                    at += used;
                    break;
                }
                ChunkStep::Data { start, len } => {
                    assert!(len > 0);
                    data.extend_from_slice(&shown[start..start + len]);
                    at += start + len;
                }
                ChunkStep::Done { used } => {
                    assert!(chunked.is_done() && chunked.min_remaining() == 0);
                    return Ok(Read { data, used: Some(at + used), trailers: chunked.trailers().to_vec() });
                }
            }
        }
        assert!(chunked.min_remaining() > 0);
    }
    Ok(Read { data, used: None, trailers: Vec::new() })
}

fn parse(text: &[u8]) -> Result<Read, Bad> {
    let whole = run(text, &[text.len()]);
    for cut in 0..text.len() {
        assert_eq!(run(text, &[cut, text.len()]), whole, "cut at {cut} of {}", text.escape_ascii());
    }
    assert_eq!(run(text, &(0..=text.len()).collect::<Vec<_>>()), whole);
    whole
}

#[test]
fn data_comes_out_and_what_follows_stays() {
    let rows: [(&[u8], &[u8]); 9] = [
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5\nhello\n0\n\n", b"hello"),
        (b"0\r\n\r\n", b""),
        (b"000\r\n\r\n", b""),
        (b"1\r\na\r\nA\r\n0123456789\r\n0\r\n\r\n", b"a0123456789"),
        (b"05\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"5 \t\r\nhello\r\n0  \r\n\r\n", b"hello"),
        (b"5;a=b;c=\"d;e\"\r\nhello\r\n0;x\r\n\r\n", b"hello"),
        (b"5 ; a\r\nhello\r\n0\r\nA: b\r\n\r\n", b"hello"),
    ];
    for (text, data) in rows {
        for tail in [&b""[..], b"GET / HTTP/1.1\r\n", b"\r\n"] {
            let read = parse(&[text, tail].concat()).unwrap();
            assert_eq!((&read.data[..], read.used), (data, Some(text.len())), "{}", text.escape_ascii());
        }
    }
}

#[test]
fn trailers_are_kept_when_asked() {
    let text = b"0\r\nA: b\r\nx_y:  c d \r\n\r\n";
    let pair =
        |name: &[u8], value: &[u8], invalid| Trailer { name: name.to_vec(), value: value.to_vec(), invalid };
    assert_eq!(parse(text).unwrap().trailers, [pair(b"A", b"b", false), pair(b"x_y", b"c d", true)]);
    let mut dropping = Chunked::new();
    assert_eq!(dropping.parse(text), Ok(ChunkStep::Done { used: text.len() }));
    assert!(dropping.trailers().is_empty());
    assert_eq!(dropping.parse(b"more"), Ok(ChunkStep::Done { used: 0 }));
}

#[test]
fn broken_framing_is_refused() {
    let rows: [(&[u8], Bad); 24] = [
        (b"\r\n", Bad::InvalidChunk),
        (b" 5\r\n", Bad::InvalidChunk),
        (b"g\r\n", Bad::InvalidChunk),
        (b"-5\r\n", Bad::InvalidChunk),
        (b"0x5\r\n", Bad::InvalidChunk),
        (b"5 5\r\n", Bad::InvalidChunk),
        (b"5\r5", Bad::InvalidChunk),
        (b"5\r\r\n", Bad::InvalidChunk),
        (b"5\0\r\n", Bad::InvalidChunk),
        (b"5 \nhello", Bad::InvalidChunk),
        (b"5;a\nhello", Bad::InvalidChunk),
        (b"5;a\rb\r\n", Bad::InvalidChunk),
        (b"5;a\0b\r\n", Bad::InvalidChunk),
        (b"5\r\nhello0\r\n\r\n", Bad::InvalidChunk),
        (b"4\r\nhello\r\n", Bad::InvalidChunk),
        (b"5\r\nhello\r0", Bad::InvalidChunk),
        (b"5\r\nhello\r\n\r\n", Bad::InvalidChunk),
        (b"8000000000000000\r\n", Bad::InvalidChunk),
        (b"10000000000000000\r\n", Bad::InvalidChunk),
        (b"0\r\nA\r\n\r\n", Bad::InvalidHeader),
        (b"0\r\n A: b\r\n\r\n", Bad::InvalidHeader),
        (b"0\r\nA : b\r\n\r\n", Bad::InvalidHeader),
        (b"0\r\nA: b\0\r\n\r\n", Bad::InvalidHeader),
        (b"0\r\n\r\r\n", Bad::InvalidHeader),
    ];
    for (text, bad) in rows {
        assert_eq!(parse(text), Err(bad), "{}", text.escape_ascii());
    }
    assert!(parse(b"7fffffffffffffff\r\nx").is_ok());
}

#[test]
fn extensions_and_trailers_share_a_budget_however_they_are_cut() {
    let message = |extension: usize, trailer: usize| {
        let mut text = b"1;".to_vec();
        text.resize(1 + extension, b'e');
        text.extend_from_slice(b"\r\nx\r\n0\r\nA:");
        text.resize(text.len() + trailer - 4, b't');
        text.extend_from_slice(b"\r\n\r\n");
        text
    };
    let every = |text: &[u8]| {
        let whole = run(text, &[text.len()]).map(|r| r.used);
        for step in [1, 7, 1000] {
            let mut cuts: Vec<_> = (0..text.len()).step_by(step).collect();
            cuts.push(text.len());
            assert_eq!(run(text, &cuts).map(|r| r.used), whole);
        }
        whole
    };
    let fits = message(10_000, OVERHEAD_LIMIT - 10_000);
    assert_eq!(every(&fits), Ok(Some(fits.len())));
    assert_eq!(every(&message(10_000, OVERHEAD_LIMIT - 9_999)), Err(Bad::ChunkOverhead));
    assert_eq!(every(&message(OVERHEAD_LIMIT + 1, 4)), Err(Bad::ChunkOverhead));
    assert_eq!(every(&[b'0'; OVERHEAD_LIMIT + 2]), Err(Bad::ChunkOverhead));
    assert_eq!(every(&b"1;ext\r\nx\r\n".repeat(5000)), Err(Bad::ChunkOverhead));
}

#[test]
fn the_least_that_must_come_is_known() {
    let rows: [(&[u8], u64); 11] = [
        (b"", 3),
        (b"0", 2),
        (b"0\r", 2),
        (b"0\r\n", 1),
        (b"0\r\n\r", 1),
        (b"0\r\nA", 1),
        (b"0\r\nAB", 2),
        (b"5", 10),
        (b"5;", 11),
        (b"5\r\nhe", 7),
        (b"5\r\nhello\r", 4),
    ];
    for (text, least) in rows {
        let mut chunked = Chunked::new();
        let mut rest = text;
        while let Ok(ChunkStep::Data { start, len }) = chunked.parse(rest) {
            rest = &rest[start + len..];
        }
        assert_eq!(chunked.min_remaining(), least, "{}", text.escape_ascii());
    }
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&'static [u8]> = vec![
        b"0",
        b"1",
        b"5",
        b"\r\n",
        b"\n",
        b"\r",
        b";",
        b"a",
        b" ",
        b"hello",
        b"A: b\r\n",
        b"5\r\nhello\r\n",
        b"\0",
    ];
    prop_oneof![
        proptest::collection::vec(proptest::sample::select(pieces), 0..24).prop_map(|p| p.concat()),
        proptest::collection::vec(any::<u8>(), 0..60),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_read_the_same_however_they_are_cut(text in pieces(), a in 0usize..99, b in 0usize..99) {
        let (a, b) = (a.min(b).min(text.len()), a.max(b).min(text.len()));
        prop_assert_eq!(run(&text, &[a, b, text.len()]), run(&text, &[text.len()]));
    }

    #[test]
    fn the_least_remaining_never_exceeds_what_comes(text in pieces()) {
        if let Ok(Read { used: Some(end), .. }) = run(&text, &[text.len()]) {
            let mut chunked = Chunked::new();
            for at in 0..end {
                prop_assert!(chunked.min_remaining() <= (end - at) as u64);
                let _ = chunked.parse(&text[at..=at]);
            }
            prop_assert!(chunked.is_done());
        }
    }
}
