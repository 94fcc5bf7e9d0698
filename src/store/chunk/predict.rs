//! What a quantity must be when others of the same meter are known; only the difference to that is stored.
//!
//! A prediction is computed from whole numbers in `f64` with `+ - * /` and square root alone, each of which IEEE 754 defines
//! to the last bit, and in the order written here: every machine computes the same. Changing an expression needs a new number.

use crate::domain::{quantity::Quantity, sample::Decimals};

/// How a column follows from others. The numbers are stored: never change one, only add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Formula {
    /// a − b − c: the third phase of a sum.
    Rest = 1,
    /// a + b + c.
    Sum = 2,
    /// (a + b + c) / 3.
    Mean = 3,
    /// √(a² + b²): apparent power.
    Apparent = 4,
    /// a / b: power factor.
    Share = 5,
    /// 1000·a·b / (c·d): current of a phase from its real power, the meter's kVA and kW, and its voltage.
    Current = 6,
    /// √(a² + b² + a·b): voltage between two phases, 120° apart.
    Line = 7,
    /// √(a² + b² + c² − a·b − b·c − c·a): neutral current of three phases.
    Neutral = 8,
    /// a.
    Equal = 9,
}

impl Formula {
    const ALL: [Self; 9] = [
        Self::Rest,
        Self::Sum,
        Self::Mean,
        Self::Apparent,
        Self::Share,
        Self::Current,
        Self::Line,
        Self::Neutral,
        Self::Equal,
    ];

    /// The formula with a stored number.
    pub(super) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|formula| *formula as u8 == number)
    }

    /// How many inputs it has.
    pub(super) fn inputs(self) -> usize {
        match self {
            Self::Equal => 1,
            Self::Apparent | Self::Share | Self::Line => 2,
            Self::Rest | Self::Sum | Self::Mean | Self::Neutral => 3,
            Self::Current => 4,
        }
    }

    fn value(self, [a, b, c, d]: [f64; 4]) -> f64 {
        match self {
            Self::Rest => a - b - c,
            Self::Sum => a + b + c,
            Self::Mean => (a + b + c) / 3.0,
            Self::Apparent => (a * a + b * b).sqrt(),
            Self::Share => a / b,
            Self::Current => (1000.0 * a * b) / (c * d),
            Self::Line => (a * a + b * b + a * b).sqrt(),
            Self::Neutral => (a * a + b * b + c * c - a * b - b * c - c * a).sqrt(),
            Self::Equal => a,
        }
    }

    /// The numbers that it predicts for a column with `decimals`; as many as the shortest input has.
    pub(super) fn predict(self, inputs: &[(&[i64], Decimals)], decimals: Decimals) -> Vec<i64> {
        let count = inputs.iter().map(|(numbers, _)| numbers.len()).min().unwrap_or(0);
        let factors: Vec<f64> = inputs.iter().map(|(_, decimals)| decimals.factor() as f64).collect();
        let target = decimals.factor() as f64;
        let limit = decimals.limit() as f64;
        let one = |row: usize| {
            let mut values = [0.0; 4];
            for ((value, (numbers, _)), factor) in values.iter_mut().zip(inputs).zip(&factors) {
                *value = numbers.get(row).map_or(0.0, |number| *number as f64) / factor;
            }
            let scaled = self.value(values) * target;
            if scaled.abs() <= limit {
                #[expect(clippy::cast_possible_truncation, reason = "within the limit, which fits")]
                let number = (scaled + 0.5_f64.copysign(scaled)) as i64;
                number
            } else {
                0 // too large, infinite or NaN
            }
        };
        (0..count).map(one).collect()
    }
}

/// How often predictions may build upon each other: the order in which columns are stored.
pub(super) fn rank(quantity: &Quantity) -> u8 {
    use Quantity as Q;
    match quantity {
        Q::KwPhaseC | Q::CurrentKva | Q::Voltage | Q::VoltageAb | Q::VoltageBc | Q::VoltageCa => 1,
        Q::PowerFactor | Q::AmpsPhaseA | Q::AmpsPhaseB | Q::AmpsPhaseC => 2,
        Q::CurrentAmps | Q::NeutralCurrent => 3,
        _ => 0,
    }
}

/// The ways in which a quantity may follow from others of lower [`rank`].
pub(super) fn candidates(quantity: &Quantity) -> &'static [(Formula, &'static [Quantity])] {
    use Quantity as Q;
    match quantity {
        Q::KwPhaseC => &[(Formula::Rest, &[Q::CurrentKw, Q::KwPhaseA, Q::KwPhaseB])],
        Q::CurrentKva => &[(Formula::Apparent, &[Q::CurrentKw, Q::CurrentKvar])],
        Q::PowerFactor => &[(Formula::Share, &[Q::CurrentKw, Q::CurrentKva])],
        Q::Voltage => &[
            (Formula::Mean, &[Q::VoltagePhaseA, Q::VoltagePhaseB, Q::VoltagePhaseC]),
            (Formula::Equal, &[Q::VoltagePhaseA]),
        ],
        Q::VoltageAb => &[(Formula::Line, &[Q::VoltagePhaseA, Q::VoltagePhaseB])],
        Q::VoltageBc => &[(Formula::Line, &[Q::VoltagePhaseB, Q::VoltagePhaseC])],
        Q::VoltageCa => &[(Formula::Line, &[Q::VoltagePhaseC, Q::VoltagePhaseA])],
        Q::AmpsPhaseA => &[(Formula::Current, &[Q::KwPhaseA, Q::CurrentKva, Q::CurrentKw, Q::VoltagePhaseA])],
        Q::AmpsPhaseB => &[(Formula::Current, &[Q::KwPhaseB, Q::CurrentKva, Q::CurrentKw, Q::VoltagePhaseB])],
        Q::AmpsPhaseC => &[(Formula::Current, &[Q::KwPhaseC, Q::CurrentKva, Q::CurrentKw, Q::VoltagePhaseC])],
        Q::CurrentAmps => &[
            (Formula::Sum, &[Q::AmpsPhaseA, Q::AmpsPhaseB, Q::AmpsPhaseC]),
            (Formula::Mean, &[Q::AmpsPhaseA, Q::AmpsPhaseB, Q::AmpsPhaseC]),
            (Formula::Current, &[Q::CurrentKw, Q::CurrentKva, Q::CurrentKw, Q::Voltage]),
        ],
        Q::NeutralCurrent => &[(Formula::Neutral, &[Q::AmpsPhaseA, Q::AmpsPhaseB, Q::AmpsPhaseC])],
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_stored_before_what_follows_from_them() {
        for quantity in Quantity::ALL {
            for (formula, inputs) in candidates(quantity) {
                assert_eq!(inputs.len(), formula.inputs(), "{quantity}");
                assert!(inputs.iter().all(|input| rank(input) < rank(quantity)), "{quantity}");
                assert_eq!(Formula::of_number(*formula as u8), Some(*formula));
            }
        }
    }

    #[test]
    fn predictions_are_those_of_hand_calculation() {
        let two = Decimals::new(2).unwrap();
        let one = Decimals::new(1).unwrap();
        let three = Decimals::new(3).unwrap();
        for (formula, inputs, decimals, expected) in [
            (Formula::Apparent, vec![(300, two), (400, two)], two, 500),
            (Formula::Share, vec![(300, two), (500, two)], three, 600),
            (Formula::Share, vec![(300, two), (0, two)], three, 0),
            (Formula::Rest, vec![(1000, two), (300, two), (345, two)], two, 355),
            (Formula::Mean, vec![(2300, one), (2301, one), (2302, one)], one, 2301),
            (Formula::Line, vec![(2300, one), (2300, one)], one, 3984),
            (Formula::Current, vec![(230, two), (1000, two), (1000, two), (2300, one)], two, 1000),
            (Formula::Neutral, vec![(1000, two), (1000, two), (1000, two)], two, 0),
            (Formula::Equal, vec![(-2301, one)], two, -23010),
        ] {
            let columns: Vec<_> = inputs.iter().map(|(number, decimals)| (vec![*number], *decimals)).collect();
            let inputs: Vec<_> = columns.iter().map(|(numbers, decimals)| (numbers.as_slice(), *decimals)).collect();
            assert_eq!(formula.predict(&inputs, decimals), [expected], "{formula:?}");
        }
    }
}
