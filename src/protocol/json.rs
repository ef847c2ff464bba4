//! JSON strings made of bytes that come in pieces.
//!
//! *In nginx* `escape=json` of log formats; nothing for replies, since none of its modules makes them.
//!
//! *Here* what [`Values`](super::values::Values) need to write JSON without holding a value: [`Text`] is
//! fed parts of a string, cut anywhere, even within a character. Bytes that are no UTF-8 become U+FFFD,
//! because JSON has no other bytes to offer (RFC 8259, section 8.1).
//!
//! ```text
//!   push "caf\xc3" ─▶ caf        (the first half of an é is kept back)
//!   push "\xa9\n"  ─▶ é\n        finish ─▶ nothing
//! ```
//!
//! *Read next*: `values.rs`.

/// A string on its way into JSON; quotes are the caller's.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// The beginning of a character whose end has not come.
    pending: Vec<u8>,
}

impl Text {
    /// Writes what can be written of the string so far.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let joined;
        let mut rest = bytes;
        if !self.pending.is_empty() {
            joined = [&std::mem::take(&mut self.pending), bytes].concat();
            rest = &joined;
        }
        loop {
            let error = match std::str::from_utf8(rest) {
                Ok(text) => return escape(text, out),
                Err(error) => error,
            };
            let (good, bad) = rest.split_at_checked(error.valid_up_to()).unwrap_or((rest, b""));
            escape(std::str::from_utf8(good).unwrap_or_default(), out);
            let Some(length) = error.error_len() else {
                self.pending = bad.to_vec();
                return;
            };
            out.extend_from_slice("\u{fffd}".as_bytes());
            rest = bad.get(length..).unwrap_or_default();
        }
    }

    /// The string is over.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.pending).is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

fn escape(text: &str, out: &mut Vec<u8>) {
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_the_same_wherever_it_is_cut() {
        let bytes = "caf\u{e9} \"\\\n\u{1} \u{1f600}".bytes().chain([0xff, b'x', 0xc3]).collect::<Vec<u8>>();
        let want = "\"caf\u{e9} \\\"\\\\\\n\\u0001 \u{1f600}\u{fffd}x\u{fffd}\"";
        let (mut text, mut whole) = (Text::default(), b"\"".to_vec());
        text.push(&bytes, &mut whole);
        text.finish(&mut whole);
        whole.push(b'"');
        assert_eq!(String::from_utf8(whole.clone()), Ok(want.to_owned()));
        assert!(serde_json::from_slice::<String>(&whole).is_ok());
        for cut in 0..=bytes.len() {
            let (mut text, mut out) = (Text::default(), b"\"".to_vec());
            text.push(&bytes[..cut], &mut out);
            text.push(&bytes[cut..], &mut out);
            text.finish(&mut out);
            out.push(b'"');
            assert_eq!(out, whole, "{cut}");
        }
    }
}
