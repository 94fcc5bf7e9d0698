//! Why a device is left out, an action skipped or failed: in words, and as data.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{programme::EventId, unit::Unit};

/// A reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Reason {
    /// The device takes no commands.
    NotControllable,
    /// There is no such programme meter here.
    NotOurs,
    /// The programme meter is archived.
    Archived,
    /// The device carries a maintenance tag.
    Maintenance,
    /// No value means "as little as possible".
    NoCurtailment,
    /// The command is outside the control point's limits.
    OutsideLimits {
        /// The command.
        value: f64,
        /// The smallest.
        min: Option<f64>,
        /// The largest.
        max: Option<f64>,
        /// Of all three.
        unit: Unit,
    },
    /// The command is between two steps.
    OffStep {
        /// The command.
        value: f64,
        /// The step.
        step: f64,
        /// Of both.
        unit: Unit,
    },
    /// The register cannot hold the command exactly.
    NotRepresentable {
        /// The command.
        value: f64,
        /// Its unit.
        unit: Unit,
    },
    /// The device would be off for less than its least time.
    TooShort {
        /// Seconds it would be off.
        seconds: i64,
        /// Seconds it has to be.
        least: u64,
    },
    /// The device was let go too recently.
    OnTooShortly {
        /// It may be called again then.
        until: Timestamp,
    },
    /// It was called often enough today.
    CalledOften {
        /// Calls today.
        calls: u32,
    },
    /// Its register has been written often enough today.
    WriteBudget {
        /// Writes today.
        writes: u32,
    },
    /// The local/remote switch is not as it must be.
    NotPermitted {
        /// What it reads.
        reads: Option<f64>,
        /// What it has to read.
        wanted: f64,
    },
    /// The device does not answer.
    NoAnswer {
        /// The fault in words.
        fault: String,
    },
    /// It holds something stricter already.
    AlreadyLower {
        /// What it holds.
        value: f64,
        /// Its unit.
        unit: Unit,
    },
    /// What it holds is no number, so it could not be told from what is wanted.
    Unreadable,
    /// Somebody else has set it, and nobody has decided about that yet.
    InConflict,
    /// The device refuses the command.
    Refused {
        /// The fault in words.
        fault: String,
    },
    /// The device acknowledged, and holds something else.
    NotConfirmed {
        /// What was asked.
        asked: f64,
        /// What it holds; `None`: no number.
        holds: Option<f64>,
        /// Of both.
        unit: Unit,
    },
    /// Whether it was written is not known, and the device does not say.
    Unknown {
        /// The fault in words.
        fault: String,
    },
    /// Somebody else changed it while it was held.
    ChangedByOthers {
        /// What was held.
        from: Option<f64>,
        /// What it holds.
        to: Option<f64>,
        /// Of both.
        unit: Unit,
    },
    /// The device had lost the command, and got it again.
    Reasserted {
        /// How often.
        times: u32,
    },
    /// Its event is over; another one holds the device.
    HeldBy {
        /// Which.
        event: EventId,
    },
    /// Called off before it began.
    CalledOff,
    /// A person decided that the device stays as it was found.
    Left {
        /// Who.
        who: String,
    },
    /// It was not in the plan that was confirmed.
    NotConfirmedPlan,
    /// The device is in the site file no more.
    Gone,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: &Option<f64>| value.map_or_else(|| "no number".to_owned(), |value| value.to_string());
        match self {
            Self::NotControllable => formatter.write_str("takes no commands: it has no control point"),
            Self::NotOurs => formatter.write_str("not ours: no device"),
            Self::Archived => formatter.write_str("the programme meter is archived"),
            Self::Maintenance => formatter.write_str("maintenance tag"),
            Self::NoCurtailment => formatter.write_str("no `curtail` value is configured"),
            Self::OutsideLimits { value, min, max, unit } => {
                let bound = |bound: &Option<f64>| bound.map_or_else(|| "…".to_owned(), |bound| bound.to_string());
                let (min, max, unit) = (bound(min), bound(max), unit.symbol());
                write!(formatter, "{value} {unit} is outside its limits {min} to {max} {unit}")
            }
            Self::OffStep { value, step, unit } => {
                write!(formatter, "{value} {} is between its steps of {step}", unit.symbol())
            }
            Self::NotRepresentable { value, unit } => {
                write!(formatter, "its register cannot hold {value} {}", unit.symbol())
            }
            Self::TooShort { seconds, least } => {
                write!(formatter, "it would be off for {seconds} s, and has to be for {least} s")
            }
            Self::OnTooShortly { until } => write!(formatter, "it was let go a short while ago; again at {until:.0}"),
            Self::CalledOften { calls } => write!(formatter, "called {calls} times today, which is its most"),
            Self::WriteBudget { writes } => write!(formatter, "written {writes} times today, which is its most"),
            Self::NotPermitted { reads, wanted } => {
                write!(formatter, "its permit reads {} and has to read {wanted}", number(reads))
            }
            Self::NoAnswer { fault } => write!(formatter, "no answer: {fault}"),
            Self::AlreadyLower { value, unit } => {
                write!(formatter, "it holds {value} {} already", unit.symbol())
            }
            Self::Unreadable => formatter.write_str("what it holds is no number"),
            Self::InConflict => formatter.write_str("somebody else has set it; decide about that first"),
            Self::Refused { fault } => write!(formatter, "refused by the device: {fault}"),
            Self::NotConfirmed { asked, holds, unit } => {
                write!(formatter, "NOT CONFIRMED: asked {asked} {}, device holds {}", unit.symbol(), number(holds))
            }
            Self::Unknown { fault } => write!(formatter, "UNKNOWN whether it was written: {fault}"),
            Self::ChangedByOthers { from, to, unit } => {
                write!(formatter, "CHANGED BY OTHERS: {} -> {} {}", number(from), number(to), unit.symbol())
            }
            Self::Reasserted { times } => write!(formatter, "LIMIT LOST, re-applied {times} times"),
            Self::HeldBy { event } => write!(formatter, "held by event {event}"),
            Self::CalledOff => formatter.write_str("called off before it began"),
            Self::Left { who } => write!(formatter, "left as it was found, by {who}"),
            Self::NotConfirmedPlan => formatter.write_str("not in the plan that was confirmed"),
            Self::Gone => formatter.write_str("no longer in the site file"),
        }
    }
}
