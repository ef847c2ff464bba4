//! `$ssl_…`: what is known of a client's session.
//!
//! *In nginx* `ngx_http_ssl_vars[]`, each a question to OpenSSL.
//!
//! *Here* questions to the [`Session`]; without one they have no value.
//!
//! *Read next*: `tls/session.rs`.

use crate::buf::Slice;
use crate::http::vars::{Definition, definition};
use crate::tls::Session;

/// The variables.
pub fn variables() -> Vec<(&'static str, Definition)> {
    vec![
        ("ssl_protocol", of(|s| text(s.protocol()))),
        ("ssl_cipher", of(|s| text(s.cipher()))),
        ("ssl_curve", of(|s| text(s.curve()))),
        ("ssl_alpn_protocol", of(|s| s.alpn().map(Slice::copy))),
        ("ssl_server_name", of(|s| s.name.as_deref().map(|name| Slice::copy(name.as_bytes())))),
        ("ssl_session_reused", of(|s| text(Some(if s.is_reused() { "r" } else { "." })))),
    ]
}

fn text(text: Option<&'static str>) -> Option<Slice> {
    text.map(Slice::from)
}

fn of(get: fn(&Session) -> Option<Slice>) -> Definition {
    definition(move |x, _, io| io.net.table.get(x.client.conn)?.session().and_then(get))
}
