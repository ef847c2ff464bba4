//! The chunked transfer coding, taken off without copying the data.
//!
//! *In nginx* this is `ngx_http_parse_chunked`, used for request bodies and for replies. Peculiar: a line
//! may end with a bare LF, a blank may follow the size, and `ctx->length` estimates how many bytes must
//! still come, so that a reader never asks for more than the message has.
//!
//! *Here* [`Chunked`] is shown whatever bytes there are and answers with one step: a range of data for the
//! caller to cut out of its page, or how much was framing. It remembers all it needs, so bytes it has
//! used may be dropped at once. It does not know where data goes nor how much is allowed.
//!
//! ```text
//!   5;ext=1\r\n h e l l o \r\n 0\r\n Trailer: x\r\n \r\n  next message
//!   Size Ext    Data      AfterData  Trailer              Done: left alone
//! ```
//!
//! Strict where a lenient reader helps an attacker (RFC 9112, section 7.1): no bare LF, NUL or lone CR in an
//! extension, sizes that overflow are refused, and extensions and trailers of one message share a budget.
//!
//! *Read next*: `header.rs`, which reads a trailer's line.

use super::{Bad, before_line_end, header, line_feed};

/// Bytes that extensions, padding and trailers of one message may have together.
pub const OVERHEAD_LIMIT: usize = 16 * 1024;

/// What the bytes shown were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkStep {
    /// All `used` bytes were framing; show what comes behind them.
    Again {
        /// Always the length of what was shown.
        used: usize,
    },
    /// `len` bytes of data, after `start` bytes of framing. Drop `start + len` bytes and show the rest.
    Data {
        /// Offset of the data in what was shown.
        start: usize,
        /// How much of it is there; never 0.
        len: usize,
    },
    /// The message is complete after `used` bytes; the others are not part of it.
    Done {
        /// Bytes of framing before the end.
        used: usize,
    },
}

/// A field of the trailer section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trailer {
    /// The name as sent.
    pub name: Vec<u8>,
    /// The value without blanks around it.
    pub value: Vec<u8>,
    /// As in [`header::Field`]; underscores count as odd.
    pub invalid: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// The first digit of a size is due.
    #[default]
    Start,
    Size,
    /// Blanks behind the size.
    Blank,
    Extension,
    /// The CR behind a size or extension was seen.
    SizeEnd,
    Data,
    AfterData,
    AfterDataCr,
    Trailer,
    Done,
}

/// A chunked message being read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chunked {
    state: State,
    /// Bytes of the current chunk that are still due (while its size is read: the size so far).
    size: u64,
    /// What of [`OVERHEAD_LIMIT`] is spent.
    overhead: usize,
    /// Apart, since hardly a message has one and every message has one of these.
    section: Option<Box<Section>>,
    keep: bool,
}

/// A trailer section that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Section {
    /// The beginning of a line that is not complete.
    line: Vec<u8>,
    trailers: Vec<Trailer>,
}

impl Chunked {
    /// A decoder that checks trailers and drops them.
    pub fn new() -> Chunked {
        Chunked::default()
    }

    /// A decoder that keeps trailers (`proxy_pass_trailers`).
    pub fn with_trailers() -> Chunked {
        Chunked { keep: true, ..Chunked::default() }
    }

    /// The trailers, complete once the message is `Done`; empty unless they are kept.
    pub fn trailers(&self) -> &[Trailer] {
        self.section.as_ref().map_or(&[], |section| &section.trailers)
    }

    /// The beginning of a trailer line that is not complete.
    fn line(&self) -> &[u8] {
        self.section.as_ref().map_or(b"", |section| &section.line)
    }

    /// Whether the end was seen.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How many bytes of the chunk that has begun are still to come; 0 between chunks.
    pub fn chunk_rest(&self) -> u64 {
        if self.state == State::Data { self.size } else { 0 }
    }

    /// How many bytes must come at least until the message ends (nginx's `ctx->length`). Zero when done.
    pub fn min_remaining(&self) -> u64 {
        // The shortest end is a size of zero and two line feeds.
        const LAST: u64 = 3;
        let data = |line_end: u64| match self.size {
            0 => line_end + 1,
            n => n.saturating_add(line_end + 1 + LAST),
        };
        match self.state {
            State::Start => LAST,
            State::Size | State::SizeEnd => data(1),
            State::Blank | State::Extension => data(2),
            State::Data => self.size.saturating_add(1 + LAST),
            State::AfterData | State::AfterDataCr => 1 + LAST,
            State::Trailer if self.line().len() < 2 => 1,
            State::Trailer => 2,
            State::Done => 0,
        }
    }

    /// How many bytes of the current chunk's data are due: they need not be shown, see
    /// [`Chunked::skip_data`]. Zero when the next byte is framing.
    pub fn data_due(&self) -> u64 {
        if self.state == State::Data { self.size } else { 0 }
    }

    /// Counts `n` bytes of data as read that went another way, at most [`Chunked::data_due`].
    pub fn skip_data(&mut self, n: u64) {
        if self.state == State::Data {
            self.size = self.size.saturating_sub(n);
            if self.size == 0 {
                self.state = State::AfterData;
            }
        }
    }

    /// Reads on. `bytes` begins where the step before ended.
    ///
    /// Errors: `InvalidChunk`, `ChunkOverhead`, and `InvalidHeader` for a trailer line. After an error the
    /// connection is of no more use: where the message ends is not known.
    pub fn parse(&mut self, bytes: &[u8]) -> Result<ChunkStep, Bad> {
        let mut at = 0;
        loop {
            let rest = bytes.get(at..).unwrap_or_default();
            match self.state {
                State::Done => return Ok(ChunkStep::Done { used: at }),
                State::Data if !rest.is_empty() => {
                    let len = usize::try_from(self.size).map_or(rest.len(), |due| due.min(rest.len()));
                    self.size = self.size.saturating_sub(len as u64);
                    if self.size == 0 {
                        self.state = State::AfterData;
                    }
                    return Ok(ChunkStep::Data { start: at, len });
                }
                State::Trailer if !rest.is_empty() => at += self.trailer(rest)?,
                _ => {
                    let Some(&b) = rest.first() else { return Ok(ChunkStep::Again { used: at }) };
                    self.framing(b)?;
                    at += 1;
                }
            }
        }
    }

    /// One byte of a size line, or of the line end behind data.
    fn framing(&mut self, b: u8) -> Result<(), Bad> {
        self.state = match (self.state, b) {
            (State::Start | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.digit(b)?;
                State::Size
            }
            (State::Size | State::SizeEnd, b'\n') => {
                if self.size == 0 {
                    State::Trailer
                } else {
                    State::Data
                }
            }
            (State::Size | State::Blank | State::Extension, b'\r') => State::SizeEnd,
            (State::Size | State::Blank, b' ' | b'\t') => {
                self.spend(1)?;
                State::Blank
            }
            (State::Size | State::Blank, b';') | (State::Extension, b'\t' | b' '..=b'~' | 0x80..) => {
                self.spend(1)?;
                State::Extension
            }
            (State::AfterData, b'\r') => State::AfterDataCr,
            (State::AfterData | State::AfterDataCr, b'\n') => State::Start,
            _ => return Err(Bad::InvalidChunk),
        };
        Ok(())
    }

    fn digit(&mut self, b: u8) -> Result<(), Bad> {
        // Zeros in front cost nothing to send and never overflow, so they come out of the budget.
        if self.state == State::Size && self.size == 0 {
            self.spend(1)?;
        }
        let value = u64::from(super::uri::hex(b).ok_or(Bad::InvalidChunk)?);
        let size = self.size.checked_mul(16).and_then(|s| s.checked_add(value));
        // File offsets are signed.
        self.size = size.filter(|&s| i64::try_from(s).is_ok()).ok_or(Bad::InvalidChunk)?;
        Ok(())
    }

    fn spend(&mut self, bytes: usize) -> Result<(), Bad> {
        self.overhead = self.overhead.saturating_add(bytes);
        if self.overhead > OVERHEAD_LIMIT { Err(Bad::ChunkOverhead) } else { Ok(()) }
    }

    /// One line of the trailer section, or the beginning of one; gives how many bytes it took.
    fn trailer(&mut self, rest: &[u8]) -> Result<usize, Bad> {
        let (used, whole) = line_feed(rest, 0).map_or((rest.len(), false), |lf| (lf + 1, true));
        let held = self.line().len() + used;
        // The line end that closes the section is free; a lone CR may be its beginning.
        let closing = self.line().is_empty() && matches!(rest.get(..used), Some(b"\r\n" | b"\n" | b"\r"));
        let closing = closing || (self.line() == b"\r" && whole && used == 1);
        if !closing && self.overhead.saturating_add(held) > OVERHEAD_LIMIT {
            return Err(Bad::ChunkOverhead);
        }
        if closing && whole {
            self.state = State::Done;
            return Ok(used);
        }
        let Section { line, trailers } = &mut **self.section.get_or_insert_default();
        line.extend_from_slice(rest.get(..used).unwrap_or_default());
        if whole {
            self.overhead += held;
            let end = before_line_end(line, 0, line.len() - 1);
            let field = header::field(line, 0, end, false)?;
            if self.keep {
                let (name, value) = (field.name.of(line).to_vec(), field.value.of(line).to_vec());
                trailers.push(Trailer { name, value, invalid: field.invalid });
            }
            line.clear();
        }
        Ok(used)
    }
}

#[cfg(test)]
#[path = "chunked_tests.rs"]
mod tests;
