//! `mirror`: the same request to somebody else as well, whose answers nobody sees.
//!
//! *In nginx* `ngx_http_mirror_module`: a handler before the content phase that makes background
//! subrequests. The body is read first, because subrequests share the one the main request has.
//!
//! *Here* likewise. The client's next request on the same connection begins when the mirrors have
//! answered too: an exchange lives as long as one of its requests.
//!
//! ```text
//!   precontent ─ read body ─▶ child, child … in the background ─▶ content phase of the request itself
//! ```
//!
//! *Read next*: `http/subrequest.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::body::read;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::slots::ClientWrite;
use crate::http::subrequest::Subrequest;
use crate::http::turn::{Leave, Status, Turn};
use crate::settings;

settings! {
    /// `mirror` and `mirror_request_body`
    pub struct Mirror: Location {
        /// The paths; empty for `off`.
        pub paths: Vec<Slice> = Vec::new(),
        /// `mirror_request_body`
        pub request_body: bool = true,
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    phases: &[(Phase::Precontent, handler)],
    idle: Some(|confs| confs.get::<Mirror>().paths.is_empty()),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_mirror",
    directives: &[
        Directive::of("mirror", LEVELS, Args::Exactly(1))
            .default("off")
            .doc(
                "A path that gets a copy of each request; its answers are ignored. May be given several \
                 times.",
            )
            .set(set),
        Directive::of("mirror_request_body", LEVELS, Args::Flag)
            .default("on")
            .doc("Whether copies have the request's body, which is then read before the request goes on.")
            .set(|cx, line| line.flag(&mut cx.conf::<Mirror>().request_body)),
    ],
};

fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let path = line.arg(0)?;
    let paths = &mut cx.conf::<Mirror>().paths;
    if path.is("off") {
        return line.store(paths, Vec::new());
    }
    line.refuse_duplicate(paths.is_set() && paths.is_empty())?;
    paths.edit().push(Slice::copy(path.bytes()));
    Ok(())
}

/// The copies have been made.
struct Mirrored;

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<Mirror>();
    if !x[r].is_main() || conf.paths.is_empty() || x[r].ctx.get::<Mirrored>().is_some() {
        return Status::Declined;
    }
    if *conf.request_body {
        return read::read_client_request_body(x, r, io, body_handler);
    }
    match copy(x, r, io) {
        Ok(()) => Status::Declined,
        Err(status) => status,
    }
}

/// The body is there: the copies are made, and the phases go on where they stopped.
fn body_handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Turn {
    copy(x, r, io).map_err(Leave::Finish)?;
    x[r].swap_write(ClientWrite::RunPhases);
    x.post(r);
    Ok(())
}

fn copy(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Status> {
    x[r].ctx.set(Mirrored);
    let loc = x[r].loc.clone();
    for path in loc.confs.get::<Mirror>().paths.iter() {
        let copy = Subrequest::new(path.clone()).args(x[r].args.clone()).background();
        copy.head_only().with_parents_method().start(x, r, io)?;
    }
    Ok(())
}
