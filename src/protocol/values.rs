//! Values on their way to a client: as JSON, as CSV, as lines of text, or as the peer sent them.
//!
//! *In nginx* nothing: no module of its own makes anything of a reply but headers and a body.
//!
//! *Here* what Redis and MySQL have in common. A module says what begins and what ends; where commas,
//! brackets and quotes belong is known here and nowhere else. Nothing is held: parts of a string are
//! written as they come, and where no byte of them has to be changed they are not even copied.
//!
//! ```text
//!   open(list) number(7) string(a) close     json [7,"a"]          text 7⏎a⏎
//!   open(list) open(object) key("n") number(7) close …             json [{"n":7},⏎   csv 7⏎
//! ```
//!
//! JSON has no word for `inf`, and no key but strings. In CSV a row is a list in a list, and nothing
//! stands for NULL (RFC 4180).
//!
//! *Read next*: `json.rs`, strings in pieces; `resp.rs` and `mysql/rows.rs`, which speak this way.

use super::json::Text;
use super::{Head, Relay};
use crate::buf::Slice;

/// How values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// As the peer sent them: nothing is written but [`Values::raw`] and parts of strings.
    Raw,
    /// Values only, a line each; without a line end if there is just one value.
    Text,
    /// Rows of a table.
    Csv,
    /// JSON without blanks.
    Json,
    /// The same, but each element of the outermost list has a line of its own.
    JsonRows,
}

impl Style {
    /// Tells the client what it gets, where that is known.
    pub fn announce(self, head: &mut Head) {
        match self {
            Style::Raw | Style::Text => {}
            Style::Csv => _ = head.field("Content-Type", "text/csv"),
            Style::Json | Style::JsonRows => _ = head.field("Content-Type", "application/json"),
        }
    }

    fn is_json(self) -> bool {
        matches!(self, Style::Json | Style::JsonRows)
    }
}

/// A list or an object that is open.
#[derive(Clone, Debug)]
struct Level {
    object: bool,
    /// How much has begun in it: elements; of an object in JSON, keys and values.
    begun: u64,
}

/// Writes values.
#[derive(Clone, Debug)]
pub struct Values {
    style: Style,
    levels: Vec<Level>,
    text: Text,
    /// What has been written and not handed on.
    pub written: Vec<u8>,
}

impl Values {
    /// Nothing yet.
    pub fn new(style: Style) -> Values {
        Values { style, levels: Vec::new(), text: Text::default(), written: Vec::new() }
    }

    /// How they are shown.
    pub fn style(&self) -> Style {
        self.style
    }

    /// Hands on what has been written.
    pub fn hand_on(&mut self, out: &mut Relay) {
        if !self.written.is_empty() {
            out.push(Slice::from(std::mem::take(&mut self.written)));
        }
    }

    /// What the peer sent between strings; only written if that is wanted.
    pub fn raw(&mut self, parts: &[&[u8]]) {
        if self.style == Style::Raw {
            parts.iter().for_each(|part| self.written.extend_from_slice(part));
        }
    }

    /// Opens an object, or a list. False, and nothing is done: it would be the key of an object.
    pub fn open(&mut self, object: bool) -> bool {
        if self.at_key() {
            return false;
        }
        self.before();
        if self.style.is_json() {
            self.written.push(if object { b'{' } else { b'[' });
        }
        self.levels.push(Level { object, begun: 0 });
        true
    }

    /// Closes what was opened last, if anything is open.
    pub fn close(&mut self) {
        let Some(Level { object, .. }) = self.levels.pop() else { return };
        let end: &[u8] = match self.style {
            Style::JsonRows if self.levels.is_empty() => b"]\n",
            Style::Json | Style::JsonRows if object => b"}",
            Style::Json | Style::JsonRows => b"]",
            Style::Csv if !self.levels.is_empty() => b"\r\n",
            _ => b"",
        };
        self.written.extend_from_slice(end);
    }

    /// The key of the next value of an object, with its quotes; only JSON has keys.
    pub fn key(&mut self, quoted: &[u8]) {
        if self.style.is_json() {
            self.before();
            self.written.extend_from_slice(quoted);
        }
    }

    /// A word that is no string: `true`, `false`. As a key it becomes one.
    pub fn word(&mut self, word: &[u8]) {
        if self.at_key() {
            return self.string(word);
        }
        self.before();
        if self.style != Style::Raw {
            self.written.extend_from_slice(word);
        }
        self.after();
    }

    /// Nothing: NULL, nil.
    pub fn null(&mut self) {
        self.word(if self.style.is_json() && !self.at_key() { b"null" } else { b"" });
    }

    /// A number as the peer wrote it. Where JSON does not write numbers so, it is a string.
    pub fn number(&mut self, text: &[u8]) {
        if !self.style.is_json() || self.at_key() {
            return self.word(text);
        }
        let text = text.strip_prefix(b"+").unwrap_or(text);
        if serde_json::from_slice::<f64>(text).is_ok() {
            return self.word(text);
        }
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
        if number.is_some_and(|number| !number.is_finite()) { self.null() } else { self.string(text) }
    }

    /// A string that is there as a whole.
    pub fn string(&mut self, text: &[u8]) {
        self.begin_string();
        match self.style {
            Style::Raw => {}
            Style::Text => self.written.extend_from_slice(text),
            _ => self.quoted(text),
        }
        self.end_string();
    }

    /// A string begins.
    pub fn begin_string(&mut self) {
        self.before();
        self.quote();
    }

    /// Goes on with a string.
    pub fn part(&mut self, part: Slice, out: &mut Relay) {
        if matches!(self.style, Style::Raw | Style::Text) {
            self.hand_on(out);
            out.push(part);
        } else {
            self.quoted(&part);
        }
    }

    /// The string is over.
    pub fn end_string(&mut self) {
        self.text.finish(&mut self.written);
        self.quote();
        self.after();
    }

    fn quoted(&mut self, part: &[u8]) {
        if self.style.is_json() {
            return self.text.push(part, &mut self.written);
        }
        for byte in part {
            if *byte == b'"' {
                self.written.push(b'"');
            }
            self.written.push(*byte);
        }
    }

    fn quote(&mut self) {
        if !matches!(self.style, Style::Raw | Style::Text) {
            self.written.push(b'"');
        }
    }

    /// What comes next is the key of an object, in JSON.
    fn at_key(&self) -> bool {
        let object = self.levels.last().filter(|level| level.object && self.style.is_json());
        object.is_some_and(|level| level.begun % 2 == 0)
    }

    /// Something begins: writes what parts it from what was before.
    fn before(&mut self) {
        let depth = self.levels.len();
        let Some(level) = self.levels.last_mut() else { return };
        let between: &[u8] = match self.style {
            _ if level.begun == 0 => b"",
            Style::Json | Style::JsonRows if level.object && level.begun % 2 == 1 => b":",
            Style::JsonRows if depth == 1 => b",\n",
            Style::Json | Style::JsonRows => b",",
            Style::Csv if depth > 1 => b",",
            _ => b"",
        };
        level.begun += 1;
        self.written.extend_from_slice(between);
    }

    /// A value that is neither list nor object is over.
    fn after(&mut self) {
        if self.style == Style::Text && !self.levels.is_empty() {
            self.written.push(b'\n');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of a row of each kind of value, and what became of it.
    fn shown(style: Style) -> String {
        let (mut values, mut relay) = (Values::new(style), Relay::default());
        assert!(values.open(false));
        for object in [true, false] {
            assert!(values.open(object));
            values.key(b"\"a\"");
            values.number(b"+1");
            values.key(b"\"b\"");
            values.null();
            values.key(b"\"c\"");
            values.begin_string();
            values.part(Slice::from("x\""), &mut relay);
            values.part(Slice::from("y"), &mut relay);
            values.end_string();
            values.close();
        }
        values.close();
        values.hand_on(&mut relay);
        String::from_utf8(relay.chain.gather().unwrap().to_vec()).unwrap()
    }

    #[test]
    fn the_same_values_have_a_form_in_every_style() {
        assert_eq!(shown(Style::Raw), "x\"yx\"y");
        assert_eq!(shown(Style::Text), "+1\n\nx\"y\n+1\n\nx\"y\n");
        assert_eq!(shown(Style::Csv), "+1,,\"x\"\"y\"\r\n+1,,\"x\"\"y\"\r\n");
    }

    #[test]
    fn only_strings_are_keys_and_only_numbers_of_json_are_numbers() {
        let mut values = Values::new(Style::JsonRows);
        values.open(false);
        values.open(true);
        assert!(!values.open(true));
        values.number(b"1");
        values.number(b"007");
        values.word(b"true");
        values.number(b"nan");
        values.close();
        values.word(b"false");
        values.close();
        assert_eq!(values.written, b"[{\"1\":\"007\",\"true\":null},\nfalse]\n");
    }
}
