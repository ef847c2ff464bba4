//! Where access log lines go: files, buffers, compressed files, names with variables, syslog; and what the
//! directives refuse.

use crate::kit::{DEADLINE, Server};
use std::io::Read;
use std::net::UdpSocket;
use std::os::unix::net::UnixDatagram;

#[test]
fn without_access_log_the_usual_file_gets_combined_lines() {
    let s = Server::conf(
        "events {} http { server { listen 127.0.0.1:%%PORT_0%%; location / { return 200 x; }
             location /off { access_log off; return 200; } } }",
    )
    .start();
    s.get("/off");
    s.get("/here");
    let line = s.wait_for_line("logs/access.log", "GET /here HTTP/1.1\" 200 1 ");
    assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    assert!(!s.read_file("logs/access.log").contains("/off"));
}

#[test]
fn the_usual_file_is_not_made_when_nobody_writes_to_it() {
    let s = Server::conf(
        "events {} http { server { listen 127.0.0.1:%%PORT_0%%; access_log own.log;
             location / { return 200 x; } } }",
    )
    .start();
    s.get("/here");
    s.wait_for_line("own.log", "/here");
    assert!(!s.dir().join("logs/access.log").exists());
}

#[test]
fn lines_of_a_level_replace_those_outside_and_each_is_written() {
    let s = Server::locations(
        "access_log outer.log;
         location / { return 200; }
         location /in { access_log one.log; access_log two.log; return 200;
             location /in/deep { return 200; } }",
    )
    .start();
    for uri in ["/a", "/in", "/in/deep"] {
        s.get(uri);
    }
    for file in ["one.log", "two.log"] {
        s.wait_for_line(file, "/in/deep");
        assert_eq!(s.read_file(file).lines().count(), 2);
    }
    assert_eq!(s.read_file("outer.log").lines().count(), 1);
}

#[test]
fn a_buffer_is_written_when_it_is_full_or_the_worker_ends() {
    let s = Server::http(
        "log_format uri $uri; server { listen 127.0.0.1:%%PORT_0%%;
             access_log buffered.log uri buffer=64; access_log direct.log uri; location / { return 200; } }",
    )
    .start();
    let dir = s.dir().to_owned();
    // Five bytes a line: twelve fit, the thirteenth does not.
    let mut c = s.connect();
    for n in 10..22 {
        c.get(&format!("/x{n}"));
    }
    s.wait_for_line("direct.log", "/x21");
    assert_eq!(s.read_file("buffered.log"), "");
    c.get("/x22");
    s.wait_for_line("buffered.log", "/x21");
    assert!(!s.read_file("buffered.log").contains("/x22"));
    let long = format!("/{}", "l".repeat(100));
    c.get(&long);
    s.wait_for_line("buffered.log", &long);
    assert!(s.read_file("buffered.log").contains("/x22\n/lll"), "lines keep their order");
    c.get("/last");
    s.wait_for_line("direct.log", "/last");
    // The scratch directory goes with the server; another name for the file outlives it.
    let kept = tempfile::tempdir().expect("a directory");
    let copy = kept.path().join("log");
    std::fs::hard_link(dir.join("buffered.log"), &copy).expect("a link");
    s.quit();
    assert!(std::fs::read_to_string(&copy).expect("the log").ends_with("/last\n"));
}

#[test]
fn flush_writes_a_buffer_after_a_while_and_gzip_compresses_it() {
    let s = Server::http(
        "log_format uri $uri; server { listen 127.0.0.1:%%PORT_0%%;
             location /plain { access_log plain.log uri buffer=1m flush=50ms; return 200; }
             location /gzip { access_log gzip.log uri gzip=9 flush=50ms; return 200; } }",
    )
    .start();
    s.get("/plain");
    s.wait_for_line("plain.log", "/plain");
    let mut c = s.connect();
    for _ in 0..2 {
        c.get("/gzip/a");
        c.get("/gzip/b");
        let before = std::fs::read(s.dir().join("gzip.log")).map_or(0, |bytes| bytes.len());
        crate::kit::wait::until("the buffer is written", || {
            std::fs::read(s.dir().join("gzip.log")).ok().filter(|bytes| bytes.len() > before)
        });
    }
    let bytes = std::fs::read(s.dir().join("gzip.log")).expect("the log");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("gzip members");
    assert!(text.starts_with("/gzip/a\n") && text.lines().count() >= 3, "{text}");
}

#[test]
fn reopening_writes_buffers_to_the_old_file_first() {
    let s = Server::http(
        "log_format uri $uri; server { listen 127.0.0.1:%%PORT_0%%;
             access_log b.log uri buffer=1k; access_log now.log uri; location / { return 200; } }",
    )
    .start();
    s.get("/before");
    s.wait_for_line("now.log", "/before");
    for file in ["b.log", "now.log"] {
        std::fs::rename(s.dir().join(file), s.dir().join(format!("{file}.1"))).expect("renamed");
    }
    s.signal("USR1");
    s.wait_for_line("b.log.1", "/before");
    crate::kit::wait::until("the files are back", || s.dir().join("now.log").exists().then_some(()));
    assert!(!s.read_file("b.log").contains("/before"));
}

#[test]
fn lines_go_to_syslog_over_udp_and_unix_sockets() {
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("log");
    let unix = UnixDatagram::bind(&path).expect("a socket");
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("permissions");
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("them");
    udp.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    unix.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let s = Server::http(
        "log_format uri $uri; server { listen 127.0.0.1:%%PORT_0%%; location / { return 200;
             access_log syslog:server=%%UDP%%,facility=user,severity=alert,tag=me,nohostname uri;
             access_log syslog:server=unix:%%UNIX%%,nohostname uri; } }",
    )
    .with("UDP", udp.local_addr().expect("an address"))
    .with("UNIX", path.display())
    .start();
    s.get("/said");
    let mut packet = [0; 500];
    let n = udp.recv(&mut packet).expect("a packet");
    let text = String::from_utf8_lossy(&packet[..n]).into_owned();
    assert!(text.starts_with("<9>") && text.ends_with(" me: /said"), "{text}");
    let n = unix.recv(&mut packet).expect("a packet");
    let text = String::from_utf8_lossy(&packet[..n]).into_owned();
    assert!(text.starts_with("<190>") && text.ends_with(" nginx: /said"), "{text}");
}

#[test]
fn a_file_with_variables_in_its_name_is_kept_open_when_it_is_used_often() {
    let s = Server::locations(
        "access_log %%DIR%%/$arg_name.log; open_log_file_cache max=2 inactive=1h valid=1h min_uses=2;
         root %%DIR%%; location / { return 200; }",
    )
    .start();
    std::fs::set_permissions(s.dir(), std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("permissions");
    for uri in ["/1?name=often", "/2?name=often", "/1?name=once"] {
        s.get(uri);
    }
    for name in ["often", "once"] {
        s.wait_for_line(
            &format!("{name}.log"),
            &format!("{}?name", if name == "often" { "/2" } else { "/1" }),
        );
        std::fs::rename(s.dir().join(format!("{name}.log")), s.dir().join(format!("{name}.old")))
            .expect("renamed");
    }
    s.get("/3?name=often");
    s.get("/2?name=once");
    s.wait_for_line("often.old", "/3?name");
    s.wait_for_line("once.log", "/2?name");
}

#[test]
fn what_cannot_be_logged_so_is_refused() {
    let refusal = |text: &str| Server::http(&format!("server {{ {text} }}")).refusal();
    for (text, complaint) in [
        ("access_log a none;", "unknown log format \"none\""),
        ("access_log off combined;", "invalid parameter \"combined\""),
        ("access_log a combined buffer=x;", "invalid buffer size \"buffer=x\""),
        ("access_log a combined flush=1s;", "no buffer is defined for access_log \"a\""),
        ("access_log a combined buffer=1k flush=x;", "invalid flush time \"flush=x\""),
        ("access_log a combined gzip=10;", "invalid compression level"),
        ("access_log a$uri combined buffer=1k;", "buffered logs cannot have variables in name"),
        ("access_log syslog:server=127.0.0.1 combined buffer=1k;", "logs to syslog cannot be buffered"),
        ("access_log syslog:tag=x;", "no syslog server specified"),
        ("access_log a combined bufer=1k;", "invalid parameter \"bufer=1k\" (did you mean \"buffer=1k\"?)"),
        ("access_log a combined buffer=1k; access_log a combined buffer=2k;", "conflicting parameters"),
        ("open_log_file_cache inactive=1s;", "\"open_log_file_cache\" must have \"max\" parameter"),
        ("open_log_file_cache max=0;", "invalid \"open_log_file_cache\" parameter \"max=0\""),
    ] {
        let said = refusal(text);
        assert!(said.contains(complaint), "{text}: {said}");
    }
    let twice = Server::http("log_format a $uri; log_format a $uri;").refusal();
    assert!(twice.contains("duplicate \"log_format\" name \"a\""), "{twice}");
    let unknown = Server::http("log_format a $nonsense;").refusal();
    assert!(unknown.contains("unknown \"nonsense\" variable"), "{unknown}");
    let escaping = Server::http("log_format a escape=xml $uri;").refusal();
    assert!(escaping.contains("unknown log format escaping \"xml\""), "{escaping}");
}
