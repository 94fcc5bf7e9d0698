//! What the writer and its clients share: the newest samples, the list of series, the state, and connections to read with.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use rusqlite::{Connection, TransactionBehavior};

use super::{
    catalogue::Series as Catalogue,
    column::{Column, unmark},
    file::connect_reader,
    hot::HotSample,
    types::{Health, Saving, SeriesInfo, SeriesKey, StoreError},
    window::{MeterWindow, Window},
};
use crate::domain::{
    reading::State,
    sample::{Decimals, Point},
};

/// Connections to read with that stay open when they are not in use.
const IDLE_READERS: usize = 4;

/// Seen by the writer and all clients of one store.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) tail: RwLock<Tail>,
    pub(super) catalogue: RwLock<Arc<Catalogue>>,
    pub(super) health: Mutex<Health>,
    readers: Mutex<Readers>,
}

/// The samples that are not sealed yet, and the newest of each series.
#[derive(Debug, Default)]
pub(super) struct Tail {
    /// What still grows.
    pub(super) open: Window,
    /// What is being sealed; each meter leaves it when its block is on disk.
    pub(super) sealing: Window,
    /// By series.
    pub(super) newest: Vec<Option<HotSample>>,
}

#[derive(Debug, Default)]
struct Readers {
    /// Counts the files: connections to one that was put aside are not used again.
    file: u64,
    idle: Vec<Connection>,
}

impl Shared {
    pub(super) fn new(path: PathBuf, catalogue: Catalogue, put_aside: Option<PathBuf>) -> Self {
        let health = Health {
            saving: Saving::Works,
            buffered_batches: 0,
            buffered_bytes: 0,
            refused_batches: 0,
            conflicts: 0,
            damaged_blocks: 0,
            put_aside,
        };
        Self {
            path,
            tail: RwLock::default(),
            catalogue: RwLock::new(Arc::new(catalogue)),
            health: Mutex::new(health),
            readers: Mutex::default(),
        }
    }

    pub(super) fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.catalogue.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is not sealed yet of one meter: what is being sealed, then what still grows.
    pub(super) fn windows(&self, meter: u32) -> Vec<Arc<MeterWindow>> {
        let tail = self.tail.read().unwrap_or_else(PoisonError::into_inner);
        [&tail.sealing, &tail.open].into_iter().filter_map(|window| window.meter(meter)).collect()
    }

    /// What is not sealed yet of one series.
    pub(super) fn unsealed(&self, info: &SeriesInfo, from_ms: i64, to_ms: i64) -> Column {
        let mut column = Column::new(info.key.0, info.decimals);
        for window in self.windows(info.meter_key) {
            if let Some(part) = window.column(info.key.0, from_ms, to_ms) {
                column.merge(part, false, |_| ());
            }
        }
        column
    }

    /// The newest sample of every series that has one.
    pub(super) fn newest_all(&self) -> Vec<(SeriesKey, Point)> {
        let tail = self.tail.read().unwrap_or_else(PoisonError::into_inner);
        tail.newest.iter().flatten().map(|sample| (SeriesKey(sample.series), point(*sample))).collect()
    }

    /// Reads within one transaction; keep it below 250 ms, as the log cannot be emptied meanwhile.
    pub(super) fn read<T>(&self, job: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>) -> Result<T, StoreError> {
        let (file, idle) = {
            let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
            (readers.file, readers.idle.pop())
        };
        let connection = match idle {
            Some(connection) => connection,
            None => connect_reader(&self.path)?,
        };
        let transaction = rusqlite::Transaction::new_unchecked(&connection, TransactionBehavior::Deferred)?;
        let result = job(&transaction);
        drop(transaction);
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if readers.file == file && readers.idle.len() < IDLE_READERS {
            readers.idle.push(connection);
        }
        Ok(result?)
    }

    /// From now on, reads go to the new file of the same name.
    pub(super) fn new_file(&self) {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        readers.file += 1;
        readers.idle.clear();
    }
}

/// A hot sample as a point.
fn point(sample: HotSample) -> Point {
    let (state, has_number) = unmark(sample.mark).unwrap_or((State::Bad, false));
    Point { at_ms: sample.at_ms, number: has_number.then_some(sample.number), state }
}

impl Tail {
    /// Takes in one hot row's samples; `series` tells meter and decimals.
    pub(super) fn record(
        &mut self,
        samples: &[HotSample],
        series: impl Fn(u32) -> Option<(u32, Decimals)>,
    ) -> super::column::Counts {
        let mut counts = super::column::Counts::default();
        let decimals = |key| series(key).map_or_else(Decimals::default, |(_, decimals)| decimals);
        let place = |sample: &HotSample| (series(sample.series).map(|(meter, _)| meter), sample.at_ms);
        for record in samples.chunk_by(|one, other| place(one) == place(other)) {
            let Some((Some(meter), _)) = record.first().map(place) else { continue };
            counts.add(self.open.record(meter, record, decimals));
            for sample in record {
                self.note_newest(*sample);
            }
        }
        counts
    }

    pub(super) fn note_newest(&mut self, sample: HotSample) {
        let place = sample.series as usize;
        if place >= self.newest.len() {
            self.newest.resize(place + 1, None);
        }
        if let Some(newest) = self.newest.get_mut(place)
            && newest.is_none_or(|newest| newest.at_ms < sample.at_ms)
        {
            *newest = Some(sample);
        }
    }
}
