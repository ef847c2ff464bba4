//! Handing the sockets to a new binary without closing one.
//!
//! *In nginx* `ngx_exec_new_binary`: the old master renames its pid file, writes the numbers of its listening
//! sockets into the variable NGINX, and starts argv\[0\] again. Both run side by side until somebody tells
//! one to quit; if the new one dies, the old one takes its name back.
//!
//! *Here* the same protocol, so that the variable, the `.oldbin` name and the signals are those that
//! scripts know.
//!
//! ```text
//!   old master ── USR2 ─▶ nginx.pid.oldbin, exec with NGINX=3;4;  ─▶ new master: adopts 3 and 4, nginx.pid
//!       └── QUIT (all is well)                                          └── QUIT (go back)
//! ```
//!
//! *Read next*: `pidfile.rs`, `listen.rs`.

use super::listen::Sockets;
use crate::note;
use crate::sys::inherit;
use crate::sys::process::Pid;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::process::Command;

/// The variable that lists the sockets.
pub const VARIABLE: &str = "NGINX";

/// Takes over the sockets that the process before handed down; None if there was none.
///
/// To be called once, before anything else is opened.
pub fn inherited() -> Option<Vec<OwnedFd>> {
    let value = std::env::var(VARIABLE).ok()?;
    let log = crate::log::process();
    note!(log, Notice, 0, "using inherited sockets from \"{value}\"");
    let mut sockets = Vec::new();
    for number in numbers(&value) {
        match number.and_then(|number| inherit::adopt_socket(number).map_err(|_| number.to_string())) {
            Ok(socket) => sockets.push(socket),
            Err(text) => {
                let rest = format!("in {VARIABLE} environment variable, ignoring the rest of the variable");
                note!(log, Emerg, 0, "invalid socket number \"{text}\" {rest}");
                break;
            }
        }
    }
    Some(sockets)
}

/// The numbers of a list as `3;4:5;`, each once.
fn numbers(text: &str) -> Vec<Result<RawFd, String>> {
    let mut seen = BTreeSet::new();
    let words = text.split([';', ':']).filter(|word| !word.is_empty());
    words.filter(|word| seen.insert(word.to_owned())).map(|w| w.parse().map_err(|_| w.to_owned())).collect()
}

/// Starts the program again, with our arguments and all our sockets.
pub fn start(arguments: &[OsString], sockets: &Sockets) -> io::Result<Pid> {
    let (program, rest) = arguments.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mark = |kept: bool| sockets.all().try_for_each(|socket| inherit::set_inherited(socket, kept));
    mark(true)?;
    let child = Command::new(program).args(rest).env(VARIABLE, sockets.numbers()).spawn();
    // Workers that are forked later must not hand sockets on to anything they might start.
    mark(false)?;
    // The child is not waited for here: the master learns of its end as of any other's.
    Ok(child?.id().cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_numbers_may_have_both_separators_and_a_wrong_word_is_kept_for_the_message() {
        assert_eq!(numbers("3;4:5;4;"), [Ok(3), Ok(4), Ok(5)]);
        assert_eq!(numbers("3;x;"), [Ok(3), Err("x".to_owned())]);
        assert!(numbers("").is_empty());
    }
}
