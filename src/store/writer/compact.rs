//! Compacting: the warm chunks of an hour become one cold chunk for each meter, and its rollups.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use rusqlite::{OptionalExtension, Transaction};

use super::{
    super::{
        chunk::{Chunk, Effort},
        column::{Column, Counts},
        span::{HOUR_MS, SLOT_MS, meter_id, of_warm_id, warm_id},
        types::StoreError,
    },
    Writer, blocks,
    rollups::Rollups,
    seal::{by_series, merge_into},
};

/// Spans of 5 min in an hour.
pub(super) const SLOTS: i64 = HOUR_MS / SLOT_MS;

/// An hour that is being compacted.
#[derive(Debug)]
pub(super) struct Compaction {
    hour: i64,
    /// Meters still to do.
    meters: BTreeSet<u32>,
    /// Once all meters are done: the slots whose warm rows are to be deleted still.
    slots: Option<std::ops::Range<i64>>,
}

impl Writer {
    /// Compacts until `until`, at least one meter; finds the next hour where none is under way.
    pub(super) fn compact(&mut self, until: Instant) -> Result<(), StoreError> {
        let Some(mut compaction) = self.compaction.take() else {
            self.compaction = self.next_compaction()?;
            self.is_compact = self.compaction.is_none();
            return Ok(());
        };
        let result = self.compact_slice(&mut compaction, until);
        if result.is_err() || compaction.slots.as_ref().is_none_or(|slots| !slots.is_empty()) {
            self.compaction = Some(compaction);
        }
        result
    }

    /// The first hour with warm chunks, other than the one that still grows.
    fn next_compaction(&self) -> Result<Option<Compaction>, StoreError> {
        let mut slot = 0;
        loop {
            let mut statement =
                self.connection.prepare_cached("SELECT id FROM warm WHERE id >= ?1 ORDER BY id LIMIT 1")?;
            let found: Option<i64> = statement.query_row([warm_id(slot, 0)], |row| row.get(0)).optional()?;
            let Some(found) = found else { return Ok(None) };
            let hour = of_warm_id(found).0.div_euclid(SLOTS);
            if Some(hour) != self.open_hour() {
                let catalogue = self.shared.catalogue();
                let meters = catalogue.meter_keys().collect();
                return Ok(Some(Compaction { hour, meters, slots: None }));
            }
            slot = (hour + 1) * SLOTS;
        }
    }

    fn compact_slice(&mut self, compaction: &mut Compaction, until: Instant) -> Result<(), StoreError> {
        let hour = compaction.hour;
        if let Some(slots) = &mut compaction.slots {
            // Slot by slot, as the deletion of an hour at once would keep a batch waiting.
            if let Some(slot) = slots.next() {
                self.write(|transaction| {
                    let mut delete = transaction.prepare_cached("DELETE FROM warm WHERE id >= ?1 AND id < ?2")?;
                    delete.execute((warm_id(slot, 0), warm_id(slot + 1, 0))).map(drop)
                })?;
            }
            return Ok(());
        }
        let mut done = Vec::new();
        let counts = self.write(|transaction| {
            let mut counts = Counts::default();
            for meter in &compaction.meters {
                counts.add(self.compact_meter(transaction, *meter, hour)?);
                done.push(*meter);
                if Instant::now() >= until {
                    break;
                }
            }
            Ok(counts)
        })?;
        self.shared.health().conflicts += counts.different;
        compaction.meters.retain(|meter| !done.contains(meter));
        if compaction.meters.is_empty() {
            compaction.slots = Some(hour * SLOTS..(hour + 1) * SLOTS);
        }
        Ok(())
    }

    fn compact_meter(&self, transaction: &Transaction<'_>, meter: u32, hour: i64) -> Result<Counts, rusqlite::Error> {
        let mut warm = Vec::new();
        for slot in hour * SLOTS..(hour + 1) * SLOTS {
            warm.extend(blocks::read_chunk(transaction, &self.shared, "warm", warm_id(slot, meter))?);
        }
        if warm.is_empty() {
            return Ok(Counts::default());
        }
        let cold = blocks::read_chunk(transaction, &self.shared, "cold", meter_id(meter, hour))?;
        let mut columns = by_series(cold);
        let mut counts = Counts::default();
        for column in warm {
            counts.add(merge_into(&mut columns, column));
        }
        let chunk_bytes = self.write_hour(transaction, meter, hour, &columns)?;
        let mut rollups = Rollups::new(transaction, &self.shared);
        rollups.update(meter, hour, &columns)?;
        let bytes = rollups.finish()?;
        self.note_written(6, chunk_bytes + bytes);
        Ok(counts)
    }

    /// Writes the cold chunk of an hour, once it is sure that it reads back; says how many bytes.
    pub(super) fn write_hour(
        &self,
        transaction: &Transaction<'_>,
        meter: u32,
        hour: i64,
        columns: &BTreeMap<u32, Column>,
    ) -> Result<usize, rusqlite::Error> {
        let mut block = self.pack(columns, Effort::Best);
        if !reads_back(&block, columns) {
            tracing::error!(meter, hour, "a chunk does not read back; it is packed in the plain way");
            block = self.pack(columns, Effort::Quick);
        }
        blocks::write(transaction, "cold", meter_id(meter, hour), &block)?;
        Ok(block.len())
    }
}

impl Compaction {
    /// Warm chunks of a meter were written: where they are of this hour, the meter has to be done again.
    pub(super) fn note_sealed(&mut self, meter: u32, slots: &BTreeSet<i64>) {
        if slots.iter().any(|slot| slot.div_euclid(SLOTS) == self.hour) {
            self.meters.insert(meter);
            self.slots = None;
        }
    }
}

fn reads_back(block: &[u8], columns: &BTreeMap<u32, Column>) -> bool {
    let Ok(read) = Chunk::open(block).and_then(|chunk| chunk.columns()) else { return false };
    let is_same =
        |column: &Column| columns.get(&column.series).is_some_and(|expected| expected.samples().eq(column.samples()));
    read.iter().all(is_same) && read.len() == columns.values().filter(|column| column.len() > 0).count()
}
