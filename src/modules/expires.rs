//! `expires`: for how long a response may be kept.
//!
//! *In nginx* a part of `ngx_http_headers_filter_module`.
//!
//! *Here* the words of the directive become one [`Expires`]; with a variable in them that happens for each
//! response, and a value that makes no sense then adds nothing.
//!
//! ```text
//!   1h           Expires: now + 1h              Cache-Control: max-age=3600
//!   modified 1h  Expires: Last-Modified + 1h    Cache-Control: max-age of what is left, or no-cache
//!   @15h30m      Expires: the next half past 3  Cache-Control: max-age until then
//!   -1, epoch    Expires: in the past           Cache-Control: no-cache
//! ```
//!
//! *Read next*: `headers.rs`.

use super::headers::Headers;
use crate::buf::Slice;
use crate::conf::build::Cx;
use crate::conf::error::ConfError;
use crate::conf::tree::Line;
use crate::conf::value;
use crate::event::RequestIx;
use crate::http::exchange::Exchange;
use crate::http::io::Io;
use crate::http::vars::Template;
use crate::log::clock;
use crate::sys::time;

const DAY: i64 = 86_400;

/// The directive's value.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Expires {
    /// Nothing is added.
    #[default]
    Off,
    /// In 1970.
    Epoch,
    /// In 2037, for ten years.
    Max,
    /// So many seconds from now.
    Access(i64),
    /// So many seconds from the last modification.
    Modified(i64),
    /// At this second of the local day.
    Daily(i64),
    /// Known when the response is there; the flag says that `modified` was given.
    Variable(Template, bool),
}

/// Sets `expires`.
///
/// # Errors
/// What is wrong with the time.
pub fn set(cx: &mut Cx, line: &Line) -> Result<(), ConfError> {
    line.refuse_duplicate(cx.conf::<Headers>().expires.is_set())?;
    let (modified, word) = match line.args.get(1) {
        Some(word) if line.arg(0)?.is("modified") => (true, word),
        Some(_) => return Err(line.directive_err("invalid value")),
        None => (false, line.arg(0)?),
    };
    let template = Template::compile(cx, line, word.bytes())?;
    let expires = match template.as_constant() {
        Some(text) => parse(text, modified).map_err(|what| line.directive_err(what))?,
        None => Expires::Variable(template, modified),
    };
    cx.conf::<Headers>().expires.set(expires);
    Ok(())
}

fn parse(text: &[u8], modified: bool) -> Result<Expires, &'static str> {
    if !modified {
        match text {
            b"epoch" => return Ok(Expires::Epoch),
            b"max" => return Ok(Expires::Max),
            b"off" => return Ok(Expires::Off),
            _ => {}
        }
    }
    let seconds = |text: &[u8]| {
        let seconds = value::parse_sec(text).and_then(|seconds| i64::try_from(seconds).ok());
        seconds.ok_or("invalid value")
    };
    let time = match text {
        [b'@', ..] if modified => return Err("daily time cannot be used with \"modified\" parameter"),
        [b'@', time @ ..] => {
            return match seconds(time)? {
                time if time > DAY => Err("daily time value must be less than 24 hours"),
                time => Ok(Expires::Daily(time)),
            };
        }
        [b'-', time @ ..] => seconds(time)?.saturating_neg(),
        [b'+', time @ ..] => seconds(time)?,
        time => seconds(time)?,
    };
    Ok(if modified { Expires::Modified(time) } else { Expires::Access(time) })
}

/// Puts the fields into the response's head.
pub fn apply(x: &mut Exchange, r: RequestIx, io: &mut Io, expires: &Expires) {
    let evaluated;
    let expires = match expires {
        Expires::Variable(template, modified) => {
            let text = template.eval(x, r, io);
            let Ok(known) = parse(&text, *modified) else { return };
            evaluated = known;
            &evaluated
        }
        known => known,
    };
    let now = clock::seconds();
    let modified = x[r].headers_out.last_modified;
    let (date, max_age) = match *expires {
        Expires::Off | Expires::Variable(..) => return,
        Expires::Epoch => return put(x, r, "Thu, 01 Jan 1970 00:00:01 GMT".into(), "no-cache".into()),
        Expires::Max => {
            return put(x, r, "Thu, 31 Dec 2037 23:55:55 GMT".into(), "max-age=315360000".into());
        }
        Expires::Access(0) | Expires::Modified(0) => (now, 0),
        Expires::Access(time) => (now.saturating_add(time), time),
        Expires::Modified(time) => {
            let date = modified.unwrap_or(now).saturating_add(time);
            (date, date.saturating_sub(now))
        }
        Expires::Daily(time) => {
            let date = next_time(now, time);
            (date, date.saturating_sub(now))
        }
    };
    let negative = matches!(*expires, Expires::Modified(time) if time < 0);
    let control =
        if max_age < 0 || negative { "no-cache".into() } else { Slice::from(format!("max-age={max_age}")) };
    put(x, r, Slice::copy(clock::http_date(date).as_bytes()), control);
}

fn put(x: &mut Exchange, r: RequestIx, date: Slice, control: Slice) {
    x[r].headers_out.set("Expires", date);
    x[r].headers_out.set("Cache-Control", control);
}

/// The next moment that is `second` seconds into a local day.
fn next_time(now: i64, second: i64) -> i64 {
    let local = time::local(now);
    let midnight =
        now - i64::from(local.hour) * 3600 - i64::from(local.minute) * 60 - i64::from(local.second);
    let today = midnight.saturating_add(second);
    if today > now { today } else { today.saturating_add(DAY) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read() {
        assert_eq!(parse(b"-1", false), Ok(Expires::Access(-1)));
        assert_eq!(parse(b"+1h30m", false), Ok(Expires::Access(5400)));
        assert_eq!(parse(b"24h", true), Ok(Expires::Modified(86_400)));
        assert_eq!(parse(b"@15h30m", false), Ok(Expires::Daily(55_800)));
        assert_eq!(parse(b"max", false), Ok(Expires::Max));
        assert!(parse(b"max", true).is_err());
        assert!(parse(b"@15h", true).is_err());
        assert!(parse(b"@25h", false).is_err());
        assert!(parse(b"", false).is_err());
    }
}
