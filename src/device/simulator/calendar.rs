//! The course of a day and its exact time integral, in a site's time zone (pure).

use std::f64::consts::{PI, TAU};

use jiff::{ToSpan, civil::Date, tz::TimeZone};

/// Where the simulated time begins: 2023-01-01T00:00:00Z. Counters are zero before.
pub const EPOCH_SECONDS: i64 = 1_672_531_200;

/// How many days have a calendar of their own (over 20 years); the days after them are weekdays of 24 hours.
const DAYS: usize = 7_400;
/// The first local day: a day before the epoch, so that every time zone's first moment is covered.
const FIRST_DAY: Date = jiff::civil::date(2022, 12, 31);
const DAY_SECONDS: f64 = 86_400.0;
/// When the day's course is lowest, as a share of the day: 02:00.
const LOWEST_AT: f64 = 1.0 / 12.0;
/// How much of a weekday's course a weekend's has.
const WEEKEND_SHARE: f64 = 0.3;

/// The local days of a time zone, weekends known, with days of 23 and 25 hours.
#[derive(Debug, Clone)]
pub struct Calendar {
    days: Vec<Day>,
}

#[derive(Debug, Clone, Copy)]
struct Day {
    /// Seconds after the epoch.
    start: f64,
    /// Seconds.
    length: f64,
    weekend: bool,
    /// Seconds of weekend before this day.
    weekend_before: f64,
}

impl Calendar {
    /// The calendar of a time zone.
    pub fn new(time_zone: &TimeZone) -> Self {
        let mut days: Vec<Day> = Vec::with_capacity(DAYS);
        let mut date = FIRST_DAY;
        let mut weekend_before = 0.0;
        let start_of = |date: Date| date.to_zoned(time_zone.clone()).ok().map(|zoned| zoned.timestamp().as_second());
        let mut start = start_of(date).unwrap_or(EPOCH_SECONDS) - EPOCH_SECONDS;
        for _ in 0..DAYS {
            let Ok(next) = date.checked_add(1.day()) else { break };
            let next_start = start_of(next).map_or(start + 86_400, |second| second - EPOCH_SECONDS);
            let length = (next_start - start).max(1) as f64;
            let weekend = date.weekday().to_monday_zero_offset() >= 5;
            days.push(Day { start: start as f64, length, weekend, weekend_before });
            weekend_before += if weekend { length } else { 0.0 };
            (date, start) = (next, next_start);
        }
        Self { days }
    }

    /// The day's course at `seconds` after the epoch: -1 (lowest, in the night) to 0.7 (highest, in the afternoon).
    /// Its mean over a weekday is 0; on weekends it stays low.
    pub fn course(&self, seconds: f64) -> f64 {
        let (day, share) = self.day_at(seconds);
        weighted(day.weekend, course(0.0), course(share))
    }

    /// The time integral of [`course`](Self::course) from the epoch's local day on, in seconds.
    pub fn course_integral(&self, seconds: f64) -> f64 {
        let (day, share) = self.day_at(seconds);
        let whole_weekends = day.weekend_before * course(0.0) * (1.0 - WEEKEND_SHARE);
        let begun = weighted(day.weekend, course(0.0) * share, course_primitive(share));
        // A weekday's course has no integral; past the calendar there are only weekdays.
        whole_weekends + begun * day.length
    }

    /// The local day of a moment, and which share of it has gone by.
    fn day_at(&self, seconds: f64) -> (Day, f64) {
        let plain = Day { start: 0.0, length: DAY_SECONDS, weekend: false, weekend_before: 0.0 };
        let (Some(first), Some(last)) = (self.days.first(), self.days.last()) else {
            return (plain, (seconds / DAY_SECONDS).rem_euclid(1.0));
        };
        if seconds < first.start {
            return (plain, ((seconds - first.start) / DAY_SECONDS).rem_euclid(1.0));
        }
        if seconds >= last.start + last.length {
            let weekend_before = last.weekend_before + if last.weekend { last.length } else { 0.0 };
            let share = ((seconds - last.start - last.length) / DAY_SECONDS).rem_euclid(1.0);
            return (Day { weekend_before, ..plain }, share);
        }
        let index = self.days.partition_point(|day| day.start <= seconds).saturating_sub(1);
        let day = self.days.get(index).copied().unwrap_or(plain);
        (day, ((seconds - day.start) / day.length).clamp(0.0, 1.0))
    }
}

/// A weekend keeps a part of the weekday's way from the midnight value, so that midnight is smooth.
fn weighted(weekend: bool, at_midnight: f64, weekday: f64) -> f64 {
    if weekend { at_midnight + WEEKEND_SHARE * (weekday - at_midnight) } else { weekday }
}

/// The course of a weekday at a share of the day.
fn course(share: f64) -> f64 {
    let angle = TAU * (share - LOWEST_AT);
    -0.85 * angle.cos() - 0.15 * (2.0 * angle).cos()
}

/// The integral of [`course`] from midnight.
fn course_primitive(share: f64) -> f64 {
    let primitive = |share: f64| {
        let angle = TAU * (share - LOWEST_AT);
        -0.85 / TAU * angle.sin() - 0.15 / (4.0 * PI) * (2.0 * angle).sin()
    };
    primitive(share) - primitive(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amsterdam() -> Calendar {
        Calendar::new(&TimeZone::get("Europe/Amsterdam").unwrap())
    }

    fn seconds(text: &str) -> f64 {
        (text.parse::<jiff::Timestamp>().unwrap().as_second() - EPOCH_SECONDS) as f64
    }

    #[test]
    fn the_integral_is_that_of_the_course_over_weekends_and_clock_changes() {
        let calendar = amsterdam();
        for (from, to) in [
            ("2026-06-01T00:00:00Z", "2026-06-02T13:00:00Z"),
            ("2026-03-27T10:00:00Z", "2026-03-30T22:00:00Z"),
            ("2026-10-23T10:00:00Z", "2026-10-27T01:00:00Z"),
            ("2043-10-23T10:00:00Z", "2043-10-25T01:00:00Z"),
        ] {
            let (from, to) = (seconds(from), seconds(to));
            let middles = std::iter::successors(Some(from + 5.0), |middle| Some(middle + 10.0));
            let summed: f64 =
                middles.take_while(|middle| *middle < to).map(|middle| calendar.course(middle) * 10.0).sum();
            let exact = calendar.course_integral(to) - calendar.course_integral(from);
            assert!((summed - exact).abs() < 2.0, "{summed} {exact}");
        }
    }

    #[test]
    fn nights_and_weekends_are_low_in_local_time() {
        let calendar = amsterdam();
        let afternoon = calendar.course(seconds("2026-06-03T12:00:00Z"));
        let night = calendar.course(seconds("2026-06-03T00:00:00Z"));
        let sunday = calendar.course(seconds("2026-06-07T12:00:00Z"));
        assert!(afternoon > 0.65 && night < -0.9 && sunday < 0.0, "{afternoon} {night} {sunday}");
    }
}
