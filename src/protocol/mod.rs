//! Protocols: how a request is put to a peer, and how its reply is read.
//!
//! *In nginx* an upstream module is a set of nine callbacks in `ngx_http_upstream_t`, a context it allocates
//! and attaches to the request, and a copy of some sixty directives under its own prefix.
//!
//! *Here* it is the trait [`Protocol`], two functions of which are required. No socket, no clock, no log:
//! bytes in, verdict out. The value that `create_request` makes *is* the context; a copy of it is kept,
//! so every peer that is tried meets the module as it was at first. Directives that all modules share
//! come with the name.
//!
//! ```text
//!   create_request ─▶ [greet] ─▶ process_header ─▶ input_filter_init ─▶ (Decoder │ input_filter) ─▶ finalize
//!     once            new conn.   until Done         once                 until Flow::Last            once
//!                        └───────── Fault::Invalid, next peer: reinit_request ◀──────────┘
//! ```
//!
//! What every module keeps to, and [`mod@bench`] tries: input may be cut anywhere and
//! the result is the same; what stands behind the message is not touched; nothing the module did for one peer
//! is seen by the next. A protocol with messages that answer messages in the midst of the body (gRPC's flow
//! control) would need an outbox in `input_filter`; there is none yet.
//!
//! *Read next*: `memcached.rs`, a whole module; then `request.rs`, `out.rs`, `input.rs`, `head.rs`,
//! `framing.rs`; `erased.rs` for how the core holds a module.

pub mod bench;
pub mod cgi;
pub mod erased;
pub mod fastcgi;
pub mod fields;
pub mod framing;
pub mod head;
pub mod http1;
pub mod input;
pub mod json;
pub mod memcached;
pub mod memcached_store;
pub mod mysql;
pub mod names;
pub mod out;
pub mod params;
pub mod redis;
pub mod request;
pub mod resp;
pub mod scgi;
pub mod text;
pub mod tunnel;
pub mod uwsgi;
pub mod values;

pub use erased::{Erased, Kind};
pub use fields::{Field, Fields};
pub use framing::{Decoder, Framing, Relay};
pub use head::Head;
pub use input::{Cursor, Input};
pub use names::Name;
pub use out::{Out, Wrap};
pub use request::{Body, Request, Target};

use crate::buf::Slice;
use crate::conf::directive::Module;
use crate::conf::merge::Conf;
use std::rc::Rc;

/// The protocols that come with the server. Each has a pass directive, `NAME_pass`, with the shared set
/// behind it, and directives of its own.
pub const KINDS: &[Kind] = &[
    Kind::of::<http1::Http1>(),
    Kind::of::<memcached::Memcached>(),
    Kind::of::<fastcgi::FastCgi>(),
    Kind::of::<mysql::MySql>(),
    Kind::of::<redis::Redis>(),
    Kind::of::<scgi::Scgi>(),
    Kind::of::<tunnel::Tunnel>(),
    Kind::of::<uwsgi::Uwsgi>(),
];

/// What looking at a head came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// More bytes are needed.
    Again,
    /// The head so far is an interim reply (1xx). The final one is still to come, perhaps in bytes that are
    /// there already: clear the head and call again.
    Interim,
    /// The head is complete; the body begins with the next unread byte.
    Done,
}

/// What a conversation before the request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greet {
    /// Send what was written, if anything, and call again with the answer.
    More,
    /// Send what was written, then the request.
    Done,
}

/// Why a module gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The peer broke the protocol: the next one is tried, or the client gets 502. The text completes
    /// "upstream sent …", or is a whole message that begins with "upstream".
    Invalid(&'static str),
    /// The module cannot work: 500. The text is a whole message.
    Internal(&'static str),
    /// The request is answered with this status, whatever peers there are.
    Refuse(u16),
}

/// Whether a body goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// More is to come.
    More,
    /// The message is complete.
    Last,
}

/// How a request at an upstream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The whole reply was received.
    Complete,
    /// The reply was cut after its head had been passed on.
    Cut,
    /// The client went away first.
    Aborted,
    /// The client got this status instead of a reply.
    Failed(u16),
}

/// A protocol that peers speak. The value is the context of one request.
///
/// Names and order are those of nginx's callbacks.
pub trait Protocol: Sized + Clone + 'static {
    /// What its own directives set; a type without fields where there are none.
    type Conf: Conf;

    /// The prefix of its directives: `memcached` for `memcached_pass` and all the others.
    const NAME: &'static str;

    /// The table of its own directives. The shared ones are added under [`Protocol::NAME`].
    const DIRECTIVES: &'static Module;

    /// The scheme of the URL in the pass directive, as `http`; None if the directive names host and
    /// port only.
    const SCHEME: Option<&'static str> = None;

    /// The port of a host without one; 0 if there has to be one.
    const PORT: u16 = 0;

    /// The scheme that stands for the same over TLS, and its port; None where there is no such thing.
    const TLS_SCHEME: Option<(&'static str, u16)> = None;

    /// Over TLS its peers say that a stream has ended (close_notify): if they do not, it was cut.
    const SAYS_GOODBYE: bool = true;

    /// A new connection begins with a conversation before the request.
    const GREETS: bool = false;

    /// A value is looked up as a file is: unless the module says otherwise it has the type that the path
    /// has here (`types`, `default_type`), and where there is none, the server's page for 404 answers.
    const LIKE_FILES: bool = false;

    /// Its replies can be kept: [`Protocol::revive`] makes a context that reads a head once more from the
    /// bytes it came in.
    const CACHES: bool = false;

    /// A connection that is there is the whole reply: the client is told 200, and what follows is
    /// relayed both ways as it comes. Only CONNECT may ask for it. Neither [`Protocol::greet`] nor
    /// [`Protocol::process_header`] is called.
    const TUNNELS: bool = false;

    /// The argument of the pass directive where it has none; None if there has to be one.
    const PASS_DEFAULT: Option<&'static str> = None;

    /// Which of the shared directives it has, without the prefix; None for all. A directive that could have
    /// no effect should not be there to be set.
    const SHARED: Option<&'static [&'static str]> = None;

    /// Whether the client's body may be passed on while it is still being read: where it may not, it is read
    /// first. `chunked`: its length is not known.
    fn may_stream(_conf: &Self::Conf, chunked: bool) -> bool {
        !chunked
    }

    /// Writes the request and makes the context. Called once for a request, before a peer is chosen.
    ///
    /// # Errors
    /// `Internal` or `Refuse`; there is no peer yet who could be at fault.
    fn create_request(r: &mut dyn Request, conf: &Rc<Self::Conf>, out: &mut Out) -> Result<Self, Fault>;

    /// A context that nobody is asked with: it reads the head of a kept reply, by
    /// [`Protocol::process_header`], and changes it for the client. None if [replies are not
    /// kept](Protocol::CACHES).
    fn revive(_conf: &Rc<Self::Conf>) -> Option<Self> {
        None
    }

    /// What a reply is kept under where the configuration does not say (`NAME_cache_key`): host and URI;
    /// the scheme is put in front.
    ///
    /// # Errors
    /// As [`Protocol::create_request`].
    fn cache_key(_r: &mut dyn Request) -> Result<Slice, Fault> {
        Ok(Slice::EMPTY)
    }

    /// What the greeting agreed upon, as a number: a connection that was greeted with another one
    /// (another user, another database) is of no use to this request.
    fn session(&self) -> u64 {
        0
    }

    /// The conversation on a new connection, if the protocol [has one](Protocol::GREETS). The first call
    /// sees an empty window; later ones may see nothing new. Skipped on a connection that is used again.
    /// `head` is for the words of a fault ([`Head::detail`]).
    ///
    /// # Errors
    /// As [`Protocol::process_header`].
    fn greet(&mut self, _input: &mut Input, _out: &mut Out, _head: &mut Head) -> Result<Greet, Fault> {
        Ok(Greet::Done)
    }

    /// Reads the head of the reply; called again with more until it says `Done`. What it used is gone, so it
    /// keeps in itself or in `head` what it needs later.
    ///
    /// # Errors
    /// `Invalid`: the next peer is tried. The module may leave the offending bytes in [`Head::detail`].
    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault>;

    /// Makes the context fit for the next peer. `pristine` is what `create_request` made.
    fn reinit_request(&mut self, pristine: &Self) {
        self.clone_from(pristine);
    }

    /// Says how the body is framed, once the head is complete.
    fn input_filter_init(&mut self, head: &Head) -> Framing {
        head.content_length.map_or(Framing::UntilClose, Framing::Length)
    }

    /// Decodes what is unread; only called for [`Framing::Module`].
    ///
    /// # Errors
    /// `Invalid`: the reply is cut here.
    fn input_filter(&mut self, _input: &mut Input, _out: &mut Relay) -> Result<Flow, Fault> {
        Err(Fault::Internal("the protocol says it frames bodies itself, but has no input_filter"))
    }

    /// Whether the peer's close is the end of the message now; only asked for [`Framing::Module`].
    fn ends_at_close(&self) -> bool {
        false
    }

    /// What `Location` and the URL of `Refresh` become for the client; None to leave them alone.
    fn rewrite_redirect(&self, _r: &mut dyn Request, _location: &Slice) -> Option<Slice> {
        None
    }

    /// What `Set-Cookie` becomes for the client; None to leave it alone.
    fn rewrite_cookie(&self, _r: &mut dyn Request, _cookie: &Slice) -> Option<Slice> {
        None
    }

    /// The client went away while the peer was still at work. What is written here is sent, if that can
    /// be done at once, before the connection is closed.
    fn abort_request(&mut self, _out: &mut Out) {}

    /// The end, whatever came before.
    fn finalize_request(self, _end: Outcome) {}
}
