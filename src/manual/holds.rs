//! Holds: who keeps an exchange alive, and who frees it.
//!
//! *In nginx* `r->main->count`. Who starts something that will come back later adds one, who is done
//! subtracts one, and at zero the request's memory goes, at once, in the midst of whoever subtracted.
//!
//! *Here* each unit of the count is a value with a reason, [`Hold`](crate::http::holds::Hold), and only the
//! dispatcher frees, after the handler has returned. This chapter shows the reasons, who has them, and the
//! bugs that cannot happen any more.
//!
//! *Read next*: [`relay_modes`](super::relay_modes); the code is `src/http/holds.rs`.
//!
//! # The problem
//!
//! Say a client's body is still being read while the answer, an error page, is complete and sent. Is the
//! request over? Its answer is. But the body's handler will be called when more bytes come, and it looks
//! into the request. Or a subrequest runs in the background for a parent that has been answered. Or the
//! client has gone while a peer still works.
//!
//! So "over" cannot be an event. It has to be a question: *does anybody still need this?* A count answers
//! it. A count with reasons also says who.
//!
//! # The reasons
//!
//! | [`Why`](crate::http::holds::Why) | taken by | kept in | given back by |
//! | --- | --- | --- | --- |
//! | `Main` | `worker/release.rs: begin` | `Request::hold` of the main request | `http/finalize.rs: finalize_connection` |
//! | `Upstream` | `upstream/init.rs: begin` | `Upstream::hold` | `upstream/finish.rs: close` |
//! | `Body` | `http/body/read.rs: read_client_request_body`, `http/body/discard.rs: discard_request_body` | `Body::hold` | `http/body/read.rs: leave_slot`, `http/body/discard.rs: discarded_request_body_handler` |
//! | `Subrequest` | `http/subrequest.rs: start` | `Request::hold` of the child | `http/finalize.rs: end_subrequest` |
//!
//! The delays of `limit_req` and `auth_delay` need none: their request has its `Main` hold all the time, and
//! is woken by a timer.
//!
//! When everything is to be given up (a client that is gone, a worker that stops),
//! [`release::give_up`](crate::worker::release::give_up) collects all that is left, part by part.
//!
//! # The life of a count
//!
//! A POST through `proxy_pass`, with a body that does not come at once:
//!
//! ```text
//!   first byte        +Main          main
//!   content handler   +Upstream      main upstream
//!   body awaited      +Body          main upstream body
//!   body complete     -Body          main upstream
//!   … the peer answers, the answer is relayed …
//!   upstream is over  -Upstream      main
//!   … the client takes the last bytes …
//!   finalized         -Main          none            ─▶ the dispatcher frees it
//! ```
//!
//! And a page with one SSI include from an upstream:
//!
//! ```text
//!   +Main                            main
//!   +Subrequest                      main subrequest             the include has been found
//!   +Upstream                        main upstream subrequest    the child has an upstream of its own
//!   -Upstream                        main subrequest
//!   -Subrequest                      main                        the child is over, the parent is posted
//!   -Main                            none
//! ```
//!
//! # Freed after the handler, never in it
//!
//! ```ignore
//! // src/worker/mod.rs
//!         if x.holds.is_none() {
//!             let x = self.exchanges.live.remove(id.0 as usize);
//!             release::free(x, &mut self.exchanges, &mut self.io);
//!         } else if cfg!(debug_assertions) {
//!             invariants::check(x, &self.io);
//!         }
//! ```
//!
//! These lines stand at the end of `with_exchange`, the one way by which a handler is called. The handler
//! has a `&mut Exchange`; nobody could free what it has borrowed, even if he wanted to. In nginx a handler
//! has to know after which calls it must not touch `r` any more. Here there is no such call.
//!
//! # What cannot happen
//!
//! | in C | here |
//! | --- | --- |
//! | given back twice: the count is one too low, and the request is freed while it works | a hold is given back by value; you do not have it any more |
//! | forgotten: the request is never freed | a debug build asserts when a hold is dropped: `leaked hold: Upstream` |
//! | raised by one, lowered by another, and nobody knows which | the log says `hold -Upstream: main` |
//! | zero in the midst of a handler | only the dispatcher looks |
//!
//! What *can* happen: a hold that is kept for ever because nobody comes back for it. The exchange then
//! lives on, and nothing wakes it. The sweep of a debug build finds that after the turn in which it
//! happened; [`debugging`](super::debugging) has an example.
//!
//! # A copy for later
//!
//! An exchange that is freed is not given to the allocator. It is
//! [retired](crate::http::exchange::Exchange::retire), kept, and
//! [renewed](crate::http::exchange::Exchange::renew) for the next client: the memory of its lists is
//! still there. That is what nginx's pools are for, seen from the other side.
