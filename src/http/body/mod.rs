//! The request body: kept, streamed, or thrown away.
//!
//! *In nginx* `ngx_http_request_body.c`, one file for the three ways, told apart by bits of the request
//! (`request_body_no_buffering`, `discard_body`, `request_body_in_file_only`).
//!
//! *Here* three files: [`read`] keeps it (in memory up to `client_body_buffer_size`, then in a temporary
//! file), [`unbuffered`] hands it on as it comes, [`discard`] throws it away so that the connection can go
//! on. What they share stands here: which bytes of a read belong to the body, and where it ends.
//!
//! ```text
//!   head ─▶ bytes behind it ─┐
//!   socket ──────────────────┴─▶ Body::take ─▶ chain (─▶ file)
//!                                    └▶ what follows the body goes back to the head's page
//! ```
//!
//! *Read next*: `read.rs`.

pub mod discard;
pub mod read;
pub mod unbuffered;

use super::exchange::Exchange;
use super::holds::Hold;
use super::io::Io;
use super::turn::Turn;
use crate::buf::{Chain, Page, Slice, TempFile};
use crate::event::RequestIx;
use crate::parse::chunked::{ChunkStep, Chunked};

/// What is called when the body is there (nginx: `ngx_http_client_body_handler_pt`).
pub type Then = fn(&mut Exchange, RequestIx, &mut Io) -> Turn;

/// A chain of more pieces than this is copied together when its page is full: one-byte chunks are not to cost
/// a page's worth of bookkeeping.
const PIECES: usize = 64;

/// A request's body, as far as it has been read.
#[derive(Default)]
pub struct Body {
    /// What is in memory, or the file as one piece when it is whole.
    pub chain: Chain,
    /// The file, if one was needed.
    pub file: Option<TempFile>,
    /// Bytes of the body that are still to come; unknown in a chunked body.
    pub rest: u64,
    /// The decoder of a chunked body.
    pub chunked: Option<Chunked>,
    /// The end of the body has been seen.
    pub complete: bool,
    /// Keeps the exchange alive while the body is being read.
    pub hold: Option<Hold>,
    /// The body is being thrown away.
    pub discarding: bool,
    /// It is handed on while it comes (`proxy_request_buffering off`).
    pub unbuffered: bool,
    /// What a streamed body was so far, for `$request_body`, until it is more than the buffer's size.
    history: Option<Chain>,
    /// How long that may be.
    history_limit: u64,
    /// Bytes of data seen so far, without the framing of chunks.
    pub received: u64,
    /// When a body that is thrown away must be over, in milliseconds of the loop's clock; 0 while the answer
    /// is being made.
    deadline: u64,
    /// Whom to call when it is whole.
    then: Option<Then>,
    /// Where the next bytes are read to.
    page: Option<Page>,
}

/// Why a body cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Its chunks are malformed.
    Framing,
    /// So many bytes came, and a chunk of this size more is too large.
    TooLarge(u64, u64),
}

impl Body {
    /// A body of which nothing has been read, framed as the head of the request says; None if there is none.
    fn of_request(x: &Exchange, r: RequestIx) -> Option<Body> {
        let headers = &x[r].headers_in;
        if headers.chunked {
            return Some(Body { chunked: Some(Chunked::new()), ..Body::default() });
        }
        let rest = headers.content_length?;
        Some(Body { rest, complete: rest == 0, ..Body::default() })
    }

    /// Takes those of the `bytes` that belong to the body and says how many they are; sets
    /// [`complete`](Body::complete) with the last one. `limit` is how large the data may be, 0 for any size.
    ///
    /// # Errors
    /// A malformed chunk, or one that is too large.
    fn take(&mut self, bytes: &Slice, limit: u64) -> Result<usize, Broken> {
        if self.chunked.is_none() {
            let n = usize::try_from(self.rest).map_or(bytes.len(), |rest| rest.min(bytes.len()));
            self.keep(bytes.slice(0..n));
            self.rest = self.rest.saturating_sub(n as u64);
            self.complete = self.rest == 0;
            return Ok(n);
        }
        let mut at = 0;
        loop {
            let Some(chunked) = self.chunked.as_mut() else { return Ok(at) };
            let window = bytes.get(at..).unwrap_or_default();
            let step = chunked.parse(window).map_err(|_| Broken::Framing)?;
            let due = chunked.chunk_rest();
            let len = if let ChunkStep::Data { len, .. } = step { len as u64 } else { 0 };
            let chunk = due.saturating_add(len);
            if limit != 0 && self.received.saturating_add(chunk) > limit {
                return Err(Broken::TooLarge(self.received, chunk));
            }
            match step {
                ChunkStep::Again { used } => return Ok(at + used),
                ChunkStep::Data { start, len } => {
                    self.keep(bytes.slice(at + start..at + start + len));
                    at += start + len;
                }
                ChunkStep::Done { used } => {
                    self.complete = true;
                    return Ok(at + used);
                }
            }
        }
    }

    fn keep(&mut self, data: Slice) {
        self.received = self.received.saturating_add(data.len() as u64);
        if self.discarding {
            return;
        }
        if let Some(history) = &mut self.history {
            history.push(data.clone());
            if history.len() > self.history_limit {
                self.history = None;
            }
        }
        self.chain.push(data);
    }

    /// All of the data as far as it has come, if it is in memory (`$request_body`).
    pub fn bytes(&self) -> Option<Slice> {
        let chain = match (&self.history, self.unbuffered, &self.file) {
            (history, true, _) => history.as_ref()?,
            (_, false, Some(_)) => return None,
            (_, false, None) => &self.chain,
        };
        chain.gather().ok()
    }

    /// The page that is read into next, and how many bytes may be asked for: never more than the body has, as
    /// far as that is known. Pages are `size` bytes, or as much as is still to come.
    fn room(&mut self, size: usize) -> (Page, usize) {
        let due = match self.chunked {
            Some(_) => usize::MAX,
            None => usize::try_from(self.rest).unwrap_or(usize::MAX),
        };
        let mut page = self.page.take();
        if let Some(page) = page.as_mut()
            && page.room() == 0
        {
            page.clear();
        }
        let page = page.filter(|page| page.room() != 0).unwrap_or_else(|| {
            self.join();
            // A little more than the buffer is read in one go rather than in two.
            let wanted = if due < size.saturating_add(size / 4) { due } else { size };
            Page::with_capacity(wanted.max(1))
        });
        let limit = page.room().min(due);
        (page, limit)
    }

    fn join(&mut self) {
        if self.chain.count() > PIECES
            && let Ok(whole) = self.chain.gather()
        {
            self.chain.clear();
            self.chain.push(whole);
        }
    }
}

/// The body of a request as others may use it: subrequests share that of the main request, if it was
/// whole when they were made. None while it is being read whole or thrown away.
pub fn of(x: &Exchange, r: RequestIx) -> Option<&Body> {
    let body = x.main().body.as_deref().filter(|body| !body.discarding && (body.complete || body.unbuffered));
    body.filter(|body| r == RequestIx::MAIN || !x[r].flags.without_body && !body.unbuffered)
}
