//! Sums that are the same in any order, to the last digit.

use rust_decimal::Decimal;

/// Scales that a decimal has: 0 to 28.
const SCALES: usize = 29;

/// A sum of decimals without rounding, however many digits its parts have: one whole number for each scale. At 96 bits a
/// decimal, two thousand million of one scale fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExactSum {
    by_scale: [i128; SCALES],
}

impl Default for ExactSum {
    fn default() -> Self {
        Self { by_scale: [0; SCALES] }
    }
}

impl ExactSum {
    /// Adds a value.
    pub fn add(&mut self, value: Decimal) {
        if let Some(sum) = self.by_scale.get_mut(value.scale() as usize) {
            *sum = sum.saturating_add(value.mantissa());
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        for (sum, more) in self.by_scale.iter_mut().zip(other.by_scale) {
            *sum = sum.saturating_add(more);
        }
    }

    /// The sum, without trailing zeros; `None` where no decimal holds all its digits.
    pub fn total(&self) -> Option<Decimal> {
        let mut total: i128 = 0;
        let mut scale = 0_u32;
        for (at, sum) in (0_u32..).zip(self.by_scale).filter(|(_, sum)| *sum != 0) {
            total = total.checked_mul(10_i128.checked_pow(at - scale)?)?.checked_add(sum)?;
            scale = at;
        }
        while scale > 0 && total % 10 == 0 {
            total /= 10;
            scale -= 1;
        }
        Decimal::try_from_i128_with_scale(total, scale).ok()
    }
}
