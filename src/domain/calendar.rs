//! Days, months and years of the site's time zone, with their 23 and 25 hours.

use jiff::{Timestamp, ToSpan as _, Zoned, civil::Date, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// A calendar period, relative to a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// The day of the moment.
    Today,
    /// The day before it.
    Yesterday,
    /// The month of the moment.
    ThisMonth,
    /// The month before it.
    LastMonth,
    /// The year of the moment.
    ThisYear,
    /// The year before it.
    LastYear,
}

/// A span of time: its start is in it, its end is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Included.
    pub from: Timestamp,
    /// Not included.
    pub to: Timestamp,
}

impl Period {
    /// Every period.
    pub const ALL: &[Self] =
        &[Self::Today, Self::Yesterday, Self::ThisMonth, Self::LastMonth, Self::ThisYear, Self::LastYear];

    /// When it begins and ends, as seen at `at` in `zone`; `None` at the ends of time.
    pub fn span(self, at: Timestamp, zone: &TimeZone) -> Option<Span> {
        let date = Zoned::new(at, zone.clone()).date();
        let (from, to) = match self {
            Self::Today => (date, date.checked_add(1.day()).ok()?),
            Self::Yesterday => (date.checked_sub(1.day()).ok()?, date),
            Self::ThisMonth => (date.first_of_month(), date.first_of_month().checked_add(1.month()).ok()?),
            Self::LastMonth => (date.first_of_month().checked_sub(1.month()).ok()?, date.first_of_month()),
            Self::ThisYear => (date.first_of_year(), date.first_of_year().checked_add(1.year()).ok()?),
            Self::LastYear => (date.first_of_year().checked_sub(1.year()).ok()?, date.first_of_year()),
        };
        Some(Span { from: midnight(from, zone)?, to: midnight(to, zone)? })
    }
}

/// The first moment of a day in a zone (where midnight is skipped, the first moment after it).
pub fn midnight(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    Some(date.to_zoned(zone.clone()).ok()?.start_of_day().ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_23_and_25_hours() {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        for (at, period, quarter_hours) in [
            ("2026-03-29T12:00:00Z", Period::Today, 92),
            ("2026-10-25T12:00:00Z", Period::Today, 100),
            ("2026-10-26T12:00:00Z", Period::Yesterday, 100),
            ("2026-06-15T12:00:00Z", Period::Today, 96),
            ("2026-03-15T12:00:00Z", Period::ThisMonth, 31 * 96 - 4),
            ("2026-04-01T12:00:00Z", Period::LastMonth, 31 * 96 - 4),
            ("2026-04-01T12:00:00Z", Period::ThisYear, 365 * 96),
            ("2025-01-01T00:00:00Z", Period::LastYear, 366 * 96),
        ] {
            let span = period.span(at.parse().unwrap(), &zone).unwrap();
            assert_eq!((span.to.as_second() - span.from.as_second()) / 900, quarter_hours, "{at} {period:?}");
        }
    }

    #[test]
    fn a_day_belongs_to_the_sites_zone() {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        let span = Period::Today.span("2026-01-01T23:30:00Z".parse().unwrap(), &zone).unwrap();
        assert_eq!(span.from, "2026-01-01T23:00:00Z".parse().unwrap());
    }
}
