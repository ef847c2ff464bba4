//! What `ps` shows of a process.
//!
//! *In nginx* `ngx_setproctitle` writes over the arguments the program was started with, after moving the
//! environment that lies behind them somewhere else.
//!
//! *Here* the same: there is no other way to change what the kernel shows as the command line. Where the
//! arguments lie is asked of the kernel. [`prepare`] must have run once; before that, as in tests, [`set`]
//! does nothing.
//!
//! ```text
//!   stack:  | argv[0]\0 argv[1]\0 … | NAME=value\0 … |        after prepare() nobody reads this any more
//!           | nginx: worker process\0\0\0\0…         |        after set()
//! ```
//!
//! *Read next*: `process/run.rs`, who names the master; `event/inbox.rs`, who tells of a shutdown.

use super::inherit;
use std::ffi::OsString;
use std::sync::OnceLock;

/// Address and length of the memory that the kernel shows.
static PLACE: OnceLock<(usize, usize)> = OnceLock::new();

/// Frees the memory of arguments and environment for titles. The arguments must have been copied by the
/// caller.
pub fn prepare() {
    let Some(place) = place() else { return };
    // Each variable is set anew, which puts it on the heap.
    let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
    inherit::set_environment(&variables);
    // A second call finds the same place.
    let _ = PLACE.set(place);
}

/// Asks the kernel where the arguments begin and the environment ends.
fn place() -> Option<(usize, usize)> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program may hold spaces, so fields are counted from behind it; the first is field 3.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_whitespace().skip(48 - 3);
    let mut next = || fields.next()?.parse::<usize>().ok();
    let (arguments, arguments_end, environment, end) = (next()?, next()?, next()?, next()?);
    let usable = arguments != 0 && arguments < arguments_end && arguments_end == environment;
    (usable && environment <= end).then(|| (arguments, end - arguments))
}

/// Shows this text, cut to the room there is.
pub fn set(text: &str) {
    let Some(&(start, length)) = PLACE.get() else { return };
    let shown = text.floor_char_boundary(length.saturating_sub(1));
    let to = std::ptr::with_exposed_provenance_mut::<u8>(start);
    // SAFETY: the kernel put arguments and environment there, writable, for the life of the process;
    // `prepare` moved all that anybody reads, and there is one thread.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr(), to, shown);
        std::ptr::write_bytes(to.add(shown), 0, length - shown);
    }
}
