//! Units on utility statements: what they measure, and exact conversion between those that measure the same.

use std::{fmt, sync::Arc};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::text;

/// The longest unit that is kept, in characters.
const MAX_UNIT_LENGTH: usize = 32;

/// What a unit measures. Readings of different dimensions are never compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum UsageDimension {
    /// Electrical energy, in Wh.
    Energy,
    /// Reactive energy, in varh.
    ReactiveEnergy,
    /// Apparent energy, in VAh.
    ApparentEnergy,
    /// Electrical power (demand), in W.
    Power,
    /// Reactive power, in var.
    ReactivePower,
    /// Apparent power, in VA.
    ApparentPower,
    /// Heat as gas is billed, in Btu.
    Gas,
    /// Heat, in J. Not one with electrical energy: a kWh is a whole number of J, but a J no finite decimal of kWh.
    Heat,
    /// Volume, in litres.
    Volume,
    /// Mass (steam), in pounds.
    Mass,
    /// Nothing that is known: compares only with the same text.
    Other(Arc<str>),
}

macro_rules! known_units {
    ($($variant:ident $symbol:literal $dimension:ident $factor:literal e $exponent:literal $($alias:literal)*;)+) => {
        /// A unit that is known.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum KnownUnit {
            $(#[doc = concat!("`", $symbol, "`")] $variant,)+
        }

        impl KnownUnit {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// How it is written here.
            pub fn symbol(self) -> &'static str {
                match self { $(Self::$variant => $symbol),+ }
            }

            /// What it measures.
            pub fn dimension(self) -> UsageDimension {
                match self { $(Self::$variant => UsageDimension::$dimension),+ }
            }

            /// One of it in the dimension's base unit: a whole number and a power of ten.
            fn size(self) -> (i128, i32) {
                match self { $(Self::$variant => ($factor, $exponent)),+ }
            }

            /// The unit with this spelling, without regard to case, spaces and dots.
            pub fn parse(text: &str) -> Option<Self> {
                let plain: String =
                    text.chars().filter(|letter| !matches!(letter, ' ' | '.' | '_' | '-')).collect::<String>().to_lowercase();
                $(if [$symbol.to_lowercase().as_str(), $($alias),*].contains(&plain.as_str()) {
                    return Some(Self::$variant);
                })+
                None
            }
        }
    };
}

// A foot is 0.3048 m and a US gallon 231 cubic inches, both by definition.
known_units! {
    WattHour "Wh" Energy 1 e 0 "watthour" "watthours";
    KilowattHour "kWh" Energy 1 e 3 "kilowatthour" "kilowatthours" "kwhr";
    MegawattHour "MWh" Energy 1 e 6 "megawatthour" "megawatthours";
    GigawattHour "GWh" Energy 1 e 9 "gigawatthour" "gigawatthours";
    VarHour "varh" ReactiveEnergy 1 e 0;
    KilovarHour "kvarh" ReactiveEnergy 1 e 3;
    MegavarHour "Mvarh" ReactiveEnergy 1 e 6;
    VoltAmpereHour "VAh" ApparentEnergy 1 e 0;
    KilovoltAmpereHour "kVAh" ApparentEnergy 1 e 3;
    MegavoltAmpereHour "MVAh" ApparentEnergy 1 e 6;
    Watt "W" Power 1 e 0 "watt" "watts";
    Kilowatt "kW" Power 1 e 3 "kilowatt" "kilowatts";
    Megawatt "MW" Power 1 e 6 "megawatt" "megawatts";
    Var "var" ReactivePower 1 e 0;
    Kilovar "kvar" ReactivePower 1 e 3;
    Megavar "Mvar" ReactivePower 1 e 6;
    VoltAmpere "VA" ApparentPower 1 e 0;
    KilovoltAmpere "kVA" ApparentPower 1 e 3;
    MegavoltAmpere "MVA" ApparentPower 1 e 6;
    Btu "Btu" Gas 1 e 0;
    KiloBtu "kBtu" Gas 1 e 3;
    Therm "therm" Gas 1 e 5 "therms" "thm";
    Dekatherm "Dth" Gas 1 e 6 "dekatherm" "dekatherms" "decatherm" "decatherms";
    MillionBtu "MMBtu" Gas 1 e 6;
    Joule "J" Heat 1 e 0;
    Kilojoule "kJ" Heat 1 e 3;
    Megajoule "MJ" Heat 1 e 6;
    Gigajoule "GJ" Heat 1 e 9;
    Litre "L" Volume 1 e 0 "litre" "litres" "liter" "liters";
    CubicMetre "m³" Volume 1 e 3 "m3" "cbm" "cubicmetre" "cubicmetres" "cubicmeter" "cubicmeters";
    CubicFoot "ft³" Volume 28_316_846_592 e -9 "ft3" "cf" "cuft" "cubicfoot" "cubicfeet";
    HundredCubicFeet "CCF" Volume 28_316_846_592 e -7 "hcf" "100cf" "hundredcubicfeet";
    ThousandCubicFeet "MCF" Volume 28_316_846_592 e -6 "thousandcubicfeet";
    Gallon "gal" Volume 3_785_411_784 e -9 "gallon" "gallons" "usgal";
    ThousandGallons "kgal" Volume 3_785_411_784 e -6 "tgal" "thousandgallons" "kgallons";
    Pound "lb" Mass 1 e 0 "lbs" "pound" "pounds";
    ThousandPounds "klb" Mass 1 e 3 "klbs";
}

/// A unit as a statement spells it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum UsageUnit {
    /// One that is known.
    Known(KnownUnit),
    /// Any other text, the empty one for a reading without unit.
    Other(Arc<str>),
}

impl UsageUnit {
    /// The unit of energy totals.
    pub const KWH: Self = Self::Known(KnownUnit::KilowattHour);

    /// The unit that `text` names.
    pub fn parse(text: &str) -> Self {
        match KnownUnit::parse(text) {
            Some(unit) => Self::Known(unit),
            None => Self::Other(text::clean_within(text.trim(), MAX_UNIT_LENGTH).into()),
        }
    }

    /// How it is written: the usual symbol where it is known, else its own text.
    pub fn symbol(&self) -> &str {
        match self {
            Self::Known(unit) => unit.symbol(),
            Self::Other(text) => text,
        }
    }

    /// What it measures.
    pub fn dimension(&self) -> UsageDimension {
        match self {
            Self::Known(unit) => unit.dimension(),
            Self::Other(text) => UsageDimension::Other(Arc::clone(text)),
        }
    }

    /// `value` in the dimension's base unit, exact and without trailing zeros; `None` where that has more digits than a
    /// decimal holds.
    pub fn to_base(&self, value: Decimal) -> Option<Decimal> {
        let (factor, exponent) = self.size();
        let value = value.normalize();
        exact(value.mantissa().checked_mul(factor)?, i64::from(value.scale()) - i64::from(exponent))
    }

    /// A value in the dimension's base unit, in this unit: exact where it is a finite decimal, else rounded once, to
    /// the digits that a decimal holds.
    pub fn from_base(&self, base: Decimal) -> Option<Decimal> {
        let (factor, exponent) = self.size();
        let base = base.normalize();
        let shifted = exact(base.mantissa(), i64::from(base.scale()) + i64::from(exponent))?;
        if factor == 1 {
            return Some(shifted);
        }
        shifted.checked_div(Decimal::try_from_i128_with_scale(factor, 0).ok()?).map(|value| value.normalize())
    }

    fn size(&self) -> (i128, i32) {
        match self {
            Self::Known(unit) => unit.size(),
            Self::Other(_) => (1, 0),
        }
    }
}

/// `mantissa` / 10^`scale` as a decimal without trailing zeros, where it is one.
fn exact(mut mantissa: i128, mut scale: i64) -> Option<Decimal> {
    if mantissa == 0 {
        return Some(Decimal::ZERO);
    }
    while scale > 0 && mantissa % 10 == 0 {
        mantissa /= 10;
        scale -= 1;
    }
    while scale < 0 {
        mantissa = mantissa.checked_mul(10)?;
        scale += 1;
    }
    Decimal::try_from_i128_with_scale(mantissa, u32::try_from(scale).ok()?).ok()
}

impl From<String> for UsageUnit {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl From<UsageUnit> for String {
    fn from(unit: UsageUnit) -> Self {
        unit.symbol().to_owned()
    }
}

impl fmt::Display for UsageUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.symbol())
    }
}

/// Why a usage cannot be counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUsage {
    /// It is no decimal number.
    #[error("`{0}` is not a number")]
    NotANumber(String),
    /// It has more digits than can be counted exactly.
    #[error("`{0}` has more digits than can be counted exactly")]
    TooLong(String),
}

/// An amount as a statement says it, which can be compared exactly.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Usage {
    value: Decimal,
    unit: UsageUnit,
    base: Decimal,
}

/// How a usage is written in JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Written {
    value: Decimal,
    unit: UsageUnit,
}

impl Usage {
    /// `value` in `unit`.
    ///
    /// # Errors
    /// [`BadUsage::TooLong`] where it cannot be said exactly in the dimension's base unit.
    pub fn new(value: Decimal, unit: UsageUnit) -> Result<Self, BadUsage> {
        let value = value.normalize();
        let base = unit.to_base(value).ok_or_else(|| BadUsage::TooLong(value.to_string()))?;
        Ok(Self { value, unit, base })
    }

    /// The number `text` (as JSON or a person writes it: digits, a point, an exponent) in `unit`.
    ///
    /// # Errors
    /// [`BadUsage`] where it is no number, or one that cannot be counted exactly.
    pub fn parse(text: &str, unit: UsageUnit) -> Result<Self, BadUsage> {
        Self::new(parse_decimal(text)?, unit)
    }

    /// Without trailing zeros, in its own unit.
    pub fn value(&self) -> Decimal {
        self.value
    }

    /// The unit it is said in.
    pub fn unit(&self) -> &UsageUnit {
        &self.unit
    }

    /// In the dimension's base unit, without trailing zeros: equal amounts have equal ones.
    pub fn base(&self) -> Decimal {
        self.base
    }
}

impl TryFrom<Written> for Usage {
    type Error = BadUsage;
    fn try_from(written: Written) -> Result<Self, BadUsage> {
        Self::new(written.value, written.unit)
    }
}

impl From<Usage> for Written {
    fn from(usage: Usage) -> Self {
        Self { value: usage.value, unit: usage.unit }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.value, self.unit)
    }
}

/// The longest number that is looked at, in characters.
const MAX_NUMBER_CHARACTERS: usize = 64;

/// The decimal that `text` is, exactly: digits, at most one point, an exponent; no rounding.
///
/// # Errors
/// [`BadUsage`] where it is none, or has more digits than a decimal holds.
pub fn parse_decimal(text: &str) -> Result<Decimal, BadUsage> {
    let text = text.trim();
    let shown = || text::clean_within(text, MAX_NUMBER_CHARACTERS);
    if text.len() > MAX_NUMBER_CHARACTERS {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        return Err(if is_number { BadUsage::TooLong(shown()) } else { BadUsage::NotANumber(shown()) });
    }
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i16>().map_err(|_| BadUsage::NotANumber(shown()))?),
        None => (text, 0),
    };
    let unsigned = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadUsage::NotANumber(shown()));
    }
    let all = all.trim_start_matches('0');
    let scale = i64::try_from(fraction.len()).unwrap_or(i64::MAX) - i64::from(exponent);
    let mantissa = if all.is_empty() { Some(0) } else { all.parse::<i128>().ok() };
    let sign = if digits.starts_with('-') { -1 } else { 1 };
    mantissa.and_then(|mantissa| exact(sign * mantissa, scale)).ok_or_else(|| BadUsage::TooLong(shown()))
}
