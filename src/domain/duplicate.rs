//! Utility readings that were billed twice: which readings claim one period, which of them counts, and what a meter used
//! in total (pure).
//!
//! The source of the rules is Arcadia's guide "Accounts from Additional/Secondary Providers on a Bill"; the figure of the
//! commodity distributor, who owns the metering, wins.

pub use self::{
    decision::{Choice, Decision, DecisionError, MAX_REASON_LENGTH},
    finding::{Finding, Gap, ReviewReason, Rule, Standing, Status},
    id::{BadHashId, DocumentId, FindingKind, GroupId, ReadingId, StatementId},
    meter::{MeterKey, MeterMap, UtilityMeter, meter_names},
    period::{BadPeriod, Period},
    reading::{Candidate, ChargeStage, Classification, DeregulationStatus, Exclusion, Provenance, Provider, Reading},
    statement::{Account, Part, PartKey, PartOrder, Record, Snapshot, Statement, latest},
    unit::{BadUsage, KnownUnit, Usage, UsageDimension, UsageUnit, parse_decimal},
    usage::{LineStatus, MeterUsage, OverlapLine, UsageLine, UsageReport, Window},
};

mod decision;
mod finding;
mod id;
mod meter;
mod period;
mod reading;
mod statement;
mod unit;
mod usage;
