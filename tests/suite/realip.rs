//! The client's address as a trusted proxy names it.

use crate::kit::{Server, http};

fn echo(conf: &str) -> Server {
    let text = format!(
        r#"{conf} location / {{ return 200 "$remote_addr:$remote_port $realip_remote_addr"; }}
           location /guarded {{ deny 192.0.2.1; allow all; try_files /none =404; }}"#
    );
    Server::locations(&text).start()
}

#[test]
fn a_trusted_proxy_names_the_client_for_one_request() {
    let s = echo("set_real_ip_from 127.0.0.0/8;");
    let mut c = s.connect();
    let here = c.stream().local_addr().expect("an address");
    assert_eq!(c.ask(http::get("/", &["X-Real-IP: 192.0.2.1:99"])).text(), "192.0.2.1:99 127.0.0.1");
    assert_eq!(c.ask(http::get("/", &["X-Real-IP: 2001:DB8::1"])).text(), "2001:db8::1: 127.0.0.1");
    assert_eq!(c.get("/").text(), format!("{here} 127.0.0.1"));
    assert_eq!(c.ask(http::get("/", &["X-Real-IP: nonsense"])).text(), format!("{here} 127.0.0.1"));
    s.wait_for_line("access.log", "192.0.2.1 - - ");
}

#[test]
fn nobody_else_names_anybody() {
    let s = echo("set_real_ip_from 10.0.0.0/8; set_real_ip_from unix:;");
    let mut c = s.connect();
    let here = c.stream().local_addr().expect("an address");
    assert_eq!(c.ask(http::get("/", &["X-Real-IP: 192.0.2.1"])).text(), format!("{here} 127.0.0.1"));
}

#[test]
fn access_rules_see_the_client() {
    let s = echo("set_real_ip_from 127.0.0.1;");
    let from = |ip: &str| s.connect().ask(http::get("/guarded", &[&format!("X-Real-IP: {ip}")])).status;
    assert_eq!((from("192.0.2.1"), from("192.0.2.2")), (403, 404));
    let line = s.wait_for_log("access forbidden by rule");
    assert!(line.contains("client: 192.0.2.1"), "{line}");
}

#[test]
fn a_list_of_proxies_is_believed_as_far_as_they_are_trusted() {
    let conf = "set_real_ip_from localhost; set_real_ip_from 10.0.0.0/8; real_ip_header X-Forwarded-For;";
    let list = &["X-Forwarded-For: 1.1.1.1, 192.0.2.1", "X-Forwarded-For: 10.0.0.2"];
    assert_eq!(echo(conf).connect().ask(http::get("/", list)).text(), "10.0.0.2: 127.0.0.1");
    let s = echo(&format!("{conf} real_ip_recursive on;"));
    assert_eq!(s.connect().ask(http::get("/", list)).text(), "192.0.2.1: 127.0.0.1");
}

#[test]
fn the_proxy_protocol_may_name_the_client() {
    let s = Server::http(
        r#"server { listen 127.0.0.1:%%PORT_0%% proxy_protocol; set_real_ip_from 127.0.0.1;
           real_ip_header proxy_protocol; location / { return 200 "$remote_addr:$remote_port"; } }"#,
    )
    .start();
    let header = b"PROXY TCP4 192.0.2.1 192.0.2.2 123 5678\r\n";
    let mut c = s.connect();
    assert_eq!(c.ask([&header[..], &http::get("/", &[])].concat()).text(), "192.0.2.1:123");
    assert_eq!(c.get("/").text(), "192.0.2.1:123");
}

#[test]
fn a_proxy_that_cannot_be_found_is_refused() {
    let said = Server::locations("set_real_ip_from no.such.host.invalid;").refusal();
    assert!(said.contains("host not found in set_real_ip_from \"no.such.host.invalid\""), "{said}");
}
