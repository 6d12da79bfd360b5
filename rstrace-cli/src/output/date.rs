//! Dates as the comments of a time stamp have them: `2017-07-14T02:40:00.000000005+0000`, in local time; and the time
//! of day that belongs to a time of the trace.

use std::io::Write;

/// Appends the date of so many seconds since 1970; a fraction of so many digits only if there is one. `false`, and
/// nothing, if no calendar goes so far.
pub fn write(out: &mut Vec<u8>, seconds: i64, fraction: u32, digits: usize) -> bool {
    let Some(tm) = local(seconds) else { return false };
    let (year, month, day) = (i64::from(tm.tm_year) + 1900, tm.tm_mon + 1, tm.tm_mday);
    let _ = write!(out, "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", tm.tm_hour, tm.tm_min, tm.tm_sec);
    if fraction > 0 {
        let _ = write!(out, ".{fraction:0digits$}");
    }
    let minutes = tm.tm_gmtoff / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    let _ = write!(out, "{sign}{:02}{:02}", minutes.abs() / 60, minutes.abs() % 60);
    true
}

/// The hour, minute and second of so many seconds since 1970, in local time.
pub fn time_of_day(seconds: i64) -> (i32, i32, i32) {
    local(seconds).map_or((0, 0, 0), |tm| (tm.tm_hour, tm.tm_min, tm.tm_sec))
}

/// Nanoseconds by which the clock of the day is ahead of the trace's, `CLOCK_MONOTONIC`.
pub fn wall_offset_ns() -> i64 {
    now_ns(libc::CLOCK_REALTIME) - now_ns(libc::CLOCK_MONOTONIC)
}

/// The trace's clock, `CLOCK_MONOTONIC`, in nanoseconds.
pub fn monotonic_ns() -> u64 {
    now_ns(libc::CLOCK_MONOTONIC) as u64
}

fn local(seconds: i64) -> Option<libc::tm> {
    // SAFETY: zero bytes are a valid tm, which is ours to write to.
    unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        (!libc::localtime_r(&seconds, &mut tm).is_null()).then_some(tm)
    }
}

fn now_ns(clock: libc::clockid_t) -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the structure is ours to write to.
    unsafe { libc::clock_gettime(clock, &mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_fraction_is_shown_if_there_is_one() {
        let mut out = Vec::new();
        super::write(&mut out, 1_500_000_000, 5, 9);
        let text = String::from_utf8(out).expect("ASCII");
        assert!(text.starts_with("2017-07-1") && text.contains("00.000000005"), "{text}");
        let mut out = Vec::new();
        super::write(&mut out, 1_500_000_000, 0, 9);
        assert!(!out.contains(&b'.'));
    }
}
