//! Texts with variables, and the variables that a page defines itself.
//!
//! *In nginx* `ngx_http_ssi_evaluate_string`, `ngx_http_ssi_get_variable`. The same script language as in the
//! configuration, with escapes of its own, taken apart again for each command.
//!
//! *Here* likewise. The page's own variables hide those of the server; `$1` to `$9` are groups of the
//! last match in an `if`. A variable that nobody knows is empty.
//!
//! *Read next*: `expr.rs`.

use crate::buf::Slice;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging::printable;
use crate::http::vars;

/// The value of a variable: of the page, or of the server.
pub fn variable(x: &mut Exchange, r: RequestIx, io: &mut Io, name: &[u8]) -> Option<Slice> {
    let name = name.to_ascii_lowercase();
    let page = super::page(x)?;
    if let [digit @ b'0'..=b'9'] = name[..]
        && let Some(group) = page.captures.get(usize::from(digit - b'0'))
    {
        return Some(group.clone().unwrap_or_default());
    }
    if let Some((_, value)) = page.variables.iter().find(|(known, _)| *known == name) {
        return Some(value.clone());
    }
    vars::by_name(x, r, io, &name)
}

/// Defines a variable of the page.
pub fn define(x: &mut Exchange, name: &[u8], value: Slice) {
    let name = name.to_ascii_lowercase();
    let Some(page) = super::page(x) else { return };
    match page.variables.iter_mut().find(|(known, _)| *known == name) {
        Some((_, old)) => *old = value,
        None => page.variables.push((name, value)),
    }
}

/// Works out a text: variables become their values, and a backslash takes the meaning from a quote, a
/// dollar sign or another backslash.
///
/// # Errors
/// nginx's sentence about a `$` without a name.
pub fn evaluate(x: &mut Exchange, r: RequestIx, io: &mut Io, text: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, tail)) = rest.split_first() {
        match (byte, tail) {
            (b'\\', [next, after @ ..]) => {
                if !matches!(next, b'\\' | b'\'' | b'"' | b'$') {
                    out.push(b'\\');
                }
                out.push(*next);
                rest = after;
            }
            (b'\\', []) => rest = tail,
            (b'$', tail) => {
                let (name, after) = name(tail, text)?;
                out.extend_from_slice(&variable(x, r, io, name).unwrap_or_default());
                rest = after;
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    Ok(out)
}

/// Splits the name behind a dollar sign from what follows.
fn name<'a>(tail: &'a [u8], whole: &[u8]) -> Result<(&'a [u8], &'a [u8]), String> {
    let (inner, bracket) = match tail {
        [b'{', inner @ ..] => (inner, true),
        _ => (tail, false),
    };
    let end = inner.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_')).unwrap_or(inner.len());
    let (name, mut after) = inner.split_at_checked(end).unwrap_or((inner, b""));
    if bracket {
        let Some(closed) = after.strip_prefix(b"}") else {
            let name = printable(name);
            return Err(format!("the closing bracket in \"{name}\" variable is missing"));
        };
        after = closed;
    }
    if name.is_empty() {
        return Err(format!("invalid variable name in \"{}\"", printable(whole)));
    }
    Ok((name, after))
}
