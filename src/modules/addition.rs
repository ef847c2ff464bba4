//! `add_before_body`, `add_after_body`: other responses around this one.
//!
//! *In nginx* `ngx_http_addition_filter_module`, the smallest user of subrequests: its body filter makes
//! one when it is first called, and one behind the last buffer.
//!
//! *Here* likewise. A subrequest belongs where the output is at the moment, so the one behind the body
//! has to be made when the body has been passed on: the filter asks to be called again.
//!
//! ```text
//!   call 1   [before]  ─▶ the body's first bytes ─▶ …
//!   call n             ─▶ its last ones, without the end ─▶ "again"
//!   call n+1 [after]   ─▶ the end
//! ```
//!
//! *Read next*: `http/subrequest.rs`.

use super::mime_types::MimeTypes;
use crate::buf::{Chain, Slice};
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::{BodyFilter, HeaderFilter, Stage, engage};
use crate::http::subrequest::Subrequest;
use crate::http::turn::Status;
use crate::settings;

settings! {
    /// `add_before_body`, `add_after_body`, `addition_types`
    pub struct Addition: Location {
        /// `add_before_body`; empty for none
        pub before: Box<[u8]> = Box::default(),
        /// `add_after_body`; empty for none
        pub after: Box<[u8]> = Box::default(),
        /// `addition_types`
        pub types: MimeTypes = MimeTypes::html(),
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    filters: &[HeaderFilter { stage: Stage::Addition, run: filter }],
    idle: Some(|confs| {
        let conf = confs.get::<Addition>();
        conf.before.is_empty() && conf.after.is_empty()
    }),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_addition",
    directives: &[
        Directive::of("add_before_body", LEVELS, Args::Exactly(1))
            .doc("A path whose response is put before the body; an empty one takes back what was inherited.")
            .set(|cx, line| line.string(&mut cx.conf::<Addition>().before)),
        Directive::of("add_after_body", LEVELS, Args::Exactly(1))
            .doc("A path whose response is put behind the body; an empty one takes back what was inherited.")
            .set(|cx, line| line.string(&mut cx.conf::<Addition>().after)),
        Directive::of("addition_types", LEVELS, Args::AtLeast(1))
            .default("text/html")
            .doc("Content types, besides text/html, of responses that something is added to; * for all.")
            .set(|cx, line| {
                MimeTypes::set(cx, line, |cx| &mut cx.conf::<Addition>().types);
                Ok(())
            }),
    ],
};

fn filter(x: &mut Exchange, r: RequestIx, _: &mut Io) -> Result<(), Status> {
    if x[r].headers_out.status != 200 || !x[r].is_main() {
        return Ok(());
    }
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<Addition>();
    if conf.before.is_empty() && conf.after.is_empty()
        || !conf.types.contains(x[r].headers_out.content_type.as_ref())
    {
        return Ok(());
    }
    let out = &mut x[r].headers_out;
    out.clear_content_length();
    out.clear_accept_ranges();
    out.weak_etag();
    engage(x, r, Box::new(Around { before: part(&conf.before), after: part(&conf.after), ended: false }));
    Ok(())
}

fn part(path: &[u8]) -> Option<Slice> {
    (!path.is_empty()).then(|| Slice::copy(path))
}

struct Around {
    before: Option<Slice>,
    after: Option<Slice>,
    /// The body has been passed on, without its end.
    ended: bool,
}

impl BodyFilter for Around {
    fn stage(&self) -> Stage {
        Stage::Addition
    }

    fn filter(
        &mut self,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status> {
        if let Some(before) = self.before.take() {
            Subrequest::new(before).start(x, r, io)?;
        }
        if self.ended
            && let Some(after) = self.after.take()
        {
            Subrequest::new(after).start(x, r, io)?;
            self.ended = false;
            out.last = true;
            return Ok(());
        }
        out.append(std::mem::take(input));
        if out.last && self.after.is_some() {
            out.last = false;
            self.ended = true;
        }
        Ok(())
    }

    fn wants_more(&self) -> bool {
        self.ended
    }
}
