//! Postpone: the order of bodies when subrequests run side by side.
//!
//! *In nginx* `ngx_http_postpone_filter`: each request has a list of output and of subrequests in the
//! order they appeared; only the request that `c->data` names may write, the others collect.
//!
//! *Here* the same, with [`Exchange::active`] for `c->data`.
//!
//! ```text
//!   main:  "a" [sub 1] "b" [sub 2] "c"      active: main ─▶ sub 1 ─▶ main ─▶ sub 2 ─▶ main
//! ```
//!
//! *Read next*: `http/subrequest.rs`.

use super::{chunked, write};
use crate::buf::Chain;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::turn::Status;

/// What waits in a request's line.
#[derive(Debug)]
pub enum Postponed {
    /// Output of the request itself.
    Output(Chain),
    /// A subrequest whose output belongs here.
    Request(RequestIx),
}

/// Passes on what may be written now and keeps the rest. Answers as [`super::output`].
pub fn filter(x: &mut Exchange, r: RequestIx, io: &mut Io, mut chain: Chain) -> Status {
    if x[r].flags.in_memory {
        return keep(x, r, io, chain);
    }
    if x[r].flags.background {
        // Nobody is to see it.
        return Status::Ok;
    }
    if !x[r].is_main() {
        // The end of a part is not the end of the whole.
        chain.last = false;
    }
    // Not its turn. It is no reason to wait: whoever makes the output may go on.
    if r != x.active {
        add(x, r, chain);
        return Status::Ok;
    }
    if x[r].postponed.is_empty() {
        return next(x, io, chain);
    }
    add(x, r, chain);
    let mut status = Status::Ok;
    while let Some(first) = x[r].postponed.pop_front() {
        match first {
            Postponed::Request(sub) => {
                // It stays in front until it has ended; `finalize` takes it out.
                x[r].postponed.push_front(Postponed::Request(sub));
                // Its turn has come: what it has collected meanwhile goes out first.
                x.active = sub;
                x.post(sub);
                return status;
            }
            Postponed::Output(chain) => {
                status = next(x, io, chain);
                if status == Status::Error {
                    return status;
                }
            }
        }
    }
    status
}

fn add(x: &mut Exchange, r: RequestIx, chain: Chain) {
    if chain.is_nothing() {
        return;
    }
    match x[r].postponed.back_mut() {
        Some(Postponed::Output(last)) => last.append(chain),
        _ => x[r].postponed.push_back(Postponed::Output(chain)),
    }
}

/// What may be written now goes through the filters that see the whole response, and to the socket.
#[inline(always)]
pub fn next(x: &mut Exchange, io: &mut Io, chain: Chain) -> Status {
    if chain.is_nothing() && x.out.is_empty() {
        return Status::Ok;
    }
    // From here on there is one stream of bytes, in the order of the page.
    let main = x.main();
    if main.flags.chunked || !main.late_filters.is_empty() {
        match super::late(x, io, chain) {
            Ok(chain) => chunked::filter(x, io, chain),
            Err(status) => return status,
        }
    } else {
        x.out.append(chain);
    }
    write::flush(x, io)
}

/// A body for the parent to read: it stays in memory, up to `subrequest_output_buffer_size`.
fn keep(x: &mut Exchange, r: RequestIx, io: &mut Io, chain: Chain) -> Status {
    let limit = x[r].kept_limit.unwrap_or(*x[r].loc.core.subrequest_output_buffer_size);
    let size = x[r].kept.len().saturating_add(chain.len());
    if size > limit {
        let text = format_args!("too big subrequest response: {size}");
        crate::http::logging::log(x, r, io, crate::log::Level::Error, None, text);
        return Status::Error;
    }
    x[r].kept.append(chain);
    Status::Ok
}
