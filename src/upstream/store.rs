//! Storing replies as files (directive `NAME_store`).
//!
//! *In nginx* `ngx_http_upstream_store`: the whole reply goes through the pipe's temporary file, which
//! is renamed when it is complete.
//!
//! *Here* a file of its own beside the pipe, so that what is stored and what a slow client has not taken
//! yet are different matters. Only a whole reply to GET with status 200 is stored; a client that goes
//! away does not stop it.
//!
//! ```text
//!   decoded ─┬─▶ pipe ─▶ client
//!            └─▶ temporary file ── whole? ─▶ rename to its name      cut? ─▶ deleted
//! ```
//!
//! *Read next*: `pipe/mod.rs`.

use crate::buf::TempFile;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::files;
use crate::http::io::Io;
use crate::http::logging;
use crate::http::upstream_conf::{Store, UpstreamConf};
use crate::log::Level;
use crate::parse::request_line::Method;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

/// Begins a file, if this reply is to be stored.
#[inline]
pub fn begin(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    if x[r].upstream.as_deref().is_some_and(|u| *u.conf.store != Store::Off) {
        begin_file(x, r, io);
    }
}

#[inline(never)]
fn begin_file(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = x[r].upstream.as_deref() else { return };
    if u.head.status != 200 || x[r].method != Method::Get {
        return;
    }
    let path = u.conf.temp_path.as_ref().unwrap_or(&u.pass.temp_path).clone();
    match TempFile::create(&path) {
        Ok(file) => {
            if let Some(u) = super::of(x, r) {
                u.store = Some(file);
            }
        }
        Err(error) => {
            let text = format_args!("open() \"{}\" failed", path.folder.display());
            logging::log(x, r, io, Level::Crit, Some(&error), text);
        }
    }
}

/// Adds what was decoded last.
pub fn append(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = x[r].upstream.as_deref_mut() else { return };
    let Some(file) = u.store.as_mut() else { return };
    if let Err(error) = file.append(&mut u.relay.chain.again()) {
        u.store = None;
        logging::log(x, r, io, Level::Crit, Some(&error), format_args!("write() to a temporary file failed"));
    }
}

/// The reply is whole: gives the file its name.
///
/// Under another name until now, so nobody ever reads half a file, and a cut reply leaves nothing behind.
pub fn finish(x: &mut Exchange, r: RequestIx, io: &mut Io) {
    let Some(u) = super::of(x, r) else { return };
    let Some(file) = u.store.take() else { return };
    let conf = u.conf.clone();
    let modified = u.head.get("Last-Modified").and_then(time);
    let to = match &*conf.store {
        Store::Off => return,
        Store::On => files::map_uri_to_path(x, r, io),
        Store::Path(template) => {
            let path = template.eval(x, r, io);
            Some(PathBuf::from(OsStr::from_bytes(&path)))
        }
    };
    let Some(to) = to else { return };
    if let Err(error) = name(file, &to, &conf, modified) {
        let text = format_args!("rename() to \"{}\" failed", to.display());
        logging::log(x, r, io, Level::Crit, Some(&error), text);
    }
}

fn time(text: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(text).ok()?).ok()
}

fn name(file: TempFile, to: &Path, conf: &UpstreamConf, modified: Option<SystemTime>) -> io::Result<()> {
    file.file().set_permissions(fs::Permissions::from_mode(*conf.store_access))?;
    if let Some(modified) = modified {
        file.file().set_modified(modified)?;
    }
    file.rename(to, folder_mode(*conf.store_access))
}

/// The rights of folders for files with these: who may read the one may look into the other.
fn folder_mode(file: u32) -> u32 {
    file | (file & 0o444) >> 2
}
