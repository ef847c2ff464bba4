//! A scripted name server: names with answers that a test changes at will, over UDP and TCP.
//!
//! ```ignore
//! let dns = Dns::with("a.test", Reply::ips(&["127.0.0.1"]));
//! let s = Server::locations("resolver %%DNS%%; location / { proxy_pass http://$host:%%PORT%%; }")…
//! dns.set("a.test", Reply::Code(2));
//! dns.wait_for_questions(4);
//! ```
//!
//! A name without an answer does not exist. Every question is recorded.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use super::{Port, wait};

/// What a name is answered with. Addresses are given only to questions for their kind.
#[derive(Clone, Debug)]
pub enum Reply {
    /// These addresses, for so many seconds.
    Ips(Vec<IpAddr>, u32),
    /// The name is an alias.
    Alias(&'static str),
    /// SRV records: priority, weight, port, target.
    Services(Vec<(u16, u16, u16, &'static str)>),
    /// An error code.
    Code(u8),
    /// Over UDP that there is more, over TCP the answer.
    OverTcp(Box<Reply>),
    /// An answer with another id and one to another question, then the right one.
    AmongForgeries(Box<Reply>),
    /// Nothing.
    Silence,
    /// Nothing until the test sets something else, then that.
    Held,
}

impl Reply {
    /// Addresses that may be kept for an hour.
    pub fn ips(ips: &[&str]) -> Reply {
        Reply::for_seconds(3600, ips)
    }

    /// Addresses that may be kept for so long.
    pub fn for_seconds(ttl: u32, ips: &[&str]) -> Reply {
        Reply::Ips(ips.iter().map(|ip| ip.parse().expect("an address")).collect(), ttl)
    }
}

/// One question that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name as it was asked for.
    pub name: String,
    /// 1 for A, 28 for AAAA, 33 for SRV.
    pub kind: u16,
    /// It came over TCP.
    pub tcp: bool,
}

#[derive(Default)]
struct Shared {
    names: Mutex<HashMap<String, Reply>>,
    questions: Mutex<Vec<Question>>,
    over: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A name server that runs until it is dropped.
pub struct Dns {
    addr: SocketAddr,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    _port: Port,
}

impl Dns {
    /// A server that knows one name.
    pub fn with(name: &str, reply: Reply) -> Dns {
        let (port, socket, listener) = loop {
            let port = Port::take();
            let at = (Ipv4Addr::LOCALHOST, port.number());
            if let (Ok(socket), Ok(listener)) = (UdpSocket::bind(at), TcpListener::bind(at)) {
                break (port, socket, listener);
            }
        };
        let addr = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let (udp, tcp) = (shared.clone(), shared.clone());
        let threads = vec![
            std::thread::spawn(move || serve_datagrams(&socket, &udp)),
            std::thread::spawn(move || serve_streams(&listener, &tcp)),
        ];
        let dns = Dns { addr, shared, threads, _port: port };
        dns.set(name, reply);
        dns
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Changes what a name is answered with.
    pub fn set(&self, name: &str, reply: Reply) {
        lock(&self.shared.names).insert(name.to_owned(), reply);
    }

    /// All questions so far.
    pub fn questions(&self) -> Vec<Question> {
        lock(&self.shared.questions).clone()
    }

    /// Waits until so many questions have come.
    pub fn wait_for_questions(&self, n: usize) -> Vec<Question> {
        wait::until("questions to the name server", || Some(self.questions()).filter(|all| all.len() >= n))
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Both threads wait for somebody: this is somebody.
        let waker = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let _ = waker.send_to(b"", self.addr);
        let _ = TcpStream::connect(self.addr);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve_datagrams(socket: &UdpSocket, shared: &Shared) {
    let mut buffer = [0; 1024];
    while let Ok((n, from)) = socket.recv_from(&mut buffer) {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        for answer in answers(shared, &buffer[..n], false) {
            let _ = socket.send_to(&answer, from);
        }
    }
}

fn serve_streams(listener: &TcpListener, shared: &Shared) {
    while let Ok((mut stream, _)) = listener.accept() {
        if shared.over.load(Ordering::SeqCst) {
            return;
        }
        let mut length = [0; 2];
        while stream.read_exact(&mut length).is_ok() {
            let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
            if stream.read_exact(&mut question).is_err() {
                break;
            }
            for answer in answers(shared, &question, true) {
                let length = (answer.len() as u16).to_be_bytes();
                let _ = stream.write_all(&[&length[..], &answer].concat());
            }
        }
    }
}

/// The messages that a question is answered with.
fn answers(shared: &Shared, question: &[u8], tcp: bool) -> Vec<Vec<u8>> {
    let (name, end) = read_name(question, 12);
    let kind = u16::from_be_bytes([question[end], question[end + 1]]);
    lock(&shared.questions).push(Question { name: name.clone(), kind, tcp });
    let reply = wait::until("a held answer to be let go", || {
        let reply = lock(&shared.names).get(&name).cloned().unwrap_or(Reply::Code(3));
        let over = shared.over.load(Ordering::SeqCst);
        Some(reply).filter(|reply| over || !matches!(reply, Reply::Held))
    });
    let asked = &question[..end + 4];
    match reply {
        Reply::Silence | Reply::Held => Vec::new(),
        Reply::OverTcp(_) if !tcp => vec![message(asked, 0x8380, &[])],
        Reply::OverTcp(reply) => vec![answer(asked, kind, &reply)],
        Reply::AmongForgeries(reply) => {
            let forged = |ttl| answer(asked, kind, &Reply::for_seconds(ttl, &["127.6.6.6"]));
            let (mut wrong_id, mut wrong_name) = (forged(1), forged(1));
            wrong_id[0] ^= 0xff;
            wrong_name[13] ^= 1;
            vec![wrong_id, wrong_name, b"short".to_vec(), answer(asked, kind, &reply)]
        }
        reply => vec![answer(asked, kind, &reply)],
    }
}

fn answer(asked: &[u8], kind: u16, reply: &Reply) -> Vec<u8> {
    let mut records = Vec::new();
    match reply {
        Reply::Ips(ips, ttl) => {
            for ip in ips {
                match ip {
                    IpAddr::V4(ip) if kind == 1 => records.push(record(1, *ttl, &ip.octets())),
                    IpAddr::V6(ip) if kind == 28 => records.push(record(28, *ttl, &ip.octets())),
                    _ => {}
                }
            }
        }
        Reply::Alias(to) => records.push(record(5, 3600, &write_name(to))),
        Reply::Services(services) if kind == 33 => {
            for (priority, weight, port, target) in services {
                let numbers = [*priority, *weight, *port].map(u16::to_be_bytes).concat();
                records.push(record(33, 3600, &[numbers, write_name(target)].concat()));
            }
        }
        Reply::Code(code) => return message(asked, 0x8180 | u16::from(*code), &[]),
        _ => {}
    }
    message(asked, 0x8180, &records)
}

fn message(asked: &[u8], flags: u16, records: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = asked.to_vec();
    bytes[2..4].copy_from_slice(&flags.to_be_bytes());
    bytes[6..8].copy_from_slice(&(records.len() as u16).to_be_bytes());
    records.iter().for_each(|record| bytes.extend_from_slice(record));
    bytes
}

/// A record of the name that was asked for.
fn record(kind: u16, ttl: u32, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 12];
    bytes.extend(kind.to_be_bytes());
    bytes.extend([0, 1]);
    bytes.extend(ttl.to_be_bytes());
    bytes.extend((data.len() as u16).to_be_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn write_name(name: &str) -> Vec<u8> {
    let labels = name.split('.').flat_map(|label| [&[label.len() as u8][..], label.as_bytes()].concat());
    labels.chain([0]).collect()
}

/// A name without compression, and where it ends.
fn read_name(bytes: &[u8], mut at: usize) -> (String, usize) {
    let mut labels = Vec::new();
    while bytes[at] != 0 {
        let length = usize::from(bytes[at]);
        labels.push(String::from_utf8_lossy(&bytes[at + 1..at + 1 + length]).into_owned());
        at += 1 + length;
    }
    (labels.join("."), at + 1)
}
