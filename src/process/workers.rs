//! The master's children: who they are, when a dead one is started again.
//!
//! *In nginx* this is the array `ngx_processes` with its flags `respawn`, `exiting`, `exited`; a dead
//! worker is forked again at once, however often it dies.
//!
//! *Here* a list of [`Child`], workers and [helpers](super::helper) alike. One that dies within a second
//! of its start is started again after a pause that doubles from 100 ms to 10 s, so that one that cannot
//! live does not eat a processor; a second's life resets the pause. This file decides and counts;
//! forking and signals are the master's.
//!
//! ```text
//!   started ──▶ running ──▶ asked to quit ──▶ gone
//!                  └─▶ died ─▶ (pause) ─▶ started
//! ```
//!
//! *Read next*: `master.rs`.

use crate::sys::process::Pid;

/// A worker that died younger than this, in milliseconds, is not started again at once.
const YOUNG: u64 = 1000;
/// The first and the longest pause, in milliseconds.
const PAUSE: (u64, u64) = (100, 10_000);

/// What a child is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Post {
    /// The worker of that number.
    Worker(usize),
    /// The one of that number among [`Cycle::helpers`](super::Cycle::helpers).
    Helper(usize, &'static Duty),
}

/// What the master must know of a helper.
#[derive(Debug, PartialEq, Eq)]
pub struct Duty {
    /// As it is called in the log and in the list of processes.
    pub name: &'static str,
    /// Whether its work never ends; one whose work does is not started again when it is done.
    pub lasting: bool,
}

impl Post {
    /// As the log calls it.
    pub fn name(self) -> &'static str {
        match self {
            Post::Worker(_) => "worker process",
            Post::Helper(_, duty) => duty.name,
        }
    }

    /// Whether it is to be started again even if its process ended without a failure.
    pub fn is_lasting(self) -> bool {
        match self {
            Post::Worker(_) => true,
            Post::Helper(_, duty) => duty.lasting,
        }
    }
}

/// One running child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its process number.
    pub pid: Pid,
    /// What it is there for.
    pub post: Post,
    /// When it was started, in milliseconds of the loop's clock.
    pub started: u64,
    /// It was told to quit: its end is no surprise.
    pub exiting: bool,
    /// The pause before this start, in milliseconds.
    pause: u64,
}

/// A child that is to be started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Due {
    post: Post,
    at: u64,
    pause: u64,
}

/// The children and those to come.
#[derive(Debug, Default)]
pub struct Workers {
    running: Vec<Child>,
    due: Vec<Due>,
}

impl Workers {
    /// Notes a child that was just started; `pause` is what [`Workers::take_due`] said, 0 for a first start.
    pub fn started(&mut self, pid: Pid, post: Post, now: u64, pause: u64) {
        self.running.push(Child { pid, post, started: now, exiting: false, pause });
    }

    /// Takes a process off the list, if it is on it.
    pub fn ended(&mut self, pid: Pid) -> Option<Child> {
        let at = self.running.iter().position(|child| child.pid == pid)?;
        Some(self.running.swap_remove(at))
    }

    /// Plans another start of a child that died.
    pub fn restart(&mut self, child: &Child, now: u64) {
        let young = now.saturating_sub(child.started) < YOUNG;
        let (first, longest) = PAUSE;
        let pause = match (young, child.pause) {
            (false, _) => 0,
            (true, 0) => first,
            (true, pause) => pause.saturating_mul(2).min(longest),
        };
        self.due.push(Due { post: child.post, at: now.saturating_add(pause), pause });
    }

    /// The children whose time to be started again has come, and the pauses they had.
    pub fn take_due(&mut self, now: u64) -> Vec<(Post, u64)> {
        let ripe: Vec<(Post, u64)> =
            self.due.iter().filter(|due| due.at <= now).map(|due| (due.post, due.pause)).collect();
        self.due.retain(|due| due.at > now);
        ripe
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<u64> {
        self.due.iter().map(|due| due.at).min()
    }

    /// Starts nobody again: the configuration is new, or the end has come.
    pub fn forget_due(&mut self) {
        self.due.clear();
    }

    /// Those that run.
    pub fn running(&self) -> &[Child] {
        &self.running
    }

    /// Marks all that run now as told to quit, and gives those that had not been told before.
    pub fn tell_all_to_quit(&mut self) -> Vec<Pid> {
        let untold = self.running.iter_mut().filter(|child| !child.exiting);
        untold
            .map(|child| {
                child.exiting = true;
                child.pid
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_that_dies_young_waits_longer_each_time_and_a_long_life_forgets_it() {
        let (mut workers, mut now, mut pause) = (Workers::default(), 5000, 0);
        let mut pauses = Vec::new();
        for _ in 0..9 {
            workers.started(7, Post::Worker(0), now, pause);
            let child = workers.ended(7).expect("running");
            workers.restart(&child, now + 10);
            let at = workers.next_due().expect("due");
            assert!(workers.take_due(at - 1).is_empty());
            pause = workers.take_due(at).first().expect("due").1;
            pauses.push(pause);
            now = at;
        }
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000]);
        workers.started(7, Post::Worker(0), now, pause);
        let child = workers.ended(7).expect("running");
        workers.restart(&child, now + YOUNG);
        assert_eq!(workers.take_due(now + YOUNG), [(Post::Worker(0), 0)]);
    }

    #[test]
    fn a_worker_is_told_to_quit_once() {
        let mut workers = Workers::default();
        workers.started(7, Post::Worker(0), 0, 0);
        assert_eq!(workers.tell_all_to_quit(), [7]);
        workers.started(8, Post::Worker(1), 0, 0);
        assert_eq!(workers.tell_all_to_quit(), [8]);
        assert!(workers.ended(9).is_none());
    }
}
