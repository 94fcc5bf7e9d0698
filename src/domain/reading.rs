//! A reading: a value, its state and its time. The state goes wherever the value goes.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::unit::Unit;

/// After how many poll intervals without a new one a value is stale.
pub const STALE_AFTER_INTERVALS: u32 = 3;

/// How far a value may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Read or computed as it should be.
    Good,
    /// Not measured, but reckoned from what was.
    Estimated,
    /// Good once, and too old now.
    Stale,
    /// The device said "not implemented", or the value is outside its physical range.
    Bad,
    /// Nothing was ever read.
    Missing,
}

impl State {
    /// The worse of two: what follows from both is no better than this.
    #[must_use]
    pub fn worst(self, other: Self) -> Self {
        self.max(other)
    }

    /// The word for it on screen and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Estimated => "estimated",
            Self::Stale => "stale",
            Self::Bad => "bad",
            Self::Missing => "missing",
        }
    }
}

/// One value of one quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The number, finite; `None` where the state is bad or missing.
    pub value: Option<f64>,
    /// Unit of `value`.
    pub unit: Unit,
    /// How far it may be believed, when it was read; see [`Reading::state_at`].
    pub state: State,
    /// Computed from other quantities, not read.
    pub derived: bool,
    /// When the device answered.
    pub at: Timestamp,
}

impl Reading {
    /// A good value; one that is no finite number is bad instead.
    pub fn good(value: f64, unit: Unit, at: Timestamp) -> Self {
        if value.is_finite() {
            Self { value: Some(value), unit, state: State::Good, derived: false, at }
        } else {
            Self::bad(unit, at)
        }
    }

    /// A value that the device disowned or that cannot be.
    pub fn bad(unit: Unit, at: Timestamp) -> Self {
        Self { value: None, unit, state: State::Bad, derived: false, at }
    }

    /// Its age at `now`; nothing is younger than zero.
    pub fn age(&self, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(self.at)).unwrap_or_default()
    }

    /// Its state at `now`, for a device that is read once per `every`.
    pub fn state_at(&self, now: Timestamp, every: Duration) -> State {
        if self.age(now) > every.saturating_mul(STALE_AFTER_INTERVALS) {
            self.state.worst(State::Stale)
        } else {
            self.state
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_turns_stale_after_three_intervals() {
        let at = Timestamp::UNIX_EPOCH;
        let reading = Reading::good(1.0, Unit::Kilowatt, at);
        let every = Duration::from_secs(1);
        for (age, expected) in [(0, State::Good), (3, State::Good), (4, State::Stale), (-5, State::Good)] {
            let now = at + jiff::SignedDuration::from_secs(age);
            assert_eq!(reading.state_at(now, every), expected, "{age} s");
        }
        assert_eq!(Reading::good(f64::NAN, Unit::Kilowatt, at).value, None);
    }
}
