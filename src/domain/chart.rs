//! A quantity over time in equal columns, as charts draw it; and what a column without a value means.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    reading::STALE_AFTER_INTERVALS,
    sample::{Decimals, Summary},
    unit::Unit,
};

/// A quantity over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// Unit of the values, where it is known.
    pub unit: Option<Unit>,
    /// Start of the first column.
    pub from: Timestamp,
    /// Length of a column, ms.
    pub step_ms: i64,
    /// In order of time, without holes.
    pub columns: Vec<Column>,
}

/// One column of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "column", rename_all = "snake_case")]
pub enum Column {
    /// Something was measured.
    Value {
        /// Mean of the values.
        mean: f64,
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
        /// Every value in it was good.
        good: bool,
    },
    /// No value fell into it, and none had to: it is shorter than the time between two, or only begins.
    Between,
    /// Nothing good was measured though it should have been.
    Gap,
}

impl Chart {
    /// Start of a column.
    pub fn start(&self, column: usize) -> Option<Timestamp> {
        let offset = i64::try_from(column).ok()?.checked_mul(self.step_ms)?;
        Timestamp::from_millisecond(self.from.as_millisecond().checked_add(offset)?).ok()
    }

    /// The column that holds a moment.
    pub fn column_at(&self, at: Timestamp) -> Option<usize> {
        let offset = at.as_millisecond().checked_sub(self.from.as_millisecond())?;
        let place = usize::try_from(offset.checked_div_euclid(self.step_ms)?).ok()?;
        (place < self.columns.len()).then_some(place)
    }

    /// The lowest and the highest value; `None` where there is none.
    pub fn extent(&self) -> Option<(f64, f64)> {
        let mut extent: Option<(f64, f64)> = None;
        for column in &self.columns {
            if let Column::Value { min, max, .. } = column {
                let (low, high) = extent.unwrap_or((*min, *max));
                extent = Some((low.min(*min), high.max(*max)));
            }
        }
        extent
    }
}

/// Turns stored steps into columns. `step_ms` is a step's length; a value is due every `interval_ms`, or as seldom as most
/// of the steps say. As with [`STALE_AFTER_INTERVALS`], a gap is what lasts longer than three times that; where one is due
/// in every step, a step without one is a gap at once.
pub fn columns(steps: &[Summary], decimals: Decimals, step_ms: i64, interval_ms: i64, now_ms: i64) -> Vec<Column> {
    let patience = |interval_ms: i64| interval_ms.saturating_mul(i64::from(STALE_AFTER_INTERVALS));
    let due_ms = interval_ms.max(usual_distance(steps).saturating_mul(step_ms));
    let mut columns = Vec::with_capacity(steps.len());
    let mut rest = steps;
    while let Some(first) = rest.first() {
        let empty = rest.iter().take_while(|step| step.is_empty()).count();
        if empty == 0 {
            columns.push(column(first, decimals));
            rest = rest.get(1..).unwrap_or_default();
            continue;
        }
        let is_last = empty == rest.len();
        let end_ms = first.start_ms.saturating_add(step_ms.saturating_mul(i64::try_from(empty).unwrap_or(i64::MAX)));
        let lasted_ms = end_ms.min(now_ms).saturating_sub(first.start_ms);
        let allowed_ms = if due_ms > step_ms {
            patience(due_ms)
        } else if is_last {
            patience(interval_ms)
        } else {
            0
        };
        let what = if lasted_ms > allowed_ms { Column::Gap } else { Column::Between };
        // What has not begun yet is no gap.
        columns.extend(rest.iter().take(empty).map(|step| if step.start_ms < now_ms { what } else { Column::Between }));
        rest = rest.get(empty..).unwrap_or_default();
    }
    columns
}

fn column(step: &Summary, decimals: Decimals) -> Column {
    match step.mean() {
        Some(mean) => Column::Value {
            mean: decimals.value(mean),
            min: decimals.value(step.min),
            max: decimals.value(step.max),
            good: step.flawed == 0,
        },
        None => Column::Gap,
    }
}

/// How many steps usually lie between two that hold something: 1 where nothing can be said.
fn usual_distance(steps: &[Summary]) -> i64 {
    /// Fewer say nothing.
    const LEAST: usize = 3;
    let mut distances = Vec::new();
    let mut last = None;
    for (place, _) in steps.iter().enumerate().filter(|(_, step)| !step.is_empty()) {
        distances.extend(last.map(|last: usize| place - last));
        last = Some(place);
    }
    if distances.len() < LEAST {
        return 1;
    }
    distances.sort_unstable();
    distances.get(distances.len() / 2).and_then(|distance| i64::try_from(*distance).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::reading::State;

    const STEP: i64 = 60_000;

    /// `#` a value, `.` nothing, `x` a bad one.
    fn steps(text: &str) -> Vec<Summary> {
        let step = |(place, what): (usize, char)| {
            let mut step = Summary::empty(i64::try_from(place).unwrap() * STEP);
            match what {
                '#' => step.push(Some(125), State::Good),
                'x' => step.push(None, State::Bad),
                _ => {}
            }
            step
        };
        text.chars().enumerate().map(step).collect()
    }

    fn drawn(text: &str, interval_ms: i64, now_ms: i64) -> String {
        columns(&steps(text), Decimals::default(), STEP, interval_ms, now_ms)
            .iter()
            .map(|column| match column {
                Column::Value { .. } => '#',
                Column::Between => '-',
                Column::Gap => '!',
            })
            .collect()
    }

    #[test]
    fn a_gap_is_what_lasts_longer_than_it_may() {
        let late = 100 * STEP;
        for (given, interval_ms, now_ms, expected) in [
            ("##.##", 1_000, late, "##!##"),
            ("##x##", 1_000, late, "##!##"),
            ("..###", 1_000, late, "!!###"),
            ("###..", 1_000, late, "###!!"),
            // The column that only begins, and the one after.
            ("###..", 1_000, 3 * STEP + 2_000, "###--"),
            ("###..", 1_000, 3 * STEP + 4_000, "###!-"),
            // Every two minutes is how this one is read, or how its history came.
            ("#.#.#.#.#", 120_000, late, "#-#-#-#-#"),
            ("#.#.#.#.#", 1_000, late, "#-#-#-#-#"),
            ("#.#.#.........#.#", 120_000, late, "#-#-#!!!!!!!!!#-#"),
            ("....", 1_000, late, "!!!!"),
            ("", 1_000, late, ""),
        ] {
            assert_eq!(drawn(given, interval_ms, now_ms), expected, "{given} every {interval_ms} ms at {now_ms}");
        }
    }

    #[test]
    fn values_are_scaled_and_found_by_their_time() {
        let found = columns(&steps("#"), Decimals::new(1).unwrap(), STEP, 1_000, STEP);
        assert_eq!(found, [Column::Value { mean: 12.5, min: 12.5, max: 12.5, good: true }]);
        let from = Timestamp::from_second(600).unwrap();
        let chart = Chart { unit: None, from, step_ms: STEP, columns: [found, vec![Column::Gap]].concat() };
        assert_eq!(chart.extent(), Some((12.5, 12.5)));
        assert_eq!(chart.start(1), Timestamp::from_second(660).ok());
        for (second, column) in [(599, None), (600, Some(0)), (719, Some(1)), (720, None)] {
            assert_eq!(chart.column_at(Timestamp::from_second(second).unwrap()), column, "{second}");
        }
    }

    proptest! {
        #[test]
        fn as_many_columns_as_steps_and_every_value_is_there(
            text in "[#.x]{0,80}", interval_ms in 0i64..1_000_000, now_ms in 0i64..5_000_000,
        ) {
            let drawn = drawn(&text, interval_ms, now_ms);
            prop_assert_eq!(drawn.len(), text.len());
            for (given, drawn) in text.chars().zip(drawn.chars()) {
                prop_assert_eq!(given == '#', drawn == '#');
                prop_assert!(given != 'x' || drawn == '!');
            }
        }
    }
}
