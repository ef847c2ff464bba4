//! The second tutorial: one's argument becomes the keyword of a search on another server.
//!
//! *In nginx* the task by which books introduce upstream modules: the reply's head is parsed by hand,
//! first by one function, then by another that takes its place.
//!
//! *Here* the same step by step. [`Search`] remembers how far it is; a line that is not complete is no
//! reason to do anything, and one that has been used is gone from the window, so nothing is read twice.
//! Where the body ends is not its business: it says how long it is, or that the connection's end is the
//! end. Try it:
//!
//! ```text
//!   cargo run --example search -- -p target -c ../examples/search.conf -e stderr
//!   curl 'http://127.0.0.1:8080/?nginx'
//! ```
//!
//! *Read next*: `src/protocol/memcached.rs`, then `src/protocol/http1/`, which is careful where this is
//! short.

use headwater::conf::directive::{Args, Directive, LOCATION, Module};
use headwater::conf::value::parse_number;
use headwater::protocol::{Fault, Head, Input, Out, Protocol, Request, Step};
use headwater::worker::app::Program;
use std::{process::ExitCode, rc::Rc};

headwater::settings! {
    /// What a location says.
    pub struct SearchLocation: Location {
        /// `search_url`
        pub url: Vec<u8> = b"/search?q=".to_vec(),
    }
}

/// The directives of its own.
pub static MODULE: Module = Module {
    name: "search",
    directives: &[Directive::of("search_url", LOCATION, Args::Exactly(1))
        .default("/search?q=")
        .doc("Path and arguments of the search, up to where the keyword goes.")
        .set(|cx, line| line.string(&mut cx.conf::<SearchLocation>().url))],
};

/// What one request remembers: whether the first line of the reply has been read.
#[derive(Clone)]
pub struct Search {
    in_fields: bool,
}

impl Protocol for Search {
    type Conf = SearchLocation;
    const NAME: &'static str = "search";
    const DIRECTIVES: &'static Module = &MODULE;

    fn create_request(r: &mut dyn Request, conf: &Rc<SearchLocation>, out: &mut Out) -> Result<Self, Fault> {
        let keyword = r.args();
        // As it came it has neither; what a rewrite made may have, and would end the target or the line.
        if keyword.iter().any(|b| *b <= b' ') {
            return Err(Fault::Refuse(400));
        }
        out.write_all(&[b"GET ", &conf.url, &keyword, b" HTTP/1.0\r\nHost: ", &r.target().host, b"\r\n\r\n"]);
        Ok(Search { in_fields: false })
    }

    fn process_header(&mut self, input: &mut Input, head: &mut Head) -> Result<Step, Fault> {
        while let Some(line) = input.line() {
            if !self.in_fields {
                // HTTP/1.1 200 OK: the three digits are all that matters here.
                let status = line.strip_prefix(b"HTTP/1.").and_then(|rest| parse_number(rest.get(2..5)?));
                head.status(status.ok_or(Fault::Invalid("no status line"))? as u16);
                self.in_fields = true;
            } else if line.is_empty() {
                head.content_length = head.get("Content-Length").and_then(parse_number);
                return Ok(Step::Done);
            } else {
                let colon = line.iter().position(|b| *b == b':').ok_or(Fault::Invalid("no field"))?;
                let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
                head.field(line.slice(0..colon), value);
            }
        }
        Ok(Step::Again)
    }
}

fn main() -> ExitCode {
    headwater::process::run(std::env::args_os(), &Program::default().speaking::<Search>())
}
