//! What `stub_status` shows.
//!
//! *In nginx* seven atomics in shared memory (`ngx_stat_accepted` …), each in a cache line of its own, that
//! all workers add to.
//!
//! *Here* each worker has a row of its own, which is one cache line that nobody else writes, so that to
//! count is to add one to a number of its own; who asks gets the sum of all rows. A row outlives its
//! worker: what the worker has counted stays in the sum, and the next process that takes the row goes on
//! from there. What it had under way is over when it has died, however it died. A head that is there as
//! soon as it begins is never counted as being read: nobody could see it.
//!
//! ```text
//!   row 0, of 4711   [accepted handled requests active reading writing waiting spliced]
//!   row 1, of 4712   [   +        +       +       +       +       +       +       +   ]
//!   row 2, of nobody           stub_status, $connections_active …:  the sum of a column
//! ```
//!
//! *Read next*: `modules/stub_status.rs`.

use crate::sys::words::{Run, Words};
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

/// Of these as many as there are connections: what a process has in them ends with it.
const PRESENT: [Count; 4] = [Count::Active, Count::Reading, Count::Writing, Count::Waiting];

/// Words of a row: 64 bytes.
const ROW: usize = 8;
/// How many processes may have a row of their own: those that finish while others have begun are among them.
const ROWS: usize = 256;
/// The row of all others, who add to it atomically.
const COMMON: usize = ROWS;
/// Behind the rows: whose each of them is.
const OWNERS: usize = (ROWS + 1) * ROW;

/// The counters as one process sees them.
#[derive(Clone, Debug)]
pub struct Counters {
    words: Words,
    row: Run<ROW>,
}

impl Default for Counters {
    /// Counters of this process only.
    fn default() -> Counters {
        Counters::of(Words::private(OWNERS + ROWS))
    }
}

impl Counters {
    fn of(words: Words) -> Counters {
        let row = words.run(COMMON * ROW).unwrap_or_else(Run::private);
        Counters { words, row }
    }

    /// The counters of this process and of all that it forks from now on. Without memory to share, each
    /// process counts for itself.
    pub fn shared() -> Counters {
        thread_local! {
            static SHARED: OnceCell<Counters> = const { OnceCell::new() };
        }
        let make = || Words::shared(OWNERS + ROWS).map_or_else(|_| Counters::default(), Counters::of);
        SHARED.with(|shared| shared.get_or_init(make).clone())
    }

    /// The same counters with a row of this process's own.
    pub fn of_process(&self) -> Counters {
        self.of_owner(crate::sys::process::id())
    }

    fn of_owner(&self, process: u32) -> Counters {
        let mut rows = 0..ROWS;
        let taken = rows.find(|row| self.words.claim(OWNERS + row, process));
        let Some(row) = taken.and_then(|row| self.words.run::<ROW>(row * ROW)) else { return self.clone() };
        for what in PRESENT {
            row.set(what as usize, 0);
        }
        Counters { words: self.words.clone(), row: row.alone() }
    }

    /// One more.
    pub fn up(&self, what: Count) {
        self.add(what, 1);
    }

    /// So many more.
    pub fn add(&self, what: Count, n: u64) {
        self.row.add(what as usize, n);
    }

    /// One less.
    pub fn down(&self, what: Count) {
        self.row.sub(what as usize, 1);
    }

    /// How many there are in all processes.
    pub fn sum(&self, what: Count) -> u64 {
        let column = (0..=COMMON).map(|row| self.words.get(row * ROW + what as usize));
        column.fold(0, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_count_in_rows_of_their_own_and_all_see_the_sum() {
        let all = Counters::default();
        // Two that live, beside all others.
        let (own, first) = (all.of_process(), all.of_owner(1));
        for counters in [&own, &first, &all] {
            counters.up(Count::Active);
        }
        own.up(Count::Waiting);
        assert_eq!((all.sum(Count::Active), first.sum(Count::Waiting)), (3, 1));
        own.down(Count::Active);
        own.down(Count::Waiting);
        assert_eq!((first.sum(Count::Active), own.sum(Count::Waiting)), (2, 0));
    }

    #[test]
    fn what_the_dead_have_counted_stays_and_what_they_had_under_way_does_not() {
        let all = Counters::default();
        let dead = all.of_owner(u32::MAX / 2 - 7);
        dead.up(Count::Requests);
        dead.up(Count::Active);
        assert_eq!((all.sum(Count::Requests), all.sum(Count::Active)), (1, 1));
        let next = all.of_process();
        next.up(Count::Requests);
        next.up(Count::Active);
        assert_eq!((all.sum(Count::Requests), all.sum(Count::Active)), (2, 1));
    }
}
