//! Utility statements in the file: what came in, which of it is valid, how each meter stands, and what people decided.
//!
//! A file's readings go in by short transactions, so that live samples never wait, and count all at once when its end is
//! reached: what has a number below the horizon counts, and the end of an import is one new horizon. Leftovers of an import
//! that never ended are taken away before the next. What came in is never changed or deleted after that; a part of a
//! statement whose place a later one took is only marked. Groups and totals are derived, kept for each meter, and made
//! again for the meters that an import touched (`stale_meter`).

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _};

use crate::domain::duplicate::{MeterKey, UtilityMeter};

pub use assessed::{Assessed, FindingRow, Place, Tally, unpack};
pub use document::{DocumentAccount, StoredDocument};
pub use import::{ImportedCounts, OpenImport};
pub use readings::Which;

mod assessed;
mod codec;
mod decisions;
mod document;
mod import;
mod meters;
mod readings;

/// The name of the horizon among the settings: parts from this number on do not count yet.
const HORIZON: &str = "statement_horizon";

/// A meter of utility statements, by its number in this file. A meter with several keys has the number of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeterNumber(pub u32);

/// A meter's keys, and what it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedMeter {
    /// Its number.
    pub number: MeterNumber,
    /// Its key.
    pub key: MeterKey,
    /// Another meter is called the same, unless the account is said too.
    pub is_ambiguous: bool,
}

impl NamedMeter {
    /// What it is called; `mapped` where the configuration maps it to a meter of the site, by that name.
    pub fn name(&self, mapped: Option<&str>) -> String {
        match mapped {
            Some(name) => name.to_owned(),
            None if self.is_ambiguous => self.key.to_string(),
            None => self.key.short().to_owned(),
        }
    }
}

/// Which keys belong to meters of the site; every other key is a meter of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clusters {
    /// The numbers of a meter's keys, the smallest first, by that one.
    pub members: BTreeMap<MeterNumber, Vec<MeterNumber>>,
    /// The smallest number of a key's meter, and which meter that is.
    pub mapped: BTreeMap<MeterNumber, (MeterNumber, UtilityMeter)>,
}

impl Clusters {
    /// The number of the meter that a key belongs to.
    pub fn first(&self, number: MeterNumber) -> MeterNumber {
        self.mapped.get(&number).map_or(number, |(first, _)| *first)
    }

    /// All keys of a meter.
    pub fn keys(&self, first: MeterNumber) -> Vec<MeterNumber> {
        self.members.get(&first).cloned().unwrap_or_else(|| vec![first])
    }
}

fn horizon(connection: &Connection) -> Result<i64, rusqlite::Error> {
    let mut query = connection.prepare_cached("SELECT value FROM setting WHERE name = ?")?;
    Ok(query.query_row([HORIZON], |row| row.get(0)).optional()?.unwrap_or(1))
}

/// The tables.
pub(super) const SCHEMA: &str = "
    CREATE TABLE statement_import (          -- a file that came in
        key INTEGER PRIMARY KEY,
        file TEXT NOT NULL,
        sha256 TEXT NOT NULL,                -- empty until its end
        at INTEGER NOT NULL,                 -- ms since 1970
        who TEXT NOT NULL
    ) STRICT;
    CREATE TABLE utility_meter (             -- how statements tell a meter from others
        key INTEGER PRIMARY KEY,
        short TEXT NOT NULL,                 -- meterId or meterNumber
        kind INTEGER NOT NULL,               -- 0 meterId, 1 meterNumber
        account TEXT NOT NULL,               -- account number beside a meterNumber; empty for none
        UNIQUE (short, kind, account)
    ) STRICT;
    CREATE TABLE statement_part (            -- an account's part of a statement, or a meter's snapshot
        key INTEGER PRIMARY KEY,             -- counts up; those from the horizon on do not count yet
        import INTEGER NOT NULL,
        document BLOB NOT NULL,              -- hash of the document's content
        place INTEGER NOT NULL,              -- order of snapshots; 0 for statements
        modified_at INTEGER,                 -- microseconds since 1970
        statement TEXT,
        accounts TEXT NOT NULL,              -- JSON
        members BLOB NOT NULL                -- 16 bytes each: meter, reading
    ) STRICT;
    CREATE TABLE part_name (                 -- parts with the same name take each other's place
        name BLOB NOT NULL,
        document BLOB NOT NULL,
        place INTEGER NOT NULL,
        part INTEGER NOT NULL,
        PRIMARY KEY (name, document, place)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE superseded_part (           -- a later part took the place of this one
        part INTEGER NOT NULL,
        later INTEGER NOT NULL,              -- holds only when that one is below the horizon
        PRIMARY KEY (part, later)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE utility_reading (
        meter INTEGER NOT NULL,
        id BLOB NOT NULL,
        part INTEGER NOT NULL,
        account INTEGER NOT NULL,            -- place among the part's accounts
        start_day INTEGER NOT NULL,          -- days since 1970
        end_day INTEGER NOT NULL,
        usage TEXT,                          -- decimal
        unit TEXT NOT NULL,
        marks INTEGER NOT NULL,              -- bits: see `readings`
        statement_day INTEGER,
        expects TEXT,                        -- the statement, where it should hold a duplicate
        deregulation TEXT,
        excluded TEXT,                       -- JSON: why it never counts
        pointer TEXT NOT NULL,
        PRIMARY KEY (meter, id, part)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE statement_detail (          -- what stands beside a reading, as it came
        import INTEGER NOT NULL,
        pointer TEXT NOT NULL,
        usages TEXT NOT NULL,
        PRIMARY KEY (import, pointer)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER utility_reading_stays BEFORE UPDATE ON utility_reading
        BEGIN SELECT RAISE(ABORT, 'readings are only added'); END;
    CREATE TRIGGER utility_reading_is_kept BEFORE DELETE ON utility_reading
        WHEN OLD.part < (SELECT value FROM setting WHERE name = 'statement_horizon')
        BEGIN SELECT RAISE(ABORT, 'readings are only added'); END;
    CREATE TRIGGER statement_part_stays BEFORE UPDATE ON statement_part
        BEGIN SELECT RAISE(ABORT, 'statements are only added'); END;
    CREATE TRIGGER statement_part_is_kept BEFORE DELETE ON statement_part
        WHEN OLD.key < (SELECT value FROM setting WHERE name = 'statement_horizon')
        BEGIN SELECT RAISE(ABORT, 'statements are only added'); END;
    CREATE TABLE utility_decision (          -- what people decided
        sequence INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,                 -- ms since 1970
        who TEXT NOT NULL,
        decision TEXT NOT NULL               -- JSON
    ) STRICT;
    CREATE TABLE decision_meter (            -- the meters of its readings
        meter INTEGER NOT NULL,
        sequence INTEGER NOT NULL,
        PRIMARY KEY (meter, sequence)
    ) STRICT, WITHOUT ROWID;
    CREATE TRIGGER utility_decision_stays BEFORE UPDATE ON utility_decision
        BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END;
    CREATE TRIGGER utility_decision_is_kept BEFORE DELETE ON utility_decision
        BEGIN SELECT RAISE(ABORT, 'decisions are only added'); END;
    CREATE TABLE stale_meter (               -- derived tables are behind for these
        meter INTEGER PRIMARY KEY
    ) STRICT;
    CREATE TABLE assessed_meter (            -- derived: a meter's valid readings, grouped and decided
        meter INTEGER PRIMARY KEY,           -- its first key
        mapped INTEGER NOT NULL,             -- 1: the site file maps it
        body BLOB NOT NULL
    ) STRICT;
    CREATE INDEX assessed_mapped ON assessed_meter (meter) WHERE mapped = 1;
    CREATE TABLE utility_finding (           -- derived: groups and overlaps, in the order of the queue
        meter INTEGER NOT NULL,
        start_day INTEGER NOT NULL,
        id BLOB NOT NULL,
        kind INTEGER NOT NULL,               -- 0 duplicate, 1 overlap
        status INTEGER NOT NULL,             -- 0 review, 1 resolved
        rule TEXT,
        deferred INTEGER NOT NULL,
        who TEXT,                            -- the person who decided
        PRIMARY KEY (meter, start_day, id)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX utility_finding_id ON utility_finding (id);
    CREATE INDEX utility_finding_open ON utility_finding (meter, start_day, id) WHERE status = 0;
    ";
