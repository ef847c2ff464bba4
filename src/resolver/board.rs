//! Where workers leave the last good answer for those who come after them.
//!
//! *In nginx* a new configuration takes over the addresses of a `resolve` line from the old one's shared zone
//! ("preresolve"), so a reload while the name servers are silent loses nobody.
//!
//! *Here* a small piece of shared memory for each name, made when the configuration is read, before workers
//! are forked. The process that reads configurations keeps it as long as any generation uses it; every
//! worker writes there what it learns, and a new worker begins with what is there. It needs no `zone`.
//!
//! ```text
//!   reload: generation 1 ─ Board "example.net" ─ generation 2       [lock] [count] [ip ip how] [ip ip how] …
//!              worker writes ──▲          └──▶ new worker reads
//! ```
//!
//! *Read next*: `sys/words.rs`; `upstream/resolve.rs`, who writes.

use super::Host;
use crate::sys::words::Words;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;

/// How many addresses are left; more are found again by asking.
const MOST: usize = 64;
/// Words of an address.
const WIDTH: usize = 3;
/// Words before the first address: the lock and the count.
const FIRST: usize = 2;

/// The last good answer to one name.
#[derive(Debug)]
pub struct Board {
    words: Words,
}

thread_local! {
    /// The boards of this process, by name and service.
    static BOARDS: RefCell<HashMap<String, Rc<Board>>> = RefCell::default();
}

impl Board {
    /// The board of a name, made if no generation has it.
    ///
    /// # Errors
    /// What mmap(2) said.
    pub fn of(host: &str, service: Option<&str>) -> io::Result<Rc<Board>> {
        let key = format!("{} {}", host.to_ascii_lowercase(), service.unwrap_or_default());
        BOARDS.with(|boards| {
            let mut boards = boards.borrow_mut();
            boards.retain(|known, board| *known == key || Rc::strong_count(board) > 1);
            if let Some(board) = boards.get(&key) {
                return Ok(board.clone());
            }
            let count = FIRST.saturating_add(MOST.saturating_mul(WIDTH));
            let board = Rc::new(Board { words: Words::shared(count)? });
            boards.insert(key, board.clone());
            Ok(board)
        })
    }

    /// Leaves an answer.
    pub fn write(&self, hosts: &[Host]) {
        let _lock = self.words.lock(0);
        self.words.set(1, hosts.len().min(MOST) as u64);
        for (number, host) in hosts.iter().take(MOST).enumerate() {
            let at = FIRST.saturating_add(number.saturating_mul(WIDTH));
            let (bits, is_v4) = match host.ip {
                IpAddr::V4(ip) => (u128::from(u32::from(ip)), 1),
                IpAddr::V6(ip) => (u128::from(ip), 0),
            };
            let [high, low] = [bits >> 64, bits & u128::from(u64::MAX)];
            let port = host.port.map_or(0, |port| u64::from(port) << 2 | 1 << 18);
            let how = is_v4 | u64::from(host.backup) << 1 | port | u64::from(host.weight.min(65535)) << 32;
            let words = [u64::try_from(high).unwrap_or(0), u64::try_from(low).unwrap_or(0), how];
            for (offset, word) in words.into_iter().enumerate() {
                self.words.set(at.saturating_add(offset), word);
            }
        }
    }

    /// What was left; nothing at first.
    pub fn read(&self) -> Vec<Host> {
        let _lock = self.words.lock(0);
        let count = usize::try_from(self.words.get(1)).unwrap_or(0).min(MOST);
        let host = |number: usize| {
            let at = FIRST.saturating_add(number.saturating_mul(WIDTH));
            let [high, low, how] = [0, 1, 2].map(|offset| self.words.get(at.saturating_add(offset)));
            let ip = match how & 1 {
                1 => IpAddr::V4(Ipv4Addr::from(u32::try_from(low).unwrap_or(0))),
                _ => IpAddr::V6(Ipv6Addr::from(u128::from(high) << 64 | u128::from(low))),
            };
            let port = (how & 1 << 18 != 0).then(|| u16::try_from(how >> 2 & 0xffff).unwrap_or(0));
            let weight = u32::try_from(how >> 32).unwrap_or(0);
            Host { ip, port, weight, backup: how & 2 != 0 }
        };
        (0..count).map(host).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_generation_leaves_the_next_finds() {
        let first = Board::of("A.example", None).expect("memory");
        assert!(first.read().is_empty());
        let host = |ip: &str, port, weight, backup| Host {
            ip: ip.parse().expect("an address"),
            port,
            weight,
            backup,
        };
        let hosts = [host("10.0.0.1", None, 0, false), host("fe80::1", Some(65535), 65535, true)];
        first.write(&hosts);
        assert_eq!(Board::of("a.example", None).expect("memory").read(), hosts);
        assert!(Board::of("a.example", Some("http")).expect("memory").read().is_empty());
        drop(first);
        // A generation without the name lets go of it.
        let _other = Board::of("b.example", None).expect("memory");
        assert!(Board::of("a.example", None).expect("memory").read().is_empty());
    }
}
