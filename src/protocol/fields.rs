//! The fields of a reply, as spans of the pages they came in.
//!
//! *In nginx* `u->headers_in.headers`: a list of pairs of strings that point into `u->buffer`, which has to
//! stay as it is until the request is over.
//!
//! *Here* [`Fields`] points in the same way, but holds what it points into: each page once, however many
//! fields stand in it. To take a field in is to note four offsets, and to let go of all of them is to let go
//! of a page. A module that makes a field of its own ([`Fields::add`]) has it copied into a page that belongs
//! to the list, so that readers see no difference. [`Field`] is how one is looked at while the list is
//! borrowed; what outlives that is asked for by name: [`Field::kept_value`] is a counted view.
//!
//! ```text
//!   page 0    HTTP/1.1 200 OK⏎Server: x⏎Date: …⏎          rows: name 17..23, value 25..26, Server, page 0
//!                             ╰────╯  ╰╯                         name 28..32, value 34..63, Date,   page 0
//!   page 1    Content-Typetext/csv        (added)                name 0..12,  value 12..20, …,      page 1
//! ```
//!
//! *Read next*: `head.rs`, what else a reply's head says; `http/headers.rs`, the client's fields.

use super::names::{Name, Set};
use crate::buf::{Page, Slice};
use crate::parse::Span;
use crate::util::lists::empty;
use std::fmt;

/// A field of a reply, as it is looked at.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// As the peer spelled it.
    pub name: &'a [u8],
    /// Without white space around it.
    pub value: &'a [u8],
    /// Which one it is.
    pub known: Name,
    /// It belongs to the connection with the peer: variables show it, the client does not get it.
    pub hop: bool,
    row: &'a Row,
    page: &'a Slice,
}

impl Field<'_> {
    /// Its name, to be kept: a counted view of the page it came in.
    pub fn kept_name(&self) -> Slice {
        self.kept(self.row.name)
    }

    /// Its value, to be kept.
    pub fn kept_value(&self) -> Slice {
        self.kept(self.row.value)
    }

    fn kept(&self, span: Span) -> Slice {
        self.page.slice(span.start as usize..span.end as usize)
    }
}

impl PartialEq for Field<'_> {
    fn eq(&self, other: &Field) -> bool {
        (self.name, self.value, self.hop) == (other.name, other.value, other.hop)
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hop = if self.hop { " (hop)" } else { "" };
        write!(f, "{}: {}{hop}", self.name.escape_ascii(), self.value.escape_ascii())
    }
}

/// Where a field stands.
#[derive(Clone, Copy)]
struct Row {
    name: Span,
    value: Span,
    /// Which of the pages the spans are of.
    page: u32,
    known: Name,
    hop: bool,
}

/// How many bytes a page for added fields holds at least.
const OWN: usize = 1024;

/// Fields in the order they came.
#[derive(Default)]
pub struct Fields {
    rows: Vec<Row>,
    /// What the spans are of: nearly always one page, the one that the head came in.
    pages: Vec<Slice>,
    /// The page that added fields are written to, and its place among the pages.
    own: Option<(Page, usize)>,
    /// Which of the known names there are.
    names: Set,
}

impl Fields {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Forgets all. The lists keep their memory unless that is much.
    pub fn clear(&mut self) {
        empty(&mut self.rows);
        empty(&mut self.pages);
        self.own = None;
        self.names = Set::default();
    }

    /// Takes in fields that stand in this page, of which all that has been read is given.
    pub fn read_from(&mut self, page: Slice) -> Reading<'_> {
        page.hold_in(&mut self.pages);
        let page = self.pages.len().saturating_sub(1) as u32;
        Reading { rows: &mut self.rows, names: &mut self.names, page }
    }

    /// Adds a field that is not in any page: its bytes are copied. `hop`: clients do not get it.
    pub fn add(&mut self, name: &[u8], value: &[u8], hop: bool) {
        let wanted = name.len().saturating_add(value.len());
        let (mut page, at) = match self.own.take().filter(|(page, _)| page.room() >= wanted) {
            Some(own) => own,
            None => {
                self.pages.push(Slice::EMPTY);
                (Page::with_capacity(wanted.max(OWN)), self.pages.len() - 1)
            }
        };
        let start = page.len();
        page.append(name);
        let middle = page.len();
        page.append(value);
        if let Some(view) = self.pages.get_mut(at) {
            *view = page.slice(0..page.len());
        }
        let (name_span, value_span) = (Span::new(start, middle), Span::new(middle, page.len()));
        let known = Name::of(name);
        self.rows.push(Row { name: name_span, value: value_span, page: at as u32, known, hop });
        self.names.add(known);
        self.own = Some((page, at));
    }

    fn view<'a>(&'a self, row: &'a Row) -> Field<'a> {
        let page = self.pages.get(row.page as usize).unwrap_or(const { &Slice::EMPTY });
        let Row { name, value, known, hop, .. } = *row;
        Field { name: name.of(page), value: value.of(page), known, hop, row, page }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.rows.iter().map(|row| self.view(row))
    }

    /// The one at this place of the order.
    #[inline]
    pub fn at(&self, at: usize) -> Option<Field<'_>> {
        self.rows.get(at).map(|row| self.view(row))
    }

    /// Place and number of the first one from `from` on that is `wanted`, by its number and by whether it
    /// ends at this hop; nothing else is looked at.
    #[inline]
    pub fn find_from(&self, from: usize, wanted: impl Fn(Name, bool) -> bool) -> Option<(usize, Name)> {
        let mut rest = self.rows.get(from..)?.iter().enumerate();
        rest.find(|(_, row)| wanted(row.known, row.hop)).map(|(at, row)| (from + at, row.known))
    }

    /// The value of the one at this place, to be kept.
    #[inline]
    pub fn kept_value(&self, at: usize) -> Option<Slice> {
        let row = self.rows.get(at)?;
        let Span { start, end } = row.value;
        self.pages.get(row.page as usize).map(|page| page.slice(start as usize..end as usize))
    }

    /// Whether there is one of this name.
    pub fn has(&self, name: Name) -> bool {
        self.names.has(name)
    }

    /// All of a known name, in order.
    pub fn known(&self, name: Name) -> impl Iterator<Item = Field<'_>> {
        let rows = if self.has(name) { &self.rows[..] } else { &[] };
        rows.iter().filter(move |row| row.known == name).map(|row| self.view(row))
    }

    /// All of a name in any case of letters, in order.
    pub fn named<'a>(&'a self, name: &[u8]) -> impl Iterator<Item = Field<'a>> {
        self.iter().filter(move |field| field.name.eq_ignore_ascii_case(name))
    }

    /// Marks those that turn out to belong to the connection with the peer.
    pub fn mark_hops(&mut self, mut is_hop: impl FnMut(Field) -> bool) {
        for at in 0..self.rows.len() {
            let hop = self.at(at).is_some_and(&mut is_hop);
            if let Some(row) = self.rows.get_mut(at) {
                row.hop |= hop;
            }
        }
    }
}

/// Fields being read from one page.
pub struct Reading<'a> {
    rows: &'a mut Vec<Row>,
    names: &'a mut Set,
    page: u32,
}

impl Reading<'_> {
    /// Takes in a field that stands there.
    #[inline]
    pub fn push(&mut self, name: Span, value: Span, known: Name, hop: bool) {
        self.rows.push(Row { name, value, page: self.page, known, hop });
        self.names.add(known);
    }
}

/// The page for added fields has one writer: a copy writes to another one.
impl Clone for Fields {
    fn clone(&self) -> Fields {
        Fields { rows: self.rows.clone(), pages: self.pages.clone(), own: None, names: self.names }
    }
}

/// Where the bytes are makes no difference.
impl PartialEq for Fields {
    fn eq(&self, other: &Fields) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_pages_and_added_ones_stand_in_one_order() {
        let mut fields = Fields::default();
        let mut page = Page::with_capacity(4096);
        page.append(b"Server: x\r\n");
        let mut reading = fields.read_from(page.slice(0..99));
        reading.push(Span::new(0, 6), Span::new(8, 9), Name::Server, false);
        page.append(b"A: b\r\n");
        let mut reading = fields.read_from(page.slice(0..99));
        reading.push(Span::new(11, 12), Span::new(14, 15), Name::Other, false);
        assert_eq!(fields.pages.len(), 1);
        fields.add(b"content-type", b"text/csv", false);
        let long = vec![b'l'; 2 * OWN];
        fields.add(b"Long", &long, true);
        let copy = fields.clone();
        fields.add(b"Z", b"", false);
        let values: Vec<_> = fields.iter().map(|field| (field.name, field.value.len(), field.hop)).collect();
        let all: [(&[u8], usize, bool); 5] = [
            (b"Server", 1, false),
            (b"A", 1, false),
            (b"content-type", 8, false),
            (b"Long", long.len(), true),
            (b"Z", 0, false),
        ];
        assert_eq!(values, all);
        assert_eq!((copy.len(), copy == fields), (4, false));
        let mut csv = fields.known(Name::ContentType);
        assert_eq!(csv.next().map(|field| field.kept_value()), Some(Slice::from("text/csv")));
        assert!(csv.next().is_none() && fields.known(Name::Date).next().is_none());
        assert!(page.is_unshared() || fields.named(b"a").any(|field| field.value == b"b"));
        drop(csv);
        fields.mark_hops(|field| field.known == Name::Server);
        assert!(fields.at(0).is_some_and(|field| field.hop) && fields.at(1).is_some_and(|field| !field.hop));
        drop(copy);
        fields.clear();
        assert!(fields.is_empty() && !fields.has(Name::Server) && page.is_unshared());
    }
}
