//! The bench: a module is tried without a socket, on every way a reply can arrive.
//!
//! *In nginx* a module can be tried only against a live server, and where a read happens to end is up to the
//! kernel; a fault that shows when a reply is cut between two certain bytes is found in production.
//!
//! *Here* the nine functions need bytes and nothing else, so all cuts are tried. [`configure`] reads
//! directives as a location would, [`Asking`] is a request of one's own making, [`hear`] plays one reply
//! in given pieces, and [`every_cut`] plays it in all of them and compares. It belongs to the library,
//! not to its tests, so that a module written elsewhere has it too.
//!
//! ```text
//!   reply  [abcdefgh]  ─▶ whole · a|bcdefgh · ab|cdefgh · … · a|b|c|d|e|f|g|h
//!                      ─▶ a first peer that dies after n bytes, then the whole, for every n
//!                      ─▶ with one byte more: it must be left over
//! ```
//!
//! *Read next*: `memcached.rs`, and the tests beside it.

use super::{
    Body, Cursor, Decoder, Erased, Fault, Field, Flow, Framing, Greet, Head, Kind, Out, Protocol, Relay,
    Request, Step, Target,
};
use crate::buf::{Chain, Page, Slice};
use crate::conf::build::{Cx, Sets};
use crate::conf::directive::{Args, Directive, LOCATION, MAIN, Module};
use crate::conf::error::ConfError;
use crate::conf::include::Reader;
use crate::conf::merge::{Confs, Scope};
use crate::conf::registry::Registry;
use crate::conf::template::{Names, Part, Template, VarIx};
use std::collections::HashMap;

crate::settings! {
    /// What the bench read.
    pub struct Read: Process {
        plain {
            /// The one location.
            pub location: Option<Sets> = None
        }
    }
}

static BENCH: Module = Module {
    name: "bench",
    directives: &[Directive {
        name: "location",
        contexts: MAIN,
        args: Args::None,
        block: true,
        default: "",
        doc: "A location of the bench.",
        set: |cx, line| {
            let sets = cx.block(line, LOCATION, &[Scope::Http, Scope::Server, Scope::Location])?;
            cx.conf::<Read>().location = Some(sets);
            Ok(())
        },
    }],
};

/// A module with a configuration.
pub struct Configured {
    /// The module.
    pub kind: Kind,
    /// Its configuration.
    pub location: Confs,
    /// The names of variables, by their numbers.
    pub names: Vec<Vec<u8>>,
}

/// Reads directives of a module, as they would stand in a location.
///
/// # Errors
/// Those of the configuration.
pub fn configure<P: Protocol>(directives: &str) -> Result<Configured, ConfError> {
    let modules = [&BENCH, P::DIRECTIVES];
    let registry = Registry::new(&modules);
    let mut cx = Cx::new(&registry, "/", "/");
    let text = format!("location {{ {directives} }}");
    cx.apply_tree(&Reader::new("/").text("bench", text.as_bytes()))?;
    let mut sets = cx.finish().get_mut::<Read>().location.take().unwrap_or_default();
    let names = sets.get_mut::<Names>().list().to_vec();
    Ok(Configured { kind: Kind::of::<P>(), location: sets.take(Scope::Location).freeze(), names })
}

/// A request that says what the test wants it to say.
#[derive(Clone, Debug)]
pub struct Asking {
    /// The method.
    pub method: Slice,
    /// The path, decoded.
    pub uri: Slice,
    /// The arguments.
    pub args: Slice,
    /// Path and arguments as they came.
    pub unparsed_uri: Option<Slice>,
    /// Decoding changed the path.
    pub must_escape: bool,
    /// A rewrite changed the path in its location.
    pub rewritten_in_place: bool,
    /// The fields.
    pub fields: Vec<(Slice, Slice)>,
    /// The body.
    pub body: Body,
    /// Where it is passed to.
    pub target: Target,
    /// Variables by their names.
    pub variables: HashMap<Vec<u8>, Slice>,
    /// The names in templates; of [`Configured::names`].
    pub names: Vec<Vec<u8>>,
    /// `$1` … of the last match.
    pub groups: Vec<Option<Slice>>,
}

impl Asking {
    /// `GET` of a path, without fields or body, passed to `http://peer`.
    pub fn get(path: &str, configured: &Configured) -> Asking {
        let (uri, args) = path.split_once('?').unwrap_or((path, ""));
        let host = Slice::from("peer");
        Asking {
            method: Slice::from("GET"),
            uri: Slice::from(uri.to_owned()),
            args: Slice::from(args.to_owned()),
            unparsed_uri: Some(Slice::from(path.to_owned())),
            must_escape: false,
            rewritten_in_place: false,
            fields: Vec::new(),
            body: Body::None,
            target: Target { url: Slice::from("http://peer"), host, ..Target::default() },
            variables: HashMap::new(),
            names: configured.names.clone(),
            groups: Vec::new(),
        }
    }

    /// The same with another field.
    pub fn field(mut self, name: &str, value: &str) -> Asking {
        self.fields.push((Slice::from(name.to_owned()), Slice::from(value.to_owned())));
        self
    }

    /// The same with another variable.
    pub fn variable(mut self, name: &str, value: &str) -> Asking {
        self.variables.insert(name.as_bytes().to_vec(), Slice::from(value.to_owned()));
        self
    }

    fn named(&self, ix: VarIx) -> Slice {
        let name = self.names.get(ix.0 as usize);
        name.and_then(|name| self.variables.get(name)).cloned().unwrap_or_default()
    }
}

impl Request for Asking {
    fn method(&self) -> Slice {
        self.method.clone()
    }

    fn http_version(&self) -> u16 {
        1001
    }

    fn unparsed_uri(&self) -> Option<Slice> {
        self.unparsed_uri.clone()
    }

    fn uri(&self) -> Slice {
        self.uri.clone()
    }

    fn args(&self) -> Slice {
        self.args.clone()
    }

    fn must_escape(&self) -> bool {
        self.must_escape
    }

    fn rewritten_in_place(&self) -> bool {
        self.rewritten_in_place
    }

    fn field(&self, at: usize) -> Option<(Slice, Slice)> {
        self.fields.get(at).cloned()
    }

    fn body(&self) -> Body {
        self.body
    }

    fn target(&self) -> Target {
        self.target.clone()
    }

    fn eval(&mut self, template: &Template) -> Slice {
        let Template::Parts(parts) = template else {
            return template.as_constant().cloned().unwrap_or_default();
        };
        let mut whole = Vec::new();
        for part in parts.iter() {
            let value = match part {
                Part::Text(text) => text.clone(),
                Part::Var(ix) => self.named(*ix),
                Part::Capture(n) => self.groups.get(*n).cloned().flatten().unwrap_or_default(),
            };
            whole.extend_from_slice(&value);
        }
        Slice::from(whole)
    }

    fn var(&mut self, name: &str) -> Option<Slice> {
        self.variables.get(name.as_bytes()).cloned()
    }

    fn matched(&mut self, groups: Vec<Option<Slice>>, named: &[(usize, VarIx)]) {
        for (group, ix) in named {
            if let (Some(name), Some(value)) = (self.names.get(ix.0 as usize), groups.get(*group)) {
                self.variables.insert(name.clone(), value.clone().unwrap_or_default());
            }
        }
        self.groups = groups;
    }
}

/// What a module writes for a request: the head, and whether the client's body is to follow.
///
/// # Errors
/// The module's.
pub fn say(configured: &Configured, asking: &mut Asking) -> Result<(Vec<u8>, bool), Fault> {
    let mut out = Out::new();
    configured.kind.create_request(asking, &configured.location, &mut out)?;
    Ok((bytes(&out.take()), out.wrapping().is_some()))
}

/// Plays the conversation before a request: what the module sends, and whether it is content, after the peer
/// has sent these pieces. The first call sees nothing.
///
/// # Errors
/// The module's.
pub fn greet(module: &mut dyn Erased, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool), Fault> {
    let mut page = Page::with_capacity(pieces.iter().map(|piece| piece.len()).sum());
    let (mut cursor, mut out) = (Cursor::default(), Out::new());
    let mut pieces = pieces.iter();
    loop {
        if module.greet(&mut cursor.input(&page), &mut out, &mut Head::default())? == Greet::Done {
            return Ok((bytes(&out.take()), true));
        }
        let Some(piece) = pieces.next() else { return Ok((bytes(&out.take()), false)) };
        page.append(piece);
    }
}

/// How a reply ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// By its own framing.
    Framed,
    /// By the close of the connection, as its framing said.
    Closed,
    /// The connection closed too early, in the head or the body.
    Cut,
    /// The module refused it.
    Fault(Fault),
}

/// What a module made of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Statuses of interim replies.
    pub interims: Vec<u16>,
    /// The final head; what there was of it, if it is not complete.
    pub head: Head,
    /// How the body was said to come; None if the head is not complete.
    pub framing: Option<Framing>,
    /// The body.
    pub body: Vec<u8>,
    /// Fields behind it.
    pub trailers: Vec<Field>,
    /// Notes for the log, of head and body.
    pub notes: Vec<Slice>,
    /// How it ended.
    pub end: End,
    /// Bytes that were sent and that nobody used.
    pub left_over: usize,
    /// Another request may be sent on this connection.
    pub reusable: bool,
}

/// One connection's worth of listening: what the upstream side does with sockets, done with pieces.
struct Listening<'a> {
    module: &'a mut dyn Erased,
    page: Page,
    cursor: Cursor,
    decoder: Option<Decoder>,
    relay: Relay,
    heard: Heard,
    ended: bool,
}

impl Listening<'_> {
    fn new(module: &mut dyn Erased, page: usize) -> Listening<'_> {
        let heard = Heard {
            interims: Vec::new(),
            head: Head::default(),
            framing: None,
            body: Vec::new(),
            trailers: Vec::new(),
            notes: Vec::new(),
            end: End::Cut,
            left_over: 0,
            reusable: false,
        };
        Listening {
            module,
            page: Page::with_capacity(page),
            cursor: Cursor::default(),
            decoder: None,
            relay: Relay::default(),
            heard,
            ended: false,
        }
    }

    /// A read: into the page if there is room, else into one that is large enough for what is unread too.
    fn piece(&mut self, mut piece: &[u8]) {
        while !piece.is_empty() {
            if self.page.room() == 0 {
                let unread = self.cursor.unread(&self.page);
                let mut page = Page::with_capacity((unread.len() * 2).max(self.page.capacity()));
                page.append(unread);
                self.page = page;
                self.cursor.moved();
            }
            let n = self.page.append(piece);
            piece = piece.get(n..).unwrap_or_default();
            self.turn();
        }
    }

    fn turn(&mut self) {
        if self.ended {
            return;
        }
        if let Err(fault) = self.try_turn() {
            self.heard.end = End::Fault(fault);
            self.ended = true;
        }
    }

    fn try_turn(&mut self) -> Result<(), Fault> {
        let mut input = self.cursor.input(&self.page);
        while self.decoder.is_none() {
            match self.module.process_header(&mut input, &mut self.heard.head)? {
                Step::Again => return Ok(()),
                Step::Interim => {
                    self.heard.interims.push(self.heard.head.status);
                    self.heard.head.clear();
                }
                Step::Done => {
                    let framing = self.module.input_filter_init(&self.heard.head);
                    self.heard.framing = Some(framing);
                    self.decoder = Some(Decoder::new(framing));
                }
            }
        }
        let Some(decoder) = &mut self.decoder else { return Ok(()) };
        if decoder.decode(self.module, &mut input, &mut self.relay)? == Flow::Last {
            self.heard.end = End::Framed;
            self.ended = true;
        }
        Ok(())
    }

    /// The peer closes, or has nothing more to say.
    fn close(mut self) -> Heard {
        if !self.ended && self.decoder.as_mut().is_some_and(|decoder| decoder.close(self.module)) {
            self.heard.end = End::Closed;
        }
        let mut heard = self.heard;
        heard.left_over = self.cursor.unread(&self.page).len();
        heard.body = bytes(&self.relay.chain);
        heard.trailers = self.relay.trailers;
        heard.notes = std::mem::take(&mut heard.head.notes);
        heard.notes.append(&mut self.relay.notes);
        let clean = self.decoder.is_some_and(|decoder| decoder.is_clean());
        heard.reusable = clean && heard.head.keepalive && heard.left_over == 0;
        heard
    }
}

/// Plays a reply in pieces into a page of `page` bytes at first.
pub fn hear(module: &mut dyn Erased, pieces: &[&[u8]], page: usize) -> Heard {
    let mut listening = Listening::new(module, page);
    pieces.iter().for_each(|piece| listening.piece(piece));
    listening.close()
}

/// Plays a reply in every way it can arrive, and says what all of them agree on.
///
/// # Errors
/// A sentence about the first way that made a difference.
pub fn every_cut(configured: &Configured, asking: &Asking, reply: &[u8]) -> Result<Heard, String> {
    const PAGE: usize = 4096;
    let fresh = || {
        let mut out = Out::new();
        configured
            .kind
            .create_request(&mut asking.clone(), &configured.location, &mut out)
            .map_err(|fault| format!("create_request: {fault:?}"))
    };
    let whole = hear(&mut *fresh()?, &[reply], PAGE);
    let differs = |how: String, heard: Heard| match same(&whole, &heard) {
        true => Ok(()),
        false => Err(format!("{how}: {heard:?}\nwhole: {whole:?}")),
    };
    let each: Vec<&[u8]> = reply.chunks(1).collect();
    differs("byte by byte".into(), hear(&mut *fresh()?, &each, PAGE))?;
    differs("byte by byte, small page".into(), hear(&mut *fresh()?, &each, 1))?;
    for cut in 0..=reply.len() {
        let (front, back) = reply.split_at_checked(cut).unwrap_or((reply, b""));
        differs(format!("cut at {cut}"), hear(&mut *fresh()?, &[front, back], PAGE))?;
        let mut module = fresh()?;
        hear(&mut *module, &[front], PAGE);
        module.reinit_request();
        differs(format!("after a peer that died at {cut}"), hear(&mut *module, &[reply], PAGE))?;
    }
    more(&whole, hear(&mut *fresh()?, &[reply, b"X"], PAGE))?;
    more(&whole, hear(&mut *fresh()?, &[&[reply, b"X"].concat()], PAGE))?;
    Ok(whole)
}

/// What a refused reply leaves unread depends on where it was cut, and nobody uses it.
fn same(a: &Heard, b: &Heard) -> bool {
    let loose = |heard: &Heard| {
        let mut heard = heard.clone();
        if matches!(heard.end, End::Fault(_)) {
            heard.left_over = 0;
            heard.head.detail = Slice::EMPTY;
        }
        heard
    };
    loose(a) == loose(b)
}

/// A byte behind a reply that frames itself is left over, and that is all it does.
fn more(whole: &Heard, mut heard: Heard) -> Result<(), String> {
    if whole.end != End::Framed {
        return Ok(());
    }
    let found = (heard.left_over, heard.reusable);
    (heard.left_over, heard.reusable) = (whole.left_over, whole.reusable);
    match found == (whole.left_over + 1, false) && same(whole, &heard) {
        true => Ok(()),
        false => Err(format!("with one byte more {found:?}: {heard:?}\nwithout: {whole:?}")),
    }
}

fn bytes(chain: &Chain) -> Vec<u8> {
    chain.gather().map(|all| all.to_vec()).unwrap_or_default()
}

#[cfg(test)]
#[path = "bench_tests.rs"]
mod tests;
