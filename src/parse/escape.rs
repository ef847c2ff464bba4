//! Percent escapes: out and back.
//!
//! *In nginx* these are `ngx_escape_uri`, `ngx_escape_html` and `ngx_unescape_uri`, with a type that says
//! for which place the text is meant. Each place has its own set of bytes that must not stand bare.
//!
//! *Here* the sets are tables made at compile time from lists one can read. Escaping appends to a vector
//! the caller owns; when nothing needs an escape, it is one search and one copy. Nothing here judges
//! whether a path is harmless: that is `uri.rs`.
//!
//! ```text
//!   a b?c   ── URI ──▶  a%20b%3Fc   ── unescape ──▶  a b?c
//! ```
//!
//! *Read next*: `uri.rs`, which decodes what clients send.

use super::uri::{hex, hex_pair};

/// The place an escaped text is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Escape {
    /// A path.
    Uri,
    /// One argument.
    Args,
    /// Anything between two reserved bytes: all but letters, digits and `-._~` is escaped (RFC 3986,
    /// section 2.3).
    UriComponent,
    /// A URI inside an HTML attribute.
    Html,
    /// A URI in an HTML refresh: escapes already there stay.
    Refresh,
    /// A memcached key: blank, percent and controls only, so that keys of 8-bit bytes stay readable.
    Memcached,
    /// A header of the mail authentication protocol: the same bytes as for memcached.
    MailAuth,
}

type Set = [bool; 256];

const CONTROLS: u8 = 0x1f;

/// Controls, the bytes listed and, if `high`, DEL and everything above.
const fn set(marks: &[u8], high: bool) -> Set {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = b <= CONTROLS as usize || (high && b >= 0x7f);
        b += 1;
    }
    let mut rest = marks;
    while let [mark, tail @ ..] = rest {
        table[*mark as usize] = true;
        rest = tail;
    }
    table
}

const fn component() -> Set {
    let mut table = [true; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        table[b] = !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'));
        b += 1;
    }
    table
}

static URI: Set = set(b" \"#%<>?\\^`{|}", true);
static ARGS: Set = set(b" \"#%&+;<>?\\^`{|}", true);
static COMPONENT: Set = component();
static HTML: Set = set(b" \"#%'<>\\^`{|}", true);
static REFRESH: Set = set(b" \"'<>\\^`{|}", true);
static MEMCACHED: Set = set(b" %", false);

impl Escape {
    fn table(self) -> &'static Set {
        match self {
            Escape::Uri => &URI,
            Escape::Args => &ARGS,
            Escape::UriComponent => &COMPONENT,
            Escape::Html => &HTML,
            Escape::Refresh => &REFRESH,
            Escape::Memcached | Escape::MailAuth => &MEMCACHED,
        }
    }
}

/// Appends `text` to `out`, escaped for its place.
pub fn escape(text: &[u8], place: Escape, out: &mut Vec<u8>) {
    let table = place.table();
    let mut rest = text;
    while let Some(at) = rest.iter().position(|&b| table[usize::from(b)]) {
        let (plain, tail) = rest.split_at_checked(at).unwrap_or_default();
        out.extend_from_slice(plain);
        let Some((&b, tail)) = tail.split_first() else { return };
        let digit = |n: u8| if n < 10 { b'0' + n } else { b'A' - 10 + n };
        out.extend_from_slice(&[b'%', digit(b >> 4), digit(b & 15)]);
        rest = tail;
    }
    out.extend_from_slice(rest);
}

/// How many bytes of `text` need an escape: its length grows by twice that.
pub fn escapes_needed(text: &[u8], place: Escape) -> usize {
    let table = place.table();
    text.iter().filter(|&&b| table[usize::from(b)]).count()
}

/// Appends `text` to `out` with `< > & "` as character references, for HTML text.
pub fn escape_html(text: &[u8], out: &mut Vec<u8>) {
    for &b in text {
        match b {
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'"' => out.extend_from_slice(b"&quot;"),
            _ => out.push(b),
        }
    }
}

/// How much of a text is decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// Everything.
    All,
    /// Up to a question mark, and only bytes above `%` and below DEL.
    Uri,
    /// The same, but an escaped question mark counts as one too.
    Redirect,
}

/// Appends `text` to `out` with every escape decoded.
pub fn unescape(text: &[u8], out: &mut Vec<u8>) {
    decode(text, out, Extent::All);
}

/// Appends `text` to `out`, decoding only what is harmless in a URI: bytes above `%` and below DEL. What
/// follows a question mark is copied as it is.
pub fn unescape_uri(text: &[u8], out: &mut Vec<u8>) {
    decode(text, out, Extent::Uri);
}

/// As [`unescape_uri`], for the target of a redirect: an escaped question mark ends the path as well.
pub fn unescape_redirect(text: &[u8], out: &mut Vec<u8>) {
    decode(text, out, Extent::Redirect);
}

/// NGINX: a percent sign without digits is dropped and the byte behind it taken as it is, even another
/// percent sign; one with a single digit is dropped together with both bytes behind it.
fn decode(text: &[u8], out: &mut Vec<u8>, extent: Extent) {
    let mut rest = text;
    loop {
        let mark = match extent {
            Extent::All => memchr::memchr(b'%', rest),
            Extent::Uri | Extent::Redirect => memchr::memchr2(b'%', b'?', rest),
        };
        let Some((plain, tail)) = mark.and_then(|at| rest.split_at_checked(at)) else {
            out.extend_from_slice(rest);
            return;
        };
        out.extend_from_slice(plain);
        rest = match tail {
            [b'%', high, tail @ ..] if hex(*high).is_none() => {
                out.push(*high);
                tail
            }
            [b'%', high, low, tail @ ..] => {
                match hex_pair(&[*high, *low]) {
                    Some(b'?') if extent == Extent::Redirect => {
                        out.push(b'?');
                        out.extend_from_slice(tail);
                        return;
                    }
                    Some(b) if extent == Extent::All || (b > b'%' && b < 0x7f) => out.push(b),
                    Some(_) => out.extend_from_slice(&[b'%', *high, *low]),
                    None => {}
                }
                tail
            }
            [b'%', ..] => return,
            _ => {
                out.extend_from_slice(tail);
                return;
            }
        };
    }
}
