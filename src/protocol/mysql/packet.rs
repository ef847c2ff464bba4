//! Packets: three bytes that say how long, one that counts, and then so many bytes; and what such bytes
//! are made of.
//!
//! *In nginx* nothing.
//!
//! *Here* [`Packets`] goes through messages, which are one packet or, from 16 MB on, several; contents
//! are taken as they come or, for the small messages, collected. [`Words`] takes the contents of a
//! small message apart.
//!
//! ```text
//!   05 00 00 01 │ h e l l o          one message
//!   ff ff ff 00 │ … 05 00 00 01 │ …  one message too
//! ```
//!
//! *Read next*: `login.rs`.

use crate::buf::Slice;
use crate::protocol::{Fault, Input};

/// A packet of this length goes on in the next one.
const FULL: usize = 0xff_ffff;

/// The largest message that is collected: definitions and errors, never rows.
const LARGEST: usize = 64 << 10;

/// Goes through messages.
#[derive(Clone, Debug, Default)]
pub struct Packets {
    /// A message has begun and not ended.
    open: bool,
    /// What is due of the present packet.
    left: usize,
    /// Another packet belongs to the message.
    continued: bool,
    sequence: u8,
}

impl Packets {
    /// The number of the last packet.
    pub fn sequence(&self) -> u8 {
        self.sequence
    }

    /// What is due of the present packet.
    pub fn left(&self) -> usize {
        self.left
    }

    fn header(&mut self, input: &mut Input) -> bool {
        let Some([low, middle, high, sequence]) = input.array() else { return false };
        self.left = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
        (self.continued, self.sequence) = (self.left == FULL, sequence);
        true
    }

    /// Begins the next message, unless one has begun; false if its header is not there.
    pub fn begin(&mut self, input: &mut Input) -> bool {
        self.open = self.open || self.header(input);
        self.open
    }

    /// Whether the message is over; None if that is not known yet.
    pub fn at_end(&mut self, input: &mut Input) -> Option<bool> {
        while self.left == 0 {
            if !self.continued {
                self.open = false;
                return Some(true);
            }
            if !self.header(input) {
                return None;
            }
        }
        Some(false)
    }

    /// Takes at most `most` bytes of the message; nothing if none are there.
    pub fn take(&mut self, input: &mut Input, most: usize) -> Slice {
        let part = match self.at_end(input) {
            Some(false) => input.take(self.left.min(most)),
            // A message that ends too early stays open, for who reads it to see.
            Some(true) => {
                self.open = true;
                Slice::EMPTY
            }
            None => Slice::EMPTY,
        };
        self.left -= part.len();
        part
    }

    /// Collects a message; true when it is whole.
    ///
    /// # Errors
    /// `Invalid`: it is too large for what it can be.
    pub fn whole(&mut self, input: &mut Input, message: &mut Vec<u8>) -> Result<bool, Fault> {
        if !self.begin(input) {
            return Ok(false);
        }
        loop {
            if self.left.saturating_add(message.len()) > LARGEST {
                return Err(Fault::Invalid("a packet that is too large"));
            }
            match self.at_end(input) {
                None => return Ok(false),
                Some(true) => return Ok(true),
                Some(false) => {}
            }
            let part = self.take(input, usize::MAX);
            if part.is_empty() {
                return Ok(false);
            }
            message.extend_from_slice(&part);
        }
    }
}

/// How many bytes behind the first one say how long something is.
pub fn width(first: u8) -> usize {
    match first {
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        _ => 0,
    }
}

/// A number of several bytes, the lowest first.
pub fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// What is left of a message.
pub struct Words<'a>(pub &'a [u8]);

impl<'a> Words<'a> {
    /// The next `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(bytes)
    }

    /// A number with its length in front.
    pub fn number(&mut self) -> Option<u64> {
        let first = *self.bytes(1)?.first()?;
        match width(first) {
            0 if first >= 0xfb => None,
            0 => Some(u64::from(first)),
            n => self.bytes(n).map(little),
        }
    }

    /// A string with its length in front.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.bytes(usize::try_from(length).ok()?)
    }

    /// A string up to a NUL, or to the end.
    pub fn text(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|b| *b == 0).unwrap_or(self.0.len());
        let text = self.bytes(end).unwrap_or_default();
        let _ = self.bytes(1);
        text
    }
}

/// The code and the words of an error packet: `1146 (42S02): Table …`.
pub fn error(packet: &[u8]) -> (u64, String) {
    let mut words = Words(packet.get(1..).unwrap_or_default());
    let code = words.bytes(2).map(little).unwrap_or_default();
    let mut state = String::new();
    if words.0.starts_with(b"#") {
        let text = words.bytes(6).and_then(|bytes| bytes.get(1..)).unwrap_or_default();
        state = format!(" ({})", String::from_utf8_lossy(text));
    }
    (code, format!("{code}{state}: {}", String::from_utf8_lossy(words.0)))
}
