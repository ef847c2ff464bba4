//! Writing a module: how to teach the server another protocol.
//!
//! *In nginx* an upstream module begins with a copy of another one: its sixty directives, its merge
//! function, its handler, and somewhere in the middle the protocol.
//!
//! *Here* it is the trait [`Protocol`](crate::protocol::Protocol), and the protocol is all there is to
//! write. This chapter reads the memcached module from its first line to its last, then two more that
//! stand outside the library. The listings are compared with the source by a test.
//!
//! *Read next*: [`protocol::bench`](crate::protocol::bench), with which you will try yours.
//!
//! # What you get, what you give
//!
//! The server has a request of a client, a list of peers, and all that it takes to reach them. It does not
//! know what to say, nor how to understand the answer. That is your part. You see bytes, never a socket;
//! you never wait, never log, never choose a peer.
//!
//! ```text
//!     client's request ─▶ create_request ─▶ bytes for the peer
//!                                                    … the server connects, sends, waits …
//!   bytes from the peer ─▶ process_header ─▶ status, fields, length
//!                          input_filter_init ─▶ where does the body end?
//! ```
//!
//! With the name of your protocol come, for nothing: `NAME_pass` and the shared directives (time-outs,
//! buffers, `NAME_next_upstream`, `NAME_bind`…), upstream groups and balancing, kept connections, failover,
//! all three [relay modes](super::relay_modes), `$upstream_…` variables, subrequests, and log lines that say
//! what was attempted.
//!
//! # The protocol
//!
//! memcached keeps values under keys. To ask for one:
//!
//! ```text
//!   we:    get KEY\r\n
//!   it:    VALUE KEY FLAGS LENGTH\r\n        or, if there is none:   END\r\n
//!          …LENGTH bytes…\r\n
//!          END\r\n
//! ```
//!
//! # memcached, line by line
//!
//! ## A directive of its own
//!
//! Values live in a struct, one for each level of the configuration. The macro writes the defaults, the
//! inheritance from `http` to `server` to `location`, and the place where it is found:
//!
//! ```ignore
//! // src/protocol/memcached.rs
//! crate::settings! {
//!     /// memcached's own directives, at one level.
//!     pub struct MemcachedLocation: Location {
//!         /// `memcached_gzip_flag`; 0 for none
//!         pub gzip_flag: u64 = 0,
//!         /// `memcached_write`
//!         pub write: bool = false,
//!     }
//! }
//! ```
//!
//! The table says what may be written where, and what it means. The setter is one line: where the value
//! goes. [`Line::number`](crate::conf::tree::Line::number) parses it, refuses what is no number, and refuses
//! a second one.
//!
//! ```ignore
//! // src/protocol/memcached.rs
//!         Directive::of("memcached_gzip_flag", LEVELS, Args::Exactly(1))
//!             .doc(
//!                 "The bit of a value's flags that means it was stored gzipped: the reply says so to the \
//!                  client.",
//!             )
//!             .set(|cx, line| line.number(&mut cx.conf::<MemcachedLocation>().gzip_flag)),
//! ```
//!
//! The list of all directives, `docs/directives.md`, is printed from such tables. So `doc` is not decoration.
//!
//! ## What one request remembers
//!
//! ```ignore
//! // src/protocol/memcached.rs
//! #[derive(Clone, Debug)]
//! pub struct Memcached {
//!     /// As it was sent: blanks, percent signs and controls escaped.
//!     key: Slice,
//!     gzip_flag: u64,
//!     /// Something was to be changed, not read.
//!     writes: bool,
//! }
//! ```
//!
//! This value *is* the context of the request. It is made by `create_request` and lives until the reply is
//! over. It has to be `Clone`, and here is why: a copy is kept as it was at first, and when a peer fails in
//! the midst of its head, the next one meets the copy. You do not have to think of it.
//!
//! What is not in it is worth a look too. No state ("am I in the header?"), since there is only one line to
//! read. No counter of bytes, since the server counts.
//!
//! ## The trait
//!
//! ```ignore
//! // src/protocol/memcached.rs
//! impl Protocol for Memcached {
//!     type Conf = MemcachedLocation;
//!     const NAME: &'static str = "memcached";
//!     const DIRECTIVES: &'static Module = &MODULE;
//!     const LIKE_FILES: bool = true;
//! ```
//!
//! `NAME` makes `memcached_pass`, `memcached_read_timeout` and all the others.
//! [`LIKE_FILES`](crate::protocol::Protocol::LIKE_FILES) says that a value is looked up as a file is: it has
//! the content type of its extension, and when there is none the server's own 404 page answers.
//!
//! ## The question
//!
//! ```ignore
//! // src/protocol/memcached.rs
//!         let writes = !matches!(r.method(), b"GET" | b"HEAD");
//!         if writes && !*conf.write {
//!             return Err(Fault::Refuse(405));
//!         }
//! ```
//!
//! [`Fault::Refuse`](crate::protocol::Fault::Refuse) answers the client with this status and asks nobody. No
//! peer has been chosen yet.
//!
//! ```ignore
//! // src/protocol/memcached.rs
//!         let key = r.var("memcached_key").filter(|key| !key.is_empty());
//!         let key = key.ok_or(Fault::Internal("the \"$memcached_key\" variable is not set"))?;
//! ```
//!
//! The configuration says what the key is, by `set $memcached_key …;`. If it does not, that is nobody's fault
//! but the configuration's: [`Internal`](crate::protocol::Fault::Internal) is a 500, and the text is the
//! whole line of the log.
//!
//! ```ignore
//! // src/protocol/memcached.rs
//!         let key = escaped(key);
//! ```
//!
//! Stop here for a moment. The key may be made of the client's URI, so it holds whatever a stranger likes. If
//! he likes `x\r\nflush_all`, and we pasted it, the peer would read two commands. Everything that comes from
//! [`Request`](crate::protocol::Request) is to be escaped, quoted, counted or refused before it goes into a
//! protocol of lines. This is the one line of the module that a security review would begin with.
//!
//! ```ignore
//! // src/protocol/memcached.rs
//!         if writes {
//!             memcached_store::command(r, &key, out)?;
//!         } else {
//!             out.write_all(&[b"get ", &key, b"\r\n"]);
//!         }
//!         Ok(Memcached { key, gzip_flag: *conf.gzip_flag, writes })
//! ```
//!
//! [`Out`](crate::protocol::Out) collects the bytes. They are kept until the reply is over, so that another
//! peer can be asked without asking you again. Storing is in a file of its own,
//! `protocol/memcached_store.rs: command`, which also shows how a client's body goes behind the line
//! ([`Out::body`](crate::protocol::Out::body)).
//!
//! ## The answer
//!
//! ```ignore
//! // src/protocol/memcached.rs
//!     fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
//!         let Some(line) = input.line() else { return Ok(Step::Again) };
//! ```
//!
//! The most important line of any module. TCP delivers a stream, not messages. What you are shown may be
//! `VAL`. [`Input::line`](crate::protocol::Input::line) takes a line if its end is there. If not, it takes
//! nothing and remembers how far it has looked. You say [`Again`](crate::protocol::Step::Again), and are
//! called when there is more.
//!
//! ```ignore
//! // src/protocol/memcached.rs
//!         head.keepalive = true;
//!         if self.writes {
//!             return memcached_store::answer(&line, head).map(|()| Step::Done);
//!         }
//!         if &*line == b"END" {
//!             head.status(404).length(0);
//!             return Ok(Step::Done);
//!         }
//! ```
//!
//! `keepalive` says only that the peer would not mind another request on this connection. Whether it gets
//! one is decided by others: the reply has to end where it should, and nothing may be left over.
//!
//! A value that is not there is a 404. That is no fault: the peer is well. `error_page 404 = @origin` or
//! `memcached_next_upstream not_found` can act on it.
//!
//! ```ignore
//! // src/protocol/memcached.rs
//!         head.detail = line.clone();
//!         let mut words = words(&line);
//!         let value = (words.next(), words.next(), words.next().and_then(parse_number));
//!         let (Some(b"VALUE"), Some(key), Some(flags)) = value else {
//!             return Err(Fault::Invalid("invalid response"));
//!         };
//!         if *key != *self.key {
//!             return Err(Fault::Invalid("invalid key in response"));
//!         }
//! ```
//!
//! [`Invalid`](crate::protocol::Fault::Invalid) means that *this peer* has broken the protocol: the next one
//! is tried. The log has `upstream sent invalid response: "…"`, and what stands in the quotes is
//! [`Head::detail`](crate::protocol::Head::detail). The key is compared with the one that was sent. An answer
//! to another question means that the connection is out of step, and its bytes are somebody else's.
//!
//! ```ignore
//! // src/protocol/memcached.rs
//!         let length = words.next().and_then(parse_number).filter(|_| words.next().is_none());
//!         let length = length.ok_or(Fault::Invalid("invalid length in response"))?;
//!         if flags & self.gzip_flag != 0 {
//!             head.field("Content-Encoding", "gzip");
//!         }
//!         head.status(200).length(length);
//!         Ok(Step::Done)
//!     }
//! ```
//!
//! [`parse_number`](crate::conf::value::parse_number) gives None for what is no number *and* for one that
//! does not fit. No arithmetic here could overflow, and nothing is indexed: what a peer sends cannot end the
//! worker. The house refuses `unwrap` in such places (`tests/tidy`).
//!
//! [`Done`](crate::protocol::Step::Done): the head is complete, and the body begins with the next unread
//! byte.
//!
//! ## Where the body ends
//!
//! ```ignore
//! // src/protocol/memcached.rs
//!     fn input_filter_init(&mut self, head: &Head) -> Framing {
//!         match head.content_length {
//!             Some(body) if head.status == 200 => Framing::Tailed { body, tail: TAIL },
//!             _ => Framing::Empty,
//!         }
//!     }
//! ```
//!
//! You are not asked to read the body. You say how it is framed, and
//! [`Decoder`](crate::protocol::Decoder) reads it: so many bytes, and behind them `\r\nEND\r\n`, which
//! belongs to the message but not to the body. It may be cut anywhere, it may be missing, there may be
//! something else: that is the decoder's business, once, for all modules and all relay modes. In nginx half
//! of the memcached module's filter is about that tail.
//!
//! | your protocol's body | say |
//! | --- | --- |
//! | none | [`Framing::Empty`](crate::protocol::Framing::Empty) |
//! | a length was announced | [`Framing::Length`](crate::protocol::Framing::Length) |
//! | a length, and something behind it | [`Framing::Tailed`](crate::protocol::Framing::Tailed) |
//! | HTTP chunks | [`Framing::Chunked`](crate::protocol::Framing::Chunked) |
//! | everything until the connection closes | [`Framing::UntilClose`](crate::protocol::Framing::UntilClose) |
//! | something else: records, rows | [`Framing::Module`](crate::protocol::Framing::Module), and write `input_filter` |
//!
//! And that is the end of the module. What has not been written: `greet` (no login), `reinit_request` (a copy
//! does), `abort_request` (closing says enough), `finalize_request` (nothing to clean up).
//!
//! # Trying it
//!
//! A reply can be cut by the network between any two bytes. The [bench](crate::protocol::bench) cuts it in
//! all of these places, feeds it byte by byte, lets a first peer die after every byte, puts one more byte
//! behind it, and demands the same result each time:
//!
//! ```ignore
//! // src/protocol/memcached_tests.rs
//! fn hear(reply: &[u8]) -> Heard {
//!     let configured = configure::<Memcached>("memcached_gzip_flag 2;").unwrap();
//!     every_cut(&configured, &asking(&configured), reply).unwrap_or_else(|error| panic!("{error}"))
//! }
//! …
//! #[test]
//! fn a_missing_key_is_not_found_and_the_connection_good() {
//!     let heard = hear(b"END\r\n");
//!     assert_eq!((heard.end, heard.head.status, heard.reusable), (End::Framed, 404, true));
//! }
//! ```
//!
//! `reusable` deserves a test in every module. A connection that goes back to the pool with a byte too many
//! gives the next client somebody else's answer. That is the worst thing that can happen in a proxy.
//!
//! # echo: outside the library
//!
//! Your module need not live in this tree. `examples/echo.rs` uses the public interface only: a request is a
//! line, and the reply is a line, which becomes the body. This is all of its protocol:
//!
//! ```ignore
//! // examples/echo.rs
//!     /// Called once, before a peer is chosen.
//!     fn create_request(r: &mut dyn Request, conf: &Rc<EchoLocation>, out: &mut Out) -> Result<Self, Fault> {
//!         let line = conf.line.as_ref().map(|line| r.eval(line)).unwrap_or_else(|| r.args());
//!         // A client may have put a line end into it, and what follows would be a request of its own.
//!         out.write_all(&[&one_line(line), b"\n"]);
//!         Ok(Echo)
//!     }
//!
//!     /// Called whenever more has come, until it says Done. The line is the body, so it is only looked
//!     /// at: the head is complete when the length of the body is known.
//!     fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
//!         let Some(lf) = input.bytes().iter().position(|b| *b == b'\n') else { return Ok(Step::Again) };
//!         head.status(200).length(lf as u64 + 1).field("Content-Type", "text/plain").keepalive = true;
//!         Ok(Step::Done)
//!     }
//! ```
//!
//! Two things are new. A directive with variables: [`Template`](crate::conf::template::Template) is compiled
//! when the configuration is read, and [`eval`](crate::protocol::Request::eval) fills it in for a request.
//! And a head that takes nothing: it looks for the line's end with [`bytes`](crate::protocol::Input::bytes),
//! says how long the body is, and leaves the bytes to the decoder.
//!
//! The program around it is two lines. It is a whole server, with all that this one has and `echo_pass`:
//!
//! ```ignore
//! // examples/echo.rs
//! fn main() -> ExitCode {
//!     headwater::process::run(std::env::args_os(), &Program::default().speaking::<Echo>())
//! }
//! ```
//!
//! Run it as its first lines say.
//!
//! # search: a head of many lines
//!
//! `examples/search.rs` puts the client's argument into the URL of a search on another server, and reads the
//! head of an HTTP reply by hand. One has to remember between two calls how far one is. Here that is one
//! flag in the context:
//!
//! ```ignore
//! // examples/search.rs
//!     fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
//!         while let Some(line) = input.line() {
//!             if !self.in_fields {
//!                 // HTTP/1.1 200 OK: the three digits are all that matters here.
//!                 let status = line.strip_prefix(b"HTTP/1.").and_then(|rest| parse_number(rest.get(2..5)?));
//!                 head.status(status.ok_or(Fault::Invalid("no status line"))? as u16);
//!                 self.in_fields = true;
//!             } else if line.is_empty() {
//!                 head.content_length = head.get("Content-Length").and_then(parse_number);
//!                 return Ok(Step::Done);
//!             } else {
//!                 let colon = line.iter().position(|b| *b == b':').ok_or(Fault::Invalid("no field"))?;
//!                 let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
//!                 head.field(line.slice(0..colon), value);
//!             }
//!         }
//!         Ok(Step::Again)
//!     }
//! ```
//!
//! A line that has been taken is gone from the window; nothing is read twice. The loop ends when there is no
//! whole line any more. The real thing, `protocol/http1/reply.rs`, does the same with more care: interim
//! replies, two lengths that disagree, connections that may not be used again.
//!
//! # Before you say that it is done
//!
//! - Everything from the client is escaped, counted or refused before it goes to the peer.
//! - `Again` is answered wherever bytes may be missing, and nothing was taken that is needed again.
//! - Nothing grows with what a peer sends, but what the server bounds: its page, its buffers.
//! - A reply to another question is noticed.
//! - `every_cut` passes, on a good reply, on each kind of bad one, and on an empty body.
//! - What is left over forbids another use: the bench's byte too many is in `left_over`.
//! - `create_request` has no side effect: it is called once, but for every request.
//!
//! # The whole file
//!
#![doc = "~~~~ignore"]
#![doc = include_str!("../protocol/memcached.rs")]
#![doc = "~~~~"]
