//! Longer jobs, done in slices between batches: merging back-filled rows, dropping old samples.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{PoisonError, mpsc::Receiver},
    time::{Duration, Instant},
};

use rusqlite::{Connection, OptionalExtension, Transaction};

use super::{
    super::{
        chunk::Chunk,
        column::{Column, Mark},
        hot::HotSample,
        span::{HOUR_MS, SLOT_MS, hour, meter_id, warm_id},
        types::{Merged, Rejection, Row, Sample, StoreError},
    },
    Answer, Message, Writer,
    blocks::{self, InOrder},
    compact::SLOTS,
    hot_sample,
    rollups::Rollups,
    seal::{by_series, merge_into},
};
use crate::domain::sample::Decimals;

/// One slice of a merge: longer than others, as the commits would cost too much beside it.
const MERGE_SLICE: Duration = Duration::from_millis(20);

/// The same while no batches come, as when nothing is polled.
const LONE_MERGE_SLICE: Duration = Duration::from_millis(100);

/// What a chunk costs in the log beside its own bytes: those of one hour after the other share their pages.
const ROW_BYTES: usize = 64;

/// Most blocks of rollups that one slice of a merge holds.
const MAX_ROLLUPS: usize = 512;

/// Hours of one meter that are dropped together.
const DROP_ROWS: u32 = 64;

/// The setting that says before which hour samples were dropped.
pub(in super::super) const SAMPLES_FROM_HOUR: &str = "samples_from_hour";

/// A back-filled row, ready to be merged: rows come in order of meter, hour, series, time and line.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct SortedRow {
    pub(in super::super) meter: u32,
    pub(in super::super) series: u32,
    pub(in super::super) at_ms: i64,
    pub(in super::super) number: i64,
    pub(in super::super) line: u32,
    pub(in super::super) decimals: Decimals,
    pub(in super::super) mark: Mark,
}

impl SortedRow {
    /// A row whose time is one that is kept; a number that is too large is none, and bad.
    pub(in super::super) fn new(row: &Row, meter: u32) -> Self {
        let Sample { series, at_ms, decimals, .. } = row.sample;
        let HotSample { number, mark, .. } = hot_sample(&row.sample, decimals);
        Self { meter, series: series.0, at_ms, number, line: row.line, decimals, mark }
    }

    pub(in super::super) fn key(&self) -> (u32, i64, u32, i64, u32) {
        (self.meter, hour(self.at_ms), self.series, self.at_ms, self.line)
    }
}

/// A job that waits or is under way.
pub(super) enum Job {
    Merge(Box<Merge>),
    Drop {
        hour: i64,
        meters: VecDeque<u32>,
        answer: Answer<()>,
    },
    Backup {
        path: PathBuf,
        answer: Answer<()>,
    },
    /// Seal and compact everything.
    Settle(Answer<()>),
}

/// A merge under way.
pub(super) struct Merge {
    rows: Vec<SortedRow>,
    next: usize,
    replace: bool,
    merged: Merged,
    answer: Answer<Merged>,
}

/// What the rows of a slice are merged into.
struct Stored<'a> {
    transaction: &'a Transaction<'a>,
    cold: InOrder<'a>,
    warm: InOrder<'a>,
    /// The samples of the hours before were dropped.
    from_hour: i64,
}

/// What one slice did, to be noted once it is on disk.
#[derive(Default)]
struct Slice {
    merged: Merged,
    replaced: Vec<SortedRow>,
    /// Bytes of chunks that were written.
    bytes: usize,
}

impl Writer {
    pub(super) fn begin_merge(&mut self, rows: Vec<SortedRow>, replace: bool, merged: Merged, answer: Answer<Merged>) {
        let mut finer: BTreeMap<u32, Decimals> = BTreeMap::new();
        for row in &rows {
            if self.place(row.series).is_some_and(|(_, decimals)| row.decimals > decimals) {
                let finest = finer.entry(row.series).or_default();
                *finest = row.decimals.max(*finest);
            }
        }
        let finer: Vec<_> = finer.into_iter().collect();
        if !finer.is_empty()
            && let Err(error) = self.refine(&finer)
        {
            let _ = answer.send(Err(error));
            return;
        }
        self.jobs.push_back(Job::Merge(Box::new(Merge { rows, next: 0, replace, merged, answer })));
    }

    pub(super) fn begin_drop(&mut self, at_ms: i64, answer: Answer<()>) {
        let hour = hour(at_ms);
        let noted = self.write(|transaction| {
            let sql = "INSERT INTO setting (name, value) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)";
            transaction.execute(sql, (SAMPLES_FROM_HOUR, hour))
        });
        match noted {
            Ok(_) => {
                let meters = self.shared.catalogue().meter_keys().collect();
                self.jobs.push_back(Job::Drop { hour, meters, answer });
            }
            Err(error) => drop(answer.send(Err(error))),
        }
    }

    /// One slice of the first job.
    pub(super) fn job(&mut self, until: Instant, queue: &Receiver<Message>) {
        match self.jobs.pop_front() {
            Some(Job::Merge(mut merge)) => match self.merge_slice(&mut merge) {
                Ok(()) if merge.next < merge.rows.len() => self.jobs.push_front(Job::Merge(merge)),
                Ok(()) => {
                    merge.merged.rejected.sort_by_key(|(line, _)| *line);
                    let _ = merge.answer.send(Ok(merge.merged));
                }
                Err(error) => drop(merge.answer.send(Err(error))),
            },
            Some(Job::Drop { hour, mut meters, answer }) => match self.drop_slice(hour, &mut meters, until) {
                Ok(()) if !meters.is_empty() => self.jobs.push_front(Job::Drop { hour, meters, answer }),
                done => drop(answer.send(done)),
            },
            Some(Job::Backup { path, answer }) => {
                let copied = self.backup(&path, queue);
                let _ = answer.send(copied);
            }
            Some(Job::Settle(answer)) => {
                let done = self.settle_all();
                let _ = answer.send(done);
            }
            None => {}
        }
    }

    fn settle_all(&mut self) -> Result<(), StoreError> {
        self.seal_all()?;
        while !self.is_compact {
            self.compact(Instant::now() + MERGE_SLICE)?;
            if self.is_log_long() {
                self.checkpoint();
            }
        }
        self.settle = false;
        Ok(())
    }

    fn drop_slice(&self, hour: i64, meters: &mut VecDeque<u32>, until: Instant) -> Result<(), StoreError> {
        while let Some(meter) = meters.front() {
            let deleted = self.write(|transaction| {
                let sql = "DELETE FROM cold WHERE id IN
                           (SELECT id FROM cold WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3)";
                let mut delete = transaction.prepare_cached(sql)?;
                delete.execute((meter_id(*meter, 0), meter_id(*meter, hour), DROP_ROWS))
            })?;
            self.note_written(deleted, 0);
            if deleted < DROP_ROWS as usize {
                meters.pop_front();
            }
            if Instant::now() >= until {
                break;
            }
        }
        Ok(())
    }

    fn merge_slice(&mut self, merge: &mut Merge) -> Result<(), StoreError> {
        let is_alone = self.slot.is_none();
        let until = Instant::now() + if is_alone { LONE_MERGE_SLICE } else { MERGE_SLICE };
        let mut next = merge.next;
        let slice = self.write(|transaction| {
            let mut slice = Slice::default();
            let mut rollups = Rollups::new(transaction, &self.shared);
            let mut stored = Stored {
                transaction,
                cold: InOrder::new(transaction, "cold"),
                warm: InOrder::new(transaction, "warm"),
                from_hour: samples_from_hour(transaction)?.unwrap_or(0),
            };
            let rest = merge.rows.get(next..).unwrap_or(&[]);
            for rows in rest.chunk_by(|one, other| one.meter == other.meter && hour(one.at_ms) == hour(other.at_ms)) {
                self.merge_hour(&mut stored, &mut rollups, rows, merge.replace, &mut slice)?;
                next += rows.len();
                if Instant::now() >= until || rollups.len() > MAX_ROLLUPS {
                    break;
                }
            }
            let blocks = rollups.len();
            let bytes = slice.bytes + rollups.finish()?;
            self.note_written(blocks, bytes);
            Ok(slice)
        })?;
        self.note_merged(merge.rows.get(merge.next..next).unwrap_or(&[]), &slice.replaced);
        merge.next = next;
        merge.merged.new += slice.merged.new;
        merge.merged.unchanged += slice.merged.unchanged;
        merge.merged.replaced += slice.merged.replaced;
        merge.merged.rejected.extend(slice.merged.rejected);
        Ok(())
    }

    /// Lets memory follow what was merged on disk.
    fn note_merged(&self, rows: &[SortedRow], replaced: &[SortedRow]) {
        let mut tail = self.shared.tail.write().unwrap_or_else(PoisonError::into_inner);
        for row in replaced {
            let number = self.refined(row);
            let tail = &mut *tail;
            for window in [&mut tail.open, &mut tail.sealing] {
                window.replace(row.meter, row.series, row.at_ms, number, row.mark);
            }
            if let Some(Some(newest)) = tail.newest.get_mut(row.series as usize)
                && newest.at_ms == row.at_ms
            {
                (newest.number, newest.mark) = (number, row.mark);
            }
        }
        for rows in rows.chunk_by(|one, other| one.series == other.series) {
            if let Some(row) = rows.last() {
                let number = self.refined(row);
                tail.note_newest(HotSample { series: row.series, at_ms: row.at_ms, number, mark: row.mark });
            }
        }
    }

    fn refined(&self, row: &SortedRow) -> i64 {
        self.place(row.series).map_or(row.number, |(_, decimals)| row.decimals.refine(row.number, decimals))
    }

    /// Merges rows of one meter and hour.
    fn merge_hour(
        &self,
        stored: &mut Stored<'_>,
        rollups: &mut Rollups<'_>,
        rows: &[SortedRow],
        replace: bool,
        slice: &mut Slice,
    ) -> Result<(), rusqlite::Error> {
        let Some(first) = rows.first() else { return Ok(()) };
        let (meter, hour) = (first.meter, hour(first.at_ms));
        let id = meter_id(meter, hour);
        let cold = match stored.cold.read(id)? {
            None => Vec::new(),
            Some(block) => {
                if let Ok(columns) = Chunk::open(&block).and_then(|chunk| chunk.columns()) {
                    columns
                } else {
                    slice.reject(rows, Rejection::Damaged);
                    return Ok(());
                }
            }
        };
        let mut columns = by_series(cold);
        let warm = self.take_warm(stored, meter, hour, &mut columns)?;
        let (start_ms, end_ms) = (hour * HOUR_MS, (hour + 1) * HOUR_MS);
        for window in self.shared.windows(meter).iter().filter(|window| window.reaches(start_ms, end_ms)) {
            for series in window.series() {
                if let Some(part) = window.column(series, start_ms, end_ms) {
                    merge_into(&mut columns, part);
                }
            }
        }
        let mut is_changed = false;
        for rows in rows.chunk_by(|one, other| one.series == other.series) {
            let Some(row) = rows.first() else { continue };
            if hour < stored.from_hour && rollups.has(meter, hour, row.series)? && !columns.contains_key(&row.series) {
                slice.reject(rows, Rejection::Dropped);
                continue;
            }
            is_changed |= slice.merge(&mut columns, rows, replace);
        }
        if is_changed {
            slice.bytes += self.write_hour(stored.transaction, meter, hour, &columns)? + ROW_BYTES;
            rollups.update(meter, hour, &columns)?;
            for id in warm {
                stored.transaction.prepare_cached("DELETE FROM warm WHERE id = ?1")?.execute([id])?;
            }
        }
        Ok(())
    }

    /// Merges the warm chunks of an hour into its columns; the rows that they are in.
    fn take_warm(
        &self,
        stored: &mut Stored<'_>,
        meter: u32,
        hour: i64,
        columns: &mut BTreeMap<u32, Column>,
    ) -> Result<Vec<i64>, rusqlite::Error> {
        let mut ids = Vec::new();
        let slots = hour * SLOTS..(hour + 1) * SLOTS;
        debug_assert_eq!(SLOTS * SLOT_MS, HOUR_MS);
        if !stored.warm.has_none(warm_id(slots.start, 0)..warm_id(slots.end, 0))? {
            for slot in slots {
                let id = warm_id(slot, meter);
                let found = blocks::read_chunk(stored.transaction, &self.shared, "warm", id)?;
                if !found.is_empty() {
                    ids.push(id);
                }
                for column in found {
                    merge_into(columns, column);
                }
            }
        }
        Ok(ids)
    }

    /// The clients have gone: their jobs end unanswered.
    pub(super) fn end_jobs(&mut self) {
        self.jobs.clear();
    }
}

impl Slice {
    fn reject(&mut self, rows: &[SortedRow], why: Rejection) {
        self.merged.rejected.extend(rows.iter().map(|row| (row.line, why)));
    }

    /// Merges rows of one series; whether that changed anything.
    fn merge(&mut self, columns: &mut BTreeMap<u32, Column>, rows: &[SortedRow], replace: bool) -> bool {
        let Some(first) = rows.first() else { return false };
        let finest = rows.iter().map(|row| row.decimals).max().unwrap_or_default();
        let mut column = Column::new(first.series, finest);
        let mut taken: Vec<&SortedRow> = Vec::with_capacity(rows.len());
        // Of rows of the same time the first counts, or the last one where later ones replace.
        for same in rows.chunk_by(|one, other| one.at_ms == other.at_ms) {
            let Some(row) = (if replace { same.last() } else { same.first() }) else { continue };
            for other in same.iter().filter(|other| other.line != row.line) {
                let is_same = other.mark == row.mark
                    && other.decimals.refine(other.number, finest) == row.decimals.refine(row.number, finest);
                match (is_same, replace) {
                    (true, _) => self.merged.unchanged += 1,
                    (false, true) => self.merged.replaced += 1,
                    (false, false) => self.merged.rejected.push((other.line, Rejection::Different)),
                }
            }
            column.push(row.at_ms, row.decimals.refine(row.number, finest), row.mark);
            taken.push(row);
        }
        let mut different = Vec::new();
        let kept = columns.entry(first.series).or_insert_with(|| Column::new(first.series, finest));
        let counts = kept.merge(column, replace, |at_ms| different.push(at_ms));
        self.merged.new += counts.new;
        self.merged.unchanged += counts.unchanged;
        for at_ms in different {
            let Ok(place) = taken.binary_search_by_key(&at_ms, |row| row.at_ms) else { continue };
            let Some(row) = taken.get(place) else { continue };
            if replace {
                self.merged.replaced += 1;
                self.replaced.push(**row);
            } else {
                self.merged.rejected.push((row.line, Rejection::Different));
            }
        }
        counts.new > 0 || replace && counts.different > 0
    }
}

/// The hour before which samples were dropped; `None` where none were.
pub(in super::super) fn samples_from_hour(connection: &Connection) -> Result<Option<i64>, rusqlite::Error> {
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE name = ?1")?;
    statement.query_row([SAMPLES_FROM_HOUR], |row| row.get(0)).optional()
}
