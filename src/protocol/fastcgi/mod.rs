//! FastCGI: a gateway request in records, over connections that may serve many.
//!
//! *In nginx* `ngx_http_fastcgi_module`, 4,002 lines. Peculiar: the reply's head may be split over
//! records anywhere, so its `process_header` keeps a list of pieces and glues them; bodies are unpacked
//! by two filters, one for each way of relaying; and what a program says on its standard error is a
//! record like any other, between two lines of the head if it likes.
//!
//! *Here* [`record`] takes records apart, whatever they carry, and this file says what their contents
//! mean: lines of the head go to [`CgiHead`], which has never heard of records; the body is what the
//! rest of the standard output holds, up to its Content-Length; words for the log are notes.
//!
//! ```text
//!   BEGIN │ PARAMS A=/x … │ PARAMS (end) │ STDIN body │ STDIN (end)   ──▶
//!                    ◀──   STDERR "oops" │ STDOUT "Status: 20" │ STDOUT "0⏎⏎hel" │ STDOUT "lo" │ END
//! ```
//!
//! *Read next*: `record.rs`, `script.rs`, `conf.rs`.

mod conf;
mod record;
mod script;

pub use conf::{FastCgiLocation, MODULE};
pub use script::script;

use super::cgi::CgiHead;
use super::params::gather;
use super::{Body, Fault, Flow, Framing, Head, Input, Out, Protocol, Relay, Request, Step};
use crate::buf::Slice;
use crate::conf::directive::Module;
use record::{END_REQUEST, Reader, STDERR, STDIN_END, STDOUT, Seen, Stdin};
use std::rc::Rc;

/// What one request remembers.
#[derive(Clone, Debug)]
pub struct FastCgi {
    conf: Rc<FastCgiLocation>,
    records: Reader,
    head: CgiHead,
    /// The beginning of a line of the head whose end is in a later record.
    line: Vec<u8>,
    /// What has been said on standard error in the present record.
    said: Vec<u8>,
    /// How much of the body is due, if its length was told.
    rest: Option<u64>,
    /// There was more; that has been noted.
    too_much: bool,
    /// The output has ended.
    closed: bool,
}

impl Protocol for FastCgi {
    type Conf = FastCgiLocation;
    const NAME: &'static str = "fastcgi";
    const DIRECTIVES: &'static Module = &MODULE;
    const CACHES: bool = true;

    fn may_stream(_: &FastCgiLocation, _: bool) -> bool {
        true
    }

    fn create_request(r: &mut dyn Request, conf: &Rc<FastCgiLocation>, out: &mut Out) -> Result<Self, Fault> {
        record::begin(*conf.keep_conn, out);
        record::params(&gather(r, &conf.params), out);
        match r.body() {
            Body::None | Body::Length(0) => out.write(&STDIN_END),
            _ => out.body(&Stdin),
        }
        Ok(FastCgi::new(conf, r.method()))
    }

    fn revive(conf: &Rc<FastCgiLocation>) -> Option<Self> {
        Some(FastCgi::new(conf, b"GET"))
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        loop {
            match self.records.advance(input)? {
                Seen::Again => return Ok(Step::Again),
                Seen::Content(STDOUT) => {
                    let Some(line) = self.stdout_line(input) else { continue };
                    if self.head.line(&line, head)? {
                        // The rest of what answers HEAD is on its way, if not here already.
                        let bodiless = self.head.framing(head) == Framing::Empty;
                        head.keepalive = *self.conf.keep_conn && !bodiless;
                        return Ok(Step::Done);
                    }
                }
                Seen::Content(STDERR) => {
                    let said = self.records.take(input);
                    input.discount(said.len());
                    self.said.extend_from_slice(&said);
                }
                Seen::End { kind: STDOUT, empty: true } => {
                    return Err(Fault::Invalid("upstream prematurely closed FastCGI stdout"));
                }
                Seen::End { kind: STDERR, .. } => {
                    let caught = self.conf.catch_stderr.iter().any(|text| has(&self.said, text));
                    head.notes.extend(self.stderr_note());
                    if caught {
                        return Err(Fault::Invalid("in stderr what fastcgi_catch_stderr names"));
                    }
                }
                Seen::End { .. } => {}
                Seen::Content(_) | Seen::Over => return Err(Fault::Invalid("unexpected FastCGI record: 3")),
            }
        }
    }

    fn ends_at_close(&self) -> bool {
        self.closed && matches!(self.rest, None | Some(0))
    }

    fn abort_request(&mut self, out: &mut Out) {
        record::abort(out);
    }

    fn input_filter_init(&mut self, head: &Head) -> Framing {
        match self.head.framing(head) {
            Framing::Empty => return Framing::Empty,
            Framing::Length(length) => self.rest = Some(length),
            _ => {}
        }
        Framing::Module
    }

    fn input_filter(&mut self, input: &mut Input, out: &mut Relay) -> Result<Flow, Fault> {
        loop {
            match self.records.advance(input)? {
                Seen::Again => return Ok(Flow::More),
                Seen::Content(STDOUT) => {
                    let content = self.records.take(input);
                    self.body(content, out);
                }
                Seen::Content(STDERR) => self.said.extend_from_slice(&self.records.take(input)),
                Seen::Content(_) => drop(self.records.take(input)),
                Seen::End { kind: STDERR, .. } => out.notes.extend(self.stderr_note()),
                Seen::End { kind: END_REQUEST, .. } => self.records.finish(),
                Seen::End { kind: STDOUT, empty: true } => self.closed = true,
                Seen::End { .. } => {}
                Seen::Over => return self.end(),
            }
        }
    }
}

impl FastCgi {
    /// A context at the beginning of the answer to a request of this method.
    fn new(conf: &Rc<FastCgiLocation>, method: &[u8]) -> FastCgi {
        FastCgi {
            conf: conf.clone(),
            records: Reader::default(),
            head: CgiHead::new(method, false),
            line: Vec::new(),
            said: Vec::new(),
            rest: None,
            too_much: false,
            closed: false,
        }
    }

    /// A line of the head without its end, once it is complete. What there is of it is used in any case.
    fn stdout_line(&mut self, input: &mut Input) -> Option<Slice> {
        let content = input.bytes().get(..self.records.due(input))?;
        let lf = memchr::memchr(b'\n', content);
        let part = self.records.take_up_to(input, lf.map_or(usize::MAX, |lf| lf + 1));
        let mut line = part;
        if lf.is_none() || !self.line.is_empty() {
            self.line.extend_from_slice(&line);
            lf?;
            line = Slice::from(std::mem::take(&mut self.line));
        }
        let end = if line.ends_with(b"\r\n") { 2 } else { 1 };
        line.truncate(line.len().saturating_sub(end));
        Some(line)
    }

    /// Bytes of the body; what is more than was announced goes nowhere.
    fn body(&mut self, content: Slice, out: &mut Relay) {
        let n = content.len() as u64;
        let due = self.rest.map_or(n, |rest| rest.min(n));
        if due < n && !self.too_much {
            self.too_much = true;
            let text = "upstream sent more data than specified in \"Content-Length\" header";
            out.notes.push(Slice::from(text));
        }
        self.rest = self.rest.map(|rest| rest - due);
        out.push(content.slice(0..usize::try_from(due).unwrap_or(usize::MAX)));
    }

    fn end(&self) -> Result<Flow, Fault> {
        match self.rest {
            None | Some(0) => Ok(Flow::Last),
            Some(_) => Err(Fault::Invalid("less data than specified in \"Content-Length\" header")),
        }
    }

    /// What was said on standard error, as a message for the log, without what ends a sentence.
    fn stderr_note(&mut self) -> Option<Slice> {
        let said = std::mem::take(&mut self.said);
        let ends = |b: &u8| matches!(b, b'\n' | b'\r' | b'.' | b' ');
        let end = said.iter().rposition(|b| !ends(b))?;
        let text = String::from_utf8_lossy(said.get(..=end).unwrap_or_default()).into_owned();
        Some(Slice::from(format!("FastCGI sent in stderr: \"{text}\"")))
    }
}

fn has(text: &[u8], part: &[u8]) -> bool {
    memchr::memmem::find(text, part).is_some()
}

#[cfg(test)]
#[path = "fastcgi_tests.rs"]
mod tests;
