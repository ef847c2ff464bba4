//! What a handler answers.
//!
//! *In nginx* a handler calls `ngx_http_finalize_request` or `ngx_http_upstream_next` on the spot and
//! must then return at once; going on instead is a use after free. Inside, results are the integers
//! `NGX_OK`, `NGX_AGAIN`, `NGX_DONE`, `NGX_DECLINED`, `NGX_ERROR` or an HTTP status, with a different
//! meaning in each function.
//!
//! *Here* a handler *returns* its wish to leave and only `worker/settle.rs` acts on it. `?` does what
//! the forgotten `return` did. [`Status`] is nginx's integer with its cases spelled out.
//!
//! ```text
//!   Ok(())                    I wait; my slots, timers and holds say for what
//!   Err(Finish(status))       this request ends (or starts again) with this status
//!   Err(Next(failure))        this peer failed: try the next one, or end
//! ```
//!
//! *Read next*: `slots.rs`, then `worker/settle.rs`.

/// What a handler of a slot answers.
pub type Turn = Result<(), Leave>;

/// Why a handler is done with the request or the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leave {
    /// The peer failed (nginx: `ngx_http_upstream_next`).
    Next(Failure),
    /// The request ends with this (nginx: `ngx_http_finalize_request`).
    Finish(Status),
}

/// nginx's return codes. Each function that answers one says which of them it uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done, and well.
    Ok,
    /// Not mine; ask the next one.
    Declined,
    /// Not finished: output is still on its way, or input is awaited.
    Again,
    /// Somebody else goes on with this request later; nothing is to be done now.
    Done,
    /// Beyond repair: close the connection.
    Error,
    /// Answer with this HTTP status.
    Http(u16),
}

/// In what way a peer failed (nginx: `NGX_HTTP_UPSTREAM_FT_*`); the classes of `proxy_next_upstream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection, or it broke.
    Error,
    /// A deadline passed.
    Timeout,
    /// What it said is not a reply.
    InvalidHeader,
    /// It replied with this status, which the configuration calls a failure.
    Http(u16),
    /// Every peer is out.
    NoLive,
    /// The connection to it cannot be had for now (`max_conns`).
    Busy,
}

impl Status {
    /// 499: the client closed the connection before an answer (nginx's own code).
    pub const CLIENT_CLOSED: Status = Status::Http(499);
    /// 500.
    pub const INTERNAL: Status = Status::Http(500);

    /// True for what nginx calls a special response: a status that needs a page or a redirect.
    pub fn is_special(self) -> bool {
        matches!(self, Status::Http(300..|201| 204))
    }

    /// This status as the end of a turn.
    pub fn finish(self) -> Turn {
        Err(Leave::Finish(self))
    }
}
