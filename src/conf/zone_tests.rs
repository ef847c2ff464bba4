//! Zones: declared, referred to, and taken over by the next configuration.
//!
//! *Here* a table of one directive plays the modules.
//!
//! *Read next*: `zone.rs`.

use super::*;
use crate::conf::directive::{Args, Directive, MAIN, Module};
use crate::conf::include::Reader;
use crate::conf::registry::Registry;
use crate::conf::value::parse_size;
use std::path::Path;

fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let bytes = line.args.get(1).and_then(|size| parse_size(size));
    let tag = if line.args.len() > 2 { "other" } else { "mine" };
    cx.zone(line, line.arg(0)?.as_str()?, bytes, tag).map(drop)
}

static MODULE: Module = Module {
    name: "zones",
    directives: &[Directive::of("zone", MAIN, Args::Between(1, 3)).doc("").set(set)],
};

fn read(text: &str) -> Result<Vec<Rc<Zone>>, String> {
    let registry = Registry::new(&[&MODULE]);
    let mut cx = Cx::new(&registry, "", "");
    let tree = Reader::new(Path::new("")).command_line(text.as_bytes());
    cx.apply_tree(&tree).map_err(|error| error.to_string())?;
    let zones = cx.conf::<Zones>();
    zones.map().map_err(|error| error.to_string())?;
    Ok(zones.list().to_vec())
}

#[test]
fn a_zone_may_be_named_before_its_size_is_known_and_its_memory_survives_a_reload() {
    let first = read("zone a; zone a 64k; zone b 8k;").expect("read");
    assert_eq!(first.iter().map(|zone| zone.bytes()).collect::<Vec<_>>(), [65536, 8192]);
    let memory = first[0].memory().expect("mapped");
    assert_eq!(memory.all().len(), 8192);
    memory.set(7, 5);
    let second = read("zone a 64k; zone b 16k;").expect("read");
    assert_eq!(second[0].memory().map_or(0, |memory| memory.get(7)), 5);
    assert!(second[0].is_inherited() && !second[1].is_inherited());
}

#[test]
fn a_zone_has_one_size_and_one_use() {
    for (text, complaint) in [
        ("zone c;", "zero size shared memory zone \"c\" in command line"),
        ("zone c 8k; zone c 16k;", "the size 16384 of shared memory zone \"c\" conflicts with already"),
        ("zone c 8k; zone c 8k x;", "the shared memory zone \"c\" is already declared for a different use"),
    ] {
        let error = read(text).expect_err(text);
        assert!(error.starts_with(complaint), "{error}");
    }
}
