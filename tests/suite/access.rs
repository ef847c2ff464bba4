//! Who may come in: `allow`, `deny`, `auth_basic`, `satisfy`, `auth_delay`.

use crate::kit::{Response, Server};
use std::time::{Duration, Instant};

/// A request with a name and a password, already encoded.
fn ask(s: &Server, uri: &str, credentials: &str) -> Response {
    s.connect().ask(format!("GET {uri} HTTP/1.1\r\nHost: a\r\nAuthorization: Basic {credentials}\r\n\r\n"))
}

/// `user:password`
const RIGHT: &str = "dXNlcjpwYXNzd29yZA==";
/// `user:wrong`
const WRONG: &str = "dXNlcjp3cm9uZw==";
/// `other:password`
const UNKNOWN: &str = "b3RoZXI6cGFzc3dvcmQ=";

#[test]
fn the_first_rule_with_the_address_decides() {
    let s = Server::locations(
        "location /in { allow 127.0.0.1; deny all; root html; }
         location /out { deny 127.0.0.0/8; allow all; root html; }
         location /others { deny 10.0.0.0/8; deny ::/0; deny unix:; root html; }
         location /inherits/ { deny all; location /inherits/not { allow all; root html; } }",
    )
    .start();
    for (uri, status) in
        [("/in", 404), ("/out", 403), ("/others", 404), ("/inherits/", 403), ("/inherits/not", 404)]
    {
        assert_eq!(s.get(uri).status, status, "{uri}");
    }
    s.wait_for_log("access forbidden by rule, client: 127.0.0.1");
}

#[test]
fn a_name_and_its_password_let_in() {
    let s = Server::locations(
        r#"location / { auth_basic "closed $uri"; auth_basic_user_file users; return 200 never; }
           location /page { auth_basic "closed $uri"; auth_basic_user_file users; root html; }
           location /page/off { auth_basic off; auth_basic_user_file users; root html; }
           location /page/none { auth_basic x; auth_basic_user_file nothing; root html; }
           location /page/file { auth_basic x; auth_basic_user_file %%DIR%%/$arg_f; root html; }"#,
    )
    .file("users", "# a comment\nother:{PLAIN}x\nuser:{PLAIN}password:and more\n")
    .file("apr1", "user:$apr1$salt$Xxd1irWT9ycqoYxGFn4cb.\n")
    .file("ssha", "user:{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0")
    .file("sha", "user:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
    .file("crypt", "user:$1$salt$qJH7.N4xYta3aEG/dfqo/0\r\n")
    .file("html/page/x", "a page")
    .file("html/page/off", "open")
    .file("html/page/file", "a page")
    .start();
    let refused = s.get("/page/x");
    assert_eq!(
        (refused.status, refused.header("WWW-Authenticate")),
        (401, Some("Basic realm=\"closed /page/x\""))
    );
    assert!(refused.text().contains("401 Authorization Required"));
    assert_eq!(ask(&s, "/page/x", RIGHT).text(), "a page");
    assert_eq!(ask(&s, "/page/x", WRONG).status, 401);
    assert_eq!(ask(&s, "/page/x", UNKNOWN).status, 401);
    assert_eq!(ask(&s, "/page/x", "!").status, 401);
    assert_eq!(s.get("/page/off").text(), "open");
    assert_eq!(ask(&s, "/page/none", RIGHT).status, 403);
    for file in ["apr1", "ssha", "sha", "crypt"] {
        let uri = format!("/page/file?f={file}");
        assert_eq!((ask(&s, &uri, RIGHT).status, ask(&s, &uri, WRONG).status), (200, 401), "{file}");
    }
    s.wait_for_log("no user/password was provided for basic authentication");
    s.wait_for_log("user \"user\": password mismatch");
    s.wait_for_log("user \"other\": password mismatch");
}

#[test]
fn satisfy_says_whether_all_must_agree() {
    let both = "auth_basic x; auth_basic_user_file users; root html;";
    let s = Server::locations(&format!(
        "location /any/ {{ satisfy any; deny all; {both} }} location /all/ {{ satisfy all; deny all; {both} }}
         location /either/ {{ satisfy any; allow all; {both} }}"
    ))
    .file("users", "user:{PLAIN}password\n")
    .start();
    assert_eq!((s.get("/any/x").status, ask(&s, "/any/x", RIGHT).status), (401, 404));
    assert_eq!((s.get("/all/x").status, ask(&s, "/all/x", RIGHT).status), (403, 403));
    assert_eq!((s.get("/either/x").status, ask(&s, "/either/x", WRONG).status), (404, 404));
}

#[test]
fn who_is_refused_waits_and_may_go_away_meanwhile() {
    let s = Server::locations(
        "auth_delay 300ms; auth_basic x; auth_basic_user_file users;
         location / { root html; } location /long { auth_delay 1h; root html; }",
    )
    .file("users", "user:{PLAIN}password\n")
    .start();
    let began = Instant::now();
    assert_eq!(ask(&s, "/x", WRONG).status, 401);
    assert!(began.elapsed() >= Duration::from_millis(300));
    assert_eq!(ask(&s, "/x", RIGHT).status, 404);
    s.wait_for_log("delaying unauthorized request");
    let mut c = s.connect();
    c.send("GET /long HTTP/1.1\r\nHost: a\r\n\r\n");
    s.wait_for_log("request: \"GET /long HTTP/1.1\"");
    drop(c);
    s.wait_for_access("\"GET /long HTTP/1.1\" 499");
}

#[test]
fn mistakes_are_told_in_the_usual_words() {
    for (text, message) in [
        ("allow somewhere;", "invalid parameter \"somewhere\""),
        ("auth_basic a; auth_basic b;", "\"auth_basic\" directive is duplicate"),
        (
            "auth_basic_user_file a; auth_basic_user_file b;",
            "\"auth_basic_user_file\" directive is duplicate",
        ),
        ("auth_delay x;", "\"auth_delay\" directive invalid value"),
    ] {
        let said = Server::locations(text).refusal();
        assert!(said.contains(message), "{text}: {said}");
    }
    let output = Server::locations("deny 10.0.0.1/8;").check();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("low address bits of 10.0.0.1/8 are meaningless"), "{said}");
}
