//! Requests that the server makes of itself, and what is built of their answers.

use crate::kit::Server;

#[test]
fn other_responses_stand_around_the_body() {
    let s = Server::locations(
        r#"default_type text/html;
           location /both { add_before_body /b; add_after_body /a; return 200 "body"; }
           location /plain { default_type text/plain; add_before_body /b; return 200 "body"; }
           location /some { default_type text/x; addition_types text/x; add_after_body /a; return 200 "body"; }
           location /202 { add_after_body /a; return 202 "body"; }
           location /missing { add_before_body /none; return 200 "body"; }
           location /b { return 200 "before "; } location /a { return 200 " after"; }
           location /file { add_before_body /large; }
           location /none { return 404; } root html;"#,
    )
    .file("html/large", "x".repeat(300_000))
    .file("html/file", "y".repeat(200_000))
    .start();
    assert_eq!(s.get("/both").text(), "before body after");
    assert_eq!(s.get("/plain").text(), "body");
    assert_eq!(s.get("/some").text(), "body after");
    assert_eq!(s.get("/202").text(), "body");
    assert!(s.get("/missing").text().contains("404 Not Found"));
    let large = s.get("/file").text();
    assert_eq!(large.len(), 500_000);
    assert!(large.starts_with(&"x".repeat(300_000)));
    // the connection goes on afterwards
    let mut c = s.connect();
    assert_eq!(c.get("/both").text(), "before body after");
    assert_eq!(c.get("/both").text(), "before body after");
}

#[test]
fn a_subrequest_decides_who_may() {
    let s = Server::locations(
        r#"location /o { auth_request /auth/204; root html; }
           location /f { auth_request /auth/200; root html; }
           location /u { auth_request /auth/401; root html; }
           location /x { auth_request /auth/403; root html; }
           location /e { auth_request /auth/404; root html; }
           location /off { auth_request off; root html; }
           location /any { auth_request /auth/403; root html; }
           location /auth/204 { return 204; } location /auth/200 { return 200 "INVISIBLE"; }
           location /auth/401 { return 401; }
           location /auth/403 { return 403; } location /auth/404 { return 404; }"#,
    )
    .file("html/o", "open")
    .file("html/f", "file")
    .file("html/off", "off")
    .start();
    assert_eq!(s.get("/o").text(), "open");
    assert_eq!(s.get("/f").text(), "file");
    assert_eq!(s.get("/off").text(), "off");
    assert_eq!(s.get("/u").status, 401);
    assert_eq!((s.get("/x").status, s.get("/e").status, s.get("/any").status), (403, 500, 403));
    assert!(s.log().contains("auth request unexpected status: 404"));
}

#[test]
fn values_of_the_judge_outlive_it() {
    let s = Server::locations(
        r#"location /a { auth_request /auth; auth_request_set $who "$uri $status"; error_page 404 = @f; root html; }
           location @f { return 200 "$who"; }
           location /auth { return 204; }"#,
    )
    .start();
    assert_eq!(s.get("/a").text(), "/auth 204");
}
