//! Header fields, one line at a time.
//!
//! *In nginx* this is `ngx_http_parse_header_line`, used for requests and for replies of upstreams alike.
//! Peculiar: names with unusual bytes are not errors but flagged, and `ignore_invalid_headers` decides
//! whether they are dropped; underscores are such bytes unless `underscores_in_headers` is on.
//!
//! *Here* [`HeaderParser`] walks through the same window as the request line, and gives one [`Field`] per
//! call: two spans, the flag, and the number of the name if it is a known one. What a name means it does
//! not know. A usual line is read sixteen bytes at a time (`words.rs`); what is odd about another, and
//! whether it is all there, is found out here.
//!
//! ```text
//!   Host: example.com\r\n Accept:  */* \r\n \r\n
//!   ╰name  ╰─ value ─╯    ╰─ name  ╰─╯ value  ╰ Done
//! ```
//!
//! Stricter than nginx (RFC 9112, section 5): a blank before the colon, a continued line, a line without a
//! colon and an empty name are errors, because hops that guess differently can be played against each
//! other. A CR that does not end a line and a NUL are errors everywhere.
//!
//! *Read next*: `chunked.rs`, whose trailers are the same kind of line.

use super::known::Known;
use super::{Bad, Span, before_line_end, line_feed, words};

/// One header field. Spans are offsets into the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name as sent.
    pub name: Span,
    /// The value without blanks around it; may be empty.
    pub value: Span,
    /// The name has bytes other than letters, digits, hyphens and (if allowed) underscores. To be ignored
    /// when `ignore_invalid_headers` is on.
    pub invalid: bool,
    /// Which name it is.
    pub known: Known,
    /// The line is `Name: value` with one blank and CRLF, so it can be passed on as it stands.
    pub plain: bool,
}

impl From<words::Line<Known>> for Field {
    #[inline(always)]
    fn from(line: words::Line<Known>) -> Field {
        let words::Line { name, known, value, plain, next: _ } = line;
        Field { name, value, invalid: false, known, plain }
    }
}

/// What a call of [`HeaderParser::parse`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderStep {
    /// The line is not complete: call again with the same window, grown.
    Again,
    /// A field. There may be more in the window: call again.
    Field(Field),
    /// The empty line: the head ends at [`HeaderParser::pos`].
    Done,
}

/// Where in the window the header is being read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeaderParser {
    /// Offset of the current line.
    start: usize,
    /// No LF stands between `start` and here.
    scanned: usize,
}

impl HeaderParser {
    /// A parser for a header whose first line begins at `pos` of the window.
    pub fn at(pos: usize) -> HeaderParser {
        HeaderParser { start: pos, scanned: pos }
    }

    /// Offset of the current (unfinished) line; after `Done` the first byte behind the header.
    pub fn pos(&self) -> usize {
        self.start
    }

    /// Tells that `by` bytes in front of the window are gone, for instance because only the unfinished line
    /// moved to a larger buffer. Must not be more than [`HeaderParser::pos`].
    pub fn rebase(&mut self, by: usize) {
        self.start = self.start.saturating_sub(by);
        self.scanned = self.scanned.saturating_sub(by);
    }

    /// Reads one line. After an error [`HeaderParser::pos`] is where the refused line begins.
    pub fn parse(&mut self, window: &[u8], allow_underscores: bool) -> Result<HeaderStep, Bad> {
        let usual = self.begins().and_then(|start| words::usual_line(Span::reach(window), start));
        match usual {
            Some(line) => {
                *self = HeaderParser::at(line.next);
                Ok(HeaderStep::Field(line.into()))
            }
            None => self.parse_any(window, allow_underscores),
        }
    }

    /// Where the next line begins, if nothing of it has been looked at: what has been was not all there, or
    /// not usual.
    pub fn begins(&self) -> Option<usize> {
        (self.scanned == self.start).then_some(self.start)
    }

    /// Reads a line of which nothing is known yet, perhaps not even whether it is all there.
    ///
    /// # Errors
    /// As [`HeaderParser::parse`].
    #[inline(never)]
    pub fn parse_any(&mut self, window: &[u8], allow_underscores: bool) -> Result<HeaderStep, Bad> {
        // The end of the head is usual, too.
        if let Some([b'\r', b'\n', ..]) = window.get(self.start..) {
            *self = HeaderParser::at(self.start + 2);
            return Ok(HeaderStep::Done);
        }
        let Some(lf) = line_feed(window, self.scanned) else {
            self.scanned = window.len().max(self.start);
            return Ok(HeaderStep::Again);
        };
        let end = before_line_end(window, self.start, lf);
        if end == self.start {
            *self = HeaderParser::at(lf + 1);
            return Ok(HeaderStep::Done);
        }
        let mut field = field(window, self.start, end, allow_underscores)?;
        let is = |from: u32, to: usize, text: &[u8; 2]| window.get(from as usize..to) == Some(&text[..]);
        field.plain =
            is(field.name.end, field.value.start as usize, b": ") && is(field.value.end, lf + 1, b"\r\n");
        *self = HeaderParser::at(lf + 1);
        Ok(HeaderStep::Field(field))
    }
}

/// Takes one line apart: `window[start..end]`, its end already cut off, not empty.
pub fn field(window: &[u8], start: usize, end: usize, allow_underscores: bool) -> Result<Field, Bad> {
    let (name_end, odd) = name(window.get(start..end).unwrap_or_default(), start)?;
    let Some(mut value) = window.get(name_end + 1..end) else { return Err(Bad::InvalidHeader) };
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    let from = end - value.len();
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    if memchr::memchr2(b'\0', b'\r', value).is_some() {
        return Err(Bad::InvalidHeader);
    }
    Ok(Field {
        name: Span::new(start, name_end),
        value: Span::new(from, from + value.len()),
        invalid: odd & ODD != 0 || (odd & UNDERSCORE != 0 && !allow_underscores),
        known: Known::of(window.get(start..name_end).unwrap_or_default()),
        plain: false,
    })
}

/// Reads a name byte by byte: where it ends, and the classes of its bytes.
fn name(line: &[u8], start: usize) -> Result<(usize, u8), Bad> {
    let mut odd = 0;
    for (i, &b) in line.iter().enumerate() {
        let class = NAME_CLASS[usize::from(b)];
        if class < NAME_ENDS {
            odd |= class;
        } else if b == b':' && i > 0 {
            return Ok((start + i, odd));
        } else {
            break;
        }
    }
    Err(Bad::InvalidHeader)
}

/// Where a refused line went wrong: the offset in `line` of the first byte that could not be accepted, which
/// the error log shows as `\xHH`. The line's length if it ended too early (no colon).
pub fn bad_byte(line: &[u8]) -> usize {
    let name = line.iter().take_while(|&&b| NAME_CLASS[usize::from(b)] < NAME_ENDS).count();
    if name == 0 || line.get(name) != Some(&b':') {
        return name;
    }
    let value = line.get(name..).unwrap_or_default();
    memchr::memchr2(b'\0', b'\r', value).map_or(line.len(), |at| name + at)
}

const UNDERSCORE: u8 = 1;
const ODD: u8 = 2;
/// Classes from here on end the name: the colon, and bytes no name may have (blanks, controls).
const NAME_ENDS: u8 = 4;

/// A class per byte value, so indexing with a byte cannot fail.
static NAME_CLASS: [u8; 256] = {
    let mut table = [ODD; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        if byte.is_ascii_alphanumeric() || byte == b'-' {
            table[b] = 0;
        } else if byte == b'_' {
            table[b] = UNDERSCORE;
        } else if byte <= b' ' || byte == 0x7f || byte == b':' {
            table[b] = NAME_ENDS;
        }
        b += 1;
    }
    table
};

/// `name` in lower case, in `into` if it fits there.
///
/// Names longer than `into` give None; callers compare those without folding (`eq_ignore_ascii_case`).
pub fn lowercase<'a>(name: &[u8], into: &'a mut [u8]) -> Option<&'a [u8]> {
    let out = into.get_mut(..name.len())?;
    for (to, from) in out.iter_mut().zip(name) {
        *to = from.to_ascii_lowercase();
    }
    Some(out)
}

#[cfg(test)]
#[path = "header_tests.rs"]
mod tests;
