//! What the master, or an operator, tells a worker: signals, read in the worker's own turn.
//!
//! *In nginx* `ngx_signal_handler` sets `ngx_quit`, `ngx_terminate` and `ngx_reopen`, which the worker's
//! cycle looks at after each turn; the master says the same through a socket pair.
//!
//! *Here* an [`Inbox`] is a descriptor to be watched like any other. When it is readable, [`Inbox::drain`]
//! says what was asked for since the last time. What to do about it is the worker's business.
//!
//! ```text
//!   kill -QUIT ─▶ Inbox ─ readable ─▶ drain() ─▶ Asked { quit: true, … }
//! ```
//!
//! *Read next*: `sys/signal.rs` below it; `process/signal.rs`, who sends what.

use crate::note;
use crate::sys::signal::{self, SignalFd};
use crate::sys::title;
use std::io;
use std::os::fd::{AsRawFd, RawFd};

/// The signals a worker takes.
const TAKEN: [i32; 7] = [
    signal::SIGQUIT,
    signal::SIGTERM,
    signal::SIGINT,
    signal::SIGUSR1,
    signal::SIGHUP,
    signal::SIGUSR2,
    signal::SIGWINCH,
];

/// What was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// QUIT: stop accepting, finish what is under way, then exit.
    pub quit: bool,
    /// TERM or INT: exit now.
    pub terminate: bool,
    /// USR1: open the log files again.
    pub reopen: bool,
}

/// The signals of a worker as a descriptor.
#[derive(Debug)]
pub struct Inbox(SignalFd);

impl Inbox {
    /// Holds the signals back from now on and collects them.
    pub fn new() -> io::Result<Inbox> {
        signal::block(&TAKEN)?;
        SignalFd::new(&TAKEN).map(Inbox)
    }

    /// Takes all that has come, and logs each signal as nginx does. A process asked to quit shows it in `ps`.
    pub fn drain(&self) -> Asked {
        let mut asked = Asked::default();
        let log = crate::log::process();
        // A failed read says that there is nothing to take, which is all that matters here.
        while let Ok(Some(received)) = self.0.take() {
            let action = match received.number {
                signal::SIGQUIT => {
                    asked.quit = true;
                    title::set("nginx: worker process is shutting down");
                    ", shutting down"
                }
                signal::SIGTERM | signal::SIGINT => {
                    asked.terminate = true;
                    ", exiting"
                }
                signal::SIGUSR1 => {
                    asked.reopen = true;
                    ", reopening logs"
                }
                // The rest is for the master; a worker in the same process group may get it too.
                _ => ", ignoring",
            };
            note!(log, Notice, 0, "{}{action}", signal::describe(received));
        }
        asked
    }
}

impl AsRawFd for Inbox {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}
