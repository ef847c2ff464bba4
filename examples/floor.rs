//! The floor: a relay that knows nothing, to measure what a proxy on this machine must cost at the least.
//!
//! *In nginx* a stream server with `proxy_pass` comes near it.
//!
//! *Here* bytes of a client go to an upstream connection and bytes of that back, in one `recv` and one
//! `send` each, without a look at them. It is no server for use: it takes one `recv` of the upstream for one
//! reply, keeps no timeouts and trusts everybody. The benchmark starts it with the origin's port and the
//! doors to open:
//!
//! ```text
//!   floor 9000 pooled=8001 fresh=8002 close=8003
//!
//!   pooled   upstream connections are kept for whichever client comes next
//!   fresh    … are closed after one reply
//!   close    client connections are closed after one reply, upstream connections kept
//! ```
//!
//! *Read next*: `scripts/bench/bench.py`.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

/// Tokens below this one are listeners.
const DOORS: usize = 8;

#[derive(Clone, Copy, PartialEq)]
enum How {
    Pooled,
    Fresh,
    Close,
}

/// One end of a relay: a client or an upstream connection.
struct End {
    stream: TcpStream,
    is_client: bool,
    how: How,
    /// The end its bytes go to; None for a client that has not asked and for a kept upstream connection.
    other: Option<usize>,
    /// Bytes that the kernel did not take yet. While there are some, the other end is not read.
    pending: Vec<u8>,
}

struct Relay {
    poll: Poll,
    ends: Slab<End>,
    idle: Vec<usize>,
    origin: SocketAddr,
    buffer: Vec<u8>,
}

impl Relay {
    fn add(&mut self, mut stream: TcpStream, is_client: bool, how: How) -> io::Result<usize> {
        let entry = self.ends.vacant_entry();
        let key = entry.key();
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(DOORS + key), both)?;
        stream.set_nodelay(true)?;
        entry.insert(End { stream, is_client, how, other: None, pending: Vec::new() });
        Ok(key)
    }

    fn accept(&mut self, listener: &TcpListener, how: How) -> io::Result<()> {
        loop {
            match listener.accept() {
                Ok((stream, _)) => {
                    let client = self.add(stream, true, how)?;
                    self.relay(client)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// The upstream end for a client: the one it has, a kept one, or a new one.
    fn upstream_for(&mut self, client: usize) -> io::Result<usize> {
        let how = self.ends[client].how;
        if let Some(upstream) = self.ends[client].other {
            return Ok(upstream);
        }
        let kept = if how == How::Fresh { None } else { self.idle.pop() };
        let upstream = match kept {
            Some(upstream) => upstream,
            None => self.add(TcpStream::connect(self.origin)?, false, how)?,
        };
        self.ends[upstream].other = Some(client);
        self.ends[client].other = Some(upstream);
        Ok(upstream)
    }

    /// Reads one end until it is empty and hands everything to the other.
    fn relay(&mut self, from: usize) -> io::Result<()> {
        loop {
            let Some(end) = self.ends.get_mut(from) else { return Ok(()) };
            let busy =
                end.other.and_then(|other| self.ends.get(other)).is_some_and(|o| !o.pending.is_empty());
            if busy {
                return Ok(());
            }
            let read = match self.ends[from].stream.read(&mut self.buffer) {
                Ok(0) => return self.close(from),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => return self.close(from),
            };
            let to = match self.ends[from].is_client {
                true => self.upstream_for(from)?,
                false => match self.ends[from].other {
                    Some(client) => client,
                    None => return self.close(from),
                },
            };
            self.send(to, read)?;
            // What did not fill the buffer was all there was.
            if read < self.buffer.len() {
                return self.after(from, to);
            }
        }
    }

    fn send(&mut self, to: usize, length: usize) -> io::Result<()> {
        let sent = match self.ends[to].stream.write(&self.buffer[..length]) {
            Ok(sent) => sent,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => 0,
            Err(_) => return self.close(to),
        };
        let left = &self.buffer[sent..length];
        self.ends[to].pending.extend_from_slice(left);
        Ok(())
    }

    /// A reply went to a client: whatever this door does then.
    fn after(&mut self, from: usize, to: usize) -> io::Result<()> {
        let Some(client) = self.ends.get(to).filter(|end| end.is_client) else { return Ok(()) };
        match client.how {
            How::Pooled => Ok(()),
            How::Fresh => {
                self.unpair(to);
                self.drop_end(from);
                Ok(())
            }
            How::Close => self.close(to),
        }
    }

    fn unpair(&mut self, end: usize) {
        if let Some(other) = self.ends.get_mut(end).and_then(|end| end.other.take())
            && let Some(other) = self.ends.get_mut(other)
        {
            other.other = None;
        }
    }

    fn drop_end(&mut self, end: usize) {
        if self.ends.contains(end) {
            // Closing the socket takes it out of epoll as well.
            drop(self.ends.remove(end));
            self.idle.retain(|kept| *kept != end);
        }
    }

    /// An end is gone: an upstream takes its client with it, a client leaves its upstream to the next one.
    fn close(&mut self, end: usize) -> io::Result<()> {
        let Some(gone) = self.ends.get(end) else { return Ok(()) };
        let (is_client, other) = (gone.is_client, gone.other);
        self.unpair(end);
        self.drop_end(end);
        match other {
            Some(upstream) if is_client => self.idle.push(upstream),
            Some(client) => self.drop_end(client),
            None => {}
        }
        Ok(())
    }

    fn flush(&mut self, to: usize) -> io::Result<()> {
        let Some(end) = self.ends.get_mut(to).filter(|end| !end.pending.is_empty()) else { return Ok(()) };
        match end.stream.write(&end.pending) {
            Ok(sent) => _ = end.pending.drain(..sent),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {}
            Err(_) => return self.close(to),
        }
        match end.other {
            Some(other) if end.pending.is_empty() => self.relay(other),
            _ => Ok(()),
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let origin: u16 = words.next().ok_or("the origin's port is wanted")?.parse()?;
    let mut relay = Relay {
        poll: Poll::new()?,
        ends: Slab::new(),
        idle: Vec::new(),
        origin: SocketAddr::from(([127, 0, 0, 1], origin)),
        buffer: vec![0; 64 << 10],
    };
    let mut doors = Vec::new();
    for word in words {
        let (how, port) = word.split_once('=').ok_or("HOW=PORT is wanted")?;
        let how = match how {
            "pooled" => How::Pooled,
            "fresh" => How::Fresh,
            "close" => How::Close,
            _ => return Err("HOW is one of pooled, fresh, close".into()),
        };
        let mut listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port.parse()?)))?;
        relay.poll.registry().register(&mut listener, Token(doors.len()), Interest::READABLE)?;
        doors.push((listener, how));
    }
    let mut events = Events::with_capacity(512);
    loop {
        match relay.poll.poll(&mut events, None) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            other => other?,
        }
        for event in &events {
            let Token(token) = event.token();
            match token.checked_sub(DOORS) {
                None => {
                    let (listener, how) = &doors[token];
                    relay.accept(listener, *how)?;
                }
                Some(end) => {
                    if event.is_writable() {
                        relay.flush(end)?;
                    }
                    if event.is_readable() {
                        relay.relay(end)?;
                    }
                }
            }
        }
    }
}
