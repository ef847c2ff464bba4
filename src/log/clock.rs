//! The wall clock: read once a turn, with the texts of the current second ready made.
//!
//! *In nginx* this is `ngx_times.c`: `ngx_time_update` runs after every wait and fills one of 64 slots, so
//! that a signal handler always finds a whole one. `ngx_cached_err_log_time`, `ngx_cached_http_time` and
//! their sisters are strings anybody may read at no cost.
//!
//! *Here* signals are read like any other input, so there is one slot, of this thread. The event loop calls
//! [`update`] or [`set`] after each wait; everybody else reads what that call left behind, and two lines
//! logged in one turn carry the same time. The strings are built again only when the second has changed.
//! Durations are not measured with this clock: it may be set back; see `event/clock.rs` for the one that
//! cannot.
//!
//! ```text
//!   wait ──▶ update() ──▶ [seconds, millisecond, five strings] ──▶ logs, headers, variables
//! ```
//!
//! *Read next*: `log/error_log.rs`, its busiest reader.

use crate::sys::time::{Local, local};
use std::cell::{Cell, RefCell};
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A short text of a known greatest length, copied instead of borrowed from the thread's clock.
#[derive(Clone, Copy)]
pub struct Stamp<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

impl<const N: usize> Stamp<N> {
    const EMPTY: Stamp<N> = Stamp { bytes: [0; N], len: 0 };

    fn of(text: fmt::Arguments) -> Stamp<N> {
        let mut stamp = Stamp::EMPTY;
        // What does not fit is cut: only a year beyond 9999 is that long.
        let _ = stamp.write_fmt(text);
        stamp
    }

    /// The text; always ASCII.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The same as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl<const N: usize> Write for Stamp<N> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for &byte in text.as_bytes() {
            let Some(place) = self.bytes.get_mut(usize::from(self.len)) else { return Err(fmt::Error) };
            *place = byte;
            self.len = self.len.saturating_add(1);
        }
        Ok(())
    }
}

impl<const N: usize> fmt::Display for Stamp<N> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The texts of one second.
#[derive(Clone, Copy)]
struct Texts {
    error_log: Stamp<19>,
    time_local: Stamp<26>,
    iso8601: Stamp<25>,
    syslog: Stamp<15>,
    http: Stamp<29>,
}

/// Everything the clock knows about the current moment. Cells of their own, because most readers want one.
struct Now {
    seconds: Cell<i64>,
    millisecond: Cell<u16>,
    texts: RefCell<Texts>,
}

/// No moment that a clock shows: this thread has not looked yet.
const UNKNOWN: i64 = i64::MIN;

thread_local! {
    static NOW: Now = const {
        Now {
            seconds: Cell::new(UNKNOWN),
            millisecond: Cell::new(0),
            texts: RefCell::new(Texts {
                error_log: Stamp::EMPTY,
                time_local: Stamp::EMPTY,
                iso8601: Stamp::EMPTY,
                syslog: Stamp::EMPTY,
                http: Stamp::EMPTY,
            }),
        }
    };
}

/// Reads the system's clock. Called by the event loop after each wait, and by the master after each signal.
pub fn update() {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    set(i64::try_from(since.as_secs()).unwrap_or(i64::MAX), since.subsec_millis() as u16);
}

/// Sets this thread's idea of the moment; `update` with the time given, which is what tests want.
pub fn set(seconds: i64, millisecond: u16) {
    NOW.with(|now| {
        now.millisecond.set(millisecond);
        if now.seconds.replace(seconds) != seconds {
            now.texts.replace(texts(seconds));
        }
    });
}

fn texts(seconds: i64) -> Texts {
    let l = local(seconds);
    Texts {
        error_log: Stamp::of(format_args!(
            "{:04}/{:02}/{:02} {:02}:{:02}:{:02}",
            l.year, l.month, l.day, l.hour, l.minute, l.second
        )),
        time_local: time_local_of(&l),
        iso8601: iso8601_of(&l),
        syslog: Stamp::of(format_args!(
            "{} {:2} {:02}:{:02}:{:02}",
            month(&l),
            l.day,
            l.hour,
            l.minute,
            l.second
        )),
        http: http_date(seconds),
    }
}

fn month(l: &Local) -> &'static str {
    MONTHS.get(usize::from(l.month).wrapping_sub(1)).copied().unwrap_or("Jan")
}

/// Sign, hours and minutes of the offset from Greenwich.
fn zone(l: &Local) -> (char, i32, i32) {
    let minutes = l.offset_minutes.saturating_abs();
    (if l.offset_minutes < 0 { '-' } else { '+' }, minutes / 60, minutes % 60)
}

fn time_local_of(l: &Local) -> Stamp<26> {
    let (sign, hours, minutes) = zone(l);
    Stamp::of(format_args!(
        "{:02}/{}/{:04}:{:02}:{:02}:{:02} {sign}{hours:02}{minutes:02}",
        l.day,
        month(l),
        l.year,
        l.hour,
        l.minute,
        l.second
    ))
}

fn iso8601_of(l: &Local) -> Stamp<25> {
    let (sign, hours, minutes) = zone(l);
    Stamp::of(format_args!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{sign}{hours:02}:{minutes:02}",
        l.year, l.month, l.day, l.hour, l.minute, l.second
    ))
}

/// Any moment as an HTTP date (RFC 9110, 5.6.7): `Sun, 22 Nov 2026 00:30:00 GMT`. Seconds since 1970; a
/// moment before that or after the year 9999 is shown as the nearest one within.
pub fn http_date(seconds: i64) -> Stamp<29> {
    const LAST: u64 = 253_402_300_799;
    let since = u64::try_from(seconds).unwrap_or(0).min(LAST);
    match UNIX_EPOCH.checked_add(Duration::from_secs(since)) {
        Some(time) => Stamp::of(format_args!("{}", httpdate::HttpDate::from(time))),
        None => Stamp::EMPTY,
    }
}

/// Something of the moment, which is read first if this thread has never done so.
fn now<T>(of: impl FnOnce(&Now) -> T) -> T {
    NOW.with(|now| {
        if now.seconds.get() == UNKNOWN {
            update();
        }
        of(now)
    })
}

/// Seconds since 1970 (`$msec` without its fraction).
pub fn seconds() -> i64 {
    now(|now| now.seconds.get())
}

/// Seconds since 1970 and the millisecond within (`$msec`).
pub fn msec() -> (i64, u16) {
    now(|now| (now.seconds.get(), now.millisecond.get()))
}

/// Milliseconds since 1970: `$msec` without its point.
pub fn unix_ms() -> u64 {
    let (seconds, ms) = msec();
    u64::try_from(seconds).unwrap_or(0).saturating_mul(1000).saturating_add(ms.into())
}

/// `2026/11/22 00:30:00`, local time: how an error log line begins.
pub fn error_log_time() -> Stamp<19> {
    now(|now| now.texts.borrow().error_log)
}

/// `22/Nov/2026:00:30:00 +0000`, local time: `$time_local`.
pub fn time_local() -> Stamp<26> {
    now(|now| now.texts.borrow().time_local)
}

/// `2026-11-22T00:30:00+00:00`, local time: `$time_iso8601`.
pub fn time_iso8601() -> Stamp<25> {
    now(|now| now.texts.borrow().iso8601)
}

/// `Nov 22 00:30:00`, local time: the time of a syslog message (RFC 3164, 4.1.2).
pub fn syslog_time() -> Stamp<15> {
    now(|now| now.texts.borrow().syslog)
}

/// `Sun, 22 Nov 2026 00:30:00 GMT`: the `Date` header of this second.
pub fn http_time() -> Stamp<29> {
    now(|now| now.texts.borrow().http)
}

/// The same, lent to who copies it anyway.
pub fn with_http_time(user: impl FnOnce(&[u8])) {
    now(|now| user(now.texts.borrow().http.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    // 2026-11-22 00:30:00 UTC; the tests of local texts compare shapes, because the zone is the machine's.
    const MOMENT: i64 = 1_795_307_400;

    #[test]
    fn an_http_date_is_in_greenwich_time() {
        assert_eq!(http_date(MOMENT).as_str(), "Sun, 22 Nov 2026 00:30:00 GMT");
        assert_eq!(http_date(-5).as_str(), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(http_date(i64::MAX).as_str(), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn the_offset_of_a_zone_is_printed_with_its_sign() {
        let l = Local {
            year: 2026,
            month: 11,
            day: 2,
            hour: 0,
            minute: 30,
            second: 7,
            offset_minutes: -(3 * 60 + 30),
        };
        assert_eq!(time_local_of(&l).as_str(), "02/Nov/2026:00:30:07 -0330");
        assert_eq!(iso8601_of(&l).as_str(), "2026-11-02T00:30:07-03:30");
    }

    #[test]
    fn the_strings_follow_the_moment_that_was_set() {
        set(MOMENT, 250);
        assert_eq!(msec(), (MOMENT, 250));
        assert_eq!(unix_ms(), MOMENT as u64 * 1000 + 250);
        let (hour, error_log) = (local(MOMENT).hour, error_log_time());
        assert_eq!(error_log.as_str().len(), 19);
        assert_eq!(error_log.as_str().get(11..13), Some(format!("{hour:02}").as_str()));
        assert_eq!(syslog_time().as_str().len(), 15);
        assert_eq!(http_time().as_str(), "Sun, 22 Nov 2026 00:30:00 GMT");
        set(MOMENT + 1, 0);
        assert_eq!(http_time().as_str(), "Sun, 22 Nov 2026 00:30:01 GMT");
    }
}
