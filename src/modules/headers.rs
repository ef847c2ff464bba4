//! `add_header` and `add_trailer`: fields the configuration adds to responses.
//!
//! *In nginx* `ngx_http_headers_filter_module`, together with `expires`. A level with a line of its own
//! inherits none, which surprises everybody once; `add_header_inherit merge` (1.29.3) is the way out.
//!
//! *Here* likewise; `expires` is in `expires.rs`. Lines without `always` are for responses that went well. A
//! few names do not add a line but set the one there is. Trailers are worked out when the end of the body
//! passes, so that they can tell what was not known before.
//!
//! *Read next*: `expires.rs`.

use super::expires::{self, Expires};
use crate::buf::{Chain, Slice};
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::merge::{Conf, Confs, Scope, Setting};
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::{BodyFilter, HeaderFilter, Stage, engage};
use crate::http::turn::Status;
use crate::http::vars::Template;
use crate::parse::date;

/// One line.
#[derive(Clone, Debug)]
pub struct Added {
    name: Slice,
    value: Template,
    always: bool,
}

/// What a level with lines of its own takes from the one outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inherit {
    /// Its lines if there are none here.
    #[default]
    On,
    /// Nothing.
    Off,
    /// Its lines, behind the ones here.
    Merge,
}

/// `add_header`, `add_trailer` and `expires` of a level.
#[derive(Default)]
pub struct Headers {
    /// `expires`
    pub expires: Setting<Expires>,
    /// `add_header`
    pub headers: Vec<Added>,
    /// `add_trailer`
    pub trailers: Vec<Added>,
    header_inherit: Setting<Inherit>,
    trailer_inherit: Setting<Inherit>,
}

impl Conf for Headers {
    const SCOPE: Scope = Scope::Location;
    crate::conf_slot!();

    fn merge(&mut self, parent: &Self) -> Result<(), String> {
        self.expires.merge(&parent.expires);
        self.header_inherit.merge(&parent.header_inherit);
        self.trailer_inherit.merge(&parent.trailer_inherit);
        inherit(*self.header_inherit, &mut self.headers, &parent.headers);
        inherit(*self.trailer_inherit, &mut self.trailers, &parent.trailers);
        Ok(())
    }
}

fn inherit(how: Inherit, own: &mut Vec<Added>, outer: &[Added]) {
    if how == Inherit::Merge || how == Inherit::On && own.is_empty() {
        own.extend_from_slice(outer);
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    filters: &[HeaderFilter { stage: Stage::Headers, run: filter }],
    idle: Some(is_idle),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_headers",
    directives: &[
        Directive::of("expires", LEVELS | LOCATION_IF, Args::Between(1, 2))
            .default("off")
            .doc("Sets Expires and Cache-Control: [modified] time, @time of day, epoch, max or off.")
            .set(expires::set),
        Directive::of("add_header", LEVELS | LOCATION_IF, Args::Between(2, 3))
            .doc("Adds a field to responses that went well; with `always` to all.")
            .set(|cx, line| {
                let added = added(cx, line)?;
                cx.conf::<Headers>().headers.push(added);
                Ok(())
            }),
        Directive::of("add_trailer", LEVELS | LOCATION_IF, Args::Between(2, 3))
            .doc("Adds a field behind the body; worked out when the body has been sent.")
            .set(|cx, line| {
                let added = added(cx, line)?;
                cx.conf::<Headers>().trailers.push(added);
                Ok(())
            }),
        Directive::of("add_header_inherit", LEVELS, Args::Exactly(1))
            .default("on")
            .doc("Whether lines of the level outside count: if there are none here, never, or always.")
            .set(|cx, line| line.choice(&mut cx.conf::<Headers>().header_inherit, INHERIT)),
        Directive::of("add_trailer_inherit", LEVELS, Args::Exactly(1))
            .default("on")
            .doc("The same for add_trailer.")
            .set(|cx, line| line.choice(&mut cx.conf::<Headers>().trailer_inherit, INHERIT)),
    ],
};

const INHERIT: &[(&str, Inherit)] = &[("on", Inherit::On), ("off", Inherit::Off), ("merge", Inherit::Merge)];

fn added(cx: &mut Cx, line: &Line) -> Result<Added, ConfError> {
    let always = match line.args.get(2) {
        Some(word) if word.is("always") => true,
        Some(word) => return Err(line.err(format_args!("invalid parameter \"{word}\""))),
        None => false,
    };
    let value = Template::compile(cx, line, line.arg(1)?.bytes())?;
    Ok(Added { name: Slice::copy(line.arg(0)?.bytes()), value, always })
}

/// Statuses of responses that went well, for which lines without `always` are meant.
fn is_safe(status: u16) -> bool {
    matches!(status, 200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308)
}

fn is_idle(confs: &Confs) -> bool {
    let conf = confs.get::<Headers>();
    conf.headers.is_empty() && conf.trailers.is_empty() && matches!(*conf.expires, Expires::Off)
}

fn filter(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Status> {
    if !x[r].is_main() {
        return Ok(());
    }
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<Headers>();
    let safe = is_safe(x[r].headers_out.status);
    if safe {
        expires::apply(x, r, io, &conf.expires);
    }
    for added in conf.headers.iter().filter(|added| safe || added.always) {
        let value = added.value.eval(x, r, io);
        put(x, r, added.name.clone(), value);
    }
    // An empty one too: nobody knows before the end of the body what its value will be.
    if conf.trailers.iter().any(|added| safe || added.always) {
        x[r].headers_out.expect_trailers = true;
        engage(x, r, Box::new(Trailers));
    }
    Ok(())
}

/// Adds a line, or replaces what there may be only one of.
fn put(x: &mut Exchange, r: RequestIx, name: Slice, value: Slice) {
    let out = &mut x[r].headers_out;
    if name.eq_ignore_ascii_case(b"Last-Modified") {
        out.clear_last_modified();
        // The text goes out as it stands; conditions and If-Range compare with the time it means.
        out.last_modified = date::parse(&value);
    } else if name.eq_ignore_ascii_case(b"ETag") {
        out.clear_etag();
    }
    if !value.is_empty() {
        out.add(name, value);
    }
}

/// Works the trailers out when the end of the body passes.
struct Trailers;

impl BodyFilter for Trailers {
    fn stage(&self) -> Stage {
        Stage::Headers
    }

    fn filter(
        &mut self,
        x: &mut Exchange,
        r: RequestIx,
        io: &mut Io,
        input: &mut Chain,
        out: &mut Chain,
    ) -> Result<(), Status> {
        out.append(std::mem::take(input));
        if !out.last || x[r].flags.header_only {
            return Ok(());
        }
        let loc = x[r].loc.clone();
        let safe = is_safe(x[r].headers_out.status);
        for added in loc.confs.get::<Headers>().trailers.iter().filter(|added| safe || added.always) {
            let value = added.value.eval(x, r, io);
            if !value.is_empty() {
                let field = crate::http::headers::OutField { name: added.name.clone(), value };
                x[r].headers_out.trailers.push(field);
            }
        }
        Ok(())
    }
}
