//! One line of a reply's head.
//!
//! *In nginx* `ngx_http_parse_header_line`, the state machine that also reads requests.
//!
//! *Here* a look at the line from left to right, once: the name up to the colon, and the value up to the
//! first control byte, which is nearly always the end of the line. A name that is known is a token; only
//! others are looked at byte by byte. Requests are read by `parse/header.rs`, which has to put up with odd
//! names and say which they are; a peer whose names are no tokens is refused.
//!
//! ```text
//!   Content-Type: text/html\r\n
//!   ╰── name ──╯  ╰ value ╯ ╰─╯ used
//! ```
//!
//! A CR that does not end the line, and a NUL, are refused as well: they are how one reader is made to see
//! another line than the next one.
//!
//! *Read next*: `reply.rs`.

use crate::protocol::Name;
use crate::protocol::text::is_token;
use crate::util::swar;
use std::ops::Range;

/// What the bytes begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A line whose end is not there.
    Partial,
    /// The empty line: the head ends behind it.
    Empty {
        /// Bytes of it.
        used: usize,
    },
    /// A field.
    Field {
        /// Bytes of its name.
        name: usize,
        /// Which one it is.
        known: Name,
        /// Where its value stands, without blanks around it; may be empty.
        value: Range<usize>,
        /// Bytes of the line, its end included.
        used: usize,
    },
    /// A line that is complete and no field.
    Malformed,
}

/// Reads the line that `bytes` begin with.
pub fn line(bytes: &[u8]) -> Line {
    match bytes {
        [b'\r', b'\n', ..] => return Line::Empty { used: 2 },
        [b'\n', ..] => return Line::Empty { used: 1 },
        _ => {}
    }
    let Some(colon) = swar::stop(bytes, b':') else { return Line::Partial };
    let name = bytes.get(..colon).unwrap_or_default();
    let known = Name::of(name);
    if bytes.get(colon) != Some(&b':') || known == Name::Other && !is_token(name) {
        return malformed(bytes);
    }
    let mut start = colon + 1;
    while is_blank(bytes.get(start)) {
        start += 1;
    }
    let mut at = start;
    while let Some(control) = swar::control(bytes, at) {
        let line_end = match (bytes.get(control), bytes.get(control + 1)) {
            (Some(b'\n'), _) => 1,
            (Some(b'\r'), Some(b'\n')) => 2,
            (Some(b'\r' | b'\0'), _) => return malformed(bytes),
            // A tab, or something odd that does no harm.
            _ => {
                at = control + 1;
                continue;
            }
        };
        let mut end = control;
        while end > start && is_blank(bytes.get(end - 1)) {
            end -= 1;
        }
        return Line::Field { name: colon, known, value: start..end, used: control + line_end };
    }
    Line::Partial
}

fn is_blank(b: Option<&u8>) -> bool {
    matches!(b, Some(b' ' | b'\t'))
}

/// No field; but that is said only when the line is complete, so that it does not depend on where the bytes
/// were cut.
#[cold]
fn malformed(bytes: &[u8]) -> Line {
    if memchr::memchr(b'\n', bytes).is_some() { Line::Malformed } else { Line::Partial }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart_and_nothing_is_said_before_their_end() {
        let field = |name, value: Range<usize>, used| Line::Field { name, known: Name::Other, value, used };
        let rows: [(&[u8], Line); 14] = [
            (b"A: b\r\n", field(1, 3..4, 6)),
            (b"A:b\n", field(1, 2..3, 4)),
            (b"X-A: \t b\tc \t\r\n", field(3, 7..10, 14)),
            (b"A:\r\n", field(1, 2..2, 4)),
            (b"\r\n", Line::Empty { used: 2 }),
            (b"\n", Line::Empty { used: 1 }),
            (b"A : b\r\n", Line::Malformed),
            (b": b\r\n", Line::Malformed),
            (b"A\r\n", Line::Malformed),
            (b"Content\rType: b\r\n", Line::Malformed),
            (b"TE: b\r\n", Line::Field { name: 2, known: Name::Te, value: 4..5, used: 7 }),
            (b"\r\r\n", Line::Malformed),
            (b"A: b\0\r\n", Line::Malformed),
            (b"A: b\rc\r\n", Line::Malformed),
        ];
        for (text, expected) in rows {
            for cut in 0..text.len() {
                assert_eq!(line(&text[..cut]), Line::Partial, "{cut} of {}", text.escape_ascii());
            }
            for behind in [&b""[..], b"B: c\r\n\r\n"] {
                assert_eq!(line(&[text, behind].concat()), expected, "{}", text.escape_ascii());
            }
        }
    }
}
