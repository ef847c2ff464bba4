//! Holds: why an exchange is still alive.
//!
//! *In nginx* `r->main->count`, a 16-bit number that functions far apart raise and lower; nobody can ask
//! it why it is two.
//!
//! *Here* each unit of it is a token with a reason. A token can be neither copied nor dropped: it is
//! given back by value, so a double release does not compile and a forgotten one trips an assertion in a
//! debug build. The exchange is freed by the dispatcher alone, after the handler has returned, when the
//! total is zero.
//!
//! ```text
//!   take(Why::Upstream) ─▶ Hold ─ kept in Upstream ─▶ give_back(hold)
//!   log: *7 hold +Upstream: main upstream
//! ```
//!
//! *Read next*: `exchange.rs`, `worker/mod.rs: dispatch`.

use std::fmt;

/// The reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Why {
    /// The main request has not been finalized.
    Main,
    /// A request has an upstream.
    Upstream,
    /// The body is being read or thrown away.
    Body,
    /// A subrequest has not been finalized.
    Subrequest,
}

const REASONS: [(Why, &str); 4] =
    [(Why::Main, "main"), (Why::Upstream, "upstream"), (Why::Body, "body"), (Why::Subrequest, "subrequest")];

/// One reason why an exchange lives. To be given back, not dropped.
#[must_use]
#[derive(Debug)]
pub struct Hold(Why);

impl Hold {
    /// The reason.
    pub fn why(&self) -> Why {
        self.0
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // A panic during another panic would abort the process and hide the first one.
        debug_assert!(std::thread::panicking(), "leaked hold: {:?}", self.0);
    }
}

/// All holds of an exchange.
#[derive(Debug, Default)]
pub struct Holds {
    counts: [u16; REASONS.len()],
    /// The number of the client's connection, for the debug log.
    pub number: u64,
}

impl Holds {
    /// None yet, of an exchange with the client of this connection.
    pub fn of(number: u64) -> Holds {
        Holds { number, ..Holds::default() }
    }

    /// One more reason to live.
    pub fn take(&mut self, why: Why) -> Hold {
        if let Some(count) = self.counts.get_mut(why as usize) {
            *count = count.saturating_add(1);
        }
        if log::log_enabled!(log::Level::Trace) {
            self.tell('+', why);
        }
        Hold(why)
    }

    /// One less.
    pub fn give_back(&mut self, hold: Hold) {
        let why = hold.0;
        std::mem::forget(hold);
        if let Some(count) = self.counts.get_mut(why as usize) {
            debug_assert!(*count > 0, "hold given back twice: {why:?}");
            *count = count.saturating_sub(1);
        }
        if log::log_enabled!(log::Level::Trace) {
            self.tell('-', why);
        }
    }

    #[cold]
    fn tell(&self, change: char, why: Why) {
        log::trace!("*{} hold {change}{why:?}: {self}", self.number);
    }

    /// Whether nothing keeps the exchange alive.
    #[inline]
    pub fn is_none(&self) -> bool {
        self.counts == [0; REASONS.len()]
    }

    /// How many there are in all.
    pub fn total(&self) -> u32 {
        self.counts.iter().map(|&n| u32::from(n)).sum()
    }

    /// How many there are of one kind.
    pub fn count(&self, why: Why) -> u16 {
        self.counts.get(why as usize).copied().unwrap_or(0)
    }
}

impl fmt::Display for Holds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for ((_, name), &count) in REASONS.iter().zip(&self.counts) {
            for _ in 0..count {
                write!(f, "{}{name}", if first { "" } else { " " })?;
                first = false;
            }
        }
        if first { f.write_str("none") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_say_why() {
        let mut holds = Holds::default();
        let main = holds.take(Why::Main);
        let upstream = holds.take(Why::Upstream);
        assert_eq!(holds.to_string(), "main upstream");
        holds.give_back(main);
        assert_eq!((holds.to_string().as_str(), holds.total()), ("upstream", 1));
        holds.give_back(upstream);
        assert_eq!(holds.to_string(), "none");
    }
}
