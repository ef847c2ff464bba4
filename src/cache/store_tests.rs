//! Stores: what their lines mean, and what their records remember.
//!
//! *Here* a table of two directives plays the protocols: `x_cache_path` declares, `x_cache` refers.
//!
//! *Read next*: `records.rs`, `path.rs`.

use super::path::{finish, set};
use super::*;
use crate::buf::temp_file::TempPath;
use crate::conf::directive::{Args, Directive, MAIN, Module};
use crate::conf::include::Reader;
use crate::conf::registry::Registry;
use crate::conf::zone::Zones;
use crate::event::clock;
use std::fs;
use std::path::Path;

const fn row(name: &'static str, set: fn(&mut Cx, &Line) -> Result<(), ConfError>) -> Directive {
    Directive::of(name, MAIN, Args::AtLeast(1)).doc("").set(set)
}

static MODULE: Module = Module {
    name: "x",
    directives: &[
        row("x_cache_path", set),
        row("y_cache_path", set),
        row("x_cache", |cx, line| named(cx, line, line.arg(0)?).map(drop)),
    ],
};

pub fn stores(text: &str) -> Result<Vec<Rc<Store>>, String> {
    let registry = Registry::new(&[&MODULE]);
    let mut cx = Cx::new(&registry, "/prefix", "");
    let tree = Reader::new(Path::new("")).command_line(text.as_bytes());
    cx.apply_tree(&tree).map_err(|error| error.to_string())?;
    let mut sets = cx.finish();
    let stores = sets.get_mut::<Stores>().all();
    finish(&mut sets).map_err(|error| error.to_string())?;
    sets.get_mut::<Zones>().map().map_err(|error| error.to_string())?;
    for store in &stores {
        store.check_inherited().map_err(|error| error.to_string())?;
    }
    Ok(stores)
}

/// A store with so many records, in a folder of its own.
pub fn store(name: &str, bytes: u64, more: &str) -> (tempfile::TempDir, Rc<Store>) {
    clock::update();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display();
    let mut all = stores(&format!("x_cache_path {path} keys_zone={name}:{bytes} {more};")).expect("read");
    let store = all.pop().expect("one");
    (folder, store)
}

pub fn key(n: u32) -> Key {
    Key::of(&n.to_le_bytes())
}

#[test]
fn a_line_says_where_files_are_and_a_name_may_come_before_it() {
    let all =
        stores("x_cache a; x_cache_path c/ levels=1:2 keys_zone=a:8k inactive=1m max_size=2k min_free=1;")
            .expect("read");
    let [store] = all.as_slice() else { panic!("{all:?}") };
    let conf = store.conf().expect("declared");
    assert_eq!((conf.inactive, conf.max_size, conf.min_free, conf.use_temp_path), (60, 2048, 1, true));
    let key = Key::from_hex(b"b7f54b2df7773722d382f4809d65029c").expect("a key");
    assert_eq!(store.path(&key), Path::new("/prefix/c/c/29/b7f54b2df7773722d382f4809d65029c"));
    assert_eq!(Key::of(b"").hex(), "d41d8cd98f00b204e9800998ecf8427e");
}

#[test]
fn wrong_lines_are_refused_in_the_words_of_nginx() {
    for (text, complaint) in [
        ("x_cache_path /a b=c;", "invalid parameter \"b=c\" in command line"),
        ("x_cache_path /a purger=on;", "invalid parameter \"purger=on\" in command line"),
        ("x_cache_path /a;", "\"x_cache_path\" must have \"keys_zone\" parameter in command line"),
        ("x_cache_path /a keys_zone=a:x;", "invalid keys zone size \"keys_zone=a:x\" in command line"),
        ("x_cache_path /a keys_zone=a:8191;", "keys zone \"keys_zone=a:8191\" is too small in command line"),
        ("x_cache_path /a levels=1:3 keys_zone=a:8k;", "invalid \"levels\" \"levels=1:3\" in command line"),
        ("x_cache_path /a levels=1:1:1:1;", "invalid \"levels\" \"levels=1:1:1:1\" in command line"),
        ("x_cache_path /a inactive=x;", "invalid inactive value \"inactive=x\" in command line"),
        ("x_cache_path /a max_size=x;", "invalid max_size value \"max_size=x\" in command line"),
        ("x_cache_path /a manager_sleep=;", "invalid manager_sleep value \"manager_sleep=\" in command line"),
        (
            "x_cache_path /a use_temp_path=1;",
            "invalid use_temp_path value \"use_temp_path=1\", it must be \"on\" or \"off\" in command line",
        ),
        (
            "x_cache_path /a keys_zone=a:8k; x_cache_path /b keys_zone=a:8k;",
            "duplicate zone \"a\" in command line",
        ),
        (
            "x_cache_path /a keys_zone=a:8k; x_cache_path /a/ keys_zone=b:8k;",
            "the same path name \"/a\" used in command line and in command line",
        ),
        ("x_cache nowhere;", "\"x_cache\" zone \"nowhere\" is unknown in command line"),
        (
            "y_cache_path /a keys_zone=a:8k; x_cache a;",
            "the shared memory zone \"a\" is already declared for a different use in command line",
        ),
    ] {
        assert_eq!(stores(text).map(|all| all.len()), Err(complaint.to_owned()), "{text}");
    }
}

#[test]
fn a_zone_keeps_its_records_over_a_reload_but_not_for_another_folder() {
    let first = stores("x_cache_path /a keys_zone=over:8k levels=1;").expect("read");
    first[0].stored(&key(1), 10, 0);
    let second = stores("x_cache_path /a keys_zone=over:8k levels=1;").expect("read");
    assert!(second[0].touch(&key(1), 1, 0).exists);
    assert_eq!(
        stores("x_cache_path /b keys_zone=over:8k levels=1;").map(|all| all.len()),
        Err("cache \"over\" uses the \"/b\" cache path while previously it used the \"/a\" cache path".into())
    );
    assert_eq!(
        stores("x_cache_path /a keys_zone=over:8k levels=2;").map(|all| all.len()),
        Err("cache \"over\" had previously different levels".into())
    );
}

#[test]
fn requests_are_counted_and_a_stored_file_is_known_until_it_is_forgotten() {
    let (_folder, store) = store("counted", 16384, "");
    assert_eq!(store.touch(&key(1), 2, 0), Touched { may_exist: true, ..Touched::default() });
    assert!(store.touch(&key(1), 2, 0).uses_reached);
    store.records().expect("memory").loaded();
    assert!(!store.touch(&key(1), 2, 0).may_exist);
    store.stored(&key(1), 10, 77);
    let seen = store.touch(&key(1), 2, 0);
    assert_eq!((seen.exists, seen.may_exist, seen.valid_until), (true, true, 77));
    let block = store.block_size();
    store.stored(&key(1), block + 1, 78);
    assert_eq!(store.records().expect("memory").size(), 2 * block);
    store.forget(&key(1));
    assert_eq!(store.records().expect("memory").size(), 0);
    let seen = store.touch(&key(1), 2, 0);
    assert_eq!((seen.exists, seen.uses_reached), (false, true));
}

#[test]
fn an_answer_without_a_file_is_remembered_until_its_time() {
    let (_folder, store) = store("remembered", 16384, "");
    let now = u64::try_from(crate::log::clock::seconds()).expect("after 1970");
    store.remember(&key(1), 404, now + 60);
    assert_eq!(store.touch(&key(1), 1, 0).remembered_status, 404);
    store.remember(&key(1), 404, now - 1);
    assert_eq!(store.touch(&key(1), 1, 0).remembered_status, 0);
    store.remember(&key(1), 502, now + 60);
    store.stored(&key(1), 1, 0);
    assert_eq!(store.touch(&key(1), 1, 0).remembered_status, 0);
}

#[test]
fn one_request_at_a_time_has_the_lock_and_it_is_void_when_too_old() {
    let (_folder, store) = store("locked", 16384, "");
    let first = store.lock(&key(1), 5000, 1000).expect("free");
    assert!(store.lock(&key(1), 5000, 5999).is_none());
    assert!(store.lock(&key(2), 5000, 5999).is_some());
    assert!(store.touch(&key(1), 1, 5999).updating);
    let second = store.lock(&key(1), 5000, 6000).expect("too old");
    drop(first);
    assert!(store.touch(&key(1), 1, 6000).updating);
    drop(second);
    assert!(!store.touch(&key(1), 1, 6000).updating);
    assert!(store.lock(&key(1), 5000, 6000).is_some());
}

#[test]
fn a_full_zone_forgets_the_key_that_was_not_used_for_the_longest_time_and_its_file() {
    let (_folder, store) = store("full", 16384, "levels=1:2 use_temp_path=off");
    let capacity = 96;
    let temp = TempPath::plain("unused");
    for n in 0..capacity {
        let file = store.temp_file(&key(n), &temp).expect("a file");
        store.publish(&key(n), file).expect("renamed");
        store.stored(&key(n), 1, 0);
    }
    store.touch(&key(0), 1, clock::now());
    assert!(!store.records().expect("memory").is_crowded());
    store.touch(&key(1000), 1, clock::now());
    let there = |n| fs::exists(store.path(&key(n))).expect("asked");
    assert_eq!((there(0), there(1), there(2)), (true, false, true));
    assert!(store.records().expect("memory").is_crowded());
    for n in 2000..3000 {
        store.touch(&key(n), 1, clock::now());
    }
    assert!((0..capacity).all(|n| !there(n)));
    assert_eq!(store.records().expect("memory").size(), 0);
}

#[test]
fn the_sum_of_sizes_is_made_anew_after_a_process_that_died_inside() {
    let (_folder, store) = store("mended", 16384, "");
    store.stored(&key(1), 1, 0);
    store.stored(&key(2), 1, 0);
    let words = store.zone.memory().expect("mapped");
    // The first of the table's own words is the lock, the first of ours (8) the sum.
    words.set(8, 12345);
    words.set(0, u64::from(u32::MAX) / 2 - 7);
    assert!(store.touch(&key(1), 1, 0).exists);
    assert_eq!(store.records().expect("memory").size(), 2 * store.block_size());
}

#[test]
fn a_lock_of_a_process_that_is_gone_is_void() {
    let (_folder, store) = store("widowed", 16384, "");
    std::mem::forget(store.lock(&key(1), u64::MAX, 0).expect("free"));
    assert!(store.lock(&key(1), u64::MAX, 0).is_none());
    store.records().expect("memory").give_lock(&key(1), (u64::from(u32::MAX) / 2 - 7) % (1 << 24));
    assert!(!store.touch(&key(1), 1, 0).updating);
    assert!(store.lock(&key(1), u64::MAX, 0).is_some());
}
