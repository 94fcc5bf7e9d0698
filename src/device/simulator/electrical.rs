//! The electrical state of a metering point, from the power that flows through it (pure).

use std::f64::consts::{PI, TAU};

use crate::domain::{quantity::Quantity, unit::Dimension, unit::Unit};

/// What every simulated meter calls itself.
const SERIAL_NUMBER: f64 = 4711.0;
/// Rated frequency of the simulated grid, Hz.
const FREQUENCY_HZ: f64 = 50.0;
/// Cubic metres of gas for a kWh.
const GAS_M3_PER_KWH: f64 = 0.1;
/// Cubic metres of water for a kWh of the load that stands for its flow.
const WATER_M3_PER_KWH: f64 = 0.02;
/// Pulses for a kWh, and for a cubic metre.
const PULSES_PER_UNIT: f64 = 1000.0;

/// Power and energy through a point. All of it adds up along the power chain.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Flow {
    /// Real power of the phases, kW.
    pub kw: [f64; 3],
    /// Reactive power of the phases, kvar.
    pub kvar: [f64; 3],
    /// Real energy since the epoch, kWs.
    pub kw_seconds: f64,
    /// Reactive energy since the epoch, kvars.
    pub kvar_seconds: f64,
}

impl Flow {
    /// Adds `share` of another flow.
    pub fn add(&mut self, other: &Self, share: f64) {
        for (sum, part) in self.kw.iter_mut().zip(other.kw) {
            *sum += part * share;
        }
        for (sum, part) in self.kvar.iter_mut().zip(other.kvar) {
            *sum += part * share;
        }
        self.kw_seconds += other.kw_seconds * share;
        self.kvar_seconds += other.kvar_seconds * share;
    }

    /// Real power of all phases, kW.
    pub fn total_kw(&self) -> f64 {
        self.kw.iter().sum()
    }
}

/// What a meter at a point sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Electrical {
    /// Power and energy.
    pub flow: Flow,
    /// Voltage of the phases against neutral, V.
    pub volts: [f64; 3],
    /// Hz.
    pub frequency_hz: f64,
    /// The meter has one phase only: its values of phase A are those of the whole.
    pub single_phase: bool,
    /// What its energy counter showed at the epoch, kWh.
    pub kwh_at_epoch: f64,
    /// Mean power of the last demand interval, kW.
    pub demand_kw: f64,
    /// Temperature nearby, °C.
    pub temperature_c: f64,
}

impl Electrical {
    /// Currents of the phases, A.
    pub fn amps(&self) -> [f64; 3] {
        let [a, b, c] = self.flow.kw;
        let [qa, qb, qc] = self.flow.kvar;
        let [va, vb, vc] = self.volts;
        let amps = |kw: f64, kvar: f64, volts: f64| if volts > 1.0 { kw.hypot(kvar) * 1000.0 / volts } else { 0.0 };
        [amps(a, qa, va), amps(b, qb, vb), amps(c, qc, vc)]
    }

    /// Apparent power, kVA.
    pub fn kva(&self) -> f64 {
        self.flow.total_kw().hypot(self.kvar())
    }

    /// Reactive power, kvar.
    pub fn kvar(&self) -> f64 {
        self.flow.kvar.iter().sum()
    }

    /// The energy counter, kWh.
    pub fn kwh(&self) -> f64 {
        self.kwh_at_epoch + self.flow.kw_seconds / 3600.0
    }

    /// The value of a quantity in its own unit, or in `unit` for a site's own; `None` where there is none.
    pub fn value(&self, quantity: &Quantity, unit: Unit) -> Option<f64> {
        let phase = |values: [f64; 3], index: usize| values.get(index).copied();
        Some(match quantity {
            Quantity::CurrentKw => self.flow.total_kw(),
            Quantity::CurrentKva => self.kva(),
            Quantity::CurrentKvar => self.kvar(),
            Quantity::CurrentAmps => self.amps().iter().sum(),
            Quantity::Voltage => self.volts.iter().sum::<f64>() / 3.0,
            Quantity::PowerFactor => self.power_factor(),
            Quantity::Frequency => self.frequency_hz,
            Quantity::AmpsPhaseA if self.single_phase => self.amps().iter().sum(),
            Quantity::KwPhaseA if self.single_phase => self.flow.total_kw(),
            Quantity::AmpsPhaseA => phase(self.amps(), 0)?,
            Quantity::AmpsPhaseB => phase(self.amps(), 1)?,
            Quantity::AmpsPhaseC => phase(self.amps(), 2)?,
            Quantity::VoltagePhaseA => phase(self.volts, 0)?,
            Quantity::VoltagePhaseB => phase(self.volts, 1)?,
            Quantity::VoltagePhaseC => phase(self.volts, 2)?,
            Quantity::VoltageAb => self.line_to_line(0, 1)?,
            Quantity::VoltageBc => self.line_to_line(1, 2)?,
            Quantity::VoltageCa => self.line_to_line(2, 0)?,
            Quantity::KwPhaseA => phase(self.flow.kw, 0)?,
            Quantity::KwPhaseB => phase(self.flow.kw, 1)?,
            Quantity::KwPhaseC => phase(self.flow.kw, 2)?,
            Quantity::NeutralCurrent => self.neutral_amps(),
            Quantity::KwhLifetime => self.kwh(),
            Quantity::KwhExportLifetime => 0.0,
            Quantity::KvarhLifetime => self.flow.kvar_seconds / 3600.0,
            Quantity::DemandKw => self.demand_kw,
            Quantity::TemperatureC => self.temperature_c,
            Quantity::GasM3 => self.kwh() * GAS_M3_PER_KWH,
            Quantity::WaterM3 => self.kwh() * WATER_M3_PER_KWH,
            Quantity::PulseCount => (self.kwh() * WATER_M3_PER_KWH * PULSES_PER_UNIT).floor(),
            Quantity::SerialNumber => SERIAL_NUMBER,
            Quantity::State => f64::from(u8::from(self.flow.total_kw() > 0.0)),
            Quantity::LoadPercent | Quantity::PhaseImbalance => return None,
            Quantity::Extra(_) => return self.of_dimension(unit),
        })
    }

    fn power_factor(&self) -> f64 {
        let kva = self.kva();
        if kva > 0.0 { self.flow.total_kw() / kva } else { 1.0 }
    }

    /// Voltage between two phases that are 120° apart.
    fn line_to_line(&self, from: usize, to: usize) -> Option<f64> {
        let (from, to) = (self.volts.get(from)?, self.volts.get(to)?);
        Some((from * from + to * to + from * to).sqrt())
    }

    /// The vector sum of three currents that are 120° apart.
    fn neutral_amps(&self) -> f64 {
        let [a, b, c] = self.amps();
        (a * a + b * b + c * c - a * b - b * c - c * a).max(0.0).sqrt()
    }

    /// Something plausible for a quantity of the site's own.
    fn of_dimension(&self, unit: Unit) -> Option<f64> {
        let (value, base) = match unit.dimension() {
            Dimension::Power => (self.flow.total_kw(), Unit::Kilowatt),
            Dimension::ApparentPower => (self.kva(), Unit::KilovoltAmpere),
            Dimension::ReactivePower => (self.kvar(), Unit::Kilovar),
            Dimension::Current => (self.amps().iter().sum::<f64>() / 3.0, Unit::Ampere),
            Dimension::Voltage => (self.volts.iter().sum::<f64>() / 3.0, Unit::Volt),
            Dimension::Frequency => (self.frequency_hz, Unit::Hertz),
            Dimension::Energy => (self.kwh(), Unit::KilowattHour),
            Dimension::ReactiveEnergy => (self.flow.kvar_seconds / 3600.0, Unit::KilovarHour),
            Dimension::ApparentEnergy => (self.kwh(), Unit::KilovoltAmpereHour),
            Dimension::Ratio => (self.power_factor(), Unit::Ratio),
            Dimension::Temperature => (self.temperature_c, Unit::DegreeCelsius),
            Dimension::Volume => (self.kwh() * WATER_M3_PER_KWH, Unit::CubicMetre),
            Dimension::Time => (self.flow.kw_seconds.min(1.0), Unit::Second),
            Dimension::Count => (1.0, Unit::Count),
        };
        base.convert(value, unit)
    }
}

/// Voltages of the phases at `seconds`: slow and fast movement, a fixed difference of the phases, and the drop under load.
pub fn volts(nominal: f64, load_share: f64, seconds: f64) -> [f64; 3] {
    let slow = 0.004 * (TAU * seconds / 5_400.0).sin();
    [(0.0, 0.001), (TAU / 3.0, -0.0015), (2.0 * TAU / 3.0, 0.0005)].map(|(phase, difference)| {
        let fast = 0.0012 * (TAU * seconds / 43.0 + phase).sin();
        nominal * (1.0 + slow + fast + difference - 0.006 * load_share.clamp(0.0, 1.2))
    })
}

/// Frequency at `seconds`, within 0.05 Hz of the rated one.
pub fn frequency_hz(seconds: f64) -> f64 {
    FREQUENCY_HZ + 0.025 * (TAU * seconds / 311.0).sin() + 0.015 * (TAU * seconds / 37.0 + PI / 5.0).sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(kw: [f64; 3], kvar: [f64; 3]) -> Electrical {
        Electrical {
            flow: Flow { kw, kvar, kw_seconds: 7200.0, kvar_seconds: 3600.0 },
            volts: [230.0; 3],
            frequency_hz: 50.0,
            single_phase: false,
            kwh_at_epoch: 100.0,
            demand_kw: 1.0,
            temperature_c: 20.0,
        }
    }

    #[test]
    fn quantities_agree_with_each_other() {
        let balanced = state([2.3; 3], [0.0; 3]);
        let value = |quantity| balanced.value(&quantity, Unit::Count).unwrap();
        for (quantity, expected) in [
            (Quantity::CurrentKw, 6.9),
            (Quantity::CurrentKva, 6.9),
            (Quantity::PowerFactor, 1.0),
            (Quantity::CurrentAmps, 30.0),
            (Quantity::NeutralCurrent, 0.0),
            (Quantity::VoltageAb, 230.0 * 3_f64.sqrt()),
            (Quantity::KwhLifetime, 102.0),
            (Quantity::KvarhLifetime, 1.0),
        ] {
            assert!((value(quantity.clone()) - expected).abs() < 1e-6, "{quantity}");
        }
        let uneven = state([2.3, 0.0, 0.0], [0.0; 3]);
        assert!((uneven.neutral_amps() - 10.0).abs() < 1e-9, "all of the current returns through the neutral");
        let lagging = state([3.0, 0.0, 0.0], [4.0, 0.0, 0.0]);
        assert!((lagging.power_factor() - 0.6).abs() < 1e-9);
    }

    #[test]
    fn every_readable_quantity_has_a_value() {
        let state = state([1.0; 3], [0.1; 3]);
        for quantity in Quantity::ALL {
            assert_eq!(state.value(quantity, Unit::Count).is_some(), quantity.is_readable(), "{quantity}");
        }
        for unit in Unit::ALL {
            assert!(state.value(&Quantity::Extra("x_y".into()), *unit).is_some(), "{unit:?}");
        }
    }
}
