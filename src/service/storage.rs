//! From the store's own words to those of the interface.

use jiff::Timestamp;

use super::interface::storage::{CannotSave, Storage};
use crate::store::{Health, Saving, Store};

impl From<&Store> for Storage {
    fn from(store: &Store) -> Self {
        let Health { saving, buffered_batches, buffered_bytes, refused_batches, conflicts, damaged_blocks, put_aside } =
            store.health();
        let cannot_save = match saving {
            Saving::Works => None,
            Saving::Fails { since_ms, reason } => {
                Some(CannotSave { since: Timestamp::from_millisecond(since_ms).ok(), reason })
            }
        };
        Self {
            // One that has gone is told by the writer.
            bytes: std::fs::metadata(store.path()).map_or(0, |found| found.len()),
            waiting_batches: buffered_batches,
            waiting_bytes: buffered_bytes,
            refused_batches,
            conflicts,
            damaged_blocks,
            put_aside,
            cannot_save,
        }
    }
}
