//! DER: the encoding of keys and certificates, as far as it has to be read here.
//!
//! *In nginx* OpenSSL's business.
//!
//! *Here* rustls verifies certificates and shows nothing of them, so what variables show is read here: a
//! value has a tag and a length and contains others. Bytes come from strangers; whatever does not fit is a
//! `None`.
//!
//! ```text
//!   30 0a | 02 01 05 | 0c 05 'h' 'e' 'l' 'l' 'o'      SEQUENCE { INTEGER 5, UTF8String "hello" }
//! ```
//!
//! *Read next*: `certificate.rs`.

/// A SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// A SET.
pub const SET: u8 = 0x31;
/// An INTEGER.
pub const INTEGER: u8 = 0x02;
/// A BIT STRING.
pub const BIT_STRING: u8 = 0x03;
/// An OBJECT IDENTIFIER.
pub const OID: u8 = 0x06;

/// One value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'a> {
    /// What it is.
    pub tag: u8,
    /// What it contains.
    pub body: &'a [u8],
    /// The same with tag and length in front.
    pub whole: &'a [u8],
}

impl<'a> Value<'a> {
    /// What it consists of.
    pub fn inside(&self) -> Der<'a> {
        Der { rest: self.body }
    }

    /// The bytes of a BIT STRING of whole bytes.
    pub fn bits(&self) -> Option<&'a [u8]> {
        match self.body {
            [0, bytes @ ..] if self.tag == BIT_STRING => Some(bytes),
            _ => None,
        }
    }
}

/// Values, one behind the other.
#[derive(Clone, Copy, Debug)]
pub struct Der<'a> {
    rest: &'a [u8],
}

impl<'a> Der<'a> {
    /// The values in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Der<'a> {
        Der { rest: bytes }
    }

    /// Whether nothing is left, be it a value or not.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next value if it has this tag, else nothing, and the place is kept.
    pub fn tagged(&mut self, tag: u8) -> Option<Value<'a>> {
        if *self.rest.first()? == tag { self.next() } else { None }
    }
}

impl<'a> Iterator for Der<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let [tag, first, after @ ..] = self.rest else { return None };
        let (len, head) = match first {
            0..=0x7f => (usize::from(*first), 2),
            // Nothing that is read here is longer than four bytes can say.
            0x81..=0x84 => {
                let count = usize::from(first & 0x7f);
                let digits = after.get(..count)?;
                (digits.iter().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte)), count + 2)
            }
            _ => return None,
        };
        let end = head.checked_add(len)?;
        let value = Value { tag: *tag, body: self.rest.get(head..end)?, whole: self.rest.get(..end)? };
        self.rest = self.rest.get(end..)?;
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_one_by_one_and_what_is_cut_is_none() {
        let bytes = [0x30, 0x0a, 2, 1, 5, 0x0c, 5, b'h', b'e', b'l', b'l', b'o'];
        let mut all = Der::new(&bytes);
        let sequence = all.next().expect("a sequence");
        assert_eq!((sequence.tag, sequence.whole), (SEQUENCE, &bytes[..]));
        let mut inside = sequence.inside();
        assert_eq!(inside.tagged(OID), None);
        assert_eq!(inside.tagged(INTEGER).map(|value| value.body), Some(&[5u8][..]));
        assert_eq!(inside.next().map(|value| value.body), Some(&b"hello"[..]));
        assert_eq!(inside.next(), None);
        for cut in 0..bytes.len() {
            assert_eq!(Der::new(&bytes[..cut]).next(), None);
        }
        assert_eq!(Der::new(&[0x30, 0x80, 0, 0]).next(), None);
        assert_eq!(Der::new(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]).next(), None);
    }
}
