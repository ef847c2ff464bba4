//! The settings of the main level that belong to no module: processes, users, limits.
//!
//! *In nginx* this is `ngx_core_conf_t` with the directives of `ngx_core_module`.
//!
//! *Here* the same values with their defaults. The master and the start of a worker obey most of them
//! (`process/`); a few are for the worker itself (`worker_shutdown_timeout`, `debug_points`) and for
//! whoever compiles regular expressions (`pcre_jit`). Directives of nginx that have no meaning here are
//! rows too, with an error that says why: accepting them silently would promise something.
//!
//! *Read next*: `process/worker_process.rs`, who obeys; `event/directives.rs` for the `events` block.

use super::build::Cx;
use super::directive::{Args, Directive, MAIN, Module};
use super::error::ConfError;
use super::tree::{Arg, Line};
use super::value::parse_number;
use crate::settings;
use crate::sys::{limits, signal, user};
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// Whom workers run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name, for the groups they are in.
    pub name: CString,
    /// The number of the user.
    pub user: u32,
    /// The number of the group.
    pub group: u32,
}

/// `worker_cpu_affinity`: which processors a worker may run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Affinity {
    /// Any: the kernel decides.
    #[default]
    Any,
    /// Each worker on one of these, in turn.
    Auto(Vec<usize>),
    /// One set per worker; the last is for all that have none.
    Masks(Vec<Vec<usize>>),
}

impl Affinity {
    /// The processors of worker `index`; None for any.
    pub fn of(&self, index: usize) -> Option<Vec<usize>> {
        match self {
            Affinity::Any => None,
            Affinity::Auto(numbers) => {
                let turn = index.checked_rem(numbers.len())?;
                numbers.get(turn).map(|number| vec![*number])
            }
            Affinity::Masks(masks) => masks.get(index).or_else(|| masks.last()).cloned(),
        }
    }
}

impl Core {
    /// The processor of each worker, if each is bound to one.
    pub fn own_processors(&self) -> Option<Vec<usize>> {
        let workers = 0..usize::try_from(*self.worker_processes).unwrap_or(usize::MAX);
        let own = |worker| match self.worker_cpu_affinity.of(worker)?.as_slice() {
            [processor] => Some(*processor),
            _ => None,
        };
        workers.map(own).collect()
    }
}

/// `debug_points`: what to do where something impossible was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DebugPoints {
    /// Log it and go on.
    #[default]
    Off,
    /// Stop, so that a debugger may be attached.
    Stop,
    /// End with a core file.
    Abort,
}

impl DebugPoints {
    /// Does what was configured. To be called behind the message about what was found.
    pub fn reached(self) {
        match self {
            DebugPoints::Off => {}
            DebugPoints::Stop => signal::raise(signal::SIGSTOP),
            DebugPoints::Abort => std::process::abort(),
        }
    }
}

settings! {
    /// The settings of the main level.
    pub struct Core: Process {
        /// `daemon`: leave the terminal.
        pub daemon: bool = true,
        /// `master_process`: have a master and workers, or do all in one process.
        pub master_process: bool = true,
        /// `worker_processes`, `auto` already resolved.
        pub worker_processes: u64 = 1,
        /// `worker_cpu_affinity`
        pub worker_cpu_affinity: Affinity = Affinity::Any,
        /// `worker_priority`: -20 to 19.
        pub worker_priority: i32 = 0,
        /// `worker_rlimit_nofile`
        pub worker_rlimit_nofile: Option<u64> = None,
        /// `worker_rlimit_core`, in bytes
        pub worker_rlimit_core: Option<u64> = None,
        /// `worker_shutdown_timeout`, in milliseconds; 0 for as long as it takes.
        pub worker_shutdown_timeout: u64 = 0,
        /// `working_directory`
        pub working_directory: Option<PathBuf> = None,
        /// `user`; None when nobody said, or when it cannot be obeyed.
        pub user: Option<User> = None,
        /// `pid`: a full name, or the default relative to the prefix.
        pub pid: PathBuf = PathBuf::from("logs/nginx.pid"),
        /// `debug_points`
        pub debug_points: DebugPoints = DebugPoints::Off,
        /// `pcre_jit`: compile regular expressions to machine code.
        pub pcre_jit: bool = false,
        plain {
            /// `env`: names that workers keep, some with a value of their own.
            pub env: Vec<(OsString, Option<OsString>)> = Vec::new()
        }
    }
}

impl Core {
    /// Whom workers become: as configured; else, when we are root, `nobody`.
    ///
    /// # Errors
    /// There is no user `nobody`.
    pub fn worker_user(&self) -> Result<Option<User>, ConfError> {
        if self.user.is_some() || !user::is_root() {
            return Ok((*self.user).clone());
        }
        let name = CString::from(c"nobody");
        match user::user_by_name(&name) {
            Ok(Some((user, group))) => Ok(Some(User { name, user, group })),
            _ => Err(ConfError::new("getpwnam(\"nobody\") failed")),
        }
    }
}

/// How many workers `auto` means: as many as there are processors for us, by the mask and by the share of the
/// control group.
fn processor_count() -> u64 {
    std::thread::available_parallelism().map_or(1, |n| u64::try_from(n.get()).unwrap_or(1))
}

fn set_user(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?;
    line.refuse_duplicate(cx.conf::<Core>().user.is_set())?;
    if !user::is_root() {
        let why = "makes sense only if the master process runs with super-user privileges, ignored";
        cx.warn(&line.at, format_args!("the \"user\" directive {why}"));
        cx.conf::<Core>().user.set(None);
        return Ok(());
    }
    let c_string = |arg: &Arg| CString::new(arg.bytes()).map_err(|_| line.directive_err("invalid value"));
    let account = user::user_by_name(&c_string(name)?).ok().flatten();
    let (number, _) = account.ok_or_else(|| line.err(format_args!("getpwnam(\"{name}\") failed")))?;
    let group_name = line.args.get(1).unwrap_or(name);
    let group = user::group_by_name(&c_string(group_name)?).ok().flatten();
    let group = group.ok_or_else(|| line.err(format_args!("getgrnam(\"{group_name}\") failed")))?;
    let user = User { name: c_string(name)?, user: number, group };
    cx.conf::<Core>().user.set(Some(user));
    Ok(())
}

fn set_worker_processes(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let setting = &mut cx.conf::<Core>().worker_processes;
    let arg = line.arg(0)?;
    if arg.is("auto") {
        return line.store(setting, processor_count());
    }
    match parse_number(arg) {
        Some(0) | None => {
            Err(line.err(format_args!("invalid value \"{arg}\" in \"worker_processes\" directive")))
        }
        Some(number) => line.store(setting, number),
    }
}

/// The numbers of the processors of a mask as `0101`, whose last digit stands for processor 0.
fn mask(line: &Line, arg: &Arg) -> Result<Vec<usize>, ConfError> {
    let mut numbers = Vec::new();
    for (number, digit) in arg.iter().rev().enumerate() {
        match digit {
            b'1' => numbers.push(number),
            b'0' => {}
            other => {
                let digit = char::from(*other);
                return Err(
                    line.err(format_args!("invalid character \"{digit}\" in \"worker_cpu_affinity\""))
                );
            }
        }
    }
    Ok(numbers)
}

fn set_affinity(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let affinity = if line.arg(0)?.is("auto") {
        let wanted = line.args.get(1).map(|arg| mask(line, arg)).transpose()?;
        if line.args.len() > 2 {
            return Err(line.err("invalid number of arguments in \"worker_cpu_affinity\" directive"));
        }
        let mut numbers = limits::processors();
        numbers.retain(|number| wanted.as_ref().is_none_or(|wanted| wanted.contains(number)));
        Affinity::Auto(numbers)
    } else {
        Affinity::Masks(line.args.iter().map(|arg| mask(line, arg)).collect::<Result<_, _>>()?)
    };
    line.store(&mut cx.conf::<Core>().worker_cpu_affinity, affinity)
}

fn set_priority(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let number = line.arg(0)?.as_str()?.parse::<i32>().ok().filter(|n| (-20..=20).contains(n));
    let number = number.ok_or_else(|| line.directive_err("invalid number"))?;
    line.store(&mut cx.conf::<Core>().worker_priority, number)
}

fn set_env(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let text = line.arg(0)?.bytes();
    let part = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    let entry = match text.iter().position(|byte| *byte == b'=') {
        Some(at) => (part(text.get(..at).unwrap_or_default()), text.get(at + 1..).map(part)),
        None => (part(text), None),
    };
    cx.conf::<Core>().env.push(entry);
    Ok(())
}

/// A number that may be left out altogether.
fn optional(
    line: &Line,
    setting: &mut super::merge::Setting<Option<u64>>,
    value: Option<u64>,
) -> Result<(), ConfError> {
    let value = value.ok_or_else(|| line.directive_err("invalid number"))?;
    line.store(setting, Some(value))
}

fn refuse(line: &Line, why: &str) -> Result<(), ConfError> {
    Err(line.directive_err(format_args!("is not supported: {why}")))
}

/// The table.
pub static MODULE: Module = Module {
    name: "core",
    directives: &[
        Directive::of("daemon", MAIN, Args::Flag)
            .default("on")
            .doc("Whether to leave the terminal.")
            .set(|cx, line| line.flag(&mut cx.conf::<Core>().daemon)),
        Directive::of("master_process", MAIN, Args::Flag)
            .default("on")
            .doc("Whether there are a master and workers, or one process in the foreground that does it all.")
            .set(|cx, line| line.flag(&mut cx.conf::<Core>().master_process)),
        Directive::of("worker_processes", MAIN, Args::Exactly(1))
            .default("1")
            .doc("How many workers; auto for one per processor.")
            .set(set_worker_processes),
        Directive::of("worker_cpu_affinity", MAIN, Args::AtLeast(1))
            .doc(
                "Which processors a worker may run on: a mask for each worker, or auto for one each, in \
                 turn.",
            )
            .set(set_affinity),
        Directive::of("worker_priority", MAIN, Args::Exactly(1))
            .default("0")
            .doc("How ready workers are to yield, from -20 (not at all) to 20.")
            .set(set_priority),
        Directive::of("worker_rlimit_nofile", MAIN, Args::Exactly(1))
            .doc("How many descriptors a worker may have open, in place of the limit it was started with.")
            .set(|cx, line| {
                let value = parse_number(line.arg(0)?);
                optional(line, &mut cx.conf::<Core>().worker_rlimit_nofile, value)
            }),
        Directive::of("worker_rlimit_core", MAIN, Args::Exactly(1))
            .doc("The largest core file of a worker.")
            .set(|cx, line| {
                let value = super::value::parse_size(line.arg(0)?);
                optional(line, &mut cx.conf::<Core>().worker_rlimit_core, value)
            }),
        Directive::of("worker_shutdown_timeout", MAIN, Args::Exactly(1))
            .doc(
                "How long a worker that was asked to quit waits for what is under way; then it closes the \
                 rest.",
            )
            .set(|cx, line| line.msec(&mut cx.conf::<Core>().worker_shutdown_timeout)),
        Directive::of("working_directory", MAIN, Args::Exactly(1))
            .doc("The current folder of workers, where core files go.")
            .set(|cx, line| {
                let path = cx.path(line.arg(0)?);
                line.store(&mut cx.conf::<Core>().working_directory, Some(path))
            }),
        Directive::of("user", MAIN, Args::Between(1, 2))
            .default("nobody nobody")
            .doc(
                "Whom workers run as when the master is root: a user, and a group if it is not named the \
                 same.",
            )
            .set(set_user),
        Directive::of("pid", MAIN, Args::Exactly(1))
            .default("logs/nginx.pid")
            .doc("The file that holds the number of the master process.")
            .set(|cx, line| {
                let path = cx.path(line.arg(0)?);
                line.store(&mut cx.conf::<Core>().pid, path)
            }),
        Directive::of("env", MAIN, Args::Exactly(1))
            .default("TZ")
            .doc("An environment variable that workers keep, or NAME=value. All others are removed.")
            .set(set_env),
        Directive::of("debug_points", MAIN, Args::Exactly(1))
            .doc("What a worker does where it finds something impossible: stop, for a debugger, or abort.")
            .set(|cx, line| {
                let words = [("stop", DebugPoints::Stop), ("abort", DebugPoints::Abort)];
                line.choice(&mut cx.conf::<Core>().debug_points, &words)
            }),
        Directive::of("pcre_jit", MAIN, Args::Flag)
            .default("off")
            .doc("Whether regular expressions are compiled to machine code.")
            .set(|cx, line| line.flag(&mut cx.conf::<Core>().pcre_jit)),
        Directive::of("lock_file", MAIN, Args::Exactly(1))
            .doc("Not supported: there is no lock that would need a file.")
            .set(|_, line| refuse(line, "workers share no lock that would need a file")),
        Directive::of("timer_resolution", MAIN, Args::Exactly(1))
            .doc("Not supported: the clock is read once a turn, without a system call.")
            .set(|_, line| refuse(line, "the clock is read once a turn, without a system call")),
        Directive::of("thread_pool", MAIN, Args::Between(2, 3))
            .doc("Not supported: a worker has one thread.")
            .set(|_, line| refuse(line, "a worker has one thread")),
        Directive::of("load_module", MAIN, Args::Exactly(1))
            .doc("Not supported: modules are compiled in.")
            .set(|_, line| refuse(line, "modules are compiled in")),
    ],
};

#[cfg(test)]
#[path = "core_conf_tests.rs"]
mod tests;
