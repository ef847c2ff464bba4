//! Active checks: peers are asked before requests have to find out.
//!
//! *In nginx* a module of the commercial version, which needs the group's `zone` and asks each peer from one
//! worker.
//!
//! *Here* a check makes rounds. In each it asks every peer of its group over a new connection of its own
//! (or, with `keepalive_time=`, that of the last round), and judges the answer; so many bad ones in a
//! row take the peer out, so many good ones bring it back. With a `zone` only the first worker asks, and
//! all see what it found; without one each asks for itself. Peers that the resolver brought meanwhile
//! are there in the next round.
//!
//! ```text
//!   Key::Service(n) ─▶ round ─▶ each peer: connect ─▶ send ─▶ recv ─▶ judge ─▶ peer.set_healthy
//!        ▲                                                                      │
//!        └────────────────────────── interval + jitter ────────────────────────┘
//! ```
//!
//! A peer that has not answered by the next round is not asked twice at a time.
//!
//! *Read next*: `conf.rs`, `ask.rs`, `rules.rs`; `balance/peers.rs: set_healthy`.

pub mod ask;
pub mod conf;
pub mod rules;

use super::connect::options;
use super::{pool, tls};
use crate::balance::Peer;
use crate::buf::Chain;
use crate::event::owner::Service;
use crate::event::stream::Received;
use crate::event::timer::Key;
use crate::event::{ConnId, Owner, Side, clock};
use crate::http::io::Io;
use crate::http::upstream_conf::Bind;
use crate::log::Level;
use crate::util::address::Address;
use ask::{Answer, Question};
use conf::Check;
use rules::Judged;
use slab::Slab;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

/// What this worker knows of a peer.
///
/// The counts are of answers in a row: one of the other kind begins them anew. What all workers are to
/// know of it is one bit, in the peer's own state.
struct Tally {
    peer: Rc<Peer>,
    fails: u64,
    passes: u64,
    /// A question is under way; set when the peer is asked, cleared by [`over`], whatever came of it.
    asked: bool,
    /// A connection that may be asked again (`keepalive_time=`).
    kept: Option<ConnId>,
}

/// A check with the peers it knows.
///
/// Found by its place in the list, which is the number of its timer: a round sets the timer for the next one.
struct Round {
    check: Rc<Check>,
    tallies: Vec<Tally>,
    begun: bool,
}

/// One question to one peer.
struct Probe {
    round: usize,
    check: Rc<Check>,
    peer: Rc<Peer>,
    conn: ConnId,
    out: Chain,
    /// None if connecting is all there is to it.
    answer: Option<Answer>,
    /// The connection has been asked before.
    reused: bool,
}

/// The checks of this worker.
#[derive(Default)]
pub struct Checks {
    rounds: Vec<Round>,
    probes: Slab<Probe>,
}

/// Why a peer did not pass.
struct Fault {
    doing: &'static str,
    text: &'static str,
    errno: Option<io::Error>,
}

fn fault(doing: &'static str, text: &'static str, errno: Option<io::Error>) -> Fault {
    Fault { doing, text, errno }
}

/// A worker begins: the checks that are its business make their first round.
pub fn begin(io: &mut Io) {
    // What is wrong with them would have been said when the configuration was read.
    let all = conf::checks(&io.cycle.clone()).unwrap_or_default();
    let mine = all.into_iter().filter(|check| io.worker == 0 || !check.group.is_shared());
    let rounds: Vec<Round> =
        mine.map(|check| Round { check: Rc::new(check), tallies: Vec::new(), begun: false }).collect();
    let count = rounds.len();
    io.services.get::<Checks>().rounds = rounds;
    for number in 0..count {
        round(io, u32::try_from(number).unwrap_or(u32::MAX));
    }
}

/// Asks every peer of a group.
///
/// All at once, over as many connections: a peer that stalls must not put off what is found out about
/// the others.
pub fn round(io: &mut Io, number: u32) {
    if io.exiting {
        return;
    }
    let at = usize::try_from(number).unwrap_or(usize::MAX);
    let Some(round) = io.services.get::<Checks>().rounds.get_mut(at) else { return };
    let check = round.check.clone();
    round.muster();
    let peers: Vec<Rc<Peer>> = round.tallies.iter_mut().filter_map(Tally::ask).collect();
    for peer in peers {
        ask(io, at, &check, peer);
    }
    let jitter = u64::from(crate::sys::random::u16()).saturating_mul(check.spec.jitter_ms) / (1 << 16);
    io.net.set_key_timer(Key::Service(number), check.spec.interval_ms.saturating_add(jitter));
}

impl Round {
    /// Takes notice of peers that came or left.
    fn muster(&mut self) {
        let roster = self.check.group.roster();
        self.tallies.retain(|tally| roster.all().any(|peer| Rc::ptr_eq(peer, &tally.peer)));
        for peer in roster.all().filter(|peer| !peer.server.down) {
            if self.tallies.iter().any(|tally| Rc::ptr_eq(peer, &tally.peer)) {
                continue;
            }
            if self.begun && self.check.spec.mandatory {
                peer.set_healthy(false, clock::now());
            }
            self.tallies.push(Tally { peer: peer.clone(), fails: 0, passes: 0, asked: false, kept: None });
        }
        self.begun = true;
    }
}

impl Tally {
    /// The peer, unless it is being asked already.
    fn ask(&mut self) -> Option<Rc<Peer>> {
        (!std::mem::replace(&mut self.asked, true)).then(|| self.peer.clone())
    }
}

fn ask(io: &mut Io, round: usize, check: &Rc<Check>, peer: Rc<Peer>) {
    let kept = tally(io, round, &peer).and_then(|tally| tally.kept.take());
    let kept = kept.filter(|conn| pool::is_quiet(io, *conn, true));
    let probe = Probe {
        round,
        check: check.clone(),
        peer,
        conn: kept.unwrap_or(ConnId::NONE),
        out: check.question.as_ref().map(Question::bytes).unwrap_or_default(),
        answer: check.question.as_ref().map(Question::answer),
        reused: kept.is_some(),
    };
    let number = io.services.get::<Checks>().probes.insert(probe);
    match kept {
        Some(conn) => {
            io.net.set_owner(conn, owner(number));
            io.net.cancel_timer(conn, Side::Read);
            io.net.set_timer(conn, Side::Write, *check.conf.send_timeout);
            io.net.post(conn, Side::Write);
        }
        None => connect(io, number),
    }
}

fn owner(number: usize) -> Owner {
    Owner::Service(Service::Check(u32::try_from(number).unwrap_or(u32::MAX)))
}

fn tally<'a>(io: &'a mut Io, round: usize, peer: &Rc<Peer>) -> Option<&'a mut Tally> {
    let round = io.services.get::<Checks>().rounds.get_mut(round)?;
    round.tallies.iter_mut().find(|tally| Rc::ptr_eq(&tally.peer, peer))
}

/// Begins a connection for a question.
fn connect(io: &mut Io, number: usize) {
    let Some(probe) = io.services.get::<Checks>().probes.get(number) else { return };
    let check = probe.check.clone();
    let address = match (&probe.peer.address, check.spec.port) {
        (Address::Ip(ip), Some(port)) => Address::Ip(SocketAddr::new(ip.ip(), port)),
        (address, _) => address.clone(),
    };
    // An address that variables make is made by requests only.
    let bind = match &*check.conf.bind {
        Bind::To(_, address) => address.clone(),
        Bind::Off => None,
    };
    match io.net.connect(&address, &options(&check.conf, bind), owner(number)) {
        Ok(started) => {
            if let Some(probe) = io.services.get::<Checks>().probes.get_mut(number) {
                probe.conn = started.id;
            }
            io.net.set_timer(started.id, Side::Write, *check.conf.connect_timeout);
            if started.done {
                io.net.post(started.id, Side::Write);
            }
        }
        Err(error) => {
            let failed = fault("connecting to upstream", "connect() failed", Some(error));
            over(io, number, Err(failed));
        }
    }
}

/// Something has happened on the connection of a question.
pub fn event(io: &mut Io, number: u32, id: ConnId) {
    let number = usize::try_from(number).unwrap_or(usize::MAX);
    let probes = &mut io.services.get::<Checks>().probes;
    // The number may be another's by now: a connection that waits for the next round has nobody it works for.
    let is_its = probes.get(number).is_some_and(|probe| probe.conn == id);
    let Some(mut probe) = is_its.then(|| probes.try_remove(number)).flatten() else {
        return idle(io, id);
    };
    let step = match advance(io, &mut probe) {
        // A connection that was kept may have been closed meanwhile, which says nothing about the peer.
        Err(_) if probe.reused => {
            io.net.close(probe.conn);
            if let Some(question) = probe.check.question.as_ref() {
                (probe.out, probe.answer, probe.reused) = (question.bytes(), Some(question.answer()), false);
            }
            let place = io.services.get::<Checks>().probes.insert(probe);
            return connect(io, place);
        }
        step => step,
    };
    // Its place is free still: nobody else was called meanwhile.
    let place = io.services.get::<Checks>().probes.insert(probe);
    debug_assert_eq!(place, number, "the place of a health check");
    match step {
        Ok(None) => {}
        Ok(Some(())) => over(io, place, Ok(())),
        Err(fault) => over(io, place, Err(fault)),
    }
}

/// Something has happened on a connection that waits for the next round: that it can be written to is no
/// news.
fn idle(io: &mut Io, id: ConnId) {
    let late = io.net.take_timed_out(id, Side::Read);
    if late || !pool::is_quiet(io, id, true) {
        io.net.close(id);
    }
}

/// Goes on with a question as far as it can; `Some` when the peer has passed.
///
/// Called for every event of the connection, whichever side it was on: each step looks for itself at
/// what is ready, so none of them can be waited for on the wrong side.
fn advance(io: &mut Io, probe: &mut Probe) -> Result<Option<()>, Fault> {
    let (conn, conf) = (probe.conn, probe.check.conf.clone());
    let late = io.net.take_timed_out(conn, Side::Write) | io.net.take_timed_out(conn, Side::Read);
    let Some(c) = io.conn(conn) else {
        return Err(fault("connecting to upstream", "connection was closed", None));
    };
    let doing = match (c.flags.connecting, probe.out.is_empty()) {
        (true, _) => "connecting to upstream",
        _ if c.is_shaking() => "SSL handshaking to upstream",
        (false, false) => "sending request to upstream",
        (false, true) => "reading response from upstream",
    };
    if late {
        let error = io::Error::from_raw_os_error(libc::ETIMEDOUT);
        return Err(fault(doing, "upstream timed out", Some(error)));
    }
    if c.flags.connecting {
        if !c.write.ready {
            return Ok(None);
        }
        let result = io.net.connect_result(conn);
        result.map_err(|error| fault(doing, "connect() failed", Some(error)))?;
        io.net.cancel_timer(conn, Side::Write);
    }
    if probe.answer.is_none() {
        return Ok(Some(()));
    }
    let shaken = tls::of_check(io, conn, &conf);
    if !shaken
        .map_err(|error| fault("SSL handshaking to upstream", "SSL_do_handshake() failed", Some(error)))?
    {
        return Ok(None);
    }
    let Some(c) = io.conn(conn) else { return Ok(None) };
    if !probe.out.is_empty() {
        let sent = c.send_chain(&mut probe.out, u64::MAX);
        let doing = "sending request to upstream";
        sent.map_err(|error| fault(doing, "send() failed", Some(error)))?;
        if !probe.out.is_empty() {
            io.net.wait(conn, Side::Write, *conf.send_timeout);
            return Ok(None);
        }
        io.net.cancel_timer(conn, Side::Write);
        // The whole answer has this time: a peer that trickles is no good one.
        io.net.set_timer(conn, Side::Read, *conf.read_timeout);
    }
    receive(io, probe)
}

fn receive(io: &mut Io, probe: &mut Probe) -> Result<Option<()>, Fault> {
    let doing = "reading response from upstream";
    let Some(answer) = probe.answer.as_mut() else { return Ok(Some(())) };
    loop {
        let Some(c) = io.conn(probe.conn) else { return Ok(None) };
        if !c.read.ready {
            io.net.wait_forever(probe.conn, Side::Read);
            return Ok(None);
        }
        answer.make_room();
        let room = answer.page.room();
        let received = c.recv(&mut answer.page, room);
        let received = received.map_err(|error| fault(doing, "recv() failed", Some(error)))?;
        let (ended, whole) = (received == Received::End, probe.check.spec.keepalive_ms > 0);
        match answer.read(&probe.check.rules, ended, whole) {
            Judged::Again => {}
            Judged::Good => return Ok(Some(())),
            Judged::Bad(what) => return Err(fault(what, "", None)),
        }
    }
}

/// Keeps the connection of a question for the next round, if that is wanted and may be; else closes it.
fn keep_or_close(io: &mut Io, probe: &Probe) {
    let most = probe.check.spec.keepalive_ms;
    let stays = most > 0 && probe.answer.as_ref().is_some_and(Answer::leaves_connection);
    let now = clock::now();
    let conn = probe.conn;
    let young = io.conn(conn).is_some_and(|c| !c.read.eof && now.saturating_sub(c.started) < most);
    let keeps = stays && young && pool::is_quiet(io, conn, true);
    match tally(io, probe.round, &probe.peer) {
        Some(tally) if keeps => {
            tally.kept = Some(conn);
            io.net.cancel_timer(conn, Side::Write);
            io.net.wait(conn, Side::Read, most);
        }
        _ => io.net.close(conn),
    }
}

/// A question has its answer: counts, and tells the balancer when that changes anything.
fn over(io: &mut Io, number: usize, result: Result<(), Fault>) {
    let Some(probe) = io.services.get::<Checks>().probes.try_remove(number) else { return };
    match (&result, probe.conn) {
        (_, ConnId::NONE) => {}
        (Ok(()), _) => keep_or_close(io, &probe),
        (Err(_), conn) => io.net.close(conn),
    }
    let (check, peer, now) = (probe.check, probe.peer, clock::now());
    // A peer that left the group meanwhile is nobody's business any more.
    let Some(tally) = tally(io, probe.round, &peer) else { return };
    tally.asked = false;
    let say = |level, errno: Option<&io::Error>, text: &str, doing: &str| {
        let (name, group) = (&check.name, check.group.name());
        let context =
            format!(" while {doing}, health check \"{name}\" of peer {} in upstream \"{group}\"", peer.name);
        check.log.write_with(level, 0, errno, format_args!("{text}"), &context);
    };
    match result {
        Ok(()) => {
            (tally.fails, tally.passes) = (0, tally.passes.saturating_add(1));
            if tally.passes >= check.spec.passes && peer.set_healthy(true, now) {
                say(Level::Warn, None, "peer is healthy", "checking");
                wake(io, &check);
            }
        }
        Err(fault) => {
            (tally.passes, tally.fails) = (0, tally.fails.saturating_add(1));
            if !fault.text.is_empty() {
                say(Level::Error, fault.errno.as_ref(), fault.text, fault.doing);
            }
            if tally.fails >= check.spec.fails && peer.set_healthy(false, now) {
                say(Level::Warn, None, "peer is unhealthy", fault.doing);
            }
        }
    }
}

/// Somebody may be asked again: requests that wait for a peer to have room look once more.
fn wake(io: &mut Io, check: &Check) {
    for (id, r) in check.group.waiting() {
        io.net.set_key_timer(Key::Request(id, r), 0);
    }
}
