//! Message framing (RFC 9112, section 6): what could be read in two ways is refused, and the rest is read in
//! one way however the bytes are cut.

use crate::kit::{Client, Server, http};

/// A request that must never be seen: it stands where a second reading of the first request would find one.
const SMUGGLED: &str = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Nobody reads the body here; it is thrown away.
const ANSWERS: &str = r#"location / { return 200 "$request_method $uri"; }"#;

/// Requests that no two servers would agree about, with the status that refuses them.
const REFUSED: &[(u16, &str)] = &[
    // Both ways to say where the body ends.
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n0\r\n\r\n"),
    // Lengths that differ, repeat, or are no lengths.
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nx"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\nx"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\nx"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\nx"),
    // Codings that are unknown, repeated or too new for the client.
    (501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"),
    (501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    (501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"),
    (501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    (501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    (400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    // Names, values and lines that are read in two ways.
    (400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 1\r\n\r\nx"),
    (400, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\nX: one\r\n two\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\n\tX: one\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\nX: one\rY: two\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\nX: o\0ne\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\nX\0: one\r\n\r\n"),
    (400, "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n"),
    (400, "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"),
    // Hosts that are missing, doubled or no hosts.
    (400, "GET / HTTP/1.1\r\nX: a\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    (400, "GET / HTTP/1.1\r\nHost: a\0\r\n\r\n"),
    (400, "GET http://a/ HTTP/1.1\r\nHost: b\r\nHost: a\r\n\r\n"),
];

/// Requests with one meaning: what is answered, and that the next request is found behind them.
const ACCEPTED: &[(&str, &str)] = &[
    ("POST /l", "POST /l HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /"),
    ("POST /z", "POST /z HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
    ("POST /w", "POST /w HTTP/1.1\r\nHost: a\r\nContent-Length:\t  05 \t\r\n\r\nGET /"),
    ("PUT /c", "PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"),
    (
        "PUT /C",
        "PUT /C HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n0005\r\nGET /\r\n000\r\n\r\n",
    ),
    (
        "PUT /e",
        "PUT /e HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
         3;a=b\r\nGET\r\n2 ;c\r\n /\r\n0;end\r\nTrailer: x\r\n\r\n",
    ),
    ("GET /g", "GET /g HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n\r\n\r"),
];

/// Chunked bodies that break off in nonsense.
const BROKEN: &[&str] = &[
    "x\r\n",
    "-1\r\n",
    "0x1\r\nx\r\n",
    "1\r\nxy\r\n0\r\n\r\n",
    "1\r\nx0\r\n\r\n",
    "fffffffffffffffff\r\nx\r\n",
    "8000000000000000\r\nx\r\n",
    "ffffffffffffffff\r\nx\r\n",
    "1;a\rb\r\nx\r\n0\r\n\r\n",
    "1;a\0b\r\nx\r\n0\r\n\r\n",
    "0\r\nTrailer : x\r\n\r\n",
    "0\r\n folded\r\n\r\n",
];

/// The status of the refusal, after which the server must end the connection without another answer.
fn refusal(mut c: Client, pieces: &[&[u8]]) -> u16 {
    let status = c.send_pieces(pieces).response().status;
    c.half_close().expect_close();
    status
}

#[test]
fn an_ambiguous_request_is_refused_and_nothing_behind_it_is_read() {
    let s = Server::locations(ANSWERS).start();
    for &(status, request) in REFUSED {
        let attack = format!("{request}{SMUGGLED}");
        assert_eq!(refusal(s.connect(), &[attack.as_bytes()]), status, "{request:?}");
    }
    assert!(!s.access_log().contains("/smuggled"), "{}", s.access_log());
}

#[test]
fn an_ambiguous_request_cut_at_every_byte_is_refused_the_same_way() {
    let s = Server::locations(ANSWERS).start();
    for &(status, request) in REFUSED {
        let bytes = request.as_bytes();
        // The first line is the same in all of them and is cut elsewhere.
        let head = bytes.iter().position(|b| *b == b'\n').unwrap_or(1).max(14) - 8;
        for cut in (head..bytes.len()).step_by(3) {
            let pieces = [&bytes[..cut], &bytes[cut..]];
            assert_eq!(refusal(s.connect(), &pieces), status, "{request:?} cut at {cut}");
        }
    }
}

#[test]
fn a_body_nobody_reads_cut_at_every_byte_never_becomes_a_request() {
    let s = Server::locations(ANSWERS).start();
    for &(answer, request) in ACCEPTED {
        let both = format!("{request}{}", String::from_utf8_lossy(&http::get("/next", &[])));
        let bytes = both.as_bytes();
        let mut c = s.connect();
        for cut in 1..bytes.len() {
            c.send_pieces(&[&bytes[..cut], &bytes[cut..]]);
            assert_eq!(c.response().text(), answer, "cut at {cut}");
            assert_eq!(c.response().text(), "GET /next", "{request:?} cut at {cut}");
        }
    }
}

#[test]
fn a_broken_body_nobody_reads_ends_the_connection() {
    let s = Server::locations(ANSWERS).start();
    for body in BROKEN {
        let head = "PUT /broken HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for cut in 0..body.len() {
            let mut c = s.connect();
            let (first, rest) = body.split_at(cut);
            c.send(format!("{head}{first}"));
            // 400 when the part that has come is broken already, 200 when it may yet be whole.
            assert!(matches!(c.response().status, 200 | 400), "{body:?}");
            // Whatever follows, and however much: no second answer.
            c.send(format!("{rest}{SMUGGLED}")).half_close().expect_close();
        }
    }
    assert!(!s.access_log().contains("/smuggled"), "{}", s.access_log());
}

#[test]
fn a_body_cut_off_by_the_client_ends_the_connection() {
    let s = Server::locations(ANSWERS).start();
    let mut c = s.connect();
    assert_eq!(c.ask("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome").status, 200);
    c.half_close().expect_close();
}

#[test]
fn a_client_that_awaits_100_continue_is_told_to_go_on_though_nobody_reads() {
    let s = Server::locations(ANSWERS).start();
    let mut c = s.connect();
    let r = c.ask("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 35\r\n\r\n");
    assert_eq!(r.status, 100);
    let r = c.response();
    assert_eq!((r.status, r.header("Connection")), (200, Some("keep-alive")));
    assert_eq!(SMUGGLED.len(), 35);
    assert_eq!(c.ask(format!("{SMUGGLED}GET /after HTTP/1.1\r\nHost: a\r\n\r\n")).status, 200);
    assert!(!s.access_log().contains("/smuggled"));
}

#[test]
fn an_error_page_over_a_body_leaves_the_connection_in_order() {
    let conf = r#"location / { return 404; error_page 404 /404; }
                  location = /404 { internal; return 200 page; }
                  location /moved { return 301 /; }"#;
    let s = Server::locations(conf).start();
    let mut c = s.connect();
    let post = |uri: &str| http::request("POST", uri, &[], SMUGGLED.as_bytes());
    c.send(post("/")).send(post("/moved")).send(http::get("/404", &[]));
    let statuses: Vec<u16> = (0..3).map(|_| c.response().status).collect();
    assert_eq!(statuses, [404, 301, 404]);
    assert!(!s.access_log().contains("/smuggled"));
}

#[test]
fn a_body_that_is_too_large_is_never_read_as_a_request() {
    let s = Server::locations("client_max_body_size 10; location / { return 200 x; }").start();
    let mut c = s.connect();
    c.send(http::request("POST", "/", &[], SMUGGLED.as_bytes())).send(SMUGGLED);
    let r = c.response();
    assert_eq!((r.status, r.header("Connection")), (413, Some("close")));
    c.half_close().expect_close();
    assert!(!s.access_log().contains("/smuggled"));
}

#[test]
fn lingering_time_and_timeout_are_those_of_the_location() {
    let s = Server::locations("lingering_timeout 100ms; location / { return 400; }").start();
    let mut c = s.connect();
    c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nsome");
    assert_eq!(c.response().status, 400);
    // Neither end says anything more, and the server does not wait for long.
    c.expect_close();
}

#[test]
fn the_number_of_fields_is_limited_however_they_are_cut() {
    let s = Server::locations("client_header_buffer_size 64k; location / { return 200 x; }").start();
    let head = |n: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(n - 1));
    for (status, request) in [(200, head(1000)), (400, head(1001)), (400, head(5000))] {
        for piece in [usize::MAX, 1000, 333] {
            let pieces: Vec<&[u8]> = request.as_bytes().chunks(piece.min(request.len())).collect();
            let mut c = s.connect();
            assert_eq!(c.send_pieces(&pieces).response().status, status, "pieces of {piece}");
        }
    }
}

#[test]
fn fields_that_may_come_once_are_refused_when_they_come_twice() {
    let s = Server::locations(ANSWERS).start();
    for name in ["Expect", "Authorization", "If-Range", "If-Match", "If-None-Match", "Content-Range"] {
        let request =
            format!("GET / HTTP/1.1\r\nHost: a\r\n{name}: x\r\nX: y\r\n{name}: x\r\n\r\n{SMUGGLED}");
        assert_eq!(refusal(s.connect(), &[request.as_bytes()]), 400, "{name}");
        s.wait_for_log(&format!(
            "client sent duplicate header line: \"{name}: x\", previous value: \"{name}: x\""
        ));
    }
}
