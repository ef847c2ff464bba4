//! Bodies changed on their way: charset and sub_filter, alone and on top of each other.

use crate::kit::{Server, http};

#[test]
fn a_charset_is_named_for_the_types_that_are_meant() {
    let s = Server::locations(
        r"types { text/html html; image/gif gif; text/foo foo; } charset utf-8; root html;
          location /foo/ { charset_types text/foo; }
          location /off/ { charset off; }
          location /var/ { charset $arg_c; }",
    )
    .file("html/a.html", "")
    .file("html/a.gif", "")
    .file("html/foo/a.foo", "")
    .file("html/off/a.html", "")
    .file("html/var/a.html", "")
    .start();
    let kind = |uri: &str| s.get(uri).header("Content-Type").unwrap_or_default().to_owned();
    assert_eq!(kind("/a.html"), "text/html; charset=utf-8");
    assert_eq!(kind("/a.gif"), "image/gif");
    assert_eq!(kind("/foo/a.foo"), "text/foo; charset=utf-8");
    assert_eq!(kind("/off/a.html"), "text/html");
    assert_eq!(kind("/var/a.html?c=x"), "text/html; charset=x");
}

fn maps() -> crate::kit::server::Setup {
    Server::http(
        r"charset_map A B { 58 59; }
          charset_map koi8-r utf-8 { C1 D0B0; C2 D0B1; }
          server { listen 127.0.0.1:%%PORT_0%%; root html;
                   location /b/ { alias html/; source_charset A; charset B; }
                   location /utf/ { alias html/; source_charset koi8-r; charset utf-8; }
                   location /koi/ { alias html/; source_charset utf-8; charset koi8-r; }
                   location /no/ { alias html/; source_charset $arg_s; charset utf-8; } }",
    )
}

#[test]
fn bytes_of_one_charset_become_those_of_another() {
    let s = maps()
        .file("html/x.html", "aXbXc")
        .file("html/koi.html", b"a\xc1\xc2")
        .file("html/utf.html", "aаб€")
        .start();
    let mut c = s.connect();
    let r = c.get("/b/x.html");
    assert_eq!((r.text().as_str(), r.header("Content-Length")), ("aYbYc", Some("5")));
    let part = c.ask(http::get("/b/x.html", &["Range: bytes=1-2"]));
    assert_eq!((part.status, part.text().as_str()), (206, "Yb"));
    let r = c.get("/utf/koi.html");
    assert_eq!((r.text().as_str(), r.header("Content-Type")), ("aаб", Some("text/html; charset=utf-8")));
    assert_eq!(c.get("/koi/utf.html").body, b"a\xc1\xc2&#8364;");
    assert_eq!(c.get("/no/x.html?s=unknown").text(), "aXbXc");
    s.wait_for_log("no \"charset_map\" between the charsets \"unknown\" and \"utf-8\"");
}

#[test]
fn charsets_without_a_map_between_them_are_refused() {
    let refusal = Server::locations("source_charset A; charset B;").refusal();
    assert!(refusal.contains("no \"charset_map\" between the charsets \"A\" and \"B\""), "{refusal}");
    let refusal = Server::http("charset_map A a { 58 59; }").refusal();
    assert!(refusal.contains("\"charset_map\" between the same charsets \"A\" and \"a\""), "{refusal}");
    let refusal = Server::http("charset_map A B { 58 5; } charset_map B A { 58 59; }").refusal();
    assert!(refusal.contains("duplicate \"charset_map\" between \"B\" and \"A\""), "{refusal}");
}

#[test]
fn texts_are_replaced_across_the_pieces_of_a_large_file() {
    let body = "0123456foo9".repeat(50_000);
    let s =
        Server::locations("root html; sub_filter foo $arg_r; sub_filter_once off; output_buffers 1 1000;")
            .file("html/a.html", &body)
            .start();
    let r = s.get("/a.html?r=bar!");
    assert_eq!((r.header("Content-Length"), r.header("ETag"), r.header("Last-Modified")), (None, None, None));
    assert!(r.text() == body.replace("foo", "bar!"));
}

#[test]
fn each_text_is_replaced_once_and_only_in_html() {
    let s = Server::locations("root html; sub_filter A x; sub_filter b y; sub_filter_last_modified on;")
        .file("html/a.html", "abAB")
        .file("html/a.txt", "abAB")
        .start();
    let r = s.get("/a.html");
    assert_eq!(r.text(), "xyAB");
    assert!(r.header("Last-Modified").is_some() && r.header("ETag").is_some_and(|tag| tag.starts_with("W/")));
    assert_eq!(s.get("/a.txt").text(), "abAB");
}

#[test]
fn filters_work_on_top_of_each_other() {
    let s = Server::http(
        r"charset_map A B { 58 59; }
          server { listen 127.0.0.1:%%PORT_0%%; root html; source_charset A; charset B;
                   sub_filter aXb XX; gzip on; gzip_min_length 1; add_trailer X-T t; }",
    )
    .file("html/a.html", "..aXb..")
    .start();
    assert_eq!(s.get("/a.html").text(), "..YY..");
    let r = s.connect().ask(http::get("/a.html", &["Accept-Encoding: gzip"]));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&r.body[..]), &mut text).unwrap();
    assert_eq!(text, "..YY..");
}

#[test]
fn an_upstream_may_choose_the_charset() {
    let s = Server::http(
        r"charset_map B A { 58 59; }
          server { listen 127.0.0.1:%%PORT_0%%; location / { proxy_pass http://127.0.0.1:%%PORT_1%%; } }
          server { listen 127.0.0.1:%%PORT_1%%; root html; charset B;
                   location /chosen.html { add_header X-Accel-Charset A; } }",
    )
    .file("html/chosen.html", "aXb")
    .file("html/plain.html", "aXb")
    .start();
    let r = s.get("/chosen.html");
    assert_eq!((r.text().as_str(), r.header("Content-Type")), ("aYb", Some("text/html; charset=A")));
    let r = s.get("/plain.html");
    assert_eq!((r.text().as_str(), r.header("Content-Type")), ("aXb", Some("text/html; charset=B")));
}
