//! Everything that can go wrong at an upstream, as one table: what the client gets, how many peers were
//! asked, what the log says, and what became of both connections.

use crate::kit::origin::{Refusing, Unanswering};
use crate::kit::{Act, Origin, Server, http, process, wait};
use std::io::Read;
use std::net::TcpListener;

/// How the first peer of a group misbehaves; the second one answers.
enum Trouble {
    Refused,
    Unanswered,
    Acts(Act),
}

/// What the client is to get.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gets {
    /// The answer of the second peer.
    Second,
    /// An error page with this status.
    Status(u16),
    /// A head with 200 and a body that is visibly cut.
    Cut,
}

struct Row {
    what: &'static str,
    trouble: Trouble,
    get: Gets,
    post: Gets,
    /// `$upstream_status` of GET.
    tried: &'static str,
    /// A part of the log record.
    log: &'static str,
}

fn row(what: &'static str, act: Act, get: Gets, post: Gets, tried: &'static str, log: &'static str) -> Row {
    Row { what, trouble: Trouble::Acts(act), get, post, tried, log }
}

fn bytes(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// Every way to fail, in the order in which a request would come upon them.
fn table() -> Vec<Row> {
    [no_connection(), no_head(), bad_head(), bad_body()].into_iter().flatten().collect()
}

fn no_connection() -> Vec<Row> {
    use Gets::Second;
    vec![
        Row {
            what: "refused",
            trouble: Trouble::Refused,
            get: Second,
            post: Second,
            tried: "[502, 200]",
            log: "connect() failed (111: Connection refused) while connecting to upstream",
        },
        Row {
            what: "stalled at connect",
            trouble: Trouble::Unanswered,
            get: Second,
            post: Second,
            tried: "[504, 200]",
            log: "upstream timed out (110: Connection timed out) while connecting to upstream",
        },
    ]
}

fn no_head() -> Vec<Row> {
    use Gets::{Second, Status};
    let half_head = "HTTP/1.1 200 OK\r\nContent-Le";
    let closed = "upstream prematurely closed connection while reading response header from upstream";
    let reset = "recv() failed (104: Connection reset by peer) while reading response header from upstream";
    let late = "upstream timed out (110: Connection timed out) while reading response header from upstream";
    vec![
        row("closed before the head", Act::CloseAfter(vec![]), Second, Status(502), "[502, 200]", closed),
        row(
            "closed within the head",
            Act::CloseAfter(bytes(half_head)),
            Second,
            Status(502),
            "[502, 200]",
            closed,
        ),
        row("reset before the head", Act::ResetAfter(vec![]), Second, Status(502), "[502, 200]", reset),
        row(
            "stalled at the head",
            Act::StallAfter(bytes(half_head)),
            Second,
            Status(504),
            "[504, 200]",
            late,
        ),
    ]
}

fn bad_head() -> Vec<Row> {
    use Gets::Status;
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "v".repeat(20_000));
    let invalid = "while reading response header from upstream";
    vec![
        row("garbage", Act::CloseAfter(bytes("garbage\r\n\r\n")), Status(502), Status(502), "[502]", invalid),
        row(
            "two framings",
            Act::CloseAfter(bytes(
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            )),
            Status(502),
            Status(502),
            "[502]",
            invalid,
        ),
        row(
            "a head too big",
            Act::CloseAfter(bytes(&long)),
            Status(502),
            Status(502),
            "[502]",
            "too big header",
        ),
        row(
            "an upgrade nobody asked for",
            Act::CloseAfter(bytes("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n")),
            Status(502),
            Status(502),
            "[502]",
            invalid,
        ),
    ]
}

fn bad_body() -> Vec<Row> {
    use Gets::Cut;
    let half_body = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";
    let half_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01";
    let bad_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n01234\r\nzz\r\n";
    let cut = "upstream prematurely closed connection while reading upstream";
    vec![
        row("closed within the body", Act::CloseAfter(bytes(half_body)), Cut, Cut, "[200]", cut),
        row(
            "reset within the body",
            Act::ResetAfter(bytes(half_body)),
            Cut,
            Cut,
            "[200]",
            "recv() failed (104",
        ),
        row(
            "stalled within the body",
            Act::StallAfter(bytes(half_body)),
            Cut,
            Cut,
            "[200]",
            "upstream timed out",
        ),
        row("closed within a chunk", Act::CloseAfter(bytes(half_chunk)), Cut, Cut, "[200]", cut),
        row(
            "a broken chunk",
            Act::StallAfter(bytes(bad_chunk)),
            Cut,
            Cut,
            "[200]",
            "upstream sent invalid chunked response",
        ),
    ]
}

fn server(first: &str, second: &str, buffering: &str) -> Server {
    let text = "log_format ups '$request_method [$upstream_status]';
         proxy_connect_timeout 200ms; proxy_read_timeout 200ms; proxy_header_limit 16k;
         proxy_buffering %%BUFFERING%%;
         upstream u { server %%FIRST%% max_fails=0; server %%SECOND%% backup; }
         server { listen 127.0.0.1:%%PORT_0%%; access_log ups.log ups; location / { proxy_pass http://u; } }";
    Server::http(text).with("FIRST", first).with("SECOND", second).with("BUFFERING", buffering).start()
}

fn check(row: &Row, first: &str, buffering: &str) {
    let good = Origin::always(http::ok("second"));
    let s = server(first, &good.addr().to_string(), buffering);
    for (method, want) in [("GET", row.get), ("POST", row.post)] {
        let what = format!("{}, {method}, buffering {buffering}", row.what);
        let mut c = s.connect();
        let body: &[u8] = if method == "POST" { b"abc" } else { b"" };
        let r = c.ask(http::request(method, "/", &[], body));
        match want {
            Gets::Second => {
                assert_eq!((r.status, r.text().as_str(), r.complete), (200, "second", true), "{what}")
            }
            Gets::Status(status) => assert_eq!((r.status, r.complete), (status, true), "{what}"),
            Gets::Cut => {
                assert_eq!((r.status, r.complete), (200, false), "{what}");
                c.expect_close();
                continue;
            }
        }
        // The client's connection is none the worse for it.
        c.send(http::request("GET", "/", &[], b""));
        assert!(c.response().complete, "{what}: a second request");
    }
    s.wait_for_line("ups.log", &format!("GET {}", row.tried));
    s.wait_for_log(row.log);
}

#[test]
fn each_failure_has_its_status_its_tries_and_its_record() {
    for row in table() {
        for buffering in ["on", "off"] {
            match &row.trouble {
                Trouble::Refused => check(&row, &Refusing::new().addr().to_string(), buffering),
                Trouble::Unanswered => check(&row, &Unanswering::new().addr().to_string(), buffering),
                Trouble::Acts(act) => {
                    let bad = Origin::acts([act.clone()]);
                    check(&row, &bad.addr().to_string(), buffering);
                    // Whatever happened, such a connection is not used again.
                    bad.wait_for_closed(bad.connections());
                }
            }
        }
    }
}

#[test]
fn a_connection_that_dies_on_reuse_costs_a_get_nothing_and_a_post_is_not_repeated() {
    for buffering in ["on", "off"] {
        let origin = Origin::each(|talk| {
            // One answer for each connection; a second request on it finds nobody.
            if talk.request().is_some() && talk.send(http::ok("fresh")) {
                talk.request();
            }
        });
        let conf = format!("location / {{ proxy_buffering {buffering}; proxy_pass http://%%ORIGIN%%; }}");
        let s = Server::locations(&conf).with("ORIGIN", origin.addr()).start();
        for _ in 0..6 {
            assert_eq!(s.get("/").text(), "fresh");
        }
        assert!(!s.log().contains("[error]"), "{}", s.log());
        // Its own connection is new: the last GET left none, or one that dies under the POST.
        let statuses: Vec<u16> =
            (0..2).map(|_| s.connect().ask(http::request("POST", "/", &[], b"once")).status).collect();
        assert!(statuses.contains(&502) && statuses.contains(&200), "{statuses:?}");
    }
}

#[test]
fn a_connection_closed_while_idle_is_let_go_and_not_used() {
    let origin = Origin::acts([Act::CloseAfter(http::ok("bye"))]);
    let conf = "location / { proxy_pass http://%%ORIGIN%%; } location /quiet { return 204; }";
    let s = Server::locations(conf).with("ORIGIN", origin.addr()).start();
    // From its first answer on the worker has all descriptors that are its own.
    let mut c = s.connect();
    c.get("/quiet");
    let worker = s.worker_pids()[0];
    let before = process::open_files(worker);
    for _ in 0..5 {
        let r = s.connect().ask(http::request("POST", "/", &[], b"x"));
        assert_eq!((r.status, r.text().as_str()), (200, "bye"));
        wait::until("the worker to notice that the peer has closed", || {
            (process::open_files(worker) <= before).then_some(())
        });
    }
}

#[test]
fn a_client_that_goes_away_takes_its_upstream_with_it_at_each_stage() {
    let stages = [
        ("waiting for the head", Act::StallAfter(vec![])),
        ("within the head", Act::StallAfter(bytes("HTTP/1.1 200"))),
        ("within the body", Act::StallAfter(bytes("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n012"))),
    ];
    for (what, act) in stages {
        for buffering in ["on", "off"] {
            let origin = Origin::acts([act.clone()]);
            let conf = format!("location / {{ proxy_buffering {buffering}; proxy_pass http://%%ORIGIN%%; }}");
            let s = Server::locations(&conf).with("ORIGIN", origin.addr()).start();
            let mut c = s.connect();
            c.send(http::get("/", &[]));
            origin.wait_for_requests(1);
            if what == "within the body" {
                c.head();
            }
            drop(c);
            origin.wait_for_closed(1);
            wait::until("the record", || {
                s.access_log()
                    .contains(" 499 ")
                    .then_some(())
                    .or(s.access_log().contains(" 200 ").then_some(()))
            });
            s.wait_for_log("client prematurely closed connection, so upstream connection is closed too");
        }
    }
}

#[test]
fn a_peer_that_takes_no_more_of_a_body_is_left_and_only_put_is_repeated() {
    for buffering in ["on", "off"] {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a listener that never accepts");
        let good = Origin::always(http::ok("second"));
        let text = "log_format ups '$request_method [$upstream_status]';
             proxy_send_timeout 200ms; proxy_socket_sndbuf 16k; client_max_body_size 0;
             proxy_buffering %%BUFFERING%%;
             upstream u { server %%FIRST%% max_fails=0; server %%SECOND%% backup; }
             server { listen 127.0.0.1:%%PORT_0%%; access_log ups.log ups;
                      location / { proxy_pass http://u; } }";
        let first = silent.local_addr().expect("its address");
        let s = Server::http(text).with("FIRST", first).with("SECOND", good.addr());
        let s = s.with("BUFFERING", buffering).start();
        let large = vec![b'x'; 8 << 20];
        for (method, status, tried) in [("PUT", 200, "[504, 200]"), ("POST", 504, "[504]")] {
            assert_eq!(s.connect().ask(http::request(method, "/", &[], &large)).status, status, "{method}");
            s.wait_for_line("ups.log", &format!("{method} {tried}"));
            let (mut stream, _) = silent.accept().expect("the connection that was left");
            let _ = stream.read_to_end(&mut Vec::new());
        }
        s.wait_for_log("upstream timed out (110: Connection timed out) while sending request to upstream");
    }
}

#[test]
fn a_streamed_body_is_sent_again_to_the_next_peer_while_it_is_small() {
    for (size, want) in [(10, 200), (60_000, 200), (300_000, 502)] {
        let body: Vec<u8> = (0..size).map(|n| (n % 251) as u8).collect();
        let bad = Origin::acts([Act::CloseAfter(vec![])]);
        let good = Origin::echo();
        let text = "proxy_request_buffering off;
             upstream u { server %%FIRST%% max_fails=0; server %%SECOND%% backup; }
             server { listen 127.0.0.1:%%PORT_0%%; client_max_body_size 1m;
                      location / { proxy_pass http://u; } }";
        let s = Server::http(text).with("FIRST", bad.addr()).with("SECOND", good.addr()).start();
        let r = s.connect().ask(http::request("PUT", "/", &[], &body));
        assert_eq!(r.status, want, "{size} bytes");
        if want == 200 {
            assert!(r.body.ends_with(&body), "{size} bytes: another body came through");
        }
    }
}

#[test]
fn without_a_live_peer_the_answer_is_502_and_the_record_says_why_of_each() {
    for buffering in ["on", "off"] {
        let text = "log_format ups '$request_method $status [$upstream_status]';
             proxy_buffering %%BUFFERING%%; upstream u { server 127.0.0.1:1 down; server 127.0.0.1:2 down; }
             server { listen 127.0.0.1:%%PORT_0%%; access_log ups.log ups;
                      location / { proxy_pass http://u; } }";
        let s = Server::http(text).with("BUFFERING", buffering).start();
        let mut c = s.connect();
        for method in ["GET", "POST"] {
            let r = c.ask(http::request(method, "/", &[], b"abc"));
            assert_eq!((r.status, r.complete), (502, true), "{method}");
            s.wait_for_line("ups.log", &format!("{method} 502 [502]"));
        }
        s.wait_for_log("no live upstreams while connecting to upstream");
        s.wait_for_log("peers: 127.0.0.1:1 down; 127.0.0.1:2 down");
    }
}

#[test]
fn a_client_that_goes_away_before_the_request_is_out_ends_the_attempt() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a listener that never accepts");
    let unanswering = Unanswering::new();
    let addr = silent.local_addr().expect("its address");
    let large = vec![b'x'; 8 << 20];
    let stages = [
        ("connecting to upstream", unanswering.addr(), http::get("/", &[])),
        ("connecting to upstream", unanswering.addr(), http::request("POST", "/", &[], b"abc")),
        ("sending request to upstream", addr, http::request("POST", "/", &[], &large)),
    ];
    for (stage, addr, request) in stages {
        for buffering in ["on", "off"] {
            let conf = "client_max_body_size 0; error_log error.log debug; location / {
                 proxy_socket_sndbuf 16k; proxy_buffering %%BUFFERING%%; proxy_pass http://%%ORIGIN%%; }";
            let s = Server::locations(conf).with("ORIGIN", addr).with("BUFFERING", buffering).start();
            let mut c = s.connect();
            c.send(&request).wait_until_read();
            drop(c);
            s.wait_for_access(" 499 ");
            let log = s.wait_for_log("client prematurely closed connection");
            // The connect may not have been heard of when the client goes.
            let stages = [stage, "connecting to upstream"];
            let is_ended =
                |l: &str| l.contains("prematurely") && stages.iter().any(|stage| l.contains(stage));
            assert!(log.lines().any(is_ended), "{stage}: {log}");
        }
    }
    for _ in 0..2 {
        let (mut stream, _) = silent.accept().expect("the connection that was left");
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

#[test]
fn an_answer_that_comes_before_the_body_is_taken_is_passed_on() {
    for buffering in ["on", "off"] {
        let origin = Origin::each(|talk| {
            talk.request_head();
            talk.send(http::reply("413 Too Much", &["Connection: close"], b"big"));
            talk.half_close();
        });
        let conf = format!(
            "client_max_body_size 0; proxy_request_buffering {buffering};
             location / {{ proxy_pass http://%%ORIGIN%%; }}"
        );
        let s = Server::locations(&conf).with("ORIGIN", origin.addr()).start();
        let mut c = s.connect();
        c.send(http::request("PUT", "/", &[], &vec![b'x'; 1 << 20]));
        let r = c.response_to("PUT");
        assert_eq!((r.status, r.text().as_str()), (413, "big"), "request buffering {buffering}");
    }
}
