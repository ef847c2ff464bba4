//! What is written: access log formats and conditions, error log lines and levels.

use crate::kit::{Origin, Server, http};

#[test]
fn the_combined_format_is_the_default() {
    let s = Server::locations("location / { return 200 1234; }").start();
    s.connect().ask(http::get("/p?q", &["User-Agent: me \"and\" \\ \x01", "Referer: there"]));
    let line = s.wait_for_access("GET /p?q");
    assert!(line.starts_with("127.0.0.1 - - ["), "{line}");
    let escaped = r#"] "GET /p?q HTTP/1.1" 200 4 "there" "me \x22and\x22 \x5C \x01""#;
    assert_eq!(line.trim_end().split_once(']').map(|(_, rest)| format!("]{rest}")).as_deref(), Some(escaped));
}

#[test]
fn formats_conditions_and_off() {
    let s = Server::http(
        r#"log_format mine '$uri|$status|$body_bytes_sent|$bytes_sent|'
                           '$request_length|$arg_x|$connection_requests';
           log_format json escape=json '{"agent":"$http_user_agent"}';
           map $status $failed { default 0; ~^[45] 1; }
           server { listen 127.0.0.1:%%PORT_0%%;
               access_log mine.log mine; access_log failed.log mine if=$failed; access_log json.log json;
               location / { return 200 ok; } location /bad { return 404 no; }
               location /silent { access_log off; return 200; } }"#,
    )
    .start();
    let mut c = s.connect();
    let request = http::get("/a?x=y", &["User-Agent: \"q\"\\"]);
    let length = request.len();
    let r = c.ask(&request);
    c.get("/silent");
    c.get("/bad");
    let sent = r.head.raw.len() + 2;
    assert_eq!(
        s.wait_for_line("failed.log", "/bad").trim_end(),
        s.wait_for_line("mine.log", "/bad").trim_end()
    );
    assert_eq!(s.wait_for_line("mine.log", "/a").trim_end(), format!("/a|200|2|{sent}|{length}|y|1"));
    assert_eq!(s.wait_for_line("json.log", "agent").trim_end(), r#"{"agent":"\"q\"\\"}"#);
    assert!(!s.read_file("mine.log").contains("silent") && !s.read_file("failed.log").contains("/a"));
}

#[test]
fn error_lines_name_client_server_request_and_upstream() {
    let s =
        Server::locations("server_name me; location / { proxy_pass http://127.0.0.1:%%PORT_1%%/x; }").start();
    s.connect().ask("GET /y HTTP/1.1\r\nHost: you\r\nReferer: http://there/\r\n\r\n");
    let line = s.wait_for_log("Connection refused");
    let tail = format!(
        "connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, \
         server: me, request: \"GET /y HTTP/1.1\", upstream: \"http://{}/xy\", host: \"you\", \
         referrer: \"http://there/\"\n",
        s.addr_of(1)
    );
    assert!(line.contains(" [error] ") && line.ends_with(&tail), "{line}");
    let words: Vec<&str> = line.split(' ').collect();
    let worker = s.worker_pids()[0];
    assert_eq!(words[3], format!("{worker}#{worker}:"), "{line}");
    assert!(words[4].starts_with('*'), "{line}");
}

#[test]
fn the_level_of_the_innermost_error_log_decides() {
    let s = Server::locations(
        "root html; location /loud { error_log loud.log error; }
         location /quiet { error_log quiet.log crit; }",
    )
    .start();
    s.get("/quiet");
    s.get("/loud");
    s.wait_for_line("loud.log", "No such file or directory");
    assert_eq!(s.read_file("quiet.log"), "");
    assert!(!s.log().contains("html/loud"));
}

#[test]
fn upstream_variables_list_every_peer() {
    let origin = Origin::always(http::reply("200 OK", &["X-From: origin"], b"12345"));
    let s = Server::http(
        "log_format ups '$upstream_addr|$upstream_status|$upstream_response_length|'
                        '$upstream_http_x_from|end';
         server { listen 127.0.0.1:%%PORT_0%%; access_log ups.log ups;
             location / { proxy_pass http://%%ORIGIN%%; } location /none { return 204; } }",
    )
    .with("ORIGIN", origin.addr())
    .start();
    s.get("/");
    assert_eq!(s.wait_for_line("ups.log", "|end").trim_end(), format!("{}|200|5|origin|end", origin.addr()));
    s.get("/none");
    s.wait_for_line("ups.log", "-|-|-|-|end");
}

#[test]
fn a_log_named_by_a_variable_is_opened_when_written() {
    let s = Server::locations("access_log %%DIR%%/logs/$arg_name.log; root html; location / { return 200; }");
    let s = s.start();
    // the worker must be able to make files here, whoever it runs as
    std::fs::set_permissions(s.dir().join("logs"), std::os::unix::fs::PermissionsExt::from_mode(0o777))
        .expect("permissions");
    std::fs::create_dir_all(s.dir().join("html")).expect("the root has to exist");
    s.get("/?name=one");
    s.wait_for_line("logs/one.log", "name=one");
}
