//! Templates: words of the configuration with variables in them.
//!
//! *In nginx* a "complex value": the text is compiled into a small program (`ngx_http_script_*`) that is run
//! twice for each value, once for the length and once for the bytes.
//!
//! *Here* a list of parts, and only the data: this file takes a word apart and gives every name in it a
//! number. What a name means, and how a template becomes bytes for a request, is the business of `http/vars`,
//! which adds `eval` to the type. So modules that know no request, such as those of `protocol/`, can keep
//! templates in their configuration and hand them back to be evaluated.
//!
//! ```text
//!   "$host/$arg_x!" ─compile─▶ [Var 3] [Text "/"] [Var 9] [Text "!"]      Names: 3 = host, 9 = arg_x
//! ```
//!
//! A text without variables is a constant that is cloned by count.
//!
//! *Read next*: `value.rs` (words that cannot have variables).

use std::rc::Rc;

use super::build::Cx;
use super::error::ConfError;
use super::merge::{Conf, Scope};
use super::tree::Line;
use crate::buf::Slice;
use crate::util::fold::FoldMap;

/// The number of a variable's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VarIx(pub u32);

/// The names of variables that the configuration mentions, in the order of their numbers.
#[derive(Default)]
pub struct Names {
    by_name: FoldMap<Vec<u8>, VarIx>,
    list: Vec<Vec<u8>>,
    captured: Vec<VarIx>,
}

impl Conf for Names {
    const SCOPE: Scope = Scope::Http;
    crate::conf_slot!();
}

impl Names {
    /// The number of a name, new if it has none. Names are folded to lower case.
    pub fn index(&mut self, name: &[u8]) -> VarIx {
        let name = name.to_ascii_lowercase();
        if let Some(ix) = self.by_name.get(&name) {
            return *ix;
        }
        let ix = VarIx(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(name.clone());
        self.by_name.insert(name, ix);
        ix
    }

    /// The number of a name that is a named group of a regular expression: a match gives it its value, so
    /// nobody else has to define it.
    pub fn captured(&mut self, name: &[u8]) -> VarIx {
        let ix = self.index(name);
        if !self.captured.contains(&ix) {
            self.captured.push(ix);
        }
        ix
    }

    /// Whether [`Names::captured`] was asked for it.
    pub fn is_captured(&self, ix: VarIx) -> bool {
        self.captured.contains(&ix)
    }

    /// All names in lower case; the number of a name is its place.
    pub fn list(&self) -> &[Vec<u8>] {
        &self.list
    }

    /// Takes the table from names to numbers out: the configuration has been read.
    pub fn take_table(&mut self) -> FoldMap<Vec<u8>, VarIx> {
        std::mem::take(&mut self.by_name)
    }
}

/// The number of a name, new if it has none.
pub fn index(cx: &mut Cx, name: &[u8]) -> VarIx {
    cx.conf::<Names>().index(name)
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text as it stands.
    Text(Slice),
    /// The value of a variable.
    Var(VarIx),
    /// `$1` … `$9`: a group of the last regular expression that matched.
    Capture(usize),
}

/// Text with variables in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// No variables.
    Constant(Slice),
    /// At least one variable or capture.
    Parts(Rc<[Part]>),
}

impl Template {
    /// A text without variables.
    pub const fn constant(text: &'static str) -> Template {
        Template::Constant(Slice::from_static(text.as_bytes()))
    }

    /// Compiles a directive's argument.
    ///
    /// # Errors
    /// A `$` without a name, or `${` without `}`.
    pub fn compile(cx: &mut Cx, line: &Line, text: &[u8]) -> Result<Template, ConfError> {
        let mut parts = Vec::new();
        let mut plain = Vec::new();
        let mut rest = text;
        while let Some((&byte, tail)) = rest.split_first() {
            rest = tail;
            if byte != b'$' {
                plain.push(byte);
                continue;
            }
            let (name, after) = variable_name(rest).ok_or_else(|| no_name(line, rest))?;
            rest = after;
            if !plain.is_empty() {
                parts.push(Part::Text(Slice::from(std::mem::take(&mut plain))));
            }
            parts.push(match name {
                [digit @ b'1'..=b'9'] => Part::Capture(usize::from(digit - b'0')),
                _ => Part::Var(index(cx, name)),
            });
        }
        if parts.is_empty() {
            return Ok(Template::Constant(Slice::from(plain)));
        }
        if !plain.is_empty() {
            parts.push(Part::Text(Slice::from(plain)));
        }
        Ok(Template::Parts(parts.into()))
    }

    /// The text, if it is the same for every request.
    pub fn as_constant(&self) -> Option<&Slice> {
        match self {
            Template::Constant(text) => Some(text),
            Template::Parts(_) => None,
        }
    }

    /// True if the value is empty for every request.
    pub fn is_empty(&self) -> bool {
        self.as_constant().is_some_and(|text| text.is_empty())
    }

    /// The parts; none for a constant.
    pub fn parts(&self) -> &[Part] {
        match self {
            Template::Constant(_) => &[],
            Template::Parts(parts) => parts,
        }
    }

    /// True if `$1` … `$9` occur.
    pub fn has_captures(&self) -> bool {
        self.parts().iter().any(|part| matches!(part, Part::Capture(_)))
    }
}

impl Default for Template {
    fn default() -> Template {
        Template::constant("")
    }
}

/// Why there is no name behind a `$`.
fn no_name(line: &Line, rest: &[u8]) -> ConfError {
    let inner = rest.strip_prefix(b"{").unwrap_or_default();
    let end = inner.iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').unwrap_or(inner.len());
    match inner.get(..end) {
        Some(name) if !name.is_empty() => {
            let name = String::from_utf8_lossy(name);
            line.err(format_args!("the closing bracket in \"{name}\" variable is missing"))
        }
        _ => line.err("invalid variable name"),
    }
}

/// Splits the name behind a `$` from what follows: `{name}`, a digit, or letters, digits and underscores.
pub fn variable_name(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let word = |b: &u8| b.is_ascii_alphanumeric() || *b == b'_';
    match text {
        [b'{', inner @ ..] => {
            let end = inner.iter().position(|b| *b == b'}')?;
            let (name, rest) = inner.split_at_checked(end)?;
            let valid = !name.is_empty() && name.iter().all(word);
            valid.then(|| (name, rest.get(1..).unwrap_or_default()))
        }
        [b'1'..=b'9', ..] => text.split_at_checked(1),
        _ => {
            let end = text.iter().position(|b| !word(b)).unwrap_or(text.len());
            text.split_at_checked(end).filter(|(name, _)| !name.is_empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_where_a_word_or_its_braces_end() {
        let rows: [(&str, Option<(&str, &str)>); 7] = [
            ("host/x", Some(("host", "/x"))),
            ("{host}x", Some(("host", "x"))),
            ("12", Some(("1", "2"))),
            ("0a", Some(("0a", ""))),
            ("{host", None),
            ("{}", None),
            ("/", None),
        ];
        for (text, want) in rows {
            let want = want.map(|(name, rest)| (name.as_bytes(), rest.as_bytes()));
            assert_eq!(variable_name(text.as_bytes()), want, "{text}");
        }
    }

    #[test]
    fn a_name_keeps_its_number_whatever_its_case() {
        let mut names = Names::default();
        let host = names.index(b"Host");
        assert_ne!(names.captured(b"user"), host);
        assert_eq!(names.index(b"hOST"), host);
        assert_eq!(names.list(), [b"host".to_vec(), b"user".to_vec()]);
        assert!(!names.is_captured(host));
    }
}
