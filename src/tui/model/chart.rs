//! The chart of the Meter screen: which time it shows, and what of it is under the cursor.

use jiff::{SignedDuration, Timestamp};

use crate::domain::{calendar::Span, chart::Chart, ids::MeterId, quantity::Quantity};

/// How much time a chart shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Zoom {
    /// An hour.
    #[default]
    Hour,
    /// Six hours.
    SixHours,
    /// 24 hours.
    Day,
    /// Seven days.
    Week,
    /// 30 days.
    Month,
    /// 365 days.
    Year,
}

impl Zoom {
    /// Every one, the shortest first.
    pub const ALL: [Self; 6] = [Self::Hour, Self::SixHours, Self::Day, Self::Week, Self::Month, Self::Year];

    /// Its name on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Hour => "1 h",
            Self::SixHours => "6 h",
            Self::Day => "1 d",
            Self::Week => "1 w",
            Self::Month => "1 month",
            Self::Year => "1 y",
        }
    }

    /// The least time that it shows, ms.
    pub fn length_ms(self) -> i64 {
        const HOUR_MS: i64 = 3_600_000;
        match self {
            Self::Hour => HOUR_MS,
            Self::SixHours => 6 * HOUR_MS,
            Self::Day => 24 * HOUR_MS,
            Self::Week => 7 * 24 * HOUR_MS,
            Self::Month => 30 * 24 * HOUR_MS,
            Self::Year => 365 * 24 * HOUR_MS,
        }
    }

    /// The next shorter one, or the next longer one; it stops at both ends.
    #[must_use]
    pub fn next(self, shorter: bool) -> Self {
        let here = Self::ALL.iter().position(|zoom| *zoom == self).unwrap_or_default();
        let there = here.saturating_add_signed(if shorter { -1 } else { 1 });
        Self::ALL.get(there).copied().unwrap_or(self)
    }

    /// Length of a column where there are so many: whole seconds, minutes, quarters, hours or days, so that every column
    /// holds as many stored steps, and a little more than the zoom's time may fit.
    pub fn step_ms(self, columns: u16) -> i64 {
        const UNITS_MS: [i64; 5] = [86_400_000, 3_600_000, 900_000, 60_000, 1000];
        let columns = i64::from(columns.max(1));
        let least = (self.length_ms() + columns - 1) / columns;
        let unit = UNITS_MS.into_iter().find(|unit| *unit <= least).unwrap_or(1000);
        (least + unit - 1) / unit * unit
    }
}

/// Which part of the Meter screen is shown where not all fits, or shall not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MeterPane {
    /// Readings, with what fits beside and below them.
    #[default]
    Readings,
    /// The chart alone.
    Chart,
    /// What is known about the meter alone.
    About,
}

impl MeterPane {
    /// The next one, in a circle.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Readings => Self::Chart,
            Self::Chart => Self::About,
            Self::About => Self::Readings,
        }
    }
}

/// What a chart is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartKey {
    /// Of which meter.
    pub meter: MeterId,
    /// Of which quantity.
    pub quantity: Quantity,
    /// Of which time.
    pub span: Span,
    /// In how many columns.
    pub columns: u16,
}

/// A chart as somebody looks at it.
#[derive(Debug, Clone, Default)]
pub struct ChartView {
    /// How much time.
    pub zoom: Zoom,
    /// The end of the time that is shown; `None` follows the clock.
    pub end: Option<Timestamp>,
    /// Start of the column under the cursor.
    pub cursor: Option<Timestamp>,
    /// What was asked for last, and when.
    pub asked: Option<(ChartKey, Timestamp)>,
    /// What came of it last.
    pub shown: Option<(ChartKey, Chart)>,
    /// The service has none.
    pub failed: bool,
}

impl ChartView {
    /// The time that so many columns show. Its borders lie fixed in time: it moves by whole columns.
    pub fn span(&self, now: Timestamp, columns: u16) -> Option<Span> {
        let step_ms = self.zoom.step_ms(columns);
        let end_ms = self.end.unwrap_or(now).as_millisecond();
        let last = end_ms.checked_sub(1)?.div_euclid(step_ms);
        let to_ms = last.checked_add(1)?.checked_mul(step_ms)?;
        let from_ms = to_ms.checked_sub(step_ms.checked_mul(i64::from(columns))?)?;
        Some(Span { from: Timestamp::from_millisecond(from_ms).ok()?, to: Timestamp::from_millisecond(to_ms).ok()? })
    }

    /// Another zoom; a cursor stays where it is, in the middle.
    pub fn set_zoom(&mut self, zoom: Zoom, now: Timestamp) {
        self.zoom = zoom;
        if let Some(cursor) = self.cursor {
            let half = SignedDuration::from_millis(zoom.length_ms() / 2);
            self.end = cursor.checked_add(half).ok().filter(|end| *end < now);
        }
    }

    /// Moves the cursor by columns, and the time with it where it leaves that.
    pub fn move_cursor(&mut self, by: i64, now: Timestamp, columns: u16) {
        let Some(span) = self.span(now, columns) else { return };
        let step_ms = self.zoom.step_ms(columns);
        let (from_ms, to_ms) = (span.from.as_millisecond(), span.to.as_millisecond());
        let last_ms = to_ms - step_ms;
        let here_ms = self.cursor.map_or(last_ms - by.signum().min(0) * step_ms, |cursor| {
            let at = cursor.as_millisecond();
            (at - at.rem_euclid(step_ms)).clamp(from_ms, last_ms)
        });
        let newest_ms = now.as_millisecond().div_euclid(step_ms).saturating_mul(step_ms);
        let there_ms = here_ms.saturating_add(by.saturating_mul(step_ms)).min(newest_ms);
        let Ok(there) = Timestamp::from_millisecond(there_ms) else { return };
        // A quarter of the picture at a time, so that what was seen stays partly in view.
        let quarter_ms = step_ms * i64::from(columns / 4).max(1);
        let end_ms = if there_ms < from_ms {
            to_ms - quarter_ms.max(from_ms - there_ms)
        } else if there_ms > last_ms {
            to_ms + quarter_ms.max(there_ms - last_ms)
        } else {
            self.cursor = Some(there);
            return;
        };
        let Ok(end) = Timestamp::from_millisecond(end_ms) else { return };
        self.cursor = Some(there);
        self.end = Some(end).filter(|end| *end < now);
    }

    /// Back to now, without a cursor.
    pub fn reset(&mut self) {
        self.end = None;
        self.cursor = None;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-03-05T14:30:07Z".parse().unwrap()
    }

    #[test]
    fn a_zoom_shows_its_time_in_whole_columns() {
        for (zoom, columns, step_s) in [
            (Zoom::Hour, 60, 60),
            (Zoom::Hour, 67, 54),
            (Zoom::SixHours, 67, 360),
            (Zoom::Day, 67, 1800),
            (Zoom::Week, 67, 3 * 3600),
            (Zoom::Month, 67, 11 * 3600),
            (Zoom::Year, 67, 6 * 86_400),
        ] {
            assert_eq!(zoom.step_ms(columns), step_s * 1000, "{zoom:?}");
        }
        assert_eq!(Zoom::Hour.next(true), Zoom::Hour);
        assert_eq!(Zoom::Hour.next(false), Zoom::SixHours);
        assert_eq!(Zoom::Year.next(false), Zoom::Year);
    }

    #[test]
    fn it_moves_by_a_column_when_the_column_is_full() {
        let view = ChartView::default();
        let minute = |second: i64| view.span(Timestamp::from_second(second).unwrap(), 60).unwrap().to.as_second();
        assert_eq!([600, 601, 659, 660, 661].map(minute), [600, 660, 660, 660, 720]);
    }

    #[test]
    fn the_cursor_takes_the_time_with_it_and_comes_back_to_now() {
        let mut view = ChartView::default();
        view.move_cursor(-1, now(), 60);
        assert_eq!(view.cursor, "2026-03-05T14:30:00Z".parse().ok(), "the newest column first");
        view.move_cursor(-59, now(), 60);
        assert_eq!((view.cursor, view.end), ("2026-03-05T13:31:00Z".parse().ok(), None));
        view.move_cursor(-1, now(), 60);
        assert_eq!(view.end, "2026-03-05T14:16:00Z".parse().ok());
        for _ in 0..100 {
            view.move_cursor(1, now(), 60);
        }
        assert_eq!((view.cursor, view.end), ("2026-03-05T14:30:00Z".parse().ok(), None));
        view.set_zoom(Zoom::Year, now());
        assert_eq!(view.end, None);
        view.reset();
        assert_eq!(view.cursor, None);
    }

    proptest! {
        #[test]
        fn the_cursor_is_always_in_what_is_shown(
            moves in prop::collection::vec((-80i64..80, 0usize..6), 0..30), columns in 1u16..300,
        ) {
            let mut view = ChartView::default();
            for (by, zoom) in moves {
                view.set_zoom(Zoom::ALL[zoom], now());
                view.move_cursor(by, now(), columns);
                let span = view.span(now(), columns).unwrap();
                let cursor = view.cursor.unwrap();
                prop_assert!(span.from <= cursor && cursor < span.to, "{:?} {:?}", span, cursor);
                prop_assert!(cursor <= now());
            }
        }
    }
}
