//! How much may be repeated: a bound on the requests of a group that are at their second peer or further.
//!
//! *In nginx* nothing like it. When half of the peers fail, every other request is sent twice, and the
//! peers that are well get that much more just then.
//!
//! *Here* `retry_budget` lets a share of the requests under way be repeated, and always a few. Whoever
//! finds the budget spent has its failure, or the reply that was to be replaced, for an answer. Each
//! worker counts for itself.
//!
//! ```text
//!   under way: 50      retry_budget 20% 3  ──▶  at most 10 repeats; when only 7 are under way, at most 3
//! ```
//!
//! *Read next*: `group.rs`; `upstream/next.rs`, which asks.

use super::tried::Tried;
use std::cell::Cell;
use std::rc::Rc;

/// `retry_budget`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// So many of a hundred requests may be repeats.
    pub percent: u64,
    /// And always so many.
    pub least: u64,
}

/// A count that goes back when the last owner of its token has gone.
#[derive(Debug, Default)]
pub struct Count(Rc<Cell<u64>>);

/// One, in a [`Count`].
#[derive(Debug)]
pub struct Token(Rc<Cell<u64>>);

impl Count {
    fn get(&self) -> u64 {
        self.0.get()
    }

    /// Counts one.
    fn take(&self) -> Rc<Token> {
        self.0.set(self.0.get().saturating_add(1));
        Rc::new(Token(self.0.clone()))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// What a group with a budget counts.
#[derive(Debug, Default)]
pub struct Ledger {
    budget: Option<Budget>,
    live: Count,
    repeated: Count,
}

impl Ledger {
    /// Nothing counted yet.
    pub fn new(budget: Option<Budget>) -> Ledger {
        Ledger { budget, ..Ledger::default() }
    }

    /// A request begins.
    pub fn begin(&self, tried: &mut Tried) {
        if self.budget.is_some() {
            tried.live = Some(self.live.take());
        }
    }

    /// Whether a request may go on to a further peer; it counts as a repeat from now to its end.
    pub fn may_repeat(&self, tried: &mut Tried) -> bool {
        let Some(budget) = self.budget else { return true };
        if tried.repeat.is_some() {
            return true;
        }
        let share = self.live.get().saturating_mul(budget.percent) / 100;
        let may = self.repeated.get() < share.max(budget.least);
        if may {
            tried.repeat = Some(self.repeated.take());
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_may_be_repeated_and_always_a_few() {
        let ledger = Ledger::new(Some(Budget { percent: 20, least: 1 }));
        let begin = || {
            let mut tried = Tried::new(Rc::default());
            ledger.begin(&mut tried);
            tried
        };
        let (mut first, mut second) = (begin(), begin());
        assert!(ledger.may_repeat(&mut first) && ledger.may_repeat(&mut first), "counted once");
        assert!(!ledger.may_repeat(&mut second));
        let mut more: Vec<Tried> = (0..8).map(|_| begin()).collect();
        assert!(ledger.may_repeat(&mut second), "two of ten");
        assert!(!ledger.may_repeat(&mut more[0]));
        drop((first, second));
        more.truncate(1);
        assert!(ledger.may_repeat(&mut more[0]), "what has ended does not count");
        assert!(Ledger::default().may_repeat(&mut begin()), "no budget, no bound");
    }
}
