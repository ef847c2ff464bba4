//! Splicing: large bodies that nobody looks at pass from socket to socket.
//!
//! *In nginx* every byte of a reply is copied out of the kernel and back into it.
//!
//! *Here* not, where the decoder says that the next bytes are the body as it stands, no filter wants
//! them, nothing of this reply is on its way already, and the client keeps up. What the client does not
//! take at once is read into memory, or moved to the temporary file if that is more than `buffers` hold,
//! and from there on the reply goes the usual way until the client has caught up. A worker has one pipe,
//! empty between two uses.
//!
//! ```text
//!   peer ═ splice ═▶ [ pipe ] ═ splice ═▶ client        nothing left in the pipe: again
//!                       ├── read ──▶ memory ─▶ drain     the client is slower: back to pages
//!                       └─ splice ═▶ file                 … and there is much of it
//! ```
//!
//! *Read next*: `sys/splice.rs`.

use super::fill::Filled;
use super::{drain, fill, spill};
use crate::buf::Page;
use crate::event::stream::Received;
use crate::event::{ConnId, RequestIx, Side};
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

/// The worker's pipe; None inside when it could not be made.
#[derive(Default)]
pub struct Shared {
    conduit: Option<Conduit>,
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
    let Some(conn) = super::super::peer_conn(x, r) else { return Ok(None) };
    let idle = unsent(x, r) == 0 && io.net.is_ready(client, Side::Write);
    if !idle || !io.net.is_ready(conn, Side::Read) {
        return Ok(None);
    }
    // What is encrypted has to pass through us.
    let plain = |conn| io.net.table.get(conn).is_some_and(|c| c.is_plain());
    if !plain(conn) || !plain(client) {
        return Ok(None);
    }
    let Some(mut conduit) = take(io) else { return Ok(None) };
    let moved = pass(x, r, io, &mut conduit, (conn, client), due);
    // A pipe with something in it is of no use to the next one: it is closed and made anew.
    if conduit.held() == 0 {
        io.services.get::<Shared>().conduit = Some(conduit);
    } else {
        drop(conduit);
        prepare(io);
    }
    moved
}

/// How many bytes may pass: None if somebody has to look at them.
fn may_pass(x: &Exchange, r: RequestIx) -> Option<usize> {
    let main = x.main();
    let plain = r == RequestIx::MAIN && x.active == r && main.filters.is_empty() && !main.flags.chunked;
    let free = main.limit_rate == 0 && main.flags.limit_rate_set && main.postponed.is_empty();
    if !plain || !free || main.flags.header_only {
        return None;
    }
    let u = main.upstream.as_deref()?;
    if u.copies_body() || u.conf.limit_rate.is_some() || u.client_gone {
        return None;
    }
    let peer = u.peer.as_ref()?;
    if !peer.cursor.unread(&peer.page).is_empty() || u.pipe.file.is_some() {
        return None;
    }
    let due = u.decoder.as_ref()?.verbatim();
    let is_endless = due == u64::MAX;
    let seen = main.upstream_states.last().map_or(0, |state| state.response_length);
    let is_large = if is_endless { seen >= LEAST } else { due >= LEAST };
    is_large.then(|| usize::try_from(due).unwrap_or(usize::MAX))
}

/// Makes the worker's pipe. Where descriptors are short all goes on without one.
pub fn prepare(io: &mut Io) {
    io.services.get::<Shared>().conduit = Conduit::new().ok();
}

fn take(io: &mut Io) -> Option<Conduit> {
    io.services.get::<Shared>().conduit.take()
}

fn pass(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    conduit: &mut Conduit,
    (peer, client): (ConnId, ConnId),
    due: usize,
) -> Result<Option<Filled>, Leave> {
    let Some(c) = io.net.table.get_mut(peer) else { return Ok(Some(Filled::Closed)) };
    let n = match c.splice_from(conduit, due) {
        Ok(Received::Bytes(n)) => n,
        Ok(Received::End) => return Ok(Some(Filled::Closed)),
        Ok(Received::Again) => return Ok(None),
        Err(error) => {
            logging::log(x, r, io, Level::Error, Some(&error), format_args!("recv() failed"));
            return Err(Leave::Finish(Status::Http(502)));
        }
    };
    if let Some(decoder) = of(x, r).and_then(|u| u.decoder.as_mut()) {
        let _ = decoder.passed(n as u64);
    }
    if let Some(state) = super::super::state(x, r) {
        state.response_length = state.response_length.saturating_add(n as u64);
    }
    let Some(c) = io.net.table.get_mut(client) else { return Err(Leave::Finish(Status::Error)) };
    if let Err(error) = c.splice_to(conduit) {
        logging::log(x, r, io, Level::Info, Some(&error), format_args!("send() failed"));
        return Err(Leave::Finish(Status::Error));
    }
    keep_rest(x, r, io, conduit)?;
    Ok(Some(Filled::Some(n)))
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
