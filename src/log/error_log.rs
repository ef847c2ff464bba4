//! One line of the error log, and the list of targets it goes to.
//!
//! *In nginx* this is `ngx_log_error_core`: time, level, process and thread, connection, the text, the
//! system's error in parentheses, then whatever the connection's log handler adds (`while connecting to
//! upstream, client: …`). A line is cut at 2048 bytes.
//!
//! *Here* the line is built once in a buffer of the thread and handed to each target whose level admits it.
//! The order of the parts is nginx's, so the system's error comes before the context: `connect() failed
//! (111: Connection refused) while connecting to upstream, client: 127.0.0.1`. While a process is starting,
//! or only testing a configuration, warnings and worse are shown on standard error too, with no time in
//! front.
//!
//! ```text
//!   2026/11/22 00:30:00 [error] 31#31: *7 connect() failed (111: Connection refused) while …
//!   └── clock ────────┘ └level┘ └pid┘  └c └── text ──────┘ └── errno ──────────┘  └── context
//! ```
//!
//! *Read next*: `target.rs`.

use super::clock;
use super::target::{Sink, Target};
use super::{Level, file};
use crate::sys::process as system;
use std::cell::{Cell, RefCell};
use std::fmt::{self, Display, Write};
use std::io;
use std::rc::Rc;

/// The longest line in bytes, with its newline; a longer one is cut.
pub const MAX_LINE: usize = 2048;

/// Where messages of one level of the configuration go. Cloning it is a count.
#[derive(Clone)]
pub struct Targets {
    max: Level,
    everything: bool,
    list: Rc<[Target]>,
}

impl Targets {
    /// The targets of a list of `error_log` lines.
    pub fn new(list: Vec<Target>) -> Targets {
        let max = list.iter().map(|target| target.level).max().unwrap_or(Level::Emerg);
        Targets { max, everything: false, list: list.into() }
    }

    /// Standard error at `level`, for before the configuration is known.
    pub fn stderr(level: Level) -> Targets {
        Targets::new(vec![Target { level, sink: Sink::Stderr }])
    }

    /// The same targets with every level let through, each line to each target: what a client that matches
    /// `debug_connection` gets.
    pub fn debugging(&self) -> Targets {
        Targets { max: Level::Debug, everything: true, list: self.list.clone() }
    }

    /// True for a list made by [`Targets::debugging`]: a new location's targets should be made so too.
    pub fn is_debugging(&self) -> bool {
        self.everything
    }

    /// True if a message of this level would go anywhere. One compare.
    #[inline]
    pub fn enabled(&self, level: Level) -> bool {
        level <= self.max
    }

    /// The targets, in the order of the configuration.
    pub fn list(&self) -> &[Target] {
        &self.list
    }

    /// Writes one message. `conn` is the number of the connection, 0 for none; `errno` is appended as
    /// ` (111: Connection refused)`.
    pub fn write(&self, level: Level, conn: u64, errno: Option<&io::Error>, text: fmt::Arguments) {
        self.write_with(level, conn, errno, text, &"");
    }

    /// As [`Targets::write`], with what was going on behind the system's error: ` while connecting to
    /// upstream, client: …`. The context begins with its own space or comma.
    pub fn write_with(
        &self,
        level: Level,
        conn: u64,
        errno: Option<&io::Error>,
        text: fmt::Arguments,
        context: &dyn Display,
    ) {
        if !self.enabled(level) {
            return;
        }
        // Taken, not borrowed: the Display of an argument may itself want to log something.
        let mut line = LINE.with(Cell::take);
        line.bytes.clear();
        line.head(level, conn);
        let from = line.bytes.len();
        let _ = line.write_fmt(text);
        line.errno(errno);
        let _ = write!(line, "{context}");
        let mut shown = false;
        for target in self.list.iter().filter(|target| self.everything || level <= target.level) {
            shown |= matches!(target.sink, Sink::Stderr);
            target.sink.write(level, line.finished());
        }
        if USE_STDERR.with(Cell::get) && level <= Level::Warn && !shown {
            show(level, line.bytes.get(from..).unwrap_or_default());
        }
        LINE.with(|cell| cell.set(line));
    }
}

impl Default for Targets {
    fn default() -> Targets {
        Targets::new(Vec::new())
    }
}

/// The text being built; writing beyond [`MAX_LINE`] is cut without an error.
#[derive(Default)]
struct Line {
    bytes: Vec<u8>,
}

impl Line {
    fn head(&mut self, level: Level, conn: u64) {
        let (pid, tid) = ids();
        let _ = write!(self, "{} [{level}] {pid}#{tid}: ", clock::error_log_time());
        if conn != 0 {
            let _ = write!(self, "*{conn} ");
        }
    }

    fn errno(&mut self, errno: Option<&io::Error>) {
        let Some(error) = errno else { return };
        let _ = write!(self, "{}", Errno(error));
    }

    /// The line with its newline at the end.
    fn finished(&mut self) -> &[u8] {
        if self.bytes.last() != Some(&b'\n') {
            self.bytes.push(b'\n');
        }
        &self.bytes
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_LINE.saturating_sub(1).saturating_sub(self.bytes.len());
        let fits = text.floor_char_boundary(room);
        self.bytes.extend(text.bytes().take(fits).map(|byte| if byte == b'\n' { b' ' } else { byte }));
        Ok(())
    }
}

/// A system's error as nginx prints it behind a message: ` (111: Connection refused)`, with the space.
pub struct Errno<'a>(pub &'a io::Error);

impl Display for Errno<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let text = self.0.to_string();
        match self.0.raw_os_error() {
            // The standard library appends the number in its own way.
            Some(code) => {
                let plain = text.strip_suffix(&format!(" (os error {code})")).unwrap_or(&text);
                write!(f, " ({code}: {plain})")
            }
            None => write!(f, " ({text})"),
        }
    }
}

thread_local! {
    static LINE: Cell<Line> = const { Cell::new(Line { bytes: Vec::new() }) };
    static IDS: Cell<(u32, u32)> = const { Cell::new((0, 0)) };
    static USE_STDERR: Cell<bool> = const { Cell::new(false) };
    static REDIRECTED: Cell<bool> = const { Cell::new(false) };
    static PROCESS: RefCell<Option<Targets>> = const { RefCell::new(None) };
}

fn ids() -> (u32, u32) {
    IDS.with(|cell| {
        if cell.get().0 == 0 {
            cell.set((system::id(), system::thread_id()));
        }
        cell.get()
    })
}

/// To be called in the child after a fork: the numbers in front of each message are asked for again.
pub fn forked() {
    IDS.with(|cell| cell.set((0, 0)));
}

/// Whether warnings and worse are shown on standard error as well, which is so until the process is up.
pub fn use_stderr(on: bool) {
    USE_STDERR.with(|cell| cell.set(on));
}

/// The targets of the main level: for everything that belongs to no request.
pub fn process() -> Targets {
    PROCESS.with_borrow(|targets| targets.clone()).unwrap_or_default()
}

/// Puts the main level's targets in place, for [`process`] and for the `log` crate's macros.
pub fn set_process(targets: Targets) {
    super::bridge::set_level(&targets);
    PROCESS.with_borrow_mut(|place| *place = Some(targets));
}

/// Ties standard error to the first file of the process's targets, so that what libraries print is kept. Done
/// again by [`reopen`].
pub fn redirect_stderr() -> io::Result<()> {
    REDIRECTED.with(|cell| cell.set(true));
    let targets = process();
    let mut files = targets.list().iter().filter_map(|target| match &target.sink {
        Sink::File(file) => file.fd(),
        _ => None,
    });
    files.next().map_or(Ok(()), |fd| system::redirect(fd, 2))
}

/// Opens every log file again under its name, access logs too (USR1). The master gives the number of the
/// `user` its workers run as, who then owns the new files; workers give None. Failures are logged, and the
/// old files are kept.
pub fn reopen(user: Option<u32>) {
    for (path, error) in file::reopen_all(user) {
        let text = format_args!("open() \"{}\" failed", path.display());
        process().write(Level::Emerg, 0, Some(&error), text);
    }
    if REDIRECTED.with(Cell::get)
        && let Err(error) = redirect_stderr()
    {
        process().write(Level::Alert, 0, Some(&error), format_args!("dup2(STDERR) failed"));
    }
}

/// One message on standard error, with the program's name instead of the time.
fn show(level: Level, text: &[u8]) {
    let mut line = format!("nginx: [{level}] ").into_bytes();
    line.extend_from_slice(text);
    if line.last() != Some(&b'\n') {
        line.push(b'\n');
    }
    file::write_stderr(&line);
}

#[cfg(test)]
#[path = "error_log_tests.rs"]
mod tests;
