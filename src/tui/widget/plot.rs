//! What charts with axes are made of: ticks of values and times, and the characters of a column.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

use crate::{domain::chart::Column, tui::glyph::Glyphs};

/// Least span of the scale, as a share of the largest value: noise of a steady value stays a flat line.
const MIN_SPAN: f64 = 0.02;
/// Columns between two times.
const TIME_ROOM: i64 = 10;

/// The values at the lower and the upper edge of a plot, and between two marks: 1, 2 or 5 of a power of ten.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// At the lower edge.
    pub low: f64,
    /// At the upper edge.
    pub high: f64,
    /// Between two marks.
    pub mark: f64,
}

impl Scale {
    /// A scale for values from `low` to `high` over so many rows.
    pub fn of(low: f64, high: f64, rows: usize) -> Self {
        let least = (low.abs().max(high.abs()) * MIN_SPAN).max(f64::MIN_POSITIVE.sqrt());
        let span = (high - low).max(least);
        let (low, high) = if high - low < least {
            let middle = f64::midpoint(low, high);
            (middle - least / 2.0, middle + least / 2.0)
        } else {
            (low, high)
        };
        // A mark needs a row of its own and one between.
        let marks = (rows / 2).clamp(1, 6) as f64;
        let rough = span / marks;
        let power = 10f64.powf(rough.log10().floor());
        let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough * 0.999).unwrap_or(10.0);
        let mark = factor * power;
        Self { low: (low / mark).floor() * mark, high: (high / mark).ceil() * mark, mark }
    }

    /// The marks, from below; a few.
    pub fn marks(&self) -> Vec<f64> {
        let count = (((self.high - self.low) / self.mark).round()).clamp(0.0, 64.0);
        let mut marks = Vec::new();
        let mut number = 0.0;
        while number <= count {
            marks.push(self.low + number * self.mark);
            number += 1.0;
        }
        marks
    }

    /// Digits after the point that tell two marks apart.
    pub fn decimals(&self) -> usize {
        (0..=6)
            .find(|decimals| self.mark * 10f64.powi(*decimals) >= 0.999)
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(6)
    }

    /// Which of so many levels a value is at, from below.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to 0..levels, a screen's rows"
    )]
    pub fn level(&self, value: f64, levels: usize) -> usize {
        let last = levels.saturating_sub(1) as f64;
        let share = (value - self.low) / (self.high - self.low);
        (share.clamp(0.0, 1.0) * last).round() as usize
    }
}

/// What a cell of a plot shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlotCell {
    /// The character.
    pub glyph: &'static str,
    /// What it is.
    pub part: Part,
}

/// Parts of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Nothing.
    Blank,
    /// The mean.
    Mean,
    /// Between the smallest and the largest value.
    Band,
    /// Something of the values was not good.
    Doubtful,
    /// Nothing was measured.
    Gap,
}

/// A column of a plot, from the top row down.
pub fn column(column: &Column, scale: &Scale, rows: usize, glyphs: &Glyphs) -> Vec<PlotCell> {
    let blank = PlotCell { glyph: " ", part: Part::Blank };
    let mut cells = vec![blank; rows];
    let steps = glyphs.line.len();
    let levels = rows * steps;
    let row_of = |level: usize| rows.saturating_sub(1 + level / steps);
    match column {
        Column::Between => {}
        Column::Gap => {
            if let Some(cell) = cells.last_mut() {
                *cell = PlotCell { glyph: glyphs.no_value, part: Part::Gap };
            }
        }
        Column::Value { mean, min, max, good } => {
            let band = PlotCell { glyph: glyphs.band, part: Part::Band };
            let (top, bottom) = (row_of(scale.level(*max, levels)), row_of(scale.level(*min, levels)));
            cells.iter_mut().take(bottom + 1).skip(top).for_each(|cell| *cell = band);
            let level = scale.level(*mean, levels);
            let glyph = glyphs.line.get(level % steps).copied().unwrap_or(" ");
            if let Some(cell) = cells.get_mut(row_of(level)) {
                *cell = PlotCell { glyph, part: if *good { Part::Mean } else { Part::Doubtful } };
            }
        }
    }
    cells
}

/// A time at a time axis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeMark {
    /// At which column.
    pub column: usize,
    /// `14:30`, `03-05`, or `2026-03`.
    pub text: String,
}

/// Between two times of an axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Every {
    Minutes(i64),
    Days(i64),
    Months(i64),
}

impl Every {
    const ALL: [Self; 18] = [
        Self::Minutes(1),
        Self::Minutes(2),
        Self::Minutes(5),
        Self::Minutes(10),
        Self::Minutes(15),
        Self::Minutes(30),
        Self::Minutes(60),
        Self::Minutes(120),
        Self::Minutes(180),
        Self::Minutes(360),
        Self::Minutes(720),
        Self::Days(1),
        Self::Days(2),
        Self::Days(5),
        Self::Days(10),
        Self::Months(1),
        Self::Months(2),
        Self::Months(3),
    ];

    fn length_ms(self) -> i64 {
        match self {
            Self::Minutes(minutes) => minutes * 60_000,
            Self::Days(days) => days * 86_400_000,
            Self::Months(months) => months * 30 * 86_400_000,
        }
    }

    /// The number of the part of time that holds a moment, on the site's clock.
    fn part(self, at: DateTime) -> i64 {
        let day = Date::constant(1970, 1, 1).duration_until(at.date()).as_hours() / 24;
        match self {
            Self::Minutes(minutes) => {
                let of_day = i64::from(at.hour()) * 60 + i64::from(at.minute());
                day * (1440 / minutes) + of_day / minutes
            }
            Self::Days(days) => day.div_euclid(days),
            Self::Months(months) => (i64::from(at.year()) * 12 + i64::from(at.month()) - 1).div_euclid(months),
        }
    }

    fn text(self, at: DateTime, is_new_day: bool) -> String {
        match self {
            Self::Minutes(_) if !is_new_day => at.strftime("%H:%M").to_string(),
            Self::Minutes(_) | Self::Days(_) => at.strftime("%m-%d").to_string(),
            Self::Months(_) => at.strftime("%Y-%m").to_string(),
        }
    }
}

/// The times of an axis whose columns begin at `from` and are `step_ms` long.
pub fn times(from: Timestamp, step_ms: i64, columns: usize, zone: &TimeZone) -> Vec<TimeMark> {
    let every = Every::ALL.into_iter().find(|every| every.length_ms() >= step_ms.saturating_mul(TIME_ROOM));
    let every = every.unwrap_or(Every::Months(3));
    let local = |column: usize| {
        let offset_ms = i64::try_from(column).ok()?.checked_mul(step_ms)?;
        let at = Timestamp::from_millisecond(from.as_millisecond().checked_add(offset_ms)?).ok()?;
        Some(at.to_zoned(zone.clone()).datetime())
    };
    let mut marks = Vec::new();
    let mut before = from
        .as_millisecond()
        .checked_sub(step_ms)
        .and_then(|at| Some(Timestamp::from_millisecond(at).ok()?.to_zoned(zone.clone()).datetime()));
    for column in 0..columns {
        let Some(here) = local(column) else { break };
        if before.is_some_and(|before| every.part(before) != every.part(here)) {
            let is_new_day = before.is_some_and(|before| before.date() != here.date());
            marks.push(TimeMark { column, text: every.text(here, is_new_day) });
        }
        before = Some(here);
    }
    marks
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_scale_has_round_marks_around_the_values() {
        for (low, high, rows, expected, decimals) in [
            (598.2, 640.1, 7, (580.0, 660.0, 20.0), 0),
            (0.0, 9.7, 7, (0.0, 10.0, 5.0), 0),
            (229.0, 231.5, 12, (227.0, 233.0, 1.0), 0),
            (-5.0, 5.0, 8, (-5.0, 5.0, 5.0), 0),
        ] {
            let scale = Scale::of(low, high, rows);
            assert_eq!((scale.low, scale.high, scale.mark), expected, "{low} to {high}");
            assert_eq!(scale.decimals(), decimals);
        }
        let flat = Scale::of(50.0, 50.0, 7);
        assert!(flat.low < 50.0 && flat.high > 50.0 && flat.high - flat.low < 3.0, "{flat:?}");
        assert!(Scale::of(0.0, 0.0, 7).high > 0.0);
    }

    #[test]
    fn a_column_has_its_mean_over_its_band_and_a_gap_is_a_gap() {
        let glyphs = Glyphs::of(false);
        let scale = Scale { low: 0.0, high: 8.0, mark: 4.0 };
        let drawn =
            |column_: Column| -> String { column(&column_, &scale, 3, glyphs).iter().map(|cell| cell.glyph).collect() };
        let value = |mean, min, max| Column::Value { mean, min, max, good: true };
        assert_eq!(drawn(value(0.0, 0.0, 0.0)), format!("  {}", glyphs.line[0]));
        assert_eq!(drawn(value(8.0, 8.0, 8.0)), format!("{}  ", glyphs.line[2]));
        assert_eq!(drawn(value(4.0, 0.0, 8.0)), format!("{0}{1}{0}", glyphs.band, glyphs.line[1]));
        assert_eq!(drawn(Column::Gap), format!("  {}", glyphs.no_value));
        assert_eq!(drawn(Column::Between), "   ");
    }

    #[test]
    fn times_follow_the_sites_clock() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let texts = |from: &str, step_s: i64, columns: usize| {
            times(from.parse().unwrap(), step_s * 1000, columns, &zone)
                .into_iter()
                .map(|mark| format!("{} {}", mark.column, mark.text))
                .collect::<Vec<_>>()
        };
        assert_eq!(texts("2026-03-05T12:55:00Z", 60, 30), ["5 14:00", "15 14:10", "25 14:20"]);
        // A day with 23 hours: 6 h after midnight come after 5.
        assert_eq!(
            texts("2026-03-28T23:00:00Z", 1800, 48),
            ["0 03-29", "10 06:00", "22 12:00", "34 18:00", "46 03-30"]
        );
        assert_eq!(texts("2026-01-15T00:00:00Z", 6 * 86_400, 20), ["8 2026-03", "18 2026-05"].map(str::to_owned));
    }

    proptest! {
        #[test]
        fn a_scale_holds_its_values(low in -1e7..1e7f64, span in 0.0..1e7f64, rows in 1usize..60) {
            let (scale, high) = (Scale::of(low, low + span, rows), low + span);
            prop_assert!(scale.low <= low + 1e-6 && scale.high >= high - 1e-6, "{:?}", scale);
            prop_assert!(scale.marks().len() <= 16, "{:?}", scale);
            let levels = rows * 3;
            prop_assert!(scale.level(low, levels) <= scale.level(high, levels));
            prop_assert!(scale.level(high, levels) < levels);
        }
    }
}
