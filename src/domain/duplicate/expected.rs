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
            let members = assessment.members(set, candidates);
            let mut statements: Vec<&StatementId> =
                members.filter_map(|member| member.expects_duplicate.as_ref()).collect();
            statements.sort_unstable();
            for same in statements.chunk_by(|one, other| one == other) {
                if let Some(statement) = same.first() {
                    *self.0.entry((*statement).clone()).or_default() |= same.len() > 1;
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

    /// Every statement that should hold a duplicate, and whether it does.
    pub fn into_statements(self) -> BTreeMap<StatementId, bool> {
        self.0
    }
}
