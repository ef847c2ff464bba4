//! TLS on both sides.

use crate::kit::server::Setup;
use crate::kit::tls::{self, Pem, Secure, self_signed};
use crate::kit::{Act, Client, Origin, Server, http, wait};
use std::io::{Read, Write};
use std::net::TcpStream;

/// A proxy to the second port over TLS, where the same server passes on to the origin in plain text.
fn chain(more: &str, origin: &Origin) -> Server {
    let text = format!(
        "client_max_body_size 10m; {more}
         server {{ listen 127.0.0.1:%%PORT_0%%;
           location / {{ proxy_pass https://127.0.0.1:%%PORT_1%%; }} }}
         server {{ listen 127.0.0.1:%%PORT_1%% ssl;
           ssl_certificate cert.pem; ssl_certificate_key key.pem;
           location / {{ proxy_pass http://%%ORIGIN%%;
             add_header X-Scheme $scheme:$https:$ssl_protocol; }} }}"
    );
    with_pair(Server::http(&text), &self_signed("localhost")).with("ORIGIN", origin.addr()).start()
}

fn with_pair(setup: Setup, pem: &Pem) -> Setup {
    setup.file("cert.pem", &pem.cert).file("key.pem", &pem.key)
}

/// A server over TLS with these locations on the first port.
fn secure(text: &str) -> Setup {
    let conf = format!("ssl_certificate cert.pem; ssl_certificate_key key.pem; {text}");
    let conf = format!("server {{ listen 127.0.0.1:%%PORT_0%% ssl; server_name localhost; {conf} }}");
    with_pair(Server::http(&conf), &self_signed("localhost"))
}

/// A proxy to an origin over TLS.
fn proxy_to(origin: &Origin, more: &str) -> Setup {
    let conf = format!("location / {{ proxy_pass https://%%ORIGIN%%; {more} }}");
    Server::locations(&conf).with("ORIGIN", origin.addr())
}

#[test]
fn a_request_goes_over_tls_and_back() {
    let origin = Origin::echo();
    let s = chain("", &origin);
    let mut c = s.connect();
    for _ in 0..3 {
        let response = c.get("/x");
        assert_eq!((response.status, response.header("X-Scheme")), (200, Some("https:on:TLSv1.3")));
    }
    let mut c = Secure::connect(s.addr_of(1), "localhost");
    assert!(c.send(http::get("/y", &["Connection: close"])).rest().contains("GET /y HTTP/1.1"));
}

#[test]
fn large_bodies_go_both_ways_whatever_the_relay() {
    let body: String = (0..200_000).map(|n| format!("{n:07} ")).collect();
    for more in ["", "proxy_buffering off;", "proxy_request_buffering off;", "proxy_buffers 8 64k;"] {
        let origin = Origin::echo();
        let s = chain(more, &origin);
        let request = http::request("POST", "/", &[], body.as_bytes());
        let response = s.connect().ask(request);
        assert_eq!(response.status, 200, "{more}");
        assert!(response.complete && response.text().ends_with(&body), "{more}");
    }
}

#[test]
fn plain_text_on_a_port_for_tls_is_told_so() {
    let origin = Origin::echo();
    let s = chain("", &origin);
    let response = Client::connect(s.addr_of(1)).get("/");
    assert_eq!(response.status, 400);
    assert!(response.text().contains("The plain HTTP request was sent to HTTPS port"));
}

#[test]
fn requests_follow_each_other_over_one_session() {
    let s = secure("location / { return 200 \"$uri $connection_requests \"; }").start();
    let mut c = Secure::connect(s.addr(), "localhost");
    let pipelined = [http::get("/a", &[]), http::get("/b", &[])].concat();
    c.send(pipelined);
    c.send(http::get("/c", &["Connection: close"]));
    let text = c.rest();
    let bodies: Vec<&str> = text.split("\r\n\r\n").skip(1).collect();
    assert!(bodies[0].starts_with("/a 1 ") && bodies[1].starts_with("/b 2 "), "{text}");
    assert_eq!(bodies[2], "/c 3 ");
}

#[test]
fn files_are_sent_over_tls_too() {
    let file: Vec<u8> = (0..700_000u32).map(|n| (n % 251) as u8).collect();
    let s = secure("sendfile on; root html;").file("html/file", &file).start();
    let mut c = Secure::connect(s.addr(), "localhost");
    c.send("GET /file HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(c.bytes(1));
    }
    assert!(c.bytes(file.len()) == file);
}

#[test]
fn a_tunnel_passes_through_tls_on_both_sides() {
    let origin = Origin::each(|talk| {
        talk.request();
        talk.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\nhello ");
        while let Some(bytes) = talk.some() {
            talk.send(bytes);
        }
    });
    let more = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;";
    let s = chain(more, &origin);
    let mut c = s.connect();
    c.send(http::get("/", &["Upgrade: echo", "Connection: upgrade"]));
    assert!(c.head().start.starts_with("HTTP/1.1 101 "));
    assert_eq!(c.bytes(6), b"hello ");
    let much = vec![b'm'; 300_000];
    c.send(&much);
    assert!(c.bytes(much.len()) == much);
    // The end of one side arrives at the other as an orderly end.
    c.half_close().expect_close();
}

#[test]
fn a_reply_that_ends_without_saying_so_was_cut() {
    let pem = self_signed("localhost");
    let reply = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nas far as it went";
    for buffering in ["on", "off"] {
        let more = format!("proxy_buffering {buffering};");
        let whole = tls::origin(&pem, reply, true);
        let s = proxy_to(&whole, &more).start();
        let response = s.connect().get("/");
        assert!(response.complete && response.text() == "as far as it went", "{buffering}");
        let cut = tls::origin(&pem, reply, false);
        let s = proxy_to(&cut, &more).start();
        let response = s.connect().get("/");
        assert!(!response.complete && response.text() == "as far as it went", "{buffering}");
        s.wait_for_log("peer closed connection without close_notify");
    }
    // With a length nobody has to say where the end is.
    let cut = tls::origin(&pem, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", false);
    let response = proxy_to(&cut, "").start().connect().get("/");
    assert!(response.complete && response.text() == "abc");
}

#[test]
fn a_client_over_tls_sees_a_cut_as_one() {
    let origin =
        Origin::acts([Act::CloseAfter(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec())]);
    let s = secure("location / { proxy_pass http://%%ORIGIN%%; }").with("ORIGIN", origin.addr()).start();
    let mut c = Secure::connect(s.addr(), "localhost");
    let (text, orderly) = c.send("GET / HTTP/1.0\r\n\r\n").until_end();
    assert!(text.ends_with("half") && !orderly, "{text} {orderly}");
}

#[test]
fn a_peer_is_asked_for_nothing_unless_its_certificate_is_good() {
    let (good, other) = (self_signed("good.test"), self_signed("other.test"));
    let origin = tls::origin(&good, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", true);
    let ask = |name: &str, trusted: &Pem| {
        let more =
            format!("proxy_ssl_verify on; proxy_ssl_trusted_certificate ca.pem; proxy_ssl_name {name};");
        let s = proxy_to(&origin, &more).file("ca.pem", &trusted.cert).start();
        (s.connect().get("/").status, s.log())
    };
    assert_eq!(ask("good.test", &good).0, 200);
    let (status, log) = ask("bad.test", &good);
    assert_eq!(status, 502);
    let line = "upstream SSL certificate does not match \"bad.test\" while SSL handshaking to upstream";
    assert!(log.contains(line), "{log}");
    let (status, log) = ask("good.test", &other);
    assert_eq!(status, 502);
    let line = "upstream SSL certificate verify error: (18:self-signed certificate)";
    assert!(log.contains(line), "{log}");
}

#[test]
fn a_peer_that_speaks_no_tls_is_left_for_the_next() {
    let plain = Origin::speaks_first(http::ok("plain"));
    let good = tls::origin(&self_signed("x"), b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", true);
    let closes = Origin::closes_at_once();
    let s = Server::http(
        "upstream u { server %%PLAIN%%; server %%CLOSES%%; server %%GOOD%%; }
         server { listen 127.0.0.1:%%PORT_0%%; location / { proxy_pass https://u;
           add_header X-Asked $upstream_addr; } }",
    )
    .with("PLAIN", plain.addr())
    .with("CLOSES", closes.addr())
    .with("GOOD", good.addr())
    .start();
    let response = s.connect().get("/");
    assert_eq!((response.status, response.text().as_str()), (200, "abc"));
    assert!(response.header("X-Asked").is_some_and(|asked| asked.matches(", ").count() == 2));
    s.wait_for_log("while SSL handshaking to upstream");
}

#[test]
fn a_handshake_that_stalls_is_given_up() {
    let silent = Origin::speaks_first(Vec::new());
    let s = proxy_to(&silent, "proxy_connect_timeout 100ms;").start();
    assert_eq!(s.connect().get("/").status, 504);
    s.wait_for_log("upstream timed out (110: Connection timed out) while SSL handshaking to upstream");
    let s = secure("client_header_timeout 100ms;").start();
    let hello = tls::hello("localhost");
    for stage in [0, 1, hello.len() / 2, hello.len()] {
        let mut tcp = TcpStream::connect(s.addr()).expect("a connection");
        tcp.write_all(&hello[..stage]).expect("room");
        let mut rest = Vec::new();
        // The server closes: with an end, or with a reset for what it had not read.
        let _ = tcp.read_to_end(&mut rest);
    }
    s.wait_for_log("client timed out (110: Connection timed out) while SSL handshaking");
}

/// How many connections the server has, the one that asks among them.
fn active(s: &Server) -> u32 {
    let text = Client::connect(s.addr_of(1)).get("/").text();
    let digits: String = text.chars().filter(char::is_ascii_digit).take(1).collect();
    digits.parse().expect("a number")
}

#[test]
fn whatever_strangers_send_the_server_lives_and_forgets_them() {
    let status = "server { listen 127.0.0.1:%%PORT_1%%; stub_status; }";
    let conf = format!(
        "server {{ listen 127.0.0.1:%%PORT_0%% ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem;
         return 200 alive; }} {status}"
    );
    let s = with_pair(Server::http(&conf), &self_signed("localhost")).start();
    let hello = tls::hello("localhost");
    for stage in (0..=hello.len()).step_by(13) {
        let mut tcp = TcpStream::connect(s.addr()).expect("a connection");
        tcp.write_all(&hello[..stage]).expect("room");
    }
    // A hello whose bytes are changed one by one, and plain noise.
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for n in 0..300 {
        let mut bytes = hello.clone();
        match n % 3 {
            0 => (0..4).for_each(|_| {
                let at = random() as usize % bytes.len();
                bytes[at] = random() as u8;
            }),
            1 => bytes = std::iter::once(0x16).chain((0..200).map(|_| random() as u8)).collect(),
            _ => {
                bytes =
                    [&[0x16, 3, 1, 0, 60][..], &(0..400).map(|_| random() as u8).collect::<Vec<_>>()].concat()
            }
        }
        let mut tcp = TcpStream::connect(s.addr()).expect("a connection");
        let _ = tcp.write_all(&bytes);
    }
    let mut c = Secure::connect(s.addr(), "localhost");
    assert!(c.send(http::get("/", &["Connection: close"])).rest().ends_with("alive"));
    drop(c);
    wait::until("all others to be forgotten", || (active(&s) == 1).then_some(()));
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let (one, two) = (self_signed("one.test"), self_signed("two.test"));
    let s = Server::http(
        "server { listen 127.0.0.1:%%PORT_0%% ssl; server_name one.test; ssl_certificate 1.pem;
           ssl_certificate_key 1.key; return 200 one; }
         server { listen 127.0.0.1:%%PORT_0%% ssl; server_name two.test; ssl_certificate 2.pem;
           ssl_certificate_key 2.key; return 200 two; }
         server { listen 127.0.0.1:%%PORT_0%% ssl; server_name no.test; ssl_reject_handshake on; }",
    )
    .file("1.pem", &one.cert)
    .file("1.key", &one.key)
    .file("2.pem", &two.cert)
    .file("2.key", &two.key)
    .start();
    for (name, pem, want) in [("one.test", &one, "one"), ("two.test", &two, "two"), ("x.test", &one, "one")] {
        let mut c = Secure::connect(s.addr(), name);
        assert_eq!(c.certificate(), tls::der(pem).as_ref(), "{name}");
        // Without a Host field it is the name of the handshake that counts.
        assert!(c.send("GET / HTTP/1.0\r\n\r\n").rest().ends_with(want), "{name}");
    }
    let refused = Secure::with(s.addr(), "no.test", None).err().expect("a refusal").to_string();
    assert!(refused.contains("UnrecognizedName") || refused.contains("UnrecognisedName"), "{refused}");
}

#[test]
fn clients_are_asked_for_certificates() {
    let (good, bad) = (self_signed("client.test"), self_signed("client.test"));
    let s = secure(
        "ssl_verify_client on; ssl_client_certificate ca.pem; error_page 495 = /bad; error_page 496 = /none;
         location / { return 200 \"$ssl_client_verify $ssl_client_s_dn\"; }
         location /bad { return 403 $ssl_client_verify; } location /none { return 403 none; }",
    )
    .file("ca.pem", &good.cert)
    .start();
    let ask = |own| {
        let mut c = Secure::with(s.addr(), "localhost", own).expect("a handshake");
        c.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").rest()
    };
    assert!(ask(Some(&good)).ends_with("SUCCESS CN=client.test"));
    assert!(ask(Some(&bad)).ends_with("FAILED:self-signed certificate"));
    assert!(ask(None).ends_with("none"));
}

#[test]
fn a_chain_must_lead_to_a_trusted_authority_link_by_link() {
    const CA: &str = "basicConstraints=critical,CA:TRUE";
    let root = tls::self_signed("root");
    let twin = tls::self_signed("root");
    let s = secure(
        "ssl_verify_client optional; ssl_client_certificate ca.pem; ssl_verify_depth 1;
         error_page 495 =200 /bad; location / { return 200 $ssl_client_verify; }
         location /bad { return 200 $ssl_client_verify; }",
    )
    .file("ca.pem", &root.cert)
    .start();
    let ask = |own: &Pem| {
        let mut c = Secure::with(s.addr(), "localhost", Some(own)).expect("a handshake");
        let text = c.send("GET / HTTP/1.0\r\nHost: localhost\r\n\r\n").rest();
        text.rsplit("\r\n").next().unwrap_or_default().to_owned()
    };
    let with = |mut leaf: Pem, above: &Pem| {
        leaf.cert.extend_from_slice(&above.cert);
        leaf
    };
    let leaf = |extensions: &str| tls::issued(&root, "leaf", extensions, 2);
    assert_eq!(ask(&leaf("subjectAltName=DNS:a")), "SUCCESS");
    assert_eq!(ask(&leaf("extendedKeyUsage=clientAuth")), "SUCCESS");
    assert_eq!(ask(&leaf("extendedKeyUsage=serverAuth")), "FAILED:unsuitable certificate purpose");
    assert_eq!(ask(&leaf("1.2.3.4=critical,DER:0500")), "FAILED:unhandled critical extension");
    assert_eq!(ask(&tls::issued(&root, "leaf", "", -1)), "FAILED:certificate has expired");
    // The name of an authority is not its key.
    assert_eq!(ask(&tls::issued(&twin, "leaf", "", 2)), "FAILED:certificate signature failure");
    assert_eq!(
        ask(&tls::issued(&tls::self_signed("x"), "leaf", "", 2)),
        "FAILED:unable to verify the first certificate"
    );
    let middle = tls::issued(&root, "middle", CA, 2);
    assert_eq!(ask(&with(tls::issued(&middle, "leaf", "", 2), &middle)), "SUCCESS");
    let no_ca = leaf("basicConstraints=CA:FALSE");
    assert_eq!(ask(&with(tls::issued(&no_ca, "below", "", 2), &no_ca)), "FAILED:invalid CA certificate");
    let limited = tls::issued(&root, "limited", &format!("{CA}\nnameConstraints=permitted;DNS:a"), 2);
    let below = with(tls::issued(&limited, "leaf", "", 2), &limited);
    assert_eq!(ask(&below), "FAILED:unhandled critical extension");
    let deep = tls::issued(&middle, "deep", CA, 2);
    let deepest = with(with(tls::issued(&deep, "leaf", "", 2), &deep), &middle);
    assert_eq!(ask(&deepest), "FAILED:certificate chain too long");
}

#[test]
fn health_checks_speak_tls_where_requests_do() {
    let s = with_pair(
        Server::http(
            "upstream u { zone u 256k; server 127.0.0.1:%%PORT_1%%; }
             server { listen 127.0.0.1:%%PORT_0%%;
               location / { proxy_pass https://u; health_check interval=100ms mandatory; } }
             server { listen 127.0.0.1:%%PORT_1%% ssl; ssl_certificate cert.pem;
               ssl_certificate_key key.pem; return 200 well; }",
        ),
        &self_signed("localhost"),
    )
    .start();
    wait::until("the peer to be well", || (s.connect().get("/").text() == "well").then_some(()));
}

#[test]
fn connections_with_other_settings_are_not_shared() {
    let pem = self_signed("localhost");
    let conf = "upstream u { server 127.0.0.1:%%PORT_1%%; }
         server { listen 127.0.0.1:%%PORT_0%%;
           location /a { proxy_pass https://u; }
           location /b { proxy_pass https://u; proxy_ssl_name b.test; proxy_ssl_server_name on; }
           location /c { proxy_pass https://u; proxy_ssl_verify on; proxy_ssl_name localhost;
             proxy_ssl_trusted_certificate cert.pem; } }
         server { listen 127.0.0.1:%%PORT_1%% ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem;
           return 200 $connection:$ssl_server_name; }";
    let s = with_pair(Server::http(conf), &pem).start();
    let mut c = s.connect();
    let mut ask = |uri: &str| c.get(uri).text();
    let first = ["/a", "/b", "/c"].map(&mut ask);
    let second = ["/a", "/b", "/c"].map(&mut ask);
    assert_eq!(first, second, "each is kept for its like");
    assert!(first[0] != first[2] && first[1].ends_with(":b.test"), "{first:?}");
}

#[test]
fn sessions_are_taken_up_again() {
    let conf = "upstream u { server 127.0.0.1:%%PORT_1%%; keepalive 0; }
         server { listen 127.0.0.1:%%PORT_0%%;
           location /yes { proxy_pass https://u; }
           location /no { proxy_pass https://u; proxy_ssl_session_reuse off; } }
         server { listen 127.0.0.1:%%PORT_1%% ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem;
           ssl_session_cache shared:s:1m; ssl_session_tickets %%TICKETS%%; ssl_protocols %%PROTOCOL%%;
           return 200 $ssl_session_reused; }";
    for (tickets, protocol) in [("on", "TLSv1.3"), ("off", "TLSv1.3"), ("on", "TLSv1.2"), ("off", "TLSv1.2")]
    {
        let setup = Server::http(conf).with("TICKETS", tickets).with("PROTOCOL", protocol);
        let s = with_pair(setup, &self_signed("localhost")).start();
        let mut c = s.connect();
        let mut three = |uri: &str| [c.get(uri).text(), c.get(uri).text(), c.get(uri).text()].concat();
        assert_eq!((three("/yes").as_str(), three("/no").as_str()), (".rr", "..."), "{tickets} {protocol}");
    }
}

#[test]
fn what_cannot_be_is_said_when_the_configuration_is_read() {
    let refusal = |text: &str| secure(text).refusal();
    assert!(refusal("ssl_ciphers AES128-SHA;").contains("no cipher match"));
    assert!(refusal("ssl_protocols TLSv1;").contains("names no supported protocol"));
    assert!(refusal("ssl_verify_client on;").contains("for ssl_verify_client"));
    assert!(refusal("ssl_dhparam x;").contains("unknown directive \"ssl_dhparam\""));
    assert!(refusal("ssl_session_cache shared:x:1k;").contains("is too small"));
    let other = self_signed("other");
    let said = secure("").file("key.pem", &other.key).refusal();
    assert!(said.contains("key values mismatch"), "{said}");
    let none = Server::http("server { listen 127.0.0.1:%%PORT_0%% ssl; }").refusal();
    assert!(
        none.contains("no \"ssl_certificate\" is defined for the \"listen ... ssl\" directive"),
        "{none}"
    );
}
