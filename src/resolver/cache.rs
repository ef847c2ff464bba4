//! What is known already.
//!
//! *In nginx* nodes of `name_rbtree` that are valid, and a queue that drops those unused for 30 seconds.
//! Only good answers are kept.
//!
//! *Here* answers by line and name, each until its own time. That a name does not exist is kept too, but
//! only if the server says for how long (RFC 2308), and never longer than [`NEGATIVE_MS`]: a client cannot
//! make the proxy repeat a hopeless question, and a name that comes into being is noticed soon. A server's
//! trouble is never kept.
//!
//! *Read next*: `service.rs`.

use super::message::Name;
use super::{Host, ResolveError};
use std::collections::HashMap;
use std::rc::Rc;

/// How long at most it is believed that there is no such name, in milliseconds.
pub const NEGATIVE_MS: u64 = 10_000;
/// How many names are kept.
const MOST: usize = 10_000;

/// A name of a `resolver` line.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The number of the line.
    pub servers: u32,
    /// The name.
    pub name: Name,
    /// SRV records are meant, and what they lead to.
    pub service: bool,
}

/// What is known of a name.
pub type Known = Result<Rc<[Host]>, ResolveError>;

/// Answers, each until a time.
#[derive(Debug, Default)]
pub struct Cache {
    known: HashMap<Key, (Known, u64)>,
}

impl Cache {
    /// What is known, and for how many milliseconds from `now` still.
    pub fn get(&self, key: &Key, now: u64) -> Option<(&Known, u64)> {
        let (known, until) = self.known.get(key)?;
        let left = until.saturating_sub(now);
        (left > 0).then_some((known, left))
    }

    /// Keeps an answer for so many milliseconds.
    pub fn put(&mut self, key: Key, known: Known, ms: u64, now: u64) {
        if ms == 0 {
            self.known.remove(&key);
            return;
        }
        if self.known.len() >= MOST {
            self.known.retain(|_, (_, until)| *until > now);
            if self.known.len() >= MOST {
                self.known.clear();
            }
        }
        self.known.insert(key, (known, now.saturating_add(ms)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_until_its_time() {
        let mut cache = Cache::default();
        let key = Key { servers: 1, name: b"a"[..].into(), service: false };
        cache.put(key.clone(), Err(ResolveError::NOT_FOUND), 100, 1000);
        assert_eq!(cache.get(&key, 1099).map(|(_, left)| left), Some(1));
        assert!(cache.get(&key, 1100).is_none());
        assert!(cache.get(&Key { servers: 2, ..key.clone() }, 1000).is_none());
        cache.put(key.clone(), Err(ResolveError::NOT_FOUND), 0, 1000);
        assert!(cache.get(&key, 1000).is_none(), "a TTL of zero is not kept");
    }
}
