//! Words of the house, and what they mean here.
//!
//! *In nginx* many of these have the same name; where they do, the meaning is the same.
//!
//! *Here* each word is used for one thing, in the code, in the comments and in this manual.
//!
//! *Read next*: the chapter [`from_nginx`](super::from_nginx), if you come from there.
//!
//! # Short names
//!
//! | name | is |
//! | --- | --- |
//! | `x` | an [`Exchange`](crate::http::exchange::Exchange) |
//! | `r` | the number of a request in its exchange, [`RequestIx`](crate::event::RequestIx); the request itself is `x[r]` |
//! | `c` | a [`Connection`](crate::event::Connection) |
//! | `u` | an [`Upstream`](crate::http::upstreamed::Upstream) |
//! | `p` | a [`Pipe`](crate::http::upstreamed::Pipe) |
//! | `io` | the [`Io`](crate::http::io::Io): what all exchanges of a worker share |
//! | `cx` | what a directive's setter may touch while the configuration is read, [`Cx`](crate::conf::build::Cx) |
//!
//! # Words
//!
//! **Access log.** One line for each request that is over. Written when the exchange is freed, so that all
//! numbers in it are final.
//!
//! **Action.** What is being attempted, as in "*connecting to upstream*". It ends each line of the error log:
//! [`Exchange::action`](crate::http::exchange::Exchange::action).
//!
//! **Active request.** The one whose output may go to the client now. Others of the same exchange collect
//! theirs until their turn comes: [`Exchange::active`](crate::http::exchange::Exchange::active).
//!
//! **Attempt.** One try at one peer: from the choice to the moment when the peer is given back.
//!
//! **Back pressure.** The slowness of a reader made felt by the writer, by not reading. TCP does the rest.
//!
//! **Balancer.** Whoever chooses among the peers of a group: [`Balancer`](crate::balance::Balancer).
//!
//! **Bench.** What tries a protocol module without sockets, on every way in which a reply can be cut:
//! [`protocol::bench`](crate::protocol::bench).
//!
//! **Chain.** Bytes on their way out: a row of slices and ranges of files: [`Chain`](crate::buf::Chain).
//!
//! **Content handler.** What makes the answer of a location, as [`init::begin`](crate::upstream::init::begin)
//! does for all the `…_pass` directives.
//!
//! **Cursor.** How much of a page has been used: [`Cursor`](crate::protocol::Cursor). It stays with the page
//! while an [`Input`](crate::protocol::Input) comes and goes.
//!
//! **Cycle.** One reading of the configuration with everything that hangs on it. A reload makes another one
//! beside it: [`HttpCycle`](crate::http::cycle::HttpCycle).
//!
//! **Decoder.** What finds the end of a body and drops what only frames it:
//! [`Decoder`](crate::protocol::Decoder).
//!
//! **Dispatcher.** `Worker::with_exchange`: runs a handler, acts on its answer, frees what is over. The only
//! way by which a handler is called.
//!
//! **Edge-triggered.** The kernel speaks when something *changes*, once. It does not repeat itself while
//! bytes lie there. So whoever stops reading before `EAGAIN` has to remember that there is more: that is
//! what the flag `ready` is.
//!
//! **Exchange.** One request of a client with its subrequests and their upstreams.
//!
//! **Failure.** In which way a peer was no use: [`Failure`](crate::http::turn::Failure). The classes are
//! those of `proxy_next_upstream`.
//!
//! **Fate.** What becomes of the client's connection when the exchange is over:
//! [`Fate`](crate::http::exchange::Fate).
//!
//! **Filter.** What changes an answer on its way out. Header filters look at the head once and engage body
//! filters where there is something to do ([`output`](crate::http::output)).
//!
//! **Finalize.** To say that a request is over, with which status. It may go on for a while: an error page
//! has to be made, the last bytes have to be sent.
//!
//! **Framing.** How one knows where a body ends: [`Framing`](crate::protocol::Framing).
//!
//! **Generation.** How often a place in the table of connections has been used. Part of the name, so that an
//! old name finds nothing: [`ConnId`](crate::event::ConnId).
//!
//! **Greeting.** A talk before the request, on a new connection: a login.
//!
//! **Group.** The servers of one `upstream {}` block, or of one host in a pass directive:
//! [`Group`](crate::balance::Group).
//!
//! **Handler.** A function that is called when something has happened: `fn(&mut Exchange, RequestIx, &mut
//! Io)`.
//!
//! **Hold.** A reason why an exchange lives: chapter [`holds`](super::holds).
//!
//! **Interim reply.** A head with a 1xx status, before the real one.
//!
//! **Keep-alive.** A connection that serves more than one request; on the client's side and on the peer's.
//!
//! **Lingering close.** Reading on for a while after the last answer, since a close would make the kernel
//! send a reset, which may overtake the answer.
//!
//! **Module.** A feature in one file with one table: an [`HttpModule`](crate::http::module::HttpModule). A
//! *protocol module* implements [`Protocol`](crate::protocol::Protocol).
//!
//! **Origin.** The server behind us, seen from the client.
//!
//! **Owner.** Whom a connection works for: [`Owner`](crate::event::Owner).
//!
//! **Page.** Memory that a `recv` writes into: [`Page`](crate::buf::Page). Counted, so it lives as long as
//! somebody has a slice of it.
//!
//! **Peer.** A server that may be asked ([`balance::Peer`](crate::balance::Peer)), and the one that is being
//! asked, with its connection ([`upstreamed::Peer`](crate::http::upstreamed::Peer)).
//!
//! **Phase.** One of eleven stages a request passes on its way to an answer:
//! [`Phase`](crate::http::phases::Phase).
//!
//! **Poisoned.** Of a client's connection: something was wrong with the framing of its request, so nothing
//! behind it may be taken for another one.
//!
//! **Pool.** Idle connections to peers, kept for the next request: [`upstream::pool`](crate::upstream::pool).
//!
//! **Post.** To ask that a handler be run without a new event: of a connection's side
//! ([`Net::post`](crate::event::Net::post)), or of a request
//! ([`Exchange::post`](crate::http::exchange::Exchange::post)).
//!
//! **Postpone.** To keep output back until what stands before it on the page has come.
//!
//! **Pristine.** Of a protocol module's context: as `create_request` made it. Every peer meets it so.
//!
//! **Ready.** A call on this side of a connection may succeed. Set by events, cleared only by `recv` and
//! `send`: [`Readiness`](crate::event::conn::Readiness).
//!
//! **Relay.** To pass a body on: chapter [`relay_modes`](super::relay_modes).
//!
//! **Room.** A directory below `src/`. Rooms are in layers: each may use those below it.
//!
//! **Setting.** A value of a directive that knows whether somebody set it, for inheritance:
//! [`Setting`](crate::conf::merge::Setting).
//!
//! **Settle.** To act on what a handler answered: [`worker::settle`](crate::worker::settle).
//!
//! **Side.** Reading or writing, of a connection: [`Side`](crate::event::Side).
//!
//! **Slice.** A view of a page; counted, never copied: [`Slice`](crate::buf::Slice).
//!
//! **Slot.** A place that says what is called next: chapter [`slots`](super::slots).
//!
//! **Spill.** To move what memory should not hold into a temporary file.
//!
//! **Stall.** A request that waits for something that will not come. The bug of this kind of program:
//! chapter [`debugging`](super::debugging).
//!
//! **Status.** What a function answers, nginx's integers with their cases spelled out:
//! [`Status`](crate::http::turn::Status).
//!
//! **Subrequest.** A request that the server makes for a request:
//! [`Subrequest`](crate::http::subrequest::Subrequest).
//!
//! **Switchboard.** The `match` that says which function belongs to a slot value:
//! [`worker::switchboard`](crate::worker::switchboard).
//!
//! **Turn.** One round of the loop. Also what a handler answers, [`Turn`](crate::http::turn::Turn): it has
//! had its turn.
//!
//! **Verdict.** Two kinds. A handler's: next peer, or finish ([`Leave`](crate::http::turn::Leave)). An
//! attempt's, for the balancer: was it the peer's fault ([`balance::Verdict`](crate::balance::Verdict))?
//!
//! **Window.** The unread bytes of a peer, as a protocol module sees them: [`Input`](crate::protocol::Input).
//!
//! **Worker.** One process, one thread, one loop: [`Worker`](crate::worker::Worker).
//!
//! **Zone.** Memory that workers share, by name.
