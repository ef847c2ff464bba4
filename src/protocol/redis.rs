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

use super::resp::{Walker, line};
use super::values::Style;
use super::{Fault, Flow, Framing, Greet, Head, Input, Out, Protocol, Relay, Request, Step};
use crate::buf::Slice;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::template::Template;
use crate::util::fingerprint;
use std::rc::Rc;

crate::settings! {
    /// Redis' own directives, at one level.
    #[derive(Debug)]
    pub struct RedisLocation: Location {
        /// `redis_query`; empty for `GET $redis_key`
        pub query: Vec<Template> = Vec::new(),
        /// `redis_format`
        pub format: Style = Style::Text,
        /// `redis_auth`: a password, or a name and a password; empty for none
        pub auth: Vec<Vec<u8>> = Vec::new(),
        /// `redis_db`
        pub db: u64 = 0,
        /// `redis_protocol`: the version of RESP
        pub version: u64 = 2,
    }
}

/// The table.
pub static MODULE: Module = Module {
    name: "redis",
    directives: &[
        Directive::of("redis_query", LEVELS, Args::AtLeast(1))
            .default("GET $redis_key")
            .doc("The command and its arguments. Each stays one argument whatever its variables hold.")
            .set(|cx, line| {
                let words = line.args.iter().map(|word| Template::compile(cx, line, word));
                let words = words.collect::<Result<Vec<_>, _>>()?;
                // One that a variable makes can be refused only when it is made.
                let command = words.first().and_then(Template::as_constant);
                if let Some(command) = command.filter(|command| leaves_state(command)) {
                    let why = "would change the connection for other requests";
                    return Err(line.err(format_args!("\"{command}\" {why}")));
                }
                line.store(&mut cx.conf::<RedisLocation>().query, words)
            }),
        Directive::of("redis_format", LEVELS, Args::Exactly(1))
            .default("text")
            .doc("What the client gets: `raw`, the reply as it came; `text`, its values in lines; or `json`.")
            .set(|cx, line| line.choice(&mut cx.conf::<RedisLocation>().format, FORMATS)),
        Directive::of("redis_auth", LEVELS, Args::Between(1, 2))
            .doc("The password, or name and password, that a new connection begins with.")
            .set(|cx, line| {
                let words = line.args.iter().map(|word| word.to_vec());
                line.store(&mut cx.conf::<RedisLocation>().auth, words.collect())
            }),
        Directive::of("redis_db", LEVELS, Args::Exactly(1))
            .default("0")
            .doc("The number of the database that a new connection selects.")
            .set(|cx, line| line.number(&mut cx.conf::<RedisLocation>().db)),
        Directive::of("redis_protocol", LEVELS, Args::Exactly(1))
            .default("2")
            .doc("The version of the protocol, 2 or 3. Version 3 tells maps, numbers and booleans apart.")
            .set(|cx, line| line.choice(&mut cx.conf::<RedisLocation>().version, &[("2", 2), ("3", 3)])),
    ],
};

const FORMATS: &[(&str, Style)] = &[("raw", Style::Raw), ("text", Style::Text), ("json", Style::Json)];

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
    /// Goes through the replies to the greeting; None before that was sent.
    greeting: Option<Walker>,
    walker: Walker,
}

impl Protocol for Redis {
    type Conf = RedisLocation;
    const NAME: &'static str = "redis";
    const DIRECTIVES: &'static Module = &MODULE;
    const LIKE_FILES: bool = true;
    const GREETS: bool = true;

    fn create_request(r: &mut dyn Request, conf: &Rc<RedisLocation>, out: &mut Out) -> Result<Self, Fault> {
        let words: Vec<Slice> = conf.query.iter().map(|word| r.eval(word)).collect();
        match words.first() {
            Some(first) if leaves_state(first) => return Err(Fault::Refuse(403)),
            // Each is one word whatever it holds, so nothing needs to be escaped.
            Some(_) => command(out, &words),
            None if !matches!(r.method(), b"GET" | b"HEAD") => return Err(Fault::Refuse(405)),
            None => {
                let key = r.var("redis_key").filter(|key| !key.is_empty());
                let key = key.ok_or(Fault::Internal("the \"$redis_key\" variable is not set"))?;
                command(out, &[b"GET", &*key]);
            }
        }
        Ok(Redis { conf: conf.clone(), greeting: None, walker: Walker::new(*conf.format, 1) })
    }

    fn session(&self) -> u64 {
        fingerprint::of(&(&*self.conf.auth, *self.conf.db, *self.conf.version))
    }

    fn greet(&mut self, input: &mut Input, out: &mut Out, head: &mut Head) -> Result<Greet, Fault> {
        // The first call writes all of it at once; the replies come in the same order.
        let replies = self.greeting.get_or_insert_with(|| greeting(&self.conf, out));
        let flow = replies.walk(input, &mut Relay::default());
        // A wrong password, an unknown database: the connection is no good for this request, whatever came
        // behind that.
        if let Some(words) = replies.error.take() {
            return Err(head.refuse("an error to the greeting", words));
        }
        Ok(if flow? == Flow::Last { Greet::Done } else { Greet::More })
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        let Some(line) = line(input)? else { return Ok(Step::Again) };
        // Even an error is a whole reply; what is wrong is not the connection.
        head.keepalive = true;
        if matches!(line.first(), Some(b'-' | b'!')) {
            return Err(head.refuse("an error", line.slice(1..line.len())));
        }
        self.walker.line(&line)?;
        // Nil in the spellings of both versions: there is no such key.
        if matches!(&*line, b"_" | b"$-1" | b"*-1") {
            self.walker.values.written.clear();
            head.status(404).length(0);
        } else {
            self.conf.format.announce(head.status(200));
            head.content_length = self.walker.length();
        }
        Ok(Step::Done)
    }

    fn input_filter_init(&mut self, head: &Head) -> Framing {
        // The common case has its length in front, so the decoder can pass it on without a look.
        let string = head.content_length.filter(|_| !self.walker.is_done());
        string.map_or(Framing::Module, |body| Framing::Tailed { body, tail: b"\r\n" })
    }

    fn input_filter(&mut self, input: &mut Input, out: &mut Relay) -> Result<Flow, Fault> {
        self.walker.walk(input, out)
    }
}

/// Writes what a new connection begins with, and makes what goes through the replies to that.
fn greeting(conf: &RedisLocation, out: &mut Out) -> Walker {
    let auth = [&b"AUTH"[..]].into_iter().chain(conf.auth.iter().map(|word| &word[..])).collect::<Vec<_>>();
    let db = conf.db.to_string();
    let commands: [(bool, &[&[u8]]); 3] = [
        (!conf.auth.is_empty(), &auth),
        (*conf.version == 3, &[b"HELLO", b"3"]),
        (*conf.db != 0, &[b"SELECT", db.as_bytes()]),
    ];
    let due: Vec<_> = commands.iter().filter(|(is_due, _)| *is_due).collect();
    due.iter().for_each(|(_, words)| command(out, words));
    Walker::new(Style::Text, due.len() as u64)
}

/// Writes a command: how many words, and each with its length in front.
fn command(out: &mut Out, words: &[impl AsRef<[u8]>]) {
    out.write(b"*");
    out.number(words.len() as u64);
    for word in words {
        out.write(b"\r\n$");
        out.number(word.as_ref().len() as u64);
        out.write_all(&[b"\r\n", word.as_ref()]);
    }
    out.write(b"\r\n");
}

#[cfg(test)]
#[path = "redis_tests.rs"]
mod tests;
