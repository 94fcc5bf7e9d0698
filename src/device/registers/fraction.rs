//! A factor as a fraction of whole numbers, so that a decimal scale costs one rounding.

use crate::domain::unit::Unit;

/// The largest number up to which `f64` holds every whole number: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// `numerator / denominator`, without a common factor where both are whole.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Fraction {
    numerator: f64,
    denominator: f64,
}

impl Fraction {
    /// `scale` × 10^`exponent`; a scale of which the inverse is a whole number becomes that number's division.
    pub(super) fn of_scale(scale: f64, exponent: i16) -> Self {
        let inverse = (1.0 / scale).round();
        let of_scale = if inverse.abs() > 1.0 && inverse.is_finite() && (1.0 / inverse).to_bits() == scale.to_bits() {
            Self { numerator: 1.0, denominator: inverse }
        } else {
            Self { numerator: scale, denominator: 1.0 }
        };
        if exponent == 0 {
            return of_scale; // the usual case, without a common factor already
        }
        let power = 10_f64.powi(i32::from(exponent.unsigned_abs()));
        of_scale.times(if exponent < 0 {
            Self { numerator: 1.0, denominator: power }
        } else {
            Self { numerator: power, denominator: 1.0 }
        })
    }

    /// What a number in `from` is multiplied by to be one in `to`; `None` where they measure different things.
    pub(super) fn of_units(from: Unit, to: Unit) -> Option<Self> {
        if from.dimension() != to.dimension() {
            return None;
        }
        let (from_numerator, from_denominator) = from.factor();
        let (to_numerator, to_denominator) = to.factor();
        let numerator = f64::from(from_numerator) * f64::from(to_denominator);
        let denominator = f64::from(from_denominator) * f64::from(to_numerator);
        Some(Self { numerator, denominator }.reduced())
    }

    /// The product of both.
    pub(super) fn times(self, other: Self) -> Self {
        let numerator = self.numerator * other.numerator;
        let denominator = self.denominator * other.denominator;
        Self { numerator, denominator }.reduced()
    }

    /// `number` × this fraction.
    pub(super) fn apply(self, number: f64) -> f64 {
        number * self.numerator / self.denominator
    }

    /// `number` ÷ this fraction.
    pub(super) fn undo(self, number: f64) -> f64 {
        number * self.denominator / self.numerator
    }

    fn reduced(self) -> Self {
        let is_whole = |number: f64| number.fract() == 0.0 && number != 0.0 && number.abs() <= EXACT;
        if !is_whole(self.numerator) || !is_whole(self.denominator) {
            return self;
        }
        let (mut divisor, mut rest) = (self.numerator.abs(), self.denominator.abs());
        while rest != 0.0 {
            (divisor, rest) = (rest, divisor % rest); // Euclid; `%` of whole numbers is exact
        }
        Self { numerator: self.numerator / divisor, denominator: self.denominator / divisor }
    }
}
