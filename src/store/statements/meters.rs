//! Meters of statements: their numbers, keys and names.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{Clusters, MeterNumber, NamedMeter};
use crate::{
    domain::duplicate::{MeterKey, MeterMap, UtilityMeter},
    store::{Store, StoreError},
};

/// Most meters whose numbers are held in memory during an import.
const MAX_KNOWN: usize = 250_000;

/// Meters that get their numbers in one transaction.
const SLICE: usize = 2_000;

const BY_ID: i64 = 0;
const BY_NUMBER: i64 = 1;

/// Columns of a meter and whether its short name is another's too, from `utility_meter m`.
pub(super) const NAMED: &str = "m.key, m.short, m.kind, m.account,
    (SELECT count(*) FROM (SELECT 1 FROM utility_meter o WHERE o.short = m.short LIMIT 2)) > 1";

/// A meter from the columns [`NAMED`], which begin at `first`.
pub(super) fn named(row: &Row<'_>, first: usize) -> Result<NamedMeter, rusqlite::Error> {
    let (short, account): (String, String) = (row.get(first + 1)?, row.get(first + 3)?);
    let key = if row.get::<_, i64>(first + 2)? == BY_ID {
        MeterKey::Id(short.into())
    } else {
        MeterKey::Number { number: short.into(), account: Some(account).filter(|it| !it.is_empty()).map(Into::into) }
    };
    Ok(NamedMeter { number: MeterNumber(row.get(first)?), key, is_ambiguous: row.get(first + 4)? })
}

fn columns(key: &MeterKey) -> (&str, i64, &str) {
    match key {
        MeterKey::Id(id) => (id, BY_ID, ""),
        MeterKey::Number { number, account } => (number, BY_NUMBER, account.as_deref().unwrap_or_default()),
    }
}

/// Numbers of meters that an import has met.
#[derive(Debug, Default)]
pub(super) struct Known(HashMap<MeterKey, u32>);

impl Known {
    pub(super) fn get(&self, key: &MeterKey) -> Option<u32> {
        self.0.get(key).copied()
    }

    /// Makes sure that all these meters have numbers.
    pub(super) fn learn<'a>(
        &mut self,
        store: &Store,
        keys: impl Iterator<Item = &'a MeterKey> + Clone,
    ) -> Result<(), StoreError> {
        let mut wanted: BTreeSet<&MeterKey> = keys.clone().filter(|key| !self.0.contains_key(*key)).collect();
        if self.0.len() + wanted.len() > MAX_KNOWN {
            self.0.clear();
            wanted = keys.collect();
        }
        let wanted: Vec<MeterKey> = wanted.into_iter().cloned().collect();
        let mut missing = Vec::new();
        for slice in wanted.chunks(SLICE) {
            let found = store
                .read(|connection| slice.iter().map(|key| find(connection, key)).collect::<Result<Vec<_>, _>>())?;
            for (key, number) in slice.iter().zip(found) {
                match number {
                    Some(number) => drop(self.0.insert(key.clone(), number)),
                    None => missing.push(key.clone()),
                }
            }
        }
        for slice in missing.chunks(SLICE) {
            let keys = slice.to_vec();
            let numbers = store.write(move |transaction| {
                let sql = "INSERT INTO utility_meter (short, kind, account) VALUES (?, ?, ?)";
                let mut insert = transaction.prepare_cached(sql)?;
                keys.iter().map(|key| insert.insert(columns(key))).collect::<Result<Vec<_>, _>>()
            })?;
            let numbers = numbers.into_iter().map(|number| u32::try_from(number).unwrap_or(u32::MAX));
            self.0.extend(slice.iter().cloned().zip(numbers));
        }
        Ok(())
    }
}

fn find(connection: &Connection, key: &MeterKey) -> Result<Option<u32>, rusqlite::Error> {
    let sql = "SELECT key FROM utility_meter WHERE short = ? AND kind = ? AND account = ?";
    connection.prepare_cached(sql)?.query_row(columns(key), |row| row.get(0)).optional()
}

impl Store {
    /// The meters that a name stands for: a meterId, a meterNumber, or `meterNumber/account`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn utility_meters(&self, name: &str) -> Result<Vec<NamedMeter>, StoreError> {
        self.read(|connection| by_name(connection, name))
    }

    /// The meter with a number.
    ///
    /// # Errors
    /// What the disk says.
    pub fn utility_meter(&self, number: MeterNumber) -> Result<Option<NamedMeter>, StoreError> {
        let sql = format!("SELECT {NAMED} FROM utility_meter m WHERE m.key = ?");
        self.read(|connection| connection.prepare_cached(&sql)?.query_row([number.0], |row| named(row, 0)).optional())
    }

    /// Which keys of statements belong to which meters of the site; `names` are those that the site file has for them.
    ///
    /// # Errors
    /// What the disk says.
    pub fn utility_clusters<'a>(
        &self,
        map: &MeterMap,
        names: impl Iterator<Item = &'a String>,
    ) -> Result<Clusters, StoreError> {
        let found = self.read(|connection| {
            let mut found = Vec::new();
            for name in names {
                found.extend(by_name(connection, name)?);
            }
            Ok(found)
        })?;
        let mut clusters = Clusters::default();
        let mut meters: HashMap<UtilityMeter, BTreeSet<MeterNumber>> = HashMap::new();
        for meter in found {
            if let mapped @ UtilityMeter::Mapped(_) = map.meter(&meter.key) {
                meters.entry(mapped).or_default().insert(meter.number);
            }
        }
        for (meter, numbers) in meters {
            let Some(first) = numbers.first().copied() else { continue };
            clusters.mapped.extend(numbers.iter().map(|number| (*number, (first, meter.clone()))));
            clusters.members.insert(first, numbers.into_iter().collect());
        }
        Ok(clusters)
    }
}

fn by_name(connection: &Connection, name: &str) -> Result<Vec<NamedMeter>, rusqlite::Error> {
    let sql = format!("SELECT {NAMED} FROM utility_meter m WHERE m.short = ? ORDER BY m.kind, m.account LIMIT 100");
    let mut query = connection.prepare_cached(&sql)?;
    let mut found: Vec<NamedMeter> = query.query_map([name], |row| named(row, 0))?.collect::<Result<_, _>>()?;
    if let (true, Some((number, account))) = (found.is_empty(), name.rsplit_once('/')) {
        let sql = format!("SELECT {NAMED} FROM utility_meter m WHERE m.short = ? AND m.kind = ? AND m.account = ?");
        let mut query = connection.prepare_cached(&sql)?;
        let rows = query.query_map(params![number, BY_NUMBER, account], |row| named(row, 0))?;
        found = rows.collect::<Result<_, _>>()?;
    }
    Ok(found)
}
