//! A document as it came in: its accounts and their readings.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    MeterNumber, NamedMeter, horizon,
    import::unpacked,
    meters::{NAMED, named},
    readings::{COLUMNS, PartAccount, Parts, part_head, reading},
};
use crate::{
    domain::duplicate::{ChargeStage, Classification, Reading, ReadingId},
    store::{Store, StoreError},
};

/// Most parts of a document that are read, and most readings of each.
const MAX_PARTS: usize = 100;
const MAX_READINGS: usize = 1_000;

/// A document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDocument {
    /// Name of the file.
    pub file: String,
    /// When it was imported.
    pub imported_at: Timestamp,
    /// Who imported it.
    pub imported_by: String,
    /// A later one took the place of the reading's part.
    pub is_superseded: bool,
    /// Its accounts.
    pub accounts: Vec<DocumentAccount>,
}

/// An account on a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentAccount {
    /// Its number.
    pub number: Option<String>,
    /// Name of its main provider, else of its first.
    pub provider: Option<String>,
    /// What that is.
    pub classification: Option<Classification>,
    /// The stages of its charges.
    pub stages: Vec<ChargeStage>,
    /// Its readings.
    pub readings: Vec<(NamedMeter, Reading)>,
}

impl Store {
    /// The document on which a reading of a meter stands, the valid one where there are several.
    ///
    /// # Errors
    /// What the disk says.
    pub fn statement_document(
        &self,
        keys: &[MeterNumber],
        reading: ReadingId,
    ) -> Result<Option<StoredDocument>, StoreError> {
        self.read(|connection| {
            for key in keys {
                if let Some(part) = part_of(connection, *key, reading)? {
                    return document(connection, part).map(Some);
                }
            }
            Ok(None)
        })
    }
}

/// The part that holds a reading, and whether a later one took its place; valid ones first.
fn part_of(
    connection: &Connection,
    meter: MeterNumber,
    reading: ReadingId,
) -> Result<Option<(i64, bool)>, rusqlite::Error> {
    let sql = "SELECT r.part, EXISTS (SELECT 1 FROM superseded_part s WHERE s.part = r.part AND s.later < ?3) AS late
               FROM utility_reading r WHERE r.meter = ?1 AND r.id = ?2 AND r.part < ?3 ORDER BY late, r.part DESC LIMIT 1";
    let row = params![meter.0, reading.as_bytes(), horizon(connection)?];
    connection.prepare_cached(sql)?.query_row(row, |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

fn document(connection: &Connection, (part, is_superseded): (i64, bool)) -> Result<StoredDocument, rusqlite::Error> {
    let sql = "SELECT i.file, i.at, i.who, p.import, p.document, p.place FROM statement_part p
               JOIN statement_import i ON i.key = p.import WHERE p.key = ?";
    let (mut found, import, document, place) = connection.prepare_cached(sql)?.query_row([part], |row| {
        let found = StoredDocument {
            file: row.get(0)?,
            imported_at: Timestamp::from_millisecond(row.get(1)?).unwrap_or_default(),
            imported_by: row.get(2)?,
            is_superseded,
            accounts: Vec::new(),
        };
        Ok((found, row.get::<_, i64>(3)?, row.get::<_, Vec<u8>>(4)?, row.get::<_, i64>(5)?))
    })?;
    // The parts of a document have numbers near each other, as they came in together.
    let near = i64::try_from(MAX_PARTS).unwrap_or(i64::MAX);
    let sql = "SELECT key, members FROM statement_part
               WHERE key BETWEEN ? AND ? AND import = ? AND document = ? AND place = ? ORDER BY key";
    let mut query = connection.prepare_cached(sql)?;
    let parts = query.query_map(params![part - near, part + near, import, document, place], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    let mut heads = Parts::new();
    for row in parts {
        let (part, members) = row?;
        found.accounts.extend(accounts(connection, part, &members, &mut heads)?);
    }
    Ok(found)
}

fn accounts(
    connection: &Connection,
    part: i64,
    members: &[u8],
    heads: &mut Parts,
) -> Result<Vec<DocumentAccount>, rusqlite::Error> {
    let blank = |account: PartAccount| DocumentAccount {
        number: account.number,
        provider: account.provider,
        classification: account.classification,
        stages: account.stages,
        readings: Vec::new(),
    };
    let mut accounts: Vec<DocumentAccount> = part_head(connection, part)?.accounts.into_iter().map(blank).collect();
    let sql = format!(
        "SELECT {COLUMNS}, {NAMED} FROM utility_reading r JOIN utility_meter m ON m.key = r.meter
         WHERE r.meter = ? AND r.id = ? AND r.part = ?"
    );
    let mut query = connection.prepare_cached(&sql)?;
    for (meter, id) in unpacked(members).into_iter().take(MAX_READINGS) {
        let mut rows = query.query(params![meter, id.as_bytes(), part])?;
        if let Some(row) = rows.next()? {
            let meter = named(row, 11)?;
            let reading = reading(connection, row, &meter.key, heads)?;
            let account: u32 = row.get(6)?;
            if let Some(account) = accounts.get_mut(account as usize) {
                account.readings.push((meter, reading));
            }
        }
    }
    Ok(accounts)
}
