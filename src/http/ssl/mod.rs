//! `listen … ssl`: HTTP over TLS.
//!
//! *In nginx* `ngx_http_ssl_module`, and the parts of `ngx_http_request.c` between `#if (NGX_HTTP_SSL)`.
//!
//! *Here* this folder: what a server's directives say ([`conf`]), the handshake before a client's first
//! request ([`handshake`]), what is found out about a client behind it ([`check`]), and the variables. TLS
//! itself is in the room `tls`, and the bytes go through `event/secure.rs`, so that nothing else in this room
//! knows of it.
//!
//! ```text
//!   accept ─▶ Owner::Handshake ─ first byte ─┬─ 0x16: shake, the name chooses a server ─▶ Owner::Waiting
//!                                            └─ else: plain text ─▶ Owner::Waiting ─▶ 497
//! ```
//!
//! *Read next*: `handshake.rs`.

pub mod check;
pub mod conf;
pub mod directives;
pub mod handshake;
pub mod vars;

use super::module::HttpModule;

/// The module.
pub static MODULE: HttpModule =
    HttpModule { variables: Some(vars::variables), ..HttpModule::new(&directives::TABLE) };
