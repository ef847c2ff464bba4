//! Replies of every kind, cut everywhere.

use super::Http1;
use crate::protocol::bench::{Asking, End, Heard, configure, every_cut, hear, say};
use crate::protocol::{Fault, Framing, Out};
use proptest::prelude::*;

fn asking(method: &str, directives: &str, reply: &[u8]) -> Heard {
    let configured = configure::<Http1>(directives).unwrap();
    let mut asking = Asking::get("/", &configured).variable("http_upgrade", "websocket");
    asking.method = method.to_owned().into();
    every_cut(&configured, &asking, reply).unwrap_or_else(|error| panic!("{}: {error}", reply.escape_ascii()))
}

fn get(reply: &[u8]) -> Heard {
    asking("GET", "", reply)
}

fn fields(heard: &Heard, hops: bool) -> Vec<String> {
    let chosen = heard.head.fields.iter().filter(|field| field.hop == hops);
    chosen.map(|field| format!("{}: {}", field.name.escape_ascii(), field.value.escape_ascii())).collect()
}

#[test]
fn a_body_ends_where_its_framing_says() {
    let rows: [(&[u8], End, &[u8], bool); 9] = [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", End::Framed, b"hello", true),
        (b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", End::Framed, b"", true),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", End::Framed, b"hi", false),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 2\r\n\r\nhi", End::Framed, b"hi", false),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n\r\nto the end", End::Closed, b"to the end", false),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", End::Cut, b"hell", false),
        (b"HTTP/1.1 200 OK\r\nConte", End::Cut, b"", false),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n",
            End::Framed,
            b"hello!",
            true,
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", End::Cut, b"hello", false),
    ];
    for (reply, end, body, reusable) in rows {
        let heard = get(reply);
        assert_eq!(
            (heard.end, &heard.body[..], heard.reusable),
            (end, body, reusable),
            "{}",
            reply.escape_ascii()
        );
    }
}

#[test]
fn some_replies_have_no_body_whatever_they_say() {
    for (method, reply, length) in [
        ("HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", Some(5)),
        ("HEAD", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("GET", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", None),
        ("GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Some(5)),
    ] {
        let heard = asking(method, "", reply.as_bytes());
        assert_eq!((&heard.end, heard.framing, heard.reusable), (&End::Framed, Some(Framing::Empty), true));
        assert_eq!((heard.head.content_length, heard.left_over), (length, 0), "{reply}");
    }
}

#[test]
fn the_words_of_the_status_line_are_kept() {
    for (line, words) in [
        ("200 Fine", "200 Fine"),
        ("404 Not Here ", "404 Not Here"),
        ("200", ""),
        ("200 ", ""),
        ("403.1 x", "403.1 x"),
    ] {
        let heard = get(format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").as_bytes());
        assert_eq!(heard.head.status_line.to_string(), words, "{line}");
    }
}

#[test]
fn fields_keep_their_order_and_those_of_the_connection_are_marked() {
    let heard = get(
        b"HTTP/1.1 200 OK\r\nX-A: 1\r\nConnection: keep-alive, x-b\r\nX-B:2\r\nKeep-Alive: timeout=5\r\n\
                      Set-Cookie: a\r\nset-cookie:\t b \r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(fields(&heard, false), ["X-A: 1", "Set-Cookie: a", "set-cookie: b"]);
    assert_eq!(
        fields(&heard, true),
        ["Connection: keep-alive, x-b", "X-B: 2", "Keep-Alive: timeout=5", "Content-Length: 0"]
    );
    assert!(heard.reusable);
    let heard =
        get(b"HTTP/1.1 426 Upgrade\r\nUpgrade: foo\r\nConnection: upgrade\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(fields(&heard, false), ["Upgrade: foo"]);
    let heard = get(b"HTTP/1.1 404 None\r\nUpgrade: foo\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(fields(&heard, false), [""; 0]);
}

#[test]
fn interim_replies_are_not_the_answer() {
    let early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let heard = get(format!("HTTP/1.1 100 Continue\r\n\r\n{early}{last}").as_bytes());
    assert_eq!((heard.interims, heard.head.status, &heard.body[..]), (vec![100, 103], 200, &b"ok"[..]));
    let early = "HTTP/1.1 103\n\n";
    let sixteen = early.repeat(16);
    assert_eq!(get(format!("{sixteen}{last}").as_bytes()).interims.len(), 16);
    let heard = get(format!("{sixteen}{early}{last}").as_bytes());
    assert_eq!(heard.end, End::Fault(Fault::Invalid("too many interim responses")));
}

#[test]
fn a_protocol_is_switched_only_if_that_was_asked_for() {
    let reply = b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
    let directives = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    let heard = asking("GET", directives, reply);
    assert_eq!((heard.end.clone(), heard.head.upgrade, heard.reusable), (End::Framed, true, false));
    assert_eq!(fields(&heard, false), ["Upgrade: websocket"]);
    let refused = End::Fault(Fault::Invalid("101 although no upgrade was asked for"));
    assert_eq!(get(reply).end, refused);
    assert_eq!(asking("GET", "proxy_set_header Upgrade $http_none;", reply).end, refused);
}

#[test]
fn what_can_be_understood_in_two_ways_is_refused() {
    const HEADER: &str = "invalid header";
    const BOTH: &str = "\"Content-Length\" and \"Transfer-Encoding\" headers at the same time";
    let rows: [(&[u8], &str); 19] = [
        (b"<html>", "no valid HTTP/1.0 header"),
        (b"HTTX/1.1 \0", "no valid HTTP/1.0 header"),
        (b"\r\nHTTP/1.1 200 OK\r\n\r\n", "no valid HTTP/1.0 header"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "no valid HTTP/1.0 header"),
        (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", HEADER),
        (b"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", HEADER),
        (b"HTTP/1.1 200 OK\r\nA(: b\r\n\r\n", HEADER),
        (b"HTTP/1.1 200 OK\r\n: b\r\n\r\n", HEADER),
        (b"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", HEADER),
        (b"HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", HEADER),
        (b"HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n", HEADER),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", BOTH),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "duplicate \"Content-Length\" header",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
            "duplicate \"Content-Length\" header",
        ),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n", "invalid \"Content-Length\" header"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "invalid \"Content-Length\" header"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "unknown \"Transfer-Encoding\""),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            "duplicate \"Transfer-Encoding\" header",
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello", "invalid chunked response"),
    ];
    for (reply, why) in rows {
        let heard = get(reply);
        let End::Fault(Fault::Invalid(said)) = heard.end else {
            panic!("{}: {heard:?}", reply.escape_ascii());
        };
        assert_eq!((said, heard.reusable), (why, false), "{}", reply.escape_ascii());
    }
}

#[test]
fn trailers_are_kept_if_wanted_and_harmless() {
    let reply = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\
                  X-Sum: 7\r\nContent-Length: 9\r\nX-Accel-Redirect: /\r\n\r\n";
    let heard = asking("GET", "proxy_pass_trailers on;", reply);
    let names: Vec<_> = heard.trailers.iter().map(|field| field.name.to_vec()).collect();
    assert_eq!((names, &heard.body[..], heard.reusable), (vec![b"X-Sum".to_vec()], &b"x"[..], true));
    assert!(get(reply).trailers.is_empty());
}

#[test]
fn a_connection_that_was_told_to_close_is_not_used_again() {
    let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert!(!asking("GET", "proxy_http_version 1.0;", reply).reusable);
    assert!(!asking("GET", "proxy_set_header Connection close;", reply).reusable);
    assert!(asking("GET", "proxy_set_header Connection '';", reply).reusable);
}

#[test]
fn a_peer_says_how_long_it_keeps_a_connection() {
    let rows = [("timeout=5, max=100", Some(5), true), ("Timeout=x", None, true), ("max=0", None, false)];
    for (value, idle, reusable) in rows {
        let reply = format!("HTTP/1.1 200 OK\r\nKeep-Alive: {value}\r\nContent-Length: 0\r\n\r\n");
        let heard = get(reply.as_bytes());
        assert_eq!((heard.head.idle_sec, heard.reusable), (idle, reusable), "{value}");
    }
}

#[test]
fn a_head_longer_than_the_page_is_read() {
    let long = "x".repeat(9000);
    let reply = format!("HTTP/1.1 200 OK\r\nA: {long}\r\nB: c\r\nContent-Length: 1\r\n\r\n!");
    let configured = configure::<Http1>("").unwrap();
    let mut asking = Asking::get("/", &configured);
    let module = configured.kind.create_request(&mut asking, &configured.location, &mut Out::new());
    let heard = hear(&mut *module.unwrap(), &reply.as_bytes().chunks(1000).collect::<Vec<_>>(), 4096);
    assert_eq!((heard.end, &heard.body[..]), (End::Framed, &b"!"[..]));
    let longest = heard.head.longest_field().map(|(name, size)| (name.to_vec(), size));
    assert_eq!(longest, Some((b"A".to_vec(), 9001)));
}

proptest! {
    #[test]
    fn no_bytes_panic_and_no_cut_matters(
        start in prop::sample::select(vec![
            "",
            "HTTP/1.1 200 OK\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        ]),
        tail in "(?s-u:[\\x00-\\x7f\\n\\n\\r\\r:: 015a]{0,60})",
        cut in 0usize..90,
    ) {
        let reply = [start.as_bytes(), tail.as_bytes()].concat();
        let configured = configure::<Http1>("").unwrap();
        let module = || {
            let mut asking = Asking::get("/", &configured);
            configured.kind.create_request(&mut asking, &configured.location, &mut Out::new()).unwrap()
        };
        let (front, back) = reply.split_at(cut.min(reply.len()));
        let whole = hear(&mut *module(), &[&reply], 64);
        let parts = hear(&mut *module(), &[front, back], 1);
        prop_assert_eq!(&whole.end, &parts.end);
        prop_assert_eq!(whole.body, parts.body);
        prop_assert_eq!(whole.head.fields, parts.head.fields);
    }

    #[test]
    fn no_request_gets_a_line_it_was_not_meant_to_have(value in ".{0,20}", path in "/[\\x01-\\x7f]{0,20}") {
        let configured = configure::<Http1>("proxy_set_header X-A $a;").unwrap();
        let mut asking = Asking::get(&path, &configured).variable("a", &value).field("B", &value);
        asking.unparsed_uri = None;
        let (head, _) = say(&configured, &mut asking).unwrap();
        let lines: Vec<&[u8]> = head.split(|b| *b == b'\n').collect();
        prop_assert!((5..=6).contains(&lines.len()), "{}", head.escape_ascii());
        prop_assert_eq!(lines[0].split(|b| *b == b' ').count(), 3);
    }
}
