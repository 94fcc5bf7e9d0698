//! Sealing: samples in memory, which hot rows hold on disk, become warm chunks of 5 min of a meter.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::PoisonError,
    time::Instant,
};

use rusqlite::Transaction;

use super::{
    super::{
        bytes::Damage,
        chunk::{Effort, pack_chunk},
        column::{Column, Counts},
        hot::{HotCoder, HotSample, MAX_BATCH},
        span::{SLOT_MS, warm_id},
        types::StoreError,
        window::MeterWindow,
    },
    SLICE, Writer, blocks,
};

impl Writer {
    /// From `row` on, samples go into an empty window; those before are to be sealed.
    pub(super) fn cut(&mut self, row: i64) {
        let mut tail = self.shared.tail.write().unwrap_or_else(PoisonError::into_inner);
        if !tail.sealing.is_empty() {
            // Too many samples came before the last ones were sealed: they stay together until the next cut.
            return;
        }
        tail.sealing = std::mem::take(&mut tail.open);
        drop(tail);
        self.cut_row = Some(row);
    }

    /// Seals until `until`, at least one meter.
    pub(super) fn seal(&mut self, until: Instant) -> Result<(), StoreError> {
        let mut sealed: Vec<(u32, BTreeSet<i64>)> = Vec::new();
        let mut counts = Counts::default();
        self.write(|transaction| {
            while let Some((meter, window)) = self.next_to_seal(sealed.last().map(|(meter, _)| *meter)) {
                counts.add(self.seal_meter(transaction, meter, &window)?);
                sealed.push((meter, window.slots()));
                if Instant::now() >= until {
                    break;
                }
            }
            Ok(())
        })?;
        self.shared.health().conflicts += counts.different;
        let mut tail = self.shared.tail.write().unwrap_or_else(PoisonError::into_inner);
        for (meter, _) in &sealed {
            tail.sealing.remove(*meter);
        }
        let is_done = tail.sealing.is_empty();
        drop(tail);
        if let Some(compaction) = &mut self.compaction {
            for (meter, slots) in &sealed {
                compaction.note_sealed(*meter, slots);
            }
        }
        self.is_compact = false;
        if is_done { self.end_seal() } else { Ok(()) }
    }

    fn next_to_seal(&self, after: Option<u32>) -> Option<(u32, std::sync::Arc<MeterWindow>)> {
        let tail = self.shared.tail.read().unwrap_or_else(PoisonError::into_inner);
        let meter = match after {
            None => return tail.sealing.first(),
            Some(after) => tail.sealing.meter_after(after)?,
        };
        Some((meter, tail.sealing.meter(meter)?))
    }

    /// Everything is sealed: the hot rows have done their duty.
    fn end_seal(&mut self) -> Result<(), StoreError> {
        let Some(row) = self.cut_row else { return Ok(()) };
        let newest = self.newest_row_with(&[])?;
        self.write(|transaction| {
            blocks::write(transaction, "newest", 1, &newest)?;
            transaction.prepare_cached("DELETE FROM hot WHERE row < ?1")?.execute([row])?;
            Ok(())
        })?;
        self.note_written(2, newest.len());
        self.cut_row = None;
        Ok(())
    }

    /// The newest sample of each series, as a key row; those in `changed` instead of what is in memory.
    pub(super) fn newest_row_with(&self, changed: &[HotSample]) -> Result<Vec<u8>, Damage> {
        let tail = self.shared.tail.read().unwrap_or_else(PoisonError::into_inner);
        let of_series = |sample: &HotSample| changed.iter().find(|other| other.series == sample.series).copied();
        let samples: Vec<HotSample> =
            tail.newest.iter().flatten().take(MAX_BATCH).map(|sample| of_series(sample).unwrap_or(*sample)).collect();
        HotCoder::default().write(&samples)
    }

    fn seal_meter(
        &self,
        transaction: &Transaction<'_>,
        meter: u32,
        window: &MeterWindow,
    ) -> Result<Counts, rusqlite::Error> {
        let mut counts = Counts::default();
        for slot in window.slots() {
            let id = warm_id(slot, meter);
            let mut columns = by_series(blocks::read_chunk(transaction, &self.shared, "warm", id)?);
            for series in window.series() {
                if let Some(new) = window.column(series, slot * SLOT_MS, (slot + 1) * SLOT_MS) {
                    counts.add(merge_into(&mut columns, new));
                }
            }
            let block = self.pack(&columns, Effort::Quick);
            blocks::write(transaction, "warm", id, &block)?;
            self.note_written(1, block.len());
        }
        Ok(counts)
    }

    /// Packs columns of one meter, with the quantities that the catalogue knows them by.
    pub(super) fn pack(&self, columns: &BTreeMap<u32, Column>, effort: Effort) -> Vec<u8> {
        let catalogue = self.shared.catalogue();
        let columns: Vec<_> = columns
            .values()
            .map(|column| (column, catalogue.by_number(column.series).map(|info| &info.quantity)))
            .collect();
        pack_chunk(&columns, effort)
    }

    /// Seals everything, now.
    pub(super) fn seal_all(&mut self) -> Result<(), StoreError> {
        for is_rest in [true, false] {
            if !is_rest {
                self.coder.start_over();
                self.slot = None;
                self.cut(self.next_row);
            }
            while self.cut_row.is_some() {
                self.seal(Instant::now() + SLICE)?;
            }
        }
        Ok(())
    }

    /// Takes the hot rows on disk into memory, as after a start; says how many cannot be read.
    pub(super) fn replay(&mut self) -> Result<u64, StoreError> {
        let mut damaged = 0;
        let mut rows = Vec::new();
        {
            let mut statement = self.connection.prepare("SELECT row, body FROM hot ORDER BY row")?;
            let mut found = statement.query([])?;
            while let Some(row) = found.next()? {
                rows.push((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?));
            }
        }
        for (row, block) in rows {
            self.next_row = row + 1;
            if let Err(Damage(reason)) = self.record(&block) {
                tracing::error!(row, "damaged row: {reason}");
                damaged += 1;
            }
        }
        Ok(damaged)
    }
}

pub(super) fn by_series(columns: Vec<Column>) -> BTreeMap<u32, Column> {
    columns.into_iter().map(|column| (column.series, column)).collect()
}

/// Merges a column into those of its meter; what is there already stays.
pub(super) fn merge_into(columns: &mut BTreeMap<u32, Column>, new: Column) -> Counts {
    if let Some(column) = columns.get_mut(&new.series) {
        column.merge(new, false, |_| ())
    } else {
        let counts = Counts { new: new.len() as u64, ..Counts::default() };
        columns.insert(new.series, new);
        counts
    }
}
