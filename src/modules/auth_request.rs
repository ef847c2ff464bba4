//! `auth_request`: somebody else decides who may.
//!
//! *In nginx* `ngx_http_auth_request_module`: a handler of the access phase that makes a subrequest and
//! answers `NGX_AGAIN`; when the subrequest has ended the phase is run again and the handler finds its
//! status.
//!
//! *Here* likewise. Only the head of the subrequest's response counts: 2xx lets the request in, 401 and
//! 403 are passed on, with the fields that ask for a login, and anything else is a fault of the
//! configuration. `auth_request_set` takes values out of the subrequest before they are gone.
//!
//! ```text
//!   access phase ─▶ child made, Again ─▶ child ends ─▶ parent posted
//!                                         access phase, status known ─▶ Ok, 401, 403, 500
//! ```
//!
//! *Read next*: `http/subrequest.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::merge::{Conf, Scope, Setting};
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::subrequest::Subrequest;
use crate::http::turn::Status;
use crate::http::vars::{self, Template, VarIx};
use crate::log::Level;

/// `auth_request` and `auth_request_set` of a level.
#[derive(Default)]
pub struct AuthRequest {
    /// The path that is asked; None for `off`.
    uri: Setting<Option<Slice>>,
    /// Variables and the values they get. A level with lines of its own inherits none.
    assignments: Vec<(VarIx, Template)>,
}

impl Conf for AuthRequest {
    const SCOPE: Scope = Scope::Location;
    crate::conf_slot!();

    fn merge(&mut self, parent: &Self) -> Result<(), String> {
        self.uri.merge(&parent.uri);
        if self.assignments.is_empty() {
            self.assignments.clone_from(&parent.assignments);
        }
        Ok(())
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    phases: &[(Phase::Access, handler)],
    idle: Some(|confs| confs.get::<AuthRequest>().uri.is_none()),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_auth_request",
    directives: &[
        Directive::of("auth_request", LEVELS, Args::Exactly(1))
            .default("off")
            .doc("A path that is asked, by a subrequest, whether the request may go on: 2xx for yes.")
            .set(set_uri),
        Directive::of("auth_request_set", LEVELS, Args::Exactly(2))
            .doc("Sets a variable, to what may come from the answer, when the subrequest has ended.")
            .set(set_assignment),
    ],
};

fn set_uri(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let uri = line.arg(0)?;
    let uri = (!uri.is("off")).then(|| Slice::copy(uri.bytes()));
    line.store(&mut cx.conf::<AuthRequest>().uri, uri)
}

fn set_assignment(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let ix = vars::declare(cx, line, line.arg(0)?.bytes(), vars::constant())?;
    let value = Template::compile(cx, line, line.arg(1)?.bytes())?;
    cx.conf::<AuthRequest>().assignments.push((ix, value));
    Ok(())
}

/// What a request remembers of its question.
struct Asked {
    child: RequestIx,
}

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<AuthRequest>();
    let Some(uri) = &*conf.uri else { return Status::Declined };
    let Some(child) = x[r].ctx.get::<Asked>().map(|asked| asked.child) else {
        // The body is none of the judge's business, and it must not be read before the answer is known.
        return match Subrequest::new(uri.clone()).waited().head_only().without_body().start(x, r, io) {
            Ok(child) => {
                x[r].ctx.set(Asked { child });
                Status::Again
            }
            Err(status) => status,
        };
    };
    if !x[child].flags.done {
        return Status::Again;
    }
    // At once, so that a redirect after this has them.
    for (ix, value) in &conf.assignments {
        let value = value.eval(x, child, io);
        vars::assign(x, r, io, *ix, value);
    }
    verdict(x, r, io, child)
}

fn verdict(x: &mut Exchange, r: RequestIx, io: &mut Io, child: RequestIx) -> Status {
    match x[child].headers_out.status {
        401 => {
            let asks = |name: &[u8]| name.eq_ignore_ascii_case(b"WWW-Authenticate");
            let fields = &x[child].headers_out.fields;
            let fields: Vec<_> = fields.iter().filter(|field| asks(&field.name)).cloned().collect();
            x[r].headers_out.fields.extend(fields);
            Status::Http(401)
        }
        403 => Status::Http(403),
        200..=299 => Status::Ok,
        status => {
            let text = format_args!("auth request unexpected status: {status}");
            logging::log(x, r, io, Level::Error, None, text);
            Status::INTERNAL
        }
    }
}
