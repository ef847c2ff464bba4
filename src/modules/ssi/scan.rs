//! Finding commands in a body that comes in pieces.
//!
//! *In nginx* `ngx_http_ssi_parse`, twenty-two states in one loop; the text between commands is looked
//! at byte by byte.
//!
//! *Here* the text is searched for `<!--#` as a whole, which is many bytes at a time; only what may be
//! the beginning of it at the end of a piece, and the inside of commands, go through states. Any cut of
//! the input gives the same result.
//!
//! ```text
//!   Text ─ "<!--#" ─▶ Name ─▶ Gap ─▶ Param ─▶ Equal ─▶ Before ─▶ Value ─▶ Gap … ─ "-->" ─▶ Found::Command
//!                       anything wrong ─▶ Bad ─ "-->" ─▶ Found::Broken
//! ```
//!
//! This file knows no command; wordings of errors are nginx's.
//!
//! *Read next*: `command.rs`.

use crate::http::logging::printable;
use std::ops::Range;

/// What begins a command.
pub const OPENING: &[u8] = b"<!--#";

/// The longest name of a command or a parameter.
const NAME: usize = 32;

/// A parameter as it was written; backslashes are still in the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Param {
    /// Its name.
    pub name: Vec<u8>,
    /// What stood between the quotes.
    pub value: Vec<u8>,
}

/// A command as it was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// Its name.
    pub name: Vec<u8>,
    /// Its parameters, in order.
    pub params: Vec<Param>,
}

/// Why the scanner stopped.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// The piece has been used up.
    End,
    /// A command.
    Command(Command),
    /// Something that began as a command and is none.
    Broken,
}

/// One step over a piece.
#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// So many bytes of [`OPENING`] that were held back turned out to be text, before `text`.
    pub held: usize,
    /// What is text in the piece.
    pub text: Range<usize>,
    /// How much of the piece has been used.
    pub used: usize,
    /// What was found behind the text.
    pub found: Found,
    /// What is wrong, once for each broken command, for the log.
    pub error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between commands; so many bytes of the opening have been seen at the end of the last piece.
    Text(usize),
    /// Behind the opening, before the name.
    Opened,
    Name,
    /// Before a parameter.
    Gap,
    Param,
    /// Between a parameter's name and its equals sign.
    Equal,
    /// Between the equals sign and the quote.
    Before,
    Value(u8),
    /// Behind a backslash in a value.
    Escaped(u8),
    /// Right behind a value.
    After,
    /// Behind so many dashes of the end.
    Dashes(u8),
    /// In a broken command, behind so many dashes.
    Bad(u8),
}

/// Finds commands.
pub struct Scanner {
    state: State,
    command: Command,
    limit: usize,
}

impl Scanner {
    /// A scanner that takes values of up to `limit` bytes.
    pub fn new(limit: usize) -> Scanner {
        Scanner { state: State::Text(0), command: Command::default(), limit }
    }

    /// How many bytes of the opening are held back. To be sent when the body ends.
    pub fn held(&self) -> usize {
        if let State::Text(held) = self.state { held } else { 0 }
    }

    /// Looks at a piece until it has found something or the piece ends.
    pub fn scan(&mut self, piece: &[u8]) -> Step {
        let mut step = Step { held: 0, text: 0..0, used: 0, found: Found::End, error: None };
        if let State::Text(held) = self.state
            && !self.text(piece, held, &mut step)
        {
            return step;
        }
        while let Some(&byte) = piece.get(step.used) {
            step.used += 1;
            match self.inside(byte, &mut step.error) {
                None => {}
                Some(found) => {
                    self.state = State::Text(0);
                    step.found = found;
                    return step;
                }
            }
        }
        step
    }

    /// Looks for the opening; true if it was found in this piece, and `step` tells where it ended.
    fn text(&mut self, piece: &[u8], held: usize, step: &mut Step) -> bool {
        let mut from = 0;
        if held > 0 {
            let rest = OPENING.get(held..).unwrap_or_default();
            let n = rest.len().min(piece.len());
            if piece.get(..n) == rest.get(..n) {
                step.used = n;
                if n == rest.len() {
                    self.state = State::Opened;
                    return true;
                }
                self.state = State::Text(held + n);
                return false;
            }
            step.held = held;
            self.state = State::Text(0);
        }
        let found = memchr::memmem::find(piece, OPENING);
        if let Some(at) = found {
            step.text = from..at;
            step.used = at + OPENING.len();
            self.state = State::Opened;
            return true;
        }
        // What may be the beginning of one stays behind.
        let most = piece.len().min(OPENING.len() - 1);
        from = piece.len() - most;
        while from < piece.len() && !OPENING.starts_with(piece.get(from..).unwrap_or_default()) {
            from += 1;
        }
        step.text = 0..from;
        step.used = piece.len();
        self.state = State::Text(piece.len() - from);
        false
    }

    fn inside(&mut self, byte: u8, error: &mut Option<String>) -> Option<Found> {
        let space = matches!(byte, b' ' | b'\r' | b'\n' | b'\t');
        match self.state {
            State::Text(_) => {}
            State::Opened if space => {}
            State::Opened => {
                self.command = Command { name: vec![byte], params: Vec::new() };
                self.state = State::Name;
            }
            State::Name | State::Gap | State::After if byte == b'-' => self.state = State::Dashes(1),
            State::Name if space => self.state = State::Gap,
            State::Name if self.command.name.len() == NAME => {
                let text = format!("the \"{}{}...\" SSI command is too long", self.name(), show(byte));
                self.fail(error, text, byte);
            }
            State::Name => self.command.name.push(byte),
            State::Gap if space => {}
            State::Gap => {
                self.command.params.push(Param { name: vec![byte], value: Vec::new() });
                self.state = State::Param;
            }
            State::Param | State::Equal | State::Before => self.param(byte, space, error),
            State::Value(_) | State::Escaped(_) => self.value(byte, error),
            State::After if space => self.state = State::Gap,
            State::After => {
                let what =
                    format!("after \"{}\" value of \"{}\" parameter", self.last_value(), self.last_name());
                self.unexpected(byte, &what, error);
            }
            State::Dashes(1) if byte == b'-' => self.state = State::Dashes(2),
            State::Dashes(2) if byte == b'>' => {
                return Some(Found::Command(std::mem::take(&mut self.command)));
            }
            State::Dashes(_) => self.unexpected(byte, "", error),
            State::Bad(2) if byte == b'>' => return Some(Found::Broken),
            State::Bad(1) if byte == b'-' => self.state = State::Bad(2),
            State::Bad(0) => self.state = State::Bad(u8::from(byte == b'-')),
            // NGINX: a third dash is not looked at again, so "--->" does not end what is broken.
            State::Bad(_) => self.state = State::Bad(0),
        }
        None
    }

    fn param(&mut self, byte: u8, space: bool, error: &mut Option<String>) {
        match self.state {
            State::Param | State::Equal if byte == b'=' => self.state = State::Before,
            State::Param if space => self.state = State::Equal,
            State::Param if byte != b'-' => {
                let full = self.command.params.last().is_none_or(|param| param.name.len() == NAME);
                if full {
                    let (param, name) = (self.last_name(), self.name());
                    let byte_shown = show(byte);
                    let text =
                        format!("too long \"{param}{byte_shown}...\" parameter in \"{name}\" SSI command");
                    self.fail(error, text, byte);
                } else if let Some(param) = self.command.params.last_mut() {
                    param.name.push(byte);
                }
            }
            State::Equal | State::Before if space => {}
            State::Before if matches!(byte, b'"' | b'\'') => self.state = State::Value(byte),
            State::Before => {
                let what = format!("before value of \"{}\" parameter", self.last_name());
                self.unexpected(byte, &what, error);
            }
            _ => {
                let what = format!("after \"{}\" parameter", self.last_name());
                self.unexpected(byte, &what, error);
            }
        }
    }

    fn value(&mut self, byte: u8, error: &mut Option<String>) {
        match self.state {
            State::Value(quote) if byte == quote => return self.state = State::After,
            State::Value(quote) if byte == b'\\' => self.state = State::Escaped(quote),
            State::Escaped(quote) => self.state = State::Value(quote),
            _ => {}
        }
        let full = self.command.params.last().is_none_or(|param| param.value.len() >= self.limit);
        if full {
            let (value, param, name) = (self.last_value(), self.last_name(), self.name());
            let byte_shown = show(byte);
            let text = format!(
                "too long \"{value}{byte_shown}...\" value of \"{param}\" parameter in \"{name}\" SSI command"
            );
            self.fail(error, text, byte);
        } else if let Some(param) = self.command.params.last_mut() {
            param.value.push(byte);
        }
    }

    fn unexpected(&mut self, byte: u8, what: &str, error: &mut Option<String>) {
        let blank = if what.is_empty() { "" } else { " " };
        let (name, byte_shown) = (self.name(), show(byte));
        let text = format!("unexpected \"{byte_shown}\" symbol{blank}{what} in \"{name}\" SSI command");
        self.fail(error, text, byte);
    }

    fn fail(&mut self, error: &mut Option<String>, text: String, byte: u8) {
        *error = Some(text);
        let dashes =
            !matches!(self.state, State::Name | State::Dashes(_) | State::Value(_) | State::Escaped(_));
        self.state = State::Bad(u8::from(dashes && byte == b'-'));
    }

    fn name(&self) -> String {
        printable(&self.command.name).to_string()
    }

    fn last_name(&self) -> String {
        self.command.params.last().map(|param| printable(&param.name).to_string()).unwrap_or_default()
    }

    fn last_value(&self) -> String {
        self.command.params.last().map(|param| printable(&param.value).to_string()).unwrap_or_default()
    }
}

fn show(byte: u8) -> String {
    printable(&[byte]).to_string()
}
