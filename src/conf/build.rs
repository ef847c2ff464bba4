//! Lines meet tables: the walk that turns a tree into configurations.
//!
//! *In nginx*: `ngx_conf_t`. A block's setter saves the struct, points `cf->ctx` at fresh arrays, sets
//! `cf->cmd_type` to the new context, calls `ngx_conf_parse` and puts the old struct back.
//!
//! *Here*: [`Cx`] keeps a stack of open levels. A block's setter calls [`Cx::block`], which pushes a level,
//! applies the lines inside and hands the level's sets back; what becomes of them is the setter's business
//! (usually: into a `plain` list of its own configuration, to be merged when the outermost block is done).
//! This file must not know which blocks exist.
//!
//! ```text
//!   http {             levels: [main: Process]  [http: Http Server Location]
//!     server {                                  [server: Server Location]
//!       sendfile on;   conf::<Core>() ─▶ the innermost level that holds Core's scope
//!     }                ─▶ Sets, given back to the setter of `server`
//! ```
//!
//! *Read next*: `directive` (what a setter is), `merge` (what the sets are).

use std::ffi::OsStr;
use std::fmt::Display;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::directive::{Contexts, Directive, MAIN};
use super::error::{ConfError, Place, Warning};
use super::merge::{Conf, ConfSet, SCOPES, Scope, defaults};
use super::registry::{Found, Registry};
use super::tree::{Line, Tree};
use crate::log;
use crate::util::nearest::nearest;

/// The sets of one level, by scope.
#[derive(Default)]
pub struct Sets {
    by_scope: [Option<ConfSet>; SCOPES],
}

impl Sets {
    fn opened(scopes: &[Scope]) -> Self {
        let mut sets = Sets::default();
        for scope in scopes {
            sets.by_scope[*scope as usize] = Some(ConfSet::default());
        }
        sets
    }

    fn holds(&self, scope: Scope) -> bool {
        self.by_scope[scope as usize].is_some()
    }

    /// The module's configuration of this level; its defaults when no directive touched it.
    pub fn get_mut<T: Conf>(&mut self) -> &mut T {
        self.set_mut(T::SCOPE).get_mut()
    }

    /// The same, to be read only.
    pub fn get<T: Conf>(&self) -> &T {
        self.by_scope[T::SCOPE as usize].as_ref().map_or_else(defaults, ConfSet::get)
    }

    /// Inherits, in every scope that both levels hold. Parents must be merged first.
    pub fn merge(&mut self, parent: &Sets) -> Result<(), String> {
        for (own, outer) in self.by_scope.iter_mut().zip(&parent.by_scope) {
            if let (Some(own), Some(outer)) = (own, outer) {
                own.merge(outer)?;
            }
        }
        Ok(())
    }

    /// The set of one scope, to be looked into or merged.
    pub fn set_mut(&mut self, scope: Scope) -> &mut ConfSet {
        self.by_scope[scope as usize].get_or_insert_with(ConfSet::default)
    }

    /// The set of one scope, taken out; empty when the level did not hold it.
    pub fn take(&mut self, scope: Scope) -> ConfSet {
        self.by_scope[scope as usize].take().unwrap_or_default()
    }
}

struct Level {
    context: Contexts,
    sets: Sets,
}

/// What setters work with while the configuration is read.
pub struct Cx<'a> {
    registry: &'a Registry,
    prefix: PathBuf,
    conf_dir: PathBuf,
    outermost: Level,
    inner: Vec<Level>,
    warnings: Vec<Warning>,
}

impl<'a> Cx<'a> {
    /// A reading in the main context. `prefix` is what relative names are resolved against (`-p`),
    /// `conf_dir` the directory of the main configuration file.
    pub fn new(registry: &'a Registry, prefix: impl Into<PathBuf>, conf_dir: impl Into<PathBuf>) -> Self {
        let outermost = Level { context: MAIN, sets: Sets::opened(&[Scope::Process]) };
        let (prefix, conf_dir) = (prefix.into(), conf_dir.into());
        Cx { registry, prefix, conf_dir, outermost, inner: Vec::new(), warnings: Vec::new() }
    }

    /// The module's configuration of the innermost open level that holds its scope. When none does, which
    /// means that a table allows a directive where its level cannot exist, the outermost level keeps it.
    pub fn conf<T: Conf>(&mut self) -> &mut T {
        let level = self.inner.iter_mut().rev().find(|level| level.sets.holds(T::SCOPE));
        level.unwrap_or(&mut self.outermost).sets.get_mut()
    }

    /// Applies the lines inside a block in a new level that holds fresh sets for `scopes`; the directives
    /// are those of `context`. Gives the sets back.
    pub fn block(&mut self, line: &Line, context: Contexts, scopes: &[Scope]) -> Result<Sets, ConfError> {
        self.inner.push(Level { context, sets: Sets::opened(scopes) });
        let done = self.apply(line.children());
        let level = self.inner.pop();
        done?;
        if let Some(fault) = line.fault() {
            return Err(fault.clone());
        }
        Ok(level.map(|level| level.sets).unwrap_or_default())
    }

    /// Applies a whole tree in the level that is open now, and reports the error that ended its reading when
    /// the lines before it bring none.
    pub fn apply_tree(&mut self, tree: &Tree) -> Result<(), ConfError> {
        self.apply(&tree.lines)?;
        tree.fault().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// Applies lines in the level that is open now.
    pub fn apply(&mut self, lines: &[Line]) -> Result<(), ConfError> {
        lines.iter().try_for_each(|line| self.apply_line(line))
    }

    fn apply_line(&mut self, line: &Line) -> Result<(), ConfError> {
        let directive = self.directive(line)?;
        (directive.set)(self, line)?;
        // Setters that read their block themselves do not see where it was cut short.
        line.fault().map_or(Ok(()), |fault| Err(fault.clone()))
    }

    /// The row for a line, after the checks that need no setter.
    fn directive(&self, line: &Line) -> Result<&'static Directive, ConfError> {
        let name = &line.name;
        let directive = match self.registry.find(name, self.context()) {
            Found::Here(directive) => directive,
            Found::Elsewhere => return Err(line.directive_err("is not allowed here")),
            Found::Unknown => return Err(self.unknown(line)),
        };
        if line.block.is_some() && !directive.block {
            return Err(line.err(format_args!("directive \"{name}\" is not terminated by \";\"")));
        }
        if line.block.is_none() && directive.block {
            return Err(line.err(format_args!("directive \"{name}\" has no opening \"{{\"")));
        }
        if !directive.args.allow(line.args.len()) {
            return Err(line.err(format_args!("invalid number of arguments in \"{name}\" directive")));
        }
        Ok(directive)
    }

    fn unknown(&self, line: &Line) -> ConfError {
        let (name, here) = (&line.name, self.context());
        // Of equally near names one that is allowed here is the likelier.
        let (allowed, others): (Vec<&Directive>, Vec<&Directive>) =
            self.registry.directives().partition(|directive| directive.contexts & here != 0);
        let near = nearest(name, allowed.iter().chain(&others).map(|directive| directive.name));
        let hint = near.map(|near| format!(" (did you mean \"{near}\"?)")).unwrap_or_default();
        line.err(format_args!("unknown directive \"{name}\"{hint}"))
    }

    /// The context of the innermost open level: one bit.
    pub fn context(&self) -> Contexts {
        self.inner.last().unwrap_or(&self.outermost).context
    }

    /// The directory that relative file names are resolved against (`-p`).
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// The directory of the main configuration file.
    pub fn conf_dir(&self) -> &Path {
        &self.conf_dir
    }

    /// A file name of the configuration, relative to the prefix: logs, document roots, temporary files.
    pub fn path(&self, name: &[u8]) -> PathBuf {
        self.prefix.join(OsStr::from_bytes(name))
    }

    /// A file name relative to the configuration file's directory: certificates, password files.
    pub fn conf_path(&self, name: &[u8]) -> PathBuf {
        self.conf_dir.join(OsStr::from_bytes(name))
    }

    /// Tells the operator something about `place` without stopping; level `warn`.
    pub fn warn(&mut self, place: &Place, text: impl Display) {
        self.warnings.push(Warning { level: log::Level::Warn, text: format!("{text} {place}") });
    }

    /// What was told so far.
    pub fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }

    /// Ends the reading: the sets of the main level.
    pub fn finish(self) -> Sets {
        self.outermost.sets
    }
}

#[cfg(test)]
#[path = "build_tests.rs"]
mod tests;
