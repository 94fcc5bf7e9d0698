//! Statements that name an additional provider: one is expected to say its readings twice.

use std::collections::BTreeMap;

use super::{assess::Assessment, id::StatementId, reading::Candidate};

/// Gathers, meter by meter, which statements hold a duplicate and which only were expected to.
#[derive(Debug, Clone, Default)]
pub struct ExpectedDuplicates(BTreeMap<StatementId, bool>);

impl ExpectedDuplicates {
    /// Looks at one meter.
    pub fn add(&mut self, candidates: &[Candidate], assessment: &Assessment) {
        for set in &assessment.sets {
            let statements =
                || assessment.members(set, candidates).filter_map(|member| member.expects_duplicate.as_ref());
            for statement in statements() {
                let is_held = statements().filter(|other| *other == statement).nth(1).is_some();
                match self.0.get_mut(statement) {
                    Some(held) => *held |= is_held,
                    None => drop(self.0.insert(statement.clone(), is_held)),
                }
            }
        }
    }

    /// Takes in what another has gathered from other meters.
    pub fn merge(&mut self, other: Self) {
        for (statement, is_held) in other.0 {
            *self.0.entry(statement).or_default() |= is_held;
        }
    }

    /// Those that hold none, in order.
    pub fn without(self) -> Vec<StatementId> {
        self.0.into_iter().filter(|(_, is_held)| !is_held).map(|(statement, _)| statement).collect()
    }
}
