//! The first line of a reply.
//!
//! *In nginx* this is `ngx_http_parse_status_line`. Peculiar: text that is no status line is not always an
//! error, since it may be the whole reply of a server that speaks HTTP/0.9; and IIS sends codes such as
//! `403.1`, whose tail is part of the reason.
//!
//! *Here* [`StatusLine`] works like the request line: show it the window, grown, until it says `Done`. It
//! reports `NotStatusLine` as soon as the first bytes rule one out; what that means is the caller's affair.
//!
//! ```text
//!   HTTP/1.1 200 OK\r\n
//!   version  code reason
//! ```
//!
//! *Read next*: `header.rs`.

use super::{Bad, Span, Step, before_line_end, line_feed};

const PREFIX: &[u8] = b"HTTP/";

/// The parser and, after `Done`, its result. Spans are offsets into the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusLine {
    /// Offset of the first byte not looked at.
    pos: usize,
    /// The line without its end: what `$upstream_status` was cut from. Its start is set from the beginning.
    pub line: Span,
    /// Major version, 1 in practice.
    pub major: u16,
    /// Minor version.
    pub minor: u16,
    /// Three digits, at least 100.
    pub code: u16,
    /// The text behind the code, often empty.
    pub reason: Span,
}

impl StatusLine {
    /// A parser for a reply whose first byte is at `pos` of the window.
    pub fn at(pos: usize) -> StatusLine {
        StatusLine { pos, line: Span::new(pos, pos), ..StatusLine::default() }
    }

    /// Offset of the first byte behind what was read.
    pub fn pos(&self) -> usize {
        self.pos
    }

    /// The version as nginx counts it: 1000, 1001.
    pub fn version(&self) -> u32 {
        u32::from(self.major) * 1000 + u32::from(self.minor)
    }

    /// Goes on reading. `window` is the same window as before, possibly longer.
    ///
    /// Errors: `NotStatusLine`.
    pub fn parse(&mut self, window: &[u8]) -> Result<Step, Bad> {
        let start = self.line.start as usize;
        let shown = window.get(start..).unwrap_or_default();
        if self.pos < start + PREFIX.len() {
            let there = shown.len().min(PREFIX.len());
            if shown.get(..there) != PREFIX.get(..there) {
                return Err(Bad::NotStatusLine);
            }
        }
        let Some(lf) = line_feed(window, self.pos) else {
            self.pos = window.len();
            return Ok(Step::Again);
        };
        let end = before_line_end(window, start, lf);
        self.line = Span::new(start, end);
        self.pos = lf + 1;
        self.take_apart(window.get(..end).unwrap_or_default(), start).ok_or(Bad::NotStatusLine)?;
        Ok(Step::Done)
    }

    /// Version, code, reason of a line that is complete; None if it is malformed.
    fn take_apart(&mut self, line: &[u8], start: usize) -> Option<()> {
        let mut at = start + PREFIX.len();
        self.major = number(line, &mut at).filter(|&major| major > 0)?;
        if line.get(at) != Some(&b'.') {
            return None;
        }
        at += 1;
        self.minor = number(line, &mut at)?;
        let blanks = line.get(at..)?.iter().take_while(|&&b| b == b' ').count();
        at += blanks;
        let code = line.get(at..at + 3)?;
        if blanks == 0 || !code.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.code = code.iter().fold(0, |n, b| n * 10 + u16::from(b - b'0'));
        at += 3;
        match line.get(at) {
            Some(b' ') => at += 1,
            Some(b'.') | None => {}
            Some(_) => return None,
        }
        self.reason = Span::new(at, line.len());
        let clean = memchr::memchr2(b'\0', b'\r', line.get(at..)?).is_none();
        (self.code >= 100 && clean).then_some(())
    }
}

/// One or two digits of a version.
fn number(line: &[u8], at: &mut usize) -> Option<u16> {
    let rest = line.get(*at..)?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if !(1..=2).contains(&digits) {
        return None;
    }
    *at += digits;
    Some(rest.get(..digits)?.iter().fold(0, |n, b| n * 10 + u16::from(b - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<(StatusLine, Step), Bad> {
        let run = |cuts: &[usize]| {
            let mut line = StatusLine::at(0);
            let mut step = Step::Again;
            for &cut in cuts {
                step = line.parse(&text[..cut])?;
                if step == Step::Done {
                    break;
                }
            }
            Ok((line, step))
        };
        let whole = run(&[text.len()]);
        for cut in 0..text.len() {
            assert_eq!(run(&[cut, text.len()]), whole, "cut at {cut} of {}", text.escape_ascii());
        }
        whole
    }

    #[test]
    fn status_lines_give_version_code_and_reason() {
        let rows: [(&[u8], u32, u16, &[u8]); 7] = [
            (b"HTTP/1.1 200 OK\r\nA: b", 1001, 200, b"OK"),
            (b"HTTP/1.0 404 Not Found\n", 1000, 404, b"Not Found"),
            (b"HTTP/1.1 204\r\n", 1001, 204, b""),
            (b"HTTP/1.1 204 \r\n", 1001, 204, b""),
            (b"HTTP/1.1  500 x\r\n", 1001, 500, b"x"),
            (b"HTTP/1.1 403.1 x\r\n", 1001, 403, b".1 x"),
            (b"HTTP/2.0 200 \xe9\r\n", 2000, 200, b"\xe9"),
        ];
        for (text, version, code, reason) in rows {
            let (line, step) = parse(text).unwrap();
            assert_eq!(
                (step, line.version(), line.code, line.reason.of(text)),
                (Step::Done, version, code, reason)
            );
        }
        assert_eq!(parse(b"HTTP/1.1 200 O").map(|(_, step)| step), Ok(Step::Again));
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
