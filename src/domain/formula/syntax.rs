//! The form of a formula, and how it is printed.

use std::{fmt, ops::Range};

/// A part of a formula and where it stands; equal to another of the same form, wherever that stands.
#[derive(Debug, Clone)]
pub struct Node {
    /// What it is.
    pub expression: Expression,
    /// Bytes of the formula.
    pub span: Range<usize>,
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

/// What a part of a formula is.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    /// A number, not negative.
    Number(f64),
    /// A meter, by its name in formulas.
    Meter(String),
    /// All meters with a tag, added.
    Sum(String),
    /// `-x`
    Negate(Box<Node>),
    /// `x + y` and the like.
    Binary(Operator, Box<Node>, Box<Node>),
    /// `min(x, y)` and the like.
    Call(Function, Vec<Node>),
}

/// Operators of two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl Operator {
    /// How it is written.
    pub fn symbol(self) -> char {
        match self {
            Self::Add => '+',
            Self::Subtract => '-',
            Self::Multiply => '*',
            Self::Divide => '/',
        }
    }

    /// How tightly it binds.
    pub(super) fn strength(self) -> u8 {
        match self {
            Self::Add | Self::Subtract => 1,
            Self::Multiply | Self::Divide => 2,
        }
    }

    pub(super) fn apply(self, left: f64, right: f64) -> f64 {
        match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide => left / right,
        }
    }
}

/// Functions of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// The least of one or more.
    Minimum,
    /// The greatest of one or more.
    Maximum,
    /// The distance from zero.
    Absolute,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 3] = [Self::Minimum, Self::Maximum, Self::Absolute];

    /// How it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Minimum => "min",
            Self::Maximum => "max",
            Self::Absolute => "abs",
        }
    }

    /// `values` has one at least.
    pub(super) fn apply(self, values: &[f64]) -> f64 {
        let fold = |pick: fn(f64, f64) -> f64| values.iter().copied().reduce(pick).unwrap_or(f64::NAN);
        match self {
            Self::Minimum => fold(f64::min),
            Self::Maximum => fold(f64::max),
            Self::Absolute => fold(|first, _| first).abs(),
        }
    }
}

/// How tightly a minus sign and everything without an operator bind.
const UNARY: u8 = 3;

impl Node {
    /// Calls `visitor` for this part and all within it.
    pub fn visit(&self, visitor: &mut impl FnMut(&Self)) {
        visitor(self);
        match &self.expression {
            Expression::Number(_) | Expression::Meter(_) | Expression::Sum(_) => {}
            Expression::Negate(inner) => inner.visit(visitor),
            Expression::Binary(_, left, right) => {
                left.visit(visitor);
                right.visit(visitor);
            }
            Expression::Call(_, arguments) => arguments.iter().for_each(|argument| argument.visit(visitor)),
        }
    }

    fn strength(&self) -> u8 {
        match &self.expression {
            Expression::Binary(operator, ..) => operator.strength(),
            _ => UNARY,
        }
    }

    /// Prints it, in parentheses where it binds less than is needed.
    fn print(&self, formatter: &mut fmt::Formatter<'_>, needed: u8) -> fmt::Result {
        if self.strength() < needed { write!(formatter, "({self})") } else { write!(formatter, "{self}") }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.expression {
            Expression::Number(number) => write!(formatter, "{number}"),
            Expression::Meter(name) => formatter.write_str(name),
            Expression::Sum(tag) => write!(formatter, "sum(\"{tag}\")"),
            Expression::Negate(inner) => {
                formatter.write_str("-")?;
                inner.print(formatter, UNARY)
            }
            Expression::Binary(operator, left, right) => {
                left.print(formatter, operator.strength())?;
                write!(formatter, " {} ", operator.symbol())?;
                // From left to right: on the right an operator of the same strength wants its parentheses.
                right.print(formatter, operator.strength() + 1)
            }
            Expression::Call(function, arguments) => {
                write!(formatter, "{}(", function.word())?;
                for (index, argument) in arguments.iter().enumerate() {
                    let separator = if index > 0 { ", " } else { "" };
                    write!(formatter, "{separator}{argument}")?;
                }
                formatter.write_str(")")
            }
        }
    }
}
