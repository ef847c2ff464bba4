//! Splicing: large bodies that nobody looks at pass by us, inside the kernel.
//!
//! *In nginx* every byte of a reply is copied out of the kernel and back into it.
//!
//! *Here* not, where the decoder says that the next bytes are the body as it stands and no filter wants them.
//! They go into a pipe (`pipes.rs`), and from there to the client when it has taken what goes before; or, if
//! the client takes too long, to the file where the rest of the reply waits for it.
//!
//! ```text
//!   peer ═ splice ═▶ [ pipe ] ═ splice ═▶ client        nothing left in the pipe: again
//!                       │ held, the peer is not read    the client takes its time …
//!                       ├── its socket is widened          … more than it may, and little is left
//!                       ├── read ──▶ memory ─▶ drain      … or memory may hold what is left
//!                       └─ splice ═▶ file                 … or there is much of it
//! ```
//!
//! A client that is as fast as the peer is still ahead of it one moment and behind it in the next, and a
//! file for each such moment would cost more than the splicing saves. So each reply has some patience: 0.1 s
//! and 10 ms for each MiB that has passed. A client slower than 100 MiB/s soon uses it up, its reply goes
//! the usual way, and the peer is free as early as buffering promises. Where the pipe holds all the rest of
//! the reply the peer is free anyhow, and where buffering is off it is meant to wait: then the client has the
//! time that `send_timeout` gives it.
//!
//! *Read next*: `pipes.rs`, `sys/splice.rs`.

use super::fill::Filled;
use super::{drain, fill, pipes, room, spill};
use crate::buf::{Page, TempFile};
use crate::event::stream::Received;
use crate::event::{ConnId, RequestIx, Side, clock};
use crate::http::counters::Count;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::output::unsent;
use crate::http::turn::{Leave, Status};
use crate::http::upstreamed::Mode;
use crate::log::Level;
use crate::protocol::Decoder;
use crate::sys::splice::Conduit;
use crate::upstream::{of, peer_conn, relay, state};

/// Bodies with less to come than this go through pages: two system calls in place of one would not pay.
const LEAST: u64 = 64 << 10;
/// The most that a pipe may hold of a reply that is not buffered: what the client does not take is to stay
/// with the peer, but for about as much as a socket holds.
const UNBUFFERED: usize = 256 << 10;

/// How long the client may keep the peer waiting in any case, in milliseconds, and for each MiB.
const PATIENCE_MS: u64 = 100;
const PATIENCE_PER_MIB_MS: u64 = 10;

/// How it stands with the client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Client {
    /// It has taken all that it was given, and takes more.
    KeepsUp,
    /// It has something to take first.
    Behind,
    /// What it gets has to pass through us.
    Particular,
}

/// Moves bytes past us if it can be done; None if they have to go through memory.
///
/// # Errors
/// [`Leave::Finish`] when the client is gone, the peer's connection broke, or a file cannot be written.
pub fn splice(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Option<Filled>, Leave> {
    let Some(due) = may_pass(x, r) else { return Ok(None) };
    let Some(peer) = peer_conn(x, r) else { return Ok(None) };
    let client = client(x, r, io)?;
    // What is encrypted has to pass through us.
    if !io.net.is_ready(peer, Side::Read) || !io.conn(peer).is_some_and(|c| c.is_plain()) {
        return Ok(None);
    }
    let is_buffered = is_buffered(x, r);
    if client == Client::KeepsUp {
        let most = if is_buffered { due } else { due.min(UNBUFFERED) };
        return to_pipe(x, r, io, peer, most);
    }
    if !is_buffered {
        return Ok(None);
    }
    let Some(u) = of(x, r) else { return Ok(None) };
    if u.pipe.file.is_none() && client == Client::Behind {
        let room = fill::capacity(&u.conf);
        if !u.pipe.memory.is_empty() {
            return Ok(None);
        }
        let filled = to_pipe(x, r, io, peer, due)?;
        // Where memory or the client's socket may hold all the rest there is no need of a file.
        if filled.is_some() || due as u64 <= room || room::widen(x, r, io, 0) {
            return Ok(filled);
        }
    } else if u.pipe.file.is_none() {
        return Ok(None);
    }
    to_file(x, r, io, peer, due)
}

/// How many bytes may pass: None if somebody has to look at them.
fn may_pass(x: &Exchange, r: RequestIx) -> Option<usize> {
    let main = x.main();
    let is_filtered = !main.filters.is_empty() || !main.late_filters.is_empty() || main.flags.chunked;
    let is_plain = r == RequestIx::MAIN && x.active == r && !is_filtered && !main.flags.in_memory;
    if !is_plain || main.limit_rate != 0 || !main.postponed.is_empty() || main.flags.header_only {
        return None;
    }
    let u = main.upstream.as_deref()?;
    if u.copies_body() || u.conf.limit_rate.is_some() || u.client_gone {
        return None;
    }
    let peer = u.peer.as_ref()?;
    if !peer.cursor.unread(&peer.page).is_empty() {
        return None;
    }
    let due = u.decoder.as_ref()?.verbatim();
    let is_endless = due == u64::MAX;
    let seen = main.upstream_states.last().map_or(0, |state| state.response_length);
    let is_large = if is_endless { seen >= LEAST } else { due >= LEAST };
    is_large.then(|| usize::try_from(due).unwrap_or(usize::MAX))
}

/// Gives the client what is there for it, and sees how it takes that.
fn client(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Client, Leave> {
    let client = x.client.conn;
    if !io.conn(client).is_some_and(|c| c.is_plain()) {
        return Ok(Client::Particular);
    }
    if io.net.is_ready(client, Side::Write) {
        // The head and what came with it go first.
        drain::drain(x, r, io, true)?;
    }
    // Where a rate is set, the first bytes that are sent find out what it is.
    let main = x.main();
    let is_unknown = main.loc.core.limit_rate.is_some() && !main.flags.limit_rate_set;
    if is_unknown || main.limit_rate != 0 {
        return Ok(Client::Particular);
    }
    let is_idle = unsent(x, r) == 0 && io.net.is_ready(client, Side::Write);
    Ok(if is_idle && may_begin_file_again(x, r) { Client::KeepsUp } else { Client::Behind })
}

/// A file that was needed is empty again, now that all of it has been sent; false if some of it has not.
fn may_begin_file_again(x: &mut Exchange, r: RequestIx) -> bool {
    let Some(pipe) = of(x, r).map(|u| &mut u.pipe) else { return false };
    let Some(file) = pipe.file.as_mut() else { return true };
    let again = pipe.handed == file.len() && file.begin_again();
    if again {
        pipe.handed = 0;
    }
    again
}

/// From the peer into a pipe, and from there to the client as soon as it has taken what goes before.
fn to_pipe(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    peer: ConnId,
    most: usize,
) -> Result<Option<Filled>, Leave> {
    let is_buffered = is_buffered(x, r);
    let Some(mut conduit) = pipes::take(io, !is_buffered) else { return Ok(None) };
    let received = receive(x, r, io, &mut conduit, peer, most);
    let Ok(Received::Bytes(n)) = received else {
        pipes::give_back(io, conduit);
        return Ok(if received? == Received::End { Some(Filled::Closed) } else { None });
    };
    if let Some(u) = of(x, r) {
        u.pipe.passed = u.pipe.passed.saturating_add(n as u64);
    }
    hand_on(x, r, io, conduit, n).map(Some)
}

/// From the peer through a pipe to the file: what would wait in memory first is going to end there in any
/// case.
fn to_file(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    peer: ConnId,
    due: usize,
) -> Result<Option<Filled>, Leave> {
    let Some(u) = of(x, r) else { return Ok(None) };
    let (most, waits) = (*u.conf.max_temp_file_size, u.pipe.memory.len());
    let written = u.pipe.file.as_ref().map_or(0, TempFile::len);
    let room = most.saturating_sub(written).saturating_sub(waits);
    let most = usize::try_from(room).unwrap_or(usize::MAX).min(due);
    if most == 0 || waits > 0 && !spill::spill(x, r, io)? {
        return Ok(None);
    }
    // With `NAME_temp_file_write_size` memory goes there bit by bit.
    if of(x, r).is_none_or(|u| !u.pipe.memory.is_empty()) {
        return Ok(None);
    }
    let Some(mut conduit) = pipes::borrow(io) else { return Ok(None) };
    let filled = match receive(x, r, io, &mut conduit, peer, most)? {
        Received::Bytes(n) => {
            if !spill::spill_pipe(x, r, io, &mut conduit)? {
                keep_rest(x, r, io, &mut conduit)?;
            }
            Some(Filled::Some(n))
        }
        Received::End => Some(Filled::Closed),
        Received::Again => None,
    };
    pipes::give_back(io, conduit);
    Ok(filled)
}

/// Fills a pipe from the peer. What is in it has been received, as the decoder and the records see it.
fn receive(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    conduit: &mut Conduit,
    peer: ConnId,
    most: usize,
) -> Result<Received, Leave> {
    let Some(c) = io.net.table.get_mut(peer) else { return Ok(Received::End) };
    match c.splice_from(conduit, most) {
        Ok(Received::Bytes(n)) => {
            if let Some(u) = of(x, r) {
                let _ = u.decoder.as_mut().map(|decoder| decoder.passed(n as u64));
                u.pipe.spliced = u.pipe.spliced.saturating_add(n as u64);
            }
            if let Some(state) = state(x, r) {
                state.response_length = state.response_length.saturating_add(n as u64);
            }
            io.counters.add(Count::Spliced, n as u64);
            Ok(Received::Bytes(n))
        }
        Ok(other) => Ok(other),
        Err(error) => {
            logging::log(x, r, io, Level::Error, Some(&error), format_args!("recv() failed"));
            Err(Leave::Finish(Status::Http(502)))
        }
    }
}

fn is_buffered(x: &mut Exchange, r: RequestIx) -> bool {
    of(x, r).is_none_or(|u| u.mode == Mode::Buffered)
}

/// Goes on with a pipe that the client had not emptied; None if there is no such pipe.
///
/// # Errors
/// As [`splice`].
pub fn resume(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Option<Filled>, Leave> {
    let client = x.client.conn;
    let Some(pipe) = of(x, r).map(|u| &mut u.pipe) else { return Ok(None) };
    let Some(held) = pipe.held.take() else { return Ok(None) };
    if let Some(since) = held.impatient_since {
        pipe.stalled_ms = pipe.stalled_ms.saturating_add(clock::now().saturating_sub(since));
        // This timer is that of our patience, not of the client's being late.
        let _ = io.net.take_timed_out(client, Side::Write);
    }
    io.net.cancel_timer(client, Side::Write);
    hand_on(x, r, io, held.conduit, 0).map(Some)
}

/// Gives the client what the pipe holds. What it does not take now is held, as long as there is patience.
fn hand_on(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    mut conduit: Conduit,
    n: usize,
) -> Result<Filled, Leave> {
    let client = x.client.conn;
    if unsent(x, r) > 0 {
        drain::drain(x, r, io, true)?;
    }
    let is_next = unsent(x, r) == 0;
    let Some(c) = io.net.table.get_mut(client) else { return Err(Leave::Finish(Status::Error)) };
    if is_next && let Err(error) = c.splice_to(&mut conduit) {
        logging::log(x, r, io, Level::Info, Some(&error), format_args!("send() failed"));
        return Err(Leave::Finish(Status::Error));
    }
    if conduit.held() > 0 {
        let is_all = of(x, r).and_then(|u| u.decoder.as_ref()).is_some_and(Decoder::is_done);
        // Only the client is still at work, or the peer waits for it without need: the sooner its socket has
        // all of it, the better.
        let is_waited_for = is_all || !is_buffered(x, r);
        if is_waited_for && room::widen(x, r, io, conduit.held() as u64) {
            return hand_on(x, r, io, conduit, n);
        }
        if let Some((timeout, impatient_since)) = time_to_wait(x, r, io) {
            let held = pipes::hold(io, conduit, impatient_since);
            let Some(u) = of(x, r) else { return Err(Leave::Finish(Status::Error)) };
            u.pipe.held = Some(held);
            io.net.wait(client, Side::Write, timeout);
            return Ok(Filled::Held);
        }
        if !is_waited_for && room::widen(x, r, io, conduit.held() as u64) {
            return hand_on(x, r, io, conduit, n);
        }
        keep_rest(x, r, io, &mut conduit)?;
    }
    pipes::give_back(io, conduit);
    Ok(Filled::Some(n))
}

/// How long a pipe may wait for the client, and since when that is at the peer's cost; None if it may not.
fn time_to_wait(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<(u64, Option<u64>)> {
    let timeout = *x[r].loc.core.send_timeout;
    if !is_buffered(x, r) {
        return Some((timeout, None));
    }
    let is_all = of(x, r)?.decoder.as_ref().is_some_and(Decoder::is_done);
    if is_all {
        relay::received_all(x, r, io);
        if pipes::may_lend_for_long(io) {
            return Some((timeout, None));
        }
    }
    let pipe = &of(x, r)?.pipe;
    let granted = (pipe.passed >> 20).saturating_mul(PATIENCE_PER_MIB_MS).saturating_add(PATIENCE_MS);
    let left = granted.saturating_sub(pipe.stalled_ms).min(timeout);
    (left > 0).then(|| (left, Some(clock::now())))
}

/// What the client did not take is kept: in memory if it may hold that much, else in the file. The pipe holds
/// far more than `buffers` allow, so it must not be emptied into memory without asking.
fn keep_rest(x: &mut Exchange, r: RequestIx, io: &mut Io, conduit: &mut Conduit) -> Result<(), Leave> {
    let room = of(x, r).map_or(0, |u| fill::capacity(&u.conf).saturating_sub(u.pipe.memory.len()));
    if conduit.held() as u64 > room && spill::spill_pipe(x, r, io, conduit)? {
        return Ok(());
    }
    while conduit.held() > 0 {
        let mut page = Page::with_capacity(conduit.held().min(LEAST as usize));
        match conduit.read(&mut page) {
            Ok(n) if n > 0 => {
                if let Some(u) = of(x, r) {
                    u.pipe.memory.push(page.slice(0..n));
                }
            }
            // The pipe holds less than was put in: the reply cannot be put together any more.
            _ => return Err(Leave::Finish(Status::Error)),
        }
    }
    Ok(())
}
