//! Units of measurement, and exact conversion between those of one dimension.

use serde::{Deserialize, Serialize};

/// What a unit measures; only units of one dimension convert into each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dimension {
    /// Real power.
    Power,
    /// Apparent power.
    ApparentPower,
    /// Reactive power.
    ReactivePower,
    /// Electric current.
    Current,
    /// Voltage.
    Voltage,
    /// Frequency.
    Frequency,
    /// Real energy.
    Energy,
    /// Reactive energy.
    ReactiveEnergy,
    /// Apparent energy.
    ApparentEnergy,
    /// A share: ratio and percent.
    Ratio,
    /// Temperature.
    Temperature,
    /// Volume.
    Volume,
    /// Time.
    Time,
    /// A bare number.
    Count,
}

macro_rules! units {
    ($($variant:ident $symbol:literal $dimension:ident $numerator:literal / $denominator:literal;)+) => {
        /// A unit as the site file spells it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Unit {
            $(#[doc = concat!("`", $symbol, "`")] #[serde(rename = $symbol)] $variant,)+
        }

        impl Unit {
            /// Every unit, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// How it is written, in files and on screen.
            pub fn symbol(self) -> &'static str {
                match self { $(Self::$variant => $symbol),+ }
            }

            /// What it measures.
            pub fn dimension(self) -> Dimension {
                match self { $(Self::$variant => Dimension::$dimension),+ }
            }

            /// Its size as a fraction of the dimension's base unit (W, VA, var, A, V, Hz, Wh, …).
            pub fn factor(self) -> (u32, u32) {
                match self { $(Self::$variant => ($numerator, $denominator)),+ }
            }
        }
    };
}

units! {
    Watt "W" Power 1 / 1;
    Kilowatt "kW" Power 1000 / 1;
    Megawatt "MW" Power 1_000_000 / 1;
    VoltAmpere "VA" ApparentPower 1 / 1;
    KilovoltAmpere "kVA" ApparentPower 1000 / 1;
    MegavoltAmpere "MVA" ApparentPower 1_000_000 / 1;
    Var "var" ReactivePower 1 / 1;
    Kilovar "kvar" ReactivePower 1000 / 1;
    Megavar "Mvar" ReactivePower 1_000_000 / 1;
    Ampere "A" Current 1 / 1;
    Milliampere "mA" Current 1 / 1000;
    Volt "V" Voltage 1 / 1;
    Kilovolt "kV" Voltage 1000 / 1;
    Hertz "Hz" Frequency 1 / 1;
    WattHour "Wh" Energy 1 / 1;
    KilowattHour "kWh" Energy 1000 / 1;
    MegawattHour "MWh" Energy 1_000_000 / 1;
    VarHour "varh" ReactiveEnergy 1 / 1;
    KilovarHour "kvarh" ReactiveEnergy 1000 / 1;
    VoltAmpereHour "VAh" ApparentEnergy 1 / 1;
    KilovoltAmpereHour "kVAh" ApparentEnergy 1000 / 1;
    Percent "%" Ratio 1 / 100;
    Ratio "ratio" Ratio 1 / 1;
    DegreeCelsius "degC" Temperature 1 / 1;
    CubicMetre "m3" Volume 1 / 1;
    Litre "L" Volume 1 / 1000;
    Second "s" Time 1 / 1;
    Count "count" Count 1 / 1;
}

impl Unit {
    /// The unit with this spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|unit| unit.symbol() == text)
    }

    /// `value` in this unit, as a value in `to`; `None` where they measure different things.
    pub fn convert(self, value: f64, to: Self) -> Option<f64> {
        if self == to {
            return Some(value);
        }
        if self.dimension() != to.dimension() {
            return None;
        }
        let (from_numerator, from_denominator) = self.factor();
        let (to_numerator, to_denominator) = to.factor();
        let up = f64::from(from_numerator) * f64::from(to_denominator);
        let down = f64::from(from_denominator) * f64::from(to_numerator);
        // One rounding: by a whole number, up or down, never by an inexact fraction.
        Some(if up >= down { value * (up / down) } else { value / (down / up) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_within_a_dimension_only() {
        for (value, from, to, expected) in [
            (1234.0, Unit::Watt, Unit::Kilowatt, Some(1.234)),
            (1.5, Unit::MegawattHour, Unit::KilowattHour, Some(1500.0)),
            (95.0, Unit::Percent, Unit::Ratio, Some(0.95)),
            (400.0, Unit::Milliampere, Unit::Ampere, Some(0.4)),
            (1.0, Unit::Watt, Unit::VoltAmpere, None),
        ] {
            assert_eq!(from.convert(value, to), expected, "{value} {from:?} {to:?}");
        }
    }

    #[test]
    fn spelling_is_unique() {
        for unit in Unit::ALL {
            assert_eq!(Unit::parse(unit.symbol()), Some(*unit));
        }
    }
}
