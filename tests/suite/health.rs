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
    assert_eq!(a.requests()[0].line(), "GET /health HTTP/1.0");
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
        ("location / { proxy_pass http://127.0.0.1:1; health_check persistent; }", "is not supported"),
        ("location / { proxy_pass http://127.0.0.1:1; health_check type=grpc; }", "is not supported"),
    ] {
        let refusal = Server::locations(text).refusal();
        assert!(refusal.contains(why), "{text}: {refusal}");
    }
}
