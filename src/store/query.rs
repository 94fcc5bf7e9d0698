//! Reading back: samples, and series as charts need them. Every transaction is short, so that the log can be emptied.

use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension};

use super::{
    bytes::Damage,
    chunk::Chunk,
    column::Column,
    file::is_damage,
    shared::Shared,
    span::{HOUR_MS, SLOT_MS, hour, meter_id, of_meter_id, of_warm_id, warm_id},
    summary::{MINUTE, QUARTER, SummaryBlock, SummaryColumn, Tier},
    types::{Samples, Series, SeriesInfo, StoreError},
    writer::{read_block, steps, tier_for},
};
use crate::domain::sample::{MAX_TIME_MS, MIN_TIME_MS, Summary};

/// Most samples of one answer.
pub const MAX_POINTS: usize = 1_000_000;

/// Most columns of one chart.
pub const MAX_COLUMNS: usize = 4096;

/// After this long a transaction ends at the next block, and another one goes on: well below the 250 ms that are allowed.
const LONGEST_READ: Duration = Duration::from_millis(150);

/// Samples found so far, and what could not be read.
struct Found {
    column: Column,
    damaged: u32,
}

/// The samples of a series with `from_ms <= time < to_ms`.
pub(super) fn samples(
    shared: &Shared,
    info: &SeriesInfo,
    from_ms: i64,
    to_ms: i64,
    limit: usize,
) -> Result<Samples, StoreError> {
    let (from_ms, to_ms) = (from_ms.max(MIN_TIME_MS), to_ms.min(MAX_TIME_MS));
    // What is not sealed first: sealing moves samples from memory to the file, so none is missed between the two.
    let unsealed = shared.unsealed(info, from_ms, to_ms);
    let mut found = Found { column: Column::new(info.key.0, info.decimals), damaged: 0 };
    let end = hour(to_ms - 1) + 1;
    let mut next = hour(from_ms);
    while next < end && found.column.len() <= limit {
        next = shared.read(|connection| read_hours(connection, info, next..end, limit, &mut found))?;
    }
    let read_to_ms = if next < end { next * HOUR_MS } else { to_ms };
    let mut column = found.column;
    let mut rest = Column::new(info.key.0, unsealed.decimals);
    unsealed.points(from_ms, read_to_ms).for_each(|point| rest.push_point(point));
    column.merge(rest, false, |_| ());
    let mut points: Vec<_> = column.points(from_ms, read_to_ms).take(limit + 1).collect();
    let cut = (points.len() > limit).then(|| points.pop()).flatten().map(|point| point.at_ms);
    let next_ms = cut.or((read_to_ms < to_ms).then_some(read_to_ms));
    shared.health().damaged_blocks += u64::from(found.damaged);
    Ok(Samples { decimals: column.decimals, points, next_ms, damaged_blocks: found.damaged })
}

/// Reads hours until the time is up or there is enough; the hour to go on with.
fn read_hours(
    connection: &Connection,
    info: &SeriesInfo,
    hours: std::ops::Range<i64>,
    limit: usize,
    found: &mut Found,
) -> Result<i64, rusqlite::Error> {
    let until = Instant::now() + LONGEST_READ;
    let meter = info.meter_key;
    let mut next = hours.start;
    let mut part = Column::new(info.key.0, info.decimals);
    let mut statement =
        connection.prepare_cached("SELECT id, body FROM cold WHERE id >= ?1 AND id < ?2 ORDER BY id")?;
    let mut rows = statement.query((meter_id(meter, hours.start), meter_id(meter, hours.end)))?;
    loop {
        let row = match rows.next() {
            Ok(Some(row)) => row,
            Ok(None) => {
                next = hours.end;
                break;
            }
            Err(error) if is_damage(&error) => {
                // The hour after the last one that was read; the next transaction goes on behind it.
                found.damaged += 1;
                next += 1;
                break;
            }
            Err(error) => return Err(error),
        };
        let (_, hour) = of_meter_id(row.get(0)?);
        let block = row.get_ref(1)?.as_blob()?;
        found.take(Chunk::open(block).and_then(|chunk| chunk.column(info.key.0)), &mut part);
        next = hour + 1;
        if Instant::now() >= until || found.column.len() + part.len() > limit {
            break;
        }
    }
    drop(rows);
    let slots = hours.start * (HOUR_MS / SLOT_MS)..next * (HOUR_MS / SLOT_MS);
    read_warm(connection, info, slots, found, &mut part)?;
    found.column.merge(part, false, |_| ());
    Ok(next)
}

/// Reads the warm chunks of a span, of which there are few: those of the newest hour, and late ones.
fn read_warm(
    connection: &Connection,
    info: &SeriesInfo,
    slots: std::ops::Range<i64>,
    found: &mut Found,
    part: &mut Column,
) -> Result<(), rusqlite::Error> {
    let mut first = connection.prepare_cached("SELECT id FROM warm WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 1")?;
    let mut slot = slots.start;
    while slot < slots.end {
        let id: Option<i64> =
            first.query_row((warm_id(slot, 0), warm_id(slots.end, 0)), |row| row.get(0)).optional()?;
        let Some(id) = id else { break };
        slot = of_warm_id(id).0;
        if let Some(block) = read_block(connection, "warm", warm_id(slot, info.meter_key))? {
            found.take(Chunk::open(&block).and_then(|chunk| chunk.column(info.key.0)), part);
        }
        slot += 1;
    }
    Ok(())
}

impl Found {
    fn take(&mut self, read: Result<Option<Column>, Damage>, part: &mut Column) {
        match read {
            Ok(Some(column)) => {
                part.merge(column, false, |_| ());
            }
            Ok(None) => {}
            Err(_) => self.damaged += 1,
        }
    }
}

/// A series in equal columns.
pub(super) fn series(
    shared: &Shared,
    info: &SeriesInfo,
    from_ms: i64,
    to_ms: i64,
    columns: usize,
) -> Result<Series, StoreError> {
    let (from_ms, to_ms) = (from_ms.max(MIN_TIME_MS), to_ms.min(MAX_TIME_MS).max(from_ms.max(MIN_TIME_MS)));
    let columns = columns.clamp(1, MAX_COLUMNS);
    let count = i64::try_from(columns).unwrap_or(i64::MAX);
    let step_ms = ((to_ms - from_ms) + count - 1) / count;
    let mut chart = Series { decimals: info.decimals, step_ms: step_ms.max(1), columns: Vec::new(), damaged_blocks: 0 };
    chart.columns = (0..)
        .map(|column: i64| Summary::empty(from_ms + column * chart.step_ms))
        .take_while(|column| column.start_ms < to_ms)
        .take(columns)
        .collect();
    match tier_for(chart.step_ms) {
        Some(tier) => chart.of_tier(shared, info, tier, from_ms, to_ms)?,
        None => chart.of_samples(shared, info, from_ms, to_ms)?,
    }
    Ok(chart)
}

impl Series {
    fn of_samples(&mut self, shared: &Shared, info: &SeriesInfo, from_ms: i64, to_ms: i64) -> Result<(), StoreError> {
        let mut next = Some(from_ms);
        while let Some(from) = next {
            let found = samples(shared, info, from, to_ms, MAX_POINTS)?;
            self.damaged_blocks += found.damaged_blocks;
            for point in found.points {
                if let Some(column) = self.column(from_ms, point.at_ms) {
                    column.push(point.number, point.state);
                }
            }
            next = found.next_ms;
        }
        Ok(())
    }

    /// From rollups, and from the samples that are in none yet.
    fn of_tier(
        &mut self,
        shared: &Shared,
        info: &SeriesInfo,
        tier: Tier,
        from_ms: i64,
        to_ms: i64,
    ) -> Result<(), StoreError> {
        let unsealed = shared.unsealed(info, from_ms, to_ms);
        let mut found = Found { column: Column::new(info.key.0, info.decimals), damaged: 0 };
        let mut all = shared.read(|connection| {
            let all = read_tier(connection, info, tier, from_ms, to_ms, &mut found)?;
            let mut rest = Column::new(info.key.0, info.decimals);
            let slots = from_ms.div_euclid(SLOT_MS)..(to_ms - 1).div_euclid(SLOT_MS) + 1;
            read_warm(connection, info, slots, &mut found, &mut rest)?;
            rest.merge(unsealed, false, |_| ());
            found.column = without_cold(connection, info, &rest)?;
            Ok(all)
        })?;
        all.extend(steps(&found.column, tier));
        all.sort_by_key(|step| step.start_ms);
        for step in all {
            if let Some(column) = self.column(from_ms, step.start_ms) {
                column.append(&step);
            }
        }
        self.damaged_blocks += found.damaged;
        shared.health().damaged_blocks += u64::from(found.damaged);
        Ok(())
    }

    fn column(&mut self, from_ms: i64, at_ms: i64) -> Option<&mut Summary> {
        let place = usize::try_from((at_ms - from_ms).checked_div(self.step_ms)?).ok()?;
        if at_ms < from_ms { None } else { self.columns.get_mut(place) }
    }
}

/// The steps of a tier that start in `from_ms..to_ms`.
fn read_tier(
    connection: &Connection,
    info: &SeriesInfo,
    tier: Tier,
    from_ms: i64,
    to_ms: i64,
    found: &mut Found,
) -> Result<Vec<Summary>, rusqlite::Error> {
    if tier != MINUTE {
        return read_steps(connection, info, tier, from_ms, to_ms, found);
    }
    // Whole quarters, to see which of them have no minutes.
    let (start_ms, end_ms) = (QUARTER.floor(from_ms), QUARTER.floor(to_ms + QUARTER.step_ms - 1));
    let steps = read_steps(connection, info, MINUTE, start_ms, end_ms, found)?;
    let mut minutes = SummaryColumn { decimals: info.decimals, is_counter: info.quantity.is_counter(), steps };
    minutes.add_lone_minutes(&read_steps(connection, info, QUARTER, start_ms, end_ms, found)?);
    Ok(minutes.within(from_ms, to_ms).to_vec())
}

fn read_steps(
    connection: &Connection,
    info: &SeriesInfo,
    tier: Tier,
    from_ms: i64,
    to_ms: i64,
    found: &mut Found,
) -> Result<Vec<Summary>, rusqlite::Error> {
    let sql = format!("SELECT body FROM {} WHERE id >= ?1 AND id <= ?2 ORDER BY id", tier.table);
    let mut statement = connection.prepare_cached(&sql)?;
    let ids = (meter_id(info.meter_key, tier.span(from_ms)), meter_id(info.meter_key, tier.span(to_ms - 1)));
    let mut rows = statement.query(ids)?;
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        match SummaryBlock::column(row.get_ref(0)?.as_blob()?, tier, info.key.0) {
            Ok(Some(mut column)) => {
                column.refine(info.decimals);
                steps.extend(column.steps.into_iter().filter(|step| (from_ms..to_ms).contains(&step.start_ms)));
            }
            Ok(None) => {}
            Err(_) => found.damaged += 1,
        }
    }
    Ok(steps)
}

/// The samples whose times are in no cold chunk: those that no rollup knows.
fn without_cold(connection: &Connection, info: &SeriesInfo, column: &Column) -> Result<Column, rusqlite::Error> {
    let mut rest = Column::new(column.series, column.decimals);
    let mut known = Vec::new();
    let mut known_hour = None;
    for point in column.points(MIN_TIME_MS, MAX_TIME_MS) {
        let hour = hour(point.at_ms);
        if known_hour != Some(hour) {
            known_hour = Some(hour);
            let block = read_block(connection, "cold", meter_id(info.meter_key, hour))?;
            let read = block.map(|block| Chunk::open(&block).and_then(|chunk| chunk.column(info.key.0)));
            known = match read {
                Some(Ok(Some(column))) => column.times,
                _ => Vec::new(),
            };
        }
        if known.binary_search(&point.at_ms).is_err() {
            rest.push_point(point);
        }
    }
    Ok(rest)
}
