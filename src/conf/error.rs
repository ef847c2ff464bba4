//! What is said when a configuration is wrong.
//!
//! *In nginx*: `ngx_conf_log_error` adds ` in FILE:LINE` to a message and logs it at level `emerg`; the
//! setter then returns `NGX_CONF_ERROR`. Or the setter returns a piece of a sentence ("is duplicate") and
//! the caller makes the rest of it.
//!
//! *Here*: an error is a value. The text is complete when the value is made, place included, and the first
//! one ends the reading; who reads the configuration decides where to print it. This file must not know
//! about log files or terminals.
//!
//! A warning is not an error: it is collected in the `Cx` and reading goes on.
//!
//! *Read next*: `tree::Line::err` (how a setter makes one), `build::Cx::warn`.

use std::fmt;

use crate::log::Level;

/// Why a configuration cannot be used; the whole sentence, ready to be logged at level `emerg`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfError {
    text: String,
}

impl ConfError {
    /// An error without a place, or whose text has it already.
    pub fn new(text: impl Into<String>) -> Self {
        ConfError { text: text.into() }
    }

    /// An error found at `place`: nginx's ` in FILE:LINE` (or ` in command line`) is added.
    pub fn at(text: impl fmt::Display, place: &Place) -> Self {
        ConfError { text: format!("{text} {place}") }
    }
}

impl fmt::Display for ConfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for ConfError {}

/// Something to tell the operator that does not stop the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The level to log it at.
    pub level: Level,
    /// The sentence, place included.
    pub text: String,
}

/// A position in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file as it was opened; None for what came with `-g`.
    pub file: Option<std::rc::Rc<str>>,
    /// The line, counted from 1.
    pub line: u32,
}

impl Place {
    /// The place of everything given with `-g`.
    pub fn command_line() -> Self {
        Place { file: None, line: 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "in {file}:{}", self.line),
            None => f.write_str("in command line"),
        }
    }
}
