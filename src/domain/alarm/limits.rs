//! Which conditions hold for a meter's values: thresholds with a dead band.

use super::{super::site::Meter, AlarmKind};

/// How far a value must come back over its threshold, as a share of it.
const DEAD_BAND: f64 = 0.01;
/// Load under which a low power factor means nothing, percent of the rating.
const POWER_FACTOR_MIN_LOAD_PERCENT: f64 = 10.0;

/// The values of a meter that thresholds look at; `None` where no value may be believed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Values {
    /// Percent of the rating.
    pub load_percent: Option<f64>,
    /// The lowest phase voltage, V.
    pub voltage_low: Option<f64>,
    /// The highest phase voltage, V.
    pub voltage_high: Option<f64>,
    /// Magnitude of the power factor.
    pub power_factor: Option<f64>,
    /// Percent.
    pub phase_imbalance: Option<f64>,
}

/// One threshold and what is measured against it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// Which alarm it would be.
    pub kind: AlarmKind,
    /// What was measured.
    pub value: Option<f64>,
    /// Where it begins to be too much, or too little.
    pub threshold: f64,
    /// Whether less is worse.
    pub below: bool,
}

impl Comparison {
    /// Whether the condition holds; where the alarm stands already, until the value is back by the dead band.
    pub fn holds(&self, active: bool) -> Option<bool> {
        let value = self.value?;
        let band = if active { self.threshold.abs() * DEAD_BAND } else { 0.0 };
        Some(if self.below { value < self.threshold + band } else { value > self.threshold - band })
    }
}

/// Every threshold that a meter has, with its value.
pub fn comparisons(meter: &Meter, values: &Values) -> Vec<Comparison> {
    let over = |kind, threshold: Option<f64>, value| {
        threshold.map(|threshold| Comparison { kind, value, threshold, below: false })
    };
    let under = |kind, threshold: Option<f64>, value| {
        threshold.map(|threshold| Comparison { kind, value, threshold, below: true })
    };
    // Of an idle meter the power factor is no fault: it counts as perfect, so that a standing alarm returns.
    let idle = values.load_percent.is_some_and(|load| load < POWER_FACTOR_MIN_LOAD_PERCENT);
    let power_factor = if idle { values.power_factor.map(|_| 1.0) } else { values.power_factor };
    [
        over(AlarmKind::LoadCritical, meter.critical_threshold_percent, values.load_percent),
        over(AlarmKind::LoadWarning, meter.warning_threshold_percent, values.load_percent),
        over(AlarmKind::VoltageHigh, meter.voltage_high_threshold, values.voltage_high),
        under(AlarmKind::VoltageLow, meter.voltage_low_threshold, values.voltage_low),
        under(AlarmKind::PowerFactorLow, meter.power_factor_min_threshold, power_factor),
        over(AlarmKind::PhaseImbalance, meter.phase_imbalance_max_percent, values.phase_imbalance),
    ]
    .into_iter()
    .flatten()
    .collect()
}
