//! The answer to a query: definitions of columns, rows, an end; and how the client sees them.
//!
//! *In nginx* nothing.
//!
//! *Here* [`Rows`] reads rows as a stream of bytes. Of a value it knows how much is due, not what it
//! is, and whatever has come of it is written at once. Only definitions and the packets between are
//! collected.
//!
//! ```text
//!   Columns ─▶ Gap ─▶ Row ─▶ Length ─▶ Value ─▶ Length ─▶ … ─▶ RowEnd ─▶ Row ─▶ … ─▶ Done
//!
//!   json  [{"a":1,"b":"x"},        csv  "a","b"⏎
//!          {"a":2,"b":null}]            1,"x"⏎ 2,⏎
//! ```
//!
//! Numbers are written as the server wrote them where JSON allows that; any other value is a string. In
//! CSV a string is quoted and NULL is nothing between two commas (RFC 4180).
//!
//! *Read next*: `../json.rs`.

use super::packet::{Packets, Words, error, little, width};
use crate::buf::Slice;
use crate::protocol::json::{self, Text};
use crate::protocol::{Fault, Flow, Input, Relay};

/// More columns than any table can have.
const COLUMNS: u64 = 4096;
/// The first byte of an error, of the packet behind rows, of NULL.
const ERROR: u8 = 0xff;
const END: u8 = 0xfe;
const NULL: u8 = 0xfb;

/// What the client gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A list of objects.
    Json,
    /// Lines of values, the names first.
    Csv,
}

#[derive(Clone, Debug)]
struct Column {
    /// As the format writes it in front of a value, or in the first line.
    name: Vec<u8>,
    is_number: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// Definitions are due.
    Columns(u64),
    /// The packet behind them.
    Gap,
    /// The beginning of a row, or the end of all.
    Row,
    /// The length of a value.
    Length,
    /// So much of a value.
    Value(u64),
    /// The end of the row.
    RowEnd,
    /// The end of all.
    Done,
}

/// An answer on its way to the client.
#[derive(Clone, Debug)]
pub struct Rows {
    format: Format,
    at: At,
    columns: Vec<Column>,
    /// Which value of the row is due.
    column: usize,
    /// A row has been written.
    began: bool,
    /// The bytes so far of a length, or of a number.
    part: Vec<u8>,
    text: Text,
    /// What has been written and not handed on.
    pub written: Vec<u8>,
}

impl Rows {
    /// No answer yet.
    pub fn new(format: Format) -> Rows {
        let (columns, part, written) = (Vec::new(), Vec::new(), Vec::new());
        Rows { format, at: At::Done, columns, column: 0, began: false, part, text: Text::default(), written }
    }

    /// So many columns are coming.
    ///
    /// # Errors
    /// `Invalid`: too many, or none.
    pub fn begin(&mut self, columns: u64) -> Result<(), Fault> {
        if columns == 0 || columns > COLUMNS {
            return Err(Fault::Invalid("a broken number of columns"));
        }
        self.at = At::Columns(columns);
        Ok(())
    }

    /// The answer to a statement that has no rows.
    pub fn changed(&mut self, rows: u64, id: u64) {
        let text = match self.format {
            Format::Json => format!("{{\"affected_rows\":{rows},\"insert_id\":{id}}}"),
            Format::Csv => format!("\"affected_rows\",\"insert_id\"\r\n{rows},{id}\r\n"),
        };
        self.written.extend_from_slice(text.as_bytes());
    }

    /// Goes on reading; `packet` collects what is read whole.
    ///
    /// # Errors
    /// `Invalid`: the server gave up, or this is no answer.
    pub fn read(
        &mut self,
        packets: &mut Packets,
        input: &mut Input,
        packet: &mut Vec<u8>,
        out: &mut Relay,
    ) -> Result<Flow, Fault> {
        loop {
            let goes_on = match self.at {
                At::Done => return Ok(Flow::Last),
                At::Columns(_) | At::Gap => {
                    if !packets.whole(input, packet)? {
                        return Ok(Flow::More);
                    }
                    self.definition(&std::mem::take(packet))?;
                    true
                }
                At::Row => self.row(packets, input, packet, out)?,
                At::Length => self.length(packets, input)?,
                At::Value(left) => self.value(packets, input, left)?,
                At::RowEnd => match packets.at_end(input) {
                    None => false,
                    Some(false) => return Err(Fault::Invalid("a row with too many values")),
                    Some(true) => {
                        self.end_row();
                        true
                    }
                },
            };
            if !goes_on {
                return Ok(Flow::More);
            }
        }
    }

    /// A definition of a column, or the packet behind the last of them.
    fn definition(&mut self, packet: &[u8]) -> Result<(), Fault> {
        let At::Columns(left) = self.at else {
            if packet.first() != Some(&END) {
                return Err(Fault::Invalid("no end behind the definitions of columns"));
            }
            self.begin_rows();
            return Ok(());
        };
        let column = self.column_of(packet).ok_or(Fault::Invalid("a broken definition of a column"))?;
        self.columns.push(column);
        self.at = if left > 1 { At::Columns(left - 1) } else { At::Gap };
        Ok(())
    }

    fn column_of(&self, packet: &[u8]) -> Option<Column> {
        let mut words = Words(packet);
        // Catalog, schema, table and the table's own name.
        for _ in 0..4 {
            words.string()?;
        }
        let name = words.string()?;
        words.string()?;
        // A length, character set (2), width (4).
        words.bytes(1 + 2 + 4)?;
        let kind = *words.bytes(1)?.first()?;
        let is_number = matches!(kind, 0..=5 | 8 | 9 | 13 | 246);
        let mut quoted = Vec::with_capacity(name.len().saturating_add(2));
        match self.format {
            Format::Json => json::quoted(name, &mut quoted),
            Format::Csv => {
                quoted.push(b'"');
                double_quotes(name, &mut quoted);
                quoted.push(b'"');
            }
        }
        Some(Column { name: quoted, is_number })
    }

    fn begin_rows(&mut self) {
        self.at = At::Row;
        if self.format == Format::Json {
            self.written.push(b'[');
            return;
        }
        let names: Vec<&[u8]> = self.columns.iter().map(|column| &column.name[..]).collect();
        self.written.extend_from_slice(&names.join(&b","[..]));
        self.written.extend_from_slice(b"\r\n");
    }

    /// The beginning of a row, or what is there instead. False: more is needed.
    fn row(
        &mut self,
        packets: &mut Packets,
        input: &mut Input,
        packet: &mut Vec<u8>,
        out: &mut Relay,
    ) -> Result<bool, Fault> {
        if !packets.begin(input) {
            return Ok(false);
        }
        if packets.left() == 0 && packet.is_empty() {
            return Err(Fault::Invalid("an empty packet for a row"));
        }
        // Bytes of a packet that is collected are gone from the window; the first of them says what it is.
        let first = packet.first().or_else(|| input.bytes().first()).copied();
        let is_end = first == Some(END) && packets.left().saturating_add(packet.len()) < 9;
        match first {
            None => return Ok(false),
            Some(ERROR) => {
                if !packets.whole(input, packet)? {
                    return Ok(false);
                }
                out.notes.push(Slice::from(format!("upstream sent an error: \"{}\"", error(packet).1)));
                return Err(Fault::Invalid("an error instead of a row"));
            }
            Some(_) if is_end => {
                if packets.whole(input, packet)? {
                    self.end();
                }
                return Ok(self.at == At::Done);
            }
            Some(_) => {}
        }
        if self.format == Format::Json {
            self.written.extend_from_slice(if self.began { b",\n{" } else { b"{" });
        }
        (self.at, self.column, self.began) = (At::Length, 0, true);
        Ok(true)
    }

    /// The length of a value, whose bytes may come one by one.
    fn length(&mut self, packets: &mut Packets, input: &mut Input) -> Result<bool, Fault> {
        let wanted = self.part.first().map_or(1, |first| 1 + width(*first));
        if self.part.len() < wanted {
            let bytes = packets.take(input, wanted - self.part.len());
            self.part.extend_from_slice(&bytes);
            if bytes.is_empty() {
                return self.starved(packets, input);
            }
            return Ok(true);
        }
        let part = std::mem::take(&mut self.part);
        let (first, number) = part.split_first().ok_or(Fault::Invalid("a value without a length"))?;
        self.begin_value(*first == NULL);
        match (*first, number.len()) {
            (NULL, _) => self.end_value(),
            (0xfc..=0xfe, _) => self.at = At::Value(little(number)),
            (0xff, _) => return Err(Fault::Invalid("a broken length of a value")),
            (length, _) => self.at = At::Value(u64::from(length)),
        }
        Ok(true)
    }

    /// There are no more bytes: of the window, or of the message.
    fn starved(&self, packets: &mut Packets, input: &mut Input) -> Result<bool, Fault> {
        match packets.at_end(input) {
            Some(true) => Err(Fault::Invalid("a row with too few values")),
            _ => Ok(false),
        }
    }

    fn value(&mut self, packets: &mut Packets, input: &mut Input, left: u64) -> Result<bool, Fault> {
        if left == 0 {
            if self.is_number() {
                let digits = std::mem::take(&mut self.part);
                match (self.format, json::number(&digits)) {
                    (Format::Json, None) => json::quoted(&digits, &mut self.written),
                    _ => self.written.extend_from_slice(&digits),
                }
            } else {
                self.text.finish(&mut self.written);
                self.written.push(b'"');
            }
            self.end_value();
            return Ok(true);
        }
        let bytes = packets.take(input, usize::try_from(left).unwrap_or(usize::MAX));
        if bytes.is_empty() {
            return self.starved(packets, input);
        }
        self.at = At::Value(left - bytes.len() as u64);
        match self.format {
            // No number has so many digits; what has is cut short, not held.
            _ if self.is_number() => {
                if self.part.len() < 1024 {
                    self.part.extend_from_slice(&bytes);
                }
            }
            Format::Json => self.text.push(&bytes, &mut self.written),
            Format::Csv => double_quotes(&bytes, &mut self.written),
        }
        Ok(true)
    }

    fn is_number(&self) -> bool {
        self.columns.get(self.column).is_some_and(|column| column.is_number)
    }

    fn begin_value(&mut self, null: bool) {
        if self.column > 0 {
            self.written.push(b',');
        }
        if self.format == Format::Json {
            let name = self.columns.get(self.column).map(|column| &column.name[..]).unwrap_or_default();
            self.written.extend_from_slice(name);
            self.written.push(b':');
            if null {
                self.written.extend_from_slice(b"null");
            }
        }
        if !null && !self.is_number() {
            self.written.push(b'"');
        }
    }

    fn end_value(&mut self) {
        self.column += 1;
        self.at = if self.column < self.columns.len() { At::Length } else { At::RowEnd };
    }

    fn end_row(&mut self) {
        self.at = At::Row;
        self.written.extend_from_slice(if self.format == Format::Json { b"}" } else { b"\r\n" });
    }

    fn end(&mut self) {
        self.at = At::Done;
        if self.format == Format::Json {
            self.written.extend_from_slice(b"]\n");
        }
    }
}

fn double_quotes(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
}
