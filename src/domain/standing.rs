//! How a meter stands at a moment, in one word: what its device says, how old that is, and what its thresholds say.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    alarm::{
        AlarmKind,
        limits::{self, Comparison},
    },
    live::{MeterLive, MeterState, Snapshot},
    quantity::Quantity,
    reading::State,
    site::{Meter, Site},
};

/// How a meter stands, from nothing to say to most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It is not read by this program: planned, decommissioned, read by hand, or virtual.
    NotRead,
    /// It answers, and nothing is out of bounds.
    Ok,
    /// It is to be read and has not been yet.
    Waiting,
    /// A value is past its warning threshold.
    Warning,
    /// Its values are too old.
    Stale,
    /// Its device is there, and some registers cannot be read.
    Error,
    /// Its device does not answer.
    Offline,
    /// The load is past its critical threshold.
    Critical,
}

impl Standing {
    /// Every one, the least urgent first.
    pub const ALL: &[Self] = &[
        Self::NotRead,
        Self::Ok,
        Self::Waiting,
        Self::Warning,
        Self::Stale,
        Self::Error,
        Self::Offline,
        Self::Critical,
    ];

    /// The word for it on screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotRead => "NOT READ",
            Self::Ok => "OK",
            Self::Waiting => "WAITING",
            Self::Warning => "WARN",
            Self::Stale => "STALE",
            Self::Error => "ERROR",
            Self::Offline => "OFFLINE",
            Self::Critical => "CRITICAL",
        }
    }

    /// Whether somebody should look at it.
    pub fn is_trouble(self) -> bool {
        self >= Self::Warning
    }

    /// Whether the last values are those of now.
    pub fn is_current(self) -> bool {
        matches!(self, Self::Ok | Self::Warning | Self::Critical | Self::Error)
    }
}

/// A value beyond its threshold.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach {
    /// Of which quantity.
    pub quantity: Quantity,
    /// Its value, in the quantity's unit.
    pub value: f64,
    /// The threshold that it is beyond.
    pub threshold: f64,
    /// Beyond the critical threshold, not only the one to warn.
    pub critical: bool,
}

/// How often the meter's device is read; `None` where nothing reads it. A virtual meter follows from devices that may
/// be read as rarely as the slowest of the site.
pub fn interval(site: &Site, meter: &Meter) -> Option<Duration> {
    if meter.formula.is_some() {
        return site.devices.values().map(|device| device.every).max();
    }
    Some(site.devices.get(meter.device.as_ref()?)?.every)
}

/// How `meter` stands at `now` in a snapshot.
pub fn standing(site: &Site, meter: &Meter, snapshot: &Snapshot, now: Timestamp) -> Standing {
    let every = interval(site, meter).filter(|_| snapshot.statuses.is_in_use(meter));
    let Some(every) = every else { return Standing::NotRead };
    let Some(live) = snapshot.meters.get(&meter.id) else { return Standing::Waiting };
    match live.state {
        MeterState::Waiting => return Standing::Waiting,
        MeterState::Offline => return Standing::Offline,
        MeterState::Ok | MeterState::Error => {}
    }
    let breaches = breaches(meter, live, now, every);
    if breaches.iter().any(|breach| breach.critical) {
        Standing::Critical
    } else if live.state == MeterState::Error {
        Standing::Error
    } else if is_stale(live, now, every) {
        Standing::Stale
    } else if breaches.is_empty() {
        Standing::Ok
    } else {
        Standing::Warning
    }
}

/// The state at `now` of one quantity of a meter, and its value where it has one. An offline device's values are
/// stale at best, however young they are.
pub fn current(live: &MeterLive, quantity: &Quantity, now: Timestamp, every: Duration) -> (State, Option<f64>) {
    let Some(reading) = live.readings.get(quantity) else { return (State::Missing, None) };
    let state = reading.state_at(now, every);
    let state = if live.state == MeterState::Offline { state.worst(State::Stale) } else { state };
    (state, reading.value.filter(|value| value.is_finite()))
}

/// The value of a quantity where it may be believed now: good or estimated.
pub fn trusted(live: &MeterLive, quantity: &Quantity, now: Timestamp, every: Duration) -> Option<f64> {
    match current(live, quantity, now, every) {
        (State::Good | State::Estimated, value) => value,
        _ => None,
    }
}

/// Whether any value that was good once is too old at `now`.
pub fn is_stale(live: &MeterLive, now: Timestamp, every: Duration) -> bool {
    let once_good = || live.readings.values().filter(|reading| reading.state <= State::Stale);
    let oldest = once_good().min_by_key(|reading| reading.at);
    oldest.is_some_and(|reading| reading.state_at(now, every) == State::Stale)
        || once_good().any(|reading| reading.state == State::Stale)
}

/// What is beyond its threshold at `now`. Only values that may be believed are compared.
pub fn breaches(meter: &Meter, live: &MeterLive, now: Timestamp, every: Duration) -> Vec<Breach> {
    let beyond = |comparison: Comparison| {
        let Comparison { kind, quantity, value, threshold, .. } = comparison;
        Some(Breach { quantity, value: value?, threshold, critical: kind == AlarmKind::LoadCritical })
    };
    let comparisons = limits::comparisons(meter, live, now, every).into_iter();
    comparisons.filter(|comparison| comparison.holds(false) == Some(true)).filter_map(beyond).collect()
}
