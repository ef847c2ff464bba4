//! The showcase: every command that it prints answers as it promises, and nothing is left running.

use crate::kit::server::{binary, is_headwater};
use std::path::Path;
use std::process::Command;

fn script(name: &str) -> Command {
    Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(name))
}

/// Runs the check of these parts; all for none.
fn check(parts: &[&str]) {
    if !is_headwater() {
        return; // nginx knows three of the protocols
    }
    let dir = tempfile::tempdir().expect("a folder");
    let mut command = script("showcase/showcase.py");
    command.arg("--check").arg("--binary").arg(binary()).arg("--dir").arg(dir.path()).args(parts);
    let done = command.output().expect("python3 (scripts/setup.sh test)");
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
}

#[test]
fn every_url_of_the_showcase_answers_as_promised() {
    check(&[]);
}

#[test]
fn each_part_of_the_showcase_stands_alone() {
    for part in ["php", "memcached", "redis", "mysql", "uwsgi"] {
        check(&[part]);
    }
}

#[test]
fn the_showcase_stops_what_it_started_when_a_start_fails() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut command = script("showcase/showcase.py");
    command.args(["--binary", "/bin/false", "--dir"]).arg(dir.path()).args(["redis", "memcached"]);
    let done = command.output().expect("python3 (scripts/setup.sh test)");
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && said.contains("headwater did not start"), "{said}");
    for socket in ["redis", "memcached"] {
        let path = dir.path().join("redis-memcached/sockets").join(socket);
        let refused = std::os::unix::net::UnixStream::connect(path).is_err();
        assert!(refused, "{socket} is still there");
    }
}

#[test]
fn setup_asks_for_the_packages_that_are_missing_and_says_so() {
    let dir = tempfile::tempdir().expect("a folder");
    // A machine that has next to nothing. What setup would change is only written down.
    for (name, text) in [
        ("apt-get", "echo \"$0 $*\" >> \"$LOG\""),
        ("sudo", "exec \"$@\""),
        ("tee", "cat >/dev/null"),
        ("chmod", ":"),
        ("rm", ":"),
    ] {
        let path = dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/bash\n{text}\n")).expect("a program");
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("rights");
    }
    for name in ["bash", "id", "env", "cat"] {
        let _ = std::os::unix::fs::symlink(Path::new("/usr/bin").join(name), dir.path().join(name));
    }
    let log = dir.path().join("log");
    let mut command = script("setup.sh");
    command.args(["redis", "memcached"]).env("PATH", dir.path()).env("LOG", &log);
    let done = command.output().expect("bash");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains("installing python3 curl redis-server memcached"), "{said}");
    let calls = std::fs::read_to_string(log).expect("calls of apt-get");
    let (first, second) = calls.split_once('\n').expect("two calls");
    assert!(first.ends_with("apt-get update -qq"), "{calls}");
    assert!(second.contains("install -y") && second.contains("redis-server memcached"), "{calls}");
}

#[test]
fn setup_is_silent_when_everything_is_there() {
    let done = script("setup.sh").args(["redis", "memcached", "uwsgi"]).output().expect("bash");
    assert!(done.status.success() && done.stdout.is_empty(), "{done:?}");
}
