//! Directives about errors and about who may come in.
//!
//! *In nginx* rows of `ngx_http_core_commands` with `ngx_http_core_error_page` and
//! `ngx_http_core_limit_except`.
//!
//! *Here* likewise.
//!
//! *Read next*: `http/special.rs`, `http/phases.rs`.

use super::super::block;
use super::super::conf::{CoreLocation, ErrorPage, Satisfy};
use super::super::location::LocationKind;
use super::super::module::HttpModule;
use super::super::redirect;
use super::super::vars::Template;
use super::keep_draft;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, LIMIT_EXCEPT, LOCATION, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::parse::request_line::Method;

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "http_core_errors",
    directives: &[
        Directive::of("error_page", LEVELS | LOCATION_IF, Args::AtLeast(2))
            .doc("Where a request goes that would be answered with one of these statuses.")
            .set(error_page),
        Directive::of("recursive_error_pages", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether an error page may lead to another one.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().recursive_error_pages)),
        Directive::of("log_not_found", LEVELS, Args::Flag)
            .default("on")
            .doc("Whether missing files are written to the error log.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().log_not_found)),
        Directive::of("log_subrequest", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether subrequests are written to the access log.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().log_subrequest)),
        Directive::of("internal", LOCATION, Args::None)
            .doc("Only requests that the server makes itself may come here.")
            .set(|cx, line| line.store(&mut cx.conf::<CoreLocation>().internal, true)),
        Directive::of("satisfy", LEVELS, Args::Exactly(1))
            .default("all")
            .doc("Whether all access rules must agree, or one is enough.")
            .set(|cx, line| {
                line.choice(
                    &mut cx.conf::<CoreLocation>().satisfy,
                    &[("all", Satisfy::All), ("any", Satisfy::Any)],
                )
            }),
        Directive::of("post_action", LEVELS | LOCATION_IF, Args::Exactly(1))
            .default("off")
            .doc("A request that is made after this one has been answered.")
            .set(|cx, line| {
                let target = line.arg(0)?;
                let target = (!target.is("off")).then(|| Slice::copy(target.bytes()));
                line.store(&mut cx.conf::<CoreLocation>().post_action, target)
            }),
        Directive::of("limit_except", LOCATION, Args::AtLeast(1))
            .block()
            .doc("What holds for all methods but these; GET lets HEAD in too.")
            .set(limit_except),
    ],
};

fn error_page(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let (target, rest) = line.args.split_last().ok_or_else(|| line.directive_err("has no target"))?;
    let mut overwrite = None;
    let mut codes = rest;
    if let Some((last, before)) = rest.split_last()
        && let Some(text) = last.after("=")
    {
        if before.is_empty() {
            return Err(line.err(format_args!("invalid value \"{last}\"")));
        }
        codes = before;
        overwrite = Some(match text {
            b"" => 0,
            text => number(text).ok_or_else(|| line.err(format_args!("invalid value \"{last}\"")))?,
        });
    }
    let template = Template::compile(cx, line, target.bytes())?;
    let (template, args) = match &template {
        Template::Constant(text) if text.starts_with(b"/") => {
            let (path, args) = redirect::split_args(text);
            (Template::Constant(path), args)
        }
        _ => (template, Slice::EMPTY),
    };
    let mut pages = Vec::new();
    for code in codes {
        let status = number(code.bytes());
        let Some(status) = status.filter(|status| (300..=599).contains(status)) else {
            return Err(match status {
                Some(_) => line.err(format_args!("value \"{code}\" must be between 300 and 599")),
                None => line.err(format_args!("invalid value \"{code}\"")),
            });
        };
        if status == 499 {
            return Err(line.err(format_args!("invalid value \"{code}\"")));
        }
        pages.push(ErrorPage { status, overwrite, target: template.clone(), args: args.clone() });
    }
    cx.conf::<CoreLocation>().error_pages.edit().extend(pages);
    Ok(())
}

fn number(text: &[u8]) -> Option<u16> {
    crate::conf::value::parse_number(text).and_then(|n| u16::try_from(n).ok())
}

fn limit_except(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.refuse_duplicate(cx.conf::<CoreLocation>().limit_except.is_some())?;
    let mut allowed = 0;
    for arg in &line.args {
        let method = Method::from_name(&arg.to_ascii_uppercase());
        if method == Method::Unknown {
            return Err(line.err(format_args!("invalid method \"{arg}\"")));
        }
        allowed |= method.bit();
        if method == Method::Get {
            allowed |= Method::Head.bit();
        }
    }
    let (_, name) = block::open_location_name();
    let draft = block::open_location(cx, line, LocationKind::Unnamed, name, LIMIT_EXCEPT)?;
    let cell = keep_draft(cx, draft);
    cx.conf::<CoreLocation>().limit_except = Some((allowed, cell));
    Ok(())
}
