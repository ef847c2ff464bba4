//! Files: where they are, how they come to their place, how they go.
//!
//! *In nginx* `ngx_create_hashed_filename`, `ngx_ext_rename_file` and the unlinking in
//! `ngx_http_file_cache_delete`.
//!
//! *Here* the same. A reply is written to a temporary file and renamed when it is whole, so that whoever
//! opens a file of the cache finds a whole one. With `use_temp_path=off` the temporary file stands
//! beside the final one, in the same file system, under its name with a number behind it.
//!
//! ```text
//!   temp_file ─▶ proxy_temp/7/00/0000000007 ─┐
//!        └─────▶ c/29/b7f5…029c.0000000007  ─┴─ publish ─▶ c/29/b7f5…029c
//! ```
//!
//! *Read next*: `buf/temp_file.rs`.

use super::records::Evicted;
use super::{FileHead, Key, Store};
use crate::buf::TempFile;
use crate::buf::temp_file::{PRIVATE, TempPath};
use crate::note;
use std::io;
use std::path::{Path, PathBuf};

/// What a block of a file system has if it does not say.
const BLOCK: u64 = 4096;

impl Store {
    /// Where the file of a key belongs.
    pub fn path(&self, key: &Key) -> PathBuf {
        let Some(conf) = self.conf() else { return PathBuf::new() };
        let name = key.hex();
        let mut path = conf.folder.clone();
        let mut end = name.len();
        for digits in &conf.levels {
            let start = end.saturating_sub(*digits);
            path.push(name.get(start..end).unwrap_or_default());
            end = start;
        }
        path.push(name);
        path
    }

    /// A new temporary file for the reply to a key: in `temp` (the folder of `NAME_temp_path`) or beside its
    /// final place, as `use_temp_path` says.
    ///
    /// # Errors
    /// What open(2) or mkdir(2) said.
    pub fn temp_file(&self, key: &Key, temp: &TempPath) -> io::Result<TempFile> {
        match self.conf() {
            Some(conf) if !conf.use_temp_path => TempFile::create_beside(&self.path(key)),
            _ => TempFile::create(temp),
        }
    }

    /// Writes the length of a whole file into its head, and renames it to its final name. The index
    /// learns of it by [`Store::stored`].
    ///
    /// # Errors
    /// What rename(2), mkdir(2) or the copying to another file system said; the temporary file is deleted.
    pub fn publish(&self, key: &Key, file: TempFile) -> io::Result<()> {
        FileHead::set_len(file.file(), file.len())?;
        file.rename(&self.path(key), PRIVATE)
    }

    /// Deletes the file of a key and forgets it, for one that was found bad.
    pub fn remove(&self, key: &Key) {
        self.forget(key);
        self.delete(Evicted { key: *key, exists: true });
    }

    /// Deletes the file of a forgotten record.
    pub(super) fn delete(&self, evicted: Evicted) {
        // In a zone that the loader has not been through, nobody knows whether there is a file.
        if evicted.exists {
            unlink(&self.path(&evicted.key));
        }
    }

    /// The size in bytes of what files are made of.
    pub(super) fn block_size(&self) -> u64 {
        *self.block.get_or_init(|| {
            let folder = self.conf().map_or(Path::new("/"), |conf| &conf.folder);
            crate::sys::file::space(folder).map_or(BLOCK, |(block, _)| block.max(1))
        })
    }
}

/// Deletes a file. One that is gone already was deleted by somebody else at the same time.
pub fn unlink(path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        note!(crate::log::process(), Crit, 0, &error; "unlink() \"{}\" failed", path.display());
    }
}
