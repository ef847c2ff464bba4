//! The steps of a program and what each of them does to a request.
//!
//! *In nginx* `ngx_http_script.c`: sixty small functions over a stack of values; a level's array of them is
//! walked by `while (*(uintptr_t *) e->ip)`.
//!
//! *Here* [`run`] walks a list with one `match`. A step answers a [`Flow`]: go on with the next one, or end
//! with a status, where Declined means that the phases go on.
//!
//! NGINX: groups of a match are put into an argument escaped if the URI came with escapes, since `$1` is a
//! part of the decoded path. In values of `set` and in conditions that is so until a `rewrite` has matched.
//!
//! ```text
//!   [Set] ─▶ [If] ── false ─▶ [Rewrite] ── no match ─▶ [Break] ─▶ end: Declined
//!              └ true ─▶ x[r].loc = the block's level, its steps inline ─┘
//! ```
//!
//! *Read next*: `condition.rs`.

use super::condition::Condition;
use crate::buf::Slice;
use crate::event::RequestIx;
use crate::http::conf::LocationCell;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::output::send_response;
use crate::http::phases;
use crate::http::turn::Status;
use crate::http::vars::{self, Template, VarIx, VarRegex};
use crate::log::Level;
use crate::parse::escape::unescape_redirect;
use std::fmt::Arguments;
use std::rc::Rc;

/// One step.
#[derive(Debug)]
pub enum Op {
    /// `set`: gives a variable a value.
    Set(VarIx, Template),
    /// `if`: the condition, the location that the block is (None for an `if` of a server, which changes no
    /// level), and the steps of the block.
    If(Condition, Option<LocationCell>, Vec<Op>),
    /// `return`: the status and what comes with it.
    Return(u16, Option<Template>),
    /// `rewrite`
    Rewrite(Rewrite),
    /// `break`
    Break,
}

/// What follows a match of `rewrite`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The next step.
    GoOn,
    /// A location is found for the new URI.
    Last,
    /// The request stays in its location.
    Break,
    /// The client is sent there with this status.
    Redirect(u16),
}

/// A `rewrite` line.
#[derive(Debug)]
pub struct Rewrite {
    /// What the path must match.
    pub regex: Rc<VarRegex>,
    /// The new path; for a redirect the whole new URI.
    pub path: Template,
    /// The new arguments, when the replacement has a question mark. Not used for a redirect.
    pub args: Option<Template>,
    /// The replacement has a question mark, so that arguments are joined with `&`.
    pub has_args: bool,
    /// The request's own arguments are kept, behind new ones.
    pub keep_args: bool,
    /// What happens then.
    pub then: Then,
}

/// How to go on after a step.
enum Flow {
    Next,
    End(Status),
}

/// State of a run.
struct Run {
    log: bool,
    quote: bool,
}

/// Runs a program for a request. Answers Declined when the phases are to go on, else what the request ends
/// with.
pub fn run(program: &[Op], log: bool, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let mut run = Run { log, quote: true };
    match run.steps(program, x, r, io) {
        Flow::Next => Status::Declined,
        Flow::End(status) => status,
    }
}

impl Run {
    fn steps(&mut self, program: &[Op], x: &mut Exchange, r: RequestIx, io: &mut Io) -> Flow {
        for op in program {
            let flow = match op {
                Op::Set(variable, template) => {
                    let value = value(template, self.quote, x, r, io);
                    vars::assign(x, r, io, *variable, value);
                    Flow::Next
                }
                Op::If(condition, level, block) => match condition.holds(self.log, self.quote, x, r, io) {
                    Ok(false) => Flow::Next,
                    Ok(true) => {
                        enter(level.as_ref(), x, r, io);
                        self.steps(block, x, r, io)
                    }
                    Err(status) => Flow::End(status),
                },
                Op::Return(code, text) => Flow::End(respond(*code, text.as_ref(), x, r, io)),
                Op::Rewrite(rewrite) => self.rewrite(rewrite, x, r, io),
                Op::Break => {
                    x[r].flags.rewritten_in_place = true;
                    x[r].flags.uri_changed = false;
                    Flow::End(Status::Declined)
                }
            };
            if let Flow::End(_) = flow {
                return flow;
            }
        }
        Flow::Next
    }

    fn rewrite(&mut self, op: &Rewrite, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Flow {
        let uri = x[r].uri.clone();
        if !matches(&op.regex, &uri, self.log, x, r, io) {
            return Flow::Next;
        }
        x[r].flags.internal = true;
        x[r].flags.valid_unparsed_uri = false;
        x[r].flags.rewritten_in_place |= op.then == Then::Break;
        x[r].flags.uri_changed = op.then != Then::Break;
        self.quote = false;
        if let Then::Redirect(status) = op.then {
            self.redirect(op, x, r, io);
            return Flow::End(Status::Http(status));
        }
        let path = value(&op.path, false, x, r, io);
        if let Some(template) = &op.args {
            let mut args = value(template, true, x, r, io);
            if op.keep_args && !x[r].args.is_empty() {
                args = Slice::from([&args[..], b"&", &x[r].args].concat());
            }
            x[r].args = args;
        } else if !op.keep_args {
            x[r].args = Slice::EMPTY;
        }
        let args = x[r].args.clone();
        self.note(x, r, io, format_args!("rewritten data: \"{path}\", args: \"{args}\""));
        let empty = path.is_empty();
        x[r].uri = path;
        if empty {
            logging::log(x, r, io, Level::Error, None, format_args!("the rewritten URI has a zero length"));
            return Flow::End(Status::INTERNAL);
        }
        x[r].set_exten();
        match op.then {
            Then::Last | Then::Break => Flow::End(Status::Declined),
            _ => Flow::Next,
        }
    }

    fn redirect(&mut self, op: &Rewrite, x: &mut Exchange, r: RequestIx, io: &mut Io) {
        let escaped = value(&op.path, true, x, r, io);
        let mut target = Vec::with_capacity(escaped.len());
        unescape_redirect(&escaped, &mut target);
        if op.keep_args && !x[r].args.is_empty() {
            target.push(if op.has_args { b'&' } else { b'?' });
            target.extend_from_slice(&x[r].args);
        }
        let target = Slice::from(target);
        self.note(x, r, io, format_args!("rewritten redirect: \"{target}\""));
        x[r].headers_out.set("Location", target);
    }

    fn note(&self, x: &Exchange, r: RequestIx, io: &Io, text: Arguments) {
        if self.log {
            logging::log(x, r, io, Level::Notice, None, text);
        }
    }
}

/// The request goes on in the level of the block; what its directives say replaces what the location said.
fn enter(level: Option<&LocationCell>, x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if let Some(level) = level.and_then(|cell| cell.get()).cloned() {
        x[r].loc = level;
        phases::update_location_config(x, r, io);
    }
}

/// Matches and keeps the groups; a failed match forgets those of earlier ones.
pub(super) fn matches(
    regex: &VarRegex,
    subject: &Slice,
    log: bool,
    x: &mut Exchange,
    r: RequestIx,
    io: &Io,
) -> bool {
    let matched = regex.exec(x, r, subject);
    if !matched {
        x[r].captures.clear();
    }
    if log {
        let verb = if matched { "matches" } else { "does not match" };
        let text = format_args!("\"{}\" {verb} \"{subject}\"", regex.pattern());
        logging::log(x, r, io, Level::Notice, None, text);
    }
    matched
}

/// A template's value, with groups escaped as parts of an argument if `quote` and the URI came with escapes.
pub(super) fn value(template: &Template, quote: bool, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Slice {
    let escaped = x[r].flags.quoted_uri || memchr::memchr(b'+', &x[r].unparsed_uri).is_some();
    match quote && escaped && template.has_captures() {
        true => template.eval_escaped(x, r, io),
        false => template.eval(x, r, io),
    }
}

fn respond(code: u16, text: Option<&Template>, x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    // An error without a text of its own is answered by its error page.
    if code >= 400 && text.is_none_or(Template::is_empty) {
        return Status::Http(code);
    }
    let text = text.map_or(Slice::EMPTY, |text| text.eval(x, r, io));
    if matches!(code, 301 | 302 | 303 | 307 | 308) {
        // A broken body does not change where the client is sent; its connection is closed behind it.
        let _ = crate::http::body::discard::discard_request_body(x, r, io);
        x[r].headers_out.set("Location", text);
        return Status::Http(code);
    }
    send_response(x, r, io, code, None, text)
}
