//! Spilling: what memory should not hold goes to a temporary file.
//!
//! *In nginx* `ngx_event_pipe_write_chain_to_temp_file`, with a warning in the log at the first write.
//!
//! *Here* the same. It happens only while the client is slower than the peer and memory is full; past
//! `NAME_max_temp_file_size` the peer is held back instead. Of a reply that is being kept there is a file
//! already, of any size: it is never held back by a client, because others may wait for it.
//!
//! *Read next*: `buf/temp_file.rs`.

use crate::buf::TempFile;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Leave, Status};
use crate::http::upstreamed::Pipe;
use crate::log::Level;
use crate::sys::splice::Conduit;
use crate::upstream::{cache, of};

/// Moves memory to the file, or with `NAME_temp_file_write_size` so much of it; false if it may not.
///
/// DIFF: all of memory at once unless a size is set, where nginx writes two pages at a time: the client
/// is slow, so the pages are needed, and one write is cheaper than four.
///
/// # Errors
/// [`Leave::Finish`] with 502 when the file cannot be written: the client sees the cut.
pub fn spill(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    let Some(u) = x[r].upstream.as_deref_mut() else { return Ok(false) };
    if u.pipe.file.is_none()
        && let Some(range) = cache::fill::tail(u)
    {
        u.pipe.memory.clear();
        u.pipe.kept.push_file(range);
        return Ok(true);
    }
    let most = *u.conf.max_temp_file_size;
    let written = u.pipe.file.as_ref().map_or(0, TempFile::len);
    let part = match *u.conf.temp_file_write_size {
        0 => u.pipe.memory.len(),
        size => size.min(u.pipe.memory.len()),
    };
    if part == 0 || written.saturating_add(part) > most {
        return Ok(false);
    }
    let Some(pipe) = open(x, r, io)? else { return Ok(false) };
    let Some(file) = pipe.file.as_mut() else { return Ok(false) };
    // What stands first in memory follows what is in the file already.
    let mut part = pipe.memory.split_to(part);
    let written = file.append(&mut part);
    written.map(|()| true).map_err(|error| failed(x, r, io, &error))
}

/// Moves what splice(2) left in a pipe to the file; false if that may not be. Memory must be empty,
/// since what is in the file goes first.
///
/// # Errors
/// As [`spill`].
pub fn spill_pipe(x: &mut Exchange, r: RequestIx, io: &mut Io, conduit: &mut Conduit) -> Result<bool, Leave> {
    let Some(u) = x[r].upstream.as_deref() else { return Ok(false) };
    let written = u.pipe.file.as_ref().map_or(0, TempFile::len);
    let over = written.saturating_add(conduit.held() as u64) > *u.conf.max_temp_file_size;
    if over || !u.pipe.memory.is_empty() {
        return Ok(false);
    }
    let Some(pipe) = open(x, r, io)? else { return Ok(false) };
    let Some(file) = pipe.file.as_mut() else { return Ok(false) };
    let written = file.append_pipe(conduit);
    written.map(|()| true).map_err(|error| failed(x, r, io, &error))
}

fn failed(x: &mut Exchange, r: RequestIx, io: &mut Io, error: &std::io::Error) -> Leave {
    let text = format_args!("write() to a temporary file failed");
    logging::log(x, r, io, Level::Crit, Some(error), text);
    Leave::Finish(Status::Http(502))
}

/// The pipe with its file, which is made now if there is none.
fn open<'x>(x: &'x mut Exchange, r: RequestIx, io: &mut Io) -> Result<Option<&'x mut Pipe>, Leave> {
    let Some(u) = x[r].upstream.as_deref() else { return Ok(None) };
    if u.pipe.file.is_none() {
        let path = u.conf.temp_path.as_ref().unwrap_or(&u.pass.temp_path).clone();
        let file = match TempFile::create(&path) {
            Ok(file) => file,
            Err(error) => {
                let text = format_args!("open() \"{}\" failed", path.folder.display());
                logging::log(x, r, io, Level::Crit, Some(&error), text);
                return Err(Leave::Finish(Status::Http(502)));
            }
        };
        let text = format!("an upstream response is buffered to a temporary file {}", file.path().display());
        logging::log(x, r, io, Level::Warn, None, format_args!("{text}"));
        if let Some(u) = of(x, r) {
            u.pipe.file = Some(file);
        }
    }
    Ok(of(x, r).map(|u| &mut u.pipe))
}
