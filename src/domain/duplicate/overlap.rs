//! Readings of one meter whose periods overlap without being the same: they would be counted twice.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    assess::{Assessment, Set, period_of},
    book::Book,
    decision::Choice,
    finding::{Finding, Standing},
    id::{FindingKind, GroupId, ReadingId},
    period::{Period, day_number},
    reading::Candidate,
    unit::UsageDimension,
};

/// Readings that overlap, one with another; all count until a person says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overlap {
    /// Indices of its readings among the candidates, by start, end and id.
    pub members: Vec<usize>,
    /// From the first day that is counted twice to the last.
    pub twice: Period,
    /// How it stands.
    pub standing: Standing,
}

/// A reading that counts or may count.
struct Live {
    start: i32,
    end: i32,
    id: ReadingId,
    candidate: usize,
    set: usize,
}

/// A run of readings, each of which starts before some earlier one ends.
#[derive(Default)]
struct Run {
    members: Vec<usize>,
    /// The latest end so far and its set.
    latest: Option<(i32, usize)>,
    /// The latest end among readings of other sets than that one.
    second: Option<i32>,
    /// First and last day that two sets cover.
    twice: Option<(i32, i32)>,
}

/// The overlaps of a meter: one sweep over its readings by start, for each dimension. Readings of one set are no overlap:
/// of them one counts, or a person said that they are no duplicates.
pub(super) fn find(
    candidates: &[Candidate],
    assessment: &Assessment,
    book: &Book,
    is_current: &dyn Fn(ReadingId) -> bool,
) -> Vec<Overlap> {
    let mut overlaps = Vec::new();
    let mut live: Vec<(UsageDimension, Live)> = Vec::new();
    for (place, set) in assessment.sets.iter().enumerate() {
        for index in assessment.order.get(set.members.clone()).unwrap_or_default() {
            if let Some(candidate) = candidates.get(*index).filter(|candidate| may_count(set, candidate)) {
                live.push((
                    candidate.unit.dimension(),
                    Live {
                        start: day_number(candidate.period.start),
                        end: day_number(candidate.period.end),
                        id: candidate.id,
                        candidate: *index,
                        set: place,
                    },
                ));
            }
        }
    }
    live.sort_unstable_by(|(one_dimension, one), (other_dimension, other)| {
        let key = |live: &Live| (live.start, live.end, live.id);
        one_dimension.cmp(other_dimension).then_with(|| key(one).cmp(&key(other)))
    });
    for dimension in live.chunk_by(|one, other| one.0 == other.0) {
        let mut run = Run::default();
        for (_, reading) in dimension {
            if run.latest.is_some_and(|(end, _)| end <= reading.start) {
                std::mem::take(&mut run).close(candidates, book, is_current, &mut overlaps);
            }
            run.add(reading);
        }
        run.close(candidates, book, is_current, &mut overlaps);
    }
    overlaps
}

/// Whether a member of a set counts or may count. For a typed value, all of them stand for it.
fn may_count(set: &Set, candidate: &Candidate) -> bool {
    match &set.standing {
        Standing::Ruled { chosen, .. } => *chosen == candidate.id && candidate.usage.is_some(),
        Standing::Decided { value: Some(_), .. } => true,
        Standing::Decided { counted, .. } => counted.binary_search(&candidate.id).is_ok(),
        Standing::Open { .. } => candidate.usage.is_some(),
    }
}

impl Run {
    fn add(&mut self, reading: &Live) {
        self.members.push(reading.candidate);
        let Some((end, set)) = self.latest else {
            self.latest = Some((reading.end, reading.set));
            return;
        };
        let other = if set == reading.set { self.second } else { Some(end) };
        if let Some(other) = other.filter(|other| *other > reading.start) {
            let (first, last) = self.twice.unwrap_or((reading.start, reading.start));
            self.twice = Some((first, last.max(other.min(reading.end))));
        }
        if reading.end > end {
            if set != reading.set {
                self.second = Some(end);
            }
            self.latest = Some((reading.end, reading.set));
        } else if set != reading.set {
            self.second = self.second.max(Some(reading.end));
        }
    }

    fn close(
        self,
        candidates: &[Candidate],
        book: &Book,
        is_current: &dyn Fn(ReadingId) -> bool,
        overlaps: &mut Vec<Overlap>,
    ) {
        let Some((from, to)) = self.twice else { return };
        let mut ids: Vec<ReadingId> =
            self.members.iter().filter_map(|index| candidates.get(*index)).map(|candidate| candidate.id).collect();
        ids.sort_unstable();
        let standing = stand(&ids, book, is_current);
        overlaps.push(Overlap { members: self.members, twice: period_of(from, to), standing });
    }
}

fn stand(ids: &[ReadingId], book: &Book, is_current: &dyn Fn(ReadingId) -> bool) -> Standing {
    let open = |reopened, deferred| Standing::Open { reason: None, reopened, deferred };
    let Some(decision) = book.standing(FindingKind::Overlap, ids) else { return open(None, None) };
    let covers = decision.covers(ids, is_current);
    let decided = |counted: &[ReadingId], value| Standing::Decided {
        decision: decision.sequence,
        counted: counted.to_vec(),
        value,
    };
    match &decision.choice {
        Choice::Use { readings } if covers => decided(readings, None),
        Choice::KeepAll if covers => decided(ids, None),
        Choice::Value { usage } if covers => decided(&[], Some(usage.clone())),
        Choice::Defer => open(None, covers.then_some(decision.sequence)),
        _ => open(Some(decision.sequence), None),
    }
}

impl Overlap {
    /// The finding that it is.
    pub fn finding(&self, candidates: &[Candidate], book: &Book) -> Finding {
        let members: Vec<&Candidate> = self.members.iter().filter_map(|index| candidates.get(*index)).collect();
        let ids: Vec<ReadingId> = members.iter().map(|member| member.id).collect();
        let dimension = members.first().map_or(UsageDimension::Energy, |member| member.unit.dimension());
        Finding {
            id: GroupId::of(FindingKind::Overlap, ids.iter().copied()),
            kind: FindingKind::Overlap,
            dimension,
            period: self.twice,
            version: book.version(FindingKind::Overlap, &ids),
            members: ids,
            standing: self.standing.clone(),
        }
    }

    /// Whether a person set this reading aside.
    pub fn sets_aside(&self, id: ReadingId) -> bool {
        matches!(&self.standing, Standing::Decided { counted, .. } if counted.binary_search(&id).is_err())
    }
}

/// The readings that people set aside because they overlap with others.
pub(super) fn set_aside(candidates: &[Candidate], assessment: &Assessment) -> BTreeSet<ReadingId> {
    let members =
        assessment.overlaps.iter().flat_map(|overlap| overlap.members.iter().map(move |index| (overlap, index)));
    members
        .filter_map(|(overlap, index)| candidates.get(*index).map(|candidate| (overlap, candidate.id)))
        .filter(|(overlap, id)| overlap.sets_aside(*id))
        .map(|(_, id)| id)
        .collect()
}

/// An open group of which a decision about an overlap lets no reading count has nothing left to decide.
pub(super) fn close_groups(candidates: &[Candidate], assessment: &mut Assessment) {
    let Assessment { order, sets, overlaps } = assessment;
    let mut aside: BTreeMap<usize, u64> = BTreeMap::new();
    for overlap in overlaps {
        let Standing::Decided { decision, .. } = overlap.standing else { continue };
        let is_aside =
            |index: &&usize| candidates.get(**index).is_some_and(|candidate| overlap.sets_aside(candidate.id));
        aside.extend(overlap.members.iter().filter(is_aside).map(|index| (*index, decision)));
    }
    if aside.is_empty() {
        return;
    }
    for set in sets.iter_mut().filter(|set| set.is_open()) {
        let members = order.get(set.members.clone()).unwrap_or_default();
        let has_usage = |index: &&usize| candidates.get(**index).is_some_and(|candidate| candidate.usage.is_some());
        let decisions: Option<Vec<u64>> =
            members.iter().filter(has_usage).map(|index| aside.get(index).copied()).collect();
        if let Some(decision) = decisions.and_then(|decisions| decisions.into_iter().max()) {
            set.standing = Standing::Decided { decision, counted: Vec::new(), value: None };
        }
    }
}
