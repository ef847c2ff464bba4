//! The targets of the fuzz: each is a corpus of good inputs and a function that tries one input, which panics
//! when something that must always hold does not.
//!
//! `tests/fuzz.rs` mutates the corpora by itself; the crate in `tests/fuzz/` hands the same functions to
//! libFuzzer.

use super::{MODULES, certificates, conf, heads, inputs, speak, values};

/// Tries an input.
type Try = Box<dyn Fn(&[u8])>;

/// What can be fuzzed.
pub struct Target {
    pub name: &'static str,
    /// Good inputs.
    pub corpus: Vec<Vec<u8>>,
    /// Tries one input.
    pub run: Try,
    /// How much more an input of this target costs than one of the cheapest.
    pub cost: u64,
}

impl Target {
    fn new(name: &'static str, cost: u64, corpus: Vec<Vec<u8>>, run: fn(&[u8])) -> Target {
        Target { name, corpus, run: Box::new(run), cost }
    }
}

/// All of them.
pub fn all() -> Vec<Target> {
    let mut all = vec![
        Target::new("request_head", 1, inputs::request_heads(), heads::request),
        Target::new("header_fields", 1, inputs::fields(), heads::fields),
        Target::new("reply_head", 1, inputs::reply_heads(), heads::reply),
        Target::new("chunked", 1, inputs::chunked(), heads::chunked),
        Target::new("uri", 1, inputs::uris(), values::uri),
        Target::new("values", 2, inputs::values(), values::fields),
        Target::new("dns", 1, inputs::dns(), values::dns),
        Target::new("proxy_protocol", 1, inputs::proxy_protocol(), values::proxy_protocol),
        Target::new("certificate", 40, certificates::inputs(), certificates::damaged),
        Target::new("template", 2, inputs::templates(), conf::template),
        Target::new("sql", 2, inputs::sql(), conf::sql),
        Target::new("rewriting", 4, inputs::rewriting(), values::rewriting),
        Target::new("configuration", 40, inputs::configurations(), conf::whole),
    ];
    for module in MODULES {
        let (corpus, run) = speak::target(module);
        all.push(Target { name: module, corpus, run: Box::new(run), cost: 4 });
    }
    all
}

/// One of them.
pub fn named(name: &str) -> Target {
    all().into_iter().find(|target| target.name == name).unwrap_or_else(|| panic!("no target {name}"))
}

thread_local! {
    static LAST: std::cell::RefCell<Option<Target>> = const { std::cell::RefCell::new(None) };
}

/// Tries one input on the target with this name, which is made once.
pub fn run(name: &str, bytes: &[u8]) {
    LAST.with_borrow_mut(|last| {
        let target = last.take_if(|target| target.name == name).unwrap_or_else(|| named(name));
        (last.insert(target).run)(bytes);
    });
}

/// A number that an input always has, to choose by.
pub fn number_of(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}
