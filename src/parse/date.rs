//! Dates of HTTP.
//!
//! *In nginx* `ngx_parse_http_time`, which reads the three forms of RFC 9110, section 5.6.7.
//!
//! *Here* the same three by way of the httpdate crate, as seconds since 1970, the unit of file times.
//!
//! *Read next*: `log/clock.rs: http_date`, the way back.

use std::time::UNIX_EPOCH;

/// The moment a date field names, in seconds since 1970. None for what is no date, or one before 1970.
pub fn parse(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let moment = httpdate::parse_http_date(text).ok()?;
    let since = moment.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_are_read_and_nothing_else() {
        let moment = Some(784_111_777);
        assert_eq!(parse(b"Sun, 06 Nov 1994 08:49:37 GMT"), moment);
        assert_eq!(parse(b"Sunday, 06-Nov-94 08:49:37 GMT"), moment);
        assert_eq!(parse(b"Sun Nov  6 08:49:37 1994"), moment);
        for wrong in [&b""[..], b"wrong", b"\"tag\"", b"Sun, 06 Nov 1994", b"\xff"] {
            assert_eq!(parse(wrong), None);
        }
    }
}
