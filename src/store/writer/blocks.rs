//! Blocks in their tables.

use rusqlite::{Connection, OptionalExtension, Result};

use super::super::{bytes::Damage, chunk::Chunk, column::Column, shared::Shared};

/// The block in a row of a table.
pub(in super::super) fn read(connection: &Connection, table: &str, id: i64) -> Result<Option<Vec<u8>>> {
    let mut statement = connection.prepare_cached(&format!("SELECT body FROM {table} WHERE id = ?1"))?;
    statement.query_row([id], |row| row.get(0)).optional()
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
