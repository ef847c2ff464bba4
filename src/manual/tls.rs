//! TLS: a third way through a connection, of which hardly anybody knows.
//!
//! *In nginx* `c->recv` and `c->send_chain` are pointers, and with TLS they point at `ngx_ssl_recv` and
//! `ngx_ssl_send_chain`. What OpenSSL wants shows through: reading may need writing, and the other way
//! round, so handlers are saved and swapped.
//!
//! *Here* [`Connection::recv`](crate::event::Connection::recv) and its kin ask whether there is a session,
//! and go on in `event/secure.rs` if so. This chapter says what makes that possible: what *ready* means
//! then, when bytes count as sent, and who decides whom to trust.
//!
//! *Read next*: the code is `src/tls/session.rs`, then `src/event/secure.rs`.
//!
//! # Three layers
//!
//! ```text
//!   http/ssl/, upstream/tls.rs    when to shake hands, with which configuration, what follows
//!   event/secure.rs               the promises of recv and send, kept over a session
//!   tls/                          rustls over a descriptor; keys, names, trust; nothing of HTTP
//! ```
//!
//! rustls touches no socket. It is given bytes and gives bytes, and a session moves them between it and
//! the socket as far as that can be done now. What it has to wait for shows in the two flags of its
//! [`Wire`](crate::tls::Wire), which are the connection's own.
//!
//! # What ready means
//!
//! The rule for plain connections is: epoll sets the flag, only `recv` and `send` clear it. A record has
//! up to 16 KB, so after a `recv` into a small page there may be plaintext left in the session, and the
//! socket is empty. No event will ever announce that plaintext. So `read.ready` stays set while any is
//! left, and whoever goes to sleep with it is posted, by `io.wait`, as always. It is cleared when both are
//! empty.
//!
//! # When bytes have been sent
//!
//! A chain gives up its bytes when the kernel has taken them. Encrypted, they are records, and the kernel
//! may take half a record. So a session *owes*: bytes that are encrypted stay at the head of the chain
//! until the last of their records has left, and nothing more is encrypted before. To the sender it looks
//! like a socket that takes less than it was given:
//!
//! ```text
//!   send_chain ─▶ flush what is owed ─ blocked ─▶ 0 bytes sent, write.ready = false: wait for room
//!                        └─ gone ─▶ those bytes leave the chain ─▶ encrypt the next 64 KB ─▶ flush …
//! ```
//!
//! Who moves bytes past us asks [`is_plain`](crate::event::Connection::is_plain) first: the relay's splice
//! does, and sendfile becomes a read.
//!
//! # Shaking hands
//!
//! A client of a `listen … ssl` has the owner [`Handshake`](crate::event::Owner::Handshake) until it may
//! ask for something: no exchange, no page, the timer of `client_header_timeout`. Its first message names
//! a server, and that server's configuration is the session's. If the first byte is none of TLS, the
//! request is read as it comes and answered with 497.
//!
//! A peer's handshake happens inside the slots `SendRequest` and `Greet`: `upstream/send.rs: is_connected`
//! says "not yet" until it is over, and either side's event asks again. It has the timer of
//! `NAME_connect_timeout`. A connection from the pool has had its handshake, and the pool's key holds
//! everything that was agreed upon in it.
//!
//! # Whom to trust
//!
//! In the handshake the other end proves that it has the key of the certificate it shows. Whether the
//! certificate is worth anything is found out behind it and before a byte of a request passes: that of a
//! client, because the answer to a bad one is an HTTP response (495, 496) or a variable; that of a peer,
//! because the answer is the next peer. `tls/verify.rs` has OpenSSL's rules and words.
//!
//! # The end
//!
//! A session ends with close_notify. A client over TLS that gets half a reply gets none, so it can tell
//! (the flag `cut`). From a peer whose stream ends without it, a reply whose end was to be the end of the
//! stream was cut (RFC 9112, section 9.8). nginx takes it for whole.
