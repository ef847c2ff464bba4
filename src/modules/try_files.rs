//! `try_files`: the first of these that exists.
//!
//! *In nginx* `ngx_http_try_files_module`, a handler before the content phase: it looks for each name below
//! `root` or `alias`, and makes the one it finds the path of the request; the last argument is not looked for
//! but redirected to, or is a status.
//!
//! *Here* the same. With `alias` the names are paths of the request too, so the location's own part is taken
//! off them before they are looked for and put back when one is found.
//!
//! ```text
//!   try_files $uri $uri/ @app;    /a: file? ─▶ go on as /a   directory? ─▶ go on as /a   else ─▶ @app
//! ```
//!
//! *Read next*: `files.rs`.

use super::open_files;
use super::static_file::log_failed;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LOCATION, Module, SERVER};
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::event::RequestIx;
use crate::http::core_directives::files::WHOLE;
use crate::http::exchange::Exchange;
use crate::http::files;
use crate::http::io::Io;
use crate::http::logging::printable;
use crate::http::module::HttpModule;
use crate::http::phases::Phase;
use crate::http::redirect;
use crate::http::turn::Status;
use crate::http::vars::Template;
use crate::log::Level;
use crate::settings;

/// One name to look for.
#[derive(Clone, Debug)]
struct Candidate {
    name: Template,
    /// It must be a directory.
    is_dir: bool,
}

/// What to do when none was found.
#[derive(Clone, Debug)]
enum Fallback {
    Status(u16),
    Path(Template),
}

/// The arguments of `try_files`.
#[derive(Clone, Debug)]
pub struct Names {
    candidates: Vec<Candidate>,
    fallback: Fallback,
}

settings! {
    /// `try_files`; not inherited.
    pub struct TryFiles: Location {
        plain {
            /// The arguments, if it was given.
            pub names: Option<Names> = None
        }
    }
}

/// The module.
pub static MODULE: HttpModule = HttpModule {
    phases: &[(Phase::Precontent, handler)],
    idle: Some(|confs| confs.get::<TryFiles>().names.is_none()),
    ..HttpModule::new(&TABLE)
};

static TABLE: Module = Module {
    name: "http_try_files",
    directives: &[Directive::of("try_files", SERVER | LOCATION, Args::AtLeast(2))
        .doc("Looks for files and goes on with the first; the last argument is for when there is none.")
        .set(set)],
};

fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.refuse_duplicate(cx.conf::<TryFiles>().names.is_some())?;
    let Some((last, names)) = line.args.split_last() else {
        return Err(line.err("invalid number of arguments"));
    };
    let mut candidates = Vec::new();
    for name in names {
        let bare = name.strip_suffix(b"/");
        let template = Template::compile(cx, line, bare.unwrap_or(name.bytes()))?;
        candidates.push(Candidate { name: template, is_dir: bare.is_some() });
    }
    let fallback = match last.strip_prefix(b"=") {
        Some(code) => {
            let code = crate::conf::value::parse_number(code).filter(|code| *code <= 999);
            let code = code.and_then(|code| u16::try_from(code).ok());
            Fallback::Status(code.ok_or_else(|| line.err(format_args!("invalid code \"{last}\"")))?)
        }
        None => Fallback::Path(Template::compile(cx, line, last.bytes())?),
    };
    cx.conf::<TryFiles>().names = Some(Names { candidates, fallback });
    Ok(())
}

fn handler(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Status {
    let loc = x[r].loc.clone();
    let Some(names) = &loc.confs.get::<TryFiles>().names else { return Status::Declined };
    let Some(base) = files::map(x, r, io) else { return Status::INTERNAL };
    let alias = *loc.core.alias;
    for candidate in &names.candidates {
        let name = evaluate(x, r, io, &candidate.name, alias);
        let path = [base.path.get(..base.root).unwrap_or_default(), &name].concat();
        log::debug!("trying to use \"{}\"", printable(&path));
        match open_files::look(x, r, io, &path) {
            Ok(meta) if meta.is_dir == candidate.is_dir => {
                found(x, r, &name, alias, candidate.is_dir);
                return Status::Declined;
            }
            Ok(_) => {}
            Err(failed) => {
                if !matches!(failed.code(), libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG) {
                    log_failed(x, r, io, Level::Crit, &path, &failed);
                }
            }
        }
    }
    match &names.fallback {
        Fallback::Status(code) => Status::Http(*code),
        Fallback::Path(template) => {
            let target = Slice::from(evaluate(x, r, io, template, alias));
            if target.starts_with(b"@") {
                return redirect::named_later(x, r, io, &target);
            }
            let (path, args) = redirect::split_args(&target);
            redirect::redirect_later(x, r, io, path, args)
        }
    }
}

/// A name below the folder: with `alias`, a path made of variables loses the part that the alias replaces.
fn evaluate(x: &mut Exchange, r: RequestIx, io: &mut Io, name: &Template, alias: Option<usize>) -> Vec<u8> {
    let value = name.eval(x, r, io);
    match alias {
        Some(replaced) if replaced != WHOLE && name.as_constant().is_none() => {
            let prefix = x[r].uri.get(..replaced).unwrap_or_default();
            value.strip_prefix(prefix).unwrap_or(&value).to_vec()
        }
        _ => value.to_vec(),
    }
}

/// Makes what was found the path of the request.
fn found(x: &mut Exchange, r: RequestIx, name: &[u8], alias: Option<usize>, is_dir: bool) {
    match alias {
        None => x[r].uri = Slice::copy(name),
        Some(WHOLE) if is_dir => {}
        Some(WHOLE) => {
            x[r].uri = Slice::copy(name);
            x[r].flags.add_uri_to_alias = true;
        }
        Some(replaced) => {
            let prefix = x[r].uri.get(..replaced).unwrap_or_default();
            x[r].uri = Slice::from([prefix, name].concat());
        }
    }
    x[r].set_exten();
}
