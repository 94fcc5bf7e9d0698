//! Measurement periods: whole days, the start included, the end not.

use jiff::{Span, ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};

/// Why two dates are no period.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPeriod {
    /// It ends before it starts.
    #[error("the period ends on {end}, before it starts on {start}")]
    EndsBeforeStart {
        /// First day.
        start: Date,
        /// Last day as written.
        end: Date,
    },
    /// It starts and ends on the last day that a calendar has.
    #[error("the period has no end that a calendar knows")]
    NoEnd,
}

/// From one day (included) to another (not included); at least one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Period {
    /// First day.
    #[serde(rename = "periodStart")]
    pub start: Date,
    /// The day after the last.
    #[serde(rename = "periodEnd")]
    pub end: Date,
}

impl Period {
    /// The period between two dates as a statement writes them; one that starts and ends on the same day is that day.
    ///
    /// # Errors
    /// [`BadPeriod`] where the end is before the start.
    pub fn new(start: Date, end: Date) -> Result<Self, BadPeriod> {
        if end < start {
            return Err(BadPeriod::EndsBeforeStart { start, end });
        }
        let end = if end == start { end.checked_add(1.day()).map_err(|_| BadPeriod::NoEnd)? } else { end };
        Ok(Self { start, end })
    }

    /// Its length in days.
    pub fn days(self) -> i32 {
        day_number(self.end) - day_number(self.start)
    }
}

/// Days from 1970-01-01 to `date`.
pub fn day_number(date: Date) -> i32 {
    // A calendar of ±10,000 years has fewer days than an i32 holds.
    i32::try_from(date.duration_since(Date::constant(1970, 1, 1)).as_secs().div_euclid(86_400)).unwrap_or(i32::MAX)
}

/// The date with this number; the calendar's end for a number beyond it.
pub fn date_of(day: i32) -> Date {
    let end = if day < 0 { Date::MIN } else { Date::MAX };
    let span = Span::new().try_days(day);
    span.and_then(|span| Date::constant(1970, 1, 1).checked_add(span)).unwrap_or(end)
}
