//! The fields that say how long a message is.
//!
//! *In nginx* these checks stand in `ngx_http_process_request_header` (requests) and
//! `ngx_http_upstream_process_content_length` and its neighbour (replies).
//!
//! *Here* are the values only. RFC 9112, section 6: a length is digits, a coding is `chunked` and nothing
//! else. Which fields may occur together is decided once, by [`body`], for both directions: a message
//! whose length can be read in two ways is how requests are smuggled past a proxy.
//!
//! *Read next*: `chunked.rs`.

use super::Bad;

/// How long a body is, by its head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Neither field: no body in a request, until close in a reply.
    Unstated,
    /// `Content-Length`.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// The value of a `Content-Length` field: digits, nothing else, at most 2⁶³−1.
///
/// Errors: `InvalidLength`.
pub fn content_length(value: &[u8]) -> Result<u64, Bad> {
    if value.is_empty() {
        return Err(Bad::InvalidLength);
    }
    let length = value.iter().try_fold(0u64, |n, &b| {
        let digit = b.checked_sub(b'0').filter(|&d| d < 10)?;
        n.checked_mul(10)?.checked_add(u64::from(digit))
    });
    // File offsets are signed.
    length.filter(|&n| i64::try_from(n).is_ok()).ok_or(Bad::InvalidLength)
}

/// The value of a `Transfer-Encoding` field: Ok if it is `chunked` in any case.
///
/// Errors: `RepeatedEncoding` (400) for `chunked` more than once, else `UnknownEncoding` (501).
pub fn transfer_encoding(value: &[u8]) -> Result<(), Bad> {
    if value.eq_ignore_ascii_case(b"chunked") {
        return Ok(());
    }
    let mut tokens = super::list::tokens(value);
    let repeated = tokens.clone().count() > 1 && tokens.all(|t| t.eq_ignore_ascii_case(b"chunked"));
    Err(if repeated { Bad::RepeatedEncoding } else { Bad::UnknownEncoding })
}

/// Judges all `Content-Length` and `Transfer-Encoding` values of one head, of a version as nginx counts it.
///
/// Errors: those of the values; `RepeatedEncoding` and `RepeatedLength` for fields that occur twice, even
/// with the same value; `LengthAndEncoding` for both kinds together; `EncodingTooOld` before HTTP/1.1.
pub fn body<'a>(
    lengths: impl IntoIterator<Item = &'a [u8]>,
    encodings: impl IntoIterator<Item = &'a [u8]>,
    version: u32,
) -> Result<Body, Bad> {
    let mut body = Body::Unstated;
    for value in encodings {
        transfer_encoding(value)?;
        if body == Body::Chunked {
            return Err(Bad::RepeatedEncoding);
        }
        body = Body::Chunked;
    }
    if body == Body::Chunked && version < 1001 {
        return Err(Bad::EncodingTooOld);
    }
    for value in lengths {
        let length = content_length(value)?;
        body = match body {
            Body::Unstated => Body::Length(length),
            Body::Length(_) => return Err(Bad::RepeatedLength),
            Body::Chunked => return Err(Bad::LengthAndEncoding),
        };
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_digits_only() {
        for (text, length) in [("0", 0), ("42", 42), ("00042", 42), ("9223372036854775807", i64::MAX as u64)]
        {
            assert_eq!(content_length(text.as_bytes()), Ok(length));
        }
        for text in
            ["", "+1", "-1", "1 ", "1,1", "0x1", "1.0", "9223372036854775808", "99999999999999999999999"]
        {
            assert_eq!(content_length(text.as_bytes()), Err(Bad::InvalidLength), "{text}");
        }
    }

    #[test]
    fn only_chunked_is_a_known_coding() {
        assert_eq!(transfer_encoding(b"ChunKed"), Ok(()));
        for text in
            ["", "identity", "gzip, chunked", "chunked, identity", "xchunked", "chunked;a", "\"chunked\""]
        {
            assert_eq!(transfer_encoding(text.as_bytes()), Err(Bad::UnknownEncoding), "{text}");
        }
        assert_eq!(transfer_encoding(b"chunked, chunked"), Err(Bad::RepeatedEncoding));
        assert_eq!((Bad::UnknownEncoding.status(), Bad::RepeatedEncoding.status()), (501, 400));
    }

    #[test]
    fn a_message_states_its_length_once() {
        let run = |lengths: &[&'static str], encodings: &[&'static str], version| {
            body(lengths.iter().map(|v| v.as_bytes()), encodings.iter().map(|v| v.as_bytes()), version)
        };
        assert_eq!(run(&[], &[], 1001), Ok(Body::Unstated));
        assert_eq!(run(&["5"], &[], 1000), Ok(Body::Length(5)));
        assert_eq!(run(&[], &["chunked"], 1001), Ok(Body::Chunked));
        assert_eq!(run(&["5", "5"], &[], 1001), Err(Bad::RepeatedLength));
        assert_eq!(run(&[], &["chunked", "chunked"], 1001), Err(Bad::RepeatedEncoding));
        assert_eq!(run(&["5"], &["chunked"], 1001), Err(Bad::LengthAndEncoding));
        assert_eq!(run(&[], &["chunked"], 1000), Err(Bad::EncodingTooOld));
    }
}
