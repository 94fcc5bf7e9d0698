//! How the writer begins, what it does when the disk takes nothing, and when the file turns out to be damaged.

use std::{
    collections::VecDeque,
    path::Path,
    rc::Rc,
    sync::{Arc, PoisonError},
    time::{Instant, SystemTime},
};

use rusqlite::{Connection, ErrorCode};

use super::{
    super::{
        catalogue::Series as Catalogue,
        file::{self, is_damage},
        hot::{HotCoder, HotSample},
        shared::Shared,
        types::{Opened, Saving, SeriesInfo, SeriesKey, SeriesSpec, StoreError},
    },
    Pending, RETRY, Writer, blocks,
};
use crate::domain::{ids::MeterId, quantity::Quantity, sample::Decimals, unit::Unit};

/// Meters have numbers of 24 bits.
const MAX_METERS: u32 = 1 << 24;

/// Series have numbers up to this, so that lists by number stay small.
const MAX_SERIES: u32 = 1 << 24;

impl Writer {
    /// Opens the file in a folder and takes its newest samples into memory.
    pub(in super::super) fn open(dir: &Path) -> Result<(Self, Arc<Shared>, Opened), StoreError> {
        let (connection, path, opened) = file::open(dir)?;
        let put_aside = match &opened {
            Opened::Damaged { copy, .. } => Some(copy.clone()),
            _ => None,
        };
        let catalogue = read_catalogue(&connection)?;
        let shared = Arc::new(Shared::new(path, catalogue, put_aside));
        let mut writer = Self {
            connection: Rc::new(connection),
            shared: Arc::clone(&shared),
            series: Vec::new(),
            coder: HotCoder::default(),
            reader: HotCoder::default(),
            pending: VecDeque::new(),
            next_row: 1,
            slot: None,
            now_ms: 0,
            cut_row: None,
            compaction: None,
            is_compact: false,
            settle: false,
            jobs: VecDeque::new(),
            retry_at: None,
            log_bytes: std::cell::Cell::default(),
        };
        writer.list_series();
        writer.read_newest()?;
        let damaged = writer.replay()?;
        shared.health().damaged_blocks += damaged;
        let tail = shared.tail.read().unwrap_or_else(PoisonError::into_inner);
        writer.now_ms = tail.newest.iter().flatten().map(|sample| sample.at_ms).max().unwrap_or(0);
        // What was replayed is sealed with the first batch of a later span.
        writer.slot = (!tail.open.is_empty()).then(|| writer.now_ms.div_euclid(super::SLOT_MS));
        drop(tail);
        Ok((writer, shared, opened))
    }

    fn list_series(&mut self) {
        self.series.clear();
        for info in self.shared.catalogue().iter() {
            let place = info.key.0 as usize;
            if place >= self.series.len() {
                self.series.resize(place + 1, None);
            }
            if let Some(series) = self.series.get_mut(place) {
                *series = Some((info.meter_key, info.decimals));
            }
        }
    }

    fn read_newest(&mut self) -> Result<(), StoreError> {
        let Some(block) = blocks::read(&self.connection, "newest", 1)? else { return Ok(()) };
        let max_series = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        match HotCoder::default().read(&block, max_series) {
            Ok(samples) => {
                let mut tail = self.shared.tail.write().unwrap_or_else(PoisonError::into_inner);
                for sample in samples {
                    tail.note_newest(sample);
                }
            }
            Err(damage) => {
                tracing::error!("the newest samples: {damage}");
                self.shared.health().damaged_blocks += 1;
            }
        }
        Ok(())
    }

    /// Adds series; those that are there get finer decimals where they are asked to.
    pub(super) fn declare(&mut self, specs: Vec<SeriesSpec>) -> Result<Vec<SeriesKey>, StoreError> {
        let mut catalogue = Catalogue::clone(&self.shared.catalogue());
        let mut keys = Vec::with_capacity(specs.len());
        let mut finer = Vec::new();
        let mut new = Vec::new();
        for spec in specs {
            if let Some(info) = catalogue.find(&spec.meter, &spec.quantity) {
                if spec.decimals > info.decimals {
                    finer.push((info.key.0, spec.decimals));
                }
                keys.push(info.key);
                continue;
            }
            let meter_key = catalogue.meter_key(&spec.meter).unwrap_or_else(|| catalogue.next_meter_key());
            let key = SeriesKey(catalogue.next_key());
            if meter_key >= MAX_METERS || key.0 >= MAX_SERIES {
                return Err(StoreError::TooLarge(key.0 as usize));
            }
            let SeriesSpec { meter, quantity, unit, decimals } = spec;
            let info = SeriesInfo { key, meter_key, meter, quantity, unit, decimals };
            catalogue.insert(info.clone());
            new.push(info);
            keys.push(key);
        }
        if !new.is_empty() {
            self.insert_series(&new)?;
            *self.shared.catalogue.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalogue);
            self.list_series();
        }
        if !finer.is_empty() {
            self.refine(&finer)?;
        }
        Ok(keys)
    }

    fn insert_series(&self, new: &[SeriesInfo]) -> Result<(), StoreError> {
        self.write(|transaction| {
            for info in new {
                transaction
                    .prepare_cached("INSERT INTO meter (key, id) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
                    .execute((info.meter_key, info.meter.as_str()))?;
                transaction
                    .prepare_cached(
                        "INSERT INTO series (key, meter, quantity, unit, decimals) VALUES (?1, ?2, ?3, ?4, ?5)",
                    )?
                    .execute((
                        info.key.0,
                        info.meter_key,
                        info.quantity.toml_name(),
                        info.unit.symbol(),
                        info.decimals.count(),
                    ))?;
            }
            Ok(())
        })
    }

    /// Gives series more decimals. What is in memory and in hot rows has the old ones, so it is sealed first: chunks keep
    /// their own.
    pub(super) fn refine(&mut self, finer: &[(u32, Decimals)]) -> Result<(), StoreError> {
        self.flush();
        if !self.pending.is_empty() {
            return Err(StoreError::Full);
        }
        self.seal_all()?;
        let mut catalogue = Catalogue::clone(&self.shared.catalogue());
        let mut newest: Vec<HotSample> = Vec::new();
        for (series, decimals) in finer {
            let Some(mut info) = catalogue.by_number(*series).cloned() else { continue };
            if *decimals <= info.decimals {
                continue;
            }
            let tail = self.shared.tail.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(Some(sample)) = tail.newest.get(*series as usize) {
                newest.retain(|other| other.series != *series);
                newest.push(HotSample { number: info.decimals.refine(sample.number, *decimals), ..*sample });
            }
            info.decimals = *decimals;
            catalogue.insert(info);
        }
        let row = self.newest_row_with(&newest)?;
        self.write(|transaction| {
            for (series, decimals) in finer {
                transaction
                    .prepare_cached("UPDATE series SET decimals = max(decimals, ?2) WHERE key = ?1")?
                    .execute((series, decimals.count()))?;
            }
            blocks::write(transaction, "newest", 1, &row)
        })?;
        *self.shared.catalogue.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(catalogue);
        self.list_series();
        let mut tail = self.shared.tail.write().unwrap_or_else(PoisonError::into_inner);
        for sample in newest {
            if let Some(place) = tail.newest.get_mut(sample.series as usize) {
                *place = Some(sample);
            }
        }
        Ok(())
    }

    /// Something could not be written: tried again in a while, on a new connection, or in a new file if this one is damaged.
    pub(super) fn fail(&mut self, error: &StoreError) {
        self.retry_at = Some(Instant::now() + RETRY);
        {
            let mut health = self.shared.health();
            let since_ms = match health.saving {
                Saving::Works => now_ms(),
                Saving::Fails { since_ms, .. } => since_ms,
            };
            if health.saving == Saving::Works {
                tracing::error!("samples cannot be saved: {error}");
            }
            health.saving = Saving::Fails { since_ms, reason: error.to_string() };
            health.buffered_batches = self.pending.len() as u64;
        }
        let StoreError::Database(error) = error else { return };
        let renewed = if is_damage(error) {
            self.begin_anew()
        } else if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure) {
            // After a failed sync nobody knows which pages are on disk but SQLite, when it reads them again.
            file::reopen(&self.shared.path).map(|connection| self.connection = Rc::new(connection))
        } else {
            Ok(())
        };
        if let Err(error) = renewed {
            tracing::error!("opening the file anew: {error}");
        }
    }

    pub(super) fn works(&mut self) {
        let mut health = self.shared.health();
        if health.saving != Saving::Works {
            health.saving = Saving::Works;
            tracing::info!("samples are saved again");
        }
    }

    /// Puts the damaged file aside and goes on in a new one, with the samples that are in memory.
    fn begin_anew(&mut self) -> Result<(), StoreError> {
        let copy = file::put_aside(&self.shared.path, "damaged")?;
        tracing::error!("the file is damaged; it was put aside as {}", copy.display());
        self.connection = Rc::new(file::reopen(&self.shared.path)?);
        self.shared.new_file();
        self.shared.health().put_aside = Some(copy);
        let series: Vec<_> = self.shared.catalogue().iter().cloned().collect();
        self.insert_series(&series)?;
        self.compaction = None;
        self.is_compact = false;
        self.pack_again();
        // What was acknowledged and not sealed is in the old file only.
        if self.cut_row.is_some() || !self.shared.tail.read().unwrap_or_else(PoisonError::into_inner).open.is_empty() {
            self.seal_all()?;
        }
        Ok(())
    }

    /// Packs what waits anew, as no row before it is in the new file.
    fn pack_again(&mut self) {
        let max_series = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let mut reader = self.reader.clone();
        self.coder.start_over();
        for pending in std::mem::take(&mut self.pending) {
            let packed = reader.read(&pending.block, max_series).and_then(|samples| self.coder.write(&samples));
            match packed {
                Ok(block) => self.pending.push_back(Pending { block, ..pending }),
                Err(damage) => drop(pending.answer.send(Err(damage.into()))),
            }
        }
    }
}

fn read_catalogue(connection: &Connection) -> Result<Catalogue, StoreError> {
    let mut catalogue = Catalogue::default();
    let mut statement = connection.prepare(
        "SELECT series.key, series.meter, meter.id, series.quantity, series.unit, series.decimals
         FROM series JOIN meter ON meter.key = series.meter ORDER BY series.key",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (id, quantity, unit): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
        let info = (|| {
            Some(SeriesInfo {
                key: SeriesKey(row.get::<_, u32>(0).ok().filter(|key| *key < MAX_SERIES)?),
                meter_key: row.get(1).ok()?,
                meter: MeterId::new(&id).ok()?,
                quantity: Quantity::parse(&quantity)?,
                unit: Unit::parse(&unit)?,
                decimals: Decimals::new(row.get(5).ok()?)?,
            })
        })();
        if let Some(info) = info {
            catalogue.insert(info);
        } else {
            tracing::error!("series {quantity} of meter {id} in {unit} is not understood and left alone");
        }
    }
    Ok(catalogue)
}

/// Now, in ms since 1970.
fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
