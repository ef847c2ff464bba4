//! Every directive of every module, to be found by name and place.
//!
//! *In nginx*: `ngx_conf_handler` walks all modules and all their commands for each line of the file; the
//! first row with that name and a fitting context wins.
//!
//! *Here*: one hash table from the name to its rows. A name may have several, because the same word means
//! different things in different places: `server` in `http` opens a virtual server, in `upstream` it names a
//! peer. Rows of one name must not share a context, and [`Registry::conflicts`] lists those that do. This
//! file searches tables; it must not run setters.
//!
//! *Read next*: `directive` (a row), `build` (who asks), `docs` (the tables printed).

use std::collections::HashMap;

use super::directive::{Contexts, Directive, Module};
use super::include;

/// What a name is, in a given place.
pub enum Found {
    /// This directive.
    Here(&'static Directive),
    /// A directive, but of other places only.
    Elsewhere,
    /// Nothing that any module knows.
    Unknown,
}

/// The directives of a list of modules.
pub struct Registry {
    modules: Vec<&'static Module>,
    by_name: HashMap<&'static [u8], Vec<&'static Directive>>,
}

impl Registry {
    /// Collects the tables in order, the language's own first. Where two rows would fit, the earlier wins.
    pub fn new(modules: &[&'static Module]) -> Self {
        let mut by_name: HashMap<&'static [u8], Vec<&'static Directive>> = HashMap::new();
        let modules: Vec<_> = [&include::MODULE].into_iter().chain(modules.iter().copied()).collect();
        for directive in modules.iter().flat_map(|module| module.directives) {
            by_name.entry(directive.name.as_bytes()).or_default().push(directive);
        }
        Registry { modules, by_name }
    }

    /// Looks a name up as of a place.
    pub fn find(&self, name: &[u8], context: Contexts) -> Found {
        let Some(rows) = self.by_name.get(name) else { return Found::Unknown };
        rows.iter().find(|d| d.contexts & context != 0).map_or(Found::Elsewhere, |d| Found::Here(d))
    }

    /// The modules, in order.
    pub fn modules(&self) -> &[&'static Module] {
        &self.modules
    }

    /// Every row of every table, in order.
    pub fn directives(&self) -> impl Iterator<Item = &'static Directive> {
        self.modules.iter().flat_map(|module| module.directives)
    }

    /// Names with two rows that share a context: a mistake in the tables, since the second never runs.
    pub fn conflicts(&self) -> Vec<&'static str> {
        let clash = |rows: &[&'static Directive]| {
            rows.iter().enumerate().any(|(i, a)| rows.iter().take(i).any(|b| a.contexts & b.contexts != 0))
        };
        let mut names: Vec<_> = self.by_name.values().filter(|rows| clash(rows)).map(|r| r[0].name).collect();
        names.sort_unstable();
        names
    }
}
