//! From a path to a file name.
//!
//! *In nginx* `ngx_http_map_uri_to_path`. `root` puts its folder in front of the whole path; `alias` puts it
//! in place of the part that the location matched, or of all of it where a regular expression matched.
//!
//! *Here* the one place where a URI becomes a file name, for static files, index, try_files and variables. It
//! looks at no file; `open_files.rs` does. The path was cleaned of `..` before it came here.
//!
//! ```text
//!   /img/a.gif   root /srv;              ─▶ /srv/img/a.gif      below_root: the length of "/srv"
//!                alias /pics/; in /img/  ─▶ /pics/a.gif         below_root: the length of "/pics/"
//! ```
//!
//! *Read next*: `static_file.rs`.

use crate::event::RequestIx;
use crate::http::core_directives::files::WHOLE;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::logging;
use crate::log::Level;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A file name and how much of it is the folder of `root` or `alias`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// The name.
    pub path: Vec<u8>,
    /// Where the part begins that came from the request.
    pub root: usize,
}

impl Mapped {
    /// The part that came from the request.
    pub fn below_root(&self) -> &[u8] {
        self.path.get(self.root..).unwrap_or_default()
    }
}

/// The file that the request's path means under `root` or `alias`; None for a path no file can have.
pub fn map_uri_to_path(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<PathBuf> {
    map(x, r, io).map(|mapped| PathBuf::from(std::ffi::OsString::from_vec(mapped.path)))
}

/// The same with the folder told apart; None (and a line in the log) for a path no file can have.
pub fn map(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<Mapped> {
    let core = x[r].loc.core.clone();
    let alias = *core.alias;
    if alias.is_some() && x[r].flags.rewritten_in_place {
        let name = x[r].loc.name.clone();
        let text = format_args!("\"alias\" cannot be used in location \"{name}\" where URI was rewritten");
        logging::log(x, r, io, Level::Alert, None, text);
        return None;
    }
    let folder = core.root.eval(x, r, io);
    let mut path = full_name(io, &folder);
    let root = path.len();
    let uri = &x[r].uri;
    match alias {
        None => path.extend_from_slice(uri),
        Some(WHOLE) if x[r].flags.add_uri_to_alias => path.extend_from_slice(uri),
        Some(WHOLE) => {}
        Some(replaced) => path.extend_from_slice(uri.get(replaced..).unwrap_or_default()),
    }
    if path.contains(&0) {
        logging::log(x, r, io, Level::Error, None, format_args!("a file name cannot have a null byte"));
        return None;
    }
    Some(Mapped { path, root })
}

/// A name that may be relative to the prefix, made whole (nginx: `ngx_get_full_name`).
fn full_name(io: &Io, name: &[u8]) -> Vec<u8> {
    if name.starts_with(b"/") {
        return name.to_vec();
    }
    io.cycle.prefix.join(as_path(name)).into_os_string().into_vec()
}

/// Bytes as a path.
pub fn as_path(name: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(name))
}
