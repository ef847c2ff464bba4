//! What a server's `ssl_…` directives say, and the TLS configuration they come to.
//!
//! *In nginx* `ngx_http_ssl_srv_conf_t` and `ngx_http_ssl_merge_srv_conf`, which makes the `SSL_CTX`.
//!
//! *Here* the same: [`SslServer::prepare`] is called for each server when its settings are merged, so that a
//! certificate that cannot be read is an error of the configuration.
//!
//! *Read next*: `tls/server.rs`.

use crate::settings;
use crate::tls::ciphers::{TLS12, TLS13};
use crate::tls::server::Settings;
use crate::tls::{ServerTls, keys};
use std::path::PathBuf;

/// `ssl_verify_client`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// No certificate is asked for.
    Off,
    /// There must be one, and it must be good.
    On,
    /// If there is one it must be good.
    Optional,
    /// Whoever may have signed it.
    OptionalNoCa,
}

settings! {
    /// TLS of one server.
    pub struct SslServer: Server {
        /// `ssl_certificate`
        pub certificates: Vec<PathBuf> = Vec::new(),
        /// `ssl_certificate_key`
        pub keys: Vec<PathBuf> = Vec::new(),
        /// `ssl_protocols`
        pub protocols: u32 = TLS12 | TLS13,
        /// `ssl_ciphers`
        pub ciphers: String = "HIGH:!aNULL:!MD5".to_owned(),
        /// `ssl_ecdh_curve`
        pub curves: String = "auto".to_owned(),
        /// `ssl_prefer_server_ciphers`
        pub prefer_server_ciphers: bool = false,
        /// `ssl_session_tickets`
        pub session_tickets: bool = true,
        /// `ssl_reject_handshake`
        pub reject_handshake: bool = false,
        plain {
            /// What they come to; None for a server without a certificate.
            pub tls: Option<ServerTls> = None,
        }
    }
}

impl SslServer {
    /// Makes the TLS configuration. The settings are those merged with the level outside.
    ///
    /// # Errors
    /// nginx's sentence, without a place.
    pub fn prepare(&mut self) -> Result<(), String> {
        if self.certificates.is_empty() && !*self.reject_handshake {
            return Ok(());
        }
        let mut pairs = Vec::new();
        for (at, certificate) in self.certificates.iter().enumerate() {
            let key = self.keys.get(at).ok_or_else(|| {
                let shown = certificate.display();
                format!("no \"ssl_certificate_key\" is defined for certificate \"{shown}\"")
            })?;
            pairs.push(keys::pair(certificate, key)?);
        }
        self.tls = Some(ServerTls::new(Settings {
            keys: pairs,
            protocols: *self.protocols,
            ciphers: &self.ciphers,
            curves: &self.curves,
            prefer_server: *self.prefer_server_ciphers,
            tickets: *self.session_tickets,
            ask: None,
        })?);
        Ok(())
    }

    /// A client may be talked to with this: there is a certificate, or a refusal.
    pub fn is_usable(&self) -> bool {
        self.tls.is_some()
    }
}
