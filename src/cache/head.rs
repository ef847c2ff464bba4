//! The head of a file of the cache: what must be known before the reply in it is looked at.
//!
//! *In nginx* `ngx_http_file_cache_header_t`, a C struct written as it lies in memory, behind it a line
//! `KEY: …` that people search for with grep.
//!
//! *Here* a block of fixed size with a version, numbers in little-endian, and a checksum over it and the
//! key. The `KEY: …` line is there too. A head can be written over in place, since its length depends on the
//! key alone; who reads it at that moment sees a checksum that does not fit, and fetches the reply again.
//! Whatever the bytes are, parsing ends in a head or in the kind of [`Damage`].
//!
//! ```text
//!   magic version lengths times places variant etag vary checksum size │ \nKEY: text\n │ reply's head │ body
//!   └────────────────────────── FIXED ─────────────────────────────────┘   header_start ▲   body_start ▲
//! ```
//!
//! *Read next*: `files.rs`, how a file comes to its place.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The first bytes of every file.
const MAGIC: [u8; 8] = *b"HWCACHE\n";
/// Files of another version are fetched again.
const VERSION: u16 = 2;
/// The longest entity tag, and the longest `Vary`, that a head has room for, in bytes.
pub const LONGEST_TAG: usize = 128;
/// The block of fixed size: magic, 4 × 2, 5 × 8, 2 × 4, variant, two texts, checksum, length of the file.
const FIXED: usize = SUMMED + 4 + 8;
/// What the checksum is about, with the key.
const SUMMED: usize = 8 + 8 + 40 + 8 + 16 + 2 * LONGEST_TAG;
const LABEL: &[u8] = b"\nKEY: ";
/// How much is read at first; the key of nearly every file ends within it.
const FIRST_READ: usize = 1024;
/// Keys do not get longer than this.
const LONGEST_KEY: usize = 1 << 20;

/// The head of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileHead {
    /// Until when the reply is fresh. Like all times here in seconds since 1970, 0 for none.
    pub valid_until: u64,
    /// Until when it may be served while somebody fetches a new one (`stale-while-revalidate`).
    pub stale_while_revalidate_until: u64,
    /// Until when it may be served if fetching fails (`stale-if-error`).
    pub stale_if_error_until: u64,
    /// The reply's `Last-Modified`.
    pub last_modified: u64,
    /// When it was fetched.
    pub date: u64,
    /// Where the body of the reply begins in the file, in bytes.
    pub body_start: u32,
    /// The reply's entity tag, quotes and all; empty for none, and for one too long.
    pub etag: Vec<u8>,
    /// The reply's `Vary`; empty for none. One too long must not be stored.
    pub vary: Vec<u8>,
    /// What the fields named there made of the request.
    pub variant: [u8; 16],
    /// How many bytes the whole file has, so that one cut short is seen; 0 while it is being written.
    pub file_len: u64,
    /// The text of the key.
    pub key: Vec<u8>,
}

/// Why bytes are no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// The head has so many bytes, and there are fewer.
    Short(usize),
    /// It is not a file of this cache.
    Foreign,
    /// It was written by another version.
    Version(u16),
    /// The checksum does not fit, or the numbers contradict each other.
    Broken,
    /// The file had so many bytes, and has other ones now.
    Cut(u64),
}

impl FileHead {
    /// The length of a head whose key is empty.
    pub const SHORTEST: usize = FIXED + LABEL.len() + 1;

    /// Where the head of the reply begins: the length of this head.
    pub fn header_start(&self) -> usize {
        FIXED.saturating_add(LABEL.len()).saturating_add(self.key.len()).saturating_add(1)
    }

    /// The bytes, [`header_start`](FileHead::header_start) of them.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.header_start());
        let tag = |text: &[u8]| if text.len() <= LONGEST_TAG { text.to_vec() } else { Vec::new() };
        let (etag, vary) = (tag(&self.etag), tag(&self.vary));
        out.extend(MAGIC);
        for short in [u64::from(VERSION), etag.len() as u64, vary.len() as u64, 0] {
            out.extend((short as u16).to_le_bytes());
        }
        for time in [
            self.valid_until,
            self.stale_while_revalidate_until,
            self.stale_if_error_until,
            self.last_modified,
            self.date,
        ] {
            out.extend(time.to_le_bytes());
        }
        out.extend(self.body_start.to_le_bytes());
        out.extend(u32::try_from(self.key.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(self.variant);
        for mut text in [etag, vary] {
            text.resize(LONGEST_TAG, 0);
            out.extend(text);
        }
        let sum = checksum(&out, &self.key);
        out.extend(sum.to_le_bytes());
        out.extend(self.file_len.to_le_bytes());
        out.extend(LABEL);
        out.extend(&self.key);
        out.push(b'\n');
        out
    }

    /// The head at the beginning of these bytes.
    ///
    /// # Errors
    /// The kind of damage.
    pub fn parse(bytes: &[u8]) -> Result<FileHead, Damage> {
        let mut rest = Reader(bytes);
        if rest.array() != Some(MAGIC) {
            return Err(if MAGIC.starts_with(bytes) { Damage::Short(FIXED) } else { Damage::Foreign });
        }
        match rest.u16() {
            Some(VERSION) => {}
            Some(other) => return Err(Damage::Version(other)),
            None => return Err(Damage::Short(FIXED)),
        }
        let (head, key_len, lens) = rest.fixed().ok_or(Damage::Short(FIXED))?;
        let sum = rest.u32().ok_or(Damage::Short(FIXED))?;
        let file_len = rest.u64().ok_or(Damage::Short(FIXED))?;
        if key_len > LONGEST_KEY {
            return Err(Damage::Broken);
        }
        let whole = FIXED.saturating_add(LABEL.len()).saturating_add(key_len).saturating_add(1);
        let label = rest.take(LABEL.len()).ok_or(Damage::Short(whole))?;
        let key = rest.take(key_len).ok_or(Damage::Short(whole))?;
        let end = rest.take(1).ok_or(Damage::Short(whole))?;
        let summed = bytes.get(..SUMMED).ok_or(Damage::Broken)?;
        if checksum(summed, key) != sum || label != LABEL || end != b"\n" {
            return Err(Damage::Broken);
        }
        let head = FileHead { key: key.to_vec(), file_len, ..head.cut(lens).ok_or(Damage::Broken)? };
        if usize::try_from(head.body_start).unwrap_or(usize::MAX) < head.header_start() {
            return Err(Damage::Broken);
        }
        Ok(head)
    }

    /// The head of a file.
    ///
    /// # Errors
    /// What read(2) said, outside; the kind of damage, inside.
    pub fn read(file: &File) -> io::Result<Result<FileHead, Damage>> {
        let mut bytes = vec![0; FIRST_READ];
        loop {
            let len = read_up_to(file, &mut bytes)?;
            let parsed = FileHead::parse(bytes.get(..len).unwrap_or_default());
            match parsed {
                Err(Damage::Short(whole)) if len == bytes.len() && whole > len => bytes.resize(whole, 0),
                Ok(head) => return Ok(head.checked(file.metadata()?.len())),
                Err(damage) => return Ok(Err(damage)),
            }
        }
    }

    /// Writes the head over that of a file whose key is the same: a reply that was found fresh again.
    ///
    /// # Errors
    /// What write(2) said.
    pub fn write_over(&self, file: &File) -> io::Result<()> {
        file.write_all_at(&self.to_bytes(), 0)
    }

    /// Writes down how long the file has become. The head is written first, and only the last byte tells.
    ///
    /// # Errors
    /// What write(2) said.
    pub fn set_len(file: &File, len: u64) -> io::Result<()> {
        file.write_all_at(&len.to_le_bytes(), FIXED as u64 - 8)
    }

    /// The head of a file that really has `len` bytes.
    ///
    /// # Errors
    /// It was longer when it was put into its place.
    pub fn checked(self, len: u64) -> Result<FileHead, Damage> {
        let whole = self.file_len == len || self.file_len == 0;
        if whole { Ok(self) } else { Err(Damage::Cut(self.file_len)) }
    }

    /// Cuts the texts, which fill their room with zeros, to their lengths.
    fn cut(mut self, (etag, vary): (usize, usize)) -> Option<FileHead> {
        for (text, len) in [(&mut self.etag, etag), (&mut self.vary, vary)] {
            if len > text.len() {
                return None;
            }
            text.truncate(len);
        }
        Some(self)
    }
}

fn checksum(fixed: &[u8], key: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new();
    sum.update(fixed);
    sum.update(key);
    sum.finalize()
}

fn read_up_to(file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    while let Some(room) = bytes.get_mut(len..).filter(|room| !room.is_empty()) {
        match file.read_at(room, len as u64) {
            Ok(0) => break,
            Ok(n) => len = len.saturating_add(n),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

/// Takes bytes from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// The block behind the version, and the lengths of key, tag and vary.
    fn fixed(&mut self) -> Option<(FileHead, usize, (usize, usize))> {
        let lens = (usize::from(self.u16()?), usize::from(self.u16()?));
        self.u16()?;
        let mut head = FileHead {
            valid_until: self.u64()?,
            stale_while_revalidate_until: self.u64()?,
            stale_if_error_until: self.u64()?,
            last_modified: self.u64()?,
            date: self.u64()?,
            body_start: self.u32()?,
            ..FileHead::default()
        };
        let key_len = usize::try_from(self.u32()?).ok()?;
        head.variant = self.array()?;
        head.etag = self.take(LONGEST_TAG)?.to_vec();
        head.vary = self.take(LONGEST_TAG)?.to_vec();
        Some((head, key_len, lens))
    }
}
