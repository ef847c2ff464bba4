//! Request heads: cut anywhere, pipelined, kept alive, malformed.

use crate::kit::{Client, Origin, Response, Server, http};

/// Answers with what was understood of the request.
const ECHO: &str = r#"location / { return 200 "$request_method $uri $args $http_x_name $host\n"; }"#;

#[test]
fn a_head_cut_at_every_byte_gets_the_same_answer() {
    let s = Server::locations(ECHO).start();
    let request = http::get("/some/path?a=1", &["X-Name: value"]);
    let whole = s.connect().ask(&request).text();
    assert_eq!(whole, "GET /some/path a=1 value localhost\n");
    let mut c = s.connect();
    for cut in 1..request.len() {
        c.send_pieces(&[&request[..cut], &request[cut..]]);
        assert_eq!(c.response().text(), whole, "cut at {cut}");
    }
}

#[test]
fn a_head_sent_byte_by_byte_gets_the_same_answer() {
    let s = Server::locations(ECHO).start();
    let request = http::get("/", &["X-Name: drip"]);
    let bytes: Vec<&[u8]> = request.chunks(1).collect();
    assert_eq!(s.connect().send_pieces(&bytes).response().text(), "GET /  drip localhost\n");
}

#[test]
fn one_connection_carries_many_requests() {
    let s = Server::locations(r#"location / { return 200 "$connection_requests"; }"#).start();
    let mut c = s.connect();
    for n in 1..=20 {
        assert_eq!(c.get("/").text(), n.to_string());
    }
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let s = Server::locations(r#"location / { return 200 "$uri"; }"#).start();
    let requests: Vec<u8> = (0..50).flat_map(|n| http::get(&format!("/{n}"), &[])).collect();
    let mut c = s.connect();
    c.send(&requests);
    for n in 0..50 {
        assert_eq!(c.response().text(), format!("/{n}"));
    }
    c.expect_quiet();
}

#[test]
fn pipelined_requests_cut_anywhere_are_answered_in_order() {
    let s = Server::locations(r#"location / { return 200 "$uri"; }"#).start();
    let requests: Vec<u8> = (0..3).flat_map(|n| http::get(&format!("/{n}"), &[])).collect();
    for cut in (1..requests.len()).step_by(7) {
        let mut c = s.connect();
        c.send_pieces(&[&requests[..cut], &requests[cut..]]);
        for n in 0..3 {
            assert_eq!(c.response().text(), format!("/{n}"), "cut at {cut}");
        }
    }
}

#[test]
fn pipelined_requests_to_an_origin_are_answered_in_order() {
    let origin = Origin::echo();
    let s = Server::locations("location / { proxy_pass http://%%ORIGIN%%; }")
        .with("ORIGIN", origin.addr())
        .start();
    let mut c = s.connect();
    c.send((0..10).flat_map(|n| http::request("POST", &format!("/{n}"), &[], b"body")).collect::<Vec<u8>>());
    for n in 0..10 {
        let text = c.response().text();
        assert!(text.starts_with(&format!("POST /{n} ")) && text.ends_with("\r\n\r\nbody"), "{text}");
    }
}

#[test]
fn connection_close_ends_the_connection_after_the_answer() {
    let s = Server::locations("location / { return 200 bye; }").start();
    let mut c = s.connect();
    let r = c.ask(http::get("/", &["Connection: close"]));
    assert_eq!((r.text().as_str(), r.header("Connection")), ("bye", Some("close")));
    c.expect_close();
}

#[test]
fn http_1_0_closes_unless_asked_to_stay() {
    let s = Server::locations("location / { return 200 ten; }").start();
    let mut c = s.connect();
    assert_eq!(c.ask("GET / HTTP/1.0\r\n\r\n").header("Connection"), Some("close"));
    c.expect_close();
    let mut c = s.connect();
    let stay = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    assert_eq!(c.ask(stay).header("Connection"), Some("keep-alive"));
    assert_eq!(c.ask(stay).text(), "ten");
}

#[test]
fn an_answer_to_head_has_the_length_and_no_body() {
    let s = Server::locations("location / { return 200 12345; }").start();
    let mut c = s.connect();
    let r = c.ask(http::request("HEAD", "/", &[], b""));
    assert_eq!((r.status, r.header("Content-Length"), r.body.len()), (200, Some("5"), 0));
    assert_eq!(c.get("/").text(), "12345");
}

#[test]
fn keepalive_requests_limits_a_connection() {
    let s = Server::locations("keepalive_requests 2; location / { return 200 x; }").start();
    let mut c = s.connect();
    assert_eq!(c.get("/").header("Connection"), Some("keep-alive"));
    assert_eq!(c.get("/").header("Connection"), Some("close"));
    c.expect_close();
}

/// The status of the answer to bytes on a connection of their own, which the server must then close.
fn status_of(s: &Server, bytes: impl AsRef<[u8]>) -> u16 {
    let mut c = s.connect();
    let status = c.send(bytes).response().status;
    c.half_close().expect_close();
    status
}

#[test]
fn malformed_requests_get_400() {
    let s = Server::locations("location / { return 200 x; }").start();
    for bad in [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET nowhere HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /../.. HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n",
        "G{T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTX/1.1\r\nHost: a\r\n\r\n",
    ] {
        assert_eq!(status_of(&s, bad), 400, "{bad:?}");
    }
    assert_eq!(status_of(&s, "GET / HTTP/9.1\r\nHost: a\r\n\r\n"), 505);
}

#[test]
fn large_heads_fit_the_large_buffers_or_are_refused() {
    let conf = r#"client_header_buffer_size 128; large_client_header_buffers 2 512;
                  location / { return 200 "$http_x_long"; }"#;
    let s = Server::locations(conf).start();
    let long = "v".repeat(400);
    assert_eq!(s.connect().ask(http::get("/", &[&format!("X-Long: {long}")])).text(), long);
    let too_long = "v".repeat(600);
    assert_eq!(status_of(&s, http::get("/", &[&format!("X-Long: {too_long}")])), 400);
    assert_eq!(status_of(&s, http::get(&format!("/{too_long}"), &[])), 414);
}

#[test]
fn a_large_head_cut_at_every_byte_gets_the_same_answer() {
    let conf = r#"client_header_buffer_size 64; large_client_header_buffers 4 512;
                  location / { return 200 "$request_uri $http_a $http_b"; }"#;
    let s = Server::locations(conf).start();
    let (a, b) = (format!("A: {}", "a".repeat(90)), format!("B: {}", "b".repeat(400)));
    let request = http::get(&format!("/{}", "u".repeat(70)), &[&a, &b]);
    let whole = s.connect().ask(&request).text();
    let mut c = s.connect();
    for cut in 1..request.len() {
        c.send_pieces(&[&request[..cut], &request[cut..]]);
        assert_eq!(c.response().text(), whole, "cut at {cut}");
    }
}

#[test]
fn a_client_that_says_nothing_is_let_go() {
    let s = Server::locations("client_header_timeout 100ms; location / { return 200 x; }").start();
    s.connect().expect_close();
    let mut c = s.connect();
    c.send("GET / HT").expect_close();
    s.wait_for_access("\"GET / HT\" 408 ");
    s.wait_for_log("client timed out (110: Connection timed out) while reading client request line");
}

#[test]
fn an_idle_connection_is_closed_after_keepalive_timeout() {
    let s = Server::locations("keepalive_timeout 100ms; location / { return 200 x; }").start();
    let mut c = s.connect();
    assert_eq!(c.get("/").status, 200);
    c.expect_close();
}

#[test]
fn bodies_nobody_reads_do_not_become_requests() {
    let s = Server::locations(r#"location / { return 200 "$request_method"; }"#).start();
    let mut c = s.connect();
    c.send(http::request("POST", "/", &[], b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
    c.send("PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n");
    c.send(http::get("/", &[]));
    let methods: Vec<String> = (0..3).map(|_| c.response().text()).collect();
    assert_eq!(methods, ["POST", "PUT", "GET"]);
}

#[test]
fn expect_100_continue_is_answered_before_the_body() {
    let origin = Origin::echo();
    let s = Server::locations("location / { proxy_pass http://%%ORIGIN%%; }")
        .with("ORIGIN", origin.addr())
        .start();
    let mut c = s.connect();
    c.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n");
    assert_eq!(c.response().status, 100);
    c.send("body");
    let r: Response = c.response();
    assert!(r.status == 200 && r.text().ends_with("\r\n\r\nbody"), "{}", r.text());
    assert_eq!(origin.only_request().header("Expect"), None);
}

#[test]
fn a_body_beyond_client_max_body_size_gets_413() {
    let s =
        Server::locations("client_max_body_size 10; location / { proxy_pass http://127.0.0.1:9; }").start();
    let r = s.connect().ask(http::request("POST", "/", &[], &[b'x'; 11]));
    assert_eq!(r.status, 413);
    let chunked =
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nxxxxxxxxxxx\r\n0\r\n\r\n";
    assert_eq!(s.connect().ask(chunked).status, 413);
}

#[test]
fn clients_that_vanish_leave_nothing_behind() {
    let origin = Origin::each(|talk| drop(talk.read_to_end()));
    let s =
        Server::locations("location / { proxy_pass http://%%ORIGIN%%; } location /here { return 200 x; }")
            .with("ORIGIN", origin.addr())
            .start();
    let mut reset: Vec<Client> = (0..3).map(|_| s.connect()).collect();
    reset[0].send("GET / HT").wait_until_read();
    reset[1].send(http::get("/waiting", &[])).wait_until_read();
    assert_eq!(reset[2].get("/here").status, 200);
    for c in reset {
        c.reset();
    }
    origin.wait_for_closed(1);
    assert_eq!(s.get("/here").status, 200);
}
