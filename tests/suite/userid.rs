//! The cookie of `userid`, the page of `stub_status`, the picture of `empty_gif`.

use crate::kit::Server;

#[test]
fn a_client_is_given_a_cookie_once() {
    let s = Server::locations(
        r#"userid on; userid_path /p; userid_domain example.com; userid_expires max; userid_p3p 'CP="x"';
           add_header X-Got $uid_got; add_header X-Set $uid_set;
           location / { root html; }
           location /log { userid log; root html; }
           location /off { userid off; root html; }
           location /mark { userid_mark X; userid_name m; userid_flags secure samesite=lax; root html; }"#,
    )
    .file("html/a", "")
    .file("html/log", "")
    .file("html/off", "")
    .file("html/mark", "")
    .start();
    let first = s.get("/a");
    let cookie = first.header("Set-Cookie").unwrap_or_default().to_owned();
    let (value, rest) = cookie.split_once("; ").unwrap_or_default();
    assert!(value.starts_with("uid=") && value.ends_with("=="), "{cookie}");
    assert_eq!(rest, "expires=Thu, 31-Dec-37 23:55:55 GMT; domain=example.com; path=/p");
    assert_eq!(first.header("P3P"), Some("CP=\"x\""));
    let given = first.header("X-Set").unwrap_or_default();
    assert!(given.starts_with("uid=0100007F") && given.len() == 36, "{given}");
    let again = |uri: &str, cookie: &str| {
        s.connect().ask(format!("GET {uri} HTTP/1.1\r\nHost: a\r\nCookie: {cookie}\r\n\r\n"))
    };
    let known = again("/a", value);
    assert_eq!(
        (known.header("Set-Cookie"), known.header("X-Got"), known.header("X-Set")),
        (None, Some(given), None)
    );
    assert_eq!(again("/log", value).header("X-Got"), Some(given));
    assert_eq!(again("/off", value).header("X-Got"), None);
    assert_eq!(s.get("/log").header("Set-Cookie"), None);
    // A cookie without the mark is sent anew with the same numbers.
    let marked = again("/mark", &value.replacen("uid", "m", 1));
    let cookie = marked.header("Set-Cookie").unwrap_or_default();
    assert!(cookie.contains("X=; ") && cookie.ends_with("; secure; samesite=lax"), "{cookie}");
    assert_eq!(marked.header("X-Set").map(|set| set.replacen("m", "uid", 1)).as_deref(), Some(given));
    again("/a", "uid=short");
    again("/a", "uid=!!!!!!!!!!!!!!!!!!!!!!!!");
    s.wait_for_log("client sent too short userid cookie \"uid=short\"");
    s.wait_for_log("client sent invalid userid cookie");
}

#[test]
fn a_cookie_can_be_taken_back() {
    let s = Server::http(
        "map $arg_reset $uid_reset { log log; default 0; }
         server { listen 127.0.0.1:%%PORT_0%%; userid v1; userid_service 7;
             add_header X-Set $uid_set; root html; }",
    )
    .file("html/a", "")
    .start();
    let first = s.get("/a");
    let number = first.header("X-Set").unwrap_or_default();
    assert!(number.starts_with("uid=00000007"), "{number}");
    let cookie = first.header("Set-Cookie").unwrap_or_default();
    let value = cookie.split(';').next().unwrap_or_default();
    let again = s.connect().ask(format!("GET /a?reset=log HTTP/1.1\r\nHost: a\r\nCookie: {value}\r\n\r\n"));
    assert!(again.header("Set-Cookie").is_some_and(|new| new != cookie));
    s.wait_for_log(&format!("userid cookie \"{number}\" was reset"));
}

#[test]
fn the_status_counts_what_all_workers_do() {
    let s = Server::conf(
        "worker_processes 2; events { } http { access_log off; server { listen 127.0.0.1:%%PORT_0%%;
         location /status { stub_status; add_header X-Active $connections_active; } } }",
    )
    .start();
    let mut clients: Vec<_> = (0..8).map(|_| s.connect()).collect();
    for client in &mut clients {
        assert_eq!(client.get("/status").status, 200);
    }
    let page = clients.first_mut().expect("a client").get("/status");
    assert_eq!(page.header("X-Active"), Some("8"));
    // The other worker may still be at the end of its last answer, so who writes and who waits is not
    // certain.
    let expected = "Active connections: 8 \nserver accepts handled requests\n 8 8 9 \nReading: 0 Writing: ";
    assert!(page.text().starts_with(expected), "{}", page.text());
    let refused = clients.first_mut().expect("a client").ask("POST /status HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(refused.status, 405);
}

#[test]
fn the_empty_picture_is_a_gif_of_43_bytes() {
    let s = Server::locations("location / { empty_gif; }").start();
    let r = s.get("/");
    assert_eq!((r.header("Content-Type"), r.body.len()), (Some("image/gif"), 43));
    assert!(r.body.starts_with(b"GIF89a") && r.body.ends_with(b";"));
    assert_eq!(r.header("Last-Modified"), Some("Mon, 28 Sep 1970 06:00:00 GMT"));
}

#[test]
fn mistakes_are_told_in_the_usual_words() {
    for (text, message) in [
        ("userid maybe;", "invalid value \"maybe\""),
        (
            "userid_mark xy;",
            "\"userid_mark\" directive value must be \"off\" or a single letter, digit or \"=\"",
        ),
        ("userid_expires x;", "\"userid_expires\" directive invalid value"),
        ("userid_service x;", "\"userid_service\" directive invalid number"),
        ("userid_flags x;", "invalid value \"x\""),
    ] {
        let said = Server::locations(text).refusal();
        assert!(said.contains(message), "{text}: {said}");
    }
}
