//! The commands: names, parameters, and which of them may stand where.
//!
//! *In nginx* `ngx_http_ssi_commands`, a table of names with tables of parameters and three bits each.
//!
//! *Here* the same table; checking a command against it gives its parameters in the order of the table.
//!
//! *Read next*: `filter.rs`, which carries them out.

use super::scan::Command;
use crate::http::logging::printable;

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A subrequest.
    Include,
    /// Prints a variable.
    Echo,
    /// How errors and times are printed.
    Config,
    /// Sets a variable.
    Set,
    /// A condition.
    If,
    /// Another condition.
    Elif,
    /// Otherwise.
    Else,
    /// The end of the condition.
    Endif,
    /// A part that is kept for stubs.
    Block,
    /// Its end.
    Endblock,
}

/// A row of the table.
pub struct Known {
    name: &'static str,
    /// What it does.
    pub kind: Kind,
    params: &'static [(&'static str, bool)],
}

const fn row(name: &'static str, kind: Kind, params: &'static [(&'static str, bool)]) -> Known {
    Known { name, kind, params }
}

/// Names of parameters, with true for those that must be there.
const COMMANDS: &[Known] = &[
    row(
        "include",
        Kind::Include,
        &[("virtual", false), ("file", false), ("wait", false), ("set", false), ("stub", false)],
    ),
    row("echo", Kind::Echo, &[("var", true), ("default", false), ("encoding", false)]),
    row("config", Kind::Config, &[("errmsg", false), ("timefmt", false)]),
    row("set", Kind::Set, &[("var", true), ("value", true)]),
    row("if", Kind::If, &[("expr", true)]),
    row("elif", Kind::Elif, &[("expr", true)]),
    row("else", Kind::Else, &[]),
    row("endif", Kind::Endif, &[]),
    row("block", Kind::Block, &[("name", true)]),
    row("endblock", Kind::Endblock, &[]),
];

/// How many parameters a command may have.
const MOST: usize = 16;

/// The values of a command's parameters, by name.
pub struct Params {
    names: &'static [(&'static str, bool)],
    values: Vec<Option<Vec<u8>>>,
}

impl Params {
    /// The value of a parameter, if it was given.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        let at = self.names.iter().position(|(known, _)| *known == name)?;
        self.values.get(at)?.as_deref()
    }
}

/// The row of a command.
///
/// # Errors
/// nginx's sentence about an unknown one.
pub fn find(command: &Command) -> Result<&'static Known, String> {
    let found = COMMANDS.iter().find(|known| known.name.as_bytes() == command.name);
    found.ok_or_else(|| format!("invalid SSI command: \"{}\"", printable(&command.name)))
}

/// Sorts the parameters of a command into the order of its row.
///
/// # Errors
/// nginx's sentence about what is missing, unknown or there twice.
pub fn check(known: &'static Known, command: Command) -> Result<Params, String> {
    let name = known.name;
    if command.params.len() > MOST {
        return Err(format!("too many SSI command parameters: \"{name}\""));
    }
    let mut values = vec![None; known.params.len()];
    for param in command.params {
        let shown = printable(&param.name);
        let at = known.params.iter().position(|(known, _)| known.as_bytes() == param.name);
        let Some(place) = at.and_then(|at| values.get_mut(at)) else {
            return Err(format!("invalid parameter name: \"{shown}\" in \"{name}\" SSI command"));
        };
        if place.is_some() {
            return Err(format!("duplicate \"{shown}\" parameter in \"{name}\" SSI command"));
        }
        *place = Some(param.value);
    }
    for ((param, mandatory), value) in known.params.iter().zip(&values) {
        if *mandatory && value.is_none() {
            return Err(format!("mandatory \"{param}\" parameter is absent in \"{name}\" SSI command"));
        }
    }
    Ok(Params { names: known.params, values })
}

/// A command as it was written, for a block that is carried out later.
pub fn text(command: &Command) -> Vec<u8> {
    let mut text = super::scan::OPENING.to_vec();
    text.extend_from_slice(&command.name);
    for param in &command.params {
        text.push(b' ');
        text.extend_from_slice(&param.name);
        text.extend_from_slice(b"=\"");
        text.extend_from_slice(&param.value);
        text.push(b'"');
    }
    text.extend_from_slice(b" -->");
    text
}
