//! Variables of the request, the response and the connection.
//!
//! *In nginx* `ngx_http_variables.c`.
//!
//! *Here* one line for each where one line is enough.
//!
//! *Read next*: `table.rs`.

use super::super::table::{Definition, Family, Get, definition};
use crate::buf::Slice;
use crate::http::headers::Known;
use std::rc::Rc;

fn some(text: &Slice) -> Option<Slice> {
    (!text.is_empty()).then(|| text.clone())
}

/// The variables.
pub fn variables() -> Vec<(&'static str, Definition)> {
    vec![
        ("uri", definition(|x, r, _| some(&x[r].uri)).volatile()),
        ("document_uri", definition(|x, r, _| some(&x[r].uri)).volatile()),
        ("request_uri", definition(|x, _, _| some(&x.main().unparsed_uri))),
        ("request", definition(|x, _, _| some(&x.main().request_line))),
        (
            "args",
            definition(|x, r, _| some(&x[r].args))
                .volatile()
                .with_set(|x, r, _, value| x[r].args = value.clone()),
        ),
        ("query_string", definition(|x, r, _| some(&x[r].args)).volatile()),
        (
            "is_args",
            definition(|x, r, _| Some(if x[r].args.is_empty() { Slice::EMPTY } else { "?".into() }))
                .volatile(),
        ),
        ("request_method", definition(|x, _, _| some(&x.main().method_name))),
        ("remote_addr", definition(|x, _, io| io.conn(x.client.conn).map(|c| c.peer.host_text().into()))),
        (
            "host",
            definition(|x, r, _| {
                let server = &x.main().headers_in.server;
                some(server).or_else(|| Some(x[r].server.name.clone()))
            }),
        ),
        ("server_name", definition(|x, r, _| Some(x[r].server.name.clone())).volatile()),
        (
            "status",
            definition(|x, r, _| {
                let status = if x[r].err_status != 0 { x[r].err_status } else { x[r].headers_out.status };
                Some(format!("{status:03}").into())
            })
            .volatile(),
        ),
    ]
}

fn arg(name: &[u8]) -> Get {
    let name = name.to_vec();
    Rc::new(move |x, r, _| {
        let value = crate::http::parse::uri::arg(&x[r].args, &name)?;
        Some(Slice::copy(value))
    })
}

fn http(name: &[u8]) -> Get {
    let name: Vec<u8> = name.iter().map(|b| if *b == b'_' { b'-' } else { *b }).collect();
    let joint: &'static [u8] = if Known::of(&name) == Known::Cookie { b"; " } else { b", " };
    Rc::new(move |x, _, _| {
        let mut values = x.main().headers_in.named(&name);
        let first = values.next()?.clone();
        let rest: Vec<_> = values.collect();
        if rest.is_empty() {
            return Some(first);
        }
        let mut all = first.to_vec();
        for value in rest {
            all.extend_from_slice(joint);
            all.extend_from_slice(value);
        }
        Some(Slice::from(all))
    })
}

/// The families.
pub static FAMILIES: [Family; 2] = [
    Family { prefix: "arg_", make: arg, cacheable: false },
    Family { prefix: "http_", make: http, cacheable: true },
];
