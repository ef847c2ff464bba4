//! Redis' replies, RESP2 and RESP3, on their way to a client.
//!
//! *In nginx* nothing: the modules others wrote for it hand the client the reply as it is, to be parsed
//! there.
//!
//! *Here* a [`Walker`] goes through one reply and writes it as it is, as text, or as JSON. It holds no
//! value, however large; a line is all it waits for, and where it is in nested arrays is all it knows.
//!
//! ```text
//!   *2⏎ $1⏎a⏎ :7⏎      raw: the same      text: a⏎7⏎      json: ["a",7]
//!   %1⏎ +k⏎ _⏎         raw: the same      text: k⏎⏎       json: {"k":null}
//! ```
//!
//! Text is values only, a line each, and without a line end when there is just one value.
//!
//! *Read next*: `redis.rs`.

use super::json::{Text, number, quoted};
use super::{Fault, Flow, Input, Relay};
use crate::buf::Slice;
use crate::conf::value::parse_number;

/// The longest line, and the deepest nesting, that a reply may have.
const LINE: usize = 64 << 10;
const DEPTH: usize = 32;

const CRLF: &[u8] = b"\r\n";

/// How a reply is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As it came.
    Raw,
    /// Values, a line each.
    Text,
    /// JSON.
    Json,
}

/// An array, a set or a map that is not complete.
#[derive(Clone, Debug)]
struct Level {
    map: bool,
    /// Elements, of a map keys and values.
    total: u64,
    done: u64,
}

/// A string that is being read: what is due of it, and how much of that is not shown.
#[derive(Clone, Debug)]
struct Bulk {
    left: u64,
    hidden: usize,
}

/// Goes through one reply.
#[derive(Clone, Debug)]
pub struct Walker {
    format: Format,
    levels: Vec<Level>,
    bulk: Option<Bulk>,
    text: Text,
    done: bool,
    /// What has been written and not handed on.
    pub written: Vec<u8>,
}

impl Walker {
    /// At the beginning of a reply.
    pub fn new(format: Format) -> Walker {
        let (levels, written) = (Vec::new(), Vec::new());
        Walker { format, levels, bulk: None, text: Text::default(), done: false, written }
    }

    /// The reply is over.
    pub fn is_done(&self) -> bool {
        self.done
    }

    /// Goes on through what is there.
    ///
    /// # Errors
    /// `Invalid`: this is no reply.
    pub fn walk(&mut self, input: &mut Input, out: &mut Relay) -> Result<Flow, Fault> {
        let went = self.go(input, out);
        self.hand_on(out);
        went.map(|()| if self.done { Flow::Last } else { Flow::More })
    }

    fn go(&mut self, input: &mut Input, out: &mut Relay) -> Result<(), Fault> {
        while !self.done {
            let Some(bulk) = &mut self.bulk else {
                let Some(line) = line(input)? else { break };
                self.line(&line)?;
                continue;
            };
            if bulk.left > 0 {
                let part = input.take(usize::try_from(bulk.left).unwrap_or(usize::MAX));
                if part.is_empty() {
                    break;
                }
                bulk.left -= part.len() as u64;
                let hidden = bulk.hidden.min(part.len());
                bulk.hidden -= hidden;
                self.content(part.slice(hidden..part.len()), out);
                continue;
            }
            match input.array() {
                None => break,
                Some([b'\r', b'\n']) => self.end_bulk(),
                Some(_) => return Err(Fault::Invalid("no line end behind a string")),
            }
        }
        Ok(())
    }

    fn hand_on(&mut self, out: &mut Relay) {
        if !self.written.is_empty() {
            out.push(Slice::from(std::mem::take(&mut self.written)));
        }
    }

    /// Reads a line: a value, or the beginning of one.
    ///
    /// # Errors
    /// As [`Walker::walk`].
    pub fn line(&mut self, line: &[u8]) -> Result<(), Fault> {
        let Some((kind, rest)) = line.split_first() else { return Err(Fault::Invalid("an empty line")) };
        if self.format == Format::Raw {
            self.written.extend_from_slice(line);
            self.written.extend_from_slice(CRLF);
        }
        match kind {
            b'$' | b'*' if rest == b"-1" => self.scalar(b'_', b""),
            b'$' | b'=' | b'!' => self.begin_bulk(count(rest)?, *kind == b'='),
            b'*' | b'~' => self.begin_level(count(rest)?, false),
            b'%' => self.begin_level(count(rest)?.saturating_mul(2), true),
            b'+' | b'-' | b':' | b'(' | b',' | b'#' | b'_' => self.scalar(*kind, rest),
            _ => Err(Fault::Invalid("an unknown type of reply")),
        }
    }

    fn scalar(&mut self, kind: u8, rest: &[u8]) -> Result<(), Fault> {
        let is_key = self.before()?;
        let rest: &[u8] = match (kind, rest) {
            (b'#', b"t") => b"true",
            (b'#', _) => b"false",
            _ => rest,
        };
        match (self.format, kind) {
            (Format::Raw, _) => {}
            (Format::Text, _) => self.written.extend_from_slice(rest),
            (Format::Json, b'#') if !is_key => self.written.extend_from_slice(rest),
            (Format::Json, b':' | b'(' | b',') if !is_key => self.number(rest),
            (Format::Json, b'_') if !is_key => self.written.extend_from_slice(b"null"),
            (Format::Json, b'-') if !is_key => {
                self.written.extend_from_slice(b"{\"error\":");
                quoted(rest, &mut self.written);
                self.written.push(b'}');
            }
            (Format::Json, _) => quoted(rest, &mut self.written),
        }
        self.after();
        Ok(())
    }

    /// JSON has no word for `inf`.
    fn number(&mut self, text: &[u8]) {
        let finite = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
        match (number(text), finite.filter(|number| number.is_finite())) {
            (Some(text), _) => self.written.extend_from_slice(text),
            (None, Some(number)) => self.written.extend_from_slice(number.to_string().as_bytes()),
            (None, None) => self.written.extend_from_slice(b"null"),
        }
    }

    fn begin_bulk(&mut self, left: u64, verbatim: bool) -> Result<(), Fault> {
        self.before()?;
        // A verbatim string begins with its format and a colon: `txt:`.
        self.bulk = Some(Bulk { left, hidden: if verbatim && self.format != Format::Raw { 4 } else { 0 } });
        if self.format == Format::Json {
            self.written.push(b'"');
        }
        Ok(())
    }

    fn content(&mut self, part: Slice, out: &mut Relay) {
        if self.format == Format::Json {
            self.text.push(&part, &mut self.written);
        } else {
            self.hand_on(out);
            out.push(part);
        }
    }

    fn end_bulk(&mut self) {
        self.bulk = None;
        match self.format {
            Format::Raw => self.written.extend_from_slice(CRLF),
            Format::Text => {}
            Format::Json => {
                self.text.finish(&mut self.written);
                self.written.push(b'"');
            }
        }
        self.after();
    }

    fn begin_level(&mut self, total: u64, map: bool) -> Result<(), Fault> {
        if self.before()? || self.levels.len() >= DEPTH {
            return Err(Fault::Invalid("a reply that is nested too deeply"));
        }
        if self.format == Format::Json {
            self.written.push(if map { b'{' } else { b'[' });
        }
        self.levels.push(Level { map, total, done: 0 });
        self.close_levels();
        Ok(())
    }

    /// Something begins: writes what parts it from what was before. Says whether it is the key of a
    /// map, in JSON.
    fn before(&mut self) -> Result<bool, Fault> {
        let Some(level) = self.levels.last() else { return Ok(false) };
        let is_value = level.map && level.done % 2 == 1;
        if self.format == Format::Json && level.done > 0 {
            self.written.push(if is_value { b':' } else { b',' });
        }
        Ok(level.map && !is_value && self.format == Format::Json)
    }

    /// A value is complete, and with it perhaps what it is in.
    fn after(&mut self) {
        if self.format == Format::Text && !self.levels.is_empty() {
            self.written.push(b'\n');
        }
        match self.levels.last_mut() {
            Some(level) => level.done += 1,
            None => self.done = true,
        }
        self.close_levels();
    }

    fn close_levels(&mut self) {
        while let Some(level) = self.levels.pop_if(|level| level.done >= level.total) {
            if self.format == Format::Json {
                self.written.push(if level.map { b'}' } else { b']' });
            }
            match self.levels.last_mut() {
                Some(outer) => outer.done += 1,
                None => self.done = true,
            }
        }
    }
}

/// The next line, if it is there; a line that never ends is refused.
///
/// # Errors
/// `Invalid`: it is too long.
pub fn line(input: &mut Input) -> Result<Option<Slice>, Fault> {
    let line = input.line();
    if line.as_ref().map_or(input.len(), |line| line.len()) > LINE {
        return Err(Fault::Invalid("a line that is too long"));
    }
    Ok(line)
}

fn count(text: &[u8]) -> Result<u64, Fault> {
    parse_number(text).ok_or(Fault::Invalid("an invalid length"))
}
