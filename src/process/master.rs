//! The master: it sleeps, and when a signal wakes it, it does what the signal says.
//!
//! *In nginx* `ngx_master_process_cycle`: signal handlers set flags, `sigsuspend` returns, and the loop
//! looks at the flags in a fixed order.
//!
//! *Here* signals are taken one at a time ([`crate::sys::signal::wait`]) and each is an [`Order`] with a
//! method. The master owns the configuration it last read with success, the sockets, the pid file and the
//! list of workers. It serves nobody, and it keeps its rights: so it has little code to go wrong.
//!
//! ```text
//!   wait ─▶ HUP   load ─ bad ─▶ log it, go on as before
//!        │         └── good ─▶ new workers, then QUIT to the old ones
//!        ├▶ CHLD  died unasked ─▶ start another
//!        ├▶ QUIT / TERM ─▶ pass on, wait until the last worker is gone ─▶ exit
//!        └▶ USR1 logs · USR2 new binary · WINCH workers only
//! ```
//!
//! *Read next*: `workers.rs`, `upgrade.rs`; `run.rs` for what was before.

use super::cycle::{App, ConfigSource, Cycle, Logged, WorkerContext};
use super::listen::Sockets;
use super::pidfile::PidFile;
use super::signal::{Order, TAKEN, order_of};
use super::workers::{Post, Workers};
use super::{helper, run, upgrade, worker_process};
use crate::conf::core_conf::User;
use crate::event::clock;
use crate::event::inbox::Inbox;
use crate::log::{self, Level};
use crate::note;
use crate::sys::process::{self, Ended, Fork, Pid};
use crate::sys::signal::{self, Received};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

/// How long workers have to obey TERM before it is said again, at first, in milliseconds.
const PATIENCE: u64 = 50;
/// When the patience has doubled beyond this, workers are killed.
const LAST_PATIENCE: u64 = 1000;

/// What a start leaves in the master's hands.
pub struct Running {
    /// The configuration in force.
    pub cycle: Rc<dyn Cycle>,
    /// Whom workers become.
    pub user: Option<User>,
    /// The sockets.
    pub sockets: Sockets,
    /// The pid file.
    pub pid_file: PidFile,
    /// Our own command line, to be run again for a new binary.
    pub arguments: Vec<OsString>,
    /// The process that started us handed down its sockets: an old binary, whose number this is.
    pub old_binary: Option<u32>,
    /// We have left the terminal.
    pub daemonized: bool,
}

/// The end that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Quit,
    /// TERM was sent; it is said again at `at`, after `patience` more milliseconds.
    Terminate {
        at: u64,
        patience: u64,
    },
}

/// The master process.
pub struct Master<'a> {
    app: &'a dyn App,
    source: ConfigSource,
    running: Running,
    workers: Workers,
    ending: Option<Ending>,
    /// Workers were ended by WINCH, or by the master's own end of accepting.
    no_workers: bool,
    new_binary: Option<Pid>,
    /// Where the pid file belongs when no new binary is there.
    pid_path: PathBuf,
}

impl<'a> Master<'a> {
    /// A master for what was started; has no workers yet.
    pub fn new(app: &'a dyn App, source: ConfigSource, running: Running) -> Master<'a> {
        let pid_path = running.pid_file.path().to_owned();
        Master {
            app,
            source,
            running,
            workers: Workers::default(),
            ending: None,
            no_workers: false,
            new_binary: None,
            pid_path,
        }
    }

    /// Starts the workers and rules them until the end.
    pub fn run(&mut self) {
        note!(log::process(), Notice, 0, "start worker processes");
        self.start_workers();
        while self.ending.is_none() || !self.workers.running().is_empty() {
            match signal::wait(&TAKEN, self.time_to_wait()) {
                Ok(received) => {
                    clock::update();
                    log::clock::update();
                    if let Some(received) = received {
                        self.obey(received);
                    }
                    self.on_time();
                }
                Err(error) => {
                    note!(log::process(), Alert, 0, &error; "sigtimedwait() failed");
                    break;
                }
            }
        }
        self.exit();
    }

    fn time_to_wait(&self) -> Option<Duration> {
        let again = match self.ending {
            Some(Ending::Terminate { at, .. }) => Some(at),
            _ => None,
        };
        let next = [again, self.workers.next_due()].into_iter().flatten().min()?;
        Some(Duration::from_millis(next.saturating_sub(clock::now())))
    }

    fn obey(&mut self, received: Received) {
        let Some(order) = order_of(received.number) else { return };
        let refused = order == Order::ChangeBinary && self.is_upgrading();
        let ignored = refused || order == Order::NoAccept && !self.running.daemonized;
        let action = if ignored { ", ignoring" } else { order.action() };
        note!(log::process(), Notice, 0, "{}{action}", signal::describe(received));
        if refused {
            let advice = "you should shutdown or terminate before either old or new binary's process";
            note!(log::process(), Crit, 0, "the changing binary signal is ignored: {advice}");
        }
        if ignored {
            return;
        }
        match order {
            Order::Reap => self.reap(),
            Order::Terminate => self.terminate(),
            Order::Quit => self.quit(),
            Order::Reconfigure => self.reconfigure(),
            Order::Reopen => self.reopen(),
            Order::ChangeBinary => self.change_binary(),
            Order::NoAccept => self.no_accept(),
        }
    }

    /// What is due although no signal came.
    fn on_time(&mut self) {
        let now = clock::now();
        if let Some(Ending::Terminate { at, patience }) = self.ending
            && at <= now
        {
            let last = patience > LAST_PATIENCE;
            self.tell_workers(if last { signal::SIGKILL } else { signal::SIGTERM });
            let patience = if last { patience } else { patience.saturating_mul(2) };
            self.ending = Some(Ending::Terminate { at: now.saturating_add(patience), patience });
        }
        for (post, pause) in self.workers.take_due(now) {
            self.start(post, pause);
        }
    }

    fn count(&self) -> usize {
        usize::try_from(*self.running.cycle.core().worker_processes).unwrap_or(1)
    }

    fn start_workers(&mut self) {
        self.no_workers = false;
        for index in 0..self.count() {
            self.start(Post::Worker(index), 0);
        }
        for (index, helper) in self.running.cycle.helpers().into_iter().enumerate() {
            self.start(Post::Helper(index, helper.duty), 0);
        }
    }

    fn start(&mut self, post: Post, pause: u64) {
        let name = post.name();
        match process::fork() {
            Ok(Fork::Child) => {
                log::forked();
                match post {
                    Post::Worker(index) => self.be_worker(index),
                    Post::Helper(index, _) => self.be_helper(index),
                }
            }
            Ok(Fork::Parent(pid)) => {
                self.workers.started(pid, post, clock::now(), pause);
                note!(log::process(), Notice, 0, "start {name} {pid}");
            }
            Err(error) => {
                note!(log::process(), Alert, 0, &error; "fork() failed while spawning \"{name}\"");
            }
        }
    }

    /// In the child: keeps what is the worker's, closes the rest, serves, and never comes back.
    fn be_worker(&mut self, index: usize) -> ! {
        let log = log::process();
        let workers = self.count();
        let listeners = self.running.sockets.of_worker(index, workers);
        // A socket of another worker, or of a later reload, must not be held open by this one.
        self.running.sockets.close(true, true);
        match (Inbox::new(), listeners) {
            (Ok(inbox), Ok(listeners)) => {
                let context = WorkerContext { index, workers, listeners, inbox, single: false };
                let cycle = self.running.cycle.clone();
                worker_process::run(&*cycle, self.running.user.as_ref(), context)
            }
            (Err(error), _) | (_, Err(error)) => {
                note!(log, Alert, 0, &error; "signalfd() or dup() failed");
                process::exit_now(worker_process::FATAL)
            }
        }
    }

    /// In the child: a helper serves nobody, so it keeps no socket.
    fn be_helper(&mut self, index: usize) -> ! {
        self.running.sockets.close(true, true);
        helper::run(&*self.running.cycle, self.running.user.as_ref(), index)
    }

    fn tell(&self, pid: Pid, number: i32) {
        if let Err(error) = signal::send(pid, number) {
            note!(log::process(), Alert, 0, &error; "kill({pid}, {number}) failed");
        }
    }

    fn tell_workers(&self, number: i32) {
        for child in self.workers.running() {
            self.tell(child.pid, number);
        }
    }

    fn reap(&mut self) {
        while let Ok(Some((pid, ended))) = process::reap() {
            if self.new_binary == Some(pid) {
                log_end("new binary process", pid, ended);
                self.new_binary_is_gone();
                continue;
            }
            let child = self.workers.ended(pid);
            let name = child.map_or("process", |child| child.post.name());
            log_end(name, pid, ended);
            let Some(child) = child else { continue };
            let done = ended == Ended::Exited(0) && !child.post.is_lasting();
            if child.exiting || self.ending.is_some() || self.no_workers || done {
                continue;
            }
            if ended == Ended::Exited(worker_process::FATAL) {
                let text = "exited with fatal code 2 and cannot be respawned";
                note!(log::process(), Alert, 0, "{name} {pid} {text}");
            } else {
                self.workers.restart(&child, clock::now());
            }
        }
    }

    fn new_binary_is_gone(&mut self) {
        self.new_binary = None;
        if let Err(error) = self.running.pid_file.step_back(&self.pid_path) {
            let (from, to) = (self.running.pid_file.path().display(), self.pid_path.display());
            note!(log::process(), Alert, 0, &error; "rename() {from} back to {to} failed");
        }
        if self.no_workers && self.ending.is_none() {
            self.start_workers();
        }
    }

    fn terminate(&mut self) {
        self.workers.forget_due();
        self.tell_workers(signal::SIGTERM);
        let at = clock::now().saturating_add(PATIENCE);
        self.ending = Some(Ending::Terminate { at, patience: PATIENCE });
    }

    fn quit(&mut self) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(Ending::Quit);
        self.end_workers();
        self.close_sockets();
    }

    fn end_workers(&mut self) {
        self.workers.forget_due();
        for pid in self.workers.tell_all_to_quit() {
            self.tell(pid, signal::SIGQUIT);
        }
    }

    fn no_accept(&mut self) {
        self.no_workers = true;
        self.end_workers();
    }

    /// Whether there already is another binary beside us, newer or older.
    fn is_upgrading(&self) -> bool {
        self.new_binary.is_some() || self.old_binary_lives()
    }

    fn old_binary_lives(&self) -> bool {
        self.running.old_binary.is_some_and(|pid| process::parent_id() == pid)
    }

    fn close_sockets(&mut self) {
        let (new, old) = (self.new_binary.is_some(), self.old_binary_lives());
        self.running.sockets.close(new, old);
    }

    fn reopen(&mut self) {
        log::reopen(self.running.user.as_ref().map(|user| user.user));
        self.tell_workers(signal::SIGUSR1);
    }

    fn change_binary(&mut self) {
        if let Err(error) = self.running.pid_file.step_aside() {
            let path = self.pid_path.display();
            note!(log::process(), Alert, 0, &error; "rename() {path} to {path}.oldbin failed");
            return;
        }
        match upgrade::start(&self.running.arguments, &self.running.sockets) {
            Ok(pid) => {
                self.new_binary = Some(pid);
                note!(log::process(), Notice, 0, "start new binary process {pid}");
            }
            Err(error) => {
                note!(log::process(), Alert, 0, &error; "execve() failed while executing new binary process");
                self.new_binary_is_gone();
            }
        }
    }

    fn reconfigure(&mut self) {
        if self.ending.is_some() {
            return;
        }
        if self.new_binary.is_some() {
            // The way back from an upgrade that was not wanted: accept again with what we have.
            self.start_workers();
            return;
        }
        note!(log::process(), Notice, 0, "reconfiguring");
        if self.load().is_err() {
            return;
        }
        let old = self.workers.tell_all_to_quit();
        self.workers.forget_due();
        note!(log::process(), Notice, 0, "start worker processes");
        self.start_workers();
        old.into_iter().for_each(|pid| self.tell(pid, signal::SIGQUIT));
    }

    /// Reads the configuration and puts it in force, or leaves everything as it is. Failures are logged.
    fn load(&mut self) -> Result<(), Logged> {
        let (cycle, user) = run::load(self.app, &self.source)?;
        let count = usize::try_from(*cycle.core().worker_processes).unwrap_or(1);
        let processors = cycle.core().own_processors();
        self.running.sockets.open(&cycle.listens(), count, processors.as_deref())?;
        log::set_process(cycle.log());
        run::tie_stderr(&*cycle);
        (self.running.cycle, self.running.user) = (cycle, user);
        self.move_pid_file();
        Ok(())
    }

    /// The `pid` directive may have changed.
    fn move_pid_file(&mut self) {
        let path = self.source.prefix.join(&*self.running.cycle.core().pid);
        if path == self.pid_path {
            return;
        }
        match PidFile::create(&path, process::id()) {
            Ok(file) => {
                let old = std::mem::replace(&mut self.running.pid_file, file);
                remove(&old);
                self.pid_path = path;
            }
            Err(error) => drop(log_pid_file(&path, &error)),
        }
    }

    fn exit(&mut self) {
        remove(&self.running.pid_file);
        self.close_sockets();
        note!(log::process(), Notice, 0, "exit");
    }
}

fn log_end(name: &str, pid: Pid, ended: Ended) {
    let (level, text) = match ended {
        Ended::Exited(code) => (Level::Notice, format!("exited with code {code}")),
        Ended::Signalled(number, dumped) => {
            let dumped = if dumped { " (core dumped)" } else { "" };
            (Level::Alert, format!("exited on signal {number}{dumped}"))
        }
    };
    log::process().write(level, 0, None, format_args!("{name} {pid} {text}"));
}

/// A pid file that could not be written.
pub fn log_pid_file(path: &Path, error: &io::Error) -> Logged {
    note!(log::process(), Emerg, 0, error; "open() \"{}\" failed", path.display());
    Logged
}

/// Takes a pid file away; a failure is worth a line.
pub fn remove(file: &PidFile) {
    if let Err(error) = file.remove() {
        note!(log::process(), Alert, 0, &error; "unlink() \"{}\" failed", file.path().display());
    }
}
