//! Regular expressions whose groups become variables.
//!
//! *In nginx* `ngx_http_regex_t`: a pattern, and for each named group the index of the variable it sets.
//!
//! *Here* [`VarRegex::exec`] matches, leaves `$1` … `$9` in the request and stores the named groups. A
//! failed match leaves everything as it was.
//!
//! *Read next*: `util/regex.rs`.

use super::{VarIx, constant, declare, store};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::util::regex::Regex;
use std::rc::Rc;

/// A pattern with its named groups as variables.
#[derive(Debug)]
pub struct VarRegex {
    regex: Regex,
    names: Vec<(usize, VarIx)>,
}

impl VarRegex {
    /// Compiles a pattern and defines the variables of its named groups.
    ///
    /// # Errors
    /// What is wrong with the pattern, or a group's name that is taken.
    pub fn compile(
        cx: &mut Cx,
        line: &Line,
        pattern: &[u8],
        caseless: bool,
    ) -> Result<Rc<VarRegex>, ConfError> {
        let Ok(pattern) = std::str::from_utf8(pattern) else {
            return Err(line.err("invalid regular expression: it is not valid UTF-8"));
        };
        let regex = Regex::new(pattern, caseless).map_err(|error| line.err(error))?;
        let mut names = Vec::new();
        for (name, group) in regex.names() {
            names.push((group, declare(cx, line, format!("${name}").as_bytes(), constant())?));
        }
        Ok(Rc::new(VarRegex { regex, names }))
    }

    /// True if the subject matches; nothing is kept.
    pub fn is_match(&self, subject: &[u8]) -> bool {
        self.regex.is_match(subject)
    }

    /// Matches; on success the groups become the request's captures and variables.
    pub fn exec(&self, x: &mut Exchange, r: RequestIx, subject: &Slice) -> bool {
        let Some(groups) = self.regex.find(subject) else { return false };
        let captures: Vec<Option<Slice>> =
            groups.into_iter().map(|group| group.map(|range| subject.slice(range))).collect();
        for (group, ix) in &self.names {
            let value = captures.get(*group).cloned().flatten();
            store(x, *ix, Some(value.unwrap_or_default()));
        }
        x[r].captures = captures;
        true
    }

    /// How many groups the pattern has, the whole match included.
    pub fn groups(&self) -> usize {
        self.regex.groups()
    }

    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        self.regex.pattern()
    }
}
