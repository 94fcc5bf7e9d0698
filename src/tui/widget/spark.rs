//! A line of small columns: the course of a value, one column for each step.

use std::time::Duration;

use crate::{
    domain::live::Trend,
    tui::{format, glyph::Glyphs},
};

/// Least span of the scale, as a share of the largest value: noise of a steady value stays a flat line.
const MIN_SPAN: f64 = 0.25;

/// The newest `columns` steps of a series, the newest at the right. A step without a value is a gap, never a zero.
pub fn spark(values: &[Option<f64>], columns: usize, glyphs: &Glyphs) -> String {
    tall(values, columns, 1, glyphs).pop().unwrap_or_default()
}

/// The same over several rows, from the top row down.
pub fn tall(values: &[Option<f64>], columns: usize, rows: usize, glyphs: &Glyphs) -> Vec<String> {
    let shown = values.get(values.len().saturating_sub(columns)..).unwrap_or_default();
    let (low, high) = extent(shown).unwrap_or_default();
    let span = (high - low).max(low.abs().max(high.abs()) * MIN_SPAN);
    // A flat line lies in the middle of a step, so that noise does not make it jump between two.
    let bottom = low - (span - (high - low)) * 4.0 / 7.0;
    let steps = rows * glyphs.spark.len();
    let levels: Vec<Option<usize>> = shown
        .iter()
        .map(|value| value.filter(|value| value.is_finite()).map(|value| level((value - bottom) / span, steps)))
        .collect();
    let before = " ".repeat(columns.saturating_sub(shown.len()));
    let row =
        |row: usize| levels.iter().map(|level| glyph(*level, row * glyphs.spark.len(), glyphs)).collect::<String>();
    (0..rows).rev().map(|index| format!("{before}{}", row(index))).collect()
}

/// The lowest and the highest value; `None` where there is none.
pub fn extent(values: &[Option<f64>]) -> Option<(f64, f64)> {
    let finite = || values.iter().flatten().copied().filter(|value| value.is_finite());
    Some((finite().reduce(f64::min)?, finite().reduce(f64::max)?))
}

/// What a row that begins at the step `from` shows of a column that reaches up to `level`.
fn glyph(level: Option<usize>, from: usize, glyphs: &Glyphs) -> &'static str {
    let Some(level) = level else { return if from == 0 { glyphs.gap } else { " " } };
    let [.., full] = glyphs.spark;
    match level.checked_sub(from) {
        Some(step) => glyphs.spark.get(step).copied().unwrap_or(full),
        None => " ",
    }
}

/// A trend in about as many steps as there are columns: neighbours are averaged. The borders of the new steps lie fixed
/// in time, so that the picture moves by one column once in a while, and nothing else in it changes.
pub fn grouped(trend: &Trend, columns: usize) -> Trend {
    let columns = columns.max(1);
    let size = ((trend.values.len() + columns / 2) / columns).max(1);
    let step_ms = i128::try_from(trend.step.as_millis()).unwrap_or(i128::MAX).max(1);
    let end = i128::from(trend.end.as_millisecond()).div_euclid(step_ms);
    let length = i128::try_from(trend.values.len()).unwrap_or_default();
    let group_of = |index: usize| {
        let number = end - length + i128::try_from(index).unwrap_or_default();
        number.div_euclid(i128::try_from(size).unwrap_or(1))
    };
    let mut groups: Vec<(i128, f64, u32)> = Vec::new();
    for (index, value) in trend.values.iter().enumerate() {
        let group = group_of(index);
        if groups.last().is_none_or(|(last, ..)| *last != group) {
            groups.push((group, 0.0, 0));
        }
        if let (Some(value), Some((_, sum, count))) = (value, groups.last_mut()) {
            *sum += value;
            *count += 1;
        }
    }
    let mean = |(_, sum, count): &(i128, f64, u32)| (*count > 0).then(|| sum / f64::from(*count));
    let values: Vec<_> = groups.iter().map(mean).collect();
    let newest = values.get(values.len().saturating_sub(columns)..).unwrap_or_default().to_vec();
    Trend { step: trend.step.saturating_mul(u32::try_from(size).unwrap_or(u32::MAX)), end: trend.end, values: newest }
}

/// How long a trend is, in words: `15 min`.
pub fn length(trend: &Trend) -> String {
    let length = trend.step.saturating_mul(u32::try_from(trend.values.len()).unwrap_or(u32::MAX));
    let minutes = Duration::from_secs((length.as_secs() + 30) / 60 * 60);
    format::age(if length.as_secs() < 60 { length } else { minutes })
}

/// Which of `steps` steps; a share that is no number (all values are zero) is the lowest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..steps, a few rows of a screen"
)]
fn level(share: f64, steps: usize) -> usize {
    let last = steps.saturating_sub(1);
    (share.clamp(0.0, 1.0) * last as f64).round() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_follow_the_values() {
        let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        for (values, columns, expected) in [
            (some(&[0.0, 50.0, 100.0]), 3, "▁▅█"),
            (some(&[0.0, 50.0, 100.0]), 5, "  ▁▅█"),
            (some(&[0.0, 50.0, 100.0]), 2, "▁█"),
            (some(&[100.0, 100.1, 99.9]), 3, "▅▅▅"),
            (some(&[0.0, 0.0]), 2, "▁▁"),
            (some(&[-5.0, 5.0]), 2, "▁█"),
            (vec![Some(1.0), None, Some(f64::NAN), Some(2.0)], 4, "▁··█"),
            (vec![], 3, "   "),
            (vec![None, None], 2, "··"),
        ] {
            assert_eq!(spark(&values, columns, Glyphs::of(false)), expected, "{values:?}");
        }
    }

    #[test]
    fn a_tall_one_fills_from_below() {
        let values = [Some(0.0), Some(100.0), None, Some(50.0)];
        assert_eq!(tall(&values, 4, 2, Glyphs::of(false)), [" █ ▁", "▁█·█"]);
        assert_eq!(extent(&values), Some((0.0, 100.0)));
        assert_eq!(extent(&[None]), None);
    }

    #[test]
    fn groups_lie_fixed_in_time() {
        let trend = |last: i64| Trend {
            step: Duration::from_secs(10),
            end: jiff::Timestamp::from_second(last * 10).unwrap(),
            values: (last - 90..last).map(|step| (step % 7 != 0).then_some(step as f64)).collect(),
        };
        let (before, after) = (grouped(&trend(9_000), 29), grouped(&trend(9_001), 29));
        assert_eq!(before.step, Duration::from_secs(30));
        assert_eq!(before.values.len(), 29);
        assert_eq!(before.values[2..], after.values[1..28], "a step more moves the picture by one column");
        assert_eq!(length(&before), "15 min");
        let (second, third) = (grouped(&trend(9_002), 29), grouped(&trend(9_003), 29));
        assert_eq!(after.values[..28], second.values[..28], "while the last column grows, nothing else changes");
        assert_eq!(second.values[..28], third.values[..28]);
        assert_eq!(grouped(&Trend { values: vec![], ..trend(1) }, 5).values, []);
    }
}
