//! Servers that speak other protocols than HTTP: the real ones.

use crate::kit::{Origin, Real, Response, Server, http};
use std::sync::mpsc;

fn start(peer: &Real, locations: &str) -> Server {
    Server::locations(locations).with("PEER", peer.addr()).start()
}

fn seen(r: &Response) -> (u16, String) {
    (r.status, r.text())
}

#[test]
fn memcached_stores_finds_and_forgets() {
    let memcached = Real::memcached();
    let origin = Origin::always(http::ok("from the origin"));
    let s = Server::locations(
        "location / {
             set $memcached_key \"$uri?$args\";
             set $memcached_exptime 100; set $memcached_flags $http_x_flags;
             memcached_write on; memcached_gzip_flag 2; memcached_pass %%PEER%%; default_type text/x;
         }
         location /or/ { set $memcached_key $uri; memcached_pass %%PEER%%; error_page 404 = @origin; }
         location @origin { proxy_pass http://%%ORIGIN%%; }
         location /mute/ { set $memcached_key $uri; memcached_pass %%PEER%%; }",
    )
    .with("PEER", memcached.addr())
    .with("ORIGIN", origin.addr())
    .start();
    let mut c = s.connect();
    let value = "a\r\nEND\r\n".repeat(20_000);
    assert_eq!(c.get("/a%20b?c").status, 404);
    assert_eq!(c.ask(http::request("PUT", "/a%20b?c", &[], value.as_bytes())).status, 201);
    let r = c.get("/a%20b?c");
    assert_eq!((r.status, r.body.len(), r.header("Content-Type")), (200, value.len(), Some("text/x")));
    assert!(r.text() == value);
    assert_eq!(c.ask(http::request("POST", "/a%20b?c", &[], b"other")).status, 409);
    assert_eq!(c.ask(http::request("PUT", "/z", &["X-Flags: 2"], b"zipped")).status, 201);
    assert_eq!(c.get("/z?").header("Content-Encoding"), Some("gzip"));
    assert_eq!(c.ask(http::request("DELETE", "/z", &[], b"")).status, 204);
    assert_eq!(c.ask(http::request("DELETE", "/z", &[], b"")).status, 404);
    assert_eq!(c.ask(http::request("PUT", "/e", &[], b"")).status, 201);
    assert_eq!(seen(&c.get("/e?")), (200, String::new()));
    assert_eq!(seen(&c.get("/or/x")), (200, "from the origin".to_owned()));
    assert_eq!(c.ask(http::request("PUT", "/mute/x", &[], b"no")).status, 405);
}

#[test]
fn redis_answers_any_command_in_three_forms() {
    let redis = Real::redis(&["--requirepass", "sesame"]);
    let s = start(
        &redis,
        "redis_auth sesame;
         location /set { redis_query SET $arg_k $arg_v; redis_pass %%PEER%%; }
         location /get { set $redis_key $arg_k; redis_pass %%PEER%%; }
         location /db3 { set $redis_key $arg_k; redis_db 3; redis_pass %%PEER%%; }
         location /push { redis_query RPUSH list $arg_k $arg_v; redis_pass %%PEER%%; }
         location /list { redis_query LRANGE list 0 -1; redis_format json; redis_pass %%PEER%%; }
         location /raw { redis_query LRANGE list 0 -1; redis_format raw; redis_pass %%PEER%%; }
         location /many { redis_query MGET $arg_k none list2; redis_pass %%PEER%%; }
         location /hash { redis_protocol 3; redis_query CONFIG GET maxmemory; redis_format json;
                          redis_pass %%PEER%%; }
         location /bad { redis_query GET list; redis_pass %%PEER%%; }
         location /locked { redis_auth wrong; redis_query PING; redis_pass %%PEER%%; }",
    );
    let mut c = s.connect();
    for _ in 0..2 {
        assert_eq!(seen(&c.get("/set?k=a&v=%00x")), (200, "OK".to_owned()));
        assert_eq!(seen(&c.get("/get?k=a")), (200, "%00x".to_owned()));
        assert_eq!(c.get("/db3?k=a").status, 404);
        assert_eq!(c.get("/get?k=none").status, 404);
    }
    assert_eq!(c.get("/push?k=1&v=\"").text(), "2");
    assert_eq!(seen(&c.get("/list")), (200, "[\"1\",\"\\\"\"]".to_owned()));
    assert_eq!(c.get("/raw").text(), "*2\r\n$1\r\n1\r\n$1\r\n\"\r\n");
    assert_eq!(c.get("/many?k=a").text(), "%00x\n\n\n");
    assert_eq!(c.get("/hash").text(), "{\"maxmemory\":\"0\"}");
    assert_eq!(c.get("/bad").status, 502);
    s.wait_for_log("upstream sent an error: \"WRONGTYPE");
    assert_eq!(c.get("/locked").status, 502);
    s.wait_for_log("upstream sent an error to the greeting: \"WRONGPASS");
}

const APPLICATION: &str = "
def application(env, start):
    body = env['wsgi.input'].read(int(env.get('CONTENT_LENGTH') or 0))
    fields = [('Content-Type', 'text/x'), ('X-Who', env.get('WHO', '')), ('X-A', env.get('HTTP_A', ''))]
    start('201 Made', fields)
    return [env['REQUEST_METHOD'].encode(), b' ', env['QUERY_STRING'].encode(), b' ', body]
";

#[test]
fn uwsgi_and_scgi_applications_answer() {
    for protocol in ["uwsgi", "scgi"] {
        let uwsgi = Real::uwsgi(protocol, APPLICATION);
        let length = if protocol == "uwsgi" { "uwsgi_param CONTENT_LENGTH $content_length;" } else { "" };
        let s = start(
            &uwsgi,
            &format!(
                "location / {{
                     {protocol}_param REQUEST_METHOD $request_method; {protocol}_param QUERY_STRING $args;
                     {protocol}_param REQUEST_URI $request_uri; {protocol}_param PATH_INFO $uri;
                     {protocol}_param SERVER_PROTOCOL $server_protocol; {protocol}_param SERVER_NAME x;
                     {protocol}_param SERVER_PORT 80; {protocol}_param WHO me; {length}
                     {protocol}_pass {protocol}://%%PEER%%;
                 }}"
            ),
        );
        let mut c = s.connect();
        let body = "body ".repeat(10_000);
        for text in ["", &body] {
            let r = c.ask(http::request("POST", "/x?q=1", &["A: 1", "a: 2"], text.as_bytes()));
            assert_eq!(
                (r.status, r.header("X-Who"), r.header("X-A")),
                (201, Some("me"), Some("1, 2")),
                "{protocol}"
            );
            assert!(r.text() == format!("POST q=1 {text}"), "{protocol}");
        }
        assert_eq!(c.ask(http::request("HEAD", "/", &[], b"")).status, 201);
    }
}

const HELLO: &str = "<?php error_log('from the script'); header('X-Info: ' . ($_SERVER['PATH_INFO'] ?? ''));
    if (isset($_GET['gone'])) http_response_code(410);
    if (isset($_GET['loud'])) for ($i = 0; $i < 100; $i++) error_log(str_repeat('l', 2000));
    echo $_SERVER['REQUEST_METHOD'], ' ', strlen(file_get_contents('php://input')), ' ';
    echo str_repeat('x', 100000);";

#[test]
fn php_answers_over_connections_that_are_kept() {
    let php = Real::php(&[("hello.php", HELLO)]);
    let s = Server::locations(
        "fastcgi_param SCRIPT_FILENAME %%SCRIPTS%%$fastcgi_script_name;
         fastcgi_param PATH_INFO $fastcgi_path_info;
         fastcgi_param REQUEST_METHOD $request_method; fastcgi_param QUERY_STRING $args;
         fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param CONTENT_TYPE $content_type;
         fastcgi_split_path_info ^(.+\\.php)(.*)$; fastcgi_index hello.php;
         location / { fastcgi_pass %%PEER%%; }
         location /kept/ { rewrite ^/kept(.*) $1 break;
                           fastcgi_keep_conn on; fastcgi_pass %%PEER%%; }
         location /stream/ { rewrite ^/stream(.*) $1 break;
                             fastcgi_request_buffering off; fastcgi_pass %%PEER%%; }
         location /caught/ { rewrite ^/caught(.*) $1 break;
                             fastcgi_catch_stderr script; fastcgi_pass %%PEER%%; }",
    )
    .with("PEER", php.addr())
    .with("SCRIPTS", php.dir().display())
    .start();
    let mut c = s.connect();
    let body = vec![b'b'; 70_000];
    for prefix in ["", "/kept", "/kept", "/kept", "/stream"] {
        let r = c.ask(http::request("POST", &format!("{prefix}/hello.php/more?q"), &[], &body));
        assert_eq!((r.status, r.header("X-Info")), (200, Some("/more")), "{prefix}");
        assert!(r.text().starts_with("POST 70000 xxx") && r.body.len() == 100_011, "{prefix}");
    }
    assert_eq!(c.get("/?gone").status, 410);
    assert_eq!(c.get("/?loud").status, 200);
    assert_eq!(c.get("/none.php").status, 404);
    s.wait_for_log(
        "FastCGI sent in stderr: \"Primary script unknown\" while reading response header from upstream",
    );
    assert_eq!(c.get("/caught/hello.php").status, 502);
}

const SHOP: &str =
    "CREATE TABLE fruit (id INT PRIMARY KEY, name VARCHAR(99) NOT NULL, price DECIMAL(5,2), note TEXT);
INSERT INTO fruit VALUES (1, 'apple', 0.50, NULL), (2, 'd''or', 12.00, 'a \"quote\"');
CREATE TABLE big (n INT, t TEXT);
INSERT INTO big SELECT seq, REPEAT('x', 1000) FROM seq_1_to_5000;
";

#[test]
fn mariadb_answers_queries_with_rows() {
    let mariadb = Real::mariadb(SHOP);
    let s = start(
        &mariadb,
        "mysql_user web; mysql_password \"it's secret\"; mysql_database shop;
         location /all { mysql_query 'SELECT * FROM fruit ORDER BY id'; mysql_pass %%PEER%%; }
         location /csv { mysql_query 'SELECT * FROM fruit ORDER BY id'; mysql_format csv;
                         mysql_pass %%PEER%%; }
         location /one { mysql_query 'SELECT id FROM fruit WHERE name = $arg_name'; mysql_pass %%PEER%%; }
         location /add { mysql_query 'INSERT INTO fruit VALUES ($arg_id, $arg_name, 1, NULL)';
                         mysql_pass %%PEER%%; }
         location /big { mysql_query 'SELECT * FROM big ORDER BY n'; mysql_pass %%PEER%%; }
         location /bad { mysql_query 'SELECT nothing'; mysql_pass %%PEER%%; }
         location /who { mysql_user nobody; mysql_query 'SELECT 1'; mysql_pass %%PEER%%; }",
    );
    let mut c = s.connect();
    let all = "[{\"id\":1,\"name\":\"apple\",\"price\":0.50,\"note\":null},\n\
               {\"id\":2,\"name\":\"d'or\",\"price\":12.00,\"note\":\"a \\\"quote\\\"\"}]\n";
    for _ in 0..2 {
        assert_eq!(seen(&c.get("/all")), (200, all.to_owned()));
    }
    let csv =
        "\"id\",\"name\",\"price\",\"note\"\r\n1,\"apple\",0.50,\r\n2,\"d'or\",12.00,\"a \"\"quote\"\"\"\r\n";
    assert_eq!(c.get("/csv").text(), csv);
    assert_eq!(c.get("/one?name=d'or").text(), "[{\"id\":2}]\n");
    assert_eq!(c.get("/one?name='/**/OR/**/1=1--").text(), "[]\n");
    assert_eq!(c.get("/add?id=3&name=fig").text(), "{\"affected_rows\":1,\"insert_id\":0}");
    assert_eq!(c.get("/add?id=3&name=fig").status, 409);
    assert_eq!(c.get("/add?id=x&name=fig").status, 400);
    let big = c.get("/big");
    assert!(big.complete && big.body.len() > 5_000_000 && big.text().ends_with("xxx\"}]\n"));
    assert_eq!(c.get("/bad").status, 502);
    s.wait_for_log("upstream sent an error: \"1054 (42S22): Unknown column 'nothing'");
    assert_eq!(c.get("/who").status, 502);
    s.wait_for_log("upstream sent an error to the login: \"1045 (28000): Access denied for user 'nobody'");
}

#[test]
fn a_gateway_may_say_too_much_but_not_too_little() {
    let origin = Origin::each(|talk| {
        let asked = talk.up_to(b",").unwrap_or_default();
        let has = |name: &str| String::from_utf8_lossy(&asked).contains(name);
        let (length, body) = match () {
            () if has("/much") => (8, "SEE-THIS-BUT-NOT-THIS"),
            () if has("/little") => (100, "SEE-THIS"),
            () if has("/none") => (100, ""),
            () => (0, "NOT-THIS"),
        };
        talk.send(format!("Content-Length: {length}\n\n{body}"));
    });
    for buffering in ["on", "off"] {
        let conf = format!(
            "scgi_buffering {buffering}; scgi_param REQUEST_URI $request_uri;
             location / {{ scgi_pass %%PEER%%; }}"
        );
        let s = Server::locations(&conf).with("PEER", origin.addr()).start();
        let get = |uri: &str| {
            let r = s.get(uri);
            (r.status, r.text(), r.complete)
        };
        assert_eq!(get("/much"), (200, "SEE-THIS".to_owned(), true));
        assert_eq!(get("/little"), (200, "SEE-THIS".to_owned(), false));
        assert_eq!(get("/none"), (200, String::new(), false));
        assert_eq!(get("/zero"), (200, String::new(), true));
        s.wait_for_log("upstream prematurely closed connection");
    }
}

#[test]
fn a_fastcgi_server_is_told_that_the_client_has_gone() {
    let (asked, is_asked) = mpsc::channel();
    let (told, was_told) = mpsc::channel();
    let origin = Origin::each(move |talk| {
        // The empty record of standard input ends the request.
        let request = talk.up_to(b"\x01\x05\0\x01\0\0\0\0").unwrap_or_default();
        let _ = asked.send(request);
        let _ = told.send(talk.read_to_end());
    });
    let conf = "location / { fastcgi_param A b; fastcgi_pass %%PEER%%; }";
    let s = Server::locations(conf).with("PEER", origin.addr()).start();
    let mut c = s.connect();
    c.send(http::get("/", &[]));
    assert!(is_asked.recv().expect("a request").starts_with(b"\x01\x01\0\x01"));
    drop(c);
    assert_eq!(was_told.recv().expect("an end"), b"\x01\x02\0\x01\0\0\0\0");
}
