//! The store: everything measured, in one SQLite file.
//!
//! ```text
//! append ─► queue ─► hot rows, one a batch ─► warm chunks, 5 min ─► cold chunks, 1 h of a meter, and rollups
//!                    (the log: acknowledged)   (in order of time)    (in order of meters; for good, or until dropped)
//! ```
//! One thread writes. A batch is acknowledged when its hot row is synced to disk; what is newer than the last seal is also in
//! memory, read back from those rows. Reads go through connections that cannot write. Samples that come late, out of order or
//! twice find their place at any time: of two different values for one time the first one stays, and the other is counted,
//! unless a merge is told to replace. Where the disk takes nothing, batches wait in memory, up to [`MAX_BUFFER_BYTES`], are
//! not acknowledged, and are tried again.
//!
//! All calls but [`Store::append`], [`Store::health`], [`Store::catalogue`] and [`Store::newest`] wait for the disk: make
//! them on a thread that may block.

mod alarms;
mod audit;
mod bytes;
mod catalogue;
mod chunk;
mod column;
mod dispatch;
pub mod energy;
mod file;
mod hot;
pub mod lock;
mod programme;
mod query;
mod records;
mod schema;
mod shared;
mod span;
pub mod statements;
mod summary;
mod types;
mod window;
mod writer;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::{self, JoinHandle},
};

use rusqlite::{Connection, OpenFlags, Transaction};
use tokio::sync::oneshot;

use crate::domain::sample::{MAX_TIME_MS, MIN_TIME_MS, Point};
pub use audit::{NewEntry, Says};
pub use catalogue::Series as SeriesList;
pub use dispatch::{DispatchKept, JournalRow};
pub use file::FILE_NAME as DATABASE_NAME;
pub use hot::MAX_BATCH;
use lock::Lock;
pub use query::{MAX_COLUMNS, MAX_POINTS};
pub use records::NewRecord;
use shared::Shared;
pub use types::*;
use writer::{Message, SortedRow, Writer};

/// Most bytes of packed batches that wait in memory while the disk takes none: about an hour of 1,000 meters.
pub const MAX_BUFFER_BYTES: u64 = 48 << 20;

/// Requests that wait for the writer: at one batch a second, more than the longest pause of a disk.
const QUEUE: usize = 64;

/// A handle to the store; clones share it. When the last one goes, what was queued is written and the file closed.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
    writer: Arc<WriterThread>,
}

#[derive(Debug)]
struct WriterThread {
    queue: Mutex<Option<SyncSender<Message>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Given back when the file is closed.
    lock: OnceLock<Lock>,
}

impl Drop for WriterThread {
    fn drop(&mut self) {
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

impl Store {
    /// Opens the store in a folder that exists, or makes it. A damaged file is put aside and a new one begun; see [`Opened`].
    /// The caller makes sure that no other process has it open.
    ///
    /// # Errors
    /// [`StoreError`]: a newer or foreign file, a dangerous SQLite library, or what the system says.
    pub fn open(dir: &Path) -> Result<(Self, Opened), StoreError> {
        let (queue, messages) = mpsc::sync_channel(QUEUE);
        let (ready, opened) = oneshot::channel();
        let dir = dir.to_owned();
        let run = move || match Writer::open(&dir) {
            Ok((writer, shared, opened)) => {
                let _ = ready.send(Ok((shared, opened)));
                writer.run(&messages);
            }
            Err(error) => drop(ready.send(Err(error))),
        };
        let thread = thread::Builder::new().name("store".to_owned()).spawn(run);
        let thread = thread.map_err(|source| StoreError::File { path: PathBuf::from("thread"), source })?;
        let (shared, opened) = opened.blocking_recv().unwrap_or(Err(StoreError::Closed))?;
        let writer =
            WriterThread { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)), lock: OnceLock::new() };
        Ok((Self { shared, writer: Arc::new(writer) }, opened))
    }

    /// Holds the folder's lock for as long as any handle is there: whoever gets it next finds the file closed.
    pub fn hold(&self, lock: Lock) {
        // A second one is of the same folder, and cannot be had.
        let _ = self.writer.lock.set(lock);
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    fn queue(&self) -> Result<SyncSender<Message>, StoreError> {
        let queue = self.writer.queue.lock().unwrap_or_else(PoisonError::into_inner);
        queue.clone().ok_or(StoreError::Closed)
    }

    fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Message) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue()?.send(message(answer)).map_err(|_| StoreError::Closed)?;
        answered.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Makes sure that series are kept; their numbers, in the same order.
    pub fn declare(&self, series: Vec<SeriesSpec>) -> Result<Vec<SeriesKey>, StoreError> {
        self.ask(|answer| Message::Declare(series, answer))
    }

    /// Every series of the file.
    pub fn catalogue(&self) -> Arc<SeriesList> {
        self.shared.catalogue()
    }

    /// Hands over a batch, at most [`MAX_BATCH`] samples of any meters; best all of one second. Does not block.
    ///
    /// # Errors
    /// [`StoreError::Full`] where the queue is full: keep the batch and come again. The batch is durable when the receipt says
    /// so, not before.
    pub fn append(&self, batch: Vec<Sample>) -> Result<Receipt, StoreError> {
        if batch.len() > MAX_BATCH {
            return Err(StoreError::TooLarge(batch.len()));
        }
        let (answer, receipt) = oneshot::channel();
        match self.queue()?.try_send(Message::Append(batch, answer)) {
            Ok(()) => Ok(Receipt(receipt)),
            Err(TrySendError::Full(_)) => {
                self.shared.health().refused_batches += 1;
                Err(StoreError::Full)
            }
            Err(TrySendError::Disconnected(_)) => Err(StoreError::Closed),
        }
    }

    /// Back-fills history: rows of any series, in any order, also where there are samples already. A different value for the
    /// same time is rejected, or replaces what is there with `replace`. Rollups follow. Rows that are good are kept whatever
    /// the others are. Hand over up to about two million at once: they are in memory, 32 bytes each.
    pub fn merge(&self, rows: impl IntoIterator<Item = Row>, replace: bool) -> Result<Merged, StoreError> {
        let catalogue = self.catalogue();
        let mut merged = Merged::default();
        let mut sorted: Vec<SortedRow> = Vec::new();
        let meters = catalogue.meters_by_series();
        for row in rows {
            match meters.get(row.sample.series.0 as usize).copied().flatten() {
                _ if !(MIN_TIME_MS..MAX_TIME_MS).contains(&row.sample.at_ms) => {
                    merged.rejected.push((row.line, Rejection::Time));
                }
                None => merged.rejected.push((row.line, Rejection::Series)),
                Some(meter) => sorted.push(SortedRow::new(&row, meter)),
            }
        }
        if !sorted.is_sorted_by_key(SortedRow::key) {
            sorted.sort_unstable_by_key(SortedRow::key);
        }
        self.ask(|answer| Message::Merge { rows: sorted, replace, merged, answer })
    }

    /// The samples of a series with `from_ms <= time < to_ms`, at most `limit` (and [`MAX_POINTS`]).
    pub fn samples(&self, series: SeriesKey, from_ms: i64, to_ms: i64, limit: usize) -> Result<Samples, StoreError> {
        let catalogue = self.catalogue();
        let info = catalogue.get(series).ok_or(StoreError::UnknownSeries)?;
        query::samples(&self.shared, info, from_ms, to_ms, limit.clamp(1, MAX_POINTS))
    }

    /// A series for a chart of `columns` columns, at most [`MAX_COLUMNS`]: from samples where a column is shorter than a
    /// minute, else from the coarsest rollups (1 min, 15 min, 1 h, 1 d by UTC) that are no longer than a column. A step of a
    /// rollup belongs to the column in which it starts; one that starts before `from_ms` is left out.
    pub fn series(&self, series: SeriesKey, from_ms: i64, to_ms: i64, columns: usize) -> Result<Series, StoreError> {
        let catalogue = self.catalogue();
        let info = catalogue.get(series).ok_or(StoreError::UnknownSeries)?;
        query::series(&self.shared, info, from_ms, to_ms, columns)
    }

    /// The newest sample of every series that has one, with the series.
    pub fn newest(&self) -> Vec<(SeriesKey, Point)> {
        self.shared.newest_all()
    }

    /// How the store is doing.
    pub fn health(&self) -> Health {
        self.shared.health().clone()
    }

    /// Drops the samples of all hours before `at_ms`; rollups stay.
    pub fn drop_samples_before(&self, at_ms: i64) -> Result<(), StoreError> {
        self.ask(|answer| Message::DropBefore(at_ms, answer))
    }

    /// Before when samples were dropped, in ms since 1970; `None` where none ever were.
    pub fn samples_dropped_before(&self) -> Result<Option<i64>, StoreError> {
        let hour = self.read(writer::samples_from_hour)?;
        Ok(hour.map(|hour| hour * span::HOUR_MS))
    }

    /// Seals and compacts all there is, the newest hour too. Happens by itself in time; for tests, exports and measuring.
    pub fn settle(&self) -> Result<(), StoreError> {
        self.ask(Message::Settle)
    }

    /// Runs a job in a transaction of the writer: for the records of others that live in the same file. Keep it short.
    pub fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Transaction<'_>) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (result, done) = oneshot::channel();
        self.ask(|answer| {
            let job = move |transaction: &Transaction<'_>| {
                let _ = result.send(job(transaction)?);
                Ok(())
            };
            Message::Write(Box::new(job), answer)
        })?;
        done.blocking_recv().map_err(|_| StoreError::Closed)
    }

    /// Reads in a transaction that cannot write; keep it below 250 ms.
    pub fn read<T>(&self, job: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        self.shared.read(job)
    }

    /// Copies the store to a file while it is in use, and checks the copy. A file of that name is replaced only by a good copy.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where the copy does not pass: then it is left beside, with `.part` at its end.
    pub fn backup(&self, file: &Path) -> Result<(), StoreError> {
        let part = file::with_suffix(file, ".part");
        let at_part = |source| StoreError::File { path: part.clone(), source };
        if fs::exists(&part).map_err(at_part)? {
            fs::remove_file(&part).map_err(at_part)?;
        }
        self.ask(|answer| Message::Backup(part.clone(), answer))?;
        check(&part)?;
        fs::File::open(&part).and_then(|copy| copy.sync_all()).map_err(at_part)?;
        fs::rename(&part, file).map_err(|source| StoreError::File { path: file.to_owned(), source })
    }
}

/// Puts a backup in the place of the store in a folder, once it is checked; what was there is put aside, and where to is
/// returned. The caller makes sure that no process has the store open.
pub fn restore(backup: &Path, dir: &Path) -> Result<Option<PathBuf>, StoreError> {
    check(backup)?;
    let path = dir.join(file::FILE_NAME);
    let part = file::with_suffix(&path, ".part");
    let at_part = |source| StoreError::File { path: part.clone(), source };
    fs::copy(backup, &part).map_err(at_part)?;
    file::secure(&part, false)?;
    fs::File::open(&part).and_then(|copy| copy.sync_all()).map_err(at_part)?;
    check(&part)?;
    let aside = if fs::exists(&path).map_err(at_part)? { Some(file::put_aside(&path, "replaced")?) } else { None };
    fs::rename(&part, &path).map_err(at_part)?;
    Ok(aside)
}

/// Checks the whole of a file that no process has open: that it is a store of this program, and whole.
pub fn check(path: &Path) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let damaged = |reason| StoreError::Damaged { path: path.to_owned(), reason };
    match file::gate(&connection, path).and_then(|_| Ok(file::full_check(&connection)?)) {
        Ok(None) => Ok(()),
        Ok(Some(reason)) => Err(damaged(reason)),
        Err(StoreError::Database(error)) if file::is_damage(&error) => Err(damaged(error.to_string())),
        Err(error) => Err(error),
    }
}

/// The version of the SQLite library.
pub fn library_version() -> &'static str {
    rusqlite::version()
}

/// A file's schema version and the statements that made its tables; nothing of what is in them.
pub fn outline(path: &Path) -> Result<(i64, Vec<String>), StoreError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let version = file::gate(&connection, path)?;
    let mut statement = connection.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid")?;
    let tables = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok((version, tables))
}
