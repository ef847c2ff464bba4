//! The error log: eight levels, any number of targets, and a disabled level costs one compare.
//!
//! *In nginx* `ngx_log_t` is a linked list, and every connection carries a copy whose level and file are
//! patched when a location is chosen. `ngx_log_error` is a macro, so that arguments of a disabled level are
//! never formatted.
//!
//! *Here* [`Targets`] is what a list of `error_log` lines makes: an `Rc` slice with the highest level among
//! them beside it. The process has one, http, server and location levels have their own, and a client that
//! matches `debug_connection` gets a copy that lets everything through. A message names the connection by
//! number and never reaches back into it, so this layer knows nothing of requests.
//!
//! ```text
//!   note!(log, Error, c, "…") ─ enabled? ─▶ line, formatted once ─┬▶ file      (each by its own level)
//!   log::debug!("…") ─ bridge ─▶ the process's targets            ├▶ stderr
//!                                                                 └▶ syslog
//! ```
//!
//! *Read next*: `error_log.rs` for the line, `target.rs` for what an `error_log` line may name, `file.rs` for
//! reopening, `clock.rs` for the time, `syslog.rs` for the packet, `bridge.rs` for `log::debug!`.

pub mod bridge;
pub mod clock;
pub mod error_log;
pub mod file;
pub mod syslog;
pub mod target;

pub use error_log::{Targets, forked, process, redirect_stderr, reopen, set_process, use_stderr};
pub use target::Target;

use std::fmt;

/// How bad it is. Smaller is worse; the numbers are syslog's plus one, because nginx gives 0 to standard
/// error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// The process cannot run.
    Emerg = 1,
    /// Something that must never happen has happened: a bug, or a limit of the host.
    Alert = 2,
    /// A serious failure outside of us: a full disk, a failed handshake.
    Crit = 3,
    /// A request failed. The default level of `error_log`.
    Error = 4,
    /// Worth a look: a response went to a temporary file, a directive is out of place.
    Warn = 5,
    /// The life of the processes: started, reconfigured, stopped.
    Notice = 6,
    /// What clients do wrong, and other things that are normal.
    Info = 7,
    /// What the program does, step by step.
    Debug = 8,
}

impl Level {
    /// All of them, the worst first.
    pub const ALL: [Level; 8] = [
        Level::Emerg,
        Level::Alert,
        Level::Crit,
        Level::Error,
        Level::Warn,
        Level::Notice,
        Level::Info,
        Level::Debug,
    ];

    /// The word used in `error_log` lines and between the brackets of a message.
    pub fn name(self) -> &'static str {
        match self {
            Level::Emerg => "emerg",
            Level::Alert => "alert",
            Level::Crit => "crit",
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Notice => "notice",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }

    /// The level of that name.
    pub fn from_name(name: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.name() == name)
    }

    /// The severity of RFC 5424, 6.2.1: 0 for emergencies, 7 for debugging.
    pub fn severity(self) -> u8 {
        (self as u8).saturating_sub(1)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Writes a message to `$log` if `$level` is enabled there; nothing is formatted otherwise.
///
/// `note!(log, Warn, c, "text {}", x)` names the connection `c` (a number, 0 for none);
/// `note!(log, Error, c, &error; "connect() failed")` adds the system's error in nginx's way.
#[macro_export]
macro_rules! note {
    ($log:expr, $level:ident, $conn:expr, $errno:expr; $($text:tt)+) => {{
        let log = &$log;
        if log.enabled($crate::log::Level::$level) {
            log.write($crate::log::Level::$level, $conn, Some($errno), format_args!($($text)+));
        }
    }};
    ($log:expr, $level:ident, $conn:expr, $($text:tt)+) => {{
        let log = &$log;
        if log.enabled($crate::log::Level::$level) {
            log.write($crate::log::Level::$level, $conn, None, format_args!($($text)+));
        }
    }};
}
