//! CONNECT and `tunnel_pass`: a connection to where the client says.

use crate::kit::origin::Refusing;
use crate::kit::server::is_headwater;
use crate::kit::{Client, Origin, Server, http};

fn echo() -> Origin {
    Origin::each(|talk| {
        while let Some(bytes) = talk.some() {
            talk.send(bytes);
        }
        talk.send("bye");
    })
}

fn connect(c: &mut Client, to: impl std::fmt::Display) -> http::Head {
    c.send(format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\n\r\n")).head()
}

#[test]
fn connect_makes_a_tunnel_that_is_closed_one_way_at_a_time() {
    if !is_headwater() {
        return; // Debian's nginx is older than tunnel_pass
    }
    let origin = echo();
    let s = Server::locations("tunnel_pass; access_log access.log;").start();
    let mut c = s.connect();
    let head = connect(&mut c, origin.addr());
    assert_eq!(head.start, "HTTP/1.1 200 OK");
    for name in ["Connection", "Content-Length", "Transfer-Encoding"] {
        assert_eq!(head.header(name), None, "{name}");
    }
    c.send("hello");
    assert_eq!(c.bytes(5), b"hello");
    let much = vec![b'm'; 300_000];
    c.send(&much);
    assert!(c.bytes(much.len()) == much);
    // The origin hears the end of the client's direction and has the last word in its own.
    assert_eq!(c.half_close().rest(), b"bye");
    let line = s.wait_for_log("upgraded connection closed");
    assert!(
        line.contains("closed by client, 300005 bytes from client, 300008 bytes from upstream"),
        "{line}"
    );
    s.wait_for_access(&format!("\"CONNECT {} HTTP/1.1\" 200 300008 ", origin.addr()));
}

#[test]
fn what_the_client_sends_with_its_request_is_not_lost() {
    if !is_headwater() {
        return;
    }
    let origin = echo();
    let s = Server::locations("location / { tunnel_pass; tunnel_buffer_size 1k; }").start();
    let mut c = s.connect();
    c.send(format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\nearly", origin.addr()));
    assert_eq!(c.head().start, "HTTP/1.1 200 OK");
    assert_eq!(c.bytes(5), b"early");
}

#[test]
fn a_tunnel_may_lead_to_a_group_and_goes_on_to_its_next_peer() {
    if !is_headwater() {
        return;
    }
    let (gone, origin) = (Refusing::new(), echo());
    let text = "upstream u { server %%GONE%%; server %%ORIGIN%%; }
        server { listen 127.0.0.1:%%PORT_0%%; add_header X-Addr $upstream_addr;
                 location / { tunnel_pass u; } }";
    let s = Server::http(text).with("GONE", gone.addr()).with("ORIGIN", origin.addr());
    let s = s.allow("connect() failed").start();
    let mut c = s.connect();
    let head = connect(&mut c, "anything.test:443");
    assert_eq!(head.header("X-Addr"), Some(&*format!("{}, {}", gone.addr(), origin.addr())));
    c.send("x");
    assert_eq!(c.bytes(1), b"x");
}

#[test]
fn a_tunnel_that_cannot_be_made_is_an_error_page() {
    if !is_headwater() {
        return;
    }
    let gone = Refusing::new();
    let s = Server::locations("tunnel_pass;").allow("connect() failed").start();
    let mut c = s.connect();
    assert_eq!(connect(&mut c, gone.addr()).start, "HTTP/1.1 502 Bad Gateway");
    assert_eq!(s.get("/").status, 405, "only CONNECT");
    let body = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\nContent-Length: 1\r\n\r\nx", gone.addr());
    assert!(s.raw(body).starts_with("HTTP/1.1 400 "));
}

#[test]
fn connect_is_refused_where_no_tunnel_is_configured() {
    let origin = Origin::echo();
    let s = Server::locations("location / { proxy_pass http://%%ORIGIN%%; }").with("ORIGIN", origin.addr());
    let s = s.start();
    assert!(s.raw("CONNECT a.test:443 HTTP/1.1\r\nHost: a.test\r\n\r\n").starts_with("HTTP/1.1 405 "));
    assert_eq!(origin.connections(), 0);
    if is_headwater() {
        let text = "proxy_method CONNECT; location / { proxy_pass http://%%ORIGIN%%; }";
        let s = Server::locations(text).with("ORIGIN", origin.addr()).start();
        assert_eq!(s.get("/").status, 405);
    }
}
