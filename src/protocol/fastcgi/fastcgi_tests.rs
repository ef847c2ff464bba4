//! FastCGI: requests record by record, and replies in records of every shape, cut everywhere.

use super::record::{END_REQUEST, STDERR, STDOUT};
use super::{FastCgi, FastCgiLocation, script};
use crate::buf::{Chain, Slice};
use crate::protocol::bench::{Asking, End, Heard, configure, every_cut, hear, say};
use crate::protocol::out::wrap;
use crate::protocol::{Body, Fault, Out};
use proptest::prelude::*;

fn record(kind: u8, content: &[u8], padding: u8) -> Vec<u8> {
    let [high, low] = (content.len() as u16).to_be_bytes();
    let head = [1, kind, 0, 1, high, low, padding, 0];
    [&head, content, &vec![b'p'; usize::from(padding)]].concat()
}

/// A reply: output in pieces, each a record with padding, then the end.
fn reply(pieces: &[&str]) -> Vec<u8> {
    let records =
        pieces.iter().enumerate().flat_map(|(n, text)| record(STDOUT, text.as_bytes(), n as u8 % 3));
    records.chain(record(STDOUT, b"", 0)).chain(record(END_REQUEST, &[0; 8], 5)).collect()
}

fn asked(directives: &str, method: &str, reply: &[u8]) -> Heard {
    let configured = configure::<FastCgi>(directives).unwrap();
    let mut asking = Asking::get("/", &configured);
    asking.method = method.to_owned().into();
    every_cut(&configured, &asking, reply).unwrap_or_else(|error| panic!("{}: {error}", reply.escape_ascii()))
}

const KEEP: &str = "fastcgi_keep_conn on;";

#[test]
fn a_request_is_begun_described_and_ended() {
    let configured = configure::<FastCgi>("fastcgi_param A $a; fastcgi_keep_conn on;").unwrap();
    let (bytes, body) = say(&configured, &mut Asking::get("/", &configured).variable("a", "x")).unwrap();
    let parts: [&[u8]; 6] = [
        b"\x01\x01\0\x01\0\x08\0\0\0\x01\x01\0\0\0\0\0",
        b"\x01\x04\0\x01\0\x04\x04\0\x01\x01Ax",
        b"\0\0\0\0",
        b"\x01\x04\0\x01\0\0\0\0",
        b"\x01\x05\0\x01\0\0\0\0",
        b"",
    ];
    assert_eq!((bytes.escape_ascii().to_string(), body), (parts.concat().escape_ascii().to_string(), false));
}

#[test]
fn long_parameters_take_several_records() {
    let configured = configure::<FastCgi>("fastcgi_param NAME $a;").unwrap();
    let mut asking = Asking::get("/", &configured).variable("a", &"x".repeat(100_000));
    let (bytes, _) = say(&configured, &mut asking).unwrap();
    assert_eq!(&bytes[16..24], b"\x01\x04\0\x01\xff\xf8\0\0");
    assert_eq!(&bytes[24..33], b"\x04\x80\x01\x86\xa0NAME");
    // 100 009 bytes in all, of which 65 528 are in the first record.
    assert_eq!(&bytes[24 + 65528..][..8], b"\x01\x04\0\x01\x86\xb1\x07\0");
}

#[test]
fn a_body_is_put_into_records() {
    let configured = configure::<FastCgi>("").unwrap();
    for body in [Body::Length(5), Body::Chunked] {
        let mut asking = Asking { body, ..Asking::get("/", &configured) };
        let mut out = Out::new();
        configured.kind.create_request(&mut asking, &configured.location, &mut out).unwrap();
        let mut body = Chain::of(Slice::from("hello"));
        let wrapped = wrap(out.wrapping().unwrap(), &mut body, true).gather().unwrap();
        assert_eq!(wrapped, b"\x01\x05\0\x01\0\x05\x03\0hello\0\0\0\x01\x05\0\x01\0\0\0\0");
    }
    assert!(configured.kind.may_stream(&configured.location, true));
}

#[test]
fn a_head_split_over_records_is_one_head() {
    let text = "Status: 404 No Way\r\nX-Some: value\r\n\r\nbody\n";
    for at in (0..=text.len()).step_by(4) {
        let (front, back) = text.split_at(at);
        let heard = asked(KEEP, "GET", &reply(&[front, back]).replace_empty());
        assert_eq!((heard.end, heard.head.status, heard.reusable), (End::Framed, 404, true), "{at}");
        assert_eq!(
            (&heard.body[..], heard.head.get("x-some").unwrap().escape_ascii().to_string()),
            (&b"body\n"[..], "value".into())
        );
    }
    let each: Vec<&str> = text.split_inclusive(|_| true).collect();
    assert_eq!(asked(KEEP, "GET", &reply(&each)).body, b"body\n");
}

/// An empty record of output would be its end, so a piece without bytes is none.
trait ReplaceEmpty {
    fn replace_empty(self) -> Vec<u8>;
}

impl ReplaceEmpty for Vec<u8> {
    fn replace_empty(self) -> Vec<u8> {
        let empty = [1, STDOUT, 0, 1, 0, 0];
        let mut rest = &self[..];
        let mut kept = Vec::new();
        while rest.len() >= 8 {
            let length = 8 + usize::from(u16::from_be_bytes([rest[4], rest[5]])) + usize::from(rest[6]);
            let (one, others) = rest.split_at(length);
            if !one.starts_with(&empty) {
                kept.extend_from_slice(one);
            }
            rest = others;
        }
        kept
    }
}

#[test]
fn the_end_is_a_record_or_behind_the_output_the_close() {
    let text = reply(&["A: b\r\n\r\n", "x"]);
    for (directives, reusable) in [("", false), (KEEP, true)] {
        let heard = asked(directives, "GET", &text);
        assert_eq!((heard.end, heard.reusable, heard.left_over), (End::Framed, reusable, 0));
    }
    let cut = &text[..text.len() - 21];
    let heard = asked(KEEP, "GET", cut);
    assert_eq!((heard.end, heard.reusable), (End::Closed, false));
    assert_eq!(asked("", "GET", &cut[..cut.len() - 1]).end, End::Cut);
    assert_eq!(asked("", "GET", &text[..text.len() - 30]).end, End::Cut);
}

#[test]
fn the_length_that_was_told_must_be_there_and_no_more() {
    let heard = asked(KEEP, "GET", &reply(&["Content-Length: 2\r\n\r\nhi ", "there"]));
    assert_eq!((heard.end, &heard.body[..], heard.notes.len()), (End::Framed, &b"hi"[..], 1));
    let heard = asked(KEEP, "GET", &reply(&["Content-Length: 9\r\n\r\nhi"]));
    assert!(matches!(heard.end, End::Fault(Fault::Invalid(_))));
    for (method, head) in [("HEAD", "Content-Length: 2"), ("GET", "Status: 304")] {
        let heard = asked(KEEP, method, &reply(&[head, "\r\n\r\nhi"]));
        assert_eq!((heard.end, &heard.body[..], heard.reusable), (End::Framed, &b""[..], false));
    }
}

#[test]
fn what_is_said_on_stderr_goes_to_the_log() {
    let bytes = [
        record(STDERR, b"PHP message: oops. \n", 4),
        record(STDOUT, b"A: b\r\n", 0),
        record(STDERR, b"once more", 0),
        record(STDERR, b"", 0),
        record(STDOUT, b"\r\nx", 1),
        record(STDERR, b"in the body", 0),
        record(END_REQUEST, &[0; 8], 0),
    ]
    .concat();
    let heard = asked("fastcgi_keep_conn on; fastcgi_catch_stderr body;", "GET", &bytes);
    let notes: Vec<String> = heard.notes.iter().map(ToString::to_string).collect();
    let said = ["PHP message: oops", "once more", "in the body"];
    assert_eq!(notes, said.map(|text| format!("FastCGI sent in stderr: \"{text}\"")));
    assert_eq!((heard.end, &heard.body[..], heard.reusable), (End::Framed, &b"x"[..], true));
    let heard = asked("fastcgi_catch_stderr nope; fastcgi_catch_stderr more;", "GET", &bytes);
    let why = "in stderr what fastcgi_catch_stderr names";
    assert_eq!(heard.end, End::Fault(Fault::Invalid(why)));
}

#[test]
fn what_is_no_reply_is_refused() {
    let no_header = "upstream prematurely closed FastCGI stdout";
    for (bytes, why) in [
        (reply(&["BAD"]), no_header),
        (reply(&[]), no_header),
        (record(END_REQUEST, &[0; 8], 0), "unexpected FastCGI record: 3"),
        (record(9, b"", 0), "invalid FastCGI record type"),
        (b"\x02\x06\0\x01\0\0\0\0".to_vec(), "unsupported FastCGI protocol version"),
        (b"\x01\x06\0\x02\0\0\0\0".to_vec(), "unexpected FastCGI request id"),
        (b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), "unsupported FastCGI protocol version"),
        (reply(&["HTTP/1.1 200 OK\r\n\r\n"]), "invalid header"),
    ] {
        assert_eq!(asked("", "GET", &bytes).end, End::Fault(Fault::Invalid(why)), "{}", bytes.escape_ascii());
    }
}

#[test]
fn a_path_is_a_script_and_what_follows_it() {
    let split = |directives: &str, path: &'static str| {
        let configured = configure::<FastCgi>(directives).unwrap();
        let (name, info) = script(configured.location.get::<FastCgiLocation>(), &Slice::from(path));
        format!("{name} {info}")
    };
    assert_eq!(split("", "/a/"), "/a/ ");
    assert_eq!(split("fastcgi_index i.php;", "/a/"), "/a/i.php ");
    assert_eq!(split("fastcgi_index i.php;", "/a"), "/a ");
    let both = r"fastcgi_index i.php; fastcgi_split_path_info ^(.+\.php)(.*)$;";
    assert_eq!(split(both, "/a.php/b/"), "/a.php /b/");
    assert_eq!(split(both, "/b/"), "/b/i.php ");
    assert!(configure::<FastCgi>("fastcgi_split_path_info ^(.+)$;").is_err());
}

proptest! {
    #[test]
    fn no_reply_makes_it_panic(
        records in proptest::collection::vec(
            (prop_oneof![5 => 6u8..8, 1 => 0u8..12], r"[A: b\r\n]{0,9}", 0u8..9), 0..8),
        flip in proptest::option::of((0usize..64, any::<u8>())),
        cut in 0usize..64,
    ) {
        let configured = configure::<FastCgi>(KEEP).unwrap();
        let mut asking = Asking::get("/", &configured);
        let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new());
        let each = records.iter().flat_map(|(kind, text, n)| record(*kind, text.as_bytes(), *n));
        let mut bytes: Vec<u8> = each.collect();
        if let Some((at, byte)) = flip && at < bytes.len() {
            bytes[at] = byte;
        }
        let (front, back) = bytes.split_at(cut.min(bytes.len()));
        hear(&mut *module.unwrap(), &[front, back], 16);
    }
}
