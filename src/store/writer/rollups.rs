//! Keeping the rollups of a meter true to its samples.

use std::collections::BTreeMap;

use rusqlite::{Result, Transaction};

use super::{
    super::{
        column::{Column, has_number, unmark},
        shared::Shared,
        span::{HOUR_MS, meter_id},
        summary::{DAY, HOUR, MINUTE, QUARTER, SummaryBlock, SummaryColumn, TIERS, Tier},
    },
    blocks,
};
use crate::domain::{reading::State, sample::Summary};

/// The blocks of rollups that one transaction changes, each read and written once.
pub(super) struct Rollups<'a> {
    transaction: &'a Transaction<'a>,
    shared: &'a Shared,
    open: BTreeMap<(Tier, i64), SummaryBlock>,
}

impl<'a> Rollups<'a> {
    pub(super) fn new(transaction: &'a Transaction<'a>, shared: &'a Shared) -> Self {
        Self { transaction, shared, open: BTreeMap::new() }
    }

    /// Takes over what the samples of an hour say, which are all that there are of these series.
    pub(super) fn update(&mut self, meter: u32, hour: i64, columns: &BTreeMap<u32, Column>) -> Result<()> {
        let from_ms = hour * HOUR_MS;
        let catalogue = self.shared.catalogue();
        for tier in [MINUTE, QUARTER, HOUR] {
            let block = self.block(tier, meter, from_ms)?;
            for column in columns.values() {
                let is_counter = catalogue.by_number(column.series).is_some_and(|info| info.quantity.is_counter());
                let steps = steps(column, tier);
                replace(block, column, is_counter, from_ms, from_ms + HOUR_MS, steps);
            }
        }
        for column in columns.values() {
            let is_counter = catalogue.by_number(column.series).is_some_and(|info| info.quantity.is_counter());
            let day_ms = DAY.floor(from_ms);
            let mut day = Summary::empty(day_ms);
            if let Some(hours) = self.block(HOUR, meter, from_ms)?.0.get(&column.series) {
                let of_day = hours.steps.iter().filter(|step| DAY.floor(step.start_ms) == day_ms);
                of_day.for_each(|step| day.append(step));
            }
            let block = self.block(DAY, meter, from_ms)?;
            replace(block, column, is_counter, day_ms, day_ms + DAY.step_ms, vec![day]);
        }
        Ok(())
    }

    /// Whether rollups of a series were kept for an hour.
    pub(super) fn has(&mut self, meter: u32, hour: i64, series: u32) -> Result<bool> {
        let block = self.block(MINUTE, meter, hour * HOUR_MS)?;
        Ok(block.0.get(&series).is_some_and(|column| !column.steps.is_empty()))
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
        let Some(bytes) = blocks::read(self.transaction, tier.table, id)? else {
            return Ok(SummaryBlock::default());
        };
        match SummaryBlock::unpack(&bytes, tier) {
            Ok(block) => Ok(block),
            Err(damage) => {
                blocks::keep_damaged(self.transaction, self.shared, tier.table, id, &bytes, damage)?;
                Ok(SummaryBlock::default())
            }
        }
    }

    /// Writes what was changed; says how many bytes.
    pub(super) fn finish(self) -> Result<usize> {
        let mut bytes = 0;
        for ((tier, id), block) in &self.open {
            let packed = block.pack(*tier);
            bytes += packed.len();
            blocks::write(self.transaction, tier.table, *id, &packed)?;
        }
        Ok(bytes)
    }

    /// How many blocks are held.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }
}

fn replace(
    block: &mut SummaryBlock,
    column: &Column,
    is_counter: bool,
    from_ms: i64,
    to_ms: i64,
    mut steps: Vec<Summary>,
) {
    let kept = block.0.entry(column.series).or_insert_with(|| SummaryColumn {
        decimals: column.decimals,
        is_counter,
        steps: Vec::new(),
    });
    kept.refine(column.decimals);
    if column.decimals < kept.decimals {
        let mut coarse = SummaryColumn { decimals: column.decimals, is_counter, steps };
        coarse.refine(kept.decimals);
        steps = coarse.steps;
    }
    kept.replace(from_ms, to_ms, steps);
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
