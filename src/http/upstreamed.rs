//! What a request knows of its upstream: the data of `upstream/`, without its functions.
//!
//! *In nginx* `ngx_http_upstream_t` is declared beside the request that points at it; about a hundred
//! fields, many of which mean something in one of the relay modes only.
//!
//! *Here* the structs stand in this room because a request holds one, and the functions stand in
//! `upstream/`, which knows HTTP; the arrow between the rooms points one way. What belongs to one
//! connection is in [`Peer`] and goes with it, so a further attempt cannot see anything of the one
//! before.
//!
//! ```text
//!   Request ─ Upstream ─┬─ conf, pass, group, tried      whom to ask, and how
//!                       ├─ request                       the bytes, kept for further attempts
//!                       ├─ module                        the protocol's context
//!                       ├─ head, decoder, relay, pipe    the reply
//!                       └─ Peer ─ conn ⇄ Owner::Upstream(x, r)
//! ```
//!
//! *Read next*: `upstream/mod.rs`.

use super::cached::Cached;
use super::holds::Hold;
use super::slots::{PeerRead, PeerWrite};
use super::turn::Status;
use super::upstream_conf::{Pass, UpstreamConf};
use crate::balance::{Group, Held, Server, Tried};
use crate::buf::{Chain, Page, Slice, TempFile};
use crate::event::{ConnId, clock};
use crate::protocol::{Cursor, Decoder, Erased, Head, Kind, Relay, Target, Wrap};
use crate::resolver::Ticket;
use crate::sys::splice::Conduit;
use crate::tls::ClientTls;
use std::fmt;
use std::rc::Rc;

/// What became of one attempt at an upstream, for `$upstream_*` and the log.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Whom it was; empty for the mark between two rounds (an internal redirect).
    pub peer: Rc<str>,
    /// The status it answered, or that stands for how it failed; 0 for none.
    pub status: u16,
    /// When it began, in milliseconds of the loop's clock.
    pub started: u64,
    /// Milliseconds until it was connected.
    pub connect_ms: Option<u64>,
    /// Milliseconds until its head was complete.
    pub header_ms: Option<u64>,
    /// Milliseconds until all was over.
    pub response_ms: Option<u64>,
    /// Bytes of its body.
    pub response_length: u64,
    /// Bytes it sent in all.
    pub bytes_received: u64,
    /// Bytes it was sent.
    pub bytes_sent: u64,
}

impl State {
    /// An attempt that begins now. Not made of [`State::default`], whose empty name would be counted
    /// memory of its own.
    pub fn begun(peer: Rc<str>) -> State {
        State {
            peer,
            status: 0,
            started: clock::now(),
            connect_ms: None,
            header_ms: None,
            response_ms: None,
            response_length: 0,
            bytes_received: 0,
            bytes_sent: 0,
        }
    }
}

/// How the reply reaches the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// It has not begun to.
    #[default]
    None,
    /// Upstream speed first: read ahead, spill if need be.
    Buffered,
    /// Downstream speed first: read when the client has taken what there was.
    Unbuffered,
    /// A tunnel.
    Upgraded,
}

/// With whom a request speaks TLS.
#[derive(Clone, Debug)]
pub struct Aim {
    /// The configuration of the location.
    pub tls: Rc<ClientTls>,
    /// The name the peer is to have (`NAME_ssl_name`).
    pub name: Slice,
}

/// The connection of one attempt.
pub struct Peer {
    /// Its connection; [`ConnId::NONE`] for one that was refused before there was a socket.
    pub conn: ConnId,
    /// The balancer's token; given back when the attempt is over. None only between the two.
    pub held: Option<Held>,
    /// What happens when it becomes readable.
    pub read: PeerRead,
    /// What happens when it becomes writable.
    pub write: PeerWrite,
    /// It has served a request before: if it dies now without a word, that is nobody's failure.
    pub reused: bool,
    /// The whole request has been sent.
    pub request_sent: bool,
    /// The window: what it sent that has not been decoded.
    pub page: Page,
    /// How far the window has been used.
    pub cursor: Cursor,
    /// What it is still to be sent: views of the request that is kept in the upstream.
    pub out: Chain,
    /// What of its connection must be equal for another request to use it ([`pool::key`]).
    ///
    /// [`pool::key`]: crate::upstream::pool::key
    pub key: u64,
    /// Bytes its connection had been sent before this request.
    pub sent_before: u64,
    /// Bytes its connection had received before this request.
    pub received_before: u64,
}

impl Peer {
    /// Swaps the read slot, with a line in the debug log.
    pub fn swap_read(&mut self, slot: PeerRead) {
        if self.read != slot {
            log::trace!("peer {:?} read {:?} -> {slot:?}", self.conn, self.read);
            self.read = slot;
        }
    }

    /// Swaps the write slot, with a line in the debug log.
    pub fn swap_write(&mut self, slot: PeerWrite) {
        if self.write != slot {
            log::trace!("peer {:?} write {:?} -> {slot:?}", self.conn, self.write);
            self.write = slot;
        }
    }
}

/// What the buffered relay holds back (nginx: `ngx_event_pipe_t`).
#[derive(Default)]
pub struct Pipe {
    /// In memory, behind what is in the file.
    pub memory: Chain,
    /// In the file of a reply that is being kept, in front of what is in memory.
    pub kept: Chain,
    /// What memory should not hold.
    pub file: Option<TempFile>,
    /// How much of the file has been handed on.
    pub handed: u64,
    /// What the client has not taken of bytes that pass by; what is in memory comes behind it.
    pub held: Option<HeldPipe>,
    /// Bytes that passed from socket to socket.
    pub passed: u64,
    /// Bytes that passed by our memory, to the client or to the file.
    pub spliced: u64,
    /// How long such bytes have waited for the client, in milliseconds.
    pub stalled_ms: u64,
}

/// A pipe of the kernel with bytes that the client has not taken yet.
pub struct HeldPipe {
    /// The pipe.
    pub conduit: Conduit,
    /// Since when our patience is being used, in milliseconds of the loop's clock. None where only the
    /// client's own time is: nobody else waits for it.
    pub impatient_since: Option<u64>,
    /// Its place among those that the worker has lent.
    pub place: Rc<()>,
}

/// What a tunnel remembers: which ends were passed on, and what the line in the log at its end says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tunnel {
    /// Who ended its direction first: `client` or `upstream`.
    pub closer: Option<&'static str>,
    /// What the peer's connection had been sent when the tunnel began; the rest is the client's.
    pub sent_before: u64,
    /// Bytes from the peer.
    pub received: u64,
    /// The peer has been told that the client has ended its side.
    pub told_peer: bool,
    /// The client has been told that the peer has.
    pub told_client: bool,
}

impl Pipe {
    /// Lets go of everything.
    pub fn clear(&mut self) {
        self.memory.clear();
        (self.file, self.held) = (None, None);
        (self.handed, self.passed, self.spliced, self.stalled_ms) = (0, 0, 0, 0);
    }
}

/// The upstream side of a request.
pub struct Upstream {
    /// Keeps the exchange alive; None once the upstream is over and only its results are left.
    pub hold: Option<Hold>,
    /// Which protocol.
    pub kind: &'static Kind,
    /// The settings of the location under the protocol's prefix.
    pub conf: Rc<UpstreamConf>,
    /// Where the location passes to.
    pub pass: Rc<Pass>,
    /// The protocol's context of this request. None until `create_request` has made it, and when the upstream
    /// is over.
    pub module: Option<Box<dyn Erased>>,
    /// The context of a request that is over: the next one's is made in its memory.
    pub used_module: Option<Box<dyn Erased>>,
    /// The peers. None until they are known: a name may have to be asked for first.
    pub group: Option<Rc<Group>>,
    /// While its name is being asked for: by what the question is taken back, and `host:port`.
    pub resolving: Option<(Ticket, Slice)>,
    /// Its peers are spoken to over TLS.
    pub tls: Option<Aim>,
    /// What has been tried of them. None before the first attempt, and for a moment while one is chosen.
    pub tried: Option<Tried>,
    /// The present attempt. None while a peer is chosen or waited for, and when the reply is complete.
    pub peer: Option<Peer>,
    /// The request without its body, kept for further attempts.
    pub request: Chain,
    /// How the body goes behind it; None if it does not.
    /// Set with `request`, by the protocol; asked by whoever sends.
    pub wrapping: Option<&'static dyn Wrap>,
    /// What the protocol is told about the pass directive.
    pub target: Rc<Target>,
    /// `$proxy_port`; 0 for a unix socket.
    pub port: u16,
    /// The chosen peer's `server` line.
    pub server: Option<Rc<Server>>,
    /// What has been passed on of a body that streams, so that a further attempt can be made; None when
    /// it became too much to keep.
    pub kept: Option<Chain>,
    /// `http://`, for the log.
    pub schema: Slice,
    /// The URI asked for, for the log.
    pub uri: Slice,
    /// The reply's head.
    pub head: Head,
    /// The reply's body. None until the head is complete.
    pub decoder: Option<Decoder>,
    /// Body that was decoded and not handed on.
    pub relay: Relay,
    /// Of the buffered relay.
    pub pipe: Pipe,
    /// Of a tunnel.
    pub tunnel: Tunnel,
    /// A copy of the body that is going to be a file (`NAME_store`).
    pub store: Option<TempFile>,
    /// What the cache has to do with it; None where nothing is kept.
    pub cache: Option<Box<Cached>>,
    /// Buffered or not, after X-Accel-Buffering had its say.
    /// As configured at the beginning of each attempt; `heads.rs` changes it, `relay.rs` acts upon it.
    pub buffering: bool,
    /// How the reply goes to the client.
    pub mode: Mode,
    /// The reply's head has been sent to the client.
    /// Set by `relay.rs` alone; from then on there is no other peer and no error page, only an end or a cut.
    pub header_sent: bool,
    /// The end of the answer has been handed to the output, which said this.
    pub ended: Option<Status>,
    /// The present attempt has had its time (`NAME_timeout`). Set and cleared by `deadline.rs`; the log
    /// line that follows names that timer instead of the one awaited.
    pub overdue: bool,
    /// Some of the request has been written to the present peer. Set by `send.rs` with the first byte
    /// the kernel took, cleared with each new connection; `next.rs` asks it whether the peer may have
    /// acted upon the request.
    pub request_sent: bool,
    /// The whole reply has been received.
    /// Set by the relays; `finish.rs` makes the difference of an end and a cut of it.
    pub complete: bool,
    /// The client is gone, but the reply is still wanted (`NAME_ignore_client_abort`, `NAME_store`).
    pub client_gone: bool,
    /// When the first attempt began, in milliseconds of the loop's clock. `NAME_next_upstream_timeout`
    /// counts from here: it bounds the beginning of further attempts, not their end.
    pub started: u64,
    /// Bytes of the body read so far, for `NAME_limit_rate`, and since when.
    pub rate_from: u64,
    /// `NAME_limit_rate` in bytes per second; 0 for no limit.
    pub limit_rate: u64,
}

impl Upstream {
    /// A copy of the body is being made, whether or not a client is there to get it.
    pub fn copies_body(&self) -> bool {
        self.store.is_some() || self.cache.as_ref().is_some_and(|c| c.fill.is_some())
    }

    /// The reply is one that the cache may keep, so the peer is asked for all of it.
    pub fn keeps_reply(&self) -> bool {
        self.cache.as_ref().is_some_and(|c| c.may_keep())
    }

    /// The answer comes from the cache.
    pub fn is_cached(&self) -> bool {
        self.cache.as_ref().is_some_and(|c| c.sends)
    }

    /// The upstream of a request that begins.
    pub fn new(kind: &'static Kind, conf: Rc<UpstreamConf>, pass: Rc<Pass>, hold: Hold) -> Upstream {
        Upstream {
            hold: Some(hold),
            kind,
            buffering: *conf.buffering,
            conf,
            module: None,
            used_module: None,
            group: None,
            resolving: None,
            tls: None,
            tried: None,
            peer: None,
            request: Chain::default(),
            wrapping: None,
            target: pass.target.clone(),
            port: pass.parts.port,
            server: None,
            kept: Some(Chain::default()),
            schema: pass.parts.schema.clone(),
            pass,
            uri: Slice::EMPTY,
            head: Head::default(),
            decoder: None,
            relay: Relay::default(),
            pipe: Pipe::default(),
            store: None,
            cache: None,
            tunnel: Tunnel::default(),
            mode: Mode::None,
            header_sent: false,
            ended: None,
            overdue: false,
            request_sent: false,
            complete: false,
            client_gone: false,
            started: clock::now(),
            rate_from: 0,
            limit_rate: 0,
        }
    }

    /// Makes a retired one that of a request that begins. Most often the one before it went to the same
    /// place.
    pub fn renew(&mut self, kind: &'static Kind, conf: &Rc<UpstreamConf>, pass: &Rc<Pass>, hold: Hold) {
        self.hold = Some(hold);
        self.kind = kind;
        self.buffering = *conf.buffering;
        let is_same = Rc::ptr_eq(&self.conf, conf) && Rc::ptr_eq(&self.pass, pass);
        // What variables made of the directive was that request's own.
        if !is_same || pass.template.is_some() {
            self.conf = conf.clone();
            self.target = pass.target.clone();
            self.port = pass.parts.port;
            self.schema = pass.parts.schema.clone();
            self.pass = pass.clone();
        }
        self.started = clock::now();
    }

    /// Lets go of everything but the memory of its lists: the request is over. The pattern names all fields,
    /// so a new one does not compile until it is thought of.
    pub fn retire(&mut self) {
        let Upstream {
            hold,
            kind: _,
            conf: _,
            pass: _,
            module,
            used_module: _,
            group,
            resolving,
            tls,
            tried,
            peer,
            request,
            wrapping,
            target: _,
            port: _,
            server,
            kept,
            schema: _,
            uri,
            head,
            decoder,
            relay,
            pipe,
            store,
            cache,
            tunnel,
            buffering: _,
            mode,
            header_sent,
            ended,
            overdue,
            request_sent,
            complete,
            client_gone,
            started: _,
            rate_from,
            limit_rate,
        } = self;
        (*hold, *module, *group, *resolving, *tried) = (None, None, None, None, None);
        (*peer, *wrapping, *server, *decoder, *store) = (None, None, None, None, None);
        kept.get_or_insert_default().clear();
        (*tls, *cache, *tunnel) = (None, None, Tunnel::default());
        *uri = Slice::EMPTY;
        request.clear();
        head.clear();
        relay.clear();
        pipe.clear();
        (*mode, *ended) = (Mode::None, None);
        for flag in [header_sent, overdue, request_sent, complete, client_gone] {
            *flag = false;
        }
        (*rate_from, *limit_rate) = (0, 0);
    }

    /// The part of an error line that names the upstream.
    ///
    /// # Errors
    /// Those of the formatter.
    pub fn write_context(&self, f: &mut fmt::Formatter<'_>, states: &[State]) -> fmt::Result {
        let Some(state) = states.last().filter(|state| !state.peer.is_empty() && self.hold.is_some()) else {
            return Ok(());
        };
        let separator = if self.uri.is_empty() || self.uri.starts_with(b"/") { "" } else { "/" };
        let uri = super::logging::printable(&self.uri);
        write!(f, ", upstream: \"{}{}{separator}{uri}\"", self.schema, state.peer)
    }
}
