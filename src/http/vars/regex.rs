//! Regular expressions whose groups become variables.
//!
//! *In nginx* `ngx_http_regex_t`: a pattern, and for each named group the index of the variable it sets.
//!
//! *Here* the pattern is data of the configuration; what is added is the request: [`VarRegex::exec`] matches,
//! leaves `$1` … `$9` in the request and stores the named groups. A failed match leaves everything as it was.
//!
//! *Read next*: `conf/pattern.rs`.

use super::store;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::pattern::Pattern;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use std::rc::Rc;

/// A pattern whose groups go to a request.
#[derive(Debug)]
pub struct VarRegex(Rc<Pattern>);

impl VarRegex {
    /// Compiles a pattern and gives its named groups their variables.
    ///
    /// # Errors
    /// What is wrong with the pattern.
    pub fn compile(
        cx: &mut Cx,
        line: &Line,
        pattern: &[u8],
        caseless: bool,
    ) -> Result<Rc<VarRegex>, ConfError> {
        Pattern::compile(cx, line, pattern, caseless).map(|pattern| Rc::new(VarRegex(pattern)))
    }

    /// True if the subject matches; nothing is kept.
    pub fn is_match(&self, subject: &[u8]) -> bool {
        self.0.regex().is_match(subject)
    }

    /// Matches; on success the groups become the request's captures and variables.
    pub fn exec(&self, x: &mut Exchange, r: RequestIx, subject: &Slice) -> bool {
        let Some(captures) = self.0.find(subject) else { return false };
        for (group, ix) in self.0.named() {
            let value = captures.get(*group).cloned().flatten();
            store(x, *ix, Some(value.unwrap_or_default()));
        }
        x[r].captures = captures;
        true
    }

    /// How many groups the pattern has, the whole match included.
    pub fn groups(&self) -> usize {
        self.0.regex().groups()
    }

    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        self.0.regex().pattern()
    }
}
