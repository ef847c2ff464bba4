//! Where a reply's body ends, and the one decoder that all ways of relaying share.
//!
//! *In nginx* every module that frames anything has two body filters, one for the event pipe and one for the
//! unbuffered relay, which agree on `u->length`: -1 means until close, 1 means "at least something".
//!
//! *Here* [`Framing`] is data and [`Decoder`] turns it into work: it moves the body's bytes from the
//! window into a [`Relay`] as counted views, drops what only frames them, and stops at the end of the
//! message. What stands behind the end stays in the window, where its presence forbids another use of the
//! connection. Protocols that frame a body in a way of their own answer [`Framing::Module`] and decode it
//! themselves.
//!
//! ```text
//!   window  5\r\n h e l l o \r\n 0\r\n \r\n │ anything here: left over
//!   Relay         └─ a view ─┘               Flow::Last
//! ```
//!
//! *Read next*: `mod.rs`, the trait.

use super::fields::Fields;
use super::input::Input;
use super::text::is_token;
use super::{Erased, Fault, Flow};
use crate::buf::{Chain, Slice};
use crate::parse::chunked::{ChunkStep, Chunked};

/// How a reply's body is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Empty,
    /// So many bytes.
    Length(u64),
    /// So many bytes, and behind them these, which belong to the message but not to the body.
    Tailed {
        /// Bytes of the body.
        body: u64,
        /// What must follow it.
        tail: &'static [u8],
    },
    /// HTTP chunks (RFC 9112, section 7.1).
    Chunked {
        /// Whether the fields behind the last chunk are wanted; they are checked in any case.
        trailers: bool,
    },
    /// Everything until the peer closes; such a connection serves no other request.
    UntilClose,
    /// As the module's `input_filter` says.
    Module,
}

/// Where decoded bytes go.
#[derive(Debug, Default)]
pub struct Relay {
    /// The body, in order, as views of the pages it came in.
    pub chain: Chain,
    /// Fields that came behind the body.
    pub trailers: Fields,
    /// Whole messages for the error log.
    pub notes: Vec<Slice>,
}

impl Relay {
    /// Adds bytes of the body.
    pub fn push(&mut self, bytes: Slice) {
        self.chain.push(bytes);
    }

    /// Lets go of everything.
    pub fn clear(&mut self) {
        self.chain.clear();
        if !self.trailers.is_empty() {
            self.trailers.clear();
        }
        self.notes.clear();
    }
}

#[derive(Clone, Debug)]
enum State {
    /// Bytes of the body that are due, then bytes of the tail.
    Counted {
        left: u64,
        tail: &'static [u8],
    },
    Chunked(Chunked),
    UntilClose,
    Module,
    Done,
}

/// A body being read.
#[derive(Clone, Debug)]
pub struct Decoder {
    state: State,
    /// The message ended as it should have.
    clean: bool,
}

impl Decoder {
    /// A decoder at the beginning of a body.
    pub fn new(framing: Framing) -> Decoder {
        let state = match framing {
            Framing::Empty | Framing::Length(0) => State::Done,
            Framing::Length(left) => State::Counted { left, tail: b"" },
            Framing::Tailed { body, tail } => State::Counted { left: body, tail },
            Framing::Chunked { trailers: true } => State::Chunked(Chunked::with_trailers()),
            Framing::Chunked { trailers: false } => State::Chunked(Chunked::default()),
            Framing::UntilClose => State::UntilClose,
            Framing::Module => State::Module,
        };
        Decoder { state, clean: true }
    }

    /// Moves what is unread into `out`, up to the end of the message. Call it once before the first read
    /// too: a body without bytes is `Last` at once.
    ///
    /// # Errors
    /// `Invalid`: the framing is broken, and what went out before is all there will be.
    pub fn decode(
        &mut self,
        module: &mut dyn Erased,
        input: &mut Input,
        out: &mut Relay,
    ) -> Result<Flow, Fault> {
        let flow = match &mut self.state {
            State::Done => Flow::Last,
            State::UntilClose => {
                out.push(input.take(input.len()));
                Flow::More
            }
            State::Counted { left, tail } => {
                let due = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                out.push(input.take(due));
                *left -= due as u64;
                if *left > 0 { Flow::More } else { skip_tail(tail, &mut self.clean, input, out) }
            }
            State::Chunked(chunked) => chunks(chunked, input, out)?,
            State::Module => module.input_filter(input, out)?,
        };
        if flow == Flow::Last {
            self.state = State::Done;
        }
        Ok(flow)
    }

    /// Takes the whole body, if it is all there and nothing but bytes that are counted.
    pub fn take_whole(&mut self, input: &mut Input) -> Option<Slice> {
        let State::Counted { left, tail: [] } = self.state else { return None };
        let due = usize::try_from(left).ok().filter(|due| *due <= input.len())?;
        self.state = State::Done;
        Some(input.take(due))
    }

    /// The end has been reached.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The peer has closed: true if that ends the message as it should, false if the message was cut.
    pub fn close(&mut self, module: &dyn Erased) -> bool {
        let ends = match self.state {
            State::Done => return true,
            State::UntilClose => true,
            State::Module => module.ends_at_close(),
            _ => false,
        };
        if ends {
            self.state = State::Done;
            self.clean = false;
        }
        ends
    }

    /// The end was reached by the message's own framing, so that another message may follow. The caller must
    /// see for itself that nothing is left over in the window.
    pub fn is_clean(&self) -> bool {
        self.is_done() && self.clean
    }

    /// How many bytes come as they are, without anything for the decoder to do: they may pass by it, from
    /// socket to socket. 0 if the next byte has to be looked at.
    pub fn verbatim(&self) -> u64 {
        match &self.state {
            State::Counted { left, .. } => *left,
            State::UntilClose => u64::MAX,
            State::Chunked(chunked) => chunked.data_due(),
            State::Module | State::Done => 0,
        }
    }

    /// So many of the [verbatim](Decoder::verbatim) bytes passed by. Gives what [`Decoder::decode`] would
    /// have.
    pub fn passed(&mut self, n: u64) -> Flow {
        match &mut self.state {
            State::Counted { left, tail } => {
                *left = left.saturating_sub(n);
                if *left == 0 && tail.is_empty() {
                    self.state = State::Done;
                }
            }
            State::Chunked(chunked) => chunked.skip_data(n),
            State::UntilClose | State::Module | State::Done => {}
        }
        if self.is_done() { Flow::Last } else { Flow::More }
    }

    /// How many bytes must come at least until the message ends; None if only the close ends it or only the
    /// module knows. A read never needs to be larger.
    pub fn least(&self) -> Option<u64> {
        match &self.state {
            State::Counted { left, tail } => Some(left.saturating_add(tail.len() as u64)),
            State::Chunked(chunked) => Some(chunked.min_remaining()),
            State::Done => Some(0),
            State::UntilClose | State::Module => None,
        }
    }
}

/// Drops what is there of the tail. NGINX: a wrong tail ends the message, whose body is complete; only the
/// connection is of no more use.
fn skip_tail(tail: &mut &'static [u8], clean: &mut bool, input: &mut Input, out: &mut Relay) -> Flow {
    let right = tail.iter().zip(input.bytes()).take_while(|(due, byte)| due == byte).count();
    input.consume(right);
    *tail = tail.get(right..).unwrap_or_default();
    if !tail.is_empty() && input.is_empty() {
        return Flow::More;
    }
    if !tail.is_empty() {
        *clean = false;
        out.notes.push(Slice::from("upstream sent invalid trailer"));
    }
    Flow::Last
}

fn chunks(chunked: &mut Chunked, input: &mut Input, out: &mut Relay) -> Result<Flow, Fault> {
    loop {
        match chunked.parse(input.bytes()) {
            Ok(ChunkStep::Again { used }) => {
                input.consume(used);
                return Ok(Flow::More);
            }
            Ok(ChunkStep::Data { start, len }) => {
                input.consume(start);
                out.push(input.take(len));
            }
            Ok(ChunkStep::Done { used }) => {
                input.consume(used);
                let kept = chunked.trailers().iter().filter(|trailer| may_trail(&trailer.name));
                kept.for_each(|trailer| out.trailers.add(&trailer.name, &trailer.value, false));
                return Ok(Flow::Last);
            }
            Err(_) => return Err(Fault::Invalid("invalid chunked response")),
        }
    }
}

/// Whether a field may come behind a body: it must not frame, route, authenticate or control what has
/// been acted upon already (RFC 9110, section 6.5.1).
fn may_trail(name: &[u8]) -> bool {
    const NEVER: [&str; 18] = [
        "Authorization",
        "Cache-Control",
        "Connection",
        "Content-Encoding",
        "Content-Length",
        "Content-Range",
        "Content-Type",
        "Host",
        "Keep-Alive",
        "Location",
        "Max-Forwards",
        "Proxy-Connection",
        "Set-Cookie",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "WWW-Authenticate",
    ];
    is_token(name)
        && !name.to_ascii_lowercase().starts_with(b"x-accel-")
        && !NEVER.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buf::Page;
    use crate::protocol::bench::{Asking, configure};
    use crate::protocol::http1::Http1;
    use crate::protocol::{Cursor, Out};

    /// Decodes `text`, letting what can pass by do so; gives what passed, what was decoded, what was left.
    fn bypass(framing: Framing, text: &[u8]) -> (usize, String, usize) {
        let configured = configure::<Http1>("").unwrap();
        let mut asking = Asking::get("/", &configured);
        let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new());
        let (mut module, mut decoder, mut relay) = (module.unwrap(), Decoder::new(framing), Relay::default());
        let (mut at, mut passed) = (0, 0);
        while at < text.len() && !decoder.is_done() {
            let by = usize::try_from(decoder.verbatim()).unwrap_or(usize::MAX).min(text.len() - at);
            decoder.passed(by as u64);
            (at, passed) = (at + by, passed + by);
            let mut page = Page::with_capacity(1);
            let n = usize::from(at < text.len() && !decoder.is_done());
            page.append(&text[at..at + n]);
            let (mut cursor, mut left) = (Cursor::default(), 0);
            decoder.decode(&mut *module, &mut cursor.input(&page), &mut relay).unwrap();
            left += cursor.unread(&page).len();
            at += n - left;
        }
        let decoded = String::from_utf8(relay.chain.gather().unwrap().to_vec()).unwrap();
        (passed, decoded, text.len() - at)
    }

    #[test]
    fn bytes_that_need_no_look_may_pass_by() {
        assert_eq!(bypass(Framing::Length(5), b"helloX"), (5, String::new(), 1));
        assert_eq!(bypass(Framing::UntilClose, b"hello"), (5, String::new(), 0));
        assert_eq!(bypass(Framing::Tailed { body: 2, tail: b"END" }, b"hiENDX"), (2, String::new(), 1));
        let chunked = Framing::Chunked { trailers: false };
        assert_eq!(bypass(chunked, b"5\r\nhello\r\n0\r\n\r\nX"), (5, String::new(), 1));
    }
}
