//! The server's side: what a `server {}` block makes of its `ssl_…` directives.
//!
//! *In nginx* an `SSL_CTX` for every server, switched to by `ngx_http_ssl_servername`.
//!
//! *Here* a rustls `ServerConfig`, given to a session once the client's first message has said whom it wants.
//! A client's certificate is only asked for in the handshake; whether it is good enough is found out behind
//! it, because the answer to a bad one is an HTTP response (495, 496).
//!
//! *Read next*: `session.rs`; `http/ssl/handshake.rs` for who chooses.

use super::ciphers;
use super::sessions::{Memory, Tickets};
use super::signature;
use super::verify::Trust;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert, ServerConfig};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureAlgorithm, SignatureScheme};
use std::rc::Rc;
use std::sync::Arc;

/// The largest record of plaintext (RFC 8446 section 5.1), and what stands in front of one.
const RECORD: usize = 16 << 10;
const RECORD_HEAD: usize = 5;

/// What a server's configuration is made of.
#[derive(Debug)]
pub struct Settings<'a> {
    /// `ssl_certificate`, `ssl_certificate_key`
    pub keys: Vec<Arc<CertifiedKey>>,
    /// `ssl_protocols`
    pub protocols: u32,
    /// `ssl_ciphers`
    pub ciphers: &'a str,
    /// `ssl_ecdh_curve`
    pub curves: &'a str,
    /// `ssl_prefer_server_ciphers`
    pub prefer_server: bool,
    /// `ssl_session_tickets`, `ssl_session_ticket_key`
    pub tickets: Option<Tickets>,
    /// `ssl_session_cache`: the name of the memory.
    pub memory: Option<Memory>,
    /// `ssl_buffer_size`: the largest record.
    pub record: usize,
    /// `ssl_verify_client`: whether a certificate is asked for, and the names of those who may have signed
    /// it.
    pub ask: Option<Vec<DistinguishedName>>,
    /// Whom to trust for a client's certificate.
    pub trust: Trust,
}

/// A server's TLS configuration.
#[derive(Clone, Debug)]
pub struct ServerTls {
    /// For sessions.
    pub config: Arc<ServerConfig>,
    /// For clients' certificates.
    pub trust: Rc<Trust>,
}

/// The provider with the suites and groups that a configuration allows.
///
/// # Errors
/// nginx's sentences for what selects nothing.
pub fn provider(ciphers: &str, curves: &str) -> Result<Arc<CryptoProvider>, String> {
    let mut suites = ciphers::tls13_suites();
    suites.extend(ciphers::select(ciphers)?);
    let kx_groups = ciphers::curves(curves)?;
    Ok(Arc::new(CryptoProvider { cipher_suites: suites, kx_groups, ..default_provider() }))
}

impl ServerTls {
    /// Makes the configuration.
    ///
    /// # Errors
    /// Why it cannot be.
    pub fn new(settings: Settings) -> Result<ServerTls, String> {
        let provider = provider(settings.ciphers, settings.curves)?;
        let versions = ciphers::versions(settings.protocols);
        let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&versions);
        let builder = builder.map_err(|error| error.to_string())?;
        let builder = match settings.ask {
            Some(names) => builder.with_client_cert_verifier(Arc::new(Asker { names })),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(Keys(settings.keys)));
        config.ignore_client_order = settings.prefer_server;
        config.alpn_protocols = vec![b"http/1.1".to_vec(), b"http/1.0".to_vec(), b"http/0.9".to_vec()];
        // Room for what is around the plaintext of a record.
        config.max_fragment_size = Some(settings.record.clamp(32, RECORD).saturating_add(RECORD_HEAD));
        if settings.tickets.is_none() && settings.memory.is_none() {
            config.send_tls13_tickets = 0;
        }
        config.session_storage = match settings.memory {
            Some(memory) => Arc::new(memory),
            None => Arc::new(NoServerSessionStorage {}),
        };
        if let Some(tickets) = settings.tickets {
            config.ticketer = Arc::new(tickets);
        }
        Ok(ServerTls { config: Arc::new(config), trust: Rc::new(settings.trust) })
    }
}

/// Chooses among several keys the first that the client can verify.
#[derive(Debug)]
struct Keys(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Keys {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes = hello.signature_schemes();
        let fits = |key: &&Arc<CertifiedKey>| {
            key.key.choose_scheme(schemes).is_some() && has_suite(&hello, key.key.algorithm())
        };
        // With none that fits the handshake fails by the first, and says why.
        self.0.iter().find(fits).or(self.0.first()).cloned()
    }
}

/// Whether the client knows a suite for keys of that kind.
fn has_suite(hello: &ClientHello<'_>, kind: SignatureAlgorithm) -> bool {
    let fits = |suite: &rustls::SupportedCipherSuite| suite.usable_for_signature_algorithm(kind);
    let known = default_provider().cipher_suites;
    hello.cipher_suites().iter().any(|id| known.iter().any(|suite| suite.suite() == *id && fits(suite)))
}

/// Asks for a certificate and lets any pass whose key the client has.
#[derive(Debug)]
struct Asker {
    names: Vec<DistinguishedName>,
}

impl ClientCertVerifier for Asker {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.names
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    signature::handshake_signatures!();
}
