//! Files from the disk: ranges, conditions, directories, and names that are none.

use crate::kit::{Response, Server, http};

fn files() -> crate::kit::server::Setup {
    Server::locations("root html; location /al/ { alias %%DIR%%/html/sub/; }")
        .file("html/ten.txt", "0123456789")
        .file("html/sub/in.html", "inside")
        .file("html/sub/index.html", "the index")
        .file("html/empty", "")
}

fn with(s: &Server, header: &str) -> Response {
    s.connect().ask(http::get("/ten.txt", &[header]))
}

#[test]
fn a_file_has_type_length_date_and_tag() {
    let s = Server::locations("types { text/x-ten txt; } default_type a/b; root html;")
        .file("html/ten.txt", "0123456789")
        .file("html/other", "")
        .start();
    let r = s.get("/ten.txt");
    assert_eq!((r.header("Content-Type"), r.header("Content-Length")), (Some("text/x-ten"), Some("10")));
    assert_eq!(r.header("Accept-Ranges"), Some("bytes"));
    assert!(r.header("Last-Modified").is_some_and(|d| d.ends_with(" GMT")));
    assert!(
        r.header("ETag").is_some_and(|t| t.starts_with('"') && t.ends_with("-a\"")),
        "{:?}",
        r.header("ETag")
    );
    assert_eq!(s.get("/other").header("Content-Type"), Some("a/b"));
}

#[test]
fn ranges_are_cut_out() {
    let s = files().start();
    for (range, body, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=5-99", "56789", "bytes 5-9/10"),
    ] {
        let r = with(&s, &format!("Range: {range}"));
        assert_eq!(
            (r.status, r.text().as_str(), r.header("Content-Range")),
            (206, body, Some(content_range))
        );
    }
    let r = with(&s, "Range: bytes=10-");
    assert_eq!((r.status, r.header("Content-Range")), (416, Some("bytes */10")));
    assert_eq!(with(&s, "Range: lines=1-2").status, 200);
}

#[test]
fn several_ranges_come_as_parts() {
    let s = files().start();
    let r = with(&s, "Range: bytes=0-1,8-9");
    assert_eq!(r.status, 206);
    let kind = r.header("Content-Type").unwrap_or_default();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").expect("a boundary");
    let text = r.text();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 4, "{text}");
    assert!(parts[1].ends_with("Content-Range: bytes 0-1/10\r\n\r\n01\r\n"), "{:?}", parts[1]);
    assert!(parts[2].ends_with("Content-Range: bytes 8-9/10\r\n\r\n89\r\n"), "{:?}", parts[2]);
    assert_eq!(parts[3], "--\r\n");
}

#[test]
fn conditions_are_honoured() {
    let s = files().start();
    let r = s.get("/ten.txt");
    let (date, tag) = (r.header("Last-Modified").unwrap_or(""), r.header("ETag").unwrap_or(""));
    assert_eq!(with(&s, &format!("If-Modified-Since: {date}")).status, 304);
    assert_eq!(with(&s, "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT").status, 200);
    assert_eq!(with(&s, &format!("If-None-Match: \"x\", {tag}")).status, 304);
    assert_eq!(with(&s, "If-None-Match: \"x\"").status, 200);
    assert_eq!(with(&s, &format!("If-Match: {tag}")).status, 200);
    assert_eq!(with(&s, "If-Match: \"x\"").status, 412);
    assert_eq!(with(&s, "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT").status, 412);
    let stale = s.connect().ask(http::get("/ten.txt", &["If-Range: \"x\"", "Range: bytes=0-0"]));
    assert_eq!(stale.status, 200);
}

#[test]
fn directories_redirect_and_show_their_index() {
    let s = files().start();
    let r = s.get("/sub?a=b");
    let expected = s.url("/sub/?a=b").replace("127.0.0.1", "localhost");
    assert_eq!((r.status, r.header("Location")), (301, Some(expected.as_str())));
    assert_eq!(s.get("/sub/").text(), "the index");
    assert_eq!(s.get("/al/in.html").text(), "inside");
    let forbidden = s.get("/");
    assert_eq!(forbidden.status, 403);
    s.wait_for_log("is forbidden, client: 127.0.0.1");
}

#[test]
fn what_is_not_there_is_404_and_in_the_log() {
    let s = files().start();
    for uri in ["/none", "/ten.txt/x", "/sub/none/"] {
        assert_eq!(s.get(uri).status, 404, "{uri}");
    }
    s.wait_for_log("html/none\" failed (2: No such file or directory), client: 127.0.0.1");
    s.wait_for_log("html/ten.txt/x\" failed (20: Not a directory)");
}

#[test]
fn other_methods_are_not_allowed() {
    let s = files().start();
    assert_eq!(s.connect().ask(http::request("POST", "/ten.txt", &[], b"x")).status, 405);
    assert_eq!(s.connect().ask(http::request("PUT", "/ten.txt", &[], b"x")).status, 405);
    let r = s.connect().ask(http::request("HEAD", "/ten.txt", &[], b""));
    assert_eq!((r.status, r.header("Content-Length")), (200, Some("10")));
}

#[test]
fn a_large_file_arrives_whole_with_and_without_sendfile() {
    let content: Vec<u8> = (0..2_000_000u32).map(|n| (n % 253) as u8).collect();
    for sendfile in ["on", "off"] {
        let conf = format!("root html; sendfile {sendfile};");
        let s = Server::locations(&conf).file("html/large", &content).start();
        let mut c = s.connect();
        for _ in 0..2 {
            assert!(c.get("/large").body == content, "sendfile {sendfile}");
        }
        let r = c.ask(http::get("/large", &["Range: bytes=1000000-1999998"]));
        assert!(r.body == content[1_000_000..1_999_999], "sendfile {sendfile}");
    }
}

#[test]
fn an_empty_file_is_an_empty_answer() {
    let s = files().start();
    let mut c = s.connect();
    let r = c.get("/empty");
    assert_eq!((r.status, r.header("Content-Length"), r.body.len()), (200, Some("0"), 0));
    assert_eq!(c.get("/ten.txt").status, 200);
}
