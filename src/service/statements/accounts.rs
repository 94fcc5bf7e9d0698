//! The accounting, what never counts, a meter over time, and documents.

use super::{Desk, error};
use crate::{
    domain::duplicate::{Assessment, Book, ExpectedDuplicates, Provider, ReadingId, Standing, Window, account},
    service::interface::{
        ErrorKind, ServiceError,
        duplicates::{Document, DocumentAccount, DuplicatesResponse},
    },
    store::statements::{MeterNumber, NamedMeter, StoredDocument, Which, unpack},
};

/// Meters of one answer.
const METERS_AT_ONCE: u32 = 1_000;
/// No more meters go into an answer after so many periods or readings: some tens of megabytes.
const LINES_AT_ONCE: usize = 100_000;
/// Most readings of a timeline, the latest: a hundred years of days.
const MAX_TIMELINE: usize = 40_000;

impl Desk<'_> {
    pub(super) fn usage(
        &self,
        meter: Option<&str>,
        window: &Window,
        after: Option<u64>,
    ) -> Result<DuplicatesResponse, ServiceError> {
        if after.is_none() {
            self.settle()?;
        }
        if let Some(name) = meter {
            let number = self.meter(name)?;
            let assessed = self.store.assessed(number)?;
            let meters = match assessed {
                Some((candidates, assessment)) => {
                    let book = self.book(number, &assessment)?;
                    account(&self.name_of(number)?, &candidates, &assessment, &book, window)
                }
                None => Vec::new(),
            };
            return Ok(DuplicatesResponse::Usage { meters, expected: Vec::new(), next: None });
        }
        let found = self.store.assessed_after(after.map(number), METERS_AT_ONCE)?;
        let is_full = found.len() >= METERS_AT_ONCE as usize;
        let mut next = found.last().filter(|_| is_full).map(|(meter, _)| u64::from(meter.number.0));
        let (mut meters, mut lines) = (Vec::with_capacity(found.len()), 0);
        let mut expected = ExpectedDuplicates::default();
        for (meter, body) in found {
            let (candidates, assessment) = unpack(&body)?;
            let book = self.book(meter.number, &assessment)?;
            expected.add(&candidates, &assessment);
            meters.extend(account(&self.name(&meter), &candidates, &assessment, &book, window));
            lines += candidates.len();
            if lines >= LINES_AT_ONCE {
                next = Some(u64::from(meter.number.0));
                break;
            }
        }
        let expected = expected.into_statements().into_iter().collect();
        Ok(DuplicatesResponse::Usage { meters, expected, next })
    }

    /// What was decided about a meter; nothing is looked for where nothing of it stands.
    fn book(&self, number: MeterNumber, assessment: &Assessment) -> Result<Book, ServiceError> {
        let by_rule = |standing: &Standing| {
            matches!(standing, Standing::Ruled { .. } | Standing::Open { reopened: None, deferred: None, .. })
        };
        let sets = assessment.sets.iter().map(|set| &set.standing);
        let mut all = sets.chain(assessment.overlaps.iter().map(|overlap| &overlap.standing));
        if all.all(by_rule) {
            return Ok(Book::default());
        }
        Ok(Book::new(self.store.decisions(&self.clusters.keys(number))?))
    }

    pub(super) fn excluded(&self, meter: Option<&str>, after: Option<u64>) -> Result<DuplicatesResponse, ServiceError> {
        self.settle()?;
        let is_all = meter.is_none();
        let (meters, mut next) = if let Some(name) = meter {
            let mut meters: Vec<NamedMeter> = Vec::new();
            for key in self.clusters.keys(self.meter(name)?) {
                meters.extend(self.store.utility_meter(key)?);
            }
            (meters, None)
        } else {
            let meters = self.store.meters_with_excluded(after.map(number), METERS_AT_ONCE)?;
            let is_full = meters.len() >= METERS_AT_ONCE as usize;
            let next = meters.last().filter(|_| is_full).map(|meter| u64::from(meter.number.0));
            (meters, next)
        };
        let mut readings = Vec::new();
        for meter in meters {
            let name = self.name(&meter);
            let found = self.store.utility_readings(&[meter.number], Which::Excluded)?;
            readings.extend(found.into_iter().map(|reading| (name.clone(), reading)));
            if is_all && readings.len() >= LINES_AT_ONCE {
                next = Some(u64::from(meter.number.0));
                break;
            }
        }
        Ok(DuplicatesResponse::Excluded { readings, next })
    }

    pub(super) fn timeline(&self, name: &str) -> Result<DuplicatesResponse, ServiceError> {
        self.settle()?;
        let number = self.meter(name)?;
        let mut readings = self.store.utility_readings(&self.clusters.keys(number), Which::All)?;
        readings.sort_by_key(|reading| (reading.period, reading.id));
        readings.drain(..readings.len().saturating_sub(MAX_TIMELINE));
        let findings = self.known(number)?.map(|known| known.findings()).unwrap_or_default();
        Ok(DuplicatesResponse::Timeline { meter: self.name_of(number)?, readings, findings })
    }

    pub(super) fn document(&self, name: &str, reading: ReadingId) -> Result<DuplicatesResponse, ServiceError> {
        let keys = self.clusters.keys(self.meter(name)?);
        let found = self.store.statement_document(&keys, reading)?;
        let found = found.ok_or_else(|| {
            error(
                ErrorKind::NotFound,
                format!("Meter `{}` has no reading `{reading}`.", crate::text::clean(name)),
                None,
            )
        })?;
        Ok(DuplicatesResponse::Document { document: Box::new(self.document_view(found)) })
    }

    fn document_view(&self, found: StoredDocument) -> Document {
        let accounts = found.accounts.into_iter().map(|account| {
            let provider = Provider { name: account.provider, classification: account.classification };
            let is_known = provider.name.is_some() || provider.classification.is_some();
            DocumentAccount {
                number: account.number,
                providers: Some(provider).filter(|_| is_known).into_iter().collect(),
                stages: account.stages.iter().map(|stage| stage.word().to_owned()).collect(),
                readings: account.readings.into_iter().map(|(meter, reading)| (self.name(&meter), reading)).collect(),
            }
        });
        Document {
            accounts: accounts.collect(),
            file: found.file,
            imported_at: found.imported_at,
            imported_by: found.imported_by,
            superseded: found.is_superseded,
        }
    }
}

fn number(after: u64) -> MeterNumber {
    MeterNumber(u32::try_from(after).unwrap_or(u32::MAX))
}
