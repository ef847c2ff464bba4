//! `autoindex`: a folder without an index shows what is in it.
//!
//! *In nginx* `ngx_http_autoindex_module`.
//!
//! *Here* the handler of paths that end in a slash, behind the one of `index`: it reads the folder, sorts
//! (folders first, then by name), and `render.rs` writes one of four formats. Names that begin with a dot are
//! not shown.
//!
//! ```text
//!   /d/ ─▶ index: none of the names is there ─▶ autoindex: read, sort, render ─▶ 200
//!                                                └ off ─▶ 403 by the content phase
//! ```
//!
//! The page is made in memory while the loop waits, as in nginx; a folder of a million files is better served
//! by something else.
//!
//! *Read next*: `render.rs`.

mod render;

use crate::buf::{Chain, Slice};
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::event::RequestIx;
use crate::http::body::discard;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging::{self, printable};
use crate::http::module::HttpModule;
use crate::http::output::{output, send_header};
use crate::http::phases::Phase;
use crate::http::turn::Status;
use crate::log::Level;
use crate::parse::request_line::Method;
use crate::parse::uri;
use crate::settings;
use std::fs;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// `autoindex_format`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A page for people.
    Html,
    /// JSON.
    Json,
    /// JSON as the argument of a function that the client names (`?callback=`).
    Jsonp,
    /// XML.
    Xml,
}

settings! {
    /// How a level shows its folders.
    pub struct Autoindex: Location {
        /// `autoindex`
        pub enabled: bool = false,
        /// `autoindex_localtime`
        pub localtime: bool = false,
        /// `autoindex_exact_size`
        pub exact_size: bool = true,
        /// `autoindex_format`
        pub format: Format = Format::Html,
    }
}

/// The module.
pub static MODULE: HttpModule =
    HttpModule { phases: &[(Phase::Content, handler)], ..HttpModule::new(&TABLE) };

static TABLE: Module = Module {
    name: "http_autoindex",
    directives: &[
        Directive::of("autoindex", LEVELS, Args::Flag)
            .default("off")
            .doc("Shows what is in a folder that has no index file.")
            .set(|cx, line| line.flag(&mut cx.conf::<Autoindex>().enabled)),
        Directive::of("autoindex_format", LEVELS, Args::Exactly(1))
            .default("html")
            .doc("As a page (html), for programs (json, xml), or as a call of the client's function (jsonp).")
            .set(|cx, line| {
                let words = [
                    ("html", Format::Html),
                    ("json", Format::Json),
                    ("jsonp", Format::Jsonp),
                    ("xml", Format::Xml),
                ];
                line.choice(&mut cx.conf::<Autoindex>().format, &words)
            }),
        Directive::of("autoindex_localtime", LEVELS, Args::Flag)
            .default("off")
            .doc("Times on pages are those of the server's time zone instead of GMT.")
            .set(|cx, line| line.flag(&mut cx.conf::<Autoindex>().localtime)),
        Directive::of("autoindex_exact_size", LEVELS, Args::Flag)
            .default("on")
            .doc("Sizes on pages are in bytes instead of being rounded to K, M or G.")
            .set(|cx, line| line.flag(&mut cx.conf::<Autoindex>().exact_size)),
    ],
};

/// What is shown of a file.
#[derive(Debug)]
struct Entry {
    name: Vec<u8>,
    kind: Kind,
    size: u64,
    /// Seconds since 1970.
    modified: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Folder,
    File,
    Other,
}

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let level = x[r].loc.clone();
    let conf = level.confs.get::<Autoindex>();
    let asked = x[r].uri.ends_with(b"/") && matches!(x[r].method, Method::Get | Method::Head);
    if !asked || !*conf.enabled {
        return Status::Declined;
    }
    let callback = match callback(x, r, io, *conf.format) {
        Ok(callback) => callback,
        Err(status) => return status,
    };
    // Without a name to call, JSONP is JSON.
    let format = match (*conf.format, &callback) {
        (Format::Jsonp, None) => Format::Json,
        (format, _) => format,
    };
    let Some(path) = crate::http::files::map_uri_to_path(x, r, io) else { return Status::INTERNAL };
    let entries = match read(&path) {
        Ok(entries) => entries,
        Err((call, error)) => return failed(x, r, io, call, &path, &error),
    };
    if let Err(status) = discard::discard_request_body(x, r, io) {
        return status;
    }
    let (content_type, charset) = match format {
        Format::Html => ("text/html", None),
        Format::Json => ("application/json", None),
        Format::Jsonp => ("application/javascript", None),
        Format::Xml => ("text/xml", Some("utf-8".into())),
    };
    let out = &mut x[r].headers_out;
    out.status = 200;
    out.content_type = Some(content_type.into());
    out.charset = charset;
    let sent = send_header(x, r, io);
    if sent == Status::Error || matches!(sent, Status::Http(_)) || x[r].flags.header_only {
        return sent;
    }
    let page = match format {
        Format::Html => {
            // Known only now: the charset filter has had its say.
            let utf8 =
                x[r].headers_out.charset.as_ref().is_some_and(|set| set.eq_ignore_ascii_case(b"utf-8"));
            let look = render::Look { localtime: *conf.localtime, exact_size: *conf.exact_size, utf8 };
            render::html(&x[r].uri, &entries, look)
        }
        Format::Json | Format::Jsonp => render::json(&entries, callback.as_deref()),
        Format::Xml => render::xml(&entries),
    };
    let mut chain = Chain::of(Slice::from(page));
    chain.last = x[r].is_main();
    output(x, r, io, chain)
}

/// The function that the client wants called. Only what can be a name or a path of names is let through,
/// since the client of the client will run it.
fn callback(x: &Exchange, r: RequestIx, io: &Io, format: Format) -> Result<Option<Vec<u8>>, Status> {
    if format != Format::Jsonp {
        return Ok(None);
    }
    let Some(name) = uri::arg(&x[r].args, b"callback").filter(|name| !name.is_empty()) else {
        return Ok(None);
    };
    let fine = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.');
    if name.iter().all(fine) {
        return Ok(Some(name.to_vec()));
    }
    let text = format_args!("client sent invalid callback name: \"{}\"", printable(name));
    logging::log(x, r, io, Level::Error, None, text);
    Err(Status::Http(400))
}

fn failed(x: &Exchange, r: RequestIx, io: &Io, call: &'static str, path: &Path, error: &Error) -> Status {
    let (level, status) = match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidFilename => (Level::Error, 404),
        ErrorKind::PermissionDenied => (Level::Error, 403),
        _ => (Level::Crit, 500),
    };
    let folder = path.display().to_string();
    let folder = folder.strip_suffix('/').unwrap_or(&folder);
    logging::log(x, r, io, level, Some(error), format_args!("{call}() \"{folder}\" failed"));
    Status::Http(status)
}

/// What is in a folder, sorted. An Err says which call failed.
fn read(path: &Path) -> Result<Vec<Entry>, (&'static str, Error)> {
    let mut entries = Vec::new();
    for found in fs::read_dir(path).map_err(|error| ("opendir", error))? {
        let found = found.map_err(|error| ("readdir", error))?;
        let name = found.file_name().into_vec();
        if name.starts_with(b".") {
            continue;
        }
        // A link that leads nowhere is shown as itself; what has gone meanwhile is not shown.
        let full = found.path();
        let Ok(info) = fs::metadata(&full).or_else(|_| fs::symlink_metadata(&full)) else { continue };
        let kind = if info.is_dir() {
            Kind::Folder
        } else if info.is_file() {
            Kind::File
        } else {
            Kind::Other
        };
        entries.push(Entry { name, kind, size: info.size(), modified: info.mtime() });
    }
    entries.sort_by(|a, b| {
        let file = |entry: &Entry| entry.kind != Kind::Folder;
        file(a).cmp(&file(b)).then_with(|| a.name.cmp(&b.name))
    });
    Ok(entries)
}
