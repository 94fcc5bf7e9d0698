//! The book of decisions: which of them stands for some readings now.

use std::collections::{HashMap, HashSet};

use super::{
    decision::{Choice, Decision},
    id::{FindingKind, ReadingId},
};

/// All decisions, found by reading.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// In the order of their sequence.
    decisions: Vec<Decision>,
    undone: HashSet<u64>,
    /// Places of the decisions about a reading, in order.
    by_reading: HashMap<(FindingKind, ReadingId), Vec<usize>>,
}

impl Book {
    /// Of these decisions, in any order.
    pub fn new(mut decisions: Vec<Decision>) -> Self {
        decisions.sort_by_key(|decision| decision.sequence);
        let mut book = Self::default();
        for decision in decisions {
            book.add(decision);
        }
        book
    }

    /// Adds the latest decision.
    pub fn add(&mut self, decision: Decision) {
        if let Choice::Undo { of } = decision.choice {
            self.undone.insert(of);
        }
        for member in &decision.members {
            self.by_reading.entry((decision.kind, *member)).or_default().push(self.decisions.len());
        }
        self.decisions.push(decision);
    }

    /// Whether nobody ever decided anything.
    pub fn is_empty(&self) -> bool {
        self.decisions.is_empty()
    }

    /// Whether anything was ever decided about a group with this reading.
    pub fn knows(&self, reading: ReadingId) -> bool {
        !self.by_reading.is_empty() && self.by_reading.contains_key(&(FindingKind::Duplicate, reading))
    }

    /// All decisions, the first first.
    pub fn decisions(&self) -> &[Decision] {
        &self.decisions
    }

    /// The decision with this sequence.
    pub fn get(&self, sequence: u64) -> Option<&Decision> {
        self.decisions
            .binary_search_by_key(&sequence, |decision| decision.sequence)
            .ok()
            .and_then(|at| self.decisions.get(at))
    }

    /// Whether a decision was taken back.
    pub fn is_undone(&self, sequence: u64) -> bool {
        self.undone.contains(&sequence)
    }

    /// Everything that was decided about any of these readings, the first first.
    pub fn history(&self, kind: FindingKind, members: &[ReadingId]) -> Vec<&Decision> {
        let mut places: Vec<usize> = self.places(kind, members).collect();
        places.sort_unstable();
        places.dedup();
        places.into_iter().filter_map(|place| self.decisions.get(place)).collect()
    }

    /// Sequence of the last entry about any of these readings, undone or not; 0 for none.
    pub fn version(&self, kind: FindingKind, members: &[ReadingId]) -> u64 {
        self.places(kind, members).max().and_then(|place| self.decisions.get(place)).map_or(0, |last| last.sequence)
    }

    /// The last decision about any of these readings that was not taken back.
    pub fn standing(&self, kind: FindingKind, members: &[ReadingId]) -> Option<&Decision> {
        let decisions = self.places(kind, members).filter_map(|place| self.decisions.get(place));
        decisions
            .filter(|decision| !matches!(decision.choice, Choice::Undo { .. }) && !self.is_undone(decision.sequence))
            .max_by_key(|decision| decision.sequence)
    }

    fn places(&self, kind: FindingKind, members: &[ReadingId]) -> impl Iterator<Item = usize> {
        let is_empty = self.by_reading.is_empty();
        let members = if is_empty { &[] } else { members };
        members.iter().filter_map(move |member| self.by_reading.get(&(kind, *member))).flatten().copied()
    }
}

impl Decision {
    /// Whether it still says what counts among `members` (in order): it was about all of them, what it chose is among
    /// them, and a typed value stands for no reading that `is_current` elsewhere.
    pub(super) fn covers(&self, members: &[ReadingId], is_current: impl Fn(ReadingId) -> bool) -> bool {
        let knows = |member: &ReadingId| self.members.binary_search(member).is_ok();
        let holds = |reading: &ReadingId| members.binary_search(reading).is_ok();
        members.iter().all(knows)
            && match &self.choice {
                Choice::Use { readings } => readings.iter().all(holds),
                Choice::Value { .. } => self.members.iter().all(|member| holds(member) || !is_current(*member)),
                Choice::KeepAll | Choice::Defer => true,
                Choice::Undo { .. } => false,
            }
    }
}
