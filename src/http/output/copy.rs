//! Copy: pieces of files become memory, where that is wanted.
//!
//! *In nginx* `ngx_http_copy_filter_module` over `ngx_output_chain`: reads files into at most
//! `output_buffers` buffers, and goes on when they have been sent.
//!
//! *Here* a piece of a file goes through as it is while `sendfile` is on and no filter wants to look at
//! bytes. Otherwise it waits in [`Request::unread`] and is read in portions; the bit [`buffered::COPY`] says
//! that there is more to read, and the output comes back for it when the last portion has gone.
//!
//! ```text
//!   [file 0..1M] ─▶ unread ─▶ 2 × 32 KiB ─▶ filters ─▶ socket      … and again, until it would block
//! ```
//!
//! [`Request::unread`]: crate::http::request::Request::unread
//!
//! *Read next*: `mod.rs: output`.

use super::{buffered, unsent};
use crate::buf::{Chain, FileRange, Page, Piece};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::Status;
use crate::log::Level;
use crate::sys::file;
use std::os::fd::AsRawFd;

/// True if this chain, or what waits before it, is to be read.
#[inline]
pub fn is_needed(x: &Exchange, r: RequestIx, chain: &Chain) -> bool {
    x[r].buffered & buffered::COPY != 0 || chain.has_file() && is_to_be_read(x, r, chain)
}

#[inline(never)]
fn is_to_be_read(x: &Exchange, r: RequestIx, chain: &Chain) -> bool {
    let flags = &x[r].flags;
    let wanted = is_unsendable(x, r, chain)
        || flags.need_in_memory
        || flags.need_temporary
        || x.main().flags.need_in_memory;
    wanted && (flags.need_in_memory || !flags.in_memory)
}

/// True if `sendfile` says that files of this chain are to be read.
///
/// DIFF: nginx reads temporary files too unless `sendfile` is on. Here one that holds a reply for a slow
/// client is sent as it is, unless the configuration says `sendfile off`: pages for each such client, up to
/// `output_buffers`, are what the file was to spare.
fn is_unsendable(x: &Exchange, r: RequestIx, chain: &Chain) -> bool {
    let sendfile = &x[r].loc.core.sendfile;
    let is_foreign = |piece: &Piece| matches!(piece, Piece::File(range) if !range.temporary);
    !**sendfile && (sendfile.is_set() || chain.pieces().any(is_foreign))
}

/// Reads a portion: what may go on now.
///
/// # Errors
/// [`Status::Error`] when the file cannot be read, or has become shorter.
pub fn filter(x: &mut Exchange, r: RequestIx, io: &mut Io, input: Chain) -> Result<Chain, Status> {
    let (count, size) = *x[r].loc.core.output_buffers;
    let mut unread = std::mem::take(&mut x[r].unread);
    unread.append(input);
    let mut out = Chain::default();
    // What was read before and is not sent counts too, so a slow client costs no more than `output_buffers`,
    // however often somebody comes by with more. Less than `postpone_output` waits for company, not for the
    // client, and must not hold back what it waits for.
    let waiting = unsent(x, r);
    let mut room = count.saturating_mul(size);
    if waiting >= *x.main().loc.core.postpone_output {
        room = room.saturating_sub(waiting);
        room = if room < size { 0 } else { room };
    }
    while room > 0
        && let Some(piece) = unread.pop()
    {
        match piece {
            Piece::Memory(bytes) => out.push(bytes),
            Piece::File(mut range) => {
                let portion = range.len.min(size).min(room);
                read(x, r, io, &range, portion, &mut out)?;
                range.offset += portion;
                range.len -= portion;
                room -= portion;
                unread.push_front_file(range);
            }
        }
    }
    if unread.is_empty() {
        out.flush |= unread.flush;
        out.last |= unread.last;
        x[r].buffered &= !buffered::COPY;
    } else {
        x[r].unread = unread;
        x[r].buffered |= buffered::COPY;
    }
    Ok(out)
}

fn read(
    x: &Exchange,
    r: RequestIx,
    io: &Io,
    range: &FileRange,
    portion: u64,
    out: &mut Chain,
) -> Result<(), Status> {
    let wanted = usize::try_from(portion).unwrap_or(usize::MAX);
    let mut page = Page::with_capacity(wanted);
    let name = || {
        let link = format!("/proc/self/fd/{}", range.file.as_raw_fd());
        std::fs::read_link(link).map(|name| name.display().to_string()).unwrap_or_default()
    };
    while page.len() < wanted {
        let done = page.len();
        let offset = range.offset.saturating_add(done as u64);
        match file::read_at(&range.file, &mut page, offset, wanted - done) {
            Ok(0) => {
                let text = format_args!("pread() read only {done} of {wanted} from \"{}\"", name());
                logging::log(x, r, io, Level::Alert, None, text);
                return Err(Status::Error);
            }
            Ok(_) => {}
            Err(error) => {
                let text = format_args!("pread() \"{}\" failed", name());
                logging::log(x, r, io, Level::Crit, Some(&error), text);
                return Err(Status::Error);
            }
        }
    }
    out.push(page.slice(0..wanted));
    Ok(())
}
