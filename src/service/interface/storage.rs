//! How keeping goes, as clients are told.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The store in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Storage {
    /// Size of the database file, in bytes.
    pub bytes: u64,
    /// Batches that wait in memory for a disk that takes them.
    pub waiting_batches: u64,
    /// Their size there, in bytes.
    pub waiting_bytes: u64,
    /// Batches that were turned away because no more could wait, since the start.
    pub refused_batches: u64,
    /// Samples that differ from what was stored for their time and were left out, since the start.
    pub conflicts: u64,
    /// Blocks that were found damaged, since the start.
    pub damaged_blocks: u64,
    /// Where a damaged file was put aside, at the start or since.
    pub put_aside: Option<PathBuf>,
    /// Nothing can be written, and why.
    pub cannot_save: Option<CannotSave>,
}

/// Why nothing can be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CannotSave {
    /// Since when.
    pub since: Option<Timestamp>,
    /// What the system says.
    pub reason: String,
}
