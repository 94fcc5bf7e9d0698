//! Which thresholds a meter's values are beyond: the one place that says when. Screens and alarms both ask here; alarms
//! add a dead band.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    super::{live::MeterLive, quantity::Quantity, site::Meter, standing::trusted},
    AlarmKind,
};

/// How far a value must come back over its threshold, as a share of it.
const DEAD_BAND: f64 = 0.01;
/// Load up to which a low power factor means nothing, percent of the rating.
const POWER_FACTOR_MIN_LOAD_PERCENT: f64 = 10.0;

/// Which side of a threshold is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The threshold itself and what is above.
    AtLeast,
    /// What is above.
    Above,
    /// What is below; of the magnitude, as a power factor has a sign.
    Below,
}

/// One threshold and what is measured against it.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Which alarm it would be.
    pub kind: AlarmKind,
    /// Which quantity is measured.
    pub quantity: Quantity,
    /// What was measured; `None` where no value may be believed.
    pub value: Option<f64>,
    /// Where it begins to be too much, or too little.
    pub threshold: f64,
    /// Which side of it is wrong.
    pub side: Side,
    /// The value means nothing now, and is no fault: the power factor of an idle meter.
    pub is_idle: bool,
}

impl Comparison {
    /// Whether the condition holds; where the alarm stands already, until the value is back by the dead band.
    pub fn holds(&self, active: bool) -> Option<bool> {
        let value = self.value?;
        let band = if active { self.threshold.abs() * DEAD_BAND } else { 0.0 };
        let beyond = match self.side {
            Side::AtLeast => value >= self.threshold - band,
            Side::Above => value > self.threshold - band,
            Side::Below => value.abs() < self.threshold + band,
        };
        Some(beyond && !self.is_idle)
    }

    /// How far beyond the threshold the value is; negative on the right side of it.
    pub fn excess(&self) -> Option<f64> {
        let value = self.value?;
        Some(if self.side == Side::Below { self.threshold - value.abs() } else { value - self.threshold })
    }
}

/// Every threshold that a meter has, with its value at `now`, those of a kind together: a voltage's once for each phase.
/// The meter is read once per `every`.
pub fn comparisons(meter: &Meter, live: &MeterLive, now: Timestamp, every: Duration) -> Vec<Comparison> {
    use AlarmKind::{LoadCritical, LoadWarning, PhaseImbalance, PowerFactorLow, VoltageHigh, VoltageLow};
    let mut found = Vec::new();
    let mut compare = |kind, quantity: &Quantity, threshold: Option<f64>, side| {
        let Some(threshold) = threshold else { return };
        let value = trusted(live, quantity, now, every);
        found.push(Comparison { kind, quantity: quantity.clone(), value, threshold, side, is_idle: false });
    };
    compare(LoadCritical, &Quantity::LoadPercent, meter.critical_threshold_percent, Side::AtLeast);
    compare(LoadWarning, &Quantity::LoadPercent, meter.warning_threshold_percent, Side::AtLeast);
    for phase in voltages(live) {
        compare(VoltageHigh, phase, meter.voltage_high_threshold, Side::Above);
    }
    for phase in voltages(live) {
        compare(VoltageLow, phase, meter.voltage_low_threshold, Side::Below);
    }
    compare(PhaseImbalance, &Quantity::PhaseImbalance, meter.phase_imbalance_max_percent, Side::Above);
    compare(PowerFactorLow, &Quantity::PowerFactor, meter.power_factor_min_threshold, Side::Below);
    if let Some(power_factor) = found.last_mut().filter(|comparison| comparison.kind == PowerFactorLow) {
        let has_rating = meter.rated_capacity_kw.is_some() || meter.rated_capacity_amps.is_some();
        match trusted(live, &Quantity::LoadPercent, now, every) {
            Some(load) => power_factor.is_idle = load <= POWER_FACTOR_MIN_LOAD_PERCENT,
            // There is a rating, and nobody can say now whether the meter is loaded.
            None if has_rating => power_factor.value = None,
            None => {}
        }
    }
    found
}

/// The voltages that thresholds are about: those of the phases, else the one there is.
fn voltages(live: &MeterLive) -> &'static [Quantity] {
    const PHASES: &[Quantity] = &[Quantity::VoltagePhaseA, Quantity::VoltagePhaseB, Quantity::VoltagePhaseC];
    if PHASES.iter().any(|phase| live.readings.contains_key(phase)) { PHASES } else { &[Quantity::Voltage] }
}
