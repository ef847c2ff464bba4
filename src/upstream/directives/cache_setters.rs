//! Setters of the directives about the cache.
//!
//! *In nginx* `ngx_http_proxy_cache`, `ngx_http_proxy_cache_key`, `ngx_http_file_cache_valid_set_slot`,
//! `ngx_http_set_predicate_slot`; the first two once in each module.
//!
//! *Here* each once, for any prefix.
//!
//! *Read next*: `http/cache_conf.rs`.

use super::of;
use crate::cache;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::template::Template;
use crate::conf::tree::Line;
use crate::conf::value::{parse_number, parse_sec, parse_size};
use crate::http::cache_conf::{CacheConf, Valid, Zone, methods};
use crate::http::upstream_conf::{Store, next_on};

/// The words of `cache_methods`.
pub const METHODS: &[(&str, u32)] =
    &[("GET", methods::GET), ("HEAD", methods::HEAD), ("POST", methods::POST)];

/// The words of `cache_use_stale`.
pub const STALE: &[(&str, u32)] = &[
    ("error", next_on::ERROR | next_on::NO_LIVE),
    ("timeout", next_on::TIMEOUT),
    ("invalid_header", next_on::INVALID_HEADER),
    ("updating", next_on::UPDATING),
    ("http_500", next_on::HTTP_500),
    ("http_502", next_on::HTTP_502),
    ("http_503", next_on::HTTP_503),
    ("http_504", next_on::HTTP_504),
    ("http_403", next_on::HTTP_403),
    ("http_404", next_on::HTTP_404),
    ("http_429", next_on::HTTP_429),
    ("off", next_on::OFF),
];

/// `cache ZONE`, `cache off`
pub fn zone(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let conf = of(cx, line, "cache")?;
    line.refuse_duplicate(conf.cache.zone.is_set())?;
    let stores = conf.store.is_set() && *conf.store != Store::Off;
    let arg = line.arg(0)?;
    if !arg.is("off") && stores {
        let prefix = line.name.as_str()?.trim_end_matches("_cache");
        return Err(line.directive_err(format_args!("is incompatible with \"{prefix}_store\"")));
    }
    let template = Template::compile(cx, line, arg)?;
    let zone = match template.as_constant() {
        _ if arg.is("off") => Zone::Off,
        Some(name) => Zone::Store(cache::named(cx, line, name)?),
        None => Zone::Named(template),
    };
    of(cx, line, "cache")?.cache.zone.set(zone);
    Ok(())
}

/// `cache_key TEXT`
pub fn key(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let template = Template::compile(cx, line, line.arg(0)?)?;
    line.store(&mut of(cx, line, "cache_key")?.cache.key, Some(template))
}

/// `cache_valid [STATUS…] TIME`
pub fn valid(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let (time, statuses) = match line.args.split_last() {
        Some(parts) => parts,
        None => return Err(line.directive_err("needs a time")),
    };
    let seconds = parse_sec(time).ok_or_else(|| line.err(format_args!("invalid time value \"{time}\"")))?;
    let mut rows = Vec::new();
    for status in statuses {
        let number = parse_number(status).and_then(|n| u16::try_from(n).ok());
        let status = match number.filter(|n| (100..=599).contains(n)) {
            _ if status.is("any") => 0,
            Some(status) => status,
            None => return Err(line.err(format_args!("invalid status \"{status}\""))),
        };
        rows.push(Valid { status, seconds });
    }
    if rows.is_empty() {
        rows.extend([200, 301, 302].map(|status| Valid { status, seconds }));
    }
    of(cx, line, "cache_valid")?.cache.valid.edit().append(&mut rows);
    Ok(())
}

/// Adds the conditions of a line to a list.
pub fn conditions(
    cx: &mut Cx,
    line: &Line,
    suffix: &str,
    list: fn(&mut CacheConf) -> &mut Vec<Template>,
) -> Result<(), ConfError> {
    for arg in &line.args {
        let template = Template::compile(cx, line, arg)?;
        list(&mut of(cx, line, suffix)?.cache).push(template);
    }
    Ok(())
}

/// `cache_max_range_offset SIZE`
pub fn max_range_offset(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    let offset = parse_size(line.arg(0)?).ok_or_else(|| line.directive_err("invalid value"))?;
    line.store(&mut of(cx, line, "cache_max_range_offset")?.cache.max_range_offset, Some(offset))
}
