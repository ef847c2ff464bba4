//! Shared memory by name: what `zone=one:10m` means.
//!
//! *In nginx* `ngx_shared_memory_add` collects the zones of a cycle; `ngx_init_cycle` maps them, and gives
//! a zone whose name, size and user are those of the old cycle the old memory, so that counters survive a
//! reload.
//!
//! *Here* the same. A directive asks [`Cx::zone`] for a [`Zone`], with a size or without one (somebody else
//! declares it); when the whole configuration is read, [`Zones::map`] finds sizes complete and maps the
//! memory. What is in the memory is the business of the module named by the tag.
//!
//! ```text
//!   limit_req_zone … zone=one:10m ─┐
//!   limit_req zone=one ────────────┴▶ Zone "one" ─ map ─▶ Words (the old one's, after a reload)
//! ```
//!
//! *Read next*: `sys/words.rs`.

use super::build::Cx;
use super::error::ConfError;
use super::merge::{Conf, Scope};
use super::tree::Line;
use crate::conf_slot;
use crate::sys::words::Words;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::{Rc, Weak};

/// A named piece of memory that all workers share.
#[derive(Debug)]
pub struct Zone {
    name: String,
    tag: &'static str,
    bytes: Cell<u64>,
    place: String,
    memory: OnceCell<Words>,
    inherited: Cell<bool>,
}

impl Zone {
    /// The name in the configuration.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The size in bytes; 0 until somebody gave it.
    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// The memory; None before [`Zones::map`].
    pub fn memory(&self) -> Option<&Words> {
        self.memory.get()
    }

    /// Whether the memory is that of the configuration before, with all that was written there.
    pub fn is_inherited(&self) -> bool {
        self.inherited.get()
    }
}

/// The zones of a configuration, in the order of their first mention.
#[derive(Default)]
pub struct Zones {
    list: Vec<Rc<Zone>>,
}

impl Conf for Zones {
    const SCOPE: Scope = Scope::Process;
    conf_slot!();
}

thread_local! {
    /// Zones of every configuration that is still in force or being read.
    static LIVE: RefCell<Vec<Weak<Zone>>> = const { RefCell::new(Vec::new()) };
}

impl Zones {
    /// The zones.
    pub fn list(&self) -> &[Rc<Zone>] {
        &self.list
    }

    /// Maps the memory of every zone, or takes over that of a zone with the same name, tag and size from the
    /// configuration in force. To be called once, when the whole configuration has been read.
    ///
    /// # Errors
    /// Nobody gave a zone its size, or there is no memory.
    pub fn map(&self) -> Result<(), ConfError> {
        LIVE.with_borrow_mut(|live| {
            live.retain(|zone| zone.strong_count() > 0);
            let old: Vec<Rc<Zone>> = live.iter().filter_map(Weak::upgrade).collect();
            for zone in &self.list {
                map(zone, &old)?;
                live.push(Rc::downgrade(zone));
            }
            Ok(())
        })
    }
}

fn map(zone: &Rc<Zone>, old: &[Rc<Zone>]) -> Result<(), ConfError> {
    let name = &zone.name;
    if zone.bytes.get() == 0 {
        return Err(ConfError::new(format!("zero size shared memory zone \"{name}\" {}", zone.place)));
    }
    // The latest one: the configuration in force, not one before it whose last worker is still going.
    let same = |other: &&Rc<Zone>| {
        other.name == zone.name && other.tag == zone.tag && other.bytes.get() == zone.bytes.get()
    };
    if let Some(memory) = old.iter().rev().find(same).and_then(|other| other.memory.get()) {
        zone.inherited.set(true);
        return zone.memory.set(memory.clone()).or(Ok(()));
    }
    let words = zone.bytes.get() / 8;
    let memory =
        usize::try_from(words).map_err(|_| std::io::ErrorKind::OutOfMemory.into()).and_then(Words::shared);
    let memory = memory.map_err(|error: std::io::Error| {
        ConfError::new(format!("mmap({}) for zone \"{name}\" failed: {error}", zone.bytes.get()))
    })?;
    zone.memory.set(memory).or(Ok(()))
}

impl Cx<'_> {
    /// The zone of that name, declared now or before. `bytes` is None where the directive only refers to it.
    /// The `tag` names the module that uses it: two modules cannot share one.
    ///
    /// # Errors
    /// Another size, or another use, was declared before.
    pub fn zone(
        &mut self,
        line: &Line,
        name: &str,
        bytes: Option<u64>,
        tag: &'static str,
    ) -> Result<Rc<Zone>, ConfError> {
        let zones = &mut self.conf::<Zones>().list;
        if let Some(zone) = zones.iter().find(|zone| zone.name == name) {
            if zone.tag != tag {
                let why = "is already declared for a different use";
                return Err(line.err(format_args!("the shared memory zone \"{name}\" {why}")));
            }
            match (zone.bytes.get(), bytes) {
                (0, Some(bytes)) => zone.bytes.set(bytes),
                (old, Some(new)) if old != new => {
                    let why = format!("conflicts with already declared size {old}");
                    return Err(
                        line.err(format_args!("the size {new} of shared memory zone \"{name}\" {why}"))
                    );
                }
                _ => {}
            }
            return Ok(zone.clone());
        }
        let zone = Rc::new(Zone {
            name: name.to_owned(),
            tag,
            bytes: Cell::new(bytes.unwrap_or(0)),
            place: line.at.to_string(),
            memory: OnceCell::new(),
            inherited: Cell::new(false),
        });
        zones.push(zone.clone());
        Ok(zone)
    }
}

#[cfg(test)]
#[path = "zone_tests.rs"]
mod tests;
