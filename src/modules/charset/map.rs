//! `charset_map`: tables from one character set to another, both ways at once.
//!
//! *In nginx* `ngx_http_charset_map_block`, with 256-byte tables, or four bytes for each byte when the second
//! set is utf-8.
//!
//! *Here* the same three kinds. A byte below 128 is itself in all of them unless the map says otherwise; any
//! other that the map does not name becomes a question mark.
//!
//! ```text
//!   charset_map koi8-r utf-8 { C1 D0B0; }    koi8-r ─▶ utf-8: C1 ─▶ D0 B0     back: U+0430 ─▶ C1
//! ```
//!
//! *Read next*: `recode.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::tree::{Arg, Line};
use crate::settings;
use std::collections::HashMap;
use std::rc::Rc;

settings! {
    /// All maps.
    pub struct Maps: Http {
        plain {
            /// In the order they were given.
            pub list: Vec<Map> = Vec::new()
        }
    }
}

/// The way from one character set to another.
#[derive(Clone, Debug)]
pub enum Table {
    /// One byte for each.
    Bytes(Rc<[u8; 256]>),
    /// Some bytes for each.
    ToUtf8(Rc<Vec<Vec<u8>>>),
    /// A byte for a code point.
    FromUtf8(Rc<HashMap<u32, u8>>),
}

/// Two sets and the way from each to the other.
#[derive(Clone, Debug)]
pub struct Map {
    first: Slice,
    second: Slice,
    there: Table,
    back: Table,
}

impl Maps {
    /// The way from one set to another, by their names.
    pub fn find(&self, from: &[u8], to: &[u8]) -> Option<&Table> {
        let is = |name: &Slice, other: &[u8]| name.eq_ignore_ascii_case(other);
        self.list.iter().find_map(|map| {
            if is(&map.first, from) && is(&map.second, to) {
                Some(&map.there)
            } else if is(&map.first, to) && is(&map.second, from) {
                Some(&map.back)
            } else {
                None
            }
        })
    }
}

/// Sets `charset_map`.
///
/// # Errors
/// A map of a set to itself or one that exists; a line that is not two hexadecimal numbers.
pub fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let (first, second) = (Slice::copy(line.arg(0)?), Slice::copy(line.arg(1)?));
    if first.eq_ignore_ascii_case(&second) {
        let text = format_args!("\"charset_map\" between the same charsets \"{first}\" and \"{second}\"");
        return Err(line.err(text));
    }
    if cx.conf::<Maps>().find(&first, &second).is_some() {
        let text = format_args!("duplicate \"charset_map\" between \"{first}\" and \"{second}\"");
        return Err(line.err(text));
    }
    let (there, back) = match second.eq_ignore_ascii_case(b"utf-8") {
        true => utf8_tables(line)?,
        false => byte_tables(line)?,
    };
    cx.conf::<Maps>().list.push(Map { first, second, there, back });
    Ok(())
}

fn pair(entry: &Line) -> Result<(u8, &Arg), ConfError> {
    match &entry.args[..] {
        [second] => Ok((hex_byte(&entry.name)?, second)),
        _ => Err(entry.err("invalid parameters number")),
    }
}

fn hex_byte(arg: &Arg) -> Result<u8, ConfError> {
    let parsed = std::str::from_utf8(arg).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()));
    let parsed = parsed.and_then(|text| u8::from_str_radix(text, 16).ok());
    parsed.ok_or_else(|| arg.invalid_value([]))
}

fn hex_bytes(arg: &Arg) -> Result<Vec<u8>, ConfError> {
    let nibble = |b: &u8| char::from(*b).to_digit(16).map(|n| n as u8);
    let bytes: Option<Vec<u8>> = arg
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(high)? << 4 | nibble(low)?),
            _ => None,
        })
        .collect();
    bytes.filter(|bytes| (1..=4).contains(&bytes.len())).ok_or_else(|| arg.invalid_value([]))
}

fn identity() -> [u8; 256] {
    std::array::from_fn(|n| if n < 128 { n as u8 } else { b'?' })
}

fn byte_tables(line: &Line) -> Result<(Table, Table), ConfError> {
    let (mut there, mut back) = (identity(), identity());
    for entry in line.children() {
        let (first, second) = pair(entry)?;
        let second = hex_byte(second)?;
        there[usize::from(first)] = second;
        back[usize::from(second)] = first;
    }
    Ok((Table::Bytes(Rc::new(there)), Table::Bytes(Rc::new(back))))
}

fn utf8_tables(line: &Line) -> Result<(Table, Table), ConfError> {
    let mut there: Vec<Vec<u8>> = identity().iter().map(|byte| vec![*byte]).collect();
    let mut back = HashMap::new();
    for entry in line.children() {
        let (first, second) = pair(entry)?;
        let bytes = hex_bytes(second)?;
        let mut points = std::str::from_utf8(&bytes).map(str::chars).map_err(|_| second.invalid_value([]))?;
        let (Some(point), None) = (points.next(), points.next()) else {
            return Err(second.invalid_value([]));
        };
        back.insert(u32::from(point), first);
        if let Some(place) = there.get_mut(usize::from(first)) {
            *place = bytes;
        }
    }
    Ok((Table::ToUtf8(Rc::new(there)), Table::FromUtf8(Rc::new(back))))
}
