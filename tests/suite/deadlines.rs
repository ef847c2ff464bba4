//! Limits in time that no byte puts off: of an attempt at a peer, and of a request as a whole.

use crate::kit::origin::{Refusing, Unanswering};
use crate::kit::{Act, Origin, Server, http};
use std::io::Read;
use std::net::TcpListener;

fn stalls(bytes: &str) -> Origin {
    Origin::acts([Act::StallAfter(bytes.as_bytes().to_vec())])
}

const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n01234";

#[test]
fn an_attempt_that_takes_too_long_leads_to_the_next_peer_and_the_line_names_the_timer() {
    for buffering in ["on", "off"] {
        let (slow, good) = (stalls("HTTP/1.1 200 OK\r\nX-A"), Origin::always(http::ok("second")));
        let text = "upstream u { server %%SLOW%%; server %%GOOD%% backup; }
             server { listen 127.0.0.1:%%PORT_0%%; proxy_timeout 200ms; proxy_buffering %%BUFFERING%%;
             location / { proxy_pass http://u; } }";
        let s = Server::http(text)
            .with("SLOW", slow.addr())
            .with("GOOD", good.addr())
            .with("BUFFERING", buffering)
            .start();
        assert_eq!(s.get("/").text(), "second");
        slow.wait_for_closed(1);
        s.wait_for_log("upstream timed out (110: Connection timed out) while reading response header");
        s.wait_for_log("timer: proxy_timeout 200ms");
    }
}

#[test]
fn an_attempt_whose_body_takes_too_long_is_cut() {
    for buffering in ["on", "off"] {
        let slow = stalls(HALF);
        let conf =
            "location / { proxy_timeout 200ms; proxy_buffering %%BUFFERING%%; proxy_pass http://%%O%%; }";
        let s = Server::locations(conf).with("O", slow.addr()).with("BUFFERING", buffering).start();
        let mut c = s.connect();
        let r = c.get("/");
        assert_eq!((r.status, r.complete), (200, false));
        c.expect_close();
        slow.wait_for_closed(1);
        s.wait_for_log("upstream timed out (110: Connection timed out) while reading upstream");
        s.wait_for_log("timer: proxy_timeout 200ms");
    }
}

#[test]
fn every_timer_of_an_attempt_is_named_in_its_line() {
    let (silent, unanswering) =
        (TcpListener::bind("127.0.0.1:0").expect("a listener that never accepts"), Unanswering::new());
    let conf = "proxy_connect_timeout 150ms; proxy_read_timeout 160ms; proxy_send_timeout 170ms;
         proxy_socket_sndbuf 16k; client_max_body_size 0;
         location /connect { proxy_pass http://%%U%%; }
         location / { proxy_pass http://%%S%%; }
         location /memcached { set $memcached_key k; memcached_timeout 180ms; memcached_pass %%S%%; }";
    let addr = silent.local_addr().expect("its address");
    let s = Server::locations(conf).with("U", unanswering.addr()).with("S", addr).start();
    let large = vec![b'x'; 8 << 20];
    for (request, line, timer) in [
        (http::get("/connect", &[]), "while connecting to upstream", "proxy_connect_timeout 150ms"),
        (http::get("/", &[]), "while reading response header from upstream", "proxy_read_timeout 160ms"),
        (http::request("POST", "/", &[], &large), "while sending request", "proxy_send_timeout 170ms"),
        (http::get("/memcached", &[]), "while reading response header", "memcached_timeout 180ms"),
    ] {
        assert_eq!(s.connect().ask(request).status, 504, "{timer}");
        let log = s.wait_for_log(&format!("timer: {timer}"));
        assert!(log.lines().any(|l| l.contains(line) && l.contains(timer)), "{timer}: {log}");
    }
    // Nothing of them is left open.
    for _ in 0..3 {
        let (mut stream, _) = silent.accept().expect("a connection that waits to be accepted");
        let _ = stream.read_to_end(&mut Vec::new());
    }
}

#[test]
fn a_request_that_takes_too_long_gets_504_and_no_further_peer() {
    let (slow, good) = (stalls(""), Origin::always(http::ok("second")));
    let text = "upstream u { server %%SLOW%%; server %%GOOD%% backup; }
         server { listen 127.0.0.1:%%PORT_0%%; request_timeout 300ms; location / { proxy_pass http://u; } }";
    let s = Server::http(text).with("SLOW", slow.addr()).with("GOOD", good.addr()).start();
    for request in [http::get("/", &[]), http::request("POST", "/", &[], b"body")] {
        let mut c = s.connect();
        let r = c.ask(request);
        assert_eq!((r.status, r.complete), (504, true));
    }
    slow.wait_for_closed(2);
    assert_eq!(good.requests().len(), 0);
    let text = "request timed out (110: Connection timed out) while reading response header from upstream";
    s.wait_for_log(text);
    s.wait_for_log("timer: request_timeout 300ms");
}

#[test]
fn a_request_that_takes_too_long_in_its_answer_is_cut_and_one_in_its_body_gets_408() {
    let slow = stalls(HALF);
    let conf = "request_timeout 300ms; location / { proxy_pass http://%%O%%; }
                location /page { error_page 504 = @late; proxy_pass http://%%O%%/; proxy_buffering off; }
                location @late { return 200 late; }";
    let s = Server::locations(conf).with("O", slow.addr()).start();
    let mut c = s.connect();
    let r = c.get("/");
    assert_eq!((r.status, r.complete), (200, false));
    c.expect_close();
    slow.wait_for_closed(1);
    let mut c = s.connect();
    c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234");
    c.expect_close();
    s.wait_for_access(" 408 ");
}

#[test]
fn an_error_page_of_a_late_request_is_not_limited_again() {
    let (slow, refusing) = (stalls(""), Refusing::new());
    let conf = "location / { request_timeout 200ms; error_page 504 = @late; proxy_pass http://%%O%%; }
                location @late { request_timeout 200ms; return 200 late; }
                location /quick { request_timeout 60s; proxy_pass http://%%R%%; }";
    let s = Server::locations(conf).with("O", slow.addr()).with("R", refusing.addr()).start();
    let mut c = s.connect();
    assert_eq!(c.get("/").text(), "late");
    assert_eq!(c.get("/quick").status, 502);
    assert_eq!(c.get("/").text(), "late");
}

#[test]
fn a_tunnel_whose_peer_has_ended_waits_for_the_client_only_so_long() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nlast words";
    let origin = Origin::acts([Act::HalfCloseAfter(head.into())]);
    let conf = "location / { proxy_http_version 1.1; proxy_set_header Upgrade x; proxy_read_timeout 200ms;
                             proxy_set_header Connection upgrade; proxy_pass http://%%O%%; }";
    let s = Server::locations(conf).with("O", origin.addr()).start();
    let mut c = s.connect();
    c.send(http::get("/", &["Upgrade: x", "Connection: upgrade"]));
    assert!(c.head().start.starts_with("HTTP/1.1 101 "));
    assert_eq!(c.bytes(10), b"last words");
    c.expect_close();
    origin.wait_for_closed(1);
}
