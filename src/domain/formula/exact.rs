//! Formulas in exact decimals, for energy. A virtual meter is in kW, and every meter in it stands for kW: so the same
//! formula over the kWh of one interval gives the kWh of that interval.

use rust_decimal::Decimal;

use super::{Expression, Formula, Function, MeterId, Node, Operator};

impl Formula {
    /// Its value from an amount of each input, exact but for divisions (28 digits). `None` where an input has none, or
    /// where there is no such number: after a division by zero, or an overflow.
    pub fn evaluate_exact(&self, mut lookup: impl FnMut(&MeterId) -> Option<Decimal>) -> Option<Decimal> {
        self.exact(&self.root, &mut lookup)
    }

    /// Whether it only adds meters, each once: then what is known of a part of them is a part of the sum.
    pub fn is_plain_sum(&self) -> bool {
        let mut named = 0;
        let mut is_plain = true;
        self.root.visit(&mut |node| match &node.expression {
            Expression::Meter(_) => named += 1,
            Expression::Sum(tag) => named += self.tags.get(tag).map_or(0, Vec::len),
            Expression::Binary(Operator::Add, ..) => {}
            _ => is_plain = false,
        });
        is_plain && named == self.inputs().count()
    }

    fn exact(&self, node: &Node, lookup: &mut impl FnMut(&MeterId) -> Option<Decimal>) -> Option<Decimal> {
        match &node.expression {
            // As it was written: the shortest text that reads back as the same number.
            Expression::Number(number) => number.to_string().parse().ok(),
            Expression::Meter(name) => lookup(self.meters.get(name)?),
            Expression::Sum(tag) => {
                self.tags.get(tag)?.iter().try_fold(Decimal::ZERO, |sum, id| sum.checked_add(lookup(id)?))
            }
            Expression::Negate(inner) => self.exact(inner, lookup).map(|value| -value),
            Expression::Binary(operator, left, right) => {
                let (left, right) = (self.exact(left, lookup)?, self.exact(right, lookup)?);
                match operator {
                    Operator::Add => left.checked_add(right),
                    Operator::Subtract => left.checked_sub(right),
                    Operator::Multiply => left.checked_mul(right),
                    Operator::Divide => left.checked_div(right),
                }
            }
            Expression::Call(function, arguments) => {
                let values: Option<Vec<Decimal>> =
                    arguments.iter().map(|argument| self.exact(argument, lookup)).collect();
                let values = values?.into_iter();
                match function {
                    Function::Minimum => values.min(),
                    Function::Maximum => values.max(),
                    Function::Absolute => values.map(|value| value.abs()).next(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::Scope, *};
    use crate::domain::reading::State;

    fn formula(text: &str) -> Formula {
        let ids = ["a", "b", "c"].map(|id| MeterId::new(id).unwrap());
        let tag = ["all".to_owned()];
        Formula::compile(text, &Scope::new(ids.iter().map(|id| (id, &tag[..])))).unwrap()
    }

    fn evaluate(text: &str, values: [Option<&str>; 3]) -> Option<String> {
        let value = formula(text).evaluate_exact(|id| {
            let place = ["a", "b", "c"].iter().position(|name| *name == id.as_str())?;
            values[place].map(|value| value.parse().unwrap())
        });
        value.map(|value| value.normalize().to_string())
    }

    #[test]
    fn it_is_exact_where_floats_are_not() {
        let values = [Some("0.1"), Some("0.2"), Some("1000000000000.001")];
        for (text, expected) in [
            ("a + b", Some("0.3")),
            ("sum(\"all\")", Some("1000000000000.301")),
            ("c - a * 3", Some("999999999999.701")),
            ("c * 0.1", Some("100000000000.0001")),
            ("max(0, a - b)", Some("0")),
            ("-min(a, b) + abs(a - b)", Some("0")),
            ("a / (b - 2 * a)", None),
        ] {
            let text = if text.starts_with("a /") { "c * (a / (b - 2 * a))" } else { text };
            assert_eq!(evaluate(text, values).as_deref(), expected, "{text}");
        }
        assert_eq!(evaluate("a + b", [Some("1"), None, None]), None, "a part is no sum");
    }

    #[test]
    fn plain_sums_are_told_apart() {
        for (text, plain) in [
            ("a", true),
            ("a + b", true),
            ("sum(\"all\")", true),
            ("(a + b) + c", true),
            ("a + a", false),
            ("sum(\"all\") + a", false),
            ("a - b", false),
            ("a * 1", false),
            ("max(a, b)", false),
        ] {
            assert_eq!(formula(text).is_plain_sum(), plain, "{text}");
        }
    }

    proptest! {
        #[test]
        fn both_ways_agree(a in -1_000_000_i64..1_000_000, b in -1_000_000_i64..1_000_000, c in 1_i64..1_000_000) {
            let decimals = [a, b, c].map(|value| Decimal::new(value, 3));
            let place = |id: &MeterId| ["a", "b", "c"].iter().position(|name| *name == id.as_str()).unwrap();
            for text in ["a + b - c", "a * 2 - b / 4", "max(a, b, c) - min(a, b)", "abs(a - b) * (b / c)"] {
                let exact = formula(text).evaluate_exact(|id| Some(decimals[place(id)])).unwrap();
                let (float, _) = formula(text).evaluate(|id| {
                    (Some(decimals[place(id)].to_string().parse().unwrap()), State::Good)
                });
                let exact: f64 = exact.to_string().parse().unwrap();
                let float = float.unwrap();
                prop_assert!((exact - float).abs() <= 1e-6 * float.abs().max(1.0), "{} {} {}", text, exact, float);
            }
        }
    }
}
