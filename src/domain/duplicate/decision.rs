//! What people decide about groups and overlaps. Decisions are only ever added; an undo is one too.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    id::{FindingKind, GroupId, ReadingId},
    unit::Usage,
};

/// The longest reason, in characters.
pub const MAX_REASON_LENGTH: usize = 500;

/// What a person decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Choice {
    /// These readings count, the others do not: one of a group, any of an overlap.
    Use {
        /// Those that count, in order.
        readings: Vec<ReadingId>,
    },
    /// None of them counts, but this.
    Value {
        /// How much.
        usage: Usage,
    },
    /// All of them count: they are no duplicates.
    KeepAll,
    /// Later.
    Defer,
    /// A decision is taken back.
    Undo {
        /// Which one, by its sequence.
        of: u64,
    },
}

/// One entry in the book of decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Counts up from 1; the order in which they were taken.
    pub sequence: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// About which kind of finding.
    pub kind: FindingKind,
    /// The readings that it was about then, in order.
    pub members: Vec<ReadingId>,
    /// What.
    pub choice: Choice,
    /// Why, in the person's words.
    pub reason: String,
    /// The sequence of the last decision about these readings that the person had seen; 0 for none.
    pub version: u64,
}

/// Why a decision is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DecisionError {
    /// Somebody else was quicker.
    #[error("{} decided meanwhile: {}", other.who, other.choice.word())]
    Outdated {
        /// What they decided.
        other: Box<Decision>,
    },
    /// The group has other members now.
    #[error("the readings of this group have changed; look again")]
    Changed {
        /// The id that the group with the present members has, where there is one.
        now: Option<GroupId>,
    },
    /// A reading is not one of the group's.
    #[error("reading {reading} is not one of these")]
    NotAMember {
        /// Which one.
        reading: ReadingId,
    },
    /// One reading of a group counts, not several and not none.
    #[error("choose one reading of the group, or say that all of them count")]
    NotOne,
    /// A typed value measures something else than the readings.
    #[error("{unit} does not measure what these readings do")]
    OtherDimension {
        /// The unit that was typed.
        unit: String,
    },
    /// A reading without a usage cannot count.
    #[error("reading {reading} has no usage")]
    NoUsage {
        /// Which one.
        reading: ReadingId,
    },
    /// Nothing to undo.
    #[error("there is no decision to undo")]
    NothingToUndo,
    /// Every choice of a person needs a reason.
    #[error("say why, in 1 to 500 characters")]
    NoReason,
}

impl Choice {
    /// In one or two words.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Use { .. } => "use",
            Self::Value { .. } => "value",
            Self::KeepAll => "keep all",
            Self::Defer => "defer",
            Self::Undo { .. } => "undo",
        }
    }
}
