//! Redis' replies, RESP2 and RESP3, on their way to a client.
//!
//! *In nginx* nothing: the modules others wrote for it hand the client the reply as it is, to be parsed
//! there.
//!
//! *Here* a [`Walker`] goes through replies and says what it meets to [`Values`], which write it as it
//! is, as text, or as JSON. It holds no value, however large; a line is all it waits for, and how much is
//! due of each array it is in is all it knows.
//!
//! ```text
//!   *2⏎ $1⏎a⏎ :7⏎      raw: the same      text: a⏎7⏎      json: ["a",7]
//!   %1⏎ +k⏎ _⏎         raw: the same      text: k⏎⏎       json: {"k":null}
//! ```
//!
//! *Read next*: `redis.rs`; `values.rs` for commas and quotes.

use super::values::{Style, Values};
use super::{Fault, Flow, Input, Relay};
use crate::buf::Slice;
use crate::conf::value::parse_number;

/// The longest line, and the deepest nesting, that a reply may have.
const LINE: usize = 64 << 10;
const DEPTH: usize = 32;

/// Goes through replies.
#[derive(Clone, Debug)]
pub struct Walker {
    /// How many values are due: replies, and elements of each array, map and set that is not complete.
    due: Vec<u64>,
    /// What is due of the string that is being read, and how much of that is not shown.
    string: Option<u64>,
    hidden: usize,
    /// What the first error said that was met, at any depth.
    pub error: Option<Slice>,
    /// Where they are written.
    pub values: Values,
}

impl Walker {
    /// Before so many replies.
    pub fn new(style: Style, replies: u64) -> Walker {
        Walker { due: vec![replies], string: None, hidden: 0, error: None, values: Values::new(style) }
    }

    /// The replies are over.
    pub fn is_done(&self) -> bool {
        self.due.last().is_none_or(|due| *due == 0)
    }

    /// How many bytes will have been written for the replies, if that is known by now.
    pub fn length(&self) -> Option<u64> {
        let string = self.string.filter(|_| self.hidden == 0 && self.values.style() == Style::Text);
        if self.is_done() { Some(self.values.written.len() as u64) } else { string }
    }

    /// Goes on through what is there.
    ///
    /// # Errors
    /// `Invalid`: this is no reply.
    pub fn walk(&mut self, input: &mut Input, out: &mut Relay) -> Result<Flow, Fault> {
        let went = self.go(input, out);
        self.values.hand_on(out);
        went.map(|()| if self.is_done() { Flow::Last } else { Flow::More })
    }

    fn go(&mut self, input: &mut Input, out: &mut Relay) -> Result<(), Fault> {
        while !self.is_done() && !input.is_empty() {
            match self.string {
                None => {
                    let Some(line) = line(input)? else { break };
                    self.line(&line)?;
                }
                Some(0) => match input.array() {
                    None => break,
                    Some([b'\r', b'\n']) => {
                        self.string = None;
                        self.values.raw(&[b"\r\n"]);
                        self.values.end_string();
                        self.complete();
                    }
                    Some(_) => return Err(Fault::Invalid("no line end behind a string")),
                },
                Some(left) => {
                    let part = input.take(usize::try_from(left).unwrap_or(usize::MAX));
                    self.string = Some(left - part.len() as u64);
                    let hidden = self.hidden.min(part.len());
                    self.hidden -= hidden;
                    self.values.part(part.slice(hidden..part.len()), out);
                }
            }
        }
        Ok(())
    }

    /// Reads a line: a value, or the beginning of one.
    ///
    /// # Errors
    /// As [`Walker::walk`].
    pub fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let Some((kind, rest)) = line.split_first() else { return Err(Fault::Invalid("an empty line")) };
        self.values.raw(&[line, b"\r\n"]);
        let count = parse_number(rest).ok_or(Fault::Invalid("an invalid length"));
        match (kind, rest) {
            (b'_', _) | (b'$' | b'*', b"-1") => self.values.null(),
            (b'#', b"t") => self.values.word(b"true"),
            (b'#', _) => self.values.word(b"false"),
            (b':' | b'(' | b',', _) => self.values.number(rest),
            (b'-', _) if self.values.open(true) => {
                self.error.get_or_insert_with(|| Slice::copy(rest));
                self.values.key(b"\"error\"");
                self.values.string(rest);
                self.values.close();
            }
            (b'+' | b'-', _) => self.values.string(rest),
            (b'$' | b'=' | b'!', _) => {
                self.string = Some(count?);
                // A verbatim string begins with its format and a colon: `txt:`.
                self.hidden = if *kind == b'=' && self.values.style() != Style::Raw { 4 } else { 0 };
                self.values.begin_string();
                return Ok(());
            }
            (b'*' | b'~' | b'%', _) => {
                if self.due.len() > DEPTH || !self.values.open(*kind == b'%') {
                    return Err(Fault::Invalid("a reply that is nested too deeply"));
                }
                let each = if *kind == b'%' { 2 } else { 1 };
                // The beginning counts as one, so that what is empty is complete at once.
                self.due.push(count?.saturating_mul(each).saturating_add(1));
            }
            _ => return Err(Fault::Invalid("an unknown type of reply")),
        }
        self.complete();
        Ok(())
    }

    /// A value is complete, and with it perhaps what it is in.
    fn complete(&mut self) {
        let is_last = |due: &mut u64| {
            *due = due.saturating_sub(1);
            *due == 0
        };
        while self.due.pop_if(is_last).is_some() {
            self.values.close();
        }
    }
}

/// The next line, if it is there; a line that never ends is refused.
///
/// # Errors
/// `Invalid`: it is too long.
pub fn line(input: &mut Input) -> Result<Option<Slice>, Fault> {
    let line = input.line();
    let length = line.as_ref().map_or(input.len(), |line| line.len());
    if length > LINE { Err(Fault::Invalid("a line that is too long")) } else { Ok(line) }
}
