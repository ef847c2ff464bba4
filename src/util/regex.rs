//! Regular expressions as nginx users write them.
//!
//! *In nginx* PCRE; look-ahead, back-references and named groups occur in real files, so an engine
//! without them would refuse working configurations.
//!
//! *Here* PCRE2 through the pcre2 crate, over bytes. A pattern is compiled when the configuration is
//! read; a match gives the positions of its groups.
//!
//! *Read next*: `http/vars/mod.rs`, which turns named groups into variables.

use pcre2::bytes::{CaptureLocations, RegexBuilder};
use std::cell::RefCell;
use std::ops::Range;

/// A compiled pattern.
pub struct Regex {
    inner: pcre2::bytes::Regex,
    places: RefCell<CaptureLocations>,
    pattern: String,
}

impl Regex {
    /// Compiles a pattern, to machine code if `jit` says so and the system has it.
    ///
    /// # Errors
    /// What is wrong with it, in the words of PCRE2 with the position.
    pub fn new(pattern: &str, caseless: bool, jit: bool) -> Result<Regex, String> {
        let mut builder = RegexBuilder::new();
        builder.caseless(caseless).jit_if_available(jit);
        let inner = builder.build(pattern).map_err(|error| complaint(pattern, &error))?;
        Ok(Regex { places: RefCell::new(inner.capture_locations()), inner, pattern: pattern.to_owned() })
    }

    /// The pattern as it was written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// How many groups there are, the whole match included.
    pub fn groups(&self) -> usize {
        self.inner.captures_len()
    }

    /// The named groups with their numbers.
    pub fn names(&self) -> Vec<(String, usize)> {
        let names = self.inner.capture_names().iter().enumerate();
        names.filter_map(|(n, name)| name.clone().map(|name| (name, n))).collect()
    }

    /// True if the pattern is found anywhere. A match that gives up (its limit of work) is none.
    pub fn is_match(&self, subject: &[u8]) -> bool {
        self.inner.is_match(subject).unwrap_or(false)
    }

    /// Where the groups of the first match are.
    pub fn find(&self, subject: &[u8]) -> Option<Vec<Option<Range<usize>>>> {
        let mut places = self.places.borrow_mut();
        self.inner.captures_read(&mut places, subject).ok()??;
        Some((0..self.groups()).map(|n| places.get(n).map(|(start, end)| start..end)).collect())
    }
}

/// nginx's sentence: what is wrong, in which pattern, and where, unless that is the end.
fn complaint(pattern: &str, error: &pcre2::Error) -> String {
    let text = error.to_string();
    let offset = error.offset();
    // The crate puts the offset into its own sentence; the library's words are behind it.
    let reason =
        offset.and_then(|at| text.split_once(&format!("offset {at}: "))).map_or(&text[..], |split| split.1);
    let place = offset.and_then(|at| pattern.get(at..)).filter(|rest| !rest.is_empty());
    let place = place.map(|rest| format!(" at \"{rest}\"")).unwrap_or_default();
    format!("pcre2_compile() failed: {reason} in \"{pattern}\"{place}")
}

impl std::fmt::Debug for Regex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Regex({})", self.pattern)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_ahead_back_references_and_names_work() {
        let regex = Regex::new(r"^/(?<user>\w+)(?=/)(.)\w+\2$", false, true).unwrap();
        let groups = regex.find(b"/bob/x/").unwrap();
        assert_eq!(groups.get(1), Some(&Some(1..4)));
        assert_eq!(regex.names(), vec![("user".to_owned(), 1)]);
        assert!(!regex.is_match(b"/bob"));
        assert!(Regex::new("a(b", false, false).is_err());
    }
}
