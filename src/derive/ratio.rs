//! Transformer ratios: from the secondary side, where the device measures, to the primary, where the power flows.

use crate::domain::{reading::Reading, register::Reports, site::Meter, unit::Dimension};

/// `reading` on the primary side: currents × CT, voltages × PT, powers and energies × both. Only where the device
/// reports secondary values; a transformer that is not configured has the ratio 1.
pub(super) fn to_primary(meter: &Meter, reading: Reading) -> Reading {
    if meter.reports == Reports::Primary {
        return reading;
    }
    let transformers = match reading.unit.dimension() {
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
    };
    let value = reading.value.map(|value| {
        transformers.iter().flatten().fold(value, |value, transformer| {
            // Multiplied before it is divided: 80.0 and not 79.99…
            value * transformer.primary / transformer.secondary
        })
    });
    match value {
        Some(value) if !value.is_finite() => Reading::bad(reading.unit, reading.at),
        value => Reading { value, ..reading },
    }
}
