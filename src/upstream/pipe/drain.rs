//! Draining: from memory and file to the client.
//!
//! *In nginx* `ngx_event_pipe_write_to_downstream`.
//!
//! *Here* bytes are handed to the output as long as little enough of what was handed on before is still
//! unsent (`NAME_busy_buffers_size`). What the output has got cannot be spilled any more, so not
//! everything is given at once while the reply goes on.
//!
//! *Read next*: `spill.rs`.

use crate::buf::{Chain, Slice};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::output::{output, output_last, unsent};
use crate::http::turn::{Leave, Status, Turn};
use crate::upstream::of;

/// Hands on what the client can take. `flush`: nothing more has come, so nothing is kept back for
/// company. Says whether memory has become less.
///
/// # Errors
/// [`Leave::Finish`] when the client is gone.
pub fn drain(x: &mut Exchange, r: RequestIx, io: &mut Io, flush: bool) -> Result<bool, Leave> {
    let mut progress = false;
    loop {
        let Some(u) = x[r].upstream.as_deref() else { return Ok(progress) };
        let on_its_way = unsent(x, r);
        let is_client_gone = u.client_gone;
        if on_its_way >= u.conf.busy() && !is_client_gone {
            // Nothing new is given, but what is there may go now.
            push(x, r, io, flushed(Chain::default(), flush))?;
            if on_its_way == unsent(x, r) {
                return Ok(progress);
            }
            continue;
        }
        let Some(chain) = take(x, r) else {
            if on_its_way > 0 {
                push(x, r, io, flushed(Chain::default(), flush))?;
            }
            return Ok(progress);
        };
        progress = true;
        if !is_client_gone {
            push(x, r, io, flushed(chain, flush))?;
        }
    }
}

fn flushed(mut chain: Chain, flush: bool) -> Chain {
    chain.flush |= flush;
    chain
}

/// Gives a chain to the output.
fn push(x: &mut Exchange, r: RequestIx, io: &mut Io, chain: Chain) -> Turn {
    let last = chain.last;
    let status = output(x, r, io, chain);
    pushed(x, r, status, last)
}

/// What the output says to a chain, or to the last one.
fn pushed(x: &mut Exchange, r: RequestIx, status: Status, last: bool) -> Turn {
    let Some(u) = of(x, r) else { return Ok(()) };
    match status {
        // The client is gone, the file is still wanted.
        Status::Error if u.copies_body() => u.client_gone = true,
        Status::Error => return Err(Leave::Finish(Status::Error)),
        status if last => u.ended = Some(status),
        _ => {}
    }
    Ok(())
}

/// What is next in line: what is in a file first, then memory.
fn take(x: &mut Exchange, r: RequestIx) -> Option<Chain> {
    let pipe = &mut of(x, r)?.pipe;
    if !pipe.kept.is_empty() {
        return Some(std::mem::take(&mut pipe.kept));
    }
    if let Some(file) = &pipe.file
        && pipe.handed < file.len()
    {
        let mut chain = Chain::default();
        chain.push_file(file.range(pipe.handed, file.len() - pipe.handed));
        pipe.handed = file.len();
        return Some(chain);
    }
    (!pipe.memory.is_empty()).then(|| std::mem::take(&mut pipe.memory))
}

/// Hands everything on: the reply is complete. The end of the answer goes with its last bytes, so that they
/// pass the filters once and leave in one call.
///
/// # Errors
/// As [`drain`].
pub fn hand_over_all(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    while let Some(mut chain) = take(x, r) {
        let Some(u) = of(x, r) else { return Ok(()) };
        // A copy that is kept of the reply is complete before the client has the end.
        chain.last = u.pipe.memory.is_empty() && !u.copies_body();
        if !u.client_gone {
            push(x, r, io, chain)?;
        }
    }
    Ok(())
}

/// Hands on the only bytes of a complete reply.
///
/// # Errors
/// As [`drain`].
pub fn hand_over(x: &mut Exchange, r: RequestIx, io: &mut Io, body: Slice) -> Turn {
    let status = output_last(x, r, io, body);
    pushed(x, r, status, true)
}
