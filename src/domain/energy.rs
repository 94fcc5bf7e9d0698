//! A meter's energy, as it is counted: counts of its registers (or, without one, its power over time) become shares of
//! intervals, and incidents. What it needs to go on is one small value, so that a restart loses and doubles nothing.

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    counter::{Count, Counter, Incident, Limits, Segment},
    interval::{Direction, Grid, Share},
    quantity::Quantity,
};

/// Decimals of energy that is integrated from power: fine enough for one second of a few watts.
const INTEGRAL_DECIMALS: u32 = 9;
/// The share of a block's time that must be measured for it to count as a peak.
pub const PEAK_COVERAGE: f64 = 0.9;

/// How a meter's energy is counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules {
    /// Of the register of what is consumed.
    pub consumed: Limits,
    /// Of the register of what is generated.
    pub generated: Limits,
    /// The intervals.
    pub grid: Grid,
    /// Counts further apart than this leave a gap.
    pub gap: Duration,
    /// The quantity that is integrated where there is no register: power. `None` where there is one, or neither.
    pub integrates_power: bool,
}

/// Where counting stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// The register of what is consumed.
    pub consumed: Register,
    /// The register of what is generated.
    pub generated: Register,
    /// The last power, where that is integrated.
    pub power: Option<(Timestamp, Decimal)>,
}

/// One register.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Register {
    /// The counter.
    pub counter: Counter,
    /// Its first value ever: what was on it when records began.
    pub first: Option<Count>,
}

/// What new values led to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Booking {
    /// Energy, by direction and interval.
    pub shares: Vec<(Direction, Share)>,
    /// What registers did beside counting.
    pub incidents: Vec<(Quantity, Incident)>,
}

impl Ledger {
    /// Takes the next count of a register.
    pub fn count(&mut self, direction: Direction, count: Count, rules: &Rules) -> Booking {
        let (register, limits, quantity) = match direction {
            Direction::Consumed => (&mut self.consumed, &rules.consumed, Quantity::KwhLifetime),
            Direction::Generated => (&mut self.generated, &rules.generated, Quantity::KwhExportLifetime),
        };
        register.first.get_or_insert(count);
        let outcome = register.counter.push(count, limits);
        let shares = outcome.segments.iter().flat_map(|segment| rules.grid.spread(segment, rules.gap));
        Booking {
            shares: shares.map(|share| (direction, share)).collect(),
            incidents: outcome.incidents.into_iter().map(|incident| (quantity.clone(), incident)).collect(),
        }
    }

    /// Takes the next power, in kW; `None` where it is not known. Between two that are no gap apart their mean flowed.
    pub fn power(&mut self, at: Timestamp, power_kw: Option<Decimal>, rules: &Rules) -> Booking {
        let before = std::mem::replace(&mut self.power, power_kw.map(|power| (at, power)));
        let (Some((from, earlier)), Some(later)) = (before, power_kw) else { return Booking::default() };
        let elapsed = Duration::try_from(at.duration_since(from)).unwrap_or_default();
        if elapsed.is_zero() || elapsed > rules.gap {
            return Booking::default();
        }
        let Some(energy) = integral(earlier, later, elapsed) else { return Booking::default() };
        let direction = if energy.is_sign_negative() { Direction::Generated } else { Direction::Consumed };
        let segment = Segment { from, to: at, amount: energy.abs() };
        let shares = rules.grid.spread(&segment, rules.gap).into_iter();
        let shares = shares.map(|share| (direction, Share { estimated: true, measured: true, ..share }));
        Booking { shares: shares.collect(), incidents: Vec::new() }
    }

    /// When the last value was taken: counting goes on after it.
    pub fn watermark(&self, direction: Direction) -> Option<Timestamp> {
        let register = match direction {
            Direction::Consumed => &self.consumed,
            Direction::Generated => &self.generated,
        };
        register.counter.held().or(register.counter.base()).map(|count| count.at)
    }
}

/// Mean power × time.
fn integral(earlier_kw: Decimal, later_kw: Decimal, elapsed: Duration) -> Option<Decimal> {
    let milliseconds = Decimal::from(u64::try_from(elapsed.as_millis()).ok()?);
    let sum = earlier_kw.checked_add(later_kw)?.checked_mul(milliseconds)?;
    Some(sum.checked_div(Decimal::from(2 * 3_600_000))?.round_dp(INTEGRAL_DECIMALS))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;

    fn rules(integrates_power: bool) -> Rules {
        Rules {
            consumed: Limits::default(),
            generated: Limits::default(),
            grid: Grid::new(Duration::from_mins(15), &TimeZone::UTC),
            gap: Duration::from_secs(3),
            integrates_power,
        }
    }

    fn count(second: i64, value: &str) -> Count {
        Count { at: Timestamp::from_second(second).unwrap(), value: value.parse().unwrap(), epoch: 0 }
    }

    #[test]
    fn quarter_hours_are_the_differences_of_the_register() {
        let mut ledger = Ledger::default();
        let mut shares = Vec::new();
        for (second, value) in [(0, "100.0"), (900, "101.5"), (1800, "101.5"), (2700, "104.0")] {
            shares.extend(ledger.count(Direction::Consumed, count(second, value), &rules(false)).shares);
        }
        let amounts: Vec<String> = shares.iter().map(|(_, share)| share.amount.to_string()).collect();
        assert_eq!(amounts, ["1.5", "0.0", "2.5"]);
        assert!(shares.iter().all(|(_, share)| share.measured && !share.estimated));
        assert_eq!(ledger.consumed.first.unwrap().value.to_string(), "100.0");
    }

    #[test]
    fn power_is_integrated_and_not_over_gaps() {
        let mut ledger = Ledger::default();
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut total = Decimal::ZERO;
        for (second, kw) in
            [(0, Some("36")), (1, Some("36")), (2, None), (3, Some("36")), (10, Some("36")), (11, Some("-36"))]
        {
            let power = kw.map(|kw: &str| kw.parse().unwrap());
            for (direction, share) in ledger.power(at(second), power, &rules(true)).shares {
                assert!(share.estimated && share.measured);
                total += if direction == Direction::Consumed { share.amount } else { -share.amount };
            }
        }
        assert_eq!(total, "0.01".parse().unwrap());
    }

    proptest! {
        #[test]
        fn going_on_from_what_was_kept_changes_nothing(
            values in prop::collection::vec((1_i64..5000, 0_i64..1_000_000), 2..40),
            cut in 0_usize..40,
        ) {
            let mut second = 0;
            let counts: Vec<Count> = values.iter().map(|(gap, value)| {
                second += gap;
                Count { at: Timestamp::from_second(second).unwrap(), value: Decimal::new(*value, 1), epoch: 0 }
            }).collect();
            let mut whole = Ledger::default();
            let expected: Vec<Booking> =
                counts.iter().map(|count| whole.count(Direction::Consumed, *count, &rules(false))).collect();
            let mut parts = Ledger::default();
            let mut got = Vec::new();
            for (place, count) in counts.iter().enumerate() {
                if place == cut {
                    let kept = serde_json::to_string(&parts).unwrap();
                    parts = serde_json::from_str(&kept).unwrap();
                }
                got.push(parts.count(Direction::Consumed, *count, &rules(false)));
            }
            prop_assert_eq!(got, expected);
        }
    }
}
