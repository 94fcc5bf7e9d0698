//! A chunk: the samples of one meter in a span of time, column by column.
//!
//! Columns that were read together share their times, and rows in which nothing changed are kept as runs. A column that
//! follows from others of the meter (apparent from real and reactive power, …) keeps only the difference to what they
//! predict. Everything that was put in comes out again: any times, gaps, states and numbers.

mod packed;
mod predict;
mod rows;

use super::{
    bytes::{Damage, Reader, frame, put, put_runs, put_signed, take_runs, unframe},
    column::{Column, unmark},
};
use crate::domain::{quantity::Quantity, sample::Decimals};
use packed::{pack, unpack};
use predict::{Formula, candidates, rank};
use rows::{Rows, put_block, take_block};

/// More columns than this of one chunk are not read; a meter has some tens of quantities.
const MAX_COLUMNS: usize = 4096;

/// Rows are kept as runs where that leaves at most this share of them.
const RUNS_PAY: (usize, usize) = (7, 8);

/// How much work packing may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// For chunks that are packed again within the hour: no predictions.
    Quick,
    /// For chunks that stay.
    Best,
}

/// Packs the columns of one meter, each with its quantity where that is known. Empty columns are left out.
pub(super) fn pack_chunk(columns: &[(&Column, Option<&Quantity>)], effort: Effort) -> Vec<u8> {
    let mut columns: Vec<_> = columns.iter().copied().filter(|(column, _)| column.len() > 0).collect();
    columns.sort_by_key(|(column, quantity)| (quantity.map_or(0, rank), column.series));
    let (groups, group_of) = group(&columns);
    let mut body = Vec::new();
    put(&mut body, groups.len() as u64);
    for rows in &groups {
        rows.put(&mut body);
    }
    put(&mut body, columns.len() as u64);

    let mut kept: Vec<Vec<i64>> = Vec::with_capacity(columns.len());
    let mut data = Vec::new();
    let mut series_before = 0;
    for (index, ((column, quantity), group)) in columns.iter().zip(&group_of).enumerate() {
        let Some(rows) = groups.get(*group) else { continue };
        let numbers = rows.keep(&column.numbers);
        let mut best = (pack(&numbers, &[1]), None);
        if let (Effort::Best, Some(quantity)) = (effort, quantity) {
            let before = Packed { columns: columns.get(..index).unwrap_or(&[]), group_of: &group_of, kept: &kept };
            best = before.predicted(quantity, column.decimals, *group, &numbers, best);
        }
        let marks = rows.keep(&column.marks);
        let mut mark_runs = Vec::new();
        put_runs(&mut mark_runs, &marks);

        put_signed(&mut body, i64::from(column.series) - series_before);
        series_before = i64::from(column.series);
        body.push(column.decimals.count());
        put(&mut body, *group as u64);
        match &best.1 {
            None => body.push(0),
            Some((formula, inputs)) => {
                body.push(*formula as u8);
                for input in inputs {
                    put(&mut body, *input as u64);
                }
            }
        }
        put_block(&mut data, &best.0);
        put_block(&mut data, &mark_runs);
        kept.push(numbers);
    }
    body.extend(data);
    frame(&body)
}

/// The distinct lists of times, and which of them each column has.
fn group(columns: &[(&Column, Option<&Quantity>)]) -> (Vec<Rows>, Vec<usize>) {
    let mut groups: Vec<(&[i64], Vec<bool>)> = Vec::new();
    let mut group_of = Vec::with_capacity(columns.len());
    for (column, _) in columns {
        let known = groups.iter().position(|(times, _)| *times == column.times.as_slice());
        let index = known.unwrap_or(groups.len());
        if known.is_none() {
            groups.push((&column.times, vec![false; column.len()]));
        }
        if let Some((_, changed)) = groups.get_mut(index) {
            mark_changes(changed, &column.numbers);
            mark_changes(changed, &column.marks);
        }
        group_of.push(index);
    }
    let groups = groups.into_iter().map(|(times, changed)| Rows { times: times.to_vec(), runs: runs(&changed) });
    (groups.collect(), group_of)
}

/// Notes where a value differs from the one before it.
fn mark_changes<T: PartialEq>(changed: &mut [bool], values: &[T]) {
    for (changed, pair) in changed.iter_mut().skip(1).zip(values.windows(2)) {
        *changed |= pair.first() != pair.last();
    }
}

/// How many rows each changed row stands for; empty where that does not pay.
fn runs(changed: &[bool]) -> Vec<u32> {
    let kept = changed.iter().skip(1).filter(|changed| **changed).count() + 1;
    if kept * RUNS_PAY.1 > changed.len() * RUNS_PAY.0 {
        return Vec::new();
    }
    let mut runs: Vec<u32> = Vec::with_capacity(kept);
    for (row, changed) in changed.iter().enumerate() {
        match runs.last_mut() {
            Some(run) if row > 0 && !changed => *run += 1,
            _ => runs.push(1),
        }
    }
    runs
}

/// The columns that are packed already: what a prediction may build upon.
struct Packed<'a> {
    columns: &'a [(&'a Column, Option<&'a Quantity>)],
    group_of: &'a [usize],
    kept: &'a [Vec<i64>],
}

/// Packed numbers, and the formula and its inputs' places where they are the difference to a prediction.
type Choice = (Vec<u8>, Option<(Formula, Vec<usize>)>);

impl Packed<'_> {
    /// The shortest of `plain` and what the quantity's formulas reach.
    fn predicted(
        &self,
        quantity: &Quantity,
        decimals: Decimals,
        group: usize,
        numbers: &[i64],
        plain: Choice,
    ) -> Choice {
        let mut best = plain;
        for (formula, inputs) in candidates(quantity) {
            let Some(places) = inputs.iter().map(|input| self.place(input, group)).collect::<Option<Vec<_>>>() else {
                continue;
            };
            let predicted = formula.predict(&self.inputs(&places), decimals);
            let rest: Vec<i64> =
                numbers.iter().zip(&predicted).map(|(number, predicted)| number.wrapping_sub(*predicted)).collect();
            let bytes = pack(&rest, better_order(&rest));
            if bytes.len() < best.0.len() {
                best = (bytes, Some((*formula, places)));
            }
        }
        best
    }

    fn place(&self, quantity: &Quantity, group: usize) -> Option<usize> {
        let place = self.columns.iter().position(|(_, name)| *name == Some(quantity))?;
        (self.group_of.get(place) == Some(&group)).then_some(place)
    }

    fn inputs(&self, places: &[usize]) -> Vec<(&[i64], Decimals)> {
        let input = |place: &usize| Some((self.kept.get(*place)?.as_slice(), self.columns.get(*place)?.0.decimals));
        places.iter().filter_map(input).collect()
    }
}

/// Whether differences to the number before are smaller than the numbers, by the bits that they need.
fn better_order(numbers: &[i64]) -> &'static [usize] {
    let bits = |number: i64| u64::from(64 - number.unsigned_abs().leading_zeros());
    let plain: u64 = numbers.iter().map(|number| bits(*number)).sum();
    let differences: u64 =
        numbers.iter().zip(numbers.iter().skip(1)).map(|(one, next)| bits(next.wrapping_sub(*one))).sum();
    if plain <= differences { &[0] } else { &[1] }
}

/// A chunk whose columns can be unpacked one by one.
#[derive(Debug)]
pub(super) struct Chunk<'a> {
    groups: Vec<Rows>,
    entries: Vec<Entry<'a>>,
}

#[derive(Debug)]
struct Entry<'a> {
    series: u32,
    decimals: Decimals,
    group: usize,
    formula: Option<(Formula, Vec<usize>)>,
    numbers: &'a [u8],
    marks: &'a [u8],
}

impl<'a> Chunk<'a> {
    /// Reads a chunk's directory and times.
    pub(super) fn open(block: &'a [u8]) -> Result<Self, Damage> {
        let mut reader = Reader::new(unframe(block)?);
        let count = reader.count(MAX_COLUMNS)?;
        let groups = (0..count).map(|_| Rows::take(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        let count = reader.count(MAX_COLUMNS)?;
        let mut entries = Vec::with_capacity(count);
        let mut series = 0_i64;
        for index in 0..count {
            let entry = Self::entry(&mut reader, index, groups.len(), series)?;
            series = i64::from(entry.series);
            entries.push(entry);
        }
        for entry in &mut entries {
            entry.numbers = take_block(&mut reader)?;
            entry.marks = take_block(&mut reader)?;
        }
        Ok(Self { groups, entries })
    }

    fn entry(reader: &mut Reader<'a>, index: usize, groups: usize, before: i64) -> Result<Entry<'a>, Damage> {
        let series = before.checked_add(reader.signed()?).and_then(|series| u32::try_from(series).ok());
        let decimals = Decimals::new(reader.byte()?).ok_or(Damage("too many decimals"))?;
        let group = reader.count(groups.saturating_sub(1))?;
        let formula = match reader.byte()? {
            0 => None,
            number => {
                let formula = Formula::of_number(number).ok_or(Damage("unknown formula"))?;
                let before = index.checked_sub(1).ok_or(Damage("a formula without inputs"))?;
                let inputs = (0..formula.inputs()).map(|_| reader.count(before)).collect::<Result<_, _>>()?;
                Some((formula, inputs))
            }
        };
        let series = series.ok_or(Damage("a key is too large"))?;
        Ok(Entry { series, decimals, group, formula, numbers: &[], marks: &[] })
    }

    /// The series in the chunk, in the order in which they are stored.
    #[cfg(test)]
    pub(super) fn series(&self) -> impl Iterator<Item = u32> {
        self.entries.iter().map(|entry| entry.series)
    }

    /// The samples of one series, if it has any.
    pub(super) fn column(&self, series: u32) -> Result<Option<Column>, Damage> {
        let Some(index) = self.entries.iter().position(|entry| entry.series == series) else {
            return Ok(None);
        };
        let mut kept = vec![None; self.entries.len()];
        self.unpack(index, &mut kept)?;
        self.finish(index, &mut kept).map(Some)
    }

    /// The samples of all series.
    pub(super) fn columns(&self) -> Result<Vec<Column>, Damage> {
        let mut kept = vec![None; self.entries.len()];
        for index in 0..self.entries.len() {
            self.unpack(index, &mut kept)?;
        }
        (0..self.entries.len()).map(|index| self.finish(index, &mut kept)).collect()
    }

    /// Unpacks the kept numbers of an entry into its place, and those of its inputs before. Inputs stand before what
    /// follows from them, so this ends.
    fn unpack(&self, index: usize, kept: &mut [Option<Vec<i64>>]) -> Result<(), Damage> {
        let entry = self.entries.get(index).ok_or(Damage("no such column"))?;
        if kept.get(index).is_some_and(Option::is_some) {
            return Ok(());
        }
        let rows = self.groups.get(entry.group).ok_or(Damage("no such times"))?;
        let mut numbers = unpack(entry.numbers, rows.kept())?;
        if let Some((formula, inputs)) = &entry.formula {
            for input in inputs {
                self.unpack(*input, kept)?;
            }
            let input = |place: &usize| {
                let numbers = kept.get(*place)?.as_deref()?;
                Some((numbers, self.entries.get(*place)?.decimals))
            };
            let inputs: Vec<_> = inputs.iter().filter_map(input).collect();
            let predicted = formula.predict(&inputs, entry.decimals);
            if predicted.len() != numbers.len() {
                return Err(Damage("a formula's inputs are of other times"));
            }
            numbers.iter_mut().zip(predicted).for_each(|(number, predicted)| *number = number.wrapping_add(predicted));
        }
        if let Some(place) = kept.get_mut(index) {
            *place = Some(numbers);
        }
        Ok(())
    }

    fn finish(&self, index: usize, kept: &mut [Option<Vec<i64>>]) -> Result<Column, Damage> {
        let entry = self.entries.get(index).ok_or(Damage("no such column"))?;
        let rows = self.groups.get(entry.group).ok_or(Damage("no such times"))?;
        let numbers = kept.get_mut(index).and_then(Option::take).ok_or(Damage("no such column"))?;
        let marks =
            if entry.marks.is_empty() { Vec::new() } else { take_runs(&mut Reader::new(entry.marks), rows.kept())? };
        if marks.iter().any(|mark| unmark(*mark).is_none()) {
            return Err(Damage("unknown state"));
        }
        Ok(Column {
            series: entry.series,
            decimals: entry.decimals,
            times: rows.times.clone(),
            numbers: rows.expand(numbers),
            marks: rows.expand(marks),
        })
    }
}

#[cfg(test)]
mod tests;
