//! History: what is stored, asked for and added to.

use std::collections::{BTreeMap, HashMap};

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
    let mut series = ImportedSeries::default();
    let mut good: Vec<(usize, StoredRow)> = Vec::with_capacity(rows.len());
    for row in rows {
        match stored(shared, &row) {
            Ok(stored) => good.push((series.note(row, stored.decimals), stored)),
            Err(reason) => imported.rejected.push((row.line, reason)),
        }
    }
    let keys = declare(shared, &store, &series.all)?;
    let anew = series.counted_anew();
    let _held = shared.recorder.as_ref().map(Recorder::hold_counting);
    let marked = store.marked_anew().map_err(failed)?;
    store.mark_anew(anew.clone()).map_err(failed)?;
    let merged_rows = good.into_iter().filter_map(|(place, StoredRow { line, at_ms, number, decimals })| {
        let series = *keys.get(place)?;
        Some(Row { line, sample: Sample { series, at_ms, number: Some(number), decimals, state: State::Good } })
    });
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

/// A row's value as it is stored.
struct StoredRow {
    line: u32,
    at_ms: i64,
    number: i64,
    decimals: Decimals,
}

/// What a row says, as it is stored, or why it is not.
fn stored(shared: &Shared, row: &ImportRow) -> Result<StoredRow, String> {
    if !shared.site.meters.contains_key(&row.meter) {
        return Err(format!("the site has no meter `{}`", row.meter));
    }
    let (line, at_ms) = (row.line, row.at.as_millisecond());
    if !(MIN_TIME_MS..MAX_TIME_MS).contains(&at_ms) {
        return Err("the time is not between 1970 and 2200".to_owned());
    }
    let value = row.value.round_dp(u32::from(MAX_DECIMALS)).normalize();
    let decimals = u8::try_from(value.scale()).ok().and_then(Decimals::new);
    let number = value.mantissa().to_i64();
    match decimals.zip(number) {
        Some((decimals, number)) if number.abs() <= decimals.limit() => Ok(StoredRow { line, at_ms, number, decimals }),
        _ => Err("the value is too large to be kept".to_owned()),
    }
}

/// The series of an import: one quantity of one meter each.
#[derive(Default)]
struct ImportedSeries {
    all: Vec<OneSeries>,
    places: HashMap<MeterId, HashMap<Quantity, usize>>,
}

struct OneSeries {
    meter: MeterId,
    quantity: Quantity,
    /// Of its finest row.
    decimals: Decimals,
    /// Of its first row.
    from: Timestamp,
}

impl ImportedSeries {
    /// Takes note of a row; the place of its series.
    fn note(&mut self, row: ImportRow, decimals: Decimals) -> usize {
        let known = self.places.get(&row.meter).and_then(|quantities| quantities.get(&row.quantity)).copied();
        let place = known.unwrap_or(self.all.len());
        if let Some(series) = self.all.get_mut(place) {
            series.decimals = series.decimals.max(decimals);
            series.from = series.from.min(row.at);
        } else {
            let ImportRow { meter, quantity, at, .. } = row;
            self.places.entry(meter.clone()).or_default().insert(quantity.clone(), place);
            self.all.push(OneSeries { meter, quantity, decimals, from: at });
        }
        place
    }

    /// The meters whose energy is to be counted anew, and from when.
    fn counted_anew(&self) -> BTreeMap<MeterId, Timestamp> {
        let counted = [Quantity::KwhLifetime, Quantity::KwhExportLifetime, Quantity::CurrentKw];
        let mut anew: BTreeMap<MeterId, Timestamp> = BTreeMap::new();
        for series in self.all.iter().filter(|series| counted.contains(&series.quantity)) {
            let from = anew.entry(series.meter.clone()).or_insert(series.from);
            *from = series.from.min(*from);
        }
        anew
    }
}

/// Makes sure that the store keeps the series; their keys, in the same order.
fn declare(shared: &Shared, store: &Store, series: &[OneSeries]) -> Result<Vec<SeriesKey>, ServiceError> {
    let unit = |meter: &MeterId, quantity: &Quantity| {
        let registers = shared.site.meters.get(meter).map(|meter| meter.registers.as_ref()).unwrap_or_default();
        let register = registers.iter().find(|register| register.quantity == *quantity);
        quantity.unit().or(register.map(|register| register.unit)).unwrap_or(Unit::Count)
    };
    let specs = series.iter().map(|series| SeriesSpec {
        meter: series.meter.clone(),
        quantity: series.quantity.clone(),
        unit: unit(&series.meter, &series.quantity),
        decimals: series.decimals,
    });
    store.declare(specs.collect()).map_err(failed)
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
