//! A file coming in: sorted by what it touches, and written in short transactions.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{
    HORIZON, horizon,
    meters::Known,
    readings::{INSERT, PartAccount, ReadingRow},
};
use crate::{
    domain::duplicate::{DocumentId, Part, PartId, PartKey, PartOrder, ReadingId, StatementId},
    store::{Store, StoreError},
};

/// Rows of one transaction: short enough for the next batch of samples, long enough not to wait for the disk too often.
const SLICE: usize = 4_096;
/// Names that are looked up in one reading transaction.
const LOOK_UP: usize = 20_000;
/// Bits of a snapshot's place below the number of its import: so many snapshots of one file keep their order.
const PLACE_BITS: u32 = 28;
/// Bytes of a member of a part: meter and reading.
const MEMBER_BYTES: usize = 4 + ReadingId::BYTES;

/// A file that is coming in. There is only one at a time.
#[derive(Debug)]
pub struct OpenImport {
    key: i64,
    next_part: i64,
    next_place: u64,
    first_meter: i64,
    meters: Known,
    counts: ImportedCounts,
}

/// What became of a file's readings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportedCounts {
    /// Readings on it.
    pub readings: u64,
    /// Not known before.
    pub new: u64,
    /// Known before.
    pub unchanged: u64,
    /// Whose place a later document took by it.
    pub superseded: u64,
    /// New ones that never count.
    pub excluded: u64,
}

impl OpenImport {
    /// Its number.
    pub fn number(&self) -> u64 {
        self.key.unsigned_abs()
    }
}

impl Store {
    /// Begins the import of a file; what is left of one that never ended is taken away.
    ///
    /// # Errors
    /// What the disk says.
    pub fn begin_statements(&self, file: &str, who: &str, at: Timestamp) -> Result<OpenImport, StoreError> {
        let (file, who, at) = (file.to_owned(), who.to_owned(), at.as_millisecond());
        self.write(move |transaction| {
            take_away(transaction, None)?;
            let sql = "INSERT INTO statement_import (file, sha256, at, who) VALUES (?, '', ?, ?)";
            let key = transaction.prepare_cached(sql)?.insert(params![file, at, who])?;
            let first_meter =
                transaction.query_row("SELECT coalesce(max(key), 0) + 1 FROM utility_meter", [], |row| row.get(0))?;
            Ok(OpenImport {
                key,
                next_part: horizon(transaction)?,
                next_place: key.unsigned_abs() << PLACE_BITS,
                first_meter,
                meters: Known::default(),
                counts: ImportedCounts::default(),
            })
        })
    }

    /// Takes in parts of the file's documents; nothing of them counts yet. Hand over many at once, whole ones.
    ///
    /// # Errors
    /// What the disk says; then abort the import.
    pub fn put_statements(&self, import: &mut OpenImport, parts: Vec<Part>) -> Result<(), StoreError> {
        import.meters.learn(self, parts.iter().flat_map(|part| &part.readings).map(|reading| &reading.meter))?;
        let mut named: Vec<(PartId, Part)> = parts.into_iter().map(|part| (part.key.id(), part)).collect();
        // Stable: of one name, in the order in which they came.
        named.sort_by_key(|(name, _)| *name);
        let mut known = self.known_parts(&named)?;
        let mut rows = Rows::default();
        for (name, part) in named {
            rows.add(import, name, part, known.entry(name).or_default());
        }
        self.write_rows(import.key, rows)
    }

    /// Keeps what stands beside readings, as it came: JSON pointer and JSON.
    ///
    /// # Errors
    /// What the disk says; then abort the import.
    pub fn put_statement_details(&self, import: &OpenImport, details: Vec<(String, String)>) -> Result<(), StoreError> {
        let key = import.key;
        self.in_slices(details, move |transaction, (pointer, usages)| {
            let sql = "INSERT OR IGNORE INTO statement_detail (import, pointer, usages) VALUES (?, ?, ?)";
            transaction.prepare_cached(sql)?.execute(params![key, pointer, usages]).map(drop)
        })
    }

    /// The file was good to its end: from now on it counts.
    ///
    /// # Errors
    /// What the disk says; then it does not.
    pub fn end_statements(&self, import: &OpenImport, sha256: &str) -> Result<ImportedCounts, StoreError> {
        let (key, next_part, sha256) = (import.key, import.next_part, sha256.to_owned());
        self.write(move |transaction| {
            transaction.execute("UPDATE statement_import SET sha256 = ? WHERE key = ?", params![sha256, key])?;
            let sql = "INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)";
            transaction.execute(sql, params![HORIZON, next_part]).map(drop)
        })?;
        Ok(import.counts)
    }

    /// Takes away what came in of a file that is not good.
    ///
    /// # Errors
    /// What the disk says; then the next import does it.
    pub fn abort_statements(&self, import: &OpenImport) -> Result<(), StoreError> {
        let first_meter = import.first_meter;
        self.write(move |transaction| take_away(transaction, Some(first_meter)))
    }

    /// The parts that have the same names as these, by name.
    fn known_parts(&self, named: &[(PartId, Part)]) -> Result<HashMap<PartId, Vec<KnownPart>>, StoreError> {
        let mut known: HashMap<PartId, Vec<KnownPart>> = HashMap::new();
        for slice in named.chunks(LOOK_UP) {
            self.read(|connection| {
                for (name, _) in slice {
                    if !known.contains_key(name) {
                        let found = known_parts(connection, *name)?;
                        if !found.is_empty() {
                            known.insert(*name, found);
                        }
                    }
                }
                Ok(())
            })?;
        }
        Ok(known)
    }

    fn write_rows(&self, import: i64, mut rows: Rows) -> Result<(), StoreError> {
        rows.readings.sort_unstable_by_key(|row| (row.meter, row.reading.id, row.part));
        rows.parts.sort_unstable_by_key(|part| part.key);
        rows.names.sort_unstable();
        // In the order of the tables' keys, so that each page is written about once.
        let all = rows.parts.into_iter().map(InsertRow::Part);
        let all = all.chain(rows.names.into_iter().map(InsertRow::Name));
        let all = all.chain(rows.readings.into_iter().map(|row| InsertRow::Reading(Box::new(row))));
        let all = all.chain(rows.superseded.into_iter().map(InsertRow::Superseded));
        let all = all.chain(rows.stale.into_iter().map(InsertRow::Stale));
        self.in_slices(all.collect(), move |transaction, row| row.insert(transaction, import))
    }

    /// Writes rows in transactions of [`SLICE`].
    pub(super) fn in_slices<T: Send + Sync + 'static>(
        &self,
        rows: Vec<T>,
        each: impl Fn(&Transaction<'_>, &T) -> Result<(), rusqlite::Error> + Send + Sync + 'static,
    ) -> Result<(), StoreError> {
        let (rows, each) = (Arc::new(rows), Arc::new(each));
        for from in (0..rows.len()).step_by(SLICE) {
            let (rows, each) = (Arc::clone(&rows), Arc::clone(&each));
            self.write(move |transaction| {
                rows.iter().skip(from).take(SLICE).try_for_each(|row| each(transaction, row))
            })?;
        }
        Ok(())
    }
}

/// Takes away everything from the horizon on. Only after an import that failed: it looks through all readings.
fn take_away(transaction: &Transaction<'_>, first_meter: Option<i64>) -> Result<(), rusqlite::Error> {
    let horizon = horizon(transaction)?;
    let is_left = transaction
        .query_row("SELECT 1 FROM statement_part WHERE key >= ? LIMIT 1", [horizon], |_| Ok(()))
        .optional()?
        .is_some();
    if is_left {
        for sql in [
            "DELETE FROM utility_reading WHERE part >= ?",
            "DELETE FROM part_name WHERE part >= ?",
            "DELETE FROM superseded_part WHERE later >= ?",
            "DELETE FROM statement_part WHERE key >= ?",
        ] {
            transaction.execute(sql, [horizon])?;
        }
    }
    if let Some(first_meter) = first_meter {
        transaction.execute("DELETE FROM utility_meter WHERE key >= ?", [first_meter])?;
    }
    transaction.execute(
        "DELETE FROM statement_detail WHERE import IN (SELECT key FROM statement_import WHERE sha256 = '')",
        [],
    )?;
    transaction.execute("DELETE FROM statement_import WHERE sha256 = ''", []).map(drop)
}

/// A part that is there already.
#[derive(Debug)]
struct KnownPart {
    key: i64,
    order: PartOrder,
    /// Meters and readings, in order.
    members: Vec<(u32, ReadingId)>,
}

fn known_parts(connection: &Connection, name: PartId) -> Result<Vec<KnownPart>, rusqlite::Error> {
    let sql = "SELECT p.key, p.document, p.place, p.modified_at, p.statement, p.members
               FROM part_name n JOIN statement_part p ON p.key = n.part WHERE n.name = ?";
    let mut query = connection.prepare_cached(sql)?;
    let rows = query.query_map([name.as_bytes()], |row| {
        let wrong =
            |column, bad| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(bad));
        let modified_at = row.get::<_, Option<i64>>(3)?;
        Ok(KnownPart {
            key: row.get(0)?,
            order: PartOrder {
                import: row.get::<_, i64>(2)?.cast_unsigned(),
                modified_at: modified_at.and_then(|at| Timestamp::from_microsecond(at).ok()),
                statement: row.get_ref(4)?.as_str_or_null()?.map(StatementId::new),
                document: DocumentId::from_bytes(row.get_ref(1)?.as_blob()?).map_err(|bad| wrong(1, bad))?,
            },
            members: unpacked(row.get_ref(5)?.as_blob()?),
        })
    })?;
    rows.collect()
}

fn packed(members: &[(u32, ReadingId)]) -> Vec<u8> {
    members
        .iter()
        .flat_map(|(meter, id)| meter.to_le_bytes().into_iter().chain(id.as_bytes().iter().copied()))
        .collect()
}

/// What [`packed`] wrote.
pub(super) fn unpacked(bytes: &[u8]) -> Vec<(u32, ReadingId)> {
    let member = |bytes: &[u8]| {
        let (meter, id) = bytes.split_first_chunk::<4>()?;
        Some((u32::from_le_bytes(*meter), ReadingId::from_bytes(id).ok()?))
    };
    bytes.chunks_exact(MEMBER_BYTES).filter_map(member).collect()
}

/// What is to be written.
#[derive(Debug, Default)]
struct Rows {
    parts: Vec<PartRow>,
    names: Vec<(PartId, DocumentId, u64, i64)>,
    readings: Vec<ReadingRow>,
    superseded: Vec<(i64, i64)>,
    stale: BTreeSet<u32>,
}

/// A row of any of the tables.
#[derive(Debug)]
enum InsertRow {
    Part(PartRow),
    Name((PartId, DocumentId, u64, i64)),
    Reading(Box<ReadingRow>),
    Superseded((i64, i64)),
    Stale(u32),
}

impl InsertRow {
    fn insert(&self, transaction: &Transaction<'_>, import: i64) -> Result<(), rusqlite::Error> {
        match self {
            Self::Part(part) => part.insert(transaction, import),
            Self::Name((name, document, place, part)) => {
                let sql = "INSERT INTO part_name (name, document, place, part) VALUES (?, ?, ?, ?)";
                let row = params![name.as_bytes(), document.as_bytes(), place.cast_signed(), part];
                transaction.prepare_cached(sql)?.execute(row).map(drop)
            }
            Self::Reading(row) => row.insert(&mut *transaction.prepare_cached(INSERT)?),
            Self::Superseded(row) => {
                let sql = "INSERT OR IGNORE INTO superseded_part (part, later) VALUES (?, ?)";
                transaction.prepare_cached(sql)?.execute(*row).map(drop)
            }
            Self::Stale(meter) => {
                let sql = "INSERT OR IGNORE INTO stale_meter (meter) VALUES (?)";
                transaction.prepare_cached(sql)?.execute([meter]).map(drop)
            }
        }
    }
}

#[derive(Debug)]
struct PartRow {
    key: i64,
    order: PartOrder,
    accounts: Vec<PartAccount>,
    members: Vec<u8>,
}

impl PartRow {
    fn insert(&self, transaction: &Transaction<'_>, import: i64) -> Result<(), rusqlite::Error> {
        let sql = "INSERT INTO statement_part (key, import, document, place, modified_at, statement, accounts, members)
                   VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
        let order = &self.order;
        let accounts = serde_json::to_string(&self.accounts).unwrap_or_default();
        transaction.prepare_cached(sql)?.execute(params![
            self.key,
            import,
            order.document.as_bytes(),
            order.import.cast_signed(),
            order.modified_at.map(Timestamp::as_microsecond),
            order.statement.as_ref().map(StatementId::as_str),
            accounts,
            self.members,
        ])?;
        Ok(())
    }
}

impl Rows {
    /// Takes in one part; `known` are those of the same name so far.
    fn add(&mut self, import: &mut OpenImport, name: PartId, part: Part, known: &mut Vec<KnownPart>) {
        let Part { key, mut order, readings } = part;
        // The file keeps microseconds; an order must not change by that.
        order.modified_at = order.modified_at.and_then(|at| Timestamp::from_microsecond(at.as_microsecond()).ok());
        import.counts.readings += readings.len() as u64;
        let latest = known.iter().max_by(|one, other| one.order.cmp(&other.order));
        let is_there = if matches!(key, PartKey::Snapshot(_)) {
            latest.is_some_and(|latest| latest.order.document == order.document)
        } else {
            known.iter().any(|known| known.order.document == order.document)
        };
        if is_there {
            import.counts.unchanged += readings.len() as u64;
            return;
        }
        if matches!(key, PartKey::Snapshot(_)) {
            order.import = import.next_place;
            import.next_place += 1;
        }
        let number = import.next_part;
        import.next_part += 1;
        let mut members: Vec<(u32, ReadingId)> = readings
            .iter()
            .map(|reading| (import.meters.get(&reading.meter).unwrap_or_default(), reading.id))
            .collect();
        count_new(import, &readings, &members, known);
        let this = KnownPart { key: number, order: order.clone(), members: Vec::new() };
        self.supersede(import, &this, &members, latest);
        self.stale.extend(members.iter().map(|(meter, _)| *meter));
        let mut accounts: Vec<PartAccount> = Vec::new();
        for (reading, (meter, _)) in readings.into_iter().zip(&members) {
            let account = accounts.iter().position(|account| account.is_of(&reading)).unwrap_or_else(|| {
                accounts.push(PartAccount::from(&reading));
                accounts.len() - 1
            });
            let account = u32::try_from(account).unwrap_or(u32::MAX);
            self.readings.push(ReadingRow { meter: *meter, part: number, account, reading });
        }
        if accounts.is_empty()
            && let PartKey::Account { number, provider, .. } = &key
        {
            let (number, provider) = (Some(number.to_string()), Some(provider.to_string()));
            accounts.push(PartAccount { number, provider, ..PartAccount::default() });
        }
        self.parts.push(PartRow { key: number, order: order.clone(), accounts, members: packed(&members) });
        self.names.push((name, order.document, order.import, number));
        members.sort_unstable();
        known.push(KnownPart { members, ..this });
    }

    /// Of this part and the latest so far, one takes the other's place.
    fn supersede(
        &mut self,
        import: &mut OpenImport,
        this: &KnownPart,
        members: &[(u32, ReadingId)],
        latest: Option<&KnownPart>,
    ) {
        let Some(latest) = latest else { return };
        let missing = |from: &[(u32, ReadingId)], within: &[(u32, ReadingId)]| {
            let within: HashSet<ReadingId> = within.iter().map(|(_, id)| *id).collect();
            from.iter().filter(|(_, id)| !within.contains(id)).count() as u64
        };
        if this.order > latest.order {
            self.superseded.push((latest.key, this.key));
            import.counts.superseded += missing(&latest.members, members);
            self.stale.extend(latest.members.iter().map(|(meter, _)| *meter));
        } else {
            self.superseded.push((this.key, latest.key));
            import.counts.superseded += missing(members, &latest.members);
        }
    }
}

/// Readings are new that no part of the same name held before.
fn count_new(
    import: &mut OpenImport,
    readings: &[crate::domain::duplicate::Reading],
    members: &[(u32, ReadingId)],
    known: &[KnownPart],
) {
    let before: HashSet<ReadingId> = known.iter().flat_map(|known| &known.members).map(|(_, id)| *id).collect();
    for (reading, (_, id)) in readings.iter().zip(members) {
        if before.contains(id) {
            import.counts.unchanged += 1;
        } else {
            import.counts.new += 1;
            import.counts.excluded += u64::from(reading.excluded.is_some());
        }
    }
}
