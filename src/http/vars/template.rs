//! Templates: text with variables in it.
//!
//! *In nginx* a "complex value": the text is compiled into a small program (`ngx_http_script_*`) that is run twice for each
//! value, once for the length and once for the bytes.
//!
//! *Here* a list of parts. A text without variables is a constant that is cloned by count, and one that is a single variable
//! hands its value on without a copy.
//!
//! *Read next*: `mod.rs`.

use super::{VarIx, get_flushed, index};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use std::rc::Rc;

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text as it stands.
    Text(Slice),
    /// The value of a variable.
    Var(VarIx),
    /// `$1` … `$9`
    Capture(usize),
}

/// Text with variables in it.
#[derive(Clone, Debug, PartialEq)]
pub enum Template {
    /// No variables.
    Constant(Slice),
    /// Some.
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
            let (name, after) = variable_name(rest).ok_or_else(|| line.err("invalid variable name"))?;
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

    /// The value for a request.
    pub fn eval(&self, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Slice {
        match self {
            Template::Constant(text) => text.clone(),
            Template::Parts(parts) => match &parts[..] {
                [only] => only.eval(x, r, io),
                parts => {
                    let mut whole = Vec::with_capacity(64);
                    for part in parts {
                        whole.extend_from_slice(&part.eval(x, r, io));
                    }
                    Slice::from(whole)
                }
            },
        }
    }

    /// The text, if it is the same for every request.
    pub fn as_constant(&self) -> Option<&Slice> {
        match self {
            Template::Constant(text) => Some(text),
            Template::Parts(_) => None,
        }
    }

    /// The parts.
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

impl Part {
    fn eval(&self, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Slice {
        match self {
            Part::Text(text) => text.clone(),
            Part::Var(ix) => get_flushed(x, r, io, *ix).unwrap_or_default(),
            Part::Capture(n) => x[r].captures.get(*n).cloned().flatten().unwrap_or_default(),
        }
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
