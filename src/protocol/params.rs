//! What a gateway is told of a request: names and values, from the configuration and from the client.
//!
//! *In nginx* `ngx_http_fastcgi_init_params` and its two copies compile the lines of `fastcgi_param`
//! into a script, and `create_request` runs it twice, for the length and for the bytes; fields of the
//! client are added behind it in a loop that exists six times.
//!
//! *Here* [`Param`] is a line of `NAME_param`, [`param`] reads it for any module, and [`gather`] makes
//! the list for one request. How names and values are put on the wire is all that is left to a module.
//!
//! ```text
//!   scgi_param A $uri;   scgi_param HTTP_X 1;        X: 2 · Foo: a · Foo: b · Cookie: c · Cookie: d
//!   ──▶  A=/path  HTTP_X=1  HTTP_FOO=a, b  HTTP_COOKIE=c; d          (the client's X: a param has its name)
//! ```
//!
//! NGINX: every field goes, `Proxy` among them, which some programs take for an environment variable of
//! the system; `NAME_param HTTP_PROXY ""` keeps it away.
//!
//! *Read next*: `scgi.rs`.

use super::Request;
use super::request::fields;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use std::collections::HashMap;

/// A line of `NAME_param`.
#[derive(Clone, Debug)]
pub struct Param {
    name: Slice,
    value: Template,
    if_not_empty: bool,
}

/// Reads `NAME_param NAME VALUE [if_not_empty]`.
///
/// # Errors
/// A third word that is another one, or a bad variable.
pub fn param(cx: &mut Cx, line: &Line) -> Result<Param, ConfError> {
    let if_not_empty = match line.args.get(2) {
        Some(word) if word.is("if_not_empty") => true,
        Some(word) => return Err(line.err(format_args!("invalid parameter \"{word}\""))),
        None => false,
    };
    let value = Template::compile(cx, line, line.arg(1)?)?;
    Ok(Param { name: Slice::copy(line.arg(0)?), value, if_not_empty })
}

/// The parameters of a request in their order: the configuration's, then the client's fields as
/// `HTTP_…`. Fields of one name are one parameter; a name that the configuration has is not the
/// client's to give.
pub fn gather(r: &mut dyn Request, params: &[Param]) -> Vec<(Slice, Slice)> {
    let mut all = Vec::with_capacity(params.len() + 16);
    for param in params {
        let value = r.eval(&param.value);
        if !(param.if_not_empty && value.is_empty()) {
            all.push((param.name.clone(), value));
        }
    }
    let mut places: HashMap<Vec<u8>, Option<usize>> =
        params.iter().map(|param| (param.name.to_vec(), None)).collect();
    for (name, value) in fields(r) {
        let separator: &[u8] = if name.eq_ignore_ascii_case(b"Cookie") { b"; " } else { b", " };
        let name = meta_name(name);
        match places.get(&name) {
            Some(None) => {}
            Some(Some(place)) => {
                if let Some((_, joined)) = all.get_mut(*place) {
                    let whole = [&joined[..], separator, value].concat();
                    *joined = Slice::from(whole);
                }
            }
            None => {
                places.insert(name.clone(), Some(all.len()));
                all.push((Slice::from(name), Slice::copy(value)));
            }
        }
    }
    all
}

/// `X-Some` is `HTTP_X_SOME` (RFC 3875, section 4.1.18).
fn meta_name(name: &[u8]) -> Vec<u8> {
    let folded = name.iter().map(|b| if *b == b'-' { b'_' } else { b.to_ascii_uppercase() });
    b"HTTP_".iter().copied().chain(folded).collect()
}
