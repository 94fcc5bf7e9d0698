//! How each meter stands: its valid readings, grouped and decided, and the queue of groups and overlaps.

use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};

use super::{
    Clusters, MeterNumber, NamedMeter, codec,
    meters::{NAMED, named},
    readings::{self, Units, Which},
};
use crate::{
    domain::duplicate::{
        Assessment, Candidate, Finding, FindingKind, GroupId, Reading, Rule, Standing, Status, date_of, day_number,
    },
    store::{Store, StoreError},
};

/// Meters that are written in one transaction: about 10 ms.
const SLICE: usize = 1_000;

/// A meter as it is to be kept.
#[derive(Debug, Clone)]
pub struct Assessed {
    /// Its first key.
    pub meter: MeterNumber,
    /// All of its keys.
    pub keys: Vec<MeterNumber>,
    /// The site file maps it.
    pub is_mapped: bool,
    /// It is no longer stale then; false while an import is under way, of which nothing is known yet.
    pub is_up_to_date: bool,
    body: Option<Vec<u8>>,
    findings: Vec<FindingRow>,
}

/// A group or an overlap in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingRow {
    /// Of which meter.
    pub meter: MeterNumber,
    /// Start of its period.
    pub start: Date,
    /// Its id.
    pub id: GroupId,
    /// What it is.
    pub kind: FindingKind,
    /// How it stands.
    pub status: Status,
    /// By which rule.
    pub rule: Option<Rule>,
    /// Somebody put it off.
    pub is_deferred: bool,
    /// Who decided.
    pub who: Option<String>,
}

impl FindingRow {
    fn of(meter: MeterNumber, finding: &Finding, who: impl Fn(u64) -> Option<String>) -> Self {
        let decision = if let Standing::Decided { decision, .. } = finding.standing { Some(decision) } else { None };
        Self {
            meter,
            start: finding.period.start,
            id: finding.id,
            kind: finding.kind,
            status: finding.standing.status(),
            rule: finding.standing.rule(),
            is_deferred: matches!(finding.standing, Standing::Open { deferred: Some(_), .. }),
            who: decision.and_then(who),
        }
    }

    fn insert(&self, transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
        let sql = "INSERT OR REPLACE INTO utility_finding (meter, start_day, id, kind, status, rule, deferred, who)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        transaction.prepare_cached(sql)?.execute(params![
            self.meter.0,
            day_number(self.start),
            self.id.as_bytes(),
            i64::from(self.kind == FindingKind::Overlap),
            i64::from(self.status == Status::Resolved),
            self.rule.map(Rule::word),
            self.is_deferred,
            self.who,
        ])?;
        Ok(())
    }
}

fn finding_row(row: &Row<'_>) -> Result<FindingRow, rusqlite::Error> {
    let rule = row.get_ref(5)?.as_str_or_null()?;
    Ok(FindingRow {
        meter: MeterNumber(row.get(0)?),
        start: date_of(row.get(1)?),
        id: GroupId::from_bytes(row.get_ref(2)?.as_blob()?)
            .map_err(|bad| rusqlite::Error::FromSqlConversionFailure(2, rusqlite::types::Type::Blob, Box::new(bad)))?,
        kind: if row.get::<_, i64>(3)? == 0 { FindingKind::Duplicate } else { FindingKind::Overlap },
        status: if row.get::<_, i64>(4)? == 0 { Status::Review } else { Status::Resolved },
        rule: rule.and_then(|rule| Rule::ALL.iter().copied().find(|known| known.word() == rule)),
        is_deferred: row.get(6)?,
        who: row.get(7)?,
    })
}

const FINDING: &str = "meter, start_day, id, kind, status, rule, deferred, who";

impl Assessed {
    /// A meter with its readings, grouped and decided; `who` names the person of a decision.
    pub fn new(
        keys: Vec<MeterNumber>,
        is_mapped: bool,
        candidates: &[Candidate],
        assessment: &Assessment,
        findings: &[Finding],
        who: impl Fn(u64) -> Option<String>,
    ) -> Self {
        let meter = keys.first().copied().unwrap_or(MeterNumber(0));
        let body = (!candidates.is_empty()).then(|| codec::encode(candidates, assessment));
        let findings = findings.iter().map(|finding| FindingRow::of(meter, finding, &who)).collect();
        Self { meter, keys, is_mapped, is_up_to_date: true, body, findings }
    }

    pub(super) fn write(&self, transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
        for key in &self.keys {
            transaction.prepare_cached("DELETE FROM utility_finding WHERE meter = ?")?.execute([key.0])?;
            if self.is_up_to_date {
                transaction.prepare_cached("DELETE FROM stale_meter WHERE meter = ?")?.execute([key.0])?;
            }
            if self.body.is_none() || *key != self.meter {
                transaction.prepare_cached("DELETE FROM assessed_meter WHERE meter = ?")?.execute([key.0])?;
            }
        }
        if let Some(body) = &self.body {
            let sql = "INSERT OR REPLACE INTO assessed_meter (meter, mapped, body) VALUES (?, ?, ?)";
            transaction.prepare_cached(sql)?.execute(params![self.meter.0, self.is_mapped, body])?;
        }
        self.findings.iter().try_for_each(|finding| finding.insert(transaction))
    }
}

/// How many groups and overlaps stand the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// What they are.
    pub kind: FindingKind,
    /// How they stand.
    pub status: Status,
    /// By which rule.
    pub rule: Option<Rule>,
    /// Somebody put them off.
    pub is_deferred: bool,
    /// Who decided.
    pub who: Option<String>,
    /// How many.
    pub count: u64,
}

/// A place in the queue: meter, start of the period, id.
pub type Place = (MeterNumber, Date, GroupId);

impl Store {
    /// Meters whose derived tables are behind, at most `limit`, from `after` on.
    ///
    /// # Errors
    /// What the disk says.
    pub fn stale_meters(&self, after: Option<MeterNumber>, limit: u32) -> Result<Vec<MeterNumber>, StoreError> {
        let sql = "SELECT meter FROM stale_meter WHERE meter > ? ORDER BY meter LIMIT ?";
        let after = after.map_or(-1, |after| i64::from(after.0));
        self.read(|connection| {
            let mut query = connection.prepare_cached(sql)?;
            query.query_map(params![after, limit], |row| row.get(0).map(MeterNumber))?.collect()
        })
    }

    /// Notes that the derived tables of these meters, and of all that the site file mapped before, are behind.
    ///
    /// # Errors
    /// What the disk says.
    pub fn mark_mapped_stale(&self, clusters: &Clusters) -> Result<(), StoreError> {
        let now: Vec<u32> = clusters.mapped.keys().map(|number| number.0).collect();
        let was = "SELECT 1 FROM assessed_meter WHERE mapped = 1 LIMIT 1";
        if now.is_empty() && !self.read(|connection| connection.prepare_cached(was)?.exists([]))? {
            return Ok(());
        }
        self.write(move |transaction| {
            transaction.execute(
                "INSERT OR IGNORE INTO stale_meter (meter) SELECT meter FROM assessed_meter WHERE mapped = 1",
                [],
            )?;
            let mut insert = transaction.prepare_cached("INSERT OR IGNORE INTO stale_meter (meter) VALUES (?)")?;
            now.iter().try_for_each(|number| insert.execute([number]).map(drop))
        })
    }

    /// The readings of these meters that may count, in the same order; each meter by all of its keys.
    ///
    /// # Errors
    /// What the disk says.
    pub fn candidates(&self, meters: &[Vec<MeterNumber>]) -> Result<Vec<Vec<Candidate>>, StoreError> {
        let mut units = Units::default();
        self.read(|connection| {
            let of_meter = |keys: &Vec<MeterNumber>| {
                let mut candidates = Vec::new();
                for key in keys {
                    readings::candidates(connection, *key, &mut units, &mut candidates)?;
                }
                Ok(candidates)
            };
            meters.iter().map(of_meter).collect()
        })
    }

    /// Keeps how meters stand.
    ///
    /// # Errors
    /// What the disk says.
    pub fn put_assessed(&self, mut meters: Vec<Assessed>) -> Result<(), StoreError> {
        while !meters.is_empty() {
            let slice: Vec<Assessed> = meters.drain(..meters.len().min(SLICE)).collect();
            self.write(move |transaction| slice.iter().try_for_each(|meter| meter.write(transaction)))?;
        }
        Ok(())
    }

    /// How a meter stands: its readings and what became of them; `None` where it has none.
    ///
    /// # Errors
    /// What the disk says.
    pub fn assessed(&self, meter: MeterNumber) -> Result<Option<(Vec<Candidate>, Assessment)>, StoreError> {
        let sql = "SELECT body FROM assessed_meter WHERE meter = ?";
        let body: Option<Vec<u8>> =
            self.read(|connection| connection.prepare_cached(sql)?.query_row([meter.0], |row| row.get(0)).optional())?;
        Ok(body.map(|body| codec::decode(&body)).transpose()?)
    }

    /// How meters stand, in order of their numbers, at most `limit`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn assessed_after(
        &self,
        after: Option<MeterNumber>,
        limit: u32,
    ) -> Result<Vec<(NamedMeter, Vec<u8>)>, StoreError> {
        let sql = format!(
            "SELECT {NAMED}, a.body FROM assessed_meter a JOIN utility_meter m ON m.key = a.meter
             WHERE a.meter > ? ORDER BY a.meter LIMIT ?"
        );
        let after = after.map_or(-1, |after| i64::from(after.0));
        self.read(|connection| {
            let mut query = connection.prepare_cached(&sql)?;
            query.query_map(params![after, limit], |row| Ok((named(row, 0)?, row.get(5)?)))?.collect()
        })
    }

    /// Readings of a meter with all that is known about them, by all of its keys.
    ///
    /// # Errors
    /// What the disk says.
    pub fn utility_readings(&self, keys: &[MeterNumber], which: Which) -> Result<Vec<Reading>, StoreError> {
        let sql = format!("SELECT {NAMED} FROM utility_meter m WHERE m.key = ?");
        self.read(|connection| {
            let mut all = Vec::new();
            for key in keys {
                let meter = connection.prepare_cached(&sql)?.query_row([key.0], |row| named(row, 0)).optional()?;
                if let Some(meter) = meter {
                    all.extend(readings::readings(connection, *key, &meter.key, which)?);
                }
            }
            Ok(all)
        })
    }

    /// Meters that have readings that never count, in order, at most `limit`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn meters_with_excluded(&self, after: Option<MeterNumber>, limit: u32) -> Result<Vec<NamedMeter>, StoreError> {
        let sql = format!(
            "SELECT {NAMED} FROM utility_meter m WHERE m.key > ? AND EXISTS
             (SELECT 1 FROM utility_reading r WHERE r.meter = m.key AND r.excluded IS NOT NULL) ORDER BY m.key LIMIT ?"
        );
        let after = after.map_or(-1, |after| i64::from(after.0));
        self.read(|connection| {
            let mut query = connection.prepare_cached(&sql)?;
            query.query_map(params![after, limit], |row| named(row, 0))?.collect()
        })
    }

    /// Groups and overlaps in the order of the queue, right behind a place or, `backward`, right before it, at most
    /// `limit`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn findings(
        &self,
        status: Option<Status>,
        kind: Option<FindingKind>,
        from: Option<Place>,
        backward: bool,
        limit: u32,
    ) -> Result<Vec<FindingRow>, StoreError> {
        let (side, direction) = if backward { ("<", "DESC") } else { (">", "ASC") };
        let status = match status {
            None => "",
            Some(Status::Review) => "AND status = 0",
            Some(Status::Resolved) => "AND status = 1",
        };
        let kind = match kind {
            None => "",
            Some(FindingKind::Duplicate) => "AND kind = 0",
            Some(FindingKind::Overlap) => "AND kind = 1",
        };
        let sql = format!(
            "SELECT {FINDING} FROM utility_finding WHERE (meter, start_day, id) {side} (?, ?, ?) {status} {kind}
             ORDER BY meter {direction}, start_day {direction}, id {direction} LIMIT ?"
        );
        let (meter, start, id) = match &from {
            Some((meter, start, id)) => (i64::from(meter.0), day_number(*start), id.as_bytes().to_vec()),
            None if backward => (i64::MAX, 0, Vec::new()),
            None => (-1, 0, Vec::new()),
        };
        let mut rows: Vec<FindingRow> = self.read(|connection| {
            let mut query = connection.prepare_cached(&sql)?;
            query.query_map(params![meter, start, id, limit], finding_row)?.collect()
        })?;
        if backward {
            rows.reverse();
        }
        Ok(rows)
    }

    /// The group or overlap with an id.
    ///
    /// # Errors
    /// What the disk says.
    pub fn finding(&self, id: GroupId) -> Result<Option<FindingRow>, StoreError> {
        let sql = format!("SELECT {FINDING} FROM utility_finding WHERE id = ?");
        self.read(|connection| connection.prepare_cached(&sql)?.query_row([id.as_bytes()], finding_row).optional())
    }

    /// How groups and overlaps stand, counted.
    ///
    /// # Errors
    /// What the disk says.
    pub fn tallies(&self) -> Result<Vec<Tally>, StoreError> {
        let sql = "SELECT 0, 0, x'', kind, status, rule, deferred, who, count(*) FROM utility_finding
                   GROUP BY kind, status, rule, deferred, who";
        self.read(|connection| {
            let mut query = connection.prepare_cached(sql)?;
            let rows = query.query_map([], tally)?;
            rows.collect()
        })
    }

    /// How many meters have readings.
    ///
    /// # Errors
    /// What the disk says.
    pub fn assessed_count(&self) -> Result<u64, StoreError> {
        self.read(|connection: &Connection| {
            connection.query_row("SELECT count(*) FROM assessed_meter", [], |row| row.get(0)).map(i64::unsigned_abs)
        })
    }
}

fn tally(row: &Row<'_>) -> Result<Tally, rusqlite::Error> {
    let rule = row.get_ref(5)?.as_str_or_null()?;
    Ok(Tally {
        kind: if row.get::<_, i64>(3)? == 0 { FindingKind::Duplicate } else { FindingKind::Overlap },
        status: if row.get::<_, i64>(4)? == 0 { Status::Review } else { Status::Resolved },
        rule: rule.and_then(|rule| Rule::ALL.iter().copied().find(|known| known.word() == rule)),
        is_deferred: row.get(6)?,
        who: row.get(7)?,
        count: row.get::<_, i64>(8)?.unsigned_abs(),
    })
}

/// Unpacks how a meter stands.
///
/// # Errors
/// A damaged block.
pub fn unpack(body: &[u8]) -> Result<(Vec<Candidate>, Assessment), StoreError> {
    Ok(codec::decode(body)?)
}
