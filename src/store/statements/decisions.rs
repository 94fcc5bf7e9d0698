//! What people decided, in the file: only ever added to, as its triggers hold.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{Assessed, MeterNumber};
use crate::{
    domain::duplicate::Decision,
    store::{Store, StoreError},
};

impl Store {
    /// The sequence that the next decision gets.
    ///
    /// # Errors
    /// What the disk says.
    pub fn next_decision(&self) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(max(sequence), 0) + 1 FROM utility_decision";
        self.read(|connection| connection.query_row(sql, [], |row| row.get(0)).map(i64::unsigned_abs))
    }

    /// Adds decisions about one meter, and keeps how it stands with them, in one step.
    ///
    /// # Errors
    /// What the disk says; a sequence that is there already. Then nothing was written.
    pub fn add_decisions(&self, decisions: Vec<Decision>, assessed: Assessed) -> Result<(), StoreError> {
        self.write(move |transaction| {
            for decision in &decisions {
                let sql = "INSERT INTO utility_decision (sequence, at, who, decision) VALUES (?, ?, ?, ?)";
                let text = serde_json::to_string(decision).unwrap_or_default();
                let at = decision.at.as_millisecond();
                transaction.prepare_cached(sql)?.execute(params![
                    decision.sequence.cast_signed(),
                    at,
                    decision.who,
                    text
                ])?;
                let sql = "INSERT INTO decision_meter (meter, sequence) VALUES (?, ?)";
                for key in &assessed.keys {
                    transaction.prepare_cached(sql)?.execute(params![key.0, decision.sequence.cast_signed()])?;
                }
            }
            assessed.write(transaction)
        })
    }

    /// What was decided about these meters, the first first.
    ///
    /// # Errors
    /// What the disk says.
    pub fn decisions(&self, keys: &[MeterNumber]) -> Result<Vec<Decision>, StoreError> {
        let mut decisions = self.read(|connection| {
            let mut decisions = Vec::new();
            for key in keys {
                decisions.extend(of_meter(connection, *key)?);
            }
            Ok(decisions)
        })?;
        decisions.sort_by_key(|decision| decision.sequence);
        decisions.dedup_by_key(|decision| decision.sequence);
        Ok(decisions)
    }

    /// Whether anything was ever decided.
    ///
    /// # Errors
    /// What the disk says.
    pub fn has_decisions(&self) -> Result<bool, StoreError> {
        self.read(|connection| connection.prepare_cached("SELECT 1 FROM utility_decision LIMIT 1")?.exists([]))
    }
}

/// Decisions that this version cannot read (of a later one) are left out, and the log says so.
fn of_meter(connection: &Connection, meter: MeterNumber) -> Result<Vec<Decision>, rusqlite::Error> {
    let sql = "SELECT d.decision, d.sequence, d.at FROM decision_meter m JOIN utility_decision d USING (sequence)
               WHERE m.meter = ? ORDER BY sequence";
    let mut query = connection.prepare_cached(sql)?;
    let mut rows = query.query([meter.0])?;
    let mut decisions = Vec::new();
    while let Some(row) = rows.next()? {
        match serde_json::from_str::<Decision>(row.get_ref(0)?.as_str()?) {
            Ok(decision) => {
                let at = Timestamp::from_millisecond(row.get(2)?).unwrap_or(decision.at);
                decisions.push(Decision { at, ..decision });
            }
            Err(error) => tracing::error!("decision {} cannot be read: {error}", row.get::<_, i64>(1)?),
        }
    }
    Ok(decisions)
}
