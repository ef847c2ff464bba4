//! The request line: which method, which target.
//!
//! *In nginx* `ngx_http_proxy_create_request` and `ngx_http_proxy_create_key` work the target out in
//! three ways: the directive has no URI and the client's can be passed as it came; the directive has one,
//! and the part of the path that the location matched is replaced by it; or the directive has variables
//! and says everything.
//!
//! *Here* the same three. Whatever the way, a byte that would end the target or the line is escaped, so
//! that a decoded `$uri` in `proxy_pass` cannot add a word or a line to the request.
//!
//! ```text
//!   location /a/ { proxy_pass http://x; }      GET /a/%20b?c   ──▶  /a/%20b?c       as it came
//!   location /a/ { proxy_pass http://x/z/; }   GET /a/%20b?c   ──▶  /z/%20b?c       /a/ replaced by /z/
//!   proxy_pass http://x/z$uri;                 GET /a/%20b?c   ──▶  /z/a/%20b       all from the directive
//! ```
//!
//! NGINX: after `rewrite … break` the path goes as it is and the directive's URI is not used.
//!
//! *Read next*: `request.rs`.

use crate::buf::Slice;
use crate::parse::escape::{Escape, escape};
use crate::protocol::{Fault, Request};

/// The target of the request, ready for the request line.
///
/// # Errors
/// There is none: the directive's variables came to nothing and the client's URI cannot be used.
pub fn target(r: &dyn Request) -> Result<Slice, Fault> {
    let target = r.target();
    let (prefix, replaced) = match (&target.uri, r.unparsed_uri()) {
        (None, Some(as_it_came)) => return Ok(as_it_came),
        (Some(whole), _) if target.complete => return Ok(safe(whole.clone())),
        (Some(prefix), _) if !r.rewritten_in_place() => (&prefix[..], target.location.len()),
        _ => (&b""[..], 0),
    };
    let path = r.uri();
    let rest = path.get(replaced..).unwrap_or_default();
    let mut uri = Vec::with_capacity(prefix.len() + path.len() + 64);
    uri.extend_from_slice(prefix);
    if r.must_escape() {
        escape(rest, Escape::Uri, &mut uri);
    } else {
        uri.extend_from_slice(rest);
    }
    let args = r.args();
    if !args.is_empty() {
        uri.push(b'?');
        uri.extend_from_slice(&args);
    }
    if uri.is_empty() {
        return Err(Fault::Internal("zero length URI to proxy"));
    }
    Ok(safe(Slice::from(uri)))
}

/// The text with every blank and control byte escaped; nearly always the same view.
fn safe(target: Slice) -> Slice {
    let ends = |b: &u8| *b <= b' ' || *b == 0x7f;
    if !target.iter().any(ends) {
        return target;
    }
    let mut escaped = Vec::with_capacity(target.len() + 16);
    for b in target.iter() {
        if ends(b) {
            escaped.extend_from_slice(format!("%{b:02X}").as_bytes());
        } else {
            escaped.push(*b);
        }
    }
    Slice::from(escaped)
}
