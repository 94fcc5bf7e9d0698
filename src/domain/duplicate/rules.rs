//! The rules, in order: which reading of a group counts, or why a person has to say.

use std::cmp::Reverse;

use super::{
    finding::{ReviewReason, Rule},
    slot::{Marks, Slot},
};

/// What the rules say about readings that claim one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This one counts.
    Counts {
        /// By which rule.
        rule: Rule,
        /// Which one, as an index into the members.
        chosen: usize,
    },
    /// A person decides.
    Review(ReviewReason),
}

/// Decides readings of one meter that claim one period. `members` are in the order of [`Slot::order`] and not empty.
pub fn decide(members: &[Slot]) -> Verdict {
    let [first, others @ ..] = members else { return Verdict::Review(ReviewReason::NoDistributorEvidence) };
    if others.is_empty() {
        return Verdict::Counts { rule: Rule::Single, chosen: 0 };
    }
    let shape = Shape::of(members);
    let all_same = members.iter().all(|slot| slot.has_usage() && slot.is_same_amount(first));
    if all_same && (!shape.is_chain() || members.iter().any(|slot| shape.is_around(slot))) {
        return Verdict::Counts { rule: Rule::SameValue, chosen: best(members, |_| true).unwrap_or(0) };
    }
    if shape.is_chain() {
        return Verdict::Review(ReviewReason::Chained);
    }
    for (rule, evidence) in
        [(Rule::DeliveryOnly, Marks::DELIVERY_ONLY), (Rule::LifecycleStage, Marks::DISTRIBUTOR_STAGE)]
    {
        let is_distributor = |slot: &Slot| slot.marks.has(evidence);
        let mut distributors = members.iter().filter(|slot| is_distributor(slot));
        let Some(one) = distributors.next() else { continue };
        if !one.has_usage() || distributors.clone().any(|slot| !slot.has_usage()) {
            return Verdict::Review(ReviewReason::DistributorWithoutUsage);
        }
        return match distributors.all(|slot| slot.is_same_amount(one)).then(|| best(members, is_distributor)).flatten()
        {
            Some(chosen) => Verdict::Counts { rule, chosen },
            None => Verdict::Review(ReviewReason::ConflictingDistributors),
        };
    }
    Verdict::Review(ReviewReason::NoDistributorEvidence)
}

/// The best ranked of the members that `is_wanted`: main before additional provider before unknown; later statement; the
/// period that most members have; smallest id.
pub(super) fn best(members: &[Slot], is_wanted: impl Fn(&Slot) -> bool) -> Option<usize> {
    let same = |one: &Slot, other: &Slot| (one.start, one.end) == (other.start, other.end);
    let majority = members.chunk_by(same).map(<[Slot]>::len).max()?;
    let runs = members.chunk_by(same).flat_map(|run| run.iter().map(|slot| (run.len() < majority, slot)));
    runs.enumerate()
        .filter(|(_, (_, slot))| is_wanted(slot))
        .min_by_key(|(_, (is_odd, slot))| (slot.class, Reverse(slot.statement_day), *is_odd, slot.place))
        .map(|(index, _)| index)
}

/// The outermost dates of some readings: enough to tell whether each has the same period as all.
struct Shape {
    starts: (i32, i32),
    ends: (i32, i32),
}

impl Shape {
    fn of(members: &[Slot]) -> Self {
        let mut shape = Self { starts: (i32::MAX, i32::MIN), ends: (i32::MAX, i32::MIN) };
        for slot in members {
            shape.starts = (shape.starts.0.min(slot.start), shape.starts.1.max(slot.start));
            shape.ends = (shape.ends.0.min(slot.end), shape.ends.1.max(slot.end));
        }
        shape
    }

    /// Not every pair has the same period. The earliest end and latest start belong to some pair, so they say whether
    /// all overlap.
    fn is_chain(&self) -> bool {
        self.starts.1 - self.starts.0 > 1 || self.ends.1 - self.ends.0 > 1 || self.ends.0 <= self.starts.1
    }

    /// Whether `slot` has the same period as every member.
    fn is_around(&self, slot: &Slot) -> bool {
        self.starts.1 - slot.start <= 1
            && slot.start - self.starts.0 <= 1
            && self.ends.1 - slot.end <= 1
            && slot.end - self.ends.0 <= 1
            && self.ends.0 > slot.start
            && slot.end > self.starts.1
    }
}
