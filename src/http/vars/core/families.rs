//! Variables by the beginning of their name: `$arg_…`, `$cookie_…`, `$http_…`, `$sent_http_…`,
//! `$sent_trailer_…`, `$proxy_protocol_tlv_…`.
//!
//! *In nginx* "prefix variables" (`NGX_HTTP_VAR_PREFIX`), whose getter is handed the whole name each time.
//!
//! *Here* the rest of the name is looked at once, when the configuration is read, and the getter keeps what
//! it needs.
//!
//! ```text
//!   $http_x_name ─▶ header named "x-name"    $cookie_id ─▶ "id" in Cookie    $arg_q ─▶ "q" in the arguments
//! ```
//!
//! *Read next*: `parse/list.rs`.

use super::super::table::{Definition, Family, Get, definition};
use crate::buf::Slice;
use crate::http::headers::{Known, OutField};
use crate::parse::list::find_in_all;
use std::rc::Rc;

/// The families.
pub static FAMILIES: [Family; 6] = [
    Family { prefix: "arg_", make: arg, cacheable: false },
    Family { prefix: "cookie_", make: cookie, cacheable: true },
    Family { prefix: "http_", make: http, cacheable: true },
    Family { prefix: "sent_http_", make: sent_http, cacheable: false },
    Family { prefix: "sent_trailer_", make: sent_trailer, cacheable: false },
    Family { prefix: "proxy_protocol_tlv_", make: tlv, cacheable: true },
];

fn arg(name: &[u8]) -> Get {
    let name = name.to_vec();
    Rc::new(move |x, r, io| Some(io.texts.copy(crate::parse::uri::arg(&x[r].args, &name)?)))
}

/// A variable's name as a field's: underscores stand for dashes.
fn dashed(name: &[u8]) -> Vec<u8> {
    name.iter().map(|b| if *b == b'_' { b'-' } else { *b }).collect()
}

/// All values of a request field, joined.
pub(super) fn field(name: &'static [u8]) -> Definition {
    definition(move |x, _, _| join(x.main().headers_in.named_kept(name), b", "))
}

fn http(name: &[u8]) -> Get {
    let name = dashed(name);
    let joint: &'static [u8] = if Known::of(&name) == Known::Cookie { b"; " } else { b", " };
    Rc::new(move |x, _, _| join(x.main().headers_in.named_kept(&name), joint))
}

fn sent_http(name: &[u8]) -> Get {
    let name = dashed(name);
    Rc::new(move |x, r, _| join(named(&x[r].headers_out.fields, &name), b", "))
}

fn sent_trailer(name: &[u8]) -> Get {
    let name = dashed(name);
    Rc::new(move |x, r, _| join(named(&x[r].headers_out.trailers, &name), b", "))
}

fn named<'a>(fields: &'a [OutField], name: &'a [u8]) -> impl Iterator<Item = Slice> {
    fields.iter().filter(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.clone())
}

/// One value as it is, several with `joint` between them.
fn join(mut values: impl Iterator<Item = Slice>, joint: &[u8]) -> Option<Slice> {
    let first = values.next()?;
    let Some(second) = values.next() else { return Some(first) };
    let mut all = first.to_vec();
    for value in std::iter::once(second).chain(values) {
        all.extend_from_slice(joint);
        all.extend_from_slice(&value);
    }
    Some(Slice::from(all))
}

fn cookie(name: &[u8]) -> Get {
    let name = name.to_vec();
    Rc::new(move |x, _, io| {
        let fields = x.main().headers_in.all(Known::Cookie);
        Some(io.texts.copy(find_in_all(fields, &name)?))
    })
}

fn tlv(name: &[u8]) -> Get {
    let wanted = crate::util::proxy_protocol::tlv_type(name);
    Rc::new(move |x, _, io| {
        let proxied = io.net.table.get(x.client.conn)?.proxied()?;
        proxied.tlv(wanted?).map(Slice::from)
    })
}
