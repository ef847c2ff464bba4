//! One way of hearing a reply: pieces of it, a window of some size, a way of relaying.
//!
//! *In nginx* what a module sees at once depends on the kernel, on `proxy_buffer_size`, and on which of three
//! relays drives it.
//!
//! *Here* the relays differ for a module in one thing only: how the window is filled again. That is played
//! without sockets, with the functions of the real relays: [`Cursor::make_room`], [`Cursor::start_over`] and
//! [`Decoder`] are what `upstream/` calls. What is modelled is the order of these calls, and how far the
//! client has taken what came out of the decoder before the next read:
//!
//! ```text
//!   in memory    nothing is ever taken: every page stays in use, the window only moves on
//!   unbuffered   all is taken before the next read: the page is emptied and filled again from its start
//!   buffered     kept up to a limit, then all is taken at once: pages change at any place
//!   spliced      as buffered, but what the decoder need not see passes by it
//! ```
//!
//! Between two pieces the module is called once more without anything new, as it is when only the client's
//! side has news.
//!
//! *Read next*: `ways.rs`.

use super::bytes;
use crate::buf::{Page, Slice};
use crate::protocol::{Cursor, Decoder, Erased, Fault, Fields, Flow, Framing, Greet, Head, Out, Relay, Step};

/// A way of relaying, for what it means to a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A subrequest's reply that is kept for its parent.
    Memory,
    /// Downstream speed first.
    Unbuffered,
    /// Upstream speed first.
    Buffered,
    /// The same, with bodies that go from socket to socket.
    Spliced,
}

impl Mode {
    /// All of them.
    pub const ALL: [Mode; 4] = [Mode::Memory, Mode::Unbuffered, Mode::Buffered, Mode::Spliced];
}

/// How a reply ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By its own framing.
    Framed,
    /// By the close of the connection, as its framing said.
    Closed,
    /// The connection closed too early, in the greeting, the head or the body.
    Cut,
    /// The module refused it.
    Fault(Fault),
}

/// What a module made of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// What it said in the conversation before the request.
    pub said: Vec<u8>,
    /// Statuses of interim replies.
    pub interims: Vec<u16>,
    /// The final head; what there was of it, if it is not complete.
    pub head: Head,
    /// How the body was said to come; None if the head is not complete.
    pub framing: Option<Framing>,
    /// The body.
    pub body: Vec<u8>,
    /// Fields behind it.
    pub trailers: Fields,
    /// Notes for the log, of head and body.
    pub notes: Vec<Slice>,
    /// How it ended.
    pub end: End,
    /// Bytes that were sent and that nobody used.
    pub left_over: usize,
    /// Another request may be sent on this connection.
    pub reusable: bool,
}

impl Heard {
    fn nothing() -> Heard {
        Heard {
            said: Vec::new(),
            interims: Vec::new(),
            head: Head::default(),
            framing: None,
            body: Vec::new(),
            trailers: Fields::default(),
            notes: Vec::new(),
            end: End::Cut,
            left_over: 0,
            reusable: false,
        }
    }
}

/// One connection's worth of listening: what the upstream side does with sockets, done with pieces.
struct Listening<'a> {
    module: &'a mut dyn Erased,
    mode: Mode,
    /// How large a page is made.
    window: usize,
    page: Page,
    cursor: Cursor,
    /// The conversation before the request goes on.
    greeting: bool,
    decoder: Option<Decoder>,
    relay: Relay,
    heard: Heard,
    ended: bool,
}

impl Listening<'_> {
    fn new(module: &mut dyn Erased, mode: Mode, window: usize, greeting: bool) -> Listening<'_> {
        let mut listening = Listening {
            module,
            mode,
            window,
            page: Page::exactly(window),
            cursor: Cursor::default(),
            greeting,
            decoder: None,
            relay: Relay::default(),
            heard: Heard::nothing(),
            ended: false,
        };
        // A greeting may begin on our side: it is shown an empty window first.
        listening.turn();
        listening
    }

    /// A piece has come: it is read as far as there is room, again and again.
    fn piece(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() && !self.ended {
            let used = self.read(piece);
            piece = piece.get(used..).unwrap_or_default();
            self.turn();
        }
        self.heard.left_over += piece.len();
        self.turn();
    }

    /// One read; says how many bytes it took.
    fn read(&mut self, piece: &[u8]) -> usize {
        if let Some(passed) = self.pass_by(piece) {
            return passed;
        }
        let held = usize::try_from(self.relay.chain.len()).unwrap_or(usize::MAX);
        // As `proxy_buffers` would: memory for a few windows.
        let most = self.window.saturating_mul(3).saturating_sub(held);
        let is_buffered = matches!(self.mode, Mode::Buffered | Mode::Spliced);
        if self.mode == Mode::Unbuffered || (is_buffered && most == 0) {
            self.drain();
        }
        // A head's page is never emptied; a greeting's and a body's is, once nobody looks at it.
        let is_head = self.decoder.is_none() && !self.greeting;
        if is_head || !self.cursor.start_over(&mut self.page) {
            self.cursor.make_room(&mut self.page, self.window, Page::exactly);
        }
        let limit = if is_buffered && most > 0 { most } else { usize::MAX };
        self.page.append(piece.get(..limit.min(piece.len())).unwrap_or_default())
    }

    /// Lets bytes pass that the decoder need not see; None if it must see the next one.
    fn pass_by(&mut self, piece: &[u8]) -> Option<usize> {
        let decoder = self.decoder.as_mut().filter(|_| self.mode == Mode::Spliced)?;
        let due = usize::try_from(decoder.verbatim()).unwrap_or(usize::MAX).min(piece.len());
        if due == 0 || !self.cursor.unread(&self.page).is_empty() {
            return None;
        }
        let _ = decoder.passed(due as u64);
        self.drain();
        self.heard.body.extend_from_slice(piece.get(..due).unwrap_or_default());
        Some(due)
    }

    /// The client takes all there is.
    fn drain(&mut self) {
        self.heard.body.extend_from_slice(&bytes(&self.relay.chain));
        self.relay.chain.clear();
    }

    fn turn(&mut self) {
        if self.ended {
            return;
        }
        if let Err(fault) = self.try_turn() {
            self.heard.end = End::Fault(fault);
            self.ended = true;
        }
    }

    fn try_turn(&mut self) -> Result<(), Fault> {
        let mut input = self.cursor.input(&self.page);
        if self.greeting {
            let mut out = Out::new();
            let said = self.module.greet(&mut input, &mut out, &mut self.heard.head);
            self.heard.said.extend_from_slice(&bytes(&out.take()));
            self.greeting = said? == Greet::More;
        }
        // A window that never had anything in it is not shown.
        if self.greeting || (self.decoder.is_none() && self.page.is_empty()) {
            return Ok(());
        }
        while self.decoder.is_none() {
            match self.module.process_header(&mut input, &mut self.heard.head)? {
                Step::Again => return Ok(()),
                Step::Interim => {
                    self.heard.interims.push(self.heard.head.status);
                    self.heard.head.clear();
                }
                Step::Done => {
                    let framing = self.module.input_filter_init(&self.heard.head);
                    self.heard.framing = Some(framing);
                    self.decoder = Some(Decoder::new(framing));
                }
            }
        }
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        if decoder.decode(self.module, &mut input, &mut self.relay)? == Flow::Last {
            self.heard.end = End::Framed;
            self.ended = true;
        }
        Ok(())
    }

    /// The peer closes, or has nothing more to say.
    fn close(mut self) -> Heard {
        if !self.ended && self.decoder.as_mut().is_some_and(|decoder| decoder.close(self.module)) {
            self.heard.end = End::Closed;
        }
        self.drain();
        let mut heard = self.heard;
        heard.left_over += self.cursor.unread(&self.page).len();
        heard.trailers = self.relay.trailers;
        heard.notes = std::mem::take(&mut heard.head.notes);
        heard.notes.append(&mut self.relay.notes);
        let clean = self.decoder.is_some_and(|decoder| decoder.is_clean());
        heard.reusable = clean && heard.head.keepalive && heard.left_over == 0;
        heard
    }
}

/// Plays a reply in pieces, relayed in memory, into a page of `window` bytes at first.
pub fn hear(module: &mut dyn Erased, pieces: &[&[u8]], window: usize) -> Heard {
    hear_in(module, Mode::Memory, window, false, pieces)
}

/// Plays what a peer says in pieces. `window` is how large a page is made; `greets`: the connection is
/// new, and the pieces begin with the peer's side of the conversation before the request.
pub fn hear_in(module: &mut dyn Erased, mode: Mode, window: usize, greets: bool, pieces: &[&[u8]]) -> Heard {
    let mut listening = Listening::new(module, mode, window, greets);
    pieces.iter().for_each(|piece| listening.piece(piece));
    listening.close()
}

/// Plays the conversation before a request: what the module sends, and whether it is content, after the peer
/// has sent these pieces. The first call sees nothing.
///
/// # Errors
/// The module's.
pub fn greet(module: &mut dyn Erased, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), Fault> {
    let mut page = Page::with_capacity(pieces.iter().map(|piece| piece.len()).sum());
    let (mut cursor, mut out) = (Cursor::default(), Out::new());
    let mut pieces = pieces.iter();
    loop {
        if module.greet(&mut cursor.input(&page), &mut out, &mut Head::default())? == Greet::Done {
            return Ok((bytes(&out.take()), true));
        }
        let Some(piece) = pieces.next() else { return Ok((bytes(&out.take()), false)) };
        page.append(piece);
    }
}
