//! Turning bytes of one character set into those of another, as they pass.
//!
//! *In nginx* `ngx_http_charset_recode`, `…_to_utf8` and `…_from_utf8`.
//!
//! *Here* one filter with the table it was given. A UTF-8 sequence may be cut by the end of a piece; its
//! beginning is kept for the next. A code point the other set does not have is shown as `&#1234;`, what is no
//! UTF-8 as a question mark.
//!
//! *Read next*: `map.rs`.

use super::map::Table;
use crate::buf::{Chain, Slice};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::output::{BodyFilter, Stage};
use crate::http::turn::Status;
use std::collections::HashMap;

/// A body on its way from one set to another.
pub struct Recoder {
    table: Table,
    /// The beginning of a UTF-8 sequence whose end has not come yet.
    kept: Vec<u8>,
}

impl Recoder {
    /// A body that goes by this table.
    pub fn new(table: Table) -> Recoder {
        Recoder { table, kept: Vec::new() }
    }

    fn recode(&mut self, bytes: &[u8]) -> Vec<u8> {
        match &self.table {
            Table::Bytes(table) => {
                bytes.iter().map(|byte| table.get(usize::from(*byte)).copied().unwrap_or(b'?')).collect()
            }
            Table::ToUtf8(table) => {
                let mut out = Vec::with_capacity(bytes.len().saturating_mul(2));
                for byte in bytes {
                    match table.get(usize::from(*byte)) {
                        Some(sequence) => out.extend_from_slice(sequence),
                        None => out.push(b'?'),
                    }
                }
                out
            }
            Table::FromUtf8(table) => {
                self.kept.extend_from_slice(bytes);
                let whole = std::mem::take(&mut self.kept);
                let (out, used) = from_utf8(&whole, table);
                self.kept = whole.get(used..).unwrap_or_default().to_vec();
                out
            }
        }
    }
}

/// The bytes of as much of `text` as is whole, and how much that was.
fn from_utf8(text: &[u8], table: &HashMap<u32, u8>) -> (Vec<u8>, usize) {
    let mut out = Vec::with_capacity(text.len());
    let mut used = 0;
    for chunk in text.utf8_chunks() {
        for point in chunk.valid().chars() {
            match table.get(&u32::from(point)) {
                Some(byte) => out.push(*byte),
                None if point.is_ascii() => out.push(point as u8),
                None => out.extend_from_slice(format!("&#{};", u32::from(point)).as_bytes()),
            }
        }
        used += chunk.valid().len();
        let broken = chunk.invalid();
        // At the very end it may be only the beginning of a sequence.
        let cut = used + broken.len() == text.len() && is_beginning(broken);
        if !broken.is_empty() && !cut {
            out.push(b'?');
            used += broken.len();
        }
    }
    (out, used)
}

/// True if more bytes could make this a UTF-8 sequence.
fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

impl BodyFilter for Recoder {
    fn stage(&self) -> Stage {
        Stage::Charset
    }

    fn filter(
        &mut self,
        _: &mut Exchange,
        _: RequestIx,
        _: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status> {
        while let Some(bytes) = input.pop_memory() {
            out.push(Slice::from(self.recode(&bytes)));
        }
        if input.last && !std::mem::take(&mut self.kept).is_empty() {
            out.push("?".into());
        }
        out.set_flags_of(input);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::rc::Rc;

    #[test]
    fn a_sequence_may_be_cut_anywhere() {
        let table = Table::FromUtf8(Rc::new(HashMap::from([(0x430, 0xc1), (0x20ac, 0x80)])));
        let text = "a\u{430}\u{20ac}\u{431}b".as_bytes();
        for cut in 0..=text.len() {
            let mut recoder = Recoder::new(table.clone());
            let (left, right) = text.split_at(cut);
            let all = [recoder.recode(left), recoder.recode(right)].concat();
            assert_eq!(all, b"a\xc1\x80&#1073;b", "cut at {cut}");
        }
        assert_eq!(Recoder::new(table).recode(b"a\xff\xd0b"), b"a??b");
    }
}
