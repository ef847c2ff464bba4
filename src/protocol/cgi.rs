//! The head of a reply as gateways write it: fields, and the status is one of them.
//!
//! *In nginx* the SCGI, uwsgi and FastCGI modules each have a copy of the same reader: `Status` says
//! the status, a `Location` without one means 302, and anything else is a 200 (RFC 3875, section 6).
//! Peculiar: some gateways begin with a status line of HTTP instead, and all copies but FastCGI's
//! accept that.
//!
//! *Here* one reader that is fed lines. Where the lines come from is the module's business: SCGI and
//! uwsgi have them in the window as they are, FastCGI has to piece them together from records.
//!
//! ```text
//!   Status: 404 Nowhere     Location: /x      HTTP/1.1 200 OK     Content-Type: a/b
//!   ⏎  404                  ⏎  302            ⏎  200              ⏎  200
//! ```
//!
//! Content-Length is the only thing that frames a body here. A Transfer-Encoding would be about a
//! connection that the gateway does not have with the client; it goes no further.
//!
//! *Read next*: `params.rs`, the way in; `scgi.rs`.

use super::text::is_token;
use super::{Fault, Framing, Head, Input, Step};
use crate::buf::Slice;
use crate::conf::value::parse_number;
use crate::parse::framing::content_length;
use crate::parse::status_line::StatusLine;
use crate::parse::{self, header, list};

/// How far a head has been read.
#[derive(Clone, Debug, Default)]
pub struct CgiHead {
    /// A line of HTTP may still stand where the first field is expected.
    status_line: bool,
    /// HEAD was asked: whatever the head says, no body follows.
    bodiless: bool,
}

impl CgiHead {
    /// A reader for the answer to a request of this method; with `status_line` a reply may begin with one.
    pub fn new(method: &[u8], status_line: bool) -> CgiHead {
        CgiHead { status_line, bodiless: method == b"HEAD" }
    }

    /// Reads the lines of a window that holds nothing else.
    ///
    /// # Errors
    /// As [`CgiHead::line`].
    pub fn read(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        while let Some(line) = input.line() {
            if self.line(&line, head)? {
                return Ok(Step::Done);
            }
        }
        Ok(Step::Again)
    }

    /// Reads a line without its end; true if it was the one that ends the head.
    ///
    /// # Errors
    /// `Invalid`, with the line in [`Head::detail`].
    pub fn line(&mut self, line: &Slice, head: &mut Head) -> Result<bool, Fault> {
        if std::mem::take(&mut self.status_line) && is_status_line(line, head) {
            return Ok(false);
        }
        if line.is_empty() {
            if head.status == 0 {
                head.status(if head.get("Location").is_some() { 302 } else { 200 });
            }
            return Ok(true);
        }
        field(line, head).map(|()| false).map_err(|why| head.refuse(why, line.clone()))
    }

    /// How the body comes.
    pub fn framing(&self, head: &Head) -> Framing {
        match head.content_length {
            _ if self.bodiless || matches!(head.status, 204 | 304) => Framing::Empty,
            Some(length) => Framing::Length(length),
            None => Framing::UntilClose,
        }
    }
}

fn is_status_line(line: &Slice, head: &mut Head) -> bool {
    let whole = [line, &b"\n"[..]].concat();
    let Ok(Some(status_line)) = StatusLine::parse(&whole) else { return false };
    head.status(status_line.code);
    let words = line.iter().position(|b| *b == b' ').unwrap_or(line.len());
    head.status_line = words_of(line, words);
    true
}

/// The status with its words, from `start` on; nothing if there are no words.
fn words_of(text: &Slice, start: usize) -> Slice {
    let blanks = text.iter().skip(start).take_while(|b| **b == b' ').count();
    let rest = list::trim(text.get(start + blanks..).unwrap_or_default());
    if rest.len() > 4 { text.slice(start + blanks..start + blanks + rest.len()) } else { Slice::EMPTY }
}

fn field(line: &Slice, head: &mut Head) -> Result<(), &'static str> {
    let field = header::field(line, 0, line.len(), true).map_err(|_| "invalid header")?;
    let cut = |span: parse::Span| line.slice(span.start as usize..span.end as usize);
    let (name, value) = (cut(field.name), cut(field.value));
    let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
    if !is_token(&name) {
        return Err("invalid header");
    }
    let mut hop = ["Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade"].iter().any(|known| is(known));
    if is("Status") {
        let code = value.get(..3).and_then(parse_number).filter(|code| *code >= 100);
        let ends = value.get(3).is_none_or(|b| *b == b' ');
        // A status line of HTTP has the last word, if there was one.
        if head.status == 0 {
            let code = code.filter(|_| ends).and_then(|code| u16::try_from(code).ok());
            head.status(code.ok_or("invalid status")?);
            head.status_line = words_of(&value, 0);
        }
        hop = true;
    } else if is("Content-Length") {
        if head.content_length.is_some() {
            return Err("duplicate \"Content-Length\" header");
        }
        head.content_length = Some(content_length(&value).map_err(|_| "invalid \"Content-Length\" header")?);
        hop = true;
    }
    head.fields.add(&name, &value, hop);
    Ok(())
}
