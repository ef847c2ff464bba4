//! A scripted origin: an upstream server that answers exactly what the test says, or misbehaves to order.
//!
//! The short form is a list of [`Act`]s: the first request the origin gets, on whatever connection, is
//! answered by the first act, the next by the second, and the last act repeats for ever.
//!
//! ```ignore
//! let origin = Origin::acts([Act::Reset, Act::Reply(http::ok("second try"))]);
//! ```
//!
//! For anything else [`Origin::each`] runs a function for every connection, in a thread of its own, with a
//! [`Talk`] to read requests from and send bytes with. All that came is recorded for assertions.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use super::http::{self, Framing, Head};
use super::{DEADLINE, Port, wait};

/// What to do with one request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends the bytes and is ready for another request on the same connection.
    Reply(Vec<u8>),
    /// As Reply, each piece only when the server has read the one before.
    Pieces(Vec<Vec<u8>>),
    /// Sends the bytes (maybe none) and closes.
    CloseAfter(Vec<u8>),
    /// Sends the bytes, waits until they were read, and resets the connection.
    ResetAfter(Vec<u8>),
    /// Sends the bytes and ends the sending side only.
    HalfCloseAfter(Vec<u8>),
    /// Sends the bytes and then nothing until the server closes or the test is over.
    StallAfter(Vec<u8>),
}

/// One request an origin received.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Which connection it came on, from 0 in the order of accepting.
    pub connection: usize,
    /// Request line and headers.
    pub head: Head,
    /// Body, chunked coding taken off.
    pub body: Vec<u8>,
}

impl Seen {
    /// The request line.
    pub fn line(&self) -> &str {
        &self.head.start
    }

    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }
}

/// What the connections of one origin share.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    over: AtomicBool,
}

#[derive(Default)]
struct State {
    requests: Vec<Seen>,
    /// One for each accepted connection, to wake its thread when the origin goes.
    streams: Vec<TcpStream>,
    /// Where each came from.
    peers: Vec<SocketAddr>,
    closed: usize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A listening origin. Dropping it ends its connections and joins its threads.
pub struct Origin {
    addr: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
    _port: Port,
}

impl Origin {
    /// Runs `script` for every connection.
    pub fn each(script: impl Fn(&mut Talk) + Send + Sync + 'static) -> Origin {
        let port = Port::take();
        // A program that another test starts just now may hold the socket that tried the port, until its
        // exec.
        let at = (Ipv4Addr::LOCALHOST, port.number());
        let listener = wait::until("the origin's port to be free", || TcpListener::bind(at).ok());
        let addr = listener.local_addr().expect("its address");
        let shared = Arc::new(Shared::default());
        let theirs = shared.clone();
        let acceptor = std::thread::spawn(move || accept_all(&listener, &theirs, &Arc::new(script)));
        Origin { addr, shared, acceptor: Some(acceptor), _port: port }
    }

    /// Plays the acts, one for each request over all connections; the last one repeats.
    pub fn acts(acts: impl IntoIterator<Item = Act>) -> Origin {
        let acts: Vec<Act> = acts.into_iter().collect();
        assert!(!acts.is_empty(), "an origin needs at least one act");
        let next = Mutex::new(0);
        Origin::each(move |talk| {
            while talk.request().is_some() {
                let turn = {
                    let mut next = next.lock().unwrap_or_else(|e| e.into_inner());
                    *next += 1;
                    *next - 1
                };
                if !talk.act(&acts[turn.min(acts.len() - 1)]) {
                    return;
                }
            }
        })
    }

    /// Sends the first piece when a request comes and each further one when the test says go; after the last
    /// piece the connection is ready for another request, of which only the first piece is sent unasked.
    pub fn gated(pieces: &[&str]) -> (Origin, Sender<()>) {
        let pieces: Vec<Vec<u8>> = pieces.iter().map(|p| p.as_bytes().to_vec()).collect();
        let (go, gate) = std::sync::mpsc::channel();
        let gate = Mutex::new(gate);
        let origin = Origin::each(move |talk| {
            while talk.request().is_some() {
                for (n, piece) in pieces.iter().enumerate() {
                    let opened = n == 0 || gate.lock().is_ok_and(|gate| gate.recv().is_ok());
                    if !opened || !talk.send(piece) {
                        return;
                    }
                }
            }
        });
        (origin, go)
    }

    /// Answers every request with the same bytes and keeps connections open.
    pub fn always(reply: Vec<u8>) -> Origin {
        Origin::acts([Act::Reply(reply)])
    }

    /// Answers every request with the text `head\n` + the request's head, or so: an echo for header tests.
    pub fn echo() -> Origin {
        Origin::each(|talk| {
            while let Some(seen) = talk.request() {
                let mut body = seen.head.raw.into_bytes();
                body.extend_from_slice(&seen.body);
                talk.send(http::reply("200 OK", &[], &body));
            }
        })
    }

    /// Sends bytes as soon as a connection is there, before any request, then reads until the end.
    pub fn speaks_first(bytes: Vec<u8>) -> Origin {
        Origin::each(move |talk| {
            talk.send(&bytes);
            talk.read_to_end();
        })
    }

    /// Closes each connection at once.
    pub fn closes_at_once() -> Origin {
        Origin::each(|_| {})
    }

    /// Resets each connection at once.
    pub fn resets_at_once() -> Origin {
        Origin::each(Talk::reset)
    }

    /// Where to connect to, for `.with("ORIGIN", origin.addr())`.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Seen> {
        self.shared.state().requests.clone()
    }

    /// Waits until at least `n` requests have come, and gives all.
    pub fn wait_for_requests(&self, n: usize) -> Vec<Seen> {
        self.wait_until(|s| s.requests.len() >= n, "requests").requests.clone()
    }

    /// The request when there was exactly one.
    pub fn only_request(&self) -> Seen {
        let mut requests = self.requests();
        assert_eq!(requests.len(), 1, "requests the origin got: {requests:#?}");
        requests.remove(0)
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> usize {
        self.shared.state().streams.len()
    }

    /// Where each connection came from.
    pub fn peers(&self) -> Vec<SocketAddr> {
        self.shared.state().peers.clone()
    }

    /// Waits until `n` connections are over, by either side.
    pub fn wait_for_closed(&self, n: usize) {
        drop(self.wait_until(|s| s.closed >= n, "closed connections"));
    }

    fn wait_until(&self, done: impl Fn(&State) -> bool, what: &str) -> MutexGuard<'_, State> {
        let guard = self.shared.state();
        let waited = self.shared.changed.wait_timeout_while(guard, DEADLINE, |s| !done(s));
        let (guard, _) = waited.unwrap_or_else(|poisoned| poisoned.into_inner());
        let (requests, streams, closed) = (guard.requests.len(), guard.streams.len(), guard.closed);
        assert!(
            done(&guard),
            "waited for {what}: {requests} requests, {streams} connections, {closed} closed"
        );
        guard
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        for stream in &self.shared.state().streams {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let _ = TcpStream::connect(self.addr); // wakes the acceptor
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept_all<S>(listener: &TcpListener, shared: &Arc<Shared>, script: &Arc<S>)
where
    S: Fn(&mut Talk) + Send + Sync + 'static,
{
    let mut threads = Vec::new();
    while let Ok((stream, peer)) = listener.accept() {
        let Ok(handle) = stream.try_clone() else { break };
        let number = {
            let mut state = shared.state();
            // asked under the lock, so that a connection is either seen by drop or refused here
            if shared.over.load(Ordering::SeqCst) {
                break;
            }
            state.streams.push(handle);
            state.peers.push(peer);
            state.streams.len() - 1
        };
        shared.changed.notify_all();
        let (shared, script) = (shared.clone(), script.clone());
        threads.push(std::thread::spawn(move || {
            let _ = stream.set_nodelay(true);
            let mut talk = Talk { stream, input: Vec::new(), number, shared };
            script(&mut talk);
            talk.end();
        }));
    }
    for thread in threads {
        let _ = thread.join();
    }
}

/// One connection, seen from the origin.
pub struct Talk {
    stream: TcpStream,
    input: Vec<u8>,
    number: usize,
    shared: Arc<Shared>,
}

impl Talk {
    /// Which connection this is, from 0.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The socket, for what is not plain text.
    pub fn socket(&self) -> TcpStream {
        self.stream.try_clone().expect("a second handle")
    }

    /// Reads one whole HTTP request and records it; None at the end of the connection.
    pub fn request(&mut self) -> Option<Seen> {
        let head = self.request_head()?;
        let body = match head.declared_framing() {
            Some(Framing::Length(n)) => self.exactly(n)?,
            Some(Framing::Chunked) => loop {
                if let Some((body, used)) = http::take_chunked(&self.input) {
                    self.input.drain(..used);
                    break body;
                }
                self.fill()?;
            },
            _ => Vec::new(),
        };
        let seen = Seen { connection: self.number, head, body };
        self.shared.state().requests.push(seen.clone());
        self.shared.changed.notify_all();
        Some(seen)
    }

    /// Waits until the origin has had at least `n` requests on all its connections.
    pub fn wait_for_requests(&self, n: usize) {
        let state = self.shared.state();
        let waited = self.shared.changed.wait_timeout_while(state, DEADLINE, |s| s.requests.len() < n);
        drop(waited);
    }

    /// Reads a request head and leaves the body; it is not recorded.
    pub fn request_head(&mut self) -> Option<Head> {
        loop {
            if let Some((head, used)) = Head::parse(&self.input) {
                self.input.drain(..used);
                return Some(head);
            }
            self.fill()?;
        }
    }

    /// The next `n` bytes, for protocols other than HTTP.
    pub fn exactly(&mut self, n: usize) -> Option<Vec<u8>> {
        while self.input.len() < n {
            self.fill()?;
        }
        Some(self.input.drain(..n).collect())
    }

    /// The bytes up to and including `end`.
    pub fn up_to(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = http::find(&self.input, end) {
                return Some(self.input.drain(..at + end.len()).collect());
            }
            self.fill()?;
        }
    }

    /// Whatever has come, at least a byte.
    pub fn some(&mut self) -> Option<Vec<u8>> {
        if self.input.is_empty() {
            self.fill()?;
        }
        Some(std::mem::take(&mut self.input))
    }

    /// Everything until the server closes or the test is over.
    pub fn read_to_end(&mut self) -> Vec<u8> {
        while self.fill().is_some() {}
        std::mem::take(&mut self.input)
    }

    /// Sends bytes; false when the server does not take them any more.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends pieces, each only when the server has read the one before.
    pub fn send_pieces<B: AsRef<[u8]>>(&mut self, pieces: &[B]) -> bool {
        pieces.iter().enumerate().all(|(n, piece)| {
            if n > 0 {
                wait::until_peer_has_read(&self.stream);
            }
            self.send(piece)
        })
    }

    /// Waits until the server has read all that was sent.
    pub fn wait_until_read(&self) {
        wait::until_peer_has_read(&self.stream);
    }

    /// Makes the end of this connection an RST.
    pub fn reset(&mut self) {
        let _ = socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        // the second handle must go too, or the descriptor stays open and nothing is sent
        self.forget_handle();
    }

    /// Ends the sending side.
    pub fn half_close(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    /// Plays one act; false when the connection is over.
    pub fn act(&mut self, act: &Act) -> bool {
        match act {
            Act::Reply(bytes) => return self.send(bytes),
            Act::Pieces(pieces) => return self.send_pieces(pieces),
            Act::CloseAfter(bytes) => {
                self.send(bytes);
            }
            Act::ResetAfter(bytes) => {
                self.send(bytes);
                self.wait_until_read();
                self.reset();
            }
            Act::HalfCloseAfter(bytes) => {
                self.send(bytes);
                self.half_close();
                self.read_to_end();
            }
            Act::StallAfter(bytes) => {
                self.send(bytes);
                self.read_to_end();
            }
        }
        false
    }

    /// Exchanges the handle kept for the origin's end for one to nowhere.
    fn forget_handle(&mut self) {
        let unused = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        if let (Ok(socket), Some(slot)) = (unused, self.shared.state().streams.get_mut(self.number)) {
            *slot = socket.into();
        }
    }

    /// Closes: unread input would make the kernel send RST, so it is read first if it is already there.
    fn end(mut self) {
        let _ = self.stream.set_nonblocking(true);
        while self.fill().is_some() {}
        self.forget_handle();
        let Talk { stream, shared, .. } = self;
        drop(stream);
        shared.state().closed += 1;
        shared.changed.notify_all();
    }

    fn fill(&mut self) -> Option<()> {
        let mut chunk = [0; 16384];
        match wait::read(&self.stream, &mut chunk) {
            Ok(n) if n > 0 => {
                self.input.extend_from_slice(&chunk[..n]);
                Some(())
            }
            _ => None,
        }
    }
}

/// An address where connecting is refused, for as long as this value lives.
pub struct Refusing {
    port: Port,
}

impl Refusing {
    /// Takes a port and listens on it not at all.
    pub fn new() -> Refusing {
        Refusing { port: Port::take() }
    }

    /// Where nobody is.
    pub fn addr(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.number()).into()
    }
}

/// An address where connecting neither succeeds nor fails: its queue of new connections is full.
pub struct Unanswering {
    addr: SocketAddr,
    _listener: socket2::Socket,
    _queued: Vec<socket2::Socket>,
    _port: Port,
}

impl Unanswering {
    /// Listens with the shortest queue there is and fills it.
    pub fn new() -> Unanswering {
        let port = Port::take();
        let addr: SocketAddr = (Ipv4Addr::LOCALHOST, port.number()).into();
        let socket =
            || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        let listener = socket();
        listener.set_reuse_address(true).expect("reuse of an address with old connections");
        wait::until("the port to be free", || listener.bind(&addr.into()).ok());
        listener.listen(0).expect("listen");
        let mut queued = Vec::new();
        // a queue of length 0 takes one; a connect that stays unanswered shows that it is full
        for _ in 0..8 {
            let client = socket();
            let answered = client.connect_timeout(&addr.into(), Duration::from_millis(50)).is_ok();
            queued.push(client);
            if !answered {
                return Unanswering { addr, _listener: listener, _queued: queued, _port: port };
            }
        }
        panic!("the queue of {addr} does not fill");
    }

    /// Where connecting hangs.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}
