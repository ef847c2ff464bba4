//! HTTP messages, parsed for assertions and made for scripts.
//!
//! The parser here is the tests' own and strict: it panics on what no server should send, so that a test
//! that only looks at the body still notices a broken head.

use std::fmt::Write as _;

/// How the end of a message body was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body follows (1xx, 204, 304, an answer to HEAD, a request without a length).
    None,
    /// `Content-Length`.
    Length(usize),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// The end of the connection is the end of the body.
    UntilClose,
}

/// The start line and headers of a request or a response.
#[derive(Clone, Debug)]
pub struct Head {
    /// The request line or status line, without its line end.
    pub start: String,
    /// Names as they were sent, values trimmed, in order.
    pub headers: Vec<(String, String)>,
    /// All bytes of the head as text, the empty line included.
    pub raw: String,
}

impl Head {
    /// Parses bytes up to and including the empty line; None if that has not come yet.
    pub fn parse(bytes: &[u8]) -> Option<(Head, usize)> {
        let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")? + 4;
        let raw = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = raw.trim_end().split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        for line in lines {
            let Some((name, value)) = line.split_once(':') else {
                panic!("no colon in header line {line:?}")
            };
            assert!(!name.is_empty() && !name.contains([' ', '\t']), "bad header name in {line:?}");
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
        Some((Head { start, headers, raw }, end))
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// All values of the headers of that name.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str()).collect()
    }

    /// Chunked or a length, as the headers say; both at once is never right.
    pub fn declared_framing(&self) -> Option<Framing> {
        let chunked = self.header("Transfer-Encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
        let lengths = self.all("Content-Length");
        assert!(lengths.len() <= 1 && !(chunked && lengths.len() == 1), "ambiguous framing in {}", self.raw);
        let length = lengths.first().map(|v| v.parse().unwrap_or_else(|_| panic!("bad length {v:?}")));
        if chunked { Some(Framing::Chunked) } else { length.map(Framing::Length) }
    }
}

/// One response, complete.
#[derive(Clone, Debug)]
pub struct Response {
    /// 200, 404, …; 0 for an HTTP/0.9 answer.
    pub status: u16,
    /// Status line and headers.
    pub head: Head,
    /// The body with any chunked coding taken off.
    pub body: Vec<u8>,
    /// How its end was found.
    pub framing: Framing,
    /// False if the connection ended before the framing said so.
    pub complete: bool,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The status line's code and the framing that goes with it for an answer to `method`.
    pub fn expectations(head: &Head, method: &str) -> (u16, Framing) {
        let mut words = head.start.splitn(3, ' ');
        let version = words.next().unwrap_or_default();
        assert!(version.starts_with("HTTP/1."), "not a status line: {:?}", head.start);
        let status = words.next().and_then(|w| w.parse().ok());
        let status: u16 = status.unwrap_or_else(|| panic!("no status in {:?}", head.start));
        let declared = head.declared_framing();
        let bodiless = method == "HEAD" || status < 200 || status == 204 || status == 304;
        let framing = if bodiless { Framing::None } else { declared.unwrap_or(Framing::UntilClose) };
        (status, framing)
    }
}

/// Takes one chunked body off the front of `bytes`: the decoded body and the bytes used, or None if more is
/// needed. Trailers are read and dropped.
pub fn take_chunked(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let line_end = find(&bytes[at..], b"\r\n")? + at;
        let line = String::from_utf8_lossy(&bytes[at..line_end]);
        let digits = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(digits, 16).unwrap_or_else(|_| panic!("bad chunk size {line:?}"));
        at = line_end + 2;
        if size == 0 {
            loop {
                let end = find(&bytes[at..], b"\r\n")? + at;
                let empty = end == at;
                at = end + 2;
                if empty {
                    return Some((body, at));
                }
            }
        }
        body.extend_from_slice(bytes.get(at..at + size)?);
        at += size;
        assert_eq!(bytes.get(at..at + 2)?, b"\r\n", "a chunk without its line end");
        at += 2;
    }
}

/// What a chunked body that ends too early has given so far.
pub fn partial_chunked(bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut rest = bytes;
    while let Some(line_end) = find(rest, b"\r\n") {
        let line = String::from_utf8_lossy(&rest[..line_end]);
        let Ok(size) = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16) else {
            break;
        };
        rest = &rest[line_end + 2..];
        body.extend_from_slice(&rest[..size.min(rest.len())]);
        rest = rest.get(size + 2..).unwrap_or_default();
    }
    body
}

/// Where `needle` begins in `hay`.
pub fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len()).position(|w| w == needle)
}

/// A complete `200 OK` with a length.
pub fn ok(body: &str) -> Vec<u8> {
    reply("200 OK", &[], body.as_bytes())
}

/// A complete response with a length and the given extra header lines.
pub fn reply(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status}\r\n");
    for line in headers {
        let _ = write!(head, "{line}\r\n");
    }
    let _ = write!(head, "Content-Length: {}\r\n\r\n", body.len());
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// A complete chunked `200 OK`, one chunk for each part.
pub fn chunked(parts: &[&str]) -> Vec<u8> {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for part in parts {
        bytes.extend_from_slice(format!("{:x}\r\n{part}\r\n", part.len()).as_bytes());
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}

/// A request without a body.
pub fn get(uri: &str, headers: &[&str]) -> Vec<u8> {
    request("GET", uri, headers, b"")
}

/// A request; a body gets its `Content-Length`.
pub fn request(method: &str, uri: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {uri} HTTP/1.1\r\nHost: localhost\r\n");
    for line in headers {
        let _ = write!(head, "{line}\r\n");
    }
    if !body.is_empty() {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    let mut bytes = (head + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
