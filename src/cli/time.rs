//! Times on the command line: RFC 3339, or a date or a local time of the site.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use super::exit::{CommandError, Exit};
use crate::{domain::calendar, domain::site::Site};

/// The moment that `text` names: `2026-01-01T00:00:00Z`, `2026-01-01` (its first moment in the site's time zone),
/// `2026-01-01T08:30` (in the site's time zone; of an hour that there is twice, the first).
///
/// # Errors
/// A usage error that says how to write it.
pub fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, CommandError> {
    let local = || {
        if let Ok(date) = text.parse::<Date>()
            && !text.contains([':', 'T', ' '])
        {
            return calendar::midnight(date, zone);
        }
        let time = text.parse::<DateTime>().ok()?;
        time.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
    };
    text.parse::<Timestamp>().ok().or_else(local).ok_or_else(|| {
        CommandError::new(Exit::Usage, format!("`{}` is no time.", crate::text::clean(text)))
            .hinted("write 2026-01-31, 2026-01-31T08:30 (the site's time) or 2026-01-31T07:30:00Z")
    })
}

/// The site's time zone.
pub fn zone(site: &Site) -> TimeZone {
    // The site file was checked; a zone that has gone since is shown in UTC.
    TimeZone::get(&site.time_zone).unwrap_or(TimeZone::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_utc_or_the_sites() {
        let zone = TimeZone::get("Europe/Amsterdam").unwrap();
        for (text, expected) in [
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:00:00+02:00", "2025-12-31T22:00:00Z"),
            ("2026-07-01", "2026-06-30T22:00:00Z"),
            ("2026-01-01T08:30", "2026-01-01T07:30:00Z"),
            ("2026-01-01 08:30:15", "2026-01-01T07:30:15Z"),
            ("2026-10-25T02:30", "2026-10-25T00:30:00Z"),
        ] {
            assert_eq!(moment(text, &zone).unwrap(), expected.parse().unwrap(), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "2026-02-30", "08:30"] {
            assert!(moment(text, &zone).is_err(), "{text}");
        }
    }
}
