//! The directives of TLS towards clients.
//!
//! *In nginx* `ngx_http_ssl_commands[]`; most rows hand a string to OpenSSL.
//!
//! *Here* the rows that can be kept with rustls. The others are not known, or say what they are missing.
//!
//! *Read next*: `conf.rs`.

use super::conf::{SessionCache, SslServer, Verify};
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Contexts, Directive, HTTP, Module, SERVER};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::conf::value::{parse_number, parse_size};
use crate::tls::ciphers;

const WHERE: Contexts = HTTP | SERVER;

/// The table.
pub static TABLE: Module = Module {
    name: "http_ssl",
    directives: &[
        Directive::of("ssl_certificate", WHERE, Args::Exactly(1))
            .doc(
                "A PEM file with the server's certificate and those between it and an authority. Several \
                 lines are for several kinds of keys (RSA, ECDSA).",
            )
            .set(|cx, line| {
                let path = cx.conf_path(line.arg(0)?);
                has_no_variables(line)?;
                cx.conf::<SslServer>().certificates.edit().push(path);
                Ok(())
            }),
        Directive::of("ssl_certificate_key", WHERE, Args::Exactly(1))
            .doc("A PEM file with the key of the ssl_certificate of the same rank. It must not be encrypted.")
            .set(|cx, line| {
                let path = cx.conf_path(line.arg(0)?);
                has_no_variables(line)?;
                cx.conf::<SslServer>().keys.edit().push(path);
                Ok(())
            }),
        Directive::of("ssl_protocols", WHERE, Args::AtLeast(1))
            .default("TLSv1.2 TLSv1.3")
            .doc(
                "The protocols: TLSv1.2, TLSv1.3. The older ones are not here and are left out with a \
                 warning.",
            )
            .set(|cx, line| {
                let mut protocols = crate::conf::merge::Setting::new(0);
                line.bits(&mut protocols, ciphers::PROTOCOLS)?;
                let known = known_protocols(cx, line, *protocols)?;
                let setting = &mut cx.conf::<SslServer>().protocols;
                let before = if setting.is_set() { **setting } else { 0 };
                setting.set(before | known);
                Ok(())
            }),
        Directive::of("ssl_ciphers", WHERE, Args::Exactly(1))
            .default("HIGH:!aNULL:!MD5")
            .doc(
                "The cipher suites of TLS 1.2 in OpenSSL's language. There are six: ECDHE with RSA or \
                 ECDSA, and AES-GCM or ChaCha20; names of others select nothing, and a list that selects \
                 nothing is an error.",
            )
            .set(|cx, line| {
                let text = line.arg(0)?.as_str()?;
                ciphers::select(text).map_err(|text| line.err(text))?;
                line.text(&mut cx.conf::<SslServer>().ciphers)
            }),
        Directive::of("ssl_ecdh_curve", WHERE, Args::Exactly(1))
            .default("auto")
            .doc(
                "The groups for key exchange, in order: X25519, prime256v1, secp384r1; auto for all of \
                 them.",
            )
            .set(|cx, line| {
                let text = line.arg(0)?.as_str()?;
                ciphers::curves(text).map_err(|text| line.err(text))?;
                line.text(&mut cx.conf::<SslServer>().curves)
            }),
        Directive::of("ssl_prefer_server_ciphers", WHERE, Args::Flag)
            .default("off")
            .doc("Whether the server's order of cipher suites counts rather than the client's.")
            .set(|cx, line| line.flag(&mut cx.conf::<SslServer>().prefer_server_ciphers)),
        Directive::of("ssl_session_tickets", WHERE, Args::Flag)
            .default("on")
            .doc("Whether sessions are kept by clients, in tickets.")
            .set(|cx, line| line.flag(&mut cx.conf::<SslServer>().session_tickets)),
        Directive::of("ssl_session_ticket_key", WHERE, Args::Exactly(1))
            .doc(
                "A file of 48 or 80 random bytes from which a key for tickets is made, so that several \
                 servers can read each other's. The first file encrypts, all decrypt.",
            )
            .set(|cx, line| {
                let path = cx.conf_path(line.arg(0)?);
                cx.conf::<SslServer>().ticket_keys.edit().push(path);
                Ok(())
            }),
        Directive::of("ssl_session_cache", WHERE, Args::Between(1, 2))
            .default("none")
            .doc(
                "Where sessions are kept for clients without tickets: off, none, builtin[:SESSIONS] of each \
                 worker, shared:NAME:SIZE of all of them.",
            )
            .set(session_cache),
        Directive::of("ssl_session_timeout", WHERE, Args::Exactly(1))
            .default("5m")
            .doc("How long a session can be taken up again.")
            .set(|cx, line| line.sec(&mut cx.conf::<SslServer>().session_timeout)),
        Directive::of("ssl_buffer_size", WHERE, Args::Exactly(1))
            .default("16k")
            .doc("The largest record that is sent, at most 16k.")
            .set(|cx, line| line.size(&mut cx.conf::<SslServer>().buffer_size)),
        Directive::of("ssl_verify_client", WHERE, Args::Exactly(1))
            .default("off")
            .doc("Whether clients are asked for a certificate: on, optional, optional_no_ca, off.")
            .set(|cx, line| {
                let table = [
                    ("off", Verify::Off),
                    ("on", Verify::On),
                    ("optional", Verify::Optional),
                    ("optional_no_ca", Verify::OptionalNoCa),
                ];
                line.choice(&mut cx.conf::<SslServer>().verify_client, &table)
            }),
        Directive::of("ssl_verify_depth", WHERE, Args::Exactly(1))
            .default("1")
            .doc("How many certificates may stand between a client's and the trusted one.")
            .set(|cx, line| line.number(&mut cx.conf::<SslServer>().verify_depth)),
        Directive::of("ssl_client_certificate", WHERE, Args::Exactly(1))
            .doc("A PEM file of trusted certificates for those of clients, who are told their names.")
            .set(|cx, line| {
                let path = cx.conf_path(line.arg(0)?);
                line.store(&mut cx.conf::<SslServer>().client_certificate, Some(path))
            }),
        Directive::of("ssl_trusted_certificate", WHERE, Args::Exactly(1))
            .doc("More trusted certificates, of which clients are not told.")
            .set(|cx, line| {
                let path = cx.conf_path(line.arg(0)?);
                line.store(&mut cx.conf::<SslServer>().trusted_certificate, Some(path))
            }),
        Directive::of("ssl_crl", WHERE, Args::Exactly(1))
            .doc(
                "A PEM file of lists of certificates that were taken back; every authority in a chain must \
                 have one.",
            )
            .set(|cx, line| {
                let path = cx.conf_path(line.arg(0)?);
                line.store(&mut cx.conf::<SslServer>().crl, Some(path))
            }),
        Directive::of("ssl_reject_handshake", WHERE, Args::Flag)
            .default("off")
            .doc("Refuses handshakes for the names of this server.")
            .set(|cx, line| line.flag(&mut cx.conf::<SslServer>().reject_handshake)),
    ],
};

/// The smallest cache that all workers share, in bytes.
const SMALLEST: u64 = 32 << 10;
/// How many sessions `builtin` keeps.
const BUILTIN: u64 = 20_480;

fn session_cache(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let mut cache = None;
    for arg in &line.args {
        let wrong = || line.err(format_args!("invalid session cache \"{arg}\""));
        let text = arg.as_str()?;
        let found = match text.split(':').collect::<Vec<_>>()[..] {
            ["off" | "none"] => SessionCache::None,
            ["builtin"] => SessionCache::Builtin(BUILTIN),
            ["builtin", size] => {
                SessionCache::Builtin(parse_number(size.as_bytes()).filter(|n| *n > 0).ok_or_else(wrong)?)
            }
            ["shared", name, size] if !name.is_empty() => {
                let bytes = parse_size(size.as_bytes()).ok_or_else(wrong)?;
                if bytes < SMALLEST {
                    return Err(line.err(format_args!("session cache \"{text}\" is too small")));
                }
                SessionCache::Shared(cx.zone(line, name, Some(bytes), "ssl_session_cache")?)
            }
            _ => return Err(wrong()),
        };
        // Of two the one that all workers share is the better.
        if !matches!(cache, Some(SessionCache::Shared(_))) {
            cache = Some(found);
        }
    }
    let cache = cache.unwrap_or(SessionCache::None);
    line.store(&mut cx.conf::<SslServer>().session_cache, cache)
}

/// Refuses an argument with variables.
///
/// # Errors
/// If it has any.
pub fn has_no_variables(line: &Line) -> Result<(), ConfError> {
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
