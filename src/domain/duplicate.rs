//! Utility readings that were billed twice: which readings claim one period, which of them counts, and what a meter used
//! in total (pure).
//!
//! The source of the rules is Arcadia's guide "Accounts from Additional/Secondary Providers on a Bill"; the figure of the
//! commodity distributor, who owns the metering, wins.

pub use self::{
    accounting::account,
    all::{TooMany, decide_all},
    assess::{Assessment, Knowledge, MeasuredOf, Set, assess, assess_with},
    book::Book,
    decision::{Choice, Decision, DecisionError, MAX_REASON_LENGTH},
    expected::ExpectedDuplicates,
    finding::{Finding, Gap, ReviewReason, Rule, Standing, Status},
    id::{BadHashId, DocumentId, FindingKind, GroupId, PartId, ReadingId, StatementId},
    measured::{Measured, MeasuredRule},
    meter::{MeterKey, MeterMap, UtilityMeter},
    overlap::Overlap,
    period::{BadPeriod, Period, date_of, day_number},
    prepare::{Proposal, prepare},
    reading::{Candidate, ChargeStage, Classification, DeregulationStatus, Exclusion, Provenance, Provider, Reading},
    rules::{Verdict, decide},
    sets::{DecidedSet, Scratch, decide_meter},
    slot::{Marks, NO_STATEMENT_DAY, Slot},
    statement::{Account, Part, PartKey, PartOrder, Record, Snapshot, Statement, latest},
    sum::ExactSum,
    timeline::{Axis, Bar, BarState, bars},
    unit::{BadUsage, KnownUnit, Usage, UsageDimension, UsageUnit, parse_decimal},
    usage::{LineStatus, MeterUsage, OverlapLine, UsageLine, Window},
};

mod accounting;
mod all;
mod assess;
mod book;
mod decision;
mod expected;
mod finding;
mod id;
mod measured;
mod meter;
mod overlap;
mod period;
mod prepare;
mod reading;
mod rules;
mod sets;
mod slot;
mod statement;
mod sum;
#[cfg(test)]
mod tests;
mod timeline;
mod unit;
mod usage;
mod words;
