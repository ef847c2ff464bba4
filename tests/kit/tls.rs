//! TLS for tests: certificates made when they are needed, a client, and an origin that may misbehave.
//!
//! Certificates come from the `openssl` program, as those of users do.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};

use super::DEADLINE;

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

/// A connection over TLS to whoever is there.
pub struct Secure {
    stream: StreamOwned<ClientConnection, TcpStream>,
}

impl Secure {
    /// Connects and shakes hands, naming the server.
    pub fn connect(addr: SocketAddr, name: &str) -> Secure {
        let tcp = TcpStream::connect_timeout(&addr, DEADLINE).expect("a connection");
        tcp.set_read_timeout(Some(DEADLINE)).expect("read timeout");
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        let connection = ClientConnection::new(Arc::new(config()), name).expect("a client");
        let mut stream = StreamOwned::new(connection, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).expect("a handshake");
        }
        Secure { stream }
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

    /// Everything up to an orderly end; a cut is a failure.
    pub fn rest(&mut self) -> String {
        let mut text = Vec::new();
        self.stream.read_to_end(&mut text).expect("an orderly end");
        String::from_utf8_lossy(&text).into_owned()
    }
}

fn config() -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody)).with_no_client_auth()
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
