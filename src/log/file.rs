//! Files that logs are appended to, and their reopening after a rotation.
//!
//! *In nginx* every log file of a cycle stands once in `cycle->open_files`, whoever writes to it; a reload
//! opens them all anew, and USR1 opens them again under the same names, so that a file renamed by a
//! rotation is let go. Lines are appended with one `write` each.
//!
//! *Here* a [`LogFile`] is named when the configuration is read ([`of`]) and opened when the whole of it
//! has been found good ([`open_all`]). The table of the thread holds weak references only: a file is closed
//! when the last log that writes to it is gone, so an old configuration takes its files with it. Access
//! logs and error logs share the table.
//!
//! ```text
//!   error_log a.log ─┐            ┌─ weak ◀─ open_all, reopen_all
//!   error_log a.log ─┴▶ LogFile ◀─┘
//!   access_log b.log ─▶ LogFile                a table per reading of the configuration
//! ```
//!
//! *Read next*: `process/master.rs`, which calls for the opening and the reopening.

use std::cell::{Cell, RefCell};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::rc::{Rc, Weak};

/// A file that is appended to, shared by all who name its path.
pub struct LogFile {
    path: PathBuf,
    reading: u32,
    file: RefCell<Option<File>>,
}

impl LogFile {
    /// The full name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends `bytes` in one piece if the kernel takes them so. Nothing is written before the file is
    /// opened.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self.file.borrow().as_ref() {
            Some(mut file) => file.write_all(bytes),
            None => Ok(()),
        }
    }

    /// The open descriptor, for standard error to be tied to it.
    pub fn fd(&self) -> Option<RawFd> {
        self.file.borrow().as_ref().map(AsRawFd::as_raw_fd)
    }

    /// Opens the file, or opens it again under the same name; the old one is kept if that fails.
    pub fn open(&self) -> io::Result<()> {
        let file = OpenOptions::new().append(true).create(true).mode(0o644).open(&self.path)?;
        *self.file.borrow_mut() = Some(file);
        Ok(())
    }

    /// Gives the file to the user the workers run as, who must be able to open it again themselves.
    fn hand_to(&self, user: u32) -> io::Result<()> {
        let file = self.file.borrow();
        let Some(file) = file.as_ref() else { return Ok(()) };
        let now = file.metadata()?;
        if !now.is_file() {
            return Ok(());
        }
        if now.uid() != user {
            fchown(file, Some(user), None)?;
        }
        if now.mode() & 0o600 != 0o600 {
            let mut wanted = now.permissions();
            wanted.set_mode(now.mode() | 0o600);
            file.set_permissions(wanted)?;
        }
        Ok(())
    }
}

thread_local! {
    static FILES: RefCell<Vec<Weak<LogFile>>> = const { RefCell::new(Vec::new()) };
    static READING: Cell<u32> = const { Cell::new(0) };
}

/// Begins a new reading of the configuration: names seen from now on make files of their own, so that a
/// reload opens everything anew and a failed one leaves the old files alone.
pub fn begin_reading() {
    READING.with(|cell| cell.set(cell.get().wrapping_add(1)));
}

/// The file of that full name in the current reading; not yet opened.
pub fn of(path: PathBuf) -> Rc<LogFile> {
    let reading = READING.with(Cell::get);
    FILES.with_borrow_mut(|files| {
        files.retain(|file| file.strong_count() > 0);
        let known = files.iter().filter_map(Weak::upgrade);
        if let Some(file) = known.into_iter().find(|file| file.reading == reading && file.path == path) {
            return file;
        }
        let file = Rc::new(LogFile { path, reading, file: RefCell::new(None) });
        files.push(Rc::downgrade(&file));
        file
    })
}

fn live() -> Vec<Rc<LogFile>> {
    FILES.with_borrow(|files| files.iter().filter_map(Weak::upgrade).collect())
}

/// Opens every file that is not open yet.
///
/// # Errors
/// The first name that could not be opened, with the system's error; those before it stay open.
pub fn open_all() -> Result<(), (PathBuf, io::Error)> {
    for file in live() {
        if file.fd().is_none() {
            file.open().map_err(|error| (file.path.clone(), error))?;
        }
    }
    Ok(())
}

/// Opens every file again under its name (USR1). With a `user`, which only the master gives, the new file is
/// handed over to that user. Returns the names that failed; these go on with the file they had.
pub fn reopen_all(user: Option<u32>) -> Vec<(PathBuf, io::Error)> {
    let mut failed = Vec::new();
    for file in live() {
        let done = file.open().and_then(|()| user.map_or(Ok(()), |user| file.hand_to(user)));
        if let Err(error) = done {
            failed.push((file.path.clone(), error));
        }
    }
    failed
}

/// Writes to the standard error of the process, in one piece; failures have nowhere to go.
pub fn write_stderr(bytes: &[u8]) {
    let _ = io::stderr().write_all(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn one_path_of_one_reading_is_one_file() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.log");
        let (first, again) = (of(path.clone()), of(path.clone()));
        assert!(Rc::ptr_eq(&first, &again));
        begin_reading();
        assert!(!Rc::ptr_eq(&first, &of(path)));
    }

    #[test]
    fn a_renamed_file_is_let_go_when_the_logs_are_reopened() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.log");
        let file = of(path.clone());
        open_all().expect("opened");
        file.write(b"one\n").expect("written");
        fs::rename(&path, dir.path().join("a.log.1")).expect("renamed");
        file.write(b"two\n").expect("written");
        assert!(reopen_all(None).is_empty());
        file.write(b"three\n").expect("written");
        assert_eq!(fs::read(dir.path().join("a.log.1")).expect("read"), b"one\ntwo\n");
        assert_eq!(fs::read(&path).expect("read"), b"three\n");
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_named() {
        let dir = tempfile::tempdir().expect("a directory");
        let _file = of(dir.path().join("missing/a.log"));
        let (path, error) = open_all().expect_err("no such folder");
        assert!(path.ends_with("missing/a.log"));
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
