//! The first tutorial: a protocol of one line, as a module outside the library.
//!
//! *In nginx* a module this small needs some five hundred lines, of which the protocol is twenty.
//!
//! *Here* the protocol is all there is: a request is a line, its reply is a line, which becomes the
//! body. `echo_pass` and the thirty-odd directives of every upstream (`echo_read_timeout`,
//! `echo_next_upstream`…) come with the name. In `echo.conf` the peer is the same server, since a
//! request of HTTP/0.9 is a line and its answer may be one too; any program that answers lines will do
//! (`ncat -lk 8007 -c cat`). Try it:
//!
//! ```text
//!   cargo run --example echo -- -p target -c ../examples/echo.conf -e stderr
//!   curl 'http://127.0.0.1:8080/?hello'
//! ```
//!
//! *Read next*: `search.rs`, whose replies have a head.

use headwater::conf::directive::{Args, Directive, LOCATION, Module};
use headwater::conf::template::Template;
use headwater::protocol::text::one_line;
use headwater::protocol::{Fault, Head, Input, Out, Protocol, Request, Step};
use headwater::worker::app::Program;
use std::{process::ExitCode, rc::Rc};

headwater::settings! {
    /// What a location says.
    pub struct EchoLocation: Location {
        /// `echo_line`; None for the arguments of the request
        pub line: Option<Template> = None,
    }
}

/// The directives of its own.
pub static MODULE: Module = Module {
    name: "echo",
    directives: &[Directive::of("echo_line", LOCATION, Args::Exactly(1))
        .default("$args")
        .doc("The line to send; may have variables.")
        .set(|cx, line| {
            let template = Template::compile(cx, line, line.arg(0)?)?;
            line.store(&mut cx.conf::<EchoLocation>().line, Some(template))
        })],
};

/// What one request remembers: nothing.
#[derive(Clone)]
pub struct Echo;

impl Protocol for Echo {
    type Conf = EchoLocation;
    const NAME: &'static str = "echo";
    const DIRECTIVES: &'static Module = &MODULE;

    /// Called once, before a peer is chosen.
    fn create_request(r: &mut dyn Request, conf: &Rc<EchoLocation>, out: &mut Out) -> Result<Self, Fault> {
        let line = conf.line.as_ref().map(|line| r.eval(line)).unwrap_or_else(|| r.args());
        // A client may have put a line end into it, and what follows would be a request of its own.
        out.write_all(&[&one_line(line), b"\n"]);
        Ok(Echo)
    }

    /// Called whenever more has come, until it says Done. The line is the body, so it is only looked
    /// at: the head is complete when the length of the body is known.
    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        let Some(lf) = input.bytes().iter().position(|b| *b == b'\n') else { return Ok(Step::Again) };
        head.status(200).length(lf as u64 + 1).field("Content-Type", "text/plain").keepalive = true;
        Ok(Step::Done)
    }
}

fn main() -> ExitCode {
    headwater::process::run(std::env::args_os(), &Program::default().speaking::<Echo>())
}
