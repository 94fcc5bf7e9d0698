//! The accounting: what counts for each period of a meter, and the total, as commands print it.

use std::borrow::Cow;

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    finding::{Gap, Rule},
    id::{GroupId, ReadingId},
    period::Period,
    unit::UsageUnit,
};

/// Which days an accounting is asked for; `None` is without bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First day.
    pub from: Option<Date>,
    /// The day after the last.
    pub to: Option<Date>,
}

/// Whether a line of the accounting is settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineStatus {
    /// Its usage counts (nothing, where there is none).
    Counted,
    /// A person has to decide; nothing counts yet.
    Review,
}

/// What counts for one period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageLine {
    /// From when to when.
    #[serde(flatten)]
    pub period: Period,
    /// How much counts, in the total's unit.
    #[serde(with = "rust_decimal::serde::str_option")]
    pub usage: Option<Decimal>,
    /// By which rule; none in review.
    pub rule: Option<Rule>,
    /// Whether it is settled.
    pub status: LineStatus,
    /// The reading that counts; none for a typed value.
    pub chosen: Option<ReadingId>,
    /// The readings of the same period that do not count.
    pub set_aside: Vec<ReadingId>,
    /// The group, where there is more than one reading.
    pub group: Option<GroupId>,
    /// Why, in words.
    pub why: Cow<'static, str>,
}

/// Readings that overlap and all count as long as nobody says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlapLine {
    /// Its id, to decide about it.
    pub id: GroupId,
    /// The readings.
    pub readings: Vec<ReadingId>,
    /// First day that is counted twice.
    pub from: Date,
    /// The day after the last one.
    pub to: Date,
}

/// A meter's total in one dimension.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeterUsage {
    /// What the meter is called.
    pub meter: String,
    /// The unit of all figures here.
    pub unit: UsageUnit,
    /// The periods, in order.
    pub periods: Vec<UsageLine>,
    /// What counts together; `None` where it has more digits than can be written exactly.
    #[serde(with = "rust_decimal::serde::str_option")]
    pub total: Option<Decimal>,
    /// Nothing is missing, open or counted twice.
    pub complete: bool,
    /// Days that what counts covers.
    pub coverage_days: u32,
    /// Groups that wait for a person.
    pub open_reviews: u32,
    /// Readings that say no usage.
    pub without_usage: u32,
    /// Days that nothing covers.
    pub gaps: Vec<Gap>,
    /// Readings that are counted twice in part.
    pub overlaps: Vec<OverlapLine>,
}
