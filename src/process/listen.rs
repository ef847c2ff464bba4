//! The listening sockets, kept from one reading of the configuration to the next.
//!
//! *In nginx* they are an array of the cycle, copied by address from the old cycle to the new one; with
//! `reuseport` each worker has a clone of its own, and sockets of workers that are no more get closed, with
//! the connections that wait in them.
//!
//! *Here* every TCP address has a socket per worker, always. The kernel deals new connections out among
//! them, and each has its own queue, so a socket is never closed while its address is wanted: when there
//! are fewer workers than sockets, some workers get two. Unix sockets cannot share an address that way;
//! they are one for all. A new reading either gets all its sockets or leaves the table as it was.
//!
//! ```text
//!   127.0.0.1:80 ─▶ [s0 s1 s2 s3]      4 workers: 0▶s0 1▶s1 2▶s2 3▶s3
//!                                      2 workers: 0▶s0,s2   1▶s1,s3
//!   unix:/s      ─▶ [s]                every worker ▶ s
//! ```
//!
//! *Read next*: `event/listening.rs`, how one is opened; `upgrade.rs`, how they pass to a new binary.

use super::cycle::{Listener, Logged};
use crate::event::listening::Listen;
use crate::note;
use crate::sys::{signal, steering};
use crate::util::address::Address;
use socket2::SockRef;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

/// How often, and after which pauses, an address in use is tried again: a process that is just going may
/// still hold it.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(500);

/// The sockets of one address.
#[derive(Clone, Debug)]
struct Entry {
    listen: Listen,
    sockets: Vec<Rc<OwnedFd>>,
    /// They came from the process before; its end must not take the file of a unix socket along, nor ours.
    inherited: bool,
}

impl Entry {
    /// Whether all workers accept from the same socket: unix sockets, and what a foreign binary handed down.
    fn is_shared(&self) -> bool {
        let alone = |socket: &Rc<OwnedFd>| !SockRef::from(&**socket).reuse_port().unwrap_or(false);
        self.listen.address.is_unix() || self.sockets.first().is_some_and(alone)
    }

    fn assigned(&self, worker: usize, workers: usize) -> impl Iterator<Item = &Rc<OwnedFd>> {
        let shared = self.is_shared();
        let mine = move |at: usize| shared || at.checked_rem(workers).is_none_or(|turn| turn == worker);
        self.sockets.iter().enumerate().filter(move |(at, _)| mine(*at)).map(|(_, socket)| socket)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Sockets {
    entries: Vec<Entry>,
    /// Another server on the same address is welcome: a process without a master, one of several.
    company: bool,
}

impl Sockets {
    /// Lets other servers share the addresses, as processes without a master do.
    pub fn welcome_company(&mut self) {
        self.company = true;
    }

    /// Takes over sockets that were open when the program began; their addresses are the kernel's word.
    pub fn inherited(sockets: Vec<OwnedFd>) -> Sockets {
        let mut all = Sockets::default();
        for socket in sockets {
            let Ok(name) = SockRef::from(&socket).local_addr() else { continue };
            let address = Address::from_sockaddr(&name);
            let socket = Rc::new(socket);
            match all.entries.iter_mut().find(|entry| entry.listen.address == address) {
                Some(entry) => entry.sockets.push(socket),
                None => all.entries.push(Entry {
                    listen: Listen::new(address),
                    sockets: vec![socket],
                    inherited: true,
                }),
            }
        }
        all
    }

    /// Makes the table what the configuration wants, for that many workers, `processors` being theirs if each
    /// has one of its own. Sockets of addresses that are no longer wanted are closed. Failures are logged.
    ///
    /// # Errors
    /// An address could not be had; the table is as it was.
    pub fn open(
        &mut self,
        wanted: &[Listen],
        workers: usize,
        processors: Option<&[usize]>,
    ) -> Result<(), Logged> {
        wanted.iter().try_for_each(|listen| self.check_free(listen))?;
        let made: Result<Vec<Entry>, Logged> =
            wanted.iter().map(|listen| self.entry_for(listen, workers.max(1))).collect();
        let entries = made?;
        for entry in &entries {
            start(entry)?;
            steer(entry, processors);
        }
        let old = std::mem::replace(&mut self.entries, entries);
        let gone = |entry: &&Entry| self.find(&entry.listen.address).is_none();
        old.iter().filter(gone).for_each(remove_file);
        Ok(())
    }

    fn find(&self, address: &Address) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.listen.address == *address)
    }

    /// Sockets with SO_REUSEPORT would join those of another server without a word, so an address that is new
    /// to us is first tried as somebody would who does not want company.
    fn check_free(&self, listen: &Listen) -> Result<(), Logged> {
        let port = listen.address.port();
        let ours = self.entries.iter().any(|entry| entry.listen.address.port() == port);
        if listen.address.is_unix() || ours || self.company { Ok(()) } else { bind(listen, false).map(drop) }
    }

    fn entry_for(&self, listen: &Listen, workers: usize) -> Result<Entry, Logged> {
        let known = self.find(&listen.address).cloned();
        let mut entry = known.unwrap_or(Entry { listen: listen.clone(), sockets: vec![], inherited: false });
        entry.listen = listen.clone();
        let count = if entry.is_shared() { 1 } else { workers };
        while entry.sockets.len() < count {
            entry.sockets.push(Rc::new(bind(listen, !listen.address.is_unix())?));
        }
        Ok(entry)
    }

    /// The sockets of one worker; each may be taken more than once, as each start of a worker does.
    pub fn of_worker(&self, worker: usize, workers: usize) -> io::Result<Vec<Listener>> {
        let mut listeners = Vec::new();
        for (listen, entry) in self.entries.iter().enumerate() {
            for socket in entry.assigned(worker, workers) {
                listeners.push(Listener { fd: socket.try_clone()?, listen });
            }
        }
        Ok(listeners)
    }

    /// Every socket, to be handed to a new binary.
    pub fn all(&self) -> impl Iterator<Item = &OwnedFd> {
        self.entries.iter().flat_map(|entry| &entry.sockets).map(|socket| &**socket)
    }

    /// The numbers of the sockets as the variable NGINX lists them: `3;4;5;`.
    pub fn numbers(&self) -> String {
        self.all().map(|socket| format!("{};", socket.as_raw_fd())).collect()
    }

    /// Gives all of them up without touching their files; the names of those are the caller's to remove.
    pub fn release(&mut self) -> Vec<PathBuf> {
        let paths = self.entries.drain(..).filter_map(|entry| match entry.listen.address {
            Address::Unix(path) => Some(path.to_path_buf()),
            Address::Ip(_) => None,
        });
        paths.collect()
    }

    /// Closes all of them. The files of unix sockets go too, unless another process may still be using them:
    /// then `keep_files` (a new binary runs) or `parent_lives` (the old binary, which handed them down,
    /// runs).
    pub fn close(&mut self, keep_files: bool, parent_lives: bool) {
        for entry in self.entries.drain(..) {
            let others = keep_files || entry.inherited && parent_lives;
            if !others {
                remove_file(&entry);
            }
        }
    }
}

fn remove_file(entry: &Entry) {
    let Address::Unix(path) = &entry.listen.address else { return };
    if let Err(error) = fs::remove_file(path) {
        note!(crate::log::process(), Emerg, 0, &error; "unlink() {} failed", path.display());
    }
}

/// Binds, with patience for an address that is in use.
fn bind(listen: &Listen, reuseport: bool) -> Result<OwnedFd, Logged> {
    let log = crate::log::process();
    for attempt in 1..=TRIES {
        match listen.bind(reuseport) {
            Ok(socket) => return Ok(socket),
            Err((call, error)) => {
                note!(log, Emerg, 0, &error; "{call} to {} failed", listen.address);
                if error.kind() != io::ErrorKind::AddrInUse {
                    return Err(Logged);
                }
                if attempt < TRIES {
                    note!(log, Notice, 0, "try again to bind() after {}ms", PAUSE.as_millis());
                    signal::sleep(PAUSE);
                    crate::log::clock::update();
                }
            }
        }
    }
    note!(log, Emerg, 0, "still could not bind()");
    Err(Logged)
}

/// Starts listening on all sockets of an entry, or sets their options anew.
fn start(entry: &Entry) -> Result<(), Logged> {
    let (log, listen) = (crate::log::process(), &entry.listen);
    for socket in &entry.sockets {
        if let Err((what, error)) = listen.configure(&socket.as_fd()) {
            note!(log, Alert, 0, &error; "{what} {} failed, ignored", listen.address);
        }
        if let Err(error) = listen.listen(socket) {
            let (address, backlog) = (&listen.address, listen.backlog);
            note!(log, Emerg, 0, &error; "listen() to {address}, backlog {backlog} failed");
            return Err(Logged);
        }
    }
    Ok(())
}

/// Says how new connections are dealt out among the sockets of an entry. They began to listen in the order of
/// the table and none was closed since, so a worker's number is that of its (first) socket.
fn steer(entry: &Entry, processors: Option<&[usize]>) {
    let Some(socket) = entry.sockets.first().filter(|_| !entry.is_shared()) else { return };
    match processors.filter(|_| entry.listen.by_processor) {
        None => steering::by_hash(socket),
        Some(processors) => {
            if let Err(error) = steering::by_processor(socket, processors) {
                let (log, address) = (crate::log::process(), &entry.listen.address);
                const CALL: &str = "setsockopt(SO_ATTACH_REUSEPORT_CBPF)";
                note!(log, Alert, 0, &error; "{CALL} {address} failed, ignored");
            }
        }
    }
}

/// Whether the addresses could be had, without taking them (`-t`): one that is in use may be our own
/// server's.
pub fn test(wanted: &[Listen]) -> bool {
    let mut good = true;
    for listen in wanted.iter().filter(|listen| !listen.address.is_unix()) {
        if let Err((call, error)) = listen.bind(false)
            && error.kind() != io::ErrorKind::AddrInUse
        {
            note!(crate::log::process(), Emerg, 0, &error; "{call} to {} failed", listen.address);
            good = false;
        }
    }
    good
}

#[cfg(test)]
#[path = "listen_tests.rs"]
mod tests;
