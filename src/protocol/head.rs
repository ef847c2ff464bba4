//! The head of a peer's reply, in terms the HTTP side understands.
//!
//! *In nginx* `u->headers_in`: a list of fields, and pointers and numbers for those the server acts on,
//! filled by a table of handlers (`ngx_http_upstream_headers_in`).
//!
//! *Here* a module fills what its protocol tells: status, fields, length, and whether the connection is good
//! for another request. Fields stay a plain list in the order they came, X-Accel-… and Set-Cookie among
//! them: what they mean, which are hidden and which are renamed is decided behind this interface, the same
//! for every protocol.
//!
//! *Read next*: `framing.rs`, the body.

use super::Fault;
use super::names::{Name, Set};
use crate::buf::Slice;

/// A field of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// As the peer spelled it.
    pub name: Slice,
    /// Without white space around it.
    pub value: Slice,
    /// Which one it is.
    pub known: Name,
    /// It belongs to the connection with the peer: variables show it, the client does not get it.
    pub hop: bool,
}

impl Field {
    /// A field for the client.
    pub fn new(name: impl Into<Slice>, value: impl Into<Slice>) -> Field {
        let name = name.into();
        Field { known: Name::of(&name), name, value: value.into(), hop: false }
    }
}

/// How many fields a head that is used again may keep room for.
const KEPT: usize = 64;

/// What a module found out before the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The status for the client; 0 until the module says.
    pub status: u16,
    /// The status with the peer's own words: `404 Nowhere`. Empty where the standard words serve.
    pub status_line: Slice,
    /// The fields of the reply, all of them; those that end at this hop are marked. They come in by
    /// [`Head::push`].
    pub fields: Vec<Field>,
    /// Which of the known names they have.
    pub names: Set,
    /// How long the body is, if that is known. May be present although no body follows (HEAD, 304).
    pub content_length: Option<u64>,
    /// The peer does not object to another request on this connection.
    pub keepalive: bool,
    /// For how many seconds the peer says it keeps the connection when idle; None if it does not say.
    pub idle_sec: Option<u64>,
    /// The connection changes its protocol behind this head: from here on bytes go both ways untouched.
    pub upgrade: bool,
    /// Whole messages for the error log; never a reason to fail.
    pub notes: Vec<Slice>,
    /// What a fault was about: the line that was refused, for the log.
    pub detail: Slice,
}

impl Head {
    /// Sets the status, with the standard words.
    pub fn status(&mut self, status: u16) -> &mut Head {
        self.status = status;
        self
    }

    /// Sets the length of the body.
    pub fn length(&mut self, length: u64) -> &mut Head {
        self.content_length = Some(length);
        self
    }

    /// Adds a field.
    pub fn field(&mut self, name: impl Into<Slice>, value: impl Into<Slice>) -> &mut Head {
        self.push(Field::new(name, value));
        self
    }

    /// Refuses a reply, and keeps for the log what in it was wrong.
    pub fn refuse(&mut self, why: &'static str, words: impl Into<Slice>) -> Fault {
        self.detail = words.into();
        Fault::Invalid(why)
    }

    /// Adds a field that is made already.
    pub fn push(&mut self, field: Field) {
        self.names.add(field.known);
        self.fields.push(field);
    }

    /// The first value of a known field.
    pub fn value(&self, name: Name) -> Option<&Slice> {
        if !self.names.has(name) {
            return None;
        }
        self.fields.iter().find(|field| field.known == name).map(|field| &field.value)
    }

    /// All values of a known field.
    pub fn values(&self, name: Name) -> impl Iterator<Item = &Slice> {
        let fields = if self.names.has(name) { self.fields.as_slice() } else { &[] };
        fields.iter().filter(move |field| field.known == name).map(|field| &field.value)
    }

    /// The first value of a field, by its name in any case.
    pub fn get(&self, name: &str) -> Option<&Slice> {
        self.fields.iter().find(|f| f.name.eq_ignore_ascii_case(name.as_bytes())).map(|f| &f.value)
    }

    /// All values of a field, by its name in any case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Slice> {
        let same = move |field: &&Field| field.name.eq_ignore_ascii_case(name.as_bytes());
        self.fields.iter().filter(same).map(|field| &field.value)
    }

    /// The longest field: its name and how many bytes name and value have. For the log, when a head is
    /// too big.
    pub fn longest_field(&self) -> Option<(&Slice, usize)> {
        let sizes = self.fields.iter().map(|field| (&field.name, field.name.len() + field.value.len()));
        sizes.max_by_key(|(_, size)| *size)
    }

    /// Forgets the fields. The list keeps its memory unless that is much.
    pub fn clear_fields(&mut self) {
        self.fields.clear();
        if self.fields.capacity() > KEPT {
            self.fields = Vec::new();
        }
        self.names = Set::default();
    }

    /// Forgets everything but the memory of its lists: an interim reply is done with, or the next peer is
    /// asked. The pattern names all fields, so a new one does not compile until it is thought of.
    pub fn clear(&mut self) {
        self.clear_fields();
        let Head {
            status,
            status_line,
            fields: _,
            names: _,
            content_length,
            keepalive,
            idle_sec,
            upgrade,
            notes,
            detail,
        } = self;
        *status = 0;
        (*content_length, *idle_sec) = (None, None);
        (*keepalive, *upgrade) = (false, false);
        (*status_line, *detail) = (Slice::EMPTY, Slice::EMPTY);
        notes.clear();
    }
}
