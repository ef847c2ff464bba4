//! The shared directives about the cache, one row each.
//!
//! *In nginx* the modules for HTTP, FastCGI, SCGI and uwsgi have them; memcached has not.
//!
//! *Here* a protocol has them if it says that its replies can be kept
//! ([`Protocol::CACHES`](crate::protocol::Protocol::CACHES)).
//!
//! *Read next*: `cache_setters.rs`, `http/cache_conf.rs`.

use super::cache_setters as setters;
use super::rows::{ALL, ONE};
use super::{Row, of};
use crate::conf::directive::{Args, HTTP};

/// A row whose value is read by a parser of [`Line`](crate::conf::tree::Line).
macro_rules! plain {
    ($suffix:literal, $parser:ident, $field:ident, $args:expr, $default:literal, $doc:expr) => {
        Row {
            suffix: $suffix,
            contexts: ALL,
            args: $args,
            default: $default,
            doc: $doc,
            set: |cx, line| line.$parser(&mut of(cx, line, $suffix)?.cache.$field),
        }
    };
}

/// A row with a setter of its own.
macro_rules! special {
    ($suffix:literal, $set:expr, $args:expr, $default:literal, $doc:expr) => {
        Row { suffix: $suffix, contexts: ALL, args: $args, default: $default, doc: $doc, set: $set }
    };
}

/// All of them.
pub const ROWS: &[Row] = &[
    Row {
        suffix: "cache_path",
        contexts: HTTP,
        args: Args::AtLeast(2),
        default: "",
        doc: "A folder of stored replies, and the zone (keys_zone=NAME:SIZE) that knows them.",
        set: crate::cache::set,
    },
    special!("cache", setters::zone, ONE, "off", "The keys zone replies are kept in; may have variables."),
    special!(
        "cache_key",
        setters::key,
        ONE,
        "",
        "What distinguishes a kept reply from others; for proxy_ the URL that is asked for unless given."
    ),
    special!(
        "cache_valid",
        setters::valid,
        Args::AtLeast(1),
        "",
        "How long replies of these statuses (200, 301 and 302 unless given; `any` for all) are fresh where \
         they do not say so themselves."
    ),
    special!(
        "cache_methods",
        |cx, line| line.bits(&mut of(cx, line, "cache_methods")?.cache.methods, setters::METHODS),
        Args::AtLeast(1),
        "GET HEAD",
        "Requests of which methods are answered from the cache; GET and HEAD in any case."
    ),
    special!(
        "cache_bypass",
        |cx, line| setters::conditions(cx, line, "cache_bypass", |conf| conf.bypass.edit()),
        Args::AtLeast(1),
        "",
        "A peer is asked whatever the cache has if one of these is neither empty nor 0."
    ),
    special!(
        "no_cache",
        |cx, line| setters::conditions(cx, line, "no_cache", |conf| conf.no_cache.edit()),
        Args::AtLeast(1),
        "",
        "A reply is not kept if one of these is neither empty nor 0."
    ),
    plain!(
        "cache_min_uses",
        number,
        min_uses,
        ONE,
        "1",
        "How often something is to be asked for before the reply is kept."
    ),
    special!(
        "cache_use_stale",
        |cx, line| line.bits(&mut of(cx, line, "cache_use_stale")?.cache.use_stale, setters::STALE),
        Args::AtLeast(1),
        "off",
        "When a reply that is no longer fresh will do: after which failures, and while it is being updated."
    ),
    plain!(
        "cache_background_update",
        flag,
        background_update,
        Args::Flag,
        "off",
        "Whether a client that gets a stale reply has it at once, and it is updated behind its back."
    ),
    plain!(
        "cache_lock",
        flag,
        lock,
        Args::Flag,
        "off",
        "Whether one request at a time fetches what is missing."
    ),
    plain!(
        "cache_lock_timeout",
        msec,
        lock_timeout,
        ONE,
        "5s",
        "How long others wait for it; then they ask for themselves, and their replies are not kept."
    ),
    plain!(
        "cache_lock_age",
        msec,
        lock_age,
        ONE,
        "5s",
        "How long a request may take to fetch it before another one is let through."
    ),
    plain!(
        "cache_revalidate",
        flag,
        revalidate,
        Args::Flag,
        "off",
        "Whether a stale reply is fetched again only if it has changed."
    ),
    special!(
        "cache_max_range_offset",
        setters::max_range_offset,
        ONE,
        "",
        "A request for a range that begins here or later is passed on as it is, and its reply not kept."
    ),
];

/// Those that only HTTP has.
pub const CONVERT_HEAD: Row = plain!(
    "cache_convert_head",
    flag,
    convert_head,
    Args::Flag,
    "on",
    "Whether HEAD is passed on as GET, so that the reply can be kept for both; if not, the key should hold \
     the method."
);
