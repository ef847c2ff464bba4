//! The fuzz: good inputs of every kind with something wrong, and what must hold whatever is wrong.
//!
//! No panic, no memory beyond a bound, the same result in every cut, and no connection used again after
//! anything odd. `make fuzz N=1000000` tries so many inputs; `SEED=` begins elsewhere and `TARGET=` names one
//! target. A failure prints its target, its seed and the input as a Rust byte string.

mod corpus;

use corpus::dice::{Dice, mutate};
use corpus::targets::{Target, all};
use headwater::sys::counting::{Counting, most};
use std::panic::{AssertUnwindSafe, catch_unwind};

#[global_allocator]
static MEMORY: Counting = Counting;

/// How many inputs a plain `cargo test` tries, in units of the cheapest target.
const FEW: u64 = 20_000;

/// How many bytes an input may take, and how many each byte of it may.
const BASE: usize = 2 << 20;
const EACH: usize = 600;

fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}

/// Tries one input; says what was wrong.
fn attempt(target: &Target, input: &[u8]) -> Result<(), String> {
    let (done, bytes) = most(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
    if let Err(panic) = done {
        let text = panic.downcast_ref::<String>().cloned();
        return Err(text.or(panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default());
    }
    let bound = BASE + EACH * input.len();
    if bytes > bound { Err(format!("{bytes} bytes of memory, more than {bound}")) } else { Ok(()) }
}

/// Leaves out what can be left out without the failure going away.
fn smaller(target: &Target, input: &[u8]) -> Vec<u8> {
    let mut input = input.to_vec();
    let mut part = input.len() / 2;
    while part > 0 {
        let mut at = 0;
        while at < input.len() {
            let mut less = input.clone();
            less.drain(at..(at + part).min(input.len()));
            if attempt(target, &less).is_err() { input = less } else { at += part }
        }
        part /= 2;
    }
    input
}

fn fuzz(target: &Target, times: u64, seed: u64) -> Result<(), String> {
    for good in &target.corpus {
        attempt(target, good)
            .map_err(|text| format!("a good input fails: {text}: {}", good.escape_ascii()))?;
    }
    for n in seed..seed.saturating_add(times) {
        let input = mutate(&mut Dice(n), &target.corpus);
        if attempt(target, &input).is_err() {
            let input = smaller(target, &input);
            let text = attempt(target, &input).err().unwrap_or_default();
            return Err(format!(
                "SEED={n} TARGET={}: {text}\n    b\"{}\"",
                target.name,
                input.escape_ascii()
            ));
        }
    }
    Ok(())
}

#[test]
fn the_good_configurations_are_read_whole() {
    for text in corpus::inputs::configurations() {
        assert_eq!(corpus::conf::read(&text), Ok(Some(())), "{}", String::from_utf8_lossy(&text));
    }
}

#[test]
fn every_target_has_good_inputs_and_a_file_for_libfuzzer() {
    let folder = std::env::var_os("CORPUS").map(std::path::PathBuf::from);
    for target in all() {
        assert!(!target.corpus.is_empty(), "{}", target.name);
        let file = format!("{}/tests/fuzz/fuzz_targets/{}.rs", env!("CARGO_MANIFEST_DIR"), target.name);
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(text.contains(&format!("run(\"{}\", bytes)", target.name)), "{file}");
        let Some(folder) = folder.as_ref().map(|folder| folder.join(target.name)) else { continue };
        std::fs::create_dir_all(&folder).expect("a folder");
        for (n, input) in target.corpus.iter().enumerate() {
            std::fs::write(folder.join(format!("good-{n}")), input).expect("a file");
        }
    }
}

#[test]
fn nothing_that_strangers_send_breaks_a_promise() {
    let (times, seed) = (setting("N").unwrap_or(FEW), setting("SEED").unwrap_or(1));
    let wanted = std::env::var("TARGET").ok().filter(|name| !name.is_empty());
    std::panic::set_hook(Box::new(|_| {}));
    let mut failures = Vec::new();
    for target in all().iter().filter(|target| wanted.as_ref().is_none_or(|name| name == target.name)) {
        let times = times / target.cost;
        let came = fuzz(target, times, seed);
        println!("{:16} {times:9} inputs  {}", target.name, if came.is_ok() { "ok" } else { "FAILED" });
        failures.extend(came.err());
    }
    let _ = std::panic::take_hook();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
