//! `index`: which file answers for a directory.
//!
//! *In nginx* `ngx_http_index_module`: each name is tried on the disk, and the first that exists is
//! redirected to internally, so that its own location answers (a `.php` goes to its upstream). An absolute
//! name is redirected to without a look.
//!
//! *Here* likewise. A name that is missing makes the handler look at the directory, once, so that a missing
//! directory is a 404 while one without an index is left to those who come after.
//!
//! *Read next*: `redirect.rs`.

use super::open_files::{self, Failed};
use super::static_file::log_failed;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, Module};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::files;
use crate::http::io::Io;
use crate::http::logging::{self, printable};
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::redirect;
use crate::http::turn::Status;
use crate::http::vars::Template;
use crate::log::Level;
use crate::parse::request_line::Method;
use crate::settings;

settings! {
    /// `index`
    pub struct Index: Location {
        /// The names, in the order they are tried.
        pub names: Vec<Template> = vec![Template::constant("index.html")],
    }
}

/// The module.
pub static MODULE: HttpModule =
    HttpModule { phases: &[(Phase::Content, handler)], ..HttpModule::new(&TABLE) };

static TABLE: Module = Module {
    name: "http_index",
    directives: &[Directive::of("index", LEVELS, Args::AtLeast(1))
        .default("index.html")
        .doc("Which files answer for a directory; the first that exists does.")
        .set(set)],
};

fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let mut names = Vec::new();
    for (at, arg) in line.args.iter().enumerate() {
        if arg.is_empty() {
            return Err(line.err(format_args!("index \"{arg}\" in \"index\" directive is invalid")));
        }
        if arg.starts_with(b"/") && at + 1 != line.args.len() {
            cx.warn(&line.at, "only the last index in \"index\" directive should be absolute");
        }
        names.push(Template::compile(cx, line, arg.bytes())?);
    }
    let setting = &mut cx.conf::<Index>().names;
    // Several lines of one level add up; the default is not among them.
    if setting.is_set() {
        setting.edit().append(&mut names);
    } else {
        setting.set(names);
    }
    Ok(())
}

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    if !x[r].uri.ends_with(b"/") || !matches!(x[r].method, Method::Get | Method::Head | Method::Post) {
        return Status::Declined;
    }
    let loc = x[r].loc.clone();
    let mut folder = None;
    let mut folder_tested = false;
    for template in loc.confs.get::<Index>().names.iter() {
        let name = template.eval(x, r, io);
        let args = x[r].args.clone();
        if name.starts_with(b"/") {
            return redirect::redirect_later(x, r, io, name, args);
        }
        if folder.is_none() {
            folder = files::map(x, r, io);
        }
        let Some(folder) = &folder else { return Status::Error };
        let path = [&folder.path[..], &name].concat();
        let failed = match open_files::look(x, r, io, &path) {
            Ok(_) => {
                let uri = Slice::from([&x[r].uri[..], &name].concat());
                return redirect::redirect_later(x, r, io, uri, args);
            }
            Err(failed) => failed,
        };
        match failed.code() {
            libc::EMLINK | libc::ELOOP => return Status::Http(403),
            libc::ENOTDIR | libc::ENAMETOOLONG | libc::EACCES => {
                return index_error(x, r, io, &path, &failed);
            }
            _ => {}
        }
        if !folder_tested {
            if let Err(status) = test_dir(x, r, io, &folder.path, &path) {
                return status;
            }
            folder_tested = true;
        }
        if failed.code() != libc::ENOENT {
            log_failed(x, r, io, Level::Crit, &path, &failed);
            return Status::INTERNAL;
        }
    }
    Status::Declined
}

/// The directory itself must be there, whatever is missing in it.
fn test_dir(x: &mut Exchange, r: RequestIx, io: &mut Io, folder: &[u8], path: &[u8]) -> Result<(), Status> {
    let folder = folder.strip_suffix(b"/").filter(|rest| !rest.is_empty()).unwrap_or(folder);
    let failed = match open_files::look(x, r, io, folder) {
        Ok(meta) if meta.is_dir => return Ok(()),
        Ok(_) => {
            let text = format_args!("\"{}\" is not a directory", printable(folder));
            logging::log(x, r, io, Level::Alert, None, text);
            return Err(Status::INTERNAL);
        }
        Err(failed) => failed,
    };
    match failed.code() {
        libc::EMLINK | libc::ELOOP => Err(Status::Http(403)),
        libc::ENOENT => Err(index_error(x, r, io, path, &failed)),
        // A name in it could be looked for, so it can be searched, although not read.
        libc::EACCES => Ok(()),
        _ => {
            log_failed(x, r, io, Level::Crit, folder, &failed);
            Err(Status::INTERNAL)
        }
    }
}

fn index_error(x: &mut Exchange, r: RequestIx, io: &mut Io, path: &[u8], failed: &Failed) -> Status {
    if failed.code() == libc::EACCES {
        let text = format_args!("\"{}\" is forbidden", printable(path));
        logging::log(x, r, io, Level::Error, Some(&failed.error), text);
        return Status::Http(403);
    }
    if *x[r].loc.core.log_not_found {
        let text = format_args!("\"{}\" is not found", printable(path));
        logging::log(x, r, io, Level::Error, Some(&failed.error), text);
    }
    Status::Http(404)
}
