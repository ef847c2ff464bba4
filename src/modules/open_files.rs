//! Opening files, and remembering them: `open_file_cache`.
//!
//! *In nginx* `ngx_open_cached_file`, through which every module opens what it serves; without a cache it is
//! an open(2) and an fstat(2). The cache remembers descriptors, sizes, times, that a name is a directory and,
//! if asked to, that it cannot be opened.
//!
//! *Here* [`open`] and [`look`] are the two questions: give me the file, and what is it. The cache belongs to
//! the worker and to one `open_file_cache` directive; levels that inherit the directive share it. A
//! descriptor stays open while a response is still being sent, whatever the cache does, because it is
//! counted.
//!
//! ```text
//!   name ─▶ known and younger than open_file_cache_valid? ─ yes ─▶ as remembered
//!                │ no
//!                └─▶ stat: the same inode? keep the descriptor : open anew ─▶ remember, drop the oldest
//! ```
//!
//! *Read next*: `static_file.rs`.

use super::symlinks::{self, Guard, Rule};
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::conf::value;
use crate::event::{RequestIx, clock};
use crate::http::exchange::Exchange;
use crate::http::files::as_path;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::settings;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `open_file_cache max=N inactive=TIME`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheConf {
    /// Which cache of the worker.
    id: usize,
    max: usize,
    inactive_ms: u64,
}

settings! {
    /// How files are opened.
    pub struct OpenFiles: Location {
        /// `open_file_cache`
        pub cache: Option<CacheConf> = None,
        /// `open_file_cache_valid`, seconds
        pub valid: u64 = 60,
        /// `open_file_cache_min_uses`
        pub min_uses: u64 = 1,
        /// `open_file_cache_errors`
        pub errors: bool = false,
        /// `read_ahead`, bytes; 0 for as the kernel does by itself
        pub read_ahead: u64 = 0,
        /// `disable_symlinks`
        pub symlinks: Rule = Rule::default(),
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "http_open_files",
    directives: &[
        Directive::of("open_file_cache", LEVELS, Args::Between(1, 2))
            .default("off")
            .doc("Remembers open files: at most max=N, each for inactive=TIME since it was last asked for.")
            .set(set_cache),
        Directive::of("open_file_cache_valid", LEVELS, Args::Exactly(1))
            .default("60s")
            .doc("After what time a remembered file is looked at again.")
            .set(|cx, line| line.sec(&mut cx.conf::<OpenFiles>().valid)),
        Directive::of("open_file_cache_min_uses", LEVELS, Args::Exactly(1))
            .default("1")
            .doc("How often a file must have been asked for before it is kept open.")
            .set(|cx, line| line.number(&mut cx.conf::<OpenFiles>().min_uses)),
        Directive::of("open_file_cache_errors", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether it is remembered too that a file could not be opened.")
            .set(|cx, line| line.flag(&mut cx.conf::<OpenFiles>().errors)),
        Directive::of("read_ahead", LEVELS, Args::Exactly(1))
            .default("0")
            .doc("Tells the kernel that large files are read from end to end; how far ahead, it chooses.")
            .set(|cx, line| line.size(&mut cx.conf::<OpenFiles>().read_ahead)),
        Directive::of("aio_write", LEVELS, Args::Flag)
            .default("off")
            .doc("Only off: files are written by the worker itself.")
            .set(|_, line| match line.arg(0)?.eq_ignore_ascii_case(b"off") {
                true => Ok(()),
                false => Err(line.directive_err("supports only \"off\": there is no aio")),
            }),
        Directive::of("directio_alignment", LEVELS, Args::Exactly(1))
            .default("512")
            .doc("Only its default: there is no directio.")
            .set(|_, line| match crate::conf::value::parse_size(line.arg(0)?) {
                Some(512) => Ok(()),
                _ => Err(line.directive_err("supports only \"512\": there is no directio")),
            }),
        Directive::of("disable_symlinks", LEVELS, Args::Between(1, 2))
            .default("off")
            .doc(
                "Which symbolic links are not followed: none, all, or those of another owner; from= is \
                 trusted.",
            )
            .set(|cx, line| {
                let rule = symlinks::read(cx, line)?;
                line.store(&mut cx.conf::<OpenFiles>().symlinks, rule)
            }),
    ],
};

fn set_cache(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let (mut max, mut inactive, mut off) = (0, 60_000, false);
    for arg in &line.args {
        let parsed = if let Some(text) = arg.after("max=") {
            value::parse_number(text).filter(|n| *n > 0).map(|n| max = n)
        } else if let Some(text) = arg.after("inactive=") {
            value::parse_sec(text).map(|seconds| inactive = seconds.saturating_mul(1000))
        } else {
            arg.is("off").then(|| off = true)
        };
        if parsed.is_none() {
            return Err(line.err(format_args!("invalid \"open_file_cache\" parameter \"{arg}\"")));
        }
    }
    if !off && max == 0 {
        return Err(line.err("\"open_file_cache\" must have the \"max\" parameter"));
    }
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let id = NEXT.fetch_add(1, Ordering::Relaxed);
    let cache = (!off).then_some(CacheConf { id, max, inactive_ms: inactive });
    line.store(&mut cx.conf::<OpenFiles>().cache, cache)
}

/// Above what size, in bytes, telling the kernel is worth a call (nginx: `NGX_MIN_READ_AHEAD`).
const LARGE: u64 = 128 * 1024;

/// What is known of a name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// A directory.
    pub is_dir: bool,
    /// A regular file.
    pub is_file: bool,
    /// Bytes.
    pub size: u64,
    /// When it was last changed, seconds since 1970.
    pub mtime: i64,
    /// Device and inode: the same as long as it is the same file.
    identity: (u64, u64),
}

impl Meta {
    fn of(found: &Metadata) -> Meta {
        Meta {
            is_dir: found.is_dir(),
            is_file: found.is_file(),
            size: found.len(),
            mtime: found.mtime(),
            identity: (found.dev(), found.ino()),
        }
    }
}

/// A name that could not be opened: which call failed, and how.
#[derive(Debug)]
pub struct Failed {
    /// `open()`, `stat()` …
    pub call: &'static str,
    /// What it said.
    pub error: io::Error,
}

impl Failed {
    fn by(call: &'static str) -> impl Fn(io::Error) -> Failed {
        move |error| Failed { call, error }
    }

    /// The number of the error; 0 if it has none.
    pub fn code(&self) -> i32 {
        self.error.raw_os_error().unwrap_or(0)
    }
}

/// Opens a file for reading; directories and devices are opened too and told by their [`Meta`].
///
/// # Errors
/// What the kernel said, now or when it was remembered.
pub fn open(x: &mut Exchange, r: RequestIx, io: &mut Io, path: &[u8]) -> Result<(Rc<File>, Meta), Failed> {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<OpenFiles>();
    let name = Name { path, guard: conf.symlinks.guard(x, r, io, path) };
    let opened = match cache(conf, io) {
        Some((cache, terms)) => match cache.get(name, terms, true)? {
            (Some(file), meta) => (file, meta),
            (None, _) => name.open()?,
        },
        None => name.open()?,
    };
    if *conf.read_ahead != 0 && opened.1.size > LARGE {
        crate::sys::file::will_read_all(&opened.0);
    }
    Ok(opened)
}

/// Says what a name is without opening it.
///
/// # Errors
/// What the kernel said, now or when it was remembered.
pub fn look(x: &mut Exchange, r: RequestIx, io: &mut Io, path: &[u8]) -> Result<Meta, Failed> {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<OpenFiles>();
    let name = Name { path, guard: conf.symlinks.guard(x, r, io, path) };
    let Some((cache, terms)) = cache(conf, io) else { return name.look() };
    cache.get(name, terms, false).map(|(_, meta)| meta)
}

/// A path and which links on it may be followed.
#[derive(Clone, Copy)]
struct Name<'a> {
    path: &'a [u8],
    guard: Guard,
}

impl Name<'_> {
    fn open(self) -> Result<(Rc<File>, Meta), Failed> {
        let file = if self.guard.is_open() {
            // A named pipe must not make the worker wait for somebody to write into it.
            let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(as_path(self.path));
            file.map_err(Failed::by("open()"))?
        } else {
            self.guard.open(self.path).map_err(Failed::by("openat()"))?
        };
        let meta = file.metadata().map_err(Failed::by("fstat()"))?;
        Ok((Rc::new(file), Meta::of(&meta)))
    }

    fn look(self) -> Result<Meta, Failed> {
        if !self.guard.is_open() {
            return self.open().map(|(_, meta)| meta);
        }
        fs::metadata(as_path(self.path)).map(|found| Meta::of(&found)).map_err(Failed::by("stat()"))
    }

    fn key(self) -> Vec<u8> {
        match self.guard.is_open() {
            true => self.path.to_vec(),
            false => [self.path, &self.guard.key()].concat(),
        }
    }
}

/// The rules of the level that asks.
#[derive(Clone, Copy)]
struct Terms {
    max: usize,
    inactive_ms: u64,
    valid_ms: u64,
    min_uses: u64,
    errors: bool,
}

/// The caches of a worker, by the directive they belong to.
#[derive(Default)]
struct Caches {
    by_id: HashMap<usize, Cache>,
}

fn cache<'a>(conf: &OpenFiles, io: &'a mut Io) -> Option<(&'a mut Cache, Terms)> {
    let CacheConf { id, max, inactive_ms } = (*conf.cache)?;
    let valid_ms = conf.valid.saturating_mul(1000);
    let terms = Terms { max, inactive_ms, valid_ms, min_uses: *conf.min_uses, errors: *conf.errors };
    Some((io.services.get::<Caches>().by_id.entry(id).or_default(), terms))
}

/// What is remembered of a name.
struct Entry {
    found: Result<Meta, (&'static str, i32)>,
    file: Option<Rc<File>>,
    /// When it was last compared with the disk.
    checked: u64,
    /// When it was last asked for.
    asked: u64,
    uses: u64,
    /// Its place in the order of asking.
    turn: u64,
}

/// One cache: entries by name, and names in the order in which they were last asked for.
#[derive(Default)]
struct Cache {
    entries: HashMap<Vec<u8>, Entry>,
    order: BTreeMap<u64, Vec<u8>>,
    turns: u64,
}

type Answer = (Option<Rc<File>>, Meta);

impl Cache {
    fn get(&mut self, name: Name<'_>, terms: Terms, wants_file: bool) -> Result<Answer, Failed> {
        let key = name.key();
        let now = clock::now();
        self.forget_idle(now, terms.inactive_ms);
        self.turns += 1;
        let turn = self.turns;
        if let Some(entry) = self.entries.get_mut(&key) {
            self.order.remove(&entry.turn);
            self.order.insert(turn, key);
            entry.turn = turn;
            entry.asked = now;
            entry.uses = entry.uses.saturating_add(1);
            let fresh = now.saturating_sub(entry.checked) < terms.valid_ms;
            let keeps = entry.uses >= terms.min_uses;
            return entry.answer(name, now, fresh, wants_file && keeps);
        }
        let mut entry = Entry { found: Err(("", 0)), file: None, checked: 0, asked: now, uses: 1, turn };
        let keeps = wants_file && terms.min_uses <= 1;
        let answer = entry.answer(name, now, false, keeps);
        if answer.is_err() && !terms.errors {
            return answer;
        }
        if self.entries.len() >= terms.max
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.entries.remove(&oldest);
        }
        self.order.insert(turn, key.clone());
        self.entries.insert(key, entry);
        answer
    }

    /// Drops what nobody asked for in a while; a few at a time, from the oldest.
    fn forget_idle(&mut self, now: u64, inactive_ms: u64) {
        for _ in 0..2 {
            let Some((_, name)) = self.order.first_key_value() else { return };
            let idle =
                self.entries.get(name).is_none_or(|entry| now.saturating_sub(entry.asked) >= inactive_ms);
            if !idle {
                return;
            }
            if let Some((_, name)) = self.order.pop_first() {
                self.entries.remove(&name);
            }
        }
    }
}

impl Entry {
    fn answer(&mut self, name: Name<'_>, now: u64, fresh: bool, open: bool) -> Result<Answer, Failed> {
        if !fresh {
            self.check(name, now);
        }
        if open && self.file.is_none() && self.found.is_ok_and(|meta| !meta.is_dir) {
            match name.open() {
                Ok((file, meta)) => {
                    self.found = Ok(meta);
                    self.file = Some(file);
                }
                Err(failed) => self.found = Err((failed.call, failed.code())),
            }
        }
        match self.found {
            Ok(meta) => Ok((self.file.clone(), meta)),
            Err((call, code)) => Err(Failed { call, error: io::Error::from_raw_os_error(code) }),
        }
    }

    /// Compares with the disk; an open file is kept if the name still means it.
    fn check(&mut self, name: Name<'_>, now: u64) {
        self.checked = now;
        let before = self.found.ok().map(|meta| meta.identity);
        self.found = name.look().map_err(|failed| (failed.call, failed.code()));
        if self.found.ok().map(|meta| meta.identity) != before {
            self.file = None;
        }
    }
}
