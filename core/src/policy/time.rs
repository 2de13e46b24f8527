//! Windows of time: hours of some days in a zone.
//!
//! The core has no clock and no zones. The moment comes with the call, and a zone as a table of
//! moments from which an offset from UTC holds, which the host makes when a policy compiles. A
//! window is half open: at its end it is over. One that ends before it begins runs into the next day
//! and belongs to the day on which it begins. Worst case: a binary search in the table and in the
//! list of excluded dates.

use alloc::string::String;
use alloc::vec::Vec;

use super::tree::Span;
use super::truth::Truth;

const DAY: i64 = 86_400;

/// Offsets from UTC in one place, over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// From which Unix second on, and the offset in seconds; ascending. Before the first, nothing is
    /// known.
    offsets: Vec<(i64, i32)>,
    /// The second from which on nothing is known.
    until: i64,
}

impl Zone {
    /// The zone whose offset from UTC is `offsets[n].1` seconds from the Unix second `offsets[n].0`
    /// on; from `until` on its offset is not known, and windows in it are neither open nor shut.
    #[must_use]
    pub fn new(mut offsets: Vec<(i64, i32)>, until: i64) -> Self {
        offsets.sort_unstable();
        Self { offsets, until }
    }

    /// UTC itself.
    #[must_use]
    pub fn utc() -> Self {
        Self::new(Vec::from([(i64::MIN, 0)]), i64::MAX)
    }

    /// Days since 1970-01-01, by the clock on the wall.
    pub(super) fn day(&self, second: i64) -> Option<i64> {
        self.local(second).map(|(day, _)| day)
    }

    /// Days since 1970-01-01 and seconds since midnight, by the clock on the wall.
    fn local(&self, second: i64) -> Option<(i64, i64)> {
        if second >= self.until {
            return None;
        }
        let after = self.offsets.partition_point(|(from, _)| *from <= second);
        let (_, offset) = self.offsets.get(after.checked_sub(1)?)?;
        let local = second.checked_add(i64::from(*offset))?;
        Some((local.div_euclid(DAY), local.rem_euclid(DAY)))
    }
}

/// Who knows zones by their IANA names.
pub trait Zones {
    /// The zone called `name`, `None` when there is none.
    fn zone(&self, name: &str) -> Option<Zone>;
}

/// Knows UTC only.
#[derive(Clone, Copy, Debug, Default)]
pub struct OnlyUtc;

impl Zones for OnlyUtc {
    fn zone(&self, _: &str) -> Option<Zone> {
        None
    }
}

/// Hours of some days.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub zone: Zone,
    /// Bit 0 is Monday.
    pub days: u8,
    /// Seconds since midnight; equal to `to` for the whole day.
    pub from: i64,
    pub to: i64,
    /// Excluded dates as days since 1970-01-01, ascending.
    pub except: Vec<i64>,
    /// How it reads, zone included, for people.
    pub text: String,
    /// The document named no zone.
    pub assumed: bool,
    /// Where it stands in the document.
    pub span: Span,
}

impl Window {
    /// Whether the window is open at `now`, in Unix milliseconds.
    pub fn holds(&self, now: Option<u64>) -> Truth {
        let second = now.and_then(|now| i64::try_from(now / 1000).ok());
        let Some((day, time)) = second.and_then(|second| self.zone.local(second)) else {
            return Truth::Unknown;
        };
        let on = |day: i64| {
            // 1970-01-01 was a Thursday.
            let weekday = day.saturating_add(3).rem_euclid(7);
            self.days >> weekday & 1 == 1 && self.except.binary_search(&day).is_err()
        };
        let open = if self.from < self.to {
            (self.from..self.to).contains(&time) && on(day)
        } else {
            time >= self.from && on(day) || time < self.to && on(day.saturating_sub(1))
        };
        open.into()
    }
}

/// All days of the week.
pub(super) const EVERY_DAY: u8 = 0x7f;

/// Reads `09:00-17:00` as two times of day.
pub(super) fn read_hours(text: &str) -> Option<(i64, i64)> {
    let (from, to) = text.split_once('-')?;
    let (from, to) = (read_time(from)?, read_time(to)?);
    (from < DAY && from != to).then_some((from, to))
}

/// Reads `HH:MM`, up to `24:00`, as seconds since midnight.
pub(super) fn read_time(text: &str) -> Option<i64> {
    let (hour, minute) = text.split_once(':')?;
    let two = |text: &str| {
        let plain = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        if plain { text.parse::<i64>().ok() } else { None }
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    let seconds = hour.checked_mul(60)?.checked_add(minute)?.checked_mul(60)?;
    (minute < 60 && seconds <= DAY).then_some(seconds)
}

/// Reads `mon`, `mon-fri` or `fri-mon` as bits.
pub(super) fn read_days(text: &str) -> Option<u8> {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let day = |text: &str| DAYS.iter().position(|name| *name == text);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    let mut days = 0;
    for step in 0..7_usize {
        let at = first.saturating_add(step) % 7;
        days |= 1 << at;
        if at == last {
            break;
        }
    }
    Some(days)
}

/// Reads `YYYY-MM-DD` as days since 1970-01-01.
pub(super) fn read_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut next = |len| {
        let part = parts.next()?;
        let plain = part.len() == len && part.bytes().all(|byte| byte.is_ascii_digit());
        if plain { part.parse::<i64>().ok() } else { None }
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 || day > days_in(year, month)
    {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

const fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the Gregorian calendar, for years 0 to 9999. Counts years from March,
/// so that the leap day is the last of its year.
#[allow(clippy::arithmetic_side_effects, reason = "the parts have at most four digits")]
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Which month a day is in, both counted from 1970 on in the Gregorian calendar, whose cycle of 400 years begins
/// here on 1 March 2000.
#[allow(clippy::arithmetic_side_effects, reason = "a day is a moment in milliseconds, divided")]
pub(super) const fn month_of(day: i64) -> i64 {
    const CYCLE: i64 = 146_097;
    let day = day - days_from_civil(2000, 3, 1);
    let (cycle, of_cycle) = (day.div_euclid(CYCLE), day.rem_euclid(CYCLE));
    // The last of four centuries and the last of four years have a day more.
    let century = if of_cycle == CYCLE - 1 { 3 } else { of_cycle / 36_524 };
    let of_century = of_cycle - century * 36_524;
    let (group, of_group) = (of_century / 1461, of_century % 1461);
    let year = if of_group == 1460 { 3 } else { of_group / 365 };
    // From March on every five months have 153 days.
    let month = (5 * (of_group - year * 365) + 2) / 153;
    let years = cycle * 400 + century * 100 + group * 4 + year;
    // March 2000 is 362 months after January 1970.
    years * 12 + month + 362
}

/// Reads an RFC 3339 moment like `2026-11-25T23:30:00Z` as Unix milliseconds.
pub(super) fn read_moment(text: &str) -> Option<u64> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, zone) = rest.strip_prefix(['T', 't', ' '])?.split_at_checked(8)?;
    let (clock, seconds) = (read_time(time.get(..5)?)?, time.get(5..)?.strip_prefix(':')?);
    let seconds = seconds.parse::<i64>().ok().filter(|seconds| (0..60).contains(seconds))?;
    let (fraction, zone) = match zone.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (fraction, zone) = rest.split_at_checked(digits)?;
            let padded = |at: usize| {
                fraction.as_bytes().get(at).map_or(0, |byte| i64::from(byte.wrapping_sub(b'0')))
            };
            (
                padded(0)
                    .checked_mul(100)?
                    .checked_add(padded(1).checked_mul(10)?)?
                    .checked_add(padded(2))?,
                zone,
            )
        }
        None => (0, zone),
    };
    let offset = match zone.split_at_checked(1)? {
        ("Z" | "z", "") => 0,
        ("+", rest) => read_time(rest)?,
        ("-", rest) => read_time(rest)?.checked_neg()?,
        _ => return None,
    };
    let second = read_date(date)?.checked_mul(DAY)?.checked_add(clock)?.checked_add(seconds)?;
    u64::try_from(second.checked_sub(offset)?.checked_mul(1000)?.checked_add(fraction)?).ok()
}

/// A window in words.
pub(super) fn describe(days: u8, from: i64, to: i64, zone: &str) -> String {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let mut text = String::new();
    if days != EVERY_DAY {
        let named = DAYS.iter().enumerate().filter(|(at, _)| days >> at & 1 == 1);
        let names: Vec<&str> = named.map(|(_, name)| *name).collect();
        text.push_str(&names.join(" "));
        text.push(' ');
    }
    for (sign, time) in [("", from), ("-", to)] {
        let two = |number: i64| alloc::format!("{number:02}");
        text.push_str(sign);
        text.push_str(&two(time / 3600));
        text.push(':');
        text.push_str(&two(time / 60 % 60));
    }
    text.push(' ');
    text.push_str(zone);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &str, hours: &str, zone: Zone, except: &[&str]) -> Window {
        let (from, to) = read_hours(hours).unwrap();
        Window {
            zone,
            days: read_days(days).unwrap(),
            from,
            to,
            except: except.iter().map(|date| read_date(date).unwrap()).collect(),
            text: String::new(),
            assumed: false,
            span: Span::default(),
        }
    }

    fn at(window: &Window, moment: &str) -> Truth {
        window.holds(Some(read_moment(moment).unwrap()))
    }

    #[test]
    fn dates_and_moments() {
        assert_eq!(read_date("1970-01-01"), Some(0));
        assert_eq!(read_date("2000-02-29"), Some(11_016));
        assert_eq!(read_date("2026-11-26"), Some(20_783));
        for text in
            ["1900-02-29", "2026-02-29", "2026-13-01", "2026-00-01", "2026-1-1", "2026-01-32"]
        {
            assert_eq!(read_date(text), None, "{text}");
        }
        assert_eq!(read_moment("1970-01-01T00:00:01.5Z"), Some(1500));
        assert_eq!(read_moment("2026-11-25T23:30:00Z"), Some(1_795_649_400_000));
        assert_eq!(read_moment("2026-11-26T00:30:00+01:00"), Some(1_795_649_400_000));
        for text in
            ["2026-11-25", "2026-11-25T23:30:00", "2026-11-25T23:60:00Z", "1969-01-01T00:00:00Z"]
        {
            assert_eq!(read_moment(text), None, "{text}");
        }
    }

    #[test]
    fn months_are_those_of_the_calendar() {
        let (mut day, mut month) = (days_from_civil(1600, 1, 1), (1600 - 1970) * 12);
        for year in 1600..2500 {
            for number in 1..=12 {
                let next = day + days_in(year, number);
                assert_eq!((month_of(day), month_of(next - 1)), (month, month), "{year}-{number}");
                (day, month) = (next, month + 1);
            }
        }
    }

    #[test]
    fn hours_and_days() {
        assert_eq!(read_hours("09:00-17:30"), Some((9 * 3600, 17 * 3600 + 1800)));
        assert_eq!(read_hours("22:00-24:00"), Some((22 * 3600, DAY)));
        for text in [
            "9:00-17:00",
            "09:00 - 17:00",
            "25:00-17:00",
            "09:60-17:00",
            "09:00",
            "",
            "24:00-09:00",
            "12:00-12:00",
            "09:00-17:00\n",
            "\u{0660}9:00-17:00",
            "24:01-01:00",
        ] {
            assert_eq!(read_hours(text), None, "{text}");
        }
        assert_eq!(read_days("mon-fri"), Some(0b1_1111));
        assert_eq!(read_days("sun"), Some(0b100_0000));
        assert_eq!(read_days("sat-mon"), Some(0b110_0001));
        assert_eq!(read_days("mo"), None);
    }

    #[test]
    fn a_window_is_half_open() {
        let day = window("mon-sun", "09:00-17:00", Zone::utc(), &[]);
        assert_eq!(at(&day, "2026-01-31T08:59:59.999Z"), Truth::False);
        assert_eq!(at(&day, "2026-01-31T09:00:00Z"), Truth::True);
        assert_eq!(at(&day, "2026-01-31T16:59:59Z"), Truth::True);
        assert_eq!(at(&day, "2026-01-31T17:00:00Z"), Truth::False);
        assert_eq!(day.holds(None), Truth::Unknown);
        let _ = day.holds(Some(u64::MAX));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        // Tuesday 2026-11-24 to Thursday 2026-11-26.
        let night = window("tue-thu", "22:00-02:00", Zone::utc(), &["2026-11-25"]);
        assert_eq!(at(&night, "2026-11-24T22:00:00Z"), Truth::True);
        assert_eq!(at(&night, "2026-11-25T01:59:59Z"), Truth::True);
        assert_eq!(at(&night, "2026-11-25T22:00:00Z"), Truth::False, "excluded");
        assert_eq!(at(&night, "2026-11-26T01:00:00Z"), Truth::False, "excluded too");
        assert_eq!(at(&night, "2026-11-27T01:00:00Z"), Truth::True, "Thursday's night");
        assert_eq!(at(&night, "2026-11-27T23:00:00Z"), Truth::False, "Friday");
        assert_eq!(at(&night, "2026-11-24T01:00:00Z"), Truth::False, "Monday's night");
    }

    #[test]
    fn clocks_that_change() {
        // Berlin in 2026: summer time from 29 March, 01:00 UTC, to 25 October, 01:00 UTC.
        let second = |text| (read_moment(text).unwrap() / 1000) as i64;
        let spring = second("2026-03-29T01:00:00Z");
        let autumn = second("2026-10-25T01:00:00Z");
        let until = second("2027-01-01T00:00:00Z");
        let berlin = Zone::new(std::vec![(0, 3600), (spring, 7200), (autumn, 3600)], until);
        let office = window("mon-sun", "09:00-17:00", berlin, &[]);
        assert_eq!(at(&office, "2026-03-28T08:00:00Z"), Truth::True);
        assert_eq!(at(&office, "2026-03-28T07:00:00Z"), Truth::False);
        assert_eq!(at(&office, "2026-03-29T07:00:00Z"), Truth::True);
        assert_eq!(at(&office, "2026-03-29T15:00:00Z"), Truth::False);
        assert_eq!(at(&office, "2026-10-25T15:30:00Z"), Truth::True);
        assert_eq!(at(&office, "2027-06-01T12:00:00Z"), Truth::Unknown, "the table has ended");
    }
}
