//! Processes: their numbers, their birth and their death.
//!
//! *In nginx* these calls stand in `ngx_process.c`, `ngx_daemon.c` and `ngx_spawn_process`.
//!
//! *Here* each is a safe function. `fork` is sound to offer because this program has one thread: the child is
//! a whole copy and may do anything its parent could. What the processes do is said in `process/`.
//!
//! *Read next*: `signal.rs`, how they talk; `process/master.rs`, who calls.

use std::ffi::CStr;
use std::io;
use std::os::fd::RawFd;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of a process.
pub type Pid = libc::pid_t;

/// What fork(2) says, once in each of the two processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// In the old process: the number of the new one.
    Parent(Pid),
    /// In the new process.
    Child,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It returned this code.
    Exited(i32),
    /// A signal ended it; the flag says whether its memory was saved for a debugger.
    Signalled(i32, bool),
}

fn checked(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// What [`id`] says; 0 while nobody has asked since the last fork.
static OWN_ID: AtomicU32 = AtomicU32::new(0);

/// The number of this process. Asked for with every lock of shared memory, so the kernel is asked once.
pub fn id() -> u32 {
    match OWN_ID.load(Ordering::Relaxed) {
        0 => {
            let own = std::process::id();
            OWN_ID.store(own, Ordering::Relaxed);
            own
        }
        own => own,
    }
}

/// The number of the process that started this one.
pub fn parent_id() -> u32 {
    std::os::unix::process::parent_id()
}

/// The number of this thread; the process's own for its first thread.
pub fn thread_id() -> u32 {
    // SAFETY: the call takes nothing and cannot fail.
    u32::try_from(unsafe { libc::gettid() }).unwrap_or(0)
}

/// The name of the host, in lower case.
pub fn hostname() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let mut bytes = [0u8; 256];
        // SAFETY: the array is writable for the length given, and its last byte stays zero.
        let answer = unsafe { libc::gethostname(bytes.as_mut_ptr().cast(), bytes.len() - 1) };
        let name = if answer == 0 { CStr::from_bytes_until_nul(&bytes).unwrap_or_default() } else { c"" };
        name.to_string_lossy().to_ascii_lowercase()
    })
}

/// Makes a second process that is a copy of this one.
///
/// Only for a process with one thread: a lock held by another thread would stay locked in the child for ever.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: this program runs one thread, so the child is a consistent copy.
    match checked(unsafe { libc::fork() })? {
        0 => {
            OWN_ID.store(0, Ordering::Relaxed);
            Ok(Fork::Child)
        }
        pid => Ok(Fork::Parent(pid)),
    }
}

/// Asks for a child that has ended, without waiting. `None` when none has.
pub fn reap() -> io::Result<Option<(Pid, Ended)>> {
    let mut status = 0;
    // SAFETY: `status` is writable.
    let pid = checked(unsafe { libc::waitpid(-1, &mut status, libc::WNOHANG) })?;
    if pid == 0 {
        return Ok(None);
    }
    let ended = if libc::WIFSIGNALED(status) {
        Ended::Signalled(libc::WTERMSIG(status), libc::WCOREDUMP(status))
    } else {
        Ended::Exited(libc::WEXITSTATUS(status))
    };
    Ok(Some((pid, ended)))
}

/// Leaves the terminal and its process group (setsid).
pub fn new_session() -> io::Result<()> {
    // SAFETY: the call takes nothing.
    checked(unsafe { libc::setsid() }).map(drop)
}

/// Lets files be created with exactly the mode that was asked for (umask 0).
pub fn clear_umask() {
    // SAFETY: the call cannot fail.
    unsafe { libc::umask(0) };
}

/// Makes the descriptor `number` (0, 1 or 2) another name of the open file `fd`.
pub fn redirect(fd: RawFd, number: RawFd) -> io::Result<()> {
    // SAFETY: plain numbers; the standard descriptors have no owner in Rust's sense.
    checked(unsafe { libc::dup2(fd, number) }).map(drop)
}

/// Ends the process at once: no destructors, no handlers. For a forked child that must not run its parent's.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: the call does not return.
    unsafe { libc::_exit(code) }
}
