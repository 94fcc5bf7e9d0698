//! The one thread that writes. It takes batches from a bounded queue, acknowledges what is on disk, and between batches
//! seals, compacts and does longer jobs in slices that are short enough for the next batch not to wait.

mod backup;
mod blocks;
mod compact;
mod jobs;
mod recover;
mod rollups;
mod seal;

use std::{
    cell::Cell,
    collections::VecDeque,
    path::PathBuf,
    rc::Rc,
    sync::{
        Arc, PoisonError,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::oneshot;

use super::{
    MAX_BUFFER_BYTES,
    bytes::Damage,
    column::{Counts, mark},
    hot::{HotCoder, HotSample},
    shared::Shared,
    span::{HOUR_MS, SLOT_MS, hour},
    types::{Appended, Merged, Sample, SeriesKey, SeriesSpec, StoreError},
};
use crate::domain::sample::{Decimals, MAX_TIME_MS, MIN_TIME_MS};
pub(super) use blocks::read as read_block;
use compact::Compaction;
use jobs::Job;
pub(super) use jobs::{SortedRow, samples_from_hour};
pub(super) use rollups::{steps, tier_for};

/// Longest time that one slice of sealing, compacting or a job may keep the next batch waiting.
const SLICE: Duration = Duration::from_millis(8);

/// Batches that are committed together when they wait already.
const GROUP: usize = 16;

/// Time between two attempts to write when the disk takes nothing.
const RETRY: Duration = Duration::from_secs(1);

/// How long the thread sleeps when there is nothing to do.
const IDLE: Duration = Duration::from_hours(1);

/// Samples after the start of a span of 5 min, in ms, that wait for stragglers of the one before.
const SEAL_GRACE_MS: i64 = 2_000;

/// The same after an hour, before it is compacted.
const COMPACT_GRACE_MS: i64 = 60_000;

/// Most samples in memory before they are sealed, whatever their times: 10 min of 20,000 a second.
const MAX_OPEN: usize = 12_000_000;

/// The log is carried into the file when it is longer than this, in bytes.
const CHECKPOINT_BYTES: u64 = 4 << 20;

/// What a row costs in the log beside its own bytes: about one page.
const PAGE_BYTES: u64 = 4096;

/// A job with the connection, within a transaction.
pub(super) type WriteJob = Box<dyn FnOnce(&Transaction<'_>) -> Result<(), rusqlite::Error> + Send>;

type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked to do.
pub(super) enum Message {
    Append(Vec<Sample>, Answer<Appended>),
    Declare(Vec<SeriesSpec>, Answer<Vec<SeriesKey>>),
    Merge { rows: Vec<SortedRow>, replace: bool, merged: Merged, answer: Answer<Merged> },
    Write(WriteJob, Answer<()>),
    DropBefore(i64, Answer<()>),
    Backup(PathBuf, Answer<()>),
    Settle(Answer<()>),
}

/// A packed batch that is not on disk yet.
struct Pending {
    row: i64,
    block: Vec<u8>,
    /// The samples in memory are to be sealed before this batch is added to them.
    is_cut: bool,
    refused: u64,
    answer: Answer<Appended>,
}

/// State of the thread.
pub(super) struct Writer {
    connection: Rc<Connection>,
    shared: Arc<Shared>,
    /// Meter and decimals by series: the catalogue, for the quick way.
    series: Vec<Option<(u32, Decimals)>>,
    coder: HotCoder,
    /// Reads back what was written, so that memory holds what the disk says.
    reader: HotCoder,
    pending: VecDeque<Pending>,
    next_row: i64,
    /// The 5 min of the samples in memory.
    slot: Option<i64>,
    /// The newest batch's time.
    now_ms: i64,
    /// Hot rows before this one are deleted when the sealing is done.
    cut_row: Option<i64>,
    compaction: Option<Compaction>,
    /// Nothing is to be compacted before more is sealed.
    is_compact: bool,
    /// Compact the newest hour too.
    settle: bool,
    jobs: VecDeque<Job>,
    retry_at: Option<Instant>,
    /// Bytes written to the log since it was last carried into the file, about.
    log_bytes: Cell<u64>,
}

impl Writer {
    /// Works until every client has gone, then writes what is left.
    pub(super) fn run(mut self, queue: &Receiver<Message>) {
        loop {
            let mut next = match queue.recv_timeout(self.wait()) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            while let Some(message) = next.take() {
                next = self.handle(message, queue);
            }
            if self.retry_at.is_none_or(|at| at <= Instant::now()) {
                self.retry_at = None;
                self.flush();
                if self.retry_at.is_none() {
                    self.work(queue);
                }
            }
        }
        self.flush();
        self.end_jobs();
        let _ = self.connection.execute_batch("PRAGMA optimize");
    }

    /// How long there is nothing to do.
    fn wait(&self) -> Duration {
        match self.retry_at {
            Some(at) => at.saturating_duration_since(Instant::now()),
            None if self.has_work() => Duration::ZERO,
            None => IDLE,
        }
    }

    /// Does what is asked; the next message if one was taken that could not be done along with it.
    fn handle(&mut self, message: Message, queue: &Receiver<Message>) -> Option<Message> {
        match message {
            Message::Append(samples, answer) => {
                let mut next = Some(Message::Append(samples, answer));
                for _ in 0..GROUP {
                    match next.take() {
                        Some(Message::Append(samples, answer)) => self.take_batch(&samples, answer),
                        other => {
                            next = other;
                            break;
                        }
                    }
                    next = queue.try_recv().ok();
                }
                if self.retry_at.is_none() {
                    self.flush();
                }
                return next;
            }
            Message::Declare(specs, answer) => {
                let _ = answer.send(self.declare(specs));
            }
            Message::Write(job, answer) => {
                let _ = answer.send(self.write(|transaction| job(transaction)));
            }
            Message::Merge { rows, replace, merged, answer } => self.begin_merge(rows, replace, merged, answer),
            Message::DropBefore(at_ms, answer) => self.begin_drop(at_ms, answer),
            Message::Backup(path, answer) => self.jobs.push_back(Job::Backup { path, answer }),
            Message::Settle(answer) => {
                self.settle = true;
                self.is_compact = false;
                self.jobs.push_back(Job::Settle(answer));
            }
        }
        None
    }

    /// Runs a job in a transaction of its own.
    fn write<T>(&self, job: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let result = job(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    /// Packs a batch, to be written next.
    fn take_batch(&mut self, samples: &[Sample], answer: Answer<Appended>) {
        if self.shared.health().buffered_bytes >= MAX_BUFFER_BYTES {
            self.shared.health().refused_batches += 1;
            let _ = answer.send(Err(StoreError::Full));
            return;
        }
        let finer = samples
            .iter()
            .filter(|sample| self.place(sample.series.0).is_some_and(|(_, decimals)| sample.decimals > decimals));
        let finer: Vec<_> = finer.map(|sample| (sample.series.0, sample.decimals)).collect();
        if !finer.is_empty()
            && let Err(error) = self.refine(&finer)
        {
            let _ = answer.send(Err(error));
            return;
        }
        let hot = self.hot_samples(samples);
        let refused = (samples.len() - hot.len()) as u64;
        let is_cut = self.is_cut_due(&hot);
        if is_cut {
            self.coder.start_over();
        }
        let block = match self.coder.write(&hot) {
            Ok(block) => block,
            Err(error) => return drop(answer.send(Err(error.into()))),
        };
        self.shared.health().buffered_bytes += block.len() as u64;
        self.pending.push_back(Pending { row: self.next_row, block, is_cut, refused, answer });
        self.next_row += 1;
    }

    fn place(&self, series: u32) -> Option<(u32, Decimals)> {
        self.series.get(series as usize).copied().flatten()
    }

    /// The samples that can be kept, in order of meter, time and series; of one time and series in the order in which they came.
    fn hot_samples(&self, samples: &[Sample]) -> Vec<HotSample> {
        let mut hot: Vec<(u32, HotSample)> = samples
            .iter()
            .filter(|sample| (MIN_TIME_MS..MAX_TIME_MS).contains(&sample.at_ms))
            .filter_map(|sample| {
                let (meter, decimals) = self.place(sample.series.0)?;
                Some((meter, hot_sample(sample, decimals)))
            })
            .collect();
        hot.sort_by_key(|(meter, sample)| (*meter, sample.at_ms, sample.series));
        hot.into_iter().map(|(_, sample)| sample).collect()
    }

    /// Whether the samples in memory are to be sealed before these are added.
    fn is_cut_due(&mut self, samples: &[HotSample]) -> bool {
        let Some(at_ms) = samples.iter().map(|sample| sample.at_ms).max() else { return false };
        self.now_ms = at_ms;
        let slot = at_ms.div_euclid(SLOT_MS);
        let Some(open_slot) = self.slot else {
            self.slot = Some(slot);
            return false;
        };
        let (open, sealing) = {
            let tail = self.shared.tail.read().unwrap_or_else(PoisonError::into_inner);
            (tail.open.len(), tail.sealing.len())
        };
        let is_over = slot != open_slot && (slot != open_slot + 1 || at_ms.rem_euclid(SLOT_MS) >= SEAL_GRACE_MS);
        let is_cut = open > MAX_OPEN || is_over && sealing == 0;
        if is_cut {
            self.slot = Some(slot);
        }
        is_cut
    }

    /// Writes all packed batches and acknowledges them; on failure they stay, to be tried again.
    fn flush(&mut self) {
        while !self.pending.is_empty() {
            let count = self.pending.len().min(GROUP);
            let written = self.write(|transaction| {
                let mut insert = transaction.prepare_cached("INSERT INTO hot (row, body) VALUES (?1, ?2)")?;
                for pending in self.pending.iter().take(count) {
                    insert.execute((pending.row, &pending.block))?;
                }
                Ok(())
            });
            if let Err(error) = written {
                return self.fail(&error);
            }
            self.works();
            let bytes = self.pending.iter().take(count).map(|pending| pending.block.len()).sum();
            self.note_written(count, bytes);
            for _ in 0..count {
                let Some(pending) = self.pending.pop_front() else { break };
                self.apply(pending);
            }
        }
    }

    /// Takes a row that is on disk into memory, and acknowledges it.
    fn apply(&mut self, pending: Pending) {
        if pending.is_cut {
            self.cut(pending.row);
        }
        let kept = self.record(&pending.block);
        let mut health = self.shared.health();
        health.buffered_bytes = health.buffered_bytes.saturating_sub(pending.block.len() as u64);
        health.buffered_batches = 0;
        health.conflicts += kept.as_ref().map_or(0, |counts| counts.different);
        drop(health);
        let refused = pending.refused;
        let _ = pending.answer.send(match kept {
            Ok(Counts { new, unchanged, different }) => Ok(Appended { new, unchanged, conflicts: different, refused }),
            Err(damage) => Err(damage.into()),
        });
    }

    fn record(&mut self, block: &[u8]) -> Result<Counts, Damage> {
        let max_series = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let samples = self.reader.read(block, max_series)?;
        let mut tail = self.shared.tail.write().unwrap_or_else(PoisonError::into_inner);
        Ok(tail.record(&samples, |series| self.series.get(series as usize).copied().flatten()))
    }

    fn has_work(&self) -> bool {
        self.cut_row.is_some()
            || self.compaction.is_some()
            || !self.jobs.is_empty()
            || self.is_compaction_due()
            || self.is_log_long()
    }

    fn is_compaction_due(&self) -> bool {
        !self.is_compact && (self.settle || self.now_ms.rem_euclid(HOUR_MS) >= COMPACT_GRACE_MS)
    }

    /// The hour that still grows, and is not compacted.
    fn open_hour(&self) -> Option<i64> {
        (!self.settle).then(|| hour(self.now_ms))
    }

    /// One slice of what there is to do, the most pressing first.
    fn work(&mut self, queue: &Receiver<Message>) {
        let until = Instant::now() + SLICE;
        if self.is_log_long() {
            return self.checkpoint();
        }
        let done = if self.cut_row.is_some() {
            self.seal(until)
        } else if self.compaction.is_some() || self.jobs.is_empty() && self.is_compaction_due() {
            self.compact(until)
        } else if !self.jobs.is_empty() {
            self.job(until, queue);
            Ok(())
        } else {
            return;
        };
        match done {
            Ok(()) => self.works(),
            Err(error) => self.fail(&error),
        }
    }

    /// Whether the log is long enough to be carried into the file.
    fn is_log_long(&self) -> bool {
        self.log_bytes.get() > CHECKPOINT_BYTES
    }

    /// Notes that rows were written.
    fn note_written(&self, rows: usize, bytes: usize) {
        let bytes = bytes as u64 + rows as u64 * PAGE_BYTES;
        self.log_bytes.set(self.log_bytes.get() + bytes);
    }

    fn checkpoint(&mut self) {
        if !self.is_log_long() {
            return;
        }
        self.log_bytes.set(0);
        let carried = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = carried {
            self.fail(&error.into());
        }
    }
}

/// A sample with the series' own decimals; one that is too large is bad.
fn hot_sample(sample: &Sample, decimals: Decimals) -> HotSample {
    let number = sample.number.filter(|number| number.unsigned_abs() <= sample.decimals.limit().unsigned_abs());
    let state =
        if number.is_some() || sample.number.is_none() { sample.state } else { crate::domain::reading::State::Bad };
    HotSample {
        series: sample.series.0,
        at_ms: sample.at_ms,
        number: number.map_or(0, |number| sample.decimals.refine(number, decimals)),
        mark: mark(state, number.is_some()),
    }
}
