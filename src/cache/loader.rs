//! The loader: what finds the files of an earlier life.
//!
//! *In nginx* the process "cache loader process", which starts one minute after the server, walks through the
//! folders (`ngx_walk_tree`), and ends.
//!
//! *Here* the same, as a [`Loader`] whose [`turn`](Loader::turn) reads a stretch of the tree at the pace
//! of `loader_files`, `loader_threshold` and `loader_sleep`. Only names and sizes are read: what a file
//! is worth is seen when it is asked for. Until the loader is through, a request opens the file on the
//! chance that it is there. A temporary file that nobody has written to for an hour is what a dead
//! process left, and is deleted; other files that are not the cache's own are left alone (NGINX: they
//! are deleted).
//!
//! ```text
//!   /data ─▶ c/ ─▶ 29/ ─▶ b7f54b2df7773722d382f4809d65029c ─▶ a record     …029c.0000000007 ─▶ old? gone
//! ```
//!
//! *Read next*: `records.rs: found`.

use super::files::unlink;
use super::{FileHead, Key, Store};
use crate::event::clock;
use crate::log::clock as wall;
use crate::note;
use std::fs::{self, DirEntry, ReadDir};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

/// How long a temporary file may be left alone by its writer, in seconds.
const ABANDONED: u64 = 3600;

/// What every file has, in bytes: a head with an empty key.
const SHORTEST: u64 = FileHead::SHORTEST as u64;

/// Reads the files of one store.
pub struct Loader {
    store: Rc<Store>,
    /// The folders that are being read, from the outermost on. None before the first turn.
    open: Option<Vec<ReadDir>>,
}

impl Loader {
    /// A loader that has read nothing.
    pub fn new(store: Rc<Store>) -> Loader {
        Loader { store, open: None }
    }

    /// Reads on. How long to wait for the next turn, in milliseconds; None when all is read, or another
    /// process has read or is reading it.
    pub fn turn(&mut self) -> Option<u64> {
        let store = self.store.clone();
        let (conf, records) = (store.conf()?, store.records()?);
        if self.open.is_none() {
            if !records.start_loading() {
                return None;
            }
            self.open = Some(read_folder(&conf.folder).into_iter().collect());
        }
        let started = clock::update();
        let mut files = 0;
        loop {
            let Some(entry) = self.next_entry() else {
                records.loaded();
                return None;
            };
            if self.look_at(&entry) {
                files += 1;
            }
            let elapsed = clock::update().saturating_sub(started);
            if files >= conf.loader.files.max(1) || elapsed >= conf.loader.threshold_ms {
                return Some(conf.loader.sleep_ms);
            }
        }
    }

    fn next_entry(&mut self) -> Option<DirEntry> {
        let open = self.open.as_mut()?;
        while let Some(folder) = open.last_mut() {
            match folder.next() {
                Some(Ok(entry)) => return Some(entry),
                // What cannot be read now will be found when it is asked for.
                Some(Err(_)) => {}
                None => drop(open.pop()),
            }
        }
        None
    }

    /// Takes a file into the index, or goes into a folder. Whether it was a file.
    fn look_at(&mut self, entry: &DirEntry) -> bool {
        let Ok(kind) = entry.file_type() else { return true };
        let depth = self.open.as_ref().map_or(0, Vec::len);
        let levels = self.store.conf().map_or(0, |conf| conf.levels.len());
        if kind.is_dir() && depth <= levels {
            if let (Some(open), Some(folder)) = (self.open.as_mut(), read_folder(&entry.path())) {
                open.push(folder);
            }
            return false;
        }
        let name = entry.file_name();
        let path = entry.path();
        match Key::from_hex(name.as_bytes()) {
            // A file of other levels would never be opened nor deleted through the index.
            Some(key) if kind.is_file() && self.store.path(&key) == path => {
                match entry.metadata() {
                    // What a machine that went down had not written yet.
                    Ok(about) if about.len() < SHORTEST => unlink(&path),
                    Ok(about) => self.store.found(&key, about.len()),
                    Err(_) => {}
                }
            }
            None if kind.is_file() && is_temporary(name.as_bytes()) && is_abandoned(entry) => unlink(&path),
            _ => {}
        }
        true
    }
}

fn read_folder(path: &Path) -> Option<ReadDir> {
    match fs::read_dir(path) {
        Ok(folder) => Some(folder),
        Err(error) => {
            if error.kind() != io::ErrorKind::NotFound {
                note!(crate::log::process(), Crit, 0, &error; "opendir() \"{}\" failed", path.display());
            }
            None
        }
    }
}

/// Whether this is how [`Store::temp_file`] names files: a key, a dot and ten digits.
fn is_temporary(name: &[u8]) -> bool {
    let parts = name.split_at_checked(32).map(|(key, rest)| (Key::from_hex(key), rest));
    matches!(parts, Some((Some(_), [b'.', number @ ..]))
        if number.len() == 10 && number.iter().all(u8::is_ascii_digit))
}

fn is_abandoned(entry: &DirEntry) -> bool {
    let modified = entry.metadata().and_then(|about| about.modified());
    let since = modified.ok().and_then(|modified| modified.duration_since(UNIX_EPOCH).ok());
    let now = u64::try_from(wall::seconds()).unwrap_or(0);
    since.is_some_and(|modified| modified.as_secs().saturating_add(ABANDONED) < now)
}
