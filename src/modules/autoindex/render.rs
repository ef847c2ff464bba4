//! The four formats of a listing.
//!
//! *In nginx* the second half of `ngx_http_autoindex_module`, byte by byte.
//!
//! *Here* the same bytes, since scripts read them: functions from entries to a text. Names are escaped for
//! the place they go to; a name on a page is cut after 47 letters so that dates and sizes stand below each
//! other.
//!
//! ```text
//!   <a href="a.txt">a.txt</a>          14-Nov-2023 22:13                   6
//!   { "name":"a.txt", "type":"file", "mtime":"Tue, 14 Nov 2023 22:13:20 GMT", "size":6 }
//!   <file mtime="2023-11-14T22:13:20Z" size="6">a.txt</file>
//! ```
//!
//! *Read next*: `parse/escape.rs`.

use super::{Entry, Kind};
use crate::log::clock;
use crate::parse::escape::{Escape, escape, escape_html};
use crate::sys::time;

/// Letters of a name and the blanks behind it.
const NAME: usize = 50;

/// What a page for people looks like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Look {
    /// Times of the server's zone instead of GMT.
    pub localtime: bool,
    /// Sizes in bytes.
    pub exact_size: bool,
    /// The page is sent as UTF-8, so a letter may have several bytes.
    pub utf8: bool,
}

/// A page for people.
pub fn html(uri: &[u8], entries: &[Entry], look: Look) -> Vec<u8> {
    let mut shown = Vec::new();
    escape_html(uri, &mut shown);
    let mut page = b"<html>\r\n<head><title>Index of ".to_vec();
    page.extend_from_slice(&shown);
    page.extend_from_slice(b"</title></head>\r\n<body>\r\n<h1>Index of ");
    page.extend_from_slice(&shown);
    page.extend_from_slice(b"</h1><hr><pre><a href=\"../\">../</a>\r\n");
    for entry in entries {
        line(&mut page, entry, look.utf8);
        page.extend_from_slice(&time::format(b" %d-%b-%Y %H:%M ", entry.modified, !look.localtime));
        let size = match (entry.kind == Kind::Folder, look.exact_size) {
            (true, true) => format!("{:>19}", "-"),
            (true, false) => format!("{:>7}", "-"),
            (false, true) => format!("{:>19}", entry.size),
            (false, false) => rounded(entry.size),
        };
        page.extend_from_slice(size.as_bytes());
        page.extend_from_slice(b"\r\n");
    }
    page.extend_from_slice(b"</pre><hr></body>\r\n</html>\r\n");
    page
}

/// The link of an entry, up to the column where the date begins.
fn line(page: &mut Vec<u8>, entry: &Entry, utf8: bool) {
    let folder = entry.kind == Kind::Folder;
    page.extend_from_slice(b"<a href=\"");
    escape(&entry.name, Escape::UriComponent, page);
    if folder {
        page.push(b'/');
    }
    page.extend_from_slice(b"\">");
    let text = std::str::from_utf8(&entry.name).ok().filter(|_| utf8);
    let letters = text.map_or(entry.name.len(), |text| text.chars().count());
    if letters > NAME {
        let cut = NAME - 3;
        let end = text.and_then(|text| text.char_indices().nth(cut)).map_or(cut, |(at, _)| at);
        escape_html(entry.name.get(..end).unwrap_or_default(), page);
        page.extend_from_slice(b"..&gt;</a>");
        return;
    }
    escape_html(&entry.name, page);
    let slash = folder && letters < NAME;
    if slash {
        page.push(b'/');
    }
    page.extend_from_slice(b"</a>");
    let blanks = NAME.saturating_sub(letters + usize::from(slash));
    page.extend(std::iter::repeat_n(b' ', blanks));
}

/// A size in seven columns, rounded to the unit that keeps it short.
fn rounded(size: u64) -> String {
    let units = [(30, 'G', (1 << 30) - 1), (20, 'M', (1 << 20) - 1), (10, 'K', 9999)];
    match units.iter().find(|(_, _, more_than)| size > *more_than) {
        Some((shift, unit, _)) => {
            let half = u64::from(size & ((1 << shift) - 1) > (1 << (shift - 1)) - 1);
            format!("{:>6}{unit}", (size >> shift) + half)
        }
        None => format!("{size:>7}"),
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Folder => "directory",
        Kind::File => "file",
        Kind::Other => "other",
    }
}

/// JSON, as the argument of a call if there is a function.
pub fn json(entries: &[Entry], callback: Option<&[u8]>) -> Vec<u8> {
    let mut page = Vec::new();
    if let Some(callback) = callback {
        page.extend_from_slice(&[b"/* callback */\r\n", callback, b"("].concat());
    }
    page.push(b'[');
    for (number, entry) in entries.iter().enumerate() {
        page.extend_from_slice(if number == 0 { b"\r\n{ \"name\":\"" } else { b",\r\n{ \"name\":\"" });
        escape_json(&entry.name, &mut page);
        let (word, date) = (word(entry.kind), clock::http_date(entry.modified));
        let date = date.as_str();
        page.extend_from_slice(format!("\", \"type\":\"{word}\", \"mtime\":\"{date}\"").as_bytes());
        if entry.kind == Kind::File {
            page.extend_from_slice(format!(", \"size\":{}", entry.size).as_bytes());
        }
        page.extend_from_slice(b" }");
    }
    page.extend_from_slice(b"\r\n]");
    if callback.is_some() {
        page.extend_from_slice(b");");
    }
    page
}

/// The escapes of a JSON string (RFC 8259, section 7); other bytes stand as they are.
fn escape_json(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04X}").as_bytes()),
            _ => out.push(byte),
        }
    }
}

/// XML.
pub fn xml(entries: &[Entry]) -> Vec<u8> {
    let mut page = b"<?xml version=\"1.0\"?>\r\n<list>\r\n".to_vec();
    for entry in entries {
        let word = word(entry.kind);
        page.extend_from_slice(format!("<{word} mtime=\"").as_bytes());
        page.extend_from_slice(&time::format(b"%Y-%m-%dT%H:%M:%SZ", entry.modified, true));
        page.push(b'"');
        if entry.kind == Kind::File {
            page.extend_from_slice(format!(" size=\"{}\"", entry.size).as_bytes());
        }
        page.push(b'>');
        escape_html(&entry.name, &mut page);
        page.extend_from_slice(format!("</{word}>\r\n").as_bytes());
    }
    page.extend_from_slice(b"</list>\r\n");
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_seven_columns() {
        let rows = [
            (0, "      0"),
            (9999, "   9999"),
            (10_000, "    10K"),
            (20_000, "    20K"),
            (3_000_000, "     3M"),
            (u64::MAX, "17179869184G"),
        ];
        for (size, want) in rows {
            assert_eq!(rounded(size), want);
        }
    }

    #[test]
    fn an_empty_folder_has_its_frame() {
        let page = String::from_utf8(html(b"/<a>/", &[], Look::default())).expect("text");
        assert!(
            page.contains(
                "<h1>Index of /&lt;a&gt;/</h1><hr><pre><a href=\"../\">../</a>\r\n</pre><hr></body>"
            )
        );
        assert_eq!(json(&[], Some(b"f")), b"/* callback */\r\nf([\r\n]);");
    }
}
