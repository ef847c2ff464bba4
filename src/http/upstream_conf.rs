//! The settings that every upstream module has under its own prefix, and where a location passes to.
//!
//! *In nginx* `ngx_http_upstream_conf_t`, a member of each module's location configuration; each module
//! repeats some forty rows of its directive table for it.
//!
//! *Here* one struct, kept once for each prefix that a level mentions: `proxy_buffering` and
//! `fastcgi_buffering` are different settings of the same location. The directives are written in
//! `upstream/directives`; this file is only what they set, because a request holds on to it.
//!
//! ```text
//!   location ─ Passes ─┬─ "proxy"   ─ Rc<UpstreamConf> { pass: http://backend/, read_timeout: 60 s, … }
//!                      └─ "fastcgi" ─ Rc<UpstreamConf> { … }
//! ```
//!
//! *Read next*: `upstreamed.rs`, then `upstream/directives/mod.rs`.

use super::cache_conf::CacheConf;
use super::vars::Template;
use crate::balance::Group;
use crate::buf::Slice;
use crate::buf::temp_file::TempPath;
use crate::conf::error::Place;
use crate::conf::merge::{Conf, Scope};
use crate::protocol::erased::number_of;
use crate::protocol::names::{Name, Set};
use crate::protocol::{Field, Kind, Target};
use crate::settings;
use crate::tls::client::Settings;
use crate::tls::verify::Trust;
use crate::tls::{ClientTls, ciphers, keys};
use crate::util::address::Address;
use std::cell::OnceCell;
use std::path::PathBuf;
use std::rc::Rc;

/// The classes of `NAME_next_upstream`, as bits.
pub mod next_on {
    /// `error`
    pub const ERROR: u32 = 1;
    /// `timeout`
    pub const TIMEOUT: u32 = 1 << 1;
    /// `invalid_header`
    pub const INVALID_HEADER: u32 = 1 << 2;
    /// `http_500`
    pub const HTTP_500: u32 = 1 << 3;
    /// `http_502`
    pub const HTTP_502: u32 = 1 << 4;
    /// `http_503`
    pub const HTTP_503: u32 = 1 << 5;
    /// `http_504`
    pub const HTTP_504: u32 = 1 << 6;
    /// `http_403`
    pub const HTTP_403: u32 = 1 << 7;
    /// `http_404`
    pub const HTTP_404: u32 = 1 << 8;
    /// `http_429`
    pub const HTTP_429: u32 = 1 << 9;
    /// `non_idempotent`: also for POST, LOCK and PATCH that have been sent
    pub const NON_IDEMPOTENT: u32 = 1 << 10;
    /// `no_live`
    pub const NO_LIVE: u32 = 1 << 11;
    /// `updating`; of the cache
    pub const UPDATING: u32 = 1 << 12;
    /// `off`
    pub const OFF: u32 = 1 << 31;
}

/// The fields of `NAME_ignore_headers`, as bits.
pub mod ignored {
    /// `X-Accel-Redirect`
    pub const XA_REDIRECT: u32 = 1;
    /// `X-Accel-Expires`
    pub const XA_EXPIRES: u32 = 1 << 1;
    /// `X-Accel-Limit-Rate`
    pub const XA_LIMIT_RATE: u32 = 1 << 2;
    /// `X-Accel-Buffering`
    pub const XA_BUFFERING: u32 = 1 << 3;
    /// `X-Accel-Charset`
    pub const XA_CHARSET: u32 = 1 << 4;
    /// `Expires`
    pub const EXPIRES: u32 = 1 << 5;
    /// `Cache-Control`
    pub const CACHE_CONTROL: u32 = 1 << 6;
    /// `Set-Cookie`
    pub const SET_COOKIE: u32 = 1 << 7;
    /// `Vary`
    pub const VARY: u32 = 1 << 8;
}

/// `NAME_bind`: the local address of connections to the peer.
#[derive(Clone, Debug, PartialEq)]
pub enum Bind {
    /// The kernel's choice.
    Off,
    /// This one; with variables it is known only when a request asks.
    To(Template, Option<Address>),
}

/// `NAME_store`: where replies are kept as files.
#[derive(Clone, Debug, PartialEq)]
pub enum Store {
    /// Nowhere.
    Off,
    /// Under the root of the location, or its alias.
    On,
    /// Here.
    Path(Template),
}

settings! {
    /// What concerns one prefix at one level.
    pub struct UpstreamConf: Location {
        /// `NAME_connect_timeout`, ms
        pub connect_timeout: u64 = 60_000,
        /// `NAME_send_timeout`, ms
        pub send_timeout: u64 = 60_000,
        /// `NAME_read_timeout`, ms
        pub read_timeout: u64 = 60_000,
        /// `NAME_timeout`, ms: one attempt as a whole; 0 for no limit
        pub timeout: u64 = 0,
        /// `NAME_buffer_size`
        pub buffer_size: u64 = 4096,
        /// `NAME_header_limit`
        pub header_limit: u64 = 64 << 10,
        /// `NAME_buffers`
        pub buffers: (u64, u64) = (8, 4096),
        /// `NAME_busy_buffers_size`; see [`UpstreamConf::busy`]
        pub busy_buffers_size: u64 = 0,
        /// `NAME_max_temp_file_size`
        pub max_temp_file_size: u64 = 1 << 30,
        /// `NAME_temp_file_write_size`; 0 for all that memory holds
        pub temp_file_write_size: u64 = 0,
        /// `NAME_temp_path`; None for the folder `NAME_temp` of the prefix
        pub temp_path: Option<TempPath> = None,
        /// `NAME_buffering`
        pub buffering: bool = true,
        /// `NAME_request_buffering`
        pub request_buffering: bool = true,
        /// `NAME_ignore_client_abort`
        pub ignore_client_abort: bool = false,
        /// `NAME_intercept_errors`
        pub intercept_errors: bool = false,
        /// `NAME_pass_request_headers`
        pub pass_request_headers: bool = true,
        /// `NAME_pass_request_body`
        pub pass_request_body: bool = true,
        /// `NAME_next_upstream`: bits of [`next_on`]
        pub next_upstream: u32 = next_on::ERROR | next_on::TIMEOUT,
        /// `NAME_next_upstream_tries`; 0 for no limit
        pub next_upstream_tries: u64 = 0,
        /// `NAME_next_upstream_timeout`, ms; 0 for no limit
        pub next_upstream_timeout: u64 = 0,
        /// `NAME_fail_open`
        pub fail_open: bool = false,
        /// `NAME_ignore_headers`: bits of [`ignored`]
        pub ignore_headers: u32 = 0,
        /// `NAME_hide_header`
        pub hide_headers: Vec<Slice> = Vec::new(),
        /// `NAME_pass_header`
        pub pass_headers: Vec<Slice> = Vec::new(),
        /// `NAME_limit_rate`
        pub limit_rate: Option<Template> = None,
        /// `NAME_force_ranges`
        pub force_ranges: bool = false,
        /// `NAME_store`
        pub store: Store = Store::Off,
        /// `NAME_store_access`: the mode of the files
        pub store_access: u32 = 0o600,
        /// `NAME_socket_keepalive`
        pub socket_keepalive: bool = false,
        /// `NAME_socket_rcvbuf`
        pub socket_rcvbuf: Option<u64> = None,
        /// `NAME_socket_sndbuf`
        pub socket_sndbuf: Option<u64> = None,
        /// `NAME_send_lowat`; has no effect on Linux
        pub send_lowat: u64 = 0,
        /// `NAME_bind`
        pub bind: Bind = Bind::Off,
        /// `NAME_bind … transparent`
        pub bind_transparent: bool = false,
        /// `NAME_ssl_session_reuse`
        pub ssl_session_reuse: bool = true,
        /// `NAME_ssl_protocols`
        pub ssl_protocols: u32 = ciphers::TLS12 | ciphers::TLS13,
        /// `NAME_ssl_ciphers`
        pub ssl_ciphers: String = "DEFAULT".to_owned(),
        /// `NAME_ssl_name`; None for the host of the pass directive
        pub ssl_name: Option<Template> = None,
        /// `NAME_ssl_server_name`
        pub ssl_server_name: bool = false,
        /// `NAME_ssl_verify`
        pub ssl_verify: bool = false,
        /// `NAME_ssl_verify_depth`
        pub ssl_verify_depth: u64 = 1,
        /// `NAME_ssl_trusted_certificate`
        pub ssl_trusted_certificate: Option<PathBuf> = None,
        /// `NAME_ssl_crl`
        pub ssl_crl: Option<PathBuf> = None,
        /// `NAME_ssl_certificate`
        pub ssl_certificate: Option<PathBuf> = None,
        /// `NAME_ssl_certificate_key`
        pub ssl_certificate_key: Option<PathBuf> = None,
        plain {
            /// `NAME_cache…`
            pub cache: CacheConf = CacheConf::default(),
            /// What the `ssl_` settings come to, once all have been read.
            pub tls: OnceCell<Rc<ClientTls>> = OnceCell::new(),
            /// `NAME_pass` of this level or, for a block like `if` inside it, of the level outside.
            pub pass: Option<Rc<Pass>> = None,
            /// What comes of `hide_headers` and `pass_headers`; by [`UpstreamConf::hiding`].
            pub hiding: OnceCell<Hiding> = OnceCell::new(),
        }
    }
}

impl UpstreamConf {
    /// What clients do not get of a reply. Worked out when a request first asks, so only once the
    /// configuration has been read.
    pub fn hiding(&self) -> &Hiding {
        self.hiding.get_or_init(|| Hiding::of(&self.hide_headers, &self.pass_headers))
    }
}

/// What a client does not get unless `NAME_pass_header` says so.
const HIDDEN: Set = Set::of(&[
    Name::Date,
    Name::Server,
    Name::XPad,
    Name::XAccelExpires,
    Name::XAccelRedirect,
    Name::XAccelLimitRate,
    Name::XAccelBuffering,
    Name::XAccelCharset,
]);

/// The fields that clients do not get (nginx: `conf->hide_headers_hash`): known names as bits, other
/// ones in a list that is nearly always empty.
#[derive(Debug)]
pub struct Hiding {
    known: Set,
    others: Vec<Slice>,
}

impl Hiding {
    fn of(hidden: &[Slice], passed: &[Slice]) -> Hiding {
        let mut known = HIDDEN;
        let mut others = Vec::new();
        for name in hidden {
            match Name::of(name) {
                Name::Other => others.push(name.clone()),
                number => known.add(number),
            }
        }
        for name in passed {
            known.remove(Name::of(name));
            others.retain(|other| !other.eq_ignore_ascii_case(name));
        }
        Hiding { known, others }
    }

    /// Whether a peer's own is passed on, of a field that the server would write otherwise.
    pub fn passes(&self, name: Name) -> bool {
        !self.known.has(name)
    }

    /// Whether a field is among them.
    pub fn hides(&self, field: &Field) -> bool {
        self.known.has(field.known) || self.others.iter().any(|name| name.eq_ignore_ascii_case(field.name))
    }
}

/// The settings of one level, by prefix. Beside each what stands for it, which is quicker to compare.
#[derive(Default)]
pub struct Passes {
    list: Vec<(u64, Box<str>, Rc<UpstreamConf>)>,
}

impl Conf for Passes {
    const SCOPE: Scope = Scope::Location;
    crate::conf_slot!();

    fn merge(&mut self, parent: &Self) -> Result<(), String> {
        for (_, prefix, outer) in &parent.list {
            if let Some(own) = self.entry(prefix) {
                own.merge(outer)?;
                own.cache.merge(&outer.cache)?;
                // Whether a location uses it depends on its content handler, which only some levels inherit.
                own.pass = own.pass.take().or_else(|| outer.pass.clone());
            }
        }
        self.list.iter().try_for_each(|(_, prefix, conf)| conf.refuse_contradictions(prefix))
    }
}

impl UpstreamConf {
    /// The larger one of the page for heads and those for bodies.
    fn largest_page(&self) -> u64 {
        self.buffers.1.max(*self.buffer_size)
    }

    /// What all body pages but one hold: one has to be free to be read into.
    fn all_but_one(&self) -> u64 {
        self.buffers.0.saturating_sub(1).saturating_mul(self.buffers.1)
    }

    /// How much may be on its way to the client before more is handed on.
    ///
    /// DIFF: what nobody has set is made to fit what somebody has. nginx doubles the largest page and refuses
    /// the configuration if that is too much, so that one line, `proxy_buffer_size 16k`, needs two more.
    pub fn busy(&self) -> u64 {
        match self.busy_buffers_size.is_set() {
            true => *self.busy_buffers_size,
            false => self.largest_page().saturating_mul(2).min(self.all_but_one().max(self.largest_page())),
        }
    }

    /// Refuses sizes that were set and cannot go together.
    ///
    /// # Errors
    /// nginx's sentences.
    fn refuse_contradictions(&self, prefix: &str) -> Result<(), String> {
        let largest = self.largest_page();
        let maximum = format!(
            "the maximum of the value of \"{prefix}_buffer_size\" and one of the \"{prefix}_buffers\""
        );
        let at_least = |name: &str| format!("\"{prefix}_{name}\" must be equal to or greater than {maximum}");
        if self.buffers.0 < 2 {
            return Err(format!("there must be at least 2 \"{prefix}_buffers\""));
        }
        if self.busy_buffers_size.is_set() && *self.busy_buffers_size < largest {
            return Err(at_least("busy_buffers_size"));
        }
        if self.busy_buffers_size.is_set() && *self.busy_buffers_size > self.all_but_one() {
            return Err(format!(
                "\"{prefix}_busy_buffers_size\" must be less than the size of all \"{prefix}_buffers\" \
                 minus one buffer"
            ));
        }
        if self.temp_file_write_size.is_set() && *self.temp_file_write_size < largest {
            return Err(at_least("temp_file_write_size"));
        }
        if *self.max_temp_file_size != 0 && *self.max_temp_file_size < largest {
            return Err(format!(
                "\"{prefix}_max_temp_file_size\" must be equal to zero to disable temporary files usage or \
                 must be equal to or greater than {maximum}"
            ));
        }
        Ok(())
    }
}

impl Passes {
    /// The settings of a prefix, to be filled in; made when first asked for. None once somebody shares
    /// them, which is after the configuration has been read.
    pub fn entry(&mut self, prefix: &str) -> Option<&mut UpstreamConf> {
        let at = match self.list.iter().position(|(_, known, _)| &**known == prefix) {
            Some(at) => at,
            None => {
                self.list.push((number_of(prefix), prefix.into(), Rc::default()));
                self.list.len() - 1
            }
        };
        self.list.get_mut(at).and_then(|(.., conf)| Rc::get_mut(conf))
    }

    /// Where replies to requests passed on from this level are spilled.
    pub fn temp_paths(&self) -> impl Iterator<Item = &TempPath> {
        let passing = self.list.iter().filter_map(|(.., conf)| Some((conf, conf.pass.as_ref()?)));
        passing.map(|(conf, pass)| conf.temp_path.as_ref().unwrap_or(&pass.temp_path))
    }

    /// The settings under which this level passes requests on.
    pub fn passing(&self) -> impl Iterator<Item = &Rc<UpstreamConf>> {
        self.list.iter().map(|(.., conf)| conf).filter(|conf| conf.pass.is_some())
    }

    /// The settings of a prefix.
    pub fn get(&self, prefix: &str) -> Option<&Rc<UpstreamConf>> {
        self.list.iter().find(|(_, known, _)| &**known == prefix).map(|(.., conf)| conf)
    }

    /// The settings of a protocol.
    pub fn of(&self, kind: &Kind) -> Option<&Rc<UpstreamConf>> {
        self.list.iter().find(|(number, ..)| *number == kind.number).map(|(.., conf)| conf)
    }
}

/// The argument of `NAME_pass`.
pub struct Pass {
    /// The argument as it stands: `http://backend/path`.
    pub url: Slice,
    /// The same as a template, if it has variables.
    pub template: Option<Template>,
    /// What `url` consists of, if it has none.
    pub parts: Parts,
    /// What the protocol is told of it, if it has none; the location in it is right in any case.
    pub target: Rc<Target>,
    /// The peers; filled when all of `http {}` has been read, None with variables.
    pub group: OnceCell<Rc<Group>>,
    /// Where replies are spilled unless `NAME_temp_path` says otherwise.
    pub temp_path: TempPath,
    /// Where the line stands.
    pub place: Place,
}

/// A URL taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// `http://` or `memcached://`
    pub schema: Slice,
    /// Host and port, as they were written.
    pub authority: Slice,
    /// The same without the port of the scheme: what `$proxy_host` shows.
    pub host: Slice,
    /// The port; 0 for a unix socket.
    pub port: u16,
    /// The scheme is the one for TLS.
    pub tls: bool,
    /// What follows the authority; None when nothing does.
    pub uri: Option<Slice>,
}

impl UpstreamConf {
    /// Makes the TLS configuration, where the pass directive may need one.
    ///
    /// # Errors
    /// nginx's sentence about what cannot be loaded, without a place.
    pub fn prepare(&self) -> Result<(), String> {
        if !self.pass.as_ref().is_some_and(|pass| pass.parts.tls || pass.template.is_some()) {
            return Ok(());
        }
        let key = match (&*self.ssl_certificate, &*self.ssl_certificate_key) {
            (Some(certificate), Some(key)) => Some(keys::pair(certificate, key)?),
            (Some(certificate), None) => {
                let shown = certificate.display();
                let missing = "no \"ssl_certificate_key\" is defined for certificate";
                return Err(format!("{missing} \"{shown}\""));
            }
            (None, _) => None,
        };
        let trust = if *self.ssl_verify { Some(self.trust()?) } else { None };
        let tls = ClientTls::new(Settings {
            protocols: *self.ssl_protocols,
            ciphers: &self.ssl_ciphers,
            send_name: *self.ssl_server_name,
            reuse: *self.ssl_session_reuse,
            key,
            trust,
        })?;
        // The cell is filled here and nowhere else.
        let _ = self.tls.set(Rc::new(tls));
        Ok(())
    }
}

impl UpstreamConf {
    /// Whom to trust for peers' certificates.
    fn trust(&self) -> Result<Trust, String> {
        let Some(path) = &*self.ssl_trusted_certificate else {
            return Err("no ssl_trusted_certificate for ssl_verify".to_owned());
        };
        let roots = keys::certificates(path)?;
        let lists = match &*self.ssl_crl {
            Some(path) => keys::revocation_lists(path)?,
            None => Vec::new(),
        };
        Ok(Trust { roots, lists, depth: *self.ssl_verify_depth })
    }
}

impl std::fmt::Debug for UpstreamConf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let url = self.pass.as_ref().map(|pass| &pass.url);
        write!(f, "UpstreamConf({url:?})")
    }
}
