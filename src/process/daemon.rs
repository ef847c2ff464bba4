//! Leaving the terminal.
//!
//! *In nginx* this is `ngx_daemon`.
//!
//! *Here* the same steps: the parent returns to the shell, the child gets a session of its own and reads and
//! writes nothing on the terminal any more. Standard error is tied to the error log later, when that is open.
//!
//! *Read next*: `run.rs`.

use crate::log;
use crate::sys::process::{self, Fork};
use std::fs::OpenOptions;
use std::io;
use std::os::fd::AsRawFd;

/// Goes on in a child that belongs to no terminal; the process that was started ends here, with success.
///
/// # Errors
/// The name of the call that failed, and why.
pub fn daemonize() -> Result<(), (&'static str, io::Error)> {
    let at = |name| move |error| (name, error);
    if let Fork::Parent(_) = process::fork().map_err(at("fork()"))? {
        process::exit_now(0);
    }
    log::forked();
    process::new_session().map_err(at("setsid()"))?;
    process::clear_umask();
    let null = OpenOptions::new().read(true).write(true).open("/dev/null");
    let null = null.map_err(at("open(\"/dev/null\")"))?;
    process::redirect(null.as_raw_fd(), 0).map_err(at("dup2(STDIN)"))?;
    process::redirect(null.as_raw_fd(), 1).map_err(at("dup2(STDOUT)"))
}
