//! The first line of a reply.
//!
//! *In nginx* this is `ngx_http_parse_status_line`. Peculiar: text that is no status line is not always an
//! error, since it may be the whole reply of a server that speaks HTTP/0.9; and IIS sends codes such as
//! `403.1`, whose tail is part of the reason.
//!
//! *Here* [`StatusLine::parse`] looks at the bytes a reply begins with and keeps nothing: a status line is
//! short and comes whole, so beginning again costs less than remembering. It reports `NotStatusLine` as soon
//! as the first bytes rule one out; what that means is the caller's affair.
//!
//! ```text
//!   HTTP/1.1 200 OK\r\n
//!   version  ╰words╯       words of "HTTP/1.1 204 \r\n": the code alone
//! ```
//!
//! *Read next*: `header.rs`.

use super::{Bad, Span};
use crate::util::swar;

/// What every status line begins with.
pub const PREFIX: &[u8] = b"HTTP/";

/// The versions that there are, compared in one go.
const HTTP_11: u64 = u64::from_be_bytes(*b"HTTP/1.1");
const HTTP_10: u64 = u64::from_be_bytes(*b"HTTP/1.0");

/// Where the code stands behind a version of two single digits.
const WORDS: usize = 9;

/// A status line. Spans are offsets into the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLine {
    /// The version as nginx counts it: 1000, 1001.
    pub version: u32,
    /// Three digits, at least 100.
    pub code: u16,
    /// The code and the text behind it, which is often missing, without blanks at the end.
    pub words: Span,
    /// Bytes of the line, its end included.
    pub used: usize,
}

impl StatusLine {
    /// Reads the line that `window` begins with; None while its end is not there.
    ///
    /// Errors: `NotStatusLine`, as soon as the first five bytes show it, or when the line is complete.
    #[inline]
    pub fn parse(window: &[u8]) -> Result<Option<StatusLine>, Bad> {
        match usual(window) {
            Some(line) => Ok(Some(line)),
            None => StatusLine::parse_any(window),
        }
    }

    /// Reads a line of which nothing is known yet.
    fn parse_any(window: &[u8]) -> Result<Option<StatusLine>, Bad> {
        let there = window.len().min(PREFIX.len());
        if window.get(..there) != PREFIX.get(..there) {
            return Err(Bad::NotStatusLine);
        }
        let mut end = 0;
        let used = loop {
            let Some(control) = swar::control(window, end) else { return Ok(None) };
            end = control;
            match (window.get(end), window.get(end + 1)) {
                (Some(b'\n'), _) => break end + 1,
                (Some(b'\r'), Some(b'\n')) => break end + 2,
                (Some(b'\r'), None) => return Ok(None),
                // Said only when the line is complete, so that it does not depend on where the bytes
                // were cut.
                (Some(b'\r' | b'\0'), _) if memchr::memchr(b'\n', window).is_none() => return Ok(None),
                (Some(b'\r' | b'\0'), _) => return Err(Bad::NotStatusLine),
                _ => end += 1,
            }
        };
        let line = window.get(..end).unwrap_or_default();
        let (version, at) = version(line).ok_or(Bad::NotStatusLine)?;
        let (code, words) = code_and_text(line, at).ok_or(Bad::NotStatusLine)?;
        Ok(Some(StatusLine { version, code, words, used }))
    }
}

/// The line that nearly all peers send, if it is all there: `HTTP/1.1 200 OK`, with single blanks and without
/// any behind it. None says only that somebody has to look closer.
#[inline]
fn usual(window: &[u8]) -> Option<StatusLine> {
    let (start, rest) = window.split_first_chunk()?;
    let version = match u64::from_be_bytes(*start) {
        HTTP_11 => 1001,
        HTTP_10 => 1000,
        _ => return None,
    };
    let [b' ', a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', b' ', ..] = rest else { return None };
    let code = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
    let end = swar::control(window, WORDS + 4)?;
    let used = match window.get(end - 1..)? {
        [b' ' | b'\t', ..] => return None,
        [_, b'\r', b'\n', ..] => end + 2,
        [_, b'\n', ..] => end + 1,
        _ => return None,
    };
    Some(StatusLine { version, code, words: Span::new(WORDS, end), used })
}

/// The version, and where it ends.
fn version(line: &[u8]) -> Option<(u32, usize)> {
    let mut at = PREFIX.len();
    let major = number(line, &mut at).filter(|&major| major > 0)?;
    if line.get(at) != Some(&b'.') {
        return None;
    }
    at += 1;
    let minor = number(line, &mut at)?;
    Some((major * 1000 + minor, at))
}

/// The code behind the version, and where it and the text behind it stand; None if it is malformed.
fn code_and_text(line: &[u8], at: usize) -> Option<(u16, Span)> {
    let blanks = line.get(at..)?.iter().take_while(|&&b| b == b' ').count();
    let start = at + blanks;
    let [a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = *line.get(start..)?.first_chunk::<3>()? else {
        return None;
    };
    let code = u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0');
    let ends = matches!(line.get(start + 3), Some(b' ' | b'.') | None);
    let trailing = line.iter().rev().take_while(|b| matches!(b, b' ' | b'\t')).count();
    (blanks > 0 && ends && code >= 100).then(|| (code, Span::new(start, line.len() - trailing)))
}

/// One or two digits of a version.
fn number(line: &[u8], at: &mut usize) -> Option<u32> {
    let rest = line.get(*at..)?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=2).contains(&digits) {
        return None;
    }
    *at += digits;
    Some(rest.get(..digits)?.iter().fold(0, |n, b| n * 10 + u32::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Option<StatusLine>, Bad> {
        let whole = StatusLine::parse(text);
        assert_eq!(whole, StatusLine::parse_any(text));
        for cut in 0..text.len() {
            let first = StatusLine::parse(&text[..cut]);
            assert!(first == Ok(None) || first == whole, "cut at {cut} of {}", text.escape_ascii());
        }
        whole
    }

    #[test]
    fn status_lines_give_version_code_and_reason() {
        let rows: [(&[u8], u32, u16, &[u8]); 9] = [
            (b"HTTP/1.1 200 OK\r\nA: b", 1001, 200, b"200 OK"),
            (b"HTTP/1.0 404 Not Found\n", 1000, 404, b"404 Not Found"),
            (b"HTTP/1.1 204\r\n", 1001, 204, b"204"),
            (b"HTTP/1.1 204 \r\n", 1001, 204, b"204"),
            (b"HTTP/1.1  500 x\r\n", 1001, 500, b"500 x"),
            (b"HTTP/1.0 500 x \t\r\n", 1000, 500, b"500 x"),
            (b"HTTP/1.1 500 a\tb\n", 1001, 500, b"500 a\tb"),
            (b"HTTP/1.1 403.1 x\r\n", 1001, 403, b"403.1 x"),
            (b"HTTP/2.0 200 \xe9\r\n", 2000, 200, b"200 \xe9"),
        ];
        for (text, version, code, words) in rows {
            let line = parse(text).unwrap().unwrap();
            assert_eq!((line.version, line.code, line.words.of(text)), (version, code, words));
        }
        assert_eq!(parse(b"HTTP/1.1 200 O"), Ok(None));
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\nA: b").map(|line| line.map(|line| line.used)), Ok(Some(17)));
    }

    #[test]
    fn anything_else_is_not_a_status_line() {
        let rows: [&[u8]; 15] = [
            b"<",
            b"\r\n",
            b"HTTQ",
            b"http/1.1 200 OK\r\n",
            b"HTTP/1.1\r\n",
            b"HTTP/1.1 20\r\n",
            b"HTTP/1.1 2000 OK\r\n",
            b"HTTP/1.1 099 OK\r\n",
            b"HTTP/1.1 200OK\r\n",
            b"HTTP/11 200 OK\r\n",
            b"HTTP/0.9 200 OK\r\n",
            b"HTTP/1.1200 OK\r\n",
            b"HTTP/1.1 200 a\rb\r\n",
            b"HTTP/1.1 200 a\0\r\n",
            b"HTTP/100.1 200 OK\r\n",
        ];
        for text in rows {
            assert_eq!(parse(text), Err(Bad::NotStatusLine), "{}", text.escape_ascii());
        }
    }
}
