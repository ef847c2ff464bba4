//! Processes: signals, children, and whether one still lives. Linux only, through /proc and the shell's
//! `kill`.

use std::process::{Command, Stdio};

/// Sends the signal named `HUP`, `QUIT`, … to one process; a process that has gone is no error.
pub fn signal(name: &str, pid: u32) {
    // the shell's own kill: a program of that name is not on every machine
    let _ = Command::new("sh")
        .args(["-c", &format!("kill -{name} {pid}")])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Whether the process exists and has not merely left its exit status behind.
pub fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// The live children of a process, in no particular order.
pub fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| matches!(stat(*pid), Some((state, of)) if of == parent && state != 'Z')).collect()
}

/// State letter and parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the name in parentheses may itself hold anything, so the fields are counted from the last one
    let mut fields = text.get(text.rfind(')')? + 1..)?.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

/// Command line of a process, arguments joined by spaces.
pub fn command_line(pid: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_owned()
}

/// File descriptors a process holds; a test compares two counts to see that nothing leaked.
pub fn open_files(pid: u32) -> usize {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |entries| entries.count())
}
