//! Technicians' records in the file: only ever added to, as its triggers hold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Store, StoreError};
use crate::domain::{
    ids::MeterId,
    record::{Entry, Record},
};

/// A record before it has its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// Of which meter.
    pub meter: MeterId,
    /// When it is written; kept to the millisecond.
    pub at: Timestamp,
    /// Who writes it.
    pub who: String,
    /// What it says.
    pub entry: Entry,
    /// What was so before.
    pub before: Option<String>,
    /// What the site file says about the same thing.
    pub configured: Option<String>,
}

const COLUMNS: &str = "sequence, meter, at, who, entry, before, configured";

impl Store {
    /// Adds a record, in the state in which it is read back.
    ///
    /// # Errors
    /// What the disk says; then nothing was written.
    pub fn add_record(&self, record: NewRecord) -> Result<Record, StoreError> {
        let NewRecord { meter, at, who, entry, before, configured } = record;
        let at_ms = at.as_millisecond();
        let kept = (meter.clone(), who.clone(), before.clone(), configured.clone());
        let said = serde_json::to_string(&entry).unwrap_or_default();
        let sequence = self.write(move |transaction| {
            let (meter, who, before, configured) = kept;
            transaction
                .prepare_cached(
                    "INSERT INTO record (meter, at, who, entry, before, configured) VALUES (?, ?, ?, ?, ?, ?)",
                )?
                .insert(params![meter.as_str(), at_ms, who, said, before, configured])
        })?;
        let at = Timestamp::from_millisecond(at_ms).unwrap_or(at);
        Ok(Record { sequence: sequence.unsigned_abs(), meter, at, who, entry, before, configured })
    }

    /// A meter's records, oldest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn records(&self, meter: &MeterId) -> Result<Vec<Record>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM record WHERE meter = ? ORDER BY sequence");
        self.read(|connection| read(connection, &sql, [meter.as_str()]))
    }

    /// The records of all meters, oldest first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn all_records(&self) -> Result<BTreeMap<MeterId, Vec<Record>>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM record ORDER BY sequence");
        let mut by_meter: BTreeMap<MeterId, Vec<Record>> = BTreeMap::new();
        for record in self.read(|connection| read(connection, &sql, []))? {
            by_meter.entry(record.meter.clone()).or_default().push(record);
        }
        Ok(by_meter)
    }
}

/// Records that this version cannot read (of a later one) are left out, and the log says so.
fn read(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<Vec<Record>, rusqlite::Error> {
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query(parameters)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let sequence: i64 = row.get(0)?;
        let (meter, at, entry): (String, i64, String) = (row.get(1)?, row.get(2)?, row.get(4)?);
        let meter = MeterId::new(&meter).ok();
        let (at, entry) = (Timestamp::from_millisecond(at).ok(), serde_json::from_str(&entry).ok());
        let (Some(meter), Some(at), Some(entry)) = (meter, at, entry) else {
            tracing::error!("record {sequence} cannot be read");
            continue;
        };
        records.push(Record {
            sequence: sequence.unsigned_abs(),
            meter,
            at,
            who: row.get(3)?,
            entry,
            before: row.get(5)?,
            configured: row.get(6)?,
        });
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_in_order_and_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        let record = |meter: &str, text: &str| NewRecord {
            meter: MeterId::new(meter).unwrap(),
            at: "2026-01-02T03:04:05.678901Z".parse().unwrap(),
            who: "ada".into(),
            entry: Entry::Note { text: text.into() },
            before: None,
            configured: None,
        };
        let first = store.add_record(record("a", "one")).unwrap();
        store.add_record(record("b", "two")).unwrap();
        let third = store.add_record(record("a", "three")).unwrap();
        assert_eq!(first.at.to_string(), "2026-01-02T03:04:05.678Z");
        assert_eq!(store.records(&first.meter).unwrap(), [first, third]);
        assert_eq!(store.all_records().unwrap().len(), 2);
        for sql in ["UPDATE record SET who = 'eve'", "DELETE FROM record"] {
            let error = store.write(move |transaction| transaction.execute(sql, [])).unwrap_err();
            assert!(error.to_string().contains("records are only added"), "{error}");
        }
    }
}
