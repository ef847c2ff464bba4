//! Freshness: what a reply says about being kept, and for how long.
//!
//! *In nginx* this is spread over the handlers of `ngx_http_upstream_headers_in`: `process_set_cookie`,
//! `process_cache_control`, `process_expires`, `process_vary`, `process_accel_expires`; they write into
//! `r->cache` and `u->cacheable` while the head is being parsed.
//!
//! *Here* one pure function over the complete head. Three fields may name a time, and the stronger one
//! wins in whatever order they come:
//!
//! ```text
//!   X-Accel-Expires   ▶   Cache-Control: s-maxage, max-age   ▶   Expires   ▶   NAME_cache_valid
//! ```
//!
//! `no-cache`, `no-store` and `private` forbid keeping a reply unless X-Accel-Expires names a time.
//! `stale-while-revalidate` and `stale-if-error` (RFC 5861) count in any case. A field that
//! `NAME_ignore_headers` names says nothing.
//!
//! *Read next*: `vary.rs`.

use crate::buf::Slice;
use crate::http::cached::Freshness;
use crate::http::upstream_conf::ignored;
use crate::parse::date;
use crate::protocol::{Fields, Name};

/// The longest Vary that is understood, in bytes (nginx: `NGX_HTTP_CACHE_VARY_LEN`).
const VARY: usize = 128;

/// Reads the fields of a head, at `now` seconds since 1970; `ignoring` are bits of [`ignored`].
pub fn freshness(fields: &Fields, ignoring: u32, now: u64) -> Freshness {
    let heeds = |bit: u32| ignoring & bit == 0;
    let all = |name: Name| fields.known(name).map(|field| field.value);
    let mut found = Freshness::default();
    let mut no_cache = false;
    if heeds(ignored::SET_COOKIE) && fields.has(Name::SetCookie) {
        found.forbidden = true;
    }
    if heeds(ignored::XA_EXPIRES) {
        // A second one is ignored, as in nginx.
        match all(Name::XAccelExpires).next().and_then(|value| accel_expires(value, now)) {
            Some(Accel::Never) => found.forbidden = true,
            Some(Accel::Until(until)) => found.valid_until = Some(until),
            None => {}
        }
    }
    let decided = found.valid_until.is_some();
    if heeds(ignored::CACHE_CONTROL) {
        for value in all(Name::CacheControl) {
            cache_control(value, now, decided, &mut found, &mut no_cache);
        }
    }
    if heeds(ignored::EXPIRES) && found.valid_until.is_none() {
        for value in all(Name::Expires) {
            match date::parse(value).and_then(|t| u64::try_from(t).ok()).filter(|until| *until >= now) {
                Some(until) => found.valid_until = found.valid_until.or(Some(until)),
                None => no_cache |= found.valid_until.is_none(),
            }
        }
    }
    if heeds(ignored::VARY) {
        vary(all(Name::Vary), &mut found);
    }
    found.forbidden |= no_cache;
    found
}

enum Accel {
    Never,
    Until(u64),
}

/// `0`, seconds from now, or `@` and seconds since 1970.
fn accel_expires(value: &[u8], now: u64) -> Option<Accel> {
    if let Some(moment) = value.strip_prefix(b"@") {
        return seconds(moment, true).map(Accel::Until);
    }
    match seconds(value, true)? {
        0 => Some(Accel::Never),
        n => Some(Accel::Until(now.saturating_add(n))),
    }
}

/// A number of seconds at the beginning of a text, up to a comma, semicolon or blank, or up to the end if
/// `whole`. What is too large for a number is the largest one.
fn seconds(text: &[u8], whole: bool) -> Option<u64> {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let ends = match text.get(digits) {
        None => true,
        Some(b) => !whole && matches!(b, b',' | b';' | b' '),
    };
    if digits == 0 || !ends {
        return None;
    }
    let add = |sum: u64, b: &u8| sum.saturating_mul(10).saturating_add(u64::from(b - b'0'));
    Some(text.iter().take(digits).fold(0, add))
}

/// One Cache-Control. `decided`: X-Accel-Expires has named the time.
///
/// NGINX: directives are looked for anywhere in the text, so `x-max-age=5` is `max-age=5`.
fn cache_control(value: &[u8], now: u64, decided: bool, found: &mut Freshness, no_cache: &mut bool) {
    let value = value.to_ascii_lowercase();
    let behind = |key: &str| {
        let at = memchr::memmem::find(&value, key.as_bytes())?;
        value.get(at + key.len()..)
    };
    if !decided {
        if ["no-cache", "no-store", "private"].iter().any(|word| behind(word).is_some()) {
            *no_cache = true;
            return;
        }
        if let Some(age) = behind("s-maxage=").or_else(|| behind("max-age=")) {
            match seconds(age, false) {
                None => {
                    found.forbidden = true;
                    return;
                }
                Some(0) => {
                    *no_cache = true;
                    return;
                }
                Some(n) => found.valid_until = Some(now.saturating_add(n)),
            }
        }
    }
    for (key, to) in
        [("stale-while-revalidate=", &mut found.updating_sec), ("stale-if-error=", &mut found.error_sec)]
    {
        if let Some(text) = behind(key) {
            match seconds(text, false) {
                Some(n) => *to = n,
                None => found.forbidden = true,
            }
        }
    }
}

fn vary<'a>(values: impl Iterator<Item = &'a [u8]>, found: &mut Freshness) {
    let mut all = Vec::new();
    for value in values {
        if !all.is_empty() {
            all.extend_from_slice(b", ");
        }
        all.extend_from_slice(value);
    }
    if all == b"*" || all.len() > VARY {
        found.forbidden = true;
    } else {
        found.vary = Slice::from(all);
    }
}

#[cfg(test)]
#[path = "freshness_tests.rs"]
mod tests;
