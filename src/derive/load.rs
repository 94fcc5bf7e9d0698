//! Load against the rating, and the imbalance of the phases.

use super::{AMPS, derived, first_number, present, totals::mean};
use crate::domain::{quantity::Quantity, reading::Reading, readings::Readings, site::Meter};

/// Under this share of the rated current, an imbalance says nothing.
const LEAST_SHARE_OF_RATING: f64 = 0.01;

/// Adds `load_percent` and `phase_imbalance` where the meter has what they need.
pub(super) fn add(meter: &Meter, readings: &mut Readings) {
    let load = load_percent(meter, readings);
    let imbalance = phase_imbalance(meter, readings);
    readings.extend(load.map(|reading| (Quantity::LoadPercent, reading)));
    readings.extend(imbalance.map(|reading| (Quantity::PhaseImbalance, reading)));
}

/// kW ÷ rated kW × 100, else the highest phase current ÷ rated current × 100. Negative while the power flows out.
/// Of a meter without phase currents its only current is taken.
fn load_percent(meter: &Meter, readings: &Readings) -> Option<Reading> {
    let by_power = meter.rated_capacity_kw.and_then(|rated| {
        derived(&Quantity::LoadPercent, readings, &[Quantity::CurrentKw], |values| {
            values.first().map(|kw| kw / rated * 100.0)
        })
    });
    let by_current = meter.rated_capacity_amps.and_then(|rated| {
        let phases = present(readings, &AMPS);
        let currents = if phases.is_empty() { vec![Quantity::CurrentAmps] } else { phases };
        derived(&Quantity::LoadPercent, readings, &currents, |amps| {
            amps.iter().map(|amps| amps.abs()).max_by(f64::total_cmp).map(|highest| highest / rated * 100.0)
        })
    });
    first_number([by_power, by_current])
}

/// The largest deviation of a phase current from the mean of the phases ÷ mean × 100 (the form of NEMA MG-1), in
/// percent; undefined where the mean is zero or under 1 % of the rated current. A single phase has none.
fn phase_imbalance(meter: &Meter, readings: &Readings) -> Option<Reading> {
    let phases = present(readings, &AMPS);
    if phases.len() < 2 {
        return None;
    }
    derived(&Quantity::PhaseImbalance, readings, &phases, |amps| {
        let amps: Vec<f64> = amps.iter().map(|amps| amps.abs()).collect(); // some devices sign a current by its direction
        let mean = mean(&amps)?;
        let least = meter.rated_capacity_amps.map_or(0.0, |rated| rated * LEAST_SHARE_OF_RATING);
        let largest = amps.iter().map(|amps| (amps - mean).abs()).max_by(f64::total_cmp)?;
        (mean > 0.0 && mean >= least).then(|| largest / mean * 100.0)
    })
}
