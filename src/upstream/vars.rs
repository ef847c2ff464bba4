//! Variables about upstreams: `$upstream_…` and `$proxy_…`.
//!
//! *In nginx* `ngx_http_upstream_vars[]`, `ngx_http_proxy_vars[]`.
//!
//! *Here* most are a column of the request's records, one entry for each attempt: `, ` stands between
//! attempts, ` : ` between rounds (an internal redirect that led to another upstream). A value nobody
//! measured is `-`. `$upstream_bytes_spliced` is ours: how much of the body the kernel moved past our memory,
//! 0 where somebody had to look at it.
//!
//! ```text
//!   $upstream_addr      127.0.0.1:8081, 127.0.0.1:8082 : 127.0.0.1:9000
//!   $upstream_status    502, 200 : 404
//! ```
//!
//! *Read next*: `http/upstreamed.rs`, [`State`].

use crate::buf::Slice;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::headers::Known;
use crate::http::io::Io;
use crate::http::upstreamed::State;
use crate::http::vars::{Definition, Family, Get, definition};
use crate::parse::list;
use crate::protocol::{Field, Fields};
use crate::util::numbers;
use std::rc::Rc;

/// The variables with fixed names.
pub fn variables() -> Vec<(&'static str, Definition)> {
    vec![
        ("upstream_addr", column(|state, out| out.extend_from_slice(state.peer.as_bytes()))),
        ("upstream_status", column(|state, out| number(out, u64::from(state.status), state.status != 0))),
        ("upstream_connect_time", column(|state, out| time(out, state.connect_ms))),
        ("upstream_header_time", column(|state, out| time(out, state.header_ms))),
        ("upstream_response_time", column(|state, out| time(out, state.response_ms))),
        ("upstream_response_length", column(|state, out| number(out, state.response_length, true))),
        ("upstream_bytes_received", column(|state, out| number(out, state.bytes_received, true))),
        ("upstream_bytes_sent", column(|state, out| number(out, state.bytes_sent, true))),
        (
            "upstream_bytes_spliced",
            definition(|x, r, io| Some(io.texts.number(x[r].upstream.as_ref()?.pipe.spliced))).volatile(),
        ),
        (
            "upstream_last_server_name",
            definition(|x, r, _| {
                let server = x[r].upstream.as_ref()?.server.as_ref()?;
                Some(Slice::copy(server.name.as_bytes()))
            })
            .volatile(),
        ),
        ("proxy_host", definition(|x, r, _| Some(x[r].upstream.as_ref()?.target.host.clone())).volatile()),
        ("proxy_port", definition(proxy_port).volatile()),
        ("proxy_add_x_forwarded_for", definition(|x, r, io| Some(forwarded_for(x, r, io))).volatile()),
    ]
}

/// The families.
pub static FAMILIES: [Family; 3] = [
    Family { prefix: "upstream_http_", make: upstream_http, cacheable: false },
    Family { prefix: "upstream_cookie_", make: upstream_cookie, cacheable: false },
    Family { prefix: "upstream_trailer_", make: upstream_trailer, cacheable: false },
];

fn column(write: fn(&State, &mut Vec<u8>)) -> Definition {
    definition(move |x, r, io| {
        let states = &x[r].upstream_states;
        (!states.is_empty()).then(|| io.texts.make(|out| joined(out, states, write)))
    })
    .volatile()
}

fn joined(out: &mut Vec<u8>, states: &[State], write: fn(&State, &mut Vec<u8>)) {
    let mut first = true;
    let mut new_round = false;
    for state in states {
        if state.peer.is_empty() {
            new_round = true;
            continue;
        }
        if !first {
            out.extend_from_slice(if new_round { b" : " } else { b", " });
        }
        (first, new_round) = (false, false);
        write(state, out);
    }
}

fn number(out: &mut Vec<u8>, n: u64, is_known: bool) {
    if is_known {
        numbers::decimal(out, n);
    } else {
        out.push(b'-');
    }
}

fn time(out: &mut Vec<u8>, ms: Option<u64>) {
    match ms {
        Some(ms) => numbers::seconds(out, ms),
        None => out.push(b'-'),
    }
}

fn proxy_port(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Slice> {
    Some(match x[r].upstream.as_ref()?.port {
        0 => Slice::EMPTY,
        port => io.texts.number(port.into()),
    })
}

/// The client's X-Forwarded-For with its address behind.
fn forwarded_for(x: &Exchange, r: RequestIx, io: &mut Io) -> Slice {
    let Io { net, texts, .. } = io;
    texts.make(|out| {
        for field in x[r].headers_in.all(Known::XForwardedFor) {
            out.extend_from_slice(field);
            out.extend_from_slice(b", ");
        }
        if let Some(c) = net.table.get(x.client.conn) {
            c.peer.write_host(out);
        }
    })
}

/// A field's name as variables spell it: lower case, underscores.
/// So `$upstream_http_x_a` is `X-A` and `X_A`; nobody can tell the two apart by a variable.
fn is_named(field: &Field, name: &[u8]) -> bool {
    let as_var = |b: &u8| if *b == b'-' { b'_' } else { b.to_ascii_lowercase() };
    field.name.len() == name.len() && field.name.iter().map(as_var).eq(name.iter().copied())
}

/// The values of the fields that a variable with this name means, with commas between them.
pub(super) fn all_named(fields: &Fields, name: &[u8]) -> Option<Slice> {
    let mut named = fields.iter().filter(|field| is_named(field, name));
    let first = named.next()?;
    let Some(second) = named.next() else { return Some(first.kept_value()) };
    let mut out = [first.value, b", ", second.value].concat();
    for field in named {
        out.extend_from_slice(b", ");
        out.extend_from_slice(field.value);
    }
    Some(Slice::from(out))
}

fn upstream_http(name: &[u8]) -> Get {
    let name = name.to_ascii_lowercase();
    Rc::new(move |x, r, _| all_named(&x[r].upstream.as_ref()?.head.fields, &name))
}

fn upstream_trailer(name: &[u8]) -> Get {
    let name = name.to_ascii_lowercase();
    Rc::new(move |x, r, _| all_named(&x[r].upstream.as_ref()?.relay.trailers, &name))
}

fn upstream_cookie(name: &[u8]) -> Get {
    let name = name.to_vec();
    Rc::new(move |x, r, _| cookie_named(&x[r].upstream.as_ref()?.head.fields, &name))
}

/// The value of the first cookie of that name that these fields set.
pub(super) fn cookie_named(fields: &Fields, name: &[u8]) -> Option<Slice> {
    let mut cookies = fields.iter().filter(|field| is_named(field, b"set_cookie"));
    cookies.find_map(|field| list::set_cookie(field.value, name)).map(Slice::copy)
}
