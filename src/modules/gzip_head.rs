//! The head of a gzip member, byte by byte (RFC 1952, section 2.3).
//!
//! *In nginx* zlib reads it (`inflateInit2` with 16 added to the window bits).
//!
//! *Here* deflate alone is the library's, so that a body may come in any pieces and have any number of
//! members. The head is ten bytes and, as its flags say, an extra field, a name, a comment and a checksum,
//! all of which are skipped.
//!
//! ```text
//!   1f 8b 08 FLAGS time×4 xfl os [len len extra…] [name… 0] [comment… 0] [crc crc]
//! ```
//!
//! *Read next*: `gunzip.rs`.

const CHECKSUM: u8 = 2;
const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;

/// Whether the head ends with the byte just taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadStep {
    /// No.
    More,
    /// Yes: deflate follows.
    Done,
}

/// How far a head has been read.
#[derive(Debug, Default)]
pub struct Head {
    /// Bytes of the fixed part that have come.
    fixed: u8,
    /// Optional parts that are still to come, as in the flags.
    flags: u8,
    /// Bytes of the length of the extra field that have come, and the length.
    extra: (u8, u16),
    /// Bytes of the checksum that have come.
    checksum: u8,
}

impl Head {
    /// Takes one byte.
    ///
    /// # Errors
    /// A text for the log when this is no gzip.
    pub fn take(&mut self, byte: u8) -> Result<HeadStep, &'static str> {
        if self.fixed < 10 {
            let fits = match self.fixed {
                0 => byte == 0x1f,
                1 => byte == 0x8b,
                2 => byte == 8,
                3 => byte & 0xe0 == 0,
                _ => true,
            };
            if !fits {
                return Err("inflate() failed: incorrect header check");
            }
            if self.fixed == 3 {
                self.flags = byte;
            }
            self.fixed += 1;
        } else {
            self.optional(byte);
        }
        let rest = self.flags & (EXTRA | NAME | COMMENT | CHECKSUM);
        Ok(if self.fixed == 10 && rest == 0 { HeadStep::Done } else { HeadStep::More })
    }

    fn optional(&mut self, byte: u8) {
        if self.flags & EXTRA != 0 {
            let (come, length) = &mut self.extra;
            match *come {
                0 => *length = u16::from(byte),
                1 => *length |= u16::from(byte) << 8,
                _ => *length -= 1,
            }
            *come = (*come + 1).min(2);
            if *come == 2 && *length == 0 {
                self.flags &= !EXTRA;
            }
        } else if self.flags & NAME != 0 {
            if byte == 0 {
                self.flags &= !NAME;
            }
        } else if self.flags & COMMENT != 0 {
            if byte == 0 {
                self.flags &= !COMMENT;
            }
        } else {
            self.checksum += 1;
            if self.checksum == 2 {
                self.flags &= !CHECKSUM;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn length(bytes: &[u8]) -> Option<usize> {
        let mut head = Head::default();
        bytes.iter().position(|byte| head.take(*byte) == Ok(HeadStep::Done)).map(|at| at + 1)
    }

    #[test]
    fn optional_parts_are_skipped() {
        assert_eq!(length(b"\x1f\x8b\x08\0\0\0\0\0\0\x03rest"), Some(10));
        assert_eq!(length(b"\x1f\x8b\x08\x1e\0\0\0\0\0\x03\x02\0abname\0\0ccrest"), Some(10 + 4 + 5 + 1 + 2));
        assert_eq!(length(b"\x1f\x8b\x08\x04\0\0\0\0\0\x03\0\0rest"), Some(12));
        assert!(Head::default().take(b'x').is_err());
    }
}
