//! Directives about the answer on its way out.
//!
//! *In nginx* a third of `ngx_http_core_commands`.
//!
//! *Here* one row each. What cannot work here says so instead of being accepted.
//!
//! *Read next*: `http/output/mod.rs`, where the values are used.

use super::super::conf::{CoreLocation, IfModifiedSince, ServerTokens};
use super::super::module::HttpModule;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "http_core_output",
    directives: &[
        Directive::of("sendfile", LEVELS | LOCATION_IF, Args::Flag)
            .default("off")
            .doc(
                "Whether files go to the socket without passing through memory of ours. Temporary files of \
                  replies do unless this is off by name.",
            )
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().sendfile)),
        Directive::of("sendfile_max_chunk", LEVELS, Args::Exactly(1))
            .default("2m")
            .doc("How much is sent before other connections have their turn.")
            .set(|cx, line| line.size(&mut cx.conf::<CoreLocation>().sendfile_max_chunk)),
        Directive::of("output_buffers", LEVELS, Args::Exactly(2))
            .default("2 32k")
            .doc("How many buffers a file is read into when it is not sent by the kernel, and how large.")
            .set(|cx, line| line.buffers(&mut cx.conf::<CoreLocation>().output_buffers)),
        Directive::of("aio", LEVELS, Args::Exactly(1))
            .default("off")
            .doc("Only off: files are read and sent by the worker itself.")
            .set(only_off),
        Directive::of("directio", LEVELS, Args::Exactly(1))
            .default("off")
            .doc("Only off: files are read through the page cache.")
            .set(only_off),
        Directive::of("tcp_nopush", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether the head and the first bytes of a file share a packet; they always do here.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().tcp_nopush)),
        Directive::of("tcp_nodelay", LEVELS, Args::Flag)
            .default("on")
            .doc("Whether small packets go out at once on connections that are kept.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().tcp_nodelay)),
        Directive::of("send_lowat", LEVELS, Args::Exactly(1))
            .default("0")
            .doc("Not to be had on Linux; warned of.")
            .set(|cx, line| {
                line.size(&mut cx.conf::<CoreLocation>().send_lowat)?;
                cx.warn(&line.at, "\"send_lowat\" is not supported, ignored");
                Ok(())
            }),
        Directive::of("postpone_output", LEVELS, Args::Exactly(1))
            .default("1460")
            .doc("How many bytes are collected before they are sent.")
            .set(|cx, line| line.size(&mut cx.conf::<CoreLocation>().postpone_output)),
        Directive::of("chunked_transfer_encoding", LEVELS, Args::Flag)
            .default("on")
            .doc("Whether a body of unknown length goes in chunks.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().chunked_transfer_encoding)),
        Directive::of("if_modified_since", LEVELS, Args::Exactly(1))
            .default("exact")
            .doc("How the time in If-Modified-Since is compared.")
            .set(|cx, line| {
                let words = [
                    ("off", IfModifiedSince::Off),
                    ("exact", IfModifiedSince::Exact),
                    ("before", IfModifiedSince::Before),
                ];
                line.choice(&mut cx.conf::<CoreLocation>().if_modified_since, &words)
            }),
        Directive::of("max_ranges", LEVELS, Args::Exactly(1))
            .doc("How many parts may be asked for at once; 0 forbids it.")
            .set(|cx, line| line.number(&mut cx.conf::<CoreLocation>().max_ranges)),
        Directive::of("etag", LEVELS, Args::Flag)
            .default("on")
            .doc("Whether files get an ETag.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().etag)),
        Directive::of("server_tokens", LEVELS, Args::Exactly(1))
            .default("on")
            .doc("Whether the version is shown in Server and under error pages.")
            .set(|cx, line| {
                let words =
                    [("on", ServerTokens::On), ("off", ServerTokens::Off), ("build", ServerTokens::Build)];
                line.choice(&mut cx.conf::<CoreLocation>().server_tokens, &words)
            }),
        Directive::of("absolute_redirect", LEVELS, Args::Flag)
            .default("on")
            .doc("Whether redirects of the server's own have scheme and host.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().absolute_redirect)),
        Directive::of("server_name_in_redirect", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether they have the server's first name instead of the client's Host.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().server_name_in_redirect)),
        Directive::of("port_in_redirect", LEVELS, Args::Flag)
            .default("on")
            .doc("Whether they have the port.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().port_in_redirect)),
        Directive::of("msie_padding", LEVELS, Args::Flag)
            .default("on")
            .doc("Whether error pages for old browsers are made longer than 512 bytes.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().msie_padding)),
        Directive::of("msie_refresh", LEVELS, Args::Flag)
            .default("off")
            .doc("Whether such browsers are redirected by a page.")
            .set(|cx, line| line.flag(&mut cx.conf::<CoreLocation>().msie_refresh)),
        Directive::of("subrequest_output_buffer_size", LEVELS, Args::Exactly(1))
            .default("4k")
            .doc("How large a subrequest's body may be when it is kept in memory.")
            .set(|cx, line| line.size(&mut cx.conf::<CoreLocation>().subrequest_output_buffer_size)),
    ],
};

fn only_off(_: &mut Cx, line: &Line) -> Result<(), ConfError> {
    if line.arg(0)?.is("off") {
        return Ok(());
    }
    Err(line.directive_err(format_args!("supports only \"off\", not \"{}\"", line.arg(0)?)))
}
