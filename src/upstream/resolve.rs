//! Names that a request makes: `proxy_pass http://$host`.
//!
//! *In nginx* the part of `ngx_http_upstream_init_request` that starts the resolver and
//! `ngx_http_upstream_resolve_handler`; each request makes a round robin of its own from the addresses.
//!
//! *Here* the request leaves a ticket and waits in the slots of a request whose upstream works, so that a
//! client that goes away is noticed. The addresses make a group that is remembered by name and port and
//! changed when they change: so idle connections to such peers are used again, which they are not in nginx.
//! As there, nothing is held against a peer from one request to the next.
//!
//! ```text
//!   find ─┬─ known ────────────────────────────▶ group
//!         └─ ticket … worker: resolved(ticket) ─▶ group ─▶ init::proceed ─▶ connect
//!                                        └─ error ─▶ 502
//! ```
//!
//! *Read next*: `resolver/mod.rs`; `lines.rs`, for names in `upstream` blocks.

use super::init;
use crate::balance::{Found, Group, Server};
use crate::buf::Slice;
use crate::conf::error::Place;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Leave, Status, Turn};
use crate::log::Level;
use crate::resolver::directives::ResolverConf;
use crate::resolver::{Answer, Ask, Outcome, Resolved, Resolvers, Ticket, Waiter};
use crate::util::address::Address;
use std::collections::HashMap;
use std::rc::Rc;

/// How many groups of names that variables made a worker remembers.
const REMEMBERED: usize = 1000;

/// By what a group that variables made is found again: protocols do not share connections, and name servers
/// may disagree.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    protocol: &'static str,
    authority: Vec<u8>,
    port: u16,
    /// The number of the `resolver` line; None for an address.
    servers: Option<u32>,
}

/// Groups of names that variables made, so that their connections can be used again.
#[derive(Default)]
pub struct Remembered {
    groups: HashMap<Key, Rc<Group>>,
}

impl Remembered {
    fn group(&mut self, key: Key, addresses: impl FnOnce() -> Vec<Address>, place: Place) -> Rc<Group> {
        if self.groups.len() >= REMEMBERED {
            self.groups.clear();
        }
        let name = String::from_utf8_lossy(&key.authority).into_owned();
        let made = || {
            let server = Server::of(&name, addresses(), place);
            Rc::new(Group::implicit(Server { max_fails: 0, ..server }))
        };
        self.groups.entry(key).or_insert_with(made).clone()
    }
}

/// The group of an address that needs no look-up.
pub fn literal(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    authority: &Slice,
    address: Address,
) -> Result<Rc<Group>, Leave> {
    let Some(u) = super::of(x, r) else { return Err(Leave::Finish(Status::INTERNAL)) };
    let (authority, port) = (authority.to_vec(), address.port());
    let key = Key { protocol: u.kind.name, authority, port, servers: None };
    let place = u.pass.place.clone();
    Ok(io.services.get::<Remembered>().group(key, || vec![address], place))
}

/// The group of a host name, asked for if it is not known; None while it is being asked for.
///
/// # Errors
/// 502: no resolver is defined, or the name is known to have no address.
pub fn find(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    authority: &Slice,
    port: u16,
) -> Result<Option<Rc<Group>>, Leave> {
    let host = host_of(authority);
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<ResolverConf>();
    let Some(servers) = &*conf.servers else {
        let text = format_args!("no resolver defined to resolve {}", logging::printable(host));
        logging::log(x, r, io, Level::Error, None, text);
        return Err(Leave::Finish(Status::Http(502)));
    };
    let ask = Ask { host, service: None, port, timeout_ms: *conf.timeout };
    let waiter = Waiter::Request(x.id, r);
    match io.services.get::<Resolvers>().resolve(&mut io.net, servers, ask, waiter) {
        Resolved::Now(outcome) => group_of(x, r, io, authority, port, outcome).map(Some),
        Resolved::Later(ticket) => {
            let Some(u) = super::of(x, r) else { return Err(Leave::Finish(Status::INTERNAL)) };
            u.resolving = Some((ticket, authority.clone()));
            Ok(None)
        }
    }
}

/// The name of a request is known, or never will be.
///
/// # Errors
/// 502 if it has no address; what connecting came to.
pub fn resolved(x: &mut Exchange, r: RequestIx, io: &mut Io, ticket: Ticket, outcome: Outcome) -> Turn {
    let Some(u) = super::of(x, r) else { return Ok(()) };
    let port = u.port;
    let Some((_, authority)) = u.resolving.take_if(|(waited, _)| *waited == ticket) else { return Ok(()) };
    if let Some(group) = u.group.take() {
        // It waited for a line of the group, which has heard the answer before it.
        return init::proceed(x, r, io, group);
    }
    let group = group_of(x, r, io, &authority, port, outcome)?;
    init::proceed(x, r, io, group)
}

fn group_of(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    authority: &Slice,
    port: u16,
    outcome: Outcome,
) -> Result<Rc<Group>, Leave> {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(error) => {
            let host = logging::printable(host_of(authority));
            let text = format_args!("{host} could not be resolved ({error})");
            logging::log(x, r, io, Level::Error, None, text);
            return Err(Leave::Finish(Status::Http(502)));
        }
    };
    let loc = x[r].loc.clone();
    let servers = loc.confs.get::<ResolverConf>().servers.as_ref().map(|servers| servers.number);
    let Some(u) = super::of(x, r) else { return Err(Leave::Finish(Status::INTERNAL)) };
    let key = Key { protocol: u.kind.name, authority: authority.to_ascii_lowercase(), port, servers };
    let place = u.pass.place.clone();
    let group = io.services.get::<Remembered>().group(key, || addresses(&answer).collect(), place);
    update(io, &group, &answer);
    Ok(group)
}

fn addresses(answer: &Answer) -> impl Iterator<Item = Address> {
    answer.addresses().map(|(address, _)| Address::Ip(address))
}

/// Gives a remembered group the addresses that its name has now.
///
/// Requests that are under way keep the list they began with; only those that begin now see the new one.
fn update(io: &mut Io, group: &Group, answer: &Answer) {
    let roster = group.roster();
    let mut known: Vec<&Address> = roster.all().map(|peer| &peer.address).collect();
    let now: Vec<Address> = addresses(answer).collect();
    // The same ones, each as often as before, in whatever order.
    let take =
        |address: &Address| known.iter().position(|one| *one == address).map(|at| known.swap_remove(at));
    if roster.all().count() == now.len() && now.iter().map(take).all(|taken| taken.is_some()) {
        return;
    }
    let Some(server) = group.servers().first() else { return };
    let found: Vec<Found> = now.into_iter().map(Found::from).collect();
    for peer in group.resolved(server, &found) {
        close_idle(io, group, &peer.address);
    }
}

/// Closes the idle connections to a peer that has left its group.
pub fn close_idle(io: &mut Io, group: &Group, address: &Address) {
    if group.has(address) {
        return;
    }
    for conn in io.idle.leave(group.number(), address) {
        io.net.close(conn);
    }
}

/// The host in `host:port`.
fn host_of(authority: &[u8]) -> &[u8] {
    let colon = authority.iter().rposition(|b| *b == b':');
    colon.and_then(|at| authority.get(..at)).unwrap_or(authority)
}
