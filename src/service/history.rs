//! History: what is stored, asked for and added to.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::{
    dispatcher::Shared,
    energy::Energies,
    interface::{ErrorKind, HistoryPoint, ImportRow, Imported, IntervalPoint, Response, ServiceError},
    recorder::Recorder,
};
use crate::{
    domain::{
        calendar::Span,
        ids::MeterId,
        quantity::Quantity,
        reading::State,
        sample::{Decimals, MAX_DECIMALS, MAX_TIME_MS, MIN_TIME_MS},
        site::Meter,
        unit::Unit,
    },
    store::{Row, Sample, SeriesKey, SeriesSpec, Store, StoreError},
};

/// Most points of one answer; what is more is asked for again from where it was cut.
pub const MAX_ANSWER_POINTS: usize = 100_000;
/// Most rows of one import request: what is in memory at once.
pub const MAX_IMPORT_ROWS: usize = 1_000_000;
/// Decimals of a mean.
const MEAN_DECIMALS: u32 = 6;

/// The samples of a quantity, or its means over steps of `step_ms`.
pub(super) fn history(
    shared: &Shared,
    meter: &MeterId,
    quantity: &Quantity,
    span: Span,
    step_ms: Option<i64>,
) -> Result<Response, ServiceError> {
    let store = store(shared)?;
    known(shared, meter)?;
    let catalogue = store.catalogue();
    let Some(info) = catalogue.find(meter, quantity) else {
        return Ok(Response::History { unit: quantity.unit(), points: Vec::new(), next: None });
    };
    let (from_ms, to_ms) = (clamp(span.from), clamp(span.to));
    let (points, next) = match step_ms {
        None => page(&store, info.key, from_ms, to_ms)?,
        Some(step_ms) => (means(&store, info.key, from_ms, to_ms, step_ms.max(1))?, None),
    };
    Ok(Response::History { unit: Some(info.unit), points, next })
}

type Page = (Vec<HistoryPoint>, Option<Timestamp>);

fn page(store: &Store, key: SeriesKey, from_ms: i64, to_ms: i64) -> Result<Page, ServiceError> {
    let samples = store.samples(key, from_ms, to_ms, MAX_ANSWER_POINTS).map_err(failed)?;
    let decimals = u32::from(samples.decimals.count());
    let points = samples.points.iter().filter_map(|point| {
        Some(HistoryPoint {
            at: Timestamp::from_millisecond(point.at_ms).ok()?,
            value: point.number.map(|number| Decimal::new(number, decimals).normalize()),
            state: point.state,
        })
    });
    Ok((points.collect(), samples.next_ms.and_then(|next| Timestamp::from_millisecond(next).ok())))
}

/// Means over steps that begin at multiples of `step_ms`; of steps without a believable value there is none.
fn means(
    store: &Store,
    key: SeriesKey,
    from_ms: i64,
    to_ms: i64,
    step_ms: i64,
) -> Result<Vec<HistoryPoint>, ServiceError> {
    let mut steps: BTreeMap<i64, (Decimal, u32, State)> = BTreeMap::new();
    let mut next = Some(from_ms);
    while let Some(from_ms) = next.filter(|_| steps.len() <= MAX_ANSWER_POINTS) {
        let (points, more) = page(store, key, from_ms, to_ms)?;
        for point in points {
            let at = point.at.as_millisecond();
            let step = steps.entry(at - at.rem_euclid(step_ms)).or_insert((Decimal::ZERO, 0, State::Good));
            if let Some(value) = point.value.filter(|_| point.state < State::Bad) {
                *step = (step.0.saturating_add(value), step.1 + 1, step.2.worst(point.state));
            }
        }
        next = more.map(Timestamp::as_millisecond);
    }
    if steps.len() > MAX_ANSWER_POINTS {
        let message = format!("That is more than {MAX_ANSWER_POINTS} steps.");
        let hint = Some("Ask for longer steps, or a shorter time.".to_owned());
        return Err(ServiceError { kind: ErrorKind::Invalid, message, hint });
    }
    let mean = |(start, (sum, count, state)): (i64, (Decimal, u32, State))| {
        let value = sum.checked_div(Decimal::from(count)).map(|mean| mean.round_dp(MEAN_DECIMALS).normalize());
        let state = if value.is_some() { state } else { State::Bad };
        Some(HistoryPoint { at: Timestamp::from_millisecond(start).ok()?, value, state })
    };
    Ok(steps.into_iter().filter_map(mean).collect())
}

/// A meter's interval data.
pub(super) fn intervals(shared: &Shared, meter: &MeterId, span: Span) -> Result<Response, ServiceError> {
    let store = store(shared)?;
    known(shared, meter)?;
    if let Some(recorder) = &shared.recorder {
        recorder.book().map_err(failed)?;
    }
    // Those of a virtual meter follow from others.
    let rows = Energies::new(&store, &shared.site).and_then(|energies| energies.intervals(meter, span));
    let rows = rows.map_err(failed)?;
    let point = |row: &crate::store::energy::IntervalRow| IntervalPoint {
        start: row.start,
        length: row.length,
        consumed: row.interval.consumed.normalize(),
        generated: row.interval.generated.normalize(),
        coverage: row.interval.coverage(row.length),
        estimated: row.interval.estimated,
    };
    Ok(Response::Intervals { intervals: rows.iter().map(point).collect() })
}

/// Adds rows to history; the energy of meters whose counters changed is counted anew.
pub(super) fn import(shared: &Shared, rows: Vec<ImportRow>, replace: bool) -> Result<Response, ServiceError> {
    let store = store(shared)?;
    if rows.len() > MAX_IMPORT_ROWS {
        let message = format!("{} rows at once are more than {MAX_IMPORT_ROWS}.", rows.len());
        return Err(ServiceError { kind: ErrorKind::Invalid, message, hint: None });
    }
    let mut imported = Imported::default();
    let mut series: BTreeMap<(MeterId, Quantity), Decimals> = BTreeMap::new();
    let mut good: Vec<(ImportRow, i64, Decimals)> = Vec::with_capacity(rows.len());
    for row in rows {
        match stored(shared, &row) {
            Ok((number, decimals)) => {
                let finest = series.entry((row.meter.clone(), row.quantity.clone())).or_default();
                *finest = (*finest).max(decimals);
                good.push((row, number, decimals));
            }
            Err(reason) => imported.rejected.push((row.line, reason)),
        }
    }
    let keys = declare(shared, &store, &series)?;
    let mut anew: BTreeMap<MeterId, Timestamp> = BTreeMap::new();
    let mut merged_rows = Vec::with_capacity(good.len());
    for (row, number, decimals) in good {
        let name = (row.meter, row.quantity);
        let Some(key) = keys.get(&name) else { continue };
        if matches!(name.1, Quantity::KwhLifetime | Quantity::KwhExportLifetime | Quantity::CurrentKw) {
            let first = anew.entry(name.0).or_insert(row.at);
            *first = (*first).min(row.at);
        }
        let at_ms = row.at.as_millisecond();
        let sample = Sample { series: *key, at_ms, number: Some(number), decimals, state: State::Good };
        merged_rows.push(Row { line: row.line, sample });
    }
    let _held = shared.recorder.as_ref().map(Recorder::hold_counting);
    let marked = store.marked_anew().map_err(failed)?;
    store.mark_anew(anew.clone()).map_err(failed)?;
    let merged = store.merge(merged_rows, replace).map_err(failed)?;
    if merged.new + merged.replaced == 0 {
        anew.keys()
            .filter(|meter| !marked.contains_key(*meter))
            .try_for_each(|meter| store.unmark_anew(meter))
            .map_err(failed)?;
    }
    imported.new = merged.new;
    imported.unchanged = merged.unchanged;
    imported.replaced = merged.replaced;
    imported.rejected.extend(merged.rejected.into_iter().map(|(line, reason)| (line, reason.to_string())));
    imported.rejected.sort();
    Ok(Response::Imported { imported })
}

/// Counts anew what imports have changed since the last time.
pub(super) fn count_anew(shared: &Shared) -> Result<Response, ServiceError> {
    store(shared)?;
    if let Some(recorder) = &shared.recorder {
        recorder.count_marked_anew().map_err(failed)?;
    }
    Ok(Response::Counted)
}

/// A row's value as it is stored, or why it is not.
fn stored(shared: &Shared, row: &ImportRow) -> Result<(i64, Decimals), String> {
    if !shared.site.meters.contains_key(&row.meter) {
        return Err(format!("the site has no meter `{}`", row.meter));
    }
    if !(MIN_TIME_MS..MAX_TIME_MS).contains(&row.at.as_millisecond()) {
        return Err("the time is not between 1970 and 2200".to_owned());
    }
    let value = row.value.round_dp(u32::from(MAX_DECIMALS)).normalize();
    let decimals = u8::try_from(value.scale()).ok().and_then(Decimals::new);
    let number = value.mantissa().to_i64();
    match decimals.zip(number) {
        Some((decimals, number)) if number.abs() <= decimals.limit() => Ok((number, decimals)),
        _ => Err("the value is too large to be kept".to_owned()),
    }
}

fn declare(
    shared: &Shared,
    store: &Store,
    series: &BTreeMap<(MeterId, Quantity), Decimals>,
) -> Result<BTreeMap<(MeterId, Quantity), SeriesKey>, ServiceError> {
    let unit = |meter: &MeterId, quantity: &Quantity| {
        let registers = shared.site.meters.get(meter).map(|meter| meter.registers.as_ref()).unwrap_or_default();
        let register = registers.iter().find(|register| register.quantity == *quantity);
        quantity.unit().or(register.map(|register| register.unit)).unwrap_or(Unit::Count)
    };
    let specs: Vec<SeriesSpec> = series
        .iter()
        .map(|((meter, quantity), decimals)| SeriesSpec {
            meter: meter.clone(),
            quantity: quantity.clone(),
            unit: unit(meter, quantity),
            decimals: *decimals,
        })
        .collect();
    let keys = store.declare(specs).map_err(failed)?;
    Ok(series.keys().cloned().zip(keys).collect())
}

pub(super) fn clamp(at: Timestamp) -> i64 {
    at.as_millisecond().clamp(MIN_TIME_MS, MAX_TIME_MS)
}

pub(super) fn known<'a>(shared: &'a Shared, meter: &MeterId) -> Result<&'a Meter, ServiceError> {
    if let Some(meter) = shared.site.meters.get(meter) {
        return Ok(meter);
    }
    let message = format!("There is no meter `{meter}`.");
    Err(ServiceError { kind: ErrorKind::NotFound, message, hint: Some("`meterdeck meters` lists them.".to_owned()) })
}

pub(super) fn store(shared: &Shared) -> Result<Store, ServiceError> {
    shared.store.clone().ok_or_else(|| ServiceError {
        kind: ErrorKind::Invalid,
        message: "This service keeps nothing.".to_owned(),
        hint: None,
    })
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn failed(error: StoreError) -> ServiceError {
    ServiceError { kind: ErrorKind::Internal, message: format!("The store fails: {error}."), hint: None }
}
