//! Short series in memory for sparklines: means of equal steps, with gaps.

use std::{collections::VecDeque, time::Duration};

use jiff::Timestamp;

use crate::domain::{
    live::Trend,
    quantity::Quantity,
    reading::{Reading, State},
};

/// Length of a step.
pub const STEP: Duration = Duration::from_secs(10);
/// Steps kept of `current_kw`, and the most that one request may ask for: 85 minutes.
pub const LONGEST: usize = 512;
/// Fewest steps kept of any series.
const SHORTEST: usize = 32;
/// Memory for all other series of a site together; many meters get shorter ones.
const MEMORY: usize = 4 << 20;

/// How many steps of each series but `current_kw` a site with so many series keeps.
pub fn steps_of_each(series: usize) -> usize {
    (MEMORY / size_of::<f32>() / series.max(1)).clamp(SHORTEST, LONGEST)
}

/// The series of one meter; its quantities are read together, so they share their steps.
#[derive(Debug, Clone, Default)]
pub struct Trends {
    /// Number of the step that is being filled, counted from the Unix epoch; `None` before the first.
    step: Option<i64>,
    /// In the order in which the quantities were first read: the step that is being filled. Apart from what is kept, so
    /// that a poll touches little memory.
    open: Vec<(Quantity, Open)>,
    /// Of each the steps before.
    kept: Vec<Kept>,
    steps: usize,
}

/// A step that is being filled.
#[derive(Debug, Clone, Copy, Default)]
struct Open {
    sum: f64,
    count: u32,
}

/// The steps before of one series.
#[derive(Debug, Clone)]
struct Kept {
    capacity: usize,
    /// Their means, oldest first; NaN is a gap.
    means: VecDeque<f32>,
}

impl Trends {
    /// Nothing yet; keeps `steps` of each quantity, [`LONGEST`] of `current_kw`.
    pub fn new(steps: usize) -> Self {
        Self { steps, ..Self::default() }
    }

    /// Takes readings in; those that are no good leave a gap.
    pub fn add<'readings>(&mut self, readings: impl IntoIterator<Item = (&'readings Quantity, &'readings Reading)>) {
        let mut place = 0;
        for (quantity, reading) in readings {
            let Some(value) = reading.value.filter(|_| reading.state <= State::Estimated) else { continue };
            let step = step_of(reading.at);
            // A clock that was set back goes on in the step it had.
            if self.step.is_none_or(|present| step > present) {
                self.close(step);
            }
            // Readings come in the same order each time: the next series is nearly always theirs.
            let known = self.open.get(place).is_some_and(|(known, _)| known == quantity);
            let index = if known { Some(place) } else { self.place(quantity) };
            let index = index.unwrap_or_else(|| {
                let capacity = if *quantity == Quantity::CurrentKw { LONGEST } else { self.steps };
                self.open.push((quantity.clone(), Open::default()));
                self.kept.push(Kept { capacity, means: VecDeque::new() });
                self.open.len() - 1
            });
            if let Some((_, open)) = self.open.get_mut(index) {
                open.sum += value;
                open.count += 1;
            }
            place = index + 1;
        }
    }

    /// The last `steps` of a quantity up to `now`.
    pub fn trend(&self, quantity: &Quantity, steps: u16, now: Timestamp) -> Trend {
        let steps = usize::from(steps).min(LONGEST);
        let of = |place: usize| Some((&self.open.get(place)?.1, self.kept.get(place)?, self.step?));
        let Some((open, kept, step)) = self.place(quantity).and_then(of) else {
            return trend_of(step_of(now), vec![None; steps]);
        };
        let last = step_of(now).max(step);
        let known = std::iter::once(open.mean()).chain(kept.means.iter().rev().copied());
        let since = usize::try_from(last.saturating_sub(step)).unwrap_or(usize::MAX).min(steps);
        let gap = std::iter::repeat_n(f32::NAN, since);
        let newest_first = gap.chain(known).chain(std::iter::repeat(f32::NAN)).take(steps);
        let mut values: Vec<_> =
            newest_first.map(|mean| Some(f64::from(mean)).filter(|mean| mean.is_finite())).collect();
        values.reverse();
        trend_of(last, values)
    }

    fn place(&self, quantity: &Quantity) -> Option<usize> {
        self.open.iter().position(|(known, _)| known == quantity)
    }

    /// Ends the present step, with gaps up to `next`.
    fn close(&mut self, next: i64) {
        if let Some(step) = self.step {
            let gaps = next.saturating_sub(step).saturating_sub(1);
            for ((_, open), kept) in self.open.iter_mut().zip(&mut self.kept) {
                kept.push(std::mem::take(open).mean());
                for _ in 0..gaps.min(i64::try_from(kept.capacity).unwrap_or(i64::MAX)) {
                    kept.push(f32::NAN);
                }
            }
        }
        self.step = Some(next);
    }
}

impl Open {
    #[expect(clippy::cast_possible_truncation, reason = "seven digits draw a sparkline, in half the memory")]
    fn mean(self) -> f32 {
        if self.count == 0 { f32::NAN } else { (self.sum / f64::from(self.count)) as f32 }
    }
}

impl Kept {
    fn push(&mut self, mean: f32) {
        if self.means.len() + 1 >= self.capacity {
            self.means.pop_front();
        }
        self.means.push_back(mean);
    }
}

#[expect(clippy::cast_possible_wrap, reason = "a small constant")]
const STEP_SECONDS: i64 = STEP.as_secs() as i64;

fn step_of(at: Timestamp) -> i64 {
    at.as_second().div_euclid(STEP_SECONDS)
}

fn trend_of(last: i64, values: Vec<Option<f64>>) -> Trend {
    let end = last.saturating_add(1).saturating_mul(STEP_SECONDS);
    Trend { step: STEP, end: Timestamp::from_second(end).unwrap_or(Timestamp::MAX), values }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::unit::Unit;

    fn reading(second: i64, value: f64) -> Reading {
        Reading::good(value, Unit::Kilowatt, Timestamp::from_second(second).unwrap())
    }

    fn add(trends: &mut Trends, readings: &[(i64, f64)]) {
        for (second, value) in readings {
            trends.add([(&Quantity::CurrentKw, &reading(*second, *value))]);
        }
    }

    #[test]
    fn means_of_steps_with_gaps_as_gaps() {
        let mut trends = Trends::new(64);
        add(&mut trends, &[(100, 1.0), (105, 3.0), (110, 5.0), (141, 7.0), (139, 9.0)]);
        let trend = trends.trend(&Quantity::CurrentKw, 8, Timestamp::from_second(165).unwrap());
        let expected = [None, Some(2.0), Some(5.0), None, None, Some(8.0), None, None];
        assert_eq!(trend.values, expected);
        assert_eq!((trend.step, trend.end.as_second()), (STEP, 170));
    }

    #[test]
    fn bad_readings_and_unknown_quantities_are_gaps() {
        let mut trends = Trends::new(64);
        let bad = Reading::bad(Unit::Volt, Timestamp::from_second(100).unwrap());
        trends.add([(&Quantity::Voltage, &bad)]);
        let trend = trends.trend(&Quantity::Voltage, 3, Timestamp::from_second(100).unwrap());
        assert_eq!(trend.values, [None, None, None]);
    }

    #[test]
    fn memory_is_bounded_whatever_the_clock_does() {
        let mut trends = Trends::new(64);
        let wild = [(0, 1.0), (4_000_000_000, 2.0), (10, 3.0), (4_000_009_000, 4.0)];
        add(&mut trends, &wild);
        (0..2_000).for_each(|step| add(&mut trends, &[(4_000_010_000 + step * 10, 1.0)]));
        assert!(trends.kept[0].means.len() < LONGEST);
        let trend = trends.trend(&Quantity::CurrentKw, u16::MAX, Timestamp::from_second(4_000_029_990).unwrap());
        assert_eq!(trend.values.len(), LONGEST);
        assert!(trend.values.iter().all(|value| *value == Some(1.0)));
        assert_eq!((steps_of_each(20), steps_of_each(20_000), steps_of_each(10_000_000)), (512, 52, 32));
    }
}
