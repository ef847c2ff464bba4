//! What `stub_status` shows.
//!
//! *In nginx* seven atomics in shared memory (`ngx_stat_accepted` …), each in a cache line of its own, that
//! all workers add to.
//!
//! *Here* each worker adds to a row of its own, which is one cache line, so no two processors fight for one;
//! who asks gets the sum of all rows. The rows outlive a reload: during one, the old and the new worker of a
//! number share theirs, which is why they add atomically. A head that is there as soon as it begins is never
//! counted as being read: nobody could see it.
//!
//! ```text
//!   worker 0  [accepted handled requests active reading writing waiting spliced]
//!   worker 1  [   +        +       +       +       +       +       +       +   ]
//!             stub_status, $connections_active …:  the sum of a column
//! ```
//!
//! *Read next*: `modules/stub_status.rs`.

use crate::sys::words::Words;
use std::cell::OnceCell;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Count {
    /// Connections accepted.
    Accepted,
    /// Of these, taken in service.
    Handled,
    /// Requests begun.
    Requests,
    /// Client connections now.
    Active,
    /// Of these, reading a request head.
    Reading,
    /// Of these, being answered.
    Writing,
    /// Of these, idle.
    Waiting,
    /// Bytes of replies that the kernel moved past our memory.
    Spliced,
}

/// Words of a row: 64 bytes.
const ROW: usize = 8;
/// More workers than this share rows.
const ROWS: usize = 64;

/// The counters as one worker sees them.
#[derive(Clone, Debug)]
pub struct Counters {
    words: Words,
    row: usize,
}

impl Default for Counters {
    /// Counters of this process only.
    fn default() -> Counters {
        Counters { words: Words::private(ROW * ROWS), row: 0 }
    }
}

impl Counters {
    /// The counters of this process and of all that it forks from now on. Without memory to share, each
    /// process counts for itself.
    pub fn shared() -> Counters {
        thread_local! {
            static SHARED: OnceCell<Counters> = const { OnceCell::new() };
        }
        let make = || match Words::shared(ROW * ROWS) {
            Ok(words) => Counters { words, row: 0 },
            Err(_) => Counters::default(),
        };
        SHARED.with(|shared| shared.get_or_init(make).clone())
    }

    /// The same counters with the row of that worker.
    pub fn of_worker(&self, number: usize) -> Counters {
        Counters { words: self.words.clone(), row: number % ROWS }
    }

    /// One more.
    pub fn up(&self, what: Count) {
        self.add(what, 1);
    }

    /// So many more.
    pub fn add(&self, what: Count, n: u64) {
        self.words.add(self.row * ROW + what as usize, n);
    }

    /// One less.
    pub fn down(&self, what: Count) {
        self.words.sub(self.row * ROW + what as usize, 1);
    }

    /// How many there are in all workers.
    pub fn sum(&self, what: Count) -> u64 {
        let rows = self.words.all().chunks(ROW);
        let column = rows.filter_map(|row| row.get(what as usize));
        column.map(|word| word.load(std::sync::atomic::Ordering::Relaxed)).fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_count_in_rows_of_their_own_and_all_see_the_sum() {
        let (one, two) = (Counters::shared().of_worker(0), Counters::shared().of_worker(1));
        one.up(Count::Active);
        two.up(Count::Active);
        two.up(Count::Waiting);
        assert_eq!((one.sum(Count::Active), one.sum(Count::Waiting)), (2, 1));
        one.down(Count::Active);
        one.down(Count::Waiting);
        assert_eq!((two.sum(Count::Active), two.sum(Count::Waiting)), (1, 1));
        two.down(Count::Active);
        two.down(Count::Waiting);
    }
}
