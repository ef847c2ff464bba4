//! TLS: sessions over a socket, and what they are configured with.
//!
//! *In nginx* `ngx_event_openssl.c`, a layer between connections and OpenSSL.
//!
//! *Here* the same layer between connections and rustls. It knows descriptors, keys and certificates, and
//! neither HTTP nor the table of connections: [`Session`] says what it needs (bytes, room), and
//! `event/secure.rs` gives it the socket's readiness. Configurations are made once, when nginx.conf is read,
//! and shared by all connections.
//!
//! ```text
//!   Connection ─ Session ─┬─ Hello: the client's first message is awaited       (server side)
//!      wire ⇄ fd          ├─ Chosen: it named a server, whose configuration is to be given
//!                         └─ Talk: rustls, handshaking, then plaintext ⇄ records
//! ```
//!
//! *Read next*: `session.rs`, then `server.rs` and `client.rs`.

pub mod certificate;
pub mod ciphers;
pub mod client;
pub mod der;
pub mod keys;
pub mod names;
pub mod revocation;
pub mod server;
pub mod session;
pub mod sessions;
pub mod signature;
pub mod verify;

pub use client::ClientTls;
pub use server::ServerTls;
pub use session::{Session, Shake, Taken, Wire};
