//! A start, from the command line to the last line of the log.
//!
//! *In nginx* this is `main` in `nginx.c` with the greater part of `ngx_init_cycle`.
//!
//! *Here* the order is nginx's, because others rely on it: the sockets are bound before the terminal is left,
//! so a failure is the exit code of the command; the pid file appears when clients can connect; standard
//! error is given up last. What can be refused is refused before anything is changed on the host.
//!
//! ```text
//!   options ─▶ first log ─▶ load ─▶ -s? -t? ─▶ logs ─▶ sockets ─▶ daemon ─▶ pid file ─▶ master
//! ```
//!
//! *Read next*: `master.rs`.

use super::args::{self, Args};
use super::cycle::{App, ConfigSource, Cycle, Logged, Purpose, WorkerContext};
use super::listen::{self, Sockets};
use super::master::{self, Master, Running};
use super::pidfile::PidFile;
use super::{daemon, signal as orders, upgrade, version, worker_process};
use crate::conf::core_conf::User;
use crate::event::inbox::Inbox;
use crate::log::target::Sink;
use crate::log::{self, Level, Target, Targets, file};
use crate::note;
use crate::sys::{limits, process, signal, title};
use crate::util::version::NGINX_VER_BUILD;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::rc::Rc;

/// Runs the program: everything `main` does. `arguments` begin with the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>, app: &dyn App) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // not an option of nginx's, so it stays out of the help: `make directives` asks
    if arguments.get(1).is_some_and(|argument| argument == "--print-directives") {
        let written = io::stdout().write_all(app.directives().as_bytes());
        return if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let args = match Args::parse(arguments.iter().skip(1).cloned()) {
        Ok(args) => args,
        Err(text) => return fail(&text),
    };
    if args.version {
        show_version(&args);
        if !args.test {
            return ExitCode::SUCCESS;
        }
    }
    log::use_stderr(true);
    let source = args.source();
    open_first_log(&source);
    log::bridge::install();
    let done = match source.purpose {
        Purpose::Signal => send_signal(app, &source, &args),
        Purpose::Test => test(app, &source, &args),
        Purpose::Run => start(app, source, arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Logged) => ExitCode::FAILURE,
    }
}

fn fail(text: &str) -> ExitCode {
    file::write_stderr(format!("nginx: {text}\n").as_bytes());
    ExitCode::FAILURE
}

fn show_version(args: &Args) {
    let mut text = format!("{}\n", version::version_line());
    if args.help {
        text.push_str(&args::usage());
    }
    if args.configure {
        text.push_str(&version::tls_line());
        text.push_str(&version::configure_arguments());
        text.push('\n');
    }
    file::write_stderr(text.as_bytes());
}

/// The log until the configuration names another: `-e`, or the default, at level notice.
fn open_first_log(source: &ConfigSource) {
    let stderr = Targets::stderr(Level::Notice);
    if source.error_log == "stderr" {
        return log::set_process(stderr);
    }
    let file = file::of(source.full(&source.error_log));
    match file.open() {
        Ok(()) => {
            let target = Target { level: Level::Notice, sink: Sink::File(file) };
            log::set_process(Targets::new(vec![target]));
        }
        Err(error) => {
            let (path, why) = (file.path().display(), log::error_log::Errno(&error));
            let text =
                format!("nginx: [alert] could not open error log file: open() \"{path}\" failed{why}\n");
            file::write_stderr(text.as_bytes());
            log::set_process(stderr);
        }
    }
}

/// Logs a failure of the start.
fn logged(level: Level, errno: Option<&io::Error>, text: fmt::Arguments) -> Logged {
    log::process().write(level, 0, errno, text);
    Logged
}

/// Reads the configuration; failures are logged.
fn read(app: &dyn App, source: &ConfigSource) -> Result<Rc<dyn Cycle>, Logged> {
    file::begin_reading();
    match app.load(source) {
        Ok(cycle) => Ok(cycle.into()),
        Err(error) => {
            note!(log::process(), Emerg, 0, "{error}");
            Err(Logged)
        }
    }
}

/// Opens the logs of a configuration and lets it make what its workers need.
fn prepare(cycle: &dyn Cycle) -> Result<Option<User>, Logged> {
    let user =
        cycle.core().worker_user().map_err(|error| logged(Level::Emerg, None, format_args!("{error}")))?;
    file::open_all().map_err(|(path, error)| {
        logged(Level::Emerg, Some(&error), format_args!("open() \"{}\" failed", path.display()))
    })?;
    let ids = user.as_ref().map(|user| (user.user, user.group));
    cycle.prepare(ids).map_err(|text| logged(Level::Emerg, None, format_args!("{text}")))?;
    Ok(user)
}

/// Reads a configuration and makes it ready to be put in force. Failures are logged.
pub(super) fn load(app: &dyn App, source: &ConfigSource) -> Result<(Rc<dyn Cycle>, Option<User>), Logged> {
    let cycle = read(app, source)?;
    let user = prepare(&*cycle)?;
    Ok((cycle, user))
}

fn send_signal(app: &dyn App, source: &ConfigSource, args: &Args) -> Result<(), Logged> {
    let cycle = read(app, source)?;
    let path = source.prefix.join(&*cycle.core().pid);
    match args.signal {
        Some(command) if orders::send(command, &path) => Ok(()),
        _ => Err(Logged),
    }
}

fn test(app: &dyn App, source: &ConfigSource, args: &Args) -> Result<(), Logged> {
    let conf = source.conf.display();
    let say = |text: String| {
        if !args.quiet {
            file::write_stderr(text.as_bytes());
        }
    };
    let tested = read(app, source).and_then(|cycle| {
        say(format!("nginx: the configuration file {conf} syntax is ok\n"));
        prepare(&*cycle)?;
        if listen::test(&cycle.listens()) { Ok(cycle) } else { Err(Logged) }
    });
    match tested {
        Ok(cycle) => {
            say(format!("nginx: configuration file {conf} test is successful\n"));
            if args.dump {
                // Nobody reads what was asked for: nothing to be done about that.
                let _ = io::stdout().write_all(&cycle.dump());
            }
            Ok(())
        }
        Err(Logged) => {
            file::write_stderr(format!("nginx: configuration file {conf} test failed\n").as_bytes());
            Err(Logged)
        }
    }
}

/// Ties standard error to the error log, unless somebody logs to it by name.
pub(super) fn tie_stderr(cycle: &dyn Cycle) {
    if cycle.keeps_stderr() {
        return;
    }
    if let Err(error) = log::redirect_stderr() {
        note!(log::process(), Alert, 0, &error; "dup2(STDERR) failed");
    }
}

fn start(app: &dyn App, source: ConfigSource, arguments: Vec<OsString>) -> Result<(), Logged> {
    let inherited = upgrade::inherited();
    let old_binary = inherited.is_some().then(process::parent_id);
    let (cycle, user) = load(app, &source)?;
    let mut sockets = Sockets::inherited(inherited.unwrap_or_default());
    let core = cycle.core();
    let workers = if *core.master_process { usize::try_from(*core.worker_processes).unwrap_or(1) } else { 1 };
    if !*core.master_process {
        sockets.welcome_company();
    }
    let processors = core.own_processors().filter(|_| *core.master_process);
    sockets.open(&cycle.listens(), workers, processors.as_deref())?;
    log::set_process(cycle.log());
    introduce();
    signal::block(&orders::TAKEN)
        .map_err(|e| logged(Level::Alert, Some(&e), format_args!("sigprocmask() failed")))?;
    let daemonized = *core.daemon && old_binary.is_none();
    if daemonized {
        daemon::daemonize()
            .map_err(|(call, e)| logged(Level::Emerg, Some(&e), format_args!("{call} failed")))?;
    }
    let path = source.prefix.join(&*core.pid);
    let pid_file = PidFile::create(&path, process::id()).map_err(|e| master::log_pid_file(&path, &e))?;
    tie_stderr(&*cycle);
    log::use_stderr(false);
    worker_process::log_panics();
    title::prepare();
    let daemonized = daemonized || *core.daemon;
    if *core.master_process {
        let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
        title::set(&format!("nginx: master process {}", words.join(" ")));
        let running = Running { cycle, user, sockets, pid_file, arguments, old_binary, daemonized };
        Master::new(app, source, running).run();
        Ok(())
    } else {
        run_alone(&*cycle, sockets, &pid_file)
    }
}

/// Serves in this very process, without a master.
fn run_alone(cycle: &dyn Cycle, mut sockets: Sockets, pid_file: &PidFile) -> Result<(), Logged> {
    let parts = Inbox::new().and_then(|inbox| Ok((inbox, sockets.of_worker(0, 1)?)));
    let (inbox, listeners) =
        parts.map_err(|e| logged(Level::Alert, Some(&e), format_args!("signalfd() or dup() failed")))?;
    let context = WorkerContext { index: 0, workers: 1, listeners, inbox, single: true };
    // The worker's copies are the only ones from here on, so that closing them ends the accepting.
    let files = sockets.release();
    let code = cycle.run_worker(context);
    master::remove(pid_file);
    files.into_iter().for_each(|path| drop(fs::remove_file(path)));
    note!(log::process(), Notice, 0, "exit");
    if code == 0 { Ok(()) } else { Err(Logged) }
}

/// The first lines of the log of a run.
fn introduce() {
    let log = log::process();
    note!(log, Notice, 0, "using the \"epoll\" event method");
    note!(log, Notice, 0, "{NGINX_VER_BUILD}");
    let kernel = |name: &str| fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    note!(log, Notice, 0, "OS: {} {}", kernel("ostype").trim_end(), kernel("osrelease").trim_end());
    if let Ok((soft, hard)) = limits::open_files() {
        note!(log, Notice, 0, "getrlimit(RLIMIT_NOFILE): {soft}:{hard}");
    }
}
