//! A line of small columns: the course of a value, one column for each step.

use std::time::Duration;

use crate::{domain::live::Trend, tui::glyph::Glyphs};

/// Least span of the scale, as a share of the largest value: noise of a steady value stays a flat line.
const MIN_SPAN: f64 = 0.25;

/// The newest `columns` steps of a series, the newest at the right. A step without a value is a gap, never a zero.
pub fn spark(values: &[Option<f64>], columns: usize, glyphs: &Glyphs) -> String {
    let shown = values.get(values.len().saturating_sub(columns)..).unwrap_or_default();
    let finite = || shown.iter().flatten().copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    let span = (high - low).max(low.abs().max(high.abs()) * MIN_SPAN);
    // A flat line lies in the middle of a step, so that noise does not make it jump between two.
    let bottom = low - (span - (high - low)) * 4.0 / 7.0;
    let column = |value: &Option<f64>| match value.filter(|value| value.is_finite()) {
        Some(value) => glyphs.spark.get(level((value - bottom) / span)).copied().unwrap_or(glyphs.gap),
        None => glyphs.gap,
    };
    let missing = columns.saturating_sub(shown.len());
    std::iter::repeat_n(" ", missing).chain(shown.iter().map(column)).collect()
}

/// How long `columns` columns of a trend are, as far as it reaches.
pub fn length(trend: &Trend, columns: usize) -> Duration {
    let steps = u32::try_from(trend.values.len().min(columns)).unwrap_or(u32::MAX);
    trend.step.saturating_mul(steps)
}

/// Which of the eight columns; a share that is no number (all values are zero) is the lowest.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=7")]
fn level(share: f64) -> usize {
    (share.clamp(0.0, 1.0) * 7.0).round() as usize
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
}
