//! Replies of peers, as they should be.

use super::Case;
use super::binary::{END, STDERR, STDOUT, output, packets, record, set, welcome};

/// All of them.
pub fn all() -> Vec<Case> {
    [proxy(), memcached(), redis(), fastcgi(), gateways(), mysql(), tutorials()].concat()
}

fn proxy() -> Vec<Case> {
    let http = |reply: &str| Case::new("proxy", "", reply.as_bytes());
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n";
    let upgrade = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    vec![
        http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").body("hello"),
        http("HTTP/1.1 404 Not Here\nContent-Length: 0\nX-A: b\n\n").status(404),
        http("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi").body("hi").once(),
        http("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi").body("hi").once(),
        http("HTTP/1.1 200 OK\r\nA: b\r\n\r\nuntil the close").body("until the close").once(),
        http(&format!("{chunked}\r\n5\r\nhello\r\n1;x=\"y\"\r\n!\r\n0\r\n\r\n")).body("hello!"),
        http(&format!("{chunked}Trailer: X-T\r\n\r\n2\r\nhi\r\n000\r\nX-T: t\r\nY: z\r\n\r\n")).body("hi"),
        Case::new("proxy", "proxy_pass_trailers on;", format!("{chunked}\r\n1\r\na\r\n0\r\nT: u\r\n\r\n"))
            .body("a"),
        http(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\
              Content-Length: 2\r\n\r\nok",
        )
        .body("ok"),
        http("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nContent-Length: 5\r\n\r\n").status(304),
        http("HTTP/1.1 204 No Content\r\n\r\n").status(204),
        http("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n").method("HEAD"),
        http(&format!("{chunked}\r\n")).method("HEAD"),
        http(
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=b; Path=/\r\nKeep-Alive: timeout=5, max=100\r\n\
              Location: http://peer/x\r\nContent-Length: 1\r\n\r\n.",
        )
        .body("."),
        Case::new(
            "proxy",
            upgrade,
            "HTTP/1.1 101 Switch\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        )
        .status(101)
        .once(),
    ]
}

fn memcached() -> Vec<Case> {
    let cached = |reply: &str| Case::new("memcached", "memcached_gzip_flag 2;", reply.as_bytes());
    let stored =
        |method, reply: &str| Case::new("memcached", "memcached_write on;", reply.as_bytes()).method(method);
    vec![
        cached("VALUE key 0 5\r\nhello\r\nEND\r\n").body("hello"),
        cached("VALUE key 2 7\r\n\r\nEND\r\n\r\nEND\r\n").body("\r\nEND\r\n"),
        cached("VALUE key 0 0\r\n\r\nEND\r\n"),
        cached("END\r\n").status(404),
        stored("PUT", "STORED\r\n").status(201),
        stored("POST", "NOT_STORED\r\n").status(409),
        stored("DELETE", "DELETED\r\n").status(204),
        stored("DELETE", "NOT_FOUND\r\n").status(404),
    ]
}

fn redis() -> Vec<Case> {
    let resp = |format, reply: &str| Case::new("redis", format, reply.as_bytes());
    let (text, json, raw) = ("redis_format text;", "redis_format json;", "redis_format raw;");
    let nested = "*4\r\n$1\r\na\r\n:7\r\n$-1\r\n*2\r\n+x\r\n*0\r\n";
    let map = "%2\r\n+a\r\n,1.5\r\n$1\r\nb\r\n~2\r\n#t\r\n_\r\n";
    let greeted = "redis_auth me secret; redis_db 3; redis_protocol 3;";
    vec![
        resp(text, "$5\r\nhello\r\n").body("hello"),
        resp(text, "$0\r\n\r\n"),
        resp(text, "+OK\r\n").body("OK"),
        resp(text, nested).body("a\n7\n\nx\n"),
        resp(json, nested).body(r#"["a",7,null,["x",[]]]"#),
        resp(raw, nested).body(nested),
        resp(json, map).body(r#"{"a":1.5,"b":[true,null]}"#),
        resp(raw, map).body(map),
        resp(json, "$5\r\n\"\r\n\u{e9}\r\n").body("\"\\\"\\r\\n\u{e9}\""),
        resp(json, "=7\r\ntxt:abc\r\n").body("\"abc\""),
        resp(json, "(1234567890123456789012\r\n").body("1234567890123456789012"),
        resp(text, "$-1\r\n").status(404),
        resp(text, "_\r\n").status(404),
        resp(greeted, "$2\r\nhi\r\n").greeted(b"+OK\r\n%1\r\n$1\r\nv\r\n:7\r\n+OK\r\n".to_vec()).body("hi"),
    ]
}

fn fastcgi() -> Vec<Case> {
    let keep = "fastcgi_keep_conn on;";
    let stderr = [
        record(STDERR, b"PHP message: oops. \n", 4),
        record(STDOUT, b"A: b\r\n", 0),
        record(STDERR, b"once more", 0),
        record(STDOUT, b"\r\nx", 1),
        record(STDERR, b"in the body", 0),
        record(END, &[0; 8], 0),
    ];
    vec![
        Case::new("fastcgi", keep, output(&["Status: 404 No\r\nX-S: v\r\n\r\nbody"]))
            .status(404)
            .body("body"),
        Case::new("fastcgi", keep, output(&["Sta", "tus: 201\r", "\nX", "-S: v\r\n", "\r\n", "bo", "dy"]))
            .status(201)
            .body("body"),
        Case::new("fastcgi", keep, output(&["Content-Length: 2\r\n\r\nhi"])).body("hi"),
        Case::new("fastcgi", "", output(&["Location: /x\r\n\r\n"])).status(302).once(),
        Case::new("fastcgi", keep, stderr.concat()).body("x"),
        Case::new("fastcgi", keep, output(&["Content-Length: 2\r\n\r\n"])).method("HEAD").once(),
    ]
}

fn gateways() -> Vec<Case> {
    let of = |module| {
        let new = move |reply: &str| Case::new(module, "", reply.as_bytes()).once();
        [
            new("Status: 404 Nowhere\r\nContent-Type: a/b\r\n\r\ngone").status(404).body("gone"),
            new("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").body("hi"),
            new("A: b\n\nuntil the close").body("until the close"),
            new("Location: /x\r\n\r\n").status(302),
            new("Status: 304\r\nETag: \"x\"\r\n\r\n").status(304),
            new("Content-Length: 5\r\n\r\n").method("HEAD"),
        ]
    };
    [of("scgi"), of("uwsgi")].concat()
}

fn mysql() -> Vec<Case> {
    const JSON: &str = "mysql_query 'SELECT 1';";
    const CSV: &str = "mysql_query 'SELECT 1'; mysql_format csv;";
    const LOGIN: &str = "mysql_query 'SELECT 1'; mysql_user me; mysql_password secret; mysql_database db;";
    let rows = || set(&[b"\x011\x04x\"\n\xff", b"\xfb\xfb", b"\x03-07\xfc\x02\x00\xc3\xa9"]);
    let native = "mysql_native_password";
    let switch = [b"\xfemysql_native_password\0", &b"ABCDEFGHIJKLMNOPQRST\0"[..]].concat();
    vec![
        Case::new("mysql", JSON, rows()).body(
            "[{\"id\":1,\"name\":\"x\\\"\\n\u{fffd}\"},\n{\"id\":null,\"name\":null},\n\
             {\"id\":\"-07\",\"name\":\"\u{e9}\"}]\n",
        ),
        Case::new("mysql", CSV, rows())
            .body([&b"\"id\",\"name\"\r\n1,\"x\"\"\n\xff\"\r\n,\r\n-07,\"\xc3\xa9\"\r\n"[..]].concat()),
        Case::new("mysql", JSON, set(&[])).body("[]\n"),
        Case::new("mysql", JSON, packets(1, &[b"\x00\x03\xfc\x00\x01\x02\0\0\0"]))
            .body(r#"{"affected_rows":3,"insert_id":256}"#),
        Case::new("mysql", JSON, packets(1, &[b"\xff\x26\x04#23000Duplicate entry"])).status(409),
        Case::new("mysql", LOGIN, set(&[])).greeted(welcome(native, &[])).body("[]\n"),
        Case::new("mysql", LOGIN, set(&[]))
            .greeted(welcome("caching_sha2_password", &[&[1, 3]]))
            .body("[]\n"),
        Case::new("mysql", LOGIN, set(&[])).greeted(welcome("another", &[&switch])).body("[]\n"),
    ]
}

fn tutorials() -> Vec<Case> {
    vec![
        Case::new("echo", "", "hello\n").body("hello\n"),
        Case::new("echo", "echo_line you;", "\n").body("\n"),
        Case::new("search", "", "HTTP/1.1 200 OK\r\nX-Some:  thing\r\n\r\nfound it").body("found it").once(),
        Case::new("search", "", "HTTP/1.0 404 No\r\nContent-Length: 2\r\n\r\nno")
            .status(404)
            .body("no")
            .once(),
    ]
}
