//! SCGI: what is sent, and replies of gateways cut everywhere.

use super::Scgi;
use crate::protocol::bench::{Asking, End, Heard, configure, every_cut, hear, say};
use crate::protocol::{Body, Fault, Framing, Out};
use proptest::prelude::*;

fn sent(directives: &str, change: impl FnOnce(Asking) -> Asking) -> Result<(String, bool), Fault> {
    let configured = configure::<Scgi>(directives).unwrap();
    let mut asking = change(Asking::get("/", &configured));
    let (bytes, body) = say(&configured, &mut asking)?;
    Ok((String::from_utf8(bytes).unwrap().replace('\0', "|"), body))
}

fn asked(method: &str, reply: &str) -> Heard {
    let configured = configure::<Scgi>("").unwrap();
    let mut asking = Asking::get("/", &configured);
    asking.method = method.to_owned().into();
    every_cut(&configured, &asking, reply.as_bytes()).unwrap_or_else(|error| panic!("{reply}: {error}"))
}

#[test]
fn the_request_is_a_counted_string_and_the_body_follows() {
    let directives = "scgi_param SCGI 1; scgi_param A $a if_not_empty; scgi_param B $b; scgi_param C $c;";
    let text = sent(directives, |asking| Asking { body: Body::Length(5), ..asking }.variable("c", "\u{e9}"));
    assert_eq!(text, Ok(("32:CONTENT_LENGTH|5|SCGI|1|B||C|\u{e9}|,".to_owned(), true)));
    assert_eq!(sent("", |asking| asking), Ok(("17:CONTENT_LENGTH|0|,".to_owned(), false)));
}

#[test]
fn fields_are_parameters_once_each_unless_the_configuration_has_the_name() {
    let fields = |asking: Asking| {
        let pairs =
            [("Foo", "a"), ("X-Blah", "no"), ("foo", "b"), ("Cookie", "c"), ("COOKIE", "d"), ("X-y", "")];
        pairs.iter().fold(asking, |asking, (name, value)| asking.field(name, value))
    };
    let (text, _) = sent("scgi_param HTTP_X_BLAH x;", fields).unwrap();
    assert_eq!(text, "72:CONTENT_LENGTH|0|HTTP_X_BLAH|x|HTTP_FOO|a, b|HTTP_COOKIE|c; d|HTTP_X_Y||,");
    // Even one that is left out because it is empty keeps the client from giving it.
    let (text, _) =
        sent("scgi_param HTTP_FOO $none if_not_empty;", |asking| asking.field("foo", "b")).unwrap();
    assert_eq!(text, "17:CONTENT_LENGTH|0|,");
}

#[test]
fn a_value_cannot_become_two_and_a_length_must_be_known() {
    let refused = sent("scgi_param A $a;", |asking| asking.variable("a", "x\0EVIL\0y"));
    assert_eq!(refused, Err(Fault::Refuse(400)));
    let chunked = sent("", |asking| Asking { body: Body::Chunked, ..asking });
    assert!(matches!(chunked, Err(Fault::Internal(_))));
    assert!(configure::<Scgi>("scgi_param A b if_empty;").is_err());
}

#[test]
fn the_status_comes_in_three_ways() {
    for (head, status, words) in [
        ("Status: 404 Nowhere To Be\r\n", 404, "404 Nowhere To Be"),
        ("Status: 204\n", 204, ""),
        ("Location: /x\r\n", 302, ""),
        ("Location: /x\r\nStatus: 201\r\n", 201, ""),
        ("HTTP/1.1 403 Never\r\nStatus: 200\r\n", 403, "403 Never"),
        ("Content-Type: a/b\r\n", 200, ""),
    ] {
        let heard = asked("GET", &format!("{head}A: b\r\n\r\n"));
        assert_eq!((heard.head.status, &*heard.head.status_line.to_string()), (status, words), "{head}");
        let shown: Vec<_> = heard.head.fields.iter().filter(|field| !field.hop).collect();
        assert!(shown.iter().all(|field| field.name != b"Status"), "{head}");
    }
}

#[test]
fn the_body_ends_at_its_length_or_with_the_connection() {
    let rows = [
        ("GET", "A: b\r\n\r\nto the end", End::Closed, "to the end", Framing::UntilClose),
        ("GET", "Content-Length: 2\r\n\r\nhi", End::Framed, "hi", Framing::Length(2)),
        ("GET", "Content-Length: 3\n\nhi", End::Cut, "hi", Framing::Length(3)),
        ("GET", "Status: 304\r\nContent-Length: 3\r\n\r\n", End::Framed, "", Framing::Empty),
        ("HEAD", "Content-Length: 3\r\n\r\n", End::Framed, "", Framing::Empty),
    ];
    for (method, reply, end, body, framing) in rows {
        let heard = asked(method, reply);
        assert_eq!((heard.end, heard.framing), (end, Some(framing)), "{reply}");
        assert_eq!(heard.body, body.as_bytes());
        assert!(!heard.reusable);
    }
}

#[test]
fn a_head_that_is_none_is_refused() {
    for (reply, why) in [
        ("oops\r\n\r\n", "invalid header"),
        ("HTTP/1.1 x\r\n\r\n", "invalid header"),
        ("Status: many\r\n\r\n", "invalid status"),
        ("Status: 2000\r\n\r\n", "invalid status"),
        ("Content-Length: 1\r\nContent-Length: 1\r\n\r\n", "duplicate \"Content-Length\" header"),
        ("Content-Length: 1x\r\n\r\n", "invalid \"Content-Length\" header"),
    ] {
        assert_eq!(asked("GET", reply).end, End::Fault(Fault::Invalid(why)), "{reply}");
    }
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic(
        reply in r"(HTTP/1\.[01] |Status: |Content-Length: |Location:|[a-z: \r\n\x00-\xff]{0,9}|\r\n){0,8}",
        cut in 0usize..64,
    ) {
        let configured = configure::<Scgi>("").unwrap();
        let mut asking = Asking::get("/", &configured);
        let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new());
        let bytes = reply.as_bytes();
        let (front, back) = bytes.split_at(cut.min(bytes.len()));
        let heard = hear(&mut *module.unwrap(), &[front, back], 16);
        prop_assert!(!heard.reusable);
    }
}
