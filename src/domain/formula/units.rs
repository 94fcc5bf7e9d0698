//! The unit rule: every meter stands for kW, and what is added or compared must be of one kind.

use super::{
    FormulaError,
    syntax::{Expression, Node, Operator},
};

/// What a part of a formula is measured in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// kW.
    Power,
    /// A bare number.
    Number,
    /// Zero, which is zero in every unit.
    Zero,
}

/// Everything that does not fit; the whole must be kW.
pub(super) fn check(root: &Node) -> Vec<FormulaError> {
    let mut errors = Vec::new();
    let kind = kind(root, &mut errors);
    if errors.is_empty() && kind != Kind::Power {
        let message = "this is a bare number, and a virtual meter is in kW";
        errors.push(FormulaError::new(root.span.clone(), message, "name the meters that it follows from"));
    }
    errors
}

fn kind(node: &Node, errors: &mut Vec<FormulaError>) -> Kind {
    match &node.expression {
        Expression::Number(number) if *number == 0.0 => Kind::Zero,
        Expression::Number(_) => Kind::Number,
        Expression::Meter(_) | Expression::Sum(_) => Kind::Power,
        Expression::Negate(inner) => kind(inner, errors),
        Expression::Call(_, arguments) => {
            let kinds: Vec<Kind> = arguments.iter().map(|argument| kind(argument, errors)).collect();
            let both = kinds.contains(&Kind::Power) && kinds.contains(&Kind::Number);
            if both {
                errors.push(mismatch(node, "kW and a bare number are compared"));
            }
            kinds.into_iter().reduce(same).unwrap_or(Kind::Number)
        }
        Expression::Binary(operator, left, right) => {
            let kinds = (kind(left, errors), kind(right, errors));
            match (operator, kinds) {
                (Operator::Add | Operator::Subtract, (Kind::Power, Kind::Number) | (Kind::Number, Kind::Power)) => {
                    errors.push(mismatch(node, "kW and a bare number are added"));
                    Kind::Power
                }
                (Operator::Add | Operator::Subtract, (left, right)) => same(left, right),
                (Operator::Multiply, (Kind::Power, Kind::Power)) => {
                    errors.push(mismatch(node, "kW times kW is no power"));
                    Kind::Power
                }
                (Operator::Multiply, (left, right)) if left == Kind::Power || right == Kind::Power => Kind::Power,
                (Operator::Divide, (Kind::Number, Kind::Power)) => {
                    errors.push(mismatch(node, "a number divided by kW is no power"));
                    Kind::Power
                }
                (Operator::Divide, (Kind::Power, Kind::Number | Kind::Zero)) => Kind::Power,
                (Operator::Multiply | Operator::Divide, _) => Kind::Number,
            }
        }
    }
}

/// The kind of two that fit.
fn same(left: Kind, right: Kind) -> Kind {
    match (left, right) {
        (Kind::Zero, other) | (other, Kind::Zero) => other,
        (Kind::Power, _) | (_, Kind::Power) => Kind::Power,
        (Kind::Number, Kind::Number) => Kind::Number,
    }
}

fn mismatch(node: &Node, message: &str) -> FormulaError {
    let help = "every meter stands for its power in kW: multiply or divide it by numbers, add it to other meters";
    FormulaError::new(node.span.clone(), format!("units do not fit: {message}"), help)
}
