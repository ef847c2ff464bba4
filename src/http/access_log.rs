//! The log phase: a request is over and its line is written.
//!
//! *In nginx* `ngx_http_log_request` calls the handlers of the log phase; `ngx_http_log_module` is one
//! of them.
//!
//! *Here* the calls; the access log itself is a module.
//!
//! *Read next*: `phases.rs`.

use super::exchange::Exchange;
use super::io::Io;
use crate::event::RequestIx;

/// Runs the log phase of a request, once.
pub fn log_request(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if std::mem::replace(&mut x[r].flags.logged, true) {
        return;
    }
    if x[r].loc.steps.log.is_empty() {
        return;
    }
    let loc = x[r].loc.clone();
    for handler in &loc.steps.log {
        handler(x, r, io);
    }
}

/// The same for a subrequest that has ended, if `log_subrequest` wants it.
pub fn log_subrequest(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if *x[r].loc.core.log_subrequest {
        log_request(x, r, io);
    }
}
