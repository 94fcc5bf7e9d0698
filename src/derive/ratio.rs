//! Transformer ratios: from the secondary side, where the device measures, to the primary, where the power flows.

use crate::domain::{
    reading::Reading,
    register::Reports,
    site::{Meter, Transformer},
    unit::{Dimension, Unit},
};

/// `reading` on the primary side: currents × CT, voltages × PT, powers and energies × both. Only where the device
/// reports secondary values; a transformer that is not configured has the ratio 1.
pub(super) fn to_primary(meter: &Meter, reading: Reading) -> Reading {
    let value = reading.value.map(|value| {
        transformers(meter, reading.unit).into_iter().flatten().fold(value, |value, transformer| {
            // Multiplied before it is divided: 80.0 and not 79.99…
            value * transformer.primary / transformer.secondary
        })
    });
    match value {
        Some(value) if !value.is_finite() => Reading::bad(reading.unit, reading.at),
        value => Reading { value, ..reading },
    }
}

/// What a reading of this unit is multiplied by to be on the primary side.
pub fn ratio_of(meter: &Meter, unit: Unit) -> f64 {
    transformers(meter, unit).into_iter().flatten().map(Transformer::ratio).product()
}

/// The transformers between a meter and what it measures in this unit.
fn transformers(meter: &Meter, unit: Unit) -> [Option<Transformer>; 2] {
    if meter.reports == Reports::Primary {
        return [None, None];
    }
    match unit.dimension() {
        Dimension::Current => [meter.ct_ratio, None],
        Dimension::Voltage => [None, meter.pt_ratio],
        Dimension::Power
        | Dimension::ApparentPower
        | Dimension::ReactivePower
        | Dimension::Energy
        | Dimension::ReactiveEnergy
        | Dimension::ApparentEnergy => [meter.ct_ratio, meter.pt_ratio],
        Dimension::Frequency
        | Dimension::Ratio
        | Dimension::Temperature
        | Dimension::Volume
        | Dimension::Time
        | Dimension::Count => [None, None],
    }
}
