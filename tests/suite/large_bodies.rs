//! Large bodies: those that the kernel moves past the server's memory, and those that it must not.
//!
//! Which way a body went is invisible to its client, so `$upstream_bytes_spliced` and `$bytes_spliced` are
//! asked. nginx knows neither, so only Headwater runs these.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use crate::kit::server::is_headwater;
use crate::kit::{Client, DEADLINE, Origin, Server, http, wait};

const CONF: &str = "
    log_format way '$uri spliced=$upstream_bytes_spliced length=$upstream_response_length';
    upstream u { server %%ORIGIN%%; keepalive 4; }
    server {
        listen 127.0.0.1:%%PORT_0%%; access_log logs/way.log way;
        proxy_http_version 1.1; proxy_set_header Connection '';
        location / { proxy_pass http://u; %%MORE%% }
        location = /spliced { access_log off; return 200 $bytes_spliced; }
    }";

/// What no part of it looks like another.
fn body(len: u32) -> Vec<u8> {
    (0..len).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn start(origin: &Origin, more: &str) -> Server {
    Server::http(CONF).with("ORIGIN", origin.addr()).with("MORE", more).start()
}

/// Waits until so many bytes have been spliced in all.
fn wait_until_spliced(s: &Server, least: u64) {
    wait::until("bytes to be spliced", || {
        (s.get("/spliced").text().parse::<u64>().ok()? >= least).then_some(())
    });
}

#[test]
fn a_large_reply_of_a_kept_connection_goes_by_splice_buffered_or_not() {
    if !is_headwater() {
        return;
    }
    let body = body(8_000_000);
    for buffering in ["on", "off"] {
        let origin = Origin::always(http::reply("200 OK", &[], &body));
        let s = start(&origin, &format!("proxy_buffering {buffering};"));
        let mut c = s.connect();
        for name in ["/one", "/two"] {
            let r = c.get(name);
            assert!(r.complete && r.body == body, "buffering {buffering}: another body came");
            let line = s.wait_for_line("logs/way.log", name);
            let number = |key: &str| -> u64 {
                let value = line.split(key).nth(1).and_then(|rest| rest.split_whitespace().next());
                value.and_then(|value| value.parse().ok()).expect("a number in the log")
            };
            assert_eq!(number("length="), 8_000_000, "{line}");
            assert!(number("spliced=") > 4_000_000, "buffering {buffering}: {line}");
        }
        assert_eq!(origin.connections(), 1, "buffering {buffering}");
        wait_until_spliced(&s, 8_000_000);
    }
}

#[test]
fn a_small_reply_does_not() {
    if !is_headwater() {
        return;
    }
    let origin = Origin::always(http::reply("200 OK", &[], &body(10_000)));
    let s = start(&origin, "");
    assert_eq!(s.get("/small").body.len(), 10_000);
    assert!(s.wait_for_line("logs/way.log", "/small").contains("spliced=0 "));
}

#[test]
fn what_a_filter_wants_is_not_moved_past_it() {
    if !is_headwater() {
        return;
    }
    // Neither client can be sent chunks, so the filter behind the chunks is the only one there is.
    let text = "gzip on; gzip_proxied any; gzip_types *; gzip_http_version 1.0;";
    for (buffering, version) in [("on", "1.0"), ("off", "1.0")] {
        let body = body(2_000_000);
        let origin = Origin::always(http::reply("200 OK", &[], &body));
        let s = start(&origin, &format!("{text} proxy_buffering {buffering};"));
        let mut c = s.connect();
        c.send(format!("GET /g HTTP/{version}\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n"));
        assert_eq!(c.head().header("Content-Encoding"), Some("gzip"));
        let mut plain = Vec::new();
        let mut gunzip = flate2::write::GzDecoder::new(&mut plain);
        std::io::Write::write_all(&mut gunzip, &c.rest()).expect("all of it is compressed");
        gunzip.finish().expect("and it has an end");
        assert!(plain == body, "buffering {buffering}: another body came");
        assert!(s.wait_for_line("logs/way.log", "/g").contains("spliced=0 "));
    }
}

#[test]
fn a_slow_reader_gets_all_of_a_spliced_reply() {
    if !is_headwater() {
        return;
    }
    let body = body(40_000_000);
    for more in ["proxy_buffering off;", "", "proxy_max_temp_file_size 0;", "proxy_max_temp_file_size 3m;"] {
        let origin = Origin::always(http::reply("200 OK", &[], &body));
        let s = start(&origin, more);
        let mut c = s.connect();
        for turn in 1..=2 {
            c.send(http::get("/", &[]));
            // More than the head brings with it has come by, and the client has read nothing.
            wait_until_spliced(&s, turn * 30_000);
            let r = c.response();
            assert!(r.complete && r.body == body, "{more}: another body came");
            assert!(s.get("/spliced").text().parse::<u64>().expect("a number") >= turn * 30_000);
        }
        assert_eq!(origin.connections(), 1, "{more}");
    }
}

#[test]
fn a_client_that_goes_away_leaves_nothing_behind() {
    if !is_headwater() {
        return;
    }
    // Of a small one the peer is free already when the client goes.
    for (more, len) in [("proxy_buffering off;", 40_000_000), ("", 40_000_000), ("", 900_000)] {
        let body = body(len);
        let origin = Origin::always(http::reply("200 OK", &[], &body));
        let s = start(&origin, more);
        let mut c = s.connect();
        c.send(http::get("/gone", &[]));
        wait_until_spliced(&s, if len < 1_000_000 { 800_000 } else { 30_000 });
        c.reset();
        s.wait_for_line("logs/way.log", "/gone");
        let mut c = s.connect();
        assert!(c.get("/").body == body, "{more}: another body came");
    }
}

#[test]
fn a_peer_is_free_before_a_slow_reader_has_taken_a_spliced_reply() {
    if !is_headwater() {
        return;
    }
    let body = body(900_000);
    let origin = Origin::always(http::reply("200 OK", &[], &body));
    let text = CONF.replace("server %%ORIGIN%%;", "server %%ORIGIN%% max_conns=1;").replace("%%MORE%%", "");
    let s = Server::http(&text).with("ORIGIN", origin.addr()).allow("no live upstreams").start();
    let mut slow = s.connect();
    slow.send(http::get("/slow", &[]));
    wait_until_spliced(&s, 30_000);
    // There may be one connection to the peer, and the first request has it until its reply is here.
    wait::until("the peer to be free", || (s.get("/quick").body == body).then_some(()));
    assert_eq!(origin.connections(), 1, "a later request took the connection of the first");
    let r = slow.response();
    assert!(r.complete && r.body == body);
}

#[test]
fn more_slow_readers_than_there_are_pipes_all_get_their_reply() {
    if !is_headwater() {
        return;
    }
    let body = body(1_500_000);
    let origin = Origin::always(http::reply("200 OK", &[], &body));
    for more in ["", "proxy_buffering off;", "proxy_buffers 8 256k;"] {
        let s = start(&origin, more);
        let mut clients: Vec<_> = (0..100).map(|_| s.connect()).collect();
        for c in &mut clients {
            c.send(http::get("/", &[]));
        }
        for c in &mut clients {
            let r = c.response();
            assert!(r.complete && r.body == body, "{more}: another body came");
        }
    }
}

/// The congestion control of the server's side of a new connection, and what the server answers over it. None
/// where there is no ss(8).
fn control(s: &Server, addr: SocketAddr) -> Option<(String, String)> {
    let mut c = Client::connect(addr);
    let answer = c.get("/").text().to_owned();
    let client = c.stream().local_addr().expect("an address");
    let filter = format!("sport = :{} and dport = :{}", s.addr().port(), client.port());
    let said = Command::new("ss").args(["-tiHO", "state", "established", &filter]).output().ok()?;
    // Two queues, two addresses, the control, more about it.
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    Some((said.split_whitespace().nth(4).unwrap_or_default().to_owned(), answer))
}

#[test]
fn connections_have_the_congestion_control_of_the_address_they_came_to() {
    if !is_headwater() {
        return; // nginx does not know the parameter
    }
    let conf = |inside: &str| Server::http(&format!("server {{ {inside} return 200 $server_addr; }}"));
    // A socket for each address, so clients on this machine need not be treated as those from elsewhere are.
    let here =
        conf("listen 127.0.0.1:%%PORT_0%% congestion=reno; listen %%PORT_0%% congestion=system;").start();
    let Some((before, answer)) = control(&here, here.addr()) else { return };
    assert_eq!((before.as_str(), answer.as_str()), ("reno", "127.0.0.1"));
    let elsewhere = SocketAddr::from(([127, 0, 0, 2], here.addr().port()));
    let Some((system, answer)) = control(&here, elsewhere) else { return };
    assert_eq!(answer, "127.0.0.2");
    // Where nothing is said, those from here are not paced.
    here.rewrite_conf(conf("listen 127.0.0.1:%%PORT_0%%; listen %%PORT_0%%;"));
    here.reload();
    let (default, _) = control(&here, here.addr()).expect("ss");
    assert!(default == system || !default.starts_with("bbr"), "{default}");
    assert_eq!(control(&here, elsewhere).expect("ss").0, system);
    for (listen, why) in [
        ("unix:%%DIR%%/s congestion=reno", "congestion is not supported on addr \"unix:"),
        ("127.0.0.1:%%PORT_0%% congestion=", "invalid congestion \"\""),
    ] {
        let refusal = conf(&format!("listen {listen};")).refusal();
        assert!(refusal.contains(why), "{refusal}");
    }
    // One that the kernel has not got is no reason not to serve.
    let why = "setsockopt(TCP_CONGESTION)";
    let none = conf("listen 127.0.0.1:%%PORT_0%% congestion=none-such;").allow(why).start();
    assert_eq!(none.get("/").status, 200);
    assert!(none.log().contains(why));
}

/// A client on a narrow way: neither its own buffer nor what the server's socket begins with holds much.
fn narrow(s: &Server) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(16 << 10).expect("a receive buffer");
    socket.set_tcp_mss(1448).expect("small segments");
    socket.connect(&s.addr().into()).expect("a connection");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    TcpStream::from(socket)
}

fn ask_and_wait(s: &Server) -> TcpStream {
    let mut client = narrow(s);
    client.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("sent");
    client
}

fn ends_with(mut client: TcpStream, body: &[u8]) -> bool {
    let mut reply = Vec::new();
    client.read_to_end(&mut reply).expect("all of the reply");
    reply.ends_with(body)
}

#[test]
fn the_rest_of_a_reply_waits_in_the_socket_of_a_slow_client_and_in_a_file_if_that_may_not_be() {
    if !is_headwater() {
        return;
    }
    // Every system lets a socket hold this much.
    let little = body(300_000);
    for more in ["", "proxy_buffering off;"] {
        let origin = Origin::always(http::reply("200 OK", &[], &little));
        let s = start(&origin, more);
        let client = ask_and_wait(&s);
        // The request is over, and the client has read nothing.
        s.wait_for_line("logs/way.log", "/slow");
        assert!(ends_with(client, &little), "{more}: another body came");
        assert!(!s.log().contains("temporary file"));
    }
    // More than a pipe holds.
    let much = body(3_000_000);
    for more in ["", "send_buffer_max 0;"] {
        let origin = Origin::always(http::reply("200 OK", &[], &much));
        let s = start(&origin, more);
        let client = ask_and_wait(&s);
        s.wait_for_log("an upstream response is buffered to a temporary file");
        assert!(ends_with(client, &much), "{more}: another body came");
    }
}
