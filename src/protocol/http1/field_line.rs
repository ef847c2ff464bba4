//! One line of a reply's head.
//!
//! *In nginx* `ngx_http_parse_header_line`, the state machine that also reads requests.
//!
//! *Here* a look at the line from left to right, once: the name as far as there are token bytes, the colon,
//! and the value up to the first control byte, which is nearly always the end of the line. Requests are read
//! by `parse/header.rs`, which has to put up with odd names and say which they are; a peer whose names are
//! no tokens is refused.
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

use crate::protocol::text::is_token_byte;
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
    let name = bytes.iter().take_while(|b| is_token_byte(**b)).count();
    match (bytes.get(name), bytes.get(name + 1)) {
        (Some(b':'), _) if name > 0 => {}
        (Some(b'\n'), _) if name == 0 => return Line::Empty { used: 1 },
        (Some(b'\r'), Some(b'\n')) if name == 0 => return Line::Empty { used: 2 },
        _ => return malformed(bytes),
    }
    let blank = |b: &&u8| matches!(b, b' ' | b'\t');
    let rest = bytes.get(name + 1..).unwrap_or_default();
    let start = name + 1 + rest.iter().take_while(blank).count();
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
        let value = bytes.get(start..control).unwrap_or_default();
        let trailing = value.iter().rev().take_while(blank).count();
        return Line::Field { name, value: start..control - trailing, used: control + line_end };
    }
    Line::Partial
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
        let field = |name, value: Range<usize>, used| Line::Field { name, value, used };
        let rows: [(&[u8], Line); 12] = [
            (b"A: b\r\n", field(1, 3..4, 6)),
            (b"A:b\n", field(1, 2..3, 4)),
            (b"X-A: \t b\tc \t\r\n", field(3, 7..10, 14)),
            (b"A:\r\n", field(1, 2..2, 4)),
            (b"\r\n", Line::Empty { used: 2 }),
            (b"\n", Line::Empty { used: 1 }),
            (b"A : b\r\n", Line::Malformed),
            (b": b\r\n", Line::Malformed),
            (b"A\r\n", Line::Malformed),
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
