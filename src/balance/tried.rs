//! What one request has tried already.
//!
//! *In nginx* `ngx_http_upstream_rr_peer_data_t` (the current peer, a bitmap of tried ones) and, wrapped
//! around it, one struct for each method; `pc->tries` beside them counts what is left.
//!
//! *Here* one value a request keeps from the first choice to the last. It holds the [`Roster`] it began
//! with by count, so a name that resolves differently meanwhile changes nothing under its feet. Methods
//! keep their few numbers in [`Memo`]. This file must not know how anybody chooses.
//!
//! *Read next*: `peers.rs` (Roster), `group.rs` (who makes it).

use super::budget::Token;
use super::peers::Roster;
use super::sticky::Bound;
use crate::buf::Slice;
use std::rc::Rc;

/// The state of choosing for one request.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The peers as of the request's beginning.
    pub roster: Rc<Roster>,
    /// How many more attempts may be made, the one under way included (nginx: `pc->tries`). Starts as the
    /// number of peers that are not down; the caller may lower it (`next_upstream_tries`).
    pub tries: u32,
    /// The primary list is exhausted; bits are of the backup list.
    pub in_backup: bool,
    /// What the method wants of the request; None before the first choice, and for methods without a key.
    pub key: Option<Slice>,
    /// The peer that a sticky session binds the request to.
    pub bound: Option<Bound>,
    /// What the method remembers.
    pub memo: Memo,
    /// When its time in the queue is over, in milliseconds; None before it waits.
    pub wait_until: Option<u64>,
    /// Counts it among the requests under way, where there is a budget for repeats.
    pub(super) live: Option<Rc<Token>>,
    /// Counts it among the repeated ones.
    pub(super) repeat: Option<Rc<Token>>,
    /// The bits of the first 64 peers, which is nearly always all of them.
    first: u64,
    /// Those of the others.
    more: Vec<u64>,
    asked: bool,
}

/// What methods remember from one try of a request to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memo {
    /// The running hash; None before the first try.
    pub hash: Option<u64>,
    /// How often the hash was taken anew.
    pub rehash: u32,
    /// How many candidates were looked at and passed over.
    pub looks: u32,
}

impl Tried {
    /// Nothing tried yet.
    pub fn new(roster: Rc<Roster>) -> Tried {
        let tries = roster.tries();
        Tried {
            roster,
            tries,
            in_backup: false,
            key: None,
            bound: None,
            memo: Memo::default(),
            wait_until: None,
            live: None,
            repeat: None,
            first: 0,
            more: Vec::new(),
            asked: false,
        }
    }

    /// Whether the peer at this index of the current list has been asked.
    pub fn has(&self, at: usize) -> bool {
        let bits = match (at / 64).checked_sub(1) {
            None => self.first,
            Some(word) => self.more.get(word).copied().unwrap_or_default(),
        };
        bits & (1 << (at % 64)) != 0
    }

    /// Notes that it has.
    pub fn add(&mut self, at: usize) {
        let bit = 1 << (at % 64);
        let Some(word) = (at / 64).checked_sub(1) else {
            self.first |= bit;
            return;
        };
        if self.more.len() <= word {
            self.more.resize(word.saturating_add(1), 0);
        }
        if let Some(bits) = self.more.get_mut(word) {
            *bits |= bit;
        }
    }

    /// Forgets which, as when going on to the backups.
    pub fn forget(&mut self) {
        self.first = 0;
        self.more.clear();
    }

    /// Notes that the request has been looked at for key and session; true the first time.
    pub(super) fn ask(&mut self) -> bool {
        !std::mem::replace(&mut self.asked, true)
    }

    /// Whether it has been.
    pub(super) fn is_asked(&self) -> bool {
        self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_been_asked_wherever_it_stands() {
        let mut tried = Tried::new(Rc::default());
        for at in [0, 63, 64, 65, 200] {
            assert!(!tried.has(at));
            tried.add(at);
            assert!(tried.has(at) && !tried.has(at + 1) && !tried.has(at + 64));
        }
        tried.forget();
        assert!([0, 63, 64, 65, 200].iter().all(|at| !tried.has(*at)));
    }
}
