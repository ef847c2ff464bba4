//! memcached's replies, cut everywhere.

use super::Memcached;
use crate::protocol::bench::{Asking, Configured, End, Heard, configure, every_cut, say};
use crate::protocol::{Body, Fault, Out, bench};
use proptest::prelude::*;

fn asking(configured: &Configured) -> Asking {
    Asking::get("/", configured).variable("memcached_key", "/a b%\r\n\u{e9}")
}

fn hear(reply: &[u8]) -> Heard {
    let configured = configure::<Memcached>("memcached_gzip_flag 2;").unwrap();
    every_cut(&configured, &asking(&configured), reply).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn a_key_is_one_word_of_one_line() {
    let configured = configure::<Memcached>("").unwrap();
    let (sent, body) = say(&configured, &mut asking(&configured)).unwrap();
    assert_eq!((&sent[..], body), ("get /a%20b%25%0D%0A\u{e9}\r\n".as_bytes(), false));
}

#[test]
fn a_request_without_key_or_with_another_method_is_not_sent() {
    let configured = configure::<Memcached>("").unwrap();
    let mut none = Asking::get("/", &configured);
    assert!(matches!(say(&configured, &mut none), Err(Fault::Internal(_))));
    let mut post = Asking { method: "POST".into(), ..asking(&configured) };
    assert_eq!(say(&configured, &mut post).err(), Some(Fault::Refuse(405)));
}

#[test]
fn a_body_is_stored_under_the_key() {
    let configured = configure::<Memcached>("memcached_write on;").unwrap();
    let ask = |method: &str, body: Body| {
        let asking =
            Asking::get("/", &configured).variable("memcached_key", "k").variable("memcached_flags", "2");
        Asking { method: method.to_owned().into(), body, ..asking }.variable("memcached_exptime", "-1")
    };
    for (method, body, sent) in [
        ("PUT", Body::Length(5), "set k 2 -1 5\r\n"),
        ("POST", Body::Length(5), "add k 2 -1 5\r\n"),
        ("PUT", Body::None, "set k 2 -1 0\r\n\r\n"),
        ("DELETE", Body::None, "delete k\r\n"),
    ] {
        let follows = body == Body::Length(5);
        assert_eq!(say(&configured, &mut ask(method, body)), Ok((sent.as_bytes().to_vec(), follows)));
    }
    assert_eq!(say(&configured, &mut ask("PATCH", Body::None)), Err(Fault::Refuse(405)));
    for (name, value) in [("memcached_exptime", "1\r\nget x"), ("memcached_flags", "-1")] {
        let mut asking = ask("PUT", Body::Length(1)).variable(name, value);
        assert_eq!(say(&configured, &mut asking), Err(Fault::Refuse(400)), "{value}");
    }
    let mut asking = ask("PUT", Body::Length(1)).variable("memcached_key", &"k".repeat(251));
    assert_eq!(say(&configured, &mut asking), Err(Fault::Refuse(400)));
    let answers =
        [("STORED", 201), ("NOT_STORED", 409), ("DELETED", 204), ("NOT_FOUND", 404), ("EXISTS", 409)];
    for (answer, status) in answers {
        let heard = every_cut(&configured, &ask("PUT", Body::Length(1)), format!("{answer}\r\n").as_bytes());
        let heard = heard.unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((heard.end, heard.head.status, heard.reusable), (End::Framed, status, true));
    }
    let heard = every_cut(&configured, &ask("PUT", Body::None), b"SERVER_ERROR out of memory\r\n").unwrap();
    assert_eq!(heard.end, End::Fault(Fault::Invalid("invalid response")));
}

#[test]
fn values_come_whole_even_if_they_hold_the_tail() {
    let value = |value: &str, flags: u32| {
        format!("VALUE /a%20b%25%0D%0A\u{e9} {flags} {}\r\n{value}\r\nEND\r\n", value.len()).into_bytes()
    };
    for text in ["", "hello", "\r\nEND\r\n", "\r\nEND\r\r\nEND"] {
        let heard = hear(&value(text, 0));
        assert_eq!((heard.end, heard.head.status, &heard.body[..]), (End::Framed, 200, text.as_bytes()));
        assert!(heard.reusable && heard.head.fields.is_empty());
    }
    let heard = hear(&value("x", 6));
    assert_eq!(heard.head.get("content-encoding"), Some(&b"gzip"[..]));
}

#[test]
fn a_missing_key_is_not_found_and_the_connection_good() {
    let heard = hear(b"END\r\n");
    assert_eq!((heard.end, heard.head.status, heard.reusable), (End::Framed, 404, true));
}

#[test]
fn a_wrong_tail_ends_the_value_and_the_connection() {
    let heard = hear("VALUE /a%20b%25%0D%0A\u{e9} 0 2\r\nhi\r\nENDE\r\n".as_bytes());
    assert_eq!((heard.end, &heard.body[..], heard.reusable), (End::Framed, &b"hi"[..], false));
    assert_eq!(heard.notes.len(), 1);
    let heard = hear("VALUE /a%20b%25%0D%0A\u{e9} 0 2\r\nhi\r\nEN".as_bytes());
    assert_eq!((heard.end, heard.reusable), (End::Cut, false));
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic(
        reply in r"(VALUE |k |END|STORED|[0-9]{0,20}|\r\n|[a-z \x00-\xff]{0,5}){0,12}",
        method in prop_oneof![Just("GET"), Just("PUT")],
        cut in 0usize..64,
    ) {
        let configured = configure::<Memcached>("memcached_write on;").unwrap();
        let asking = Asking::get("/", &configured).variable("memcached_key", "k");
        let mut asking = Asking { method: method.into(), ..asking };
        let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new());
        let (front, back) = reply.as_bytes().split_at(cut.min(reply.len()));
        let heard = bench::hear(&mut *module.unwrap(), &[front, back], 16);
        prop_assert!(!heard.reusable || heard.left_over == 0);
    }
}

#[test]
fn anything_else_is_refused() {
    for (reply, why) in [
        ("ERROR\r\n", "invalid response"),
        ("VALUE other 0 2\r\nhi\r\nEND\r\n", "invalid key in response"),
        ("VALUE /a%20b%25%0D%0A\u{e9} x 2\r\n", "invalid response"),
        ("VALUE /a%20b%25%0D%0A\u{e9} 0 -2\r\n", "invalid length in response"),
        ("VALUE /a%20b%25%0D%0A\u{e9} 0 2 7 8\r\n", "invalid length in response"),
        ("VALUE /a%20b%25%0D%0A\u{e9} 0 99999999999999999999\r\n", "invalid length in response"),
    ] {
        assert_eq!(hear(reply.as_bytes()).end, End::Fault(Fault::Invalid(why)), "{reply}");
    }
}
