//! Brings what is derived up to date: for the meters that an import touched, groups and decides again.

use std::{
    collections::BTreeSet,
    sync::mpsc::{self, Receiver},
    thread,
};

use rust_decimal::Decimal;

use super::{Desk, evidence};
use crate::{
    domain::{
        duplicate::{
            Assessment, Book, Candidate, Finding, Knowledge, Measured, MeasuredRule, Scratch, UtilityMeter, assess_with,
        },
        ids::MeterId,
    },
    service::{energy::Energies, interface::ServiceError},
    store::{
        Store, StoreError,
        statements::{Assessed, MeterNumber},
    },
};

/// Meters that are looked at together: some ten thousand readings.
const METERS_AT_ONCE: u32 = 2_000;

/// A meter with what is known about it.
pub(super) struct Known {
    pub keys: Vec<MeterNumber>,
    pub candidates: Vec<Candidate>,
    pub book: Book,
    pub assessment: Assessment,
}

impl Known {
    pub(super) fn first(&self) -> MeterNumber {
        self.keys.first().copied().unwrap_or(MeterNumber(0))
    }

    pub(super) fn findings(&self) -> Vec<Finding> {
        self.assessment.findings(&self.candidates, &self.book)
    }

    /// In the form in which it is kept.
    pub(super) fn assessed(&self, is_mapped: bool) -> Assessed {
        let who = |sequence| self.book.get(sequence).map(|decision| decision.who.clone());
        Assessed::new(self.keys.clone(), is_mapped, &self.candidates, &self.assessment, &self.findings(), who)
    }
}

impl Desk<'_> {
    /// Brings what is derived up to date, unless a file is coming in.
    pub(super) fn settle(&self) -> Result<(), ServiceError> {
        let mut work = self.shared.statements.work();
        if self.shared.statements.session().is_some() {
            return Ok(());
        }
        if !std::mem::replace(&mut work.has_looked_at_mapped, true) {
            // The site file, or what was measured, may have changed since.
            self.store.mark_mapped_stale(&self.clusters)?;
        }
        let first = self.store.stale_meters(None, 1)?;
        if first.is_empty() {
            return Ok(());
        }
        let has_decisions = self.store.has_decisions()?;
        let (batches, assessed) = mpsc::sync_channel::<Vec<Assessed>>(1);
        thread::scope(|scope| {
            let store = self.store;
            let writer = scope.spawn(move || write(store, &assessed));
            let done = self.assess_stale(has_decisions, |batch| batches.send(batch).is_ok());
            drop(batches);
            let written = writer.join().unwrap_or(Err(StoreError::Closed));
            done?;
            written.map_err(ServiceError::from)
        })
    }

    fn assess_stale(
        &self,
        has_decisions: bool,
        mut take: impl FnMut(Vec<Assessed>) -> bool,
    ) -> Result<(), ServiceError> {
        let energies = self.energies()?;
        let mut scratch = Scratch::default();
        let (mut after, mut seen) = (None, BTreeSet::new());
        loop {
            let stale = self.store.stale_meters(after, METERS_AT_ONCE)?;
            let Some(last) = stale.last() else { return Ok(()) };
            after = Some(*last);
            let firsts: BTreeSet<MeterNumber> = stale.iter().map(|number| self.clusters.first(*number)).collect();
            // A mapped meter has several keys, and is looked at once.
            let firsts =
                firsts.into_iter().filter(|first| !self.clusters.members.contains_key(first) || seen.insert(*first));
            let keys: Vec<Vec<MeterNumber>> = firsts.map(|first| self.clusters.keys(first)).collect();
            let candidates = self.store.candidates(&keys)?;
            let mut batch = Vec::with_capacity(keys.len());
            for (keys, candidates) in keys.into_iter().zip(candidates) {
                let book = if has_decisions { Book::new(self.store.decisions(&keys)?) } else { Book::default() };
                let known = self.assess(keys, candidates, book, energies.as_ref(), &mut scratch);
                batch.push(known.assessed(self.mapped(known.first()).is_some()));
            }
            if !take(batch) {
                return Ok(());
            }
        }
    }

    /// What measured energy is read with; nothing where it does not decide.
    pub(super) fn energies(&self) -> Result<Option<Energies<'_>>, ServiceError> {
        if self.shared.site.duplicates_measured.is_none() || self.clusters.mapped.is_empty() {
            return Ok(None);
        }
        if let Some(recorder) = &self.shared.recorder {
            // What was counted until now is read back below; without a recorder nothing is counted.
            let _ = recorder.book();
        }
        Ok(Some(Energies::new(self.store, &self.shared.site)?))
    }

    /// Groups and decides a meter's readings.
    pub(super) fn assess(
        &self,
        keys: Vec<MeterNumber>,
        candidates: Vec<Candidate>,
        book: Book,
        energies: Option<&Energies<'_>>,
        scratch: &mut Scratch,
    ) -> Known {
        let mapped = keys.first().and_then(|first| self.mapped(*first));
        let measured_of = |candidate: &Candidate| -> Option<Measured> {
            let (energies, meter) = (energies?, mapped?);
            let measured = evidence::energy(energies, meter, candidate.period).ok().flatten()?;
            Some(Measured { energy_kwh: measured.kwh, coverage_percent: decimal(measured.coverage_percent)? })
        };
        let rule = self.shared.site.duplicates_measured.as_ref().and_then(|evidence| {
            let (tolerance_percent, coverage_percent) =
                (decimal(evidence.tolerance_percent)?, decimal(evidence.coverage_percent)?);
            Some(MeasuredRule { tolerance_percent, coverage_percent })
        });
        let measured = rule.filter(|_| energies.is_some() && mapped.is_some());
        let knowledge = Knowledge { book: &book, measured: measured.map(|rule| (rule, &measured_of as _)) };
        let assessment = assess_with(&candidates, &knowledge, scratch);
        Known { keys, candidates, book, assessment }
    }

    /// The meter of the site that the site file maps to a meter of statements.
    pub(super) fn mapped(&self, number: MeterNumber) -> Option<&MeterId> {
        match self.clusters.mapped.get(&number) {
            Some((_, UtilityMeter::Mapped(meter))) => Some(meter),
            _ => None,
        }
    }
}

fn write(store: &Store, batches: &Receiver<Vec<Assessed>>) -> Result<(), StoreError> {
    batches.iter().try_for_each(|batch| store.put_assessed(batch))
}

fn decimal(value: f64) -> Option<Decimal> {
    Decimal::try_from(value).ok()
}
