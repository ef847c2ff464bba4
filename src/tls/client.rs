//! The client's side: what a location makes of its `proxy_ssl_…` directives.
//!
//! *In nginx* an `SSL_CTX` for every location that passes to `https://`, and the session of each peer kept
//! beside its address.
//!
//! *Here* a rustls `ClientConfig`. The peer's certificate is looked at behind the handshake and before the
//! first byte of a request, as nginx does; in the handshake only the possession of its key is proved.
//! Sessions are kept for each peer and name, so that no peer is offered another's.
//!
//! *Read next*: `upstream/tls.rs`.

use super::verify::Trust;
use super::{ciphers, server, signature};
use crate::util::fingerprint;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ClientConfig, Resumption};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, Error, SignatureScheme};
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

/// What a client's configuration is made of.
#[derive(Debug)]
pub struct Settings<'a> {
    /// `NAME_ssl_protocols`
    pub protocols: u32,
    /// `NAME_ssl_ciphers`
    pub ciphers: &'a str,
    /// `NAME_ssl_server_name`: whether the name is sent.
    pub send_name: bool,
    /// `NAME_ssl_session_reuse`
    pub reuse: bool,
    /// `NAME_ssl_certificate`, `NAME_ssl_certificate_key`
    pub key: Option<Arc<CertifiedKey>>,
    /// `NAME_ssl_verify` and whom to trust then.
    pub trust: Option<Trust>,
}

/// A location's TLS configuration.
#[derive(Debug)]
pub struct ClientTls {
    config: ClientConfig,
    fingerprint: u64,
    /// Whom to trust; None for everybody.
    pub trust: Option<Trust>,
    reuse: bool,
    /// The same with a store of sessions, for each peer.
    peers: RefCell<HashMap<Box<str>, Arc<ClientConfig>>>,
}

/// How many peers' sessions a worker remembers for one location.
const PEERS: usize = 512;
/// How many sessions of one peer.
const SESSIONS: usize = 8;

impl ClientTls {
    /// Makes the configuration.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn new(settings: Settings) -> Result<ClientTls, String> {
        let fingerprint = fingerprint::of(&format!("{settings:?}"));
        let provider = server::provider(settings.ciphers, "auto")?;
        let versions = ciphers::versions(settings.protocols);
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&versions);
        let builder = builder.map_err(|error| error.to_string())?;
        let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Lenient));
        let mut config = match settings.key {
            Some(key) => {
                builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)))
            }
            None => builder.with_no_client_auth(),
        };
        config.enable_sni = settings.send_name;
        config.resumption = Resumption::disabled();
        Ok(ClientTls {
            config,
            fingerprint,
            trust: settings.trust,
            reuse: settings.reuse,
            peers: RefCell::default(),
        })
    }

    /// A number that is the same for settings that are: connections made with others are of no use.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The configuration for one peer, with the sessions it has agreed upon before.
    pub fn for_peer(&self, peer: &str) -> Arc<ClientConfig> {
        let mut peers = self.peers.borrow_mut();
        if let Some(config) = peers.get(peer) {
            return config.clone();
        }
        let mut config = self.config.clone();
        if self.reuse {
            config.resumption = Resumption::in_memory_sessions(SESSIONS);
        }
        let config = Arc::new(config);
        if peers.len() >= PEERS {
            // Names that variables make could be without number.
            peers.clear();
        }
        peers.insert(peer.into(), config.clone());
        config
    }
}

/// The name for a session; one that cannot be a host's stands for none.
pub fn server_name(name: &str) -> ServerName<'static> {
    let nobody = ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]));
    ServerName::try_from(name.to_owned()).unwrap_or(nobody)
}

/// Accepts any certificate whose key the peer has.
#[derive(Debug)]
struct Lenient;

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    signature::handshake_signatures!();
}
