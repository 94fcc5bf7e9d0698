//! Values that cannot be: what a wrong word order or an address that is off by one looks like.

use super::VOLTS;
use crate::domain::{
    fault::{Fault, FaultKind},
    quantity::Quantity,
    reading::Reading,
    readings::Readings,
    unit::Dimension,
};

/// The largest voltage of any grid, V.
const MAX_VOLTS: f64 = 1_000_000.0;
/// Below this voltage no power flows, V.
const MIN_VOLTS_WITH_POWER: f64 = 1.0;
/// From this power on a voltage must be there, kW; less may be the noise of a meter without load.
const NOTABLE_KILOWATTS: f64 = 0.01;
/// The frequencies of grids, with much room on both sides, Hz.
const FREQUENCIES: std::ops::RangeInclusive<f64> = 10.0..=500.0;
/// How many times a phase voltage may exceed another that is not zero.
const MAX_PHASE_RATIO: f64 = 100.0;
/// No meter resolves less and none shows more, in any unit; floating-point numbers with swapped words do.
const MAGNITUDES: std::ops::RangeInclusive<f64> = 1e-20..=1e20;

/// Something that cannot be, and the quantities that say it.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) fault: Fault,
    pub(super) quantities: Vec<Quantity>,
}

impl Finding {
    fn new(detail: String, quantities: Vec<Quantity>) -> Self {
        Self { fault: Fault::new(FaultKind::Implausible, detail), quantities }
    }
}

/// All that is implausible, the plainest first.
pub(super) fn findings(readings: &Readings) -> Vec<Finding> {
    let single = readings.iter().filter_map(|(quantity, reading)| alone(quantity, reading));
    single.chain(unequal_phases(readings)).chain(power_without_voltage(readings)).collect()
}

/// A value that no meter can have, whatever the others say.
fn alone(quantity: &Quantity, reading: &Reading) -> Option<Finding> {
    let value = reading.value.filter(|value| *value != 0.0)?;
    let possible = match reading.unit.dimension() {
        _ if !MAGNITUDES.contains(&value.abs()) => false,
        Dimension::Voltage => value.abs() <= MAX_VOLTS,
        Dimension::Frequency => *quantity != Quantity::Frequency || FREQUENCIES.contains(&value),
        _ => true,
    };
    (!possible).then(|| Finding::new(shown(quantity, reading), vec![quantity.clone()]))
}

/// Phase voltages that differ by a hundred times; a phase at zero is dead, which is possible.
fn unequal_phases(readings: &Readings) -> Option<Finding> {
    let live = || {
        let volts = VOLTS.iter().filter_map(|phase| Some((phase, readings.get(phase)?)));
        volts.filter_map(|(phase, reading)| Some((reading.value.filter(|value| *value != 0.0)?.abs(), phase, reading)))
    };
    let (smallest, low, low_reading) = live().min_by(|one, other| one.0.total_cmp(&other.0))?;
    let (largest, high, high_reading) = live().max_by(|one, other| one.0.total_cmp(&other.0))?;
    (largest >= smallest * MAX_PHASE_RATIO).then(|| {
        let detail = format!("phases differ 100×: {}, {}", shown(high, high_reading), shown(low, low_reading));
        Finding::new(detail, VOLTS.to_vec())
    })
}

/// Power that flows although every voltage is next to nothing.
fn power_without_voltage(readings: &Readings) -> Option<Finding> {
    let of = |dimension: Dimension| {
        readings.iter().filter(move |(quantity, reading)| {
            let is_ours = !matches!(quantity, Quantity::Extra(_) | Quantity::DemandKw); // a demand outlasts its power
            is_ours && reading.unit.dimension() == dimension && reading.value.is_some()
        })
    };
    let magnitude = |reading: &Reading| reading.value.map_or(0.0, f64::abs);
    let (power, power_reading) = of(Dimension::Power).find(|(_, reading)| magnitude(reading) >= NOTABLE_KILOWATTS)?;
    let (voltage, voltage_reading) = of(Dimension::Voltage).next()?;
    of(Dimension::Voltage).all(|(_, reading)| magnitude(reading) < MIN_VOLTS_WITH_POWER).then(|| {
        let detail = format!("{} at {}", shown(power, power_reading), shown(voltage, voltage_reading));
        let concerned = of(Dimension::Voltage).chain(of(Dimension::Power));
        Finding::new(detail, concerned.map(|(quantity, _)| quantity.clone()).collect())
    })
}

fn shown(quantity: &Quantity, reading: &Reading) -> String {
    let value = reading.value.unwrap_or(f64::NAN);
    let number =
        if (1e-3..1e7).contains(&value.abs()) || value == 0.0 { format!("{value:.3}") } else { format!("{value:.2e}") };
    format!("{} {number} {}", quantity.label(), reading.unit.symbol())
}
