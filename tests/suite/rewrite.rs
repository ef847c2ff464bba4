//! `rewrite`, `return`, `set`, `if` and `break`.

use crate::kit::Server;

/// Asks for each URI and compares the status with the body, or with Location for a redirect.
fn check(s: &Server, rows: &[(&str, u16, &str)]) {
    for (uri, status, expected) in rows {
        let r = s.get(uri);
        let said = r.header("Location").map_or_else(|| r.text(), str::to_owned);
        assert_eq!((r.status, said.as_str()), (*status, *expected), "{uri}");
    }
}

#[test]
fn return_answers_with_a_text_a_url_or_a_page() {
    let s = Server::locations(
        r#"location /text { return 200 "a $arg_a"; }
           location /empty { return 204; }
           location /url { return http://example.com/$arg_a; }
           location /moved { return 308 http://example.com/; }
           location /error { return 404 "own text"; }
           location /page { return 405; }"#,
    )
    .start();
    check(
        &s,
        &[
            ("/text?a=b", 200, "a b"),
            ("/empty", 204, ""),
            ("/url?a=b", 302, "http://example.com/b"),
            ("/moved", 308, "http://example.com/"),
            ("/error", 404, "own text"),
        ],
    );
    let page = s.get("/page");
    assert!(page.status == 405 && page.text().contains("405 Not Allowed"));
}

#[test]
fn status_444_closes_without_an_answer() {
    let s = Server::locations("return 444;").start();
    assert_eq!(s.raw("GET / HTTP/1.0\r\n\r\n"), "");
}

#[test]
fn rewrite_redirects_with_the_arguments_it_should_keep() {
    let s = Server::locations(
        "location / { rewrite ^ http://example.com/ redirect; }
         location /add { rewrite ^ http://example.com/?c=d permanent; }
         location /drop { rewrite ^ http://example.com/?c=d? redirect; }
         location /scheme { rewrite ^/scheme(.*)$ $scheme://example.com$1; return 200 never; }
         location /path { rewrite ^(.*)$ /to$1 redirect; }",
    )
    .start();
    check(
        &s,
        &[
            ("/", 302, "http://example.com/"),
            ("/?a=b", 302, "http://example.com/?a=b"),
            ("/add", 301, "http://example.com/?c=d"),
            ("/add?a=b", 301, "http://example.com/?c=d&a=b"),
            ("/drop?a=b", 302, "http://example.com/?c=d"),
            ("/scheme/x%20y", 302, "http://example.com/x%20y"),
        ],
    );
    assert!(s.get("/path").header("Location").is_some_and(|to| to.ends_with("/to/path")));
}

#[test]
fn groups_are_escaped_in_arguments_but_not_in_the_path() {
    let s = Server::locations(
        r#"location /one { rewrite ^(.*) $1?c=d; return 200 "$uri $args"; }
           location /two { rewrite ^(.*) $1?c=$1; return 200 "$uri $args"; }"#,
    )
    .start();
    check(
        &s,
        &[
            ("/one/%25?a=b", 200, "/one/% c=d&a=b"),
            ("/two/%25+?a=b", 200, "/two/%+ c=/two/%25%2B&a=b"),
            ("/two/x", 200, "/two/x c=/two/x"),
        ],
    );
}

#[test]
fn last_searches_again_and_break_stays() {
    let s = Server::locations(
        r#"rewrite ^/server/(.*) /location/$1;
           location /location { return 200 "location $uri"; }
           location /last { rewrite ^ /location/last last; return 200 never; }
           location /on { rewrite ^ /location/on; set $seen yes; }
           location /break { rewrite ^ /page.txt break; return 200 never; }
           location /stop { break; return 200 never; }
           root html;"#,
    )
    .file("html/page.txt", "a page")
    .file("html/stop", "stopped")
    .start();
    check(
        &s,
        &[
            ("/server/a", 200, "location /location/a"),
            ("/last", 200, "location /location/last"),
            ("/on", 200, "location /location/on"),
            ("/break", 200, "a page"),
            ("/stop", 200, "stopped"),
        ],
    );
}

#[test]
fn a_rewrite_that_never_ends_is_an_error() {
    let s = Server::locations("location / { rewrite ^/(.*) /x$1 last; }").start();
    assert_eq!(s.get("/").status, 500);
    s.wait_for_log("rewrite or internal redirection cycle while processing \"/xxxxxxxxxxx\"");
}

#[test]
fn every_condition_of_if_can_hold_and_fail() {
    let s = Server::locations(
        r#"location /true { if ($arg_a) { return 200 yes; } return 200 no; }
           location /equal { if ($arg_a = "b c") { return 200 yes; } return 200 no; }
           location /differs { if ( $arg_a != b ) { return 200 yes; } return 200 no; }
           location /matches { if ($arg_a ~ ^B(.)) { return 200 "yes $1"; } return 200 no; }
           location /caseless { if ($arg_a ~* ^B(?<rest>.)) { return 200 "yes $rest"; } return 200 no; }
           location /lacks { if ($arg_a !~ B) { return 200 yes; } return 200 no; }
           location /lacks-caseless { if ($arg_a !~* B) { return 200 yes; } return 200 no; }
           location /file { if (-f %%DIR%%/html/$arg_a) { return 200 yes; } return 200 no; }
           location /no-file { if (!-f %%DIR%%/html/$arg_a) { return 200 yes; } return 200 no; }
           location /folder { if (-d %%DIR%%/html/$arg_a) { return 200 yes; } return 200 no; }
           location /any { if (-e %%DIR%%/html/$arg_a) { return 200 yes; } return 200 no; }
           location /runs { if (-x %%DIR%%/html/$arg_a) { return 200 yes; } return 200 no; }"#,
    )
    .file("html/file", "")
    .file("html/folder/file", "")
    .start();
    check(
        &s,
        &[
            ("/true?a=1", 200, "yes"),
            ("/true?a=0", 200, "no"),
            ("/true?a=00", 200, "yes"),
            ("/true", 200, "no"),
            ("/equal?a=b", 200, "no"),
            ("/differs?a=b", 200, "no"),
            ("/differs", 200, "yes"),
            ("/matches?a=Bc", 200, "yes c"),
            ("/matches?a=bc", 200, "no"),
            ("/caseless?a=bc", 200, "yes c"),
            ("/lacks?a=b", 200, "yes"),
            ("/lacks?a=B", 200, "no"),
            ("/lacks-caseless?a=b", 200, "no"),
            ("/file?a=file", 200, "yes"),
            ("/file?a=folder", 200, "no"),
            ("/no-file?a=none", 200, "yes"),
            ("/folder?a=folder", 200, "yes"),
            ("/folder?a=file", 200, "no"),
            ("/any?a=folder", 200, "yes"),
            ("/any?a=none", 200, "no"),
            ("/runs?a=folder", 200, "yes"),
            ("/runs?a=file", 200, "no"),
        ],
    );
}

#[test]
fn a_true_if_of_a_location_brings_its_own_directives() {
    let s = Server::locations(
        "if ($arg_server) { set $from server; }
         location / {
             root html;
             if ($arg_a) { root other; }
             if ($arg_b) { set $from if; }
             if ($from) { return 200 $from; }
         }",
    )
    .file("html/page.txt", "html")
    .file("other/page.txt", "other")
    .start();
    check(
        &s,
        &[
            ("/page.txt", 200, "html"),
            ("/page.txt?a=1", 200, "other"),
            ("/page.txt?b=1", 200, "if"),
            ("/page.txt?server=1", 200, "server"),
        ],
    );
    // the variable was used before anybody had set it
    s.wait_for_log("using uninitialized \"from\" variable");
}

#[test]
fn set_changes_arguments_and_keeps_values_over_redirects() {
    let s = Server::locations(
        r#"set $kept no;
           location /args { set $args "x=1"; return 200 "$args $arg_x"; }
           location /kept { set $kept yes; rewrite ^ /shows last; }
           location /shows { return 200 $kept; }
           location /quiet { uninitialized_variable_warn off; return 200 "[$later]"; }
           location /sets { set $later x; }"#,
    )
    .start();
    // the server's program runs once for a request, so it does not undo what a location has set
    check(
        &s,
        &[("/args?y=2", 200, "x=1 1"), ("/kept", 200, "yes"), ("/shows", 200, "no"), ("/quiet", 200, "[]")],
    );
    assert!(!s.log().contains("using uninitialized"));
}

#[test]
fn rewrite_log_tells_what_the_steps_do() {
    let s = Server::locations(
        "rewrite_log on;
         location /a { rewrite ^/b /c; rewrite ^/a /d?e=f break; return 200; }
         location /r { rewrite ^ http://example.com/ permanent; }
         root html;",
    )
    .start();
    s.get("/a?g=h");
    s.get("/r");
    s.wait_for_log("[notice]");
    s.wait_for_log("\"^/b\" does not match \"/a\"");
    s.wait_for_log("\"^/a\" matches \"/a\"");
    s.wait_for_log("rewritten data: \"/d\", args: \"e=f&g=h\"");
    s.wait_for_log("rewritten redirect: \"http://example.com/\"");
}

#[test]
fn mistakes_are_told_in_the_usual_words() {
    for (text, message) in [
        ("return x;", "invalid return code \"x\""),
        ("return 1000;", "invalid return code \"1000\""),
        ("rewrite ^ / twice;", "invalid parameter \"twice\""),
        ("rewrite ^ '';", "empty replacement"),
        ("rewrite 'a(b' /;", "pcre2_compile() failed: missing closing parenthesis in \"a(b\""),
        ("rewrite '(?z)b' /;", " in \"(?z)b\" at \""),
        ("set $a '${b';", "the closing bracket in \"b\" variable is missing"),
        ("if () { }", "invalid condition \")\""),
        ("set a b;", "invalid variable name \"a\""),
        ("set $uri b;", "the duplicate \"uri\" variable"),
        ("if $a { }", "invalid condition \"$a\""),
        ("if ($uri > 2) { }", "unexpected \">\" in condition"),
        ("if (-z /) { }", "invalid condition \"-z\""),
        ("if (x) { }", "invalid condition \"x\""),
        ("if ($uri) { if ($uri) { } }", "\"if\" directive is not allowed here"),
        ("if ($uri) { root /; }", "\"root\" directive is not allowed here"),
        ("rewrite_log on; rewrite_log on;", "\"rewrite_log\" directive is duplicate"),
    ] {
        let said = Server::locations(text).refusal();
        assert!(said.contains(message), "{text}: {said}");
    }
}
