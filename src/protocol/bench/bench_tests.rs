//! The bench itself: a module that frames its own bodies and greets, and modules with faults it must find.

use super::*;
use crate::conf::merge::{Conf, Scope as ConfScope};
use crate::protocol::{Flow, Framing, Greet, Head, Input, Relay, Request, Step};
use std::rc::Rc;

#[derive(Default)]
struct NoConf;

impl Conf for NoConf {
    const SCOPE: ConfScope = ConfScope::Location;
    crate::conf_slot!();
}

static NONE: Module = Module { name: "strings", directives: &[] };

/// Replies are strings, each with its length in front and a comma behind (`5:hello,`); an empty one ends
/// the body. A connection begins with the word `hi` from both sides.
#[derive(Clone)]
struct Strings<const FAULT: u8> {
    left: Option<usize>,
    last: bool,
    seen: usize,
    greeted: bool,
}

/// Takes what it is shown for a whole line.
const IMPATIENT: u8 = 1;
/// Keeps the count of one peer for the next.
const FORGETFUL: u8 = 2;
/// Uses what stands behind the message.
const GREEDY: u8 = 3;
/// Takes the message for complete when its last byte is missing, unless that is there already.
const SHORT: u8 = 4;

impl<const FAULT: u8> Protocol for Strings<FAULT> {
    type Conf = NoConf;
    const NAME: &'static str = "strings";
    const DIRECTIVES: &'static Module = &NONE;
    const GREETS: bool = true;

    fn create_request(_: &mut dyn Request, _: &Rc<NoConf>, out: &mut Out) -> Result<Self, Fault> {
        out.write(b"strings?");
        Ok(Strings { left: None, last: false, seen: 0, greeted: false })
    }

    fn greet(&mut self, input: &mut Input, out: &mut Out, _: &mut Head) -> Result<Greet, Fault> {
        match input.line() {
            None if !std::mem::replace(&mut self.greeted, true) => out.write(b"hi\n"),
            None => {}
            Some(line) if &*line == b"hi" => return Ok(Greet::Done),
            Some(_) => return Err(Fault::Invalid("no greeting")),
        }
        Ok(Greet::More)
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        if FAULT == IMPATIENT && !input.bytes().contains(&b'\n') {
            return Err(Fault::Invalid("no line"));
        }
        let Some(_) = input.line() else { return Ok(Step::Again) };
        self.seen += 1;
        head.status(if self.seen == 1 { 200 } else { 500 }).keepalive = true;
        Ok(Step::Done)
    }

    fn reinit_request(&mut self, pristine: &Self) {
        if FAULT != FORGETFUL {
            self.clone_from(pristine);
        }
    }

    fn input_filter_init(&mut self, _: &Head) -> Framing {
        Framing::Module
    }

    fn input_filter(&mut self, input: &mut Input, out: &mut Relay) -> Result<Flow, Fault> {
        loop {
            match self.left {
                None => {
                    let Some(colon) = input.bytes().iter().position(|b| *b == b':') else {
                        return Ok(Flow::More);
                    };
                    let length = crate::conf::value::parse_number(&input.take(colon));
                    input.consume(1);
                    let length = length.ok_or(Fault::Invalid("no length"))? as usize;
                    (self.left, self.last) = (Some(length), length == 0);
                }
                Some(0) if FAULT == SHORT && self.last && input.is_empty() => return Ok(Flow::Last),
                Some(_) if input.is_empty() => return Ok(Flow::More),
                Some(0) => {
                    input.consume(1);
                    self.left = None;
                    if self.last {
                        input.consume(usize::from(FAULT == GREEDY));
                        return Ok(Flow::Last);
                    }
                }
                Some(left) => {
                    let part = input.take(left);
                    self.left = Some(left - part.len());
                    out.push(part);
                }
            }
        }
    }
}

fn every<const FAULT: u8>() -> Result<Tried, String> {
    let configured = configure::<Strings<FAULT>>("").unwrap();
    every_way(&configured, &Asking::get("/", &configured), b"hi\n", b"ok\n5:hello,0:,")
}

#[test]
fn a_module_that_keeps_to_the_rules_passes_in_every_way() {
    let tried = every::<0>().unwrap();
    let heard = tried.heard;
    assert_eq!((heard.end, &heard.body[..], heard.reusable), (End::Framed, &b"hello"[..], true));
    assert_eq!(heard.said, b"hi\n");
    let counts = tried.counts;
    let length = 17;
    assert_eq!((counts.cuts, counts.bytes, counts.many), (8 * (length + 1), 8, 64));
    assert_eq!((counts.truncations, counts.first_peers), (3 * length, 4 * (length + 1)));
    assert!(counts.trailing > 0 && counts.modes.iter().all(|n| *n > 0));
    let sum = counts.cuts + counts.bytes + counts.many + counts.truncations + counts.trailing;
    assert_eq!(counts.total(), sum + counts.first_peers);
}

#[test]
fn a_module_that_breaks_a_rule_is_found_out() {
    let found = |error: String| error.split(',').next().unwrap_or_default().to_owned();
    assert_eq!(found(every::<IMPATIENT>().unwrap_err()), "cut at 0");
    assert_eq!(found(every::<FORGETFUL>().unwrap_err()), "after a peer that died at 0");
    assert_eq!(found(every::<GREEDY>().unwrap_err()), "with X behind it");
    assert_eq!(found(every::<SHORT>().unwrap_err()), "cut at 6");
    let error = every::<IMPATIENT>().unwrap_err();
    assert!(
        error.ends_with(": the end is Fault(Invalid(\"no line\")), and Framed when it comes whole"),
        "{error}"
    );
}

#[test]
fn a_conversation_before_the_request_goes_on_until_it_is_done() {
    let configured = configure::<Strings<0>>("").unwrap();
    let module = || {
        let mut asking = Asking::get("/", &configured);
        configured.kind.create_request(&mut asking, &configured.location, &mut Out::new()).unwrap()
    };
    assert!(configured.kind.greets);
    assert_eq!(greet(&mut *module(), &[]), Ok((b"hi\n".to_vec(), false)));
    assert_eq!(greet(&mut *module(), &[b"h", b"i\n"]), Ok((b"hi\n".to_vec(), true)));
    assert_eq!(greet(&mut *module(), &[b"go away\n"]), Err(Fault::Invalid("no greeting")));
}
