//! Accepting: from a listening socket to a connection in the table.
//!
//! *In nginx* `ngx_event_accept`: accepts one connection (or, with `multi_accept`, all that wait), posts
//! itself aside while descriptors are short.
//!
//! *Here* the socket is the worker's own (SO_REUSEPORT), so there is no mutex to take and nobody to race
//! with. The poll is edge-triggered, so all waiting connections are taken, in batches that let other events
//! through. A shortage of descriptors stops accepting for half a second instead of spinning.
//!
//! *Read next*: `http/client/wait.rs`, where an accepted client goes.

use super::conn::ConnId;
use super::net::Net;
use super::owner::Owner;
use crate::sys::socket;
use crate::util::address::Address;
use std::io;
use std::os::fd::RawFd;

/// What came of one attempt.
#[derive(Debug)]
pub enum Accepted {
    /// A new client.
    Client(ConnId),
    /// The queue is empty.
    Again,
    /// One connection was lost (it was reset in the queue, or there was no room for it); there may be more.
    Lost(io::Error),
    /// Descriptors or memory are short: stop for a while.
    Short(io::Error),
}

impl Net {
    /// Accepts one connection of the listening socket `fd`.
    pub fn accept(&mut self, fd: RawFd) -> Accepted {
        match socket::accept(fd) {
            Ok((client, address)) => {
                let peer = Address::from_sockaddr(&address);
                match self.adopt(client, peer, Owner::Waiting) {
                    Ok(id) => {
                        if let Some(c) = self.table.get_mut(id) {
                            c.write.ready = true;
                        }
                        Accepted::Client(id)
                    }
                    Err(error) => Accepted::Lost(error),
                }
            }
            Err(error) => match error.raw_os_error() {
                Some(libc::EAGAIN) => Accepted::Again,
                Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM) => Accepted::Short(error),
                _ => Accepted::Lost(error),
            },
        }
    }
}
