//! The host that a request is for, and the server that answers for it.
//!
//! *In nginx* `ngx_http_process_host` and `ngx_http_set_virtual_server`.
//!
//! *Here* a host is judged once and remembered: nearly every request names the one that the request before
//! it has named, and what came out of it then holds now. Only the text decides, so it may have been the
//! request of another client; it is remembered with the memory of an exchange, which serves one after the
//! other.
//!
//! ```text
//!   Host: Example.com:8080 ── the same bytes as before? ── yes ──▶ name and port as before
//!                                   └ no ─▶ judge, cut, fold ─▶ example.com, 8080 ─▶ remembered
//! ```
//!
//! *Read next*: `parse/host.rs`; `http/server.rs`, where servers are found by name.

use super::head::refuse;
use crate::buf::Slice;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::server::Found;
use crate::http::ssl;
use crate::http::turn::Turn;
use crate::parse::{Bad, Span, host};

/// What is longer is not remembered.
const SHORT: usize = 64;

/// A host that was good, and what it meant.
#[derive(Debug, Default)]
pub struct Recent {
    /// As it was written.
    text: Slice,
    /// In lower case and without port.
    name: Slice,
    /// The digits of the port.
    port: Slice,
}

/// Takes the host that the field which came last names if it is the one that was named last; says whether it
/// is.
#[inline]
pub fn set_again(x: &mut Exchange) -> bool {
    let (client, request) = x.client_and_main();
    let headers = &mut request.headers_in;
    let recent = &client.recent_host;
    // An empty text is what nobody has named yet.
    let again = headers.last().is_some_and(|field| !field.value.is_empty() && *field.value == *recent.text);
    if again {
        headers.server = recent.name.clone();
        headers.port = recent.port.clone();
    }
    again
}

/// Takes the host a request names: the server for it is found.
///
/// # Errors
/// 400 for what cannot be a host.
pub fn set(x: &mut Exchange, r: RequestIx, io: &mut Io, text: &Slice) -> Turn {
    let Ok(valid) = host::validate_host(text) else {
        return refuse(x, r, io, Bad::InvalidHost);
    };
    // A copy, so that what is remembered does not keep a page.
    let text = if text.len() <= SHORT { Slice::copy(text) } else { text.clone() };
    let mut name = text.slice(valid.host.start as usize..valid.host.end as usize);
    if valid.uppercase {
        name = Slice::from(name.to_ascii_lowercase());
    }
    let port = port_text(&text, valid.host);
    let headers = &mut x[r].headers_in;
    (headers.server, headers.port) = (name.clone(), port.clone());
    if text.len() <= SHORT {
        x.client.recent_host = Recent { text, name, port };
    }
    choose_server(x, r, io)
}

/// The digits of the port behind a host.
fn port_text(text: &Slice, host: Span) -> Slice {
    if host.len() == text.len() {
        return Slice::EMPTY;
    }
    let rest = text.slice(host.end as usize..text.len());
    match rest.iter().rposition(|b| *b == b':') {
        Some(colon) => rest.slice(colon + 1..rest.len()),
        None => Slice::EMPTY,
    }
}

/// Finds the server for the host that was taken; for a request without one its name is empty.
///
/// # Errors
/// 421 for one that the client's TLS session is not for.
pub fn choose_server(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    // It is the default server, which every request has from the beginning.
    if x.client.head.is_served { Ok(()) } else { choose_among(x, r, io) }
}

fn choose_among(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let listener = io.conn(x.client.conn).map_or(0, |c| c.listener);
    let cycle = io.cycle.clone();
    let Some(address) = cycle.addresses.get(listener as usize) else { return Ok(()) };
    let name = x[r].headers_in.server.clone();
    if address.is_alone {
        return ssl::check::direct(x, r, io, &name, &address.default_server);
    }
    let server = match address.names.find(&name) {
        Some(Found::Server(server)) => server,
        Some(Found::Matched(server, regex)) => {
            regex.exec(x, r, &name);
            x[r].captures.clear();
            server
        }
        None => return ssl::check::direct(x, r, io, &name, &address.default_server),
    };
    ssl::check::direct(x, r, io, &name, &server)?;
    x[r].loc = server.root.clone();
    x[r].server = server;
    Ok(())
}
