//! Which server and which location serve a request, and how it may be sent elsewhere inside.

use crate::kit::{Server, http};

/// The body of the answer to each URI.
fn answers(s: &Server, uris: &[&str]) -> Vec<String> {
    let mut c = s.connect();
    uris.iter().map(|uri| c.get(uri).text()).collect()
}

#[test]
fn exact_then_longest_prefix_then_the_first_regex() {
    let s = Server::locations(
        r#"location = /a { return 200 exact; }
           location /a { return 200 prefix; }
           location /a/long { return 200 longer; }
           location ^~ /a/sealed { return 200 sealed; }
           location ~ \.txt$ { return 200 regex; }
           location ~* \.(TXT|gif)$ { return 200 caseless; }
           location / { return 200 root; }"#,
    )
    .start();
    let uris = ["/a", "/ab", "/a/long/x", "/a/sealed/x.txt", "/a/long/x.txt", "/x.GIF", "/x.TXT", "/other"];
    let expected = ["exact", "prefix", "longer", "sealed", "regex", "caseless", "caseless", "root"];
    assert_eq!(answers(&s, &uris), expected);
}

#[test]
fn uris_are_decoded_and_cleaned_before_the_choice() {
    let s =
        Server::locations(r#"location /a/b { return 200 "$uri"; } location / { return 200 root; }"#).start();
    let uris = ["/a//b", "/a/./b", "/x/../a/b", "/%61/b", "/a/b%20c", "/a%2fb"];
    assert_eq!(answers(&s, &uris), ["/a/b", "/a/b", "/a/b", "/a/b", "/a/b c", "/a/b"]);
}

#[test]
fn captures_of_a_regex_location_are_variables() {
    let conf = r#"location ~ ^/(?<name>[a-z]+)/(\d+)$ { return 200 "$name $2"; }"#;
    assert_eq!(Server::locations(conf).start().get("/items/42").text(), "items 42");
}

#[test]
fn nested_locations_are_searched_inside_their_parent() {
    let s = Server::locations(
        r"location /a/ { location /a/in { return 200 inner; } location ~ \.x$ { return 200 regex; }
                         return 200 outer; }
          location / { return 200 root; }",
    )
    .start();
    // the rewrite phase of the parent never runs when a child is chosen
    assert_eq!(answers(&s, &["/a/", "/a/in", "/a/b.x", "/b.x"]), ["outer", "inner", "regex", "root"]);
}

#[test]
fn the_server_is_chosen_by_host() {
    let server = |names: &str, text: &str| {
        format!("server {{ listen 127.0.0.1:%%PORT_0%%; server_name {names}; return 200 {text}; }}\n")
    };
    let text = server("first", "first")
        + &server("exact.example", "exact")
        + &server("*.example", "leading")
        + &server("www.*", "trailing")
        + &server(r"~^r\d+\.test$", "regex")
        + &server(".both.org", "both");
    let s = Server::http(&text).start();
    for (host, expected) in [
        ("unknown", "first"),
        ("exact.example", "exact"),
        ("EXACT.Example:81", "exact"),
        ("a.b.example", "leading"),
        ("www.net", "trailing"),
        ("www.example", "leading"),
        ("r12.test", "regex"),
        ("both.org", "both"),
        ("x.both.org", "both"),
    ] {
        let r = s.connect().ask(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(r.text(), expected, "{host}");
    }
}

#[test]
fn the_default_server_is_the_one_marked() {
    let s = Server::http(
        "server { listen 127.0.0.1:%%PORT_0%%; server_name a; return 200 a; }
         server { listen 127.0.0.1:%%PORT_0%% default_server; server_name b; return 200 b; }",
    )
    .start();
    assert_eq!(s.get("/").text(), "b");
}

#[test]
fn error_page_serves_another_uri() {
    let s = Server::locations(
        "error_page 404 /missing; error_page 403 =200 /missing; error_page 410 @gone;
         error_page 418 =302 http://tea/;
         location /missing { internal; return 200 'custom'; }
         location @gone { return 200 'from @gone'; }
         location /403 { return 403; } location /410 { return 410; } location /418 { return 418; }
         root html;",
    )
    .start();
    let r = s.get("/nothing");
    assert_eq!((r.status, r.text().as_str()), (404, "custom"));
    assert_eq!(s.get("/403").status, 200);
    assert_eq!(s.get("/410").text(), "from @gone");
    let tea = s.get("/418");
    assert_eq!((tea.status, tea.header("Location")), (302, Some("http://tea/")));
    // an internal location is not there for clients
    assert_eq!(s.get("/missing").status, 404);
}

#[test]
fn rewrite_changes_the_uri_and_searches_again() {
    let s = Server::locations(
        r#"rewrite ^/old/(.*)$ /new/$1?from=old last;
           rewrite ^/moved$ /elsewhere redirect;
           rewrite ^/for-ever$ /elsewhere? permanent;
           location /new/ { return 200 "$uri $args"; }
           location /break { rewrite ^ /inside break; root html; }
           location /loop { rewrite ^ /loop last; }"#,
    )
    .file("html/inside", "a file")
    .start();
    assert_eq!(s.get("/old/x?q=1").text(), "/new/x from=old&q=1");
    let moved = s.get("/moved?a");
    let location = s.url("/elsewhere?a").replace("127.0.0.1", "localhost");
    assert_eq!((moved.status, moved.header("Location")), (302, Some(location.as_str())));
    assert_eq!(s.get("/for-ever?a").status, 301);
    assert_eq!(s.get("/break").text(), "a file");
    assert_eq!(s.get("/loop").status, 500);
    s.wait_for_log("rewrite or internal redirection cycle while processing \"/loop\"");
}

#[test]
fn if_chooses_by_variables_regexes_and_files() {
    let s = Server::locations(
        r#"root html;
           location / {
               if ($arg_a = 1) { return 200 equal; }
               if ($arg_b != "") { return 200 given; }
               if ($http_user_agent ~* "bot/(\d)") { return 200 "bot $1"; }
               if (-f $document_root$uri) { return 200 file; }
               if (-d $document_root/dir) { return 200 dir; }
               return 200 none;
           }"#,
    )
    .file("html/f", "")
    .start();
    assert_eq!(answers(&s, &["/?a=1", "/?b=x", "/f", "/none"]), ["equal", "given", "file", "none"]);
    assert_eq!(s.connect().ask(http::get("/", &["User-Agent: a BOT/7"])).text(), "bot 7");
}

#[test]
fn set_and_map_make_variables() {
    let s = Server::http(
        r#"map $arg_k $mapped { default other; hostnames; one 1; "~^t(wo)$" "two:$1"; *.wild star; volatile; }
           map $arg_k $empty { }
           server { listen 127.0.0.1:%%PORT_0%%;
               set $mine "[$arg_k]";
               location / { set $mine "$mine+"; return 200 "$mapped $mine $empty"; } }"#,
    )
    .start();
    let uris = ["/?k=one", "/?k=two", "/?k=a.wild", "/"];
    assert_eq!(answers(&s, &uris), ["1 [one]+ ", "two:wo [two]+ ", "star [a.wild]+ ", "other []+ "]);
}

#[test]
fn try_files_takes_what_is_there_or_the_last() {
    let s = Server::locations(
        r#"root html;
           location / { try_files $uri $uri/index.txt @else; }
           location /strict/ { try_files $uri =404; }
           location /uri/ { try_files $uri /fallback?x=$uri; }
           location /fallback { return 200 "fallback $args"; }
           location @else { return 200 "else $uri"; }"#,
    )
    .file("html/a", "file a")
    .file("html/d/index.txt", "index of d")
    .start();
    let uris = ["/a", "/d", "/none", "/uri/x"];
    assert_eq!(answers(&s, &uris), ["file a", "index of d", "else /none", "fallback x=/uri/x"]);
    assert_eq!(s.get("/strict/x").status, 404);
}

#[test]
fn return_gives_text_redirects_and_bare_codes() {
    let s = Server::locations(
        "location /text { return 201 'made'; } location /to { return 301 /there; }
         location /url { return http://other/; } location /code { return 405; }
         location /cut { return 444; }",
    )
    .start();
    let made = s.get("/text");
    assert_eq!(
        (made.status, made.text().as_str(), made.header("Content-Type")),
        (201, "made", Some("text/plain"))
    );
    let there = s.url("/there").replace("127.0.0.1", "localhost");
    assert_eq!(s.get("/to").header("Location"), Some(there.as_str()));
    assert_eq!((s.get("/url").status, s.get("/url").header("Location").map(str::len)), (302, Some(13)));
    let r = s.get("/code");
    assert!(r.status == 405 && r.text().contains("<h1>405 Not Allowed</h1>"), "{}", r.text());
    assert_eq!(s.raw(http::get("/cut", &[])), "");
}

#[test]
fn headers_are_added_to_the_answers_they_are_for() {
    let s = Server::locations(
        "add_header X-Good 1; add_header X-All $request_method always; location /ok { return 200; }
         location /bad { return 500; } location /own { add_header X-Own yes; return 200; }
         location /expires { expires 1h; return 200; } location /never { expires epoch; return 200; }",
    )
    .start();
    let names = ["X-Good", "X-All", "X-Own"];
    let seen = |uri: &str| names.map(|n| s.get(uri).header(n).map(str::to_owned));
    assert_eq!(seen("/ok"), [Some("1".into()), Some("GET".into()), None]);
    assert_eq!(seen("/bad"), [None, Some("GET".into()), None]);
    assert_eq!(seen("/own"), [None, None, Some("yes".into())]);
    assert_eq!(s.get("/expires").header("Cache-Control"), Some("max-age=3600"));
    assert_eq!(s.get("/never").header("Cache-Control"), Some("no-cache"));
}

#[test]
fn access_is_denied_by_address_and_satisfied_by_any() {
    let s = Server::locations(
        "location /no { deny all; root html; } location /yes { allow 127.0.0.0/8; deny all; root html; }
         location /not-you { deny 127.0.0.1; allow all; root html; }",
    )
    .file("html/yes", "come in")
    .start();
    assert_eq!((s.get("/no").status, s.get("/not-you").status), (403, 403));
    assert_eq!(s.get("/yes").text(), "come in");
    s.wait_for_log("access forbidden by rule, client: 127.0.0.1");
}

#[test]
fn limit_except_leaves_the_named_methods_alone() {
    let conf = "location / { limit_except GET { deny all; } root html; }";
    let s = Server::locations(conf).file("html/a", "x").start();
    assert_eq!(s.get("/a").status, 200);
    assert_eq!(s.connect().ask(http::request("HEAD", "/a", &[], b"")).status, 200);
    assert_eq!(s.connect().ask(http::request("DELETE", "/a", &[], b"")).status, 403);
}
