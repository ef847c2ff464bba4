//! Request bodies that are read: whole, in memory and in files, streamed, too slow, too large, broken.

use crate::kit::{Client, Origin, Server, http};

fn proxy(conf: &str, origin: &Origin) -> Server {
    let text = format!("{conf} location / {{ proxy_pass http://%%ORIGIN%%; }}");
    Server::locations(&text).with("ORIGIN", origin.addr()).start()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut request = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(size) {
        request.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend_from_slice(chunk);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|n| b'a' + (n % 23) as u8).collect()
}

#[test]
fn a_body_cut_at_every_byte_arrives_whole_and_the_next_request_is_found() {
    let origin = Origin::always(http::ok("done"));
    let s = proxy("client_body_buffer_size 8;", &origin);
    let requests = [http::request("POST", "/l", &[], b"GET / HTTP"), chunked(b"GET / HTTP", 3)];
    let mut n = 0;
    for request in &requests {
        let both = [&request[..], &http::get("/next", &[])].concat();
        for cut in 1..both.len() {
            let mut c = s.connect();
            c.send_pieces(&[&both[..cut], &both[cut..]]);
            assert_eq!(
                (c.response().text(), c.response().text()),
                ("done".into(), "done".into()),
                "cut at {cut}"
            );
            n += 2;
        }
    }
    let seen = origin.wait_for_requests(n);
    for pair in seen.chunks(2) {
        assert_eq!(pair[0].body, b"GET / HTTP");
        assert_eq!(pair[0].header("Content-Length"), Some("10"));
        assert_eq!(pair[0].header("Transfer-Encoding"), None);
        assert_eq!(pair[1].line(), "GET /next HTTP/1.1");
    }
}

#[test]
fn bodies_of_all_sizes_arrive_as_they_were_sent() {
    let origin = Origin::always(http::ok("done"));
    let s = proxy("client_body_buffer_size 1k; client_max_body_size 0;", &origin);
    let mut c = s.connect();
    for size in [0, 1, 1023, 1024, 1025, 1279, 1280, 1281, 5000, 100_000, 1_000_000] {
        let body = pattern(size);
        assert_eq!(c.ask(http::request("POST", "/", &[], &body)).status, 200);
        assert_eq!(c.ask(chunked(&body, 777)).status, 200);
        let seen = origin.requests();
        assert!(seen.iter().rev().take(2).all(|seen| seen.body == body), "{size} bytes");
    }
    assert_eq!(c.ask(chunked(&pattern(3000), 1)).status, 200);
    assert_eq!(origin.requests().last().map(|seen| seen.body.clone()), Some(pattern(3000)));
}

#[test]
fn a_body_beyond_the_buffer_goes_to_a_file_that_goes_with_the_request() {
    let origin = Origin::always(http::ok("done"));
    let s = proxy(
        "client_body_buffer_size 1k; client_body_temp_path %%DIR%%/tmp 1 2;
         add_header X-File $request_body_file; add_header X-Body $request_body;",
        &origin,
    );
    let r = s.connect().ask(http::request("POST", "/", &[], b"small"));
    assert_eq!((r.header("X-File"), r.header("X-Body")), (None, Some("small")));
    let r = s.connect().ask(http::request("POST", "/", &[], &pattern(3000)));
    let file = r.header("X-File").expect("a file");
    assert_eq!((file.starts_with(&format!("{}/tmp/", s.dir().display())), r.header("X-Body")), (true, None));
    let line = s.wait_for_log("a client request body is buffered to a temporary file");
    assert!(line.contains("[warn]") && line.contains(file), "{line}");
    crate::kit::wait::until("the file is gone", || (!std::path::Path::new(file).exists()).then_some(()));
}

#[test]
fn client_body_in_file_only_leaves_or_cleans_the_file() {
    let origin = Origin::always(http::ok("done"));
    let s = Server::locations(
        "client_body_temp_path %%DIR%%/tmp; add_header X-File $request_body_file;
         location /on { client_body_in_file_only on; proxy_pass http://%%ORIGIN%%; }
         location /clean { client_body_in_file_only clean; proxy_pass http://%%ORIGIN%%; }",
    )
    .with("ORIGIN", origin.addr())
    .start();
    for body in [&b"kept"[..], &b""[..], &pattern(100_000)] {
        let r = s.connect().ask(http::request("POST", "/on", &["Content-Type: x"], body));
        let Some(file) = r.header("X-File") else {
            assert!(body.is_empty());
            continue;
        };
        assert_eq!(std::fs::read(file).expect("the file"), body);
    }
    let r = s.connect().ask(http::request("POST", "/clean", &[], b"gone"));
    let file = r.header("X-File").expect("a file").to_owned();
    crate::kit::wait::until("the file is gone", || (!std::path::Path::new(&file).exists()).then_some(()));
    assert!(origin.requests().iter().any(|seen| seen.body == b"gone"));
}

#[test]
fn a_chunked_body_that_grows_too_large_is_refused_before_it_is_passed_on() {
    let origin = Origin::always(http::ok("done"));
    let s = proxy("client_max_body_size 100;", &origin);
    assert_eq!(s.connect().ask(chunked(&pattern(100), 10)).status, 200);
    for size in [1, 10, 101] {
        let mut c: Client = s.connect();
        let r = c.ask(chunked(&pattern(101), size));
        assert_eq!((r.status, r.header("Connection")), (413, Some("close")));
        c.half_close().expect_close();
    }
    s.wait_for_log("client intended to send too large chunked body: 100+1 bytes");
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn a_broken_chunked_body_is_refused_and_not_passed_on() {
    let origin = Origin::always(http::ok("done"));
    let s = proxy("", &origin);
    for body in
        ["x\r\n", "1\r\nxy\r\n", "fffffffffffffffff\r\n", "1;a\0\r\nx\r\n", "0\r\nTrailer : x\r\n\r\n"]
    {
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        for cut in [1, request.len() - body.len(), request.len() - 1] {
            let mut c = s.connect();
            c.send_pieces(&[&request[..cut], &request[cut..]]);
            assert_eq!(c.response().status, 400, "{body:?}");
            c.half_close().expect_close();
        }
    }
    s.wait_for_log("client sent invalid chunked body");
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn a_client_that_stops_in_its_body_is_let_go() {
    let origin = Origin::always(http::ok("done"));
    let s = proxy("client_body_timeout 100ms;", &origin);
    let mut c = s.connect();
    c.send("POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nsome").expect_close();
    s.wait_for_access("/late HTTP/1.1\" 408 ");
    let mut c = s.connect();
    c.send("POST /gone HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nsome").half_close().expect_close();
    s.wait_for_access("/gone HTTP/1.1\" 400 ");
    let mut c = s.connect();
    c.send("POST /reset HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nsome").wait_until_read();
    c.reset();
    s.wait_for_access("/reset HTTP/1.1\" 400 ");
    assert_eq!(origin.requests().len(), 0);
}

#[test]
fn an_error_page_behind_a_refused_body_gets_no_body() {
    let origin = Origin::always(http::ok("page"));
    let s = Server::locations(
        "client_max_body_size 10; error_page 413 /page; location / { proxy_pass http://%%ORIGIN%%; }",
    )
    .with("ORIGIN", origin.addr())
    .start();
    for request in [http::request("POST", "/", &[], &pattern(11)), chunked(&pattern(11), 5)] {
        let mut c = s.connect();
        let r = c.ask(request);
        assert_eq!((r.status, r.text().as_str(), r.header("Connection")), (413, "page", Some("close")));
        c.half_close().expect_close();
    }
    for seen in origin.requests() {
        assert_eq!((seen.line(), seen.body.len()), ("GET /page HTTP/1.1", 0));
    }
}

#[test]
fn a_streamed_body_is_passed_on_before_it_is_whole() {
    let origin = Origin::each(|talk| {
        if talk.request_head().is_some() && talk.exactly(5).is_some() {
            talk.send("HTTP/1.1 100 Continue\r\n\r\n");
            if talk.exactly(5).is_some() {
                talk.send(http::ok("both"));
            }
        }
    });
    let s = proxy("proxy_request_buffering off; proxy_http_version 1.1;", &origin);
    let mut c = s.connect();
    c.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nfirst").wait_until_read();
    c.send("again");
    assert_eq!(c.response().text(), "both");
}

#[test]
fn a_streamed_chunked_body_arrives_as_it_was_sent() {
    let origin = Origin::always(http::ok("done"));
    let s = proxy(
        "proxy_request_buffering off; proxy_http_version 1.1; client_body_buffer_size 1k; \
         client_max_body_size 0;",
        &origin,
    );
    for (size, chunk) in [(0, 1), (10, 3), (5000, 100), (1_000_000, 70_000)] {
        let body = pattern(size);
        assert_eq!(s.connect().ask(chunked(&body, chunk)).status, 200);
        assert_eq!(s.connect().ask(http::request("POST", "/", &[], &body)).status, 200);
        assert!(origin.requests().iter().rev().take(2).all(|seen| seen.body == body), "{size} bytes");
    }
}

#[test]
fn an_answer_ahead_of_a_streamed_body_ends_the_connection() {
    let origin = Origin::each(|talk| {
        while talk.request_head().is_some() {
            talk.send(http::ok("early"));
        }
    });
    let s = proxy("proxy_request_buffering off; proxy_http_version 1.1;", &origin);
    let smuggled = http::get("/smuggled", &[]);
    let mut c = s.connect();
    c.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", smuggled.len()));
    let r = c.response();
    assert_eq!((r.text().as_str(), r.header("Connection")), ("early", Some("close")));
    c.send(&smuggled).half_close().expect_close();
    assert!(!s.access_log().contains("/smuggled"));
}

#[test]
fn chunk_extensions_and_trailers_share_a_budget_however_they_are_cut() {
    let origin = Origin::always(http::ok("done"));
    let s = proxy("", &origin);
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let extension = |n: usize| format!("1;{}\r\nx\r\n", "e".repeat(n - 1));
    let trailer = |n: usize| format!("T: {}\r\n", "t".repeat(n - 5));
    let cases = [
        (200, format!("{head}{}0\r\n\r\n", extension(16_000))),
        (400, format!("{head}{}0\r\n\r\n", extension(16_500))),
        (400, format!("{head}{}0\r\n\r\n", extension(1000).repeat(17))),
        (200, format!("{head}0\r\n{}\r\n", trailer(16_000))),
        (400, format!("{head}0\r\n{}\r\n", trailer(17_000))),
        (400, format!("{head}0\r\n{}\r\n", trailer(1000).repeat(17))),
        (400, format!("{head}{}0\r\n{}\r\n", extension(9000), trailer(9000))),
    ];
    for (status, request) in &cases {
        for piece in [usize::MAX, 4096, 999] {
            let pieces: Vec<&[u8]> = request.as_bytes().chunks(piece.min(request.len())).collect();
            let mut c = s.connect();
            assert_eq!(c.send_pieces(&pieces).response().status, *status, "pieces of {piece}");
        }
    }
}
