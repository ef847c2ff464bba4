//! The conditions of `if` and `elif`.
//!
//! *In nginx* `ngx_http_ssi_if` and `ngx_http_ssi_regex_match`. A condition is a text, true if it is not
//! empty, or two of them with `=` or `!=` between, where the right one may be a regular expression
//! between slashes.
//!
//! *Here* the same grammar with its narrowness: the left text is letters, digits and `$ { } _ " '` only,
//! and it is folded to lower case.
//!
//! ```text
//!   expr="$arg_a"     expr="$uri = text"     expr="$uri != /^\/(?P<first>\w)/"     then $first, $1
//! ```
//!
//! *Read next*: `value.rs`.

use super::value::{define, evaluate};
use crate::buf::Slice;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging::printable;
use crate::util::regex::Regex;

/// Whether the condition holds.
///
/// # Errors
/// nginx's sentences about a condition that is none.
pub fn holds(x: &mut Exchange, r: RequestIx, io: &mut Io, expr: &[u8]) -> Result<bool, String> {
    let expr_shown = || format!("invalid expression in \"{}\"", printable(expr));
    let word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'$' | b'{' | b'}' | b'_' | b'"' | b'\'');
    let end = expr.iter().position(|b| !word(b)).unwrap_or(expr.len());
    let (left, rest) = expr.split_at_checked(end).unwrap_or((expr, b""));
    let left = evaluate(x, r, io, &left.to_ascii_lowercase())?;
    let rest = skip_blanks(rest);
    let (right, negative) = match rest {
        [] => return Ok(!left.is_empty()),
        [b'=', right @ ..] => (skip_blanks(right), false),
        [b'!', b'=', right @ ..] => (skip_blanks(right), true),
        _ => return Err(expr_shown()),
    };
    let same = match right {
        [b'/', _, ..] => {
            let inner = right.get(1..).and_then(|inner| inner.strip_suffix(b"/")).ok_or_else(expr_shown)?;
            let pattern = evaluate(x, r, io, inner)?;
            matches(x, &pattern, Slice::from(left))?
        }
        // A slash that is meant as such.
        [b'\\', b'/', _, ..] => evaluate(x, r, io, right.get(1..).unwrap_or_default())? == left,
        _ => evaluate(x, r, io, right)? == left,
    };
    Ok(same != negative)
}

fn skip_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|b| **b == b' ').count();
    text.get(blanks..).unwrap_or_default()
}

/// Matches, and keeps the groups for the page.
fn matches(x: &mut Exchange, pattern: &[u8], subject: Slice) -> Result<bool, String> {
    let Ok(pattern) = std::str::from_utf8(pattern) else {
        return Err(format!("invalid expression in \"{}\"", printable(pattern)));
    };
    let regex = Regex::new(pattern, false, false)?;
    let Some(groups) = regex.find(&subject) else { return Ok(false) };
    let groups: Vec<Option<Slice>> =
        groups.into_iter().map(|group| group.map(|range| subject.slice(range))).collect();
    for (name, at) in regex.names() {
        define(x, name.as_bytes(), groups.get(at).cloned().flatten().unwrap_or_default());
    }
    if let Some(page) = super::page(x) {
        page.captures = groups;
    }
    Ok(true)
}
