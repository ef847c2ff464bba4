//! One socket to one name server, for one name.
//!
//! *In nginx* `ngx_resolver_connection_t`: one UDP and one TCP connection for each server, shared by all
//! names of a worker and kept for ever.
//!
//! *Here* each attempt has a socket of its own, which is closed with the look-up. So the kernel chooses a new
//! port each time, which together with the id makes an answer hard to forge; it drops what others send; and
//! an answer belongs to a name by its socket alone. An answer must come from the server that was asked,
//! with the id and the question that were sent on this very socket.
//!
//! ```text
//!   UDP: ask ─▶ datagram ─▶ … ─▶ message            TCP: connect ─▶ length, question ─▶ … ─▶ length, message
//! ```
//!
//! *Read next*: `service.rs`.

use super::lookup::Question;
use super::message::{self, Message};
use crate::buf::{Chain, Page, Slice};
use crate::event::connect::Options;
use crate::event::stream::Received;
use crate::event::{ConnId, Net, Owner};
use crate::sys::random;
use crate::util::address::Address;
use std::io;
use std::net::SocketAddr;

/// The largest datagram that is read. Without EDNS servers send 512 bytes and set TC if there is more.
const DATAGRAM: usize = 4096;
/// The largest message over TCP that is read.
const STREAM: usize = 65_535 + 2;

/// What goes over a TCP connection.
#[derive(Debug)]
struct Stream {
    out: Chain,
    input: Vec<u8>,
}

/// A socket and what was asked over it.
#[derive(Debug)]
pub struct Attempt {
    /// The socket.
    pub conn: ConnId,
    /// Whom it talks to.
    pub server: SocketAddr,
    /// The number of the question and its id.
    asked: Vec<(usize, u16)>,
    stream: Option<Stream>,
}

impl Attempt {
    /// Opens a socket to a server.
    ///
    /// # Errors
    /// What the system said.
    pub fn start(net: &mut Net, server: SocketAddr, tcp: bool, owner: Owner) -> io::Result<Attempt> {
        let address = Address::Ip(server);
        let (conn, stream) = match tcp {
            false => (net.connect_datagram(&address, owner)?, None),
            true => {
                let started = net.connect(&address, &Options::default(), owner)?;
                (started.id, Some(Stream { out: Chain::default(), input: Vec::new() }))
            }
        };
        Ok(Attempt { conn, server, asked: Vec::new(), stream })
    }

    /// Whether it is a TCP connection.
    pub fn is_stream(&self) -> bool {
        self.stream.is_some()
    }

    /// Asks a question, with a new id.
    ///
    /// # Errors
    /// What the system said.
    pub fn ask(&mut self, net: &mut Net, number: usize, question: &Question) -> io::Result<()> {
        let id = random::u16();
        self.asked.retain(|(earlier, _)| *earlier != number);
        self.asked.push((number, id));
        let message = message::question(id, &question.asked, question.kind);
        match &mut self.stream {
            Some(stream) => {
                let length = u16::try_from(message.len()).unwrap_or(u16::MAX).to_be_bytes();
                stream.out.push(Slice::from([&length[..], &message].concat()));
                self.writable(net)
            }
            None => match net.table.get_mut(self.conn) {
                Some(c) => c.send_datagram(&message),
                None => Err(io::ErrorKind::NotConnected.into()),
            },
        }
    }

    /// The socket is writable: a TCP connection is there, or has room again.
    ///
    /// # Errors
    /// What connect(2) or send(2) said.
    pub fn writable(&mut self, net: &mut Net) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let Some(c) = net.table.get_mut(self.conn) else { return Err(io::ErrorKind::NotConnected.into()) };
        if c.flags.connecting && !c.write.ready {
            return Ok(());
        }
        net.connect_result(self.conn)?;
        if let Some(c) = net.table.get_mut(self.conn) {
            c.send_chain(&mut stream.out, u64::MAX)?;
        }
        Ok(())
    }

    /// The number of the question that a message answers. None for what nobody asked.
    pub fn question_of(&self, message: &Message) -> Option<usize> {
        self.asked.iter().find(|(_, id)| *id == message.id).map(|(number, _)| *number)
    }

    /// Takes the next message that has come. None if there is none now.
    ///
    /// # Errors
    /// What the system said; the end of a TCP connection.
    pub fn next(&mut self, net: &mut Net) -> io::Result<Option<Vec<u8>>> {
        let Some(c) = net.table.get_mut(self.conn) else { return Err(io::ErrorKind::NotConnected.into()) };
        let Some(stream) = &mut self.stream else {
            let mut bytes = vec![0; DATAGRAM];
            let taken = c.recv_datagram(&mut bytes)?;
            return Ok(taken.map(|n| {
                bytes.truncate(n);
                bytes
            }));
        };
        loop {
            if let Some(message) = unframe(&mut stream.input) {
                return Ok(Some(message));
            }
            if stream.input.len() > STREAM || !c.read.ready {
                return Ok(None);
            }
            let mut page = Page::with_capacity(DATAGRAM);
            match c.recv(&mut page, DATAGRAM)? {
                Received::Bytes(_) => stream.input.extend_from_slice(page.filled()),
                Received::End => return Err(io::ErrorKind::UnexpectedEof.into()),
                Received::Again => return Ok(None),
            }
        }
    }
}

/// A whole message from the front of what has come over a TCP connection (RFC 1035, section 4.2.2).
fn unframe(input: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = usize::from(u16::from_be_bytes(*input.first_chunk()?));
    let end = length.saturating_add(2);
    let message = input.get(2..end)?.to_vec();
    input.drain(..end);
    Some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_over_tcp_are_whole_wherever_they_are_cut() {
        let wire = b"\x00\x03abc\x00\x00\x00\x01d";
        for cut in 0..=wire.len() {
            let (mut input, mut messages) = (Vec::new(), Vec::new());
            for part in [&wire[..cut], &wire[cut..]] {
                input.extend_from_slice(part);
                messages.extend(std::iter::from_fn(|| unframe(&mut input)));
            }
            assert_eq!(messages, [b"abc".to_vec(), Vec::new(), b"d".to_vec()], "cut at {cut}");
            assert!(input.is_empty());
        }
    }
}
