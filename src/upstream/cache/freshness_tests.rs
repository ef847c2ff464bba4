//! What replies say about being kept, row by row.

use super::*;

const NOW: u64 = 1_000_000;
/// 1970-01-12 13:47:40, a minute after [`NOW`], and long before it.
const LATER: &str = "Mon, 12 Jan 1970 13:47:40 GMT";
const BEFORE: &str = "Thu, 01 Jan 1970 00:00:01 GMT";

fn of(fields: &[(&'static str, &'static str)], ignoring: u32) -> Freshness {
    let mut list = Fields::default();
    fields.iter().for_each(|(name, value)| list.add(name.as_bytes(), value.as_bytes(), false));
    freshness(&list, ignoring, NOW)
}

/// How long a head is fresh; None if it may not be kept or does not say.
fn secs(fields: &[(&'static str, &'static str)]) -> Option<u64> {
    let found = of(fields, 0);
    found.valid_until.filter(|_| !found.forbidden).map(|until| until - NOW)
}

#[test]
fn each_field_names_a_time() {
    assert_eq!(secs(&[]), None);
    assert_eq!(secs(&[("Expires", LATER)]), Some(60));
    assert_eq!(secs(&[("Cache-Control", "public, max-age=7")]), Some(7));
    assert_eq!(secs(&[("cache-control", "max-age=7, S-MaxAge=8;x")]), Some(8));
    assert_eq!(secs(&[("X-Accel-Expires", "9")]), Some(9));
    assert_eq!(secs(&[("X-Accel-Expires", "@1000003")]), Some(3));
}

#[test]
fn the_stronger_field_wins_in_any_order() {
    let (expires, control, accel) =
        (("Expires", LATER), ("Cache-Control", "max-age=7"), ("X-Accel-Expires", "9"));
    assert_eq!(secs(&[expires, control]), Some(7));
    assert_eq!(secs(&[control, expires]), Some(7));
    assert_eq!(secs(&[control, accel, expires]), Some(9));
    assert_eq!(secs(&[("Expires", BEFORE), control]), Some(7));
    assert_eq!(secs(&[accel, ("Cache-Control", "no-cache")]), Some(9));
    assert_eq!(secs(&[("Cache-Control", "private"), accel]), Some(9));
    assert_eq!(secs(&[accel, ("X-Accel-Expires", "0")]), Some(9));
}

#[test]
fn what_forbids_keeping_forbids_it() {
    for field in [
        ("Expires", BEFORE),
        ("Expires", "never"),
        ("Cache-Control", "no-cache, max-age=60"),
        ("Cache-Control", "No-Store"),
        ("Cache-Control", "max-age=0"),
        ("Cache-Control", "max-age=x"),
        ("X-Accel-Expires", "0"),
        ("Set-Cookie", "a=b"),
        ("Vary", "*"),
    ] {
        assert!(of(&[field, ("X-Other", "1")], 0).forbidden, "{field:?}");
    }
    assert!(of(&[("Cache-Control", "no-cache"), ("Cache-Control", "max-age=60")], 0).forbidden);
    assert!(of(&[("Set-Cookie", "a=b"), ("Cache-Control", "max-age=60")], 0).forbidden);
}

#[test]
fn what_is_ignored_says_nothing() {
    let all = ignored::CACHE_CONTROL | ignored::EXPIRES | ignored::XA_EXPIRES;
    let fields =
        [("Cache-Control", "no-store"), ("Expires", BEFORE), ("X-Accel-Expires", "0"), ("Vary", "a")];
    let rest = Freshness { vary: "a".into(), ..Freshness::default() };
    assert_eq!(of(&fields, all), rest);
    assert_eq!(
        of(&[("Set-Cookie", "a=b"), ("Vary", "*")], ignored::SET_COOKIE | ignored::VARY),
        Freshness::default()
    );
}

#[test]
fn extensions_count_beside_every_time() {
    let stale = ("Cache-Control", "max-age=5, stale-while-revalidate=10, stale-if-error=20");
    for accel in ["9", "@1"] {
        let found = of(&[stale, ("X-Accel-Expires", accel)], 0);
        assert_eq!((found.updating_sec, found.error_sec, found.forbidden), (10, 20, false));
    }
}

#[test]
fn numbers_without_end_are_the_largest_number() {
    assert!(secs(&[("Cache-Control", "max-age=9223372036854775808")]).is_some_and(|n| n > 1 << 60));
}

#[test]
fn varies_are_joined() {
    assert_eq!(of(&[("Vary", "a"), ("Vary", "b,c")], 0).vary, b"a, b,c");
}
