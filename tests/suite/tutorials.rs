//! The modules that the tutorials write, outside the library: on every cut, and as programs.

use crate::corpus::{echo, search};
use crate::kit::server::example;
use crate::kit::{Origin, Server, http};
use headwater::protocol::Protocol;
use headwater::protocol::bench::{Asking, End, Heard, configure, every_cut, say};
use std::io;
use std::net::TcpListener;
use std::thread;

fn heard<P: Protocol>(reply: &str) -> Heard {
    let configured = configure::<P>("").expect("a configuration");
    every_cut(&configured, &Asking::get("/?word", &configured), reply.as_bytes()).expect("no difference")
}

fn said<P: Protocol>(directives: &str, uri: &str) -> String {
    let configured = configure::<P>(directives).expect("a configuration");
    let (bytes, _) = say(&configured, &mut Asking::get(uri, &configured)).expect("a request");
    String::from_utf8(bytes).expect("text")
}

#[test]
fn echo_is_one_line_each_way() {
    assert_eq!(said::<echo::Echo>("", "/?hello%20you"), "hello%20you\n");
    assert_eq!(said::<echo::Echo>("echo_line 'a\nb';", "/"), "a b\n");
    let heard = heard::<echo::Echo>("hello\n");
    assert_eq!((heard.end, &heard.body[..], heard.reusable), (End::Framed, &b"hello\n"[..], true));
}

#[test]
fn echo_runs_as_a_program() {
    let Some(program) = example("echo") else { return };
    let peer = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = peer.local_addr().expect("an address");
    thread::spawn(move || {
        for c in peer.incoming().flatten() {
            thread::spawn(move || io::copy(&mut &c, &mut &c));
        }
    });
    let conf = "location / { echo_pass %%PEER%%; }
                location /greet { echo_line \"hello, $arg_name\"; echo_read_timeout 5s;
                                  echo_pass %%PEER%%; }";
    let s = Server::locations(conf).with("PEER", addr).program(program).start();
    let mut c = s.connect();
    for _ in 0..3 {
        assert_eq!(c.get("/?once").text(), "once\n");
    }
    assert_eq!(c.get("/greet?name=you").text(), "hello, you\n");
}

#[test]
fn search_reads_a_head_line_by_line() {
    let sent = said::<search::Search>("search_url /find?w=;", "/?nginx");
    assert_eq!(sent, "GET /find?w=nginx HTTP/1.0\r\nHost: peer\r\n\r\n");
    let found = heard::<search::Search>("HTTP/1.1 200 OK\r\nX-Some:  thing\r\n\r\nfound it");
    assert_eq!((found.end, found.head.status, &found.body[..]), (End::Closed, 200, &b"found it"[..]));
    assert_eq!(found.head.get("x-some"), Some(&b"thing"[..]));
    for reply in ["oops\r\n", "HTTP/1.1 x\r\n", "HTTP/1.1 200 OK\r\noops\r\n"] {
        assert!(matches!(heard::<search::Search>(reply).end, End::Fault(_)), "{reply}");
    }
}

#[test]
fn search_runs_as_a_program() {
    let Some(program) = example("search") else { return };
    let origin = Origin::always(http::ok("found"));
    let conf = "location / { search_url /find?w=; search_pass %%ORIGIN%%; }";
    let s = Server::locations(conf).with("ORIGIN", origin.addr()).program(program).start();
    assert_eq!(s.get("/?nginx").text(), "found");
    assert_eq!(origin.only_request().line(), "GET /find?w=nginx HTTP/1.0");
}
