//! When a peer fails, the next one is asked, and the log says so.

use crate::kit::origin::{Refusing, Unanswering};
use crate::kit::server::is_headwater;
use crate::kit::{Act, Origin, Server, http};

/// A group of two peers, the second of which only works when the first has failed.
fn group(first: impl std::fmt::Display, second: impl std::fmt::Display, more: &str) -> Server {
    let text = format!(
        "log_format ups '$request $status [$upstream_addr] [$upstream_status]';
         upstream u {{ server %%FIRST%% max_fails=0; server %%SECOND%% backup; }}
         server {{ listen 127.0.0.1:%%PORT_0%%; access_log ups.log ups; {more}
                   location / {{ proxy_pass http://u; }} }}"
    );
    Server::http(&text).with("FIRST", first).with("SECOND", second).start()
}

#[test]
fn a_refused_connection_goes_to_the_next_peer() {
    let (nobody, good) = (Refusing::new(), Origin::always(http::ok("second")));
    let s = group(nobody.addr(), good.addr(), "");
    assert_eq!(s.get("/").text(), "second");
    s.wait_for_log(
        "connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1",
    );
    let addrs = format!("200 [{}, {}] [502, 200]", nobody.addr(), good.addr());
    s.wait_for_line("ups.log", &addrs);
}

#[test]
fn a_connection_that_cannot_be_made_in_time_goes_to_the_next_peer() {
    let (deaf, good) = (Unanswering::new(), Origin::always(http::ok("second")));
    let s = group(deaf.addr(), good.addr(), "proxy_connect_timeout 100ms;");
    assert_eq!(s.get("/").text(), "second");
    s.wait_for_log("upstream timed out (110: Connection timed out) while connecting to upstream");
    s.wait_for_line("ups.log", "[504, 200]");
}

#[test]
fn a_peer_that_closes_or_resets_before_the_header_is_followed_by_the_next() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Le".to_vec();
    for act in [
        Act::CloseAfter(Vec::new()),
        Act::ResetAfter(Vec::new()),
        Act::CloseAfter(half.clone()),
        Act::ResetAfter(half),
    ] {
        let (bad, good) = (Origin::acts([act.clone()]), Origin::always(http::ok("second")));
        let s = group(bad.addr(), good.addr(), "");
        assert_eq!(s.get("/").text(), "second", "{act:?}");
        s.wait_for_line("ups.log", "[502, 200]");
    }
}

#[test]
fn a_peer_that_resets_at_once_is_followed_by_the_next() {
    let (bad, good) = (Origin::resets_at_once(), Origin::always(http::ok("second")));
    let s = group(bad.addr(), good.addr(), "");
    for _ in 0..5 {
        assert_eq!(s.get("/").text(), "second");
    }
}

#[test]
fn a_silent_peer_is_followed_by_the_next_after_read_timeout() {
    let (silent, good) = (Origin::acts([Act::StallAfter(Vec::new())]), Origin::always(http::ok("second")));
    let s = group(silent.addr(), good.addr(), "proxy_read_timeout 100ms;");
    assert_eq!(s.get("/").text(), "second");
    s.wait_for_log(
        "upstream timed out (110: Connection timed out) while reading response header from upstream",
    );
}

#[test]
fn a_status_named_in_next_upstream_goes_to_the_next_peer() {
    let (busy, good) =
        (Origin::always(http::reply("503 Busy", &[], b"no")), Origin::always(http::ok("second")));
    let s = group(busy.addr(), good.addr(), "proxy_next_upstream error http_503;");
    assert_eq!(s.get("/").text(), "second");
    s.wait_for_line("ups.log", "[503, 200]");
    let s = group(busy.addr(), good.addr(), "");
    assert_eq!((s.get("/").status, s.get("/").text().as_str()), (503, "no"));
}

#[test]
fn the_last_answer_is_given_when_every_peer_says_503() {
    let busy = Origin::always(http::reply("503 Busy", &["X-Which: origin"], b"no"));
    let also = Origin::always(http::reply("503 Busy", &["X-Which: other"], b"neither"));
    let s = group(busy.addr(), also.addr(), "proxy_next_upstream http_503;");
    let r = s.get("/");
    assert_eq!((r.status, r.header("X-Which"), r.text().as_str()), (503, Some("other"), "neither"));
}

#[test]
fn nobody_there_is_502_and_a_timeout_504() {
    let (one, two) = (Refusing::new(), Refusing::new());
    assert_eq!(group(one.addr(), two.addr(), "").get("/").status, 502);
    let silent = Origin::acts([Act::StallAfter(Vec::new())]);
    let s = group(silent.addr(), two.addr(), "proxy_read_timeout 100ms; proxy_next_upstream off;");
    assert_eq!(s.get("/").status, 504);
}

#[test]
fn the_body_is_sent_again_to_the_next_peer() {
    let bad = Origin::acts([Act::ResetAfter(Vec::new())]);
    let good = Origin::echo();
    let s = group(bad.addr(), good.addr(), "client_body_buffer_size 8k; client_max_body_size 4m;");
    let body = vec![b'b'; 1_000_000];
    let r = s.connect().ask(http::request("PUT", "/", &[], &body));
    assert_eq!(r.status, 200);
    assert!(good.only_request().body == body);
}

#[test]
fn a_post_is_not_sent_twice_unless_non_idempotent_says_so() {
    let bad = Origin::acts([Act::CloseAfter(Vec::new())]);
    let good = Origin::always(http::ok("second"));
    let post = http::request("POST", "/", &[], b"once");
    let s = group(bad.addr(), good.addr(), "");
    assert_eq!(s.connect().ask(&post).status, 502);
    assert_eq!(good.requests().len(), 0);
    let s = group(bad.addr(), good.addr(), "proxy_next_upstream error non_idempotent;");
    assert_eq!(s.connect().ask(&post).text(), "second");
}

#[test]
fn a_post_that_was_never_sent_may_go_to_the_next_peer() {
    let (nobody, good) = (Refusing::new(), Origin::always(http::ok("second")));
    let s = group(nobody.addr(), good.addr(), "");
    assert_eq!(s.connect().ask(http::request("POST", "/", &[], b"x")).text(), "second");
}

#[test]
fn an_answer_that_has_begun_is_not_begun_again() {
    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_vec();
    for act in [Act::CloseAfter(half.clone()), Act::ResetAfter(half)] {
        let (bad, good) = (Origin::acts([act]), Origin::always(http::ok("second")));
        let s = group(bad.addr(), good.addr(), "");
        let r = s.get("/");
        // what had come before a reset may be lost, but nothing else may be put in its place
        assert!(r.status == 200 && !r.complete && "half".starts_with(&r.text()), "{r:?}");
        assert_eq!(good.requests().len(), 0);
    }
}

#[test]
fn tries_are_limited() {
    let (nobody, good) = (Refusing::new(), Origin::always(http::ok("second")));
    let s = group(nobody.addr(), good.addr(), "proxy_next_upstream_tries 1;");
    assert_eq!(s.get("/").status, 502);
    assert_eq!(good.requests().len(), 0);
}

#[test]
fn a_peer_that_failed_is_left_alone_for_a_while() {
    let (bad, good) = (Origin::acts([Act::CloseAfter(Vec::new())]), Origin::always(http::ok("good")));
    let text = "upstream u { server %%BAD%% fail_timeout=1h; server %%GOOD%%; }
                server { listen 127.0.0.1:%%PORT_0%%; location / { proxy_pass http://u; } }";
    let s = Server::http(text).with("BAD", bad.addr()).with("GOOD", good.addr()).start();
    for _ in 0..10 {
        assert_eq!(s.get("/").text(), "good");
    }
    assert_eq!(bad.requests().len(), 1);
    s.wait_for_log("upstream server temporarily disabled");
}

#[test]
fn peers_take_turns_by_weight() {
    let (light, heavy) = (Origin::always(http::ok("light")), Origin::always(http::ok("heavy")));
    let text = "upstream u { server %%LIGHT%%; server %%HEAVY%% weight=3; }
                server { listen 127.0.0.1:%%PORT_0%%; location / { proxy_pass http://u; } }";
    let s = Server::http(text).with("LIGHT", light.addr()).with("HEAVY", heavy.addr()).start();
    let mut c = s.connect();
    let answers: Vec<String> = (0..8).map(|_| c.get("/").text()).collect();
    assert_eq!(answers.iter().filter(|a| *a == "heavy").count(), 6, "{answers:?}");
    assert_eq!(answers[..4], answers[4..], "{answers:?}");
}

#[test]
fn a_long_row_of_dead_peers_is_walked_to_its_end() {
    let (nobody, good) = (Refusing::new(), Origin::always(http::ok("at last")));
    let dead = "server %%NOBODY%% max_fails=0;".repeat(200);
    let text = format!(
        "upstream u {{ {dead} server %%GOOD%% backup; }}
         server {{ listen 127.0.0.1:%%PORT_0%%; location / {{ proxy_pass http://u; }} }}"
    );
    let s = Server::http(&text).with("NOBODY", nobody.addr()).with("GOOD", good.addr()).start();
    assert_eq!(s.get("/").text(), "at last");
}

#[test]
fn a_kept_connection_that_was_closed_meanwhile_is_replaced() {
    // answers once per connection and promises to keep it, but resets when the second request comes
    let origin = Origin::each(|talk| {
        if talk.request().is_some() {
            talk.send(http::ok("fresh"));
            if talk.request().is_some() {
                talk.reset();
            }
        }
    });
    let text = "upstream u { server %%ORIGIN%% max_fails=0; keepalive 4; }
                server { listen 127.0.0.1:%%PORT_0%%; proxy_http_version 1.1; proxy_set_header Connection '';
                         location / { proxy_pass http://u; } }";
    let s = Server::http(text).with("ORIGIN", origin.addr()).start();
    for _ in 0..4 {
        assert_eq!(s.get("/").text(), "fresh");
    }
}

#[test]
fn a_spent_retry_budget_leaves_the_failure_as_the_answer() {
    if !is_headwater() {
        return; // nginx has no such bound
    }
    let bad = Origin::always(http::reply("503 Service Unavailable", &[], b"first"));
    let (good, go) = Origin::gated(&["", "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"]);
    let text = "upstream u { retry_budget 0% 1; server %%FIRST%% max_fails=0; server %%SECOND%% backup; }
         server { listen 127.0.0.1:%%PORT_0%%; proxy_next_upstream error http_503;
                  location / { proxy_pass http://u; } }";
    let s = Server::http(text).with("FIRST", bad.addr()).with("SECOND", good.addr()).start();
    let mut first = s.connect();
    first.send(http::get("/", &[]));
    good.wait_for_requests(1);
    // One request is being repeated, and that is all there may be.
    let second = s.get("/");
    assert_eq!((second.status, second.text().as_str()), (503, "first"), "the reply itself is the answer");
    s.wait_for_log("\"retry_budget\" is spent");
    go.send(()).expect("the origin");
    assert_eq!(first.response().text(), "second");
    // Its end gives the budget back.
    let mut third = s.connect();
    third.send(http::get("/", &[]));
    good.wait_for_requests(2);
    go.send(()).expect("the origin");
    assert_eq!(third.response().text(), "second");
}

#[test]
fn a_streamed_body_that_is_too_large_to_be_kept_is_not_sent_again_and_the_log_says_so() {
    if !is_headwater() {
        return; // nginx keeps nothing
    }
    let bad = Origin::each(|talk| {
        talk.request_head();
        talk.exactly(100_000);
        talk.send("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
    });
    let good = Origin::always(http::ok("second"));
    let s = group(bad.addr(), good.addr(), "proxy_request_buffering off; proxy_next_upstream http_503;");
    let body = "x".repeat(100_000);
    let request = format!("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert_eq!(s.connect().ask(request).status, 503);
    s.wait_for_log("too much of its body has been passed on to be kept");
    assert_eq!(good.connections(), 0);
}

#[test]
fn a_connection_is_given_up_before_the_time_its_peer_said_is_over() {
    if !is_headwater() {
        return; // nginx does not look at Keep-Alive
    }
    let origin = Origin::always(http::reply("200 OK", &["Keep-Alive: timeout=1"], b"once"));
    let s = Server::locations("location / { proxy_pass http://%%ORIGIN%%; }").with("ORIGIN", origin.addr());
    let s = s.start();
    assert_eq!(s.get("/").text(), "once");
    // Of its own accord: the origin does not close, and keepalive_timeout is a minute.
    origin.wait_for_closed(1);
}

#[test]
fn the_log_says_how_old_a_kept_connection_was_that_died() {
    if !is_headwater() {
        return;
    }
    let origin = Origin::each(|talk| {
        talk.request();
        talk.send(http::ok("first"));
        talk.request_head();
    });
    let s = group(origin.addr(), origin.addr(), "");
    assert_eq!(s.get("/").text(), "first");
    assert_eq!(s.get("/").text(), "first", "sent once more");
    let line = s.wait_for_log("upstream prematurely closed connection");
    assert!(line.contains("[info]") && line.contains(", kept connection: request 2, "), "{line}");
}

#[test]
fn a_line_says_which_failures_count() {
    if !is_headwater() {
        return; // nginx counts what next_upstream leads on from
    }
    let bad = Origin::always(http::reply("500 Internal Server Error", &[], b"first"));
    let good = Origin::always(http::ok("second"));
    for (fail_on, want) in [("", ["first", "first"]), ("fail_on=error,http_500", ["first", "second"])] {
        let text = format!(
            "upstream u {{ server %%FIRST%% {fail_on}; server %%SECOND%% backup; }}
             server {{ listen 127.0.0.1:%%PORT_0%%; location / {{ proxy_pass http://u; }} }}"
        );
        let s = Server::http(&text).with("FIRST", bad.addr()).with("SECOND", good.addr()).start();
        // The reply is passed on: next_upstream says nothing of 500.
        assert_eq!([s.get("/").text(), s.get("/").text()], want, "{fail_on}");
    }
    let wrong = Server::http("upstream u { server 127.0.0.1:1 fail_on=http_400; }").refusal();
    assert!(wrong.contains("invalid parameter \"fail_on=http_400\""), "{wrong}");
}
