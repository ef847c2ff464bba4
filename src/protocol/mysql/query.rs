//! The query: the configuration's text, and the values of variables as strings in it.
//!
//! *In nginx* nothing; a module of others pastes what a directive for quoting has made, and forgetting
//! that directive is how injections happen.
//!
//! *Here* there is no way to forget it: a variable always becomes `'…'`, whatever it holds. Where that
//! would not be a value of its own (inside quotes, a name in backticks, a comment) the configuration is
//! refused.
//!
//! ```text
//!   mysql_query "SELECT a FROM t WHERE b = $arg_b";      ?b=x'y\z  ──▶  … WHERE b = 'x''y\\z'
//!   mysql_query "SELECT a FROM t WHERE b = '$arg_b'";    refused
//! ```
//!
//! A quote is doubled, not escaped, so the string ends where it should in every `sql_mode`. A value
//! that is not UTF-8 is refused, because servers differ in what they take broken text for. A variable
//! cannot stand where SQL wants a bare number (LIMIT).
//!
//! *Read next*: `rows.rs`.

use crate::buf::Slice;
use crate::conf::template::{Part, Template};
use crate::protocol::{Fault, Out, Request};

/// COM_QUERY
const QUERY: u8 = 3;
/// The largest query: one packet.
const LARGEST: usize = 0xff_fffe;

/// Where in a statement a place is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Sql,
    Quotes(u8),
    Line,
    Block,
}

/// What is wrong with a query, if something is.
pub fn fault(query: &Template) -> Option<&'static str> {
    let mut place = In::Sql;
    for part in query.parts() {
        match part {
            Part::Text(text) => place = after(place, text),
            _ if place != In::Sql => {
                return Some("a variable in quotes or in a comment: it is quoted by itself");
            }
            _ => {}
        }
    }
    if is_run(query) {
        return Some("a variable beside a comment that may be run");
    }
    let constant = query.as_constant().cloned();
    let first = match query.parts().first() {
        Some(Part::Text(text)) => Some(text.clone()),
        _ => constant,
    };
    leaves_state(&first.unwrap_or(Slice::EMPTY))
        .then_some("a statement that would change the connection for others")
}

/// Statements that the next request on the connection would feel.
fn leaves_state(text: &[u8]) -> bool {
    const THOSE: &str = "SET USE BEGIN START COMMIT ROLLBACK SAVEPOINT LOCK UNLOCK PREPARE \
        EXECUTE DEALLOCATE HANDLER XA LOAD";
    let text = text.trim_ascii_start();
    let end = text.iter().position(|b| !b.is_ascii_alphabetic()).unwrap_or(text.len());
    let word = text.get(..end).unwrap_or_default();
    word.is_empty() || THOSE.split(' ').any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
}

/// Where the end of a text is, when its beginning is at `place`.
fn after(mut place: In, text: &[u8]) -> In {
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        place = match (place, byte) {
            (In::Sql, b'\'' | b'"' | b'`') => In::Quotes(*byte),
            (In::Sql, b'#') => In::Line,
            // Only before a blank: `5--1` is a difference.
            (In::Sql, b'-') if is_comment(rest) => In::Line,
            // Its star is not the one that ends it: `/*/` is still open.
            (In::Sql, b'/') if rest.starts_with(b"*") => {
                rest = rest.get(1..).unwrap_or_default();
                In::Block
            }
            (In::Quotes(b'\'' | b'"'), b'\\') => {
                rest = rest.get(1..).unwrap_or_default();
                place
            }
            (In::Quotes(quote), byte) if quote == *byte => In::Sql,
            (In::Line, b'\n') => In::Sql,
            (In::Block, b'*') if rest.starts_with(b"/") => {
                rest = rest.get(1..).unwrap_or_default();
                In::Sql
            }
            _ => place,
        };
    }
    place
}

/// Whether what follows a minus makes a comment of the line.
fn is_comment(rest: &[u8]) -> bool {
    matches!(rest, [b'-', next, ..] if next.is_ascii_whitespace() || next.is_ascii_control())
}

/// A comment that the server runs after all, perhaps, depending on its version: whether a quote in it begins
/// a string is nothing we could know.
fn is_run(query: &Template) -> bool {
    let has = |text: &[u8], part: &[u8]| memchr::memmem::find(text, part).is_some();
    query.parts().iter().any(|part| match part {
        Part::Text(text) => has(text, b"/*!") || has(text, b"/*M!"),
        _ => false,
    })
}

/// Writes the query of a request.
///
/// # Errors
/// `Refuse`: 400 for a value that is not UTF-8, 413 for a query that is too long.
pub fn write(r: &mut dyn Request, query: &Template, out: &mut Out) -> Result<(), Fault> {
    let mut text = vec![QUERY];
    if let Some(constant) = query.as_constant() {
        text.extend_from_slice(constant);
    }
    for part in query.parts() {
        if let Part::Text(words) = part {
            text.extend_from_slice(words);
        } else {
            let value = r.eval(&Template::Parts([part.clone()].into()));
            quote(&value, &mut text)?;
        }
    }
    if text.len() > LARGEST {
        return Err(Fault::Refuse(413));
    }
    let [low, middle, high, _] = u32::try_from(text.len()).unwrap_or(0).to_le_bytes();
    out.write(&[low, middle, high, 0]);
    out.push(Slice::from(text));
    Ok(())
}

fn quote(value: &[u8], text: &mut Vec<u8>) -> Result<(), Fault> {
    if std::str::from_utf8(value).is_err() {
        return Err(Fault::Refuse(400));
    }
    text.push(b'\'');
    for byte in value {
        if matches!(byte, b'\'' | b'\\') {
            text.push(*byte);
        }
        text.push(*byte);
    }
    text.push(b'\'');
    Ok(())
}
