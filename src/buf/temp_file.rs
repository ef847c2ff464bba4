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
use crate::sys::splice::Conduit;
use std::cell::Cell;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
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

/// The mode of folders that nobody but their owner may look into.
pub const PRIVATE: u32 = 0o700;

/// Makes a folder with these rights, and those above it; one that exists is left as it is.
///
/// # Errors
/// What mkdir(2) said.
pub fn create_folders(folder: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(folder)
}

/// Does something that needs the folder of `path`, which is made if it is not there.
fn with_folders<T>(path: &Path, mode: u32, work: impl Fn() -> io::Result<T>) -> io::Result<T> {
    work().or_else(|error| match (error.kind(), path.parent()) {
        (io::ErrorKind::NotFound, Some(folder)) => {
            create_folders(folder, mode)?;
            work()
        }
        _ => Err(error),
    })
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
        TempFile::create_as(|n| path.file(n))
    }

    /// Makes a new file in the folder of `target`, under its name with a number behind it.
    ///
    /// # Errors
    /// What open(2) or mkdir(2) said.
    pub fn create_beside(target: &Path) -> io::Result<TempFile> {
        TempFile::create_as(|n| {
            let mut name = target.as_os_str().to_owned();
            name.push(format!(".{n:010}"));
            name.into()
        })
    }

    fn create_as(name_of: impl Fn(u32) -> PathBuf) -> io::Result<TempFile> {
        loop {
            let n = NEXT.with(|next| {
                // Workers share the folder: each starts somewhere else and steps over what exists.
                let seed = if next.get() == 0 { std::process::id().wrapping_mul(7919) } else { next.get() };
                next.set(seed.wrapping_add(1));
                seed.wrapping_add(1)
            });
            let name = name_of(n);
            let open = || OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&name);
            match with_folders(&name, PRIVATE, open) {
                Ok(file) => return Ok(TempFile { file: Rc::new(file), path: name, len: 0, keep: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives the file its final name and makes the folders on the way, with these rights. To another
    /// file system it is copied, under a name of its own first, so that nobody sees half a file.
    ///
    /// # Errors
    /// What rename(2), mkdir(2) or the copying said; the file is deleted then.
    pub fn rename(mut self, to: &Path, mode: u32) -> io::Result<()> {
        match with_folders(to, mode, || fs::rename(&self.path, to)) {
            Ok(()) => {
                // It has another name now: there is nothing to delete.
                self.keep();
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                if let Some(folder) = to.parent() {
                    create_folders(folder, mode)?;
                }
                let part = TempFile::create_beside(to)?;
                // Rights and all.
                fs::copy(&self.path, &part.path)?;
                part.rename(to, mode)
            }
            Err(error) => Err(error),
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

    /// Begins again at the front, if nobody has a part of what was written still to send; says whether it
    /// does.
    pub fn begin_again(&mut self) -> bool {
        let again = Rc::strong_count(&self.file) == 1;
        if again {
            self.len = 0;
        }
        again
    }

    /// Moves all that a pipe holds to the end, past the memory of this process.
    ///
    /// # Errors
    /// What splice(2) said; what was moved before stays.
    pub fn append_pipe(&mut self, pipe: &mut Conduit) -> io::Result<()> {
        while pipe.held() > 0 {
            match pipe.store(self.file.as_raw_fd(), self.len)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => self.len += n as u64,
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
        FileRange { file: self.file.clone(), offset, len, temporary: true }
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
