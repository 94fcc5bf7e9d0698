//! The samples of one series in order of time, and how two such columns become one.

use std::cmp::Ordering;

use crate::domain::{
    reading::State,
    sample::{Decimals, Point},
};

/// What a sample is besides its number: the state's place in its list, and whether there is no number.
pub(super) type Mark = u8;

/// Set in a mark of a sample without a number.
const NO_NUMBER: Mark = 8;

/// The mark of nearly every sample: good, with a number.
pub(super) const GOOD: Mark = 0;

pub(super) fn mark(state: State, has_number: bool) -> Mark {
    let state = match state {
        State::Good => 0,
        State::Estimated => 1,
        State::Stale => 2,
        State::Bad => 3,
        State::Missing => 4,
    };
    if has_number { state } else { state | NO_NUMBER }
}

/// State and presence of a number, of a mark; `None` for what is no mark.
pub(super) fn unmark(mark: Mark) -> Option<(State, bool)> {
    let state = match mark & !NO_NUMBER {
        0 => State::Good,
        1 => State::Estimated,
        2 => State::Stale,
        3 => State::Bad,
        4 => State::Missing,
        _ => return None,
    };
    Some((state, mark & NO_NUMBER == 0))
}

/// The samples of one series, each time once, in order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) series: u32,
    pub(super) decimals: Decimals,
    /// In ms since 1970.
    pub(super) times: Vec<i64>,
    /// As long as `times`; where there is no number, the one before is repeated, or 0.
    pub(super) numbers: Vec<i64>,
    /// As long as `times`, or empty where every sample is [`GOOD`].
    pub(super) marks: Vec<Mark>,
}

/// What became of the samples that were merged into others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    pub(super) new: u64,
    pub(super) unchanged: u64,
    /// Another value for the same time: taken over with `replace`, left out without.
    pub(super) different: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.new += other.new;
        self.unchanged += other.unchanged;
        self.different += other.different;
    }
}

impl Column {
    pub(super) fn new(series: u32, decimals: Decimals) -> Self {
        Self { series, decimals, times: Vec::new(), numbers: Vec::new(), marks: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// Appends a sample that is later than all before.
    pub(super) fn push(&mut self, at_ms: i64, number: i64, mark: Mark) {
        let number = if mark & NO_NUMBER == 0 { number } else { self.numbers.last().copied().unwrap_or(0) };
        if mark != GOOD && self.marks.is_empty() {
            self.marks.resize(self.times.len(), GOOD);
        }
        if mark != GOOD || !self.marks.is_empty() {
            self.marks.push(mark);
        }
        self.times.push(at_ms);
        self.numbers.push(number);
    }

    pub(super) fn push_point(&mut self, point: Point) {
        self.push(point.at_ms, point.number.unwrap_or(0), mark(point.state, point.number.is_some()));
    }

    /// Time, number and mark of each sample.
    pub(super) fn samples(&self) -> impl Iterator<Item = (i64, i64, Mark)> {
        let marks = self.marks.iter().copied().chain(std::iter::repeat(GOOD));
        self.times.iter().zip(&self.numbers).zip(marks).map(|((at, number), mark)| (*at, *number, mark))
    }

    /// The samples with `from_ms <= time < to_ms`.
    pub(super) fn points(&self, from_ms: i64, to_ms: i64) -> impl ExactSizeIterator<Item = Point> {
        let start = self.times.partition_point(|at| *at < from_ms);
        let end = self.times.partition_point(|at| *at < to_ms);
        let times = self.times.get(start..end).unwrap_or(&[]).iter();
        let numbers = self.numbers.get(start..end).unwrap_or(&[]);
        let marks = self.marks.get(start..end).unwrap_or(&[]);
        times.zip(numbers).enumerate().map(|(place, (at_ms, number))| match marks.get(place) {
            None | Some(&GOOD) => Point::good(*at_ms, *number),
            Some(mark) => {
                let (state, has_number) = unmark(*mark).unwrap_or((State::Bad, false));
                Point { at_ms: *at_ms, number: has_number.then_some(*number), state }
            }
        })
    }

    /// The same samples with more decimals.
    pub(super) fn refine(&mut self, finer: Decimals) {
        if finer > self.decimals {
            let old = self.decimals;
            self.numbers.iter_mut().for_each(|number| *number = old.refine(*number, finer));
            self.decimals = finer;
        }
    }

    /// Takes in the samples of `other`, which are of the same series. Where both have a time, the sample of `self` stays
    /// unless `replace`. `different` hears the time of each sample that differs.
    pub(super) fn merge(&mut self, mut other: Self, replace: bool, mut different: impl FnMut(i64)) -> Counts {
        let finer = self.decimals.max(other.decimals);
        self.refine(finer);
        other.refine(finer);
        let mut counts = Counts::default();
        if other.len() == 0 {
            return counts;
        }
        if self.times.last() < other.times.first() {
            counts.new = other.len() as u64;
            if self.len() == 0 {
                *self = other;
            } else {
                self.concat(other);
            }
            return counts;
        }
        let mut merged = Self::new(self.series, self.decimals);
        merged.times.reserve(self.len() + other.len());
        merged.numbers.reserve(self.len() + other.len());
        let (mut old, mut new) = (self.samples().peekable(), other.samples().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some(kept), Some(added)) => kept.0.cmp(&added.0),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => break,
            };
            let kept = if order == Ordering::Greater { None } else { old.next() };
            let added = if order == Ordering::Less { None } else { new.next() };
            let chosen = match (kept, added) {
                (Some(kept), Some(added)) if is_same((kept.1, kept.2), (added.1, added.2)) => {
                    counts.unchanged += 1;
                    kept
                }
                (Some(kept), Some(added)) => {
                    counts.different += 1;
                    different(added.0);
                    if replace { added } else { kept }
                }
                (None, Some(added)) => {
                    counts.new += 1;
                    added
                }
                (Some(kept), None) => kept,
                (None, None) => break,
            };
            merged.push(chosen.0, chosen.1, chosen.2);
        }
        drop((old, new));
        *self = merged;
        counts
    }

    /// Appends samples that are all later.
    fn concat(&mut self, mut later: Self) {
        if !self.marks.is_empty() || !later.marks.is_empty() {
            // What has no number repeats the one before, which may be another now.
            let before = self.numbers.last().copied().unwrap_or(0);
            let without = later.marks.iter().take_while(|mark| !has_number(**mark));
            later.numbers.iter_mut().zip(without).for_each(|(number, _)| *number = before);
            self.marks.resize(self.times.len(), GOOD);
            later.marks.resize(later.times.len(), GOOD);
            self.marks.append(&mut later.marks);
        }
        self.times.append(&mut later.times);
        self.numbers.append(&mut later.numbers);
    }
}

/// Whether two samples, as number and mark, say the same.
pub(super) fn is_same(one: (i64, Mark), other: (i64, Mark)) -> bool {
    one.1 == other.1 && (one.0 == other.0 || !has_number(one.1))
}

/// Whether a sample with this mark has a number.
pub(super) fn has_number(mark: Mark) -> bool {
    mark & NO_NUMBER == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(samples: &[(i64, i64, Mark)]) -> Column {
        let mut column = Column::new(1, Decimals::default());
        for (at, number, mark) in samples {
            column.push(*at, *number, *mark);
        }
        column
    }

    #[test]
    fn what_was_first_stays_unless_replaced() {
        let bad = mark(State::Bad, false);
        for (replace, expected) in [(false, (20, 0, 30)), (true, (21, 0, 30))] {
            let mut first = column(&[(1, 10, GOOD), (2, 20, GOOD), (4, 99, bad)]);
            let mut told = Vec::new();
            let counts =
                first.merge(column(&[(2, 21, GOOD), (3, 30, GOOD), (4, 5, bad), (5, 50, GOOD)]), replace, |at| {
                    told.push(at);
                });
            assert_eq!(counts, Counts { new: 2, unchanged: 1, different: 1 });
            assert_eq!((first.numbers[1], first.marks[1], first.numbers[2]), expected);
            assert_eq!((first.times, told, first.marks), (vec![1, 2, 3, 4, 5], vec![2], vec![0, 0, 0, bad, 0]));
        }
    }

    #[test]
    fn the_finer_decimals_win() {
        let mut coarse = column(&[(1, 10, GOOD)]);
        let mut fine = column(&[(1, 100, GOOD), (2, 101, GOOD)]);
        fine.decimals = Decimals::new(1).unwrap();
        let counts = coarse.merge(fine, false, |_| ());
        assert_eq!((counts.unchanged, counts.new, coarse.numbers), (1, 1, vec![100, 101]));
    }
}
