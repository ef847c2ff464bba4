//! Header fields, as they came and as they go.
//!
//! *In nginx* `r->headers_in` and `r->headers_out`: a list of all fields and, beside it, pointers to the
//! ones the server cares about; a field is deleted by setting its `hash` to zero.
//!
//! *Here* incoming fields are spans of the page they arrived in, which is held once for all of them: to
//! take a field costs no count, and to let go of a hundred costs one. Each has the number of its name if
//! it is a [`Known`] one, and a set of bits says which of those came at all, so most questions ("is
//! there a Range?") are answered by one bit. Outgoing fields are a plain list; what every response has
//! (status, type, length, date) has a place of its own and is written from there.
//!
//! This file knows no rules about what a field means; those are in `client/head.rs` and in the modules.
//!
//! *Read next*: `client/head.rs` (in), `output/header.rs` (out).

use crate::buf::Slice;
pub use crate::parse::known::Known;
use crate::parse::{self, Span};
use crate::util::lists::empty;

/// A request field, as spans of the page it came in.
#[derive(Clone, Copy, Debug)]
struct Field {
    name: Span,
    value: Span,
    /// Which one it is.
    known: Known,
    /// Which of the pages the spans are of.
    page: u8,
    /// Its line can be passed on as it stands.
    plain: bool,
}

/// A request field, as it is looked at.
#[derive(Clone, Copy, Debug)]
pub struct FieldView<'a> {
    /// As the client spelled it.
    pub name: &'a [u8],
    /// Without white space around it.
    pub value: &'a [u8],
    /// Which one it is.
    pub known: Known,
}

/// A part of a header that is passed on, see [`HeadersIn::pass`].
pub enum Passed<'a> {
    /// Whole lines, as they came.
    Lines(&'a [u8]),
    /// A field whose line is not written in the usual way.
    Field(FieldView<'a>),
}

/// What the client wants of the connection (nginx: `connection_type`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionType {
    /// It did not say.
    #[default]
    Unsaid,
    /// `Connection: close`.
    Close,
    /// `Connection: keep-alive`.
    KeepAlive,
}

/// The fields of a request and what was understood of them.
#[derive(Clone, Debug, Default)]
pub struct HeadersIn {
    /// All fields, in order.
    fields: Vec<Field>,
    /// The pages they came in: one, unless large buffers were needed. One count each keeps all fields.
    pages: Vec<Slice>,
    /// Which of the pages the next field stands in.
    page: u8,
    /// The bits of the known fields among them.
    seen: u32,
    /// The host the request is for, lower case and without port: of the request line or of Host.
    pub server: Slice,
    /// The port that was given with it, as text; empty for none.
    pub port: Slice,
    /// Content-Length, or the length of a chunked body once it has been read.
    pub content_length: Option<u64>,
    /// The body comes in chunks.
    pub chunked: bool,
    /// What the client wants of the connection.
    pub connection: ConnectionType,
}

impl HeadersIn {
    /// Makes it a new one; the lists keep their memory within bounds.
    pub fn clear(&mut self) {
        empty(&mut self.fields);
        empty(&mut self.pages);
        (self.page, self.seen) = (0, 0);
        self.server.clear();
        self.port.clear();
        self.content_length = None;
        self.chunked = false;
        self.connection = ConnectionType::Unsaid;
    }

    /// The fields of these lines, for tests.
    #[cfg(test)]
    pub fn of_lines(lines: &str) -> HeadersIn {
        use crate::parse::header::{HeaderParser, HeaderStep};
        let mut headers = HeadersIn::default();
        headers.read_from(Slice::copy(lines.as_bytes()));
        let mut parser = HeaderParser::at(0);
        while let Ok(HeaderStep::Field(field)) = parser.parse(lines.as_bytes(), true) {
            headers.push(&field);
        }
        headers
    }

    /// Fields that follow stand in this, all that has been read into a page so far.
    pub fn read_from(&mut self, whole: Slice) {
        whole.hold_in(&mut self.pages);
        // There are as many pages as `large_client_header_buffers` allows, and one; nobody allows 256 of a
        // line each, and beyond that a field would only be looked for in the wrong page.
        self.page = self.pages.len().saturating_sub(1).min(255) as u8;
    }

    /// Takes a field of the page that was named last.
    #[inline]
    pub fn push(&mut self, field: &parse::header::Field) {
        let parse::header::Field { name, value, known, plain, .. } = *field;
        self.fields.push(Field { name, value, known, page: self.page, plain });
        self.seen |= field.known.bit();
    }

    fn page(&self, field: &Field) -> &Slice {
        self.pages.get(usize::from(field.page)).unwrap_or(const { &Slice::EMPTY })
    }

    fn view(&self, field: &Field) -> FieldView<'_> {
        let page = self.page(field);
        let (name, value) = (field.name.of(page), field.value.of(page));
        FieldView { name, value, known: field.known }
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = FieldView<'_>> {
        self.fields.iter().map(|field| self.view(field))
    }

    /// The field that came last.
    pub fn last(&self) -> Option<FieldView<'_>> {
        self.fields.last().map(|field| self.view(field))
    }

    /// The field at this place of the order.
    pub fn at(&self, at: usize) -> Option<FieldView<'_>> {
        self.fields.get(at).map(|field| self.view(field))
    }

    /// True if there is a field of this kind.
    pub fn has(&self, known: Known) -> bool {
        self.seen & known.bit() != 0
    }

    /// True if another field of this kind would be one too many.
    #[inline]
    pub fn may_not_repeat(&self, known: Known) -> bool {
        self.seen & known.bit() & Known::ONCE != 0
    }

    /// True if there is a field of one of these kinds.
    #[inline]
    pub fn has_any(&self, kinds: &[Known]) -> bool {
        let bits = kinds.iter().fold(0, |bits, known| bits | known.bit());
        self.seen & bits != 0
    }

    fn first(&self, known: Known) -> Option<&Field> {
        if !self.has(known) {
            return None;
        }
        self.fields.iter().find(|field| field.known == known)
    }

    /// The first field of a kind.
    pub fn get(&self, known: Known) -> Option<FieldView<'_>> {
        self.first(known).map(|field| self.view(field))
    }

    /// The value of the first field of a kind.
    pub fn value(&self, known: Known) -> Option<&[u8]> {
        self.get(known).map(|field| field.value)
    }

    /// The same, to be kept: a counted view of the page.
    pub fn kept(&self, known: Known) -> Option<Slice> {
        self.first(known).map(|field| self.part(field, field.value))
    }

    /// Name and value of the field at this place, to be kept.
    pub fn kept_at(&self, at: usize) -> Option<(Slice, Slice)> {
        let field = self.fields.get(at)?;
        Some((self.part(field, field.name), self.part(field, field.value)))
    }

    /// All values of a kind.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &[u8]> + Clone {
        let fields = if self.has(known) { &self.fields[..] } else { &[] };
        fields.iter().filter(move |field| field.known == known).map(|field| self.view(field).value)
    }

    /// All values of fields with this name, however spelled.
    pub fn named<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
        self.all_named(name).map(|field| self.view(field).value)
    }

    /// The same, to be kept.
    pub fn named_kept<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = Slice> {
        self.all_named(name).map(|field| self.part(field, field.value))
    }

    /// Hands on the known fields that are not in `withheld`, and the others that `passes` lets through by
    /// name. Neighbours whose lines are written as nearly all are (`Name: value`, CRLF) go together, so that
    /// what takes a copy for each field elsewhere is one.
    pub fn pass<'a>(
        &'a self,
        withheld: u32,
        passes: &dyn Fn(&[u8]) -> bool,
        mut write: impl FnMut(Passed<'a>),
    ) {
        let (mut run, mut run_page) = (Span::default(), 0);
        for field in &self.fields {
            if !field.known.is_passed(withheld, || passes(field.name.of(self.page(field)))) {
                continue;
            }
            if field.plain && (field.name.start, field.page) == (run.end, run_page) {
                run.end = field.value.end + 2;
                continue;
            }
            self.pass_run(run, run_page, &mut write);
            (run, run_page) = (Span::default(), field.page);
            match field.plain {
                true => run = Span { start: field.name.start, end: field.value.end + 2 },
                false => write(Passed::Field(self.view(field))),
            }
        }
        self.pass_run(run, run_page, &mut write);
    }

    fn pass_run<'a>(&'a self, run: Span, page: u8, write: &mut impl FnMut(Passed<'a>)) {
        if let Some(page) = self.pages.get(usize::from(page)).filter(|_| !run.is_empty()) {
            write(Passed::Lines(run.of(page)));
        }
    }

    fn all_named<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a Field> {
        let is_meant = move |field: &&Field| field.name.of(self.page(field)).eq_ignore_ascii_case(name);
        self.fields.iter().filter(is_meant)
    }

    /// A counted view of a part of a field's page.
    fn part(&self, field: &Field, span: Span) -> Slice {
        self.page(field).slice(span.start as usize..span.end as usize)
    }
}

/// A response field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutField {
    /// As it will be written.
    pub name: Slice,
    /// As it will be written.
    pub value: Slice,
}

/// The head of a response, before it is written.
#[derive(Debug, Default)]
pub struct HeadersOut {
    /// The status; 0 until somebody decides.
    pub status: u16,
    /// The status with its words, when an upstream chose them.
    pub status_line: Option<Slice>,
    /// What is not below, in order.
    pub fields: Vec<OutField>,
    /// Content-Length, if it is known.
    pub content_length: Option<u64>,
    /// Content-Type without charset.
    pub content_type: Option<Slice>,
    /// The charset to be added to it.
    pub charset: Option<Slice>,
    /// The charset an upstream asked for with X-Accel-Charset.
    pub override_charset: Option<Slice>,
    /// Last-Modified, in seconds since 1970.
    pub last_modified: Option<i64>,
    /// Server, if an upstream's is passed on; empty for none at all.
    pub server: Option<Slice>,
    /// Date, if an upstream's is passed on; empty for none at all.
    pub date: Option<Slice>,
    /// Trailer fields, sent behind a chunked body.
    pub trailers: Vec<OutField>,
    /// Trailers will follow, so the body must be chunked.
    pub expect_trailers: bool,
    /// Where a ranged response starts in the whole (slices).
    pub content_offset: u64,
}

impl HeadersOut {
    /// Makes it a new one; the list keeps its memory.
    pub fn clear(&mut self) {
        let texts = [
            &mut self.status_line,
            &mut self.content_type,
            &mut self.charset,
            &mut self.override_charset,
            &mut self.server,
            &mut self.date,
        ];
        for text in texts {
            if text.is_some() {
                *text = None;
            }
        }
        empty(&mut self.fields);
        empty(&mut self.trailers);
        self.status = 0;
        self.content_length = None;
        self.last_modified = None;
        self.expect_trailers = false;
        self.content_offset = 0;
    }

    /// Appends a field.
    pub fn add(&mut self, name: impl Into<Slice>, value: impl Into<Slice>) {
        self.fields.push(OutField { name: name.into(), value: value.into() });
    }

    /// Puts a field in place of all of the same name.
    pub fn set(&mut self, name: &'static str, value: impl Into<Slice>) {
        self.remove(name.as_bytes());
        self.add(name, value);
    }

    /// The first value of a name.
    pub fn get(&self, name: &[u8]) -> Option<&Slice> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| &field.value)
    }

    /// Drops all fields of a name.
    pub fn remove(&mut self, name: &[u8]) {
        self.fields.retain(|field| !field.name.eq_ignore_ascii_case(name));
    }

    /// Forgets the body's length (nginx: `ngx_http_clear_content_length`).
    pub fn clear_content_length(&mut self) {
        self.content_length = None;
        self.remove(b"Content-Length");
    }

    /// Forgets that ranges are accepted.
    pub fn clear_accept_ranges(&mut self) {
        self.remove(b"Accept-Ranges");
    }

    /// Forgets when it was modified.
    pub fn clear_last_modified(&mut self) {
        self.last_modified = None;
        self.remove(b"Last-Modified");
    }

    /// Forgets the entity tag.
    pub fn clear_etag(&mut self) {
        self.remove(b"ETag");
    }

    /// Makes the entity tag a weak one, for a body that a filter changes but means the same.
    pub fn weak_etag(&mut self) {
        let Some(at) = self.fields.iter().position(|field| field.name.eq_ignore_ascii_case(b"ETag")) else {
            return;
        };
        let weak = match self.fields.get(at).map(|field| &field.value[..]) {
            Some([b'W', b'/', ..]) => return,
            Some(tag @ [b'"', ..]) => Some(Slice::from([b"W/", tag].concat())),
            _ => None,
        };
        match (weak, self.fields.get_mut(at)) {
            (Some(weak), Some(field)) => field.value = weak,
            // What is no tag cannot be a weak one.
            _ => drop(self.fields.remove(at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_that_pass_go_in_one_piece_and_odd_lines_by_themselves() {
        let headers =
            HeadersIn::of_lines("Host: a\r\nA: 1\r\nB: 2\r\nC:3\r\nD: 4 \r\nE: 5\r\nF: 6\nG: 7\r\n\r\n");
        let passed = |without: &[u8]| {
            let mut parts = Vec::new();
            headers.pass(Known::Host.bit(), &|name| !without.contains(&name[0]), |part| {
                parts.push(match part {
                    Passed::Lines(lines) => lines.to_vec(),
                    Passed::Field(field) => [field.name, b"=", field.value].concat(),
                });
            });
            parts.iter().map(|part| part.escape_ascii().to_string()).collect::<Vec<_>>()
        };
        let (ab, e) = (r"A: 1\r\nB: 2\r\n", r"E: 5\r\n");
        assert_eq!(passed(b""), [ab, "C=3", "D=4", e, "F=6", r"G: 7\r\n"]);
        assert_eq!(passed(b"ACDFG"), [r"B: 2\r\n", e]);
        assert!(passed(b"ABCDEFG").is_empty());
    }
}
