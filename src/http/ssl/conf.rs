//! What a server's `ssl_…` directives say, and the TLS configuration they come to.
//!
//! *In nginx* `ngx_http_ssl_srv_conf_t` and `ngx_http_ssl_merge_srv_conf`, which makes the `SSL_CTX`.
//!
//! *Here* the same: [`SslServer::prepare`] is called for each server when its settings are merged, so that a
//! certificate that cannot be read is an error of the configuration.
//!
//! *Read next*: `tls/server.rs`.

use crate::conf::zone::Zone;
use crate::http::cycle::HttpCycle;
use crate::settings;
use crate::sys::words::Words;
use crate::tls::certificate::Certificate;
use crate::tls::ciphers::{TLS12, TLS13};
use crate::tls::server::Settings;
use crate::tls::sessions::{self, Memory, Tickets};
use crate::tls::verify::Trust;
use crate::tls::{ServerTls, keys};
use rustls::DistinguishedName;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;

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

/// `ssl_session_cache`
#[derive(Clone, Debug)]
pub enum SessionCache {
    /// `none`, `off`
    None,
    /// `builtin`: of each worker, for so many sessions.
    Builtin(u64),
    /// `shared`: of all workers.
    Shared(Rc<Zone>),
}

/// How many words a session of a `builtin` cache may take.
const SESSION: u64 = 64;

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
        /// `ssl_buffer_size`
        pub buffer_size: u64 = 16384,
        /// `ssl_session_tickets`
        pub session_tickets: bool = true,
        /// `ssl_session_ticket_key`
        pub ticket_keys: Vec<PathBuf> = Vec::new(),
        /// `ssl_session_cache`
        pub session_cache: SessionCache = SessionCache::None,
        /// `ssl_session_timeout`, seconds
        pub session_timeout: u64 = 300,
        /// `ssl_verify_client`
        pub verify_client: Verify = Verify::Off,
        /// `ssl_verify_depth`
        pub verify_depth: u64 = 1,
        /// `ssl_client_certificate`
        pub client_certificate: Option<PathBuf> = None,
        /// `ssl_trusted_certificate`
        pub trusted_certificate: Option<PathBuf> = None,
        /// `ssl_crl`
        pub crl: Option<PathBuf> = None,
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
        let lifetime = *self.session_timeout;
        let tickets = match *self.session_tickets {
            true => Some(Tickets::new(&self.ticket_keys, lifetime)?),
            false => None,
        };
        let (trust, names) = self.trust()?;
        self.tls = Some(ServerTls::new(Settings {
            keys: pairs,
            protocols: *self.protocols,
            ciphers: &self.ciphers,
            curves: &self.curves,
            prefer_server: *self.prefer_server_ciphers,
            tickets,
            memory: self.memory_name().map(|name| Memory { name, lifetime }),
            record: usize::try_from(*self.buffer_size).unwrap_or(usize::MAX),
            ask: (*self.verify_client != Verify::Off).then_some(names),
            trust,
        })?);
        Ok(())
    }

    /// Whom to trust for clients' certificates, and the names that clients are told.
    fn trust(&self) -> Result<(Trust, Vec<DistinguishedName>), String> {
        let mut trust = Trust { depth: *self.verify_depth, ..Trust::default() };
        let mut names: Vec<DistinguishedName> = Vec::new();
        if *self.verify_client == Verify::Off {
            return Ok((trust, names));
        }
        if let Some(path) = &*self.client_certificate {
            trust.roots = keys::certificates(path)?;
            for one in trust.roots.iter().filter_map(|one| Certificate::parse(one)) {
                let name = DistinguishedName::in_sequence(one.subject.body);
                if !names.iter().any(|known| known.as_ref() == name.as_ref()) {
                    names.push(name);
                }
            }
        }
        if let Some(path) = &*self.trusted_certificate {
            trust.roots.extend(keys::certificates(path)?);
        }
        if let Some(path) = &*self.crl {
            trust.lists = keys::revocation_lists(path)?;
        }
        if trust.roots.is_empty() && *self.verify_client != Verify::OptionalNoCa {
            let what = "no ssl_client_certificate or ssl_trusted_certificate for ssl_verify_client";
            return Err(what.to_owned());
        }
        Ok((trust, names))
    }

    /// The name under which a worker keeps the cache.
    fn memory_name(&self) -> Option<String> {
        match &*self.session_cache {
            SessionCache::None => None,
            SessionCache::Builtin(size) => Some(format!("builtin:{size}")),
            SessionCache::Shared(zone) => Some(format!("shared:{}", zone.name())),
        }
    }

    /// A client may be talked to with this: there is a certificate, or a refusal.
    pub fn is_usable(&self) -> bool {
        self.tls.is_some()
    }
}

/// Gives a worker the memories of its servers.
///
/// # Errors
/// What mmap(2) said.
pub fn begin(cycle: &HttpCycle) -> io::Result<()> {
    for server in &cycle.servers {
        let conf = server.confs.get::<SslServer>();
        let Some(name) = conf.memory_name() else { continue };
        let words = match &*conf.session_cache {
            SessionCache::Shared(zone) => zone.memory().cloned(),
            SessionCache::Builtin(size) => {
                let words = size.saturating_mul(SESSION);
                // A mapping takes no memory before it is used.
                Some(Words::shared(usize::try_from(words).unwrap_or(usize::MAX))?)
            }
            SessionCache::None => None,
        };
        if let Some(words) = words {
            sessions::remember(&name, words);
        }
    }
    Ok(())
}
