//! A TLS session: rustls over a descriptor that must not block.
//!
//! *In nginx* `ngx_ssl_connection_t` and `ngx_ssl_handshake`, `ngx_ssl_recv`, `ngx_ssl_send_chain`,
//! `ngx_ssl_shutdown`.
//!
//! *Here* every function does what can be done now and says what it is waiting for by the readiness left in
//! its [`Wire`]. Plaintext that was encrypted and whose records have not left yet is *owed*: it counts as
//! sent, and leaves the sender's chain, when they have. So a sender sees a socket that takes less than it
//! was given, and nothing above needs to know of records.
//!
//! ```text
//!   send:  chain ─ encrypt ─▶ [ records ] ─ write ─▶ socket      owed > 0 ─▶ write first, then consume
//!   recv:  socket ─ read ─▶ [ records ] ─ decrypt ─▶ plaintext ─▶ page
//! ```
//!
//! *Read next*: `event/secure.rs`.

use super::sessions;
use super::verify::Fault;
use crate::buf::Page;
use crate::sys::socket;
use rustls::client::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::{Accepted, Acceptor, ServerConfig};
use rustls::{CipherSuite, ClientConnection, Connection, HandshakeKind, NamedGroup};
use std::cell::RefCell;
use std::io::{self, BufRead, IoSlice, Read, Write};
use std::os::fd::RawFd;
use std::sync::Arc;

/// A descriptor with what is known of its readiness.
#[derive(Debug)]
pub struct Wire<'a> {
    /// The socket.
    pub fd: RawFd,
    /// There may be something to read.
    pub readable: &'a mut bool,
    /// There may be room to write.
    pub writable: &'a mut bool,
    /// The other end has announced its end, or an error: a short read tells nothing.
    pub ends: bool,
}

impl Read for Wire<'_> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        if !*self.readable {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match socket::recv_discard(self.fd, to) {
            Ok(n) => {
                *self.readable = n == to.len() || n == 0 || self.ends;
                Ok(n)
            }
            Err(error) => {
                *self.readable = error.kind() != io::ErrorKind::WouldBlock;
                Err(error)
            }
        }
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        if !*self.writable {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let asked: usize = parts.iter().map(|part| part.len()).sum();
        let sent = socket::send_pieces(self.fd, parts, false);
        *self.writable = match &sent {
            Ok(n) => *n == asked,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        };
        sent
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How far a handshake has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shake {
    /// It is complete.
    Done,
    /// The client has said whom it wants: [`Session::choose`], then go on.
    Choose,
    /// The other end has to be waited for.
    Again,
}

/// What a session had to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many bytes.
    Bytes(usize),
    /// The other end has said that nothing follows.
    End,
    /// Nothing now.
    Again,
}

/// How much is read from a socket at once.
const READ: usize = 64 << 10;
/// How much plaintext rustls keeps before it takes no more records.
const FULL: usize = 16 << 10;

thread_local! {
    /// What is read goes through here on its way to the session it is for.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// Gives records to a session, piece by piece; says how many bytes it was, and what it has no room for.
fn feed(connection: &mut Connection, bytes: &[u8]) -> io::Result<(usize, Vec<u8>)> {
    let mut rest = bytes;
    loop {
        // Without bytes this tells the session of the end of the stream. Behind close_notify it takes none.
        let n = connection.read_tls(&mut rest)?;
        let state = connection.process_new_packets().map_err(io::Error::other)?;
        if n == 0 {
            return Ok((bytes.len(), Vec::new()));
        }
        if rest.is_empty() || state.plaintext_bytes_to_read() >= FULL {
            return Ok((bytes.len(), rest.to_vec()));
        }
    }
}

/// How long a session's number is.
const ID: usize = 32;

enum Stage {
    Hello(Acceptor),
    Chosen(Accepted),
    Talk(Connection),
    /// It failed before it could speak.
    Over,
}

/// One connection's session.
pub struct Session {
    stage: Stage,
    /// Plaintext that is encrypted and has not left.
    owed: u64,
    /// Records that were read while there was no room for their plaintext.
    held: Vec<u8>,
    /// Why it cannot go on.
    failed: Option<rustls::Error>,
    /// The handshake is complete.
    shaken: bool,
    /// An end without close_notify is a cut.
    strict: bool,
    /// The number of the server whose configuration was chosen by name; None for the listener's own.
    pub server: Option<usize>,
    /// The name the client asked for.
    pub name: Option<Box<str>>,
    /// What was found out about the other end's certificate; None if nobody has looked.
    pub verified: Option<Result<(), Fault>>,
    /// What the client offered: cipher suites and groups.
    pub offered: (Box<[CipherSuite]>, Box<[NamedGroup]>),
    /// The number under which the session can be taken up again.
    id: [u8; ID],
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Session(shaken: {}, owed: {})", self.shaken, self.owed)
    }
}

impl Session {
    fn at(stage: Stage) -> Session {
        Session {
            stage,
            owed: 0,
            held: Vec::new(),
            failed: None,
            shaken: false,
            strict: false,
            server: None,
            name: None,
            verified: None,
            offered: Default::default(),
            id: [0; ID],
        }
    }

    /// The server's side: a client's first message is awaited.
    pub fn accepting() -> Session {
        Session::at(Stage::Hello(Acceptor::default()))
    }

    /// The client's side. `strict`: an end of the stream without close_notify is a cut (RFC 9112 section
    /// 9.8). DIFF: nginx takes it for an end.
    ///
    /// # Errors
    /// What rustls finds wrong with the configuration.
    pub fn connecting(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
        strict: bool,
    ) -> Result<Session, rustls::Error> {
        let connection = ClientConnection::new(config, name)?;
        Ok(Session { strict, ..Session::at(Stage::Talk(Connection::Client(connection))) })
    }

    /// True once plaintext may pass.
    pub fn is_shaken(&self) -> bool {
        self.shaken
    }

    /// Goes on with the handshake as far as it can.
    ///
    /// # Errors
    /// What the socket said, or what was wrong with what came; an alert has been sent.
    pub fn shake(&mut self, wire: &mut Wire) -> io::Result<Shake> {
        loop {
            match &mut self.stage {
                Stage::Hello(acceptor) => {
                    match acceptor.read_tls(wire) {
                        Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                        Ok(_) => {}
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Shake::Again),
                        Err(error) => return Err(error),
                    }
                    match acceptor.accept() {
                        Ok(None) => {}
                        Ok(Some(accepted)) => {
                            let hello = accepted.client_hello();
                            self.name = hello.server_name().map(Into::into);
                            let groups = hello.named_groups().unwrap_or_default();
                            self.offered = (hello.cipher_suites().into(), groups.into());
                            self.stage = Stage::Chosen(accepted);
                            return Ok(Shake::Choose);
                        }
                        Err((error, mut alert)) => {
                            let _ = alert.write_all(wire);
                            self.stage = Stage::Over;
                            return Err(io::Error::other(error));
                        }
                    }
                }
                Stage::Chosen(_) => return Ok(Shake::Choose),
                Stage::Talk(connection) => {
                    while connection.wants_write() {
                        match connection.write_tls(wire) {
                            Ok(_) => {}
                            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                                // Tickets may wait: with them unsent a session is as good as any.
                                if connection.is_handshaking() {
                                    return Ok(Shake::Again);
                                }
                                break;
                            }
                            Err(error) => return Err(error),
                        }
                    }
                    if !connection.is_handshaking() {
                        self.shaken = true;
                        return Ok(Shake::Done);
                    }
                    match self.read_records(wire)? {
                        Taken::Bytes(_) => {}
                        Taken::End => return Err(io::ErrorKind::UnexpectedEof.into()),
                        Taken::Again => return Ok(Shake::Again),
                    }
                }
                Stage::Over => return Err(io::ErrorKind::NotConnected.into()),
            }
        }
    }

    /// Gives the configuration of the server that the client's first message asked for.
    ///
    /// # Errors
    /// When the two have nothing in common; an alert has been sent.
    pub fn choose(&mut self, config: Arc<ServerConfig>, wire: &mut Wire) -> io::Result<()> {
        let Stage::Chosen(accepted) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        match accepted.into_connection(config) {
            Ok(mut connection) => {
                if sessions::random(&mut self.id) {
                    connection.set_resumption_data(&self.id);
                }
                self.stage = Stage::Talk(Connection::Server(connection));
                Ok(())
            }
            Err((error, mut alert)) => {
                let _ = alert.write_all(wire);
                Err(io::Error::other(error))
            }
        }
    }

    /// Refuses the name that the client asked for (RFC 6066 section 3: alert 112).
    pub fn reject(&mut self, wire: &mut Wire) {
        self.stage = Stage::Over;
        let _ = wire.write(&[21, 3, 3, 0, 2, 2, 112]);
    }

    /// Reads once from the socket and decrypts what came. `End` is the end of the socket's stream.
    fn read_records(&mut self, wire: &mut Wire) -> io::Result<Taken> {
        let Stage::Talk(connection) = &mut self.stage else { return Err(io::ErrorKind::NotConnected.into()) };
        if let Some(error) = &self.failed {
            return Err(io::Error::other(error.clone()));
        }
        let held = std::mem::take(&mut self.held);
        let fed = if held.is_empty() {
            SCRATCH.with_borrow_mut(|scratch| match wire.read(scratch) {
                Ok(n) => feed(connection, scratch.get(..n).unwrap_or_default()),
                Err(error) => Err(error),
            })
        } else {
            feed(connection, &held)
        };
        let n = match fed {
            Ok((n, rest)) => {
                self.held = rest;
                n
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Taken::Again),
            Err(error) => {
                if let Some(fault) = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
                    // The alert that says so is best effort: nobody waits for its way out.
                    let _ = connection.write_tls(wire);
                    self.failed = Some(fault.clone());
                }
                return Err(error);
            }
        };
        if self.shaken && self.owed == 0 && connection.wants_write() {
            // An answer to a key update or the like; what does not go now goes with the next bytes.
            let _ = connection.write_tls(wire);
        }
        Ok(if n == 0 { Taken::End } else { Taken::Bytes(n) })
    }

    /// Moves plaintext into `page`, at most `limit` bytes, and reads more while there is room.
    ///
    /// # Errors
    /// What the socket said; what is wrong with the records; on the client's side, an end without
    /// close_notify.
    pub fn recv(&mut self, wire: &mut Wire, page: &mut Page, limit: usize) -> io::Result<Taken> {
        let asked = page.room().min(limit);
        let mut got = 0;
        while got < asked {
            match self.take(asked - got, |bytes| page.append(bytes)) {
                Ok(Taken::Bytes(n)) => {
                    got += n;
                    continue;
                }
                Ok(Taken::Again) => {}
                // The end is found again when what came before it has been taken.
                _ if got > 0 => break,
                ended => return ended,
            }
            match self.read_records(wire) {
                Ok(Taken::Again) => break,
                Ok(_) => {}
                // What came before the fault is still good; the fault is found again.
                Err(_) if got > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(if got == 0 && asked > 0 { Taken::Again } else { Taken::Bytes(got) })
    }

    /// Takes plaintext that is there already.
    fn take(&mut self, most: usize, to: impl FnOnce(&[u8]) -> usize) -> io::Result<Taken> {
        let strict = self.strict;
        let Stage::Talk(connection) = &mut self.stage else { return Err(io::ErrorKind::NotConnected.into()) };
        let mut reader = connection.reader();
        match reader.fill_buf() {
            Ok([]) => Ok(Taken::End),
            Ok(bytes) => {
                let n = to(bytes.get(..most.min(bytes.len())).unwrap_or_default());
                reader.consume(n);
                Ok(Taken::Bytes(n))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Taken::Again),
            Err(_) if !strict => Ok(Taken::End),
            Err(_) => {
                let text = "peer closed connection without close_notify";
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, text))
            }
        }
    }

    /// Whether anything is there, without taking it: `Bytes(1)` for plaintext.
    ///
    /// # Errors
    /// As [`Session::recv`].
    pub fn peek(&mut self, wire: &mut Wire) -> io::Result<Taken> {
        loop {
            match self.take(0, |_| 0)? {
                Taken::Bytes(_) => return Ok(Taken::Bytes(1)),
                Taken::End => return Ok(Taken::End),
                Taken::Again => {}
            }
            if self.read_records(wire)? == Taken::Again {
                return Ok(Taken::Again);
            }
        }
    }

    /// True if plaintext, or an end, can be taken without the socket.
    pub fn has_more(&mut self) -> bool {
        let Stage::Talk(connection) = &mut self.stage else { return false };
        match connection.reader().fill_buf() {
            Err(error) => error.kind() != io::ErrorKind::WouldBlock || !self.held.is_empty(),
            Ok(_) => true,
        }
    }

    /// Writes records until none is left or the socket takes no more. Says how much plaintext has left by
    /// that: all that was owed, or nothing.
    ///
    /// # Errors
    /// What the socket said.
    pub fn flush(&mut self, wire: &mut Wire) -> io::Result<u64> {
        let Stage::Talk(connection) = &mut self.stage else { return Err(io::ErrorKind::NotConnected.into()) };
        while connection.wants_write() {
            match connection.write_tls(wire) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                Err(error) => return Err(error),
            }
        }
        Ok(std::mem::take(&mut self.owed))
    }

    /// True if records wait for the socket.
    pub fn is_blocked(&self) -> bool {
        matches!(&self.stage, Stage::Talk(connection) if connection.wants_write())
    }

    /// Encrypts as much of `parts` as the session takes; it is owed from now on.
    ///
    /// # Errors
    /// After the end of the session.
    pub fn encrypt(&mut self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let Stage::Talk(connection) = &mut self.stage else { return Err(io::ErrorKind::NotConnected.into()) };
        let n = connection.writer().write_vectored(parts)?;
        self.owed = self.owed.saturating_add(n as u64);
        Ok(())
    }

    /// Tells the other end that nothing follows, if the socket takes it.
    pub fn say_goodbye(&mut self, wire: &mut Wire) {
        if !self.shaken || self.failed.is_some() {
            return;
        }
        if let Stage::Talk(connection) = &mut self.stage {
            connection.send_close_notify();
            while connection.wants_write() && connection.write_tls(wire).is_ok() {}
        }
    }

    fn connection(&self) -> Option<&Connection> {
        match &self.stage {
            Stage::Talk(connection) => Some(connection),
            _ => None,
        }
    }

    /// The certificates of the other end, its own first.
    pub fn certificates(&self) -> &[CertificateDer<'static>] {
        self.connection().and_then(|c| c.peer_certificates()).unwrap_or_default()
    }

    /// `TLSv1.2` or `TLSv1.3`.
    pub fn protocol(&self) -> Option<&'static str> {
        self.connection()?.protocol_version().map(super::ciphers::protocol_name)
    }

    /// The cipher suite by OpenSSL's name.
    pub fn cipher(&self) -> Option<&'static str> {
        Some(super::ciphers::suite_name(self.connection()?.negotiated_cipher_suite()?.suite()))
    }

    /// The key exchange group by OpenSSL's name.
    pub fn curve(&self) -> Option<&'static str> {
        Some(super::ciphers::group_name(self.connection()?.negotiated_key_exchange_group()?.name()))
    }

    /// The protocol agreed upon with ALPN.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.connection()?.alpn_protocol()
    }

    /// The number of the session, which it keeps when it is taken up again.
    pub fn id(&self) -> &[u8] {
        let earlier = match self.connection() {
            Some(Connection::Server(connection)) => connection.received_resumption_data(),
            _ => None,
        };
        earlier.filter(|id| id.len() == ID).unwrap_or(&self.id)
    }

    /// Whether an earlier session was taken up again.
    pub fn is_reused(&self) -> bool {
        self.connection().and_then(|c| c.handshake_kind()) == Some(HandshakeKind::Resumed)
    }
}
