//! `auth_delay`: an answer of 401 comes late, so that passwords cannot be tried fast.
//!
//! *In nginx* a directive of the core, `ngx_http_core_auth_delay`, called wherever the access phase ends with
//! 401.
//!
//! *Here* the same in a file of its own. All who are refused wait for the same time, whether the name or the
//! password was wrong: the time tells nothing.
//!
//! ```text
//!   access: 401 ─▶ auth_delay 0 ─▶ 401 at once
//!              └─▶ auth_delay 2s ─▶ http/delay.rs ─▶ 401
//! ```
//!
//! *Read next*: `auth_basic/mod.rs`, `http/delay.rs`.

use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::event::RequestIx;
use crate::http::delay;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::module::HttpModule;
use crate::http::turn::{Leave, Status};
use crate::log::Level;
use crate::settings;

settings! {
    /// `auth_delay`
    pub struct AuthDelay: Location {
        /// `auth_delay`, ms
        pub delay: u64 = 0,
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "http_core",
    directives: &[Directive::of("auth_delay", LEVELS, Args::Exactly(1))
        .default("0s")
        .doc("How long a client waits for the answer that it is not authorized.")
        .set(|cx, line| line.msec(&mut cx.conf::<AuthDelay>().delay))],
};

/// Ends the access phase with 401, now or later. `Ok(false)` says that the phases wait.
///
/// # Errors
/// 401 at once.
pub fn unauthorized(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<bool, Leave> {
    let delay = *x[r].loc.confs.get::<AuthDelay>().delay;
    if delay == 0 {
        return Err(Leave::Finish(Status::Http(401)));
    }
    logging::log(x, r, io, Level::Info, None, format_args!("delaying unauthorized request"));
    delay::start(x, r, io, delay, |_, _, _| Status::Http(401).finish());
    Ok(false)
}
