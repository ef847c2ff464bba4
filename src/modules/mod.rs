//! The HTTP modules: one feature, one file, one table.
//!
//! *In nginx* `src/http/modules`, 64 files; the order of the build decides the order of handlers and filters.
//!
//! *Here* the order is this list, within a phase, and [`Stage`](crate::http::output::Stage) for filters.
//!
//! *Read next*: any one of them.

pub mod access;
pub mod access_log;
pub mod addition;
pub mod auth_basic;
pub mod auth_request;
pub mod autoindex;
pub mod browser;
pub mod charset;
pub mod empty_gif;
pub mod expires;
pub mod geo;
pub mod gunzip;
pub mod gzip;
pub mod gzip_accept;
mod gzip_head;
pub mod gzip_static;
pub mod headers;
pub mod index;
pub mod limits;
pub mod map;
pub mod mime_types;
pub mod mirror;
pub mod not_modified;
pub mod open_files;
pub mod range;
pub mod realip;
pub mod referer;
pub mod rewrite;
pub mod secure_link;
pub mod slice;
pub mod split_clients;
pub mod ssi;
pub mod static_file;
pub mod stub_status;
pub mod sub_filter;
pub mod symlinks;
pub mod try_files;
pub mod userid;

use crate::http::module::HttpModule;
use crate::http::{auth_delay, core_directives, ssl};

/// All modules of this room.
pub static MODULES: &[&HttpModule] = &[
    &core_directives::MODULE,
    &core_directives::client::MODULE,
    &core_directives::output::MODULE,
    &core_directives::errors::MODULE,
    &core_directives::files::MODULE,
    &ssl::MODULE,
    &realip::MODULE,
    &try_files::MODULE,
    &mirror::MODULE,
    &index::MODULE,
    &autoindex::MODULE,
    &open_files::MODULE,
    &gzip_static::MODULE,
    &static_file::MODULE,
    &gzip_accept::MODULE,
    &gzip::MODULE,
    &gunzip::MODULE,
    &charset::MODULE,
    &sub_filter::MODULE,
    &not_modified::MODULE,
    &headers::MODULE,
    &range::MODULE,
    &addition::MODULE,
    &slice::MODULE,
    &ssi::MODULE,
    &rewrite::MODULE,
    &access_log::MODULE,
    &access::MODULE,
    &auth_basic::MODULE,
    &auth_delay::MODULE,
    &auth_request::MODULE,
    &userid::MODULE,
    &stub_status::MODULE,
    &empty_gif::MODULE,
    &limits::req::MODULE,
    &limits::conn::MODULE,
    &secure_link::MODULE,
    &browser::MODULE,
    &map::MODULE,
    &geo::MODULE,
    &split_clients::MODULE,
    &referer::MODULE,
];

/// Writes out what modules keep in memory before it goes to a file: buffered access logs.
pub fn flush_logs(io: &mut crate::http::io::Io) {
    access_log::sink::flush_all(io);
}

/// Writes out what has been kept for long enough.
pub fn flush_due_logs(io: &mut crate::http::io::Io) {
    access_log::sink::flush_due(io);
}
