//! The tables, and the steps from older ones.

use rusqlite_migration::{M, Migrations};

/// Marks the file as this program's: "mdk1" in ASCII.
pub(super) const APPLICATION_ID: i32 = 0x6d64_6b31;

/// The steps from an empty file; only ever add to the end. The place in this list is the file's `user_version`.
const STEPS: &[M<'static>] = &[M::up(
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
    ",
)];

/// How many steps there are: the `user_version` of an up-to-date file.
pub(super) const VERSION: usize = STEPS.len();

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
