//! Variables of the request: its line, its fields, its body, its file.
//!
//! *In nginx* the first half of `ngx_http_core_variables`. What changes when the request is rewritten is not
//! cached there (`NGX_HTTP_VAR_NOCACHEABLE`).
//!
//! *Here* one line for each where one line is enough; [`volatile`](Definition::volatile) marks the same ones.
//! What the client sent is asked of the main request, what can be rewritten of the request at hand.
//!
//! *Read next*: `connection.rs`.

use super::super::table::{Definition, definition};
use super::{List, seconds, some};
use crate::buf::Slice;
use crate::conf::value::parse_size;
use crate::event::{RequestIx, clock};
use crate::http::body;
use crate::http::exchange::Exchange;
use crate::http::files;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::util::base64;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::os::unix::ffi::OsStrExt;

/// What was asked.
pub fn variables() -> List {
    vec![
        ("uri", definition(uri).volatile()),
        ("document_uri", definition(uri).volatile()),
        ("request_uri", definition(|x, _, _| some(&x.main().unparsed_uri))),
        ("request", definition(|x, _, _| some(&x.main().request_line))),
        ("args", args().with_set(|x, r, _, value| set_args(x, r, value))),
        ("query_string", args()),
        ("is_args", definition(|x, r, _| Some(mark(!x[r].args.is_empty(), "?"))).volatile()),
        ("request_method", definition(|x, _, _| some(&x.main().method_name))),
        ("server_protocol", definition(|x, _, _| Some(protocol(x).into()))),
        ("scheme", definition(|x, _, io| Some(if is_https(x, io) { "https" } else { "http" }.into()))),
        ("https", definition(|x, _, io| Some(mark(is_https(x, io), "on")))),
        ("host", definition(|x, r, _| Some(host(x, r)))),
        ("server_name", definition(|x, r, _| Some(x[r].server.name.clone())).volatile()),
        ("request_port", definition(|x, _, _| Some(x.main().headers_in.port.clone()))),
        ("is_request_port", definition(|x, _, _| Some(mark(!x.main().headers_in.port.is_empty(), ":")))),
        ("content_length", field(Known::ContentLength)),
        ("content_type", super::families::field(b"Content-Type")),
        ("remote_user", definition(|x, _, _| remote_user(x))),
        ("request_body", definition(|x, r, _| request_body(x, r)).volatile()),
        ("request_body_file", definition(|x, r, _| request_body_file(x, r)).volatile()),
        ("request_length", definition(|x, _, io| Some(io.texts.number(x.client.request_length))).volatile()),
        ("request_time", definition(|x, _, io| Some(seconds(age(x), &mut io.texts))).volatile()),
        ("request_id", definition(|_, _, _| Some(request_id()))),
        ("limit_rate", definition(limit_rate).volatile().with_set(set_limit_rate)),
    ]
}

/// The request came over TLS.
pub fn is_https(x: &Exchange, io: &Io) -> bool {
    io.net.table.get(x.client.conn).is_some_and(|c| !c.is_plain())
}

/// Where the file is that the request means.
pub fn files() -> List {
    let path = |path: std::path::PathBuf| Slice::copy(path.as_os_str().as_bytes());
    vec![
        ("document_root", definition(|x, r, io| Some(root(x, r, io))).volatile()),
        (
            "realpath_root",
            definition(move |x, r, io| {
                let root = root(x, r, io);
                let found = std::fs::canonicalize(std::ffi::OsStr::from_bytes(&root));
                match found {
                    Ok(found) => Some(path(found)),
                    Err(error) => {
                        let text = format_args!("realpath() \"{root}\" failed");
                        let level = crate::log::Level::Crit;
                        crate::http::logging::log(x, r, io, level, Some(&error), text);
                        None
                    }
                }
            })
            .volatile(),
        ),
        (
            "request_filename",
            definition(move |x, r, io| files::map_uri_to_path(x, r, io).map(path)).volatile(),
        ),
    ]
}

/// Missing only when the request line was not understood; a path that climbs too high is there, and empty.
fn uri(x: &mut Exchange, r: RequestIx, _: &mut Io) -> Option<Slice> {
    let request = &x[r];
    (!request.uri.is_empty() || !request.unparsed_uri.is_empty()).then(|| request.uri.clone())
}

fn args() -> Definition {
    definition(|x, r, _| some(&x[r].args)).volatile()
}

fn set_args(x: &mut Exchange, r: RequestIx, value: &Slice) {
    x[r].args = value.clone();
    x[r].flags.valid_unparsed_uri = false;
}

fn field(known: Known) -> Definition {
    definition(move |x, _, _| x.main().headers_in.kept(known))
}

fn mark(yes: bool, text: &'static str) -> Slice {
    if yes { text.into() } else { Slice::EMPTY }
}

fn protocol(x: &Exchange) -> &'static str {
    match x.main().http_version {
        9 => "HTTP/0.9",
        1000 => "HTTP/1.0",
        1001 => "HTTP/1.1",
        _ => "",
    }
}

/// The host that was asked for, else the server's name.
fn host(x: &Exchange, r: RequestIx) -> Slice {
    let server = &x.main().headers_in.server;
    if server.is_empty() { x[r].server.name.clone() } else { server.clone() }
}

fn root(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Slice {
    let core = x[r].loc.core.clone();
    core.root.eval(x, r, io)
}

/// How long the request has taken so far, in milliseconds.
pub fn age(x: &Exchange) -> u64 {
    clock::now().saturating_sub(x.main().started)
}

/// The name in an Authorization field of the Basic scheme.
fn remote_user(x: &Exchange) -> Option<Slice> {
    let (name, _) = basic_credentials(x.main().headers_in.value(Known::Authorization)?)?;
    some(&name.into())
}

/// Name and password of an Authorization field of the Basic scheme (RFC 7617, section 2).
pub fn basic_credentials(field: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (scheme, rest) = field.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return None;
    }
    let mut name = base64::decode(rest.trim_ascii())?;
    let colon = name.iter().position(|b| *b == b':')?;
    let password = name.split_off(colon + 1);
    name.truncate(colon);
    Some((name, password))
}

fn request_body(x: &Exchange, r: RequestIx) -> Option<Slice> {
    body::of(x, r)?.bytes().and_then(|bytes| some(&bytes))
}

fn request_body_file(x: &Exchange, r: RequestIx) -> Option<Slice> {
    let file = body::of(x, r)?.file.as_ref()?;
    Some(Slice::copy(file.path().as_os_str().as_bytes()))
}

/// 128 bits that nobody guesses, in hexadecimal digits.
fn request_id() -> Slice {
    // Each of these has keys of its own that the system's random numbers began.
    let half = || RandomState::new().build_hasher().finish();
    format!("{:016x}{:016x}", half(), half()).into()
}

fn limit_rate(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Slice> {
    if x[r].flags.limit_rate_set {
        return Some(io.texts.number(x[r].limit_rate));
    }
    let core = x[r].loc.core.clone();
    let rate = core.limit_rate.as_ref().map(|rate| rate.eval(x, r, io));
    Some(io.texts.number(rate.and_then(|rate| parse_size(&rate)).unwrap_or(0)))
}

/// What is not a size is ignored, as in nginx.
fn set_limit_rate(x: &mut Exchange, r: RequestIx, _: &mut Io, value: &Slice) {
    if let Some(rate) = parse_size(value) {
        x[r].limit_rate = rate;
        x[r].flags.limit_rate_set = true;
    }
}
