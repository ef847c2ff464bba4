//! `gzip_static`: files that were compressed beforehand.
//!
//! *In nginx* `ngx_http_gzip_static_module`: a content handler before the static one that looks for the same
//! name with `.gz` behind it.
//!
//! *Here* likewise. With `always` the client is not asked; that makes sense with `gunzip`, or if nobody else
//! would ever come.
//!
//! *Read next*: `static_file.rs`.

use super::gzip_accept::{self, GzipAccept};
use super::open_files;
use super::static_file::{log_failed, send_file};
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::event::RequestIx;
use crate::http::body::discard;
use crate::http::exchange::Exchange;
use crate::http::files;
use crate::http::io::Io;
use crate::http::logging::{self, printable};
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::turn::Status;
use crate::log::Level;
use crate::parse::request_line::Method;
use crate::settings;

/// `gzip_static`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Never.
    Off,
    /// For clients that accept it.
    On,
    /// Always.
    Always,
}

settings! {
    /// `gzip_static`
    pub struct GzipStatic: Location {
        /// When such files are looked for.
        pub when: When = When::Off,
    }
}

/// The module.
pub static MODULE: HttpModule =
    HttpModule { phases: &[(Phase::Content, handler)], ..HttpModule::new(&TABLE) };

static TABLE: Module = Module {
    name: "http_gzip_static",
    directives: &[Directive::of("gzip_static", LEVELS, Args::Exactly(1))
        .default("off")
        .doc(
            "Whether a file of the same name with .gz is sent instead: to clients that accept it, or \
                 always.",
        )
        .set(|cx, line| {
            let words = [("off", When::Off), ("on", When::On), ("always", When::Always)];
            line.choice(&mut cx.conf::<GzipStatic>().when, &words)
        })],
};

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let when = *x[r].loc.confs.get::<GzipStatic>().when;
    if when == When::Off || !matches!(x[r].method, Method::Get | Method::Head) || x[r].uri.ends_with(b"/") {
        return Status::Declined;
    }
    let accepted = when == When::Always || gzip_accept::accepts(x, r);
    // With `gzip_vary` the answer must say that another one exists, even to those who do not get it.
    if !accepted && !*x[r].loc.confs.get::<GzipAccept>().vary {
        return Status::Declined;
    }
    let Some(mapped) = files::map(x, r, io) else { return Status::INTERNAL };
    let path = [&mapped.path[..], b".gz"].concat();
    let (file, meta) = match open_files::open(x, r, io, &path) {
        Ok(opened) => opened,
        Err(failed) => {
            match failed.code() {
                libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG => {}
                libc::EACCES | libc::EMLINK | libc::ELOOP => {
                    log_failed(x, r, io, Level::Error, &path, &failed);
                }
                _ => log_failed(x, r, io, Level::Crit, &path, &failed),
            }
            return Status::Declined;
        }
    };
    if when == When::On {
        gzip_accept::mark_vary(x, r);
        if !accepted {
            return Status::Declined;
        }
    }
    if meta.is_dir {
        return Status::Declined;
    }
    if !meta.is_file {
        let text = format_args!("\"{}\" is not a regular file", printable(&path));
        logging::log(x, r, io, Level::Crit, None, text);
        return Status::Http(404);
    }
    x[r].flags.root_tested = !x[r].flags.error_page;
    if let Err(status) = discard::discard_request_body(x, r, io) {
        return status;
    }
    x.action = "sending response to client";
    send_file(x, r, io, (file, meta), Some("gzip"))
}
