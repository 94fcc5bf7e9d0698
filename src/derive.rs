//! From what registers say to what meters say (pure): ratios, sums, means, load and imbalance.
//!
//! What a device reports is never replaced; what it does not report is derived only where that is exact, and marked.
//! The worst state of the inputs is the state of the result, and its age is that of the oldest input.

pub use ratio::ratio_of;

use std::collections::BTreeMap;

use crate::domain::{
    fault::Fault,
    quantity::Quantity,
    reading::{Reading, State},
    register::RawType,
    site::Meter,
};

mod load;
mod plausible;
mod ratio;
#[cfg(test)]
mod tests;
mod totals;

/// The three phase currents, A.
const AMPS: [Quantity; 3] = [Quantity::AmpsPhaseA, Quantity::AmpsPhaseB, Quantity::AmpsPhaseC];
/// The three phase voltages against neutral, V.
const VOLTS: [Quantity; 3] = [Quantity::VoltagePhaseA, Quantity::VoltagePhaseB, Quantity::VoltagePhaseC];
/// The real power of the three phases, kW.
const KILOWATTS: [Quantity; 3] = [Quantity::KwPhaseA, Quantity::KwPhaseB, Quantity::KwPhaseC];

/// Everything that `meter` says, from what was read of its registers (`raw`, decoded, in each quantity's own unit).
///
/// Values on the secondary side of transformers are brought to the primary side; values that contradict each other
/// (see [`implausibility`]) become bad; a register of which nothing was read is missing; then come the derived ones:
/// - `current_kw`, `current_amps`: the sum of the phases that the meter has;
/// - `voltage`: the mean of its phase voltages;
/// - `current_kva`: kW ÷ power factor, else √(kW² + kvar²);
/// - `power_factor`: kW ÷ kVA, missing without load;
/// - `load_percent` and `phase_imbalance`.
///
/// Where two ways lead to a quantity, the first that gives a number is taken. Without anything read there is nothing.
pub fn meter_readings(meter: &Meter, raw: &BTreeMap<Quantity, Reading>) -> BTreeMap<Quantity, Reading> {
    let mut readings = primary_readings(meter, raw);
    for finding in plausible::findings(&readings) {
        for quantity in finding.quantities {
            if let Some(reading) = readings.get_mut(&quantity) {
                *reading = Reading { derived: reading.derived, ..Reading::bad(reading.unit, reading.at) };
            }
        }
    }
    complete(meter, &mut readings);
    readings
}

/// Adds to readings that are known from elsewhere (the store, a formula) what follows from them, as [`meter_readings`]
/// does.
pub fn complete(meter: &Meter, readings: &mut BTreeMap<Quantity, Reading>) {
    totals::add(readings);
    load::add(meter, readings);
}

/// What is wrong with values that cannot be together, or at all: most often the profile's word order or an address
/// that is off by one. [`meter_readings`] makes the values concerned bad.
///
/// Only voltages are compared between phases: currents and powers of one phase may truly be a hundredth of another's.
pub fn implausibility(meter: &Meter, raw: &BTreeMap<Quantity, Reading>) -> Option<Fault> {
    plausible::findings(&primary_readings(meter, raw)).into_iter().next().map(|finding| finding.fault)
}

/// What was read, on the primary side, with what was not read as missing.
fn primary_readings(meter: &Meter, raw: &BTreeMap<Quantity, Reading>) -> BTreeMap<Quantity, Reading> {
    let Some(at) = raw.values().map(|reading| reading.at).min() else { return BTreeMap::new() };
    let mut readings: BTreeMap<_, _> =
        raw.iter().map(|(quantity, reading)| (quantity.clone(), ratio::to_primary(meter, *reading))).collect();
    for register in meter.registers.iter().filter(|register| !matches!(register.raw_type, RawType::Text(_))) {
        readings.entry(register.quantity.clone()).or_insert(Reading {
            value: None,
            unit: register.reading_unit(),
            state: State::Missing,
            derived: false,
            at,
        });
    }
    readings
}

/// `quantity` by `formula` over `inputs`; `None` where an input is no quantity of the meter.
///
/// A formula gives `None` where its result is undefined (which is missing) and NaN or infinity where its inputs
/// contradict each other (which is bad).
fn derived(
    quantity: &Quantity,
    readings: &BTreeMap<Quantity, Reading>,
    inputs: &[Quantity],
    formula: impl FnOnce(&[f64]) -> Option<f64>,
) -> Option<Reading> {
    let inputs: Vec<&Reading> = inputs.iter().map(|input| readings.get(input)).collect::<Option<_>>()?;
    let at = inputs.iter().map(|reading| reading.at).min()?;
    let state = inputs.iter().fold(State::Good, |worst, reading| worst.worst(reading.state));
    let values: Option<Vec<f64>> = inputs.iter().map(|reading| reading.value).collect();
    let (value, state) = match values.filter(|_| state < State::Bad) {
        None => (None, state.worst(State::Bad)),
        Some(values) => match formula(&values) {
            None => (None, State::Missing),
            Some(value) if value.is_finite() => (Some(value + 0.0), state), // no minus before a zero
            Some(_) => (None, State::Bad),
        },
    };
    Some(Reading { value, unit: quantity.unit()?, state, derived: true, at })
}

/// The first of several ways that gives a number; where none does, the first that leads anywhere.
fn first_number<const N: usize>(ways: [Option<Reading>; N]) -> Option<Reading> {
    let found = || ways.iter().flatten();
    found().find(|reading| reading.value.is_some()).or_else(|| found().next()).copied()
}

/// The phases that the meter has.
fn present(readings: &BTreeMap<Quantity, Reading>, phases: &[Quantity; 3]) -> Vec<Quantity> {
    phases.iter().filter(|phase| readings.contains_key(phase)).cloned().collect()
}
