//! What goes into the store and comes out of it.

use std::path::PathBuf;

use tokio::sync::oneshot;

use crate::domain::{
    ids::MeterId,
    quantity::Quantity,
    reading::State,
    sample::{Decimals, Point, Summary},
    unit::Unit,
};

/// The number under which the file keeps a series: one quantity of one meter. It never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesKey(pub(super) u32);

/// A series to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesSpec {
    /// Of which meter.
    pub meter: MeterId,
    /// Which quantity.
    pub quantity: Quantity,
    /// Unit of its values.
    pub unit: Unit,
    /// How fine its values are; see [`Decimals::of_register`]. What is there already stays if it is finer.
    pub decimals: Decimals,
}

/// A series that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesInfo {
    /// Its number in this file.
    pub key: SeriesKey,
    /// Number of its meter in this file.
    pub(super) meter_key: u32,
    /// Of which meter.
    pub meter: MeterId,
    /// Which quantity.
    pub quantity: Quantity,
    /// Unit of its values.
    pub unit: Unit,
    /// How fine its values are; grows when finer ones come.
    pub decimals: Decimals,
}

/// One value to be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Of which series.
    pub series: SeriesKey,
    /// When the device answered, in ms since 1970 (UTC), from [`crate::domain::sample::MIN_TIME_MS`] to before
    /// [`crate::domain::sample::MAX_TIME_MS`]; others are refused.
    pub at_ms: i64,
    /// The value in steps of `decimals`; one over [`Decimals::limit`] is kept as none, and bad.
    pub number: Option<i64>,
    /// The decimals of `number`. More than the series has make it finer, fewer are filled up.
    pub decimals: Decimals,
    /// How far it may be believed.
    pub state: State,
}

/// What became of an acknowledged batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Appended {
    /// Samples that were taken over. Those that fall where samples were sealed already are compared when they are
    /// sealed themselves; the earlier ones stay, and [`Health::conflicts`] counts those that differ.
    pub new: u64,
    /// Samples that were there already, with the same value.
    pub unchanged: u64,
    /// Samples left out because another value for the same time is there.
    pub conflicts: u64,
    /// Samples left out because their time is outside of what is kept, or their series is unknown.
    pub refused: u64,
}

/// A promise that a batch is durable once it is kept.
#[derive(Debug)]
pub struct Receipt(pub(super) oneshot::Receiver<Result<Appended, StoreError>>);

impl Receipt {
    /// Waits until the batch is on disk. Not on a thread that runs asynchronous tasks: use [`Self::kept`] there.
    ///
    /// # Errors
    /// [`StoreError::Full`] where no more can wait for the disk, [`StoreError::Closed`] where the store ended before.
    pub fn wait(self) -> Result<Appended, StoreError> {
        self.0.blocking_recv().unwrap_or(Err(StoreError::Closed))
    }

    /// What became of the batch, if that is known already; else the receipt again.
    ///
    /// # Errors
    /// The inner ones as of [`Self::wait`].
    pub fn try_wait(mut self) -> Result<Result<Appended, StoreError>, Self> {
        match self.0.try_recv() {
            Ok(result) => Ok(result),
            Err(oneshot::error::TryRecvError::Empty) => Err(self),
            Err(oneshot::error::TryRecvError::Closed) => Ok(Err(StoreError::Closed)),
        }
    }

    /// Waits until the batch is on disk.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub async fn kept(self) -> Result<Appended, StoreError> {
        self.0.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// A row of back-filled history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Where it came from, for messages: a line number.
    pub line: u32,
    /// The value.
    pub sample: Sample,
}

/// What became of back-filled rows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Merged {
    /// Rows taken over for times that had no sample.
    pub new: u64,
    /// Rows that were there already, with the same value.
    pub unchanged: u64,
    /// Rows that took the place of another value.
    pub replaced: u64,
    /// Rows left out, with their line and why.
    pub rejected: Vec<(u32, Rejection)>,
}

/// Why a back-filled row was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Another value is there.
    #[error("another value is stored for this time")]
    Different,
    /// The time is outside of what is kept.
    #[error("the time is not between 1970 and 2200")]
    Time,
    /// The samples of that hour were dropped; what is left of them cannot be merged with.
    #[error("the samples of that time were dropped already, only their summary is kept")]
    Dropped,
    /// The series is not in this file.
    #[error("the series is not known")]
    Series,
    /// What is stored there is damaged.
    #[error("what is stored for that hour is damaged")]
    Damaged,
}

/// Stored samples of one series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// Decimals of the points' numbers.
    pub decimals: Decimals,
    /// In order of time, each time once.
    pub points: Vec<Point>,
    /// Where the limit cut the span: ask again from here.
    pub next_ms: Option<i64>,
    /// Blocks in the span that cannot be read: their samples are missing here.
    pub damaged_blocks: u32,
}

/// A series as a chart needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Decimals of the numbers.
    pub decimals: Decimals,
    /// Length of one column, in ms; the last one may be cut by the end of the span.
    pub step_ms: i64,
    /// One for each column, those without samples too. Of quantities that are no counters, the first and last values
    /// are the means of the first and last stored step.
    pub columns: Vec<Summary>,
    /// Blocks in the span that cannot be read: their samples are missing here.
    pub damaged_blocks: u32,
}

/// How opening went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opened {
    /// There was no file; there is one now.
    New,
    /// The file is there and passed its checks.
    Existing,
    /// The file was damaged. It was put aside, untouched, and a new one was begun: an alarm shall say so.
    Damaged {
        /// Where the damaged file is now.
        copy: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Whether what comes in can be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saving {
    /// Batches are on disk as soon as they are acknowledged.
    Works,
    /// Nothing can be written: batches wait in memory, unacknowledged, and are tried again.
    Fails {
        /// Since when, in ms since 1970.
        since_ms: i64,
        /// What the system says: "database or disk is full".
        reason: String,
    },
}

/// How the store is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether what comes in can be kept.
    pub saving: Saving,
    /// Batches that wait in memory for a disk that takes them.
    pub buffered_batches: u64,
    /// Their size there, in bytes; at most [`super::MAX_BUFFER_BYTES`].
    pub buffered_bytes: u64,
    /// Batches that were turned away because no more could wait, since the start.
    pub refused_batches: u64,
    /// Samples that differ from what was stored for their time and were left out, since the start.
    pub conflicts: u64,
    /// Blocks that were found damaged, since the start; they are left as they are.
    pub damaged_blocks: u64,
    /// Where a damaged file was put aside, at the start or since.
    pub put_aside: Option<PathBuf>,
}

/// Why the store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is from a later version of this program.
    #[error("{path} is from a newer version of meterdeck (schema {found}, this version knows {known})")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that this program knows.
        known: i64,
    },
    /// The file is another program's.
    #[error("{0} is a database of another program")]
    Foreign(PathBuf),
    /// The SQLite library may damage files.
    #[error("SQLite {0} can damage files; at least 3.51.3 is needed")]
    Library(&'static str),
    /// The queue is full: the disk does not follow. Nothing of the batch was taken.
    #[error("the store's queue is full")]
    Full,
    /// A batch is larger than [`super::MAX_BATCH`].
    #[error("a batch of {0} samples is too large")]
    TooLarge(usize),
    /// The store has ended.
    #[error("the store is closed")]
    Closed,
    /// A series, or meter, is not in this file.
    #[error("no such series is stored")]
    UnknownSeries,
    /// A copy did not pass its check.
    #[error("{path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the check says.
        reason: String,
    },
    /// A block does not read back.
    #[error("{0}")]
    Block(#[from] super::bytes::Damage),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// SQLite says no.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The schema could not be brought up to date.
    #[error("database schema: {0}")]
    Schema(#[from] rusqlite_migration::Error),
}
