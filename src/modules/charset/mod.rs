//! `charset`: which character set an answer is in, and turning one into another.
//!
//! *In nginx* `ngx_http_charset_filter_module`.
//!
//! *Here* three steps: where the answer is to go (`charset`, or a set the main request has chosen for its
//! subrequests), where it comes from (what its own Content-Type says, else `source_charset`), and whether a
//! `charset_map` leads from one to the other. Without a source only the name is added to Content-Type.
//!
//! ```text
//!   Content-Type: text/html; charset=koi8-r ─┐            ┌─ charset utf-8;
//!   or source_charset koi8-r;               ─┴─ map? ─────┴─▶ recode.rs, Content-Type: …; charset=utf-8
//! ```
//!
//! *Read next*: `map.rs`, `recode.rs`.

pub mod map;
mod recode;

use super::mime_types::MimeTypes;
use crate::buf::Slice;
use crate::conf::build::{Cx, Sets};
use crate::conf::directive::{Args, Directive, HTTP, LEVELS, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::merge::Setting;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::conf::{CoreLocation, CoreMain};
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::module::HttpModule;
use crate::http::output::{HeaderFilter, Stage, engage};
use crate::http::turn::Status;
use crate::http::vars::Template;
use crate::log::Level;
use crate::settings;
use map::{Maps, Table};

settings! {
    /// `charset` and its like.
    pub struct Charset: Location {
        /// `charset`; None for off
        pub charset: Option<Template> = None,
        /// `source_charset`; None for off
        pub source: Option<Template> = None,
        /// `override_charset`
        pub override_charset: bool = false,
        /// `charset_types`
        pub types: MimeTypes = MimeTypes::of(&[
            "text/html",
            "text/xml",
            "text/plain",
            "text/vnd.wap.wml",
            "application/javascript",
            "application/rss+xml",
        ]),
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    filters: &[HeaderFilter { stage: Stage::Charset, run: filter }],
    after: Some(check),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_charset",
    directives: &[
        Directive::of("charset", LEVELS | LOCATION_IF, Args::Exactly(1))
            .default("off")
            .doc("The character set named in Content-Type, and turned into if the answer is in another.")
            .set(|cx, line| name(cx, line, |cx| &mut cx.conf::<Charset>().charset)),
        Directive::of("source_charset", LEVELS | LOCATION_IF, Args::Exactly(1))
            .doc("The character set of answers that do not name one.")
            .set(|cx, line| name(cx, line, |cx| &mut cx.conf::<Charset>().source)),
        Directive::of("override_charset", LEVELS | LOCATION_IF, Args::Flag)
            .default("off")
            .doc("Whether answers that name a character set themselves are turned into another too.")
            .set(|cx, line| line.flag(&mut cx.conf::<Charset>().override_charset)),
        Directive::of("charset_types", LEVELS, Args::AtLeast(1))
            .default(
                "text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml",
            )
            .doc("Which content types are meant besides text/html; * for all.")
            .set(|cx, line| {
                MimeTypes::set(cx, line, |cx| &mut cx.conf::<Charset>().types);
                Ok(())
            }),
        Directive::of("charset_map", HTTP, Args::Exactly(2))
            .block()
            .doc("Which bytes of one character set are which of another.")
            .set(map::set),
    ],
};

fn name<F>(cx: &mut Cx, line: &Line, setting: F) -> Result<(), ConfError>
where
    F: for<'x, 'y> Fn(&'x mut Cx<'y>) -> &'x mut Setting<Option<Template>>,
{
    let word = line.arg(0)?;
    // NGINX: only `charset` may be off; `source_charset off` is a set of that name.
    let off = word.is("off") && line.name.is("charset");
    let template = if off { None } else { Some(Template::compile(cx, line, word.bytes())?) };
    line.store(setting(cx), template)
}

/// Sets a level means to turn into each other must have a map, unless variables choose them.
fn check(http: &mut Sets) -> Result<(), ConfError> {
    let maps = std::mem::take(&mut http.get_mut::<Maps>().list);
    let known = Maps { list: maps };
    let mut result = check_level(http, &known, &Setting::new(None), &Setting::new(None));
    let (charset, source) = inherited(http);
    for server in &mut http.get_mut::<CoreMain>().servers {
        result = result.and_then(|()| check_level(&mut server.sets, &known, &charset, &source));
    }
    http.get_mut::<Maps>().list = known.list;
    result
}

type Choice = Setting<Option<Template>>;

fn inherited(sets: &mut Sets) -> (Choice, Choice) {
    let conf = sets.get_mut::<Charset>();
    (conf.charset.clone(), conf.source.clone())
}

fn check_level(sets: &mut Sets, maps: &Maps, charset: &Choice, source: &Choice) -> Result<(), ConfError> {
    let (mut own_charset, mut own_source) = inherited(sets);
    own_charset.merge(charset);
    own_source.merge(source);
    let constant = |choice: &Choice| choice.as_ref().and_then(|name| name.as_constant()).cloned();
    if let (Some(to), Some(from)) = (constant(&own_charset), constant(&own_source))
        && !to.eq_ignore_ascii_case(&from)
        && maps.find(&from, &to).is_none()
    {
        return Err(ConfError::new(no_map(&from, &to)));
    }
    for draft in &mut sets.get_mut::<CoreLocation>().drafts {
        check_level(&mut draft.sets, maps, &own_charset, &own_source)?;
    }
    Ok(())
}

fn no_map(from: &Slice, to: &Slice) -> String {
    format!("no \"charset_map\" between the charsets \"{from}\" and \"{to}\"")
}

fn filter(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Status> {
    let request = &x[r];
    // Nobody asks for any: most answers.
    let is_unasked = request.is_main() && request.headers_out.override_charset.is_none();
    if is_unasked && request.loc.confs.get::<Charset>().charset.is_none() {
        return Ok(());
    }
    choose(x, r, io)
}

#[inline(never)]
fn choose(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Result<(), Status> {
    let Some(to) = destination(x, r, io) else { return Ok(()) };
    let Some(from) = source(x, r, io) else {
        set_charset(x, r, to);
        return Ok(());
    };
    if from.eq_ignore_ascii_case(&to) {
        set_charset(x, r, to);
        return Ok(());
    }
    let cycle = io.cycle.clone();
    let Some(table) = cycle.main.get::<Maps>().find(&from, &to) else {
        logging::log(x, r, io, Level::Error, None, format_args!("{}", no_map(&from, &to)));
        return Ok(());
    };
    let same_length = matches!(table, Table::Bytes(_));
    set_charset(x, r, to);
    if !same_length && x[r].is_main() {
        x[r].headers_out.clear_content_length();
    }
    x[r].flags.need_in_memory = true;
    engage(x, r, Box::new(recode::Recoder::new(table.clone())));
    Ok(())
}

/// The character set the answer is to be in; None to leave it alone.
fn destination(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Slice> {
    if !x[r].is_main() {
        return x.main().headers_out.charset.clone().filter(|name| !name.is_empty());
    }
    let out = &x[r].headers_out;
    let loc = x[r].loc.clone();
    let conf = loc.confs.get::<Charset>();
    if out.content_type.as_ref().is_none_or(|kind| kind.is_empty()) {
        return None;
    }
    if let Some(name) = &out.override_charset {
        return Some(name.clone());
    }
    let template = conf.charset.as_ref()?;
    let meant = match &out.charset {
        Some(_) => *conf.override_charset,
        None => conf.types.contains(out.content_type.as_ref()),
    };
    meant.then(|| template.eval(x, r, io)).filter(|name| !name.is_empty())
}

/// The character set the answer is in; None if nobody says so.
fn source(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Slice> {
    if let Some(named) = &x[r].headers_out.charset {
        return Some(named.clone());
    }
    let loc = x[r].loc.clone();
    let template = loc.confs.get::<Charset>().source.as_ref()?;
    Some(template.eval(x, r, io)).filter(|name| !name.is_empty())
}

fn set_charset(x: &mut Exchange, r: RequestIx, name: Slice) {
    if !x[r].is_main() {
        return;
    }
    let out = &mut x[r].headers_out;
    // An old browser took the set of a redirect for that of the next page.
    out.charset = (!matches!(out.status, 301 | 302)).then_some(name);
}
