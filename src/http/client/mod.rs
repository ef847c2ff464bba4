//! The client's side of an exchange: reading what it says, and what becomes of its connection.
//!
//! *In nginx* the middle third of `ngx_http_request.c`.
//!
//! *Here* in the order of a connection's life: a client that has not spoken yet ([`wait`]), the head of
//! its request ([`head`], [`host`]), a client that goes away meanwhile ([`broken`]), the next request on
//! the same connection ([`keepalive`]), the last bytes of one that will be closed ([`lingering`]).
//!
//! *Read next*: `wait.rs`.

pub mod broken;
pub mod fields;
pub mod head;
pub mod host;
pub mod keepalive;
pub mod lingering;
pub mod proxy_protocol;
pub mod wait;
