//! `return`: the shortest answer.
//!
//! *In nginx* a part of the rewrite module.
//!
//! *Here* for now the part of it that the first line of requests needs.
//!
//! *Read next*: `special.rs`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LOCATION, LOCATION_IF, Module, SERVER, SERVER_IF};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::send_response;
use crate::http::phases::Phase;
use crate::http::turn::Status;
use crate::http::vars::Template;
use crate::settings;

settings! {
    /// `return`
    pub struct Return: Location {
        plain {
            /// The status and the text.
            pub answer: Option<(u16, Option<Template>)> = None
        }
    }
}

/// The module.
pub static MODULE: HttpModule =
    HttpModule { phases: &[(Phase::Rewrite, handler)], ..HttpModule::new(&TABLE) };

static TABLE: Module = Module {
    name: "http_rewrite",
    directives: &[Directive {
        name: "return",
        contexts: SERVER | LOCATION | SERVER_IF | LOCATION_IF,
        args: Args::Between(1, 2),
        block: false,
        default: "",
        doc: "Answers with a status and a text or a URL.",
        set,
    }],
};

fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let code = line.arg(0)?.as_str()?.parse().map_err(|_| line.err("invalid return code"))?;
    let text = match line.args.get(1) {
        Some(text) => Some(Template::compile(cx, line, text.bytes())?),
        None => None,
    };
    cx.conf::<Return>().answer.get_or_insert((code, text));
    Ok(())
}

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let loc = x[r].loc.clone();
    let Some((code, text)) = &loc.confs.get::<Return>().answer else { return Status::Declined };
    let body = text.as_ref().map_or(Slice::EMPTY, |text| text.eval(x, r, io));
    if matches!(code, 301 | 302 | 303 | 307 | 308) {
        x[r].headers_out.set("Location", body);
        return Status::Http(*code);
    }
    if text.is_none() && (*code >= 400 || *code == 204) {
        return Status::Http(*code);
    }
    send_response(x, r, io, *code, None, body)
}
