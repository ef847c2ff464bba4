//! What a check asks and how it reads the answer: HTTP/1, by the same module that requests of clients use.
//!
//! *In nginx* the commercial version writes a fixed request of HTTP/1.0 and has a parser of its own.
//!
//! *Here* [`Http1`] is asked, so `proxy_set_header` and
//! `proxy_http_version` of the location count and a chunked answer is read without its chunks. Only who
//! asks differs: [`Asker`] is a request that no client made. It has neither fields nor a body, and of
//! all variables it knows `$proxy_host`, `$host` and `$proxy_port`; a field whose value comes out empty
//! is not sent, as ever.
//!
//! ```text
//!   Question::of(location) ── once, when the configuration is read ──▶ bytes, and a context to copy
//!   Answer::read(bytes so far) ─▶ head ─▶ Decoder ─▶ body ─▶ Rules::judge
//! ```
//!
//! *Read next*: `rules.rs`.

use super::rules::{Judged, Rules};
use crate::buf::{Chain, Page, Slice};
use crate::conf::merge::{Confs, Setting};
use crate::conf::template::{Names, Part, Template, VarIx};
use crate::http::upstream_conf::Pass;
use crate::protocol::http1::{Http1, Http1Location, SetHeader, Which};
use crate::protocol::{
    Body, Cursor, Decoder, Erased, Flow, Head, Out, Protocol, Relay, Request, Step, Target, erased,
};
use std::rc::Rc;

/// How much of a body is looked at.
const BODY_LIMIT: usize = 256 << 10;
/// How large a head may be.
const HEAD_LIMIT: u64 = 64 << 10;
/// How much is read at once.
const PAGE: usize = 4096;

/// What is asked, made once and sent again and again.
pub struct Question {
    request: Chain,
    context: Http1,
}

impl Question {
    /// The question that a location's settings make of a path. With `stays` the connection is to be used
    /// again.
    ///
    /// # Errors
    /// None that settings which were accepted lead to.
    pub fn of(confs: &Confs, names: &Names, pass: &Pass, uri: &Slice, stays: bool) -> Option<Question> {
        let mut conf = confs.get::<Http1Location>().clone();
        // These are about the requests of clients.
        (conf.set_body, conf.method) = (Setting::new(None), Setting::new(None));
        if !stays {
            conf.set_headers.edit().retain(|header| header.which != Which::Connection);
            let (name, value) = (Slice::from("Connection"), Template::constant("close"));
            conf.set_headers.edit().push(SetHeader { name, which: Which::Connection, value });
        }
        // It is that of other settings, if there is one.
        conf.plan.take();
        let mut out = Out::new();
        let target = Target { host: pass.parts.host.clone(), ..Target::default() };
        let mut asker = Asker { names, pass, uri: uri.clone(), target };
        let context = Http1::create_request(&mut asker, &Rc::new(conf), &mut out).ok()?;
        Some(Question { request: out.take(), context })
    }

    /// The bytes.
    pub fn bytes(&self) -> Chain {
        let mut bytes = self.request.again();
        (bytes.last, bytes.flush) = (false, false);
        bytes
    }

    /// The answer to it, of which nothing has come yet.
    pub fn answer(&self) -> Answer {
        Answer {
            module: erased::of(self.context.clone()),
            page: Page::with_capacity(PAGE),
            cursor: Cursor::default(),
            head: Head::default(),
            decoder: None,
            relay: Relay::default(),
            body: Vec::new(),
        }
    }
}

/// A request that no client made.
struct Asker<'a> {
    names: &'a Names,
    pass: &'a Pass,
    uri: Slice,
    target: Target,
}

impl Request for Asker<'_> {
    fn method(&self) -> &[u8] {
        b"GET"
    }

    fn http_version(&self) -> u16 {
        1001
    }

    fn unparsed_uri(&self) -> Option<Slice> {
        Some(self.uri.clone())
    }

    fn uri(&self) -> Slice {
        self.uri.clone()
    }

    fn args(&self) -> Slice {
        Slice::EMPTY
    }

    fn must_escape(&self) -> bool {
        false
    }

    fn rewritten_in_place(&self) -> bool {
        false
    }

    fn field(&self, _: usize) -> Option<(&[u8], &[u8])> {
        None
    }

    fn has_connection(&self) -> bool {
        false
    }

    fn body(&self) -> Body {
        Body::None
    }

    fn target(&self) -> &Target {
        &self.target
    }

    fn eval(&mut self, template: &Template) -> Slice {
        let parts = match template {
            Template::Constant(text) => return text.clone(),
            Template::Parts(parts) => parts.clone(),
        };
        let (mut text, names) = (Vec::new(), self.names);
        for part in parts.iter() {
            match part {
                Part::Text(plain) => text.extend_from_slice(plain),
                Part::Var(VarIx(ix)) => {
                    let name = names.list().get(usize::try_from(*ix).unwrap_or(usize::MAX));
                    let name = name.and_then(|name| std::str::from_utf8(name).ok());
                    let value = name.and_then(|name| self.var(name));
                    text.extend_from_slice(&value.unwrap_or_default());
                }
                Part::Capture(_) => {}
            }
        }
        Slice::from(text)
    }

    fn var(&mut self, name: &str) -> Option<Slice> {
        match name {
            "host" | "http_host" | "proxy_host" => Some(self.pass.parts.host.clone()),
            "proxy_port" => Some(Slice::from(self.pass.parts.port.to_string())),
            _ => None,
        }
    }

    fn matched(&mut self, _: Vec<Option<Slice>>, _: &[(usize, VarIx)]) {}
}

/// An answer on its way.
pub struct Answer {
    module: Box<dyn Erased>,
    /// What came and was not read yet; the caller receives into it.
    pub page: Page,
    cursor: Cursor,
    head: Head,
    decoder: Option<Decoder>,
    relay: Relay,
    body: Vec<u8>,
}

impl Answer {
    /// Room for more in the page.
    pub fn make_room(&mut self) {
        if !self.cursor.start_over(&mut self.page) {
            self.cursor.make_room(&mut self.page, PAGE, Page::with_capacity);
        }
    }

    /// Reads what has come and judges it as soon as that can be done; `ended` says that no more will come,
    /// `whole` that the body is to be read whether somebody looks at it or not.
    pub fn read(&mut self, rules: &Rules, ended: bool, whole: bool) -> Judged {
        const HEADER: Judged = Judged::Bad("reading response header from upstream");
        const BODY: Judged = Judged::Bad("reading response body from upstream");
        if self.decoder.is_none() {
            match self.read_head() {
                Some(true) => {}
                Some(false) if ended || self.cursor.used() >= HEAD_LIMIT || self.page.len() >= PAGE * 16 => {
                    return HEADER;
                }
                Some(false) => return Judged::Again,
                None => return HEADER,
            }
            self.decoder = Some(Decoder::new(self.module.input_filter_init(&self.head)));
        }
        let Some(decoder) = self.decoder.as_mut() else { return HEADER };
        let mut input = self.cursor.input(&self.page);
        let flow = decoder.decode(&mut *self.module, &mut input, &mut self.relay);
        let Ok(part) = std::mem::take(&mut self.relay.chain).gather() else { return BODY };
        let room = BODY_LIMIT.saturating_sub(self.body.len());
        self.body.extend_from_slice(part.get(..room).unwrap_or(&part));
        let is_over = match flow {
            Ok(flow) => flow == Flow::Last || ended && decoder.close(&*self.module),
            Err(_) => return BODY,
        };
        let enough = is_over || self.body.len() >= BODY_LIMIT;
        if (rules.wants_body() || whole) && !enough {
            return if ended { BODY } else { Judged::Again };
        }
        rules.judge(&self.head, &self.body)
    }

    /// Whether the head is there; None if it is none.
    fn read_head(&mut self) -> Option<bool> {
        while !self.cursor.unread(&self.page).is_empty() {
            let mut input = self.cursor.input(&self.page);
            match self.module.process_header(&mut input, &mut self.head) {
                Ok(Step::Again) => return Some(false),
                Ok(Step::Interim) => self.head.clear(),
                Ok(Step::Done) => return Some(true),
                Err(_) => return None,
            }
        }
        Some(false)
    }

    /// Whether the connection may be asked again.
    pub fn leaves_connection(&self) -> bool {
        let is_clean = self.decoder.as_ref().is_some_and(Decoder::is_clean);
        self.head.keepalive && is_clean && self.cursor.unread(&self.page).is_empty()
    }
}
