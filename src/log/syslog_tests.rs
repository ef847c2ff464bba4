//! The syslog packet and its parameters.
//!
//! *In nginx* `syslog.t` looks at the same bytes from outside.
//!
//! *Here* a socket of the test plays the server.
//!
//! *Read next*: `syslog.rs`.

use super::*;
use std::time::Duration;

fn server() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    let address = socket.local_addr().expect("an address").to_string();
    (socket, address)
}

fn received(socket: &UdpSocket) -> String {
    let mut bytes = [0; 4096];
    let n = socket.recv(&mut bytes).expect("a packet");
    String::from_utf8_lossy(bytes.get(..n).unwrap_or_default()).into_owned()
}

fn complaint(text: &str) -> String {
    Syslog::parse(text).err().unwrap_or_default()
}

#[test]
fn a_packet_has_priority_time_host_and_tag_before_the_message() {
    let (socket, address) = server();
    let syslog = Syslog::parse(&format!("server={address},facility=user,tag=SEE_1")).expect("parsed");
    syslog.send(Level::Error.severity(), b"hello");
    let time = clock::syslog_time();
    assert_eq!(received(&socket), format!("<11>{time} {} SEE_1: hello", process::hostname()));
}

#[test]
fn nohostname_leaves_the_host_out_and_local7_is_the_default_facility() {
    let (socket, address) = server();
    let syslog = Syslog::parse(&format!("severity=alert,server={address},nohostname")).expect("parsed");
    syslog.send(syslog.severity(), b"hello");
    assert_eq!(received(&socket), format!("<185>{} nginx: hello", clock::syslog_time()));
}

#[test]
fn a_server_that_went_away_and_came_back_gets_messages_again() {
    let (socket, address) = server();
    let syslog = Syslog::parse(&format!("server={address},nohostname")).expect("parsed");
    syslog.send(6, b"one");
    assert!(received(&socket).ends_with("one"));
    drop(socket);
    syslog.send(6, b"lost");
    syslog.send(6, b"lost too");
    let socket = UdpSocket::bind(&address).expect("the same port");
    socket.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    syslog.send(6, b"two");
    assert!(received(&socket).ends_with("two"));
}

#[test]
fn bad_parameters_are_named() {
    assert_eq!(complaint("facility=user"), "no syslog server specified");
    assert_eq!(complaint("server=127.0.0.1,facility=no"), "unknown syslog facility \"no\"");
    assert_eq!(complaint("server=127.0.0.1,severity=no"), "unknown syslog severity \"no\"");
    assert_eq!(complaint("server=127.0.0.1,what"), "unknown syslog parameter \"what\"");
    assert_eq!(complaint("server=127.0.0.1,server=127.0.0.2"), "duplicate syslog \"server\"");
    assert!(complaint("server=127.0.0.1,tag=a-b").contains("only allows"));
    assert!(complaint("server=127.0.0.1:http").starts_with("invalid port"));
}
