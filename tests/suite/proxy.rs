//! One request, one upstream connection: what the origin is sent and what the client gets.

use crate::kit::{Act, Origin, Server, http};

/// A location that passes everything to the origin, with more directives.
fn proxy(origin: &Origin, more: &str) -> Server {
    let text = format!("{more}\nlocation / {{ proxy_pass http://%%ORIGIN%%; }}");
    Server::locations(&text).with("ORIGIN", origin.addr()).start()
}

#[test]
fn the_origin_gets_method_uri_host_and_headers() {
    let origin = Origin::always(http::ok(""));
    let s = proxy(&origin, "");
    s.connect().ask(http::request("DELETE", "/a%20b?c=d", &["X-One: 1", "x-two: 2"], b""));
    let seen = origin.only_request();
    assert!(seen.line().starts_with("DELETE /a%20b?c=d HTTP/1."), "{}", seen.line());
    assert_eq!(seen.header("Host"), Some(origin.addr().to_string().as_str()));
    assert_eq!((seen.header("X-One"), seen.header("X-Two")), (Some("1"), Some("2")));
    assert_eq!(seen.header("Keep-Alive"), None);
}

#[test]
fn proxy_pass_with_a_uri_replaces_the_location_part() {
    let origin = Origin::always(http::ok(""));
    let conf = "location /old/ { proxy_pass http://%%ORIGIN%%/new/; }";
    let s = Server::locations(conf).with("ORIGIN", origin.addr()).start();
    s.get("/old/path?q");
    assert!(origin.only_request().line().starts_with("GET /new/path?q HTTP/1."));
}

#[test]
fn proxy_set_header_sets_changes_and_removes() {
    let origin = Origin::always(http::ok(""));
    let more = r#"proxy_set_header Host $host:81; proxy_set_header X-Real-IP $remote_addr;
                  proxy_set_header X-Gone ""; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;"#;
    let s = proxy(&origin, more);
    s.connect().ask(http::get("/", &["X-Gone: 1", "X-Forwarded-For: 10.0.0.1"]));
    let seen = origin.only_request();
    assert_eq!((seen.header("Host"), seen.header("X-Real-IP")), (Some("localhost:81"), Some("127.0.0.1")));
    assert_eq!((seen.header("X-Gone"), seen.header("X-Forwarded-For")), (None, Some("10.0.0.1, 127.0.0.1")));
}

#[test]
fn bodies_of_every_framing_reach_the_origin() {
    let origin = Origin::echo();
    for buffering in ["on", "off"] {
        let s = proxy(&origin, &format!("proxy_http_version 1.1; proxy_request_buffering {buffering};"));
        let mut c = s.connect();
        let text = c.ask(http::request("POST", "/", &[], b"with a length")).text();
        assert!(text.ends_with("\r\n\r\nwith a length"), "{text}");
        let chunked = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                       3\r\nin \r\n6\r\nchunks\r\n0\r\n\r\n";
        for cut in 0..chunked.len() {
            c.send_pieces(&[&chunked[..cut], &chunked[cut..]]);
            let text = c.response().text();
            assert!(text.ends_with("\r\n\r\nin chunks"), "cut at {cut}: {text}");
        }
    }
}

#[test]
fn a_large_body_passes_both_ways_in_every_buffering() {
    let origin = Origin::each(|talk| {
        while let Some(seen) = talk.request() {
            talk.send(http::reply("200 OK", &[], &seen.body));
        }
    });
    let body: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    for (request, response) in [("on", "on"), ("on", "off"), ("off", "on"), ("off", "off")] {
        let more = format!(
            "client_max_body_size 10m; client_body_buffer_size 16k;
             proxy_request_buffering {request}; proxy_buffering {response};"
        );
        let s = proxy(&origin, &more);
        let mut c = s.connect();
        for _ in 0..2 {
            let r = c.ask(http::request("POST", "/", &[], &body));
            assert_eq!((r.status, r.complete), (200, true));
            assert!(r.body == body, "request {request}, response {response}: another body came back");
        }
    }
}

#[test]
fn a_slow_reader_gets_the_whole_answer_through_a_temporary_file() {
    let body = vec![b'x'; 5_000_000];
    for at_once in ["", "proxy_temp_file_write_size 8k;"] {
        let origin = Origin::acts([Act::CloseAfter(http::reply("200 OK", &[], &body))]);
        let s = proxy(&origin, &format!("proxy_buffers 4 4k; proxy_buffer_size 4k; {at_once}"));
        let mut c = s.connect();
        c.send(http::get("/", &[]));
        // the origin has said all there is and is gone before the client reads a byte
        origin.wait_for_closed(1);
        let r = c.response();
        assert!(r.complete && r.body == body, "{at_once}");
    }
}

#[test]
fn a_reader_that_catches_up_gets_the_whole_answer_partly_through_a_file() {
    let body: Vec<u8> = (0..40_000_000u32).map(|n| (n % 251) as u8).collect();
    let origin = Origin::always(http::reply("200 OK", &[], &body));
    let s = proxy(&origin, "proxy_max_temp_file_size 1m;");
    let mut c = s.connect();
    for _ in 0..2 {
        // it takes nothing until there is a file, which is soon full, so the peer has to wait for it
        c.send(http::get("/", &[]));
        s.wait_for_log("an upstream response is buffered to a temporary file");
        let r = c.response();
        assert!(r.complete && r.body == body, "another body came");
    }
}

#[test]
fn replies_of_every_framing_are_passed_on() {
    let replies = [
        http::ok("with a length"),
        http::chunked(&["with", " a", " length"]),
        b"HTTP/1.1 200 OK\r\n\r\nwith a length".to_vec(),
        b"HTTP/1.0 200 OK\r\n\r\nwith a length".to_vec(),
    ];
    for buffering in ["on", "off"] {
        for reply in &replies {
            let origin = Origin::acts([Act::CloseAfter(reply.clone())]);
            let s = proxy(&origin, &format!("proxy_http_version 1.1; proxy_buffering {buffering};"));
            let mut c = s.connect();
            for _ in 0..2 {
                let r = c.get("/");
                assert_eq!((r.text().as_str(), r.complete), ("with a length", true));
            }
        }
    }
}

#[test]
fn a_reply_cut_at_every_byte_is_the_same_answer() {
    for reply in [http::ok("short"), http::chunked(&["sh", "ort"])] {
        let cuts =
            (1..reply.len()).map(|cut| Act::Pieces(vec![reply[..cut].to_vec(), reply[cut..].to_vec()]));
        for buffering in ["on", "off"] {
            let origin = Origin::acts(cuts.clone());
            let s = proxy(&origin, &format!("proxy_http_version 1.1; proxy_buffering {buffering};"));
            let mut c = s.connect();
            for cut in 1..reply.len() {
                let r = c.get("/");
                assert_eq!((r.text().as_str(), r.complete), ("short", true), "{buffering}, cut at {cut}");
            }
        }
    }
}

#[test]
fn a_reply_that_ends_at_any_byte_is_never_taken_for_whole() {
    let reply = http::ok("body");
    let ends = (0..reply.len()).map(|end| Act::CloseAfter(reply[..end].to_vec()));
    let origin = Origin::acts(ends);
    let s = proxy(&origin, "");
    let head = reply.len() - "body".len();
    for end in 0..reply.len() {
        let mut c = s.connect();
        let r = c.get("/");
        if end < head {
            assert_eq!(r.status, 502, "ends at {end}");
        } else {
            assert!(r.status == 200 && !r.complete, "ends at {end}: {r:?}");
            c.expect_close();
        }
    }
    s.wait_for_log("upstream prematurely closed connection while reading response header from upstream");
    s.wait_for_log("upstream prematurely closed connection while reading upstream");
}

#[test]
fn header_lines_that_are_none_make_a_bad_gateway() {
    for line in ["no colon here", ": no name", "two words: x", "nul\0: x"] {
        let reply = format!("HTTP/1.1 200 OK\r\n{line}\r\n\r\n");
        let origin = Origin::acts([Act::CloseAfter(reply.into_bytes())]);
        let s = proxy(&origin, "");
        assert_eq!(s.get("/").status, 502, "{line:?}");
        s.wait_for_log("upstream sent invalid header");
    }
}

#[test]
fn a_head_larger_than_any_buffer_is_a_bad_gateway() {
    let long = format!("X-Long: {}", "v".repeat(100_000));
    let origin = Origin::always(http::reply("200 OK", &[&long], b""));
    // By default a head may span several pages here.
    let limit = if crate::kit::server::is_headwater() { "proxy_header_limit 4k;" } else { "" };
    let s = proxy(&origin, &format!("proxy_buffer_size 4k; proxy_buffers 8 4k; {limit}"));
    assert_eq!(s.get("/").status, 502);
    s.wait_for_log("upstream sent too big header");
}

#[test]
fn interim_responses_are_not_mistaken_for_the_answer() {
    let mut reply = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".to_vec();
    reply.extend(http::ok("the answer"));
    let origin = Origin::always(reply);
    let s = proxy(&origin, "proxy_http_version 1.1;");
    // older nginx takes it for the answer
    if crate::kit::server::is_headwater() {
        assert_eq!(s.get("/").text(), "the answer");
    }
}

#[test]
fn answers_without_a_body_keep_the_connections() {
    for buffering in ["on", "off"] {
        let origin = Origin::acts([
            Act::Reply(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
            Act::Reply(b"HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\nContent-Length: 10\r\n\r\n".to_vec()),
            Act::Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".to_vec()),
            Act::Reply(http::ok("still here")),
        ]);
        let text = format!(
            "upstream u {{ server %%ORIGIN%%; keepalive 1; }}
             server {{ listen 127.0.0.1:%%PORT_0%%; proxy_http_version 1.1; proxy_set_header Connection '';
                       proxy_buffering {buffering}; location / {{ proxy_pass http://u; }} }}"
        );
        let s = Server::http(&text).with("ORIGIN", origin.addr()).start();
        let mut c = s.connect();
        assert_eq!(c.get("/").status, 204);
        assert_eq!(c.ask("GET / HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"e\"\r\n\r\n").status, 304);
        let r = c.ask(http::request("HEAD", "/", &[], b""));
        assert_eq!((r.status, r.header("Content-Length")), (200, Some("10")));
        assert_eq!(c.get("/").text(), "still here");
        assert_eq!(origin.connections(), 1, "buffering {buffering}");
    }
}

#[test]
fn unbuffered_bytes_are_passed_on_as_they_come() {
    let (origin, go) = Origin::gated(&["HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n", "a", "bc", "def"]);
    let s = proxy(&origin, "proxy_buffering off; proxy_http_version 1.1;");
    let mut c = s.connect();
    c.send(http::get("/", &[]));
    assert_eq!(c.head().header("Content-Length"), Some("6"));
    for piece in ["a", "bc", "def"] {
        go.send(()).expect("the origin waits");
        assert_eq!(c.bytes(piece.len()), piece.as_bytes());
    }
    drop(go);
}

#[test]
fn upstream_headers_are_hidden_and_redirects_rewritten() {
    let reply = |addr: &str| {
        let location = format!("Location: http://{addr}/there");
        http::reply("302 Found", &[&location, "X-Accel-Limit-Rate: 0", "Server: Origin", "X-Keep: yes"], b"")
    };
    let origin = Origin::each(move |talk| {
        while let Some(seen) = talk.request() {
            talk.send(reply(seen.header("Host").unwrap_or_default()));
        }
    });
    let s = proxy(&origin, "proxy_hide_header X-Secret;");
    let r = s.get("/");
    assert_eq!((r.status, r.header("X-Keep")), (302, Some("yes")));
    let here = format!("http://localhost:{}/there", s.addr().port());
    assert_eq!(r.header("Location"), Some(here.as_str()));
    assert_eq!(r.header("X-Accel-Limit-Rate"), None);
    assert_ne!(r.header("Server"), Some("Origin"));
}

#[test]
fn kept_upstream_connections_are_used_again() {
    let origin = Origin::always(http::ok("kept"));
    let text = "upstream u { server %%ORIGIN%%; keepalive 2; }
                server { listen 127.0.0.1:%%PORT_0%%; proxy_http_version 1.1; proxy_set_header Connection '';
                         location / { proxy_pass http://u; } }";
    let s = Server::http(text).with("ORIGIN", origin.addr()).start();
    for _ in 0..10 {
        assert_eq!(s.get("/").text(), "kept");
    }
    assert_eq!((origin.connections(), origin.requests().len()), (1, 10));
}

#[test]
fn bytes_after_the_reply_end_the_kept_connection() {
    let mut reply = http::ok("x");
    reply.extend_from_slice(b"left over");
    let origin = Origin::always(reply);
    let text = "upstream u { server %%ORIGIN%%; keepalive 2; }
                server { listen 127.0.0.1:%%PORT_0%%; proxy_http_version 1.1; proxy_set_header Connection '';
                         location / { proxy_pass http://u; } }";
    let s = Server::http(text).with("ORIGIN", origin.addr()).start();
    for _ in 0..3 {
        assert_eq!(s.get("/").text(), "x");
    }
    assert_eq!(origin.connections(), 3);
}

#[test]
fn a_client_that_goes_away_ends_the_upstream_request() {
    let origin = Origin::acts([Act::StallAfter(Vec::new())]);
    let s = proxy(&origin, "");
    let mut c = s.connect();
    c.send(http::get("/", &[]));
    origin.wait_for_requests(1);
    drop(c);
    origin.wait_for_closed(1);
    s.wait_for_access(" 499 ");
}

/// An origin that goes over to another protocol whatever it is asked, says hello and echoes.
fn echoes_upgraded() -> Origin {
    Origin::each(|talk| {
        talk.request();
        talk.send(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nhello ",
        );
        while let Some(bytes) = talk.some() {
            talk.send(bytes);
        }
    })
}

#[test]
fn a_websocket_needs_no_configuration_and_the_log_says_how_it_ended() {
    if !crate::kit::server::is_headwater() {
        return; // nginx needs two proxy_set_header lines
    }
    let origin = echoes_upgraded();
    let s = proxy(&origin, "");
    let mut c = s.connect();
    c.send(http::get("/", &["Upgrade: websocket", "Connection: Upgrade"]));
    assert!(c.head().start.starts_with("HTTP/1.1 101 "));
    assert_eq!(c.bytes(6), b"hello ");
    c.send("abc");
    assert_eq!(c.bytes(3), b"abc");
    c.half_close().expect_close();
    let line = s.wait_for_log("upgraded connection closed");
    assert!(line.contains("closed by client, 3 bytes from client, 9 bytes from upstream"), "{line}");
}

#[test]
fn nobody_goes_over_to_a_protocol_without_having_asked() {
    if !crate::kit::server::is_headwater() {
        return; // nginx passes a 101 on without its body
    }
    let origin = echoes_upgraded();
    // The operator's word is not the client's.
    let s = proxy(&origin, "proxy_set_header Upgrade websocket; proxy_set_header Connection upgrade;");
    assert_eq!(s.get("/").status, 502);
    s.wait_for_log("101 although no upgrade was asked for");
    let s = proxy(&origin, "proxy_upgrade off;");
    let mut c = s.connect();
    assert_eq!(c.ask(http::get("/", &["Upgrade: websocket", "Connection: Upgrade"])).status, 502);
}

#[test]
fn an_upgraded_connection_is_a_tunnel() {
    let origin = Origin::each(|talk| {
        talk.request();
        talk.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello ");
        while let Some(bytes) = talk.some() {
            talk.send(bytes);
        }
    });
    let more = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection upgrade;";
    let s = proxy(&origin, more);
    let mut c = s.connect();
    c.send(http::get("/", &["Upgrade: echo", "Connection: upgrade"]));
    assert!(c.head().start.starts_with("HTTP/1.1 101 "));
    assert_eq!(c.bytes(6), b"hello ");
    let much = vec![b'm'; 300_000];
    c.send(&much);
    assert!(c.bytes(much.len()) == much);
    drop(c);
    origin.wait_for_closed(1);
}

#[test]
fn trailers_of_a_reply_are_passed_on_only_if_the_configuration_says_so() {
    let reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                 2\r\nok\r\n0\r\nX-Sum: 7\r\nContent-Length: 9\r\nConnection: X-Sum\r\n\r\n";
    if !crate::kit::server::is_headwater() {
        return; // nginx has proxy_pass_trailers since 1.27
    }
    for (directive, tail) in [("", "0\r\n\r\n"), ("proxy_pass_trailers on;", "0\r\nX-Sum: 7\r\n\r\n")] {
        for buffering in ["on", "off"] {
            let origin = Origin::always(reply.as_bytes().to_vec());
            let more = format!("{directive} proxy_buffering {buffering}; access_log access.log trailer;");
            let text = format!(
                "log_format trailer $upstream_trailer_x_sum;
                 server {{ listen 127.0.0.1:%%PORT_0%%;
                 location / {{ proxy_pass http://{}; {more} }} }}",
                origin.addr()
            );
            let s = Server::http(&text).start();
            let request = http::get("/", &["TE: trailers", "Connection: close, TE"]);
            let answer = s.raw(request);
            assert!(answer.ends_with(&format!("2\r\nok\r\n{tail}")), "{more}: {answer}");
            let te = (!directive.is_empty()).then_some("trailers");
            assert_eq!(origin.only_request().header("TE"), te, "{more}");
        }
    }
}

#[test]
fn trailers_of_a_request_end_here() {
    // NGINX: they are read, and nobody gets them.
    for buffering in ["on", "off"] {
        let origin = Origin::each(|talk| {
            let head = talk.request_head().expect("a request");
            let body = match (head.header("Content-Length"), head.header("Transfer-Encoding")) {
                (Some(_), _) => talk.exactly(2),
                (None, Some(_)) => talk.up_to(b"\r\n0\r\n\r\n"),
                _ => None,
            };
            talk.send(http::ok(&format!(
                "{}{}",
                head.raw,
                String::from_utf8_lossy(&body.unwrap_or_default())
            )));
        });
        let more = format!("proxy_request_buffering {buffering}; proxy_http_version 1.1;");
        let s = proxy(&origin, &more);
        let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n";
        let mut c = s.connect();
        let text = c.ask(format!("{head}2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n")).text();
        assert!(!text.contains("X-Sum: 7"), "{text}");
        assert!(text.ends_with("ok") || text.ends_with("2\r\nok\r\n0\r\n\r\n"), "{text}");
        // The next request begins where the trailers ended.
        assert_eq!(c.get("/").status, 200);
    }
}
