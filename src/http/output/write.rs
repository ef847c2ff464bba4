//! Write: the end of the line, where bytes meet the socket.
//!
//! *In nginx* `ngx_http_write_filter`: collects until `postpone_output` bytes are there or a flush or
//! the end comes, keeps to `limit_rate`, sends, and keeps what the socket did not take.
//!
//! *Here* the same. What is not sent stands in [`Exchange::out`]; while it does, the answer is Again and
//! whoever is in charge waits for writability.
//!
//! ```text
//!   limit_rate:  allowed = rate · (seconds since the start + 1) − sent    ≤ 0 ─▶ delay until it is positive
//! ```
//!
//! *Read next*: `event/stream.rs`.

use crate::buf::Chain;
use crate::event::{RequestIx, Side, clock};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::turn::Status;
use crate::log::Level;

/// Appends to the output and sends what may be sent. Answers Ok, Again or Error.
#[inline]
pub fn filter(x: &mut Exchange, io: &mut Io, chain: Chain) -> Status {
    // In order, behind what the client has not taken yet.
    x.out.append(chain);
    flush(x, io)
}

/// Sends what may be sent of [`Exchange::out`]. Answers as [`filter`].
#[inline]
pub fn flush(x: &mut Exchange, io: &mut Io) -> Status {
    let size = x.out.len();
    // Small pieces wait for company: one packet instead of many.
    let waits = !x.out.last && !x.out.flush && size < *x.main().loc.core.postpone_output;
    match size {
        0 => x.out.clear(),
        _ if waits => {}
        _ => return send(x, io),
    }
    Status::Ok
}

fn send(x: &mut Exchange, io: &mut Io) -> Status {
    let core = &x.main().loc.core;
    let mut limit = if *core.sendfile_max_chunk == 0 { u64::MAX } else { *core.sendfile_max_chunk };
    if core.limit_rate.is_some() || x.main().limit_rate != 0 {
        limit = match allowance(x, io) {
            Ok(allowed) => limit.min(allowed),
            Err(status) => return status,
        };
    }
    let Some(c) = io.net.table.get_mut(x.client.conn) else { return Status::Error };
    if c.write.error {
        return Status::Error;
    }
    // The rate limit has put us to sleep; room in the socket is no reason to wake.
    if c.write.delayed {
        return Status::Again;
    }
    match c.send_chain(&mut x.out, limit) {
        Ok(_) if x.out.is_empty() => {
            x.out.clear();
            Status::Ok
        }
        Ok(sent) => {
            rest(x, io, sent, limit);
            Status::Again
        }
        Err(error) => {
            // Nobody will take it any more, and a request with output left would never be over.
            x.out.clear();
            let level = match error.raw_os_error() {
                None | Some(libc::ECONNRESET | libc::EPIPE | libc::ENOTCONN | libc::ETIMEDOUT) => Level::Info,
                _ => Level::Alert,
            };
            logging::log(x, RequestIx::MAIN, io, level, Some(&error), format_args!("send() failed"));
            Status::Error
        }
    }
}

/// Not all has been sent, but so much of what was allowed: who wakes us for the rest? Room in the socket
/// does, unless one of these is to come first.
#[inline(never)]
fn rest(x: &mut Exchange, io: &mut Io, sent: u64, limit: u64) {
    let rate = x.main().limit_rate;
    if rate != 0 && sent > 0 {
        // So long these bytes would have taken at the rate.
        let ms = sent.saturating_mul(1000) / rate;
        if ms > 0 {
            io.net.delay(x.client.conn, Side::Write, ms);
        }
    } else if sent >= limit {
        // A fair share is sent; let others have their turn.
        io.net.post_next(x.client.conn, Side::Write);
    }
}

/// How many bytes may go now at the rate of this response. Again if none: what wakes us then is set.
#[inline(never)]
fn allowance(x: &mut Exchange, io: &mut Io) -> Result<u64, Status> {
    match io.net.table.get(x.client.conn) {
        Some(c) if c.write.error => return Err(Status::Error),
        Some(c) if c.write.delayed => return Err(Status::Again),
        Some(_) => {}
        None => return Err(Status::Error),
    }
    let core = x.main().loc.core.clone();
    let size = |text: crate::buf::Slice| crate::conf::value::parse_size(&text).unwrap_or(0);
    if !x.main().flags.limit_rate_set {
        let rate = core.limit_rate.as_ref().map(|rate| rate.eval(x, RequestIx::MAIN, io));
        let main = x.main_mut();
        main.flags.limit_rate_set = true;
        main.limit_rate = rate.map_or(0, size);
    }
    if x.main().limit_rate != 0 && !x.main().flags.limit_rate_after_set {
        let after = core.limit_rate_after.as_ref().map(|after| after.eval(x, RequestIx::MAIN, io));
        let main = x.main_mut();
        main.flags.limit_rate_after_set = true;
        main.limit_rate_after = after.map_or(0, size);
    }
    let main = x.main();
    if main.limit_rate == 0 {
        return Ok(u64::MAX);
    }
    let sent = io.net.table.get(x.client.conn).map_or(0, |c| c.sent.saturating_sub(x.client.sent_before));
    let seconds = clock::now().saturating_sub(main.started) / 1000 + 1;
    let allowed = main.limit_rate.saturating_mul(seconds).saturating_add(main.limit_rate_after);
    if allowed > sent {
        return Ok(allowed - sent);
    }
    let over = sent - allowed;
    let delay = over.saturating_mul(1000) / main.limit_rate + 1;
    io.net.delay(x.client.conn, Side::Write, delay);
    Err(Status::Again)
}
