//! The file: opening it, its gates and checks, and putting a damaged one aside.

use std::{
    fs::{self, OpenOptions, Permissions},
    io,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{
    schema::{APPLICATION_ID, VERSION, migrations},
    types::{Opened, StoreError},
};

/// The database's name in the data folder.
pub const FILE_NAME: &str = "meterdeck.db";

/// The first SQLite without the WAL-reset bug, which can damage a file that two connections write and checkpoint.
const MIN_LIBRARY: i32 = 3_051_003;

/// Longest wait for a lock that another connection holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Most time that the check at the start may take; the whole file is for `doctor`.
const QUICK_CHECK: Duration = Duration::from_millis(300);

/// SQLite instructions between two looks at the clock.
const CHECK_STEPS: i32 = 10_000;

/// Only the owner reads and writes, whatever the umask.
const MODE: u32 = 0o600;

/// What SQLite keeps beside the file.
const COMPANIONS: [&str; 2] = ["-wal", "-shm"];

/// Opens or makes the file in a folder; a damaged one is put aside.
pub(super) fn open(dir: &Path) -> Result<(Connection, PathBuf, Opened), StoreError> {
    check_library(rusqlite::version(), rusqlite::version_number())?;
    let path = dir.join(FILE_NAME);
    let is_new = !fs::exists(&path).map_err(|source| StoreError::File { path: path.clone(), source })?;
    match open_checked(&path) {
        Ok(connection) => Ok((connection, path, if is_new { Opened::New } else { Opened::Existing })),
        Err(StoreError::Database(error)) if is_damage(&error) => {
            let copy = put_aside(&path, "damaged")?;
            Ok((open_checked(&path)?, path, Opened::Damaged { copy, reason: error.to_string() }))
        }
        Err(StoreError::Damaged { reason, .. }) => {
            let copy = put_aside(&path, "damaged")?;
            Ok((open_checked(&path)?, path, Opened::Damaged { copy, reason }))
        }
        Err(error) => Err(error),
    }
}

/// Whether an error says that the file itself is damaged.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn check_library(version: &'static str, number: i32) -> Result<(), StoreError> {
    if number < MIN_LIBRARY { Err(StoreError::Library(version)) } else { Ok(()) }
}

/// Opens the file again, or makes a new one, without putting anything aside.
pub(super) fn reopen(path: &Path) -> Result<Connection, StoreError> {
    open_checked(path)
}

fn open_checked(path: &Path) -> Result<Connection, StoreError> {
    secure(path, true)?;
    let mut connection = connect(path)?;
    let version = gate(&connection, path)?;
    if version < VERSION {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
        migrations().to_latest(&mut connection)?;
    }
    quick_check(&connection, path)?;
    for companion in COMPANIONS {
        secure(&with_suffix(path, companion), false)?;
    }
    Ok(connection)
}

/// Makes sure of a file's mode; makes the file where it shall be made.
pub(super) fn secure(path: &Path, make: bool) -> Result<(), StoreError> {
    let at_path = |source| StoreError::File { path: path.to_owned(), source };
    if make {
        OpenOptions::new().append(true).create(true).mode(MODE).open(path).map(drop).or_else(|error| {
            // A file that cannot be written now can be read all the same.
            if path.exists() { Ok(()) } else { Err(at_path(error)) }
        })?;
    }
    match fs::metadata(path) {
        Ok(found) if found.permissions().mode() & 0o777 != MODE => {
            fs::set_permissions(path, Permissions::from_mode(MODE)).map_err(at_path)
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at_path(error)),
        _ => Ok(()),
    }
}

/// The writer's connection.
fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF;
         PRAGMA cell_size_check = ON;
         PRAGMA foreign_keys = ON;
         PRAGMA mmap_size = 0;
         PRAGMA page_size = 4096;
         PRAGMA cache_size = -8192;
         PRAGMA temp_store = MEMORY;",
    )?;
    // The log is carried into the file by the writer when it has nothing else to do; SQLite's own limit is a safety net.
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.query_row("PRAGMA wal_autocheckpoint = 8000", [], |_| Ok(()))?;
    connection.query_row("PRAGMA journal_size_limit = 16777216", [], |_| Ok(()))?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A connection that only reads.
pub(super) fn connect_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection =
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.execute_batch(
        "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;
         PRAGMA mmap_size = 0; PRAGMA cache_size = -4096;",
    )?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// The file's schema version, if this program may use the file.
pub(super) fn gate(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let tables: i64 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if application != APPLICATION_ID && (application != 0 || version != 0 || tables > 0) {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    if version > VERSION {
        return Err(StoreError::Newer { path: path.to_owned(), found: version, known: VERSION });
    }
    Ok(version)
}

/// Looks at the small tables whole and at the ends of the large ones, for no longer than [`QUICK_CHECK`].
fn quick_check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let deadline = Instant::now() + QUICK_CHECK;
    connection.progress_handler(CHECK_STEPS, Some(move || Instant::now() > deadline))?;
    let checked = check_tables(connection);
    connection.progress_handler(0, None::<fn() -> bool>)?;
    match checked {
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(Some(reason)) => Err(StoreError::Damaged { path: path.to_owned(), reason }),
        Ok(None) => Ok(()),
    }
}

fn check_tables(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    for table in ["meter", "series", "setting", "hot"] {
        let said: String = connection.query_row(&format!("PRAGMA quick_check({table})"), [], |row| row.get(0))?;
        if said != "ok" {
            return Ok(Some(said));
        }
    }
    for table in ["warm", "cold", "rollup_minute", "rollup_quarter", "rollup_hour", "rollup_day"] {
        for order in ["ASC", "DESC"] {
            let sql = format!("SELECT length(body) FROM {table} ORDER BY id {order} LIMIT 1");
            let _: Option<i64> =
                rusqlite::OptionalExtension::optional(connection.query_row(&sql, [], |row| row.get(0)))?;
        }
    }
    Ok(None)
}

/// What a whole check of a file says; `None` where all is well.
pub(super) fn full_check(connection: &Connection) -> Result<Option<String>, rusqlite::Error> {
    let said: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if said != "ok" {
        return Ok(Some(said));
    }
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let orphan = statement.exists([])?;
    Ok(orphan.then(|| "a row refers to another that is missing".to_owned()))
}

/// Moves a file and what belongs to it to a free name beside it.
pub(super) fn put_aside(path: &Path, why: &str) -> Result<PathBuf, StoreError> {
    let at_path = |source| StoreError::File { path: path.to_owned(), source };
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    // Two in one second get the next free one.
    for number in seconds..seconds.saturating_add(1000) {
        let copy = with_suffix(path, &format!(".{why}-{number}"));
        if fs::exists(&copy).map_err(at_path)? {
            continue;
        }
        for companion in COMPANIONS {
            let from = with_suffix(path, companion);
            if fs::exists(&from).map_err(at_path)? {
                fs::rename(&from, with_suffix(&copy, companion)).map_err(at_path)?;
            }
        }
        fs::rename(path, &copy).map_err(at_path)?;
        return Ok(copy);
    }
    Err(at_path(io::ErrorKind::AlreadyExists.into()))
}

pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_libraries_are_refused() {
        assert!(matches!(check_library("3.51.2", 3_051_002), Err(StoreError::Library("3.51.2"))));
        assert!(check_library("3.51.3", 3_051_003).is_ok());
        assert!(check_library(rusqlite::version(), rusqlite::version_number()).is_ok());
    }
}
