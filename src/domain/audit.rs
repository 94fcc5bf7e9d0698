//! The change log: who changed what, when, and what was so before and after.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One change, as it was asked for and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Place in the log, from 1; where what came of it is an entry of its own, the next change's is not the next number.
    pub sequence: u64,
    /// When it was asked for.
    pub at: Timestamp,
    /// Unix user that asked.
    pub uid: u32,
    /// That user's name.
    pub name: String,
    /// From where they came over SSH, as their program said.
    pub address: Option<String>,
    /// What was asked, as JSON; of rows that were handed over, their number.
    pub request: String,
    /// What came of it; `None` where the service ended before it was done.
    pub outcome: Option<Outcome>,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// When.
    pub at: Timestamp,
    /// It was done.
    pub done: bool,
    /// What was so before, as JSON or in words, where there is something to say.
    pub before: Option<String>,
    /// What is so after it; or why it was not done.
    pub after: Option<String>,
}

/// What a look through the whole log came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Entries that were looked at: a change has one for what was asked and one for what came of it.
    pub entries: u64,
    /// Hash of the last good entry, hexadecimal: noted elsewhere, it shows later that nothing was cut off.
    pub head: String,
    /// The first entry that does not follow from the one before it, and what is wrong.
    pub broken: Option<(u64, String)>,
}
