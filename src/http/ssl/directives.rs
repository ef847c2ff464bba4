//! The directives of TLS towards clients.
//!
//! *In nginx* `ngx_http_ssl_commands[]`; most rows hand a string to OpenSSL.
//!
//! *Here* the rows that can be kept with rustls. The others are not known, or say what they are missing.
//!
//! *Read next*: `conf.rs`.

use super::conf::SslServer;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Contexts, Directive, HTTP, Module, SERVER};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::tls::ciphers;

const WHERE: Contexts = HTTP | SERVER;

/// The table.
pub static TABLE: Module = Module {
    name: "http_ssl",
    directives: &[
        Directive::new(
            "ssl_certificate",
            WHERE,
            Args::Exactly(1),
            "",
            "A PEM file with the server's certificate and those between it and an authority. Several lines \
             are for several kinds of keys (RSA, ECDSA).",
            |cx, line| {
                let path = cx.conf_path(line.arg(0)?);
                has_no_variables(line)?;
                cx.conf::<SslServer>().certificates.edit().push(path);
                Ok(())
            },
        ),
        Directive::new(
            "ssl_certificate_key",
            WHERE,
            Args::Exactly(1),
            "",
            "A PEM file with the key of the ssl_certificate of the same rank. It must not be encrypted.",
            |cx, line| {
                let path = cx.conf_path(line.arg(0)?);
                has_no_variables(line)?;
                cx.conf::<SslServer>().keys.edit().push(path);
                Ok(())
            },
        ),
        Directive::new(
            "ssl_protocols",
            WHERE,
            Args::AtLeast(1),
            "TLSv1.2 TLSv1.3",
            "The protocols: TLSv1.2, TLSv1.3. The older ones are not here and are left out with a warning.",
            |cx, line| {
                let mut protocols = crate::conf::merge::Setting::new(0);
                line.bits(&mut protocols, ciphers::PROTOCOLS)?;
                let known = known_protocols(cx, line, *protocols)?;
                let setting = &mut cx.conf::<SslServer>().protocols;
                let before = if setting.is_set() { **setting } else { 0 };
                setting.set(before | known);
                Ok(())
            },
        ),
        Directive::new(
            "ssl_ciphers",
            WHERE,
            Args::Exactly(1),
            "HIGH:!aNULL:!MD5",
            "The cipher suites of TLS 1.2 in OpenSSL's language. There are six: ECDHE with RSA or ECDSA, \
             and AES-GCM or ChaCha20; names of others select nothing, and a list that selects nothing is an \
             error.",
            |cx, line| {
                let text = line.arg(0)?.as_str()?;
                ciphers::select(text).map_err(|text| line.err(text))?;
                line.text(&mut cx.conf::<SslServer>().ciphers)
            },
        ),
        Directive::new(
            "ssl_ecdh_curve",
            WHERE,
            Args::Exactly(1),
            "auto",
            "The groups for key exchange, in order: X25519, prime256v1, secp384r1; auto for all of them.",
            |cx, line| {
                let text = line.arg(0)?.as_str()?;
                ciphers::curves(text).map_err(|text| line.err(text))?;
                line.text(&mut cx.conf::<SslServer>().curves)
            },
        ),
        Directive::new(
            "ssl_prefer_server_ciphers",
            WHERE,
            Args::Flag,
            "off",
            "Whether the server's order of cipher suites counts rather than the client's.",
            |cx, line| line.flag(&mut cx.conf::<SslServer>().prefer_server_ciphers),
        ),
        Directive::new(
            "ssl_session_tickets",
            WHERE,
            Args::Flag,
            "on",
            "Whether sessions are kept by clients, in tickets.",
            |cx, line| line.flag(&mut cx.conf::<SslServer>().session_tickets),
        ),
        Directive::new(
            "ssl_reject_handshake",
            WHERE,
            Args::Flag,
            "off",
            "Refuses handshakes for the names of this server.",
            |cx, line| line.flag(&mut cx.conf::<SslServer>().reject_handshake),
        ),
    ],
};

fn has_no_variables(line: &Line) -> Result<(), ConfError> {
    match line.arg(0)?.contains(&b'$') {
        true => Err(line.directive_err("does not support variables")),
        false => Ok(()),
    }
}

/// The protocols of a set that are here, with a warning for the others.
///
/// # Errors
/// When none is left.
pub fn known_protocols(cx: &mut Cx, line: &Line, protocols: u32) -> Result<u32, ConfError> {
    if protocols & ciphers::OLD != 0 {
        cx.warn(&line.at, format_args!("\"{}\": only TLSv1.2 and TLSv1.3 are supported", line.name));
    }
    match protocols & !ciphers::OLD {
        0 => Err(line.directive_err("names no supported protocol")),
        known => Ok(known),
    }
}
