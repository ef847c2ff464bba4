//! What signals mean.
//!
//! *In nginx* this is the table `signals[]` of `ngx_process.c`, and `ngx_signal_process` for `-s`.
//!
//! *Here* [`Order`] is what a master can be told, [`order_of`] reads it from a signal, and [`send`] is the
//! other end: the process that `-s` starts. What a worker understands is in `event/inbox.rs`.
//!
//! | signal | the master | a worker |
//! | --- | --- | --- |
//! | HUP | reads the configuration again | – |
//! | QUIT | tells workers to quit and waits | finishes what is under way |
//! | TERM, INT | tells workers to stop, with more and more force | stops |
//! | USR1 | opens the logs again and passes it on | opens the logs again |
//! | USR2 | starts a new binary | – |
//! | WINCH | tells workers to quit, and stays | – |
//! | CHLD | looks who died | – |
//!
//! *Read next*: `master.rs`.

use super::args::Command;
use super::pidfile;
use crate::note;
use crate::sys::signal;
use std::path::Path;

/// The signals a master waits for.
pub const TAKEN: [i32; 8] = [
    signal::SIGHUP,
    signal::SIGQUIT,
    signal::SIGTERM,
    signal::SIGINT,
    signal::SIGUSR1,
    signal::SIGUSR2,
    signal::SIGWINCH,
    signal::SIGCHLD,
];

/// What a master can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Read the configuration again.
    Reconfigure,
    /// Graceful shutdown.
    Quit,
    /// Fast shutdown.
    Terminate,
    /// Open the logs again.
    Reopen,
    /// Start a new binary beside this one.
    ChangeBinary,
    /// Graceful end of all workers, but not of the master.
    NoAccept,
    /// A child has ended.
    Reap,
}

/// The meaning of a signal, if it has one.
pub fn order_of(number: i32) -> Option<Order> {
    Some(match number {
        signal::SIGHUP => Order::Reconfigure,
        signal::SIGQUIT => Order::Quit,
        signal::SIGTERM | signal::SIGINT => Order::Terminate,
        signal::SIGUSR1 => Order::Reopen,
        signal::SIGUSR2 => Order::ChangeBinary,
        signal::SIGWINCH => Order::NoAccept,
        signal::SIGCHLD => Order::Reap,
        _ => return None,
    })
}

impl Order {
    /// What the log says behind `signal 1 (SIGHUP) received from 31`.
    pub fn action(self) -> &'static str {
        match self {
            Order::Reconfigure => ", reconfiguring",
            Order::Quit => ", shutting down",
            Order::Terminate => ", exiting",
            Order::Reopen => ", reopening logs",
            Order::ChangeBinary => ", changing binary",
            Order::NoAccept => ", stop accepting connections",
            Order::Reap => "",
        }
    }
}

/// Sends the signal of a `-s` command to the process of the pid file. Failures are logged.
pub fn send(command: Command, pid_file: &Path) -> bool {
    let number = match command {
        Command::Stop => signal::SIGTERM,
        Command::Quit => signal::SIGQUIT,
        Command::Reopen => signal::SIGUSR1,
        Command::Reload => signal::SIGHUP,
    };
    let log = crate::log::process();
    note!(log, Notice, 0, "signal process started");
    let pid = match pidfile::read(pid_file) {
        Ok(pid) => pid,
        Err((text, error)) => {
            log.write(crate::log::Level::Error, 0, error.as_ref(), format_args!("{text}"));
            return false;
        }
    };
    if let Err(error) = signal::send(pid, number) {
        note!(log, Alert, 0, &error; "kill({pid}, {number}) failed");
        return false;
    }
    true
}
