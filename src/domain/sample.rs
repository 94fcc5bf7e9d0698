//! Samples: readings as they are kept, as whole numbers in steps of a power of ten.
//!
//! 230.1 V is kept as 2301 with one decimal. A meter resolves no more than its registers hold, so nothing is lost, sums are
//! exact in any order, and a column of such numbers needs a ninth of the room of the same numbers as floats.

use serde::{Deserialize, Serialize};

use super::{reading::State, register::RawType, register::Register, unit::Unit};

/// The most decimals that are kept.
pub const MAX_DECIMALS: u8 = 6;

/// The largest magnitude that is kept, in the quantity's unit: it fits an `i64` with [`MAX_DECIMALS`].
pub const MAX_MAGNITUDE: i64 = 9_000_000_000_000;

/// The earliest time that is kept, in ms since 1970: the epoch itself.
pub const MIN_TIME_MS: i64 = 0;

/// The end of time, in ms since 1970, exclusive: the year 2200.
pub const MAX_TIME_MS: i64 = 7_258_118_400_000;

/// Tolerance, relative to the number, within which a scaled step counts as whole.
const WHOLE: f64 = 1e-9;

/// How many decimals of a quantity are kept, 0 to [`MAX_DECIMALS`]: `value = number / 10^decimals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Decimals(u8);

impl Decimals {
    /// This many, or `None` where it is over [`MAX_DECIMALS`].
    pub fn new(count: u8) -> Option<Self> {
        (count <= MAX_DECIMALS).then_some(Self(count))
    }

    /// The decimals that hold every multiple of `step` exactly; where none do (a third), those that are finer than it
    /// by a factor of ten.
    pub fn of_step(step: f64) -> Self {
        let step = step.abs();
        if !step.is_finite() || step == 0.0 {
            return Self(MAX_DECIMALS);
        }
        let is_whole = |decimals: &u8| {
            let scaled = step * power_of_ten(*decimals) as f64;
            scaled >= 0.5 && (scaled - scaled.round()).abs() <= scaled * WHOLE
        };
        let is_fine = |decimals: &u8| step * power_of_ten(*decimals) as f64 >= 10.0;
        let finest = MAX_DECIMALS;
        Self((0..=finest).find(is_whole).or_else(|| (0..=finest).find(is_fine)).unwrap_or(finest))
    }

    /// The decimals of a floating-point register, whose resolution nobody states: one digit more than accuracy
    /// class 0.2 (IEC 62053-22) gives at the usual size of the unit. What is cut off is noise of the converter.
    pub fn of_float(unit: Unit) -> Self {
        Self(match unit {
            Unit::Milliampere | Unit::Count => 0,
            Unit::Watt | Unit::VoltAmpere | Unit::Var | Unit::WattHour | Unit::VarHour | Unit::VoltAmpereHour => 1,
            Unit::Volt | Unit::Percent | Unit::DegreeCelsius | Unit::Second | Unit::Litre => 2,
            Unit::Kilowatt
            | Unit::KilovoltAmpere
            | Unit::Kilovar
            | Unit::Ampere
            | Unit::Hertz
            | Unit::CubicMetre
            | Unit::KilowattHour
            | Unit::KilovarHour
            | Unit::KilovoltAmpereHour => 3,
            Unit::Ratio | Unit::Kilovolt => 4,
            Unit::Megawatt | Unit::MegavoltAmpere | Unit::Megavar | Unit::MegawattHour => 6,
        })
    }

    /// The decimals of what a register holds, in the reading's unit. `ratio` is what the reading is multiplied by after
    /// that: 1, or the current and voltage transformers' ratio. Depends on nothing but its arguments.
    pub fn of_register(register: &Register, ratio: f64) -> Self {
        let unit = register.reading_unit();
        let is_float = matches!(register.raw_type, RawType::F32 | RawType::F64);
        if is_float || register.scale_register.is_some() {
            return Self::of_float(unit);
        }
        match register.unit.convert(register.scale, unit) {
            Some(step) => Self::of_step(step * ratio).max(Self::of_offset(register, unit)),
            None => Self::of_float(unit),
        }
    }

    /// The decimals of a register's offset, in the reading's unit.
    fn of_offset(register: &Register, unit: Unit) -> Self {
        match register.unit.convert(register.offset, unit) {
            Some(offset) if offset != 0.0 => Self::of_step(offset),
            _ => Self(0),
        }
    }

    /// How many.
    pub fn count(self) -> u8 {
        self.0
    }

    /// `10^decimals`.
    pub fn factor(self) -> i64 {
        power_of_ten(self.0)
    }

    /// The largest number that is kept with these decimals.
    pub fn limit(self) -> i64 {
        MAX_MAGNITUDE * self.factor()
    }

    /// The number that stands for a value, rounded once, halves away from zero; `None` for what is not finite or too large.
    pub fn number(self, value: f64) -> Option<i64> {
        let scaled = (value * self.factor() as f64).round();
        let limit = self.limit() as f64;
        #[expect(clippy::cast_possible_truncation, reason = "within the limit, which fits")]
        (scaled.is_finite() && scaled.abs() <= limit).then_some(scaled as i64)
    }

    /// The value that a number stands for.
    pub fn value(self, number: i64) -> f64 {
        number as f64 / self.factor() as f64
    }

    /// A number with these decimals, with `finer` ones; exact, as every kept number is within its limit.
    pub fn refine(self, number: i64, finer: Self) -> i64 {
        number.saturating_mul(power_of_ten(finer.0.saturating_sub(self.0)))
    }
}

impl TryFrom<u8> for Decimals {
    type Error = &'static str;
    fn try_from(count: u8) -> Result<Self, Self::Error> {
        Self::new(count).ok_or("at most 6 decimals are kept")
    }
}

impl From<Decimals> for u8 {
    fn from(decimals: Decimals) -> Self {
        decimals.0
    }
}

fn power_of_ten(exponent: u8) -> i64 {
    10_i64.pow(u32::from(exponent.min(18)))
}

/// One stored reading of a series that is known from where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Point {
    /// When the device answered, in ms since 1970 (UTC).
    pub at_ms: i64,
    /// The value in steps of the series' [`Decimals`]; `None` where the state is bad or missing.
    pub number: Option<i64>,
    /// How far it may be believed.
    pub state: State,
}

impl Point {
    /// A good value.
    pub fn good(at_ms: i64, number: i64) -> Self {
        Self { at_ms, number: Some(number), state: State::Good }
    }
}

/// What happened to a series in one step of time: the finest that charts of long spans need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Start of the step, in ms since 1970.
    pub start_ms: i64,
    /// Samples with a value.
    pub count: u32,
    /// Samples without a value, or whose state is not good.
    pub flawed: u32,
    /// Smallest value; of the samples that have one, as all below. All 0 where `count` is 0.
    pub min: i64,
    /// Largest value.
    pub max: i64,
    /// Sum of the values; exact for steps of 15 min and more, `count` × the rounded mean for those of 1 min.
    pub sum: i128,
    /// First value in time.
    pub first: i64,
    /// Last value in time.
    pub last: i64,
}

impl Summary {
    /// A step in which nothing was stored.
    pub fn empty(start_ms: i64) -> Self {
        Self { start_ms, count: 0, flawed: 0, min: 0, max: 0, sum: 0, first: 0, last: 0 }
    }

    /// Whether nothing was stored in it.
    pub fn is_empty(&self) -> bool {
        self.count == 0 && self.flawed == 0
    }

    /// Takes in a sample that is later than those before.
    pub fn push(&mut self, number: Option<i64>, state: State) {
        let Some(value) = number else {
            self.flawed = self.flawed.saturating_add(1);
            return;
        };
        let one = Self {
            start_ms: self.start_ms,
            count: 1,
            flawed: u32::from(state != State::Good),
            min: value,
            max: value,
            sum: i128::from(value),
            first: value,
            last: value,
        };
        self.append(&one);
    }

    /// Takes in a step that is later than those before.
    pub fn append(&mut self, later: &Self) {
        self.flawed = self.flawed.saturating_add(later.flawed);
        if later.count == 0 {
            return;
        }
        if self.count == 0 {
            (self.min, self.max, self.first) = (later.min, later.max, later.first);
        }
        self.min = self.min.min(later.min);
        self.max = self.max.max(later.max);
        self.last = later.last;
        self.sum += later.sum;
        self.count = self.count.saturating_add(later.count);
    }

    /// The mean, rounded to the nearest number, halves away from zero.
    pub fn mean(&self) -> Option<i64> {
        let count = i128::from(self.count);
        let half = if self.sum < 0 { -(count / 2) } else { count / 2 };
        i64::try_from((self.sum + half).checked_div(count)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        quantity::Quantity,
        register::{Encoding, Function, Order},
    };

    fn register(quantity: Quantity, raw_type: RawType, scale: f64, unit: Unit) -> Register {
        Register {
            quantity,
            address: 0,
            function: Function::Holding,
            raw_type,
            words: Order::Big,
            bytes: Order::Big,
            scale,
            offset: 0.0,
            scale_register: None,
            invalid: None,
            unit,
            min: None,
            max: None,
            modulus: None,
            encoding: Encoding::Plain,
        }
    }

    #[test]
    fn decimals_follow_the_step_of_a_register() {
        for (quantity, raw_type, scale, unit, ratio, expected) in [
            (Quantity::Voltage, RawType::U16, 0.1, Unit::Volt, 1.0, 1),
            (Quantity::CurrentKw, RawType::I32, 1.0, Unit::Watt, 1.0, 3),
            (Quantity::CurrentAmps, RawType::U32, 1.0, Unit::Milliampere, 40.0, 2),
            (Quantity::CurrentAmps, RawType::U16, 0.01, Unit::Ampere, 40.0, 1),
            (Quantity::KwhLifetime, RawType::U32, 10.0, Unit::KilowattHour, 1.0, 0),
            (Quantity::KwhLifetime, RawType::U64, 1.0, Unit::WattHour, 1.0, 3),
            (Quantity::PowerFactor, RawType::I16, 0.001, Unit::Ratio, 1.0, 3),
            (Quantity::CurrentKw, RawType::F32, 1.0, Unit::Watt, 1.0, 3),
            (Quantity::CurrentKw, RawType::U16, 1.0 / 3.0, Unit::Kilowatt, 1.0, 2),
        ] {
            let decimals = Decimals::of_register(&register(quantity.clone(), raw_type, scale, unit), ratio);
            assert_eq!(decimals.count(), expected, "{quantity} {raw_type:?} {scale} {unit:?} × {ratio}");
        }
    }

    #[test]
    fn numbers_stand_for_values() {
        let one = Decimals::new(1).unwrap();
        for (value, expected) in [
            (230.1, Some(2301)),
            (-0.05, Some(-1)),
            (0.04, Some(0)),
            (f64::NAN, None),
            (f64::INFINITY, None),
            (1e30, None),
        ] {
            assert_eq!(one.number(value), expected, "{value}");
        }
        assert_eq!(one.refine(2301, Decimals::new(3).unwrap()), 230_100);
        let coarse = Decimals::new(0).unwrap();
        assert_eq!(coarse.refine(coarse.limit(), Decimals::new(6).unwrap()), 9_000_000_000_000_000_000);
        assert_eq!(Decimals::new(7), None);
    }

    #[test]
    fn summaries_of_parts_are_the_summary_of_the_whole() {
        let numbers = [5, -3, 9, 9, -12, 0, 4];
        let mut whole = Summary::empty(0);
        for number in numbers {
            whole.push(Some(number), State::Good);
        }
        whole.push(None, State::Bad);
        for cut in 0..numbers.len() {
            let (mut left, mut right) = (Summary::empty(0), Summary::empty(0));
            numbers[..cut].iter().for_each(|number| left.push(Some(*number), State::Good));
            numbers[cut..].iter().for_each(|number| right.push(Some(*number), State::Good));
            right.push(None, State::Bad);
            left.append(&right);
            assert_eq!(left, whole);
        }
        assert_eq!((whole.mean(), whole.count, whole.flawed), (Some(2), 7, 1));
        assert_eq!(Summary::empty(0).mean(), None);
    }
}
