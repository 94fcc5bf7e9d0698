//! Evidence from the site's own meter: how far each reading is from what was measured over its period.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    reading::Candidate,
    unit::{UsageDimension, UsageUnit},
};

/// What the site's own meter measured over a reading's period, from its cumulative register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measured {
    /// Energy in kWh.
    pub energy_kwh: Decimal,
    /// Share of the period that was measured, in percent.
    pub coverage_percent: Decimal,
}

/// When such a measurement decides: only where the configuration says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasuredRule {
    /// Most that a reading may be off, in percent of what was measured.
    pub tolerance_percent: Decimal,
    /// Least share of the period that was measured, in percent.
    pub coverage_percent: Decimal,
}

impl Measured {
    /// How far a reading of energy is off, in percent of what was measured, with its sign. `None` for anything but energy,
    /// without a usage, and where nothing was measured, unless the reading says nothing too.
    pub fn deviation_percent(&self, candidate: &Candidate) -> Option<Decimal> {
        let usage = candidate.usage.as_ref().filter(|usage| usage.unit().dimension() == UsageDimension::Energy)?;
        let read_kwh = UsageUnit::KWH.from_base(usage.base())?;
        let off_kwh = read_kwh.checked_sub(self.energy_kwh)?;
        if off_kwh.is_zero() {
            return Some(Decimal::ZERO);
        }
        off_kwh.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(self.energy_kwh.abs())
    }
}

impl MeasuredRule {
    /// The members whose usage was measured; `None` where any two of them differ, or none was measured: then a person
    /// decides. `measured` has an entry for each member.
    pub(super) fn measured(&self, members: &[&Candidate], measured: &[Option<Measured>]) -> Option<Vec<usize>> {
        let is_measured = |(member, measured): &(&&Candidate, &Option<Measured>)| {
            measured.is_some_and(|measured| {
                measured.coverage_percent >= self.coverage_percent
                    && measured.deviation_percent(member).is_some_and(|off| off.abs() <= self.tolerance_percent)
            })
        };
        let pairs = members.iter().zip(measured).enumerate();
        let fitting: Vec<usize> = pairs.filter(|(_, pair)| is_measured(pair)).map(|(index, _)| index).collect();
        let amount = |index: &usize| members.get(*index)?.usage.as_ref().map(super::unit::Usage::base);
        let first = fitting.first().and_then(amount)?;
        fitting.iter().all(|index| amount(index) == Some(first)).then_some(fitting)
    }
}
