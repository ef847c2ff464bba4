//! `server name resolve`: the addresses of a line, looked up again and again.
//!
//! *In nginx* `ngx_http_upstream_init_zone` arms an event for each such line in the worker of the first
//! zone, and `ngx_http_upstream_zone_resolve_handler` rebuilds the peers in shared memory.
//!
//! *Here* every worker looks for itself, when the TTL of the last answer is over; so no `zone` is needed,
//! and with one the peers' numbers are shared all the same. Peers that stay keep their state, requests keep
//! the peers they began with, idle connections of those that left are closed.
//!
//! DIFF: only an answer changes anything. When the name server is silent or in trouble, or denies the name,
//! the last good answer stays, and the log says so; nginx drops all peers for a name that is denied. An
//! empty answer does empty the line.
//!
//! ```text
//!   begin ─▶ Board (what the last generation knew) ─▶ look_up ─▶ resolved ─┬─ Group::resolved, Board
//!                                                        ▲                 └─ failed: peers stay
//!                                                        └──── TTL, valid= ────┘
//! ```
//!
//! *Read next*: `balance/group.rs: resolved`; `resolver/board.rs`.

use super::resolve::close_idle;
use crate::balance::{Found, Group, Server};
use crate::buf::Slice;
use crate::conf::error::{ConfError, Place};
use crate::conf::merge::{Conf, Scope};
use crate::event::RequestIx;
use crate::event::timer::Key;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::log::Level;
use crate::resolver::board::Board;
use crate::resolver::directives::GroupResolver;
use crate::resolver::{
    Answer, Ask, Host, Nameservers, Outcome, ResolveError, Resolved, Resolvers, Ticket, Waiter, system,
};
use crate::util::address::Address;
use std::net::SocketAddr;
use std::rc::Rc;

/// How long a request waits for the first addresses of its group, in milliseconds, at most.
const FIRST_MS: u64 = 1000;
/// How soon a line without any address is looked up again after a failure, in milliseconds.
const SOON_MS: u64 = 1000;
/// The same for a line that has some, unless `valid=` says otherwise.
const LATER_MS: u64 = 10_000;
/// How often an answer that may not be kept is asked for, in milliseconds.
const LEAST_MS: u64 = 1000;

/// One line.
pub struct Line {
    group: Rc<Group>,
    server: Rc<Server>,
    servers: Rc<Nameservers>,
    timeout_ms: u64,
    board: Rc<Board>,
}

impl Line {
    fn ask(&self, timeout_ms: u64) -> Ask<'_> {
        let (host, service) = (self.server.host.as_bytes(), self.server.service.as_deref());
        Ask { host, service, port: self.server.port, timeout_ms }
    }
}

/// All lines of a configuration that are looked up at run time.
#[derive(Default)]
pub struct Lines {
    list: Vec<Rc<Line>>,
}

impl Conf for Lines {
    const SCOPE: Scope = Scope::Http;
    crate::conf_slot!();
}

impl Lines {
    /// Notes the lines of a group. The name servers are those of its block, of `http {}`, or of the
    /// machine. `end` is where the block ends.
    ///
    /// # Errors
    /// There are no name servers; no memory.
    pub fn add(
        &mut self,
        group: &Rc<Group>,
        own: &GroupResolver,
        http: Option<&(Rc<Nameservers>, u64)>,
        end: &Place,
    ) -> Result<(), ConfError> {
        for server in group.to_resolve() {
            let servers = Option::clone(&own.servers).or_else(|| http.map(|(servers, _)| servers.clone()));
            let servers = servers.or_else(system::nameservers).ok_or_else(|| {
                let text = "no resolver defined to resolve names at run time in upstream";
                ConfError::at(format_args!("{text} \"{}\"", group.name()), end)
            })?;
            let timeout_ms = match (own.timeout.is_set(), http) {
                (false, Some((_, outer))) => *outer,
                _ => *own.timeout,
            };
            let board = Board::of(&server.host, server.service.as_deref());
            let board = board.map_err(|error| ConfError::at(format_args!("mmap() failed ({error})"), end))?;
            let (group, server) = (group.clone(), server.clone());
            self.list.push(Rc::new(Line { group, server, servers, timeout_ms, board }));
        }
        Ok(())
    }
}

/// The questions of a worker's lines that are on their way, by number.
#[derive(Default)]
pub struct Asked {
    tickets: Vec<Option<Ticket>>,
}

/// A worker begins: its lines start with what is known of old, and are looked up.
pub fn begin(io: &mut Io) {
    let lines = io.cycle.main.get::<Lines>().list.clone();
    io.services.get::<Asked>().tickets = vec![None; lines.len()];
    for (number, line) in lines.iter().enumerate() {
        let known = line.board.read();
        if !known.is_empty() {
            let found = known.iter().map(|host| found(line, host)).collect::<Vec<_>>();
            change(io, line, &found);
        }
        look_up(io, u32::try_from(number).unwrap_or(u32::MAX));
    }
}

fn line_of(io: &Io, number: u32) -> Option<Rc<Line>> {
    io.cycle.main.get::<Lines>().list.get(usize::try_from(number).ok()?).cloned()
}

/// Asks for the addresses of a line.
pub fn look_up(io: &mut Io, number: u32) {
    let Some(line) = line_of(io, number).filter(|_| !io.exiting) else { return };
    let ask = line.ask(line.timeout_ms);
    let resolvers = io.services.get::<Resolvers>();
    match resolvers.resolve(&mut io.net, &line.servers, ask, Waiter::Line(number)) {
        Resolved::Now(outcome) => apply(io, number, &line, outcome, 1),
        Resolved::Later(ticket) => note(io, number, Some(ticket)),
    }
}

/// Lets a request wait for the first addresses of a group that has none, if one of its lines is being looked
/// up just now: a worker that has only begun is no reason for an error page.
pub fn await_first(x: &mut Exchange, r: RequestIx, io: &mut Io, group: &Rc<Group>) -> bool {
    if !group.is_awaited() {
        return false;
    }
    let cycle = io.cycle.clone();
    let tickets = &io.services.get::<Asked>().tickets;
    let lines = cycle.main.get::<Lines>().list.iter().zip(tickets);
    let Some((line, _)) = lines.into_iter().find(|(line, t)| t.is_some() && Rc::ptr_eq(&line.group, group))
    else {
        return false;
    };
    let ask = line.ask(line.timeout_ms.min(FIRST_MS));
    let waiter = Waiter::Request(x.id, r);
    let resolvers = io.services.get::<Resolvers>();
    let ticket = match resolvers.resolve(&mut io.net, &line.servers, ask, waiter) {
        Resolved::Later(ticket) => ticket,
        // The answer has come in this very turn, and the line has not been told yet: its group would have
        // nobody to ask for as long as that takes.
        Resolved::Now(Ok(answer)) => {
            accept(io, line, &answer);
            return false;
        }
        Resolved::Now(Err(_)) => return false,
    };
    let Some(u) = super::of(x, r) else { return false };
    (u.resolving, u.group) = (Some((ticket, Slice::EMPTY)), Some(group.clone()));
    true
}

fn note(io: &mut Io, number: u32, ticket: Option<Ticket>) {
    let at = usize::try_from(number).unwrap_or(usize::MAX);
    if let Some(place) = io.services.get::<Asked>().tickets.get_mut(at) {
        *place = ticket;
    }
}

/// The addresses of a line are known, or could not be found out.
pub fn resolved(io: &mut Io, number: u32, ticket: Ticket, outcome: Outcome) {
    let at = usize::try_from(number).unwrap_or(usize::MAX);
    if io.services.get::<Asked>().tickets.get(at) != Some(&Some(ticket)) {
        return;
    }
    note(io, number, None);
    if let Some(line) = line_of(io, number) {
        apply(io, number, &line, outcome, LEAST_MS);
    }
}

/// Acts on what came of a question, and sets the time of the next one: `least` milliseconds from now or more.
fn apply(io: &mut Io, number: u32, line: &Line, outcome: Outcome, least: u64) {
    let retry = line.servers.valid_ms.unwrap_or(LATER_MS).max(SOON_MS);
    let wait = match outcome {
        Ok(answer) => {
            accept(io, line, &answer);
            answer.ttl_ms.max(least)
        }
        Err(ResolveError::NoAddress) => {
            line.board.write(&[]);
            change(io, line, &[]);
            retry
        }
        Err(error) => {
            let peers = line.group.roster();
            let kept = peers.all().filter(|peer| Rc::ptr_eq(&peer.server, &line.server)).count();
            failed(io, line, error, kept);
            if kept == 0 { SOON_MS } else { retry }
        }
    };
    io.net.set_key_timer(Key::Line(number), wait);
}

fn failed(io: &Io, line: &Line, error: ResolveError, kept: usize) {
    let (host, group) = (&line.server.host, line.group.name());
    let log = &io.cycle.error_log;
    let what = match kept {
        0 => "has no address".to_owned(),
        1 => "keeps its last address".to_owned(),
        kept => format!("keeps its last {kept} addresses"),
    };
    let text = format_args!("{host} could not be resolved ({error}), it {what} in upstream \"{group}\"");
    log.write(Level::Error, 0, None, text);
}

fn accept(io: &mut Io, line: &Line, answer: &Answer) {
    line.board.write(&answer.hosts);
    // Not rotated: peers keep their order.
    let found: Vec<Found> = answer.hosts.iter().map(|host| found(line, host)).collect();
    change(io, line, &found);
}

fn found(line: &Line, host: &Host) -> Found {
    let address = SocketAddr::new(host.ip, host.port.unwrap_or(line.server.port));
    Found { address: Address::Ip(address), weight: host.weight, backup: host.backup }
}

/// Gives a line these addresses, if it has not got them.
fn change(io: &mut Io, line: &Line, found: &[Found]) {
    let roster = line.group.roster();
    let own: Vec<_> = roster.all().filter(|peer| Rc::ptr_eq(&peer.server, &line.server)).collect();
    // An address may be there twice, so it is counted and not only looked for.
    let times = |one: &Found| found.iter().filter(|other| *other == one).count();
    let is_known = |one: &Found| own.iter().filter(|peer| peer.is(one)).count() == times(one);
    if own.len() == found.len() && found.iter().all(is_known) {
        return;
    }
    for peer in line.group.resolved(&line.server, found) {
        close_idle(io, &line.group, &peer.address);
    }
    let addresses: Vec<String> = found.iter().map(|one| one.address.to_string()).collect();
    let text = match addresses.is_empty() {
        true => "nothing".to_owned(),
        false => addresses.join(", "),
    };
    let (host, group) = (&line.server.host, line.group.name());
    let text = format_args!("{host} is now {text} in upstream \"{group}\"");
    io.cycle.error_log.write(Level::Info, 0, None, text);
}
