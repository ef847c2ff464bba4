//! The file that holds the master's number.
//!
//! *In nginx* `ngx_create_pidfile` truncates the file and writes into it. Old and new binary agree by
//! renaming: the old one's file becomes `nginx.pid.oldbin`.
//!
//! *Here* the file is written under another name and renamed, so that nobody ever reads an empty one. It is
//! made after the sockets are bound: who sees it may connect.
//!
//! ```text
//!   nginx.pid.31.tmp ─ rename ─▶ nginx.pid ─ USR2 ─▶ nginx.pid.oldbin
//! ```
//!
//! *Read next*: `upgrade.rs`.

use crate::sys::process::Pid;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A pid file of ours. Dropping it does not remove it; the end of the master does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PidFile {
    path: PathBuf,
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

impl PidFile {
    /// Writes the number and a newline.
    pub fn create(path: &Path, pid: u32) -> io::Result<PidFile> {
        let temporary = with_suffix(path, &format!(".{pid}.tmp"));
        fs::write(&temporary, format!("{pid}\n"))?;
        if let Err(error) = fs::rename(&temporary, path) {
            // The first error tells more than what may come of the cleaning up.
            let _ = fs::remove_file(&temporary);
            return Err(error);
        }
        Ok(PidFile { path: path.to_owned() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes it away.
    pub fn remove(&self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }

    /// Makes room for the pid file of a new binary.
    pub fn step_aside(&mut self) -> io::Result<()> {
        self.rename(with_suffix(&self.path, ".oldbin"))
    }

    /// Takes the name back when the new binary is gone.
    pub fn step_back(&mut self, path: &Path) -> io::Result<()> {
        self.rename(path.to_owned())
    }

    fn rename(&mut self, to: PathBuf) -> io::Result<()> {
        fs::rename(&self.path, &to)?;
        self.path = to;
        Ok(())
    }
}

/// Reads the number in a pid file. The error is the whole message, with nginx's wording.
pub fn read(path: &Path) -> Result<Pid, (String, Option<io::Error>)> {
    let shown = path.display();
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return Err((format!("open() \"{shown}\" failed"), Some(error))),
    };
    let text = String::from_utf8_lossy(&bytes);
    let text = text.trim_end_matches(['\r', '\n']);
    match text.parse() {
        Ok(pid) if pid > 0 => Ok(pid),
        _ => Err((format!("invalid PID number \"{text}\" in \"{shown}\""), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_is_whole_steps_aside_and_comes_back() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("nginx.pid");
        let mut file = PidFile::create(&path, 31).expect("created");
        assert_eq!(fs::read(&path).expect("read"), b"31\n");
        file.step_aside().expect("renamed");
        assert_eq!(read(&dir.path().join("nginx.pid.oldbin")).ok(), Some(31));
        assert!(!path.exists());
        file.step_back(&path).expect("renamed back");
        assert_eq!(read(&path).ok(), Some(31));
        file.remove().expect("removed");
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 0);
    }

    #[test]
    fn what_is_no_number_is_quoted() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("nginx.pid");
        fs::write(&path, "no\n").expect("written");
        let (text, _) = read(&path).expect_err("no number");
        assert_eq!(text, format!("invalid PID number \"no\" in \"{}\"", path.display()));
        fs::write(&path, "-1\n").expect("written");
        assert!(read(&path).is_err());
        let (text, error) = read(&dir.path().join("none")).expect_err("no file");
        assert!(text.starts_with("open() ") && error.is_some());
    }
}
