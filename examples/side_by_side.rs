//! A page of several answers that are asked for side by side: an HTTP module outside the library.
//!
//! *In nginx* a content handler that calls `ngx_http_subrequest` with `NGX_HTTP_SUBREQUEST_IN_MEMORY`
//! for each answer and sets `r->write_event_handler` to be told when one is there.
//!
//! *Here* the directive `page_of PATH…;`. Each path is a subrequest in memory, so it may be served by
//! anything: a file, memcached, another HTTP server. They run at the same time, each on an upstream
//! connection of its own, and the page is as slow as the slowest. Try it:
//!
//! ```text
//!   location / { page_of /greeting /news; }
//!   location = /greeting { set $memcached_key greeting; memcached_pass 127.0.0.1:11211; }
//!   location = /news     { proxy_pass http://127.0.0.1:8081; }
//!
//!   cargo run --example side_by_side -- -p /tmp -c page.conf -e stderr
//! ```
//!
//! *Read next*: `src/http/subrequest.rs`.

use headwater::buf::Slice;
use headwater::conf::build::Cx;
use headwater::conf::directive::{Args, Directive, LOCATION, Module};
use headwater::conf::error::ConfError;
use headwater::conf::tree::Line;
use headwater::event::RequestIx;
use headwater::http::conf::CoreLocation;
use headwater::http::exchange::Exchange;
use headwater::http::io::Io;
use headwater::http::module::HttpModule;
use headwater::http::output::send_response;
use headwater::http::subrequest::{Subrequest, resume_with};
use headwater::http::turn::{Status, Turn};
use headwater::settings;
use headwater::worker::app::Program;
use std::process::ExitCode;

settings! {
    /// `page_of`
    pub struct PageOf: Location {
        plain {
            /// The paths, in the order of the page.
            pub paths: Vec<Slice> = Vec::new()
        }
    }
}

static MODULE: HttpModule = HttpModule::new(&Module {
    name: "page_of",
    directives: &[Directive::of("page_of", LOCATION, Args::AtLeast(1))
        .doc("A page of the answers of these paths, asked for side by side.")
        .set(set)],
});

fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    cx.conf::<PageOf>().paths = line.args.iter().map(|arg| Slice::copy(arg.bytes())).collect();
    cx.conf::<CoreLocation>().handler = Some(handler);
    Ok(())
}

/// The content handler: asks, and leaves word what to do when an answer is there.
fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let location = x[r].loc.clone();
    let mut children = Vec::new();
    for path in &location.confs.get::<PageOf>().paths {
        match Subrequest::new(path.clone()).in_memory_up_to(1 << 20).start(x, r, io) {
            Ok(child) => children.push(child),
            Err(status) => return status,
        }
    }
    resume_with(x, r, move |x, r, io| answer(x, r, io, &children))
}

/// Answers when the last child has ended.
fn answer(x: &mut Exchange, r: RequestIx, io: &mut Io, children: &[RequestIx]) -> Turn {
    if children.iter().any(|child| !x[*child].flags.done) {
        return Ok(());
    }
    let mut page = Vec::new();
    for child in children {
        page.extend_from_slice(b"<section>");
        match x[*child].headers_out.status {
            200 => page.extend_from_slice(&x[*child].kept.gather().unwrap_or_default()),
            status => page.extend_from_slice(format!("(no answer: {status})").as_bytes()),
        }
        page.extend_from_slice(b"</section>\n");
    }
    send_response(x, r, io, 200, Some("text/html".into()), page.into()).finish()
}

fn main() -> ExitCode {
    headwater::process::run(std::env::args_os(), &Program::default().with(&MODULE))
}
