//! The path of a URI in its normal form, and the pieces of a URI.
//!
//! *In nginx* these are `ngx_http_parse_complex_uri`, `ngx_http_parse_unsafe_uri`, `ngx_http_arg` and the
//! extension kept in `r->exten`. Peculiar: escapes are decoded *before* dots and slashes are judged, so
//! `%2e%2e%2f` climbs just like `../`; an escaped `?`, `#` or `%` is an ordinary byte of the path.
//!
//! *Here* functions from bytes to bytes. They do not know locations, and they decode once: whoever calls
//! them twice on the same path opens a hole.
//!
//! ```text
//!   /a/./b/../c//d%20e?x=y#z   →   path /a/c/d e    args x=y
//! ```
//!
//! The output is built segment by segment; a segment is looked at when the slash behind it (or the end)
//! arrives, which is all that `.` and `..` need.
//!
//! *Read next*: `escape.rs`, the way back.

use super::{Bad, Span};
use std::borrow::Cow;

/// The value of a hexadecimal digit.
pub(super) fn hex(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    }
}

/// The byte that two hexadecimal digits at the beginning of `rest` mean.
pub(super) fn hex_pair(rest: &[u8]) -> Option<u8> {
    let [high, low, ..] = rest else { return None };
    Some(hex(*high)? << 4 | hex(*low)?)
}

/// Normalises the path of `raw` (path, arguments, fragment) into `out`, which is emptied first.
///
/// Percent escapes are decoded, `.` and `..` resolved, runs of slashes merged if `merge_slashes` is on.
/// Gives the span of the arguments in `raw`, None without a question mark. `out` always begins with a
/// slash, also when `raw` does not (`http://host?args`).
///
/// Errors: `InvalidRequest` for a broken escape, an escaped NUL, or a path that climbs above the root.
pub fn parse_complex_uri(raw: &[u8], merge_slashes: bool, out: &mut Vec<u8>) -> Result<Option<Span>, Bad> {
    out.clear();
    out.push(b'/');
    let mut path = Segments { out, start: 1, merge_slashes };
    let mut at = usize::from(raw.first() == Some(&b'/'));
    loop {
        let rest = raw.get(at..).unwrap_or_default();
        let run = rest.iter().position(|&b| matches!(b, b'/' | b'%' | b'?' | b'#' | 0)).unwrap_or(rest.len());
        path.out.extend_from_slice(rest.get(..run).unwrap_or_default());
        at += run;
        match raw.get(at) {
            Some(b'/') => path.slash()?,
            Some(b'%') => {
                let byte = raw.get(at + 1..).and_then(hex_pair).ok_or(Bad::InvalidRequest)?;
                at += 2;
                match byte {
                    0 => return Err(Bad::InvalidRequest),
                    b'/' => path.slash()?,
                    _ => path.out.push(byte),
                }
            }
            Some(b'?') => {
                path.end_segment()?;
                let args = raw.get(at + 1..).unwrap_or_default();
                let len = memchr::memchr(b'#', args).unwrap_or(args.len());
                return Ok(Some(Span::new(at + 1, at + 1 + len)));
            }
            Some(0) => return Err(Bad::InvalidRequest),
            None | Some(_) => {
                path.end_segment()?;
                return Ok(None);
            }
        }
        at += 1;
    }
}

/// A path being built. `out[start..]` is the segment that is not finished yet; before it stands a slash.
struct Segments<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    merge_slashes: bool,
}

impl Segments<'_> {
    /// Resolves `.` and `..`; true if the segment was one of them and is gone.
    fn end_segment(&mut self) -> Result<bool, Bad> {
        match self.out.get(self.start..).unwrap_or_default() {
            b"." => {
                self.out.truncate(self.start);
                Ok(true)
            }
            b".." => {
                // The slash before this segment is not the one to look for, and the root has no other.
                let before = self.out.get(..self.start.saturating_sub(1)).unwrap_or_default();
                let parent = memchr::memrchr(b'/', before).ok_or(Bad::InvalidRequest)?;
                self.start = parent + 1;
                self.out.truncate(self.start);
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn slash(&mut self) -> Result<(), Bad> {
        let dots = self.end_segment()?;
        let again = self.out.len() == self.start && self.merge_slashes;
        if !dots && !again {
            self.out.push(b'/');
            self.start = self.out.len();
        }
        Ok(())
    }
}

/// The extension of a normalised path: what follows the last dot of its last segment.
///
/// Dots that begin the segment do not count, so `/.profile` has none (as in nginx).
pub fn extension(path: &[u8]) -> Option<Span> {
    let segment = memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1);
    let name = path.get(segment..).unwrap_or_default();
    let lead = name.iter().take(3).take_while(|&&b| b == b'.').count();
    let dot = memchr::memrchr(b'.', name.get(lead..).unwrap_or_default())?;
    Some(Span::new(segment + lead + dot + 1, path.len()))
}

/// A path, owned if it had to be decoded, and its arguments, None without a question mark.
pub type PathAndArgs<'a> = (Cow<'a, [u8]>, Option<&'a [u8]>);

/// Splits a URI that did not come from a client (a redirect inside, a subrequest) at its question mark.
///
/// Gives the path, decoded if it has escapes, and the arguments. Errors: `InvalidRequest` if it is empty,
/// begins with a question mark, holds a NUL, or has a segment `..`, plain or escaped: such a URI may still
/// carry what a client sent.
pub fn parse_unsafe_uri(uri: &[u8]) -> Result<PathAndArgs<'_>, Bad> {
    let mark = memchr::memchr(b'?', uri).unwrap_or(uri.len());
    let (path, rest) = uri.split_at_checked(mark).ok_or(Bad::InvalidRequest)?;
    let path = if memchr::memchr(b'%', path).is_some() {
        let mut decoded = Vec::with_capacity(path.len());
        super::escape::unescape(path, &mut decoded);
        Cow::Owned(decoded)
    } else {
        Cow::Borrowed(path)
    };
    if path.is_empty() || climbs(&path) || memchr::memchr(0, &path).is_some() {
        return Err(Bad::InvalidRequest);
    }
    Ok((path, rest.strip_prefix(b"?")))
}

/// Whether a segment of the path is `..`.
fn climbs(path: &[u8]) -> bool {
    path.split(|&b| b == b'/').any(|segment| segment == b"..")
}

/// The value of argument `name` in `args` (`a=1&b=2`), not decoded. Names are compared without case, an
/// argument without an equals sign is not found, and the first of several wins.
pub fn arg<'a>(args: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if name.is_empty() {
        return None;
    }
    args.split(|&b| b == b'&').find_map(|pair| {
        let (key, rest) = pair.split_at_checked(name.len())?;
        if key.eq_ignore_ascii_case(name) { rest.strip_prefix(b"=") } else { None }
    })
}

#[cfg(test)]
#[path = "uri_tests.rs"]
mod tests;
