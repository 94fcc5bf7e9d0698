//! Interval data: energy for each quarter of an hour (or 5, 30, 60 minutes), spread from the counts' segments exactly.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::counter::Segment;

/// Energy is spread in steps no coarser than this many decimals of the quantity's unit (Wh where the unit is kWh).
const SPREAD_DECIMALS: u32 = 3;
/// Most intervals that one segment is spread over: 20 years of 5 minutes. What is longer is no gap but a wrong clock.
const MAX_SPREAD_INTERVALS: usize = 2_200_000;

/// Where intervals begin and end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    length: Duration,
    /// For intervals of an hour: the site's civil time, since some offsets are not whole hours.
    civil: Option<TimeZone>,
}

/// Which way energy flowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the grid, into the load.
    Consumed,
    /// To the grid.
    Generated,
}

/// What is known of one interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interval {
    /// Energy into the load.
    pub consumed: Decimal,
    /// Energy to the grid.
    pub generated: Decimal,
    /// How much of its time was measured: the register was known at both ends, or often enough between.
    pub measured: Duration,
    /// Some of it is a share of a gap that reaches over its ends, or the integral of power.
    pub estimated: bool,
}

/// One segment's share of one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Start of the interval.
    pub start: Timestamp,
    /// Energy.
    pub amount: Decimal,
    /// Time of the segment inside the interval.
    pub time: Duration,
    /// Whether the share is a guess.
    pub estimated: bool,
    /// Whether its time counts as measured.
    pub measured: bool,
}

impl Grid {
    /// A grid of intervals of `length`, a divisor of an hour. They align in UTC, those of an hour in the civil time of `zone`.
    pub fn new(length: Duration, zone: &TimeZone) -> Self {
        let hour = Duration::from_hours(1);
        Self { length, civil: (length == hour).then(|| zone.clone()) }
    }

    /// Length of an interval.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// The start of the interval that `at` is in; an interval's own start is in it, its end is not.
    pub fn start(&self, at: Timestamp) -> Timestamp {
        let offset = self.civil.as_ref().map_or(0, |zone| i64::from(zone.to_offset(at).seconds()));
        let length = i64::try_from(self.length.as_millis()).unwrap_or(i64::MAX).max(1);
        let local = at.as_millisecond().saturating_add(offset * 1000);
        Timestamp::from_millisecond(local - local.rem_euclid(length) - offset * 1000).unwrap_or(at)
    }

    /// The end of the interval that starts at `start`.
    pub fn end(&self, start: Timestamp) -> Timestamp {
        SignedDuration::try_from(self.length)
            .ok()
            .and_then(|length| start.checked_add(length).ok())
            .unwrap_or(Timestamp::MAX)
    }

    /// Spreads a segment evenly over the intervals that it touches. The shares add up to it exactly; those of a segment
    /// longer than `gap` that reaches over an end are estimated.
    pub fn spread(&self, segment: &Segment, gap: Duration) -> Vec<Share> {
        let whole = between(segment.from, segment.to);
        let first = self.start(segment.from);
        if segment.to <= self.end(first) {
            let (amount, time) = (segment.amount, whole);
            return vec![Share { start: first, amount, time, estimated: false, measured: true }];
        }
        let decimals = segment.amount.scale().max(SPREAD_DECIMALS);
        let mut shares = Vec::new();
        let mut start = first;
        let mut given = Decimal::ZERO;
        while start < segment.to && shares.len() < MAX_SPREAD_INTERVALS {
            let end = self.end(start).min(segment.to);
            let so_far = if end == segment.to {
                segment.amount
            } else {
                part(segment.amount, between(segment.from, end), whole).trunc_with_scale(decimals)
            };
            shares.push(Share {
                start,
                amount: so_far - given,
                time: between(start.max(segment.from), end),
                estimated: whole > gap,
                measured: whole <= gap,
            });
            given = so_far;
            start = end;
        }
        shares
    }
}

/// `amount` × `time` / `whole`.
fn part(amount: Decimal, time: Duration, whole: Duration) -> Decimal {
    let milliseconds = |duration: Duration| Decimal::from(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
    let fraction = milliseconds(time).checked_div(milliseconds(whole)).unwrap_or(Decimal::ONE);
    amount
        .checked_mul(milliseconds(time))
        .and_then(|product| product.checked_div(milliseconds(whole)))
        .unwrap_or_else(|| amount * fraction)
}

fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

impl Interval {
    /// Adds a share of what flowed in `direction`. Of a meter that counts both ways, time is counted for one of them.
    pub fn add(&mut self, share: &Share, direction: Direction, counts_time: bool) {
        match direction {
            Direction::Consumed => self.consumed += share.amount,
            Direction::Generated => self.generated += share.amount,
        }
        self.estimated |= share.estimated;
        if counts_time && share.measured {
            self.measured += share.time;
        }
    }

    /// Adds what is known of the same interval from elsewhere.
    pub fn merge(&mut self, other: &Self) {
        self.consumed += other.consumed;
        self.generated += other.generated;
        self.measured += other.measured;
        self.estimated |= other.estimated;
    }

    /// The mean power of what was consumed, in the energy's unit over an hour: kW of kWh.
    pub fn demand(&self, length: Duration) -> Option<Decimal> {
        let milliseconds = Decimal::from(u64::try_from(length.as_millis()).ok()?);
        self.consumed.checked_mul(Decimal::from(3_600_000))?.checked_div(milliseconds)
    }

    /// Consumed less generated.
    pub fn net(&self) -> Decimal {
        self.consumed - self.generated
    }

    /// The share of its time that was measured, 0 to 1.
    pub fn coverage(&self, length: Duration) -> f64 {
        if length.is_zero() { 0.0 } else { (self.measured.as_secs_f64() / length.as_secs_f64()).min(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn segment(from: &str, to: &str, amount: &str) -> Segment {
        Segment { from: at(from), to: at(to), amount: amount.parse().unwrap() }
    }

    fn quarter() -> Grid {
        Grid::new(Duration::from_mins(15), &TimeZone::UTC)
    }

    #[test]
    fn starts_are_included_and_ends_are_not() {
        let grid = quarter();
        for (time, start) in [
            ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:14:59.999Z", "2026-01-01T00:00:00Z"),
            ("2026-01-01T00:15:00Z", "2026-01-01T00:15:00Z"),
            ("1969-12-31T23:59:59Z", "1969-12-31T23:45:00Z"),
        ] {
            assert_eq!(grid.start(at(time)), at(start), "{time}");
        }
        let kolkata = Grid::new(Duration::from_hours(1), &TimeZone::get("Asia/Kolkata").unwrap());
        assert_eq!(kolkata.start(at("2026-01-01T00:10:00Z")), at("2025-12-31T23:30:00Z"));
    }

    #[test]
    fn a_gap_is_spread_evenly_and_marked() {
        let shares =
            quarter().spread(&segment("2026-01-01T00:05:00Z", "2026-01-01T00:35:00Z", "10.00"), Duration::from_secs(3));
        let amounts: Vec<String> = shares.iter().map(|share| share.amount.normalize().to_string()).collect();
        assert_eq!(amounts, ["3.333", "5", "1.667"]);
        assert!(shares.iter().all(|share| share.estimated));
    }

    #[test]
    fn an_outage_inside_an_interval_is_measured_by_the_register() {
        let shares =
            quarter().spread(&segment("2026-01-01T00:02:00Z", "2026-01-01T00:12:00Z", "4"), Duration::from_secs(3));
        assert_eq!(shares.len(), 1);
        assert!(!shares[0].estimated);
    }

    proptest! {
        #[test]
        fn shares_add_up_to_the_segment(start in 0_i64..10_000_000, length in 1_i64..10_000_000, amount in 0_i64..1_000_000_000, scale in 0_u32..6) {
            let from = Timestamp::from_millisecond(start).unwrap();
            let to = Timestamp::from_millisecond(start + length).unwrap();
            let segment = Segment { from, to, amount: Decimal::new(amount, scale) };
            let shares = quarter().spread(&segment, Duration::from_secs(3));
            prop_assert_eq!(shares.iter().map(|share| share.amount).sum::<Decimal>(), segment.amount);
            prop_assert_eq!(shares.iter().map(|share| share.time).sum::<Duration>(), between(from, to));
            prop_assert!(shares.iter().all(|share| share.amount >= Decimal::ZERO));
        }
    }
}
