//! Totals and means of what a device only reports by phase, and what follows from two quantities exactly.

use super::{AMPS, KILOWATTS, VOLTS, derived, first_number, present};
use crate::domain::{quantity::Quantity, reading::Reading, readings::Readings};

/// How far real power may exceed apparent power by the rounding of both before they contradict each other.
const ROUNDING: f64 = 1.02;

/// Adds what the device does not report.
pub(super) fn add(readings: &mut Readings) {
    // In this order: each may use those before it.
    for (quantity, way) in [
        (Quantity::CurrentKw, sum_of_kilowatts as fn(&Readings) -> _),
        (Quantity::CurrentAmps, sum_of_amps),
        (Quantity::Voltage, mean_voltage),
        (Quantity::CurrentKva, apparent_power),
        (Quantity::PowerFactor, power_factor),
    ] {
        if !readings.contains_key(&quantity)
            && let Some(reading) = way(readings)
        {
            readings.insert(quantity, reading);
        }
    }
}

fn sum_of_kilowatts(readings: &Readings) -> Option<Reading> {
    derived(&Quantity::CurrentKw, readings, &present(readings, &KILOWATTS), |phases| Some(phases.iter().sum()))
}

fn sum_of_amps(readings: &Readings) -> Option<Reading> {
    derived(&Quantity::CurrentAmps, readings, &present(readings, &AMPS), |phases| Some(phases.iter().sum()))
}

fn mean_voltage(readings: &Readings) -> Option<Reading> {
    derived(&Quantity::Voltage, readings, &present(readings, &VOLTS), mean)
}

/// kVA = |kW ÷ PF|, else √(kW² + kvar²); a factor of zero says nothing.
fn apparent_power(readings: &Readings) -> Option<Reading> {
    let from = |inputs: [Quantity; 2], formula: fn(f64, f64) -> Option<f64>| {
        derived(&Quantity::CurrentKva, readings, &inputs, |values| pair(values, formula))
    };
    first_number([
        from([Quantity::CurrentKw, Quantity::PowerFactor], |kw, factor| (factor != 0.0).then(|| (kw / factor).abs())),
        from([Quantity::CurrentKw, Quantity::CurrentKvar], |kw, kvar| Some(kw.hypot(kvar))),
    ])
}

/// PF = kW ÷ kVA, with the sign of kW; undefined without load.
fn power_factor(readings: &Readings) -> Option<Reading> {
    derived(&Quantity::PowerFactor, readings, &[Quantity::CurrentKw, Quantity::CurrentKva], |values| {
        pair(values, |kw, kva| {
            let factor = kw / kva;
            match factor.abs() {
                _ if kva == 0.0 => None,
                magnitude if magnitude > ROUNDING => Some(f64::NAN), // they contradict each other
                _ => Some(factor.clamp(-1.0, 1.0)),
            }
        })
    })
}

/// The mean of some values; undefined of none.
pub(super) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn pair(values: &[f64], formula: impl FnOnce(f64, f64) -> Option<f64>) -> Option<f64> {
    let [first, second] = values else { return None };
    formula(*first, *second)
}
