//! Numbers as nginx writes them into headers, logs, variables and chunks.
//!
//! *In nginx* `ngx_sprintf` with `%ui`, `%T.%03M`, `%03ui` and `%xO`.
//!
//! *Here* the four of those, appended to memory that the caller has; `core::fmt` would do it, at ten times
//! the cost, and these are in the path of each request.
//!
//! ```text
//!   decimal 1042 ─▶ "1042"   seconds 1042 ─▶ "1.042"   three_digits 9 ─▶ "009"   hexadecimal 1042 ─▶ "412"
//! ```
//!
//! *Read next*: `address.rs`.

/// Appends a number.
pub fn decimal(out: &mut Vec<u8>, n: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
}

/// Appends milliseconds as seconds with three decimals.
pub fn seconds(out: &mut Vec<u8>, ms: u64) {
    decimal(out, ms / 1000);
    let digit = |n: u64| b'0' + (n % 10) as u8;
    out.extend_from_slice(&[b'.', digit(ms / 100), digit(ms / 10), digit(ms)]);
}

/// Appends a number with three digits at the least, zeros before it: a status.
pub fn three_digits(out: &mut Vec<u8>, n: u16) {
    match n {
        100.. => decimal(out, n.into()),
        _ => out.extend_from_slice(&[b'0', b'0' + (n / 10) as u8, b'0' + (n % 10) as u8]),
    }
}

/// Appends a number in hexadecimal digits: the size of a chunk.
pub fn hexadecimal(out: &mut Vec<u8>, n: u64) {
    let digits = (u64::BITS - n.leading_zeros()).div_ceil(4).max(1);
    out.extend((0..digits).rev().map(|at| match (n >> (4 * at)) as u8 & 15 {
        digit @ 0..10 => b'0' + digit,
        digit => b'a' - 10 + digit,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = b"x".to_vec();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn numbers_are_written_as_nginx_writes_them() {
        for n in [0, 7, 15, 16, 1000, 0xfabc, 1 << 32, u64::MAX] {
            assert_eq!(text(|out| hexadecimal(out, n)), format!("x{n:x}"));
            assert_eq!(text(|out| decimal(out, n)), format!("x{n}"));
            assert_eq!(text(|out| seconds(out, n)), format!("x{}.{:03}", n / 1000, n % 1000));
        }
        for n in [0, 9, 10, 99, 100, 200, u16::MAX] {
            assert_eq!(text(|out| three_digits(out, n)), format!("x{n:03}"));
        }
    }
}
