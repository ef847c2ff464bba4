//! Redis: a command in, its reply out.
//!
//! *In nginx* modules of others: one that gets a key, one that sends what the configuration says and
//! leaves the reply's syntax to the client.
//!
//! *Here* any command, its words made of variables: each goes with its length in front, so whatever a
//! client writes stays one word. What the reply looks like to the client is `redis_format`. A new
//! connection is greeted with what the location wants: another version of the protocol, a password, a
//! database.
//!
//! ```text
//!   *2⏎ $3⏎GET⏎ $3⏎a b⏎  ──▶        $5⏎hello⏎      200 hello
//!                        ◀──   or    $-1⏎           404
//!                              or    -ERR no⏎       next peer, 502; the words go to the log
//! ```
//!
//! *Read next*: `resp.rs`, where replies are read.

use super::resp::{Format, Walker, line};
use super::{Fault, Flow, Framing, Greet, Head, Input, Out, Protocol, Relay, Request, Step};
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, HTTP, LOCATION, Module, SERVER};
use crate::conf::error::ConfError;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::conf::value::parse_number;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

crate::settings! {
    /// Redis' own directives, at one level.
    #[derive(Debug)]
    pub struct RedisLocation: Location {
        /// `redis_query`; empty for `GET $redis_key`
        pub query: Vec<Template> = Vec::new(),
        /// `redis_format`
        pub format: Format = Format::Text,
        /// `redis_auth`: a password, or a name and a password; empty for none
        pub auth: Vec<Vec<u8>> = Vec::new(),
        /// `redis_db`
        pub db: u64 = 0,
        /// `redis_protocol`: the version of RESP
        pub version: u64 = 2,
    }
}

const LEVELS: u32 = HTTP | SERVER | LOCATION;

/// The table.
pub static MODULE: Module = Module {
    name: "redis",
    directives: &[
        Directive {
            name: "redis_query",
            contexts: LEVELS,
            args: Args::AtLeast(1),
            block: false,
            default: "GET $redis_key",
            doc: "The command and its arguments, each of which may have variables and stays one \
                  argument whatever their values are.",
            set: query,
        },
        Directive {
            name: "redis_format",
            contexts: LEVELS,
            args: Args::Exactly(1),
            block: false,
            default: "text",
            doc: "What the client gets: `raw`, the reply as it came; `text`, its values, a line each if \
                  they are several; or `json`.",
            set: |cx, line| {
                let table = [("raw", Format::Raw), ("text", Format::Text), ("json", Format::Json)];
                line.choice(&mut cx.conf::<RedisLocation>().format, &table)
            },
        },
        Directive {
            name: "redis_auth",
            contexts: LEVELS,
            args: Args::Between(1, 2),
            block: false,
            default: "",
            doc: "The password, or name and password, that a new connection begins with.",
            set: |cx, line| {
                let words = line.args.iter().map(|word| word.to_vec()).collect();
                line.store(&mut cx.conf::<RedisLocation>().auth, words)
            },
        },
        Directive {
            name: "redis_db",
            contexts: LEVELS,
            args: Args::Exactly(1),
            block: false,
            default: "0",
            doc: "The number of the database that a new connection selects.",
            set: |cx, line| line.number(&mut cx.conf::<RedisLocation>().db),
        },
        Directive {
            name: "redis_protocol",
            contexts: LEVELS,
            args: Args::Exactly(1),
            block: false,
            default: "2",
            doc: "The version of the protocol, 2 or 3. Version 3 tells maps, numbers and booleans apart.",
            set: |cx, line| line.choice(&mut cx.conf::<RedisLocation>().version, &[("2", 2), ("3", 3)]),
        },
    ],
};

fn query(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let words =
        line.args.iter().map(|word| Template::compile(cx, line, word)).collect::<Result<Vec<_>, _>>()?;
    // A command that is written out can be refused now; one that a variable makes, when it is made.
    if let Some(command) =
        words.first().and_then(Template::as_constant).filter(|command| leaves_state(command))
    {
        return Err(line.err(format_args!("\"{command}\" would change the connection for other requests")));
    }
    line.store(&mut cx.conf::<RedisLocation>().query, words)
}

/// Commands that have no reply of their own, or that the next request on the connection would feel.
fn leaves_state(command: &[u8]) -> bool {
    const THOSE: &str = "AUTH ASKING CLIENT DISCARD EXEC HELLO MONITOR MULTI PSUBSCRIBE PSYNC \
        QUIT READONLY READWRITE RESET SELECT SSUBSCRIBE SUBSCRIBE SYNC WATCH";
    THOSE.split(' ').any(|known| command.eq_ignore_ascii_case(known.as_bytes()))
}

/// What one request remembers.
#[derive(Clone, Debug)]
pub struct Redis {
    conf: Rc<RedisLocation>,
    /// Replies to the greeting that are still to come; None before it was sent.
    greetings: Option<usize>,
    /// The one that is being read.
    greeting: Option<Walker>,
    walker: Walker,
    framing: Framing,
}

impl Protocol for Redis {
    type Conf = RedisLocation;
    const NAME: &'static str = "redis";
    const DIRECTIVES: &'static Module = &MODULE;
    const LIKE_FILES: bool = true;
    const GREETS: bool = true;

    fn create_request(r: &mut dyn Request, conf: &Rc<RedisLocation>, out: &mut Out) -> Result<Self, Fault> {
        if conf.query.is_empty() {
            if !matches!(&*r.method(), b"GET" | b"HEAD") {
                return Err(Fault::Refuse(405));
            }
            let key = r.var("redis_key").filter(|key| !key.is_empty());
            let key = key.ok_or(Fault::Internal("the \"$redis_key\" variable is not set"))?;
            command(out, &[b"GET", &key]);
        } else {
            // Each is one word whatever it holds, so nothing needs to be escaped.
            let words: Vec<_> = conf.query.iter().map(|word| r.eval(word)).collect();
            if words.first().is_some_and(|command| leaves_state(command)) {
                return Err(Fault::Refuse(403));
            }
            command(out, &words.iter().map(|word| &word[..]).collect::<Vec<_>>());
        }
        let (conf, walker) = (conf.clone(), Walker::new(*conf.format));
        Ok(Redis { conf, greetings: None, greeting: None, walker, framing: Framing::Module })
    }

    fn session(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        (&*self.conf.auth, *self.conf.db, *self.conf.version).hash(&mut hasher);
        hasher.finish()
    }

    fn greet(&mut self, input: &mut Input, out: &mut Out, head: &mut Head) -> Result<Greet, Fault> {
        // The first call writes all of it at once; the replies come in the same order.
        let left = self.greetings.get_or_insert_with(|| greeting(&self.conf, out));
        while *left > 0 {
            let Some(reply) = &mut self.greeting else {
                let Some(line) = line(input)? else { return Ok(Greet::More) };
                // A wrong password, an unknown database: the connection is no good for this request.
                if line.starts_with(b"-") {
                    head.detail = line.slice(1..line.len());
                    return Err(Fault::Invalid("an error to the greeting"));
                }
                self.greeting.insert(Walker::new(Format::Text)).line(&line)?;
                continue;
            };
            if reply.walk(input, &mut Relay::default())? == Flow::More {
                return Ok(Greet::More);
            }
            self.greeting = None;
            *left -= 1;
        }
        Ok(Greet::Done)
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        let Some(line) = line(input)? else { return Ok(Step::Again) };
        // Even an error is a whole reply; what is wrong is not the connection.
        head.keepalive = true;
        if matches!(line.first(), Some(b'-' | b'!')) {
            head.detail = line.slice(1..line.len());
            return Err(Fault::Invalid("an error"));
        }
        // Nil in the spellings of both versions: there is no such key.
        if matches!(&*line, b"_" | b"$-1" | b"*-1") {
            head.status(404).length(0);
            self.framing = Framing::Empty;
            return Ok(Step::Done);
        }
        head.status(200);
        if *self.conf.format == Format::Json {
            head.field("Content-Type", "application/json");
        }
        self.walker.line(&line)?;
        // The common case has its length in front, so the decoder can pass it on without a look.
        let string = line.strip_prefix(b"$").and_then(parse_number);
        if let Some(body) = string.filter(|_| *self.conf.format == Format::Text) {
            head.length(body);
            self.framing = Framing::Tailed { body, tail: b"\r\n" };
        } else if self.walker.is_done() {
            head.length(self.walker.written.len() as u64);
        }
        Ok(Step::Done)
    }

    fn input_filter_init(&mut self, _: &Head) -> Framing {
        self.framing
    }

    fn input_filter(&mut self, input: &mut Input, out: &mut Relay) -> Result<Flow, Fault> {
        self.walker.walk(input, out)
    }
}

/// Writes what a new connection begins with; says how many replies that will have.
fn greeting(conf: &RedisLocation, out: &mut Out) -> usize {
    let mut replies = 0;
    let mut say = |words: &[&[u8]]| {
        command(out, words);
        replies += 1;
    };
    if !conf.auth.is_empty() {
        let words: Vec<&[u8]> =
            [&b"AUTH"[..]].into_iter().chain(conf.auth.iter().map(|word| &word[..])).collect();
        say(&words);
    }
    if *conf.version == 3 {
        say(&[b"HELLO", b"3"]);
    }
    if *conf.db != 0 {
        say(&[b"SELECT", conf.db.to_string().as_bytes()]);
    }
    replies
}

/// Writes a command: how many words, and each with its length in front.
fn command(out: &mut Out, words: &[&[u8]]) {
    out.write(b"*");
    out.number(words.len() as u64);
    for word in words {
        out.write(b"\r\n$");
        out.number(word.len() as u64);
        out.write_all(&[b"\r\n", word]);
    }
    out.write(b"\r\n");
}

#[cfg(test)]
#[path = "redis_tests.rs"]
mod tests;
