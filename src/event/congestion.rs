//! Which congestion control accepted connections have.
//!
//! *In nginx* the system's, whatever it is; HAProxy has a choice for each `bind` line.
//!
//! *Here* the system's, too, with one exception. Some controls *pace*: instead of sending what the
//! window allows they send a segment, set a timer, send the next one. On a network that keeps queues
//! short. From one process to another on the same machine there is no queue and no loss, and what is
//! left of pacing is a timer for each segment, which costs more than to move its bytes. So a socket that
//! listens on a loopback address, where nobody from outside can come, takes one that does not pace.
//!
//! It has to be the listening socket: connections inherit it and have never paced. One that has begun to
//! pace goes on for as long as it lives, whatever control it is given.
//!
//! ```text
//!   the system's     listen 127.0.0.1:80     listen 80     … congestion=NAME     … congestion=system
//!   bbr                     reno                bbr               NAME                   bbr
//!   cubic                   cubic              cubic              NAME                  cubic
//! ```
//!
//! *Read next*: `listening.rs`; `docs/performance.md`, section "Large bodies".

use crate::util::address::Address;
use socket2::{Domain, SockRef, Socket, Type};
use std::io;
use std::os::fd::AsFd;

/// Every kernel has it, everybody may use it, and it never paces.
const UNPACED: &[u8] = b"reno";

/// The `congestion` parameter of `listen`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Congestion {
    /// Nothing was said: the system's, without pacing where only this machine connects.
    #[default]
    Fitting,
    /// `system`: the system's in any case.
    System,
    /// This one, as TCP_CONGESTION knows it.
    Named(Vec<u8>),
}

impl Congestion {
    /// Sets it on a listening socket, for the connections that are accepted from now on. A socket that has
    /// it already is left alone.
    ///
    /// # Errors
    /// What setsockopt(2) said: there is no such control, or it is not for everybody.
    pub fn apply(&self, address: &Address, listening: &impl AsFd) -> io::Result<()> {
        let (Address::Ip(ip), socket) = (address, SockRef::from(listening)) else { return Ok(()) };
        // A socket that is kept over a reload may have been given another one; a new one has the system's.
        let system = Socket::new(Domain::for_address(*ip), Type::STREAM, None)?.tcp_congestion()?;
        let wanted = self.choose(address, name(&system));
        if name(&socket.tcp_congestion()?) == wanted {
            return Ok(());
        }
        match socket.set_tcp_congestion(wanted) {
            // It would only have been cheaper.
            Err(_) if *self == Congestion::Fitting => Ok(()),
            done => done,
        }
    }

    fn choose<'a>(&'a self, address: &Address, system: &'a [u8]) -> &'a [u8] {
        let is_local = address.ip().is_some_and(|ip| ip.is_loopback());
        match self {
            Congestion::Named(name) => name,
            Congestion::Fitting if is_local && paces(system) => UNPACED,
            Congestion::Fitting | Congestion::System => system,
        }
    }
}

/// Whether a control of this name paces: `bbr`, `bbr2` and so on.
fn paces(name: &[u8]) -> bool {
    name.starts_with(b"bbr")
}

/// The name alone: the kernel fills what is left of its field with zeros.
fn name(field: &[u8]) -> &[u8] {
    field.split(|b| *b == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::listening::Listen;
    use std::net::TcpStream;

    fn listen(congestion: Congestion) -> Option<Listen> {
        Some(Listen { congestion, ..Listen::new(Address::parse("127.0.0.1", 0)?) })
    }

    /// The control of a connection that was accepted from such a socket, and the system's.
    fn accepted(wishes: &[Listen]) -> Option<(Vec<u8>, Vec<u8>)> {
        let socket = wishes.first()?.bind(false).ok()?;
        let system = SockRef::from(&socket).tcp_congestion().ok()?;
        for wish in wishes {
            wish.configure(&socket).ok()?;
            wish.listen(&socket).ok()?;
        }
        let listener = std::net::TcpListener::from(socket);
        listener.set_nonblocking(false).ok()?;
        let _client = TcpStream::connect(listener.local_addr().ok()?).ok()?;
        let control = SockRef::from(&listener.accept().ok()?.0).tcp_congestion().ok()?;
        Some((name(&control).to_vec(), name(&system).to_vec()))
    }

    #[test]
    fn connections_have_the_control_that_was_named() {
        let found = listen(Congestion::Named(b"reno".to_vec())).and_then(|wish| accepted(&[wish]));
        assert_eq!(found.map(|(control, _)| control), Some(b"reno".to_vec()));
    }

    #[test]
    fn on_the_loopback_nobody_is_paced_unless_the_system_is_to_decide() {
        let found = listen(Congestion::Fitting).and_then(|wish| accepted(&[wish]));
        assert!(found.is_some_and(|(control, system)| control == system || !paces(&control)));
        let found = listen(Congestion::System).and_then(|wish| accepted(&[wish]));
        assert!(found.is_some_and(|(control, system)| control == system));
    }

    #[test]
    fn a_control_that_is_no_longer_named_is_taken_back() {
        let wishes = [Congestion::Named(b"reno".to_vec()), Congestion::System].map(listen);
        let found = wishes.into_iter().collect::<Option<Vec<_>>>().and_then(|wishes| accepted(&wishes));
        assert!(found.is_some_and(|(control, system)| control == system));
    }

    #[test]
    fn a_control_that_paces_is_kept_from_the_loopback_alone() {
        let choice = |congestion: Congestion, address: &str, system: &[u8]| {
            let address = Address::parse(address, 80)?;
            Some(congestion.choose(&address, system).to_vec())
        };
        for (address, system, chosen) in [
            ("127.0.0.1", "bbr", "reno"),
            ("[::1]", "bbr2", "reno"),
            ("127.0.0.1", "cubic", "cubic"),
            ("0.0.0.0", "bbr", "bbr"),
            ("192.0.2.1", "bbr", "bbr"),
        ] {
            let found = choice(Congestion::Fitting, address, system.as_bytes());
            assert_eq!(found, Some(chosen.as_bytes().to_vec()), "{address} {system}");
        }
        assert_eq!(choice(Congestion::System, "127.0.0.1", b"bbr"), Some(b"bbr".to_vec()));
    }

    #[test]
    fn a_control_that_does_not_exist_is_an_error() {
        let wish = listen(Congestion::Named(b"none-such".to_vec()));
        assert!(wish.and_then(|wish| wish.configure(&wish.bind(false).ok()?).err()).is_some());
    }
}
