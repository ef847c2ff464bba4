//! Active health checks: who is asked, what a good answer is, and what follows from a bad one.

use crate::kit::origin::Refusing;
use crate::kit::{Origin, Server, http, wait};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An origin that says at `/health` whether it is well, and its name elsewhere.
fn moody(name: &'static str, well: &Arc<AtomicBool>) -> Origin {
    let well = well.clone();
    Origin::each(move |talk| {
        while let Some(seen) = talk.request() {
            let reply = match (seen.line().contains("/health"), well.load(Ordering::SeqCst)) {
                (true, true) => http::reply("200 OK", &["X-Ready: yes"], b"ready"),
                (true, false) => http::reply("500 Internal Server Error", &[], b"broken"),
                (false, _) => http::ok(name),
            };
            if !talk.send(reply) {
                return;
            }
        }
    })
}

const CHECK: &str = "match good { status 200; header X-Ready = yes; body ~ read; }
     upstream u { zone u 64k; server %%A%%; server %%B%%; }
     server { listen 127.0.0.1:%%PORT_0%%; location / { proxy_pass http://u;
     health_check interval=50ms jitter=10ms fails=2 passes=2 uri=/health match=good; } }";

#[test]
fn a_peer_goes_out_when_its_checks_fail_and_comes_back_when_they_pass() {
    let (sick, well) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(true)));
    let (a, b) = (moody("a", &sick), moody("b", &well));
    let s = Server::http(CHECK).with("A", a.addr()).with("B", b.addr()).start();
    a.wait_for_requests(2);
    assert_eq!(a.requests()[0].line(), "GET /health HTTP/1.1");
    assert_eq!(a.requests()[0].header("Host"), Some("u"));
    sick.store(false, Ordering::SeqCst);
    let of_a = format!("health check \"good\" of peer {} in upstream \"u\"", a.addr());
    s.wait_for_log(&format!("peer is unhealthy while checking status code, {of_a}"));
    for _ in 0..6 {
        assert_eq!(s.get("/").text(), "b");
    }
    sick.store(true, Ordering::SeqCst);
    s.wait_for_log(&format!("peer is healthy while checking, {of_a}"));
    wait::until("a to answer", || (s.get("/").text() == "a").then_some(()));
}

#[test]
fn a_peer_that_refuses_is_out_and_a_mandatory_check_comes_before_the_first_request() {
    let refusing = Refusing::new();
    let good = Origin::always(http::ok("good"));
    let text = "upstream u { server %%BAD%% max_fails=0; server %%GOOD%%; }
         upstream v { server %%BAD%%; }
         server { listen 127.0.0.1:%%PORT_0%%;
         location / { proxy_pass http://u; health_check interval=50ms type=tcp mandatory; }
         location /v { proxy_pass http://v; health_check mandatory; } }";
    let s = Server::http(text).with("BAD", refusing.addr()).with("GOOD", good.addr());
    let s = s.allow("connect() failed").start();
    s.wait_for_log("connect() failed (111: Connection refused) while connecting to upstream, health check");
    wait::until("the good one", || (s.get("/").text() == "good").then_some(()));
    for _ in 0..4 {
        assert_eq!(s.get("/").text(), "good");
    }
    assert_eq!(s.get("/v").status, 502);
    s.wait_for_log(&format!("peers: {} down", refusing.addr()));
}

#[test]
fn with_a_zone_one_worker_asks_for_all() {
    let well = Arc::new(AtomicBool::new(false));
    let origin = moody("a", &well);
    let text = "worker_processes 3; events {} http {
         upstream u { zone u 64k; server %%A%%; server %%A%% down; }
         server { listen 127.0.0.1:%%PORT_0%%; location / { proxy_pass http://u;
         health_check interval=1h uri=/health; } } }";
    let s = Server::conf(text).with("A", origin.addr()).start();
    s.wait_for_log("peer is unhealthy while checking status code, health check \"\" of peer");
    // Whatever worker it is that answers, it knows.
    for _ in 0..9 {
        assert_eq!(s.get("/").status, 502);
    }
    assert_eq!(origin.requests().len(), 1);
}

#[test]
fn what_cannot_be_checked_is_refused() {
    for (text, why) in [
        ("location / { health_check; }", "needs a \"proxy_pass\""),
        ("location / { set $u a; proxy_pass http://$u; health_check; }", "peers that variables name"),
        ("location / { proxy_pass http://127.0.0.1:1; health_check match=x; }", "match \"x\" is not found"),
        ("location / { proxy_pass http://127.0.0.1:1; health_check fails=0; }", "invalid parameter"),
        ("location / { proxy_pass http://127.0.0.1:1; health_check persistent; }", "behind \"mandatory\""),
        (
            "location / { proxy_pass http://127.0.0.1:1; health_check mandatory persistent; }",
            "\"persistent\" needs a \"zone\"",
        ),
        ("location / { proxy_pass http://127.0.0.1:1; health_check type=grpc; }", "there is no gRPC here"),
        (
            "location / { proxy_pass http://127.0.0.1:1; health_check grpc_status=12; }",
            "there is no gRPC here",
        ),
    ] {
        let refusal = Server::locations(text).refusal();
        assert!(refusal.contains(why), "{text}: {refusal}");
    }
}

#[test]
fn a_variable_that_no_reply_gives_a_value_to_is_refused() {
    let refusal = Server::http("match m { require $arg_x; }").refusal();
    assert!(refusal.contains("\"$arg_x\" has no value in a health check"), "{refusal}");
}

#[test]
fn a_check_is_asked_as_the_location_asks_and_its_chunks_are_no_part_of_the_body() {
    let origin = Origin::each(|talk| {
        while talk.request().is_some() {
            let head = "HTTP/1.1 200 OK\r\nX-Ok: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
            talk.send(format!("HTTP/1.1 103 Early Hints\r\n\r\n{head}3\r\nrea\r\n2\r\ndy\r\n0\r\n\r\n"));
        }
    });
    let text = "match good { body ~ ^ready$; require $upstream_http_x_ok $status; }
         upstream u { zone u 64k; server %%A%%; }
         server { listen 127.0.0.1:%%PORT_0%%; location / { proxy_pass http://u; proxy_bind 127.0.0.2;
         proxy_set_header Host $proxy_host.test; proxy_set_header X-A $arg_a$host; proxy_set_body none;
         proxy_set_header X-Gone $arg_a; health_check interval=20ms match=good mandatory; } }";
    let s = Server::http(text).with("A", origin.addr()).start();
    wait::until("the peer to be well", || (s.get("/").status == 200).then_some(()));
    let seen = origin.requests().remove(0);
    assert_eq!(seen.line(), "GET / HTTP/1.1");
    assert_eq!(seen.header("Host"), Some("u.test"));
    assert_eq!(seen.header("X-A"), Some("u"));
    assert_eq!((seen.header("X-Gone"), seen.header("Content-Length")), (None, None));
    assert_eq!(seen.header("Connection"), Some("close"));
    assert_eq!(origin.peers().remove(0).ip().to_string(), "127.0.0.2");
}

#[test]
fn checks_may_keep_their_connection_and_a_closed_one_is_no_failure() {
    let origin = Origin::each(|talk| {
        for _ in 0..3 {
            if talk.request().is_none() {
                return;
            }
            talk.send(http::ok("well"));
        }
    });
    let text = "upstream u { zone u 64k; server %%A%%; }
         server { listen 127.0.0.1:%%PORT_0%%; location / { proxy_pass http://u;
         health_check interval=20ms keepalive_time=1h; } }";
    let s = Server::http(text).with("A", origin.addr()).start();
    let seen = origin.wait_for_requests(8);
    let connections: Vec<usize> = seen.iter().map(|seen| seen.connection).take(8).collect();
    assert_eq!(connections, [0, 0, 0, 1, 1, 1, 2, 2]);
    assert_eq!(seen[0].header("Connection"), None);
    assert!(!s.log().contains("unhealthy"), "{}", s.log());
}

#[test]
fn a_peer_that_was_well_stays_so_over_a_reload_if_the_check_is_persistent() {
    let well = Arc::new(AtomicBool::new(true));
    let (a, silent) = (moody("a", &well), Origin::each(|talk| drop(talk.read_to_end())));
    let conf = |check: &str, origin: &Origin| {
        Server::http(&format!(
            "upstream u {{ zone u 64k; server {}; }}
             server {{ listen 127.0.0.1:%%PORT_0%%; location / {{ proxy_pass http://u;
             health_check interval=1h uri=/health mandatory {check}; }} }}",
            origin.addr()
        ))
    };
    let s = conf("persistent", &a).start();
    wait::until("a to pass", || (s.get("/").text() == "a").then_some(()));
    // From now on the origin is asked and says nothing good, so only what was known can make it a peer.
    well.store(false, Ordering::SeqCst);
    let asked = a.requests().iter().filter(|seen| seen.line().contains("/health")).count();
    s.rewrite_conf(conf("persistent fails=9", &a));
    s.reload();
    a.wait_for_requests(a.requests().len().max(asked + 1));
    assert_eq!(s.get("/").text(), "a");
    // A peer that the last configuration did not know has to pass first.
    s.rewrite_conf(conf("persistent", &silent));
    s.reload();
    assert_eq!(s.get("/").status, 502);
}

#[test]
fn a_request_in_the_queue_is_woken_by_a_peer_that_is_well_again() {
    let well = Arc::new(AtomicBool::new(false));
    let back = moody("back", &well);
    let busy = Origin::each(|talk| {
        while talk.request().is_some_and(|seen| seen.line().contains("/health")) {
            talk.send(http::reply("200 OK", &["X-Ready: yes"], b"ready"));
        }
        talk.read_to_end();
    });
    let text = CHECK.replace("server %%A%%", "queue 9 timeout=60s; server %%A%% max_conns=1");
    let s = Server::http(&text).with("A", busy.addr()).with("B", back.addr()).start();
    s.wait_for_log(&format!(
        "peer is unhealthy while checking status code, health check \"good\" of peer {}",
        back.addr()
    ));
    let mut first = s.connect();
    first.send(http::get("/", &[]));
    let is_there = || busy.requests().iter().any(|seen| !seen.line().contains("/health"));
    wait::until("the first request", || is_there().then_some(()));
    let mut second = s.connect();
    second.send(http::get("/", &[])).wait_until_read();
    well.store(true, Ordering::SeqCst);
    assert_eq!(second.response().text(), "back");
}
