//! The kit tests itself, without a server: what the client and the origin say of each other.

use std::collections::HashSet;

use crate::kit::origin::{Refusing, Unanswering};
use crate::kit::{Act, Client, Origin, Port, http};

#[test]
fn no_port_is_handed_out_twice() {
    let ports: Vec<Port> = (0..200).map(|_| Port::take()).collect();
    let numbers: HashSet<u16> = ports.iter().map(Port::number).collect();
    assert_eq!(numbers.len(), ports.len());
}

#[test]
fn the_client_finds_the_end_of_pipelined_responses() {
    let origin = Origin::acts([
        Act::Reply(http::ok("one")),
        Act::Reply(http::chunked(&["t", "wo"])),
        Act::CloseAfter(b"HTTP/1.1 200 OK\r\n\r\nthree".to_vec()),
    ]);
    let mut c = Client::connect(origin.addr());
    c.send(http::get("/", &[]).repeat(3));
    assert_eq!(c.response().text(), "one");
    assert_eq!(c.response().text(), "two");
    let last = c.response();
    assert_eq!((last.text().as_str(), last.framing), ("three", http::Framing::UntilClose));
    c.expect_close();
    assert_eq!(origin.requests().len(), 3);
    assert_eq!(origin.connections(), 1);
}

#[test]
fn a_body_cut_short_is_not_complete() {
    let mut reply = http::ok("0123456789");
    reply.truncate(reply.len() - 3);
    let origin = Origin::acts([Act::CloseAfter(reply)]);
    let r = Client::connect(origin.addr()).get("/");
    assert_eq!((r.text().as_str(), r.complete), ("0123456", false));
}

#[test]
fn pieces_arrive_one_by_one() {
    let origin = Origin::each(|talk| {
        let mut sizes = Vec::new();
        for _ in 0..4 {
            sizes.extend(talk.some().map(|piece| piece.len().to_string()));
        }
        talk.send(http::ok(&sizes.join(" ")));
    });
    let mut c = Client::connect(origin.addr());
    c.send_pieces(&["a", "bc", "def", "ghij"]);
    assert_eq!(c.response().text(), "1 2 3 4");
}

#[test]
fn the_origin_records_heads_and_bodies() {
    let origin = Origin::always(http::ok(""));
    let mut c = Client::connect(origin.addr());
    c.ask(http::request("POST", "/form", &["X-Test: yes"], b"a=1"));
    c.ask("PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    let seen = origin.wait_for_requests(2);
    assert_eq!((seen[0].line(), seen[0].header("x-test")), ("POST /form HTTP/1.1", Some("yes")));
    assert_eq!(seen[0].body, b"a=1");
    assert_eq!(seen[1].body, b"abcde");
}

#[test]
fn misbehaving_origins_misbehave() {
    let origin =
        Origin::acts([Act::ResetAfter(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec())]);
    let r = Client::connect(origin.addr()).get("/");
    assert_eq!((r.text().as_str(), r.complete), ("half", false));
    origin.wait_for_closed(1);

    let origin = Origin::closes_at_once();
    Client::connect(origin.addr()).expect_close();

    let origin = Origin::acts([Act::StallAfter(Vec::new())]);
    let mut c = Client::connect(origin.addr());
    c.send(http::get("/", &[]));
    origin.wait_for_requests(1);
    c.expect_quiet();

    let nobody = Refusing::new();
    let refused = std::net::TcpStream::connect(nobody.addr());
    assert!(refused.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionRefused));

    let deaf = Unanswering::new();
    let hanging = std::net::TcpStream::connect_timeout(&deaf.addr(), std::time::Duration::from_millis(50));
    assert!(hanging.is_err_and(|e| e.kind() == std::io::ErrorKind::TimedOut));
}

#[test]
fn an_origin_ends_with_its_connections_open() {
    let origin = Origin::each(|talk| drop(talk.read_to_end()));
    let mut c = Client::connect(origin.addr());
    c.send("never answered").wait_until_read();
    drop(origin);
    c.expect_close();
}
