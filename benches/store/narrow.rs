//! The other side: a plain narrow table, one row for each sample, as most would begin.

use std::path::Path;

use meterdeck::store::Sample;
use rusqlite::Connection;

pub struct Narrow(pub Connection);

impl Narrow {
    pub fn open(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536;
                 CREATE TABLE sample (series INTEGER, at INTEGER, value REAL, state INTEGER, PRIMARY KEY (series, at)) WITHOUT ROWID;",
            )
            .unwrap();
        Self(connection)
    }

    pub fn append(&mut self, number_of: impl Fn(&Sample) -> i64, samples: &[Sample]) {
        let transaction = self.0.transaction().unwrap();
        {
            let mut insert = transaction.prepare_cached("INSERT INTO sample VALUES (?1, ?2, ?3, 0)").unwrap();
            for sample in samples {
                let value = sample.number.map(|number| sample.decimals.value(number));
                insert.execute((number_of(sample), sample.at_ms, value)).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    pub fn bytes(&self) -> u64 {
        let _ = self.0.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        let pages: i64 = self.0.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        pages.unsigned_abs() * 4096
    }
}
