//! The table of listening sockets.
//!
//! *Here* real sockets on loopback ports that the kernel picks.
//!
//! *Read next*: `listen.rs`.

use super::*;
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

/// A port that was free a moment ago, and the wish for it.
fn wish() -> Listen {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("its address");
    Listen::new(Address::Ip(free))
}

fn connects(listen: &Listen) -> bool {
    match &listen.address {
        Address::Ip(ip) => TcpStream::connect(ip).is_ok(),
        Address::Unix(path) => UnixStream::connect(path).is_ok(),
    }
}

fn shares(sockets: &Sockets, workers: usize) -> Vec<usize> {
    (0..workers).map(|worker| sockets.of_worker(worker, workers).expect("duplicated").len()).collect()
}

#[test]
fn each_worker_has_a_socket_and_surplus_ones_are_shared_out_when_workers_are_fewer() {
    let (mut sockets, listen) = (Sockets::default(), wish());
    sockets.open(std::slice::from_ref(&listen), 4, None).expect("opened");
    assert_eq!(shares(&sockets, 4), [1, 1, 1, 1]);
    sockets.open(std::slice::from_ref(&listen), 3, None).expect("opened");
    assert_eq!(shares(&sockets, 3), [2, 1, 1]);
    sockets.open(std::slice::from_ref(&listen), 6, None).expect("opened");
    assert_eq!(shares(&sockets, 6), [1; 6]);
    assert!(connects(&listen));
}

#[test]
fn an_address_that_is_no_longer_wanted_is_closed_and_a_unix_file_removed() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    let (mut sockets, tcp) = (Sockets::default(), wish());
    let unix = Listen::new(Address::Unix(path.clone().into()));
    sockets.open(&[tcp.clone(), unix.clone()], 2, None).expect("opened");
    assert_eq!(shares(&sockets, 2), [2, 2]);
    assert!(connects(&tcp) && connects(&unix));
    sockets.open(std::slice::from_ref(&tcp), 2, None).expect("opened");
    assert!(!path.exists() && connects(&tcp));
    sockets.open(&[unix], 2, None).expect("opened");
    assert!(path.exists() && !connects(&tcp));
    sockets.close(true, false);
    assert!(path.exists());
}

#[test]
fn a_unix_file_that_nobody_listens_on_is_taken_over() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("s");
    drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
    assert!(path.exists());
    let unix = Listen::new(Address::Unix(path.into()));
    Sockets::default().open(std::slice::from_ref(&unix), 1, None).expect("opened");
    let listening = std::os::unix::net::UnixListener::bind(dir.path().join("t")).expect("bound");
    let address = Address::Unix(dir.path().join("t").into());
    assert!(Listen::new(address).bind(false).is_err());
    drop(listening);
}

#[test]
fn a_failure_leaves_the_table_as_it_was() {
    let (mut sockets, listen) = (Sockets::default(), wish());
    sockets.open(std::slice::from_ref(&listen), 2, None).expect("opened");
    let missing = Listen::new(Address::Unix(std::path::Path::new("/nonexistent/folder/s").into()));
    assert!(sockets.open(&[listen.clone(), missing], 3, None).is_err());
    assert_eq!(shares(&sockets, 2), [1, 1]);
    assert!(connects(&listen));
}

#[test]
fn sockets_handed_down_keep_their_addresses() {
    let (mut sockets, listen) = (Sockets::default(), wish());
    sockets.open(std::slice::from_ref(&listen), 3, None).expect("opened");
    let copies = sockets.all().map(|socket| socket.try_clone().expect("duplicated")).collect();
    let mut heir = Sockets::inherited(copies);
    sockets.close(false, false);
    heir.open(std::slice::from_ref(&listen), 2, None).expect("taken over");
    assert_eq!(shares(&heir, 2), [2, 1]);
    assert!(connects(&listen));
}
