//! The journal of dispatch: rows that are only added, each with the hash of the one before, so that a changed one shows.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row as SqlRow, Transaction, params};
use sha2::{Digest as _, Sha256};

use super::{Store, StoreError};
use crate::domain::{
    dispatch::{
        Event,
        desk::{self, MAX_ENDED_EVENTS, Row, Subject},
    },
    ids::DeviceId,
    programme::EventId,
};

/// Rows in one answer.
const MAX_ROWS: u32 = 10_000;

/// What the journal says last.
#[derive(Debug, Default)]
pub struct DispatchKept {
    /// Of each event that is not over, of the last ones that are, and of each device.
    pub subjects: Vec<(Subject, desk::Kept)>,
    /// The number of the last event of an operator.
    pub last_number: u64,
    /// Subjects that cannot be read, and why.
    pub unreadable: Vec<(String, String)>,
}

/// A row of the journal as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalRow {
    /// Counts up from 1.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// `event:ID` or `device:ID`.
    pub subject: String,
    /// The transition in words.
    pub what: String,
}

impl Store {
    /// Adds rows to the journal, all in one commit.
    ///
    /// # Errors
    /// What the disk says; then none was added.
    pub fn add_dispatch_rows(&self, rows: &[Row]) -> Result<(), StoreError> {
        let rows: Vec<Written> = rows.iter().map(Written::new).collect();
        self.write(move |transaction| rows.iter().try_for_each(|row| row.add(transaction)))
    }

    /// What is to be taken up after a start.
    ///
    /// # Errors
    /// What the disk says.
    pub fn dispatch_kept(&self) -> Result<DispatchKept, StoreError> {
        self.read(|connection| {
            let mut kept = DispatchKept::default();
            let columns = "SELECT h.subject, j.state FROM dispatch_head h JOIN dispatch_journal j USING (sequence)";
            let open = format!("{columns} WHERE h.is_open = 1 OR h.subject LIKE 'device:%'");
            let ended = format!(
                "{columns} WHERE h.is_open = 0 AND h.subject LIKE 'event:%' ORDER BY h.sequence DESC LIMIT {MAX_ENDED_EVENTS}"
            );
            for sql in [open, ended] {
                let mut query = connection.prepare(&sql)?;
                let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
                for row in rows {
                    let (subject, state) = row?;
                    match parse(&subject).zip(serde_json::from_str(&state).ok()) {
                        Some(found) => kept.subjects.push(found),
                        None => kept.unreadable.push((subject, state.chars().take(80).collect())),
                    }
                }
            }
            let sql = "SELECT max(CAST(substr(subject, 10) AS INTEGER)) FROM dispatch_head
                       WHERE subject GLOB 'event:op-[0-9]*'";
            let last: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
            kept.last_number = last.unwrap_or_default().unsigned_abs();
            Ok(kept)
        })
    }

    /// Events by id, as the journal says last; those that it does not know are not there.
    ///
    /// # Errors
    /// What the disk says.
    pub fn dispatch_events(&self, ids: &[EventId]) -> Result<Vec<Event>, StoreError> {
        self.read(|connection| {
            let sql =
                "SELECT j.state FROM dispatch_head h JOIN dispatch_journal j USING (sequence) WHERE h.subject = ?";
            let mut query = connection.prepare_cached(sql)?;
            let mut events = Vec::new();
            for id in ids {
                let state: Option<String> =
                    query.query_row([subject_text(&Subject::Event(id.clone()))], |row| row.get(0)).optional()?;
                if let Some(Ok(desk::Kept::Event(event))) = state.map(|state| serde_json::from_str(&state)) {
                    events.push(*event);
                }
            }
            Ok(events)
        })
    }

    /// Events of which the last row is not older than `from`.
    ///
    /// # Errors
    /// What the disk says.
    pub fn dispatch_events_since(&self, from: Timestamp) -> Result<Vec<Event>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT j.state FROM dispatch_head h JOIN dispatch_journal j USING (sequence)
                       WHERE h.subject LIKE 'event:%' AND j.at >= ? ORDER BY h.sequence DESC LIMIT ?";
            let mut query = connection.prepare_cached(sql)?;
            let rows = query.query_map(params![from.as_millisecond(), MAX_ROWS], |row| row.get::<_, String>(0))?;
            let mut events = Vec::new();
            for state in rows {
                if let Ok(desk::Kept::Event(event)) = serde_json::from_str(&state?) {
                    events.push(*event);
                }
            }
            Ok(events)
        })
    }

    /// Rows of the journal after a sequence number, at most 10,000; of one subject, or of all.
    ///
    /// # Errors
    /// What the disk says.
    pub fn dispatch_journal(&self, after: u64, subject: Option<&Subject>) -> Result<Vec<JournalRow>, StoreError> {
        let subject = subject.map(subject_text);
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        self.read(|connection| {
            let sql = "SELECT sequence, at, who, subject, what FROM dispatch_journal
                       WHERE sequence > ?1 AND (?2 IS NULL OR subject = ?2) ORDER BY sequence LIMIT ?3";
            let mut query = connection.prepare_cached(sql)?;
            let rows = query.query_map(params![after, subject, MAX_ROWS], journal_row)?;
            rows.collect()
        })
    }

    /// Checks the chain of the whole journal: how many rows there are, or the first one that is not as it was written.
    ///
    /// # Errors
    /// What the disk says.
    pub fn verify_dispatch_journal(&self) -> Result<Result<u64, u64>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT sequence, at, who, subject, what, state, hash FROM dispatch_journal ORDER BY sequence";
            let mut query = connection.prepare(sql)?;
            let mut rows = query.query([])?;
            let (mut last, mut count) = (Vec::new(), 0_u64);
            while let Some(row) = rows.next()? {
                count += 1;
                let sequence: i64 = row.get(0)?;
                let written = Written {
                    at: row.get(1)?,
                    who: row.get(2)?,
                    subject: row.get(3)?,
                    what: row.get(4)?,
                    state: row.get(5)?,
                    is_open: false,
                };
                let hash: Vec<u8> = row.get(6)?;
                if hash != written.hash(&last, sequence) || sequence.unsigned_abs() != count {
                    return Ok(Err(count));
                }
                last = hash;
            }
            Ok(Ok(count))
        })
    }
}

/// A row as it is written.
struct Written {
    at: i64,
    who: String,
    subject: String,
    what: String,
    state: String,
    is_open: bool,
}

impl Written {
    fn new(row: &Row) -> Self {
        Self {
            at: row.at.as_millisecond(),
            who: row.who.clone(),
            subject: subject_text(&row.subject),
            what: row.what.clone(),
            // Plain data with text keys always has a JSON form.
            state: serde_json::to_string(&row.kept).unwrap_or_default(),
            is_open: row.is_open,
        }
    }

    fn add(&self, transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
        let (last, hash) = head(transaction)?;
        let sequence = last + 1;
        transaction
            .prepare_cached(
                "INSERT INTO dispatch_journal (sequence, at, who, subject, what, state, hash)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                sequence,
                self.at,
                self.who,
                self.subject,
                self.what,
                self.state,
                self.hash(&hash, sequence)
            ])?;
        transaction
            .prepare_cached("INSERT OR REPLACE INTO dispatch_head (subject, sequence, is_open) VALUES (?, ?, ?)")?
            .execute(params![self.subject, sequence, self.is_open])?;
        Ok(())
    }

    /// SHA-256 over the hash of the row before, the sequence number, the time, and the texts, each after its length.
    fn hash(&self, before: &[u8], sequence: i64) -> Vec<u8> {
        let mut hasher = Sha256::new();
        hasher.update((before.len() as u64).to_be_bytes());
        hasher.update(before);
        hasher.update(sequence.to_be_bytes());
        hasher.update(self.at.to_be_bytes());
        for text in [&self.who, &self.subject, &self.what, &self.state] {
            hasher.update((text.len() as u64).to_be_bytes());
            hasher.update(text);
        }
        hasher.finalize().to_vec()
    }
}

/// Sequence number and hash of the last row.
fn head(connection: &Connection) -> Result<(i64, Vec<u8>), rusqlite::Error> {
    let sql = "SELECT sequence, hash FROM dispatch_journal ORDER BY sequence DESC LIMIT 1";
    let found = connection.prepare_cached(sql)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(found.unwrap_or_default())
}

fn journal_row(row: &SqlRow<'_>) -> Result<JournalRow, rusqlite::Error> {
    let (sequence, at): (i64, i64) = (row.get(0)?, row.get(1)?);
    Ok(JournalRow {
        sequence: sequence.unsigned_abs(),
        at: Timestamp::from_millisecond(at).unwrap_or_default(),
        who: row.get(2)?,
        subject: row.get(3)?,
        what: row.get(4)?,
    })
}

fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Event(id) => format!("event:{id}"),
        Subject::Device(id) => format!("device:{id}"),
    }
}

fn parse(text: &str) -> Option<Subject> {
    match text.split_once(':')? {
        ("event", id) => EventId::new(id).map(Subject::Event),
        ("device", id) => DeviceId::new(id).ok().map(Subject::Device),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::dispatch::grip::{Grip, Phase};

    fn row(device: &str, phase: Phase, is_open: bool) -> Row {
        Row {
            subject: Subject::Device(DeviceId::new(device).unwrap()),
            at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            who: "ada".into(),
            what: "operating -> holding".into(),
            kept: desk::Kept::Grip(Box::new(Grip { phase, ..Grip::default() })),
            is_open,
        }
    }

    #[test]
    fn the_last_state_comes_back_and_a_changed_row_shows() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        store.add_dispatch_rows(&[row("a", Phase::Operating, true), row("b", Phase::Holding, true)]).unwrap();
        store.add_dispatch_rows(&[row("a", Phase::Holding, true)]).unwrap();
        let kept = store.dispatch_kept().unwrap();
        assert_eq!(kept.subjects.len(), 2);
        for (_, state) in kept.subjects {
            assert!(matches!(state, desk::Kept::Grip(grip) if grip.phase == Phase::Holding));
        }
        assert_eq!(store.verify_dispatch_journal().unwrap(), Ok(3));
        assert_eq!(store.dispatch_journal(1, None).unwrap().len(), 2);
        for sql in ["UPDATE dispatch_journal SET who = 'eve'", "DELETE FROM dispatch_journal"] {
            let error = store.write(move |transaction| transaction.execute(sql, [])).unwrap_err();
            assert!(error.to_string().contains("only added"), "{error}");
        }
        drop(store);
        let file = Connection::open(folder.path().join("meterdeck.db")).unwrap();
        file.execute_batch(
            "DROP TRIGGER dispatch_journal_stays; UPDATE dispatch_journal SET who = 'eve' WHERE sequence = 2",
        )
        .unwrap();
        drop(file);
        let (store, _) = Store::open(folder.path()).unwrap();
        assert_eq!(store.verify_dispatch_journal().unwrap(), Err(2));
    }
}
