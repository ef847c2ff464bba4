//! One request, turn by turn: what is called, and what the log says.
//!
//! *In nginx* a turn is `ngx_process_events_and_timers`. What it calls is a function pointer in an event,
//! so one cannot read on from there.
//!
//! *Here* a turn is [`Worker`](crate::worker::Worker)`::turn`, and what it calls stands in
//! [`switchboard`](crate::worker::switchboard). This chapter follows one request from the first byte to
//! the last. The log lines below are from a run; a test runs it again and compares them.
//!
//! *Read next*: [`slots`](super::slots), [`holds`](super::holds), which the lines are about.
//!
//! # A turn
//!
//! ```text
//!   ┌─▶ wait      epoll: what has happened? At most until the next timer; not at all if events are posted
//!   │   events    for each socket with news: set its ready flags, ask its owner, call the slot
//!   │   accepts   new clients, in batches. After the events: who is here already goes first
//!   │   timers    whose time is up? The same slots are called, with `timed_out` set
//!   │   posted    handlers that somebody asked to be run without a new event
//!   │   names     answers of name servers go to the requests that wait for them
//!   └── sweep     (debug builds) can everybody be woken? is everything where it should be?
//! ```
//!
//! The clock is read once, right after the wait. All that happens in a turn happens at the same time.
//!
//! Four things call a handler, and all four end in the same place:
//!
//! ```text
//!   an event ──┐
//!   a timer ───┼─▶ connection ─▶ Owner ─▶ exchange ─▶ slot ─▶ handler ─▶ Turn ─▶ settle ─▶ free?
//!   a post ────┘                                ▲
//!   a key timer (a request's own) ──────────────┘
//! ```
//!
//! # The configuration of this chapter
//!
//! Two servers are to be asked in turns. Nobody listens on the first one's port. The second says hello.
//!
//! ```nginx
//! error_log debug.log debug;
//! events {}
//! http {
//!     access_log off;
//!     upstream hello {
//!         server 127.0.0.1:8081;      # nobody is there
//!         server 127.0.0.1:8082;
//!     }
//!     server {
//!         listen 127.0.0.1:8080;
//!         location / { proxy_pass http://hello; }
//!     }
//! }
//! ```
//!
//! `curl http://127.0.0.1:8080/` gets its hello. What happened meanwhile? The lines are shown without
//! date and process number, and long ones are cut at `…`.
//!
//! # Turn 1: somebody is at the door
//!
//! The listening socket is readable. [`accept`](crate::event::accept) makes a connection of it, and its
//! owner is `Waiting`. That is all. The request is mostly still on its way, and to look for it too early
//! would be a system call for nothing. Nothing is in the log either: there is no request yet.
//!
//! # Turn 2: the question comes
//!
//! The client's connection is readable.
//! [`wait::readable`](crate::http::client::wait::readable) reads the first bytes into a page, and
//! [`release::begin`](crate::worker::release::begin) makes the exchange. It is alive because it has a main
//! request, and the log says so:
//!
//! ```log
//! [debug] *1 hold +Main: main
//! ```
//!
//! The read slot of a fresh exchange is `RequestLine`. The handler finds the line complete, swaps the
//! slot, and calls the next one itself, since the fields are in the page too. If they had not been, it
//! would have waited with the slot `Headers`, and a later turn would have gone on there.
//!
//! ```log
//! [debug] *1 client read RequestLine -> Headers
//! [debug] *1 client read Headers -> Block
//! [debug] *1 request 0 write Empty -> RunPhases
//! [debug] *1 http process request: GET "/", client: 127.0.0.1, server: , request: "GET / HTTP/1.1", …
//! ```
//!
//! `*1` is the number of the connection, `request 0` the main request of the exchange. The head is
//! complete: nothing more is read from the client (`Block`), and the write slot runs the phases. Why the
//! *write* slot? Because going on with a request means, sooner or later, writing its answer. A handler in
//! a phase that has to wait returns, and when the request is woken its write slot is called: the phases go
//! on where they stopped.
//!
//! The location is found, and its content handler is
//! [`init::begin`](crate::upstream::init::begin). From here on something else than the phases writes the
//! answer:
//!
//! ```log
//! [debug] *1 request 0 write RunPhases -> Empty
//! [debug] *1 hold +Upstream: main upstream
//! ```
//!
//! There is no request body, so [`init_request`](crate::upstream::init::init_request) is called at once.
//! While the peer works the client has nothing to say that we would want to hear, except good-bye:
//!
//! ```log
//! [debug] *1 request 0 write Empty -> CheckBroken
//! [debug] *1 client read Block -> CheckBroken
//! ```
//!
//! [`create_request`](crate::protocol::Protocol::create_request) writes `GET / HTTP/1.1…` into memory. The
//! balancer picks the first server. [`connect`](crate::upstream::connect) calls connect(2), which says
//! that it has begun. A timer is set (`proxy_connect_timeout`) and everybody returns, up to the loop. The
//! content handler answered `Done`: *I go on later, do not touch it*.
//!
//! ```log
//! [debug] *1 http finalize request: Done while connecting to upstream, client: 127.0.0.1, …
//! ```
//!
//! Look at where everything stands now. The stack is empty. What the request knows is in the exchange, and
//! what happens next is in four slots: the client's `CheckBroken` twice, and the peer's `ProcessHeader` and
//! `SendRequest`, which a fresh peer begins with.
//!
//! # Turn 3: bad news
//!
//! The peer's socket has news. Its owner is `Upstream(x, r)`, so the
//! [`switchboard`](crate::worker::switchboard) calls the peer's slots: first the reading one. It sees that
//! the connection is not one yet and hands over to
//! [`send_request_handler`](crate::upstream::send::send_request_handler), which asks the socket how the
//! connect went: `SO_ERROR` is ECONNREFUSED.
//!
//! ```log
//! [error] *1 connect() failed (111: Connection refused) while connecting to upstream, client: 127.0.0.1, …
//! ```
//!
//! The handler returns `Err(Leave::Next(Failure::Error))`. It ends nothing and picks nobody. That is
//! [`settle`](crate::worker::settle)'s business, which calls [`next`](crate::upstream::next::next): the
//! balancer is told, and since the peer has failed as often as it may (`max_fails`), it is put aside.
//!
//! ```log
//! [warn] *1 upstream server temporarily disabled while connecting to upstream, client: 127.0.0.1, …
//! ```
//!
//! `next` finds that another try is allowed, gives the protocol module its pristine state back, and
//! connects to the second server. Again the stack is left with a timer set. Note what did *not* happen:
//! the request was not made again, and the client's slots were not touched.
//!
//! # Turn 4: the question goes out
//!
//! The second peer's socket is writable, which is how a connect that worked announces itself. The request
//! is written in one go, and the writing slot has nothing more to do:
//!
//! ```log
//! [debug] peer 1.1 write SendRequest -> Idle
//! ```
//!
//! `1.1` is a [`ConnId`](crate::event::ConnId): place 1 of the table, generation 1. The first peer's
//! connection stood in place 1 too, in generation 0. If the kernel still had an event for it in this
//! batch, its name would find nothing.
//!
//! # Turn 5: the answer
//!
//! Readable. [`process_header`](crate::upstream::header::process_header) reads into the peer's page and
//! lets the protocol module look, until that says `Done`. The fields become those of the answer
//! ([`heads`](crate::upstream::heads)), the head goes to the output, and a way for the body is chosen
//! ([`relay`](crate::upstream::relay)): buffered, because `proxy_buffering` is on.
//!
//! ```log
//! [debug] peer 1.1 read ProcessHeader -> ProcessUpstream
//! [debug] *1 request 0 write CheckBroken -> ProcessDownstream
//! ```
//!
//! The body is in the page already, behind the head. It is decoded, handed on, and complete. The peer is
//! let go, before the client has got anything: the peer must not have to wait for a slow client. Then the
//! handler returns `Err(Leave::Finish(Status::Ok))`, and `settle` finalizes, first the upstream and then
//! the request:
//!
//! ```log
//! [debug] *1 hold -Upstream: main
//! [debug] *1 request 0 write ProcessDownstream -> Empty
//! [debug] *1 client read CheckBroken -> Block
//! [debug] *1 http finalize request: Ok while sending to client, client: 127.0.0.1, server: , …
//! ```
//!
//! All bytes were taken by the client's socket, so there is nothing to wait for. Had some been left, the
//! slots would now be `TestReading` and `Writer`, and further turns would send the rest. The main request
//! gives its hold back:
//!
//! ```log
//! [debug] *1 hold -Main: none
//! ```
//!
//! `none`: nobody needs the exchange any more. The handler has returned, the dispatcher sees a total of
//! zero, and frees it ([`release::free`](crate::worker::release::free)): after the handler, never in it.
//! The connection's owner is `Waiting` again, with a timer (`keepalive_timeout`).
//!
//! # What you have seen
//!
//! - Five turns, and not one function that waited.
//! - Every change of a slot has its line. Read only the lines with `->` and you have read the story.
//! - Every hold has a `+` and a `-`. The last `-` says `none`.
//! - A failure was a return value.
//! - One request, one upstream connection at a time; the next began after the first was given back.
