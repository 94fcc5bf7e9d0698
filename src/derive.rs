//! From what registers say to what meters say (pure): ratios, sums, means, load and imbalance.
//!
//! What a device reports is never replaced; what it does not report is derived only where that is exact, and marked.
//! The worst state of the inputs is the state of the result, and its age is that of the oldest input.

pub use ratio::ratio_of;

use crate::domain::{
    fault::Fault,
    quantity::Quantity,
    reading::{Reading, State},
    readings::Readings,
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

/// Most inputs of one derived quantity: the three phases.
const MAX_INPUTS: usize = 3;
/// How many quantities are derived at most.
const MAX_DERIVED: usize = 7;

/// What a meter says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// By quantity, on the primary side, the derived ones included.
    pub readings: Readings,
    /// What is wrong with values that cannot be together, or at all: most often the profile's word order or an address
    /// that is off by one. Only voltages are compared between phases: currents and powers of one phase may truly be a
    /// hundredth of another's.
    pub implausible: Option<Fault>,
}

/// Everything that `meter` says, from what was read of its registers (`raw`, decoded, in each quantity's own unit).
///
/// Values on the secondary side of transformers are brought to the primary side; values that contradict each other
/// become bad, and the plainest of the contradictions is said; a register of which nothing was read is missing; then
/// come the derived ones:
/// - `current_kw`, `current_amps`: the sum of the phases that the meter has;
/// - `voltage`: the mean of its phase voltages;
/// - `current_kva`: kW ÷ power factor, else √(kW² + kvar²);
/// - `power_factor`: kW ÷ kVA, missing without load;
/// - `load_percent` and `phase_imbalance`.
///
/// Where two ways lead to a quantity, the first that gives a number is taken. Without anything read there is nothing.
pub fn meter_readings(meter: &Meter, raw: &Readings) -> Said {
    let mut readings = primary_readings(meter, raw);
    let mut implausible = None;
    for finding in plausible::findings(&readings) {
        for quantity in finding.quantities {
            if let Some(reading) = readings.get_mut(&quantity) {
                *reading = Reading { derived: reading.derived, ..Reading::bad(reading.unit, reading.at) };
            }
        }
        implausible = implausible.or(Some(finding.fault));
    }
    complete(meter, &mut readings);
    Said { readings, implausible }
}

/// Adds to readings that are known from elsewhere (the store, a formula) what follows from them, as [`meter_readings`]
/// does.
pub fn complete(meter: &Meter, readings: &mut Readings) {
    totals::add(readings);
    load::add(meter, readings);
}

/// What was read, on the primary side, with what was not read as missing.
fn primary_readings(meter: &Meter, raw: &Readings) -> Readings {
    let Some(at) = raw.values().map(|reading| reading.at).min() else { return Readings::new() };
    let mut readings = Readings::with_capacity(raw.len() + MAX_DERIVED);
    readings.extend(raw.iter().map(|(quantity, reading)| (quantity.clone(), ratio::to_primary(meter, *reading))));
    for register in meter.registers.iter().filter(|register| !matches!(register.raw_type, RawType::Text(_))) {
        if !readings.contains_key(&register.quantity) {
            let unit = register.reading_unit();
            let missing = Reading { value: None, unit, state: State::Missing, derived: false, at };
            readings.insert(register.quantity.clone(), missing);
        }
    }
    readings
}

/// `quantity` by `formula` over `inputs`; `None` where an input is no quantity of the meter.
///
/// A formula gives `None` where its result is undefined (which is missing) and NaN or infinity where its inputs
/// contradict each other (which is bad).
fn derived(
    quantity: &Quantity,
    readings: &Readings,
    inputs: &[Quantity],
    formula: impl FnOnce(&[f64]) -> Option<f64>,
) -> Option<Reading> {
    let (mut values, mut numbers) = ([0.0; MAX_INPUTS], 0);
    let (mut at, mut state) = (None, State::Good);
    for (place, input) in values.iter_mut().zip(inputs) {
        let reading = readings.get(input)?;
        at = Some(at.map_or(reading.at, |at: jiff::Timestamp| at.min(reading.at)));
        state = state.worst(reading.state);
        if let Some(value) = reading.value {
            (*place, numbers) = (value, numbers + 1);
        }
    }
    let at = at?;
    let values = values.get(..inputs.len()).filter(|values| values.len() == numbers);
    let (value, state) = match values.filter(|_| state < State::Bad) {
        None => (None, state.worst(State::Bad)),
        Some(values) => match formula(values) {
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
fn present(readings: &Readings, phases: &[Quantity; 3]) -> Vec<Quantity> {
    phases.iter().filter(|phase| readings.contains_key(phase)).cloned().collect()
}
