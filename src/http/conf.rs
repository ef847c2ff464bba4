//! The core module's configuration, level by level, and a location.
//!
//! *In nginx* `ngx_http_core_main_conf_t`, `ngx_http_core_srv_conf_t` and `ngx_http_core_loc_conf_t`; a
//! location *is* its core configuration.
//!
//! *Here* a [`Location`] is the frozen configuration of all modules for one `location`, `if` or
//! `limit_except` block, with the core's part kept at hand. The directives that fill these structs are
//! in `core_directives/`.
//!
//! *Read next*: `core_directives/mod.rs`, `location.rs`.

use super::location::{LocationKind, LocationTree};
use super::phases::Steps;
use super::request::ContentHandler;
use super::vars::Template;
use crate::buf::Slice;
use crate::buf::temp_file::TempPath;
use crate::conf::build::Sets;
use crate::conf::merge::Confs;
use crate::log::Targets;
use crate::settings;
use std::collections::HashMap;
use std::rc::Rc;

settings! {
    /// `http {}` as a whole.
    pub struct CoreMain: Http {
        plain {
            /// Where requests are logged when no `access_log` says otherwise.
            pub access_log: Option<std::path::PathBuf> = None,
            /// The servers, in order, before they are merged.
            pub servers: Vec<ServerDraft> = Vec::new(),
            /// Other blocks that want their turn after everything has been read.
            pub upstreams: Vec<(String, Sets, crate::conf::error::Place)> = Vec::new(),
            /// Directives about table sizes that were given.
            pub table_hints: Vec<String> = Vec::new(),
        }
    }
}

/// A `server {}` before it is merged with `http {}`.
pub struct ServerDraft {
    /// Its sets.
    pub sets: Sets,
    /// Where it stands.
    pub place: crate::conf::error::Place,
}

/// A `location {}` (or `if`, `limit_except`) before it is merged with its parent.
pub struct LocationDraft {
    /// What it matches.
    pub kind: LocationKind,
    /// The pattern, path or name.
    pub name: Slice,
    /// Its sets.
    pub sets: Sets,
    /// Where it stands.
    pub place: crate::conf::error::Place,
    /// Filled when it is merged; handed out before, so that others can point at it.
    pub cell: LocationCell,
}

/// A place for a location that is finished later: `if` and `limit_except` point at theirs.
pub type LocationCell = Rc<std::cell::OnceCell<Rc<Location>>>;

settings! {
    /// A virtual server.
    pub struct CoreServer: Server {
        /// `connection_pool_size`; kept for compatibility: there are no pools.
        pub connection_pool_size: u64 = 512,
        /// `request_pool_size`; likewise.
        pub request_pool_size: u64 = 4096,
        /// `client_header_buffer_size`
        pub client_header_buffer_size: u64 = 1024,
        /// `large_client_header_buffers`
        pub large_client_header_buffers: (u64, u64) = (4, 8192),
        /// `client_header_timeout`, ms
        pub client_header_timeout: u64 = 60_000,
        /// `max_headers`
        pub max_headers: u64 = 1000,
        /// `ignore_invalid_headers`
        pub ignore_invalid_headers: bool = true,
        /// `underscores_in_headers`
        pub underscores_in_headers: bool = false,
        /// `merge_slashes`
        pub merge_slashes: bool = true,
        plain {
            /// `server_name`
            pub names: Vec<super::server::ServerName> = Vec::new(),
            /// `listen`
            pub listens: Vec<super::listen::Listen> = Vec::new(),
            /// `listen` was given.
            pub listen_seen: bool = false,
            /// CONNECT is for one of its locations; set by `tunnel_pass`.
            pub accepts_connect: bool = false,
        }
    }
}

/// `keepalive_disable`: old browsers with which keep-alive goes wrong.
pub const KEEPALIVE_DISABLE_MSIE6: u32 = 1;
/// See [`KEEPALIVE_DISABLE_MSIE6`].
pub const KEEPALIVE_DISABLE_SAFARI: u32 = 2;

/// `satisfy`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Satisfy {
    /// Every access rule must agree.
    All,
    /// One is enough.
    Any,
}

/// `if_modified_since`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfModifiedSince {
    /// The field is ignored.
    Off,
    /// Only the very same time is a match.
    Exact,
    /// A later time matches too.
    Before,
}

/// `server_tokens`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerTokens {
    /// With the version.
    On,
    /// Without.
    Off,
    /// With the version and the build name.
    Build,
}

/// `client_body_in_file_only`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InFileOnly {
    /// Only what does not fit in memory goes to a file.
    Off,
    /// Always a file, which stays.
    On,
    /// Always a file, which goes with the request.
    Clean,
}

/// `lingering_close`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LingeringClose {
    /// Never.
    Off,
    /// When more data may come.
    On,
    /// Always.
    Always,
}

/// `error_page`: a status and what to do for it.
#[derive(Clone, Debug)]
pub struct ErrorPage {
    /// The status it is for.
    pub status: u16,
    /// `=code`: the status to answer with instead; `None` without `=`, `Some(0)` for a bare `=`.
    pub overwrite: Option<u16>,
    /// Where to go: a path, `@name` or a URL.
    pub target: Template,
    /// The arguments behind `?` in a path without variables.
    pub args: Slice,
}

settings! {
    /// What concerns one location.
    pub struct CoreLocation: Location {
        /// `root` or `alias`
        pub root: Template = Template::constant("html"),
        /// The path of `root` given at this level is an alias: the length of the location's name is replaced.
        pub alias: Option<usize> = None,
        /// `client_max_body_size`; 0 for no limit
        pub client_max_body_size: u64 = 1 << 20,
        /// `client_body_buffer_size`
        pub client_body_buffer_size: u64 = 16384,
        /// `client_body_timeout`, ms
        pub client_body_timeout: u64 = 60_000,
        /// `request_timeout`, ms; 0 for no limit
        pub request_timeout: u64 = 0,
        /// `client_body_in_file_only`
        pub client_body_in_file_only: InFileOnly = InFileOnly::Off,
        /// `client_body_in_single_buffer`
        pub client_body_in_single_buffer: bool = false,
        /// `client_body_temp_path`
        pub client_body_temp_path: TempPath = TempPath::plain("client_body_temp"),
        /// `send_timeout`, ms
        pub send_timeout: u64 = 60_000,
        /// `send_buffer_max`: the most that the kernel is asked to hold for a slow client
        pub send_buffer_max: u64 = 2 << 20,
        /// `send_lowat`
        pub send_lowat: u64 = 0,
        /// `keepalive_timeout`, ms
        pub keepalive_timeout: u64 = 75_000,
        /// the second argument of `keepalive_timeout`, in seconds; 0 for none
        pub keepalive_header: u64 = 0,
        /// `keepalive_time`, ms
        pub keepalive_time: u64 = 3_600_000,
        /// `keepalive_requests`
        pub keepalive_requests: u64 = 1000,
        /// `keepalive_disable`
        pub keepalive_disable: u32 = KEEPALIVE_DISABLE_MSIE6,
        /// `keepalive_min_timeout`, ms
        pub keepalive_min_timeout: u64 = 0,
        /// `lingering_close`
        pub lingering_close: LingeringClose = LingeringClose::On,
        /// `lingering_time`, ms
        pub lingering_time: u64 = 30_000,
        /// `lingering_timeout`, ms
        pub lingering_timeout: u64 = 5_000,
        /// `reset_timedout_connection`
        pub reset_timedout_connection: bool = false,
        /// `tcp_nodelay`
        pub tcp_nodelay: bool = true,
        /// `tcp_nopush`
        pub tcp_nopush: bool = false,
        /// `postpone_output`
        pub postpone_output: u64 = 1460,
        /// `limit_rate`
        pub limit_rate: Option<Template> = None,
        /// `limit_rate_after`
        pub limit_rate_after: Option<Template> = None,
        /// `sendfile`
        pub sendfile: bool = false,
        /// `sendfile_max_chunk`
        pub sendfile_max_chunk: u64 = 2 << 20,
        /// `output_buffers`
        pub output_buffers: (u64, u64) = (2, 32768),
        /// `internal`
        pub internal: bool = false,
        /// `satisfy`
        pub satisfy: Satisfy = Satisfy::All,
        /// `if_modified_since`
        pub if_modified_since: IfModifiedSince = IfModifiedSince::Exact,
        /// `max_ranges`
        pub max_ranges: u64 = u64::MAX,
        /// `chunked_transfer_encoding`
        pub chunked_transfer_encoding: bool = true,
        /// `etag`
        pub etag: bool = true,
        /// `server_tokens`
        pub server_tokens: ServerTokens = ServerTokens::On,
        /// `absolute_redirect`
        pub absolute_redirect: bool = true,
        /// `server_name_in_redirect`
        pub server_name_in_redirect: bool = false,
        /// `port_in_redirect`
        pub port_in_redirect: bool = true,
        /// `msie_padding`
        pub msie_padding: bool = true,
        /// `msie_refresh`
        pub msie_refresh: bool = false,
        /// `log_not_found`
        pub log_not_found: bool = true,
        /// `log_subrequest`
        pub log_subrequest: bool = false,
        /// `recursive_error_pages`
        pub recursive_error_pages: bool = false,
        /// `default_type`
        pub default_type: Slice = Slice::from_static(b"text/plain"),
        /// `types`
        pub types: Rc<HashMap<Vec<u8>, Slice>> = super::core_directives::types::builtin(),
        /// `error_page`
        pub error_pages: Vec<ErrorPage> = Vec::new(),
        /// `subrequest_output_buffer_size`
        pub subrequest_output_buffer_size: u64 = 4096,
        /// `post_action`
        pub post_action: Option<Slice> = None,
        plain {
            /// The content handler a directive of this location set.
            pub handler: Option<ContentHandler> = None,
            /// Locations inside this one, before they are merged.
            pub drafts: Vec<LocationDraft> = Vec::new(),
            /// The name of the location, set when it opens.
            pub name: Slice = Slice::EMPTY,
            /// The kind of the location, set when it opens.
            pub kind: LocationKind = LocationKind::Server,
            /// `limit_except`: the methods (bits) that are not restricted and the level for the others.
            pub limit_except: Option<(u32, LocationCell)> = None,
            /// A path with a slash at the end whose handler proxies: the same without it is redirected
            /// (nginx: `auto_redirect`).
            pub auto_redirect: bool = false,
            /// `root` (false) or `alias` (true) was given here.
            pub root_seen: Option<bool> = None,
            /// `types` was given here.
            pub types_seen: bool = false,
        }
    }
}

/// A location: the frozen configuration of every module for one block.
pub struct Location {
    /// What it matches.
    pub kind: LocationKind,
    /// The pattern, path or name.
    pub name: Slice,
    /// All modules' configuration.
    pub confs: Confs,
    /// The core's part of it.
    pub core: Rc<CoreLocation>,
    /// Which phase handlers and header filters have something to do here.
    pub steps: Steps,
    /// Where error lines go.
    pub error_log: Targets,
    /// The locations inside.
    pub inner: LocationTree,
}

impl std::fmt::Debug for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "location {:?} {}", self.kind, self.name)
    }
}
