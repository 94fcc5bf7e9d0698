//! What a person may decide about a finding, and what a new entry in the book of decisions says.

use jiff::Timestamp;

use super::{
    book::Book,
    decision::{Choice, Decision, DecisionError, MAX_REASON_LENGTH},
    finding::Finding,
    id::FindingKind,
    reading::Candidate,
};

/// Who decides what, and what they had seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: String,
    /// What; of readings in any order.
    pub choice: Choice,
    /// Why; only putting off and undoing need none.
    pub reason: String,
    /// The finding's version as the person saw it.
    pub version: u64,
}

/// The entry for a proposal about a finding as it is now. `candidates` are its meter's; `next` is the entry's sequence.
///
/// # Errors
/// [`DecisionError`] where somebody else was quicker, the choice does not fit the readings, or a reason is missing.
pub fn prepare(
    proposal: Proposal,
    finding: &Finding,
    candidates: &[Candidate],
    book: &Book,
    next: u64,
) -> Result<Decision, DecisionError> {
    let Proposal { at, who, choice, reason, version } = proposal;
    let mut members = finding.members.clone();
    members.sort_unstable();
    if version != finding.version {
        let last = book.history(finding.kind, &members).into_iter().last().cloned();
        return Err(last.map_or(DecisionError::Changed { now: Some(finding.id) }, |other| DecisionError::Outdated {
            other: Box::new(other),
        }));
    }
    let choice = match choice {
        Choice::Undo { .. } => {
            let standing = book.standing(finding.kind, &members).ok_or(DecisionError::NothingToUndo)?;
            Choice::Undo { of: standing.sequence }
        }
        other => checked(other, finding, candidates)?,
    };
    let reason = crate::text::clean_within(reason.trim(), MAX_REASON_LENGTH);
    if reason.is_empty() && !matches!(choice, Choice::Defer | Choice::Undo { .. }) {
        return Err(DecisionError::NoReason);
    }
    Ok(Decision { sequence: next, at, who, kind: finding.kind, members, choice, reason, version })
}

fn checked(choice: Choice, finding: &Finding, candidates: &[Candidate]) -> Result<Choice, DecisionError> {
    match choice {
        Choice::Use { mut readings } => {
            readings.sort_unstable();
            readings.dedup();
            if readings.is_empty() || (finding.kind == FindingKind::Duplicate && readings.len() != 1) {
                return Err(DecisionError::NotOne);
            }
            for reading in &readings {
                if !finding.members.contains(reading) {
                    return Err(DecisionError::NotAMember { reading: *reading });
                }
                let has_usage = |candidate: &Candidate| candidate.id == *reading && candidate.usage.is_some();
                if !candidates.iter().any(has_usage) {
                    return Err(DecisionError::NoUsage { reading: *reading });
                }
            }
            Ok(Choice::Use { readings })
        }
        Choice::Value { usage } if usage.unit().dimension() != finding.dimension => {
            Err(DecisionError::OtherDimension { unit: usage.unit().symbol().to_owned() })
        }
        other => Ok(other),
    }
}
