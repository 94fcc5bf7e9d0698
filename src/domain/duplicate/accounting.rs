//! What a meter used: the usage that counts for each period, the total, and what is missing in it.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    assess::{Assessment, Set},
    book::Book,
    finding::{Gap, Rule, Standing},
    id::{FindingKind, GroupId, ReadingId},
    overlap::{Overlap, set_aside},
    period::{Period, date_of, day_number},
    reading::Candidate,
    sum::ExactSum,
    unit::{Usage, UsageDimension, UsageUnit},
    usage::{LineStatus, MeterUsage, OverlapLine, UsageLine, Window},
    words,
};

/// The accounting of one meter in a window: an entry for each dimension that its readings have. `name` is what the meter
/// is called.
pub fn account(
    name: &str,
    candidates: &[Candidate],
    assessment: &Assessment,
    book: &Book,
    window: &Window,
) -> Vec<MeterUsage> {
    let aside = set_aside(candidates, assessment);
    let dimension = |set: &Set| assessment.members(set, candidates).next().map(|member| member.unit.dimension());
    let mut meters = Vec::new();
    for sets in assessment.sets.chunk_by(|one, other| dimension(one) == dimension(other)) {
        let Some(measures) = sets.first().and_then(dimension) else { continue };
        let unit = total_unit(&measures, sets.iter().flat_map(|set| assessment.members(set, candidates)));
        let mut ledger = Ledger::new(candidates, assessment, book, window, &aside, unit);
        for set in sets {
            ledger.add_set(set);
        }
        for overlap in &assessment.overlaps {
            let first = overlap.members.first().and_then(|index| candidates.get(*index));
            if first.is_some_and(|first| first.unit.dimension() == measures) {
                ledger.add_overlap(overlap);
            }
        }
        meters.push(ledger.close(name));
    }
    meters
}

/// Energy is totalled in kWh, anything else in the unit that most of its readings have.
fn total_unit<'a>(dimension: &UsageDimension, members: impl Iterator<Item = &'a Candidate>) -> UsageUnit {
    if *dimension == UsageDimension::Energy {
        return UsageUnit::KWH;
    }
    let mut counts: BTreeMap<&UsageUnit, usize> = BTreeMap::new();
    for member in members {
        *counts.entry(&member.unit).or_default() += 1;
    }
    // Of those with the highest count the first by its symbol.
    let most = |(one, few): &(&UsageUnit, usize), (other, many): &(&UsageUnit, usize)| {
        few.cmp(many).then_with(|| other.symbol().cmp(one.symbol()))
    };
    counts.into_iter().max_by(most).map_or(UsageUnit::KWH, |(unit, _)| unit.clone())
}

/// One meter's book in one dimension, while it is written.
struct Ledger<'a> {
    candidates: &'a [Candidate],
    assessment: &'a Assessment,
    book: &'a Book,
    window: &'a Window,
    /// Readings that people set aside because of others that overlap.
    aside: &'a BTreeSet<ReadingId>,
    unit: UsageUnit,
    lines: Vec<UsageLine>,
    sum: ExactSum,
    /// Days that what counts covers.
    counted: Vec<(i32, i32)>,
    /// Days about which something is said, be it that a person has to decide.
    claimed: Vec<(i32, i32)>,
    /// Readings in the window.
    selected: BTreeSet<ReadingId>,
    overlaps: Vec<OverlapLine>,
    open_reviews: u32,
    without_usage: u32,
}

impl<'a> Ledger<'a> {
    fn new(
        candidates: &'a [Candidate],
        assessment: &'a Assessment,
        book: &'a Book,
        window: &'a Window,
        aside: &'a BTreeSet<ReadingId>,
        unit: UsageUnit,
    ) -> Self {
        Self {
            candidates,
            assessment,
            book,
            window,
            aside,
            unit,
            lines: Vec::new(),
            sum: ExactSum::default(),
            counted: Vec::new(),
            claimed: Vec::new(),
            selected: BTreeSet::new(),
            overlaps: Vec::new(),
            open_reviews: 0,
            without_usage: 0,
        }
    }

    fn add_set(&mut self, set: &Set) {
        let members: Vec<&'a Candidate> = self.assessment.members(set, self.candidates).collect();
        let Some(period) = self.assessment.period(set, self.candidates) else { return };
        let is_near = members.iter().any(|member| self.window.is_near(member.period));
        if !is_near && !self.window.contains(period) {
            return;
        }
        if !self.assessment.overlaps.is_empty() {
            self.selected.extend(members.iter().map(|member| member.id));
        }
        let group = set.is_group().then(|| GroupId::of(FindingKind::Duplicate, members.iter().map(|member| member.id)));
        let line = Line { period, group, why: words::why(set, &members, self.aside, self.book) };
        match &set.standing {
            Standing::Open { .. } => {
                self.open_reviews += 1;
                self.claimed.push(span(period));
                self.push(line, LineStatus::Review, None, None, None, Vec::new());
            }
            Standing::Decided { value: Some(value), .. } if !members.iter().all(|it| self.aside.contains(&it.id)) => {
                let others = members.iter().map(|member| member.id).collect();
                self.count(line, Some(Rule::Manual), Some(value), None, others);
            }
            Standing::Ruled { rule, chosen } => self.add_counted(line, *rule, &members, &[*chosen]),
            Standing::Decided { counted, .. } => self.add_counted(line, Rule::Manual, &members, counted),
        }
    }

    /// A line for each reading that counts, or one that says that none does.
    fn add_counted(&mut self, line: Line, rule: Rule, members: &[&'a Candidate], counted: &[ReadingId]) {
        let counts =
            |member: &&Candidate| counted.binary_search(&member.id).is_ok() && !self.aside.contains(&member.id);
        let (counting, others): (Vec<&Candidate>, Vec<&Candidate>) = members.iter().copied().partition(counts);
        let mut others: Vec<ReadingId> = others.into_iter().map(|member| member.id).collect();
        if counting.is_empty() {
            self.push(line, LineStatus::Counted, Some(Rule::Manual), None, None, others);
            return;
        }
        for member in counting {
            let line = Line { period: member.period, group: line.group, why: line.why.clone() };
            self.count(line, Some(rule), member.usage.as_ref(), Some(member.id), std::mem::take(&mut others));
        }
    }

    fn count(
        &mut self,
        line: Line,
        rule: Option<Rule>,
        usage: Option<&Usage>,
        chosen: Option<ReadingId>,
        others: Vec<ReadingId>,
    ) {
        self.claimed.push(span(line.period));
        match usage {
            Some(usage) => {
                self.sum.add(usage.base());
                self.counted.push(span(line.period));
            }
            None => self.without_usage += 1,
        }
        self.push(line, LineStatus::Counted, rule, usage, chosen, others);
    }

    fn push(
        &mut self,
        line: Line,
        status: LineStatus,
        rule: Option<Rule>,
        usage: Option<&Usage>,
        chosen: Option<ReadingId>,
        set_aside: Vec<ReadingId>,
    ) {
        let usage = usage.and_then(|usage| {
            if *usage.unit() == self.unit { Some(usage.value()) } else { self.unit.from_base(usage.base()) }
        });
        // A reading without a usage is not chosen for anything.
        let chosen = chosen.filter(|_| usage.is_some());
        let Line { period, group, why } = line;
        self.lines.push(UsageLine { period, usage, rule, status, chosen, set_aside, group, why });
    }

    fn add_overlap(&mut self, overlap: &Overlap) {
        let members = overlap.members.iter().filter_map(|index| self.candidates.get(*index));
        match &overlap.standing {
            Standing::Open { .. } if members.clone().any(|member| self.selected.contains(&member.id)) => {
                let readings: Vec<ReadingId> = members.map(|member| member.id).collect();
                let id = GroupId::of(FindingKind::Overlap, readings.iter().copied());
                self.overlaps.push(OverlapLine { id, readings, from: overlap.twice.start, to: overlap.twice.end });
            }
            Standing::Decided { value: Some(value), decision, .. } => {
                let starts = members.clone().map(|member| member.period.start).min();
                let ends = members.clone().map(|member| member.period.end).max();
                let Some((start, end)) = starts.zip(ends) else { return };
                let period = Period { start, end };
                if self.window.is_near(period) || self.window.contains(period) {
                    let others: Vec<ReadingId> = members.map(|member| member.id).collect();
                    let group = Some(GroupId::of(FindingKind::Overlap, others.iter().copied()));
                    let line = Line { period, group, why: words::by_person(self.book, *decision).into() };
                    self.count(line, Some(Rule::Manual), Some(value), None, others);
                }
            }
            _ => {}
        }
    }

    fn close(mut self, name: &str) -> MeterUsage {
        self.lines.sort_by_key(|line| (line.period, line.chosen, line.group));
        let gaps = gaps(merge(self.claimed), self.window);
        let counted = merge(self.counted);
        let total = self.sum.total().and_then(|base| self.unit.from_base(base));
        let is_complete = self.open_reviews == 0
            && self.without_usage == 0
            && self.overlaps.is_empty()
            && gaps.is_empty()
            && total.is_some();
        MeterUsage {
            meter: name.to_owned(),
            unit: self.unit,
            periods: self.lines,
            total,
            complete: is_complete,
            coverage_days: counted.iter().map(|(start, end)| end.abs_diff(*start)).sum(),
            open_reviews: self.open_reviews,
            without_usage: self.without_usage,
            gaps,
            overlaps: self.overlaps,
        }
    }
}

/// What every line has.
struct Line {
    period: Period,
    group: Option<GroupId>,
    why: std::borrow::Cow<'static, str>,
}

impl Window {
    /// Both ends are at most a day from the window's.
    fn is_near(&self, period: Period) -> bool {
        let is_near =
            |one, other: Option<_>| other.is_some_and(|other| day_number(one).abs_diff(day_number(other)) <= 1);
        is_near(period.start, self.from) && is_near(period.end, self.to)
    }

    fn contains(&self, period: Period) -> bool {
        self.from.is_none_or(|from| from <= period.start) && self.to.is_none_or(|to| period.end <= to)
    }
}

fn span(period: Period) -> (i32, i32) {
    (day_number(period.start), day_number(period.end))
}

/// Days without holes or double ones.
fn merge(mut spans: Vec<(i32, i32)>) -> Vec<(i32, i32)> {
    spans.sort_unstable();
    let mut merged: Vec<(i32, i32)> = Vec::with_capacity(spans.len());
    for (start, end) in spans {
        match merged.last_mut() {
            Some((_, last)) if start <= *last => *last = end.max(*last),
            _ => merged.push((start, end)),
        }
    }
    merged
}

/// Missing time of more than a day, between readings and at the ends of a bounded window.
fn gaps(claimed: Vec<(i32, i32)>, window: &Window) -> Vec<Gap> {
    let mut gaps = Vec::new();
    let mut last = window.from.map(day_number);
    let ends = window.to.map(|to| (day_number(to), day_number(to)));
    for (start, end) in claimed.into_iter().chain(ends) {
        if let Some(from) = last
            && start - from > 1
        {
            gaps.push(Gap { from: date_of(from), to: date_of(start) });
        }
        last = Some(last.map_or(end, |last| end.max(last)));
    }
    gaps
}
