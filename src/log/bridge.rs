//! From the `log` crate's macros to the error log.
//!
//! *In nginx* `ngx_log_debug` takes the connection's log, and a binary built without debugging has none of
//! it.
//!
//! *Here* the library's own steps are told with `log::debug!` and `log::trace!`, so that a program that
//! embeds it may listen with any logger. In our binary they go to the process's error log at level debug,
//! which costs one compare when nobody asked for it. Somebody who wants to watch a run on a terminal sets
//! `RUST_LOG`, and the lines go through `env_logger` to standard error instead.
//!
//! *Read next*: `mod.rs`, or `main.rs`, which calls [`install`].

use super::{Level, Targets, error_log};
use log::{LevelFilter, Log, Metadata, Record};

struct Bridge;

fn level_of(level: log::Level) -> Level {
    match level {
        log::Level::Error => Level::Error,
        log::Level::Warn => Level::Warn,
        log::Level::Info => Level::Info,
        log::Level::Debug | log::Level::Trace => Level::Debug,
    }
}

impl Log for Bridge {
    fn enabled(&self, metadata: &Metadata) -> bool {
        // The poll of mio tells every registration, which says nothing that our own lines do not.
        let chatter = metadata.target().starts_with("mio");
        !chatter && error_log::process().enabled(level_of(metadata.level()))
    }

    fn log(&self, record: &Record) {
        if !self.enabled(record.metadata()) {
            return;
        }
        error_log::process().write(level_of(record.level()), 0, None, *record.args());
    }

    fn flush(&self) {}
}

/// Puts a logger in place, once for the process: `env_logger` if `RUST_LOG` is set, else the error log.
pub fn install() {
    if std::env::var_os("RUST_LOG").is_some() {
        // A second installation is refused by the log crate, and the first one stays.
        let _ = env_logger::try_init();
    } else if log::set_logger(&Bridge).is_ok() {
        set_level(&error_log::process());
    }
}

/// Tells the macros what the targets admit, so that a disabled line is one compare.
pub(super) fn set_level(targets: &Targets) {
    if std::env::var_os("RUST_LOG").is_some() {
        return;
    }
    log::set_max_level(if targets.enabled(Level::Debug) {
        LevelFilter::Trace
    } else if targets.enabled(Level::Info) {
        LevelFilter::Info
    } else if targets.enabled(Level::Warn) {
        LevelFilter::Warn
    } else {
        LevelFilter::Error
    });
}
