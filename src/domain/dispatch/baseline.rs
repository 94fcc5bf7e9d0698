//! Baseline and effect: what a programme meter would have taken, and what it takes less (pure).
//!
//! The baseline is the mean of the last 10 similar days without an event (weekdays, or weekends and holidays), moved by how
//! today compares with them before the event: CAISO's 10-in-10 form with its same-day adjustment of at most ±20 %.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One interval of an event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EffectInterval {
    /// Its start.
    pub start: Timestamp,
    /// Its end.
    pub end: Timestamp,
    /// What the meter would have taken, kWh.
    pub baseline_kwh: Decimal,
    /// What it took, kWh; `None`: not measured, or not over yet.
    pub actual_kwh: Option<Decimal>,
    /// What it took less, kWh; negative: it took more.
    pub reduction_kwh: Option<Decimal>,
}

/// The effect of an event at one programme meter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    /// Days that the baseline is a mean of.
    pub days: usize,
    /// The same-day adjustment, a factor of 0.8 to 1.2; `None`: it could not be told, and is taken to be 1.
    pub adjustment: Option<Decimal>,
    /// In order of time.
    pub intervals: Vec<EffectInterval>,
    /// Reduction of the measured intervals, kWh.
    pub delivered_kwh: Decimal,
    /// Whether every interval of the event is measured.
    pub is_complete: bool,
    /// Live power, kW, where it is known.
    pub actual_kw: Option<f64>,
    /// Baseline now, kW, while the event lasts.
    pub baseline_kw: Option<f64>,
}
