//! Signals as input: blocked once, then read like anything else.
//!
//! *In nginx* a handler sets one of a dozen global flags (`ngx_reap`, `ngx_quit`, …), the master sleeps in
//! `sigsuspend`, and a worker's `epoll_wait` returns early with `EINTR`.
//!
//! *Here* there are no handlers, so nothing runs at an odd moment. [`block`] holds the signals back; the
//! master takes them one by one with [`wait`], and a worker has an [`Inbox`](crate::event::inbox::Inbox), a
//! descriptor that its event loop watches with all the others. A signal that comes twice before it is taken
//! is delivered once, as with flags.
//!
//! ```text
//!   kill(2) ─▶ pending ─┬─▶ wait()            the master, asleep
//!                       └─▶ Inbox ─▶ epoll    a worker, in its turn
//! ```
//!
//! *Read next*: `process/signal.rs`, which gives them their meaning.

use super::process::Pid;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

pub use libc::{
    SIGABRT, SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGIO, SIGKILL, SIGPIPE, SIGQUIT, SIGSTOP, SIGTERM,
};
pub use libc::{SIGUSR1, SIGUSR2, SIGWINCH};

/// A signal that was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its number.
    pub number: i32,
    /// The process that sent it, 0 for the kernel.
    pub sender: Pid,
}

fn checked(answer: libc::c_int) -> io::Result<libc::c_int> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

fn set_of(numbers: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: sigemptyset initializes the set; sigaddset refuses a number that is no signal.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for number in numbers {
            libc::sigaddset(set.as_mut_ptr(), *number);
        }
        set.assume_init()
    }
}

/// Holds these signals back from now on; they wait to be taken. Children inherit it.
pub fn block(numbers: &[i32]) -> io::Result<()> {
    let set = set_of(numbers);
    // SAFETY: the set is valid; the old mask is not wanted.
    checked(unsafe { libc::sigprocmask(libc::SIG_BLOCK, &set, std::ptr::null_mut()) }).map(drop)
}

/// Lets these signals through again.
pub fn unblock(numbers: &[i32]) -> io::Result<()> {
    let set = set_of(numbers);
    // SAFETY: the set is valid; the old mask is not wanted.
    checked(unsafe { libc::sigprocmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut()) }).map(drop)
}

/// Sleeps until one of these blocked signals is there, and takes it; `None` when the time is up first.
pub fn wait(numbers: &[i32], limit: Option<Duration>) -> io::Result<Option<Received>> {
    let set = set_of(numbers);
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    let limit = limit.map(|limit| libc::timespec {
        tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(limit.subsec_nanos() as i32),
    });
    let limit = limit.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: all three pointers are valid or null where null is allowed.
    match checked(unsafe { libc::sigtimedwait(&set, info.as_mut_ptr(), limit) }) {
        Ok(number) => {
            // SAFETY: the kernel has filled the structure; the sender is set for every signal sent by
            // kill(2).
            let sender = unsafe { info.assume_init().si_pid() };
            Ok(Some(Received { number, sender }))
        }
        Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Sleeps for that long; blocked signals wait.
pub fn sleep(time: Duration) {
    // Waiting for no signal at all ends when the time is up.
    let _ = wait(&[], Some(time));
}

/// Sends a signal to a process.
pub fn send(pid: Pid, number: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    checked(unsafe { libc::kill(pid, number) }).map(drop)
}

/// Sends a signal to this process itself.
pub fn raise(number: i32) {
    // SAFETY: a plain number.
    unsafe { libc::raise(number) };
}

/// A descriptor that becomes readable when one of its signals is there (signalfd).
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// Watches these signals, which must be blocked; the descriptor does not block.
    pub fn new(numbers: &[i32]) -> io::Result<SignalFd> {
        let set = set_of(numbers);
        // SAFETY: the set is valid; -1 asks for a new descriptor, which we then own.
        unsafe {
            let fd = checked(libc::signalfd(-1, &set, libc::SFD_NONBLOCK | libc::SFD_CLOEXEC))?;
            Ok(SignalFd(OwnedFd::from_raw_fd(fd)))
        }
    }

    /// Takes one signal; `None` when there is none left.
    pub fn take(&self) -> io::Result<Option<Received>> {
        let mut info = MaybeUninit::<libc::signalfd_siginfo>::zeroed();
        let size = size_of::<libc::signalfd_siginfo>();
        // SAFETY: the structure is writable for its size, and every bit pattern is a valid value of it.
        let (n, info) = unsafe {
            let n = libc::read(self.0.as_raw_fd(), info.as_mut_ptr().cast(), size);
            (n, info.assume_init())
        };
        if usize::try_from(n) == Ok(size) {
            let number = i32::try_from(info.ssi_signo).unwrap_or(0);
            return Ok(Some(Received { number, sender: Pid::try_from(info.ssi_pid).unwrap_or(0) }));
        }
        let error = io::Error::last_os_error();
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => Ok(None),
            _ => Err(error),
        }
    }
}

impl AsRawFd for SignalFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// The name of a signal: `SIGHUP`; empty for one this program does not use.
pub fn name(number: i32) -> &'static str {
    match number {
        SIGHUP => "SIGHUP",
        SIGINT => "SIGINT",
        SIGQUIT => "SIGQUIT",
        SIGABRT => "SIGABRT",
        SIGKILL => "SIGKILL",
        SIGUSR1 => "SIGUSR1",
        SIGUSR2 => "SIGUSR2",
        SIGTERM => "SIGTERM",
        SIGCHLD => "SIGCHLD",
        SIGWINCH => "SIGWINCH",
        SIGALRM => "SIGALRM",
        SIGIO => "SIGIO",
        _ => "",
    }
}

/// How nginx's log tells of it: `signal 1 (SIGHUP) received from 31`.
pub fn describe(received: Received) -> String {
    let Received { number, sender } = received;
    match sender {
        0 => format!("signal {number} ({}) received", name(number)),
        _ => format!("signal {number} ({}) received from {sender}", name(number)),
    }
}
