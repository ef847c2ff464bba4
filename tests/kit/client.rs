//! A client of raw TCP that knows enough HTTP to find the end of a response, and fails rather than hangs.
//!
//! What to send is given as bytes, so a test can send what no HTTP library would: a head cut anywhere,
//! pipelined requests, a body that never ends. Whatever was received beyond one response stays here for
//! the next, so keep-alive and pipelining need no care.

use std::io::{ErrorKind, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::http::{self, Framing, Head, Response};
use super::{DEADLINE, wait};

/// One connection to the server under test.
pub struct Client {
    stream: TcpStream,
    /// Received and not yet taken by a response.
    input: Vec<u8>,
    eof: bool,
}

impl Client {
    /// Connects, with [`DEADLINE`] on every later read and write.
    pub fn connect(addr: SocketAddr) -> Client {
        let stream = TcpStream::connect_timeout(&addr, DEADLINE)
            .unwrap_or_else(|e| panic!("cannot connect to {addr}: {e}"));
        stream.set_nodelay(true).expect("nodelay");
        stream.set_read_timeout(Some(DEADLINE)).expect("read timeout");
        stream.set_write_timeout(Some(DEADLINE)).expect("write timeout");
        Client { stream, input: Vec::new(), eof: false }
    }

    /// The socket itself, for options and for what this client cannot do.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends bytes. A server that has closed already is no failure here: what it answered decides.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Client {
        match self.stream.write_all(bytes.as_ref()) {
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the server read nothing for {} s", DEADLINE.as_secs())
            }
            _ => self,
        }
    }

    /// Sends the pieces one by one, each only when the server has read the one before.
    pub fn send_pieces<B: AsRef<[u8]>>(&mut self, pieces: &[B]) -> &mut Client {
        for (n, piece) in pieces.iter().enumerate() {
            if n > 0 {
                wait::until_peer_has_read(&self.stream);
            }
            self.send(piece);
        }
        self
    }

    /// Waits until the server has read all that was sent.
    pub fn wait_until_read(&mut self) -> &mut Client {
        wait::until_peer_has_read(&self.stream);
        self
    }

    /// Sends a GET without further headers and gives the response.
    pub fn get(&mut self, uri: &str) -> Response {
        self.send(http::get(uri, &[])).response()
    }

    /// Sends one whole request and gives the response to it.
    pub fn ask(&mut self, request: impl AsRef<[u8]>) -> Response {
        let bytes = request.as_ref();
        let method =
            String::from_utf8_lossy(bytes.split(|b| *b == b' ').next().unwrap_or_default()).into_owned();
        self.send(bytes).response_to(&method)
    }

    /// The next response. An interim one (1xx) is a response of its own.
    pub fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    /// The next response, which answers a request of that method: for HEAD no body follows.
    pub fn response_to(&mut self, method: &str) -> Response {
        let head = self.head();
        let (status, framing) = Response::expectations(&head, method);
        let (body, complete) = self.body(framing);
        Response { status, head, body, framing, complete }
    }

    /// The head of the next response; what follows it stays in the input.
    pub fn head(&mut self) -> Head {
        loop {
            if let Some((head, used)) = Head::parse(&self.input) {
                self.input.drain(..used);
                return head;
            }
            let got = String::from_utf8_lossy(&self.input).into_owned();
            assert!(self.fill(), "the connection ended before a whole response head; received {got:?}");
        }
    }

    /// The head of the next response, or None if the connection ends first or stays silent for as long as
    /// the socket's read timeout: for tests of a server that is out of something.
    pub fn try_head(&mut self) -> Option<Head> {
        let mut chunk = [0; 4096];
        loop {
            if let Some((head, used)) = Head::parse(&self.input) {
                self.input.drain(..used);
                return Some(head);
            }
            match wait::read(&self.stream, &mut chunk) {
                Ok(n) if n > 0 => self.input.extend_from_slice(&chunk[..n]),
                _ => return None,
            }
        }
    }

    /// A body of the given framing and whether it was whole.
    pub fn body(&mut self, framing: Framing) -> (Vec<u8>, bool) {
        loop {
            match framing {
                Framing::None => return (Vec::new(), true),
                Framing::Length(n) if self.input.len() >= n => {
                    return (self.input.drain(..n).collect(), true);
                }
                Framing::Chunked => {
                    if let Some((body, used)) = http::take_chunked(&self.input) {
                        self.input.drain(..used);
                        return (body, true);
                    }
                }
                Framing::Length(_) | Framing::UntilClose => {}
            }
            if !self.fill() {
                let rest = std::mem::take(&mut self.input);
                let body = if framing == Framing::Chunked { http::partial_chunked(&rest) } else { rest };
                return (body, framing == Framing::UntilClose);
            }
        }
    }

    /// Reads until at least `n` bytes have come that no response has taken, and takes exactly those.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        while self.input.len() < n {
            assert!(self.fill(), "the connection ended after {} of {n} bytes", self.input.len());
        }
        self.input.drain(..n).collect()
    }

    /// Everything up to the end of the connection.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.input)
    }

    /// Asserts that the server ends the connection and sends nothing more.
    pub fn expect_close(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "expected the end, received {:?}", String::from_utf8_lossy(&rest));
    }

    /// Asserts that nothing has come and the connection is open, at this moment.
    pub fn expect_quiet(&mut self) {
        assert!(self.input.is_empty() && !self.eof, "expected no input");
        self.stream.set_nonblocking(true).expect("nonblocking");
        let mut byte = [0];
        let got = self.stream.peek(&mut byte);
        self.stream.set_nonblocking(false).expect("blocking");
        let quiet = matches!(&got, Err(e) if e.kind() == ErrorKind::WouldBlock);
        assert!(quiet, "expected an open, silent connection, found {got:?}");
    }

    /// Ends the sending side; the server still can answer.
    pub fn half_close(&mut self) -> &mut Client {
        let _ = self.stream.shutdown(Shutdown::Write);
        self
    }

    /// Ends the connection with RST instead of FIN.
    pub fn reset(self) {
        socket2::SockRef::from(&self.stream).set_linger(Some(std::time::Duration::ZERO)).expect("linger");
    }

    /// Reads what there is, waiting for at least a byte; false at the end of the connection.
    fn fill(&mut self) -> bool {
        if self.eof {
            return false;
        }
        let mut chunk = [0; 65536];
        match wait::read(&self.stream, &mut chunk) {
            Ok(0) => self.eof = true,
            Ok(n) => self.input.extend_from_slice(&chunk[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                let got = String::from_utf8_lossy(&self.input).into_owned();
                panic!("nothing came for {} s; received so far {got:?}", DEADLINE.as_secs())
            }
            // a reset is an end too; tests that care look at `complete`
            Err(_) => self.eof = true,
        }
        !self.eof
    }
}
