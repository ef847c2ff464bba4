//! One line of a reply's head.
//!
//! *In nginx* `ngx_http_parse_header_line`, the state machine that also reads requests.
//!
//! *Here* nearly all lines are read as those of requests are, sixteen bytes at a time
//! (`parse/words.rs`), which says where name and value stand and which name it is. What is not
//! recognised there is looked at here, byte by byte and slowly, by stricter rules than a client's:
//! requests come from all kinds of programs and are put up with where that does no harm; a peer whose
//! names are no tokens is refused.
//!
//! ```text
//!   Content-Type: text/html\r\n
//!   ╰── name ──╯  ╰ value ╯     ▲ next
//! ```
//!
//! A CR that does not end the line, and a NUL, are refused as well: they are how one reader is made to see
//! another line than the next one.
//!
//! *Read next*: `reply.rs`.

use crate::parse::{Span, words};
use crate::protocol::Name;
use crate::protocol::text::is_token;

/// What there is at some offset of a page. Spans and offsets count from the page's beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line whose end is not there.
    Partial,
    /// The empty line: the head ends behind it.
    Empty {
        /// Where the body begins.
        next: usize,
    },
    /// A field.
    Field {
        /// Where its name stands.
        name: Span,
        /// Which one it is.
        known: Name,
        /// Where its value stands, without blanks around it; may be empty.
        value: Span,
        /// Where the next line begins.
        next: usize,
    },
    /// A line that is complete and no field.
    Malformed,
}

/// Reads the line that begins at `start`.
// Compiled into the one loop that reads heads, so that what it found is not handed over through memory.
#[inline(always)]
pub fn line(page: &[u8], start: usize) -> Line {
    match words::usual_line(page, start) {
        Some(words::Line { name, known, value, next, .. }) => Line::Field { name, known, value, next },
        None => unusual(page, start),
    }
}

/// Reads a line of which nothing is known yet. Nothing is said about it before its end is there, so that
/// what is said does not depend on where the bytes were cut.
#[cold]
fn unusual(page: &[u8], start: usize) -> Line {
    let rest = page.get(start..).unwrap_or_default();
    if rest.starts_with(b"\r\n") {
        return Line::Empty { next: start + 2 };
    }
    let Some(lf) = memchr::memchr(b'\n', rest) else { return Line::Partial };
    let line = rest.get(..lf).unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let next = start + lf + 1;
    if line.is_empty() {
        return Line::Empty { next };
    }
    let colon = memchr::memchr(b':', line).unwrap_or_default();
    let name = line.get(..colon).unwrap_or_default();
    if !is_token(name) || memchr::memchr2(b'\r', b'\0', line).is_some() {
        return Line::Malformed;
    }
    let is_blank = |b: &&u8| matches!(b, b' ' | b'\t');
    let behind = line.get(colon + 1..).unwrap_or_default();
    let value = start + colon + 1 + behind.iter().take_while(is_blank).count();
    let end = start + line.len() - behind.iter().rev().take_while(is_blank).count();
    let (name_span, value) = (Span::new(start, start + colon), Span::new(value, end.max(value)));
    Line::Field { name: name_span, known: Name::of(name), value, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart_and_nothing_is_said_before_their_end() {
        let field = |name, from, to, next| Line::Field {
            name: Span::new(0, name),
            known: if name == 2 { Name::Te } else { Name::Other },
            value: Span::new(from, to),
            next,
        };
        let rows: [(&[u8], Line); 16] = [
            (b"A: b\r\n", field(1, 3, 4, 6)),
            (b"A:b\n", field(1, 2, 3, 4)),
            (b"X-A: \t b\tc \t\r\n", field(3, 7, 10, 14)),
            (b"A:\r\n", field(1, 2, 2, 4)),
            (b"A: \t \r\n", field(1, 5, 5, 7)),
            (b"!: b c\r\n", field(1, 3, 6, 8)),
            (b"\r\n", Line::Empty { next: 2 }),
            (b"\n", Line::Empty { next: 1 }),
            (b"A : b\r\n", Line::Malformed),
            (b": b\r\n", Line::Malformed),
            (b"A\r\n", Line::Malformed),
            (b"Content\rType: b\r\n", Line::Malformed),
            (b"TE: b\r\n", field(2, 4, 5, 7)),
            (b"\r\r\n", Line::Malformed),
            (b"A: b\0\r\n", Line::Malformed),
            (b"A: b\rc\r\n", Line::Malformed),
        ];
        for (text, expected) in rows {
            for cut in 0..text.len() {
                assert_eq!(line(&text[..cut], 0), Line::Partial, "{cut} of {}", text.escape_ascii());
            }
            for behind in [&b""[..], b"B: c\r\n\r\n"] {
                assert_eq!(line(&[text, behind].concat(), 0), expected, "{}", text.escape_ascii());
                assert_eq!(unusual(&[text, behind].concat(), 0), expected, "{}", text.escape_ascii());
            }
        }
    }
}
