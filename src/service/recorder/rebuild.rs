//! Counting from stored samples: what came after the last booking, or everything from a time on.

use jiff::Timestamp;

use super::energy::Account;
use crate::{
    domain::{
        energy::{Ledger, Register},
        ids::MeterId,
        interval::Direction,
        quantity::Quantity,
        sample::{MAX_TIME_MS, MIN_TIME_MS, Point},
    },
    store::{MAX_POINTS, SeriesKey, Store, StoreError},
};

const DAY_MS: i64 = 86_400_000;
/// Counting anew begins so much before the first interval that is made anew, so that a doubtful count is understood.
const RUN_UP_MS: i64 = DAY_MS;

/// Counts the samples that came after the last booking.
pub(super) fn catch_up(store: &Store, meter: &MeterId, account: &mut Account) -> Result<(), StoreError> {
    for quantity in account.sources.clone() {
        let watermark = match quantity {
            Quantity::CurrentKw => account.ledger.power.map(|(at, _)| at),
            Quantity::KwhExportLifetime => account.ledger.watermark(Direction::Generated),
            _ => account.ledger.watermark(Direction::Consumed),
        };
        let from_ms = watermark.map_or(MIN_TIME_MS, |at| at.as_millisecond() + 1);
        replay(store, meter, &quantity, from_ms, |point, decimals| account.take(&quantity, point, decimals))?;
    }
    Ok(())
}

/// Counts everything anew that a change at `from` can have touched; gives the time from which intervals are new.
/// The account then holds what is to be booked, and where counting stands. `None` where the meter has no samples.
pub(super) fn count_anew(
    store: &Store,
    meter: &MeterId,
    account: &mut Account,
    from: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    let catalogue = store.catalogue();
    let mut earliest: Option<i64> = None;
    for quantity in &account.sources {
        let Some(info) = catalogue.find(meter, quantity) else { continue };
        let found = match last_before(store, info.key, from.as_millisecond())? {
            Some(before) => Some(before - before.rem_euclid(DAY_MS)),
            // What was counted from samples that were dropped since stays.
            None => first_from(store, info.key, MIN_TIME_MS)?,
        };
        earliest = earliest.into_iter().chain(found).min();
    }
    let Some(earliest) = earliest.and_then(|earliest| Timestamp::from_millisecond(earliest).ok()) else {
        return Ok(None);
    };
    let anew_from = account.rules.grid.start(earliest);
    let begin_ms = anew_from.as_millisecond().saturating_sub(RUN_UP_MS);
    let old = std::mem::take(&mut account.ledger);
    account.forget();
    for quantity in account.sources.clone() {
        let Some(info) = catalogue.find(meter, &quantity) else { continue };
        let begin_ms = last_before(store, info.key, begin_ms)?.unwrap_or(MIN_TIME_MS);
        let first_ms = first_from(store, info.key, begin_ms)?.unwrap_or(MAX_TIME_MS);
        account.ledger = keep_first(std::mem::take(&mut account.ledger), &old, &quantity, first_ms);
        replay(store, meter, &quantity, begin_ms, |point, decimals| {
            account.take_after(&quantity, point, decimals, anew_from);
        })?;
    }
    Ok(Some(anew_from))
}

/// What was on the register when records began stays, unless earlier records came.
fn keep_first(mut ledger: Ledger, old: &Ledger, quantity: &Quantity, first_ms: i64) -> Ledger {
    let keep = |register: &mut Register, old: &Register| {
        register.first = old.first.filter(|first| first.at.as_millisecond() < first_ms);
    };
    match quantity {
        Quantity::KwhLifetime => keep(&mut ledger.consumed, &old.consumed),
        Quantity::KwhExportLifetime => keep(&mut ledger.generated, &old.generated),
        _ => {}
    }
    ledger
}

/// Goes through all samples of a series from a time on.
fn replay(
    store: &Store,
    meter: &MeterId,
    quantity: &Quantity,
    from_ms: i64,
    mut each: impl FnMut(&Point, crate::domain::sample::Decimals),
) -> Result<(), StoreError> {
    let Some(key) = store.catalogue().find(meter, quantity).map(|info| info.key) else { return Ok(()) };
    let mut next = Some(from_ms);
    while let Some(from_ms) = next {
        let samples = store.samples(key, from_ms, MAX_TIME_MS, MAX_POINTS)?;
        samples.points.iter().for_each(|point| each(point, samples.decimals));
        next = samples.next_ms;
    }
    Ok(())
}

/// The time of the last sample before a time: looked for in spans that double, back to the beginning.
pub fn last_before(store: &Store, series: SeriesKey, before_ms: i64) -> Result<Option<i64>, StoreError> {
    let mut to_ms = before_ms;
    let mut span_ms = DAY_MS;
    while to_ms > MIN_TIME_MS {
        let mut from_ms = to_ms.saturating_sub(span_ms).max(MIN_TIME_MS);
        let mut last = None;
        loop {
            let samples = store.samples(series, from_ms, to_ms, MAX_POINTS)?;
            last = samples.points.last().map(|point| point.at_ms).or(last);
            match samples.next_ms {
                Some(next) => from_ms = next,
                None => break,
            }
        }
        if last.is_some() {
            return Ok(last);
        }
        to_ms = to_ms.saturating_sub(span_ms);
        span_ms = span_ms.saturating_mul(2);
    }
    Ok(None)
}

/// The time of the first sample from a time on.
fn first_from(store: &Store, series: SeriesKey, from_ms: i64) -> Result<Option<i64>, StoreError> {
    Ok(store.samples(series, from_ms, MAX_TIME_MS, 1)?.points.first().map(|point| point.at_ms))
}
