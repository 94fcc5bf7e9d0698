//! Rollups: what happened to each series of a meter in equal steps of time, in blocks that are kept for good.

mod rice;

use std::collections::BTreeMap;

use super::bytes::{Damage, Reader, frame, put, put_signed, unframe, unzigzag, zigzag};
use crate::domain::sample::{Decimals, Summary};
use rice::{BitReader, BitWriter};

/// A length of step, with the length of span that one block is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tier {
    pub(super) step_ms: i64,
    pub(super) span_ms: i64,
    pub(super) table: &'static str,
    /// Whether sums are exact; else they are the count times the rounded mean.
    exact: bool,
}

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;

/// 1 min, in blocks of the hours of the samples.
pub(super) const MINUTE: Tier =
    Tier { step_ms: MINUTE_MS, span_ms: 60 * MINUTE_MS, table: "rollup_minute", exact: false };
/// 15 min.
pub(super) const QUARTER: Tier =
    Tier { step_ms: 15 * MINUTE_MS, span_ms: DAY_MS, table: "rollup_quarter", exact: true };
/// 1 h.
pub(super) const HOUR: Tier = Tier { step_ms: 60 * MINUTE_MS, span_ms: 8 * DAY_MS, table: "rollup_hour", exact: true };
/// 1 d, by UTC.
pub(super) const DAY: Tier = Tier { step_ms: DAY_MS, span_ms: 64 * DAY_MS, table: "rollup_day", exact: true };

/// All of them, finest first.
pub(super) const TIERS: [Tier; 4] = [MINUTE, QUARTER, HOUR, DAY];

/// More series than this of one block are not read.
const MAX_SERIES: usize = 4096;

/// More steps than this of one series are not read: those of the longest block.
const MAX_STEPS: usize = 4096;

impl Tier {
    /// Which block a time is in.
    pub(super) fn span(self, at_ms: i64) -> i64 {
        at_ms.div_euclid(self.span_ms)
    }

    /// Start of the step that a time is in.
    pub(super) fn floor(self, at_ms: i64) -> i64 {
        at_ms.div_euclid(self.step_ms) * self.step_ms
    }
}

/// The steps of one series that are not empty, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SummaryColumn {
    pub(super) decimals: Decimals,
    /// Whether first and last value are kept; of others they are the mean.
    pub(super) is_counter: bool,
    pub(super) steps: Vec<Summary>,
}

impl SummaryColumn {
    /// The same with more decimals.
    pub(super) fn refine(&mut self, finer: Decimals) {
        if finer <= self.decimals {
            return;
        }
        let old = self.decimals;
        let factor = i128::from(old.refine(1, finer));
        for step in &mut self.steps {
            for number in [&mut step.min, &mut step.max, &mut step.first, &mut step.last] {
                *number = old.refine(*number, finer);
            }
            step.sum *= factor;
        }
        self.decimals = finer;
    }

    /// The steps that start in `from_ms..to_ms`.
    pub(super) fn within(&self, from_ms: i64, to_ms: i64) -> &[Summary] {
        let start = self.steps.partition_point(|step| step.start_ms < from_ms);
        let end = self.steps.partition_point(|step| step.start_ms < to_ms);
        self.steps.get(start..end).unwrap_or(&[])
    }

    /// Of minutes: leaves out those that are alone in their quarter of an hour and begin with it, as the quarter says the
    /// same. That is what a utility's readings every 15 min are.
    pub(super) fn drop_lone_minutes(&mut self) {
        let is_lone = |quarter: &[Summary]| matches!(quarter, [step] if step.start_ms == QUARTER.floor(step.start_ms));
        let quarters = self.steps.chunk_by(|one, other| QUARTER.floor(one.start_ms) == QUARTER.floor(other.start_ms));
        self.steps = quarters.filter(|quarter| !is_lone(quarter)).flatten().copied().collect();
    }

    /// Of minutes: puts back what [`Self::drop_lone_minutes`] left out of whole quarters, given those.
    pub(super) fn add_lone_minutes(&mut self, quarters: &[Summary]) {
        let is_lone = |quarter: &&Summary| self.within(quarter.start_ms, quarter.start_ms + QUARTER.step_ms).is_empty();
        let lone: Vec<_> = quarters.iter().filter(is_lone).copied().collect();
        self.steps.extend(lone);
        self.steps.sort_by_key(|step| step.start_ms);
    }

    /// Puts `steps` in place of all that start in `from_ms..to_ms`.
    pub(super) fn replace(&mut self, from_ms: i64, to_ms: i64, steps: impl IntoIterator<Item = Summary>) {
        let start = self.steps.partition_point(|step| step.start_ms < from_ms);
        let end = self.steps.partition_point(|step| step.start_ms < to_ms);
        self.steps.splice(start..end, steps.into_iter().filter(|step| !step.is_empty()));
    }
}

/// A block: the rollups of one meter in one span.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SummaryBlock(pub(super) BTreeMap<u32, SummaryColumn>);

impl SummaryBlock {
    pub(super) fn pack(&self, tier: Tier) -> Vec<u8> {
        let mut body = Vec::new();
        let mut data = Vec::new();
        put(&mut body, self.0.len() as u64);
        let mut series_before = 0;
        let mut before = Extent::default();
        let mut counts_before = Counts::default();
        for (series, column) in &self.0 {
            let counts = Counts::of(column, tier);
            let packed = pack_column(column, tier, &counts, &counts_before);
            counts_before = counts;
            put_signed(&mut body, i64::from(*series) - series_before);
            series_before = i64::from(*series);
            let extent = Extent::of(column, tier);
            let same = if extent == before { SAME } else { 0 };
            body.push(column.decimals.count() << 1 | u8::from(column.is_counter) | same);
            if extent != before {
                put(&mut body, extent.steps as u64);
                put_signed(&mut body, extent.first.wrapping_sub(before.first));
                put(&mut body, u64::from(extent.count));
            }
            before = extent;
            put(&mut body, packed.len() as u64);
            data.extend(packed);
        }
        body.extend(data);
        frame(&body)
    }

    pub(super) fn unpack(block: &[u8], tier: Tier) -> Result<Self, Damage> {
        Self::read(block, tier, None).map(Self)
    }

    /// Reads one series only.
    pub(super) fn column(block: &[u8], tier: Tier, series: u32) -> Result<Option<SummaryColumn>, Damage> {
        Ok(Self::read(block, tier, Some(series))?.remove(&series))
    }

    fn read(block: &[u8], tier: Tier, only: Option<u32>) -> Result<BTreeMap<u32, SummaryColumn>, Damage> {
        let mut reader = Reader::new(unframe(block)?);
        let count = reader.count(MAX_SERIES)?;
        let mut series = 0_i64;
        let mut entries = Vec::with_capacity(count);
        let mut extent = Extent::default();
        for _ in 0..count {
            series = series.wrapping_add(reader.signed()?);
            let key = u32::try_from(series).map_err(|_| Damage("a key is too large"))?;
            let flags = reader.byte()?;
            let decimals = Decimals::new(flags >> 1 & 7).ok_or(Damage("too many decimals"))?;
            let column = SummaryColumn { decimals, is_counter: flags & 1 == 1, steps: Vec::new() };
            if flags & SAME == 0 {
                extent = extent.take_next(&mut reader)?;
            }
            entries.push((key, column, extent, reader.count(usize::MAX)?));
        }
        let mut columns = BTreeMap::new();
        let mut counts = Counts::default();
        for (key, mut column, extent, length) in entries {
            let mut bytes = Reader::new(reader.take(length)?);
            let base = bytes.signed()?;
            let mut bits = BitReader::new(bytes.rest());
            if !bits.bit()? {
                counts = Counts::read(&mut bits, extent.steps)?;
            } else if counts.gaps.len() != extent.steps {
                return Err(Damage("counts are missing"));
            }
            if only.is_none_or(|only| only == key) {
                column.steps = unpack_column(base, &mut bits, tier, column.is_counter, extent, &counts)?;
                columns.insert(key, column);
            }
        }
        Ok(columns)
    }
}

/// In the byte of flags: the column has the extent of the one before.
const SAME: u8 = 0x80;

/// What the columns of a meter mostly have in common.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Extent {
    steps: usize,
    /// The first step, since 1970.
    first: i64,
    /// Values in the first step.
    count: u32,
}

impl Extent {
    fn of(column: &SummaryColumn, tier: Tier) -> Self {
        column.steps.first().map_or_else(Self::default, |step| Self {
            steps: column.steps.len(),
            first: step.start_ms.div_euclid(tier.step_ms),
            count: step.count,
        })
    }

    /// Reads the one after this.
    fn take_next(self, reader: &mut Reader<'_>) -> Result<Self, Damage> {
        let steps = reader.count(MAX_STEPS)?;
        let first = self.first.wrapping_add(reader.signed()?);
        let count = u32::try_from(reader.number()?).map_err(|_| Damage("a count is too large"))?;
        Ok(Self { steps, first, count })
    }
}

/// The mean that is kept, and what of the sum is left beside it.
fn mean_and_rest(step: &Summary, tier: Tier) -> (i64, u64) {
    let count = i128::from(step.count.max(1));
    if !tier.exact {
        return (step.mean().unwrap_or(0), 0);
    }
    let mean = i64::try_from(step.sum.div_euclid(count)).unwrap_or(0);
    (mean, u64::try_from(step.sum.rem_euclid(count)).unwrap_or(0))
}

/// Bits of what is left of a sum, which is less than the count.
fn rest_bits(count: u32) -> u32 {
    32 - count.saturating_sub(1).leading_zeros()
}

/// How many values there were in the steps, and where there were none: mostly the same for all quantities of a meter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Counts {
    /// Steps left out before each.
    gaps: Vec<u64>,
    /// Values, beside the step before.
    values: Vec<u64>,
    /// Flawed ones, beside the step before.
    flawed: Vec<u64>,
}

impl Counts {
    fn of(column: &SummaryColumn, tier: Tier) -> Self {
        let mut counts = Self::default();
        let mut before: Option<&Summary> = None;
        for step in &column.steps {
            let gap = before.map_or(1, |before| (step.start_ms - before.start_ms) / tier.step_ms);
            counts.gaps.push((gap - 1).cast_unsigned());
            let (count_before, flawed_before) = before.map_or((step.count, 0), |before| (before.count, before.flawed));
            counts.values.push(zigzag(i64::from(step.count) - i64::from(count_before)));
            counts.flawed.push(zigzag(i64::from(step.flawed) - i64::from(flawed_before)));
            before = Some(step);
        }
        counts
    }

    fn write(&self, writer: &mut BitWriter) {
        [&self.gaps, &self.values, &self.flawed].into_iter().for_each(|list| writer.list(list));
    }

    fn read(reader: &mut BitReader<'_>, count: usize) -> Result<Self, Damage> {
        Ok(Self { gaps: reader.list(count)?, values: reader.list(count)?, flawed: reader.list(count)? })
    }
}

/// The first mean, or a counter's first value; then the counts, where they are not those of the column before; then lists
/// of what each step has beside the step before, then the rests.
fn pack_column(column: &SummaryColumn, tier: Tier, counts: &Counts, counts_before: &Counts) -> Vec<u8> {
    let mut lists: [Vec<u64>; 5] = Default::default();
    let [means, lows, highs, firsts, moves] = &mut lists;
    let mut rests = Vec::new();
    let mut base = None;
    let mut before: Option<&Summary> = None;
    let mut mean_before = 0_i64;
    for step in &column.steps {
        let (mean, rest) = mean_and_rest(step, tier);
        let start = *base.get_or_insert(if column.is_counter { step.first } else { mean });
        if column.is_counter {
            let last_before = before.map_or(start, |before| before.last);
            firsts.push(zigzag(step.first.wrapping_sub(last_before)));
            moves.push(zigzag(step.last.wrapping_sub(step.first)));
            means.push(zigzag(mean.wrapping_sub(middle(step.first, step.last))));
            lows.push(zigzag(step.first.wrapping_sub(step.min)));
            highs.push(zigzag(step.max.wrapping_sub(step.last)));
        } else {
            means.push(zigzag(mean.wrapping_sub(before.map_or(start, |_| mean_before))));
            lows.push(zigzag(mean.wrapping_sub(step.min)));
            highs.push(zigzag(step.max.wrapping_sub(mean)));
        }
        rests.push((rest, rest_bits(step.count)));
        mean_before = mean;
        before = Some(step);
    }
    let mut bytes = Vec::new();
    put_signed(&mut bytes, base.unwrap_or(0));
    let mut writer = BitWriter::default();
    let is_same = counts == counts_before;
    writer.bit(is_same);
    if !is_same {
        counts.write(&mut writer);
    }
    let kept = if column.is_counter { 5 } else { 3 };
    lists.iter().take(kept).for_each(|list| writer.list(list));
    if tier.exact {
        for (rest, bits) in &rests {
            writer.wide(*rest, *bits);
        }
    }
    bytes.extend(writer.finish());
    bytes
}

fn middle(first: i64, last: i64) -> i64 {
    first.wrapping_add(last.wrapping_sub(first) / 2)
}

fn unpack_column(
    base: i64,
    reader: &mut BitReader<'_>,
    tier: Tier,
    is_counter: bool,
    extent: Extent,
    counts: &Counts,
) -> Result<Vec<Summary>, Damage> {
    let count = extent.steps;
    let mut list = |is_kept: bool| Ok(if is_kept { reader.list(count)? } else { Vec::new() }.into_iter());
    let (mut means, mut lows, mut highs) = (list(true)?, list(true)?, list(true)?);
    let (mut firsts, mut moves) = (list(is_counter)?, list(is_counter)?);
    let next = |list: &mut std::vec::IntoIter<u64>| list.next().unwrap_or(0);
    let mut steps = Vec::with_capacity(count);
    let mut before = Summary::empty(extent.first.wrapping_sub(1).wrapping_mul(tier.step_ms));
    (before.count, before.last) = (extent.count, base);
    let mut mean_before = base;
    for ((gap, values), flawed) in counts.gaps.iter().zip(&counts.values).zip(&counts.flawed) {
        let gap = gap.wrapping_add(1).cast_signed();
        let mut step = Summary::empty(before.start_ms.wrapping_add(gap.wrapping_mul(tier.step_ms)));
        step.count = add(before.count, *values)?;
        step.flawed = add(before.flawed, *flawed)?;
        let mean;
        if is_counter {
            step.first = before.last.wrapping_add(unzigzag(next(&mut firsts)));
            step.last = step.first.wrapping_add(unzigzag(next(&mut moves)));
            mean = middle(step.first, step.last).wrapping_add(unzigzag(next(&mut means)));
            step.min = step.first.wrapping_sub(unzigzag(next(&mut lows)));
            step.max = step.last.wrapping_add(unzigzag(next(&mut highs)));
        } else {
            mean = mean_before.wrapping_add(unzigzag(next(&mut means)));
            step.min = mean.wrapping_sub(unzigzag(next(&mut lows)));
            step.max = mean.wrapping_add(unzigzag(next(&mut highs)));
            (step.first, step.last) = (mean, mean);
        }
        step.sum = i128::from(mean) * i128::from(step.count);
        mean_before = mean;
        before = step;
        steps.push(step);
    }
    if tier.exact {
        for step in &mut steps {
            step.sum += i128::from(reader.wide(rest_bits(step.count))?);
        }
    }
    Ok(steps)
}

fn add(before: u32, change: u64) -> Result<u32, Damage> {
    let value = i64::from(before).checked_add(unzigzag(change));
    value.and_then(|value| u32::try_from(value).ok()).ok_or(Damage("a count is too large"))
}

#[cfg(test)]
mod tests;
