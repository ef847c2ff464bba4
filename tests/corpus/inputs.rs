//! Good messages that clients, resolvers and people who write configurations send.

use headwater::resolver::message::{Kind, name, question};

fn all(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

pub fn request_heads() -> Vec<Vec<u8>> {
    all(&[
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET /a/b.html?x=1&y#z HTTP/1.1\r\nHost: a:8080\r\nCookie: a=b; c=d\r\nRange: bytes=0-5\r\n\r\n",
        "POST /%41/../b//c/./d HTTP/1.1\nHost: a\nContent-Length: 5\n\nhello",
        "PUT http://host.example:81/path?args HTTP/1.1\r\nHost: b\r\n\
          Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
        "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
        "GET /\r\n",
        "HEAD /a+b HTTP/1.0\r\nAccept-Encoding: gzip;q=0.5, *;q=0\r\nIf-None-Match: \"a\", W/\"b\"\r\n\r\n",
        "GET http://[::1]?q HTTP/1.1\r\nHost: [::1]\r\nX_Y: under\r\nExpect: 100-continue\r\n\r\n",
        "PROPFIND /\u{e9} HTTP/1.1\r\nHost: \u{e9}.example\r\n\
          If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
    ])
}

pub fn fields() -> Vec<Vec<u8>> {
    all(&[
        "Host: a\r\n\r\n",
        "Content-Length: 5\r\nA: b\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTrailer: x\n\n",
        "A:b\r\nB:\t c \t\r\nC:\r\nD: e: f\r\n\r\n",
        "Content-Length: 9223372036854775807\r\nX_Y: z\r\n\r\n",
    ])
}

pub fn reply_heads() -> Vec<Vec<u8>> {
    all(&[
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        "HTTP/1.0 404 Not Found\nServer: x\n\n",
        "HTTP/1.1 204\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 \r\n\r\n",
        "HTTP/2.0 403.1 Words and  words\r\nA: b\r\n\r\n",
    ])
}

pub fn chunked() -> Vec<Vec<u8>> {
    all(&[
        "5\r\nhello\r\n0\r\n\r\n",
        "a\n0123456789\n00\n\n",
        "1;x=y\r\na\r\n2 ;z=\"q;\"\r\nbc\r\n000\r\nX-T: u\r\nY: z\r\n\r\n",
        "FfF\r\n",
        "0\r\n\r\nGET / HTTP/1.1\r\n",
        "7fffffffffffffff\r\nabc",
    ])
}

pub fn uris() -> Vec<Vec<u8>> {
    all(&[
        "/",
        "/a/b/../c/./d//e/",
        "/%41%2f%2e%2E/%c3%a9?a=%00&b=c#d",
        "/a.b/c.d?e=f/../g",
        "?x",
        "/a%3fb%23c%25d%20e/..",
        "http://a/b",
        "/a\\b/;c=d/%5c..%5c",
    ])
}

pub fn values() -> Vec<Vec<u8>> {
    all(&[
        "bytes=0-0,5-9,-5,10-",
        "bytes=0-18446744073709551615",
        "a.example.com:8080",
        "[2001:db8::1]:443",
        "127.0.0.1:80",
        "unix:/tmp/a.sock:/b",
        "a=b; session=c; d",
        "session=x; Path=/; Domain=.a.b; HttpOnly",
        "a=1&b=%20&a=2&session",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        "gzip;q=0.5, deflate, *;q=0",
        "\"a\", W/\"b\", *",
        "chunked",
        "12345",
        "10m",
        "1h 30m 5s 10ms",
        "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        "*.a.example.com",
        "www.a.*",
        "10.0.0.0/8",
        "fe80::/10",
    ])
}

pub fn dns() -> Vec<Vec<u8>> {
    let name = name(b"www.example.com").expect("a name");
    let answer = |kind, records: &[&[u8]]| {
        let mut bytes = question(0x1234, &name, kind);
        bytes[2..4].copy_from_slice(&[0x81, 0x80]);
        bytes[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
        bytes.extend(records.concat());
        bytes
    };
    let a = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01";
    let aaaa = b"\xc0\x0c\0\x1c\0\x01\0\0\0\x3c\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01";
    let alias = b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03cdn\xc0\x10";
    let service = b"\xc0\x0c\0\x21\0\x01\0\0\0\x3c\0\x0a\0\x01\0\x02\x1f\x90\x01a\xc0\x10";
    let mut none = answer(Kind::A, &[]);
    none[3] = 0x83;
    none[9] = 1;
    none.extend(
        b"\xc0\x10\0\x06\0\x01\0\0\x0e\x10\0\x18\x01n\xc0\x10\x01m\xc0\x10\0\0\0\x01\0\
          \0\0\x02\0\0\0\x03\0\0\0\x3c",
    );
    vec![
        answer(Kind::A, &[a]),
        answer(Kind::Aaaa, &[alias, aaaa]),
        answer(Kind::Srv, &[service, service]),
        none,
        question(7, &name, Kind::A),
    ]
}

pub fn proxy_protocol() -> Vec<Vec<u8>> {
    let mut inputs = all(&[
        "PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\nGET /",
        "PROXY TCP6 2001:db8::1 ::1 65535 1\r\n",
        "PROXY UNKNOWN\r\n",
        "PROXY UNKNOWN whatever else\r\n",
    ]);
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    let tlvs = b"\x01\0\x02h2\x20\0\x0c\x01\0\0\0\0\x22\0\x04name\x04\0\x01\0";
    let v4 =
        [&signature[..], b"\x21\x11\0\x23", &[192, 0, 2, 1, 192, 0, 2, 2, 0, 123, 22, 46], tlvs].concat();
    let v6 = [&signature[..], b"\x21\x21\0\x24", &[1; 36]].concat();
    let local = [&signature[..], b"\x20\0\0\0"].concat();
    inputs.extend([v4, v6, local]);
    inputs
}

pub fn templates() -> Vec<Vec<u8>> {
    all(&["plain", "$a and ${b}c", "$a$a${a}_$1$2", "x$arg_name-$http_x_y", "{\"a\": \"$a\"}", "${a}${b}"])
}

pub fn sql() -> Vec<Vec<u8>> {
    all(&[
        "SELECT * FROM t WHERE id = $arg_id",
        "SELECT 'it''s', \"q\\\"\", `c` FROM t WHERE a = $a AND b LIKE $b",
        "SELECT 1 /* a comment */, $x -- the end\n FROM t # more\n WHERE c = $a",
        "INSERT INTO t (a, b) VALUES ($a, $b)",
        "SELECT 5--1, $a, '--', '/*', $b, '*/'",
        "select /*! 1 */ 'a\\'b', $x",
    ])
}

pub fn rewriting() -> Vec<Vec<u8>> {
    all(&[
        "http://peer/a?b",
        "/relative",
        "https://other:8080/x#y",
        "5; url=http://peer/next",
        "name=value; Path=/a/b; Domain=peer; Secure",
        "a=b; path=\"/a\"; domain=.peer; SameSite=None; HttpOnly",
        "a",
    ])
}

pub fn configurations() -> Vec<Vec<u8>> {
    all(&[
        "worker_processes 2; worker_rlimit_nofile 1000; events { worker_connections 64; multi_accept on; }
         http { server { listen 127.0.0.1:8080; location / { return 200 ok; } } }",
        "events {} http { upstream backend { zone z 64k; server 127.0.0.1:8001 weight=2 max_fails=1
             fail_timeout=5s;
             server 127.0.0.1:8002 backup; server unix:/tmp/x down; keepalive 4; least_conn; }
           server { listen 8080; server_name a.example *.b.example ~^(?<sub>.+)\\.c$;
             location / { proxy_pass http://backend; proxy_set_header Host $host; proxy_buffers 4 8k;
               proxy_next_upstream error timeout http_503; proxy_redirect ~^(.*)$ /x$1; }
             location ~* \\.(php|html)$ { fastcgi_pass 127.0.0.1:9000; fastcgi_param A $uri if_not_empty; }
             location = /m { set $memcached_key $uri; memcached_pass 127.0.0.1:11211; } } }",
        "events { } http { map $http_x $y { default a; ~^b(.) $1; *.c d; hostnames; } geo $g {
             default 0; 10.0.0.0/8 1; }
           split_clients $remote_addr $v { 50% a; * b; } limit_req_zone $binary_remote_addr
             zone=one:1m rate=5r/s;
           log_format main '$remote_addr [$time_local] \"$request\" $status'; access_log access.log main;
           server { listen [::1]:81 default_server; limit_req zone=one burst=5 nodelay; error_page 404 = /x;
             if ($y = a) { rewrite ^/(.*)$ /z/$1 last; } location /z { alias /tmp/; autoindex on;
             expires 1h; }
             location @named { try_files $uri $uri/ =404; add_header X-A \"b c\" always; } } }",
        "events {} http { gzip on; gzip_types text/css; charset utf-8; client_max_body_size 1k;
             keepalive_timeout 5s 5;
           server { listen 127.0.0.1:82; root html; ssi on; sub_filter a b; auth_basic off; satisfy
             any; allow 127.0.0.1;
             deny all; location /r { redis_query GET $arg_k; redis_format json; redis_pass 127.0.0.1:6379; }
             location /q { mysql_query 'SELECT 1'; mysql_pass 127.0.0.1:3306; }
             location /u { uwsgi_param A b; uwsgi_pass unix:/tmp/u; } location /s { scgi_pass
             127.0.0.1:4000; } } }",
        "# comment\nevents { } http { types { text/html html htm; } server { listen 83; server_name
             \"\"; return 301 /a; }
           server { listen 83; server_name 'q\\'r' \"s\\\"t\"; location ^~ /a { internal; limit_rate 10k; }
             location /b { proxy_pass http://127.0.0.1:1$request_uri; resolver 127.0.0.1; } }
             include part.conf; }",
    ])
}
