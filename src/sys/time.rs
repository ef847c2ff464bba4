//! The time since the machine was started, and the local time zone as the C library knows it.
//!
//! *In nginx* these are `ngx_monotonic_time`, `ngx_localtime` and `ngx_gettimezone`; the offset is asked for
//! once a second.
//!
//! *Here* one function asks for the time that never runs backwards: the standard library's `Instant` does so
//! too, but only gives differences, and working those out costs more than the question. Another splits a
//! count of seconds into calendar fields; only the C library reads `/etc/localtime` and `TZ` the way every
//! other program on the host does.
//!
//! *Read next*: `event/clock.rs`, which asks once a turn; `log/clock.rs`, which keeps the strings.

use std::mem::MaybeUninit;

/// Milliseconds since the machine was started; they never run backwards.
pub fn monotonic() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is valid. The call cannot fail for a clock that every Linux has.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    (time.tv_sec as u64).saturating_mul(1000).saturating_add(time.tv_nsec as u64 / 1_000_000)
}

/// One moment in the local time zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// The year, four digits.
    pub year: i32,
    /// The month, 1 to 12.
    pub month: u8,
    /// The day of the month, from 1.
    pub day: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// The minute, 0 to 59.
    pub minute: u8,
    /// The second, 0 to 60.
    pub second: u8,
    /// Minutes east of Greenwich.
    pub offset_minutes: i32,
}

/// The calendar fields of `seconds` since 1970 in the local time zone; 1970 itself if the C library refuses.
pub fn local(seconds: i64) -> Local {
    let mut fields = MaybeUninit::<libc::tm>::zeroed();
    let seconds: libc::time_t = seconds;
    // SAFETY: both pointers are valid; zero is a valid `tm`, so it may be read whatever the call wrote.
    let fields = unsafe {
        libc::localtime_r(&seconds, fields.as_mut_ptr());
        fields.assume_init()
    };
    let small = |n: i32| u8::try_from(n).unwrap_or(0);
    Local {
        year: fields.tm_year.saturating_add(1900),
        month: small(fields.tm_mon.saturating_add(1)),
        day: small(fields.tm_mday),
        hour: small(fields.tm_hour),
        minute: small(fields.tm_min),
        second: small(fields.tm_sec),
        offset_minutes: i32::try_from(fields.tm_gmtoff / 60).unwrap_or(0),
    }
}

/// `seconds` since 1970, printed as strftime(3) does it, in Greenwich or in the local time zone; at most
/// 255 bytes. Nothing if the format holds a zero byte.
pub fn format(format: &[u8], seconds: i64, gmt: bool) -> Vec<u8> {
    let Ok(format) = std::ffi::CString::new(format) else { return Vec::new() };
    let mut fields = MaybeUninit::<libc::tm>::zeroed();
    let mut text = [0u8; 256];
    let seconds: libc::time_t = seconds;
    // SAFETY: all pointers are valid for the call, the buffer's size is given, and zero is a valid `tm`.
    let n = unsafe {
        match gmt {
            true => libc::gmtime_r(&seconds, fields.as_mut_ptr()),
            false => libc::localtime_r(&seconds, fields.as_mut_ptr()),
        };
        libc::strftime(text.as_mut_ptr().cast(), text.len(), format.as_ptr(), fields.as_ptr())
    };
    text.get(..n).unwrap_or_default().to_vec()
}
