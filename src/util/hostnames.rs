//! Names of hosts with wildcards, and what each stands for.
//!
//! *In nginx* `ngx_hash_combined_t`: three hashes, one of whole names, one of `*.example.com` taken apart
//! from the right, one of `www.example.*` taken apart from the left.
//!
//! *Here* three tables of the fixed part of the names; a look-up tries the ends of the name it was given, the
//! longest first. Names are compared without regard to case. `.example.com` is two entries: the name itself
//! and everything below it.
//!
//! ```text
//!   find("a.b.example.com")  whole?  ─▶ .b.example.com ─▶ .example.com ─▶ .com ─▶ a.b.example. ─▶ a.b. ─▶ a.
//! ```
//!
//! *Read next*: `modules/map.rs`, `modules/referer.rs`.

use std::collections::HashMap;

/// A table from names to values.
#[derive(Clone, Debug)]
pub struct Hostnames<T> {
    exact: HashMap<Vec<u8>, T>,
    /// `*.example.com` without its star.
    heads: HashMap<Vec<u8>, T>,
    /// `www.*` without its star.
    tails: HashMap<Vec<u8>, T>,
}

/// Why a name was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It has a star where none can be, or an empty label.
    Invalid,
    /// It is there already.
    Taken,
}

impl<T> Default for Hostnames<T> {
    fn default() -> Hostnames<T> {
        Hostnames { exact: HashMap::new(), heads: HashMap::new(), tails: HashMap::new() }
    }
}

impl<T: Clone> Hostnames<T> {
    /// True if nothing was added.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.heads.is_empty() && self.tails.is_empty()
    }

    /// Adds a text that is compared as a whole, without a look at stars and dots.
    ///
    /// # Errors
    /// It is there already.
    pub fn add_exact(&mut self, name: &[u8], value: T) -> Result<(), Refused> {
        put(&mut self.exact, name.to_ascii_lowercase(), value)
    }

    /// Adds a name: `a.b`, `*.a.b`, `.a.b` or `a.*`.
    ///
    /// # Errors
    /// It cannot be, or is there already.
    pub fn add(&mut self, name: &[u8], value: T) -> Result<(), Refused> {
        let name = name.to_ascii_lowercase();
        let stars = name.iter().filter(|b| **b == b'*').count();
        if stars > 1 || name.contains(&0) || name.windows(2).any(|pair| pair == b"..") {
            return Err(Refused::Invalid);
        }
        match &name[..] {
            [b'*', rest @ ..] if rest.len() > 1 && rest.starts_with(b".") => {
                put(&mut self.heads, rest.to_vec(), value)
            }
            [rest @ .., b'*'] if rest.len() > 1 && rest.ends_with(b".") => {
                put(&mut self.tails, rest.to_vec(), value)
            }
            _ if stars > 0 => Err(Refused::Invalid),
            [b'.', rest @ ..] if !rest.is_empty() => {
                put(&mut self.exact, rest.to_vec(), value.clone())?;
                put(&mut self.heads, name, value)
            }
            _ => put(&mut self.exact, name, value),
        }
    }

    /// The value of the name, whole or by the longest wildcard; those with the star in front come first.
    pub fn find(&self, name: &[u8]) -> Option<&T> {
        if self.is_empty() {
            return None;
        }
        let name = name.to_ascii_lowercase();
        if let Some(value) = self.exact.get(&name) {
            return Some(value);
        }
        let dots = || memchr::memchr_iter(b'.', &name);
        let by_head = || dots().filter(|at| *at > 0).find_map(|at| self.heads.get(name.get(at..)?));
        let by_tail = || dots().rev().find_map(|at| self.tails.get(name.get(..=at)?));
        by_head().or_else(by_tail)
    }
}

fn put<T>(table: &mut HashMap<Vec<u8>, T>, key: Vec<u8>, value: T) -> Result<(), Refused> {
    if table.contains_key(&key) {
        return Err(Refused::Taken);
    }
    table.insert(key, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_names_come_before_the_longest_wildcard() {
        let mut names = Hostnames::default();
        let list = ["example.com", "*.example.com", "*.b.example.com", ".dot.org", "www.*", "www.a.*"];
        for (at, name) in list.iter().enumerate() {
            assert_eq!(names.add(name.as_bytes(), at), Ok(()));
        }
        let rows = [
            ("EXAMPLE.com", Some(0)),
            ("a.example.com", Some(1)),
            ("a.b.example.com", Some(2)),
            ("b.example.com", Some(1)),
            ("dot.org", Some(3)),
            ("x.y.dot.org", Some(3)),
            ("www.net", Some(4)),
            ("www.a.net", Some(5)),
            ("www.example.com", Some(1)),
            (".example.com", None),
            ("www", None),
            ("", None),
        ];
        for (name, want) in rows {
            assert_eq!(names.find(name.as_bytes()).copied(), want, "{name}");
        }
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        let mut names = Hostnames::default();
        for name in ["*.*", "a.*.b", "*a.b", "a..b", "**", "*", "*."] {
            assert_eq!(names.add(name.as_bytes(), ()), Err(Refused::Invalid), "{name}");
        }
        assert_eq!(names.add(b"a.b", ()), Ok(()));
        assert_eq!(names.add(b"A.b", ()), Err(Refused::Taken));
        assert_eq!(names.add(b".a.b", ()), Err(Refused::Taken));
    }
}
