//! The worker: one thread, one loop, one turn after the other.
//!
//! *In nginx* `ngx_worker_process_cycle` around `ngx_process_events_and_timers`.
//!
//! *Here* the only room that knows all the others. A turn keeps nginx's order:
//!
//! ```text
//!   wait ─▶ events ─▶ posted accepts ─▶ expired timers ─▶ posted events ─▶ (debug) sweep
//! ```
//!
//! Events find a connection, its owner says whose slot is to be called (`switchboard.rs`), what the
//! handler answers is acted upon (`settle.rs`), and what has no hold left is freed (`release.rs`): after
//! the handler, never in it.
//!
//! Who comes in is in `arrivals.rs`, how it all ends in `leaving.rs`.
//!
//! *Read next*: `switchboard.rs`, `settle.rs`, `release.rs`.

pub mod app;
mod arrivals;
pub mod helpers;
pub mod invariants;
mod leaving;
pub mod release;
pub mod settle;
pub mod switchboard;

use crate::event::net::Source;
use crate::event::owner::Service;
use crate::event::timer::{Due, Key};
use crate::event::{ConnId, ExchangeId, Owner, RequestIx, Side, clock};
use crate::http::client::{lingering, wait};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::ssl::handshake;
use crate::log::Level;
use crate::process::WorkerContext;
use crate::resolver::{Resolvers, Waiter};
use crate::upstream::{check, deadline, lines, pool};
use mio::Events;
use release::Exchanges;
use std::os::fd::{AsRawFd, OwnedFd};

/// The special number of the signal inbox in the poll; listening sockets use their index.
const INBOX: u32 = u32::MAX;
/// How many events one wait may bring (nginx: `epoll_events`).
const EVENTS: usize = 512;

/// A listening socket of this worker.
struct Listening {
    fd: OwnedFd,
    address: usize,
}

/// One worker.
pub struct Worker {
    /// All requests under way. Only `release.rs` makes and frees them; handlers get one at a time.
    exchanges: Exchanges,
    /// What they share. A field beside the exchanges and not around them, so that both can be lent to a
    /// handler at once.
    io: Io,
    /// Emptied when the worker quits: nobody new comes in.
    listening: Vec<Listening>,
    /// Numbers of sockets that have clients waiting, or may have. Like `ready` of a connection: the
    /// kernel says it once, so it is remembered until accept(2) says EAGAIN.
    accepts: Vec<usize>,
    /// Where signals arrive: a descriptor in the poll, like a socket.
    inbox: crate::event::inbox::Inbox,
    /// Accepting rests until then, in milliseconds of the loop's clock: descriptors had run out, and asking
    /// again at once would only find that out again.
    rest_until: u64,
    /// The present turn is the last one.
    stop: bool,
    /// It has been said that idle connections are closed to make room.
    drained: bool,
}

impl Worker {
    /// A worker with its sockets registered.
    ///
    /// # Errors
    /// What the poll said.
    pub fn new(mut io: Io, context: WorkerContext) -> std::io::Result<Worker> {
        // Asked for in every turn, so they are to stand in front.
        io.services.get::<Resolvers>();
        let listening: Vec<Listening> = context
            .listeners
            .into_iter()
            .map(|listener| Listening { fd: listener.fd, address: listener.listen })
            .collect();
        for (number, listener) in listening.iter().enumerate() {
            io.net.watch(listener.fd.as_raw_fd(), number as u32)?;
        }
        io.net.watch(context.inbox.as_raw_fd(), INBOX)?;
        // Connections may have arrived before the sockets were registered.
        let accepts = (0..listening.len()).collect();
        let inbox = context.inbox;
        Ok(Worker {
            exchanges: Exchanges::default(),
            io,
            listening,
            accepts,
            inbox,
            rest_until: 0,
            stop: false,
            drained: false,
        })
    }

    /// Turns until told to stop.
    pub fn run(&mut self) -> i32 {
        lines::begin(&mut self.io);
        check::begin(&mut self.io);
        let mut events = Events::with_capacity(EVENTS);
        let mut batch = Vec::with_capacity(EVENTS);
        while !self.stop {
            if let Err(error) = self.turn(&mut events, &mut batch) {
                self.io.cycle.error_log.write(
                    Level::Alert,
                    0,
                    Some(&error),
                    format_args!("epoll_wait() failed"),
                );
                return 2;
            }
        }
        self.close_everything();
        0
    }

    /// One turn of the loop.
    fn turn(&mut self, events: &mut Events, batch: &mut Vec<Source>) -> std::io::Result<()> {
        // Clients that wait at a resting door are no reason to look at once, but one to look in time.
        let resting = (!self.accepts.is_empty()).then(|| self.rest_until.saturating_sub(clock::now()));
        self.io.net.poll(events, resting)?;
        self.io.net.posted.turn();
        batch.clear();
        // All flags are set before the first handler runs: what it looks at is as new as its own event.
        // The batch is a copy, since handlers close connections and make others meanwhile.
        batch.extend(events.iter().filter_map(|event| self.io.net.note(event)));
        for source in batch.iter() {
            match *source {
                Source::Special(INBOX) => self.signals(),
                Source::Special(number) => self.post_accept(number as usize),
                Source::Connection { id, read, write } => self.event(id, read, write),
            }
        }
        // After the events: whoever is here already is served before somebody new comes in.
        if !self.accepts.is_empty() {
            self.accept_posted();
        }
        // After the events, too: a timer whose bytes came in this very turn has been set anew by them.
        while let Some(due) = self.io.net.expired() {
            self.expire(due);
        }
        while let Some((id, side)) = self.io.net.posted.pop() {
            // Whoever posted it may have closed it since; then the name finds nothing.
            let live = self.io.conn(id).map(|c| c.side(side).posted = false).is_some();
            if live {
                self.dispatch(id, side);
            }
        }
        if std::mem::take(&mut self.io.net.handover) {
            self.hand_names_on();
        }
        // A worker that quits leaves when nobody needs it any more.
        if self.io.exiting
            && self.exchanges.live.is_empty()
            && self.io.net.table.iter().all(leaving::needs_nobody)
        {
            self.stop = true;
        }
        if cfg!(debug_assertions) {
            invariants::sweep(&self.exchanges.live, &self.io);
        }
        Ok(())
    }

    /// Names that were asked for are known, or never will be.
    fn hand_names_on(&mut self) {
        while let Some(done) = self.io.services.get::<Resolvers>().finished() {
            let (ticket, outcome) = (done.ticket, done.outcome);
            match done.waiter {
                Waiter::Request(x, r) => {
                    self.with_exchange(x, |x, io| switchboard::resolved(x, r, io, ticket, outcome), r);
                }
                Waiter::Line(number) => lines::resolved(&mut self.io, number, ticket, outcome),
            }
        }
    }

    /// Both directions of a connection may have news; nginx asks the reading one first.
    fn event(&mut self, id: ConnId, read: bool, write: bool) {
        // The first handler may close the connection, or give it to somebody else: it is looked up again.
        for (side, news) in [(Side::Read, read), (Side::Write, write)] {
            if news
                && let Some(c) = self.io.conn(id)
                && !c.side(side).delayed
            {
                let owner = c.owner;
                self.dispatch_to(owner, id, side);
            }
        }
    }

    /// A timer has fired. For a connection its slot is called as for an event; it sees `timed_out`.
    fn expire(&mut self, due: Due) {
        match due {
            Due::Side(id, side) => self.dispatch(id, side),
            // Whoever is still here has had his time: the loop ends, and gives everything up.
            Due::Key(Key::Shutdown, _) => {
                self.io.cycle.error_log.write(
                    Level::Notice,
                    0,
                    None,
                    format_args!("worker shutdown timeout: closing connections"),
                );
                self.stop = true;
            }
            // A request that waited for the time goes on where a posted one would: in its write slot.
            Due::Key(Key::Request(x, r), _) => {
                self.with_exchange(x, |x, io| switchboard::client_write(x, r, io), r)
            }
            Due::Key(Key::Attempt(x, r), _) => {
                self.with_exchange(x, |x, io| deadline::attempt_is_over(x, r, io), r)
            }
            Due::Key(Key::Deadline(x), _) => {
                self.with_exchange(x, deadline::request_is_over, RequestIx::MAIN)
            }
            Due::Key(Key::LogFlush, _) => crate::modules::flush_due_logs(&mut self.io),
            Due::Key(Key::Resolver, _) => self.io.services.get::<Resolvers>().expire(&mut self.io.net),
            Due::Key(Key::Line(number), _) => lines::look_up(&mut self.io, number),
            Due::Key(Key::Service(number), _) => check::round(&mut self.io, number),
        }
    }

    /// Runs the handler of one side of a connection.
    fn dispatch(&mut self, id: ConnId, side: Side) {
        // Closed by a handler that ran earlier in this turn.
        let Some(owner) = self.io.conn(id).map(|c| c.owner) else { return };
        self.dispatch_to(owner, id, side);
    }

    /// The same for a connection that is known to work for this one.
    fn dispatch_to(&mut self, owner: Owner, id: ConnId, side: Side) {
        match (owner, side) {
            (Owner::Waiting, Side::Read) => self.waiting(id),
            (Owner::Waiting, Side::Write) => self.grace_over(id),
            (Owner::Handshake, _) => self.handshaking(id),
            (Owner::Lingering(timeout), Side::Read) => {
                if !lingering::readable(&mut self.io, id, timeout) {
                    wait::close(&mut self.io, id);
                }
            }
            (Owner::Lingering(_), Side::Write) => {}
            (Owner::Client(x), side) => self.client(x, side),
            (Owner::Upstream(x, r), side) => {
                self.with_exchange(x, |x, io| switchboard::peer(x, r, io, side), r);
            }
            (Owner::Pooled(spot), side) => pool::event(&mut self.io, id, spot, side),
            (Owner::Service(Service::Resolver(n)), side) => {
                self.io.services.get::<Resolvers>().event(&mut self.io.net, n, id, side);
            }
            (Owner::Service(Service::Check(n)), _) => check::event(&mut self.io, n, id),
        }
    }

    /// News for the client of an exchange.
    fn client(&mut self, x: ExchangeId, side: Side) {
        let live = self.exchanges.live.get(x.0 as usize).map(|x| (x.active, x.client.conn));
        // Reading is the main request's business, writing that of whichever request has its turn.
        let Some((active, conn)) = live else { return };
        if let Some(c) = self.io.conn(conn) {
            // The end of a delay is no time-out, whoever is active now.
            let s = c.side(side);
            if s.delayed && s.timed_out {
                s.delayed = false;
                s.timed_out = false;
            }
        }
        match side {
            Side::Read => {
                self.with_exchange(x, switchboard::client_read, RequestIx::MAIN);
            }
            Side::Write => self.with_exchange(x, |x, io| switchboard::client_write(x, active, io), active),
        }
    }

    /// Runs a handler for a request, acts on its answer, runs what it posted, and frees what is over.
    fn with_exchange(
        &mut self,
        id: ExchangeId,
        handler: impl FnOnce(&mut Exchange, &mut Io) -> crate::http::turn::Turn,
        r: RequestIx,
    ) {
        let Some(x) = self.exchanges.live.get_mut(id.0 as usize) else { return };
        let turn = handler(x, &mut self.io);
        settle::settle(x, r, &mut self.io, turn);
        // Subrequests begin here, and parents whose children have ended go on: when the handler that
        // posted them has returned, so that no request runs inside another.
        while !x.terminated
            && let Some(r) = x.posted.pop_front()
        {
            let turn = switchboard::client_write(x, r, &mut self.io);
            settle::settle(x, r, &mut self.io, turn);
        }
        if x.terminated {
            release::give_up(x, &mut self.io);
        }
        // The one place where an exchange is freed. No handler of it is on the stack any more.
        if x.holds.is_none() {
            let x = self.exchanges.live.remove(id.0 as usize);
            release::free(x, &mut self.exchanges, &mut self.io);
        } else if cfg!(debug_assertions) {
            invariants::check(x, &self.io);
        }
    }

    /// A waiting client has something to say, or its time is up.
    fn waiting(&mut self, id: ConnId) {
        match wait::readable(&mut self.io, id) {
            wait::Spoke::Waits => {}
            wait::Spoke::Gone => wait::close(&mut self.io, id),
            wait::Spoke::Request(server, opening) => {
                let x = release::begin(&mut self.exchanges, &mut self.io, id, server, opening);
                self.with_exchange(x, switchboard::request_begun, RequestIx::MAIN);
            }
        }
    }

    /// A client shakes hands for TLS.
    fn handshaking(&mut self, id: ConnId) {
        match handshake::step(&mut self.io, id) {
            handshake::Shook::Waits => {}
            handshake::Shook::Gone => wait::close(&mut self.io, id),
            handshake::Shook::Ready => self.dispatch(id, Side::Read),
        }
    }

    /// An idle client has had its `keepalive_min_timeout`: one that was spared when the worker began to
    /// finish is closed now.
    fn grace_over(&mut self, id: ConnId) {
        if self.io.net.take_timed_out(id, Side::Write) && self.io.exiting {
            wait::close(&mut self.io, id);
        }
    }
}
