//! A temporary file: where a body goes that memory should not hold.
//!
//! *In nginx* `ngx_temp_file_t` and `ngx_create_temp_file`: a file with a number for a name under a
//! configured folder (spread over sub-folders by the number's last digits), removed at once or when the
//! request ends.
//!
//! *Here* the same names (`client_body_temp/0000000001`, with `levels` `1/00/0000000001`), because
//! operators look for them and `$request_body_file` shows them. The file is deleted when the [`TempFile`]
//! is dropped unless it was [kept](TempFile::keep); what is still being sent stays readable through its
//! open descriptor.
//!
//! *Read next*: `chain.rs` for how a part of it is sent.

use super::{Chain, FileRange, Piece};
use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// A folder for temporary files with its sub-folder levels (directives `*_temp_path`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TempPath {
    /// The folder.
    pub folder: PathBuf,
    /// Digits of each level of sub-folders, up to three; empty for none.
    pub levels: Vec<usize>,
}

thread_local! {
    static NEXT: Cell<u32> = const { Cell::new(0) };
}

impl TempPath {
    /// A folder without sub-folders.
    pub fn plain(folder: &str) -> TempPath {
        TempPath { folder: folder.into(), levels: Vec::new() }
    }

    /// The path of file number `n`: `folder/LEVELS/0000000n`, each level the last unused digits of the name.
    pub fn file(&self, n: u32) -> PathBuf {
        let name = format!("{n:010}");
        let mut path = self.folder.clone();
        let mut end = name.len();
        for &digits in &self.levels {
            let start = end.saturating_sub(digits);
            path.push(name.get(start..end).unwrap_or_default());
            end = start;
        }
        path.push(name);
        path
    }
}

/// An open temporary file, deleted when dropped.
#[derive(Debug)]
pub struct TempFile {
    file: Rc<File>,
    path: PathBuf,
    len: u64,
    keep: bool,
}

impl TempFile {
    /// Makes a new file under `path` with permissions 0600.
    ///
    /// # Errors
    /// What open(2) or mkdir(2) said.
    pub fn create(path: &TempPath) -> io::Result<TempFile> {
        loop {
            let n = NEXT.with(|next| {
                // Workers share the folder: each starts somewhere else and steps over what exists.
                let seed = if next.get() == 0 { std::process::id().wrapping_mul(7919) } else { next.get() };
                next.set(seed.wrapping_add(1));
                seed.wrapping_add(1)
            });
            let name = path.file(n);
            let open = || OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&name);
            let file = open().or_else(|error| match (error.kind(), name.parent()) {
                (io::ErrorKind::NotFound, Some(folder)) => {
                    fs::create_dir_all(folder)?;
                    open()
                }
                _ => Err(error),
            });
            match file {
                Ok(file) => return Ok(TempFile { file: Rc::new(file), path: name, len: 0, keep: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes the memory pieces of `chain` at the end and empties it.
    ///
    /// # Errors
    /// What write(2) said; what was written before stays.
    pub fn append(&mut self, chain: &mut Chain) -> io::Result<()> {
        while let Some(piece) = chain.pop() {
            if let Piece::Memory(bytes) = piece {
                self.file.write_all_at(&bytes, self.len)?;
                self.len += bytes.len() as u64;
            }
        }
        Ok(())
    }

    /// How many bytes have been written.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True if nothing has been written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The open file.
    pub fn file(&self) -> &Rc<File> {
        &self.file
    }

    /// A part of it, ready to be sent.
    pub fn range(&self, offset: u64, len: u64) -> FileRange {
        FileRange { file: self.file.clone(), offset, len }
    }

    /// Leaves the file where it is when this value goes.
    pub fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.keep {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_take_the_last_digits_first() {
        let path = TempPath { folder: "/t".into(), levels: vec![1, 2] };
        assert_eq!(path.file(1234567), Path::new("/t/7/56/0001234567"));
    }

    #[test]
    fn a_dropped_file_is_gone_and_a_kept_one_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = TempPath { folder: dir.path().join("body"), levels: vec![] };
        let mut file = TempFile::create(&path).unwrap();
        file.append(&mut Chain::of(crate::buf::Slice::copy(b"abc"))).unwrap();
        assert_eq!(file.len(), 3);
        let name = file.path().to_owned();
        drop(file);
        assert!(!name.exists());
        let mut file = TempFile::create(&path).unwrap();
        file.keep();
        let name = file.path().to_owned();
        drop(file);
        assert!(name.exists());
    }
}
