//! The four slots: what is called when something happens.
//!
//! *In nginx* these are function pointers: `r->read_event_handler`, `r->write_event_handler`,
//! `u->read_event_handler`, `u->write_event_handler`. Counted over its sources they take 31 values in 64
//! assignments: a closed set that C cannot close.
//!
//! *Here* each slot has an enum of its own, so a client's handler in a peer's slot does not compile. A
//! swap is one method call that leaves a line in the debug log, and the table below says which
//! combinations are legal; a debug build checks it after every dispatch.
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
//! *Read next*: `worker/switchboard.rs`, one line for each value.

/// What happens when the client's connection becomes readable (nginx: `r->read_event_handler` of the
/// main request, and `c->read->handler` while the head is being read).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientRead {
    /// The request line is being read.
    RequestLine,
    /// The header fields are being read.
    Headers,
    /// Nothing: the data waits in the socket.
    Block,
    /// The body is being read whole.
    ReadBody,
    /// The body is passed on while it is being read (`proxy_request_buffering off`).
    StreamBody,
    /// The body is being read and thrown away.
    DiscardBody,
    /// Only a close would matter: the client may have gone while the upstream works.
    CheckBroken,
    /// The same while only the answer is being sent.
    TestReading,
    /// The connection has become a tunnel.
    UpgradedRead,
}

/// What happens when the client's connection becomes writable, or the request is posted (nginx:
/// `r->write_event_handler`). Every request has its own; the connection's event goes to the active one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientWrite {
    /// Nothing.
    Empty,
    /// The phase engine goes on (nginx: `ngx_http_core_run_phases`).
    RunPhases,
    /// Only a close would matter.
    CheckBroken,
    /// All peers are busy; one of them having room is awaited (`queue`).
    AwaitPeer,
    /// Another request fetches what this one wants; its end is awaited (`NAME_cache_lock`).
    AwaitCache,
    /// Buffered relay: hand on what the pipe holds.
    ProcessDownstream,
    /// Unbuffered relay: hand on what was read, then read more.
    NonBufferedDownstream,
    /// The connection has become a tunnel.
    UpgradedWrite,
    /// The response is complete; send the rest of it.
    Writer,
    /// A subrequest that ended before its turn came: end it now (nginx: `ngx_http_request_finalizer`).
    Finalizer,
    /// A delay has to pass before the phases go on (`limit_req`, `auth_delay`).
    Delay,
    /// A subrequest has ended and its parent is to look at the result (the handler is in the request).
    Resume,
}

/// What happens when the upstream's connection becomes readable (nginx: `u->read_event_handler`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerRead {
    /// The talk before the request.
    Greet,
    /// The reply's head is awaited.
    ProcessHeader,
    /// Buffered relay.
    ProcessUpstream,
    /// Unbuffered relay.
    NonBufferedUpstream,
    /// The connection has become a tunnel.
    UpgradedRead,
}

/// What happens when the upstream's connection becomes writable (nginx: `u->write_event_handler`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerWrite {
    /// The talk before the request.
    Greet,
    /// The connect completes, then the request goes out.
    SendRequest,
    /// Nothing.
    Idle,
    /// The connection has become a tunnel.
    UpgradedWrite,
}

/// True if a client that does `read` while its active request does `write` and the peer `peer` is in one
/// of the stages of the table above.
pub fn is_legal(read: ClientRead, write: ClientWrite, peer: Option<(PeerRead, PeerWrite)>) -> bool {
    use ClientRead as R;
    use ClientWrite as W;
    match peer {
        None => match write {
            W::Finalizer => true,
            W::Empty => read != R::UpgradedRead,
            W::RunPhases | W::Delay => {
                matches!(read, R::Block | R::DiscardBody | R::ReadBody | R::CheckBroken | R::TestReading)
            }
            // The upstream has been let go while its client still reads, or has not been reached yet.
            W::CheckBroken | W::AwaitPeer | W::AwaitCache | W::Resume => true,
            W::ProcessDownstream | W::NonBufferedDownstream => true,
            W::UpgradedWrite => read == R::UpgradedRead,
            W::Writer => matches!(read, R::TestReading | R::DiscardBody | R::Block | R::ReadBody),
        },
        Some((PeerRead::UpgradedRead, w)) => {
            w == PeerWrite::UpgradedWrite && write == W::UpgradedWrite && read == R::UpgradedRead
        }
        Some((PeerRead::Greet, w)) => w == PeerWrite::Greet,
        Some((PeerRead::ProcessHeader, w)) => {
            matches!(w, PeerWrite::SendRequest | PeerWrite::Idle)
                && matches!(write, W::CheckBroken | W::Empty)
        }
        Some((PeerRead::ProcessUpstream, w)) => w == PeerWrite::Idle && write == W::ProcessDownstream,
        Some((PeerRead::NonBufferedUpstream, w)) => {
            matches!(w, PeerWrite::SendRequest | PeerWrite::Idle) && write == W::NonBufferedDownstream
        }
    }
}
