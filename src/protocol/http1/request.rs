//! The head of the request: which fields go, and what they say about the body.
//!
//! *In nginx* default fields and those of `proxy_set_header` are compiled into one script; fields of the
//! client whose names are in that list are left out. Fields that belong to the client's connection are
//! left out because the default list sets them to nothing, so an operator can put them back by accident.
//!
//! *Here* three groups in this order: Host, the operator's fields, the client's. The fields that frame
//! the body are written last and only from what is really sent. Fields that belong to the client's
//! connection (RFC 9110, section 7.6.1), also those that its Connection field names, do not reach the
//! peer. What does not depend on the request has been worked out before: `plan.rs`.
//!
//! ```text
//!   POST /z HTTP/1.1 │ Host: … │ proxy_set_header … │ client's … │ Content-Length: 5 │ ⏎ │ body
//! ```
//!
//! *Read next*: `reply.rs`.

use super::conf::{Http1Location, SetHeader, Version, Which};
use super::plan::{Plan, Step};
use super::{Asked, line};
use crate::buf::Slice;
use crate::parse::known::Known;
use crate::parse::list;
use crate::protocol::out::{Chunked, Plain};
use crate::protocol::request::fields;
use crate::protocol::text::{is_one_line, is_token, one_line};
use crate::protocol::{Body, Fault, Out, Request};

/// Writes the whole request, the client's body marked.
pub fn write(r: &mut dyn Request, conf: &Http1Location, out: &mut Out) -> Result<Asked, Fault> {
    let plan = conf.plan();
    let set_method = set_method(r, conf)?;
    // The client's own has been checked when it came.
    let method = set_method.as_deref().unwrap_or_else(|| r.method());
    if method == b"CONNECT" {
        // Its reply would have to become a tunnel (`tunnel_pass`).
        return Err(Fault::Refuse(405));
    }
    let is_get = method == b"GET";
    let mut asked = Asked { head: method == b"HEAD", close: plan.close, upgrade: plan.upgrade };
    let target = line::target(r)?;
    out.write_all(&[method, b" ", &target]);
    out.note_uri(target);

    let set_body = conf.set_body.as_ref().map(|template| r.eval(template));
    let mut keeps_body = plan.keeps_body;
    match plan.text(&r.target().host) {
        Some(text) => out.write(text),
        None => keeps_body &= take_steps(r, conf, plan, &mut asked, out),
    }
    asked.upgrade = asked.upgrade && asks_to_upgrade(r);
    let r: &dyn Request = r;
    let named = if r.has_connection() { named_fields(r) } else { Vec::new() };
    client_fields(r, plan, out, &named);
    match offered_upgrade(r, conf, is_get, &named) {
        Some(name) => {
            out.field(b"Upgrade", name);
            out.field(b"Connection", b"upgrade");
            asked.upgrade = true;
        }
        None => {
            if !plan.end.is_empty() {
                out.write(&plan.end);
            }
            if plan.passes_te && wants_trailers(r) {
                out.write(b"TE: trailers\r\nConnection: TE\r\n");
            }
        }
    }
    frame(r, conf, out, set_body, keeps_body)?;
    Ok(asked)
}

/// The method that the configuration sets in place of the client's.
fn set_method(r: &mut dyn Request, conf: &Http1Location) -> Result<Option<Slice>, Fault> {
    match conf.method.as_ref().map(|template| r.eval(template)) {
        Some(method) if !is_token(&method) => Err(Fault::Internal("the method to proxy is not a method")),
        method => Ok(method),
    }
}

/// Writes what stands between the target and the client's fields, one step after the other; false if a field
/// takes the body away.
fn take_steps(
    r: &mut dyn Request,
    conf: &Http1Location,
    plan: &Plan,
    asked: &mut Asked,
    out: &mut Out,
) -> bool {
    let mut keeps_body = true;
    for step in &plan.steps {
        match step {
            Step::Text(text) => out.write(text),
            Step::Host => value(out, &r.target().host),
            Step::Field(at) => {
                let Some(header) = conf.set_headers.get(*at) else { continue };
                keeps_body &= set_header(r, header, asked, out);
            }
        }
    }
    keeps_body
}

/// A field whose value has variables; false if it takes the body away.
fn set_header(r: &mut dyn Request, header: &SetHeader, asked: &mut Asked, out: &mut Out) -> bool {
    let set = r.eval(&header.value);
    match header.which {
        Which::ContentLength => return !set.is_empty(),
        Which::TransferEncoding => return true,
        Which::Connection => asked.close |= list::has_token(&set, b"close"),
        Which::Upgrade => asked.upgrade |= !set.is_empty(),
        _ => {}
    }
    if !set.is_empty() {
        out.field(&header.name, &set);
    }
    true
}

/// A value that stays on its line, whatever it holds.
fn value(out: &mut Out, bytes: &[u8]) {
    if is_one_line(bytes) { out.write(bytes) } else { out.write(&one_line(Slice::copy(bytes))) }
}

/// A client that did not ask would not understand the answer, whatever the operator wrote here.
fn asks_to_upgrade(r: &mut dyn Request) -> bool {
    r.var("http_upgrade").is_some_and(|value| !value.is_empty())
}

/// The values of the client's Connection that name fields, besides the options `close` and `keep-alive`.
fn named_fields(r: &dyn Request) -> Vec<&[u8]> {
    let is_option =
        |token: &[u8]| token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive");
    fields(r)
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"Connection"))
        .map(|(_, value)| value)
        .filter(|value| list::tokens(value).any(|token| !is_option(token)))
        .collect()
}

/// The protocol that the client offers to go over to, if the peer is to hear of it without a word of the
/// configuration (directive `proxy_upgrade`): a well-formed offer (RFC 9110, section 7.8) of one protocol
/// that is on the list, over HTTP/1.1 on both sides, in a GET without a body, where no `proxy_set_header`
/// has taken Upgrade or Connection into its own hands.
fn offered_upgrade<'a>(
    r: &'a dyn Request,
    conf: &Http1Location,
    is_get: bool,
    named: &[&[u8]],
) -> Option<&'a [u8]> {
    // For nearly every request the answer is found here.
    if !named.iter().any(|value| list::has_token(value, b"upgrade")) {
        return None;
    }
    let is_ours = |header: &SetHeader| matches!(header.which, Which::Upgrade | Which::Connection);
    let is_plain = is_get && matches!(r.body(), Body::None | Body::Length(0));
    let is_new = r.http_version() == 1001 && *conf.http_version == Version::V11;
    if !is_plain || !is_new || conf.set_headers.iter().any(is_ours) {
        return None;
    }
    let mut offers =
        fields(r).filter(|(name, _)| name.eq_ignore_ascii_case(b"Upgrade")).map(|(_, value)| value);
    let offer = offers.next().filter(|_| offers.next().is_none())?;
    conf.upgrades.iter().any(|known| known.eq_ignore_ascii_case(offer)).then_some(offer)
}

/// The client's fields, without those that are set, that are ours to write, or that end at this hop.
fn client_fields(r: &dyn Request, plan: &Plan, out: &mut Out, named: &[&[u8]]) {
    let at_this_hop = named.iter().flat_map(|value| list::tokens(value));
    let withheld = at_this_hop.fold(plan.withheld.known(), |all, name| all | Known::of(name).bit());
    let is_named = |name: &[u8]| named.iter().any(|value| list::has_token(value, name));
    r.pass_fields(withheld, &|name| !plan.withheld.has_other(name) && !is_named(name), out);
}

fn wants_trailers(r: &dyn Request) -> bool {
    fields(r).any(|(name, value)| name.eq_ignore_ascii_case(b"TE") && list::has_token(value, b"trailers"))
}

/// The end of the head: how long the body is, and where it comes from.
fn frame(
    r: &dyn Request,
    conf: &Http1Location,
    out: &mut Out,
    set_body: Option<Slice>,
    keeps_body: bool,
) -> Result<(), Fault> {
    let length = match (&set_body, r.body()) {
        _ if !keeps_body => None,
        (Some(body), _) => Some(body.len() as u64),
        (None, Body::Length(length)) => Some(length),
        (None, Body::Chunked) if *conf.http_version == Version::V11 => {
            out.write(b"Transfer-Encoding: chunked\r\n\r\n");
            out.body(&Chunked);
            return Ok(());
        }
        (None, Body::Chunked) => return Err(Fault::Internal("a body of unknown length needs HTTP/1.1")),
        (None, Body::None) => None,
    };
    if let Some(length) = length {
        out.write(b"Content-Length: ");
        out.number(length);
        out.write(b"\r\n");
    }
    out.write(b"\r\n");
    match set_body {
        Some(body) if keeps_body => out.push(body),
        None if length.is_some_and(|length| length > 0) => out.body(&Plain),
        _ => {}
    }
    Ok(())
}
