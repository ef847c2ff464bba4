//! The seam between the processes and what they are for.
//!
//! *In nginx* `ngx_init_cycle` reads the configuration and makes sockets, files and shared memory of it, and
//! `ngx_worker_process_cycle` reaches everything through the global cycle.
//!
//! *Here* two traits. An [`App`] reads a configuration into a [`Cycle`] without touching anything but the
//! files it reads, so a test of a configuration disturbs nobody. The master asks the cycle which sockets it
//! wants, and each forked worker runs it with its own sockets in hand. A cycle never learns of master, pid
//! files or reloads.
//!
//! ```text
//!   App ── load(ConfigSource) ──▶ Cycle ── listens() ──▶ master opens sockets
//!                                   ├───── run_worker(WorkerContext) in each worker ──▶ exit code
//!                                   └───── helpers() ──▶ a child each, besides the workers
//! ```
//!
//! *Read next*: `run.rs` and `worker_process.rs`, who call these; `conf/core_conf.rs`, what the master
//! wants to know.

use super::helper::Helper;
use crate::conf::core_conf::Core;
use crate::conf::error::ConfError;
use crate::event::inbox::Inbox;
use crate::event::listening::Listen;
use crate::log::Targets;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Something failed, and the error log already says what and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged;

/// Why a configuration is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To serve.
    Run,
    /// To find out whether one could (`-t`, `-T`): nothing is opened for good, nothing is left behind.
    Test,
    /// To find the pid file of the process to be signalled (`-s`).
    Signal,
}

/// Where the configuration is, as the command line says. The same for every reload of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigSource {
    /// What relative names are resolved against (`-p`).
    pub prefix: PathBuf,
    /// The full name of the main file (`-c`).
    pub conf: PathBuf,
    /// Directives given with `-g`, applied before the file.
    pub globals: Vec<u8>,
    /// The error log while there is no configuration, and its default in one (`-e`): `stderr`, or a name
    /// relative to the prefix.
    pub error_log: String,
    /// Why it is read.
    pub purpose: Purpose,
}

/// The program: it knows how to read its configuration.
pub trait App {
    /// Reads the configuration. Warnings are for the error log (`log::process()`), at their levels. Log
    /// files are named, but not opened: the caller does that when the reading was good.
    ///
    /// # Errors
    /// The first thing wrong with it; the caller logs it at level emerg.
    fn load(&self, source: &ConfigSource) -> Result<Box<dyn Cycle>, ConfError>;

    /// The reference of all directives in Markdown, for `--print-directives`.
    fn directives(&self) -> String;
}

/// One reading of the configuration.
pub trait Cycle {
    /// The settings of the main level.
    fn core(&self) -> &Core;

    /// The error log of the main level.
    fn log(&self) -> Targets;

    /// The sockets it wants, each address once.
    fn listens(&self) -> Vec<Listen>;

    /// Whether some level logs to standard error, which must then not be tied to a log file.
    fn keeps_stderr(&self) -> bool;

    /// Each file that was read, behind a line with its name (`-T`).
    fn dump(&self) -> Vec<u8>;

    /// Makes what workers need but may not make themselves, such as folders for temporary files, and gives
    /// it to `user` (user and group number) when workers change to one. Called as the master's user.
    ///
    /// # Errors
    /// The whole message; the start or the reload is given up.
    fn prepare(&self, user: Option<(u32, u32)>) -> Result<(), String> {
        let _ = user;
        Ok(())
    }

    /// The work beside the requests that has processes of its own. Asked for in the master and again in each
    /// child, and to be the same each time.
    fn helpers(&self) -> Vec<Helper> {
        Vec::new()
    }

    /// Serves until asked to stop; gives the exit code of the process: 0, or 2 for a failure that a restart
    /// would only repeat. All that is buffered must be written when it returns.
    fn run_worker(&self, context: WorkerContext) -> i32;
}

/// A socket that listens already, for one worker.
#[derive(Debug)]
pub struct Listener {
    /// The socket; closing it stops the accepting here.
    pub fd: OwnedFd,
    /// Which of [`Cycle::listens`] it belongs to. Several listeners may share one number.
    pub listen: usize,
}

/// What a worker is given.
#[derive(Debug)]
pub struct WorkerContext {
    /// The number of the worker, from 0.
    pub index: usize,
    /// How many workers this configuration has.
    pub workers: usize,
    /// Its sockets.
    pub listeners: Vec<Listener>,
    /// Where requests to quit, terminate and reopen arrive.
    pub inbox: Inbox,
    /// True without a master (`master_process off`).
    pub single: bool,
}

impl ConfigSource {
    /// A name with the prefix before it, unless it begins with a slash.
    pub fn full(&self, name: &str) -> PathBuf {
        self.prefix.join(name)
    }

    /// The folder of the main file, for includes.
    pub fn conf_dir(&self) -> &Path {
        self.conf.parent().unwrap_or(&self.prefix)
    }
}
