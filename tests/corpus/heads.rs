//! HTTP/1 heads and chunked bodies: the same in every cut, and as another reader understands them.

use super::dice::Dice;
use super::targets::number_of;
use headwater::parse::chunked::{ChunkStep, Chunked};
use headwater::parse::header::{Field, HeaderParser, HeaderStep};
use headwater::parse::request_line::RequestLine;
use headwater::parse::status_line::StatusLine;
use headwater::parse::{Bad, Step, framing, list};
use headwater::protocol::bench::Heard;

/// Windows that grow by random steps, the whole last.
fn windows(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut dice = Dice(number_of(bytes));
    let mut ends = vec![0];
    while let Some(end) = ends.last().filter(|end| **end < bytes.len()) {
        ends.push((end + 1 + dice.below(9)).min(bytes.len()));
    }
    ends.into_iter().map(|end| &bytes[..end])
}

/// What a head came to: its fields and where it ends.
type Fields = Result<(Vec<Field>, usize), Bad>;

fn fields_of<'a>(at: usize, windows: impl Iterator<Item = &'a [u8]>) -> Option<Fields> {
    let (mut parser, mut fields) = (HeaderParser::at(at), Vec::new());
    for window in windows.filter(|window| window.len() >= at) {
        loop {
            match parser.parse(window, true) {
                Ok(HeaderStep::Field(field)) => fields.push(field),
                Ok(HeaderStep::Done) => return Some(Ok((fields, parser.pos()))),
                Ok(HeaderStep::Again) => break,
                Err(bad) => return Some(Err(bad)),
            }
        }
    }
    None
}

/// The fields of a head, from `at` on.
fn try_fields(bytes: &[u8], at: usize) -> Option<(Vec<Field>, usize)> {
    let whole = fields_of(at, std::iter::once(bytes));
    assert_eq!(whole, fields_of(at, windows(bytes)), "fields depend on cuts");
    let (fields, end) = whole?.ok()?;
    for field in &fields {
        let (name, value) = (field.name.of(bytes), field.value.of(bytes));
        assert!(!name.is_empty() && !name.iter().any(|b| b": \r\n\0".contains(b)), "a name");
        assert!(!value.iter().any(|b| b"\r\n\0".contains(b)) && value == list::trim(value), "a value");
    }
    Some((fields, end))
}

/// Fields alone.
pub fn fields(bytes: &[u8]) {
    let Some((fields, _)) = try_fields(bytes, 0) else { return };
    let all = |known: &str| {
        let found = fields.iter().filter(|f| f.name.of(bytes).eq_ignore_ascii_case(known.as_bytes()));
        found.map(|field| field.value.of(bytes)).collect::<Vec<_>>()
    };
    let (lengths, encodings) = (all("Content-Length"), all("Transfer-Encoding"));
    let body = framing::body(lengths.iter().copied(), encodings.iter().copied(), 1001);
    match body {
        Ok(framing::Body::Unstated) => assert!(lengths.is_empty() && encodings.is_empty()),
        Ok(framing::Body::Length(n)) => {
            assert!(encodings.is_empty() && lengths.len() == 1);
            let digits = std::str::from_utf8(lengths[0]).expect("digits");
            assert_eq!(digits.parse::<u64>(), Ok(n));
        }
        Ok(framing::Body::Chunked) => assert!(lengths.is_empty() && encodings.len() == 1),
        Err(_) => {}
    }
}

/// A request line and its fields.
pub fn request(bytes: &[u8]) {
    let mut whole = RequestLine::at(0);
    let step = whole.parse(bytes);
    let mut cut = RequestLine::at(0);
    let mut last = Ok(Step::Again);
    for window in windows(bytes) {
        last = cut.parse(window);
        if last != Ok(Step::Again) {
            break;
        }
    }
    assert_eq!(step, last, "the request line depends on cuts");
    if step != Ok(Step::Done) {
        return;
    }
    assert_eq!(whole, cut, "the request line depends on cuts");
    for span in [whole.line, whole.method_name, whole.uri, whole.path, whole.host, whole.port, whole.schema] {
        assert!(span.start <= span.end && span.end as usize <= whole.pos(), "{whole:?}");
        assert!(!span.of(bytes).contains(&b'\n') && !span.of(bytes).contains(&0), "{whole:?}");
    }
    let Some((fields, end)) = try_fields(bytes, whole.pos()) else { return };
    let mut room = [httparse::EMPTY_HEADER; 256];
    let mut other = httparse::Request::new(&mut room);
    if let Ok(httparse::Status::Complete(used)) = other.parse(bytes) {
        assert_eq!(used, end, "another reader sees the head end elsewhere");
        assert_eq!(other.method.map(str::as_bytes), Some(whole.method_name.of(bytes)));
        compare(bytes, &fields, other.headers);
    }
}

fn compare(bytes: &[u8], fields: &[Field], others: &[httparse::Header]) {
    let ours = fields.iter().map(|field| (field.name.of(bytes), field.value.of(bytes)));
    let others = others.iter().map(|field| (field.name.as_bytes(), list::trim(field.value)));
    assert!(ours.eq(others), "another reader sees other fields");
}

/// A status line and fields.
pub fn reply(bytes: &[u8]) {
    let whole = StatusLine::parse(bytes);
    for window in windows(bytes) {
        let cut = StatusLine::parse(window);
        assert!(cut == Ok(None) || cut == whole, "the status line depends on cuts");
    }
    if let Ok(Some(line)) = whole {
        assert!((100..1000).contains(&line.code) && bytes[..line.used].ends_with(b"\n"));
        let words = line.words.of(bytes);
        assert!(words.starts_with(line.code.to_string().as_bytes()) && words == list::trim(words));
        try_fields(bytes, line.used);
    }
}

/// What a body came to: its bytes, and how many bytes it was; None if it is not complete.
type Body = Result<(Vec<u8>, Option<usize>), Bad>;

fn dechunk<'a>(pieces: impl Iterator<Item = &'a [u8]>, skip: bool) -> Body {
    let (mut chunked, mut body, mut used_all) = (Chunked::with_trailers(), Vec::new(), 0);
    for mut rest in pieces {
        while !rest.is_empty() {
            let due = usize::try_from(chunked.data_due()).unwrap_or(usize::MAX).min(rest.len());
            if skip && due > 0 {
                body.extend_from_slice(&rest[..due]);
                chunked.skip_data(due as u64);
                (rest, used_all) = (&rest[due..], used_all + due);
                continue;
            }
            let least = chunked.min_remaining();
            match chunked.parse(rest)? {
                ChunkStep::Again { used } => {
                    assert_eq!(used, rest.len());
                    (rest, used_all) = (&[], used_all + used);
                }
                ChunkStep::Data { start, len } => {
                    assert!(len > 0);
                    body.extend_from_slice(&rest[start..start + len]);
                    (rest, used_all) = (&rest[start + len..], used_all + start + len);
                }
                ChunkStep::Done { used } => {
                    assert!(used as u64 >= least, "it ended before its least length");
                    return Ok((body, Some(used_all + used)));
                }
            }
        }
    }
    Ok((body, None))
}

/// A chunked body.
pub fn chunked(bytes: &[u8]) {
    let whole = dechunk(std::iter::once(bytes), false);
    let pieces = Dice(number_of(bytes)).pieces(bytes);
    assert_eq!(whole, dechunk(pieces.iter().copied(), false), "the body depends on cuts");
    assert_eq!(whole, dechunk(pieces.iter().copied(), true), "the body depends on bytes that pass by");
    if let Ok((body, Some(used))) = whole {
        assert!(body.len() < used);
        assert_eq!(strictly(&bytes[..used]).as_deref(), Some(&body[..]), "another reader sees another body");
    }
}

/// Another decoder of chunks, which only knows whole messages.
fn strictly(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let lf = rest.iter().position(|b| *b == b'\n')?;
        let digits = rest.iter().take_while(|b| b.is_ascii_hexdigit()).count();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..digits]).ok()?, 16).ok()?;
        rest = &rest[lf + 1..];
        if size == 0 {
            break;
        }
        body.extend_from_slice(rest.get(..size)?);
        rest = rest.get(size..)?;
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"))?;
    }
    loop {
        let lf = rest.iter().position(|b| *b == b'\n')?;
        let line = &rest[..lf];
        rest = &rest[lf + 1..];
        if matches!(line, b"" | b"\r") {
            return rest.is_empty().then_some(body);
        }
    }
}

/// A reply after which the connection may be used again: `httparse` must agree on its head, and the body must
/// be all there is behind it.
pub fn judge_reply(mut stream: &[u8], whole: &Heard, is_head: bool) {
    loop {
        let mut room = [httparse::EMPTY_HEADER; 512];
        let mut other = httparse::Response::new(&mut room);
        let used = match other.parse(stream) {
            Ok(httparse::Status::Complete(used)) => used,
            // What this reader refuses it cannot judge: it wants less than the standard in places.
            _ => return,
        };
        stream = &stream[used..];
        let status = other.code.unwrap_or(0);
        if (100..200).contains(&status) {
            continue;
        }
        assert_eq!((status, other.version), (whole.head.status, Some(1)));
        let all = |known: &str| {
            let found = other.headers.iter().filter(|field| field.name.eq_ignore_ascii_case(known));
            found.map(|field| field.value).collect::<Vec<_>>()
        };
        let (lengths, encodings) = (all("Content-Length"), all("Transfer-Encoding"));
        assert!(lengths.len() + encodings.len() < 2, "two framings");
        assert!(!all("Connection").iter().any(|value| list::has_token(value, b"close")), "close");
        let body = match (lengths.first(), encodings.first()) {
            _ if is_head || matches!(status, 204 | 304) => Vec::new(),
            (Some(length), _) => {
                assert_eq!(framing::content_length(list::trim(length)), Ok(stream.len() as u64));
                stream.to_vec()
            }
            (None, Some(_)) => strictly(stream).expect("a whole body"),
            (None, None) => panic!("no framing"),
        };
        assert!(body == whole.body, "another body");
        let ours = whole.head.fields.iter().map(|field| (field.name, field.value));
        let others = other.headers.iter().map(|field| (field.name.as_bytes(), list::trim(field.value)));
        assert!(ours.eq(others), "another reader sees other fields");
        return;
    }
}
