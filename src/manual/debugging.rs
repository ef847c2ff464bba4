//! Debugging: it does not do what I think. How do I find out why?
//!
//! *In nginx* by a build with `--with-debug`, whose log has some 1,800 kinds of lines, and by gdb.
//!
//! *Here* by a log that tells the few things that matter (slots, holds, verdicts), by a debug build that
//! checks what must be true, and by the habit of asking four questions in the same order. The chapter ends
//! with a stall, made on purpose and found.
//!
//! *Read next*: [`one_turn`](super::one_turn), for a log of a request that went well.
//!
//! # Turning the log on
//!
//! ```nginx
//! error_log logs/debug.log debug;                 # everything
//! events { debug_connection 192.0.2.7; }          # or: the lines of requests of one client only
//! ```
//!
//! `make suite` runs a debug build; `cargo build` makes one. A release build writes the same lines, but
//! does not check anything. On a terminal, `RUST_LOG=trace headwater …` sends the library's own lines to
//! standard error instead.
//!
//! # Reading a line
//!
//! ```text
//!   2026/11/22 04:12:25 [error] 6522#6522: *1 upstream timed out (110: Connection timed out)
//!   └── when ─────────┘ └ how ┘ └pid tid┘  └ connection       what, and what the kernel said
//!
//!      while reading upstream, client: 127.0.0.1, server: a, request: "GET /big HTTP/1.1",
//!      └ what was attempted    └ for whom
//!
//!      upstream: "http://127.0.0.1:8082/big", host: "a", timer: proxy_read_timeout 3000ms
//!      └ whom it was asked of                           └ which of the timers it was
//! ```
//!
//! `*1` is the same number as `$connection` in an access log. `grep '\*1 '` is the life of a connection.
//! The part behind *while* is [`Exchange::action`](crate::http::exchange::Exchange::action); each step sets
//! it before it tries something.
//!
//! # The debug lines
//!
//! | line | says |
//! | --- | --- |
//! | `*1 hold +Upstream: main upstream` | a reason to live more; behind the colon all there are |
//! | `*1 hold -Main: none` | a reason less; at `none` the exchange is freed |
//! | `*1 client read Block -> CheckBroken` | a swap of the client's read slot |
//! | `*1 request 0 write Empty -> RunPhases` | a swap of a request's write slot; 0 is the main request, others are subrequests |
//! | `peer 1.0 read ProcessHeader -> ProcessUpstream` | a swap of a peer's slot; place and generation of its connection |
//! | `http process request: GET "/"` | the head is complete, the phases begin |
//! | `http finalize request: Done` | a handler has answered; `Done` means that somebody else goes on later |
//!
//! Three habits of reading:
//!
//! - **Only the arrows.** `grep -e '->'`: which states it went through. Compare with the stages in
//!   [`slots`](super::slots).
//! - **Only the holds.** `grep hold`: each `+` has its `-`, in any order. What is left without one is what
//!   still goes on.
//! - **The last line.** A request that hangs has stopped behind it. The slots that were last swapped to say
//!   what it waits for.
//!
//! # What a debug build checks
//!
//! | when | what | says |
//! | --- | --- | --- |
//! | a hold is dropped | it was given back instead | `leaked hold: Upstream` |
//! | after each handler | the slots are a row of the table | `slots: read Block, write UpgradedWrite` |
//! | after each handler | holds and their holders are equally many | `holds: main upstream` |
//! | after each handler | owner and peer point at each other | `owner of the peer's connection` |
//! | after each turn | every exchange can be woken | `nothing will wake exchange …` |
//!
//! They are in `worker/invariants.rs: check, check_peer, sweep`. An assertion ends the worker, with the
//! place in its log; the tests look for such lines in every log they leave behind. The suite also wants
//! every server to end cleanly with nothing left, so a forgotten exchange fails a test that is about
//! something else.
//!
//! # Four questions
//!
//! For a request that hangs, in this order:
//!
//! 1. **Who is to act?** Its last slots say. `CheckBroken` and `ProcessHeader`: the peer. `Writer`: the
//!    client. `ReadBody`: the client. `AwaitPeer`: another request, which is to give a peer back.
//! 2. **Has he acted?** Ask the kernel: `ss -tnp`. Bytes in `Recv-Q` of our socket have come and have not
//!    been read. Bytes in `Send-Q` have been written and not been taken by the other end.
//! 3. **Were we told?** Edge-triggered epoll tells once. If bytes lie there and nobody reads, either a
//!    handler stopped before `EAGAIN` and forgot that it had, or its event went to a slot that does
//!    nothing (`Block`, `Idle`).
//! 4. **What will wake it?** A timer, at the latest. Which one is in the line it writes. A request that is
//!    woken by a timer alone was not waiting: it was forgotten.
//!
//! # A stall, made and found
//!
//! The buffered relay lets others have their turn after a megabyte:
//!
//! ```ignore
//! // src/upstream/pipe/mod.rs
//!                 if moved >= SHARE {
//!                     drain::drain(x, r, io, true)?;
//!                     fill::post(x, r, io);
//!                     return Ok(());
//!                 }
//! ```
//!
//! Take the line with `post` away. It looks harmless: the socket is readable, there will be an event. Small
//! files work. All tests of small things pass. Then somebody fetches 60 MB:
//!
//! ```text
//!   $ curl -o /dev/null -w '%{http_code} %{size_download} %{time_total}\n' http://127.0.0.1:8080/big
//!   curl: (18) transfer closed with outstanding read data remaining
//!   200 53989376 3.043201
//! ```
//!
//! It stood still, and after three seconds it was cut. The log (`proxy_read_timeout 3s`):
//!
//! ```text
//!   04:12:22 [debug] peer 1.0 read ProcessHeader -> ProcessUpstream
//!   04:12:22 [debug] *1 request 0 write CheckBroken -> ProcessDownstream
//!   04:12:25 [error] *1 upstream timed out … while reading upstream … timer: proxy_read_timeout 3000ms
//! ```
//!
//! *Who is to act?* `ProcessUpstream`: the peer; the timer agrees. *Has he acted?* While it hangs:
//!
//! ```text
//!   $ ss -tn
//!   State Recv-Q  Send-Q Local Address:Port  Peer Address:Port
//!   ESTAB 5994240 0          127.0.0.1:54896    127.0.0.1:8082
//!   ESTAB 0       0          127.0.0.1:8080     127.0.0.1:57046
//! ```
//!
//! He has. Six megabytes of the peer's lie in our socket, and the client's socket is empty: it would take
//! more. So the log is wrong to blame the peer. *Were we told?* We were, once, when the first bytes came.
//! The handler read a megabyte and returned with `ready` still set. The kernel had nothing new to say: it
//! speaks of changes, and "still readable" is none. *What will wake it?* Only the timer.
//!
//! So somebody returned without having read to the end and without saying that he wants to go on. There are
//! two ways to say so, and each return of a handler has to have used one of them or to have reached
//! `EAGAIN`:
//!
//! ```text
//!   io.net.wait(conn, side, ms)      sleep; posts an event at once if `ready` is still set
//!   io.net.post_next(conn, side)     go on in the next turn, after others
//! ```
//!
//! Look for the `return Ok(())` without one. There it is.
//!
//! Why did the sweep of the debug build not find it? Because a timer was set, and a timer counts as
//! something that will wake. It finds those who would sleep for ever, not those who sleep too long. That is
//! why the rule is stricter than the check.
//!
//! # Other sights
//!
//! | you see | it is mostly |
//! | --- | --- |
//! | `upstream prematurely closed connection` | a peer that closed, or crashed; look at its own log |
//! | `upstream sent …` | a peer that speaks something else than the module; the words are quoted |
//! | `no live upstreams … peers: …` | the list says of each peer why it may not be asked |
//! | `client prematurely closed connection`, status 499 | an impatient client: compare its time-out with yours |
//! | a worker at 100 % with nothing to do | somebody posts himself in every turn; the debug log shows who |
//! | memory that grows with requests that are over | `grep hold`: which `+` has no `-`? |
//! | a test that fails once in a hundred runs | two events in another order: make the order with a scripted origin (`tests/kit/origin.rs`) |
