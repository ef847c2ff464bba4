//! Small rules of text protocols that several modules share.
//!
//! *In nginx* they are spread over the modules, where they exist at all.
//!
//! *Here* functions over bytes. The most important is [`one_line`]: what a stranger chose must not become a
//! line of its own in a request to a peer, in any protocol whose lines end with LF.
//!
//! *Read next*: `http1/request.rs`.

use crate::buf::Slice;
use crate::util::swar;

/// True for a byte that may stand in a token: a method, a field name (RFC 9110, section 5.6.2).
pub const fn is_token_byte(b: u8) -> bool {
    TOKEN[b as usize]
}

/// One answer per byte value, so indexing with a byte cannot fail.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 256 {
        table[b] = stands_in_tokens(b as u8);
        b += 1;
    }
    table
};

const fn stands_in_tokens(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(
            b,
            b'!' | b'#'
                | b'$'
                | b'%'
                | b'&'
                | b'\''
                | b'*'
                | b'+'
                | b'-'
                | b'.'
                | b'^'
                | b'_'
                | b'`'
                | b'|'
                | b'~'
        )
}

/// True for a token: at least one byte and only such bytes.
pub fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&b| is_token_byte(b))
}

fn breaks(b: &u8) -> bool {
    matches!(b, b'\r' | b'\n' | b'\0')
}

/// True if the text has no CR, LF or NUL, and a line that it is put in stays one line.
pub fn is_one_line(text: &[u8]) -> bool {
    // Nearly always there is no control byte at all.
    swar::control(text, 0).is_none_or(|at| !text.iter().skip(at).any(breaks))
}

/// The text with a blank for every CR, LF and NUL (RFC 9110, section 5.5). Nearly always the same view.
pub fn one_line(text: Slice) -> Slice {
    if is_one_line(&text) {
        return text;
    }
    Slice::from(text.iter().map(|b| if breaks(b) { b' ' } else { *b }).collect::<Vec<u8>>())
}

/// The words of a line, between single blanks or several.
pub fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| *b == b' ').filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_on_its_line() {
        assert_eq!(one_line(Slice::from("a\r\nHost: b\0c")), b"a  Host: b c");
        assert_eq!(one_line(Slice::from("plain")), b"plain");
    }

    #[test]
    fn words_and_tokens() {
        assert_eq!(words(b" VALUE  k 0").collect::<Vec<_>>(), [&b"VALUE"[..], b"k", b"0"]);
        for (text, token) in
            [("X-Y_z.~", true), ("", false), ("a b", false), ("a:", false), ("\u{e9}", false)]
        {
            assert_eq!(is_token(text.as_bytes()), token, "{text}");
        }
    }
}
