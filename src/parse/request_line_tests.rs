//! Tests of the request line: a table of good and bad lines, each cut at every byte.

use super::*;

/// Parses whole, then with every single cut, then byte by byte; all must agree.
fn parse(text: &[u8]) -> Result<RequestLine, Bad> {
    let run = |cuts: &[usize]| {
        let mut line = RequestLine::default();
        for &cut in cuts {
            match line.parse(&text[..cut]) {
                Ok(Step::Again) => continue,
                Ok(Step::Done) => return Ok(line),
                Err(bad) => return Err(bad),
            }
        }
        panic!("{:?} is not complete", text.escape_ascii().to_string());
    };
    let whole = run(&[text.len()]);
    for cut in 0..text.len() {
        assert_eq!(run(&[cut, text.len()]), whole, "cut at {cut} of {}", text.escape_ascii());
    }
    assert_eq!(run(&(0..=text.len()).collect::<Vec<_>>()), whole);
    whole
}

fn good(text: &str) -> (RequestLine, &[u8]) {
    match parse(text.as_bytes()) {
        Ok(line) => (line, text.as_bytes()),
        Err(bad) => panic!("{text:?}: {bad}"),
    }
}

#[test]
fn an_ordinary_line_gives_its_parts() {
    let (line, buf) = good("GET /images/logo.png?v=1&w=2 HTTP/1.1\r\nHost: x\r\n");
    assert_eq!(line.method, Method::Get);
    assert_eq!(line.form, Form::Origin);
    assert_eq!(line.line.of(buf), b"GET /images/logo.png?v=1&w=2 HTTP/1.1");
    assert_eq!(line.uri.of(buf), b"/images/logo.png?v=1&w=2");
    assert_eq!(line.path.of(buf), b"/images/logo.png");
    assert_eq!(line.args.map(|a| a.of(buf)), Some(&b"v=1&w=2"[..]));
    assert_eq!(line.extension.of(buf), b"png");
    assert_eq!(line.version(), 1001);
    assert!(!line.complex && !line.quoted && !line.plus);
    assert_eq!(&buf[line.pos()..], b"Host: x\r\n");
}

#[test]
fn every_named_method_is_recognised_and_others_are_unknown() {
    for (name, method) in Method::NAMED {
        assert_eq!(Method::from_name(name.as_bytes()), method);
        assert_eq!(method.name(), name);
        if method != Method::Connect {
            assert_eq!(good(&format!("{name} / HTTP/1.0\n")).0.method, method);
        }
    }
    let (line, buf) = good("M-SEARCH_X / HTTP/1.1\n");
    assert_eq!((line.method, line.method_name.of(buf)), (Method::Unknown, &b"M-SEARCH_X"[..]));
}

#[test]
fn paths_that_need_normalising_are_marked() {
    for path in ["//", "/a//b", "/.", "/./a", "/..", "/.htaccess", "/%41", "/a%", "/a#b", "/a?b#c"] {
        assert!(good(&format!("GET {path} HTTP/1.1\r\n")).0.complex, "{path}");
    }
    for path in ["/", "/a.b", "/a/b/", "/a?//", "/a?/../%41", "/a+b", "/\u{e9}", "/a.b.c"] {
        assert!(!good(&format!("GET {path} HTTP/1.1\r\n")).0.complex, "{path}");
    }
    let (line, buf) = good("GET /a.b/c?x#y HTTP/1.1\r\n");
    assert_eq!(line.args.map(|a| a.of(buf)), Some(&b"x"[..]));
    assert_eq!(line.extension.of(buf), b"");
    assert!(good("GET /a+b HTTP/1.1\r\n").0.plus);
    assert_eq!(good("GET /a? HTTP/1.1\r\n").0.args.map(Span::len), Some(0));
}

#[test]
fn absolute_targets_give_schema_host_and_port() {
    let rows: [(&str, &str, &str, &str, &str, bool); 7] = [
        ("http://a.b/c", "http", "a.b", "", "/c", false),
        ("http://a.b:80/c?d", "http", "a.b", "80", "/c?d", false),
        ("HTTPS://a.b:/", "HTTPS", "a.b", "", "/", false),
        ("http://a.b", "http", "a.b", "", "/", false),
        ("http://a.b:8080", "http", "a.b", "8080", "/", false),
        ("http://a.b?c=d", "http", "a.b", "", "?c=d", true),
        ("http://[::1]:80/", "http", "[::1]", "80", "/", false),
    ];
    for (target, schema, host, port, uri, empty) in rows {
        let text = format!("GET {target} HTTP/1.1\r\n");
        let (line, buf) = good(&text);
        let got = [line.schema, line.host, line.port, line.uri].map(|s| s.of(buf));
        assert_eq!(got, [schema, host, port, uri].map(str::as_bytes), "{target}");
        assert_eq!((line.form, line.empty_path, line.complex), (Form::Absolute, empty, empty), "{target}");
    }
}

#[test]
fn authority_and_asterisk_belong_to_one_method_each() {
    let (line, buf) = good("CONNECT example.com:443 HTTP/1.1\r\n");
    assert_eq!(
        (line.form, line.host.of(buf), line.port.of(buf)),
        (Form::Authority, &b"example.com"[..], &b"443"[..])
    );
    let (line, buf) = good("OPTIONS * HTTP/1.1\r\n");
    assert_eq!((line.form, line.uri.of(buf)), (Form::Asterisk, &b"*"[..]));
    for bad in ["GET *", "CONNECT /", "CONNECT example.com", "CONNECT example.com:", "OPTIONS *x", "GET a:80"]
    {
        assert_eq!(parse(format!("{bad} HTTP/1.1\r\n").as_bytes()), Err(Bad::InvalidRequest), "{bad}");
    }
}

#[test]
fn lenient_spacing_and_line_ends_are_those_of_nginx() {
    let (line, buf) = good("\r\n\n\r\nGET /  HTTP/1.1 \n");
    assert_eq!(line.line.of(buf), b"GET /  HTTP/1.1 ");
    assert_eq!(good("GET   / HTTP/1.0  \r\n").0.version(), 1000);
    assert_eq!(good("GET /\n").0.version(), 9);
    assert_eq!(good("GET / \r\n").0.version(), 9);
    assert_eq!(good("GET / HTTP/1.12\r\n").0.version(), 1012);
}

#[test]
fn malformed_lines_are_refused_with_the_right_reason() {
    let rows: &[(&[u8], Bad)] = &[
        (b"get / HTTP/1.1\r\n", Bad::InvalidMethod),
        (b"\x16\x03\x01", Bad::InvalidMethod),
        (b" GET / HTTP/1.1\r\n", Bad::InvalidMethod),
        (b"GET\r\n", Bad::InvalidMethod),
        (b"GET\t/ HTTP/1.1\r\n", Bad::InvalidMethod),
        (b"GET \r\n", Bad::InvalidRequest),
        (b"POST /\r\n", Bad::Invalid09Method),
        (b"GET / HTTP/2.0\r\n", Bad::InvalidVersion),
        (b"GET / HTTP/10.0\r\n", Bad::InvalidVersion),
        (b"GET / HTTP/0.9\r\n", Bad::InvalidRequest),
        (b"GET / HTTP/1\r\n", Bad::InvalidRequest),
        (b"GET / HTTP/1.\r\n", Bad::InvalidRequest),
        (b"GET / HTTP/1.1111\r\n", Bad::InvalidRequest),
        (b"GET / HTTP/1.1x\r\n", Bad::InvalidRequest),
        (b"GET / http/1.1\r\n", Bad::InvalidRequest),
        (b"GET / b HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET /\ta HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET /a\0b HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET /a\x7f HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET /a\rb HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET / HTTP/1.1\r\r\n", Bad::InvalidRequest),
        (b"GET a HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET http:/a HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET http:///a HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET http://u@h/ HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET http://h:8x/ HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET http://[::1/ HTTP/1.1\r\n", Bad::InvalidRequest),
        (b"GET http://h#x HTTP/1.1\r\n", Bad::InvalidRequest),
    ];
    for (text, bad) in rows {
        assert_eq!(parse(text), Err(*bad), "{}", text.escape_ascii());
    }
    assert_eq!(Bad::InvalidVersion.status(), 505);
}

#[test]
fn a_line_may_move_to_another_window() {
    let text = b"\r\nGET /a.b?c HTTP/1.1\r\n";
    let mut line = RequestLine::default();
    assert_eq!(line.parse(&text[..9]), Ok(Step::Again));
    line.rebase(2);
    assert_eq!(line.parse(&text[2..]), Ok(Step::Done));
    let mut other = RequestLine::default();
    assert_eq!(other.parse(&text[2..]), Ok(Step::Done));
    assert_eq!(line, other);
    let mut shifted = RequestLine::default();
    assert_eq!(shifted.parse(text), Ok(Step::Done));
    shifted.rebase(2);
    assert_eq!(shifted, other);
}
