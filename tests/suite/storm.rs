//! Many requests at once, of every kind, with origins that fail in every way and clients that leave.
//!
//! The URI says what the origin is to do, so each client knows what it may be given: the whole body, or
//! (when the origin breaks off) a part of it in a response that says it is incomplete. Afterwards the worker
//! must hold no more descriptors than before.

use std::io::Write;
use std::time::Duration;

use crate::kit::origin::Talk;
use crate::kit::{Client, Origin, Server, http, process, wait};

/// Small numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % sides
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len() as u64) as usize]
    }
}

fn body(size: usize) -> Vec<u8> {
    (0..size).map(|n| b'a' + (n % 23) as u8).collect()
}

/// Answers `/SIZE/FRAMING/END` requests until one ends the connection.
fn obey(talk: &mut Talk) {
    while let Some(seen) = talk.request() {
        let path = seen.line().split(' ').nth(1).unwrap_or_default().to_owned();
        let words: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let [size, framing, end] = words[..] else { panic!("not for this origin: {path}") };
        let body = body(size.parse().expect("a size"));
        let mut reply = b"HTTP/1.1 200 OK\r\n".to_vec();
        if end != "whole" || framing == "close" {
            // a connection that will end must not be taken for one that can be kept
            reply.extend_from_slice(b"Connection: close\r\n");
        }
        match framing {
            "length" => write!(reply, "Content-Length: {}\r\n\r\n", body.len()).expect("a vector grows"),
            "chunked" => reply.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n"),
            _ => reply.extend_from_slice(b"\r\n"),
        }
        let head = reply.len();
        if framing == "chunked" {
            for chunk in body.chunks(1000) {
                write!(reply, "{:x}\r\n", chunk.len()).expect("a vector grows");
                reply.extend_from_slice(chunk);
                reply.extend_from_slice(b"\r\n");
            }
            reply.extend_from_slice(b"0\r\n\r\n");
        } else {
            reply.extend_from_slice(&body);
        }
        match end {
            "cut" => reply.truncate(head + body.len() / 2),
            "early" => reply.truncate(head / 2),
            _ => {}
        }
        talk.send(&reply);
        if end == "reset" {
            return talk.reset();
        }
        if end != "whole" || framing == "close" {
            return;
        }
    }
}

/// One client: several requests on a connection, now and then gone before the answer is.
fn visit(s: &Server, dice: &mut Dice) {
    let mut c: Client = s.connect();
    for _ in 0..1 + dice.roll(4) {
        let size = [0, 1, 100, 4096, 5000, 100_000, 700_000][dice.roll(7) as usize];
        let framing = dice.pick(&["length", "chunked", "close"]);
        let end = dice.pick(&["whole", "whole", "whole", "whole", "cut", "early", "reset"]);
        let upload = body([0, 0, 10, 50_000][dice.roll(4) as usize]);
        let method = if upload.is_empty() { "GET" } else { "POST" };
        let place = dice.pick(&["/buffered", "/unbuffered"]);
        let request = http::request(method, &format!("{place}/{size}/{framing}/{end}"), &[], &upload);
        c.send(&request);
        if dice.roll(12) == 0 {
            if dice.roll(2) == 0 {
                c.reset();
            }
            return;
        }
        let r = c.response();
        let what = format!("{place}/{size}/{framing}/{end}: {} {} bytes", r.status, r.body.len());
        let whole = body(size);
        match (r.status, end) {
            (200, "whole") => assert!(r.complete && r.body == whole, "{what}"),
            (200, "early") => panic!("{what}: a head that was cut became an answer"),
            // without a length, the end of the connection is all there is to tell the end
            (200, "cut") if framing != "close" && size > 0 => {
                assert!(!r.complete && whole.starts_with(&r.body), "{what}");
            }
            (200, _) => assert!(whole.starts_with(&r.body), "{what}"),
            (502, "early" | "reset") => {}
            (502, "cut") if size == 0 => {}
            _ => panic!("{what}"),
        }
        if !r.complete || r.header("Connection") == Some("close") {
            return;
        }
    }
}

#[test]
fn a_storm_of_everything_leaves_nothing_behind() {
    let origin = Origin::each(obey);
    let s = Server::http(
        "upstream u { server %%ORIGIN%% max_fails=0; keepalive 8; }
         server { listen 127.0.0.1:%%PORT_0%%; client_max_body_size 1m; proxy_http_version 1.1;
             proxy_set_header Connection ''; proxy_buffers 4 4k; client_body_buffer_size 16k;
             location /buffered/ { proxy_pass http://u/; }
             location /unbuffered/ { proxy_buffering off; proxy_request_buffering off; proxy_pass http://u/; }
             location /quiet { return 204; } }",
    )
    .with("ORIGIN", origin.addr())
    .start();
    assert_eq!(s.get("/quiet").status, 204);
    let worker = s.worker_pids()[0];
    let before = process::open_files(worker);
    std::thread::scope(|scope| {
        for seed in 0..8 {
            let s = &s;
            scope.spawn(move || {
                let mut dice = Dice(seed);
                for _ in 0..25 {
                    visit(s, &mut dice);
                }
            });
        }
    });
    // up to 8 idle connections may be kept to the origin; when it goes, they go
    drop(origin);
    wait::until("the worker to let go of all descriptors", || {
        (process::open_files(worker) <= before).then_some(())
    });
    assert_eq!(s.get("/quiet").status, 204);
    assert_eq!(s.worker_pids(), [worker]);
}

#[test]
fn slow_readers_and_fast_ones_share_a_worker() {
    let large = body(8_000_000);
    let origin = Origin::always(http::reply("200 OK", &[], &large));
    let s = Server::locations(
        "location /b { proxy_pass http://%%ORIGIN%%; }
         location /u { proxy_buffering off; proxy_pass http://%%ORIGIN%%; } location / { return 200 quick; }",
    )
    .with("ORIGIN", origin.addr())
    .start();
    // these take nothing yet, so their answers fill whatever lies between
    let mut slow: Vec<Client> = ["/b", "/u"]
        .iter()
        .map(|uri| {
            let mut c = s.connect();
            c.send(http::get(uri, &[]));
            c
        })
        .collect();
    origin.wait_for_requests(2);
    for _ in 0..50 {
        assert_eq!(s.get("/").text(), "quick");
    }
    for c in &mut slow {
        let r = c.response();
        assert!(r.complete && r.body == large);
    }
    assert_eq!(slow[0].get("/").text(), "quick");
}

#[test]
fn a_crowd_of_idle_clients_is_served_when_it_wakes() {
    let s = Server::conf(
        "worker_processes 1; events { worker_connections 1200; }
         http { access_log off; keepalive_timeout 60s;
                server { listen 127.0.0.1:%%PORT_0%% backlog=1024; return 200 $connection_requests; } }",
    )
    .start();
    let mut crowd: Vec<Client> = (0..1000).map(|_| s.connect()).collect();
    for round in 1..=3 {
        for c in &mut crowd {
            c.send(http::get("/", &[]));
        }
        for c in &mut crowd {
            assert_eq!(c.response().text(), round.to_string());
        }
    }
}

#[test]
fn more_clients_than_connections_are_turned_away_and_served_later() {
    let s = Server::conf(
        "worker_processes 1; events { worker_connections 32; }
         http { access_log off; server { listen 127.0.0.1:%%PORT_0%%; return 200 served; } }",
    )
    .allow("worker_connections are not enough")
    .allow("accept4() failed")
    .start();
    let mut crowd: Vec<Client> = (0..60).map(|_| s.connect()).collect();
    let mut served = 0;
    for c in &mut crowd {
        c.stream().set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        c.send(http::get("/", &[]));
        served += usize::from(c.try_head().is_some_and(|head| head.start.contains("200")));
    }
    // idle ones make room, so how many are served depends on who is first; but a server that is full serves
    assert!(served >= 16, "{served} were served");
    drop(crowd);
    wait::until("a connection to be free", || s.connect().send(http::get("/", &[])).try_head());
}
