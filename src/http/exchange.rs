//! An exchange: one request of a client with its subrequests, and what keeps it alive.
//!
//! *In nginx* there is no such thing by name: it is the main request, whose pool, connection and `count`
//! the subrequests share, plus `ngx_http_connection_t`.
//!
//! *Here* the thing has a name. The worker keeps exchanges in a slab; handlers get `&mut Exchange` and
//! the number of the request they work for, so a parent and its children are within reach of each other
//! without any shared ownership. A client that is idle between requests has no exchange.
//!
//! ```text
//!   Exchange ── client: conn, read slot, page of the head
//!            ├─ main         the main request      x[r] is a request by its number
//!            ├─ children     subrequests …         they live until the exchange ends
//!            ├─ holds        why it lives
//!            └─ posted       requests to run once the present handler has returned
//! ```
//!
//! *Read next*: `request.rs`, `holds.rs`, `worker/mod.rs`.

use super::client::head::{Head, Opening};
use super::client::host::Recent;
use super::counters::Count;
use super::deadline::Deadline;
use super::holds::Holds;
use super::io::Io;
use super::request::{Cached, Request};
use super::server::Server;
use super::slots::ClientRead;
use super::turn::Turn;
use crate::buf::Chain;
use crate::event::{ConnId, ExchangeId, RequestIx};
use crate::util::address::Address;
use crate::util::lists::empty;
use std::collections::VecDeque;
use std::ops::{Index, IndexMut};
use std::rc::Rc;

/// What becomes of the client's connection when the last hold is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It is closed.
    #[default]
    Close,
    /// It waits for another request.
    KeepAlive,
    /// Its remaining bytes are read away, then it is closed.
    Linger,
    /// It is closed with a reset (`reset_timedout_connection`, status 444).
    Reset,
}

/// A continuation that a request leaves for itself.
pub type Resume = Rc<dyn Fn(&mut Exchange, RequestIx, &mut Io) -> Turn>;

/// The client's side.
pub struct Client {
    /// Its connection, for the whole life of the exchange. When the client has gone the name finds nothing,
    /// or something with an error flag; each user asks.
    pub conn: ConnId,
    /// What happens when it becomes readable. Changed by [`Exchange::swap_client_read`] alone.
    pub read: ClientRead,
    /// The page of the head and how far it has been parsed; behind that stand the body's first bytes or
    /// the next request.
    pub head: Head,
    /// The host that was named last, by whatever request this memory served; the next one probably names it
    /// too.
    pub recent_host: Recent,
    /// The connection may be used for another request: what the client wishes, until something or somebody
    /// takes it back. Nobody gives it back again.
    pub keepalive: bool,
    /// Bytes may still come that nobody will read for sense.
    pub lingering: bool,
    /// The body is not to be read as a next request: something was wrong with its framing.
    pub poisoned: bool,
    /// The number of the connection, for the log.
    pub number: u64,
    /// Bytes of this request: line, fields and body (`$request_length`).
    pub request_length: u64,
    /// Bytes sent over the connection before this request (`$bytes_sent` counts from here).
    pub sent_before: u64,
    /// The request had arrived with the one before it (`$pipe`).
    pub pipelined: bool,
    /// The address of the proxy, while that of the client it named stands in its place (`set_real_ip_from`).
    pub replaced: Option<Address>,
    /// What the exchange is counted as: reading, once its head was waited for, or writing. Nothing before,
    /// since most heads are there as soon as they begin.
    pub counted: Option<Count>,
    /// Its lines go to the error log at debug level (directive `debug_connection`).
    pub debug: bool,
}

impl Client {
    fn new(conn: ConnId, number: u64, opening: Opening) -> Client {
        Client {
            conn,
            read: ClientRead::RequestLine,
            head: Head::new(opening),
            recent_host: Recent::default(),
            keepalive: false,
            lingering: false,
            poisoned: false,
            number,
            request_length: 0,
            sent_before: 0,
            pipelined: false,
            replaced: None,
            counted: None,
            debug: false,
        }
    }

    /// Makes it that of another request; the host it knows stays, and the slot is its exchange's to swap.
    fn renew(&mut self, conn: ConnId, number: u64, opening: Opening) {
        (self.conn, self.number) = (conn, number);
        self.head.renew(opening);
        (self.keepalive, self.lingering, self.poisoned) = (false, false, false);
        (self.request_length, self.sent_before) = (0, 0);
        (self.pipelined, self.counted, self.debug) = (false, None, false);
        self.replaced = None;
    }
}

/// What is attempted first.
const READING: &str = "reading client request line";

/// One request of a client with its subrequests.
pub struct Exchange {
    /// Its key in the worker's slab.
    pub id: ExchangeId,
    /// The client's side.
    pub client: Client,
    /// Number 0. Apart from the others, so that it is there without a look.
    main: Request,
    /// Number 1 and so on. They stay when they have ended: parents ask for their status and what they kept.
    children: Vec<Request>,
    /// Numbers of subrequests that have ended and that nobody asks about any more.
    spare: Vec<RequestIx>,
    /// Which request the connection's events and output belong to (nginx: `c->data`).
    pub active: RequestIx,
    /// Requests whose write slot is to run before the loop goes on (nginx: `r->main->posted_requests`).
    pub posted: VecDeque<RequestIx>,
    /// Output of all requests, in order, that the client has not taken yet (nginx: `r->out` of the write
    /// filter).
    pub out: Chain,
    /// Variables by number, worked out when first asked for; subrequests share them with their parent.
    pub variables: Vec<Cached>,
    /// Why it lives. Read by the dispatcher after each handler: at none it is freed.
    pub holds: Holds,
    /// What becomes of the connection at the end. Written when the main request is finalized, carried out
    /// when the exchange is freed.
    pub fate: Fate,
    /// Everything is to be given up at once (nginx: `ngx_http_terminate_request`). Written by whoever finds
    /// that there is no client left; the dispatcher then collects all holds.
    pub terminated: bool,
    /// Whether its time is limited.
    pub deadline: Deadline,
    /// What is being attempted, for the error log (nginx: `c->log->action`). Set before an attempt, by
    /// whoever makes it; empty for nothing worth a word.
    pub action: &'static str,
}

impl Exchange {
    /// An exchange whose main request has not been read yet.
    pub fn new(id: ExchangeId, conn: ConnId, number: u64, opening: Opening, server: Rc<Server>) -> Exchange {
        Exchange {
            id,
            client: Client::new(conn, number, opening),
            main: Request::new(RequestIx::MAIN, number, server),
            children: Vec::new(),
            spare: Vec::new(),
            active: RequestIx::MAIN,
            posted: VecDeque::new(),
            out: Chain::default(),
            variables: Vec::new(),
            holds: Holds::of(number),
            fate: Fate::Close,
            terminated: false,
            deadline: Deadline::None,
            action: READING,
        }
    }

    /// Lets go of everything but the memory of its lists: the exchange is over and waits to be
    /// [renewed](Exchange::renew).
    pub fn retire(&mut self) {
        self.main.retire();
        empty(&mut self.children);
        if !self.posted.is_empty() {
            self.posted.clear();
        }
        self.out.clear();
        empty(&mut self.variables);
        self.active = RequestIx::MAIN;
        self.fate = Fate::Close;
        self.terminated = false;
        self.deadline = Deadline::None;
        self.action = READING;
    }

    /// Makes a new exchange of a retired one.
    pub fn renew(&mut self, id: ExchangeId, conn: ConnId, number: u64, opening: Opening, server: Rc<Server>) {
        self.id = id;
        self.client.renew(conn, number, opening);
        self.swap_client_read(ClientRead::RequestLine);
        self.holds.number = number;
        self.main.renew(number, server);
    }

    /// The client's side and the main request, both to be changed.
    pub fn client_and_main(&mut self) -> (&mut Client, &mut Request) {
        (&mut self.client, &mut self.main)
    }

    /// The main request.
    pub fn main(&self) -> &Request {
        &self.main
    }

    /// The main request, to be changed.
    pub fn main_mut(&mut self) -> &mut Request {
        &mut self.main
    }

    /// Puts a subrequest in and numbers it.
    pub fn add(&mut self, mut request: Request) -> RequestIx {
        if let Some(ix) = self.spare.pop()
            && let Some(place) = (ix.0 as usize).checked_sub(1).and_then(|at| self.children.get_mut(at))
        {
            request.ix = ix;
            *place = request;
            return ix;
        }
        let ix = RequestIx(self.children.len() as u16 + 1);
        request.ix = ix;
        self.children.push(request);
        ix
    }

    /// The number of a subrequest that has ended may be given to another: whoever made it has no
    /// question left.
    pub fn forget(&mut self, ix: RequestIx) {
        if self[ix].flags.done && self[ix].hold.is_none() && !self.spare.contains(&ix) {
            self.spare.push(ix);
        }
    }

    /// How many requests are kept, the main one and those that have ended among them.
    pub fn count(&self) -> usize {
        self.children.len() + 1
    }

    /// The numbers of all requests.
    pub fn indexes(&self) -> impl Iterator<Item = RequestIx> + use<> {
        (0..=self.children.len() as u16).map(RequestIx)
    }

    /// All requests.
    pub fn requests(&self) -> impl Iterator<Item = &Request> {
        std::iter::once(&self.main).chain(&self.children)
    }

    /// Runs the request's write slot before the loop goes on (nginx: `ngx_http_post_request`).
    pub fn post(&mut self, r: RequestIx) {
        if !self.posted.contains(&r) {
            self.posted.push_back(r);
        }
    }

    /// Swaps the client's read slot, with a line in the debug log.
    pub fn swap_client_read(&mut self, slot: ClientRead) {
        if self.client.read != slot {
            if log::log_enabled!(log::Level::Trace) {
                self.tell_of_swap(slot);
            }
            self.client.read = slot;
        }
    }

    #[cold]
    fn tell_of_swap(&self, slot: ClientRead) {
        log::trace!("*{} client read {:?} -> {slot:?}", self.client.number, self.client.read);
    }

    // Away from their callers, who are all handlers: in each of the hundreds of places where one says `x[r]`
    // only a comparison is left, and most requests are main ones.
    #[cold]
    fn child(&self, ix: RequestIx) -> &Request {
        let child = usize::from(ix.0).checked_sub(1).and_then(|at| self.children.get(at));
        child.unwrap_or(&self.main)
    }

    #[cold]
    fn child_mut(&mut self, ix: RequestIx) -> &mut Request {
        let child = usize::from(ix.0).checked_sub(1).and_then(|at| self.children.get_mut(at));
        child.unwrap_or(&mut self.main)
    }

    /// The request before which output of `r` has to wait, up to the main one: `r` and its ancestors.
    pub fn is_below(&self, r: RequestIx, ancestor: RequestIx) -> bool {
        let mut at = r;
        while at != ancestor {
            if at == RequestIx::MAIN {
                return false;
            }
            at = self[at].parent;
        }
        true
    }
}

impl Index<RequestIx> for Exchange {
    type Output = Request;

    /// Request numbers are only made by [`Exchange::add`] and requests live as long as their exchange, so the
    /// number is always that of a request; the main one stands in for a number of another exchange.
    #[inline(always)]
    fn index(&self, ix: RequestIx) -> &Request {
        if ix == RequestIx::MAIN { &self.main } else { self.child(ix) }
    }
}

impl IndexMut<RequestIx> for Exchange {
    #[inline(always)]
    fn index_mut(&mut self, ix: RequestIx) -> &mut Request {
        if ix == RequestIx::MAIN { &mut self.main } else { self.child_mut(ix) }
    }
}
