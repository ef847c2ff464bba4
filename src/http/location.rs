//! Locations: from a path to the level that answers for it.
//!
//! *In nginx* `ngx_http_core_find_location`: a static tree of exact and prefix names, searched for the
//! longest prefix; then nested locations of that one; then regular expressions in order, unless `^~` or
//! an exact match forbids it.
//!
//! *Here* the same order. Prefixes of one level are kept sorted, and the longest that fits is found by
//! bisection followed by a walk over shorter ones.
//!
//! ```text
//!   exact?  ──yes──▶ done
//!     │ no
//!   longest prefix ─▶ its inner prefixes, recursively ─▶ ^~ ? done
//!     │                                               └─▶ regular expressions, inner ones first
//! ```
//!
//! *Read next*: `phases.rs: find_config`.

use super::conf::Location;
use super::vars::VarRegex;
use std::rc::Rc;

/// What a location matches.
#[derive(Clone, Debug, Default)]
pub enum LocationKind {
    /// The server level itself.
    #[default]
    Server,
    /// `= /path`
    Exact,
    /// `/path`
    Prefix,
    /// `^~ /path`
    PrefixOnly,
    /// `~ pattern` and `~* pattern`
    Regex(Rc<VarRegex>),
    /// `@name`
    Named,
    /// The level of an `if` or `limit_except` block; never found by a path.
    Unnamed,
}

/// The locations of one level.
#[derive(Default)]
pub struct LocationTree {
    exact: Vec<Rc<Location>>,
    prefixes: Vec<Rc<Location>>,
    regexes: Vec<(Rc<VarRegex>, Rc<Location>)>,
    /// Those of the first two lists that redirect a path without their last slash.
    slashed: Vec<Rc<Location>>,
    /// `location /`, if there is nothing else to be found.
    all: Option<Rc<Location>>,
}

/// What a path led to.
#[derive(Debug)]
pub enum Found {
    /// No location: the level itself answers.
    Nothing,
    /// This location, by its path.
    Location(Rc<Location>),
    /// This location, by a regular expression whose captures are to be kept.
    Matched(Rc<Location>, Rc<VarRegex>),
    /// The path lacks the slash at the end of this location, which wants a redirect.
    Redirect(Rc<Location>),
}

/// So few locations are looked through one by one.
const FEW: usize = 4;

impl LocationTree {
    /// Puts locations in; named and unnamed ones are not kept here.
    pub fn build(locations: Vec<Rc<Location>>) -> LocationTree {
        let mut tree = LocationTree::default();
        for location in locations {
            let is_path = matches!(
                location.kind,
                LocationKind::Exact | LocationKind::Prefix | LocationKind::PrefixOnly
            );
            // No path is as short as `/` without its slash.
            if is_path && location.core.auto_redirect && location.name.len() > 1 {
                tree.slashed.push(location.clone());
            }
            match &location.kind {
                LocationKind::Exact => tree.exact.push(location),
                LocationKind::Prefix | LocationKind::PrefixOnly => tree.prefixes.push(location),
                LocationKind::Regex(regex) => tree.regexes.push((regex.clone(), location)),
                LocationKind::Server | LocationKind::Named | LocationKind::Unnamed => {}
            }
        }
        tree.exact.sort_by(|a, b| a.name[..].cmp(&b.name[..]));
        tree.prefixes.sort_by(|a, b| a.name[..].cmp(&b.name[..]));
        if let [only] = &tree.prefixes[..]
            && only.name == b"/"
            && (only.inner.is_empty() && tree.exact.is_empty() && tree.regexes.is_empty())
        {
            tree.all = Some(only.clone());
        }
        tree
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty() && self.regexes.is_empty()
    }

    fn find_exact(&self, path: &[u8]) -> Option<&Rc<Location>> {
        let at = self.exact.binary_search_by(|location| location.name[..].cmp(path)).ok()?;
        self.exact.get(at)
    }

    fn find_prefix(&self, path: &[u8]) -> Option<&Rc<Location>> {
        // Every prefix of the path sorts before or with it; nearer ones are longer or unrelated. Where
        // there are few the others are soon passed by.
        let mut before = &self.prefixes[..];
        if before.len() > FEW {
            let end = before.partition_point(|location| location.name[..] <= *path);
            before = before.get(..end)?;
        }
        before.iter().rev().find(|location| path.starts_with(&location.name))
    }

    /// Finds the location for a path.
    #[inline]
    pub fn find(&self, path: &[u8]) -> Found {
        match &self.all {
            Some(all) if path.starts_with(b"/") => Found::Location(all.clone()),
            _ if self.is_empty() => Found::Nothing,
            _ => self.find_here(path),
        }
    }

    fn find_here(&self, path: &[u8]) -> Found {
        if let Some(exact) = self.find_exact(path) {
            return Found::Location(exact.clone());
        }
        let prefix = self.find_prefix(path);
        // `/dir` for a location `/dir/` that proxies: only if nothing is called exactly so.
        if !self.slashed.is_empty()
            && prefix.is_none_or(|location| location.name[..] != *path)
            && let Some(redirect) = self.find_slash(path)
        {
            return Found::Redirect(redirect.clone());
        }
        let mut found = Found::Nothing;
        if let Some(location) = prefix {
            found = match location.inner.find(path) {
                Found::Nothing => Found::Location(location.clone()),
                inner => inner,
            };
            if self.regexes.is_empty() {
                return found;
            }
            let ends_here = matches!(&found, Found::Matched(..) | Found::Redirect(_));
            let settled = match &found {
                Found::Location(inner) => {
                    matches!(inner.kind, LocationKind::Exact | LocationKind::PrefixOnly)
                }
                _ => false,
            };
            if ends_here || settled {
                return found;
            }
        }
        for (regex, location) in &self.regexes {
            if regex.is_match(path) {
                return match location.inner.find(path) {
                    Found::Nothing => Found::Matched(location.clone(), regex.clone()),
                    inner => inner,
                };
            }
        }
        found
    }

    fn find_slash(&self, path: &[u8]) -> Option<&Rc<Location>> {
        let wants = |location: &&Rc<Location>| {
            location.name.len() == path.len() + 1
                && location.name.ends_with(b"/")
                && location.name.starts_with(path)
        };
        self.slashed.iter().find(wants)
    }
}
