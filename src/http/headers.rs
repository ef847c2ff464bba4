//! Header fields, as they came and as they go.
//!
//! *In nginx* `r->headers_in` and `r->headers_out`: a list of all fields and, beside it, pointers to the
//! ones the server cares about; a field is deleted by setting its `hash` to zero.
//!
//! *Here* incoming fields are views of the page they arrived in, each with the number of its name if it
//! is a [`Known`] one, so finding `Host` is a walk over small integers. Outgoing fields are a plain
//! list; what every response has (status, type, length, date) has a place of its own and is written from
//! there.
//!
//! This file knows no rules about what a field means; those are in `client/head.rs` and in the modules.
//!
//! *Read next*: `client/head.rs` (in), `output/header.rs` (out).

use crate::buf::Slice;

macro_rules! known {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),* $(,)?) => {
        /// Request fields that the server itself looks for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Known { Other, $($(#[$doc])* $variant),* }

        impl Known {
            /// The number of a name, compared without regard to case.
            pub fn of(name: &[u8]) -> Known {
                match name.len() {
                    $(n if n == $name.len() && name.eq_ignore_ascii_case($name.as_bytes()) => {
                        Known::$variant
                    })*
                    _ => Known::Other,
                }
            }
        }
    };
}

known! {
    Host = "Host",
    Connection = "Connection",
    UserAgent = "User-Agent",
    Accept = "Accept",
    AcceptEncoding = "Accept-Encoding",
    Cookie = "Cookie",
    Referer = "Referer",
    ContentLength = "Content-Length",
    ContentType = "Content-Type",
    ContentRange = "Content-Range",
    TransferEncoding = "Transfer-Encoding",
    Te = "TE",
    Expect = "Expect",
    Upgrade = "Upgrade",
    KeepAlive = "Keep-Alive",
    Range = "Range",
    IfRange = "If-Range",
    IfModifiedSince = "If-Modified-Since",
    IfUnmodifiedSince = "If-Unmodified-Since",
    IfMatch = "If-Match",
    IfNoneMatch = "If-None-Match",
    Authorization = "Authorization",
    XForwardedFor = "X-Forwarded-For",
    Via = "Via",
    Trailer = "Trailer",
}

impl Known {
    /// Whether a request must not have two of it (nginx: `ngx_http_process_unique_header_line`).
    pub fn is_unique(self) -> bool {
        use Known::*;
        matches!(
            self,
            ContentLength
                | TransferEncoding
                | ContentRange
                | Expect
                | Authorization
                | IfModifiedSince
                | IfUnmodifiedSince
                | IfMatch
                | IfNoneMatch
                | IfRange
        )
    }
}

/// A request field.
#[derive(Clone, Debug)]
pub struct Field {
    /// As the client spelled it.
    pub name: Slice,
    /// Without white space around it.
    pub value: Slice,
    /// Which one it is.
    pub known: Known,
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
#[derive(Debug, Default)]
pub struct HeadersIn {
    /// All fields, in order.
    pub fields: Vec<Field>,
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
    /// The first field of a kind.
    pub fn get(&self, known: Known) -> Option<&Field> {
        self.fields.iter().find(|field| field.known == known)
    }

    /// The value of the first field of a kind.
    pub fn value(&self, known: Known) -> Option<&Slice> {
        self.get(known).map(|field| &field.value)
    }

    /// All fields of a kind.
    pub fn all(&self, known: Known) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(move |field| field.known == known)
    }

    /// All values of fields with this name, however spelled.
    pub fn named<'a>(&'a self, name: &'a [u8]) -> impl Iterator<Item = &'a Slice> {
        self.fields
            .iter()
            .filter(move |field| field.name.eq_ignore_ascii_case(name))
            .map(|field| &field.value)
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
