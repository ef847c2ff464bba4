//! The head of a peer's reply, in terms the HTTP side understands.
//!
//! *In nginx* `u->headers_in`: a list of fields, and pointers and numbers for those the server acts on,
//! filled by a table of handlers (`ngx_http_upstream_headers_in`).
//!
//! *Here* a module fills what its protocol tells: status, fields, length, and whether the connection is
//! good for another request. Fields stay a plain list ([`Fields`]) in the order they came, X-Accel-… and
//! Set-Cookie among them: what they mean, which are hidden and which are renamed is decided behind this
//! interface, the same for every protocol.
//!
//! *Read next*: `framing.rs`, the body.

use super::Fault;
use super::fields::Fields;
use super::names::Name;
use crate::buf::Slice;

/// What a module found out before the body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The status for the client; 0 until the module says.
    pub status: u16,
    /// The status with the peer's own words: `404 Nowhere`. Empty where the standard words serve.
    pub status_line: Slice,
    /// The fields of the reply, all of them; those that end at this hop are marked.
    pub fields: Fields,
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

    /// Adds a field for the client.
    pub fn field(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> &mut Head {
        self.fields.add(name.as_ref(), value.as_ref(), false);
        self
    }

    /// Refuses a reply, and keeps for the log what in it was wrong.
    pub fn refuse(&mut self, why: &'static str, words: impl Into<Slice>) -> Fault {
        self.detail = words.into();
        Fault::Invalid(why)
    }

    /// The first value of a known field.
    pub fn value(&self, name: Name) -> Option<&[u8]> {
        self.values(name).next()
    }

    /// All values of a known field.
    pub fn values(&self, name: Name) -> impl Iterator<Item = &[u8]> {
        self.fields.known(name).map(|field| field.value)
    }

    /// The first value of a field, by its name in any case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.fields.named(name.as_bytes()).map(|field| field.value).next()
    }

    /// All values of a field, by its name in any case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.fields.named(name.as_bytes()).map(|field| field.value)
    }

    /// The longest field: its name and how many bytes name and value have. For the log, when a head is
    /// too big.
    pub fn longest_field(&self) -> Option<(&[u8], usize)> {
        let sizes = self.fields.iter().map(|field| (field.name, field.name.len() + field.value.len()));
        sizes.max_by_key(|(_, size)| *size)
    }

    /// Forgets everything but the memory of its lists: an interim reply is done with, or the next peer is
    /// asked.
    pub fn clear(&mut self) {
        let Head {
            // All of them, so that a new one does not compile until it is thought of.
            status,
            status_line,
            fields,
            content_length,
            keepalive,
            idle_sec,
            upgrade,
            notes,
            detail,
        } = self;
        (*status, *status_line, *detail) = (0, Slice::EMPTY, Slice::EMPTY);
        (*content_length, *idle_sec) = (None, None);
        (*keepalive, *upgrade) = (false, false);
        fields.clear();
        notes.clear();
    }
}
