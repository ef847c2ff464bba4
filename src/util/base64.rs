//! Base64, as it stands in an Authorization field.
//!
//! *In nginx* `ngx_decode_base64`, used for basic authentication and secure links.
//!
//! *Here* both ways, for the usual alphabet and the one of URLs. It is strict about what is no letter
//! of the alphabet and lenient about missing padding, as nginx is.
//!
//! *Read next*: `http/vars/core/request.rs`.

/// The bytes behind a text in the usual alphabet (RFC 4648, section 4); None if it is not one.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(text, [b'+', b'/'])
}

/// The same for the alphabet of URLs (RFC 4648, section 5).
pub fn decode_url(text: &[u8]) -> Option<Vec<u8>> {
    decode_with(text, [b'-', b'_'])
}

/// The text of some bytes in the usual alphabet, padded.
pub fn encode(bytes: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * place) & 63) as usize);
            text.push(*letter.filter(|_| place <= three.len()).unwrap_or(&b'='));
        }
    }
    text
}

fn decode_with(text: &[u8], last: [u8; 2]) -> Option<Vec<u8>> {
    let end = text.iter().position(|b| *b == b'=').unwrap_or(text.len());
    let text = text.get(..end)?;
    // One letter has six bits: not enough for a byte.
    if text.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    let (mut bits, mut held) = (0u32, 0u32);
    for &letter in text {
        let value = match letter {
            b'A'..=b'Z' => letter - b'A',
            b'a'..=b'z' => letter - b'a' + 26,
            b'0'..=b'9' => letter - b'0' + 52,
            _ => 62 + u8::try_from(last.iter().position(|b| *b == letter)?).ok()?,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_are_decoded() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg", "foob")] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()), "{text}");
        }
        assert_eq!(decode(b"+/8="), Some(vec![0xfb, 0xff]));
        assert_eq!(decode_url(b"-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(decode(b"-_8"), None);
        assert_eq!(decode(b"A"), None);
    }
}
