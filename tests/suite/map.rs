//! Variables that are looked up: `map`, `geo`, `split_clients`, `valid_referers`.

use crate::kit::Server;

/// A server that answers with a text, below lines for `http { }`.
fn shows(http: &str, text: &str) -> Server {
    let server = format!("server {{ listen 127.0.0.1:%%PORT_0%%; location / {{ return 200 \"{text}\"; }} }}");
    Server::http(&format!("{http}\n{server}")).start()
}

fn check(s: &Server, rows: &[(&str, &str)]) {
    for (args, expected) in rows {
        assert_eq!(s.get(&format!("/?{args}")).text(), *expected, "{args}");
    }
}

#[test]
fn a_map_finds_texts_whatever_their_case() {
    let s = shows(
        "map_hash_max_size 64; map_hash_bucket_size 64;
         map $args $x { default 0; foo bar; \\include escaped; \\~x tilde; '' empty; long $x2-$args; }
         map $args $x2 { long y; }
         map $args $none { foo bar; }",
        "$x [$none]",
    );
    let rows = [
        ("foo", "bar [bar]"),
        ("FOO", "bar [bar]"),
        ("include", "escaped []"),
        ("~x", "tilde []"),
        ("", "empty []"),
        ("long", "y-long []"),
        ("other", "0 []"),
    ];
    check(&s, &rows);
}

#[test]
fn a_map_knows_wildcards_and_patterns() {
    let s = shows(
        r#"map $args $x {
               hostnames; default 0;
               example.com exact; *.example.com below; example.* left; .dot.org both;
               ~^R(?<rest>.*)E$ "pattern $rest"; ~*^n(.)t$ "caseless $1";
           }"#,
        "$x",
    );
    let rows = [
        ("example.com.", "exact"),
        ("a.example.com", "below"),
        ("example.net", "left"),
        ("dot.org", "both"),
        ("a.b.dot.org", "both"),
        ("REGE", "pattern EG"),
        ("rege", "0"),
        ("NUT", "caseless U"),
        ("*.example.com", "below"),
    ];
    check(&s, &rows);
}

#[test]
fn a_volatile_map_is_looked_up_each_time() {
    let text = "map $a $once { default $a; } map $a $each { volatile; default $a; }
                server { listen 127.0.0.1:%%PORT_0%%;
                location / { set $a 1; set $b $once$each; set $a 2; return 200 $b$once$each; } }";
    assert_eq!(Server::http(text).start().get("/").text(), "1112");
}

#[test]
fn geo_finds_the_narrowest_network() {
    let s = shows(
        "geo $arg_ip $x { default far; 10.0.0.0/8 ten; 10.1.0.0/16 one; 10.1.1.1 host;
                       ::1 six; delete ::1; 2001::/16 v6; }
         geo $client { 127.0.0.0/8 here; }",
        "$x $client",
    );
    let rows = [
        ("ip=10.2.0.0", "ten here"),
        ("ip=10.1.0.0", "one here"),
        ("ip=10.1.1.1", "host here"),
        ("ip=::ffff:10.1.1.1", "host here"),
        ("ip=2001::5", "v6 here"),
        ("ip=::1", "far here"),
        ("ip=nonsense", "far here"),
        ("ip=9.9.9.9", "far here"),
    ];
    check(&s, &rows);
}

#[test]
fn geo_cuts_ranges_out_of_ranges() {
    let s = shows(
        "geo $arg_ip $x { ranges; default far; 10.0.0.0-10.0.0.255 old;
                       10.0.0.5-10.0.0.7 new; delete 10.0.0.5-10.0.0.7; }",
        "$x",
    );
    check(
        &s,
        &[("ip=10.0.0.4", "old"), ("ip=10.0.0.6", "far"), ("ip=10.0.0.8", "old"), ("ip=10.0.1.0", "far")],
    );
}

#[test]
fn geo_believes_proxies_it_trusts() {
    let networks = "127.0.0.0/8 proxy; 192.0.2.0/24 client;";
    let s = shows(
        &format!(
            "geo $none {{ {networks} }} geo $one {{ proxy 127.0.0.0/8; {networks} }}
             geo $all {{ proxy 127.0.0.0/8; proxy_recursive; {networks} }}"
        ),
        "$none $one $all",
    );
    let ask = |list: &str| {
        s.connect().ask(format!("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {list}\r\n\r\n")).text()
    };
    assert_eq!(ask("192.0.2.1"), "proxy client client");
    assert_eq!(ask("1.1.1.1, 192.0.2.1, 127.0.0.9"), "proxy proxy client");
}

#[test]
fn split_clients_gives_each_text_the_same_share_as_nginx() {
    let s = shows("split_clients $args $x { 20% a; 0.5% b; 30.25% c; * d; }", "$x");
    let letters: String = (0..40).map(|n| s.get(&format!("/?{n}")).text()).collect();
    assert_eq!(letters, SHARES);
}

const SHARES: &str = "ccadbccdadacdcdadcdcdcdcccddaacddaccccdc";

#[test]
fn referers_are_valid_by_name_path_or_pattern() {
    let s = Server::locations(
        r#"server_name me.org *.mine.org;
           location /names { valid_referers none www.example.org *.example.com example.* b.org/x;
                             return 200 "[$invalid_referer]"; }
           location /pattern { valid_referers blocked nobody ~example\.org/(a|b)$;
                               return 200 "[$invalid_referer]"; }
           location /own { valid_referers server_names; return 200 "[$invalid_referer]"; }
           location /any { return 200 "[$invalid_referer]"; }"#,
    )
    .start();
    let ask = |uri: &str, referer: &str| {
        let field = if referer.is_empty() { String::new() } else { format!("Referer: {referer}\r\n") };
        s.connect().ask(format!("GET {uri} HTTP/1.1\r\nHost: a\r\n{field}\r\n")).text()
    };
    for (uri, referer, valid) in [
        ("/names", "", true),
        ("/names", "http://WWW.example.org:81/a", true),
        ("/names", "ftp://www.example.org", false),
        ("/names", "https://a.example.com", true),
        ("/names", "https://example.net", true),
        ("/names", "https://b.org/xy", true),
        ("/names", "https://b.org/y", false),
        ("/names", "https://other.net", false),
        ("/pattern", "", false),
        ("/pattern", "XXXX", true),
        ("/pattern", "http://www.EXAMPLE.org/b", true),
        ("/pattern", "http://www.example.org/c", false),
        ("/own", "http://me.org/", true),
        ("/own", "http://a.mine.org/", true),
        ("/own", "http://you.org/", false),
        ("/any", "http://you.org/", true),
    ] {
        assert_eq!(ask(uri, referer), if valid { "[]" } else { "[1]" }, "{uri} {referer}");
    }
}

#[test]
fn browsers_are_modern_or_ancient_by_their_own_word() {
    let s = Server::locations(
        r#"modern_browser msie 5.5; modern_browser gecko 1.0.0; ancient_browser Links netscape4;
           modern_browser_value new; ancient_browser_value old;
           location / { return 200 "$msie/$ancient_browser$modern_browser"; }
           location /unlisted { modern_browser unlisted;
                                return 200 "$msie/$ancient_browser$modern_browser"; }"#,
    )
    .start();
    for (agent, listed, unlisted) in [
        ("Mozilla/4.0 (compatible; MSIE 5.01; Windows)", "1/old", "1/old"),
        ("Mozilla/4.0 (compatible; MSIE 5.5; Windows)", "1/new", "1/old"),
        ("Mozilla/4.0 (compatible; MSIE 6.0; Windows) Opera 9.0", "/old", "/old"),
        ("Mozilla/5.0 (X11; rv:1.8.1) Gecko", "/new", "/new"),
        ("Mozilla/5.0 (X11; rv:0.9) Gecko", "/old", "/new"),
        ("Links (0.96)", "/old", "/old"),
        ("Something else", "/old", "/new"),
    ] {
        let ask = |uri: &str| {
            s.connect().ask(format!("GET {uri} HTTP/1.1\r\nHost: a\r\nUser-Agent: {agent}\r\n\r\n")).text()
        };
        assert_eq!((ask("/").as_str(), ask("/unlisted").as_str()), (listed, unlisted), "{agent}");
    }
}

#[test]
fn mistakes_are_told_in_the_usual_words() {
    for (text, message) in [
        ("map $a b { }", "invalid variable name \"b\""),
        ("map $a $b { x; }", "invalid number of the map parameters"),
        ("map $a $b { default 1; default 2; }", "duplicate default map parameter"),
        ("map $a $b { a 1; A 2; }", "conflicting parameter \"a\""),
        ("map $a $b { hostnames; a.*.b 1; }", "invalid hostname or wildcard \"a.*.b\""),
        ("geo b { }", "invalid variable name \"b\""),
        ("geo $b { x; }", "invalid number of the geo parameters"),
        ("geo $b { x y; }", "invalid network \"x\""),
        (
            "geo $b { 1.1.1.1 y; ranges; }",
            "the \"ranges\" directive must be the first directive inside \"geo\" block",
        ),
        ("geo $b { ranges; 1.1.1.1 y; }", "invalid range \"1.1.1.1\""),
        (
            "geo $b { ranges; 1.1.1.1-1.1.1.5 y; 1.1.1.4-1.1.1.6 z; }",
            "range \"1.1.1.4-1.1.1.6\" overlaps \"1.1.1.1-1.1.1.5\"",
        ),
        ("modern_browser x 1;", "unknown browser name \"x\""),
        ("modern_browser msie x;", "invalid browser version \"x\""),
        ("split_clients a $b { 1 x; }", "invalid percent value \"1\""),
        ("split_clients a $b { 60% x; 50% y; }", "percent total is greater than 100%"),
        ("server { valid_referers a a; }", "conflicting parameter \"a\""),
        (
            "server { valid_referers none; }",
            "the \"none\" or \"blocked\" referers are specified in the \"valid_referers\" directive \
             without any valid referer",
        ),
    ] {
        let said = Server::http(text).refusal();
        assert!(said.contains(message), "{text}: {said}");
    }
    for (text, message) in [
        ("geo $b { 1.1.1.1 y; 1.1.1.1 z; }", "duplicate network \"1.1.1.1\", value: \"z\", old value: \"y\""),
        (
            "geo $b { ranges; 1.1.1.1-1.1.1.1 y; 1.1.1.1-1.1.1.1 z; }",
            "duplicate range \"1.1.1.1-1.1.1.1\", value: \"z\", old value: \"y\"",
        ),
        ("geo $b { delete 1.1.1.1; }", "no network \"1.1.1.1\" to delete"),
        ("geo $b { ranges; delete 1.1.1.1-1.1.1.2; }", "no address range \"1.1.1.1-1.1.1.2\" to delete"),
        ("geo $b { 1.1.1.1/8 y; }", "low address bits of 1.1.1.1/8 are meaningless"),
        (
            "geo $b { ranges; default y; default z; }",
            "duplicate default geo range value: \"z\", old value: \"y\"",
        ),
        ("geo $b { default y; default z; }", "duplicate network \"default\", value: \"z\", old value: \"y\""),
    ] {
        let output = Server::http(text).check();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && said.contains(message), "{text}: {said}");
    }
}
