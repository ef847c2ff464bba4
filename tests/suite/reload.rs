//! Signals: a new configuration, new log files, a graceful end, and what happens to those being served.

use std::fs;

use crate::kit::server::is_headwater;
use crate::kit::{Act, Origin, Server, http, process, wait};

fn version(text: &str) -> crate::kit::server::Setup {
    Server::locations(&format!("location / {{ return 200 {text}; }}"))
}

#[test]
fn a_reload_changes_the_answers() {
    let s = version("old").start();
    assert_eq!(s.get("/").text(), "old");
    s.rewrite_conf(version("new"));
    s.reload();
    assert_eq!(s.get("/").text(), "new");
}

#[test]
fn a_bad_configuration_leaves_the_old_one_at_work() {
    let s = version("old").allow("unknown directive").start();
    let workers = s.worker_pids();
    s.rewrite_conf(Server::locations("no_such_thing;"));
    s.signal("HUP");
    s.wait_for_log(r#"unknown directive "no_such_thing""#);
    assert_eq!(s.get("/").text(), "old");
    assert_eq!(s.worker_pids(), workers);
}

#[test]
fn a_request_in_flight_is_finished_by_the_old_worker() {
    let (origin, go) = Origin::gated(&["HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf", "half"]);
    let conf = || Server::locations("proxy_buffering off; location / { proxy_pass http://%%ORIGIN%%; }");
    let s = conf().with("ORIGIN", origin.addr()).start();
    let old = s.worker_pids();
    let mut c = s.connect();
    c.send(http::get("/", &[])).head();
    assert_eq!(c.bytes(4), b"half");
    s.rewrite_conf(Server::locations("location / { return 200 new; }"));
    s.reload();
    assert_eq!(s.get("/").text(), "new");
    assert!(old.iter().all(|pid| process::is_alive(*pid)), "the old worker left its client");
    go.send(()).expect("the origin waits");
    assert_eq!(c.bytes(4), b"half");
    c.expect_close();
    s.wait_until_gone(&old);
}

#[test]
fn idle_clients_do_not_keep_an_old_worker() {
    let s = version("old").start();
    let old = s.worker_pids();
    let mut idle = s.connect();
    assert_eq!(idle.get("/").text(), "old");
    s.rewrite_conf(version("new"));
    s.reload();
    idle.expect_close();
    s.wait_until_gone(&old);
}

#[test]
fn clients_with_a_time_of_grace_may_ask_once_more() {
    if !is_headwater() {
        return; // Debian's nginx is older than the directive
    }
    let conf = |text: &str| Server::locations(&format!("keepalive_min_timeout 1h; return 200 {text};"));
    let s = conf("old").start();
    let old = s.worker_pids();
    let mut c = s.connect();
    assert_eq!(c.get("/").header("Connection"), Some("keep-alive"));
    s.rewrite_conf(conf("new"));
    s.reload();
    c.expect_quiet();
    let last = c.get("/");
    assert_eq!((last.text().as_str(), last.header("Connection")), ("old", Some("close")));
    c.expect_close();
    s.wait_until_gone(&old);
}

#[test]
fn a_time_of_grace_ends() {
    if !is_headwater() {
        return; // Debian's nginx is older than the directive
    }
    let s = Server::locations("keepalive_min_timeout 100ms; return 200;").start();
    let mut c = s.connect();
    assert_eq!(c.get("/").status, 200);
    let old = s.worker_pids();
    s.reload();
    c.expect_close();
    s.wait_until_gone(&old);
}

#[test]
fn the_number_of_workers_follows_the_configuration() {
    let conf = |n: usize| {
        Server::conf(&format!(
            "worker_processes {n}; events {{ }}
             http {{ access_log off; server {{ listen 127.0.0.1:%%PORT_0%% reuseport; return 200 {n}; }} }}"
        ))
    };
    let s = conf(2).start();
    wait::until("two workers", || (s.worker_pids().len() == 2).then_some(()));
    for n in [1, 3, 2] {
        s.rewrite_conf(conf(n));
        s.reload();
        wait::until("the new number of workers", || (s.worker_pids().len() == n).then_some(()));
        for _ in 0..20 {
            assert_eq!(s.get("/").text(), n.to_string());
        }
    }
}

#[test]
fn a_new_listening_address_is_opened_and_an_old_one_closed() {
    let conf =
        |port: &str| Server::http(&format!("server {{ listen 127.0.0.1:{port}; return 200 {port}; }}"));
    let both = Server::http(
        "server { listen 127.0.0.1:%%PORT_0%%; return 200 0; }
         server { listen 127.0.0.1:%%PORT_1%%; return 200 1; }",
    );
    let s = both.start();
    s.rewrite_conf(conf("%%PORT_1%%"));
    s.reload();
    wait::until("the first address to close", || std::net::TcpStream::connect(s.addr_of(0)).err());
    let port = s.addr_of(1).port();
    assert_eq!(crate::kit::Client::connect(s.addr_of(1)).get("/").text(), port.to_string());
}

#[test]
fn a_worker_that_dies_is_replaced() {
    let s = version("x").allow("exited on signal 9").start();
    let old = s.worker_pids();
    process::signal("KILL", old[0]);
    wait::until("a new worker", || s.worker_pids().iter().any(|pid| !old.contains(pid)).then_some(()));
    assert_eq!(s.get("/").text(), "x");
    s.wait_for_log(&format!("worker process {} exited on signal 9", old[0]));
}

#[test]
fn usr1_reopens_the_logs() {
    let s = version("x").start();
    s.get("/first");
    s.wait_for_access("/first");
    for log in ["access.log", "error.log"] {
        fs::rename(s.dir().join(log), s.dir().join(format!("{log}.1"))).expect("rename");
    }
    s.signal("USR1");
    wait::until("new log files", || {
        (s.dir().join("access.log").exists() && s.dir().join("error.log").exists()).then_some(())
    });
    // the worker reopens its files when it has been told, which may be a moment after the master
    wait::until("a line in the new log", || {
        s.get("/second");
        s.access_log().contains("/second").then_some(())
    });
    assert!(s.read_file("access.log.1").contains("/first"));
}

#[test]
fn quit_waits_for_a_request_and_term_does_not() {
    for (signal, served) in [("QUIT", true), ("TERM", false)] {
        let origin = Origin::acts([Act::StallAfter(Vec::new())]);
        let s = Server::locations("location / { proxy_pass http://%%ORIGIN%%; }")
            .with("ORIGIN", origin.addr())
            .start();
        let mut c = s.connect();
        c.send(http::get("/", &[]));
        origin.wait_for_requests(1);
        s.signal(signal);
        if served {
            wait::until("the address to close", || std::net::TcpStream::connect(s.addr()).err());
            c.expect_quiet();
            drop(origin);
            assert_eq!(c.response().status, 502);
        }
        c.expect_close();
        s.stop(signal);
    }
}

#[test]
fn the_pid_file_goes_with_the_server() {
    let s = version("x").start();
    let (dir, pid) = (s.dir().to_owned(), s.pid());
    assert_eq!(s.get("/").status, 200);
    assert_eq!(fs::read_to_string(dir.join("nginx.pid")).unwrap_or_default(), format!("{pid}\n"));
    s.signal("QUIT");
    wait::until("the pid file to go", || (!dir.join("nginx.pid").exists()).then_some(()));
}
