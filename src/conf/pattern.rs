//! Regular expressions of the configuration, whose named groups are variables.
//!
//! *In nginx* `ngx_http_regex_t`: a pattern, and for each named group the index of the variable it sets.
//!
//! *Here* the pattern and those numbers. A match gives the groups as views of the subject; who knows a
//! request makes them `$1` … `$9` and stores the named ones. Data only, as with templates.
//!
//! *Read next*: `template.rs`.

use std::rc::Rc;

use super::build::Cx;
use super::core_conf::Core;
use super::error::ConfError;
use super::template::{Names, VarIx};
use super::tree::Line;
use crate::buf::Slice;
use crate::util::regex::Regex;

/// A pattern with the numbers of its named groups.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
    named: Vec<(usize, VarIx)>,
}

impl Pattern {
    /// Compiles a pattern and gives its named groups their numbers.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn compile(
        cx: &mut Cx,
        line: &Line,
        pattern: &[u8],
        caseless: bool,
    ) -> Result<Rc<Pattern>, ConfError> {
        let Ok(text) = std::str::from_utf8(pattern) else {
            return Err(line.err("invalid regular expression: it is not valid UTF-8"));
        };
        // DIFF: nginx compiles to machine code only with `pcre_jit on`; here only `off` keeps from it.
        let jit = &cx.conf::<Core>().pcre_jit;
        let jit = **jit || !jit.is_set();
        let regex = Regex::new(text, caseless, jit).map_err(|error| line.err(error))?;
        let names = cx.conf::<Names>();
        let named = regex.names().into_iter().map(|(name, group)| (group, names.captured(name.as_bytes())));
        let named = named.collect();
        Ok(Rc::new(Pattern { regex, named }))
    }

    /// The regular expression itself.
    pub fn regex(&self) -> &Regex {
        &self.regex
    }

    /// The groups of the first match, the whole match first; None without a match.
    pub fn find(&self, subject: &Slice) -> Option<Vec<Option<Slice>>> {
        let groups = self.regex.find(subject)?;
        Some(groups.into_iter().map(|group| group.map(|range| subject.slice(range))).collect())
    }

    /// The named groups: which group sets which variable.
    pub fn named(&self) -> &[(usize, VarIx)] {
        &self.named
    }
}
