//! A request like the one before it does not call the allocator.
//!
//! *In nginx* each request has a pool, which is allocated and freed with it.
//!
//! *Here* a worker keeps what requests need: exchanges with their lists, upstreams, pages. The server runs
//! on a thread of this test, whose allocations are counted (`sys/counting.rs`), so this test has a process
//! to itself.
//!
//! ```text
//!   this thread: client ──▶ counted thread: the server ──▶ another thread: origin
//! ```
//!
//! *Read next*: `src/http/exchange.rs: retire`, `src/worker/release.rs`.

use headwater::sys::counting::{Counting, calls, watch_this_thread};
use headwater::worker::app::Program;
use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const REPLY: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nETag: \"1\"\r\n\r\nhello";
const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\
    Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
const FIELDS: &str = "Host: localhost\r\nUser-Agent: test\r\nAccept: */*\r\nCookie: user=me\r\n\r\n";
const REQUESTS: u64 = 200;
/// Where the server does no more than it must, where it chooses among peers, where it does what most are told
/// to do, and where nobody knows how long the reply is.
const PATHS: [&str; 4] = ["/plain/b?c=d", "/several/b?c=d", "/usual/b?c=d", "/plain/chunked"];

/// Answers each request that ends with an empty line.
fn serve(mut stream: TcpStream) {
    let (mut head, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        head.extend_from_slice(&buffer[..n]);
        if head.ends_with(b"\r\n\r\n") {
            let chunked = head.starts_with(b"GET /plain/chunked");
            stream.write_all(if chunked { CHUNKED } else { REPLY }).unwrap();
            head.clear();
        }
    }
}

fn exchange(client: &mut TcpStream, path: &str) {
    client.write_all(format!("GET {path} HTTP/1.1\r\n{FIELDS}").as_bytes()).unwrap();
    let mut reply = Vec::new();
    let mut buffer = [0; 4096];
    while !reply.ends_with(b"hello") && !reply.ends_with(b"hello\r\n0\r\n\r\n") {
        let n = client.read(&mut buffer).unwrap();
        assert_ne!(n, 0, "closed after {:?}", String::from_utf8_lossy(&reply));
        reply.extend_from_slice(&buffer[..n]);
    }
    assert!(reply.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

/// A free port: it was one a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn connect(port: u16) -> TcpStream {
    loop {
        if let Ok(client) = TcpStream::connect(("127.0.0.1", port)) {
            return client;
        }
        std::thread::yield_now();
    }
}

#[test]
fn a_request_like_the_one_before_allocates_nothing() {
    let prefix = tempfile::tempdir().unwrap();
    let origin = TcpListener::bind("127.0.0.1:0").unwrap();
    let (peer, port) = (origin.local_addr().unwrap().port(), free_port());
    std::thread::spawn(move || {
        for stream in origin.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(stream));
        }
    });
    let conf = format!(
        "daemon off; master_process off; pid {0}/pid; error_log {0}/error.log; events {{ }}
         http {{ access_log {0}/access.log;
           upstream o {{ server 127.0.0.1:{peer}; keepalive 4; keepalive_requests 100000; }}
           upstream several {{ server 127.0.0.1:{peer}; server 127.0.0.1:{peer} weight=2; keepalive 4;
             keepalive_requests 100000; }}
           log_format more '$remote_addr [$time_iso8601] \"$request\" $status $bytes_sent '
             '$request_time $host \"$upstream_addr\" $upstream_response_time '
             '$upstream_status $cookie_user $arg_c $scheme $app';
           map $http_user_agent $app {{ default one; ~*bot two; }}
           server {{ listen 127.0.0.1:{port}; keepalive_requests 100000;
             proxy_http_version 1.1; proxy_set_header Connection \"\";
             location /plain/ {{ proxy_pass http://o; }}
             location /several/ {{ proxy_pass http://several; }}
             location /usual/ {{ proxy_pass http://o; gzip on; access_log {0}/more.log more;
               set $to \"$app-$remote_addr\"; if ($http_x_bad) {{ return 403; }}
               proxy_set_header Connection \"\"; proxy_set_header Host $host:$server_port;
               proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-To $to;
               proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
               proxy_set_header X-Forwarded-Proto $scheme; proxy_hide_header ETag;
               add_header X-Frame-Options SAMEORIGIN always; add_header X-Upstream $upstream_addr; }} }} }}",
        prefix.path().display()
    );
    std::fs::create_dir(prefix.path().join("logs")).unwrap();
    let file = prefix.path().join("nginx.conf");
    std::fs::write(&file, conf).unwrap();
    let mut arguments = vec![OsString::from("headwater"), "-p".into(), prefix.path().into()];
    arguments.extend([OsString::from("-c"), file.into()]);
    std::thread::spawn(move || {
        watch_this_thread();
        headwater::process::run(arguments, &Program::default());
    });
    let mut client = connect(port);
    for path in PATHS {
        for _ in 0..50 {
            exchange(&mut client, path);
        }
        let before = calls();
        for _ in 0..REQUESTS {
            exchange(&mut client, path);
        }
        let each = (calls() - before) as f64 / REQUESTS as f64;
        // A list that grows once in a while is no allocation of a request.
        assert!(each < 0.1, "{each} allocations a request of {path}");
    }
}
