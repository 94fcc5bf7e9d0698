//! The effect of an event: what the store measured, against the baseline.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;

use super::super::{
    dispatcher::Shared,
    energy::Energies,
    interface::{ErrorKind, ServiceError, dispatch::MeterEffect},
};
use crate::{
    domain::{
        calendar::Span,
        dispatch::{
            Event,
            baseline::{self, Effect, LOOK_BACK_DAYS, Measured},
        },
        ids::MeterId,
        programme::{ProgrammeMeterId, measured_by},
        quantity::Quantity,
    },
    store::Store,
};

/// An interval of which at least so much was measured counts as measured.
const WHOLE: f64 = 0.999;

/// The effect of an event at each of its programme meters. Waits for the disk.
pub(super) fn of_event(shared: &Shared, event: &Event) -> Result<Vec<MeterEffect>, ServiceError> {
    let store = super::super::history::store(shared)?;
    if let Some(recorder) = &shared.recorder {
        recorder.book().map_err(ServiceError::from)?;
    }
    let event_days = event_days(&store, shared, event)?;
    let mut effects = Vec::with_capacity(event.meters.len());
    for meter in &event.meters {
        let effect = match measuring(shared, meter) {
            Ok(meters) => of_meters(&store, shared, event, &meters, &event_days)?,
            Err(reason) => Err(reason),
        };
        effects.push(MeterEffect { meter: meter.clone(), effect });
    }
    Ok(effects)
}

/// The meters on the wall that measure a programme meter.
fn measuring(shared: &Shared, meter: &ProgrammeMeterId) -> Result<Vec<MeterId>, String> {
    let known = shared.dispatch.as_ref().map(|executor| executor.meters()).unwrap_or_default();
    let known = known.get(meter).ok_or("not ours: no device")?;
    let meters = measured_by(&shared.site, &known.place(&shared.site)?);
    if meters.is_empty() { Err("no meter of the site file measures it".to_owned()) } else { Ok(meters) }
}

fn of_meters(
    store: &Store,
    shared: &Shared,
    event: &Event,
    meters: &[MeterId],
    event_days: &BTreeSet<Date>,
) -> Result<Result<Effect, String>, ServiceError> {
    let look_back = SignedDuration::from_hours(i64::from(LOOK_BACK_DAYS + 1) * 24);
    let span = Span { from: event.start.saturating_sub(look_back).unwrap_or(Timestamp::MIN), to: event.end };
    let energies = Energies::new(store, &shared.site)?;
    // Only what all of its meters measured can be summed.
    let mut sums: BTreeMap<Timestamp, (Decimal, usize)> = BTreeMap::new();
    for meter in meters {
        for row in energies.intervals(meter, span)? {
            if row.interval.coverage(row.length) >= WHOLE {
                let (kwh, count) = sums.entry(row.start).or_default();
                *kwh += row.interval.consumed - row.interval.generated;
                *count += 1;
            }
        }
    }
    let whole = sums.into_iter().filter(|(_, (_, count))| *count == meters.len());
    let kwh: BTreeMap<Timestamp, Decimal> = whole.map(|(start, (kwh, _))| (start, kwh)).collect();
    let zone = TimeZone::get(&shared.site.time_zone).unwrap_or(TimeZone::UTC);
    let length = SignedDuration::try_from(shared.site.demand_interval).map_err(|_| ServiceError {
        kind: ErrorKind::Internal,
        message: "The demand interval is too long.".to_owned(),
        hint: None,
    })?;
    let measured = Measured { kwh: &kwh, length, event_days, zone: &zone };
    let effect = baseline::effect(&measured, event.start, event.end, Timestamp::now());
    let live = shared.poller.hub().snapshot();
    let power = |meter: &MeterId| live.meters.get(meter)?.value(&Quantity::CurrentKw);
    let powers: Vec<f64> = meters.iter().filter_map(power).collect();
    let actual_kw = (powers.len() == meters.len()).then(|| powers.iter().sum());
    Ok(effect.map(|effect| Effect { actual_kw, ..effect }))
}

/// Days on which another event moved equipment for one of the same programme meters.
fn event_days(store: &Store, shared: &Shared, event: &Event) -> Result<BTreeSet<Date>, ServiceError> {
    let zone = TimeZone::get(&shared.site.time_zone).unwrap_or(TimeZone::UTC);
    let look_back = SignedDuration::from_hours(i64::from(LOOK_BACK_DAYS + 1) * 24);
    let from = event.start.saturating_sub(look_back).unwrap_or(Timestamp::MIN);
    let others = store.dispatch_events_since(from)?;
    let moved = others.iter().filter(|other| {
        let is_of_same = other.meters.iter().any(|meter| event.meters.contains(meter));
        other.id != event.id && is_of_same && other.actions.iter().any(|action| action.is_begun)
    });
    Ok(moved.map(|other| other.start.to_zoned(zone.clone()).date()).collect())
}
