//! `empty_gif`: a picture of one transparent pixel.
//!
//! *In nginx* `ngx_http_empty_gif_module`, once the fastest way to count visits.
//!
//! *Here* the same: the answer is in memory, so no file is looked for.
//!
//! *Read next*: `output/mod.rs: send_response`.

use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LOCATION, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::conf::CoreLocation;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::module::HttpModule;
use crate::http::output::send_response;
use crate::http::turn::Status;
use crate::parse::request_line::Method;

/// The module.
pub static MODULE: HttpModule = HttpModule::new(&TABLE);

static TABLE: Module = Module {
    name: "http_empty_gif",
    directives: &[Directive::of("empty_gif", LOCATION, Args::None)
        .doc("Answers with a picture of one transparent pixel.")
        .set(set)],
};

/// GIF89a, one by one, two colours of which the first is transparent.
static PIXEL: [u8; 43] = *b"GIF89a\x01\x00\x01\x00\x80\x01\x00\x00\x00\x00\xff\xff\xff\
    \x21\xf9\x04\x01\x00\x00\x01\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x4c\x01\x00\x3b";
/// The date nginx gives its own: Mon, 28 Sep 1970 06:00:00 GMT.
const MODIFIED: i64 = 23_349_600;

fn set(cx: &mut Cx, _: &Line) -> Result<(), ConfError> {
    cx.conf::<CoreLocation>().handler = Some(handler);
    Ok(())
}

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    if !matches!(x[r].method, Method::Get | Method::Head) {
        return Status::Http(405);
    }
    x[r].headers_out.last_modified = Some(MODIFIED);
    send_response(x, r, io, 200, Some("image/gif".into()), Slice::from_static(&PIXEL))
}
