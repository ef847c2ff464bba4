//! Splicing: large bodies that nobody looks at pass from socket to socket.
//!
//! *In nginx* every byte of a reply is copied out of the kernel and back into it.
//!
//! *Here* not, where the decoder says that the next bytes are the body as it stands, no filter wants
//! them, nothing of this reply is on its way already, and the client keeps up. A request borrows a pipe of
//! the worker for as long as something is in it.
//!
//! ```text
//!   peer ═ splice ═▶ [ pipe ] ═ splice ═▶ client        nothing left in the pipe: again
//!                       │ held, the peer is not read    the client takes its time …
//!                       ├── read ──▶ memory ─▶ drain     … more of it than it may: back to pages
//!                       └─ splice ═▶ file                 … and there is much of it
//! ```
//!
//! A client that is as fast as the peer is still ahead of it one moment and behind it in the next, and a
//! file for each such moment would cost more than the splicing saves. So each reply has some patience: 0.1 s
//! and 10 ms for each MiB that has passed. A client slower than 100 MiB/s soon uses it up, its reply goes
//! the usual way, and the peer is free as early as buffering promises.
//!
//! *Read next*: `sys/splice.rs`.

use super::fill::Filled;
use super::{drain, fill, spill};
use crate::buf::Page;
use crate::event::stream::Received;
use crate::event::{ConnId, RequestIx, Side, clock};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::output::unsent;
use crate::http::turn::{Leave, Status};
use crate::log::Level;
use crate::sys::splice::Conduit;
use crate::upstream::of;

/// Bodies with less to come than this go through pages: two system calls in place of one would not pay.
const LEAST: u64 = 64 << 10;

/// How long the client may keep the peer waiting in any case, in milliseconds, and for each MiB.
const PATIENCE_MS: u64 = 100;
const PATIENCE_PER_MIB_MS: u64 = 10;
/// How many pipes a worker keeps for reuse.
const SPARE: usize = 16;

/// The worker's pipes that are empty.
#[derive(Default)]
pub struct Shared {
    spare: Vec<Conduit>,
}

/// Moves bytes past us if it can be done; None if they have to go through memory.
///
/// # Errors
/// [`Leave::Finish`] when the client is gone or the peer's connection broke.
pub fn splice(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Option<Filled>, Leave> {
    let Some(due) = may_pass(x, r) else { return Ok(None) };
    let client = x.client.conn;
    if !io.net.is_ready(client, Side::Write) {
        return Ok(None);
    }
    // The head and what came with it go first.
    drain::drain(x, r, io, true)?;
    // Where a rate is set, the first bytes that are sent find out what it is.
    let main = x.main();
    let is_unknown = main.loc.core.limit_rate.is_some() && !main.flags.limit_rate_set;
    if is_unknown || main.limit_rate != 0 {
        return Ok(None);
    }
    let Some(conn) = super::super::peer_conn(x, r) else { return Ok(None) };
    let idle = unsent(x, r) == 0 && io.net.is_ready(client, Side::Write);
    if !idle || !io.net.is_ready(conn, Side::Read) || !may_begin_file_again(x, r) {
        return Ok(None);
    }
    // What is encrypted has to pass through us.
    let plain = |conn| io.net.table.get(conn).is_some_and(|c| c.is_plain());
    if !plain(conn) || !plain(client) {
        return Ok(None);
    }
    let Some(conduit) = take(io) else { return Ok(None) };
    pass(x, r, io, conduit, (conn, client), due)
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

/// How many bytes may pass: None if somebody has to look at them.
fn may_pass(x: &Exchange, r: RequestIx) -> Option<usize> {
    let main = x.main();
    let plain = r == RequestIx::MAIN && x.active == r && main.filters.is_empty() && !main.flags.chunked;
    if !plain || main.limit_rate != 0 || !main.postponed.is_empty() || main.flags.header_only {
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

/// Makes the worker's first pipe. Where descriptors are short all goes on without one.
pub fn prepare(io: &mut Io) {
    let first = Conduit::new().ok();
    io.services.get::<Shared>().spare.extend(first);
}

fn take(io: &mut Io) -> Option<Conduit> {
    io.services.get::<Shared>().spare.pop().or_else(|| Conduit::new().ok())
}

/// A pipe with something in it is of no use to anybody else: it is closed.
fn give_back(io: &mut Io, conduit: Conduit) {
    let spare = &mut io.services.get::<Shared>().spare;
    if conduit.held() == 0 && spare.len() < SPARE {
        spare.push(conduit);
    }
}

fn pass(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    mut conduit: Conduit,
    (peer, client): (ConnId, ConnId),
    due: usize,
) -> Result<Option<Filled>, Leave> {
    let Some(c) = io.net.table.get_mut(peer) else { return Ok(Some(Filled::Closed)) };
    let received = c.splice_from(&mut conduit, due);
    let Ok(Received::Bytes(n)) = received else {
        give_back(io, conduit);
        return match received {
            Ok(Received::End) => Ok(Some(Filled::Closed)),
            Ok(_) => Ok(None),
            Err(error) => {
                logging::log(x, r, io, Level::Error, Some(&error), format_args!("recv() failed"));
                Err(Leave::Finish(Status::Http(502)))
            }
        };
    };
    if let Some(u) = of(x, r) {
        let _ = u.decoder.as_mut().map(|decoder| decoder.passed(n as u64));
        u.pipe.passed = u.pipe.passed.saturating_add(n as u64);
    }
    if let Some(state) = super::super::state(x, r) {
        state.response_length = state.response_length.saturating_add(n as u64);
    }
    hand_on(x, r, io, conduit, client, n).map(Some)
}

/// Goes on with a pipe that the client had not emptied; None if there is no such pipe.
///
/// # Errors
/// As [`splice`].
pub fn resume(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<Option<Filled>, Leave> {
    let Some(pipe) = of(x, r).map(|u| &mut u.pipe) else { return Ok(None) };
    let Some((conduit, since)) = pipe.held.take() else { return Ok(None) };
    pipe.stalled_ms = pipe.stalled_ms.saturating_add(clock::now().saturating_sub(since));
    let client = x.client.conn;
    // This timer is that of our patience, not of the client's being late.
    let _ = io.net.take_timed_out(client, Side::Write);
    io.net.cancel_timer(client, Side::Write);
    hand_on(x, r, io, conduit, client, 0).map(Some)
}

/// Gives the client what the pipe holds. What it does not take now is held, as long as there is patience.
fn hand_on(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    mut conduit: Conduit,
    client: ConnId,
    n: usize,
) -> Result<Filled, Leave> {
    let Some(c) = io.net.table.get_mut(client) else { return Err(Leave::Finish(Status::Error)) };
    if let Err(error) = c.splice_to(&mut conduit) {
        logging::log(x, r, io, Level::Info, Some(&error), format_args!("send() failed"));
        return Err(Leave::Finish(Status::Error));
    }
    if conduit.held() > 0 {
        let timeout = *x[r].loc.core.send_timeout;
        let Some(pipe) = of(x, r).map(|u| &mut u.pipe) else { return Err(Leave::Finish(Status::Error)) };
        let granted = (pipe.passed >> 20).saturating_mul(PATIENCE_PER_MIB_MS).saturating_add(PATIENCE_MS);
        let left = granted.saturating_sub(pipe.stalled_ms).min(timeout);
        if left > 0 {
            pipe.held = Some((conduit, clock::now()));
            io.net.wait(client, Side::Write, left);
            return Ok(Filled::Held);
        }
        keep_rest(x, r, io, &mut conduit)?;
    }
    give_back(io, conduit);
    Ok(Filled::Some(n))
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
