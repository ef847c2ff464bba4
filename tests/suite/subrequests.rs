//! Requests that the server makes of itself, and what is built of their answers.

use crate::kit::{Client, Origin, Real, Server, http, server};

#[test]
fn other_responses_stand_around_the_body() {
    let s = Server::locations(
        r#"default_type text/html;
           location /both { add_before_body /b; add_after_body /a; return 200 "body"; }
           location /plain { default_type text/plain; add_before_body /b; return 200 "body"; }
           location /some { default_type text/x; addition_types text/x;
                            add_after_body /a; return 200 "body"; }
           location /202 { add_after_body /a; return 202 "body"; }
           location /missing { add_before_body /none; return 200 "body"; }
           location /b { return 200 "before "; } location /a { return 200 " after"; }
           location /file { add_before_body /large; }
           location /none { return 404; } root html;"#,
    )
    .file("html/large", "x".repeat(300_000))
    .file("html/file", "y".repeat(200_000))
    .start();
    assert_eq!(s.get("/both").text(), "before body after");
    assert_eq!(s.get("/plain").text(), "body");
    assert_eq!(s.get("/some").text(), "body after");
    assert_eq!(s.get("/202").text(), "body");
    assert!(s.get("/missing").text().contains("404 Not Found"));
    let large = s.get("/file").text();
    assert_eq!(large.len(), 500_000);
    assert!(large.starts_with(&"x".repeat(300_000)));
    // the connection goes on afterwards
    let mut c = s.connect();
    assert_eq!(c.get("/both").text(), "before body after");
    assert_eq!(c.get("/both").text(), "before body after");
}

#[test]
fn a_subrequest_decides_who_may() {
    let s = Server::locations(
        r#"location /o { auth_request /auth/204; root html; }
           location /f { auth_request /auth/200; root html; }
           location /u { auth_request /auth/401; root html; }
           location /x { auth_request /auth/403; root html; }
           location /e { auth_request /auth/404; root html; }
           location /off { auth_request off; root html; }
           location /any { auth_request /auth/403; root html; }
           location /auth/204 { return 204; } location /auth/200 { return 200 "INVISIBLE"; }
           location /auth/401 { return 401; }
           location /auth/403 { return 403; } location /auth/404 { return 404; }"#,
    )
    .file("html/o", "open")
    .file("html/f", "file")
    .file("html/off", "off")
    .start();
    assert_eq!(s.get("/o").text(), "open");
    assert_eq!(s.get("/f").text(), "file");
    assert_eq!(s.get("/off").text(), "off");
    assert_eq!(s.get("/u").status, 401);
    assert_eq!((s.get("/x").status, s.get("/e").status, s.get("/any").status), (403, 500, 403));
    assert!(s.log().contains("auth request unexpected status: 404"));
}

#[test]
fn values_of_the_judge_outlive_it() {
    let s = Server::locations(
        r#"location /a { auth_request /auth; auth_request_set $who "$uri $status";
                         error_page 404 = @f; root html; }
           location @f { return 200 "$who"; }
           location /auth { return 204; }"#,
    )
    .start();
    assert_eq!(s.get("/a").text(), "/auth 204");
}

/// A server that fetches in slices of two bytes, and its origin.
fn sliced() -> Server {
    Server::http(
        r#"map $http_range $range { "~bytes=(.+)" $1; }
           server { listen 127.0.0.1:%%PORT_0%%;
             location / { slice 2; proxy_set_header Range $slice_range;
                          proxy_pass http://127.0.0.1:%%PORT_1%%; } }
           server { listen 127.0.0.1:%%PORT_1%%; root html; access_log origin.log combined;
             location /status { add_header Content-Range "bytes 0-1/100";
                                if ($http_range = "bytes=2-3") { return 200; } return 206 fo; }
             location /etag { add_header Content-Range "bytes $range/100"; add_header ETag $http_range;
                              return 206 fo; }
             location /range { add_header Content-Range "bytes"; return 206 fo; }
             location /length { add_header Content-Range "bytes 0-1/*"; return 206 fo; }
             location /long { add_header Content-Range "bytes 0-2/100"; return 206 foo; } }"#,
    )
    .file("html/t", "0123456789abcdef")
    .start()
}

#[test]
fn slices_are_fetched_until_the_client_has_what_it_wants() {
    let s = sliced();
    let ask = |range: &str| s.connect().ask(format!("GET /t HTTP/1.1\r\nHost: a\r\nRange: {range}\r\n\r\n"));
    let whole = s.get("/t");
    assert_eq!((whole.status, whole.text().as_str()), (200, "0123456789abcdef"));
    assert_eq!(whole.header("Content-Length"), Some("16"));
    for (range, text) in [
        ("bytes=3-4", "34"),
        ("bytes=0-0", "0"),
        ("bytes=6-7", "67"),
        ("bytes=9-", "9abcdef"),
        ("bytes=-5", "bcdef"),
    ] {
        let part = ask(range);
        assert_eq!((part.status, part.text().as_str()), (206, text), "{range}");
    }
    assert_eq!(ask("bytes=20-").status, 416);
    let missing = s.get("/nx");
    assert_eq!(missing.status, 404);
    let many = ask("bytes=3-3,5-5");
    assert_eq!((many.status, many.text().as_str()), (200, "0123456789abcdef"));
}

#[test]
fn a_slice_that_does_not_fit_ends_the_connection() {
    let s = sliced();
    for (path, why) in [
        ("/status", "unexpected status code 200 in slice response"),
        ("/etag", "etag mismatch in slice response"),
        ("/range", "invalid range in slice response"),
        ("/length", "no complete length in slice response"),
        ("/long", "unexpected range in slice response: 0-3"),
    ] {
        let mut c = s.connect();
        c.send(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(c.rest().len() < 400, "{path}");
        assert!(s.log().contains(why), "{path}: {why}");
    }
}

#[test]
fn copies_go_elsewhere_and_a_body_goes_with_them_if_it_was_read() {
    let s = Server::http(
        r#"log_format body "$request_method $request_uri $request_body";
           server { listen 127.0.0.1:%%PORT_0%%;
             location /a { mirror /copy; mirror /copy2; proxy_pass http://127.0.0.1:%%PORT_1%%/ok; }
             location /b { mirror /bodiless; mirror_request_body off;
                           proxy_pass http://127.0.0.1:%%PORT_1%%/ok; }
             location /copy { internal; proxy_pass http://127.0.0.1:%%PORT_1%%/got; }
             location /bodiless { internal; proxy_pass http://127.0.0.1:%%PORT_1%%/none; } }
           server { listen 127.0.0.1:%%PORT_1%%; access_log got.log body;
             location / { proxy_pass http://127.0.0.1:%%PORT_2%%; } }
           server { listen 127.0.0.1:%%PORT_2%%; location / { return 200 "$uri"; } }"#,
    )
    .start();
    let post = |path: &str| {
        s.connect().ask(format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"))
    };
    assert_eq!(post("/a").text(), "/ok");
    assert_eq!(post("/b").text(), "/ok");
    s.wait_for_line("got.log", "POST /got abc");
    s.wait_for_line("got.log", "POST /ok abc");
    s.wait_for_line("got.log", "POST /none -");
}

#[test]
fn a_post_action_follows_the_answer() {
    let s = Server::http(
        r#"server { listen 127.0.0.1:%%PORT_0%%; root html;
             location /a { post_action /after; } location /b { post_action @after; return 200 "b"; }
             location /after { proxy_pass http://127.0.0.1:%%PORT_1%%/after; }
             location @after { proxy_pass http://127.0.0.1:%%PORT_1%%; } }
           server { listen 127.0.0.1:%%PORT_1%%; access_log origin.log combined; return 200 "HIDDEN"; }"#,
    )
    .file("html/a", "a")
    .start();
    let mut c = s.connect();
    assert_eq!(c.get("/a").text(), "a");
    assert_eq!(c.get("/b").text(), "b");
    assert_eq!(c.get("/a").text(), "a");
    s.wait_for_line("origin.log", "GET /after ");
    s.wait_for_line("origin.log", "GET /b ");
}

#[test]
fn a_module_outside_the_library_builds_one_page_of_several_answers() {
    let Some(program) = server::example("side_by_side") else {
        return eprintln!("skipped: the example has not been built");
    };
    let s = Server::http(
        r#"server { listen 127.0.0.1:%%PORT_0%%;
             location = / { page_of /a /b /none; }
             location /a { return 200 "from a"; } location /b { proxy_pass http://127.0.0.1:%%PORT_1%%; } }
           server { listen 127.0.0.1:%%PORT_1%%; return 200 "from b"; }"#,
    )
    .program(program)
    .start();
    let mut c = s.connect();
    for _ in 0..2 {
        let page = c.get("/").text();
        let sections = ["from a", "from b", "(no answer: 404)"];
        assert_eq!(page, sections.map(|text| format!("<section>{text}</section>\n")).concat());
    }
}

#[test]
fn one_page_comes_from_memcached_and_http_asked_side_by_side() {
    let Some(program) = server::example("side_by_side") else {
        return eprintln!("skipped: the example has not been built");
    };
    let memcached = Real::memcached();
    let mut direct = Client::connect(memcached.addr());
    assert_eq!(direct.send("set greeting 0 0 5\r\nhello\r\n").bytes(8), b"STORED\r\n");
    // Each of two requests is answered when the other one is there, too.
    let origin = Origin::each(|talk| {
        while let Some(seen) = talk.request() {
            talk.wait_for_requests(2);
            talk.send(http::ok(seen.line()));
        }
    });
    let s = Server::locations(
        "location = / { page_of /greeting /news /more /none; }
         location = /greeting { set $memcached_key greeting; memcached_pass %%MEMCACHED%%; }
         location = /none { set $memcached_key none; memcached_pass %%MEMCACHED%%; }
         location / { proxy_pass http://%%ORIGIN%%; }",
    )
    .with("MEMCACHED", memcached.addr())
    .with("ORIGIN", origin.addr())
    .program(program)
    .start();
    let sections = ["hello", "GET /news HTTP/1.1", "GET /more HTTP/1.1", "(no answer: 404)"];
    let page = sections.map(|text| format!("<section>{text}</section>\n")).concat();
    assert_eq!(s.get("/").text(), page);
}
