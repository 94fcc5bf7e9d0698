//! What a meter measures: the fields of the POWERMETER entity that are read or computed, and more that devices report.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ids::is_id, unit::Unit};

macro_rules! quantities {
    ($($variant:ident $toml:literal $json:literal $unit:ident $label:literal;)+) => {
        /// A measured or computed quantity. Power is positive when it flows into the load.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Quantity {
            $(#[doc = concat!("`", $toml, "`: ", $label)] $variant,)+
            /// `x_name`: a site's own quantity, in the unit of its register.
            Extra(Arc<str>),
        }

        impl Quantity {
            /// Every quantity but the site's own, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Its name in TOML and on the command line: snake_case.
            pub fn toml_name(&self) -> &str {
                match self { $(Self::$variant => $toml,)+ Self::Extra(name) => name }
            }

            /// Its name in JSON: the POWERMETER field's where there is one, camelCase.
            pub fn json_name(&self) -> &str {
                match self { $(Self::$variant => $json,)+ Self::Extra(name) => name }
            }

            /// What people call it.
            pub fn label(&self) -> &str {
                match self {
                    $(Self::$variant => $label,)+
                    Self::Extra(name) => name.strip_prefix("x_").unwrap_or(name),
                }
            }

            /// The unit in which it is stored and shown; a site's own quantity has the unit of its register.
            pub fn unit(&self) -> Option<Unit> {
                match self { $(Self::$variant => Some(Unit::$unit),)+ Self::Extra(_) => None }
            }
        }
    };
}

quantities! {
    CurrentKw "current_kw" "currentKw" Kilowatt "real power";
    CurrentKva "current_kva" "currentKva" KilovoltAmpere "apparent power";
    CurrentKvar "current_kvar" "currentKvar" Kilovar "reactive power";
    CurrentAmps "current_amps" "currentAmps" Ampere "current";
    Voltage "voltage" "voltage" Volt "voltage";
    PowerFactor "power_factor" "powerFactor" Ratio "power factor";
    Frequency "frequency" "frequency" Hertz "frequency";
    LoadPercent "load_percent" "loadPercent" Percent "load";
    AmpsPhaseA "amps_phase_a" "ampsPhaseA" Ampere "current L1";
    AmpsPhaseB "amps_phase_b" "ampsPhaseB" Ampere "current L2";
    AmpsPhaseC "amps_phase_c" "ampsPhaseC" Ampere "current L3";
    VoltagePhaseA "voltage_phase_a" "voltagePhaseA" Volt "voltage L1";
    VoltagePhaseB "voltage_phase_b" "voltagePhaseB" Volt "voltage L2";
    VoltagePhaseC "voltage_phase_c" "voltagePhaseC" Volt "voltage L3";
    VoltageAb "voltage_ab" "voltageAb" Volt "voltage L1-L2";
    VoltageBc "voltage_bc" "voltageBc" Volt "voltage L2-L3";
    VoltageCa "voltage_ca" "voltageCa" Volt "voltage L3-L1";
    KwPhaseA "kw_phase_a" "kwPhaseA" Kilowatt "real power L1";
    KwPhaseB "kw_phase_b" "kwPhaseB" Kilowatt "real power L2";
    KwPhaseC "kw_phase_c" "kwPhaseC" Kilowatt "real power L3";
    PhaseImbalance "phase_imbalance" "phaseImbalance" Percent "phase imbalance";
    NeutralCurrent "neutral_current" "neutralCurrent" Ampere "neutral current";
    KwhLifetime "kwh_lifetime" "kwhLifetime" KilowattHour "energy, lifetime";
    KwhExportLifetime "kwh_export_lifetime" "kwhExportLifetime" KilowattHour "energy generated, lifetime";
    KvarhLifetime "kvarh_lifetime" "kvarhLifetime" KilovarHour "reactive energy, lifetime";
    DemandKw "demand_kw" "demandKw" Kilowatt "demand";
    TemperatureC "temperature_c" "temperatureC" DegreeCelsius "temperature";
    GasM3 "gas_m3" "gasM3" CubicMetre "gas";
    WaterM3 "water_m3" "waterM3" CubicMetre "water";
    PulseCount "pulse_count" "pulseCount" Count "pulses";
    State "state" "state" Count "state";
    SerialNumber "serial_number" "serialNumber" Count "serial number";
}

impl Quantity {
    /// The quantity with this TOML name; `x_…` is a site's own.
    pub fn parse(text: &str) -> Option<Self> {
        if text.strip_prefix("x_").is_some_and(is_id) {
            return Some(Self::Extra(text.into()));
        }
        Self::ALL.iter().find(|quantity| quantity.toml_name() == text).cloned()
    }

    /// Whether a register may hold it; the others are only ever computed.
    pub fn is_readable(&self) -> bool {
        !matches!(self, Self::LoadPercent | Self::PhaseImbalance)
    }

    /// Whether it counts up, so that differences of it mean something.
    pub fn is_counter(&self) -> bool {
        matches!(
            self,
            Self::KwhLifetime
                | Self::KwhExportLifetime
                | Self::KvarhLifetime
                | Self::GasM3
                | Self::WaterM3
                | Self::PulseCount
        )
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.toml_name())
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.toml_name())
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a quantity")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_parse_back() {
        for quantity in Quantity::ALL {
            assert_eq!(Quantity::parse(quantity.toml_name()).as_ref(), Some(quantity));
        }
        assert_eq!(Quantity::parse("x_door"), Some(Quantity::Extra("x_door".into())));
        assert_eq!(Quantity::parse("x_"), None);
        assert_eq!(Quantity::parse("door"), None);
    }
}
