//! Counters: what the differences of a cumulative register mean, over resets, rollovers, meter swaps and nonsense.
//!
//! A count that falls, or rises more than the meter's rating allows, is held until the next count shows what it was:
//! if the register goes on from where it was before, it was a glitch and nothing is lost; if it goes on from the new
//! value, it was a reset, a rollover or a jump. Energy is never negative, and a jump is never consumption.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

mod serial;
#[cfg(test)]
mod tests;

pub use serial::SerialWatch;

/// How far over its rating a meter may be loaded before a rise is taken for nonsense: overload happens, tenfold does not.
const OVERLOAD_TENTHS: i64 = 12;
/// Registers move in steps and devices refresh them when they like: this much time is added to what has gone by.
const REFRESH_SLACK: Duration = Duration::from_mins(1);
/// A count that is earlier than the last by more than this says that the clock was set back.
const SET_BACK: Duration = Duration::from_secs(1);
/// Without a rating: a fall is a rollover only from the last tenth of the register's range into its first tenth.
const ROLLOVER_ZONE_TENTHS: i64 = 1;

/// A cumulative register's value at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// When it was read.
    pub at: Timestamp,
    /// What it said, in the quantity's own unit (kWh, kvarh, m³, pulses), exactly.
    pub value: Decimal,
    /// Which physical meter: counts of two epochs have nothing to do with each other.
    pub epoch: u32,
}

/// What a register can do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Where it starts again from zero.
    pub modulus: Option<Decimal>,
    /// The most that can flow in an hour by the rating; without one, every rise is believed.
    pub per_hour: Option<Decimal>,
}

/// Consumption between two counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// The earlier count's time.
    pub from: Timestamp,
    /// The later count's time, after `from`.
    pub to: Timestamp,
    /// How much, zero or more.
    pub amount: Decimal,
}

/// Something that a register did beside counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// The count at which it was seen.
    pub at: Timestamp,
    /// What it was.
    pub kind: IncidentKind,
    /// The value before.
    pub before: Decimal,
    /// The value then.
    pub after: Decimal,
}

/// What a register can do beside counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentKind {
    /// Passed its largest value and went on from zero.
    Rollover,
    /// Began again at zero.
    Reset,
    /// Began again somewhere: what was counted before that is unknown.
    NewBase,
    /// Said something else for a moment and came back.
    Glitch,
    /// Rose more than the rating allows; the rise is held back.
    Jump,
    /// Another physical meter.
    Swap,
}

impl IncidentKind {
    /// The word for it on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rollover => "ROLLED OVER",
            Self::Reset => "RESET",
            Self::NewBase => "NEW BASE",
            Self::Glitch => "SUSPECT",
            Self::Jump => "IMPLAUSIBLE",
            Self::Swap => "DIFFERENT METER",
        }
    }
}

/// Follows one register, count by count, in order of time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// The last count that is believed.
    base: Option<Count>,
    /// A count that needs the next one to be understood.
    held: Option<Count>,
}

/// What one more count led to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What is known to have been consumed, in order of time.
    pub segments: Vec<Segment>,
    /// What happened beside.
    pub incidents: Vec<Incident>,
}

/// How a count relates to the one before.
enum Relation {
    /// It counts on by this much.
    Advance(Decimal),
    /// It needs the next one to be understood.
    Doubtful,
}

impl Counter {
    /// A counter that goes on from a count that is believed.
    pub fn from_base(base: Count) -> Self {
        Self { base: Some(base), held: None }
    }

    /// The last count that is believed.
    pub fn base(&self) -> Option<Count> {
        self.base
    }

    /// The count that is held back until the next one.
    pub fn held(&self) -> Option<Count> {
        self.held
    }

    /// Takes the next count as it is read. One that is hardly earlier than the last is ignored; where it is earlier by more,
    /// the clock was set back, and the register goes on from where it was.
    pub fn push(&mut self, count: Count, limits: &Limits) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(base) = self.base else {
            self.base = Some(count);
            return outcome;
        };
        let last = self.held.map_or(base.at, |held| held.at);
        if count.at <= last {
            let back = Duration::try_from(last.duration_since(count.at)).unwrap_or_default();
            if back > SET_BACK && count.epoch == base.epoch {
                let at = count.at.checked_sub(SignedDuration::from_millis(1)).unwrap_or(count.at);
                let base = Count { at, ..base };
                *self = Self::from_base(base);
                self.follow(base, count, limits, &mut outcome);
            }
            return outcome;
        }
        if count.epoch != base.epoch {
            self.settle(limits, &mut outcome);
            outcome.incident(IncidentKind::Swap, self.base.unwrap_or(base), count);
            *self = Self::from_base(count);
            return outcome;
        }
        match self.held {
            None => self.follow(base, count, limits, &mut outcome),
            Some(held) => {
                if let Relation::Advance(amount) = relate(base, count, limits) {
                    outcome.incident(IncidentKind::Glitch, base, held);
                    outcome.segment(base, count, amount);
                    *self = Self::from_base(count);
                } else {
                    self.settle(limits, &mut outcome);
                    let base = self.base.unwrap_or(held);
                    self.follow(base, count, limits, &mut outcome);
                }
            }
        }
        outcome
    }

    /// Decides about a held count as if nothing came after it: at the end of what there is.
    pub fn finish(mut self, limits: &Limits) -> Outcome {
        let mut outcome = Outcome::default();
        self.settle(limits, &mut outcome);
        outcome
    }

    fn follow(&mut self, base: Count, count: Count, limits: &Limits, outcome: &mut Outcome) {
        match relate(base, count, limits) {
            Relation::Advance(amount) => {
                outcome.segment(base, count, amount);
                *self = Self::from_base(count);
            }
            Relation::Doubtful => self.held = Some(count),
        }
    }

    /// Believes the held count: it was a rollover, a reset, a new base or a jump.
    fn settle(&mut self, limits: &Limits, outcome: &mut Outcome) {
        let (Some(base), Some(held)) = (self.base, self.held.take()) else { return };
        self.base = Some(held);
        let allowed = allowance(base, held, limits);
        let fits = |amount: Decimal| allowed.is_none_or(|allowed| amount <= allowed);
        if held.value >= base.value {
            outcome.incident(IncidentKind::Jump, base, held);
        } else if let Some(wrapped) = wrap_distance(base, held, limits) {
            outcome.incident(IncidentKind::Rollover, base, held);
            outcome.segment(base, held, wrapped);
        } else if held.value >= Decimal::ZERO && fits(held.value) {
            outcome.incident(IncidentKind::Reset, base, held);
            outcome.segment(base, held, held.value);
        } else {
            outcome.incident(IncidentKind::NewBase, base, held);
        }
    }
}

impl Outcome {
    fn segment(&mut self, from: Count, to: Count, amount: Decimal) {
        self.segments.push(Segment { from: from.at, to: to.at, amount });
    }

    fn incident(&mut self, kind: IncidentKind, before: Count, after: Count) {
        self.incidents.push(Incident { at: after.at, kind, before: before.value, after: after.value });
    }
}

fn relate(base: Count, count: Count, limits: &Limits) -> Relation {
    let Some(rise) = count.value.checked_sub(base.value) else { return Relation::Doubtful };
    if rise < Decimal::ZERO || allowance(base, count, limits).is_some_and(|allowed| rise > allowed) {
        return Relation::Doubtful;
    }
    Relation::Advance(rise)
}

/// The most that the rating lets flow between two counts, with one step of the register; `None` without a rating.
fn allowance(from: Count, to: Count, limits: &Limits) -> Option<Decimal> {
    let elapsed = Duration::try_from(to.at.duration_since(from.at)).unwrap_or_default().saturating_add(REFRESH_SLACK);
    let hours = Decimal::from(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)) / Decimal::from(3_600_000);
    let step = Decimal::new(1, from.value.scale().min(to.value.scale()));
    let flow = limits.per_hour?.checked_mul(hours)?.checked_mul(Decimal::new(OVERLOAD_TENTHS, 1))?;
    flow.checked_add(step)
}

/// How far a register went if it passed its largest value; `None` where that does not explain the fall.
fn wrap_distance(from: Count, to: Count, limits: &Limits) -> Option<Decimal> {
    let modulus = limits.modulus?;
    let distance = modulus.checked_sub(from.value)?.checked_add(to.value)?;
    if from.value > modulus || to.value < Decimal::ZERO {
        return None;
    }
    let explained = if let Some(allowed) = allowance(from, to, limits) {
        distance <= allowed
    } else {
        let zone = modulus.checked_mul(Decimal::new(ROLLOVER_ZONE_TENTHS, 1))?;
        from.value >= modulus.checked_sub(zone)? && to.value <= zone
    };
    explained.then_some(distance)
}
