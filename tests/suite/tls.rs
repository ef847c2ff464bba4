//! TLS on both sides.

use crate::kit::tls::{Secure, self_signed};
use crate::kit::{Client, Origin, Server, http};

/// A proxy to the second port over TLS, where the same server passes on to the origin in plain text.
fn chain(more: &str, origin: &Origin) -> Server {
    let pem = self_signed("localhost");
    let text = format!(
        "client_max_body_size 10m; {more}
         server {{ listen 127.0.0.1:%%PORT_0%%;
           location / {{ proxy_pass https://127.0.0.1:%%PORT_1%%; }} }}
         server {{ listen 127.0.0.1:%%PORT_1%% ssl;
           ssl_certificate cert.pem; ssl_certificate_key key.pem;
           location / {{ proxy_pass http://%%ORIGIN%%;
             add_header X-Scheme $scheme:$https:$ssl_protocol; }} }}"
    );
    Server::http(&text)
        .with("ORIGIN", origin.addr())
        .file("cert.pem", pem.cert)
        .file("key.pem", pem.key)
        .start()
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
