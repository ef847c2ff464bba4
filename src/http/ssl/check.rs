//! What a request over TLS, or over a port for TLS, has to pass first.
//!
//! *In nginx* the beginning of `ngx_http_process_request`.
//!
//! *Here* the same: plain text on a port for TLS is answered with 497, a client's certificate that is not to
//! be trusted with 495, none where there must be one with 496; all of them may have pages of their own. A
//! request for a server that asks for certificates, in a session with another one, gets 421.
//!
//! *Read next*: `http/special.rs`.

use super::conf::{SslServer, Verify};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::server::Server;
use crate::http::turn::{Status, Turn};
use crate::log::Level;
use crate::tls::Session;

/// The client's certificate is not to be trusted.
const CERTIFICATE_ERROR: u16 = 495;
/// The client sent no certificate.
const NO_CERTIFICATE: u16 = 496;
/// Plain text was sent where TLS was expected.
const TO_HTTPS: u16 = 497;
/// The request is for a server that the session is not with.
const MISDIRECTED: u16 = 421;

/// Lets a request pass, or not.
///
/// # Errors
/// 495, 496 or 497.
pub fn admit(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    let Some(c) = io.net.table.get(x.client.conn) else { return Ok(()) };
    let expected = io.cycle.addresses.get(c.listener as usize).is_some_and(|listen| listen.ssl);
    let Some(session) = c.session() else {
        return if expected { refuse(x, r, io, TO_HTTPS, PLAIN) } else { Ok(()) };
    };
    let verify = *x[r].server.confs.get::<SslServer>().verify_client;
    match session.verified {
        _ if verify == Verify::Off => Ok(()),
        Some(Err(fault)) if verify != Verify::OptionalNoCa || !fault.is_about_trust() => {
            let text = format!("client SSL certificate verify error: {fault}");
            refuse(x, r, io, CERTIFICATE_ERROR, &text)
        }
        None if verify == Verify::On => {
            refuse(x, r, io, NO_CERTIFICATE, "client sent no required SSL certificate")
        }
        _ => Ok(()),
    }
}

const PLAIN: &str = "client sent plain HTTP request to HTTPS port";

fn refuse(x: &mut Exchange, r: RequestIx, io: &mut Io, status: u16, text: &str) -> Turn {
    logging::log(x, r, io, Level::Info, None, format_args!("{text}"));
    Status::Http(status).finish()
}

/// Whether a request may be for this server: one that asks for certificates has to have been named in the
/// handshake.
///
/// # Errors
/// 421.
pub fn direct(x: &mut Exchange, r: RequestIx, io: &mut Io, host: &[u8], server: &Server) -> Turn {
    let session = io.net.table.get(x.client.conn).and_then(|c| c.session());
    let Some(name) = session.filter(|s| s.server.is_some()).and_then(|s: &Session| s.name.as_deref()) else {
        return Ok(());
    };
    let same = name.as_bytes().eq_ignore_ascii_case(host);
    if same || *server.confs.get::<SslServer>().verify_client == Verify::Off {
        return Ok(());
    }
    let text = "client attempted to request the server name different from the one that was negotiated";
    refuse(x, r, io, MISDIRECTED, text)
}
