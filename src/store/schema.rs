//! The tables, and the steps from older ones.

use rusqlite_migration::{M, Migrations};

/// Marks the file as this program's: "mdk1" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x6d64_6b31;

/// The steps from an empty file; only ever add to the end. The place in this list is the file's `user_version`.
const STEPS: &[M<'static>] =
    &[M::up(SAMPLES), M::up(BOOKS), M::up(DISPATCH), M::up(CHANGES), M::up(super::statements::SCHEMA)];

/// Samples and their rollups.
const SAMPLES: &str =
    // Blocks are kept in rowid tables with composed keys: clustered, and without the waste that WITHOUT ROWID has for rows
    // of more than a quarter page.
    "
    CREATE TABLE meter (
        key INTEGER PRIMARY KEY,             -- below 2^24
        id TEXT NOT NULL UNIQUE              -- as in the site file
    ) STRICT;
    CREATE TABLE series (
        key INTEGER PRIMARY KEY,
        meter INTEGER NOT NULL REFERENCES meter (key),
        quantity TEXT NOT NULL,
        unit TEXT NOT NULL,
        decimals INTEGER NOT NULL CHECK (decimals BETWEEN 0 AND 6),
        UNIQUE (meter, quantity)
    ) STRICT;
    CREATE TABLE hot (                       -- one row for each batch, all meters
        row INTEGER PRIMARY KEY,             -- counts up
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE warm (                      -- 5 min of one meter, in order of time
        id INTEGER PRIMARY KEY,              -- 5 min since 1970 << 24 | meter
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE cold (                      -- 1 h of one meter, in order of meter
        id INTEGER PRIMARY KEY,              -- meter << 32 | hours since 1970
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE rollup_minute (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;  -- meter << 32 | hour
    CREATE TABLE rollup_quarter (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT; -- meter << 32 | day
    CREATE TABLE rollup_hour (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;    -- meter << 32 | 8 days
    CREATE TABLE rollup_day (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;     -- meter << 32 | 64 days
    CREATE TABLE newest (                    -- the newest sample of each series, when hot rows were last deleted
        id INTEGER PRIMARY KEY CHECK (id = 1),
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE damaged (                   -- blocks that could not be read, kept as they were found
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL,                -- table
        source_id INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT;
    CREATE TABLE setting (
        name TEXT PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT;
    ";

/// Energy, what happened to registers, technicians' records, alarms. What people did is only ever added to.
const BOOKS: &str = "
    CREATE TABLE interval_day (              -- interval data of one meter in one UTC day
        meter INTEGER NOT NULL,              -- key of the table meter
        day INTEGER NOT NULL,                -- days since 1970
        body BLOB NOT NULL,
        PRIMARY KEY (meter, day)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE energy_day (                -- sums of one meter in one day of the site's time zone
        meter INTEGER NOT NULL,
        day INTEGER NOT NULL,                -- days since 1970 of the local date
        consumed INTEGER NOT NULL,           -- millionths of the quantity's unit
        generated INTEGER NOT NULL,
        measured_ms INTEGER NOT NULL,
        estimated INTEGER NOT NULL,          -- 0 or 1
        peak INTEGER,                        -- highest demand, millionths of a kW
        peak_at INTEGER,                     -- start of its block, ms since 1970
        PRIMARY KEY (meter, day)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE energy_state (              -- where counting goes on, JSON
        meter INTEGER PRIMARY KEY,
        state TEXT NOT NULL
    ) STRICT;
    CREATE TABLE incident (                  -- what registers did beside counting
        id INTEGER PRIMARY KEY,
        meter INTEGER NOT NULL,
        at INTEGER NOT NULL,                 -- ms since 1970
        quantity TEXT NOT NULL,
        kind TEXT NOT NULL,
        before TEXT NOT NULL,
        after TEXT NOT NULL,
        UNIQUE (meter, quantity, at, kind)
    ) STRICT;
    CREATE TABLE record (                    -- technicians' records
        sequence INTEGER PRIMARY KEY,
        meter TEXT NOT NULL,                 -- id in the site file
        at INTEGER NOT NULL,                 -- ms since 1970
        who TEXT NOT NULL,
        entry TEXT NOT NULL,                 -- JSON
        before TEXT,
        configured TEXT
    ) STRICT;
    CREATE INDEX record_meter ON record (meter, sequence);
    CREATE TRIGGER record_stays BEFORE UPDATE ON record BEGIN SELECT RAISE(ABORT, 'records are only added'); END;
    CREATE TRIGGER record_is_kept BEFORE DELETE ON record BEGIN SELECT RAISE(ABORT, 'records are only added'); END;
    CREATE TABLE alarm (                     -- each alarm's present life, JSON
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        state TEXT NOT NULL,
        PRIMARY KEY (kind, subject)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE alarm_event (               -- what became of alarms, and who did what
        id INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,                 -- ms since 1970
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        event TEXT NOT NULL,                 -- raised, returned, acknowledged, shelved, unshelved
        who TEXT,
        note TEXT
    ) STRICT;
    CREATE INDEX alarm_event_at ON alarm_event (at);
    CREATE TRIGGER alarm_event_stays BEFORE UPDATE ON alarm_event BEGIN SELECT RAISE(ABORT, 'the alarm log is only added to'); END;
    CREATE TRIGGER alarm_event_is_kept BEFORE DELETE ON alarm_event BEGIN SELECT RAISE(ABORT, 'the alarm log is only added to'); END;
    ";

/// Programme meters, and the journal of dispatch, which is only ever added to.
const DISPATCH: &str = "
    CREATE TABLE programme_meter (
        meter_id TEXT PRIMARY KEY,
        meter_type TEXT NOT NULL,            -- utility_meter, submeter, device
        partner_reference TEXT,
        is_archived INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE dispatch_journal (
        sequence INTEGER PRIMARY KEY,
        at INTEGER NOT NULL,                 -- ms since 1970
        who TEXT NOT NULL,
        subject TEXT NOT NULL,               -- event:ID or device:ID
        what TEXT NOT NULL,                  -- the transition, in words
        state TEXT NOT NULL,                 -- the subject after it, JSON
        hash BLOB NOT NULL                   -- SHA-256 over the hash before and this row
    ) STRICT;
    CREATE INDEX dispatch_journal_subject ON dispatch_journal (subject, sequence);
    CREATE TRIGGER dispatch_journal_stays BEFORE UPDATE ON dispatch_journal BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TRIGGER dispatch_journal_is_kept BEFORE DELETE ON dispatch_journal BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
    CREATE TABLE dispatch_head (             -- the last row of each subject
        subject TEXT PRIMARY KEY,
        sequence INTEGER NOT NULL,
        is_open INTEGER NOT NULL             -- something is still to be done
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX dispatch_head_open ON dispatch_head (is_open, sequence);
    ";

/// The change log. An entry is what somebody asked for, or what came of that.
const CHANGES: &str = "
    CREATE TABLE audit (
        sequence INTEGER PRIMARY KEY,        -- counts up from 1, without a gap
        at INTEGER NOT NULL,                 -- ms since 1970
        uid INTEGER NOT NULL,
        name TEXT NOT NULL,
        address TEXT,
        about INTEGER REFERENCES audit (sequence), -- of what came of it: what was asked
        done INTEGER,                        -- 0 or 1
        request TEXT,                        -- of what was asked: JSON
        before TEXT,
        after TEXT,
        hash BLOB NOT NULL                   -- SHA-256 over the hash before it and the columns of this entry
    ) STRICT;
    CREATE UNIQUE INDEX audit_about ON audit (about) WHERE about IS NOT NULL;
    CREATE TRIGGER audit_goes_on BEFORE INSERT ON audit
        WHEN NEW.sequence <> (SELECT coalesce(max(sequence), 0) + 1 FROM audit)
        BEGIN SELECT RAISE(ABORT, 'the change log is only added to'); END;
    CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the change log is only added to'); END;
    CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the change log is only added to'); END;
    ";

/// How many steps there are: the `user_version` of an up-to-date file.
#[expect(clippy::cast_possible_wrap, reason = "a handful of steps")]
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// The steps, to be applied.
pub(super) fn migrations() -> Migrations<'static> {
    Migrations::from_slice(STEPS)
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_step_applies() {
        super::migrations().validate().unwrap();
    }
}
