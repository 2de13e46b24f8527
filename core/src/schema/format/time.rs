//! Dates, times and durations (RFC 3339). One pass over the text.

/// The number that exactly `digits` ASCII digits spell.
fn number(text: &str, digits: usize) -> Option<u32> {
    let all_digits = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { text.parse().ok() } else { None }
}

/// `full-date` of RFC 3339, section 5.6.
pub(super) fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut part = |digits| parts.next().and_then(|part| number(part, digits));
    let (Some(year), Some(month), Some(day)) = (part(4), part(2), part(2)) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    };
    parts.next().is_none() && (1..=days).contains(&day)
}

/// `full-time` of RFC 3339, section 5.6; second 60 only where a leap second can be.
pub(super) fn is_time(text: &str) -> bool {
    let Some((clock, zone)) = text.split_at_checked(8) else { return false };
    let Some((hour, minute, second)) = clock_of(clock) else { return false };
    let fraction = zone.strip_prefix('.').map(|rest| {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        (digits, rest.get(digits..).unwrap_or(""))
    });
    let (zone, fraction_is_right) = fraction.map_or((zone, true), |(n, rest)| (rest, n > 0));
    let offset = match zone.as_bytes() {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), ..] => zone.get(1..).and_then(|rest| {
            let (hours, minutes) = rest.split_once(':')?;
            let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
            let minutes = i64::from((hours < 24 && minutes < 60).then_some(hours * 60 + minutes)?);
            Some(if *sign == b'-' { -minutes } else { minutes })
        }),
        _ => None,
    };
    let Some(offset) = offset else { return false };
    let utc = (i64::from(hour * 60 + minute) - offset).rem_euclid(24 * 60);
    let leap = second == 60 && utc == 23 * 60 + 59;
    fraction_is_right && hour < 24 && minute < 60 && (second < 60 || leap)
}

fn clock_of(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(':');
    let mut part = || parts.next().and_then(|part| number(part, 2));
    let clock = (part()?, part()?, part()?);
    parts.next().is_none().then_some(clock)
}

/// `duration` of RFC 3339, appendix A.
pub(super) fn is_duration(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('P') else { return false };
    if let Some(weeks) = rest.strip_suffix('W') {
        return !weeks.is_empty() && weeks.bytes().all(|byte| byte.is_ascii_digit());
    }
    let (date, time) = match rest.split_once('T') {
        Some((date, time)) => (date, Some(time)),
        None => (rest, None),
    };
    let date_is_right = is_sequence(date, "YMD");
    match time {
        Some(time) => !time.is_empty() && date_is_right && is_sequence(time, "HMS"),
        None => !date.is_empty() && date_is_right,
    }
}

/// Numbers with units in the order of `units`, none skipped between the first and the last.
fn is_sequence(text: &str, units: &str) -> bool {
    let mut rest = text;
    let mut last = None;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let unit = rest.get(digits..).and_then(|rest| rest.chars().next());
        let place = unit.and_then(|unit| units.find(unit));
        match (place, last) {
            (Some(place), None) if digits > 0 => last = Some(place),
            (Some(place), Some(before)) if digits > 0 && place == before + 1 => last = Some(place),
            _ => return false,
        }
        rest = rest.get(digits + 1..).unwrap_or("");
    }
    true
}
