//! What a protocol module may see of the client's request.
//!
//! *In nginx* a module gets `ngx_http_request_t` and may read and write every field of it, and most do.
//!
//! *Here* it gets this trait, which the HTTP side implements: questions only. Whether fields or the body are
//! to be passed on at all (`NAME_pass_request_headers`, `NAME_pass_request_body`) has been settled before:
//! where they are not, there are no fields and no body to see. Values are views, so asking copies nothing.
//!
//! ```text
//!   http/ ──implements──▶ trait Request ◀──reads── create_request, rewrite_*      (no arrow back to http/)
//! ```
//!
//! Whatever comes from here was chosen by a stranger and may hold any byte. A module that writes a value into
//! a line protocol must escape or refuse CR, LF, NUL and its own separators.
//!
//! *Read next*: `out.rs`, where the module writes.

use super::Out;
use crate::buf::Slice;
use crate::conf::template::{Template, VarIx};
use crate::parse::known::Known;

/// The body of the client's request, as the upstream is going to get it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none, or it is not passed on.
    None,
    /// So many bytes, possibly zero: it has been read, or the client said how long it is.
    Length(u64),
    /// Unknown yet: it came in chunks and is passed on while it is being read (`NAME_request_buffering off`).
    Chunked,
}

/// What the pass directive of the location names: `proxy_pass http://HOST:PORT/URI`.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// The directive's URL as it is written, scheme and URI included.
    pub url: Slice,
    /// The name of the location; empty where it is a regular expression or has none.
    pub location: Slice,
    /// Host and port as the directive gives them, without the scheme's default port (`$proxy_host`).
    pub host: Slice,
    /// The URI of the directive; None when it ends behind the host.
    pub uri: Option<Slice>,
    /// The directive has variables: `uri` is the whole target, nothing of the request's is added.
    pub complete: bool,
}

/// A request, to be read.
pub trait Request {
    /// The method as the client spelled it.
    fn method(&self) -> &[u8];

    /// 9, 1000 or 1001: HTTP/0.9, 1.0, 1.1.
    fn http_version(&self) -> u16;

    /// Path and arguments as they came; None once they were changed by a rewrite, or in a subrequest
    /// (nginx: `r->valid_unparsed_uri`).
    fn unparsed_uri(&self) -> Option<Slice>;

    /// The path, decoded and normalised.
    fn uri(&self) -> Slice;

    /// What follows the question mark, as it came.
    fn args(&self) -> Slice;

    /// The path has to be escaped again when it is passed on, since decoding changed it or the server made it
    /// itself (nginx: `r->quoted_uri || r->internal`).
    fn must_escape(&self) -> bool;

    /// A rewrite changed the path without looking for another location, so the location's name is no
    /// longer in front of it, and the directive's URI cannot take its place (nginx:
    /// `!r->valid_location`).
    fn rewritten_in_place(&self) -> bool;

    /// The request's fields by place, name and value; None behind the last one.
    fn field(&self, at: usize) -> Option<(&[u8], &[u8])>;

    /// Writes the fields that go on to the peer, each on a line of its own: of the known ones those whose
    /// [bit](Known::bit) is not in `withheld`, of the others those that `passes` lets through by name.
    /// Whoever has the lines as they came may write several at once.
    fn pass_fields(&self, withheld: u32, passes: &dyn Fn(&[u8]) -> bool, out: &mut Out) {
        for (name, value) in (0..).map_while(|at| self.field(at)) {
            if Known::of(name).is_passed(withheld, || passes(name)) {
                out.field(name, value);
            }
        }
    }

    /// Whether a field Connection is among them. Often there is none, and nothing has to be looked for.
    fn has_connection(&self) -> bool;

    /// The body.
    fn body(&self) -> Body;

    /// Where the location passes to.
    fn target(&self) -> &Target;

    /// The bytes of a template for this request.
    fn eval(&mut self, template: &Template) -> Slice;

    /// A variable by its name, without `$`; None if it has no value.
    fn var(&mut self, name: &str) -> Option<Slice>;

    /// Makes the groups of a regular expression the ones `$1` … `$9` mean, the whole match first, and stores
    /// the named ones.
    fn matched(&mut self, groups: Vec<Option<Slice>>, named: &[(usize, VarIx)]);
}

/// All fields, in order.
pub fn fields(r: &dyn Request) -> impl Iterator<Item = (&[u8], &[u8])> {
    (0..).map_while(|at| r.field(at))
}
