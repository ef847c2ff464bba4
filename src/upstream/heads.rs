//! The head of the reply becomes the head of the answer.
//!
//! *In nginx* `ngx_http_upstream_process_headers` with the table `ngx_http_upstream_headers_in`,
//! `ngx_http_upstream_intercept_errors` and the hash of hidden headers.
//!
//! *Here* a field goes through four questions in turn: does it belong to the hop, is it hidden, does it
//! mean something to the server, has the protocol something to change in it? The first two are asked of
//! its number alone, so that of a usual reply (Server, Date, Content-Length, Connection) most fields are
//! passed over without a look at their bytes. What is left is kept by count: a view of the peer's page.
//!
//! ```text
//!   hop? ─ no ─▶ hidden? ─ no ─▶ Content-Type, Location, Set-Cookie, …? ─▶ headers_out
//! ```
//!
//! *Read next*: `relay.rs`.

use super::view::View;
use super::{cache, finish};
use crate::balance;
use crate::buf::Slice;
use crate::conf::value::parse_number;
use crate::event::{RequestIx, clock};
use crate::http::exchange::Exchange;
use crate::http::headers::{HeadersOut, OutField};
use crate::http::io::Io;
use crate::http::request::Request;
use crate::http::turn::{Leave, Status, Turn};
use crate::http::upstream_conf::{UpstreamConf, ignored};
use crate::parse::date;
use crate::protocol::names::Set;
use crate::protocol::{Decoder, Field, Framing, Name};
use crate::util::swar;

/// What steers the server instead of reaching the client.
const STEERING: Set = Set::of(&[Name::XAccelLimitRate, Name::XAccelBuffering, Name::XAccelCharset]);

/// What takes more than to be copied: it steers the server, or its value may have to be rewritten.
const TREATED: Set = Set::of(&[
    Name::XAccelLimitRate,
    Name::XAccelBuffering,
    Name::XAccelCharset,
    Name::AcceptRanges,
    Name::LastModified,
    Name::Location,
    Name::Refresh,
    Name::SetCookie,
]);

/// What goes along when X-Accel-Redirect leads elsewhere.
const REDIRECTED: Set = Set::of(&[
    Name::ContentType,
    Name::SetCookie,
    Name::ContentDisposition,
    Name::CacheControl,
    Name::Expires,
    Name::AcceptRanges,
]);

/// A field taken out of the head, since what is done with it borrows the whole exchange: a value may be
/// rewritten with variables, and those may ask for anything, this reply's other fields among it.
struct Kept {
    name: Slice,
    value: Slice,
    known: Name,
    hop: bool,
}

impl Kept {
    fn of(field: Field) -> Kept {
        Kept { name: field.kept_name(), value: field.kept_value(), known: field.known, hop: field.hop }
    }
}

/// True if clients do not get that field.
pub fn is_hidden(x: &Exchange, r: RequestIx, field: &Field) -> bool {
    x[r].upstream.as_ref().is_some_and(|u| u.conf.hiding().hides(field))
}

/// Tells the group what a good reply means for sessions (directive `sticky`).
pub fn learn(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = x[r].upstream.as_deref() else { return };
    let Some(group) = u.group.as_ref().filter(|group| group.is_sticky()).cloned() else { return };
    let Some(peer) = u.peer.as_ref() else { return };
    let Some(peer) = peer.held.as_ref().map(|held| held.peer().clone()) else { return };
    let Some(mut view) = View::of(x, r, io) else { return };
    group.learn(&peer, &mut view, balance::sticky::Moment::Header, clock::now());
    let (seconds, _) = crate::log::clock::msec();
    if let Some(cookie) = group.set_cookie(&peer, &mut view, seconds) {
        x[r].headers_out.add("Set-Cookie", cookie);
    }
}

/// Where X-Accel-Redirect leads: a URI, or `@name`.
///
/// NGINX: what the peer said about type, cookies and caching holds for the other place's answer too,
/// since the peer has decided about this request and only its bytes come from elsewhere.
pub fn accel_redirect(x: &mut Exchange, r: RequestIx) -> Option<Slice> {
    let u = x[r].upstream.as_deref()?;
    if *u.conf.ignore_headers & ignored::XA_REDIRECT != 0 {
        return None;
    }
    let to = u.head.fields.known(Name::XAccelRedirect).next()?.kept_value();
    let conf = u.conf.clone();
    let goes_along = |field: &Field| field.known == Name::XAccelLimitRate || REDIRECTED.has(field.known);
    let kept: Vec<Kept> = u.head.fields.iter().filter(goes_along).map(Kept::of).collect();
    for field in kept {
        match field.known {
            // What steers the server holds for the other place too.
            Name::XAccelLimitRate => control(x, r, &conf, field.known, &field.value),
            Name::ContentType => content_type(&mut x[r].headers_out, field.value),
            _ => x[r].headers_out.fields.push(OutField { name: field.name, value: field.value }),
        }
    }
    Some(to)
}

/// An answer that `error_page` replaces (directive `NAME_intercept_errors`).
///
/// Only where a page is configured for that very status; and a page that is itself passed to an upstream
/// is not replaced again unless `recursive_error_pages` says so, or two of them could go in circles.
pub fn intercept_errors(x: &mut Exchange, r: RequestIx, io: &mut Io, status: u16) -> Option<Turn> {
    let u = x[r].upstream.as_deref_mut()?;
    if status == 404 && u.kind.like_files {
        // The reply is over with its head, so its connection is as good as before.
        u.decoder = Some(Decoder::new(Framing::Empty));
        u.complete = true;
        return Some(finish::intercepted(status));
    }
    let u = x[r].upstream.as_deref()?;
    if !*u.conf.intercept_errors {
        return None;
    }
    let core = &x[r].loc.core;
    if !core.error_pages.iter().any(|page| page.status == status) {
        return None;
    }
    if x[r].flags.error_page && !*core.recursive_error_pages {
        return None;
    }
    let _ = io;
    cache::remember(x, r, status);
    let u = x[r].upstream.as_deref()?;
    if status == 401 {
        let challenges: Vec<Slice> =
            u.head.fields.known(Name::WwwAuthenticate).map(|field| field.kept_value()).collect();
        for value in challenges {
            x[r].headers_out.add("WWW-Authenticate", value);
        }
    }
    Some(finish::intercepted(status))
}

/// Copies the head.
///
/// # Errors
/// None yet.
pub fn process_headers(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Leave> {
    let mut from = 0;
    while let Some(field) = copy(&mut x[r], &mut from) {
        treat(x, r, io, field);
    }
    let request = &mut x[r];
    let Some(u) = request.upstream.as_deref_mut() else { return Err(Leave::Finish(Status::INTERNAL)) };
    let out = &mut request.headers_out;
    // Of a Date and a Server that are passed on, the client gets the peer's or none.
    if u.kind.scheme.is_some() {
        let hiding = u.conf.hiding();
        let is_left_out = |name: Name| hiding.passes(name) && !u.head.fields.has(name);
        if is_left_out(Name::Date) {
            out.date = Some(Slice::EMPTY);
        }
        if is_left_out(Name::Server) {
            out.server = Some(Slice::EMPTY);
        }
    }
    // The peer's word on status and length stands; a condition of the client was for it to judge, unless
    // the cache kept it back.
    out.status = u.head.status;
    out.status_line = (!u.head.status_line.is_empty()).then(|| u.head.status_line.clone());
    out.content_length = u.head.content_length;
    request.flags.disable_not_modified = !u.keeps_reply();
    if *u.conf.force_ranges {
        request.flags.allow_ranges = true;
        request.flags.single_range = !u.is_cached();
        request.flags.disable_not_modified = false;
    }
    if u.kind.like_files && u.head.status == 200 {
        crate::http::output::set_content_type(x, r);
    }
    Ok(())
}

/// Puts fields where they belong, from one place of their order on. Stops behind one that takes more than
/// that, and gives it.
#[inline(always)]
fn copy(request: &mut Request, from: &mut usize) -> Option<Kept> {
    let u = request.upstream.as_deref()?;
    let (fields, out, hiding) = (&u.head.fields, &mut request.headers_out, u.conf.hiding());
    let concerns_us = |name: Name, hop: bool| !hop && hiding.passes(name) || STEERING.has(name);
    while let Some((at, name)) = fields.find_from(*from, concerns_us) {
        *from = at + 1;
        match name {
            Name::ContentType => content_type(out, fields.kept_value(at)?),
            Name::Date => out.date = fields.kept_value(at),
            Name::Server => out.server = fields.kept_value(at),
            Name::ContentLength => {}
            name if TREATED.has(name) => return fields.at(at).map(Kept::of),
            _ => {
                let field = fields.at(at)?;
                if !hiding.hides(&field) {
                    out.fields.push(OutField { name: field.kept_name(), value: field.kept_value() });
                }
            }
        }
    }
    None
}

/// Fields by which the peer steers the server.
///
/// They are obeyed before it is asked whether the client gets them: hiding a field does not switch it
/// off, that is what `NAME_ignore_headers` is for.
fn control(x: &mut Exchange, r: RequestIx, conf: &UpstreamConf, known: Name, value: &Slice) {
    let obeys = |bit: u32| *conf.ignore_headers & bit == 0;
    match known {
        Name::XAccelLimitRate if obeys(ignored::XA_LIMIT_RATE) => {
            if let Some(rate) = parse_number(value) {
                x.main_mut().limit_rate = rate;
                x.main_mut().flags.limit_rate_set = true;
            }
        }
        Name::XAccelBuffering if obeys(ignored::XA_BUFFERING) => {
            if let Some(u) = super::of(x, r) {
                u.buffering = match value.to_ascii_lowercase().as_slice() {
                    b"yes" => true,
                    b"no" => false,
                    _ => u.buffering,
                };
            }
        }
        Name::XAccelCharset if obeys(ignored::XA_CHARSET) => {
            x[r].headers_out.override_charset = Some(value.clone());
        }
        _ => {}
    }
}

/// Does what a field asks for, and puts it where it belongs.
#[inline(never)]
fn treat(x: &mut Exchange, r: RequestIx, io: &mut Io, field: Kept) {
    let Some(u) = super::of(x, r) else { return };
    let conf = u.conf.clone();
    let Kept { name, mut value, known, hop } = field;
    if STEERING.has(known) {
        control(x, r, &conf, known, &value);
    }
    if hop || !conf.hiding().passes(known) {
        return;
    }
    match known {
        Name::AcceptRanges if accepts_ranges(x, r, &conf) => return,
        Name::Refresh => value = refresh(x, r, io, value),
        Name::Location => value = redirect(x, r, io, &value).unwrap_or(value),
        Name::SetCookie => value = cookie(x, r, io, &value).unwrap_or(value),
        // The field stays as it came; its meaning is for the conditions of a range.
        Name::LastModified => x[r].headers_out.last_modified = date::parse(&value),
        _ => {}
    }
    x[r].headers_out.fields.push(OutField { name, value });
}

/// Whether it is the server that cuts ranges, of a reply whose peer could: where it must
/// (`NAME_force_ranges`), and where the cache asks for the whole.
fn accepts_ranges(x: &mut Exchange, r: RequestIx, conf: &UpstreamConf) -> bool {
    let Some(u) = super::of(x, r) else { return false };
    let (keeps, cached) = (u.keeps_reply(), u.is_cached());
    if (keeps || cached) && !*conf.force_ranges {
        x[r].flags.allow_ranges = true;
        x[r].flags.single_range = !cached;
    }
    keeps || cached || *conf.force_ranges
}

/// The type apart from its charset, which filters may change.
fn content_type(out: &mut HeadersOut, value: Slice) {
    // Most types have no parameter.
    let charset = swar::find(&value, b';').and_then(|first| charset(&value, first));
    let Some((end, charset)) = charset else {
        out.content_type = Some(value);
        return;
    };
    out.content_type = Some(value.slice(0..end));
    if out.charset.is_none() {
        out.charset = Some(charset);
    }
}

/// Where the type ends, and the charset behind it; None if there is none, or something follows it: then the
/// whole is kept as it is. `first` is where the first parameter begins.
#[inline(never)]
fn charset(value: &Slice, first: usize) -> Option<(usize, Slice)> {
    let semicolons = value.iter().enumerate().skip(first).filter(|(_, b)| **b == b';');
    let (end, start) = semicolons.map(|(at, _)| at).find_map(|at| {
        let tail = value.get(at + 1..)?;
        let skipped = tail.iter().take_while(|b| **b == b' ').count();
        let word = tail.get(skipped..)?;
        word.get(..8)?.eq_ignore_ascii_case(b"charset=").then_some((at, at + 1 + skipped + 8))
    })?;
    let mut charset = value.slice(start..value.len());
    if charset.starts_with(b"\"") && charset.ends_with(b"\"") && charset.len() >= 2 {
        charset = charset.slice(1..charset.len() - 1);
    }
    (!charset.contains(&b';')).then_some((end, charset))
}

/// What the protocol makes of a value, given the request.
///
/// None also stands for a value that needs no change; callers keep the old one, which costs no copy.
fn rewritten<T>(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    rewrite: impl FnOnce(&dyn crate::protocol::Erased, &mut View) -> Option<T>,
) -> Option<T> {
    // Taken out for the length of the call, because the view borrows the exchange it lives in.
    let module = x[r].upstream.as_deref_mut()?.module.take()?;
    let done = View::of(x, r, io).and_then(|mut view| rewrite(&*module, &mut view));
    if let Some(u) = super::of(x, r) {
        u.module = Some(module);
    }
    done
}

fn redirect(x: &mut Exchange, r: RequestIx, io: &mut Io, location: &Slice) -> Option<Slice> {
    rewritten(x, r, io, |module, view| module.rewrite_redirect(view, location))
}

fn cookie(x: &mut Exchange, r: RequestIx, io: &mut Io, cookie: &Slice) -> Option<Slice> {
    rewritten(x, r, io, |module, view| module.rewrite_cookie(view, cookie))
}

/// `Refresh: 5; url=http://…`: the URL is rewritten as that of Location is.
fn refresh(x: &mut Exchange, r: RequestIx, io: &mut Io, value: Slice) -> Slice {
    let lower = value.to_ascii_lowercase();
    let Some(at) = memchr::memmem::find(&lower, b"url=").map(|at| at + 4) else { return value };
    let url = value.slice(at..value.len());
    match redirect(x, r, io, &url) {
        Some(new) => Slice::from([value.get(..at).unwrap_or_default(), &new[..]].concat()),
        None => value,
    }
}
