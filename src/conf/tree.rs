//! The configuration as a tree of lines, before anybody asks what they mean.
//!
//! *In nginx*: there is no tree. `ngx_conf_parse` calls itself for every block and every `include`, and a
//! setter runs while the file is still open. The price is that `map`, `types` and `geo` must handle
//! `include` each for itself.
//!
//! *Here*: the file is read whole first. `include` is resolved here and nowhere else, so the line below it
//! may come from another file and knows so by its [`Place`]. What must not be known here is any directive
//! but that one.
//!
//! ```text
//!   http { include a.conf; server { listen 80; } }
//!     └─▶ Line http ─ block ─┬─ (lines of a.conf, each with a.conf's place)
//!                            └─ Line server ─ block ── Line listen [80]
//! ```
//!
//! Everything that recurses is bounded: a file that includes itself is an error, not an overflow.
//!
//! An error in the language does not hide the errors before it: the tree keeps what was read up to there
//! and the error with it, and applying the tree reports whichever comes first, as nginx would.
//!
//! *Read next*: `lexer` (where tokens come from), `build` (who walks the tree).

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use super::error::ConfError;
pub use super::error::Place;

/// One word of a line: any bytes, quotes and escapes already taken away. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Arg {
    text: Rc<[u8]>,
    quoted: bool,
    at: Place,
}

impl Arg {
    /// A word that stood at `at`; `quoted` when it was between quotes.
    pub fn new(text: impl Into<Rc<[u8]>>, quoted: bool, at: Place) -> Self {
        Arg { text: text.into(), quoted, at }
    }

    /// The bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The bytes as text; an error that names the place when they are not UTF-8.
    pub fn as_str(&self) -> Result<&str, ConfError> {
        std::str::from_utf8(&self.text)
            .map_err(|_| ConfError::at(format_args!("\"{self}\" is not valid UTF-8"), &self.at))
    }

    /// Whether it stood between quotes.
    pub fn quoted(&self) -> bool {
        self.quoted
    }

    /// Where the line it belongs to ended.
    pub fn at(&self) -> &Place {
        &self.at
    }
}

impl Deref for Arg {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.text
    }
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))
    }
}

impl fmt::Debug for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.text), f)
    }
}

/// A directive as written: `name args… ;` or `name args… { block }`.
#[derive(Clone, Debug)]
pub struct Line {
    /// The first word.
    pub name: Arg,
    /// The words after it.
    pub args: Vec<Arg>,
    /// The lines between the braces; None when the line ended in `;`.
    pub block: Option<Vec<Line>>,
    /// Where its `;` or `{` stands: nginx reports errors there.
    pub at: Place,
    /// Where its `}` stands; the same as `at` without a block.
    pub end: Place,
    /// The error that ended the reading behind the last line of the block.
    pub(super) fault: Option<Box<ConfError>>,
}

/// Lines, as far as they could be read.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The lines outside every block.
    pub lines: Vec<Line>,
    /// The error that ended the reading outside every block.
    pub(super) fault: Option<Box<ConfError>>,
}

impl Tree {
    /// The error that ended the reading, wherever it was; None when everything was read.
    pub fn fault(&self) -> Option<&ConfError> {
        self.fault.as_deref().or_else(|| self.lines.last().and_then(Line::fault))
    }
}

impl Line {
    /// The lines of the block; none when there is no block.
    pub fn children(&self) -> &[Line] {
        self.block.as_deref().unwrap_or_default()
    }

    /// The error that ended the reading inside this block: behind its last line, or deeper in that line.
    pub(super) fn fault(&self) -> Option<&ConfError> {
        self.fault.as_deref().or_else(|| self.children().last().and_then(Line::fault))
    }

    /// An error at this line: the text and ` in FILE:LINE`.
    pub fn err(&self, text: impl fmt::Display) -> ConfError {
        ConfError::at(text, &self.at)
    }

    /// An error that only the whole block shows, reported at its `}`.
    pub fn err_at_end(&self, text: impl fmt::Display) -> ConfError {
        ConfError::at(text, &self.end)
    }

    /// nginx's short form: `"NAME" directive TEXT in FILE:LINE`, e.g. with `is duplicate`.
    pub fn directive_err(&self, text: impl fmt::Display) -> ConfError {
        self.err(format_args!("\"{}\" directive {text}", self.name))
    }
}
