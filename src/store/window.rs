//! The newest samples, in memory until they are sealed: what the hot rows on disk say.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    column::{Column, Counts, GOOD, Mark, is_same},
    hot::HotSample,
    span,
};
use crate::domain::sample::Decimals;

/// The samples of all meters since the last seal.
#[derive(Debug, Default)]
pub(super) struct Window {
    meters: BTreeMap<u32, Arc<MeterWindow>>,
    samples: usize,
}

impl Window {
    pub(super) fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// How many samples are in it.
    pub(super) fn len(&self) -> usize {
        self.samples
    }

    /// Takes in the samples of one meter and one time, in the order in which they came.
    pub(super) fn record(&mut self, meter: u32, samples: &[HotSample], decimals: impl Fn(u32) -> Decimals) -> Counts {
        let window = Arc::make_mut(self.meters.entry(meter).or_default());
        let counts = window.record(samples, decimals);
        self.samples += usize::try_from(counts.new).unwrap_or(0);
        counts
    }

    pub(super) fn meter(&self, meter: u32) -> Option<Arc<MeterWindow>> {
        self.meters.get(&meter).cloned()
    }

    /// The meter with the smallest number.
    pub(super) fn first(&self) -> Option<(u32, Arc<MeterWindow>)> {
        self.meters.first_key_value().map(|(meter, window)| (*meter, Arc::clone(window)))
    }

    /// The next meter with a larger number.
    pub(super) fn meter_after(&self, meter: u32) -> Option<u32> {
        self.meters.range(meter.checked_add(1)?..).next().map(|(meter, _)| *meter)
    }

    pub(super) fn remove(&mut self, meter: u32) {
        if let Some(window) = self.meters.remove(&meter) {
            self.samples = self.samples.saturating_sub(window.samples);
        }
    }

    /// Writes another number over a sample, where it is there.
    pub(super) fn replace(&mut self, meter: u32, series: u32, at_ms: i64, number: i64, mark: Mark) {
        if let Some(window) = self.meters.get_mut(&meter)
            && window.place(series, at_ms).is_some()
        {
            Arc::make_mut(window).replace(series, at_ms, number, mark);
        }
    }
}

/// The samples of one meter.
#[derive(Debug, Default, Clone)]
pub(super) struct MeterWindow {
    groups: Vec<Group>,
    /// The latest time in it.
    newest_ms: i64,
    /// The earliest time in it.
    oldest_ms: i64,
    samples: usize,
}

/// Samples of the same series, read together.
#[derive(Debug, Clone)]
struct Group {
    columns: Vec<(u32, Numbers, Vec<Mark>)>,
    decimals: Vec<Decimals>,
    times: Vec<i64>,
}

/// A growing list of numbers, at four bytes each while they are near the first one.
#[derive(Debug, Clone)]
enum Numbers {
    Near { first: i64, distances: Vec<i32> },
    Any(Vec<i64>),
}

impl Numbers {
    fn push(&mut self, number: i64) {
        if let Self::Near { first, distances } = self {
            if distances.is_empty() {
                *first = number;
            }
            match number.checked_sub(*first).map(i32::try_from) {
                Some(Ok(distance)) => return distances.push(distance),
                _ => *self = Self::Any(distances.iter().map(|distance| *first + i64::from(*distance)).collect()),
            }
        }
        if let Self::Any(numbers) = self {
            numbers.push(number);
        }
    }

    fn get(&self, index: usize) -> i64 {
        match self {
            Self::Near { first, distances } => first + i64::from(distances.get(index).copied().unwrap_or(0)),
            Self::Any(numbers) => numbers.get(index).copied().unwrap_or(0),
        }
    }

    fn replace(&mut self, index: usize, number: i64) {
        if let Self::Near { first, distances } = self {
            *self = Self::Any(distances.iter().map(|distance| *first + i64::from(*distance)).collect());
        }
        if let Self::Any(numbers) = self
            && let Some(place) = numbers.get_mut(index)
        {
            *place = number;
        }
    }
}

impl MeterWindow {
    fn record(&mut self, samples: &[HotSample], decimals: impl Fn(u32) -> Decimals) -> Counts {
        let Some(at_ms) = samples.first().map(|sample| sample.at_ms) else {
            return Counts::default();
        };
        if self.samples > 0 && at_ms <= self.newest_ms || has_twice(samples) {
            return self.record_late(samples, decimals);
        }
        self.newest_ms = at_ms;
        self.push(samples, decimals);
        Counts { new: samples.len() as u64, ..Counts::default() }
    }

    /// The slow way: one by one, each compared with what is there for its time.
    fn record_late(&mut self, samples: &[HotSample], decimals: impl Fn(u32) -> Decimals) -> Counts {
        let mut counts = Counts::default();
        let mut new: Vec<HotSample> = Vec::new();
        for sample in samples {
            let there = new.iter().find(|other| other.series == sample.series).map(|other| (other.number, other.mark));
            match there.or_else(|| self.get(sample.series, sample.at_ms)) {
                None => new.push(*sample),
                Some(there) if is_same(there, (sample.number, sample.mark)) => counts.unchanged += 1,
                Some(_) => counts.different += 1,
            }
        }
        counts.new = new.len() as u64;
        if let Some(sample) = new.first() {
            self.newest_ms = self.newest_ms.max(sample.at_ms);
            self.push(&new, decimals);
        }
        counts
    }

    fn push(&mut self, samples: &[HotSample], decimals: impl Fn(u32) -> Decimals) {
        let Some(at_ms) = samples.first().map(|sample| sample.at_ms) else { return };
        let is_of = |group: &Group| {
            group.columns.iter().map(|(series, ..)| *series).eq(samples.iter().map(|sample| sample.series))
        };
        let known = self.groups.iter().position(is_of);
        let place = known.unwrap_or(self.groups.len());
        if known.is_none() {
            let near = || Numbers::Near { first: 0, distances: Vec::new() };
            self.groups.push(Group {
                columns: samples.iter().map(|sample| (sample.series, near(), Vec::new())).collect(),
                decimals: samples.iter().map(|sample| decimals(sample.series)).collect(),
                times: Vec::new(),
            });
        }
        self.oldest_ms = if self.samples == 0 { at_ms } else { self.oldest_ms.min(at_ms) };
        let Some(group) = self.groups.get_mut(place) else { return };
        for ((_, numbers, marks), sample) in group.columns.iter_mut().zip(samples) {
            numbers.push(sample.number);
            if sample.mark != GOOD && marks.is_empty() {
                marks.resize(group.times.len(), GOOD);
            }
            if sample.mark != GOOD || !marks.is_empty() {
                marks.push(sample.mark);
            }
        }
        group.times.push(at_ms);
        self.samples += samples.len();
    }

    /// Where a sample is: group, column, row.
    fn place(&self, series: u32, at_ms: i64) -> Option<(usize, usize, usize)> {
        self.groups.iter().enumerate().find_map(|(group_place, group)| {
            let column = group.columns.iter().position(|(other, ..)| *other == series)?;
            // The newest are asked for most.
            let row = group.times.iter().rposition(|time| *time == at_ms)?;
            Some((group_place, column, row))
        })
    }

    fn get(&self, series: u32, at_ms: i64) -> Option<(i64, Mark)> {
        let (group, column, row) = self.place(series, at_ms)?;
        let (_, numbers, marks) = self.groups.get(group)?.columns.get(column)?;
        Some((numbers.get(row), marks.get(row).copied().unwrap_or(GOOD)))
    }

    fn replace(&mut self, series: u32, at_ms: i64, number: i64, mark: Mark) {
        let Some((group, column, row)) = self.place(series, at_ms) else { return };
        let Some(group) = self.groups.get_mut(group) else { return };
        let rows = group.times.len();
        if let Some((_, numbers, marks)) = group.columns.get_mut(column) {
            numbers.replace(row, number);
            marks.resize(rows, GOOD);
            if let Some(place) = marks.get_mut(row) {
                *place = mark;
            }
        }
    }

    /// Whether there may be samples with `from_ms <= time < to_ms` in it.
    pub(super) fn reaches(&self, from_ms: i64, to_ms: i64) -> bool {
        self.samples > 0 && self.oldest_ms < to_ms && self.newest_ms >= from_ms
    }

    /// The series in it.
    pub(super) fn series(&self) -> BTreeSet<u32> {
        self.groups.iter().flat_map(|group| group.columns.iter().map(|(series, ..)| *series)).collect()
    }

    /// The samples of one series with `from_ms <= time < to_ms`, in order.
    pub(super) fn column(&self, series: u32, from_ms: i64, to_ms: i64) -> Option<Column> {
        let mut samples: Vec<(i64, i64, Mark)> = Vec::new();
        let mut finest: Option<Decimals> = None;
        for (group, place) in self.groups_of(series) {
            finest = finest.max(group.decimals.get(place).copied());
        }
        let finest = finest?;
        for (group, place) in self.groups_of(series) {
            let Some(((_, numbers, marks), decimals)) = group.columns.get(place).zip(group.decimals.get(place)) else {
                continue;
            };
            let rows = group.times.iter().enumerate().filter(|(_, at)| (from_ms..to_ms).contains(*at));
            samples.extend(rows.map(|(row, at)| {
                (*at, decimals.refine(numbers.get(row), finest), marks.get(row).copied().unwrap_or(GOOD))
            }));
        }
        if !samples.is_sorted_by_key(|sample| sample.0) {
            samples.sort_by_key(|sample| sample.0);
        }
        let mut column = Column::new(series, finest);
        for (at, number, mark) in samples {
            column.push(at, number, mark);
        }
        (column.len() > 0).then_some(column)
    }

    fn groups_of(&self, series: u32) -> impl Iterator<Item = (&Group, usize)> {
        self.groups
            .iter()
            .filter_map(move |group| Some((group, group.columns.iter().position(|(other, ..)| *other == series)?)))
    }

    /// The spans of 5 min in which there are samples.
    pub(super) fn slots(&self) -> BTreeSet<i64> {
        self.groups.iter().flat_map(|group| group.times.iter().map(|at| at.div_euclid(span::SLOT_MS))).collect()
    }
}

/// Whether a series is in a record twice. Records come in order of series.
fn has_twice(samples: &[HotSample]) -> bool {
    samples.iter().zip(samples.iter().skip(1)).any(|(one, next)| one.series == next.series)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(series: u32, at_ms: i64, number: i64) -> HotSample {
        HotSample { series, at_ms, number, mark: GOOD }
    }

    #[test]
    fn the_first_of_a_time_stays() {
        let mut window = Window::default();
        let none = |_| Decimals::default();
        let mut record = |samples: &[HotSample]| {
            let counts = window.record(1, samples, none);
            (counts.new, counts.unchanged, counts.different)
        };
        assert_eq!(record(&[sample(1, 10, 5), sample(2, 10, 6)]), (2, 0, 0));
        assert_eq!(record(&[sample(1, 20, i64::MAX), sample(2, 20, 7)]), (2, 0, 0));
        assert_eq!(record(&[sample(1, 10, 5), sample(2, 10, 9)]), (0, 1, 1));
        assert_eq!(record(&[sample(1, 5, 1), sample(1, 5, 1), sample(1, 5, 2)]), (1, 1, 1));
        assert_eq!(window.len(), 5);
        window.replace(1, 2, 10, 8, GOOD);
        let meter = window.meter(1).unwrap();
        let column = meter.column(1, 0, 100).unwrap();
        assert_eq!((column.times, column.numbers), (vec![5, 10, 20], vec![1, 5, i64::MAX]));
        assert_eq!(meter.column(2, 0, 100).unwrap().numbers, [8, 7]);
        assert_eq!(meter.column(2, 11, 20), None);
        window.remove(1);
        assert!(window.is_empty());
    }
}
