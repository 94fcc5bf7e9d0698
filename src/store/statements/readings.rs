//! Readings in the file, and those of a meter that are valid.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use jiff::civil::Date;
use rusqlite::{Connection, Row, Statement, params};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{MeterNumber, horizon};
use crate::domain::duplicate::{
    Candidate, ChargeStage, Classification, DeregulationStatus, MeterKey, Period, Provenance, Reading, ReadingId,
    StatementId, Usage, UsageUnit, date_of, day_number,
};

const DELIVERY_ONLY: u8 = 1;
const DISTRIBUTOR_STAGE: u8 = 2;
const MAIN: u8 = 4;
const ADDITIONAL: u8 = 8;

pub(super) const INSERT: &str = "INSERT INTO utility_reading
    (meter, id, part, account, start_day, end_day, usage, unit, marks, statement_day, expects, deregulation, excluded, pointer)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// Of a meter, what is below the horizon and whose place nothing later below it took.
const VALID: &str = "FROM utility_reading r WHERE r.meter = ?1 AND r.part < ?2
    AND NOT EXISTS (SELECT 1 FROM superseded_part s WHERE s.part = r.part AND s.later < ?2)";

/// What the readings of one account of a part share.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct PartAccount {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<Classification>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<ChargeStage>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub expects_duplicate: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde asks")]
fn is_false(value: &bool) -> bool {
    !value
}

impl From<&Reading> for PartAccount {
    fn from(reading: &Reading) -> Self {
        Self {
            number: reading.account.clone(),
            provider: reading.provider.clone(),
            classification: reading.classification.clone(),
            stages: reading.stages.clone(),
            expects_duplicate: reading.expects_duplicate,
        }
    }
}

impl PartAccount {
    /// Whether a reading stands in this account.
    pub(super) fn is_of(&self, reading: &Reading) -> bool {
        self.number == reading.account
            && self.provider == reading.provider
            && self.classification == reading.classification
            && self.stages == reading.stages
            && self.expects_duplicate == reading.expects_duplicate
    }
}

/// A reading with the numbers it gets in the file.
#[derive(Debug)]
pub(super) struct ReadingRow {
    pub meter: u32,
    pub part: i64,
    pub account: u32,
    pub reading: Reading,
}

impl ReadingRow {
    pub(super) fn insert(&self, insert: &mut Statement<'_>) -> Result<(), rusqlite::Error> {
        let reading = &self.reading;
        let bit = |condition, bit: u8| if condition { bit } else { 0 };
        let marks = bit(reading.deregulation == Some(DeregulationStatus::DeliveryOnly), DELIVERY_ONLY)
            | bit(reading.stages.iter().any(ChargeStage::is_distributor), DISTRIBUTOR_STAGE)
            | bit(reading.classification == Some(Classification::Main), MAIN)
            | bit(reading.classification == Some(Classification::Additional), ADDITIONAL);
        let expects = reading.statement.as_ref().filter(|_| reading.expects_duplicate).map(StatementId::as_str);
        let excluded = reading.excluded.as_ref().map(|excluded| serde_json::to_string(excluded).unwrap_or_default());
        insert.execute(params![
            self.meter,
            reading.id.as_bytes(),
            self.part,
            self.account,
            day_number(reading.period.start),
            day_number(reading.period.end),
            reading.usage.as_ref().map(|usage| usage.value().to_string()),
            reading.unit.symbol(),
            marks,
            reading.statement_date.map(day_number),
            expects,
            reading.deregulation.as_ref().map(DeregulationStatus::word),
            excluded,
            reading.source.pointer,
        ])?;
        Ok(())
    }
}

/// Units by their spelling, which are the same few again and again.
#[derive(Debug, Default)]
pub(super) struct Units(HashMap<String, UsageUnit>);

/// Most units that are held; statements have a dozen.
const MAX_UNITS: usize = 1000;

impl Units {
    fn get(&mut self, text: &str) -> UsageUnit {
        if let Some(unit) = self.0.get(text) {
            return unit.clone();
        }
        if self.0.len() >= MAX_UNITS {
            self.0.clear();
        }
        let unit = UsageUnit::parse(text);
        self.0.insert(text.to_owned(), unit.clone());
        unit
    }
}

/// The readings of one key that may count, each once.
pub(super) fn candidates(
    connection: &Connection,
    meter: MeterNumber,
    units: &mut Units,
    into: &mut Vec<Candidate>,
) -> Result<(), rusqlite::Error> {
    let sql = format!(
        "SELECT r.id, r.start_day, r.end_day, r.usage, r.unit, r.marks, r.statement_day, r.expects {VALID}
         AND r.excluded IS NULL"
    );
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query(params![meter.0, horizon(connection)?])?;
    while let Some(row) = rows.next()? {
        into.push(candidate(row, units)?);
    }
    Ok(())
}

fn candidate(row: &Row<'_>, units: &mut Units) -> Result<Candidate, rusqlite::Error> {
    let unit = units.get(row.get_ref(4)?.as_str()?);
    let marks: u8 = row.get(5)?;
    let has = |bit: u8| marks & bit != 0;
    Ok(Candidate {
        id: id(row, 0)?,
        period: Period { start: day(row, 1)?, end: day(row, 2)? },
        usage: usage(row, 3, &unit)?,
        unit,
        classification: match (has(MAIN), has(ADDITIONAL)) {
            (true, _) => Some(Classification::Main),
            (_, true) => Some(Classification::Additional),
            _ => None,
        },
        is_delivery_only: has(DELIVERY_ONLY),
        has_distributor_stage: has(DISTRIBUTOR_STAGE),
        statement_date: row.get::<_, Option<i32>>(6)?.map(date_of),
        expects_duplicate: row.get_ref(7)?.as_str_or_null()?.map(StatementId::new),
    })
}

pub(super) fn id(row: &Row<'_>, column: usize) -> Result<ReadingId, rusqlite::Error> {
    ReadingId::from_bytes(row.get_ref(column)?.as_blob()?)
        .map_err(|bad| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(bad)))
}

fn day(row: &Row<'_>, column: usize) -> Result<Date, rusqlite::Error> {
    Ok(date_of(row.get(column)?))
}

fn usage(row: &Row<'_>, column: usize, unit: &UsageUnit) -> Result<Option<Usage>, rusqlite::Error> {
    let Some(text) = row.get_ref(column)?.as_str_or_null()? else { return Ok(None) };
    let wrong = |error: Box<dyn std::error::Error + Send + Sync>| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error)
    };
    let value: Decimal = text.parse().map_err(|bad| wrong(Box::new(bad)))?;
    Usage::new(value, unit.clone()).map(Some).map_err(|bad| wrong(Box::new(bad)))
}

/// The readings of a key with all that is known about them; `excluded` ones where they are asked for.
pub(super) fn readings(
    connection: &Connection,
    meter: MeterNumber,
    key: &MeterKey,
    which: Which,
) -> Result<Vec<Reading>, rusqlite::Error> {
    let condition = match which {
        Which::Counting => "AND r.excluded IS NULL",
        Which::Excluded => "AND r.excluded IS NOT NULL",
        Which::All => "",
    };
    let sql = format!("SELECT {COLUMNS} {VALID} {condition} ORDER BY r.start_day, r.end_day, r.id");
    let mut query = connection.prepare_cached(&sql)?;
    let mut rows = query.query(params![meter.0, horizon(connection)?])?;
    let mut readings = Vec::new();
    let mut parts = Parts::default();
    while let Some(row) = rows.next()? {
        readings.push(reading(connection, row, key, &mut parts)?);
    }
    Ok(readings)
}

/// Which readings are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Those that may count.
    Counting,
    /// Those that never count.
    Excluded,
    /// Both.
    All,
}

/// The columns that [`reading`] reads.
pub(super) const COLUMNS: &str = "r.id, r.start_day, r.end_day, r.usage, r.unit, r.part, r.account, r.statement_day,
    r.deregulation, r.excluded, r.pointer";

/// What readings of one part share.
#[derive(Debug, Clone)]
pub(super) struct PartHead {
    pub statement: Option<StatementId>,
    pub accounts: Vec<PartAccount>,
    pub file: Arc<str>,
    pub sha256: Arc<str>,
}

/// Parts that were looked up.
pub(super) type Parts = HashMap<i64, PartHead>;

pub(super) fn reading(
    connection: &Connection,
    row: &Row<'_>,
    key: &MeterKey,
    parts: &mut Parts,
) -> Result<Reading, rusqlite::Error> {
    let part: i64 = row.get(5)?;
    let head = match parts.entry(part) {
        Entry::Occupied(known) => known.get().clone(),
        Entry::Vacant(vacant) => vacant.insert(part_head(connection, part)?).clone(),
    };
    let account = head.accounts.get(row.get::<_, u32>(6)? as usize).cloned().unwrap_or_default();
    let unit = UsageUnit::parse(row.get_ref(4)?.as_str()?);
    let excluded = row.get_ref(9)?.as_str_or_null()?;
    Ok(Reading {
        id: id(row, 0)?,
        meter: key.clone(),
        period: Period { start: day(row, 1)?, end: day(row, 2)? },
        usage: usage(row, 3, &unit)?,
        unit,
        statement: head.statement,
        statement_date: row.get::<_, Option<i32>>(7)?.map(date_of),
        account: account.number,
        provider: account.provider,
        classification: account.classification,
        deregulation: row.get_ref(8)?.as_str_or_null()?.map(DeregulationStatus::parse),
        stages: account.stages,
        excluded: excluded.and_then(|excluded| serde_json::from_str(excluded).ok()),
        expects_duplicate: account.expects_duplicate,
        source: Provenance { file: head.file, sha256: head.sha256, pointer: row.get(10)? },
    })
}

pub(super) fn part_head(connection: &Connection, part: i64) -> Result<PartHead, rusqlite::Error> {
    let sql = "SELECT p.statement, p.accounts, i.file, i.sha256 FROM statement_part p
               JOIN statement_import i ON i.key = p.import WHERE p.key = ?";
    connection.prepare_cached(sql)?.query_row([part], |row| {
        Ok(PartHead {
            statement: row.get_ref(0)?.as_str_or_null()?.map(StatementId::new),
            accounts: serde_json::from_str(row.get_ref(1)?.as_str()?).unwrap_or_default(),
            file: row.get::<_, String>(2)?.into(),
            sha256: row.get::<_, String>(3)?.into(),
        })
    })
}
