//! How a worker begins and ends.
//!
//! *In nginx* `ngx_worker_process_init` obeys the configuration in a fixed order: priority, limits, groups
//! and user, processors, core files, folder; then `ngx_worker_process_cycle` runs for ever.
//!
//! *Here* the same order, since each step may need a right that a later one gives away. Serving itself is
//! [`Cycle::run_worker`]. The function that runs in a forked child never returns into the master's code, not
//! even by a panic: a panic is logged, and ends the process in a way that makes the master start another. A
//! release build does that at the place of the panic (`panic = "abort"`), others with the code [`PANICKED`].
//!
//! ```text
//!   fork ─▶ limits ─▶ user ─▶ processors ─▶ folder, environment ─▶ run_worker ─▶ exit code
//! ```
//!
//! *Read next*: `conf/core_conf.rs` for the settings, `workers.rs` for who is watching.

use super::cycle::{Cycle, WorkerContext};
use crate::conf::core_conf::{Core, User};
use crate::note;
use crate::sys::{inherit, limits, process, signal, title, user};
use std::ffi::OsString;
use std::panic::{self, AssertUnwindSafe};

/// The code of a worker that a restart would not help: the master does not try.
pub const FATAL: i32 = 2;
/// The code of a worker that panicked, the standard library's.
pub const PANICKED: i32 = 101;

/// Becomes a worker, serves, and ends the process. `user` is whom to become.
pub fn run(cycle: &dyn Cycle, user: Option<&User>, context: WorkerContext) -> ! {
    let work = AssertUnwindSafe(|| {
        // The inbox has its own idea of what to hold back; a child of a worker would be nobody's to wait for.
        let _ = signal::unblock(&[signal::SIGCHLD]);
        title::set("nginx: worker process");
        match begin(cycle.core(), user, Some(context.index)) {
            true => cycle.run_worker(context),
            false => FATAL,
        }
    });
    let code = panic::catch_unwind(work).unwrap_or(PANICKED);
    note!(crate::log::process(), Notice, 0, "exit");
    process::exit_now(code)
}

/// Obeys the settings, those of worker `index` or of a process that is none. False if it must not run, which
/// was logged.
pub fn begin(core: &Core, user: Option<&User>, index: Option<usize>) -> bool {
    let log = crate::log::process();
    if *core.worker_priority != 0
        && let Err(error) = limits::set_priority(*core.worker_priority)
    {
        note!(log, Alert, 0, &error; "setpriority({}) failed", *core.worker_priority);
    }
    if let Some(files) = *core.worker_rlimit_nofile
        && let Err(error) = limits::set_open_files(files)
    {
        note!(log, Alert, 0, &error; "setrlimit(RLIMIT_NOFILE, {files}) failed");
    }
    if let Some(size) = *core.worker_rlimit_core
        && let Err(error) = limits::set_core_size(size)
    {
        note!(log, Alert, 0, &error; "setrlimit(RLIMIT_CORE, {size}) failed");
    }
    if let Some(User { name, user, group }) = user
        && user::is_root()
        && let Err((call, error)) = user::become_user(name, *user, *group)
    {
        note!(log, Emerg, 0, &error; "{call} failed");
        return false;
    }
    if let Some(processors) = index.and_then(|index| core.worker_cpu_affinity.of(index))
        && let Err(error) = limits::set_processors(&processors)
    {
        note!(log, Alert, 0, &error; "sched_setaffinity() failed");
    }
    if let Err(error) = limits::allow_core_files() {
        note!(log, Alert, 0, &error; "prctl(PR_SET_DUMPABLE) failed");
    }
    if let Some(path) = &*core.working_directory
        && let Err(error) = std::env::set_current_dir(path)
    {
        note!(log, Alert, 0, &error; "chdir(\"{}\") failed", path.display());
        return false;
    }
    inherit::set_environment(&environment(core));
    true
}

/// What is left of the environment: the time zone, what the `env` directives name, and what decides how a
/// panic is reported.
fn environment(core: &Core) -> Vec<(OsString, OsString)> {
    let mut kept: Vec<(OsString, OsString)> = Vec::new();
    for name in ["TZ", "RUST_LOG", "RUST_BACKTRACE"] {
        kept.extend(std::env::var_os(name).map(|value| (name.into(), value)));
    }
    for (name, value) in &core.env {
        let value = value.clone().or_else(|| std::env::var_os(name));
        kept.extend(value.map(|value| (name.clone(), value)));
    }
    kept
}

/// Makes a panic a line of the error log, level alert, with its place.
pub fn log_panics() {
    panic::set_hook(Box::new(|info| {
        let text = info.payload_as_str().unwrap_or("no message");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        note!(crate::log::process(), Alert, 0, "panic: {text} at {place}");
    }));
}
