//! The queue of the review desk, lists, and figures about them.

use std::collections::{BTreeMap, HashMap};

use super::{Desk, settle::Known};
use crate::{
    domain::duplicate::{Book, Finding, FindingKind, Reading, ReadingId, Set, Standing, Status},
    service::interface::{
        ServiceError,
        duplicates::{DuplicatesResponse, Filter, Group, MAX_PAGE, QueueLine, QueuePlace, Statistics},
    },
    store::statements::{FindingRow, MeterNumber, Place, Which},
};

impl Desk<'_> {
    /// A meter as it is kept, with what was decided about it; nothing of one without readings.
    pub(super) fn known(&self, first: MeterNumber) -> Result<Option<Known>, ServiceError> {
        let Some((candidates, assessment)) = self.store.assessed(first)? else { return Ok(None) };
        let keys = self.clusters.keys(first);
        let is_decided = |standing: &Standing| {
            !matches!(standing, Standing::Ruled { .. } | Standing::Open { reopened: None, deferred: None, .. })
        };
        // Groups that were decided about and stand by rule again after an undo have a version too.
        let needs_book = assessment.sets.iter().any(Set::is_group)
            || assessment.sets.iter().any(|set| is_decided(&set.standing))
            || !assessment.overlaps.is_empty();
        let book = if needs_book { Book::new(self.store.decisions(&keys)?) } else { Book::default() };
        Ok(Some(Known { keys, candidates, book, assessment }))
    }

    pub(super) fn queue(
        &self,
        filter: Filter,
        from: Option<QueuePlace>,
        backward: bool,
        limit: u32,
    ) -> Result<DuplicatesResponse, ServiceError> {
        self.settle()?;
        let (rows, next) = self.page(filter, from, backward, limit)?;
        let mut lines = Vec::with_capacity(rows.len());
        for of_meter in rows.chunk_by(|one, other| one.meter == other.meter) {
            let Some((meter, known)) = self.of_rows(of_meter)? else { continue };
            let findings = by_id(known.findings());
            let usages: HashMap<ReadingId, _> =
                known.candidates.iter().map(|candidate| (candidate.id, candidate.usage.as_ref())).collect();
            for row in of_meter {
                let Some(finding) = findings.get(&row.id) else { continue };
                let usage = |id: &ReadingId| usages.get(id).copied().flatten().cloned();
                let usages = finding.members.iter().map(usage);
                lines.push(QueueLine::of(place(row), meter.clone(), finding, usages));
            }
        }
        Ok(DuplicatesResponse::Queue { lines, next })
    }

    pub(super) fn list(
        &self,
        filter: Filter,
        after: Option<QueuePlace>,
        limit: u32,
    ) -> Result<DuplicatesResponse, ServiceError> {
        self.settle()?;
        let (rows, next) = self.page(filter, after, false, limit)?;
        let mut groups = Vec::with_capacity(rows.len());
        for of_meter in rows.chunk_by(|one, other| one.meter == other.meter) {
            let Some((meter, known)) = self.of_rows(of_meter)? else { continue };
            let mut findings = by_id(known.findings());
            let readings = self.readings(&known)?;
            for row in of_meter {
                if let Some(finding) = findings.remove(&row.id) {
                    groups.push(group(place(row), meter.clone(), finding, &readings));
                }
            }
        }
        Ok(DuplicatesResponse::List { groups, next })
    }

    fn of_rows(&self, rows: &[FindingRow]) -> Result<Option<(String, Known)>, ServiceError> {
        let Some(first) = rows.first() else { return Ok(None) };
        let Some(known) = self.known(first.meter)? else { return Ok(None) };
        Ok(Some((self.name_of(first.meter)?, known)))
    }

    fn page(
        &self,
        filter: Filter,
        from: Option<QueuePlace>,
        backward: bool,
        limit: u32,
    ) -> Result<(Vec<FindingRow>, Option<QueuePlace>), ServiceError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let from: Option<Place> =
            from.map(|place| (MeterNumber(u32::try_from(place.meter).unwrap_or(u32::MAX)), place.start, place.group));
        let rows = self.store.findings(filter.status, filter.kind, from, backward, limit)?;
        let is_full = rows.len() >= limit as usize;
        let end = if backward { rows.first() } else { rows.last() };
        let next = end.filter(|_| is_full).map(place);
        Ok((rows, next))
    }

    /// A meter's readings that may count, by id.
    pub(super) fn readings(&self, known: &Known) -> Result<BTreeMap<ReadingId, Reading>, ServiceError> {
        let readings = self.store.utility_readings(&known.keys, Which::Counting)?;
        Ok(readings.into_iter().map(|reading| (reading.id, reading)).collect())
    }

    pub(super) fn statistics(&self) -> Result<DuplicatesResponse, ServiceError> {
        self.settle()?;
        let mut statistics = Statistics { meters: self.store.assessed_count()?, ..Statistics::default() };
        for tally in self.store.tallies()? {
            match (tally.status, tally.kind) {
                (Status::Review, kind) => {
                    let open = match kind {
                        FindingKind::Duplicate => &mut statistics.open_groups,
                        FindingKind::Overlap => &mut statistics.open_overlaps,
                    };
                    *open += tally.count;
                    statistics.deferred += if tally.is_deferred { tally.count } else { 0 };
                }
                (Status::Resolved, kind) => {
                    if let (Some(rule), FindingKind::Duplicate) = (tally.rule, kind) {
                        add(&mut statistics.by_rule, rule, tally.count);
                    }
                    if let Some(who) = tally.who {
                        add(&mut statistics.by_person, who, tally.count);
                    }
                }
            }
        }
        Ok(DuplicatesResponse::Statistics { statistics })
    }
}

fn add<T: Ord>(counts: &mut Vec<(T, u64)>, what: T, count: u64) {
    match counts.binary_search_by(|(known, _)| known.cmp(&what)) {
        Ok(place) => {
            if let Some((_, known)) = counts.get_mut(place) {
                *known += count;
            }
        }
        Err(place) => counts.insert(place, (what, count)),
    }
}

pub(super) fn by_id(findings: Vec<Finding>) -> HashMap<crate::domain::duplicate::GroupId, Finding> {
    findings.into_iter().map(|finding| (finding.id, finding)).collect()
}

pub(super) fn place(row: &FindingRow) -> QueuePlace {
    QueuePlace { meter: u64::from(row.meter.0), start: row.start, group: row.id }
}

pub(super) fn group(
    place: QueuePlace,
    meter: String,
    finding: Finding,
    readings: &BTreeMap<ReadingId, Reading>,
) -> Group {
    let readings = finding.members.iter().filter_map(|id| readings.get(id)).cloned().collect();
    Group { place, meter, finding, readings }
}
