//! Directives about the answer on its way out.
//!
//! *In nginx* a third of `ngx_http_core_commands`.
//!
//! *Here* one row each. What cannot work here says so instead of being accepted.
//!
//! *Read next*: `http/output/mod.rs`, where the values are used.

use super::super::conf::{CoreLocation, IfModifiedSince, ServerTokens};
use super::super::module::HttpModule;
use super::ALL;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "http_core_output",
    directives: &[
        Directive::new(
            "sendfile",
            ALL | LOCATION_IF,
            Args::Flag,
            "off",
            "Whether files go to the socket without passing through memory of ours.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().sendfile),
        ),
        Directive::new(
            "sendfile_max_chunk",
            ALL,
            Args::Exactly(1),
            "2m",
            "How much is sent before other connections have their turn.",
            |cx, line| line.size(&mut cx.conf::<CoreLocation>().sendfile_max_chunk),
        ),
        Directive::new(
            "output_buffers",
            ALL,
            Args::Exactly(2),
            "2 32k",
            "How many buffers a file is read into when it is not sent by the kernel, and how large.",
            |cx, line| line.buffers(&mut cx.conf::<CoreLocation>().output_buffers),
        ),
        Directive::new(
            "aio",
            ALL,
            Args::Exactly(1),
            "off",
            "Only off: files are read and sent by the worker itself.",
            only_off,
        ),
        Directive::new(
            "directio",
            ALL,
            Args::Exactly(1),
            "off",
            "Only off: files are read through the page cache.",
            only_off,
        ),
        Directive::new(
            "tcp_nopush",
            ALL,
            Args::Flag,
            "off",
            "Whether the head and the first bytes of a file share a packet; they always do here.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().tcp_nopush),
        ),
        Directive::new(
            "tcp_nodelay",
            ALL,
            Args::Flag,
            "on",
            "Whether small packets go out at once on connections that are kept.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().tcp_nodelay),
        ),
        Directive::new(
            "send_lowat",
            ALL,
            Args::Exactly(1),
            "0",
            "Not to be had on Linux; warned of.",
            |cx, line| {
                line.size(&mut cx.conf::<CoreLocation>().send_lowat)?;
                cx.warn(&line.at, "\"send_lowat\" is not supported, ignored");
                Ok(())
            },
        ),
        Directive::new(
            "postpone_output",
            ALL,
            Args::Exactly(1),
            "1460",
            "How many bytes are collected before they are sent.",
            |cx, line| line.size(&mut cx.conf::<CoreLocation>().postpone_output),
        ),
        Directive::new(
            "chunked_transfer_encoding",
            ALL,
            Args::Flag,
            "on",
            "Whether a body of unknown length goes in chunks.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().chunked_transfer_encoding),
        ),
        Directive::new(
            "if_modified_since",
            ALL,
            Args::Exactly(1),
            "exact",
            "How the time in If-Modified-Since is compared.",
            |cx, line| {
                let words = [
                    ("off", IfModifiedSince::Off),
                    ("exact", IfModifiedSince::Exact),
                    ("before", IfModifiedSince::Before),
                ];
                line.choice(&mut cx.conf::<CoreLocation>().if_modified_since, &words)
            },
        ),
        Directive::new(
            "max_ranges",
            ALL,
            Args::Exactly(1),
            "",
            "How many parts may be asked for at once; 0 forbids it.",
            |cx, line| line.number(&mut cx.conf::<CoreLocation>().max_ranges),
        ),
        Directive::new("etag", ALL, Args::Flag, "on", "Whether files get an ETag.", |cx, line| {
            line.flag(&mut cx.conf::<CoreLocation>().etag)
        }),
        Directive::new(
            "server_tokens",
            ALL,
            Args::Exactly(1),
            "on",
            "Whether the version is shown in Server and under error pages.",
            |cx, line| {
                let words =
                    [("on", ServerTokens::On), ("off", ServerTokens::Off), ("build", ServerTokens::Build)];
                line.choice(&mut cx.conf::<CoreLocation>().server_tokens, &words)
            },
        ),
        Directive::new(
            "absolute_redirect",
            ALL,
            Args::Flag,
            "on",
            "Whether redirects of the server's own have scheme and host.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().absolute_redirect),
        ),
        Directive::new(
            "server_name_in_redirect",
            ALL,
            Args::Flag,
            "off",
            "Whether they have the server's first name instead of the client's Host.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().server_name_in_redirect),
        ),
        Directive::new(
            "port_in_redirect",
            ALL,
            Args::Flag,
            "on",
            "Whether they have the port.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().port_in_redirect),
        ),
        Directive::new(
            "msie_padding",
            ALL,
            Args::Flag,
            "on",
            "Whether error pages for old browsers are made longer than 512 bytes.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().msie_padding),
        ),
        Directive::new(
            "msie_refresh",
            ALL,
            Args::Flag,
            "off",
            "Whether such browsers are redirected by a page.",
            |cx, line| line.flag(&mut cx.conf::<CoreLocation>().msie_refresh),
        ),
        Directive::new(
            "subrequest_output_buffer_size",
            ALL,
            Args::Exactly(1),
            "4k",
            "How large a subrequest's body may be when it is kept in memory.",
            |cx, line| line.size(&mut cx.conf::<CoreLocation>().subrequest_output_buffer_size),
        ),
    ],
};

fn only_off(_: &mut Cx, line: &Line) -> Result<(), ConfError> {
    if line.arg(0)?.is("off") {
        return Ok(());
    }
    Err(line.directive_err(format_args!("supports only \"off\", not \"{}\"", line.arg(0)?)))
}
