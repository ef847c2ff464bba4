//! How fast a client may ask, and how much at once: `limit_req`, `limit_conn`.

use crate::kit::Server;

#[test]
fn requests_beyond_the_burst_are_refused() {
    let s = Server::http(
        "limit_req_zone $arg_k zone=one:32k rate=1r/m;
         server { listen 127.0.0.1:%%PORT_0%%; root html; add_header X-Status $limit_req_status always;
             location / { limit_req zone=one burst=1 nodelay; }
             location /status { limit_req zone=one burst=1 nodelay; limit_req_status 429;
                                limit_req_log_level info; }
             location /dry { limit_req zone=one; limit_req_dry_run on; } }",
    )
    .start();
    let ask = |uri: &str| {
        let r = s.get(uri);
        (r.status, r.header("X-Status").unwrap_or_default().to_owned())
    };
    let says = |status: u16, word: &str| (status, word.to_owned());
    assert_eq!(ask("/?k=a"), says(404, "PASSED"));
    assert_eq!(ask("/?k=a"), says(404, "PASSED"));
    assert_eq!(ask("/?k=a"), says(503, "REJECTED"));
    assert_eq!(ask("/status?k=a"), says(429, "REJECTED"));
    assert_eq!(ask("/dry?k=a"), says(404, "REJECTED_DRY_RUN"));
    assert_eq!(ask("/?k=b"), says(404, "PASSED"));
    // Without a key there is no limit.
    for _ in 0..3 {
        assert_eq!(ask("/"), says(404, ""));
    }
    s.wait_for_log("[error]");
    s.wait_for_log("limiting requests, excess: 2.000 by zone \"one\"");
    s.wait_for_log("limiting requests, dry run, excess: 2.");
    assert!(
        s.log().lines().any(|line| line.contains("[info]") && line.contains("limiting requests, excess"))
    );
}

#[test]
fn requests_within_the_burst_wait_for_their_time() {
    let s = Server::http(
        "limit_req_zone $uri zone=one:32k rate=5r/s; limit_req_zone $server_name zone=all:32k rate=100r/s;
         server { listen 127.0.0.1:%%PORT_0%%;
             limit_req zone=all burst=50; limit_req zone=one burst=5 delay=1;
             add_header X-Status $limit_req_status always; add_header X-Time $request_time always; }",
    )
    .start();
    let mut c = s.connect();
    let mut ask = || {
        let r = c.get("/x");
        let time: f64 = r.header("X-Time").and_then(|time| time.parse().ok()).unwrap_or(-1.0);
        (r.header("X-Status").unwrap_or_default().to_owned(), time)
    };
    let (first, second, third) = (ask(), ask(), ask());
    assert_eq!((first.0.as_str(), second.0.as_str(), third.0.as_str()), ("PASSED", "PASSED", "DELAYED"));
    assert!(third.1 > 0.05, "{third:?}");
    s.wait_for_log("[warn]");
    s.wait_for_log("delaying request, excess: ");
}

#[test]
fn a_client_that_leaves_while_it_waits_is_let_go() {
    let s = Server::http(
        "limit_req_zone $uri zone=one:32k rate=1r/m;
         server { listen 127.0.0.1:%%PORT_0%%; limit_req zone=one burst=5; }",
    )
    .start();
    s.get("/x");
    let mut c = s.connect();
    c.send("GET /x HTTP/1.1\r\nHost: a\r\n\r\n");
    s.wait_for_log("delaying request");
    drop(c);
    s.wait_for_access("\"GET /x HTTP/1.1\" 499");
}

#[test]
fn a_key_has_only_so_many_requests_at_once() {
    let s = Server::http(
        "limit_conn_zone $arg_k zone=one:32k; limit_req_zone $uri zone=slow:32k rate=1r/m;
         server { listen 127.0.0.1:%%PORT_0%%; root html; add_header X-Status $limit_conn_status always;
             location / { limit_conn one 1; }
             location /slow { limit_conn one 1; auth_basic x; auth_basic_user_file none; auth_delay 1h; }
             location /dry { limit_conn one 1; limit_conn_dry_run on; }
             location /status { limit_conn one 1; limit_conn_status 429; } }",
    )
    .start();
    assert_eq!(s.get("/?k=a").status, 404);
    let mut c = s.connect();
    c.send("GET /slow?k=a HTTP/1.1\r\nHost: a\r\n\r\n");
    s.wait_for_log("delaying unauthorized request");
    let refused = s.get("/?k=a");
    assert_eq!((refused.status, refused.header("X-Status")), (503, Some("REJECTED")));
    assert_eq!(s.get("/status?k=a").status, 429);
    assert_eq!(s.get("/dry?k=a").header("X-Status"), Some("REJECTED_DRY_RUN"));
    assert_eq!(s.get("/?k=b").header("X-Status"), Some("PASSED"));
    drop(c);
    s.wait_for_access("\"GET /slow?k=a HTTP/1.1\" 499");
    assert_eq!(s.get("/?k=a").status, 404);
    s.wait_for_log("limiting connections by zone \"one\"");
    s.wait_for_log("limiting connections, dry run, by zone \"one\"");
}

#[test]
fn limits_hold_over_workers_and_reloads() {
    let text =
        "worker_processes 2; events { } http { access_log off; limit_req_zone $uri zone=one:32k rate=1r/m;
                server { listen 127.0.0.1:%%PORT_0%%; limit_req zone=one burst=3 nodelay; } }";
    let s = Server::conf(text).start();
    let passed = |n: usize| (0..n).filter(|_| s.get("/x").status == 404).count();
    assert_eq!(passed(3), 3);
    s.reload();
    assert_eq!(passed(20), 1);
}

#[test]
fn mistakes_are_told_in_the_usual_words() {
    for (text, message) in [
        ("limit_req_zone $uri zone=a rate=1r/s;", "invalid zone size \"zone=a\""),
        ("limit_req_zone $uri zone=a:x rate=1r/s;", "invalid zone size \"zone=a:x\""),
        ("limit_req_zone $uri zone=a:1k rate=1r/s;", "zone \"zone=a:1k\" is too small"),
        ("limit_req_zone $uri zone=a:1m rate=0r/s;", "invalid rate \"rate=0r/s\""),
        ("limit_req_zone $uri zone=a:1m speed=1;", "invalid parameter \"speed=1\""),
        ("limit_req_zone $uri rate=1r/s rate=1r/s;", "\"limit_req_zone\" must have \"zone\" parameter"),
        (
            "limit_req_zone $uri zone=a:1m rate=1r/s; limit_req_zone $args zone=a:1m rate=1r/s;",
            "limit_req_zone \"a\" is already bound to key \"$uri\"",
        ),
        ("limit_req zone=none;", "zero size shared memory zone \"none\""),
        ("limit_req burst=1;", "\"limit_req\" must have \"zone\" parameter"),
        ("limit_req zone=a burst=0;", "invalid burst value \"burst=0\""),
        ("limit_req zone=a; limit_req zone=a;", "\"limit_req\" directive is duplicate"),
        (
            "limit_req_status 200;",
            "\"limit_req_status\" directive value must be equal to or greater than 400",
        ),
        ("limit_req_status 600;", "\"limit_req_status\" directive value must be equal to or less than 599"),
        ("limit_conn_zone $uri zone:1m;", "invalid parameter \"zone:1m\""),
        ("limit_conn a 0;", "invalid number of connections \"0\""),
        ("limit_conn a 65536;", "connection limit must be less 65536"),
        ("limit_conn a 1; limit_conn a 2;", "\"limit_conn\" directive is duplicate"),
        (
            "limit_conn_zone $uri zone=a:1m; limit_req_zone $uri zone=a:1m rate=1r/s;",
            "the shared memory zone \"a\" is already declared for a different use",
        ),
    ] {
        let said = Server::http(text).refusal();
        assert!(said.contains(message), "{text}: {said}");
    }
}
