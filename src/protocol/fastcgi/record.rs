//! Records: eight bytes that say what follows, its contents, and padding that means nothing.
//!
//! *In nginx* a state for each of the eight bytes (`ngx_http_fastcgi_process_record`).
//!
//! *Here* [`Reader`] goes from record to record and says what it sees; the contents stay in the window
//! until somebody takes them, so those of a body are never copied. For the way out there are functions
//! for the records of a request's head, and [`Stdin`], which wraps a body.
//!
//! ```text
//!   01 06 00 01 00 05 03 00 │ h e l l o │ · · ·       version, kind, id (2), length (2), padding, reserved
//!   Header ───────────────▶   Content     Padding ───▶ Header …          finish(): the next Header is Over
//! ```
//!
//! One request at a time on a connection, so its id is always 1.
//!
//! *Read next*: `script.rs`.

use crate::buf::Slice;
use crate::protocol::out::Wrap;
use crate::protocol::{Fault, Input, Out};

/// The request is over.
pub const END_REQUEST: u8 = 3;
/// Output of the program.
pub const STDOUT: u8 = 6;
/// Its complaints.
pub const STDERR: u8 = 7;

const BEGIN_REQUEST: u8 = 1;
const ABORT_REQUEST: u8 = 2;
const PARAMS: u8 = 4;
const STDIN: u8 = 5;
const VERSION: u8 = 1;
/// The role of a program that answers requests.
const RESPONDER: u8 = 1;
const KEEP_CONN: u8 = 1;

/// The largest contents that need no padding.
const MOST: usize = 65528;
const ZEROS: [u8; 8] = [0; 8];

/// The end of a body.
pub const STDIN_END: [u8; 8] = header(STDIN, 0, 0);

const fn header(kind: u8, length: u16, padding: u8) -> [u8; 8] {
    let [high, low] = length.to_be_bytes();
    [VERSION, kind, 0, 1, high, low, padding, 0]
}

/// How much padding makes a length a multiple of eight.
fn padding(length: u16) -> u8 {
    let over = (length % 8) as u8;
    if over == 0 { 0 } else { 8 - over }
}

/// Begins a request.
pub fn begin(keep_conn: bool, out: &mut Out) {
    out.write(&header(BEGIN_REQUEST, 8, 0));
    out.write(&[0, RESPONDER, if keep_conn { KEEP_CONN } else { 0 }, 0, 0, 0, 0, 0]);
}

/// Gives a request up.
pub fn abort(out: &mut Out) {
    out.write(&header(ABORT_REQUEST, 0, 0));
}

/// Writes parameters, in as many records as they need, and their end.
pub fn params(params: &[(Slice, Slice)], out: &mut Out) {
    let mut text = Vec::with_capacity(1024);
    for (name, value) in params {
        count(name.len(), &mut text);
        count(value.len(), &mut text);
        text.extend_from_slice(name);
        text.extend_from_slice(value);
    }
    for part in text.chunks(MOST) {
        // MOST fits.
        let length = u16::try_from(part.len()).unwrap_or(0);
        let zeros = padding(length);
        out.write_all(&[&header(PARAMS, length, zeros), part]);
        out.write(ZEROS.get(..usize::from(zeros)).unwrap_or_default());
    }
    out.write(&header(PARAMS, 0, 0));
}

/// A length: one byte, or four with the highest bit set.
fn count(n: usize, text: &mut Vec<u8>) {
    match u8::try_from(n) {
        Ok(n) if n < 128 => text.push(n),
        // The fields of a request are far from 2 GB.
        _ => text.extend_from_slice(&(u32::try_from(n).unwrap_or(0) | 1 << 31).to_be_bytes()),
    }
}

/// A body as records of standard input.
pub struct Stdin;

impl Wrap for Stdin {
    fn most(&self) -> u64 {
        32768
    }

    fn before(&self, n: u64) -> Slice {
        let length = u16::try_from(n).unwrap_or(0);
        Slice::from(header(STDIN, length, padding(length)).to_vec())
    }

    fn after(&self, n: u64) -> Slice {
        let zeros = usize::from(padding(u16::try_from(n).unwrap_or(0)));
        Slice::copy(ZEROS.get(..zeros).unwrap_or_default())
    }

    fn end(&self) -> Slice {
        Slice::from(STDIN_END.to_vec())
    }
}

/// What a reader came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The end of the window.
    Again,
    /// Contents of a record of this kind: [take](Reader::take) them.
    Content(u8),
    /// The contents of a record have been taken, or it had none.
    End {
        /// Its kind.
        kind: u8,
        /// It had none.
        empty: bool,
    },
    /// The record that was said to be the last is over, padding and all.
    Over,
}

#[derive(Clone, Copy, Debug, Default)]
enum At {
    #[default]
    Header,
    Content {
        kind: u8,
        left: u16,
        padding: u8,
        empty: bool,
    },
    Padding(u8),
}

/// Goes from record to record.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    at: At,
    finished: bool,
}

impl Reader {
    /// Goes on to the next thing there is to know.
    ///
    /// # Errors
    /// `Invalid`: this is no record, or none of ours.
    pub fn advance(&mut self, input: &mut Input) -> Result<Seen, Fault> {
        loop {
            match &mut self.at {
                At::Header if self.finished => return Ok(Seen::Over),
                At::Header => {
                    let Some(bytes) = input.array() else { return Ok(Seen::Again) };
                    self.at = open(bytes)?;
                }
                At::Content { kind, left: 0, padding, empty } => {
                    let seen = Seen::End { kind: *kind, empty: *empty };
                    self.at = At::Padding(*padding);
                    return Ok(seen);
                }
                At::Content { .. } if input.is_empty() => return Ok(Seen::Again),
                At::Content { kind, .. } => return Ok(Seen::Content(*kind)),
                At::Padding(0) => self.at = At::Header,
                At::Padding(_) if input.is_empty() => return Ok(Seen::Again),
                At::Padding(left) => {
                    let n = usize::from(*left).min(input.len());
                    input.consume(n);
                    *left = left.saturating_sub(u8::try_from(n).unwrap_or(u8::MAX));
                }
            }
        }
    }

    /// How much of the contents of this record is in the window.
    pub fn due(&self, input: &Input) -> usize {
        match self.at {
            At::Content { left, .. } => usize::from(left).min(input.len()),
            _ => 0,
        }
    }

    /// Takes what there is of the contents.
    pub fn take(&mut self, input: &mut Input) -> Slice {
        self.take_up_to(input, usize::MAX)
    }

    /// Takes at most `most` bytes of the contents.
    pub fn take_up_to(&mut self, input: &mut Input, most: usize) -> Slice {
        let taken = input.take(self.due(input).min(most));
        if let At::Content { left, .. } = &mut self.at {
            *left = left.saturating_sub(u16::try_from(taken.len()).unwrap_or(u16::MAX));
        }
        taken
    }

    /// The present record is the last one.
    pub fn finish(&mut self) {
        self.finished = true;
    }
}

fn open(bytes: [u8; 8]) -> Result<At, Fault> {
    let [version, kind, id_high, id_low, high, low, padding, _] = bytes;
    if version != VERSION {
        return Err(Fault::Invalid("unsupported FastCGI protocol version"));
    }
    if !matches!(kind, END_REQUEST | STDOUT | STDERR) {
        return Err(Fault::Invalid("invalid FastCGI record type"));
    }
    if (id_high, id_low) != (0, 1) {
        return Err(Fault::Invalid("unexpected FastCGI request id"));
    }
    let left = u16::from_be_bytes([high, low]);
    Ok(At::Content { kind, left, padding, empty: left == 0 })
}
