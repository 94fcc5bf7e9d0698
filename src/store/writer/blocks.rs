//! Blocks in their tables.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Result};

use super::super::{bytes::Damage, chunk::Chunk, column::Column, shared::Shared};

/// The block in a row of a table.
pub(in super::super) fn read(connection: &Connection, table: &str, id: i64) -> Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached(&format!("SELECT body FROM {table} WHERE id = ?1"))?;
    statement.query_row([id], |row| row.get(0)).optional()
}

/// Reads a table in order of its rows, and remembers where there are none: a run of rows that are all missing takes one
/// query. What is written meanwhile has to be before what is read next.
pub(super) struct InOrder<'a> {
    connection: &'a Connection,
    table: &'static str,
    /// There are no rows from the start of this up to its end.
    gap: Range<i64>,
}

impl<'a> InOrder<'a> {
    pub(super) fn new(connection: &'a Connection, table: &'static str) -> Self {
        Self { connection, table, gap: 0..0 }
    }

    /// The block in a row.
    pub(super) fn read(&mut self, id: i64) -> Result<Option<Vec<u8>>> {
        if self.has_none(id..id + 1)? { Ok(None) } else { read(self.connection, self.table, id) }
    }

    /// Whether there is no row in a range.
    pub(super) fn has_none(&mut self, ids: Range<i64>) -> Result<bool> {
        if !self.gap.contains(&ids.start) {
            let sql = format!("SELECT id FROM {} WHERE id >= ?1 ORDER BY id LIMIT 1", self.table);
            let mut statement = self.connection.prepare_cached(&sql)?;
            let next: Option<i64> = statement.query_row([ids.start], |row| row.get(0)).optional()?;
            self.gap = ids.start..next.unwrap_or(i64::MAX);
        }
        Ok(ids.end <= self.gap.end)
    }
}

/// Puts a block in its row.
pub(super) fn write(connection: &Connection, table: &str, id: i64, block: &[u8]) -> Result<()> {
    let sql =
        format!("INSERT INTO {table} (id, body) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET body = excluded.body");
    connection.prepare_cached(&sql)?.execute((id, block))?;
    Ok(())
}

/// The samples in a row of chunks; none where there is no row. A damaged one is kept aside as it is, and counts as none.
pub(super) fn read_chunk(connection: &Connection, shared: &Shared, table: &str, id: i64) -> Result<Vec<Column>> {
    let Some(block) = read(connection, table, id)? else { return Ok(Vec::new()) };
    match Chunk::open(&block).and_then(|chunk| chunk.columns()) {
        Ok(columns) => Ok(columns),
        Err(damage) => {
            keep_damaged(connection, shared, table, id, &block, damage)?;
            Ok(Vec::new())
        }
    }
}

/// Keeps a block that cannot be read, before another takes its place.
pub(super) fn keep_damaged(
    connection: &Connection,
    shared: &Shared,
    table: &str,
    id: i64,
    block: &[u8],
    damage: Damage,
) -> Result<()> {
    tracing::error!(table, id, "{damage}; it is kept as it is in the table `damaged`");
    shared.health().damaged_blocks += 1;
    connection
        .prepare_cached("INSERT INTO damaged (source, source_id, body) VALUES (?1, ?2, ?3)")?
        .execute((table, id, block))?;
    Ok(())
}
