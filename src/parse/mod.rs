//! Reading HTTP from bytes: pure functions and small resumable machines, no sockets, no clock.
//!
//! *In nginx* this is `ngx_http_parse.c`: switch statements over one byte at a time that keep their state
//! in the request, so that a call which ran out of bytes goes on where it stopped. It points into the
//! receive buffer and copies nothing.
//!
//! *Here* the same contract holds with two differences. Positions are offsets into the window the caller
//! hands in ([`Span`]), never pointers, so a window may move when it grows. And a line is found by vector
//! search first and taken apart afterwards, which reads faster and runs faster than a step per byte.
//! Nothing in this directory may know a request, a connection or a configuration.
//!
//! ```text
//!  window   GET /a?b HTTP/1.1\r\nHost: x\r\nAcce          (grows at its end, between two calls)
//!           └── request_line ──┘└ header ─┘└ Again: the place is remembered
//! ```
//!
//! Framing is read strictly (RFC 9112): where nginx guesses and a guess could let two hops disagree about
//! where a message ends, this code refuses.
//!
//! *Read next*: `request_line.rs`, `header.rs`, `uri.rs`, then `chunked.rs`.

pub mod chunked;
pub mod date;
pub mod escape;
pub mod framing;
pub mod header;
pub mod host;
pub mod known;
pub mod list;
pub mod names;
pub mod range;
pub mod request_line;
pub mod status_line;
pub mod uri;
pub mod words;

use std::fmt;

/// A piece of a window: offsets of its first byte and of the byte after its last one.
///
/// Spans stay valid while the window only grows at its end. Heads are bounded by configured buffers that
/// are far below 4 GiB, so 32 bits suffice and a parsed field fits a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// A span from two offsets; what does not fit 32 bits becomes an empty span at the far end.
    pub fn new(start: usize, end: usize) -> Span {
        let short = |offset: usize| offset.min(u32::MAX as usize) as u32;
        Span { start: short(start), end: short(end) }
    }

    /// As much of a window as spans can name: all of it, unless that is 4 GiB or more.
    #[inline]
    pub fn reach(window: &[u8]) -> &[u8] {
        window.get(..u32::MAX as usize).unwrap_or(window)
    }

    /// The bytes meant, or nothing when `window` is not the window this span was made for.
    pub fn of(self, window: &[u8]) -> &[u8] {
        window.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// Number of bytes.
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether there are no bytes.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The same bytes after `by` bytes in front of the window have been dropped.
    pub fn rebased(self, by: usize) -> Span {
        let by = u32::try_from(by).unwrap_or(u32::MAX);
        Span { start: self.start.saturating_sub(by), end: self.end.saturating_sub(by) }
    }
}

/// What a resumable parser says about the window it was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Everything was looked at and more is needed: call again with the same window, grown.
    Again,
    /// Complete.
    Done,
}

/// Why bytes were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bad {
    /// A byte in the method is none of `A`–`Z`, `_`, `-`, or there is no method at all.
    InvalidMethod,
    /// The request line is malformed after its method, or the URI cannot be normalised.
    InvalidRequest,
    /// HTTP/2.0 or later in a request line: answered 505.
    InvalidVersion,
    /// A request line without a version whose method is not GET.
    Invalid09Method,
    /// A malformed header line (or trailer line).
    InvalidHeader,
    /// `Host`, or the host of an absolute URI, cannot be a host.
    InvalidHost,
    /// `Content-Length` is not a number of bytes.
    InvalidLength,
    /// `Content-Length` occurs twice.
    RepeatedLength,
    /// A transfer coding other than `chunked`: answered 501.
    UnknownEncoding,
    /// `chunked` is applied twice.
    RepeatedEncoding,
    /// Both `Content-Length` and `Transfer-Encoding`.
    LengthAndEncoding,
    /// `Transfer-Encoding` in a message of HTTP/1.0.
    EncodingTooOld,
    /// Chunked framing is broken.
    InvalidChunk,
    /// Chunk extensions and trailers together are longer than allowed.
    ChunkOverhead,
    /// The first line of a reply is not a status line; perhaps the peer speaks HTTP/0.9.
    NotStatusLine,
}

impl Bad {
    /// The status a client gets that sent this.
    pub fn status(self) -> u16 {
        match self {
            Bad::InvalidVersion => 505,
            Bad::UnknownEncoding => 501,
            _ => 400,
        }
    }

    /// nginx's wording for the error log, without the subject ("client sent ").
    pub fn reason(self) -> &'static str {
        match self {
            Bad::InvalidMethod => "invalid method",
            Bad::InvalidRequest => "invalid request",
            Bad::InvalidVersion => "invalid version",
            Bad::Invalid09Method => "invalid method in HTTP/0.9 request",
            Bad::InvalidHeader => "invalid header line",
            Bad::InvalidHost => "invalid host",
            Bad::InvalidLength => "invalid \"Content-Length\" header",
            Bad::RepeatedLength => "duplicate \"Content-Length\" header",
            Bad::UnknownEncoding => "unknown \"Transfer-Encoding\"",
            Bad::RepeatedEncoding => "duplicate \"Transfer-Encoding\" header",
            Bad::LengthAndEncoding => "\"Content-Length\" and \"Transfer-Encoding\" headers at the same time",
            Bad::EncodingTooOld => "HTTP/1.0 request with \"Transfer-Encoding\" header",
            Bad::InvalidChunk => "invalid chunked body",
            Bad::ChunkOverhead => "too long chunk extensions or trailers",
            Bad::NotStatusLine => "no valid HTTP/1.0 header",
        }
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())
    }
}

impl std::error::Error for Bad {}

/// Looks for the LF that ends a line, from `from` on; gives its offset.
fn line_feed(window: &[u8], from: usize) -> Option<usize> {
    Some(from + memchr::memchr(b'\n', window.get(from..)?)?)
}

/// A line's end without the CR of its CRLF: `lf` is the offset of the LF, `start` the line's beginning.
fn before_line_end(window: &[u8], start: usize, lf: usize) -> usize {
    match lf.checked_sub(1) {
        Some(cr) if cr >= start && window.get(cr) == Some(&b'\r') => cr,
        _ => lf,
    }
}

#[cfg(test)]
mod robust_tests;
