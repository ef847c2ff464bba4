//! Tables: entries come and go, damage is mended, and no content of the words can hang or break a walk.

use super::*;
use crate::sys::process::{self, Fork, Pid};
use crate::sys::signal;
use proptest::prelude::*;

const SHAPE: Shape = Shape { own: 2, values: 3 };

fn words(entries: usize) -> usize {
    HEADER + SHAPE.own + entries * (VALUE + SHAPE.values + 1)
}

#[test]
fn entries_are_found_until_they_are_removed_and_their_room_is_used_again() {
    let words = Words::private(words(4));
    let table = Table::new(&words, SHAPE);
    let hash = |n: u8| table.hash(&[n]);
    let entries: Vec<Entry> = (0..4).map(|n| table.insert(hash(n)).expect("room")).collect();
    assert_eq!((table.insert(hash(4)), table.used(), table.capacity()), (None, 4, 4));
    for (n, entry) in (0..4).zip(&entries) {
        assert_eq!(table.find(hash(n)), Some(*entry));
        assert_eq!(table.key(*entry), hash(n));
    }
    table.set_value(entries[2], 1, 7);
    table.set_value(entries[2], 3, 8);
    assert_eq!([0, 1, 2, 3].map(|which| table.value(entries[2], which)), [0, 7, 0, 0]);
    assert_eq!(table.oldest(), Some(entries[0]));
    table.touch(entries[0]);
    assert_eq!(table.oldest(), Some(entries[1]));
    assert_eq!(table.entries().collect::<Vec<_>>(), [entries[0], entries[3], entries[2], entries[1]]);
    for entry in &entries {
        table.remove(*entry);
    }
    assert_eq!((table.oldest(), table.find(hash(2)), table.used()), (None, None, 0));
    assert!((0..4).all(|n| table.insert(hash(n)).is_some()));
}

#[test]
fn who_takes_the_lock_of_a_dead_process_builds_the_links_anew() {
    let words = Words::shared(words(8)).expect("memory");
    let table = Table::new(&words, SHAPE);
    let entries: Vec<Entry> = (1..=6).map(|n| table.insert((n, n)).expect("room")).collect();
    table.set_value(entries[5], 0, 66);
    // It died having broken everything but the keys.
    for at in [NEWEST, OLDEST, FREE, USED] {
        words.set(at, 3);
    }
    for entry in &entries {
        table.set(*entry, NEXT, entry.0);
        table.set(*entry, OLDER, entry.0);
        table.set(*entry, NEWER, 9999);
    }
    words.set(LOCK, u64::from(u32::MAX) / 2 - 7);
    let mut repaired = false;
    drop(table.lock_or_repair(|_| repaired = true));
    assert!(repaired);
    assert_eq!((table.used(), table.entries().count()), (6, 6));
    assert!((1..=6).all(|n| table.find((n, n)).is_some()));
    assert_eq!(table.value(table.find((6, 6)).expect("found"), 0), 66);
    assert!((7..=8).all(|n| table.insert((n, n)).is_some()));
    assert_eq!(table.insert((9, 9)), None);
    drop(table.lock_or_repair(|_| unreachable!("nobody died")));
}

#[test]
fn a_zone_without_room_for_an_entry_is_a_table_that_is_full() {
    for size in [0, 1, HEADER, words(0), words(1) - 1] {
        let words = Words::private(size);
        let table = Table::new(&words, SHAPE);
        assert_eq!((table.insert((1, 1)), table.find((1, 1)), table.oldest()), (None, None, None));
    }
}

/// In a process of its own: changes the table without end, the lock held nearly all the time.
fn change_for_ever(table: &Table, seed: u64) -> ! {
    let mut dice = seed;
    loop {
        let _held = table.lock();
        for _ in 0..16 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = (1 + (dice >> 33) % 40, 1);
            match table.find(key) {
                Some(entry) if dice >> 62 == 0 => table.remove(entry),
                Some(entry) => table.touch(entry),
                None => {
                    if let (None, Some(oldest)) = (table.insert(key), table.oldest()) {
                        table.remove(oldest);
                    }
                }
            }
            table.set_own(0, table.own(0) + 1);
        }
    }
}

fn bury(pid: Pid) {
    // SAFETY: plain numbers; nobody wants the status.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
}

#[test]
fn a_process_may_be_killed_at_any_moment() {
    let words = Words::shared(words(32)).expect("memory");
    let table = Table::new(&words, SHAPE);
    for round in 0..60 {
        match process::fork().expect("a process") {
            Fork::Child => change_for_ever(&table, round),
            Fork::Parent(pid) => {
                let enough = table.own(0) + 500 + round * 7;
                while table.own(0) < enough {
                    std::hint::spin_loop();
                }
                signal::send(pid, signal::SIGKILL).expect("a child");
                bury(pid);
            }
        }
        let _held = table.lock();
        let used = table.entries().count();
        assert_eq!(used as u64, table.used());
        assert!(table.entries().all(|entry| table.find(table.key(entry)) == Some(entry)));
        let more = (0..).map_while(|n| table.insert((n, 2))).count();
        assert_eq!(used + more, table.capacity());
        for n in 0..more as u64 {
            table.remove(table.find((n, 2)).expect("just put there"));
        }
    }
}

proptest! {
    #[test]
    fn whatever_the_words_are_every_walk_ends(
        content in proptest::collection::vec(prop_oneof![0u64..12, any::<u64>()], words(6)),
        keys in proptest::collection::vec((0u64..4, 0u64..4), 1..20),
    ) {
        let words = Words::private(content.len());
        for (at, word) in content.iter().enumerate() {
            words.set(at, *word);
        }
        words.set(MADE, 1);
        let table = Table::new(&words, SHAPE);
        for key in &keys {
            match table.find(*key) {
                Some(entry) if key.0 % 2 == 0 => table.remove(entry),
                Some(entry) => table.touch(entry),
                None => drop(table.insert(*key)),
            }
            prop_assert!(table.entries().count() <= table.capacity());
        }
        table.rebuild();
        let used = table.entries().count() as u64;
        prop_assert_eq!(used, table.used());
        prop_assert!(table.entries().all(|entry| table.find(table.key(entry)).is_some()));
    }
}
