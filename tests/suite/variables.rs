//! The built-in variables: what a request, its connection and its answer are made of.

use crate::kit::{Response, Server, http};

/// A location that answers with these variables.
fn echo(text: &str) -> Server {
    Server::locations(&format!("server_name named other; location / {{ return 200 \"{text}\"; }}")).start()
}

#[test]
fn the_request_is_told_by_its_parts() {
    let s = echo(
        "$request|$request_method|$request_uri|$uri|$document_uri|$args|$query_string|$is_args|\
         $server_protocol|$scheme|$https|$host|$server_name|$http_x_a|$content_type|$content_length",
    );
    let request =
        http::request("PUT", "/a%20b/../c?x=%20", &["X-A: 1", "X-A: 2", "Content-Type: t/x"], b"hello");
    assert_eq!(
        s.connect().ask(request).text(),
        "PUT /a%20b/../c?x=%20 HTTP/1.1|PUT|/a%20b/../c?x=%20|/c|/c|x=%20|x=%20|?|HTTP/1.1|http||localhost|\
         named|1, 2|t/x|5"
    );
    assert_eq!(
        s.connect().ask("GET http://Me:8080 HTTP/1.0\r\n\r\n").text(),
        "GET http://Me:8080 HTTP/1.0|GET|/|/|/||||HTTP/1.0|http||me|named|||"
    );
}

#[test]
fn a_request_without_a_host_has_the_servers_name() {
    let s = echo("$host|$request_port|$is_request_port|$http_host");
    assert_eq!(s.connect().ask("GET / HTTP/1.0\r\n\r\n").text(), "named|||");
    assert_eq!(s.connect().ask("GET / HTTP/1.1\r\nHost: YOU:81\r\n\r\n").text(), "you|81|:|YOU:81");
    assert_eq!(s.connect().ask("GET / HTTP/1.1\r\nHost: [::1]:81\r\n\r\n").text(), "[::1]|81|:|[::1]:81");
}

#[test]
fn arguments_and_cookies_are_found_by_name() {
    let s = echo("$arg_a|$arg_b|$arg_A|$cookie_id|$cookie_x|$http_cookie");
    let r = s.connect().ask(http::get("/?b=&a=1&a=2&A=3", &["Cookie: x=y; id=7", "Cookie: id=8"]));
    assert_eq!(r.text(), "1||1|7|y|x=y; id=7; id=8");
}

#[test]
fn the_connection_has_two_ends_a_number_and_a_count() {
    let s =
        echo("$remote_addr:$remote_port|$server_addr:$server_port|$connection_requests|$proxy_protocol_addr");
    let mut c = s.connect();
    let here = c.stream().local_addr().expect("an address");
    assert_eq!(c.get("/").text(), format!("{here}|{}|1|", s.addr()));
    assert_eq!(c.get("/").text(), format!("{here}|{}|2|", s.addr()));
}

#[test]
fn a_unix_socket_has_no_ports() {
    use std::io::{Read, Write};
    let s = Server::http(
        r#"server { listen unix:%%DIR%%/socket; listen 127.0.0.1:%%PORT_0%%;
           location / { return 200 "$remote_addr:$remote_port|$server_addr:$server_port"; } }"#,
    )
    .start();
    let mut c = std::os::unix::net::UnixStream::connect(s.dir().join("socket")).expect("a connection");
    c.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("sent");
    let mut answer = String::new();
    c.read_to_string(&mut answer).expect("an answer");
    assert!(answer.ends_with(&format!("\r\n\r\nunix::|unix:{}/socket:", s.dir().display())), "{answer}");
}

#[test]
fn the_user_is_the_one_of_basic_authorization() {
    let s = echo("$remote_user|");
    let user = |field: &str| s.connect().ask(http::get("/", &[field])).text();
    assert_eq!(user("Authorization: Basic bWU6c2VjcmV0"), "me|");
    assert_eq!(user("Authorization: basic bWU6"), "me|");
    assert_eq!(user("Authorization: Basic bWU"), "|");
    assert_eq!(user("Authorization: Bearer bWU6c2VjcmV0"), "|");
    assert_eq!(user("X: y"), "|");
}

#[test]
fn each_request_has_an_id_of_its_own() {
    let s = echo("$request_id $request_id");
    let ids: Vec<String> = (0..3).map(|_| s.get("/").text()).collect();
    for id in &ids {
        let (one, two) = id.split_once(' ').expect("two");
        assert!(one == two && one.len() == 32 && one.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
    }
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[test]
fn times_have_their_forms() {
    let s = echo("$msec $time_iso8601 $request_time $connection_time $pid $time_local");
    let text = s.get("/").text();
    let parts: Vec<&str> = text.splitn(6, ' ').collect();
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    assert!(digits(parts[0]) && parts[0].len() == 14, "{text}");
    assert!(parts[1].len() == 25 && parts[1].as_bytes()[10] == b'T', "{text}");
    assert!(digits(parts[2]) && digits(parts[3]) && digits(parts[4]), "{text}");
    assert!(parts[5].len() == 26 && parts[5].as_bytes()[2] == b'/', "{text}");
    assert_eq!(s.worker_pids(), [parts[4].parse::<u32>().expect("a number")]);
}

#[test]
fn files_are_told_by_root_and_alias() {
    let s = Server::locations(
        r#"root %%DIR%%/html/../html; location / { return 200 "$document_root $request_filename"; }
           location /al/ { alias %%DIR%%/other/; return 200 "$document_root $request_filename"; }
           location /real { return 200 "$realpath_root"; }"#,
    )
    .file("html/x", "")
    .start();
    let dir = s.dir().display().to_string();
    assert_eq!(s.get("/x").text(), format!("{dir}/html/../html {dir}/html/../html/x"));
    assert_eq!(s.get("/al/y").text(), format!("{dir}/other/ {dir}/other/y"));
    let real = s.dir().join("html").canonicalize().expect("a path");
    assert_eq!(s.get("/real").text(), real.display().to_string());
}

#[test]
fn the_log_knows_what_was_answered() {
    let s = Server::http(
        "log_format all '$status|$sent_http_content_type|$sent_http_content_length|$sent_http_connection|\
             $sent_http_keep_alive|$sent_http_location|$request_completion|$pipe|$body_bytes_sent|\
             $request_length|';
         server { listen 127.0.0.1:%%PORT_0%%; keepalive_timeout 60s 20s; access_log all.log all;
             location / { return 200 12345; } location /moved { return 302 /there; } }",
    )
    .start();
    let mut c = s.connect();
    let body = http::request("POST", "/", &[], b"0123456789");
    let length = body.len();
    c.send([&body[..], &http::get("/moved", &["Connection: close"])].concat());
    let (first, second): (Response, Response) = (c.response(), c.response());
    assert_eq!((first.status, second.status), (200, 302));
    s.wait_for_line("all.log", "302");
    let log = s.read_file("all.log");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(
        lines[0],
        format!("200|text/plain|5|keep-alive|timeout=20||OK|.|5|{length}|").replace("||OK", "|-|OK")
    );
    assert!(lines[1].starts_with("302|text/html|") && lines[1].contains("|close|-|"), "{log}");
    assert!(lines[1].contains("|OK|p|"), "{log}");
}

#[test]
fn a_rate_that_is_set_is_read_back_in_bytes() {
    let s = Server::locations(
        r#"location /set { set $limit_rate $arg_l; return 200 $limit_rate; }
           location /conf { limit_rate 3k; return 200 $limit_rate; }"#,
    )
    .start();
    assert_eq!(s.get("/set?l=40k").text(), "40960");
    assert_eq!(s.get("/set?l=x").text(), "0");
    assert_eq!(s.get("/conf").text(), "3072");
}

#[test]
fn the_proxy_protocol_names_the_client() {
    let s = Server::http(
        "server { listen 127.0.0.1:%%PORT_0%% proxy_protocol; location / { return 200
             '$proxy_protocol_addr:$proxy_protocol_port \
              $proxy_protocol_server_addr:$proxy_protocol_server_port \
              $proxy_protocol_tlv_alpn $proxy_protocol_tlv_0x1'; } }",
    )
    .allow("broken header")
    .start();
    let request = http::get("/", &[]);
    let line = b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n".to_vec();
    let mut binary =
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x11\xc0\x00\x02\x01\xc0\x00\x02\x02\x00\x7b\x16\x2e".to_vec();
    binary.extend_from_slice(b"\x01\x00\x02h2");
    for (header, tlvs) in [(line, " "), (binary, "h2 h2")] {
        let bytes = [&header[..], &request].concat();
        let answer = format!("192.0.2.1:123 192.0.2.2:5678 {tlvs}");
        for cut in 1..header.len() + 2 {
            let mut c = s.connect();
            c.send_pieces(&[&bytes[..cut], &bytes[cut..]]);
            assert_eq!(c.response().text(), answer, "cut at {cut}");
            assert_eq!(c.ask(&request).text(), answer, "the second request has no header of its own");
        }
    }
    assert_eq!(s.connect().ask([b"PROXY UNKNOWN\r\n", &request[..]].concat()).text(), ": :  ");
    s.connect().send(&request).expect_close();
    let line = s.wait_for_log("broken header: \"GET / HTTP/1.1");
    assert!(line.contains("while reading PROXY protocol, client: 127.0.0.1"), "{line}");
}
