//! Readings by hand: whether the register can have said that, and what they mean for a meter that nothing else reads.

use jiff::Timestamp;
use rust_decimal::{Decimal, prelude::FromPrimitive as _, prelude::ToPrimitive as _};

use super::{bad, plain};
use crate::{
    domain::{
        counter::{Count, Counter, IncidentKind, Limits},
        quantity::Quantity,
        reading::State,
        record::{self, Entry},
        sample::{Decimals, MAX_DECIMALS, MAX_TIME_MS, MIN_TIME_MS},
        site::Meter,
        unit::Unit,
    },
    service::{
        dispatcher::Shared,
        history,
        interface::{ImportRow, Response, ServiceError},
        recorder,
    },
    store::Store,
};

/// Checks a reading against the last one before it and the first one after it; gives the one before, for the record.
pub(super) fn check(
    store: &Store,
    meter: &Meter,
    quantity: &Quantity,
    value: Decimal,
    read_at: Timestamp,
    force: bool,
) -> Result<Option<String>, ServiceError> {
    let Some(unit) = quantity.unit().filter(|_| quantity.is_counter()) else {
        return Err(hinted(format!("`{quantity}` does not count up."), "read a register such as kwh_lifetime"));
    };
    let decimals = u8::try_from(value.normalize().scale()).ok().and_then(Decimals::new);
    if value.is_sign_negative() || decimals.is_none_or(|decimals| number(value, decimals).is_none()) {
        let message = format!("{value} is no reading: it is zero or more, with at most {MAX_DECIMALS} decimals.");
        return Err(bad(message));
    }
    if !(MIN_TIME_MS..MAX_TIME_MS).contains(&read_at.as_millisecond()) {
        return Err(bad(format!("{read_at} is not a time that is kept.")));
    }
    let count = Count { at: read_at, value, epoch: 0 };
    let (before, after) = neighbours(store, meter, quantity, read_at)?;
    let problem = before
        .and_then(|before| trouble(meter, quantity, unit, before, count, before))
        .or_else(|| after.and_then(|after| trouble(meter, quantity, unit, count, after, after)));
    let said = before.map(|before| format!("{} at {}", plain(before.value), before.at));
    match problem {
        Some(problem) if !force => {
            Err(hinted(format!("{problem}."), "look at the display again; --force records it all the same"))
        }
        Some(problem) => Ok(Some(format!("{}; recorded by force: {problem}", said.unwrap_or_default()))),
        None => Ok(said),
    }
}

fn hinted(message: String, hint: &str) -> ServiceError {
    ServiceError { hint: Some(hint.to_owned()), ..bad(message) }
}

/// What speaks against the later of two counts.
fn trouble(
    meter: &Meter,
    quantity: &Quantity,
    unit: Unit,
    earlier: Count,
    later: Count,
    known: Count,
) -> Option<String> {
    let register = meter.registers.iter().find(|register| register.quantity == *quantity);
    let modulus = register.and_then(|register| register.modulus).and_then(Decimal::from_f64);
    let rated = meter.rated_capacity_kw.filter(|_| unit == Unit::KilowattHour);
    let limits = Limits { modulus, per_hour: rated.and_then(Decimal::from_f64) };
    let mut counter = Counter::from_base(earlier);
    let later = Count { at: later.at.max(earlier.at + jiff::SignedDuration::from_millis(1)), ..later };
    counter.push(later, &limits);
    let incident = counter.finish(&limits).incidents.first().map(|incident| incident.kind)?;
    let symbol = unit.symbol();
    let beside = format!("the reading of {}, {} {symbol}", known.at, plain(known.value));
    match incident {
        IncidentKind::Rollover => None,
        IncidentKind::Jump => Some(format!(
            "from {} to {} {symbol} is more than the rating of {} kW allows in that time, with {beside}",
            plain(earlier.value),
            plain(later.value),
            meter.rated_capacity_kw.unwrap_or_default(),
        )),
        _ => Some(format!(
            "from {} to {} {symbol} the register would fall, with {beside}",
            plain(earlier.value),
            plain(later.value)
        )),
    }
}

/// The last known count up to a time, and the first one after it: polled, imported or read by hand.
fn neighbours(
    store: &Store,
    meter: &Meter,
    quantity: &Quantity,
    at: Timestamp,
) -> Result<(Option<Count>, Option<Count>), ServiceError> {
    let records = store.records(&meter.id)?;
    let swaps = record::swaps(&records);
    let mut counts: Vec<Count> = records
        .into_iter()
        .filter_map(|record| match record.entry {
            Entry::Reading { quantity: of, value, read_at } if of == *quantity => {
                Some(Count { at: read_at, value, epoch: 0 })
            }
            _ => None,
        })
        .collect();
    if let Some(info) = store.catalogue().find(&meter.id, quantity) {
        let at_ms = at.as_millisecond();
        let last = recorder::last_before(store, info.key, at_ms.saturating_add(1))?;
        for (from_ms, to_ms) in
            [last.map(|last| (last, last + 1)), Some((at_ms + 1, MAX_TIME_MS))].into_iter().flatten()
        {
            let samples = store.samples(info.key, from_ms, to_ms, 1)?;
            counts.extend(samples.points.first().filter(|point| point.state < State::Bad).and_then(|point| {
                let value = Decimal::new(point.number?, u32::from(samples.decimals.count()));
                Some(Count { at: Timestamp::from_millisecond(point.at_ms).ok()?, value, epoch: 0 })
            }));
        }
    }
    // What another meter said there says nothing about this one.
    let epoch = |at: Timestamp| swaps.partition_point(|swap| *swap <= at);
    counts.retain(|count| epoch(count.at) == epoch(at));
    let before = counts.iter().filter(|count| count.at <= at).max_by_key(|count| count.at).copied();
    let after = counts.iter().filter(|count| count.at > at).min_by_key(|count| count.at).copied();
    Ok((before, after))
}

fn number(value: Decimal, decimals: Decimals) -> Option<i64> {
    let number = value.checked_mul(Decimal::from(decimals.factor()))?.to_i64()?;
    (number.abs() <= decimals.limit()).then_some(number)
}

/// Of a meter that only people read, a reading is what its energy is counted from.
pub(super) fn keep(
    shared: &Shared,
    meter: &Meter,
    quantity: &Quantity,
    value: Decimal,
    read_at: Timestamp,
) -> Result<(), ServiceError> {
    let is_read_by_hand = meter.device.is_none() && recorder::sources(meter).contains(quantity);
    if !is_read_by_hand {
        return Ok(());
    }
    let row = ImportRow { line: 1, meter: meter.id.clone(), quantity: quantity.clone(), at: read_at, value };
    if let Response::Imported { imported } = history::import(shared, vec![row], false)?
        && let Some((_, reason)) = imported.rejected.first()
    {
        return Err(bad(format!("The reading of {read_at} cannot be kept: {reason}.")));
    }
    history::count_anew(shared).map(drop)
}
