//! Directives about the client: its head, its body, its connection.
//!
//! *In nginx* a third of `ngx_http_core_commands`.
//!
//! *Here* one row each; the two that are more than a value have a function below the table.
//!
//! *Read next*: `http/client/mod.rs`, where the values are used.

use super::super::conf::{
    CoreLocation, CoreServer, InFileOnly, KEEPALIVE_DISABLE_MSIE6, KEEPALIVE_DISABLE_SAFARI, LingeringClose,
};
use super::super::module::HttpModule;
use super::super::vars::Template;
use super::{ALL, SERVERS};
use crate::buf::temp_file::TempPath;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::merge::Setting;
use crate::conf::tree::Line;
use crate::conf::value::{parse_sec, parse_size};

/// The module.
pub static MODULE: HttpModule = HttpModule {
    temp_path: Some(|sets| &mut sets.get_mut::<CoreLocation>().client_body_temp_path),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_core_client",
    directives: &[
        Directive::new(
            "client_header_timeout",
            SERVERS,
            Args::Exactly(1),
            "60s",
            "How long the head of a request may take.",
            |cx, line| line.msec(&mut cx.conf::<CoreServer>().client_header_timeout),
        ),
        Directive::new(
            "client_header_buffer_size",
            SERVERS,
            Args::Exactly(1),
            "1k",
            "The buffer that a head is read into first.",
            |cx, line| line.size(&mut cx.conf::<CoreServer>().client_header_buffer_size),
        ),
        Directive::new(
            "large_client_header_buffers",
            SERVERS,
            Args::Exactly(2),
            "4 8k",
            "How many larger buffers a head may take, and how large; a line must fit one.",
            |cx, line| line.buffers(&mut cx.conf::<CoreServer>().large_client_header_buffers),
        ),
        Directive::new(
            "max_headers",
            SERVERS,
            Args::Exactly(1),
            "1000",
            "How many fields a head may have.",
            |cx, line| line.number(&mut cx.conf::<CoreServer>().max_headers),
        ),
        Directive::new(
            "client_max_body_size",
            ALL,
            Args::Exactly(1),
            "1m",
            "How large a request body may be; 0 for any size. More is answered 413.",
            |cx, line| line.size(&mut cx.conf::<CoreLocation>().client_max_body_size),
        ),
        Directive::new(
            "client_body_buffer_size",
            ALL,
            Args::Exactly(1),
            "16k",
            "How much of a request body stays in memory; more goes to a temporary file.",
            |cx, line| line.size(&mut cx.conf::<CoreLocation>().client_body_buffer_size),
        ),
        Directive::new(
            "client_body_timeout",
            ALL,
            Args::Exactly(1),
            "60s",
            "How long the client may pause within its body.",
            |cx, line| line.msec(&mut cx.conf::<CoreLocation>().client_body_timeout),
        ),
        Directive::new(
            "request_timeout",
            ALL,
            Args::Exactly(1),
            "0",
            "How long a request may take as a whole, its answer included; 0 for no limit. A tunnel has none.",
            |cx, line| line.msec(&mut cx.conf::<CoreLocation>().request_timeout),
        ),
        Directive::new(
            "client_body_in_file_only",
            ALL,
            Args::Exactly(1),
            "off",
            "Whether every body goes to a file: on keeps the file, clean removes it with the request.",
            |cx, line| {
                let words = [("off", InFileOnly::Off), ("on", InFileOnly::On), ("clean", InFileOnly::Clean)];
                line.choice(&mut cx.conf::<CoreLocation>().client_body_in_file_only, &words)
            },
        ),
        Directive::new(
            "client_body_in_single_buffer",
            ALL,
            Args::Flag,
            "off",
            "Whether a body in memory stands in one piece.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().client_body_in_single_buffer),
        ),
        Directive::new(
            "client_body_temp_path",
            ALL,
            Args::Between(1, 4),
            "client_body_temp",
            "The folder of temporary files with bodies, and the digits of its sub-folders.",
            |cx, line| {
                let path = temp_path(cx, line)?;
                line.store(&mut cx.conf::<CoreLocation>().client_body_temp_path, path)
            },
        ),
        Directive::new(
            "send_timeout",
            ALL,
            Args::Exactly(1),
            "60s",
            "How long the client may take nothing of its answer.",
            |cx, line| line.msec(&mut cx.conf::<CoreLocation>().send_timeout),
        ),
        Directive::new(
            "limit_rate",
            ALL | LOCATION_IF,
            Args::Exactly(1),
            "0",
            "Bytes a second that one answer is sent at; 0 for no limit.",
            |cx, line| {
                let rate = size_template(cx, line)?;
                line.store(&mut cx.conf::<CoreLocation>().limit_rate, Some(rate))
            },
        ),
        Directive::new(
            "limit_rate_after",
            ALL | LOCATION_IF,
            Args::Exactly(1),
            "0",
            "Bytes that are sent before limit_rate holds.",
            |cx, line| {
                let after = size_template(cx, line)?;
                line.store(&mut cx.conf::<CoreLocation>().limit_rate_after, Some(after))
            },
        ),
        Directive::new(
            "keepalive_timeout",
            ALL,
            Args::Between(1, 2),
            "75s",
            "How long an idle client is kept, and what a Keep-Alive field tells it.",
            keepalive_timeout,
        ),
        Directive::new(
            "keepalive_time",
            ALL,
            Args::Exactly(1),
            "1h",
            "How old a connection may get.",
            |cx, line| line.msec(&mut cx.conf::<CoreLocation>().keepalive_time),
        ),
        Directive::new(
            "keepalive_min_timeout",
            ALL,
            Args::Exactly(1),
            "0",
            "How long an idle client is kept at least when the worker finishes.",
            |cx, line| line.msec(&mut cx.conf::<CoreLocation>().keepalive_min_timeout),
        ),
        Directive::new(
            "keepalive_requests",
            ALL,
            Args::Exactly(1),
            "1000",
            "How many requests one connection may carry.",
            |cx, line| line.number(&mut cx.conf::<CoreLocation>().keepalive_requests),
        ),
        Directive::new(
            "keepalive_disable",
            ALL,
            Args::Between(1, 2),
            "msie6",
            "Browsers that are not kept alive.",
            |cx, line| {
                let words =
                    [("none", 0), ("msie6", KEEPALIVE_DISABLE_MSIE6), ("safari", KEEPALIVE_DISABLE_SAFARI)];
                cx.warn_repeated(line);
                line.bits(&mut cx.conf::<CoreLocation>().keepalive_disable, &words)
            },
        ),
        Directive::new(
            "lingering_close",
            ALL,
            Args::Exactly(1),
            "on",
            "Whether bytes are read away before a connection is closed.",
            |cx, line| {
                let words = [
                    ("off", LingeringClose::Off),
                    ("on", LingeringClose::On),
                    ("always", LingeringClose::Always),
                ];
                line.choice(&mut cx.conf::<CoreLocation>().lingering_close, &words)
            },
        ),
        Directive::new(
            "lingering_time",
            ALL,
            Args::Exactly(1),
            "30s",
            "How long that may take in all.",
            |cx, line| line.msec(&mut cx.conf::<CoreLocation>().lingering_time),
        ),
        Directive::new(
            "lingering_timeout",
            ALL,
            Args::Exactly(1),
            "5s",
            "How long the client may pause meanwhile.",
            |cx, line| line.msec(&mut cx.conf::<CoreLocation>().lingering_timeout),
        ),
        Directive::new(
            "reset_timedout_connection",
            ALL,
            Args::Flag,
            "off",
            "Whether a connection that timed out, or that is refused with 444, is reset.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().reset_timedout_connection),
        ),
    ],
};

fn keepalive_timeout(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let conf = cx.conf::<CoreLocation>();
    line.msec(&mut conf.keepalive_timeout)?;
    if let Some(header) = line.args.get(1) {
        let seconds = parse_sec(header).ok_or_else(|| line.directive_err("invalid value"))?;
        conf.keepalive_header.set(seconds);
    } else {
        conf.keepalive_header.set(0);
    }
    Ok(())
}

/// A folder and the digits of up to three levels of sub-folders.
///
/// # Errors
/// Levels that are no digits, or too many of them.
pub fn temp_path(cx: &mut Cx, line: &Line) -> Result<TempPath, ConfError> {
    let folder = cx.path(line.arg(0)?.bytes());
    let mut levels = Vec::new();
    for arg in line.args.iter().skip(1) {
        match arg.bytes() {
            [digit @ b'1'..=b'9'] => levels.push(usize::from(digit - b'0')),
            _ => return Err(line.directive_err("invalid value")),
        }
    }
    if levels.iter().sum::<usize>() > 9 {
        return Err(line.directive_err("invalid value"));
    }
    Ok(TempPath { folder, levels })
}

/// A size that may be made of variables.
pub fn size_template(cx: &mut Cx, line: &Line) -> Result<Template, ConfError> {
    let text = line.arg(0)?.bytes().to_vec();
    let template = Template::compile(cx, line, &text)?;
    if template.as_constant().is_some() && parse_size(&text).is_none() {
        // The sentence is that of a plain size.
        line.size(&mut Setting::new(0))?;
    }
    Ok(template)
}
