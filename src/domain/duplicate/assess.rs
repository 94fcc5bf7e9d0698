//! One meter as it stands: its groups, its overlaps, and what people decided about them.

use std::ops::Range;

use super::{
    book::Book,
    decision::{Choice, Decision},
    finding::{Finding, ReviewReason, Rule, Standing, Status},
    id::{FindingKind, GroupId, ReadingId},
    measured::{Measured, MeasuredRule},
    overlap::{self, Overlap},
    period::{Period, date_of, day_number},
    reading::{Candidate, Classification},
    rules::{Verdict, best},
    sets::{DecidedSet, Scratch, decide_meter},
    slot::{Marks, NO_STATEMENT_DAY, Slot},
    unit::UsageDimension,
};

/// What the site's own meter measured over a reading's period.
pub type MeasuredOf<'a> = dyn Fn(&Candidate) -> Option<Measured> + 'a;

/// What is known beside the readings.
#[derive(Clone, Copy)]
pub struct Knowledge<'a> {
    /// What people decided.
    pub book: &'a Book,
    /// Whether the site's own meter decides, and what it measured; asked only where a person would have to decide.
    pub measured: Option<(MeasuredRule, &'a MeasuredOf<'a>)>,
}

/// A set of readings that claim one period; most have one member only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// Its members, as a range of [`Assessment::order`].
    pub members: Range<usize>,
    /// How it stands.
    pub standing: Standing,
}

/// One meter's readings, grouped and decided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assessment {
    /// Indices of the candidates, set by set, each set by period and id.
    pub order: Vec<usize>,
    /// The sets, by dimension and first start.
    pub sets: Vec<Set>,
    /// Readings that overlap without having the same period, by dimension and start.
    pub overlaps: Vec<Overlap>,
}

/// Groups and decides the readings of one meter; `candidates` are those that may count (neither excluded nor
/// superseded), each once, in any order.
pub fn assess(candidates: &[Candidate], knowledge: &Knowledge<'_>) -> Assessment {
    let mut scratch = Scratch::default();
    assess_with(candidates, knowledge, &mut scratch)
}

/// The same, with room that is used again from meter to meter.
pub fn assess_with(candidates: &[Candidate], knowledge: &Knowledge<'_>, scratch: &mut Scratch) -> Assessment {
    let by_id = in_order_of_id(candidates);
    let mut slots = slots(candidates, &by_id);
    let mut assessment = Assessment::default();
    let is_current = |id: ReadingId| {
        by_id.binary_search_by(|index| candidates.get(*index).map(|candidate| candidate.id).cmp(&Some(id))).is_ok()
    };
    decide_meter(&mut slots, scratch, &mut |set: DecidedSet<'_>| {
        let from = assessment.order.len();
        assessment.order.extend(set.members.iter().filter_map(|slot| by_id.get(slot.place as usize)));
        let own = assessment.order.get(from..).unwrap_or_default();
        // Most readings are alone, and nobody decided anything about them.
        let alone = if let [one] = own { candidates.get(*one) } else { None };
        let standing = if let Some(alone) = alone.filter(|alone| !knowledge.book.knows(alone.id)) {
            Standing::Ruled { rule: Rule::Single, chosen: alone.id }
        } else {
            let members: Vec<&Candidate> = own.iter().filter_map(|index| candidates.get(*index)).collect();
            stand(set, &members, knowledge, &is_current)
        };
        assessment.sets.push(Set { members: from..assessment.order.len(), standing });
    });
    assessment.overlaps = overlap::find(candidates, &assessment, knowledge.book, &is_current);
    overlap::close_groups(candidates, &mut assessment);
    assessment
}

impl Assessment {
    /// A set's members.
    pub fn members<'a>(
        &self,
        set: &Set,
        candidates: &'a [Candidate],
    ) -> impl Iterator<Item = &'a Candidate> + Clone + use<'a, '_> {
        self.order.get(set.members.clone()).unwrap_or_default().iter().filter_map(|index| candidates.get(*index))
    }

    /// The groups of two or more readings (and single ones that a person decided about), then the overlaps.
    pub fn findings(&self, candidates: &[Candidate], book: &Book) -> Vec<Finding> {
        let groups =
            self.sets.iter().filter(|set| set.is_group()).filter_map(|set| self.finding(set, candidates, book));
        groups.chain(self.overlaps.iter().map(|overlap| overlap.finding(candidates, book))).collect()
    }

    fn finding(&self, set: &Set, candidates: &[Candidate], book: &Book) -> Option<Finding> {
        let ids: Vec<ReadingId> = self.members(set, candidates).map(|member| member.id).collect();
        let dimension = self.members(set, candidates).next()?.unit.dimension();
        let period = self.period(set, candidates)?;
        Some(Finding {
            id: GroupId::of(FindingKind::Duplicate, ids.iter().copied()),
            kind: FindingKind::Duplicate,
            dimension,
            period,
            version: book.version(FindingKind::Duplicate, &ids),
            members: ids,
            standing: set.standing.clone(),
        })
    }

    /// A set's period: that of the one reading that counts, else the earliest start and latest end.
    pub fn period(&self, set: &Set, candidates: &[Candidate]) -> Option<Period> {
        let mut members = self.members(set, candidates);
        if let Some(chosen) = set.standing.chosen()
            && let Some(member) = members.clone().find(|member| member.id == chosen)
        {
            return Some(member.period);
        }
        let first = members.next()?.period;
        Some(members.fold(first, |all, member| Period {
            start: all.start.min(member.period.start),
            end: all.end.max(member.period.end),
        }))
    }
}

impl Set {
    /// Whether it is more than one reading that counts because there is no other.
    pub fn is_group(&self) -> bool {
        !matches!(self.standing, Standing::Ruled { rule: Rule::Single, .. })
    }

    /// Whether it waits for a person.
    pub fn is_open(&self) -> bool {
        self.standing.status() == Status::Review
    }
}

fn in_order_of_id(candidates: &[Candidate]) -> Vec<usize> {
    let mut by_id: Vec<usize> = (0..candidates.len()).collect();
    let id = |index: &usize| candidates.get(*index).map(|candidate| candidate.id);
    by_id.sort_unstable_by_key(id);
    by_id.dedup_by_key(|index| id(index));
    by_id
}

fn slots(candidates: &[Candidate], by_id: &[usize]) -> Vec<Slot> {
    let mut dimensions: Vec<UsageDimension> = candidates.iter().map(|candidate| candidate.unit.dimension()).collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    let slot = |(place, index): (u32, &usize)| {
        let candidate = candidates.get(*index)?;
        let dimension = dimensions.binary_search(&candidate.unit.dimension()).ok()?;
        Some(candidate.slot(place, u16::try_from(dimension).unwrap_or(u16::MAX)))
    };
    (0..).zip(by_id).filter_map(slot).collect()
}

impl Candidate {
    fn slot(&self, place: u32, dimension: u16) -> Slot {
        Slot {
            meter: 0,
            start: day_number(self.period.start),
            end: day_number(self.period.end),
            amount: self.usage.as_ref().map(super::unit::Usage::base).unwrap_or_default(),
            statement_day: self.statement_date.map_or(NO_STATEMENT_DAY, day_number),
            place,
            dimension,
            marks: Marks::default()
                .with_if(self.usage.is_some(), Marks::USAGE)
                .with_if(self.is_delivery_only, Marks::DELIVERY_ONLY)
                .with_if(self.has_distributor_stage, Marks::DISTRIBUTOR_STAGE),
            class: match self.classification {
                Some(Classification::Main) => 0,
                Some(Classification::Additional) => 1,
                Some(Classification::Other(_)) | None => 2,
            },
        }
    }
}

/// How a set stands after the rules, what people decided, and what was measured.
fn stand(
    set: DecidedSet<'_>,
    members: &[&Candidate],
    knowledge: &Knowledge<'_>,
    is_current: &dyn Fn(ReadingId) -> bool,
) -> Standing {
    let mut ids: Vec<ReadingId> = members.iter().map(|member| member.id).collect();
    let ruled = |rule, chosen: usize| ids.get(chosen).map(|chosen| Standing::Ruled { rule, chosen: *chosen });
    let by_rule = match set.verdict {
        Verdict::Counts { rule, chosen } => ruled(rule, chosen),
        Verdict::Review(reason) => {
            by_measurement(set, members, reason, knowledge).and_then(|chosen| ruled(Rule::Measured, chosen))
        }
    };
    let reason = if let Verdict::Review(reason) = set.verdict { Some(reason) } else { None };
    let open = Standing::Open { reason, reopened: None, deferred: None };
    let by_rule = by_rule.unwrap_or(open);
    if knowledge.book.is_empty() {
        return by_rule;
    }
    ids.sort_unstable();
    let Some(decision) = knowledge.book.standing(FindingKind::Duplicate, &ids) else { return by_rule };
    by_person(decision, &ids, members, by_rule, is_current)
}

fn by_person(
    decision: &Decision,
    ids: &[ReadingId],
    members: &[&Candidate],
    by_rule: Standing,
    is_current: &dyn Fn(ReadingId) -> bool,
) -> Standing {
    let covers = decision.covers(ids, is_current);
    let decided = |counted: &[ReadingId], value: Option<&super::unit::Usage>| Standing::Decided {
        decision: decision.sequence,
        counted: counted.to_vec(),
        value: value.cloned(),
    };
    let is_single = ids.len() == 1;
    match &decision.choice {
        Choice::Value { usage }
            if covers && members.iter().all(|member| member.unit.dimension() == usage.unit().dimension()) =>
        {
            decided(&[], Some(usage))
        }
        // What a single reading is chosen over is gone: it counts by itself.
        _ if is_single => by_rule,
        Choice::Use { readings } if covers => decided(readings, None),
        Choice::KeepAll if covers => decided(ids, None),
        Choice::Defer => match by_rule {
            Standing::Open { reason, .. } if covers => {
                Standing::Open { reason, reopened: None, deferred: Some(decision.sequence) }
            }
            other => other,
        },
        _ => Standing::Open { reason: by_rule.reason(), reopened: Some(decision.sequence), deferred: None },
    }
}

/// The best ranked of the members that the site's own meter confirms, where the configuration lets it decide. A chain it
/// does not decide: there it is open how many periods there are.
fn by_measurement(
    set: DecidedSet<'_>,
    members: &[&Candidate],
    reason: ReviewReason,
    knowledge: &Knowledge<'_>,
) -> Option<usize> {
    let (rule, measured_of) = knowledge.measured.filter(|_| reason != ReviewReason::Chained)?;
    let measured: Vec<Option<Measured>> = members.iter().map(|member| measured_of(member)).collect();
    let fitting = rule.measured(members, &measured)?;
    let places: Vec<u32> = fitting.iter().filter_map(|index| set.members.get(*index)).map(|slot| slot.place).collect();
    best(set.members, |slot| places.contains(&slot.place))
}

/// Days from `start` to `end`, as a period.
pub(super) fn period_of(start: i32, end: i32) -> Period {
    Period { start: date_of(start), end: date_of(end) }
}
