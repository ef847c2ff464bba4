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
use super::SERVERS;
use crate::buf::temp_file::TempPath;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::folders::Use;
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
        Directive::of("client_header_timeout", SERVERS, Args::Exactly(1))
            .default("60s")
            .doc("How long the head of a request may take.")
            .set(|cx, line| line.msec(&mut cx.conf::<CoreServer>().client_header_timeout)),
        Directive::of("client_header_buffer_size", SERVERS, Args::Exactly(1))
            .default("1k")
            .doc("The buffer that a head is read into first.")
            .set(|cx, line| line.size(&mut cx.conf::<CoreServer>().client_header_buffer_size)),
        Directive::of("large_client_header_buffers", SERVERS, Args::Exactly(2))
            .default("4 8k")
            .doc("How many larger buffers a head may take, and how large; a line must fit one.")
            .set(|cx, line| line.buffers(&mut cx.conf::<CoreServer>().large_client_header_buffers)),
        Directive::of("max_headers", SERVERS, Args::Exactly(1))
            .default("1000")
            .doc("How many fields a head may have.")
            .set(|cx, line| line.number(&mut cx.conf::<CoreServer>().max_headers)),
        Directive::of("client_max_body_size", LEVELS, Args::Exactly(1))
            .default("1m")
            .doc("How large a request body may be; 0 for any size. More is answered 413.")
            .set(|cx, line| line.size(&mut cx.conf::<CoreLocation>().client_max_body_size)),
        Directive::of("client_body_buffer_size", LEVELS, Args::Exactly(1))
            .default("16k")
            .doc("How much of a request body stays in memory; more goes to a temporary file.")
            .set(|cx, line| line.size(&mut cx.conf::<CoreLocation>().client_body_buffer_size)),
        Directive::of("client_body_timeout", LEVELS, Args::Exactly(1))
            .default("60s")
            .doc("How long the client may pause within its body.")
            .set(|cx, line| line.msec(&mut cx.conf::<CoreLocation>().client_body_timeout)),
        Directive::of("request_timeout", LEVELS, Args::Exactly(1))
            .default("0")
            .doc(
                "How long a request may take as a whole, its answer included; 0 for no limit. A tunnel has \
                 none.",
            )
            .set(|cx, line| line.msec(&mut cx.conf::<CoreLocation>().request_timeout)),
        Directive::of("client_body_in_file_only", LEVELS, Args::Exactly(1))
            .default("off")
            .doc("Whether every body goes to a file: on keeps the file, clean removes it with the request.")
            .set(|cx, line| {
                let words = [("off", InFileOnly::Off), ("on", InFileOnly::On), ("clean", InFileOnly::Clean)];
                line.choice(&mut cx.conf::<CoreLocation>().client_body_in_file_only, &words)
            }),
        Directive::of("client_body_in_single_buffer", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether a body in memory stands in one piece.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().client_body_in_single_buffer)),
        Directive::of("client_body_temp_path", LEVELS, Args::Between(1, 4))
            .default("client_body_temp")
            .doc("The folder of temporary files with bodies, and the digits of its sub-folders.")
            .set(|cx, line| {
                let path = temp_path(cx, line)?;
                line.store(&mut cx.conf::<CoreLocation>().client_body_temp_path, path)
            }),
        Directive::of("send_timeout", LEVELS, Args::Exactly(1))
            .default("60s")
            .doc("How long the client may take nothing of its answer.")
            .set(|cx, line| line.msec(&mut cx.conf::<CoreLocation>().send_timeout)),
        Directive::of("send_buffer_max", LEVELS, Args::Exactly(1))
            .default("2m")
            .doc(
                "How large the send buffer of a client that is slower than the upstream may become, so \
                 that the rest of a reply waits there and not in a temporary file; 0 leaves it to the \
                 system, as does listen's sndbuf=.",
            )
            .set(|cx, line| line.size(&mut cx.conf::<CoreLocation>().send_buffer_max)),
        Directive::of("limit_rate", LEVELS | LOCATION_IF, Args::Exactly(1))
            .default("0")
            .doc("Bytes a second that one answer is sent at; 0 for no limit.")
            .set(|cx, line| {
                let rate = size_template(cx, line)?;
                line.store(&mut cx.conf::<CoreLocation>().limit_rate, Some(rate))
            }),
        Directive::of("limit_rate_after", LEVELS | LOCATION_IF, Args::Exactly(1))
            .default("0")
            .doc("Bytes that are sent before limit_rate holds.")
            .set(|cx, line| {
                let after = size_template(cx, line)?;
                line.store(&mut cx.conf::<CoreLocation>().limit_rate_after, Some(after))
            }),
        Directive::of("keepalive_timeout", LEVELS, Args::Between(1, 2))
            .default("75s")
            .doc("How long an idle client is kept, and what a Keep-Alive field tells it.")
            .set(keepalive_timeout),
        Directive::of("keepalive_time", LEVELS, Args::Exactly(1))
            .default("1h")
            .doc("How old a connection may get.")
            .set(|cx, line| line.msec(&mut cx.conf::<CoreLocation>().keepalive_time)),
        Directive::of("keepalive_min_timeout", LEVELS, Args::Exactly(1))
            .default("0")
            .doc("How long an idle client is kept at least when the worker finishes.")
            .set(|cx, line| line.msec(&mut cx.conf::<CoreLocation>().keepalive_min_timeout)),
        Directive::of("keepalive_requests", LEVELS, Args::Exactly(1))
            .default("1000")
            .doc("How many requests one connection may carry.")
            .set(|cx, line| line.number(&mut cx.conf::<CoreLocation>().keepalive_requests)),
        Directive::of("keepalive_disable", LEVELS, Args::Between(1, 2))
            .default("msie6")
            .doc("Browsers that are not kept alive.")
            .set(|cx, line| {
                let words =
                    [("none", 0), ("msie6", KEEPALIVE_DISABLE_MSIE6), ("safari", KEEPALIVE_DISABLE_SAFARI)];
                cx.warn_repeated(line);
                line.bits(&mut cx.conf::<CoreLocation>().keepalive_disable, &words)
            }),
        Directive::of("lingering_close", LEVELS, Args::Exactly(1))
            .default("on")
            .doc("Whether bytes are read away before a connection is closed.")
            .set(|cx, line| {
                let words = [
                    ("off", LingeringClose::Off),
                    ("on", LingeringClose::On),
                    ("always", LingeringClose::Always),
                ];
                line.choice(&mut cx.conf::<CoreLocation>().lingering_close, &words)
            }),
        Directive::of("lingering_time", LEVELS, Args::Exactly(1))
            .default("30s")
            .doc("How long that may take in all.")
            .set(|cx, line| line.msec(&mut cx.conf::<CoreLocation>().lingering_time)),
        Directive::of("lingering_timeout", LEVELS, Args::Exactly(1))
            .default("5s")
            .doc("How long the client may pause meanwhile.")
            .set(|cx, line| line.msec(&mut cx.conf::<CoreLocation>().lingering_timeout)),
        Directive::of("reset_timedout_connection", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether a connection that timed out, or that is refused with 444, is reset.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().reset_timedout_connection)),
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
    cx.claim_folder(line, &folder, Use::Temporary(&levels))?;
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
