//! memcached the other way round: storing and deleting.
//!
//! *In nginx* nothing; values are put there by somebody else.
//!
//! *Here* with `memcached_write on` a PUT sets a value to the request's body, a POST adds one unless
//! there is one, a DELETE deletes. A value's flags and time to live are variables (`$memcached_flags`,
//! `$memcached_exptime`), as the key is.
//!
//! ```text
//!   PUT /a  hello    set /a 0 60 5\r\nhello\r\n     STORED 201
//!   POST /a hello    add /a 0 60 5\r\nhello\r\n     STORED 201 · NOT_STORED 409
//!   DELETE /a        delete /a\r\n                  DELETED 204 · NOT_FOUND 404
//! ```
//!
//! A server that does not like the line in front of a value may take the value for commands. So
//! whatever it could dislike (a long key, a number that is none) is refused before it is asked.
//!
//! *Read next*: `bench/mod.rs`, for how to try a module.

use super::memcached::MemcachedLocation;
use super::out::Wrap;
use super::scgi::known_length;
use super::{Body, Fault, Head, Out, Request};
use crate::buf::Slice;
use crate::conf::directive::{Args, Directive, LEVELS};

/// The directive that lets requests do so.
pub const WRITE: Directive = Directive::of("memcached_write", LEVELS, Args::Flag)
    .default("off")
    .doc(
        "Whether PUT, POST and DELETE set, add and delete the value of $memcached_key, with \
                 $memcached_flags and $memcached_exptime.",
    )
    .set(|cx, line| line.flag(&mut cx.conf::<MemcachedLocation>().write));

/// The longest key memcached takes.
const LONGEST_KEY: usize = 250;

/// More than any memcached can be told to take.
const LARGEST: u64 = 1 << 30;

/// A value: its bytes as they are, and a line end behind them.
pub struct Line;

impl Wrap for Line {
    fn before(&self, _: u64) -> Slice {
        Slice::EMPTY
    }

    fn after(&self, _: u64) -> Slice {
        Slice::EMPTY
    }

    fn end(&self) -> Slice {
        Slice::from("\r\n")
    }
}

/// Writes the command of a method that changes something; `key` is escaped.
///
/// # Errors
/// `Refuse`: 405 for any other method, 400 for what memcached would not understand, 411 and 413 for a body.
pub fn command(r: &mut dyn Request, key: &[u8], out: &mut Out) -> Result<(), Fault> {
    if key.len() > LONGEST_KEY {
        return Err(Fault::Refuse(400));
    }
    let verb: &[u8] = match r.method() {
        b"PUT" => b"set ",
        b"POST" => b"add ",
        b"DELETE" => {
            out.write_all(&[b"delete ", key, b"\r\n"]);
            return Ok(());
        }
        _ => return Err(Fault::Refuse(405)),
    };
    let length = known_length(r.body()).ok_or(Fault::Refuse(411))?;
    if length > LARGEST {
        return Err(Fault::Refuse(413));
    }
    let flags: u32 = number(r, "memcached_flags")?;
    let exptime: i32 = number(r, "memcached_exptime")?;
    out.write_all(&[verb, key, format!(" {flags} {exptime} {length}\r\n").as_bytes()]);
    match r.body() {
        Body::None | Body::Length(0) => out.write(b"\r\n"),
        _ => out.body(&Line),
    }
    Ok(())
}

/// A variable that is a number; zero if it is not set.
fn number<T: std::str::FromStr + Default>(r: &mut dyn Request, name: &str) -> Result<T, Fault> {
    let Some(text) = r.var(name).filter(|text| !text.is_empty()) else { return Ok(T::default()) };
    let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok());
    number.ok_or(Fault::Refuse(400))
}

/// Reads the answer to such a command.
///
/// # Errors
/// `Invalid`: it is none.
pub fn answer(line: &Slice, head: &mut Head) -> Result<(), Fault> {
    let status = match &line[..] {
        b"STORED" => 201,
        b"DELETED" => 204,
        b"NOT_FOUND" => 404,
        b"NOT_STORED" | b"EXISTS" => 409,
        _ => return Err(head.refuse("invalid response", line.clone())),
    };
    head.status(status).length(0);
    Ok(())
}
