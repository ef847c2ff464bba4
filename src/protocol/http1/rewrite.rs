//! Rules that change a value: `PATTERN REPLACEMENT`, as redirects and cookies have them.
//!
//! *In nginx* `ngx_http_proxy_rewrite_t`, a pattern, a replacement and one of four handlers.
//!
//! *Here* a [`Rule`] tries to change a value and a list of them is tried in order until one does. How a
//! text is compared (as a prefix, or as a domain) is the caller's to say; a regular expression is always
//! looked for anywhere.
//!
//! *Read next*: `redirect.rs`, `cookie.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::pattern::Pattern;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::protocol::Request;
use crate::protocol::text::one_line;
use std::rc::Rc;

/// What a value is compared with.
#[derive(Clone, Debug)]
pub enum What {
    /// A text, perhaps with variables.
    Text(Template),
    /// A regular expression.
    Pattern(Rc<Pattern>),
}

impl What {
    /// Reads a pattern: `~expression`, `~*expression` without regard to case, or a text. With `caseless` both
    /// kinds of expression are without regard to case.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn compile(cx: &mut Cx, line: &Line, text: &[u8], caseless: bool) -> Result<What, ConfError> {
        Ok(match text {
            [b'~', b'*', pattern @ ..] => What::Pattern(Pattern::compile(cx, line, pattern, true)?),
            [b'~', pattern @ ..] => What::Pattern(Pattern::compile(cx, line, pattern, caseless)?),
            text => What::Text(Template::compile(cx, line, text)?),
        })
    }
}

/// A pattern and what to put in its place.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The pattern.
    pub what: What,
    /// The replacement.
    pub replacement: Template,
}

impl Rule {
    /// The changed value, or None if the rule does not fit. A regular expression replaces all of the
    /// value; for a text `fits` says how many bytes of the value it stands for, if it fits.
    pub fn apply(
        &self,
        r: &mut dyn Request,
        value: &Slice,
        fits: impl Fn(&[u8], &[u8]) -> Option<usize>,
    ) -> Option<Slice> {
        let replaced = match &self.what {
            What::Pattern(pattern) => {
                r.matched(pattern.find(value)?, pattern.named());
                value.len()
            }
            What::Text(text) => fits(&r.eval(text), value)?,
        };
        let replacement = r.eval(&self.replacement);
        let rest = value.get(replaced..).unwrap_or_default();
        Some(one_line(if rest.is_empty() { replacement } else { Slice::from([&replacement, rest].concat()) }))
    }
}

/// A text fits where the value begins with it.
pub fn prefix(text: &[u8], value: &[u8]) -> Option<usize> {
    value.starts_with(text).then_some(text.len())
}
