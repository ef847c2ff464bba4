//! uwsgi: the packet, and replies as uWSGI writes them.

use super::Uwsgi;
use crate::protocol::bench::{Asking, End, configure, every_cut, say};
use crate::protocol::{Body, Fault};

#[test]
fn the_request_is_a_packet() {
    let configured =
        configure::<Uwsgi>("uwsgi_modifier1 5; uwsgi_modifier2 9; uwsgi_param PATH $p;").unwrap();
    let asking = Asking::get("/", &configured).variable("p", "/x").field("A", "b");
    let mut asking = Asking { body: Body::Length(1), ..asking };
    let packet = b"\x05\x15\0\x09\x04\0PATH\x02\0/x\x06\0HTTP_A\x01\0b".to_vec();
    assert_eq!(say(&configured, &mut asking), Ok((packet, true)));
}

#[test]
fn what_a_packet_cannot_hold_is_not_sent() {
    let configured = configure::<Uwsgi>("uwsgi_param A $a;").unwrap();
    let say = |length: usize| {
        let mut asking = Asking::get("/", &configured).variable("a", &"x".repeat(length));
        say(&configured, &mut asking).map(|(bytes, _)| bytes.len())
    };
    assert_eq!(say(65535 - 5), Ok(65535 + 4));
    assert_eq!(say(65536 - 5), Err(Fault::Internal("uwsgi request is too big")));
    assert_eq!(say(70000), Err(Fault::Internal("uwsgi request is too big")));
    assert!(configure::<Uwsgi>("uwsgi_modifier1 256;").is_err());
    assert!(configure::<Uwsgi>("uwsgi_modifier1 1; uwsgi_modifier1 2;").is_err());
}

#[test]
fn replies_begin_with_a_status_line_or_not() {
    let configured = configure::<Uwsgi>("").unwrap();
    for (reply, status) in [
        ("HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nx", 404),
        ("Status: 201\r\n\r\nx", 201),
        ("A: b\r\n\r\nx", 200),
    ] {
        let heard = every_cut(&configured, &Asking::get("/", &configured), reply.as_bytes()).unwrap();
        assert_eq!(
            (heard.head.status, heard.end, &heard.body[..]),
            (status, End::Closed, &b"x"[..]),
            "{reply}"
        );
    }
}
