//! Alarms in the file: each one's present life, and the log of what became of them, which is only added to.

use jiff::Timestamp;
use rusqlite::params;

use super::{Store, StoreError};
use crate::domain::alarm::{AlarmKey, Entry, Unsaved};

impl Store {
    /// The alarms that are remembered. What cannot be read any more, of a kind that is no longer there, is left out.
    pub fn alarms(&self) -> Result<Vec<(AlarmKey, Entry)>, StoreError> {
        self.read(|connection| {
            let mut query = connection.prepare("SELECT kind, subject, state FROM alarm")?;
            let rows = query.query_map([], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })?;
            let mut alarms = Vec::new();
            for row in rows {
                let (kind, subject, state) = row?;
                alarms.extend(AlarmKey::of(&kind, &subject).zip(serde_json::from_str(&state).ok()));
            }
            Ok(alarms)
        })
    }

    /// Saves alarms and adds to their log, all in one transaction.
    ///
    /// # Errors
    /// What the disk says; then nothing was saved.
    pub fn save_alarms(&self, unsaved: &Unsaved) -> Result<(), StoreError> {
        let rows: Vec<_> = unsaved.entries.iter().map(row).collect();
        let events = unsaved.events.clone();
        self.write(move |transaction| {
            for (kind, subject, state) in &rows {
                match state {
                    Some(state) => transaction
                        .prepare_cached("INSERT OR REPLACE INTO alarm (kind, subject, state) VALUES (?, ?, ?)")?
                        .execute(params![kind, subject, state])?,
                    None => transaction
                        .prepare_cached("DELETE FROM alarm WHERE kind = ? AND subject = ?")?
                        .execute(params![kind, subject])?,
                };
            }
            let mut log = transaction.prepare_cached(
                "INSERT INTO alarm_event (at, kind, subject, event, who, note) VALUES (?, ?, ?, ?, ?, ?)",
            )?;
            for event in &events {
                let (kind, subject) = (event.key.kind.word(), event.key.subject.to_string());
                let at = event.at.as_millisecond();
                log.execute(params![at, kind, subject, event.kind.word(), event.who, event.note])?;
            }
            Ok(())
        })
    }

    /// How many lines the log of alarms has that are not older than `from`.
    pub fn alarm_events_since(&self, from: Timestamp) -> Result<u64, StoreError> {
        self.read(|connection| {
            let sql = "SELECT count(*) FROM alarm_event WHERE at >= ?";
            let count: i64 = connection.query_row(sql, [from.as_millisecond()], |row| row.get(0))?;
            Ok(count.unsigned_abs())
        })
    }
}

/// Kind, subject and JSON of an alarm; no JSON where nothing is left to remember.
fn row((key, entry): &(AlarmKey, Option<Entry>)) -> (&'static str, String, Option<String>) {
    // Plain data with text keys always has a JSON form.
    let state = entry.as_ref().map(|entry| serde_json::to_string(entry).unwrap_or_default());
    (key.kind.word(), key.subject.to_string(), state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::alarm::{AlarmEvent, EventKind};

    #[test]
    fn alarms_come_back_and_the_log_is_only_added_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = Timestamp::from_second(1_000).unwrap();
        let key: AlarmKey = "connection-down:10.0.0.1:502".parse().unwrap();
        let entry = Entry { detail: "REFUSED".to_owned(), ..Entry::default() };
        let event =
            AlarmEvent { at, key: key.clone(), kind: EventKind::Raised, who: None, note: Some("ü".to_owned()) };
        let (store, _) = Store::open(folder.path()).unwrap();
        let unsaved = Unsaved { events: vec![event.clone()], entries: vec![(key.clone(), Some(entry.clone()))] };
        store.save_alarms(&unsaved).unwrap();
        drop(store);
        let (store, _) = Store::open(folder.path()).unwrap();
        assert_eq!(store.alarms().unwrap(), [(key.clone(), entry)]);
        let at = event.at;
        assert_eq!(store.alarm_events_since(at).unwrap(), 1);
        let after = at + jiff::SignedDuration::from_millis(1);
        assert_eq!(store.alarm_events_since(after).unwrap(), 0);
        assert!(store.write(|transaction| transaction.execute("DELETE FROM alarm_event", [])).is_err());
        assert!(store.write(|transaction| transaction.execute("UPDATE alarm_event SET who = 'x'", [])).is_err());
        store.save_alarms(&Unsaved { events: vec![event], entries: vec![(key, None)] }).unwrap();
        assert_eq!(store.alarms().unwrap(), []);
        assert_eq!(store.alarm_events_since(at).unwrap(), 2);
    }
}
