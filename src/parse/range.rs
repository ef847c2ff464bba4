//! The `Range` field of a request.
//!
//! *In nginx* this is `ngx_http_range_parse`. Peculiar: a set of ranges that together ask for more than the
//! whole is ignored, as is one with more than `max_ranges` parts; a range that cannot be read at all is
//! answered 416, not ignored; and ranges that lie outside are left out of the answer one by one.
//!
//! *Here* [`parse`] turns the value into pairs of offsets. Whether a range applies at all (`If-Range`, the
//! status, `Accept-Ranges`) and how parts are sent is not its business.
//!
//! ```text
//!   bytes=0-99, -50   of 1000 bytes   →   [(0, 100), (950, 1000)]
//! ```
//!
//! *Read next*: `list.rs`.

use super::list::trim;

/// What to do with a request for ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranges {
    /// Send the whole.
    Ignore,
    /// Answer 416 (Range Not Satisfiable).
    NotSatisfiable,
    /// Send the parts (206).
    Parts,
}

/// Reads `bytes=…` for content of `length` bytes; parts go to `out` (emptied first) as offset of the first
/// byte and of the byte after the last.
///
/// `max_ranges` is the directive of that name: 0 ignores all ranges, None sets no limit.
pub fn parse(value: &[u8], length: u64, max_ranges: Option<usize>, out: &mut Vec<(u64, u64)>) -> Ranges {
    out.clear();
    let Some(list) = strip_unit(value) else { return Ranges::Ignore };
    if max_ranges == Some(0) {
        return Ranges::Ignore;
    }
    let mut total: u64 = 0;
    for part in list.split(|&b| b == b',') {
        let Some((start, end)) = bounds(part, length) else { return Ranges::NotSatisfiable };
        if start < end {
            // Parts that lie outside do not count.
            if max_ranges.is_some_and(|max| out.len() >= max) {
                return Ranges::Ignore;
            }
            total = total.saturating_add(end - start);
            out.push((start, end));
        } else if start == 0 {
            // Nothing can be cut out of nothing: an empty document is sent as it is.
            return Ranges::Ignore;
        }
    }
    if out.is_empty() {
        return Ranges::NotSatisfiable;
    }
    if total > length { Ranges::Ignore } else { Ranges::Parts }
}

fn strip_unit(value: &[u8]) -> Option<&[u8]> {
    let (unit, list) = value.split_at_checked(6)?;
    (unit.eq_ignore_ascii_case(b"bytes=") && !list.is_empty()).then_some(list)
}

/// Start and end (exclusive) of one part; start ≥ end if it lies outside. None if it cannot be read.
fn bounds(part: &[u8], length: u64) -> Option<(u64, u64)> {
    let part = trim(part);
    let dash = memchr::memchr(b'-', part)?;
    let (first, last) = (trim(part.get(..dash)?), trim(part.get(dash + 1..)?));
    if first.is_empty() {
        return Some((length.saturating_sub(number(last)?), length));
    }
    let start = number(first)?;
    let end = if last.is_empty() { length } else { number(last)?.saturating_add(1).min(length) };
    Some((start, end))
}

/// Digits only, at most 2⁶³−1.
fn number(digits: &[u8]) -> Option<u64> {
    super::framing::content_length(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(value: &str, length: u64, max: Option<usize>) -> (Ranges, Vec<(u64, u64)>) {
        let mut out = vec![(7, 7)];
        let verdict = parse(value.as_bytes(), length, max, &mut out);
        (verdict, out)
    }

    #[test]
    fn parts_are_cut_to_the_content() {
        let rows: [(&str, &[(u64, u64)]); 9] = [
            ("bytes=0-0", &[(0, 1)]),
            ("bytes=0-99", &[(0, 100)]),
            ("Bytes= 10 - 19 , 90 - ", &[(10, 20), (90, 100)]),
            ("bytes=90-", &[(90, 100)]),
            ("bytes=90-200", &[(90, 100)]),
            ("bytes=-10", &[(90, 100)]),
            ("bytes=-200", &[(0, 100)]),
            ("bytes=100-, 5-6", &[(5, 7)]),
            ("bytes=99-99, 0-0", &[(99, 100), (0, 1)]),
        ];
        for (value, parts) in rows {
            assert_eq!(run(value, 100, None), (Ranges::Parts, parts.to_vec()), "{value}");
        }
    }

    #[test]
    fn what_cannot_be_served_is_416() {
        for value in [
            "bytes=100-",
            "bytes=-0",
            "bytes=a",
            "bytes=1",
            "bytes=-",
            "bytes=5-4",
            "bytes=0-1,x",
            "bytes=0-1,",
            "bytes=0--1",
            "bytes=99999999999999999999-",
            "bytes=0-99999999999999999999",
        ] {
            assert_eq!(run(value, 100, None).0, Ranges::NotSatisfiable, "{value}");
        }
    }

    #[test]
    fn what_is_not_worth_it_or_not_meant_for_us_is_ignored() {
        for value in ["", "bytes", "bytes=", "items=0-1", "bytes=0-,0-0", "bytes=0-60,40-99,50-"] {
            assert_eq!(run(value, 100, None).0, Ranges::Ignore, "{value}");
        }
        assert_eq!(run("bytes=0-", 0, None).0, Ranges::Ignore);
        assert_eq!(run("bytes=0-1,2-3", 100, Some(1)).0, Ranges::Ignore);
        assert_eq!(run("bytes=0-1", 100, Some(0)).0, Ranges::Ignore);
        assert_eq!(run("bytes=0-1,2-3", 100, Some(2)).0, Ranges::Parts);
    }
}
