//! What speaks for one reading or the other: the site's own meter, other groups of the meter, other years.

use std::collections::BTreeMap;

use jiff::civil::Date;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::{Desk, settle::Known};
use crate::{
    domain::{
        calendar::{Span, midnight},
        duplicate::{
            Assessment, Candidate, Finding, FindingKind, Period, Reading, ReadingId, Rule, Set, Standing, Usage,
            UsageDimension, UsageUnit,
        },
        ids::MeterId,
    },
    service::{
        energy::{Energies, between},
        interface::{
            ServiceError,
            duplicates::{Measured, OtherYear, ProviderRecord},
        },
    },
    store::StoreError,
};

/// Most other years that are shown.
const MAX_YEARS: usize = 5;
/// Periods of the same month start so many days apart, over the years, and are so many days longer or shorter.
const SAME_MONTH_DAYS: i32 = 10;
/// A measurement speaks for a reading only where it covers so much of the period, percent.
const SPEAKING_COVERAGE_PERCENT: f64 = 90.0;
/// And where the reading is no further from it, percent.
const SPEAKING_DEVIATION_PERCENT: f64 = 10.0;

/// Energy over a period.
#[derive(Debug, Clone, Copy)]
pub(super) struct Energy {
    pub kwh: Decimal,
    pub coverage_percent: f64,
    pub estimated: bool,
}

/// What a meter of the site measured over a period, in whole days of the site; `None` where it has nothing of it.
pub(super) fn energy(energies: &Energies<'_>, meter: &MeterId, period: Period) -> Result<Option<Energy>, StoreError> {
    let (Some(from), Some(to)) = (midnight(period.start, &energies.zone), midnight(period.end, &energies.zone)) else {
        return Ok(None);
    };
    if to <= from {
        return Ok(None);
    }
    let total = energies.total(meter, Span { from, to })?;
    let coverage = total.known.as_secs_f64() / between(from, to).as_secs_f64();
    Ok(total.has_data.then(|| Energy {
        kwh: total.consumed.normalize(),
        coverage_percent: (coverage * 100.0).min(100.0),
        estimated: total.estimated,
    }))
}

impl Desk<'_> {
    /// What the site's own meter measured over a finding's period, where one is mapped to the meter.
    pub(super) fn measured(&self, known: &Known, finding: &Finding) -> Result<Option<Measured>, ServiceError> {
        let Some(id) = self.mapped(known.first()) else { return Ok(None) };
        let Some(meter) = self.shared.site.meters.get(id) else { return Ok(None) };
        if let Some(recorder) = &self.shared.recorder {
            // What was counted until now is read back below; without a recorder nothing is counted.
            let _ = recorder.book();
        }
        let energies = Energies::new(self.store, &self.shared.site)?;
        let Some(energy) = energy(&energies, id, finding.period)? else { return Ok(None) };
        let deviation = |id: &ReadingId| {
            let candidate = known.candidates.iter().find(|candidate| candidate.id == *id)?;
            let measured =
                crate::domain::duplicate::Measured { energy_kwh: energy.kwh, coverage_percent: Decimal::ZERO };
            measured.deviation_percent(candidate)?.to_f64()
        };
        Ok(Some(Measured {
            meter: id.clone(),
            meter_type: meter.meter_type,
            accuracy_class: meter.accuracy_class,
            kwh: energy.kwh,
            coverage_percent: energy.coverage_percent,
            estimated: energy.estimated,
            deviations: finding.members.iter().map(|id| (*id, deviation(id))).collect(),
        }))
    }
}

/// How often each provider's reading counted in the meter's groups that were decided by evidence or a person.
pub(super) fn providers(known: &Known, readings: &BTreeMap<ReadingId, Reading>) -> Vec<ProviderRecord> {
    let mut records: Vec<ProviderRecord> = Vec::new();
    for set in known.assessment.sets.iter().filter(|set| set.is_group()) {
        let Some(chosen) = set.standing.chosen().filter(|_| set.standing.rule() != Some(Rule::SameValue)) else {
            continue;
        };
        for member in known.assessment.members(set, &known.candidates) {
            let Some(reading) = readings.get(&member.id) else { continue };
            let is_same = |record: &ProviderRecord| {
                record.provider == reading.provider && record.classification == reading.classification
            };
            let place = records.iter().position(is_same).unwrap_or_else(|| {
                records.push(ProviderRecord {
                    provider: reading.provider.clone(),
                    classification: reading.classification.clone(),
                    counted: 0,
                    of: 0,
                });
                records.len() - 1
            });
            if let Some(record) = records.get_mut(place) {
                record.of += 1;
                record.counted += u32::from(chosen == member.id);
            }
        }
    }
    records.sort_by(|one, other| other.counted.cmp(&one.counted).then_with(|| one.provider.cmp(&other.provider)));
    records
}

/// What counts for the same month of other years, the latest first.
pub(super) fn other_years(known: &Known, finding: &Finding) -> Vec<OtherYear> {
    let dimension = |set: &Set| known.assessment.members(set, &known.candidates).next().map(|it| it.unit.dimension());
    let mut years: Vec<OtherYear> = Vec::new();
    for set in known.assessment.sets.iter().filter(|set| dimension(set).as_ref() == Some(&finding.dimension)) {
        let Some(period) = known.assessment.period(set, &known.candidates) else { continue };
        if is_same_month(period, finding.period)
            && let Some(usage) = counted(&known.assessment, set, &known.candidates)
        {
            years.push(OtherYear { period, usage });
        }
    }
    years.sort_by_key(|year| std::cmp::Reverse(year.period));
    years.truncate(MAX_YEARS);
    years
}

fn is_same_month(period: Period, other: Period) -> bool {
    if period.start.year() == other.start.year() || (period.days() - other.days()).abs() > SAME_MONTH_DAYS {
        return false;
    }
    let day = |date: Date| i32::from(date.day_of_year());
    let apart = (day(period.start) - day(other.start)).abs();
    apart <= SAME_MONTH_DAYS || apart >= 365 - SAME_MONTH_DAYS
}

/// What counts for a set, where it is one usage.
fn counted(assessment: &Assessment, set: &Set, candidates: &[Candidate]) -> Option<Usage> {
    if let Standing::Decided { value: Some(value), .. } = &set.standing {
        return Some(value.clone());
    }
    let chosen = set.standing.chosen()?;
    assessment.members(set, candidates).find(|member| member.id == chosen)?.usage.clone()
}

/// The reading of a group that most speaks for: what was measured here, else whose figure counted before, else what is
/// nearest to other years.
pub(super) fn suggested(
    finding: &Finding,
    readings: &[Reading],
    measured: Option<&Measured>,
    providers: &[ProviderRecord],
    years: &[OtherYear],
) -> Option<ReadingId> {
    if finding.kind == FindingKind::Overlap || readings.iter().filter(|reading| reading.usage.is_some()).count() < 2 {
        return None;
    }
    by_measurement(measured).or_else(|| by_provider(readings, providers)).or_else(|| by_years(finding, readings, years))
}

fn by_measurement(measured: Option<&Measured>) -> Option<ReadingId> {
    let measured = measured.filter(|measured| measured.coverage_percent >= SPEAKING_COVERAGE_PERCENT)?;
    let near = |(id, off): &(ReadingId, Option<f64>)| {
        Some((*id, off.map(f64::abs).filter(|off| *off <= SPEAKING_DEVIATION_PERCENT)?))
    };
    let near = measured.deviations.iter().filter_map(near);
    near.min_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(id, _)| id)
}

fn by_provider(readings: &[Reading], providers: &[ProviderRecord]) -> Option<ReadingId> {
    let best = providers.first().filter(|best| best.counted > 0)?;
    if providers.get(1).is_some_and(|second| second.counted == best.counted) {
        return None;
    }
    let mut of_best = readings.iter().filter(|reading| reading.usage.is_some() && reading.provider == best.provider);
    let first = of_best.next()?;
    of_best.next().is_none().then_some(first.id)
}

fn by_years(finding: &Finding, readings: &[Reading], years: &[OtherYear]) -> Option<ReadingId> {
    if finding.dimension != UsageDimension::Energy || years.is_empty() {
        return None;
    }
    let kwh = |usage: &Usage| UsageUnit::KWH.from_base(usage.base());
    let sum = years.iter().try_fold(Decimal::ZERO, |sum, year| sum.checked_add(kwh(&year.usage)?))?;
    let mean = sum.checked_div(Decimal::from(years.len()))?;
    let off = |reading: &Reading| Some((kwh(reading.usage.as_ref()?)?.checked_sub(mean)?.abs(), reading.id));
    readings.iter().filter_map(off).min().map(|(_, id)| id)
}
