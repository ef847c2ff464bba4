//! Compressed answers: made on the way, made beforehand, and unpacked again.

use crate::kit::{Response, Server, http};
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use std::io::{Read, Write};

const ACCEPT: &str = "Accept-Encoding: gzip";

fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn unpack(r: &Response) -> Vec<u8> {
    let mut bytes = Vec::new();
    MultiGzDecoder::new(&r.body[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

/// Bytes that do not compress well.
fn noise(n: u32) -> Vec<u8> {
    (0..n).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

#[test]
fn who_accepts_it_gets_it_compressed_and_whole() {
    let noise = noise(1_000_000);
    for sendfile in ["on", "off"] {
        let conf = format!("root html; gzip on; gzip_types *; gzip_vary on; sendfile {sendfile};");
        let s = Server::locations(&conf)
            .file("html/large", vec![b'a'; 3_000_000])
            .file("html/noise", &noise)
            .file("html/short", "short")
            .start();
        let mut c = s.connect();
        let r = c.ask(http::get("/large", &[ACCEPT]));
        assert_eq!((r.header("Content-Encoding"), r.header("Vary")), (Some("gzip"), Some("Accept-Encoding")));
        assert_eq!((r.header("Content-Length"), r.header("Accept-Ranges")), (None, None));
        assert!(r.header("ETag").is_some_and(|tag| tag.starts_with("W/\"")));
        assert!(unpack(&r) == vec![b'a'; 3_000_000]);
        assert!(unpack(&c.ask(http::get("/noise", &[ACCEPT]))) == noise);
        let plain = c.get("/large");
        assert_eq!((plain.header("Content-Encoding"), plain.body.len()), (None, 3_000_000));
        assert_eq!(plain.header("Vary"), Some("Accept-Encoding"));
        assert_eq!(c.ask(http::get("/short", &[ACCEPT])).text(), "short");
    }
}

#[test]
fn only_some_answers_are_worth_it() {
    let s = Server::locations(
        r"root html; gzip on; gzip_min_length 10;
          location /proxied { gzip_proxied no-cache; add_header Cache-Control $arg_cc; }
          location /ua { gzip_disable bad-.*-browser; }
          error_page 404 /404.html;",
    )
    .file("html/a.html", "0123456789")
    .file("html/a.txt", "0123456789")
    .file("html/b.html", "012345678")
    .file("html/proxied.html", "0123456789")
    .file("html/ua.html", "0123456789")
    .start();
    let packed = |uri: &str, fields: &[&str]| {
        let r = s.connect().ask(http::get(uri, fields));
        r.header("Content-Encoding") == Some("gzip")
    };
    assert!(packed("/a.html", &[ACCEPT]));
    assert!(packed("/a.html", &["Accept-Encoding: deflate, gzip;q=0.5"]));
    assert!(!packed("/a.html", &["Accept-Encoding: gzip;q=0"]));
    assert!(!packed("/a.html", &[ACCEPT, "Via: 1.1 proxy"]));
    assert!(!packed("/a.txt", &[ACCEPT]));
    assert!(!packed("/b.html", &[ACCEPT]));
    assert!(packed("/proxied.html?cc=no-cache", &[ACCEPT, "Via: 1.1 proxy"]));
    assert!(!packed("/proxied.html?cc=private", &[ACCEPT, "Via: 1.1 proxy"]));
    assert!(packed("/ua.html", &[ACCEPT, "User-Agent: good"]));
    assert!(!packed("/ua.html", &[ACCEPT, "User-Agent: Bad-old-browser"]));
    let old = s.raw("GET /a.html HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n");
    assert!(!old.contains("gzip"), "{old}");
}

#[test]
fn the_ratio_can_be_logged() {
    let s = Server::http(
        r"log_format ratio '$uri $gzip_ratio'; access_log ratio.log ratio;
          server { listen 127.0.0.1:%%PORT_0%%; root html; gzip on; }",
    )
    .file("html/a.html", "a".repeat(10_000))
    .start();
    s.connect().ask(http::get("/a.html", &[ACCEPT]));
    let line = s.wait_for_line("ratio.log", "/a.html");
    let ratio: f64 =
        line.lines().next().and_then(|l| l.split(' ').nth(1)).and_then(|r| r.parse().ok()).unwrap();
    assert!(ratio > 50.0, "{line}");
}

#[test]
fn files_compressed_beforehand_are_sent_or_unpacked() {
    let text = "0123456789".repeat(1000);
    let twice = [pack(text.as_bytes()), pack(b"and more")].concat();
    let s = Server::locations(
        r"root html; gzip_static on;
          location /always/ { alias html/; gzip_static always; gunzip on; gzip_vary on; }",
    )
    .file("html/a.txt", &text)
    .file("html/a.txt.gz", pack(text.as_bytes()))
    .file("html/b.txt.gz", &twice)
    .start();
    let mut c = s.connect();
    let r = c.ask(http::get("/a.txt", &[ACCEPT]));
    assert_eq!((r.header("Content-Encoding"), r.header("Content-Type")), (Some("gzip"), Some("text/plain")));
    assert_eq!(unpack(&r), text.as_bytes());
    assert_eq!(c.get("/a.txt").text(), text);
    assert_eq!(c.get("/b.txt").status, 404);
    let r = c.get("/always/b.txt");
    assert_eq!((r.text(), r.header("Vary")), (text + "and more", Some("Accept-Encoding")));
    assert!(c.ask(http::get("/always/b.txt", &[ACCEPT])).body == twice);
}

#[test]
fn a_little_that_unpacks_to_much_arrives_whole() {
    let s = Server::locations("root html; gzip_static always; gunzip on; gunzip_buffers 2 4k;")
        .file("html/bomb.gz", pack(&vec![0; 8_000_000]))
        .start();
    let r = s.get("/bomb");
    assert!(r.complete && r.body.len() == 8_000_000 && r.body.iter().all(|byte| *byte == 0));
}

#[test]
fn what_is_no_gzip_ends_the_connection_and_is_logged() {
    let s = Server::locations("root html; gzip_static always; gunzip on;")
        .file("html/a.gz", "this is no gzip at all")
        .file("html/cut.gz", &pack(&noise(5000))[..500])
        .start();
    s.raw("GET /a HTTP/1.0\r\n\r\n");
    s.wait_for_log("inflate() failed");
    s.raw("GET /cut HTTP/1.0\r\n\r\n");
    s.wait_for_log("on response end");
}
