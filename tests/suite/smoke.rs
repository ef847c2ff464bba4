//! The server starts, answers, reloads and ends.

use crate::kit::{Origin, Server, http};

#[test]
fn a_return_directive_answers() {
    let s = Server::locations(r#"location / { return 200 "hello\n"; }"#).start();
    let r = s.get("/");
    assert_eq!((r.status, r.text().as_str()), (200, "hello\n"));
    assert_eq!(r.header("Content-Length"), Some("6"));
}

#[test]
fn a_file_below_root_is_served() {
    let s = Server::locations("root html;").file("html/a.txt", "some text").start();
    assert_eq!(s.get("/a.txt").text(), "some text");
    assert_eq!(s.get("/missing").status, 404);
}

#[test]
fn a_request_is_proxied() {
    let origin = Origin::always(http::ok("from the origin"));
    let s = Server::locations("location / { proxy_pass http://%%ORIGIN%%; }")
        .with("ORIGIN", origin.addr())
        .start();
    assert_eq!(s.get("/path?query").text(), "from the origin");
    assert!(origin.only_request().line().starts_with("GET /path?query HTTP/1."));
}

#[test]
fn the_end_on_term_is_as_clean_as_on_quit() {
    let s = Server::locations("return 204;").start();
    assert_eq!(s.get("/").status, 204);
    s.stop("TERM");
}

#[test]
fn an_unknown_directive_is_refused_with_its_place() {
    let refusal = Server::locations("no_such_thing on;").refusal();
    assert!(refusal.contains(r#"unknown directive "no_such_thing""#), "{refusal}");
    assert!(refusal.contains("nginx.conf:8"), "{refusal}");
}
