//! Fields the configuration adds: add_header, add_trailer, expires.

use crate::kit::{Server, http};

fn year(date: Option<&str>) -> Option<&str> {
    date.and_then(|date| date.split(' ').nth(3))
}

#[test]
fn fields_are_added_to_answers_that_went_well_or_always() {
    let s = Server::locations(
        r#"add_header X-Good $uri; add_header X-Always "a b" always; add_header X-Empty ""; root html;"#,
    )
    .file("html/a", "a")
    .start();
    let good = s.get("/a");
    assert_eq!((good.header("X-Good"), good.header("X-Always")), (Some("/a"), Some("a b")));
    assert_eq!(good.header("X-Empty"), None);
    let bad = s.get("/none");
    assert_eq!((bad.status, bad.header("X-Good"), bad.header("X-Always")), (404, None, Some("a b")));
}

#[test]
fn a_level_with_lines_of_its_own_inherits_none_unless_it_merges() {
    let s = Server::locations(
        r"add_header X-Outer o;
          location /none { return 204; }
          location /own { add_header X-Inner i; return 204; }
          location /merge { add_header_inherit merge; add_header X-Inner i; return 204; }
          location /off { add_header_inherit off; return 204; }",
    )
    .start();
    let both = |uri: &str| {
        let r = s.get(uri);
        (r.header("X-Outer").is_some(), r.header("X-Inner").is_some())
    };
    assert_eq!(both("/none"), (true, false));
    assert_eq!(both("/own"), (false, true));
    assert_eq!(both("/merge"), (true, true));
    assert_eq!(both("/off"), (false, false));
}

#[test]
fn some_names_replace_what_is_there() {
    let s = Server::locations(
        r#"root html;
           location /lm { add_header Last-Modified "Mon, 28 Sep 1970 06:00:00 GMT"; }
           location /etag { add_header ETag '"mine"'; }
           location /no { add_header Last-Modified ""; add_header ETag ""; }
           location /cc { add_header Cache-Control a; add_header Cache-Control b; }"#,
    );
    let s = ["lm", "etag", "no", "cc"].iter().fold(s, |s, name| s.file(&format!("html/{name}"), "x")).start();
    assert_eq!(s.get("/lm").head.all("Last-Modified"), ["Mon, 28 Sep 1970 06:00:00 GMT"]);
    assert_eq!(s.get("/etag").head.all("ETag"), ["\"mine\""]);
    let none = s.get("/no");
    assert_eq!((none.header("Last-Modified"), none.header("ETag")), (None, None));
    assert_eq!(s.get("/cc").head.all("Cache-Control"), ["a", "b"]);
    let same = s.connect().ask(http::get("/etag", &["If-None-Match: \"mine\""]));
    assert_eq!(same.status, 200, "conditions are looked at before fields are added");
}

#[test]
fn expires_says_for_how_long() {
    let s = Server::locations(
        r"location /hour { expires 1h; return 204; }
          location /past { expires -1; return 204; }
          location /zero { expires 0; return 204; }
          location /epoch { expires epoch; return 204; }
          location /max { expires max; return 204; }
          location /off { expires off; return 204; }
          location /var { expires $arg_e; return 204; }
          location /modified { root html; expires modified -5m; }
          location /bad { expires 1h; return 404; }",
    )
    .file("html/modified", "")
    .start();
    let control = |uri: &str| s.get(uri).header("Cache-Control").map(str::to_owned);
    for (uri, expected) in [
        ("/hour", Some("max-age=3600")),
        ("/past", Some("no-cache")),
        ("/zero", Some("max-age=0")),
        ("/epoch", Some("no-cache")),
        ("/max", Some("max-age=315360000")),
        ("/off", None),
        ("/var?e=24h", Some("max-age=86400")),
        ("/var?e=off", None),
        ("/var?e=sometimes", None),
        ("/modified", Some("no-cache")),
        ("/bad", None),
    ] {
        assert_eq!(control(uri).as_deref(), expected, "{uri}");
    }
    assert_eq!(year(s.get("/epoch").header("Expires")), Some("1970"));
    assert_eq!(year(s.get("/max").header("Expires")), Some("2037"));
}

#[test]
fn a_time_of_day_is_at_most_a_day_away() {
    let s = Server::locations("location / { expires @15h30m; return 204; }").start();
    let r = s.get("/");
    let age = r.header("Cache-Control").and_then(|c| c.strip_prefix("max-age=")).and_then(|n| n.parse().ok());
    assert!(age.is_some_and(|age: u32| age <= 86_400), "{age:?}");
}

#[test]
fn expires_that_makes_no_sense_is_refused() {
    for (value, text) in [
        ("soon", "\"expires\" directive invalid value"),
        ("@25h", "daily time value must be less than 24 hours"),
        ("modified @1h", "daily time cannot be used with \"modified\" parameter"),
        ("since 1h", "\"expires\" directive invalid value"),
    ] {
        let refusal = Server::locations(&format!("expires {value};")).refusal();
        assert!(refusal.contains(text), "{refusal}");
    }
}

#[test]
fn trailers_come_behind_a_chunked_body() {
    let s = Server::locations("root html; add_trailer X-End $body_bytes_sent; add_trailer X-Empty '';")
        .file("html/a", "SEE-THIS")
        .start();
    let get = |version: &str| s.raw(format!("GET /a HTTP/{version}\r\nHost: a\r\nConnection: close\r\n\r\n"));
    let new = get("1.1");
    assert!(new.contains("\r\n8\r\nSEE-THIS\r\n0\r\nX-End: "), "{new}");
    assert!(!new.contains("X-Empty") && !new.contains("Content-Length"), "{new}");
    let old = get("1.0");
    assert!(old.ends_with("\r\n\r\nSEE-THIS") && old.contains("Content-Length: 8"), "{old}");
}
