//! What is found among a meter's readings: groups, overlaps, gaps, and how each stands.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{
    id::{FindingKind, GroupId, ReadingId},
    period::Period,
    unit::{Usage, UsageDimension},
};

/// By which rule a group was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// There is only this reading.
    Single,
    /// All usages are equal.
    SameValue,
    /// One has the deregulation status `DELIVERY_ONLY`.
    DeliveryOnly,
    /// The account of one has a charge of the distributor's.
    LifecycleStage,
    /// The site's own meter measured one of them; only where the configuration switches it on.
    Measured,
    /// A person decided.
    Manual,
}

impl Rule {
    /// Every one.
    pub const ALL: &[Self] =
        &[Self::Single, Self::SameValue, Self::DeliveryOnly, Self::LifecycleStage, Self::Measured, Self::Manual];

    /// Its name in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::SameValue => "same_value",
            Self::DeliveryOnly => "delivery_only",
            Self::LifecycleStage => "lifecycle_stage",
            Self::Measured => "measured",
            Self::Manual => "manual",
        }
    }
}

/// Why a person has to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// Nothing says which reading is the distributor's.
    NoDistributorEvidence,
    /// The distributor's readings have different usages.
    ConflictingDistributors,
    /// A reading of the distributor's has no usage.
    DistributorWithoutUsage,
    /// Each has the same period as the next, but not all as all.
    Chained,
}

impl ReviewReason {
    /// Every one.
    pub const ALL: &[Self] =
        &[Self::NoDistributorEvidence, Self::ConflictingDistributors, Self::DistributorWithoutUsage, Self::Chained];

    /// Its name in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoDistributorEvidence => "no_distributor_evidence",
            Self::ConflictingDistributors => "conflicting_distributors",
            Self::DistributorWithoutUsage => "distributor_without_usage",
            Self::Chained => "chained",
        }
    }

    /// In words for the person.
    pub fn describe(self) -> &'static str {
        match self {
            Self::NoDistributorEvidence => "no evidence which belongs to the distributor",
            Self::ConflictingDistributors => "readings of the distributor disagree",
            Self::DistributorWithoutUsage => "a reading of the distributor has no usage",
            Self::Chained => "a chain: not all of these periods are the same",
        }
    }
}

/// Whether a finding waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It does.
    Review,
    /// It does not.
    Resolved,
}

/// How a group or an overlap stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Standing {
    /// Decided by a rule.
    Ruled {
        /// Which one.
        rule: Rule,
        /// The reading that counts.
        chosen: ReadingId,
    },
    /// Decided by a person.
    Decided {
        /// The decision, by its sequence.
        decision: u64,
        /// The readings that count, in the order of their ids; none for a typed value.
        counted: Vec<ReadingId>,
        /// What was typed.
        value: Option<Usage>,
    },
    /// Waits for a person.
    Open {
        /// Why; none where only a change of its members opened it, and for overlaps.
        reason: Option<ReviewReason>,
        /// The decision that no longer covers its members.
        reopened: Option<u64>,
        /// The decision to put it off.
        deferred: Option<u64>,
    },
}

impl Standing {
    /// Whether it waits for a person.
    pub fn status(&self) -> Status {
        if matches!(self, Self::Open { .. }) { Status::Review } else { Status::Resolved }
    }

    /// By which rule it was decided.
    pub fn rule(&self) -> Option<Rule> {
        match self {
            Self::Ruled { rule, .. } => Some(*rule),
            Self::Decided { .. } => Some(Rule::Manual),
            Self::Open { .. } => None,
        }
    }

    /// Why a person has to decide.
    pub fn reason(&self) -> Option<ReviewReason> {
        if let Self::Open { reason, .. } = self { *reason } else { None }
    }

    /// The one reading that counts, where it is one.
    pub fn chosen(&self) -> Option<ReadingId> {
        match self {
            Self::Ruled { chosen, .. } => Some(*chosen),
            Self::Decided { counted, .. } => {
                if let [one] = counted.as_slice() {
                    Some(*one)
                } else {
                    None
                }
            }
            Self::Open { .. } => None,
        }
    }
}

/// Readings of one meter that claim one period (or a single one), or that overlap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The id, of its members.
    pub id: GroupId,
    /// What kind it is.
    pub kind: FindingKind,
    /// What its readings measure.
    pub dimension: UsageDimension,
    /// Of a group: the period of the reading that counts, else the earliest start and latest end. Of an overlap: the
    /// days that are counted twice, from the first to the last.
    pub period: Period,
    /// Its readings, by period and then in the order of their ids.
    pub members: Vec<ReadingId>,
    /// How it stands.
    pub standing: Standing,
    /// Sequence of the last entry about its members in the book of decisions, 0 for none: what a new one is checked
    /// against.
    pub version: u64,
}

/// Days that no reading covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Gap {
    /// First day without.
    pub from: Date,
    /// First day with one again.
    pub to: Date,
}
