//! Spilling: what memory should not hold goes to a temporary file.
//!
//! *In nginx* `ngx_event_pipe_write_chain_to_temp_file`, with a warning in the log at the first write.
//!
//! *Here* the same. It happens only while the client is slower than the peer and memory is full; past
//! `NAME_max_temp_file_size` the peer is held back instead.
//!
//! *Read next*: `buf/temp_file.rs`.

use crate::buf::TempFile;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::{Leave, Status};
use crate::log::Level;
use crate::upstream::of;

/// Moves memory to the file; false if it may not.
///
/// # Errors
/// [`Leave::Finish`] with 502 when the file cannot be written: the client sees the cut.
pub fn spill(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    let Some(u) = x[r].upstream.as_deref_mut() else { return Ok(false) };
    let most = *u.conf.max_temp_file_size;
    let written = u.pipe.file.as_ref().map_or(0, TempFile::len);
    if u.pipe.memory.is_empty() || written.saturating_add(u.pipe.memory.len()) > most {
        return Ok(false);
    }
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
    let Some(pipe) = of(x, r).map(|u| &mut u.pipe) else { return Ok(false) };
    let Some(file) = pipe.file.as_mut() else { return Ok(false) };
    match file.append(&mut pipe.memory) {
        Ok(()) => Ok(true),
        Err(error) => {
            logging::log(
                x,
                r,
                io,
                Level::Crit,
                Some(&error),
                format_args!("write() to a temporary file failed"),
            );
            Err(Leave::Finish(Status::Http(502)))
        }
    }
}
