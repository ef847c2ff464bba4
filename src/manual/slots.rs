//! Slots: how the program knows what to do next.
//!
//! *In nginx* four function pointers: `r->read_event_handler`, `r->write_event_handler`, and the same two
//! of the upstream. A handler that wants to be followed by another one stores its address there.
//!
//! *Here* the same four places, but each is an enum, and a swap is a method call that leaves a line in the
//! log. This chapter says why there are four, which values they take, and which values go together.
//!
//! *Read next*: [`holds`](super::holds); the code is `src/http/slots.rs`, which has the enums.
//!
//! # Why four
//!
//! A request with an upstream has two connections, and each connection has two directions:
//!
//! ```text
//!                    ┌───────────────────────────┐
//!   client ── read ─▶│ client.read     peer.write│── write ─▶ peer
//!          ◀─ write ─│ request.write   peer.read │◀─ read ───
//!                    └───────────────────────────┘
//! ```
//!
//! | slot | type | kept in | how many |
//! | --- | --- | --- | --- |
//! | client.read | [`ClientRead`](crate::http::slots::ClientRead) | `Client::read` | one for the exchange: one client, one body |
//! | request.write | [`ClientWrite`](crate::http::slots::ClientWrite) | `Request::write` | one for each request: subrequests go on by themselves |
//! | peer.read | [`PeerRead`](crate::http::slots::PeerRead) | `Peer::read` | one for each attempt; it goes with the peer |
//! | peer.write | [`PeerWrite`](crate::http::slots::PeerWrite) | `Peer::write` | the same |
//!
//! Why not one field, "the state"? Because the two directions do not move together. The head of a reply
//! may be read while the request's body is still being sent (a peer that answers 413 early does that). A
//! client may go away while its answer is on its way. One field would need a value for each combination.
//!
//! # What a swap looks like
//!
//! In nginx one writes `u->read_event_handler = ngx_http_upstream_process_upstream`. Here:
//!
//! ```ignore
//! // src/upstream/relay.rs
//!         peer.swap_read(if buffered { PeerRead::ProcessUpstream } else { PeerRead::NonBufferedUpstream });
//! ```
//!
//! and the log has `peer 1.1 read ProcessHeader -> ProcessUpstream`. What is called for a value stands in
//! [`switchboard`](crate::worker::switchboard), one line each:
//!
//! ```ignore
//! // src/worker/switchboard.rs
//!             PeerRead::ProcessHeader => header::process_header(x, r, io),
//!             PeerRead::ProcessUpstream => pipe::upstream(x, r, io),
//! ```
//!
//! What is gained over a pointer: a client's handler in a peer's slot does not compile. A new value does
//! not compile until it has its line in the switchboard. And since a value can be compared, a table can
//! say which combinations make sense.
//!
//! # The stages
//!
//! The table in the life of a request, from top to bottom. It is the one of `src/http/slots.rs`.
//!
//! | stage | client.read | client.write | peer.read | peer.write |
//! | --- | --- | --- | --- | --- |
//! | reading the head | RequestLine or Headers | Empty | – | – |
//! | phases | Block | RunPhases | – | – |
//! | reading the body first | ReadBody | Empty | – | – |
//! | connecting / greeting | CheckBroken | CheckBroken | ProcessHeader / Greet | SendRequest / Greet |
//! | sending | CheckBroken or StreamBody | CheckBroken | ProcessHeader | SendRequest |
//! | awaiting the header | CheckBroken | CheckBroken | ProcessHeader | Idle |
//! | buffered relay | CheckBroken | ProcessDownstream | ProcessUpstream | Idle |
//! | unbuffered relay | CheckBroken | NonBufferedDownstream | NonBufferedUpstream | Idle or SendRequest |
//! | upgraded | UpgradedRead | UpgradedWrite | UpgradedRead | UpgradedWrite |
//! | only the client is left | TestReading or DiscardBody | Writer | – | – |
//!
//! `RequestLine, Headers` → `Block` → `CheckBroken` → `TestReading` → and the client waits again: that is
//! the left column of nearly every request you will see.
//!
//! # Everything that is legal
//!
//! The stages are the usual way. A body that is thrown away while the answer is made, a subrequest that
//! works while its parent reads, a peer that was let go while the client still takes its answer: these
//! make more combinations. [`is_legal`](crate::http::slots::is_legal) is the whole truth. A debug build
//! asks it after every handler. This table is what it says, and a test compares the two.
//!
//! | peer.read | peer.write | request.write | client.read |
//! | --- | --- | --- | --- |
//! | – | – | Empty | any but UpgradedRead |
//! | – | – | RunPhases, Delay | Block, ReadBody, DiscardBody, CheckBroken, TestReading |
//! | – | – | CheckBroken, AwaitPeer, AwaitCache, ProcessDownstream, NonBufferedDownstream, Finalizer, Resume | any |
//! | – | – | UpgradedWrite | UpgradedRead |
//! | – | – | Writer | Block, ReadBody, DiscardBody, TestReading |
//! | Greet | Greet | any | any |
//! | ProcessHeader | SendRequest, Idle | Empty, CheckBroken | any |
//! | ProcessUpstream | Idle | ProcessDownstream | any |
//! | NonBufferedUpstream | SendRequest, Idle | NonBufferedDownstream | any |
//! | UpgradedRead | UpgradedWrite | UpgradedWrite | UpgradedRead |
//!
//! # How to add a value
//!
//! Say you need a slot value for a new way of relaying.
//!
//! 1. Add it to its enum in `src/http/slots.rs`, with a sentence about what is awaited. Name it for that,
//!    not for what it does.
//! 2. The compiler now points at `src/worker/switchboard.rs`. Give it its line.
//! 3. Write the handler. It begins by asking what woke it: a timer
//!    ([`take_timed_out`](crate::event::Net::take_timed_out)) or news. It ends with `Ok(())` after a
//!    `wait`, or with a verdict.
//! 4. Add the combination to `is_legal` and the row to the tables. The test prints the row for you.
//! 5. Swap to it with `swap_…`; assigning the field is refused by `tests/tidy`.

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
