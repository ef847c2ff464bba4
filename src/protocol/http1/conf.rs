//! The directives that are HTTP/1's own.
//!
//! *In nginx* they stand among the shared ones in one table of 78 rows, with the same prefix.
//!
//! *Here* only those whose meaning is HTTP/1: how the request is written and how the reply's redirects and
//! cookies are rewritten. Timeouts, buffers, failover and the rest come with the name `proxy` from the shared
//! table.
//!
//! A list such as `proxy_set_header` is inherited as a whole, and only where a level has none of its own; the
//! [`Setting`](crate::conf::merge::Setting) does that by itself.
//!
//! *Read next*: `request.rs`, which obeys most of them.

use super::cookie::{self, Flags, Rules};
use super::plan::Plan;
use super::redirect::{self, Redirects};
use super::rewrite::Rule;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::directive::{Args, Directive, LEVELS, LIMIT_EXCEPT, LOCATION_IF, Module};
use crate::conf::error::ConfError;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::protocol::text::is_token;
use std::cell::OnceCell;

/// The version that requests are sent with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 1.0: one request for each connection, bodies only with a length.
    V10,
    /// 1.1
    V11,
}

/// A field name that the request side treats in a way of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// `Host`
    Host,
    /// `Connection`
    Connection,
    /// `Content-Length`
    ContentLength,
    /// `Transfer-Encoding`
    TransferEncoding,
    /// `TE`
    Te,
    /// `Upgrade`
    Upgrade,
    /// Any other.
    Plain,
}

impl Which {
    /// Which one a name is, in any case of letters.
    pub fn of(name: &[u8]) -> Which {
        let known: &[(&str, Which)] = match name.len() {
            2 => &[("TE", Which::Te)],
            4 => &[("Host", Which::Host)],
            7 => &[("Upgrade", Which::Upgrade)],
            10 => &[("Connection", Which::Connection)],
            14 => &[("Content-Length", Which::ContentLength)],
            17 => &[("Transfer-Encoding", Which::TransferEncoding)],
            _ => return Which::Plain,
        };
        let known = known.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()));
        known.map_or(Which::Plain, |(_, which)| *which)
    }
}

/// A `proxy_set_header` line.
#[derive(Clone, Debug)]
pub struct SetHeader {
    /// The name as it is written.
    pub name: Slice,
    /// What the name means here.
    pub which: Which,
    /// The value; a field whose value turns out empty is not sent.
    pub value: Template,
}

crate::settings! {
    /// How HTTP/1 requests are written and replies rewritten, at one level.
    #[derive(Clone, Debug)]
    pub struct Http1Location: Location {
        /// `proxy_http_version`
        pub http_version: Version = Version::V11,
        /// `proxy_method`
        pub method: Option<Template> = None,
        /// `proxy_set_header`
        pub set_headers: Vec<SetHeader> = Vec::new(),
        /// `proxy_set_body`
        pub set_body: Option<Template> = None,
        /// `proxy_redirect`
        pub redirects: Redirects = Redirects::Unset,
        /// `proxy_cookie_domain`
        pub cookie_domains: Rules<Rule> = Rules::Off,
        /// `proxy_cookie_path`
        pub cookie_paths: Rules<Rule> = Rules::Off,
        /// `proxy_cookie_flags`
        pub cookie_flags: Rules<Flags> = Rules::Off,
        /// `proxy_upgrade`: what clients may go over to without more ado; none with `off`
        pub upgrades: Vec<Slice> = vec![Slice::from("websocket")],
        /// `proxy_pass_trailers`
        pub pass_trailers: bool = false,
        /// `proxy_headers_hash_max_size`
        pub headers_hash_max_size: u64 = 512,
        /// `proxy_headers_hash_bucket_size`
        pub headers_hash_bucket_size: u64 = 64,
        plain {
            /// How requests are written; by [`Http1Location::plan`].
            pub plan: OnceCell<Plan> = OnceCell::new(),
        }
    }
}

impl Http1Location {
    /// How requests are written. Worked out when a request first asks, so only once the configuration has
    /// been read.
    pub fn plan(&self) -> &Plan {
        self.plan.get_or_init(|| Plan::of(self))
    }
}

const EVEN_IN_IF: u32 = LEVELS | LOCATION_IF | LIMIT_EXCEPT;

/// The table.
pub static MODULE: Module = Module {
    name: "proxy_http1",
    directives: &[
        Directive::of("proxy_http_version", EVEN_IN_IF, Args::Exactly(1))
            .default("1.1")
            .doc("The version of HTTP requests are sent with. With 1.0 a connection serves one request.")
            .set(|cx, line| {
                let table = [("1.0", Version::V10), ("1.1", Version::V11)];
                line.choice(&mut cx.conf::<Http1Location>().http_version, &table)
            }),
        Directive::of("proxy_method", LEVELS, Args::Exactly(1))
            .doc("The method of requests to the upstream instead of the client's; may have variables.")
            .set(|cx, line| {
                let method = Template::compile(cx, line, line.arg(0)?)?;
                line.store(&mut cx.conf::<Http1Location>().method, Some(method))
            }),
        Directive::of("proxy_set_header", LEVELS, Args::Exactly(2))
            .default("Host $proxy_host")
            .doc(
                "A field of requests to the upstream, in place of the client's of that name. An empty value \
                 sends none. A level that has any takes none from outside. Content-Length and \
                 Transfer-Encoding always say what body is really sent; a set value can only take them, and \
                 with them the body, away. CR, LF and NUL in a value become blanks.",
            )
            .set(set_header),
        Directive::of("proxy_set_body", LEVELS, Args::Exactly(1))
            .doc("The body of requests to the upstream instead of the client's; may have variables.")
            .set(|cx, line| {
                let body = Template::compile(cx, line, line.arg(0)?)?;
                line.store(&mut cx.conf::<Http1Location>().set_body, Some(body))
            }),
        Directive::of("proxy_redirect", LEVELS, Args::Between(1, 2))
            .default("default")
            .doc(
                "What Location and Refresh of a reply become: text at their beginning or a regular \
                 expression (~, ~*) is replaced. `default` turns the URL of proxy_pass into the location's \
                 name, `off` leaves them alone.",
            )
            .set(redirect::set),
        Directive::of("proxy_cookie_domain", LEVELS, Args::Between(1, 2))
            .default("off")
            .doc(
                "What the Domain of a Set-Cookie becomes: a domain or a regular expression (~), and its \
                 replacement.",
            )
            .set(cookie::set_domain),
        Directive::of("proxy_cookie_path", LEVELS, Args::Between(1, 2))
            .default("off")
            .doc(
                "What the Path of a Set-Cookie becomes: text at its beginning or a regular expression (~, \
                 ~*), and its replacement.",
            )
            .set(cookie::set_path),
        Directive::of("proxy_cookie_flags", LEVELS, Args::AtLeast(1))
            .default("off")
            .doc(
                "Flags that a cookie, by its name or a regular expression (~), gets or loses: secure, \
                 httponly, samesite=strict, samesite=lax, samesite=none; nosecure, nohttponly, nosamesite.",
            )
            .set(cookie::set_flags),
        Directive::of("proxy_pass_trailers", LEVELS, Args::Flag)
            .default("off")
            .doc(
                "Whether fields behind a chunked reply reach the client. The upstream is told by TE that \
                 they are welcome if the client says so.",
            )
            .set(|cx, line| line.flag(&mut cx.conf::<Http1Location>().pass_trailers)),
        Directive::of("proxy_upgrade", LEVELS, Args::AtLeast(1))
            .default("websocket")
            .doc(
                "The protocols that a client may go over to from HTTP/1.1 (Upgrade) without any \
                 proxy_set_header line; off for none. Where Upgrade or Connection is set, only that counts.",
            )
            .set(upgrade),
        Directive::of("proxy_headers_hash_max_size", LEVELS, Args::Exactly(1))
            .default("512")
            .doc(
                "Checked and kept for compatibility: the names of proxy_set_header need no table whose size \
                 could be too small.",
            )
            .set(|cx, line| line.number(&mut cx.conf::<Http1Location>().headers_hash_max_size)),
        Directive::of("proxy_headers_hash_bucket_size", LEVELS, Args::Exactly(1))
            .default("64")
            .doc("As proxy_headers_hash_max_size.")
            .set(|cx, line| line.number(&mut cx.conf::<Http1Location>().headers_hash_bucket_size)),
    ],
};

fn upgrade(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let wrong = |arg| line.err(format_args!("invalid protocol name \"{arg}\""));
    let off = line.args.iter().any(|arg| arg.is("off"));
    // A name may have a version behind a slash (RFC 9110, section 7.8).
    let is_name = |text: &[u8]| text.splitn(2, |b| *b == b'/').all(is_token);
    if let Some(arg) = line.args.iter().find(|arg| !is_name(arg) || off && !arg.is("off")) {
        return Err(wrong(arg));
    }
    let names = line.args.iter().filter(|arg| !arg.is("off")).map(|arg| Slice::copy(arg)).collect();
    line.store(&mut cx.conf::<Http1Location>().upgrades, names)
}

fn set_header(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let name = line.arg(0)?;
    if !is_token(name) {
        return Err(line.err(format_args!("invalid header name \"{name}\"")));
    }
    let value = Template::compile(cx, line, line.arg(1)?)?;
    let header = SetHeader { name: Slice::copy(name), which: Which::of(name), value };
    cx.conf::<Http1Location>().set_headers.edit().push(header);
    Ok(())
}
