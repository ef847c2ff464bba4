//! The bench: a module is tried without a socket, on every way a reply can arrive.
//!
//! *In nginx* a module can be tried only against a live server, and where a read happens to end is up to the
//! kernel; a fault that shows when a reply is cut between two certain bytes is found in production.
//!
//! *Here* the nine functions need bytes and nothing else, so all ways are tried. [`configure`] reads
//! directives as a location would, [`Asking`] is a request of one's own making, [`hear`] plays one reply
//! in given pieces, and [`every_way`] plays it in all of them and compares. It belongs to the library,
//! not to its tests, so that a module written elsewhere has it too.
//!
//! ```text
//!   reply  [abcdefgh]  ─▶ whole · a|bcdefgh · ab|cdefgh · … · abc|d|efg|h · a|b|c|d|e|f|g|h
//!                      ─▶ a · ab · abc · …  and no more: must be the same in every way, and never reused
//!                      ─▶ a first peer that dies or errs after n bytes, then the whole, for every n
//!                      ─▶ with bytes behind it: they must be left over
//!     each of them  ×  in memory, unbuffered, buffered, spliced  ×  a wide window and a narrow one
//! ```
//!
//! *Read next*: `listening.rs`, where one way is played; `ways.rs`, which goes through them all;
//! `../memcached.rs`, a module to try.

mod asking;
mod listening;
mod ways;

pub use asking::Asking;
pub use listening::{End, Heard, Mode, greet, hear, hear_in};
pub use ways::{Counts, Tried, agree, every_cut, every_way};

use super::{Fault, Kind, Out, Protocol};
use crate::buf::Chain;
use crate::conf::build::{Cx, Sets};
use crate::conf::directive::{Args, Directive, LOCATION, MAIN, Module};
use crate::conf::error::ConfError;
use crate::conf::include::Reader;
use crate::conf::merge::{Confs, Scope};
use crate::conf::registry::Registry;
use crate::conf::template::Names;

crate::settings! {
    /// What the bench read.
    pub struct Read: Process {
        plain {
            /// The one location.
            pub location: Option<Sets> = None
        }
    }
}

static BENCH: Module = Module {
    name: "bench",
    directives: &[Directive::of("location", MAIN, Args::None).block().doc("A location of the bench.").set(
        |cx, line| {
            let sets = cx.block(line, LOCATION, &[Scope::Http, Scope::Server, Scope::Location])?;
            cx.conf::<Read>().location = Some(sets);
            Ok(())
        },
    )],
};

/// A module with a configuration.
pub struct Configured {
    /// The module.
    pub kind: Kind,
    /// Its configuration.
    pub location: Confs,
    /// The names of variables, by their numbers.
    pub names: Vec<Vec<u8>>,
}

/// Reads directives of a module, as they would stand in a location.
///
/// # Errors
/// Those of the configuration.
pub fn configure<P: Protocol>(directives: &str) -> Result<Configured, ConfError> {
    let modules = [&BENCH, P::DIRECTIVES];
    let registry = Registry::new(&modules);
    let mut cx = Cx::new(&registry, "/", "/");
    let text = format!("location {{ {directives} }}");
    cx.apply_tree(&Reader::new("/").text("bench", text.as_bytes()))?;
    let mut sets = cx.finish().get_mut::<Read>().location.take().unwrap_or_default();
    let names = sets.get_mut::<Names>().list().to_vec();
    Ok(Configured { kind: Kind::of::<P>(), location: sets.take(Scope::Location).freeze(), names })
}

/// What a module writes for a request: the head, and whether the client's body is to follow.
///
/// # Errors
/// The module's.
pub fn say(configured: &Configured, asking: &mut Asking) -> Result<(Vec<u8>, bool), Fault> {
    let mut out = Out::new();
    configured.kind.create_request(asking, &configured.location, &mut out)?;
    Ok((bytes(&out.take()), out.wrapping().is_some()))
}

fn bytes(chain: &Chain) -> Vec<u8> {
    chain.gather().map(|all| all.to_vec()).unwrap_or_default()
}

#[cfg(test)]
#[path = "bench_tests.rs"]
mod tests;
