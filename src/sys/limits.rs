//! What the kernel allows a process, and where it lets it run: limits, priority, processors.
//!
//! *In nginx* these calls stand in `ngx_worker_process_init` and `ngx_setaffinity.c`.
//!
//! *Here* each is one safe function that sets one thing for this process.
//!
//! *Read next*: `process/worker_process.rs`, which calls them in order.

use std::io;
use std::mem::MaybeUninit;

fn checked(answer: libc::c_int) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn set_limit(which: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the structure is readable.
    checked(unsafe { libc::setrlimit(which, &limit) })
}

/// How many descriptors may be open: what holds now, and what it could be raised to.
pub fn open_files() -> io::Result<(u64, u64)> {
    let mut limit = MaybeUninit::<libc::rlimit>::zeroed();
    // SAFETY: the structure is writable, and zeroes are a valid value of it.
    unsafe {
        checked(libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr()))?;
        let limit = limit.assume_init();
        Ok((limit.rlim_cur, limit.rlim_max))
    }
}

/// Sets both limits of open descriptors.
pub fn set_open_files(value: u64) -> io::Result<()> {
    set_limit(libc::RLIMIT_NOFILE, value)
}

/// Sets the largest core file in bytes.
pub fn set_core_size(value: u64) -> io::Result<()> {
    set_limit(libc::RLIMIT_CORE, value)
}

/// Sets how ready this process is to yield: -20 (not at all) to 19.
pub fn set_priority(value: i32) -> io::Result<()> {
    // SAFETY: plain numbers.
    checked(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, value) })
}

/// Allows core files after the user was changed, which the kernel forbids otherwise.
pub fn allow_core_files() -> io::Result<()> {
    // SAFETY: plain numbers.
    checked(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) })
}

/// The numbers of the processors this process may run on.
pub fn processors() -> Vec<usize> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the set is writable for its size; CPU_ISSET is asked only for numbers within it.
    unsafe {
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) < 0 {
            return Vec::new();
        }
        let set = set.assume_init();
        (0..libc::CPU_SETSIZE as usize).filter(|n| libc::CPU_ISSET(*n, &set)).collect()
    }
}

/// Binds this process to these processors.
pub fn set_processors(numbers: &[usize]) -> io::Result<()> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: a set of zeroes is a valid, empty one; only numbers within it are added.
    unsafe {
        let set = set.assume_init_mut();
        for number in numbers.iter().filter(|number| **number < libc::CPU_SETSIZE as usize) {
            libc::CPU_SET(*number, set);
        }
        checked(libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set))
    }
}
