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
//! Numbers are written as the server wrote them where JSON allows that; any other value is a string.
//!
//! *Read next*: `../values.rs`, where commas, brackets and quotes are written.

use super::packet::{Packets, Words, error, little, width};
use crate::buf::Slice;
use crate::protocol::values::{Style, Values};
use crate::protocol::{Fault, Flow, Input, Relay};

/// More columns than any table can have.
const COLUMNS: u64 = 4096;
/// The first byte of an error, of the packet behind rows, of NULL.
const ERROR: u8 = 0xff;
const END: u8 = 0xfe;
const NULL: u8 = 0xfb;

#[derive(Clone, Debug)]
struct Column {
    /// With its quotes.
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
    at: At,
    columns: Vec<Column>,
    /// Which value of the row is due.
    column: usize,
    /// The bytes so far of a length, or of a number.
    part: Vec<u8>,
    /// Where they are written.
    pub values: Values,
}

impl Rows {
    /// No answer yet.
    pub fn new(style: Style) -> Rows {
        let (columns, part, values) = (Vec::new(), Vec::new(), Values::new(style));
        Rows { at: At::Done, columns, column: 0, part, values }
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
        let text = match self.values.style() {
            Style::Csv => format!("\"affected_rows\",\"insert_id\"\r\n{rows},{id}\r\n"),
            _ => format!("{{\"affected_rows\":{rows},\"insert_id\":{id}}}"),
        };
        self.values.written.extend_from_slice(text.as_bytes());
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
                At::Value(left) => self.value(packets, input, left, out)?,
                At::RowEnd => match packets.at_end(input) {
                    None => false,
                    Some(false) => return Err(Fault::Invalid("a row with too many values")),
                    Some(true) => {
                        self.values.close();
                        self.at = At::Row;
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
        let mut quoted = Values::new(self.values.style());
        quoted.string(name);
        Some(Column { name: quoted.written, is_number })
    }

    fn begin_rows(&mut self) {
        self.at = At::Row;
        self.values.open(false);
        if self.values.style() == Style::Csv {
            self.values.open(false);
            self.columns.iter().for_each(|column| self.values.word(&column.name));
            self.values.close();
        }
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
                    self.values.close();
                    self.at = At::Done;
                }
                return Ok(self.at == At::Done);
            }
            Some(_) => {}
        }
        self.values.open(true);
        (self.at, self.column) = (At::Length, 0);
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

    fn value(
        &mut self,
        packets: &mut Packets,
        input: &mut Input,
        left: u64,
        out: &mut Relay,
    ) -> Result<bool, Fault> {
        if left == 0 {
            if self.is_number() {
                self.values.number(&std::mem::take(&mut self.part));
            } else {
                self.values.end_string();
            }
            self.end_value();
            return Ok(true);
        }
        let bytes = packets.take(input, usize::try_from(left).unwrap_or(usize::MAX));
        if bytes.is_empty() {
            return self.starved(packets, input);
        }
        self.at = At::Value(left - bytes.len() as u64);
        if !self.is_number() {
            self.values.part(bytes, out);
        } else if self.part.len() < 1024 {
            // No number has so many digits; what has is cut short, not held.
            self.part.extend_from_slice(&bytes);
        }
        Ok(true)
    }

    fn is_number(&self) -> bool {
        self.columns.get(self.column).is_some_and(|column| column.is_number)
    }

    fn begin_value(&mut self, null: bool) {
        let Some(column) = self.columns.get(self.column) else { return };
        self.values.key(&column.name);
        if null {
            self.values.null();
        } else if !column.is_number {
            self.values.begin_string();
        }
    }

    fn end_value(&mut self) {
        self.column += 1;
        self.at = if self.column < self.columns.len() { At::Length } else { At::RowEnd };
    }
}
