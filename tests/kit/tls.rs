//! TLS for tests: certificates made when they are needed, a client, and an origin that may misbehave.
//!
//! Certificates come from the `openssl` program, as those of users do.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use rustls::{ServerConfig, ServerConnection};

use super::{DEADLINE, Origin};

/// A certificate and its key, both PEM.
pub struct Pem {
    /// The certificate.
    pub cert: Vec<u8>,
    /// The key.
    pub key: Vec<u8>,
}

/// A certificate of that name that signed itself, with an EC key.
pub fn self_signed(name: &str) -> Pem {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let (cert, key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let done = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-days", "2", "-subj", &format!("/CN={name}"), "-addext"])
        .arg(format!("subjectAltName=DNS:{name}"))
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&cert)
        .output()
        .expect("the openssl program");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Pem { cert: std::fs::read(cert).expect("a certificate"), key: std::fs::read(key).expect("a key") }
}

/// A certificate of that name by an authority, with these extensions in OpenSSL's words, valid for so many
/// days from now.
pub fn issued(by: &Pem, name: &str, extensions: &str, days: i32) -> Pem {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let at = |file: &str| dir.path().join(file).display().to_string();
    for (file, content) in [("ca.pem", &by.cert[..]), ("ca.key", &by.key), ("ext", extensions.as_bytes())] {
        std::fs::write(dir.path().join(file), content).expect("room");
    }
    let openssl = |arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).output().expect("the openssl program");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    let (key, request, cert) = (at("key"), at("csr"), at("cert"));
    let kind = "-nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256";
    openssl(&format!("req -new {kind} -subj /CN={name} -keyout {key} -out {request}"));
    let (ca, ca_key, ext) = (at("ca.pem"), at("ca.key"), at("ext"));
    let how = format!("-CA {ca} -CAkey {ca_key} -CAcreateserial -days {days} -extfile {ext}");
    openssl(&format!("x509 -req -in {request} {how} -out {cert}"));
    Pem { cert: std::fs::read(cert).expect("a certificate"), key: std::fs::read(key).expect("a key") }
}

/// A connection over TLS to whoever is there.
pub struct Secure {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Secure {
    /// Connects and shakes hands, naming the server.
    pub fn connect(addr: SocketAddr, name: &str) -> Secure {
        Secure::with(addr, name, None).expect("a handshake")
    }

    /// The same with a certificate of its own, if there is one.
    pub fn with(addr: SocketAddr, name: &str, own: Option<&Pem>) -> io::Result<Secure> {
        Secure::over(TcpStream::connect_timeout(&addr, DEADLINE)?, name, own)
    }

    /// The same over a connection that is there already.
    pub fn over(tcp: TcpStream, name: &str, own: Option<&Pem>) -> io::Result<Secure> {
        tcp.set_read_timeout(Some(DEADLINE))?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connection = ClientConnection::new(Arc::new(config(own)), name).expect("a client");
        let mut stream = StreamOwned::new(connection, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Secure { stream })
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Secure {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
        self.stream.flush().expect("the server reads");
        self
    }

    /// Exactly so many bytes.
    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        let mut bytes = vec![0; n];
        self.stream.read_exact(&mut bytes).expect("so many bytes");
        bytes
    }

    /// Everything up to the end, and whether that was an orderly one.
    pub fn until_end(&mut self) -> (String, bool) {
        let mut text = Vec::new();
        let ended = self.stream.read_to_end(&mut text).is_ok();
        (String::from_utf8_lossy(&text).into_owned(), ended)
    }

    /// Everything up to an orderly end; a cut is a failure.
    pub fn rest(&mut self) -> String {
        let (text, orderly) = self.until_end();
        assert!(orderly, "the stream was cut behind {text:?}");
        text
    }

    /// The certificate the server showed.
    pub fn certificate(&self) -> Vec<u8> {
        let shown = self.stream.conn.peer_certificates().and_then(|all| all.first());
        shown.expect("a certificate").to_vec()
    }
}

/// The first bytes a client sends.
pub fn hello(name: &str) -> Vec<u8> {
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let mut connection = ClientConnection::new(Arc::new(config(None)), name).expect("a client");
    let mut bytes = Vec::new();
    connection.write_tls(&mut bytes).expect("a hello");
    bytes
}

/// Certificates in DER, in the order of the file.
pub fn chain(pem: &Pem) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(&pem.cert).map(|one| one.expect("a certificate")).collect()
}

/// A certificate in DER.
pub fn der(pem: &Pem) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(&pem.cert).expect("a certificate")
}

/// An origin over TLS that answers each connection's first request with these bytes and closes, with or
/// without saying that this is the end.
pub fn origin(pem: &Pem, reply: &'static [u8], says_goodbye: bool) -> Origin {
    let key = PrivateKeyDer::from_pem_slice(&pem.key).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let config = Arc::new(builder.with_single_cert(vec![der(pem)], key).expect("a pair"));
    Origin::each(move |talk| {
        let connection = ServerConnection::new(config.clone()).expect("a server");
        let mut stream = StreamOwned::new(connection, talk.socket());
        let mut request = Vec::new();
        let mut chunk = [0; 4096];
        while !request.ends_with(b"\r\n\r\n") {
            match stream.read(&mut chunk) {
                Ok(n) if n > 0 => request.extend_from_slice(&chunk[..n]),
                _ => return,
            }
        }
        let _ = stream.write_all(reply);
        if says_goodbye {
            stream.conn.send_close_notify();
        }
        let _ = stream.flush();
    })
}

fn config(own: Option<&Pem>) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody));
    match own {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let key = PrivateKeyDer::from_pem_slice(&pem.key).expect("a key");
            // As it is, without a look at it.
            let key = any_supported_type(&key).expect("a kind of key");
            let own = Arc::new(CertifiedKey::new(chain(pem), key));
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own)))
        }
    }
}

#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
