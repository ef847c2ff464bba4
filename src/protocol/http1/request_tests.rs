//! Requests as they are written.

use super::Http1;
use crate::buf::Slice;
use crate::protocol::bench::{Asking, configure, say};
use crate::protocol::{Body, Fault};

/// What is written for a request that `change` made, with CR taken away.
fn said(directives: &str, change: impl FnOnce(&mut Asking)) -> String {
    let configured = configure::<Http1>(directives).unwrap();
    let mut asking = Asking::get("/a", &configured);
    change(&mut asking);
    let (head, body) = say(&configured, &mut asking).unwrap();
    let head = String::from_utf8(head).unwrap().replace('\r', "");
    if body { head + "BODY" } else { head }
}

fn slice(text: &str) -> Slice {
    Slice::copy(text.as_bytes())
}

#[test]
fn a_plain_request_has_a_line_and_a_host() {
    assert_eq!(said("", |_| {}), "GET /a HTTP/1.1\nHost: peer\n\n");
    let old = said("proxy_http_version 1.0;", |_| {});
    assert_eq!(old, "GET /a HTTP/1.0\nHost: peer\nConnection: close\n\n");
}

#[test]
fn the_target_follows_the_directive() {
    // uri of the directive, location, path, must_escape, args, unparsed
    type Row<'a> = (Option<&'a str>, &'a str, &'a str, bool, &'a str, Option<&'a str>, &'a str);
    let rows: [Row; 8] = [
        (None, "/a/", "/a/ b", true, "c", Some("/a/%20b?c"), "/a/%20b?c"),
        (None, "/a/", "/a/ b", true, "c", None, "/a/%20b?c"),
        (Some("/z/"), "/a/", "/a/ b", true, "c", Some("/a/%20b?c"), "/z/%20b?c"),
        (Some("/z"), "/a", "/a", false, "", Some("/a"), "/z"),
        (Some("/"), "/a/", "/a/x\n", false, "", Some("/a/x%0A"), "/x%0A"),
        (Some("/z?q="), "/a/", "/a/b", false, "", None, "/z?q=b"),
        (Some("/z/"), "/longer/than/path", "/a", false, "", None, "/z/"),
        (Some(""), "", "/a", false, "", None, "/a"),
    ];
    for (uri, location, path, must_escape, args, unparsed, want) in rows {
        let text = said("", |r| {
            r.target.uri = uri.map(slice);
            r.target.location = slice(location);
            (r.uri, r.args, r.must_escape) = (slice(path), slice(args), must_escape);
            r.unparsed_uri = unparsed.map(slice);
        });
        assert_eq!(text.lines().next(), Some(&*format!("GET {want} HTTP/1.1")));
    }
}

#[test]
fn a_path_rewritten_in_its_location_goes_as_it_is() {
    let text = said("", |r| {
        (r.target.uri, r.target.location) = (Some(slice("/z/")), slice("/a/"));
        (r.uri, r.args, r.must_escape) = (slice("/x/a?b"), slice("c"), true);
        (r.unparsed_uri, r.rewritten_in_place) = (None, true);
    });
    assert_eq!(text.lines().next(), Some("GET /x/a%3Fb?c HTTP/1.1"));
}

#[test]
fn a_target_from_variables_is_taken_whole_and_cannot_break_the_line() {
    let text = said("", |r| {
        r.target.complete = true;
        r.target.uri = Some(slice("/x y HTTP/1.1\r\nHost: evil\r\n\r\n"));
        r.args = slice("not=used");
    });
    assert_eq!(text, "GET /x%20y%20HTTP/1.1%0D%0AHost:%20evil%0D%0A%0D%0A HTTP/1.1\nHost: peer\n\n");
    let text = said("", |r| r.target.complete = true);
    assert_eq!(text, "GET /a HTTP/1.1\nHost: peer\n\n");
}

#[test]
fn fields_of_the_connection_stay_behind() {
    let text = said("", |r| {
        for (name, value) in [
            ("Host", "client"),
            ("Connection", "close, X-Hop, TE"),
            ("X-Hop", "1"),
            ("Keep-Alive", "1"),
            ("TE", "trailers"),
            ("Upgrade", "h2c"),
            ("Proxy-Connection", "x"),
            ("Trailer", "x"),
            ("Expect", "100-continue"),
            ("Transfer-Encoding", "chunked"),
            ("Content-Length", "77"),
            ("X-End", "2"),
            ("Cookie", "a"),
        ] {
            r.fields.push((slice(name), slice(value)));
        }
    });
    assert_eq!(text, "GET /a HTTP/1.1\nHost: peer\nX-End: 2\nCookie: a\n\n");
}

#[test]
fn a_websocket_goes_through_without_configuration_and_nothing_else_does() {
    let offers = |directives: &str, offer: &str, connection: &str, change: fn(&mut Asking)| {
        let text = said(directives, |r| {
            r.fields.push((slice("Upgrade"), slice(offer)));
            r.fields.push((slice("Connection"), slice(connection)));
            r.http_version = 1001;
            change(r);
        });
        text.contains("Upgrade: ") && text.contains("\nConnection: upgrade\n")
    };
    assert!(offers("", "WebSocket", "keep-alive, Upgrade", |_| {}));
    assert!(!offers("", "h2c", "upgrade", |_| {}));
    assert!(offers("proxy_upgrade websocket foo/2;", "foo/2", "upgrade", |_| {}));
    assert!(!offers("proxy_upgrade off;", "websocket", "upgrade", |_| {}));
    assert!(!offers("proxy_http_version 1.0;", "websocket", "upgrade", |_| {}));
    assert!(!offers("proxy_set_header Connection '';", "websocket", "upgrade", |_| {}));
    assert!(!offers("", "websocket", "close", |_| {}), "Connection has to say it");
    assert!(!offers("", "websocket, h2c", "upgrade", |_| {}), "one protocol");
    assert!(!offers("", "websocket", "upgrade", |r| r.http_version = 1000));
    assert!(!offers("", "websocket", "upgrade", |r| r.method = slice("POST")));
    assert!(!offers("", "websocket", "upgrade", |r| r.body = Body::Length(1)));
    assert!(!offers("", "websocket", "upgrade", |r| r.fields.push((slice("Upgrade"), slice("h2c")))));
}

#[test]
fn set_fields_replace_the_clients_and_empty_ones_are_not_sent() {
    let directives = "proxy_set_header host $host; proxy_set_header X-A $none; proxy_set_header X-B '1\r\n2';
                      proxy_set_header X-B 3; proxy_set_header Accept-Encoding '';";
    let text = said(directives, |r| {
        r.variables.insert(b"host".to_vec(), slice("front"));
        for name in ["x-a", "X-B", "accept-encoding", "X-C"] {
            r.fields.push((slice(name), slice("client's")));
        }
    });
    assert_eq!(text, "GET /a HTTP/1.1\nhost: front\nX-B: 1  2\nX-B: 3\nX-C: client's\n\n");
}

#[test]
fn the_body_is_framed_by_what_is_sent() {
    let body = |directives: &str, body: Body| {
        let text = said(directives, |r| {
            r.body = body;
            r.fields.push((slice("Content-Length"), slice("99")));
        });
        text.split_once("Host: peer\n").unwrap().1.to_owned()
    };
    assert_eq!(body("", Body::None), "\n");
    assert_eq!(body("", Body::Length(0)), "Content-Length: 0\n\n");
    assert_eq!(body("", Body::Length(5)), "Content-Length: 5\n\nBODY");
    assert_eq!(body("", Body::Chunked), "Transfer-Encoding: chunked\n\nBODY");
    assert_eq!(body("proxy_set_header Content-Length '';", Body::Length(5)), "\n");
    assert_eq!(body("proxy_set_header Content-Length 7;", Body::Length(5)), "Content-Length: 5\n\nBODY");
    assert_eq!(body("proxy_set_header Transfer-Encoding x;", Body::Length(5)), "Content-Length: 5\n\nBODY");
    assert_eq!(body("proxy_set_body set$none;", Body::Length(5)), "Content-Length: 3\n\nset");
    assert_eq!(body("proxy_set_body set;", Body::Chunked), "Content-Length: 3\n\nset");
}

#[test]
fn a_body_without_length_may_stream_only_where_it_can_be_framed() {
    for (directives, plain, chunked) in
        [("", true, true), ("proxy_http_version 1.0;", true, false), ("proxy_set_body x;", false, false)]
    {
        let configured = configure::<Http1>(directives).unwrap();
        let may = |chunked| configured.kind.may_stream(&configured.location, chunked);
        assert_eq!((may(false), may(true)), (plain, chunked), "{directives}");
    }
}

#[test]
fn trailers_are_asked_for_where_the_client_wants_them() {
    let te = |r: &mut Asking| r.fields.push((slice("TE"), slice("deflate, trailers")));
    assert!(said("proxy_pass_trailers on;", te).ends_with("TE: trailers\nConnection: TE\n\n"));
    assert!(!said("", te).contains("TE"));
    assert!(!said("proxy_pass_trailers on;", |_| {}).contains("TE"));
}

#[test]
fn the_method_can_be_replaced_by_another_method_only() {
    assert!(said("proxy_method POST;", |_| {}).starts_with("POST /a HTTP/1.1\n"));
    let configured = configure::<Http1>("proxy_method $m;").unwrap();
    let mut asking = Asking::get("/", &configured).variable("m", "GET / HTTP/1.1\r\nX:");
    assert!(matches!(say(&configured, &mut asking), Err(Fault::Internal(_))));
}

#[test]
fn names_that_are_no_field_names_are_refused() {
    for name in ["'a b'", "'a\nb'", "a:", "''"] {
        let error = configure::<Http1>(&format!("proxy_set_header {name} x;")).err().unwrap();
        assert!(error.to_string().contains("invalid header name"), "{error}");
    }
}
