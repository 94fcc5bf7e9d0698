//! Formulas of virtual meters: `main - (chiller_1 + chiller_2)`.
//!
//! Numbers, meter ids with `-` written as `_`, `+ - * /`, parentheses, `min`, `max`, `abs` and `sum("tag")`. There are
//! no loops and no functions of one's own, so that every formula ends; length, depth and nodes are limited.
//! Every meter stands for its `current_kw`. The worst state of the inputs is the state of the result.

use std::{collections::BTreeMap, ops::Range};

use super::{ids::MeterId, reading::State};

mod exact;
mod parser;
mod syntax;
mod units;

pub use syntax::{Expression, Function, Node, Operator};

/// Longest formula, in bytes.
pub const MAX_LENGTH: usize = 4096;
/// Deepest nesting of parentheses, functions and minus signs.
pub const MAX_DEPTH: usize = 32;
/// Most numbers, meters, operators and functions in one formula.
pub const MAX_NODES: usize = 256;

/// What is wrong with a formula, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct FormulaError {
    /// What is wrong.
    pub message: String,
    /// Bytes of the formula that it is about.
    pub span: Range<usize>,
    /// What to write instead.
    pub help: String,
}

impl FormulaError {
    fn new(span: Range<usize>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { message: message.into(), span, help: help.into() }
    }
}

/// Parses a formula without looking at which meters there are.
///
/// # Errors
/// The first thing that is no formula.
pub fn parse(text: &str) -> Result<Node, FormulaError> {
    parser::parse(text)
}

/// The meters that a formula may name.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// By name in formulas; more than one where ids differ in `-` and `_` only.
    by_name: BTreeMap<String, Vec<MeterId>>,
    by_tag: BTreeMap<String, Vec<MeterId>>,
}

impl Scope {
    /// The meters with their tags.
    pub fn new<'a>(meters: impl IntoIterator<Item = (&'a MeterId, &'a [String])>) -> Self {
        let mut scope = Self::default();
        for (id, tags) in meters {
            scope.by_name.entry(name_of(id)).or_default().push(id.clone());
            for tag in tags {
                scope.by_tag.entry(tag.clone()).or_default().push(id.clone());
            }
        }
        scope
    }

    /// The names that formulas may use.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The tags that formulas may use.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.by_tag.keys().map(String::as_str)
    }
}

/// A meter's name in formulas.
pub fn name_of(id: &MeterId) -> String {
    id.as_str().replace('-', "_")
}

/// A formula whose names are known and whose units fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Formula {
    root: Node,
    meters: BTreeMap<String, MeterId>,
    tags: BTreeMap<String, Vec<MeterId>>,
}

impl Formula {
    /// Parses a formula and resolves its names.
    ///
    /// # Errors
    /// What is no formula; else every name that is unknown or ambiguous; else every unit that does not fit.
    pub fn compile(text: &str, scope: &Scope) -> Result<Self, Vec<FormulaError>> {
        let root = parser::parse(text).map_err(|error| vec![error])?;
        let mut formula = Self { root, meters: BTreeMap::new(), tags: BTreeMap::new() };
        let mut errors = Vec::new();
        let root = formula.root.clone();
        root.visit(&mut |node| {
            if let Err(error) = formula.resolve(node, scope) {
                errors.push(error);
            }
        });
        if errors.is_empty() {
            errors = units::check(&formula.root);
        }
        if errors.is_empty() { Ok(formula) } else { Err(errors) }
    }

    fn resolve(&mut self, node: &Node, scope: &Scope) -> Result<(), FormulaError> {
        match &node.expression {
            Expression::Meter(name) => match scope.by_name.get(name).map(Vec::as_slice) {
                Some([id]) => {
                    self.meters.insert(name.clone(), id.clone());
                }
                Some([one, two, ..]) => {
                    let message = format!("`{name}` may be meter `{one}` or meter `{two}`");
                    return Err(FormulaError::new(node.span.clone(), message, "give one of the two another id"));
                }
                _ => {
                    let message = format!("there is no meter `{name}`");
                    let help = "write a meter's id, with - written as _";
                    return Err(FormulaError::new(node.span.clone(), message, help));
                }
            },
            Expression::Sum(tag) => {
                let Some(ids) = scope.by_tag.get(tag) else {
                    let message = format!("no meter has the tag `{tag}`");
                    let help = format!("add tags = [\"{tag}\"] to the meters to be summed");
                    return Err(FormulaError::new(node.span.clone(), message, help));
                };
                self.tags.insert(tag.clone(), ids.clone());
            }
            _ => {}
        }
        Ok(())
    }

    /// The meters that it needs, each once.
    pub fn inputs(&self) -> impl Iterator<Item = &MeterId> {
        let mut inputs: Vec<&MeterId> = self.meters.values().chain(self.tags.values().flatten()).collect();
        inputs.sort_unstable();
        inputs.dedup();
        inputs.into_iter()
    }

    /// Its value in kW, from the power and state of its inputs. The state is the worst of them; the value is `None`
    /// where an input has none, and `None` and bad after a division by zero or an overflow.
    pub fn evaluate(&self, mut lookup: impl FnMut(&MeterId) -> (Option<f64>, State)) -> (Option<f64>, State) {
        let mut state = State::Good;
        let value = self.value(&self.root, &mut |id| {
            let (value, of_input) = lookup(id);
            let value = value.filter(|value| value.is_finite());
            // A value that is not there cannot be good.
            let of_input = if value.is_none() && of_input < State::Bad { State::Missing } else { of_input };
            state = state.worst(of_input);
            value.filter(|_| of_input < State::Bad)
        });
        match value {
            Ok(Some(value)) if value.is_finite() => (Some(value), state),
            Ok(None) => (None, state),
            _ => (None, state.worst(State::Bad)),
        }
    }

    /// `Ok(None)` where an input has no value, [`Undefined`] where there cannot be one.
    fn value(&self, node: &Node, lookup: &mut impl FnMut(&MeterId) -> Option<f64>) -> Result<Option<f64>, Undefined> {
        Ok(match &node.expression {
            Expression::Number(number) => Some(*number),
            Expression::Meter(name) => self.meters.get(name).and_then(lookup),
            Expression::Sum(tag) => {
                let ids = self.tags.get(tag).map_or(&[][..], Vec::as_slice);
                // All of them are asked, so that the worst state is known.
                let values: Vec<Option<f64>> = ids.iter().map(lookup).collect();
                values.into_iter().sum()
            }
            Expression::Negate(inner) => self.value(inner, lookup)?.map(|value| -value),
            Expression::Binary(operator, left, right) => {
                let (left, right) = (self.value(left, lookup), self.value(right, lookup));
                let (Some(left), Some(right)) = (left?, right?) else { return Ok(None) };
                if *operator == Operator::Divide && right == 0.0 {
                    return Err(Undefined);
                }
                Some(operator.apply(left, right))
            }
            Expression::Call(function, arguments) => {
                let values: Vec<_> = arguments.iter().map(|argument| self.value(argument, lookup)).collect();
                let values: Option<Vec<f64>> = values.into_iter().collect::<Result<_, _>>()?;
                values.map(|values| function.apply(&values))
            }
        })
    }
}

/// There is no such number.
#[derive(Debug, Clone, Copy)]
struct Undefined;

#[cfg(test)]
mod tests;
