//! The change log in the file: only ever added to, as its triggers hold, each entry with a hash over itself and the one
//! before it.

use std::fmt::Write as _;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use sha2::{Digest as _, Sha256};

use super::{Store, StoreError};
use crate::domain::audit::{Change, Outcome, Verified};

/// Entries that one read transaction of a check looks at: far below 250 ms.
const CHECKED_AT_ONCE: u64 = 5_000;
/// What the first entry follows.
const BEGINNING: Hash = [0; 32];

type Hash = [u8; 32];

/// An entry before it has its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// When; kept to the millisecond.
    pub at: Timestamp,
    /// Unix user that asked.
    pub uid: u32,
    /// That user's name.
    pub name: String,
    /// From where they came, as they said.
    pub address: Option<String>,
    /// What it says.
    pub says: Says,
}

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Says {
    /// Somebody asked for a change.
    Asked {
        /// What, as JSON.
        request: String,
    },
    /// What came of it.
    CameOf {
        /// Of which entry.
        asked: u64,
        /// It was done.
        done: bool,
        /// What was so before.
        before: Option<String>,
        /// What is so after it, or why it was not done.
        after: Option<String>,
    },
}

/// An entry as it stands in the file.
struct Entry {
    sequence: i64,
    at: i64,
    uid: i64,
    name: String,
    address: Option<String>,
    about: Option<i64>,
    done: Option<i64>,
    request: Option<String>,
    before: Option<String>,
    after: Option<String>,
}

const COLUMNS: &str = "sequence, at, uid, name, address, about, done, request, before, after, hash";

impl Entry {
    /// Over the entry before it and every column of this one; JSON keeps the columns apart.
    fn hash(&self, previous: &Hash) -> Hash {
        let Self { sequence, at, uid, name, address, about, done, request, before, after } = self;
        let columns = (sequence, at, uid, name, address, about, done, request, before, after);
        // Numbers and text always have a JSON form.
        let text = serde_json::to_vec(&columns).unwrap_or_default();
        Sha256::new().chain_update(previous).chain_update(text).finalize().into()
    }

    fn of(row: &Row<'_>) -> Result<(Self, Vec<u8>), rusqlite::Error> {
        let entry = Self {
            sequence: row.get(0)?,
            at: row.get(1)?,
            uid: row.get(2)?,
            name: row.get(3)?,
            address: row.get(4)?,
            about: row.get(5)?,
            done: row.get(6)?,
            request: row.get(7)?,
            before: row.get(8)?,
            after: row.get(9)?,
        };
        Ok((entry, row.get(10)?))
    }
}

impl Store {
    /// Adds an entry to the change log; its place.
    ///
    /// # Errors
    /// What the disk says; then nothing was written.
    pub fn add_change(&self, new: NewEntry) -> Result<u64, StoreError> {
        self.write(move |transaction| add(transaction, new))
    }

    /// Changes in the order in which they were asked for, at most `most`: those after an entry, or the last ones.
    ///
    /// # Errors
    /// What the disk says.
    pub fn changes(&self, after: Option<u64>, most: usize) -> Result<Vec<Change>, StoreError> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let asked = "SELECT asked.sequence, asked.at, asked.uid, asked.name, asked.address, asked.request,
                         came.at, came.done, came.before, came.after
                     FROM audit asked LEFT JOIN audit came ON came.about = asked.sequence
                     WHERE asked.about IS NULL";
        let sql = match after {
            Some(_) => format!("{asked} AND asked.sequence > ?1 ORDER BY asked.sequence LIMIT ?2"),
            None => {
                format!("SELECT * FROM ({asked} AND ?1 = ?1 ORDER BY asked.sequence DESC LIMIT ?2) ORDER BY sequence")
            }
        };
        let after = i64::try_from(after.unwrap_or(0)).unwrap_or(i64::MAX);
        self.read(|connection| {
            let mut query = connection.prepare_cached(&sql)?;
            query.query_map([after, most], change)?.collect()
        })
    }

    /// Looks through the whole change log: whether each entry follows from the one before it.
    ///
    /// # Errors
    /// What the disk says.
    pub fn verify_changes(&self) -> Result<Verified, StoreError> {
        let (mut last, mut head, mut broken) = (0_u64, BEGINNING, None);
        while broken.is_none() {
            let found = self.read(|connection| check_some(connection, last, &mut head))?;
            let is_end = found.looked_at < CHECKED_AT_ONCE;
            (last, broken) = (found.last, found.broken);
            if is_end {
                break;
            }
        }
        let head = hexadecimal(&head);
        Ok(Verified { entries: last, head, broken })
    }
}

fn hexadecimal(hash: &Hash) -> String {
    hash.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn add(connection: &Connection, new: NewEntry) -> Result<u64, rusqlite::Error> {
    let mut query = connection.prepare_cached("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1")?;
    let last: Option<(i64, Hash)> = query.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (last, previous) = last.unwrap_or((0, BEGINNING));
    let NewEntry { at, uid, name, address, says } = new;
    let (sequence, at, uid) = (last + 1, at.as_millisecond(), i64::from(uid));
    let entry = match says {
        Says::Asked { request } => {
            let request = Some(request);
            Entry { sequence, at, uid, name, address, about: None, done: None, request, before: None, after: None }
        }
        Says::CameOf { asked, done, before, after } => {
            let (about, done) = (i64::try_from(asked).ok(), Some(i64::from(done)));
            Entry { sequence, at, uid, name, address, about, done, request: None, before, after }
        }
    };
    let hash = entry.hash(&previous);
    let Entry { name, address, about, done, request, before, after, .. } = entry;
    let sql = format!("INSERT INTO audit ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    connection
        .prepare_cached(&sql)?
        .execute(params![sequence, at, uid, name, address, about, done, request, before, after, hash])?;
    Ok(sequence.unsigned_abs())
}

fn change(row: &Row<'_>) -> Result<Change, rusqlite::Error> {
    let time = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or_default();
    let outcome = match row.get::<_, Option<i64>>(6)? {
        None => None,
        Some(at) => Some(Outcome {
            at: time(at),
            done: row.get::<_, Option<i64>>(7)? == Some(1),
            before: row.get(8)?,
            after: row.get(9)?,
        }),
    };
    Ok(Change {
        sequence: row.get::<_, i64>(0)?.unsigned_abs(),
        at: time(row.get(1)?),
        uid: u32::try_from(row.get::<_, i64>(2)?).unwrap_or(u32::MAX),
        name: row.get(3)?,
        address: row.get(4)?,
        request: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
        outcome,
    })
}

/// A part of a check.
struct Found {
    looked_at: u64,
    /// The last entry that is good.
    last: u64,
    broken: Option<(u64, String)>,
}

/// Looks at the entries after one; `head` becomes the hash of the last good one.
fn check_some(connection: &Connection, after: u64, head: &mut Hash) -> Result<Found, rusqlite::Error> {
    let sql = format!("SELECT {COLUMNS} FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?");
    let mut query = connection.prepare_cached(&sql)?;
    let mut found = Found { looked_at: 0, last: after, broken: None };
    let (start, most) = (i64::try_from(after).unwrap_or(i64::MAX), i64::try_from(CHECKED_AT_ONCE).unwrap_or(i64::MAX));
    for row in query.query_map([start, most], Entry::of)? {
        let (entry, stored) = row?;
        found.looked_at += 1;
        let next = found.last + 1;
        let hash = entry.hash(head);
        if entry.sequence.unsigned_abs() != next {
            found.broken = Some((next, "it is missing".to_owned()));
            break;
        }
        if stored != hash {
            found.broken = Some((next, "it was changed, or what came before it was".to_owned()));
            break;
        }
        (found.last, *head) = (next, hash);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(request: &str) -> NewEntry {
        NewEntry {
            at: "2026-01-02T03:04:05.678Z".parse().unwrap(),
            uid: 1000,
            name: "ada".to_owned(),
            address: Some("10.0.0.7".to_owned()),
            says: Says::Asked { request: request.to_owned() },
        }
    }

    fn came_of(asked_for: u64) -> NewEntry {
        let says = Says::CameOf { asked: asked_for, done: true, before: None, after: Some("b".to_owned()) };
        NewEntry { says, ..asked("") }
    }

    fn store_of_three() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        assert_eq!(store.add_change(asked("one")).unwrap(), 1);
        assert_eq!(store.add_change(asked("two")).unwrap(), 2);
        assert_eq!(store.add_change(came_of(1)).unwrap(), 3);
        (folder, store)
    }

    #[test]
    fn changes_are_read_back_with_what_came_of_them() {
        let (_folder, store) = store_of_three();
        let all = store.changes(Some(0), 10).unwrap();
        assert_eq!(all.iter().map(|change| change.request.as_str()).collect::<Vec<_>>(), ["one", "two"]);
        assert_eq!(all[0].outcome.as_ref().and_then(|outcome| outcome.after.as_deref()), Some("b"));
        assert_eq!((all[1].outcome.as_ref(), all[1].address.as_deref()), (None, Some("10.0.0.7")));
        assert_eq!(store.changes(Some(1), 10).unwrap(), all[1..]);
        assert_eq!(store.changes(None, 1).unwrap(), all[1..]);
        assert_eq!(store.changes(None, 5).unwrap(), all);
        let verified = store.verify_changes().unwrap();
        assert_eq!((verified.entries, verified.broken, verified.head.len()), (3, None, 64));
    }

    #[test]
    fn entries_are_only_added_and_a_change_behind_the_triggers_shows() {
        let (folder, store) = store_of_three();
        for sql in [
            "UPDATE audit SET name = 'eve'",
            "DELETE FROM audit WHERE sequence = 3",
            "INSERT OR REPLACE INTO audit SELECT * FROM audit WHERE sequence = 1",
        ] {
            let error = store.write(move |transaction| transaction.execute(sql, [])).unwrap_err();
            assert!(error.to_string().contains("only added to"), "{error}");
        }
        drop(store);
        for (sql, broken) in [
            (
                "UPDATE audit SET name = 'eve' WHERE sequence = 2",
                Some((2, "it was changed, or what came before it was")),
            ),
            ("UPDATE audit SET name = 'ada' WHERE sequence = 2", None),
            ("DELETE FROM audit WHERE sequence = 2", Some((2, "it is missing"))),
        ] {
            let file = Connection::open(folder.path().join("meterdeck.db")).unwrap();
            file.execute_batch("DROP TRIGGER IF EXISTS audit_stays; DROP TRIGGER IF EXISTS audit_is_kept").unwrap();
            file.execute(sql, []).unwrap();
            drop(file);
            let (store, _) = Store::open(folder.path()).unwrap();
            let found = store.verify_changes().unwrap().broken;
            assert_eq!(found.as_ref().map(|(place, why)| (*place, why.as_str())), broken, "{sql}");
        }
    }
}
