//! What energy costs: exact until the end, rounded there once.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

/// An amount of money; amounts of two currencies are never added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// In whole currency units, exact.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: String,
}

/// Decimals of the smallest unit of a currency (ISO 4217).
pub fn decimals(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "UYI" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// The cost of `energy_kwh` at one price, rounded once, half up, to the currency's smallest unit.
/// `None` where the numbers are too large to be real.
pub fn flat(energy_kwh: Decimal, price_per_kwh: Decimal, currency: &str) -> Option<Money> {
    let exact = energy_kwh.checked_mul(price_per_kwh)?;
    Some(Money { amount: round(exact, currency), currency: currency.to_owned() })
}

/// Rounds half up (away from zero) to the currency's smallest unit.
pub fn round(amount: Decimal, currency: &str) -> Decimal {
    let mut rounded = amount.round_dp_with_strategy(decimals(currency), RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(decimals(currency));
    rounded
}

impl Money {
    /// The sum, where the currencies are the same.
    pub fn plus(&self, other: &Self) -> Option<Self> {
        if self.currency != other.currency {
            return None;
        }
        Some(Self { amount: self.amount.checked_add(other.amount)?, currency: self.currency.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_once_half_up_to_the_smallest_unit() {
        for (energy, price, currency, expected) in [
            ("9812.345", "0.2140", "EUR", "2099.84"),
            ("1", "0.125", "EUR", "0.13"),
            ("1", "0.5", "JPY", "1"),
            ("10", "0.0001", "KWD", "0.001"),
            ("0", "0.2", "EUR", "0.00"),
        ] {
            let money = flat(energy.parse().unwrap(), price.parse().unwrap(), currency).unwrap();
            assert_eq!(money.amount.to_string(), expected, "{energy} × {price} {currency}");
        }
    }

    #[test]
    fn currencies_never_mix() {
        let euro = flat(Decimal::ONE, Decimal::ONE, "EUR").unwrap();
        let pound = flat(Decimal::ONE, Decimal::ONE, "GBP").unwrap();
        assert_eq!(euro.plus(&pound), None);
        assert_eq!(euro.plus(&euro).unwrap().amount.to_string(), "2.00");
    }
}
