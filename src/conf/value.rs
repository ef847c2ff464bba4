//! What the words of a line can mean: flags, numbers, sizes, times, choices.
//!
//! *In nginx*: the `ngx_conf_set_*_slot` functions and `ngx_parse_size`, `ngx_parse_offset`,
//! `ngx_parse_time`. Each slot function finds its field by an offset from the command table.
//!
//! *Here*: pure parsers (bytes to Option) and, on [`Line`], what setters call: parse the first argument,
//! store it into a [`Setting`], refuse a second line of the same name in the same level. Wordings are
//! nginx's. This file must not know any directive.
//!
//! ```text
//!   proxy_read_timeout 1m30s;  ─ msec ─▶ 90000
//!   client_max_body_size 10m;  ─ size ─▶ 10485760
//!   sendfile on;               ─ flag ─▶ true
//!   server a weight=5;         ─ Arg::after("weight=") ─▶ "5"
//! ```
//!
//! NGINX: letters of units count: `m` is minutes, `M` months, `ms` milliseconds; but `K` is `k`.
//!
//! *Read next*: `merge` (Setting), `directive` (the tables these setters stand in).

use std::fmt::Display;

use super::build::Cx;
use super::error::ConfError;
use super::merge::Setting;
use super::tree::{Arg, Line};
use crate::util::nearest::nearest;

/// A decimal number, digits only. None also when it does not fit.
pub fn parse_number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |sum, byte| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// Bytes: a number with `k`, `m` or `g` behind it, or nothing. At most what a file offset can be.
pub fn parse_size(text: &[u8]) -> Option<u64> {
    let (digits, shift) = match text {
        [digits @ .., b'k' | b'K'] => (digits, 10),
        [digits @ .., b'm' | b'M'] => (digits, 20),
        [digits @ .., b'g' | b'G'] => (digits, 30),
        digits => (digits, 0),
    };
    let size = parse_number(digits)?.checked_mul(1 << shift)?;
    (size <= i64::MAX as u64).then_some(size)
}

/// A decimal number with a point, times a hundred, as of ratios: `1.5` is 150. At most two decimals.
pub fn parse_hundredths(text: &[u8]) -> Option<u64> {
    let Some(point) = text.iter().position(|b| *b == b'.') else {
        return parse_number(text)?.checked_mul(100);
    };
    let (whole, decimals) = (text.get(..point)?, text.get(point + 1..)?);
    let decimals = match decimals {
        [tenths @ b'0'..=b'9'] => u64::from(tenths - b'0') * 10,
        [_, _] => parse_number(decimals)?,
        _ => return None,
    };
    parse_number(whole)?.checked_mul(100)?.checked_add(decimals)
}

/// Units of time, longest first, in milliseconds. A month has 30 days and a year 365.
const UNITS: &[(&[u8], u64)] = &[
    (b"y", 365 * 24 * 3_600_000),
    (b"M", 30 * 24 * 3_600_000),
    (b"w", 7 * 24 * 3_600_000),
    (b"d", 24 * 3_600_000),
    (b"h", 3_600_000),
    (b"m", 60_000),
    (b"s", 1000),
    (b"ms", 1),
];

/// A time in milliseconds: `30s`, `1h30m`, `1d 12h`; a number without a unit is seconds and comes last.
pub fn parse_msec(text: &[u8]) -> Option<u64> {
    parse_time(text, true)
}

/// A time in seconds; as [`parse_msec`], but milliseconds are refused.
pub fn parse_sec(text: &[u8]) -> Option<u64> {
    parse_time(text, false).map(|ms| ms / 1000)
}

fn parse_time(text: &[u8], milliseconds: bool) -> Option<u64> {
    let (mut rest, mut total, mut longer) = (text, 0u64, u64::MAX);
    while !rest.is_empty() {
        let (digits, after) = split(rest, |b| b.is_ascii_digit());
        let (letters, after) = split(after, |b| b.is_ascii_alphabetic());
        let (_, after) = split(after, |b| b == b' ');
        let unit = match letters {
            b"" if after.is_empty() => 1000,
            _ => UNITS.iter().find(|(name, _)| *name == letters)?.1,
        };
        // Units must shrink from left to right, so each comes at most once.
        if unit >= longer && !letters.is_empty() || unit < 1000 && !milliseconds {
            return None;
        }
        total = total.checked_add(parse_number(digits)?.checked_mul(unit)?)?;
        (rest, longer) = (after, unit);
    }
    (!text.is_empty() && total <= i64::MAX as u64).then_some(total)
}

fn split(text: &[u8], belongs: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|b| !belongs(*b)).unwrap_or(text.len()))
}

impl Arg {
    /// The value of a `key=value` parameter: what stands behind `key`, which ends in `=`.
    pub fn after(&self, key: &str) -> Option<&[u8]> {
        self.strip_prefix(key.as_bytes())
    }

    /// Whether it is this word, exactly.
    pub fn is(&self, word: &str) -> bool {
        self.bytes() == word.as_bytes()
    }

    /// `invalid parameter "x"` and what was probably meant. Keys of `key=value` are listed with their `=`.
    pub fn invalid_parameter(&self, known: &[&str]) -> ConfError {
        let (key, value) = match self.iter().position(|b| *b == b'=') {
            Some(equals) => self.split_at(equals + 1),
            None => (self.bytes(), &b""[..]),
        };
        // A known key with a bad value needs no hint.
        let hint = nearest(key, known.iter().copied()).filter(|near| near.as_bytes() != key);
        // What is meant may be a word without a value.
        let value = |near: &str| String::from_utf8_lossy(if near.ends_with('=') { value } else { b"" });
        let hint = hint.map(|near| format!(" (did you mean \"{near}{}\"?)", value(near))).unwrap_or_default();
        ConfError::at(format_args!("invalid parameter \"{self}\"{hint}"), self.at())
    }

    /// `invalid value "x"` and what was probably meant.
    pub fn invalid_value<'a>(&self, known: impl IntoIterator<Item = &'a str>) -> ConfError {
        let hint = nearest(self, known);
        let hint = hint.map(|near| format!(" (did you mean \"{near}\"?)")).unwrap_or_default();
        ConfError::at(format_args!("invalid value \"{self}\"{hint}"), self.at())
    }
}

/// What setters are made of. Those that take a [`Setting`] read the first argument, and say `is duplicate`
/// when this level has a value already.
impl Line {
    /// An argument, counted from 0; an error when the table allowed fewer.
    pub fn arg(&self, at: usize) -> Result<&Arg, ConfError> {
        self.args.get(at).ok_or_else(|| {
            self.err(format_args!("invalid number of arguments in \"{}\" directive", self.name))
        })
    }

    /// Refuses a second line: `"NAME" directive is duplicate`.
    pub fn refuse_duplicate(&self, already: bool) -> Result<(), ConfError> {
        if already { Err(self.directive_err("is duplicate")) } else { Ok(()) }
    }

    /// Stores a value the setter made itself.
    pub fn store<T>(&self, setting: &mut Setting<T>, value: T) -> Result<(), ConfError> {
        self.refuse_duplicate(setting.is_set())?;
        setting.set(value);
        Ok(())
    }

    fn parse<T>(
        &self,
        setting: &mut Setting<T>,
        parser: impl Fn(&[u8]) -> Option<T>,
        wrong: impl Display,
    ) -> Result<(), ConfError> {
        self.refuse_duplicate(setting.is_set())?;
        let value = parser(self.arg(0)?).ok_or_else(|| self.directive_err(wrong))?;
        setting.set(value);
        Ok(())
    }

    /// `on` or `off`, in any case of letters.
    pub fn flag(&self, setting: &mut Setting<bool>) -> Result<(), ConfError> {
        self.refuse_duplicate(setting.is_set())?;
        let arg = self.arg(0)?;
        let value = match arg.to_ascii_lowercase().as_slice() {
            b"on" => true,
            b"off" => false,
            _ => {
                let (name, must) = (&self.name, "it must be \"on\" or \"off\"");
                return Err(self.err(format_args!("invalid value \"{arg}\" in \"{name}\" directive, {must}")));
            }
        };
        setting.set(value);
        Ok(())
    }

    /// A decimal number.
    pub fn number(&self, setting: &mut Setting<u64>) -> Result<(), ConfError> {
        self.parse(setting, parse_number, "invalid number")
    }

    /// Bytes, with `k`, `m` or `g`.
    pub fn size(&self, setting: &mut Setting<u64>) -> Result<(), ConfError> {
        self.parse(setting, parse_size, "invalid value")
    }

    /// A time, stored in milliseconds.
    pub fn msec(&self, setting: &mut Setting<u64>) -> Result<(), ConfError> {
        self.parse(setting, parse_msec, "invalid value")
    }

    /// A time, stored in seconds.
    pub fn sec(&self, setting: &mut Setting<u64>) -> Result<(), ConfError> {
        self.parse(setting, parse_sec, "invalid value")
    }

    /// How many buffers and how large each: `8 4k`. Neither may be zero.
    pub fn buffers(&self, setting: &mut Setting<(u64, u64)>) -> Result<(), ConfError> {
        self.refuse_duplicate(setting.is_set())?;
        match (parse_number(self.arg(0)?), parse_size(self.arg(1)?)) {
            (Some(count @ 1..), Some(size @ 1..)) => setting.set((count, size)),
            _ => return Err(self.directive_err("invalid value")),
        }
        Ok(())
    }

    /// Any bytes, as they stand: `Vec<u8>`, `Box<[u8]>` or `Rc<[u8]>`.
    pub fn string<T: for<'x> From<&'x [u8]>>(&self, setting: &mut Setting<T>) -> Result<(), ConfError> {
        let value = T::from(self.arg(0)?.bytes());
        self.store(setting, value)
    }

    /// UTF-8 text.
    pub fn text(&self, setting: &mut Setting<String>) -> Result<(), ConfError> {
        let value = self.arg(0)?.as_str()?.to_owned();
        self.store(setting, value)
    }

    /// One word of a table, in any case of letters.
    pub fn choice<T: Copy>(&self, setting: &mut Setting<T>, table: &[(&str, T)]) -> Result<(), ConfError> {
        self.refuse_duplicate(setting.is_set())?;
        setting.set(word_of(self.arg(0)?, table)?);
        Ok(())
    }

    /// Words of a table, or-ed together. The first line replaces the default.
    /// NGINX: more lines of the same name are not duplicates, they add.
    pub fn bits(&self, setting: &mut Setting<u32>, table: &[(&str, u32)]) -> Result<(), ConfError> {
        let mut mask = if setting.is_set() { **setting } else { 0 };
        for arg in &self.args {
            mask |= word_of(arg, table)?;
        }
        setting.set(mask);
        Ok(())
    }
}

fn word_of<T: Copy>(arg: &Arg, table: &[(&str, T)]) -> Result<T, ConfError> {
    let row = table.iter().find(|(word, _)| arg.eq_ignore_ascii_case(word.as_bytes()));
    row.map(|(_, value)| *value).ok_or_else(|| arg.invalid_value(table.iter().map(|(word, _)| *word)))
}

impl Cx<'_> {
    /// Warns of words that a list has twice: `duplicate value "x"`. For setters that use [`Line::bits`].
    pub fn warn_repeated(&mut self, line: &Line) {
        for (at, arg) in line.args.iter().enumerate() {
            if line.args.iter().take(at).any(|earlier| earlier.eq_ignore_ascii_case(arg)) {
                self.warn(&line.at, format_args!("duplicate value \"{arg}\""));
            }
        }
    }
}

#[cfg(test)]
#[path = "value_tests.rs"]
mod tests;
