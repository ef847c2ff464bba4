//! Damaged messages on real sockets: the worker lives on, and everybody else is served.
//!
//! `tests/fuzz.rs` tries the readers alone and many more inputs; here the whole server has to put up with
//! them, with the invariants of a debug build checked after every handler. `make fuzz N=…` tries more.

use crate::corpus::binary::welcome;
use crate::corpus::dice::{Dice, mutate};
use crate::corpus::{Case, inputs, replies};
use crate::kit::{Client, Origin, Server, http, process, wait};
use std::sync::{Arc, Mutex};

/// How many damaged messages each test sends.
fn times() -> u64 {
    let wanted = std::env::var("N").ok().and_then(|text| text.parse::<u64>().ok());
    wanted.map_or(250, |n| (n / 100).clamp(250, 20_000))
}

/// A client that is well behaved is answered, by the worker that was there at first.
fn is_well(s: &Server, good: &mut Client, worker: u32, what: &dyn Fn() -> String) {
    assert!(process::is_alive(worker), "the worker died of {}\n{}", what(), s.log());
    let r = good.get("/quiet");
    assert_eq!(r.status, 204, "after {}", what());
}

/// The worker holds no more descriptors than before.
fn holds_nothing(worker: u32, before: usize) {
    wait::until("the worker to hold nothing more than before", || {
        (process::open_files(worker) <= before).then_some(())
    });
}

#[test]
fn damaged_requests_leave_the_worker_well() {
    let origin =
        Origin::each(|talk| while talk.request().is_some() && talk.send(http::ok("from the origin")) {});
    let s = Server::http(
        "upstream u { server %%ORIGIN%% max_fails=0; keepalive 4; }
         limit_req_zone $uri zone=z:64k rate=1000r/s; map $http_host $mapped { ~^(?<h>.)a $h; default x; }
         keepalive_requests 1000000; client_header_timeout 1s; client_body_timeout 1s; lingering_timeout 1s;
         gzip on; gzip_min_length 1;
         server { listen 127.0.0.1:%%PORT_0%%; server_name ~^(?<sub>[a-z]+)\\. b;
             large_client_header_buffers 2 1k; client_header_buffer_size 128;
             proxy_http_version 1.1; proxy_read_timeout 1s; root %%DIR%%;
             location / { proxy_set_header X-M $mapped$sub$arg_a$cookie_a; proxy_pass http://u; }
             location /a { proxy_request_buffering off; proxy_buffering off; proxy_pass http://u/x; }
             location /files { add_header X-U $uri$args; ssi on; autoindex on; }
             location ~* \\.(html|d)$ { rewrite ^/(.*)$ /a/$1?$args; limit_req zone=z burst=100; }
             location = /quiet { return 204; } }
         server { listen 127.0.0.1:%%PORT_0%%; server_name a;
             return 200 \"$request_uri $host $http_range\\n\"; }",
    )
    .with("ORIGIN", origin.addr())
    .file("files/a.html", "<!--# echo var=\"arg_a\" -->text")
    .start();
    let corpus = [inputs::request_heads(), requests()].concat();
    let (mut good, worker) = (s.connect(), s.worker_pids()[0]);
    is_well(&s, &mut good, worker, &|| "nothing".to_owned());
    let before = process::open_files(worker);
    let mut dice = Dice(1);
    for n in 0..times() {
        let input = mutate(&mut dice, &corpus);
        let what = || format!("request {n}: b\"{}\"", input.escape_ascii());
        let mut c = s.connect();
        c.send_pieces(&dice.pieces(&input));
        if dice.below(8) == 0 {
            c.reset();
        } else {
            c.half_close().rest();
        }
        if n % 10 == 0 {
            is_well(&s, &mut good, worker, &what);
        }
    }
    is_well(&s, &mut good, worker, &|| "all of them".to_owned());
    drop(origin);
    holds_nothing(worker, before);
}

/// Requests with bodies, several on a connection, and for what is not passed on.
fn requests() -> Vec<Vec<u8>> {
    let chunked = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    let texts = [
        format!("POST /a/b HTTP/1.1\r\nHost: b\r\n{chunked}GET /quiet HTTP/1.1\r\nHost: b\r\n\r\n"),
        format!("POST /x?a=b HTTP/1.1\r\nHost: ca.b\r\nExpect: 100-continue\r\n{chunked}"),
        "PUT /a HTTP/1.1\r\nHost: b\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.0\r\n\r\n".to_owned(),
        "GET /files/a.html?a=<> HTTP/1.1\r\nHost: b\r\nAccept-Encoding: gzip\r\nRange: bytes=1-2,3-\r\n\r\n"
            .to_owned(),
        "GET /files/ HTTP/1.1\r\nHost: b\r\nIf-Modified-Since: x\r\nConnection: close\r\n\r\n".to_owned(),
        "GET /y/z.html?q HTTP/1.1\r\nHost: b\r\nCookie: a=1; a=2\r\n\r\n".repeat(3),
    ];
    texts.map(String::into_bytes).to_vec()
}

/// What the origin says next: whether it speaks first, the bytes, and whether it stays afterwards.
#[derive(Clone, Default)]
struct Script {
    first: bool,
    pieces: Vec<Vec<u8>>,
    stays: bool,
}

/// Modules whose replies can be kept.
const KEPT: [&str; 4] = ["proxy", "fastcgi", "scgi", "uwsgi"];

/// The locations of a case: buffered, unbuffered, into a page, kept for a second client.
fn locations(n: usize, case: &Case) -> String {
    let Case { module, directives, .. } = case;
    let scheme = if *module == "proxy" { "http://" } else { "" };
    let place = |kind: &str, more: &str| {
        format!(
            "location = /{n}/{kind} {{ set $memcached_key key; set $redis_key key; {directives}
                 {module}_read_timeout 300ms; {module}_next_upstream error timeout invalid_header; {more}
                 {module}_pass {scheme}backend; }}\n"
        )
    };
    let [buffered, unbuffered] = ["on", "off"].map(|value| format!("{module}_buffering {value};"));
    let kept = format!(
        "{module}_cache {module}; {module}_cache_key $request_uri; {module}_cache_valid any 1m;
         {module}_cache_use_stale error invalid_header; {module}_cache_lock on;"
    );
    let kept = if KEPT.contains(module) { kept } else { String::new() };
    place("buffered", &format!("{buffered} {module}_buffer_size 64; {module}_busy_buffers_size 4k;"))
        + &place("unbuffered", &unbuffered)
        + &place("kept", &kept)
        + &format!("location = /{n}/page {{ ssi on; ssi_types *; default_type text/html; root %%DIR%%; }}\n")
}

fn one_client(s: &Server, case: &Case, uri: &str, close: bool) -> Vec<u8> {
    let headers = ["Upgrade: websocket", "Connection: close"];
    let body: &[u8] = if matches!(case.method, "PUT" | "POST") { b"hello" } else { b"" };
    let mut c = s.connect();
    c.send(http::request(case.method, uri, &headers, body));
    if close {
        c.reset();
        return Vec::new();
    }
    c.rest()
}

/// An origin that does what the script says.
fn obeys(script: &Arc<Mutex<Script>>) -> Origin {
    let script = script.clone();
    Origin::each(move |talk| {
        loop {
            let Script { first, pieces, stays } = script.lock().expect("a script").clone();
            // Whoever does not speak first waits for a request.
            if (!first && talk.some().is_none()) || !talk.send_pieces(&pieces) {
                return;
            }
            // A close with something unread would be a reset, and could take away what was sent.
            if !stays {
                talk.half_close();
            }
            if first || !stays {
                talk.read_to_end();
                return;
            }
        }
    })
}

#[test]
fn damaged_replies_leave_the_worker_well() {
    let script = Arc::new(Mutex::new(Script::default()));
    let origins = [obeys(&script), obeys(&script)];
    let library = |case: &Case| !matches!(case.module, "echo" | "search");
    let mut cases: Vec<Case> = replies::all().into_iter().filter(library).collect();
    for case in cases.iter_mut().filter(|case| case.module == "mysql" && case.greeting.is_empty()) {
        // A new connection is never without one.
        case.greeting = welcome("mysql_native_password", &[]);
    }
    let places: String = cases.iter().enumerate().map(|(n, case)| locations(n, case)).collect();
    let cache = |module: &str| format!("{module}_cache_path %%DIR%%/{module} keys_zone={module}:1m;");
    let caches = KEPT.map(cache).concat();
    let mut setup = Server::http(&format!(
        "{caches} keepalive_requests 1000000;
         upstream backend {{ server %%A%% max_fails=0; server %%B%% max_fails=0; keepalive 2; }}
         server {{ listen 127.0.0.1:%%PORT_0%%; location = /quiet {{ return 204; }} {places} }}"
    ));
    for n in 0..cases.len() {
        let page = format!("[<!--# include virtual=\"/{n}/buffered\" set=\"x\" --><!--# echo var=\"x\" -->]");
        setup = setup.file(&format!("{n}/page"), page);
    }
    let s = setup.with("A", origins[0].addr()).with("B", origins[1].addr()).start();
    let (mut good, worker) = (s.connect(), s.worker_pids()[0]);
    is_well(&s, &mut good, worker, &|| "nothing".to_owned());
    let before = process::open_files(worker);
    let whole = |case: &Case| [&case.greeting[..], &case.reply].concat();
    for (n, case) in cases.iter().enumerate() {
        let pieces = vec![whole(case)];
        *script.lock().expect("a script") = Script { first: !case.greeting.is_empty(), pieces, stays: false };
        let answer = one_client(&s, case, &format!("/{n}/unbuffered"), false);
        let status = format!("HTTP/1.1 {}", case.status);
        assert!(answer.starts_with(status.as_bytes()), "{case:?}: {}", answer.escape_ascii());
    }
    let mut dice = Dice(2);
    for n in 0..times() {
        let at = dice.below(cases.len());
        let case = &cases[at];
        let of_module = cases.iter().filter(|other| other.module == case.module).map(whole);
        let mut corpus = vec![whole(case)];
        corpus.extend(of_module);
        let input = mutate(&mut dice, &corpus);
        let pieces = dice.pieces(&input).into_iter().map(<[u8]>::to_vec).collect();
        let stays = dice.below(16) == 0;
        *script.lock().expect("a script") = Script { first: !case.greeting.is_empty(), pieces, stays };
        let uri = format!("/{at}/{}", dice.one_of(&["buffered", "unbuffered", "page", "kept"]));
        let uri = format!("{uri}?{n}");
        let mut answer = one_client(&s, case, &uri, dice.below(12) == 0);
        if uri.contains("kept") {
            answer = one_client(&s, case, &uri, false);
        }
        let what = || format!("reply {n} to {uri}, {}: b\"{}\"", case.module, input.escape_ascii());
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 "),
            "{}: {}",
            what(),
            answer.escape_ascii()
        );
        if n % 10 == 0 {
            is_well(&s, &mut good, worker, &what);
        }
    }
    is_well(&s, &mut good, worker, &|| "all of them".to_owned());
    drop(origins);
    holds_nothing(worker, before);
}
