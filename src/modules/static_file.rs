//! Static files: the answer when nobody else has one.
//!
//! *In nginx* `ngx_http_static_module`, the last handler of the content phase.
//!
//! *Here* the same decisions in the same order: method, directory by its slash, the file itself, a redirect
//! for a directory without its slash, then head and body. The body is one piece of a [`Chain`]: whether it is
//! read or sent by the kernel is decided behind the filters (`output/copy.rs`).
//!
//! ```text
//!   GET /a ─▶ open ─┬─ file ──────▶ 200, Last-Modified, ETag, one file piece
//!                   ├─ directory ─▶ 301 /a/
//!                   └─ error ─────▶ 404, 403, 500 and a line in the error log
//! ```
//!
//! *Read next*: `files.rs`, `output/mod.rs`.

use super::open_files::{self, Failed, Meta};
use crate::buf::{Chain, FileRange, Slice};
use crate::conf::directive::Module;
use crate::event::RequestIx;
use crate::http::body::discard;
use crate::http::exchange::Exchange;
use crate::http::files::{self, Mapped};
use crate::http::io::Io;
use crate::http::logging::{self, printable};
use crate::http::module::HttpModule;
use crate::http::output::{output, send_header, set_content_type};
use crate::http::phases::Phase;
use crate::http::turn::Status;
use crate::log::Level;
use crate::parse::escape::{Escape, escape};
use crate::parse::request_line::Method;
use std::fs::File;
use std::rc::Rc;

/// The module.
pub static MODULE: HttpModule =
    HttpModule { phases: &[(Phase::Content, handler)], ..HttpModule::new(&TABLE) };

static TABLE: Module = Module { name: "http_static", directives: &[] };

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let method = x[r].method;
    if !matches!(method, Method::Get | Method::Head | Method::Post) {
        return Status::Http(405);
    }
    if x[r].uri.ends_with(b"/") {
        return Status::Declined;
    }
    let Some(mapped) = files::map(x, r, io) else { return Status::INTERNAL };
    log::debug!("http filename: \"{}\"", printable(&mapped.path));
    let (file, meta) = match open_files::open(x, r, io, &mapped.path) {
        Ok(opened) => opened,
        Err(failed) => return refuse(x, r, io, &mapped.path, &failed),
    };
    x[r].flags.root_tested = !x[r].flags.error_page;
    if meta.is_dir {
        let location = directory_location(x, r, &mapped);
        x[r].headers_out.set("Location", location);
        return Status::Http(301);
    }
    if !meta.is_file {
        let text = format_args!("\"{}\" is not a regular file", printable(&mapped.path));
        logging::log(x, r, io, Level::Crit, None, text);
        return Status::Http(404);
    }
    if method == Method::Post {
        return Status::Http(405);
    }
    if let Err(status) = discard::discard_request_body(x, r, io) {
        return status;
    }
    x.action = "sending response to client";
    x[r].flags.allow_ranges = true;
    send_file(x, r, io, (file, meta), None)
}

/// Sends a file as the response: status 200 with its length, time, tag, type and, if it is a compressed one,
/// encoding. Whether ranges of it may be asked for is the caller's to say. Answers as [`send_header`] and
/// [`output`].
pub fn send_file(
    x: &mut Exchange,
    r: RequestIx,
    io: &mut Io,
    (file, meta): (Rc<File>, Meta),
    encoding: Option<&'static str>,
) -> Status {
    let out = &mut x[r].headers_out;
    out.status = 200;
    out.content_length = Some(meta.size);
    out.last_modified = Some(meta.mtime);
    set_etag(x, r);
    set_content_type(x, r);
    if let Some(encoding) = encoding {
        x[r].headers_out.set("Content-Encoding", encoding);
    }
    let sent = send_header(x, r, io);
    if sent == Status::Error || matches!(sent, Status::Http(_)) || x[r].flags.header_only {
        return sent;
    }
    let mut chain = Chain::default();
    chain.push_file(FileRange { file, offset: 0, len: meta.size, temporary: false });
    chain.last = true;
    output(x, r, io, chain)
}

/// Makes the entity tag of the time and the length in the head (nginx: `ngx_http_set_etag`, directive
/// `etag`).
pub fn set_etag(x: &mut Exchange, r: RequestIx) {
    if !*x[r].loc.core.etag {
        return;
    }
    let out = &mut x[r].headers_out;
    if let (Some(time), Some(length)) = (out.last_modified, out.content_length) {
        out.set("ETag", format!("\"{time:x}-{length:x}\""));
    }
}

/// The status for a file that could not be opened, with its line in the log.
fn refuse(x: &mut Exchange, r: RequestIx, io: &mut Io, path: &[u8], failed: &Failed) -> Status {
    let (level, code) = match failed.code() {
        libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG => (Level::Error, 404),
        libc::EACCES | libc::EMLINK | libc::ELOOP => (Level::Error, 403),
        _ => (Level::Crit, 500),
    };
    if code != 404 || *x[r].loc.core.log_not_found {
        log_failed(x, r, io, level, path, failed);
    }
    Status::Http(code)
}

/// `open() "NAME" failed (2: No such file or directory)`
pub fn log_failed(x: &Exchange, r: RequestIx, io: &Io, level: Level, path: &[u8], failed: &Failed) {
    let text = format_args!("{} \"{}\" failed", failed.call, printable(path));
    logging::log(x, r, io, level, Some(&failed.error), text);
}

/// Where a directory without its slash is to be asked for.
fn directory_location(x: &Exchange, r: RequestIx, mapped: &Mapped) -> Slice {
    let request = &x[r];
    let path: &[u8] = if request.loc.core.alias.is_none() && request.args.is_empty() {
        mapped.below_root()
    } else {
        &request.uri
    };
    let mut location = Vec::with_capacity(path.len() + request.args.len() + 2);
    escape(path, Escape::Uri, &mut location);
    location.push(b'/');
    if !request.args.is_empty() {
        location.push(b'?');
        location.extend_from_slice(&request.args);
    }
    Slice::from(location)
}
