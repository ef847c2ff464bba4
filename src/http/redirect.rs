//! Internal redirects: the request starts again somewhere else.
//!
//! *In nginx* `ngx_http_internal_redirect` and `ngx_http_named_location`. Both forget what modules
//! remembered, mark the request as internal and count, so that a cycle ends in a 500.
//!
//! *Here* they put the request at the right phase and run it; what that comes to is the answer of the turn.
//!
//! *Read next*: `phases.rs`.

use super::exchange::Exchange;
use super::io::Io;
use super::logging;
use super::phases;
use super::slots::ClientWrite;
use super::turn::{Status, Turn};
use crate::buf::Slice;
use crate::event::RequestIx;
use crate::log::Level;

/// Splits a target at its question mark.
pub fn split_args(target: &Slice) -> (Slice, Slice) {
    match memchr::memchr(b'?', target) {
        Some(at) => (target.slice(0..at), target.slice(at + 1..target.len())),
        None => (target.clone(), Slice::EMPTY),
    }
}

/// Starts the request again at another path.
///
/// # Errors
/// What the phases came to.
pub fn internal_redirect(x: &mut Exchange, r: RequestIx, io: &mut Io, path: Slice, args: Slice) -> Turn {
    match aim(x, r, io, path, args) {
        Ok(()) => phases::run(x, r, io),
        Err(status) => status.finish(),
    }
}

/// The same for a handler of a phase: the request starts again when the handler has returned. Answers Done,
/// or the status of a cycle.
pub fn redirect_later(x: &mut Exchange, r: RequestIx, io: &mut Io, path: Slice, args: Slice) -> Status {
    match aim(x, r, io, path, args) {
        Ok(()) => {
            x.post(r);
            Status::Done
        }
        Err(status) => status,
    }
}

/// [`named_location`] for a handler of a phase, as [`redirect_later`].
pub fn named_later(x: &mut Exchange, r: RequestIx, io: &mut Io, name: &[u8]) -> Status {
    match aim_at_name(x, r, io, name) {
        Ok(()) => {
            x.post(r);
            Status::Done
        }
        Err(status) => status,
    }
}

/// Puts the request at the first phase of another path.
fn aim(x: &mut Exchange, r: RequestIx, io: &mut Io, path: Slice, args: Slice) -> Result<(), Status> {
    x[r].uri_changes = x[r].uri_changes.saturating_sub(1);
    if x[r].uri_changes == 0 {
        let text =
            format_args!("rewrite or internal redirection cycle while internally redirecting to \"{path}\"");
        logging::log(x, r, io, Level::Error, None, text);
        return Err(Status::INTERNAL);
    }
    // What modules remember was about the old path.
    x[r].uri = path;
    x[r].args = args;
    x[r].set_exten();
    x[r].ctx.clear();
    x[r].loc = x[r].server.root.clone();
    if x[r].is_main() {
        super::client::keepalive::update(x, io);
        super::deadline::limit(x, io);
    }
    // From here on `internal` locations are open, and what the client wrote is no longer what is meant.
    x[r].flags.internal = true;
    x[r].flags.valid_unparsed_uri = false;
    x[r].flags.rewritten_in_place = false;
    x[r].flags.add_uri_to_alias = false;
    x[r].phase = io.cycle.phases.server_rewrite();
    x[r].swap_write(ClientWrite::RunPhases);
    Ok(())
}

/// Starts the request again in a named location.
///
/// # Errors
/// What the phases came to; 500 for a name that does not exist.
pub fn named_location(x: &mut Exchange, r: RequestIx, io: &mut Io, name: &[u8]) -> Turn {
    match aim_at_name(x, r, io, name) {
        Ok(()) => phases::run(x, r, io),
        Err(status) => status.finish(),
    }
}

fn aim_at_name(x: &mut Exchange, r: RequestIx, io: &mut Io, name: &[u8]) -> Result<(), Status> {
    x[r].uri_changes = x[r].uri_changes.saturating_sub(1);
    let shown = String::from_utf8_lossy(name).into_owned();
    if x[r].uri_changes == 0 {
        let text = format_args!(
            "rewrite or internal redirection cycle while redirect to named location \"{shown}\""
        );
        logging::log(x, r, io, Level::Error, None, text);
        return Err(Status::INTERNAL);
    }
    if x[r].uri.is_empty() {
        let text = format_args!("empty URI in redirect to named location \"{shown}\"");
        logging::log(x, r, io, Level::Error, None, text);
        return Err(Status::INTERNAL);
    }
    let found = x[r].server.named.get(name).cloned();
    let Some(location) = found else {
        logging::log(x, r, io, Level::Error, None, format_args!("could not find named location \"{shown}\""));
        return Err(Status::INTERNAL);
    };
    // The path stays as it is: only the location is another one.
    x[r].flags.internal = true;
    x[r].content_handler = None;
    x[r].flags.uri_changed = false;
    x[r].loc = location;
    x[r].ctx.clear();
    phases::update_location_config(x, r, io);
    x[r].phase = io.cycle.phases.rewrite();
    x[r].swap_write(ClientWrite::RunPhases);
    Ok(())
}
