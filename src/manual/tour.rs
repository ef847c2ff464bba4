//! A tour of the house: what it does, who lives in it, and in which order to read it.
//!
//! *In nginx* you would begin with `ngx_http_request_t` and `ngx_http_upstream_t`, two structs of more
//! than two hundred fields together, and find out by and by which of them are alive when.
//!
//! *Here* you begin with one sentence. A client asks us, we ask somebody else, and we pass the answer on.
//! Everything in this house follows from that sentence and from three facts:
//!
//! - There are two connections, the client's and the peer's. Either may be slow, and either may die, at
//!   any moment.
//! - There are many clients at once, and one thread.
//! - Nobody may wait. A function that waits for one client would make all others wait with it.
//!
//! # One thread, many requests
//!
//! Think of a cook alone in a kitchen with forty pots. He does not stand before one pot until it boils.
//! He looks where something has happened, does what is to be done there, sets a clock, and looks again.
//! That is an *event loop*. The kernel's part is `epoll`: it says on which sockets something has happened
//! since we last looked. One round of looking and doing is called a *turn*
//! ([`worker`](crate::worker), and chapter [`one_turn`](super::one_turn)).
//!
//! This has a price. A function cannot say "read the reply" and go on in the next line when it is there.
//! It has to return, and somebody has to call the right function later. Two questions arise, and the
//! answers are the heart of the matter:
//!
//! - *Where does it keep what it knew?* Not on the stack, which is gone. In structs that live as long as
//!   the request does.
//! - *Which function is called next?* A field says so. We call such a field a *slot*
//!   ([`slots`](super::slots)).
//!
//! ```text
//!   as you would write it alone          as it has to be written here
//!   ───────────────────────────          ────────────────────────────────────────────
//!   c = accept()                         turn 1: readable(listener) → a connection
//!   r = read_request(c)     waits        turn 2: readable(client)   → the slot says: request line
//!   p = connect(peer)       waits        turn 3: writable(peer)     → the slot says: send request
//!   send(p, r)              waits
//!   a = read_reply(p)       waits        turn 4: readable(peer)     → the slot says: process header
//!   send(c, a)              waits        turn 4: and so on
//! ```
//!
//! # Who lives here
//!
//! ```text
//!   Worker ─┬─ exchanges: Slab<Exchange>
//!           │      └ Exchange ─┬─ client           what is known of the client's side
//!           │                  ├─ main, children   Requests; a request is x[r]
//!           │                  │     └ upstream: Option<Upstream>
//!           │                  │            └ peer: Option<Peer>    one attempt, one connection
//!           │                  └─ holds            why it is still alive
//!           └─ io: Io ─┬─ net: connections, timers, posted events
//!                      ├─ cycle: the configuration
//!                      └─ services, counters: what requests share
//! ```
//!
//! - A [`Worker`](crate::worker::Worker) is one process with one loop. There is one for each core, and
//!   they share hardly anything.
//! - An [`Exchange`](crate::http::exchange::Exchange) is one request of a client with everything it
//!   caused: its subrequests, their upstreams. A client that is idle between two requests has none.
//! - A [`Request`](crate::http::request::Request) is what was asked and what will be answered. The first
//!   one of an exchange came from the client; others are made by the server (an SSI include, an
//!   `auth_request`).
//! - An [`Upstream`](crate::http::upstreamed::Upstream) is a request's business with somebody else: whom
//!   to ask, what to say, what has come back.
//! - A [`Peer`](crate::http::upstreamed::Peer) is one attempt at one server. When it fails, the peer goes
//!   with everything it knew, and the upstream gets another.
//! - A [`Connection`](crate::event::Connection) is a socket and what is known of its two directions. It
//!   knows no HTTP. It knows its [`Owner`](crate::event::Owner): whom it works for.
//! - [`Io`](crate::http::io::Io) is everything that is shared. A handler gets one exchange and the Io, and
//!   so cannot reach another exchange by mistake.
//!
//! Look at the two arrows between a request and a connection. The peer names its connection by a
//! [`ConnId`](crate::event::ConnId), and the connection names the request by its owner. No pointer points
//! anywhere; each name is looked up, and a name whose bearer has gone finds nothing. In C this is where
//! use after free lives. Here it is a `None`.
//!
//! # A walk through the rooms
//!
//! One request, in the order in which the rooms see it. Each name is a link to where it happens.
//!
//! 1. **At the door.** The listening socket is readable; the worker accepts a batch
//!    ([`event::accept`](crate::event::accept)). The new connection's owner is
//!    [`Waiting`](crate::event::Owner::Waiting): no page, no exchange, one timer. Many thousands of these
//!    may stand around ([`client::wait`](crate::http::client::wait)).
//! 2. **The first byte.** Now a page is taken and an exchange made
//!    ([`release::begin`](crate::worker::release::begin)). The owner becomes
//!    [`Client`](crate::event::Owner::Client). The request line and the fields are parsed as they come
//!    ([`client::head`](crate::http::client::head)); the parsers are pure functions
//!    ([`parse`](crate::parse)).
//! 3. **The phases.** Who may come in? Is the path rewritten? Which `location` is it? Each module has put
//!    its handlers into one of eleven phases ([`phases`](crate::http::phases)); the last but one, Content,
//!    makes the answer. For `proxy_pass` the content handler is
//!    [`upstream::init::begin`](crate::upstream::init::begin).
//! 4. **The question.** The client's body is read first, or passed on as it comes
//!    ([`body`](crate::http::body)). The protocol module writes the request for the peer, once
//!    ([`Protocol::create_request`](crate::protocol::Protocol::create_request)).
//! 5. **Whom to ask.** The balancer chooses a peer ([`Group::pick`](crate::balance::Group::pick)). An idle
//!    connection to it is taken from the pool, or a new one begun
//!    ([`upstream::connect`](crate::upstream::connect)).
//! 6. **Asking.** The request is written, as the peer takes it ([`upstream::send`](crate::upstream::send)).
//! 7. **Listening.** The head of the reply is read until the protocol module says that it is complete
//!    ([`upstream::header`](crate::upstream::header)). Is it an answer, or a reason to ask somebody else
//!    ([`upstream::next`](crate::upstream::next))?
//! 8. **Passing on.** The head becomes the head of the answer
//!    ([`upstream::heads`](crate::upstream::heads)), and the body follows by one of three ways
//!    ([`relay_modes`](super::relay_modes)). On its way out it passes filters: gzip, SSI, chunks
//!    ([`output`](crate::http::output)).
//! 9. **The end.** The peer's connection goes to the pool or is closed
//!    ([`upstream::finish`](crate::upstream::finish)). The request is finalized
//!    ([`finalize`](crate::http::finalize)), logged, freed ([`worker::release`](crate::worker::release)),
//!    and its client is `Waiting` again.
//!
//! # Four ideas
//!
//! You will meet these on every page. Each has a chapter or a file.
//!
//! | idea | in short | where |
//! | --- | --- | --- |
//! | slots | what is called next is a value one can print | [`slots`](super::slots) |
//! | holds | an exchange lives for a reason, and the reason has a name | [`holds`](super::holds) |
//! | one way to sleep | only `io.net.wait` waits, and it cannot miss a byte | [`event::wait`](crate::event::wait) |
//! | verdicts | a handler does not end a request, it *returns* that it should end | [`turn`](crate::http::turn) |
//!
//! The last one deserves a word. Whoever fails in the midst of a function wants to do two things: end the
//! request, and stop what he is doing. In C these are two statements, and forgetting the second is a use
//! after free. Here a handler returns `Err(Leave::Finish(…))` or `Err(Leave::Next(…))`, so ending *is*
//! stopping, and `?` does both. One loop acts on it ([`worker::settle`](crate::worker::settle)).
//!
//! # In which order to read
//!
//! Twelve files make the whole path. Read each with its question in mind.
//!
//! | file | while you read, find out |
//! | --- | --- |
//! | `src/worker/mod.rs` | In which order does a turn do things, and why are accepts after events? |
//! | `src/event/conn.rs` | What is known of one direction of a connection? |
//! | `src/event/wait.rs` | What would happen without the `if s.ready`? |
//! | `src/http/slots.rs` | Which slots are there, and which may be combined? |
//! | `src/worker/switchboard.rs` | Which function belongs to each slot value? |
//! | `src/http/exchange.rs` | What is the client's, and what a request's? |
//! | `src/http/phases.rs` | What does `Declined` mean in a phase, and `Done`? |
//! | `src/upstream/init.rs` | Why is the request written before a peer is chosen? |
//! | `src/upstream/connect.rs` | How does it know that a connection from the pool is still good? |
//! | `src/upstream/header.rs` | Who decides that the head is complete? |
//! | `src/upstream/pipe/mod.rs` | In which three places may a byte of the body be? |
//! | `src/worker/settle.rs` | What would be a recursion if this were not a loop? |
//!
//! # Try it
//!
//! - `make run`, then the commands it prints. Watch `upstream=[…] said=[…]` in the log.
//! - Run any configuration with `error_log stderr debug;` and compare with [`one_turn`](super::one_turn).
//! - Break something: remove a `swap_write` in `src/upstream/send.rs`, run `make suite`, and read what the
//!   assertion says. [`debugging`](super::debugging) explains it.
//! - Write a protocol: `examples/echo.rs` is one of sixty lines, and
//!   [`writing_a_module`](super::writing_a_module) walks through another.
//!
//! *Read next*: [`one_turn`](super::one_turn).
