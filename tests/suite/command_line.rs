//! The program as a command: options, messages, exit codes, and refusals of bad configurations.

use std::process::{Command, Output};

use crate::kit::server::{binary, is_headwater};
use crate::kit::{Server, process, wait};

fn run(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().expect("the program runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn version_and_help_are_printed() {
    let output = run(&["-v"]);
    assert!(output.status.success() && stderr(&output).starts_with("nginx version: "), "{output:?}");
    let output = run(&["-V"]);
    assert!(output.status.success() && stderr(&output).contains("configure arguments:"), "{output:?}");
    let output = run(&["-h"]);
    assert!(output.status.success() && stderr(&output).contains("Usage: "), "{output:?}");
}

#[test]
fn an_option_that_is_none_is_refused() {
    let output = run(&["-x"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("invalid option: \"x\""), "{output:?}");
}

#[test]
fn a_good_configuration_passes_the_test() {
    let output = Server::locations("return 200;").check();
    let text = stderr(&output);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("nginx.conf syntax is ok\n") && text.ends_with("test is successful\n"), "{text}");
}

#[test]
fn bad_configurations_are_refused_in_the_words_users_know() {
    for (text, message) in [
        ("root a; root b;", "\"root\" directive is duplicate"),
        ("root;", "invalid number of arguments in \"root\" directive"),
        ("root a", "unexpected \"}\""),
        ("location / { root \"a; }", "unexpected end of file, expecting \";\" or \"}\""),
        (
            "sendfile maybe;",
            "invalid value \"maybe\" in \"sendfile\" directive, it must be \"on\" or \"off\"",
        ),
        ("worker_processes 1;", "\"worker_processes\" directive is not allowed here"),
        ("client_max_body_size 1x;", "\"client_max_body_size\" directive invalid value"),
        ("keepalive_timeout soon;", "invalid value"),
        ("return 200 $no_such_variable;", "unknown \"no_such_variable\" variable"),
        ("location / { } location / { }", "duplicate location \"/\""),
        ("location ~ ( { }", "missing"),
        ("proxy_pass http://x;", "\"proxy_pass\" directive is not allowed here"),
        ("location / { proxy_pass nowhere; }", "invalid URL prefix"),
        ("location /a { location /b { } }", "location \"/b\" is outside location \"/a\""),
        ("include no-such-file;", "no-such-file\" failed (2: No such file or directory)"),
        ("listen 127.0.0.1:99999;", "invalid port in \"127.0.0.1:99999\" of the \"listen\" directive"),
        ("server { }", "\"server\" directive is not allowed here"),
        ("}", "unexpected \"}\""),
    ] {
        let refusal = Server::locations(text).refusal();
        assert!(refusal.contains("nginx: [emerg] ") && refusal.contains(message), "{text}\n{refusal}");
        assert!(refusal.trim_end().ends_with("nginx.conf test failed"), "{refusal}");
    }
}

#[test]
fn an_unknown_directive_suggests_the_nearest() {
    let refusal = Server::locations("location / { proxy_pas http://x; }").refusal();
    assert!(refusal.contains("unknown directive \"proxy_pas\""), "{refusal}");
    if is_headwater() {
        assert!(refusal.contains("proxy_pass"), "{refusal}");
    }
}

#[test]
fn dump_shows_every_file_that_was_read() {
    let s = Server::locations("include inc/*.conf; return 200;")
        .file("inc/a.conf", "# the first\n")
        .file("inc/b.conf", "# the second\n")
        .start();
    let prefix = format!("{}/", s.dir().display());
    let output = run(&["-p", &prefix, "-c", "nginx.conf", "-e", "error.log", "-T"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for needle in ["# configuration file ", "/nginx.conf:\n", "/inc/a.conf:\n# the first\n", "# the second\n"]
    {
        assert!(text.contains(needle), "{needle:?} in {text}");
    }
}

#[test]
fn the_signal_option_reaches_the_master() {
    let s = Server::locations("return 200;").start();
    assert_eq!(s.get("/").status, 200);
    let prefix = format!("{}/", s.dir().display());
    let old = s.worker_pids();
    let output = run(&["-p", &prefix, "-c", "nginx.conf", "-e", "error.log", "-s", "reload"]);
    assert!(output.status.success(), "{output:?}");
    wait::until("new workers", || s.worker_pids().iter().any(|pid| !old.contains(pid)).then_some(()));
    s.wait_until_gone(&old);
    let output = run(&["-p", &prefix, "-c", "nginx.conf", "-e", "error.log", "-s", "quit"]);
    assert!(output.status.success(), "{output:?}");
    wait::until("the pid file to go", || (!s.dir().join("nginx.pid").exists()).then_some(()));
}

#[test]
fn one_process_serves_without_a_master() {
    let s = Server::conf(
        "master_process off; events { } http { access_log off;
         server { listen 127.0.0.1:%%PORT_0%%; return 200 $pid; } }",
    )
    .start();
    assert_eq!(s.get("/").text(), s.pid().to_string());
    assert!(process::children(s.pid()).is_empty());
}

#[test]
fn an_address_in_use_is_an_error_that_names_it() {
    let s = Server::locations("return 200;").start();
    let text = format!("server {{ listen {}; }}", s.addr());
    let refusal = Server::http(&text).fails_to_start();
    assert!(
        refusal.contains(&format!("bind() to {} failed (98: Address already in use)", s.addr())),
        "{refusal}"
    );
}
