//! Log files whose names depend on the request.
//!
//! *In nginx* `ngx_http_log_script_write`: the file is opened for each line, unless `open_log_file_cache`
//! keeps it open. The document root must exist, so that a request for a host nobody has does not litter.
//!
//! *Here* the same, with a cache of its own: an entry counts its uses and keeps the file open from `min_uses`
//! on; it goes after `inactive` without a use, or when `max` others are newer; after `valid` the name is
//! looked at again.
//!
//! ```text
//!   $host.log ─▶ "a.log" ─▶ entry ─ uses < min_uses ─▶ open, write, close
//!                                └ uses ≥ min_uses ─▶ write             (max, inactive, valid)
//! ```
//!
//! *Read next*: `modules/open_files.rs`, the cache of files that are served.

use crate::buf::Slice;
use crate::conf::template::Template;
use crate::event::{RequestIx, clock};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::log::Level;
use std::cell::RefCell;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// What `open_log_file_cache` keeps.
pub struct OpenLogs {
    /// How many entries.
    pub max: usize,
    /// For how many milliseconds without a use.
    pub inactive_ms: u64,
    /// After how many milliseconds the name is looked at again.
    pub valid_ms: u64,
    /// From how many uses on the file stays open.
    pub min_uses: u64,
    entries: RefCell<Vec<Entry>>,
}

/// One name; the list has the one used last at its end.
struct Entry {
    path: Slice,
    uses: u64,
    used: u64,
    checked: u64,
    file: Option<File>,
}

impl OpenLogs {
    /// An empty cache.
    pub fn new(max: usize, inactive_ms: u64, valid_ms: u64, min_uses: u64) -> OpenLogs {
        OpenLogs { max, inactive_ms, valid_ms, min_uses, entries: RefCell::default() }
    }

    fn write(&self, path: &Slice, line: &[u8]) -> io::Result<()> {
        let now = clock::now();
        let mut entries = self.entries.borrow_mut();
        entries.retain(|entry| entry.used.saturating_add(self.inactive_ms) > now || entry.path == *path);
        let known = entries.iter().position(|entry| entry.path == *path);
        let mut entry = match known {
            Some(at) => entries.remove(at),
            None => Entry { path: path.clone(), uses: 0, used: now, checked: now, file: None },
        };
        if entry.checked.saturating_add(self.valid_ms) <= now {
            entry.checked = now;
            entry.file = entry.file.filter(|file| is_at(file, path));
        }
        entry.used = now;
        entry.uses += 1;
        let written = match &mut entry.file {
            Some(file) => file.write_all(line),
            None => open(path).and_then(|mut file| {
                file.write_all(line)?;
                entry.file = (entry.uses >= self.min_uses).then_some(file);
                Ok(())
            }),
        };
        // A name that cannot be opened does not push out one that can.
        if written.is_ok() || known.is_some() {
            if entries.len() >= self.max {
                entries.remove(0);
            }
            entries.push(entry);
        }
        written
    }
}

fn open(path: &[u8]) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o644).open(OsStr::from_bytes(path))
}

/// Whether the file still is the one of that name.
fn is_at(file: &File, path: &[u8]) -> bool {
    match (file.metadata(), fs::metadata(OsStr::from_bytes(path))) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Writes a line to the file that `path` means for this request.
pub fn write(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    cache: Option<&OpenLogs>,
    path: &Template,
    line: &[u8],
) {
    if !x[r].flags.root_tested {
        let core = x[r].loc.core.clone();
        let root = core.root.eval(x, r, io);
        if !Path::new(OsStr::from_bytes(&root)).is_dir() {
            let text = format_args!("testing \"{root}\" existence failed");
            return logging::log(x, r, io, Level::Error, None, text);
        }
        x[r].flags.root_tested = true;
    }
    let path = path.eval(x, r, io);
    let written = match cache {
        Some(cache) => cache.write(&path, line),
        None => open(&path).and_then(|mut file| file.write_all(line)),
    };
    if let Err(error) = written {
        logging::log(x, r, io, Level::Crit, Some(&error), format_args!("open() \"{path}\" failed"));
    }
}
