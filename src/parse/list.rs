//! Values that are lists: tokens between commas, cookies between semicolons, entity tags.
//!
//! *In nginx* these are `ngx_strcasestrn` on `Connection`, `ngx_http_parse_multi_header_lines` for cookies
//! and other lists, `ngx_http_parse_set_cookie_lines`, and `ngx_http_test_if_match`.
//!
//! *Here* functions over one value, or over the values of all fields of a name; they allocate nothing and
//! give slices of what they were given. Tokens are compared whole, so `xclose` is not `close`.
//!
//! *Read next*: `range.rs`, another list.

/// The elements of a comma-separated value, without blanks around them; empty ones are left out.
pub fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> + Clone {
    value.split(|&b| b == b',').map(trim).filter(|token| !token.is_empty())
}

/// Whether a comma-separated value has the element `token`, upper or lower case.
pub fn has_token(value: &[u8], token: &[u8]) -> bool {
    tokens(value).any(|t| t.eq_ignore_ascii_case(token))
}

/// `text` without blanks and tabs at both ends.
pub fn trim(text: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let lead = text.iter().take_while(|b| blank(b)).count();
    let text = text.get(lead..).unwrap_or_default();
    let tail = text.iter().rev().take_while(|b| blank(b)).count();
    text.get(..text.len() - tail).unwrap_or_default()
}

/// The value of `name=value` in a `Cookie` field (or another list of pairs).
///
/// As in nginx: names are compared without case, pairs are separated by semicolons only, and the first of
/// several wins.
pub fn cookie<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut rest = value;
    while !name.is_empty() && !rest.is_empty() {
        if let Some(found) = pair(rest, name) {
            return Some(found);
        }
        let next = memchr::memchr(b';', rest)?;
        rest = trim_start(rest.get(next + 1..)?);
    }
    None
}

/// [`cookie`] over all fields of one name, first to last.
pub fn find_in_all<'a>(values: impl IntoIterator<Item = &'a [u8]>, name: &[u8]) -> Option<&'a [u8]> {
    values.into_iter().find_map(|value| cookie(value, name))
}

/// The value a `Set-Cookie` field sets, if it sets the cookie `name`. Only the first pair counts; the
/// others are attributes.
pub fn set_cookie<'a>(value: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    if name.is_empty() { None } else { pair(value, name) }
}

/// The value if `text` begins with `name`, an equals sign and a value up to a semicolon.
fn pair<'a>(text: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (key, rest) = text.split_at_checked(name.len())?;
    if !key.eq_ignore_ascii_case(name) {
        return None;
    }
    let value = trim_start(trim_start(rest).strip_prefix(b"=")?);
    value.get(..memchr::memchr(b';', value).unwrap_or(value.len()))
}

fn trim_start(text: &[u8]) -> &[u8] {
    text.get(text.iter().take_while(|&&b| b == b' ').count()..).unwrap_or_default()
}

/// Whether an `If-Match` or `If-None-Match` value names `etag`, or is `*`.
///
/// With `weak` (If-None-Match) the mark `W/` is ignored on both sides; without it (If-Match) weak tags
/// match nothing (RFC 9110, section 8.8.3.2). Commas inside quotes belong to the tag.
pub fn etag_matches(value: &[u8], etag: &[u8], weak: bool) -> bool {
    let value = trim(value);
    if value == b"*" {
        return true;
    }
    let unmarked = |tag| <[u8]>::strip_prefix(tag, b"W/").unwrap_or(tag);
    let wanted = if weak { unmarked(etag) } else { etag };
    if wanted.is_empty() || (!weak && etag.starts_with(b"W/")) {
        return false;
    }
    let mut rest = value;
    while !rest.is_empty() {
        let end = tag_end(rest);
        let tag = trim(rest.get(..end).unwrap_or_default());
        if wanted == if weak { unmarked(tag) } else { tag } {
            return true;
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    false
}

/// Offset of the comma that ends the first tag, or the length.
fn tag_end(list: &[u8]) -> usize {
    let mut quoted = false;
    for (i, &b) in list.iter().enumerate() {
        match b {
            b'"' => quoted = !quoted,
            b',' if !quoted => return i,
            _ => {}
        }
    }
    list.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_compared_whole_and_without_case() {
        assert!(has_token(b"keep-alive, Close", b"close"));
        assert!(has_token(b"\tclose\t", b"close"));
        assert!(!has_token(b"xclose, close-x", b"close"));
        assert_eq!(tokens(b" a, ,b,").collect::<Vec<_>>(), [b"a", b"b"]);
    }

    #[test]
    fn cookies_are_found_by_name() {
        let value = b"a=1; B = 2 ; ab=3, c=4;d;=5; e=\"x,y\"; a=9";
        let rows: [(&str, Option<&str>); 8] = [
            ("a", Some("1")),
            ("b", Some("2 ")),
            ("ab", Some("3, c=4")),
            ("C", None),
            ("d", None),
            ("", None),
            ("e", Some("\"x,y\"")),
            ("f", None),
        ];
        for (name, found) in rows {
            assert_eq!(cookie(value, name.as_bytes()), found.map(str::as_bytes), "{name}");
        }
        assert_eq!(find_in_all([&b"x=1"[..], b"y=2"], b"y"), Some(&b"2"[..]));
        assert_eq!(set_cookie(b"sid=1; path=/", b"SID"), Some(&b"1"[..]));
        assert_eq!(set_cookie(b"sid=1; path=/", b"path"), None);
    }

    #[test]
    fn entity_tags_match_weakly_or_strongly() {
        let rows: [(&str, &str, bool, bool); 10] = [
            ("*", "\"a\"", false, true),
            ("\"a\"", "\"a\"", false, true),
            ("\"b\", \"a\"", "\"a\"", false, true),
            ("\"ab\"", "\"a\"", true, false),
            ("W/\"a\"", "\"a\"", false, false),
            ("W/\"a\"", "\"a\"", true, true),
            ("\"a\"", "W/\"a\"", true, true),
            ("\"a\"", "W/\"a\"", false, false),
            ("\"x,\"a\"", "\"a\"", true, false),
            ("", "\"a\"", true, false),
        ];
        for (value, etag, weak, expect) in rows {
            assert_eq!(
                etag_matches(value.as_bytes(), etag.as_bytes(), weak),
                expect,
                "{value} {etag} {weak}"
            );
        }
    }
}
