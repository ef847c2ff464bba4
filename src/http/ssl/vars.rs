//! `$ssl_…`: what is known of a client's session and of its certificate.
//!
//! *In nginx* `ngx_http_ssl_vars[]`, each a question to OpenSSL.
//!
//! *Here* questions to the [`Session`]; without one they have no value.
//!
//! *Read next*: `tls/session.rs`, `tls/names.rs`.

use crate::buf::Slice;
use crate::http::vars::{Definition, definition};
use crate::log::clock;
use crate::parse::escape::{Escape, escape};
use crate::tls::certificate::Certificate;
use crate::tls::{Session, ciphers, names};
use crate::util::base64;
use sha1::{Digest, Sha1};
use std::time::{Duration, UNIX_EPOCH};

/// The variables.
pub fn variables() -> Vec<(&'static str, Definition)> {
    vec![
        ("ssl_protocol", of(|s| s.protocol().map(Slice::from))),
        ("ssl_cipher", of(|s| s.cipher().map(Slice::from))),
        ("ssl_ciphers", of(|s| Some(ciphers::suite_names(&s.offered.0).into()))),
        ("ssl_curve", of(|s| s.curve().map(Slice::from))),
        ("ssl_curves", of(|s| Some(ciphers::group_names(&s.offered.1).into()))),
        ("ssl_alpn_protocol", of(|s| s.alpn().map(Slice::copy))),
        ("ssl_server_name", of(|s| s.name.as_deref().map(|name| Slice::copy(name.as_bytes())))),
        ("ssl_session_id", of(|s| Some(hex(s.id()).into()))),
        ("ssl_session_reused", of(|s| Some(if s.is_reused() { "r" } else { "." }.into()))),
        ("ssl_client_verify", of(|s| Some(verify(s).into()))),
        ("ssl_client_raw_cert", certificate(|one| Some(pem(one)))),
        ("ssl_client_cert", certificate(|one| Some(pem(one).trim_end().replace('\n', "\n\t")))),
        ("ssl_client_escaped_cert", certificate(|one| Some(escaped(&pem(one))))),
        ("ssl_client_s_dn", certificate(|one| Some(names::rfc2253(one.subject)))),
        ("ssl_client_i_dn", certificate(|one| Some(names::rfc2253(one.issuer)))),
        ("ssl_client_s_dn_legacy", certificate(|one| Some(names::legacy(one.subject)))),
        ("ssl_client_i_dn_legacy", certificate(|one| Some(names::legacy(one.issuer)))),
        ("ssl_client_serial", certificate(|one| Some(serial(one)))),
        ("ssl_client_fingerprint", certificate(|one| Some(hex(&Sha1::digest(one.der))))),
        ("ssl_client_v_start", certificate(|one| time(one.not_before))),
        ("ssl_client_v_end", certificate(|one| time(one.not_after))),
        ("ssl_client_v_remain", certificate(|one| Some(remain(one, clock::seconds())))),
    ]
}

fn of(get: fn(&Session) -> Option<Slice>) -> Definition {
    definition(move |x, _, io| io.net.table.get(x.client.conn)?.session().and_then(get))
}

fn certificate(get: fn(&Certificate) -> Option<String>) -> Definition {
    definition(move |x, _, io| {
        let session = io.net.table.get(x.client.conn)?.session()?;
        get(&Certificate::parse(session.certificates().first()?)?).map(Slice::from)
    })
}

fn verify(session: &Session) -> String {
    match session.verified {
        None => "NONE".to_owned(),
        Some(Ok(())) => "SUCCESS".to_owned(),
        Some(Err(fault)) => format!("FAILED:{}", fault.1),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn serial(one: &Certificate) -> String {
    let digits = one.serial.iter().position(|byte| *byte != 0).unwrap_or(one.serial.len());
    match one.serial.get(digits..) {
        Some([]) | None => "00".to_owned(),
        Some(bytes) => hex(bytes).to_uppercase(),
    }
}

/// The certificate in PEM.
fn pem(one: &Certificate) -> String {
    let mut text = "-----BEGIN CERTIFICATE-----\n".to_owned();
    for line in base64::encode(one.der).chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + "-----END CERTIFICATE-----\n"
}

fn escaped(text: &str) -> String {
    let mut out = Vec::new();
    escape(text.as_bytes(), Escape::UriComponent, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// A time as OpenSSL prints it: `Nov  6 08:49:37 2026 GMT`.
fn time(seconds: i64) -> Option<String> {
    let seconds = u64::try_from(seconds).ok()?;
    // "Fri, 06 Nov 2026 08:49:37 GMT"
    let date = httpdate::fmt_http_date(UNIX_EPOCH.checked_add(Duration::from_secs(seconds))?);
    let parts: Vec<&str> = date.split(' ').collect();
    let [_, day, month, year, time, zone] = parts[..] else { return None };
    let day = day.strip_prefix('0').map_or_else(|| day.to_owned(), |day| format!(" {day}"));
    Some(format!("{month} {day} {time} {year} {zone}"))
}

fn remain(one: &Certificate, now: i64) -> String {
    (one.not_after.saturating_sub(now) / 86_400).max(0).to_string()
}
