//! Keeping the rollups of a meter true to its samples.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Result, Transaction};

use super::{
    super::{
        column::{Column, has_number, unmark},
        shared::Shared,
        span::{HOUR_MS, meter_id},
        summary::{DAY, HOUR, MINUTE, QUARTER, SummaryBlock, SummaryColumn, TIERS, Tier},
    },
    blocks::{self, InOrder},
};
use crate::domain::{reading::State, sample::Summary};

/// The blocks of rollups that one transaction changes, each read and written once.
pub(super) struct Rollups<'a> {
    transaction: &'a Transaction<'a>,
    shared: &'a Shared,
    open: BTreeMap<(Tier, i64), SummaryBlock>,
    /// Blocks of minutes are for one hour alone: none is held.
    minutes: InOrder<'a>,
    /// Meters and days whose hours were changed.
    days: BTreeSet<(u32, i64)>,
    bytes: usize,
}

impl<'a> Rollups<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>, shared: &'a Shared) -> Self {
        let minutes = InOrder::new(transaction, MINUTE.table);
        Self { transaction, shared, open: BTreeMap::new(), minutes, days: BTreeSet::new(), bytes: 0 }
    }

    /// Takes over what the samples of an hour say, which are all that there are of these series. Hours of one meter come in
    /// order.
    pub(super) fn update(&mut self, meter: u32, hour: i64, columns: &BTreeMap<u32, Column>) -> Result<()> {
        let from_ms = hour * HOUR_MS;
        let catalogue = self.shared.catalogue();
        let is_counter = |series| catalogue.by_number(series).is_some_and(|info| info.quantity.is_counter());
        let columns: Vec<_> = columns.values().map(|column| (column, is_counter(column.series))).collect();
        self.update_minutes(meter, from_ms, &columns)?;
        for tier in [QUARTER, HOUR] {
            let block = self.block(tier, meter, from_ms)?;
            for (column, is_counter) in &columns {
                let steps = SummaryColumn { steps: steps(column, tier), ..empty(column, *is_counter) };
                replace(block, column.series, steps, from_ms, from_ms + HOUR_MS);
            }
        }
        self.days.insert((meter, DAY.floor(from_ms)));
        Ok(())
    }

    fn update_minutes(&mut self, meter: u32, from_ms: i64, columns: &[(&Column, bool)]) -> Result<()> {
        let id = meter_id(meter, MINUTE.span(from_ms));
        let bytes = self.minutes.read(id)?;
        let is_there = bytes.is_some();
        let mut block = self.unpack(MINUTE, id, bytes)?;
        for (column, is_counter) in columns {
            let mut steps = SummaryColumn { steps: steps(column, MINUTE), ..empty(column, *is_counter) };
            steps.drop_lone_minutes();
            if !steps.steps.is_empty() || block.0.contains_key(&column.series) {
                replace(&mut block, column.series, steps, from_ms, from_ms + HOUR_MS);
            }
        }
        if is_there || !block.0.is_empty() {
            self.write(MINUTE, id, &block)?;
        }
        Ok(())
    }

    /// Sums up the days whose hours were changed.
    fn update_days(&mut self) -> Result<()> {
        for (meter, day_ms) in std::mem::take(&mut self.days) {
            let end_ms = day_ms + DAY.step_ms;
            let hours = self.block(HOUR, meter, day_ms)?;
            let mut days = Vec::with_capacity(hours.0.len());
            for (series, hours) in &hours.0 {
                let mut day = Summary::empty(day_ms);
                hours.within(day_ms, end_ms).iter().for_each(|step| day.append(step));
                days.push((*series, SummaryColumn { steps: vec![day], ..*hours }));
            }
            let block = self.block(DAY, meter, day_ms)?;
            for (series, day) in days {
                replace(block, series, day, day_ms, end_ms);
            }
        }
        Ok(())
    }

    /// Whether rollups of a series were kept for an hour.
    pub(super) fn has(&mut self, meter: u32, hour: i64, series: u32) -> Result<bool> {
        let (from_ms, to_ms) = (hour * HOUR_MS, (hour + 1) * HOUR_MS);
        let block = self.block(QUARTER, meter, from_ms)?;
        Ok(block.0.get(&series).is_some_and(|column| !column.within(from_ms, to_ms).is_empty()))
    }

    fn block(&mut self, tier: Tier, meter: u32, at_ms: i64) -> Result<&mut SummaryBlock> {
        let id = meter_id(meter, tier.span(at_ms));
        if !self.open.contains_key(&(tier, id)) {
            let block = self.read(tier, id)?;
            self.open.insert((tier, id), block);
        }
        Ok(self.open.entry((tier, id)).or_default())
    }

    fn read(&self, tier: Tier, id: i64) -> Result<SummaryBlock> {
        let bytes = blocks::read(self.transaction, tier.table, id)?;
        self.unpack(tier, id, bytes)
    }

    fn unpack(&self, tier: Tier, id: i64, bytes: Option<Vec<u8>>) -> Result<SummaryBlock> {
        let Some(bytes) = bytes else { return Ok(SummaryBlock::default()) };
        match SummaryBlock::unpack(&bytes, tier) {
            Ok(block) => Ok(block),
            Err(damage) => {
                blocks::keep_damaged(self.transaction, self.shared, tier.table, id, &bytes, damage)?;
                Ok(SummaryBlock::default())
            }
        }
    }

    fn write(&mut self, tier: Tier, id: i64, block: &SummaryBlock) -> Result<()> {
        let packed = block.pack(tier);
        self.bytes += packed.len();
        blocks::write(self.transaction, tier.table, id, &packed)
    }

    /// Writes what was changed; says how many bytes.
    pub(super) fn finish(mut self) -> Result<usize> {
        self.update_days()?;
        for ((tier, id), block) in std::mem::take(&mut self.open) {
            self.write(tier, id, &block)?;
        }
        Ok(self.bytes)
    }

    /// How many blocks are held.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}

/// No steps, of the series of a column.
fn empty(column: &Column, is_counter: bool) -> SummaryColumn {
    SummaryColumn { decimals: column.decimals, is_counter, steps: Vec::new() }
}

/// Puts the steps of a series in place of all that start in `from_ms..to_ms`, with the finer decimals of both.
fn replace(block: &mut SummaryBlock, series: u32, mut new: SummaryColumn, from_ms: i64, to_ms: i64) {
    let kept = block.0.entry(series).or_insert_with(|| SummaryColumn { steps: Vec::new(), ..new });
    kept.refine(new.decimals);
    new.refine(kept.decimals);
    kept.replace(from_ms, to_ms, new.steps);
}

/// The samples of a column in steps of a tier, without empty ones.
pub(in super::super) fn steps(column: &Column, tier: Tier) -> Vec<Summary> {
    let mut steps: Vec<Summary> = Vec::new();
    let mut end_ms = i64::MIN;
    for (at_ms, number, mark) in column.samples() {
        if at_ms >= end_ms {
            let start_ms = tier.floor(at_ms);
            end_ms = start_ms + tier.step_ms;
            steps.push(Summary::empty(start_ms));
        }
        if let Some(step) = steps.last_mut() {
            let state = unmark(mark).map_or(State::Bad, |(state, _)| state);
            step.push(has_number(mark).then_some(number), state);
        }
    }
    steps
}

/// The coarsest tier whose steps are no longer than `step_ms`.
pub(in super::super) fn tier_for(step_ms: i64) -> Option<Tier> {
    TIERS.into_iter().rev().find(|tier| tier.step_ms <= step_ms)
}
