//! From a path to a file.
//!
//! *In nginx* `ngx_http_map_uri_to_path`.
//!
//! *Here* the one place where a URI becomes a file name, for static files, index, try_files and variables.
//!
//! *Read next*: `conf.rs`.

use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// The file that the request's path means under `root` or `alias`; None for a path no file can have.
pub fn map_uri_to_path(x: &mut Exchange, r: RequestIx, io: &mut Io) -> Option<PathBuf> {
    let core = x[r].loc.core.clone();
    let mut path = core.root.eval(x, r, io).to_vec();
    let uri = x[r].uri.clone();
    match *core.alias {
        Some(crate::http::core_directives::files::WHOLE) => {}
        Some(replaced) => path.extend_from_slice(uri.get(replaced..).unwrap_or_default()),
        None => path.extend_from_slice(&uri),
    }
    (!path.contains(&0)).then(|| PathBuf::from(OsStr::from_bytes(&path)))
}
