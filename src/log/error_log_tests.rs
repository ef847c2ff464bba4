//! The line of the error log.
//!
//! *In nginx* tools have parsed this format for twenty years, so every byte of it counts.
//!
//! *Here* lines are written to a file of the test and read back.
//!
//! *Read next*: `error_log.rs`.

use super::*;
use crate::note;
use std::fs;
use std::path::PathBuf;

/// A log of `lines` in one directory: what was written to each file is what comes out.
fn written(levels: &[Level], debugging: bool, log: impl Fn(&Targets)) -> Vec<String> {
    let dir = tempfile::tempdir().expect("a directory");
    let paths: Vec<PathBuf> = (0..levels.len()).map(|n| dir.path().join(format!("{n}.log"))).collect();
    let target = |(path, level): (&PathBuf, &Level)| Target {
        level: *level,
        sink: Sink::File(file::of(path.clone())),
    };
    let targets = Targets::new(paths.iter().zip(levels).map(target).collect());
    file::open_all().expect("opened");
    log(&if debugging { targets.debugging() } else { targets });
    paths.iter().map(|path| fs::read_to_string(path).expect("read")).collect()
}

#[test]
fn a_line_has_time_level_process_connection_text_error_and_context() {
    let errno = io::Error::from_raw_os_error(111);
    let lines = written(&[Level::Error], false, |log| {
        let context = " while connecting to upstream, client: 127.0.0.1";
        log.write_with(Level::Error, 7, Some(&errno), format_args!("connect() failed"), &context);
        note!(log, Emerg, 0, "no connection {}", 5);
        note!(log, Alert, 3, &errno; "twice");
    });
    let (time, (pid, tid)) = (clock::error_log_time(), ids());
    let expected = format!(
        "{time} [error] {pid}#{tid}: *7 connect() failed (111: Connection refused) while connecting to \
         upstream, client: 127.0.0.1\n{time} [emerg] {pid}#{tid}: no connection 5\n\
         {time} [alert] {pid}#{tid}: *3 twice (111: Connection refused)\n"
    );
    assert_eq!(lines, [expected]);
}

#[test]
fn each_target_takes_messages_by_its_own_level() {
    let lines = written(&[Level::Warn, Level::Info], false, |log| {
        assert!(log.enabled(Level::Info) && !log.enabled(Level::Debug));
        note!(log, Info, 0, "info");
        note!(log, Warn, 0, "warn");
    });
    assert_eq!(lines.iter().map(|text| text.lines().count()).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_debugged_connection_writes_every_level_to_every_target() {
    let lines = written(&[Level::Alert, Level::Alert], true, |log| note!(log, Debug, 9, "step"));
    assert!(lines.iter().all(|text| text.ends_with("*9 step\n") && text.contains("[debug]")));
}

#[test]
fn a_long_line_is_cut_and_a_newline_within_becomes_a_space() {
    let lines = written(&[Level::Error], false, |log| {
        note!(log, Error, 0, "{}", "é".repeat(MAX_LINE));
        note!(log, Error, 0, "a\nb");
    });
    let text = lines.concat();
    let sizes: Vec<usize> = text.split_inclusive('\n').map(str::len).collect();
    assert_eq!(sizes.len(), 2);
    assert!(sizes.iter().all(|size| *size <= MAX_LINE), "{sizes:?}");
    assert!(text.ends_with("a b\n"));
}
