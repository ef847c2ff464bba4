//! Manager and loader: what they delete, what they find, and how much at a time.
//!
//! *Here* time is what the tests say: records are given the moment of their last use.
//!
//! *Read next*: `manager.rs`, `loader.rs`.

use super::loader::Loader;
use super::manager::Manager;
use super::store_tests::{key, store};
use super::*;
use crate::event::clock;
use std::fs;
use std::time::{Duration, SystemTime};

fn fill(store: &Store, numbers: std::ops::Range<u32>, bytes: usize) {
    for n in numbers {
        let path = store.path(&key(n));
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, vec![b'x'; bytes]).expect("written");
        store.stored(&key(n), bytes as u64, 0);
    }
}

fn there(store: &Store, numbers: std::ops::Range<u32>) -> Vec<u32> {
    numbers.filter(|n| store.path(&key(*n)).exists()).collect()
}

#[test]
fn the_manager_deletes_what_nobody_asked_for() {
    let (_folder, store) = store("inactive", 16384, "levels=2 inactive=10m");
    fill(&store, 0..3, 10);
    let now = clock::now();
    store.touch(&key(0), 1, now - 600_001);
    store.touch(&key(1), 1, now - 600_000);
    store.touch(&key(2), 1, now - 590_000);
    let mut manager = Manager::new(store.clone());
    manager.turn();
    assert_eq!(there(&store, 0..3), [2]);
    assert!(manager.due() > now && manager.due() <= clock::now() + 10_000);
    assert_eq!(store.records().expect("memory").count(), 1);
}

#[test]
fn the_manager_deletes_the_oldest_of_too_many_at_the_pace_it_was_given() {
    let (_folder, store) = store("too_much", 16384, "max_size=0 manager_files=2 manager_sleep=5");
    fill(&store, 0..5, 10);
    let mut manager = Manager::new(store.clone());
    for left in [&[2, 3, 4][..], &[4], &[]] {
        manager.turn();
        assert_eq!(there(&store, 0..5), left);
        assert!(manager.due() >= clock::now() + 4000);
    }
}

#[test]
fn the_size_of_all_files_comes_below_its_bound() {
    let (_folder, store) = store("sized", 16384, "max_size=64k");
    fill(&store, 0..10, 10_000);
    Manager::new(store.clone()).turn();
    let size = store.records().expect("memory").size();
    assert!(size < 65_536 && size + 3 * store.block_size() >= 65_536, "{size}");
    assert!(!there(&store, 0..1).contains(&0) && there(&store, 9..10).contains(&9));
}

#[test]
fn a_file_system_without_the_wanted_room_makes_the_manager_delete_everything() {
    let (_folder, store) = store("min_free", 16384, "min_free=1000000g");
    fill(&store, 0..5, 10);
    Manager::new(store.clone()).turn();
    assert_eq!(there(&store, 0..5), [0; 0]);
}

#[test]
fn a_zone_that_was_full_gets_an_eighth_of_its_room_back() {
    let (_folder, store) = store("crowded", 16384, "");
    fill(&store, 0..96, 1);
    let mut manager = Manager::new(store.clone());
    manager.turn();
    assert_eq!(there(&store, 0..96).len(), 96);
    store.touch(&key(1000), 1, clock::now());
    manager.turn();
    assert_eq!(store.records().expect("memory").count(), 84);
    assert_eq!(there(&store, 0..96).len(), 83);
}

#[test]
fn the_loader_finds_files_at_the_pace_it_was_given_and_leaves_strangers_alone() {
    let (folder, store) = store("loaded", 16384, "levels=1:2 loader_files=2 loader_sleep=7ms");
    fill(&store, 0..5, 5000);
    for n in 0..5 {
        store.forget(&key(n));
    }
    store.stored(&key(0), 1, 77);
    fs::write(store.path(&key(4)), "").expect("cut");
    let temporary = store.path(&key(1)).with_extension("0000000001");
    let abandoned = store.path(&key(1)).with_extension("0000000002");
    let strangers = [folder.path().join("notes.txt"), folder.path().join(key(77).hex())];
    for path in strangers.iter().chain([&temporary, &abandoned]) {
        fs::write(path, "x").expect("written");
    }
    let long_ago = SystemTime::now() - Duration::from_secs(7200);
    fs::File::open(&abandoned).and_then(|file| file.set_modified(long_ago)).expect("made old");
    let mut loader = Loader::new(store.clone());
    let mut turns = 0;
    while let Some(sleep_ms) = loader.turn() {
        assert_eq!(sleep_ms, 7);
        turns += 1;
        assert!(store.touch(&key(99), 1, 0).may_exist && turns < 20);
    }
    assert!(turns >= 4, "{turns}");
    let records = store.records().expect("memory");
    assert_eq!(records.size(), store.block_size() + 3 * 5000u64.next_multiple_of(store.block_size()));
    assert!((0..4).all(|n| store.touch(&key(n), 1, 0).exists));
    assert!(!store.path(&key(4)).exists() && !store.touch(&key(4), 1, 0).exists);
    assert_eq!(store.touch(&key(0), 1, 0).valid_until, 77);
    assert!(!store.touch(&key(77), 1, 0).may_exist);
    assert!(strangers.iter().all(|path| path.exists()));
    assert_eq!((temporary.exists(), abandoned.exists()), (true, false));
    assert_eq!(Loader::new(store).turn(), None);
}

#[test]
fn there_is_one_loader_at_a_time_until_it_dies() {
    let (_folder, store) = store("one_loader", 16384, "");
    let records = store.records().expect("memory");
    assert!(records.start_loading());
    // Process 1 is alive, whoever it is; the other number cannot be anybody's.
    records.set_loader(1);
    assert!(!records.start_loading());
    records.set_loader(u64::from(u32::MAX) / 2 - 7);
    assert!(records.start_loading());
}
