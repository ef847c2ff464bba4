//! Relay modes: how a body gets from the peer to the client.
//!
//! *In nginx* the choice is made in `ngx_http_upstream_send_response`, and three machines follow, each with
//! its own buffers and its own body filter.
//!
//! *Here* it is made in [`relay::send_response`](crate::upstream::relay::send_response). Three machines
//! follow as well, but they share one decoder, so a protocol module does not know by which way its bytes
//! go.
//!
//! *Read next*: [`writing_a_module`](super::writing_a_module); the code is `src/upstream/relay.rs`.
//!
//! # Two speeds
//!
//! A peer writes at its speed, a client reads at its own, and they are not the same. Somewhere the
//! difference has to go. There are two honest answers:
//!
//! - **The peer goes first.** We take everything as fast as it comes, hold it, and let the client have it
//!   when it likes. The peer is free early. The price is memory, or a file. This is *buffered*.
//! - **The client goes first.** We read only what the client has taken. A slow client makes a slow peer.
//!   The price is the peer's time; what is gained is that every byte arrives as soon as it can. This is
//!   *unbuffered*.
//!
//! And when both sides have agreed to speak something else (WebSocket), there is neither request nor reply
//! any more, only bytes both ways: *upgraded*.
//!
//! ```text
//!                        ┌ the reply is a 101 for a client that asked for one ────▶ upgraded
//!   head is complete ────┼ a subrequest kept in memory, or buffering off ─────────▶ unbuffered
//!                        └ else ─────────────────────────────────────────────────▶ buffered
//! ```
//!
//! Who decides: `NAME_buffering` in the location, unless the peer itself says
//! `X-Accel-Buffering: yes` or `no` in its reply.
//!
//! A reply that is kept (`NAME_cache`) is written to its file on the buffered way, and served from it on none
//! of these: then it is a file like any other ([`upstream::cache`](crate::upstream::cache)).
//!
//! # One decoder for all
//!
//! Before any way is taken, the framing is known: the module was asked by
//! [`input_filter_init`](crate::protocol::Protocol::input_filter_init), and
//! [`Decoder`](crate::protocol::Decoder) does the rest. It moves body bytes from the peer's page into
//! [`Upstream::relay`](crate::http::upstreamed::Upstream::relay), as counted views, and stops at the end
//! of the message.
//!
//! ```text
//!   socket ─recv─▶ Peer::page ─decode─▶ Upstream::relay ─▶ (one of three ways) ─▶ output ─▶ client
//! ```
//!
//! # Buffered
//!
//! ```text
//!   peer ─▶ [ memory, up to `buffers` ] ─▶ [ file, up to max_temp_file_size ] ─▶ [ on its way out ] ─▶
//!   fill        └── spill: memory is full and the client is slow ──┘                 drain
//! ```
//!
//! [`pipe::process`](crate::upstream::pipe::process) is the machine: decode, fill, and, when there is
//! nothing more to read or no more room, drain. It asks one question again and again: *what may be done
//! next?*
//!
//! | there is | then |
//! | --- | --- |
//! | something to read, and room in memory | read it (`fill`) |
//! | nothing to read | hand on what there is (`drain`), wait for the peer |
//! | no room, and the client takes something | hand it on |
//! | no room, the client takes nothing, and little is left | its socket is widened for it (`room`) |
//! | no room, the client takes nothing, and much is left | a file (`spill`), with a line in the log the first time |
//! | no room in the file either | the peer waits: its timer is taken away, since it is not late |
//! | the end of the message | let the peer go, hand on everything, finish |
//!
//! Look at the last line. The peer is released when *its* part is done. What the client has not taken is
//! then the business of [`finalize`](crate::http::finalize): the slots become `TestReading` and `Writer`.
//!
//! Large bodies that nobody looks at do not even come into our memory:
//! [`pipe::splice`](crate::upstream::pipe::splice) lets the kernel move them, through a pipe, to the client,
//! or to the file where the client is too far behind and its socket may not hold the rest. From outside
//! nobody can tell, so `$upstream_bytes_spliced` says for each request how much of its body went that
//! way, and `$bytes_spliced` for all workers together.
//!
//! # Unbuffered
//!
//! ```text
//!   peer readable ──▶ recv ─▶ decode ─▶ output(flush) ─┬─ taken ─▶ the page is empty: recv again
//!                                                      └─ not ───▶ wait for the client (send_timeout)
//! ```
//!
//! [`unbuffered::process`](crate::upstream::unbuffered::process) has one page (`NAME_buffer_size`).
//! Everything is flushed at once, however little it is. While the client has not taken it, nothing is
//! read: the peer's socket fills, TCP tells the peer, and the peer stops. That chain of pressure is called
//! *back pressure*, and it costs no line of code: not reading is enough.
//!
//! A large body that nobody looks at is spliced here too: what has come goes out at once, and of what the
//! client does not take a pipe holds at most 256 KiB.
//!
//! A subrequest that is kept in memory goes this way too. The end of its output is a chain in memory that
//! always takes everything, up to its limit.
//!
//! # Upgraded
//!
//! ```text
//!   client ── recv ─▶ peer.out ─▶ send ── peer            eof: shutdown the other's write side
//!   client ◀─ send ── x.out ◀──── recv ── peer
//! ```
//!
//! [`upgraded::process`](crate::upstream::upgraded::process) is in all four slots. Whatever woke it, it
//! tries both directions. An end of one side is passed on as an end, and the other direction may go on;
//! the tunnel is over when both have ended.
//!
//! # Who waits for whom, and how long
//!
//! | way | waits for the peer | waits for the client |
//! | --- | --- | --- |
//! | head of the reply | `NAME_connect_timeout`, `NAME_send_timeout`, then `NAME_read_timeout` | – |
//! | buffered | `NAME_read_timeout` between two reads, unless memory and file are full | `send_timeout` between two writes |
//! | unbuffered | `NAME_read_timeout`, unless the client has something to take | `send_timeout` |
//! | upgraded | `NAME_read_timeout` while nothing moves | `send_timeout`, if it has something to take |
//!
//! All of these begin again with each byte. Two do not: `NAME_timeout` for one attempt and
//! `request_timeout` for everything ([`upstream::deadline`](crate::upstream::deadline)).
//!
//! # What goes wrong, and what the client sees
//!
//! | what happens | before the head was sent | after it |
//! | --- | --- | --- |
//! | the peer closes too early | the next peer, or 502 | what is there, then a cut: no last chunk, no full length |
//! | the peer is silent too long | the next peer, or 504 | a cut |
//! | the framing is broken | – | a cut |
//! | the client goes away | the peer's work is given up (499), unless `NAME_ignore_client_abort` or `NAME_store` | the same |
//!
//! A reply that was cut is never ended cleanly. A client that sees a clean end believes that it has
//! everything; one that sees a cut asks again.
