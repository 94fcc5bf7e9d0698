//! The store: everything measured, in one SQLite file.
#![expect(dead_code, reason = "the writer and the queries follow")]

mod bytes;
mod catalogue;
mod chunk;
mod column;
mod hot;
mod schema;
mod types;

pub use hot::MAX_BATCH;
pub use types::*;

/// Most bytes of packed batches that wait in memory while the disk takes none: about an hour of 1,000 meters.
pub const MAX_BUFFER_BYTES: u64 = 48 << 20;
