//! The shared directives of TLS to peers, for protocols that have a scheme for it.
//!
//! *In nginx* `proxy_ssl_…`, `uwsgi_ssl_…` and `grpc_ssl_…`, each in its module's table.
//!
//! *Here* one row each, like the others in `rows.rs`.
//!
//! *Read next*: `upstream/tls.rs`.

use super::{Row, of};
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, LEVELS};
use crate::conf::error::ConfError;
use crate::conf::merge::Setting;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::http::ssl::directives::{has_no_variables, known_protocols};
use crate::tls::ciphers;

const fn row(
    suffix: &'static str,
    args: Args,
    default: &'static str,
    doc: &'static str,
    set: fn(&mut Cx, &Line) -> Result<(), ConfError>,
) -> Row {
    Row { suffix, contexts: LEVELS, args, default, doc, set }
}

/// All of them.
pub const ROWS: &[Row] = &[
    row(
        "ssl_session_reuse",
        Args::Flag,
        "on",
        "Whether sessions with a peer are taken up again.",
        |cx, line| line.flag(&mut of(cx, line, "ssl_session_reuse")?.ssl_session_reuse),
    ),
    row(
        "ssl_protocols",
        Args::AtLeast(1),
        "TLSv1.2 TLSv1.3",
        "The protocols spoken with peers: TLSv1.2, TLSv1.3.",
        |cx, line| {
            let mut protocols = Setting::new(0);
            line.bits(&mut protocols, ciphers::PROTOCOLS)?;
            let known = known_protocols(cx, line, *protocols)?;
            line.store(&mut of(cx, line, "ssl_protocols")?.ssl_protocols, known)
        },
    ),
    row(
        "ssl_ciphers",
        Args::Exactly(1),
        "DEFAULT",
        "The cipher suites of TLS 1.2, as in ssl_ciphers.",
        |cx, line| {
            let text = line.arg(0)?.as_str()?;
            ciphers::select(text).map_err(|text| line.err(text))?;
            line.text(&mut of(cx, line, "ssl_ciphers")?.ssl_ciphers)
        },
    ),
    row(
        "ssl_name",
        Args::Exactly(1),
        "$proxy_host",
        "The name that the peer's certificate is to have, and that is sent with ssl_server_name; the host of \
         the pass directive otherwise.",
        |cx, line| {
            let name = Template::compile(cx, line, &Slice::copy(line.arg(0)?))?;
            line.store(&mut of(cx, line, "ssl_name")?.ssl_name, Some(name))
        },
    ),
    row(
        "ssl_server_name",
        Args::Flag,
        "off",
        "Whether the peer is told the name, so that it can choose among its certificates.",
        |cx, line| line.flag(&mut of(cx, line, "ssl_server_name")?.ssl_server_name),
    ),
    row(
        "ssl_verify",
        Args::Flag,
        "off",
        "Whether the peer's certificate must be good: on the way to a trusted one, and of the right name.",
        |cx, line| line.flag(&mut of(cx, line, "ssl_verify")?.ssl_verify),
    ),
    row(
        "ssl_verify_depth",
        Args::Exactly(1),
        "1",
        "How many certificates may stand between the peer's and the trusted one.",
        |cx, line| line.number(&mut of(cx, line, "ssl_verify_depth")?.ssl_verify_depth),
    ),
    row(
        "ssl_trusted_certificate",
        Args::Exactly(1),
        "",
        "A PEM file of trusted certificates for those of peers.",
        |cx, line| {
            let path = cx.conf_path(line.arg(0)?);
            line.store(&mut of(cx, line, "ssl_trusted_certificate")?.ssl_trusted_certificate, Some(path))
        },
    ),
    row(
        "ssl_crl",
        Args::Exactly(1),
        "",
        "A PEM file of lists of certificates that were taken back.",
        |cx, line| {
            let path = cx.conf_path(line.arg(0)?);
            line.store(&mut of(cx, line, "ssl_crl")?.ssl_crl, Some(path))
        },
    ),
    row(
        "ssl_certificate",
        Args::Exactly(1),
        "",
        "A PEM file with the certificate shown to peers that ask for one.",
        |cx, line| {
            has_no_variables(line)?;
            let path = cx.conf_path(line.arg(0)?);
            line.store(&mut of(cx, line, "ssl_certificate")?.ssl_certificate, Some(path))
        },
    ),
    row(
        "ssl_certificate_key",
        Args::Exactly(1),
        "",
        "A PEM file with its key, which must not be encrypted.",
        |cx, line| {
            has_no_variables(line)?;
            let path = cx.conf_path(line.arg(0)?);
            line.store(&mut of(cx, line, "ssl_certificate_key")?.ssl_certificate_key, Some(path))
        },
    ),
];
