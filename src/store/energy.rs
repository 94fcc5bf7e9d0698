//! Energy in the file: interval data, the sums of local days, where counting stands, and what registers did beside.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use rust_decimal::Decimal;

pub use self::day::IntervalRow;
use self::day::{day_of, decode, encode, energy, number};
use super::{Store, StoreError};
use crate::domain::{
    calendar::{Span, midnight},
    counter::Incident,
    energy::{Ledger, PEAK_COVERAGE},
    ids::MeterId,
    interval::{Grid, Interval},
    quantity::Quantity,
};

/// Settings of this name and a meter's id say from when its energy has to be counted anew.
const MARK: &str = "anew:";

mod day;
#[cfg(test)]
mod tests;

/// What is to be booked for one meter, in one step with where its counting then stands.
#[derive(Debug, Clone)]
pub struct MeterBooking {
    /// Which meter.
    pub meter: MeterId,
    /// What is added to its intervals, by their starts.
    pub intervals: BTreeMap<Timestamp, Interval>,
    /// What its registers did beside counting.
    pub incidents: Vec<(Quantity, Incident)>,
    /// Where counting stands after that.
    pub ledger: Ledger,
    /// Forget all intervals from this time on first: they are counted anew.
    pub anew_from: Option<Timestamp>,
}

/// A meter's sums of one local day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DaySum {
    /// The local date.
    pub date: Date,
    /// Energy into the load.
    pub consumed: Decimal,
    /// Energy to the grid.
    pub generated: Decimal,
    /// How much of the day was measured.
    pub measured: Duration,
    /// Some of it is estimated.
    pub estimated: bool,
    /// The highest demand of a block, kW, and when the block began.
    pub peak: Option<(Decimal, Timestamp)>,
}

impl Store {
    /// Books energy of meters, all in one transaction.
    ///
    /// # Errors
    /// What the disk says; then nothing was booked.
    pub fn book(&self, bookings: Vec<MeterBooking>, grid: Grid, zone: TimeZone) -> Result<(), StoreError> {
        self.write(move |transaction| bookings.iter().try_for_each(|booking| book(transaction, booking, &grid, &zone)))
    }

    /// Where counting stands, by meter.
    pub fn ledgers(&self) -> Result<BTreeMap<MeterId, Ledger>, StoreError> {
        self.read(|connection| {
            let mut query = connection
                .prepare("SELECT id, state FROM energy_state JOIN meter ON meter.key = energy_state.meter")?;
            let rows = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
            let mut ledgers = BTreeMap::new();
            for row in rows {
                let (id, state) = row?;
                if let (Ok(id), Ok(ledger)) = (MeterId::new(&id), serde_json::from_str(&state)) {
                    ledgers.insert(id, ledger);
                }
            }
            Ok(ledgers)
        })
    }

    /// Marks meters whose energy has to be counted anew from a time on; an earlier mark stays.
    pub fn mark_anew(&self, meters: BTreeMap<MeterId, Timestamp>) -> Result<(), StoreError> {
        self.write(move |transaction| {
            let mut query = transaction.prepare_cached(
                "INSERT INTO setting (name, value) VALUES (?, ?)
                 ON CONFLICT (name) DO UPDATE SET value = min(value, excluded.value)",
            )?;
            for (meter, from) in &meters {
                query.execute(params![format!("{MARK}{meter}"), from.as_millisecond()])?;
            }
            Ok(())
        })
    }

    /// Takes the mark of a meter away.
    pub fn unmark_anew(&self, meter: &MeterId) -> Result<(), StoreError> {
        let name = format!("{MARK}{meter}");
        self.write(move |transaction| transaction.execute("DELETE FROM setting WHERE name = ?", [name]).map(drop))
    }

    /// The meters whose energy has to be counted anew, and from when. A booking anew takes the mark away.
    pub fn marked_anew(&self) -> Result<BTreeMap<MeterId, Timestamp>, StoreError> {
        self.read(|connection| {
            let mut query = connection.prepare("SELECT name, value FROM setting WHERE name LIKE ?")?;
            let rows = query.query_map([format!("{MARK}%")], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
            let mut marked = BTreeMap::new();
            for row in rows {
                let (name, from): (String, i64) = row?;
                let meter = name.strip_prefix(MARK).and_then(|id| MeterId::new(id).ok());
                marked.extend(meter.zip(Timestamp::from_millisecond(from).ok()));
            }
            Ok(marked)
        })
    }

    /// A meter's intervals that start in `from <= start < to`, in order of time; those without any data are not there.
    pub fn intervals(&self, meter: &MeterId, span: Span) -> Result<Vec<IntervalRow>, StoreError> {
        self.read(|connection| match meter_key(connection, meter)? {
            Some(key) => intervals(connection, key, span),
            None => Ok(Vec::new()),
        })
    }

    /// A meter's local days from `from` to before `to`, in order.
    pub fn days(&self, meter: &MeterId, from: Date, to: Date) -> Result<Vec<DaySum>, StoreError> {
        self.read(|connection| {
            let Some(key) = meter_key(connection, meter)? else { return Ok(Vec::new()) };
            let mut query = connection.prepare_cached(
                "SELECT day, consumed, generated, measured_ms, estimated, peak, peak_at FROM energy_day
                 WHERE meter = ? AND day >= ? AND day < ? ORDER BY day",
            )?;
            query.query_map(params![key, ordinal(from), ordinal(to)], day_sum)?.collect()
        })
    }

    /// The first local day of a meter that has any data.
    pub fn first_day(&self, meter: &MeterId) -> Result<Option<Date>, StoreError> {
        self.read(|connection| {
            let Some(key) = meter_key(connection, meter)? else { return Ok(None) };
            let mut query = connection.prepare_cached("SELECT min(day) FROM energy_day WHERE meter = ?")?;
            let day: Option<i64> = query.query_row([key], |row| row.get(0))?;
            Ok(day.map(date))
        })
    }

    /// What a meter's registers did beside counting, the latest first, at most `limit`.
    pub fn incidents(&self, meter: &MeterId, limit: u32) -> Result<Vec<(Quantity, Incident)>, StoreError> {
        self.read(|connection| {
            let mut query = connection.prepare_cached(
                "SELECT quantity, at, kind, before, after FROM incident JOIN meter ON meter.key = incident.meter
                 WHERE meter.id = ? ORDER BY at DESC LIMIT ?",
            )?;
            let rows = query.query_map(params![meter.as_str(), limit], |row| {
                let text = |column| row.get::<_, String>(column);
                Ok((text(0)?, row.get::<_, i64>(1)?, text(2)?, text(3)?, text(4)?))
            })?;
            let mut incidents = Vec::new();
            for row in rows {
                let (quantity, at, kind, before, after) = row?;
                incidents.extend(incident(&quantity, at, kind, &before, &after));
            }
            Ok(incidents)
        })
    }
}

fn incident(quantity: &str, at: i64, kind: String, before: &str, after: &str) -> Option<(Quantity, Incident)> {
    let kind = serde_json::from_value(serde_json::Value::String(kind)).ok()?;
    let at = Timestamp::from_millisecond(at).ok()?;
    Some((Quantity::parse(quantity)?, Incident { at, kind, before: before.parse().ok()?, after: after.parse().ok()? }))
}

fn book(
    transaction: &Transaction<'_>,
    booking: &MeterBooking,
    grid: &Grid,
    zone: &TimeZone,
) -> Result<(), rusqlite::Error> {
    // A meter is known once a series of it was declared; what is booked without one cannot be found again.
    let Some(key) = meter_key(transaction, &booking.meter)? else { return Ok(()) };
    let mut touched = BTreeSet::new();
    if let Some(from) = booking.anew_from {
        forget(transaction, key, from, &mut touched)?;
        transaction.execute("DELETE FROM setting WHERE name = ?", [format!("{MARK}{}", booking.meter)])?;
    }
    let mut days: BTreeMap<i64, Vec<(Timestamp, Interval)>> = BTreeMap::new();
    for (start, interval) in &booking.intervals {
        days.entry(day_of(*start)).or_default().push((*start, *interval));
    }
    for (day, added) in days {
        let mut rows = day_rows(transaction, key, day)?;
        for (start, interval) in added {
            touched.insert(start);
            match rows.binary_search_by_key(&start, |row| row.start) {
                Ok(place) => {
                    if let Some(row) = rows.get_mut(place) {
                        row.interval.merge(&interval);
                    }
                }
                Err(place) => rows.insert(place, IntervalRow { start, length: grid.length(), interval }),
            }
        }
        put_day(transaction, key, day, &rows)?;
    }
    let dates: BTreeSet<Date> = touched.iter().map(|at| at.to_zoned(zone.clone()).date()).collect();
    for date in dates {
        sum_day(transaction, key, date, zone)?;
    }
    for (quantity, incident) in &booking.incidents {
        put_incident(transaction, key, quantity, incident)?;
    }
    let state = serde_json::to_string(&booking.ledger).unwrap_or_default();
    transaction
        .prepare_cached("INSERT OR REPLACE INTO energy_state (meter, state) VALUES (?, ?)")?
        .execute(params![key, state])?;
    Ok(())
}

fn put_incident(
    transaction: &Transaction<'_>,
    key: i64,
    quantity: &Quantity,
    incident: &Incident,
) -> Result<(), rusqlite::Error> {
    let kind = serde_json::to_value(incident.kind).ok();
    let kind = kind.as_ref().and_then(serde_json::Value::as_str).unwrap_or_default();
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO incident (meter, at, quantity, kind, before, after) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            key,
            incident.at.as_millisecond(),
            quantity.toml_name(),
            kind,
            incident.before.to_string(),
            incident.after.to_string()
        ])?;
    Ok(())
}

/// Drops a meter's intervals and incidents from a time on.
fn forget(
    transaction: &Transaction<'_>,
    key: i64,
    from: Timestamp,
    touched: &mut BTreeSet<Timestamp>,
) -> Result<(), rusqlite::Error> {
    let whole = Span { from, to: Timestamp::MAX };
    touched.extend(intervals(transaction, key, whole)?.iter().map(|row| row.start));
    let day = day_of(from);
    let mut rows = day_rows(transaction, key, day)?;
    rows.retain(|row| row.start < from);
    transaction.execute("DELETE FROM interval_day WHERE meter = ? AND day >= ?", params![key, day])?;
    if !rows.is_empty() {
        put_day(transaction, key, day, &rows)?;
    }
    transaction.execute("DELETE FROM incident WHERE meter = ? AND at >= ?", params![key, from.as_millisecond()])?;
    Ok(())
}

fn meter_key(connection: &Connection, meter: &MeterId) -> Result<Option<i64>, rusqlite::Error> {
    connection
        .prepare_cached("SELECT key FROM meter WHERE id = ?")?
        .query_row([meter.as_str()], |row| row.get(0))
        .optional()
}

fn day_rows(connection: &Connection, key: i64, day: i64) -> Result<Vec<IntervalRow>, rusqlite::Error> {
    let body: Option<Vec<u8>> = connection
        .prepare_cached("SELECT body FROM interval_day WHERE meter = ? AND day = ?")?
        .query_row(params![key, day], |row| row.get(0))
        .optional()?;
    Ok(body.map(|body| readable(key, day, &body)).unwrap_or_default())
}

/// The intervals of a block; of a damaged one none, and the log says so.
fn readable(key: i64, day: i64, body: &[u8]) -> Vec<IntervalRow> {
    decode(day, body).unwrap_or_else(|damage| {
        tracing::error!("interval data of meter number {key}, day {day} cannot be read: {damage}");
        Vec::new()
    })
}

fn put_day(transaction: &Transaction<'_>, key: i64, day: i64, rows: &[IntervalRow]) -> Result<(), rusqlite::Error> {
    transaction
        .prepare_cached("INSERT OR REPLACE INTO interval_day (meter, day, body) VALUES (?, ?, ?)")?
        .execute(params![key, day, encode(day, rows)])?;
    Ok(())
}

fn intervals(connection: &Connection, key: i64, span: Span) -> Result<Vec<IntervalRow>, rusqlite::Error> {
    let mut query = connection
        .prepare_cached("SELECT day, body FROM interval_day WHERE meter = ? AND day >= ? AND day <= ? ORDER BY day")?;
    let blocks = query.query_map(params![key, day_of(span.from), day_of(span.to)], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    let mut rows = Vec::new();
    for block in blocks {
        let (day, body) = block?;
        rows.extend(readable(key, day, &body).into_iter().filter(|row| row.start >= span.from && row.start < span.to));
    }
    Ok(rows)
}

/// Sums a local day anew from its intervals.
fn sum_day(transaction: &Transaction<'_>, key: i64, date: Date, zone: &TimeZone) -> Result<(), rusqlite::Error> {
    let next = date.checked_add(1.day()).unwrap_or(date);
    let (Some(from), Some(to)) = (midnight(date, zone), midnight(next, zone)) else { return Ok(()) };
    let rows = intervals(transaction, key, Span { from, to })?;
    let sum = day_of_rows(date, &rows);
    if rows.is_empty() {
        transaction.execute("DELETE FROM energy_day WHERE meter = ? AND day = ?", params![key, ordinal(date)])?;
        return Ok(());
    }
    let peak = sum.peak.and_then(|(demand, at)| Some((number(demand)?, at.as_millisecond())));
    transaction
        .prepare_cached(
            "INSERT OR REPLACE INTO energy_day
             (meter, day, consumed, generated, measured_ms, estimated, peak, peak_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            key,
            ordinal(date),
            number(sum.consumed).unwrap_or(i64::MAX),
            number(sum.generated).unwrap_or(i64::MAX),
            i64::try_from(sum.measured.as_millis()).unwrap_or(i64::MAX),
            sum.estimated,
            peak.map(|(demand, _)| demand),
            peak.map(|(_, at)| at),
        ])?;
    Ok(())
}

/// The sums of intervals of one local day.
pub fn day_of_rows(date: Date, rows: &[IntervalRow]) -> DaySum {
    let mut sum = DaySum {
        date,
        consumed: Decimal::ZERO,
        generated: Decimal::ZERO,
        measured: Duration::ZERO,
        estimated: false,
        peak: None,
    };
    for IntervalRow { start, length, interval } in rows {
        sum.consumed += interval.consumed;
        sum.generated += interval.generated;
        sum.measured += interval.measured;
        sum.estimated |= interval.estimated;
        if interval.coverage(*length) >= PEAK_COVERAGE
            && let Some(demand) = interval.demand(*length)
            && sum.peak.is_none_or(|(highest, _)| demand > highest)
        {
            sum.peak = Some((demand, *start));
        }
    }
    sum
}

fn day_sum(row: &rusqlite::Row<'_>) -> Result<DaySum, rusqlite::Error> {
    let peak: Option<i64> = row.get(5)?;
    let peak_at: Option<i64> = row.get(6)?;
    Ok(DaySum {
        date: date(row.get(0)?),
        consumed: energy(row.get(1)?),
        generated: energy(row.get(2)?),
        measured: Duration::from_millis(row.get::<_, i64>(3)?.unsigned_abs()),
        estimated: row.get(4)?,
        peak: peak
            .zip(peak_at.and_then(|at| Timestamp::from_millisecond(at).ok()))
            .map(|(peak, at)| (energy(peak), at)),
    })
}

/// A date in days since 1970.
fn ordinal(date: Date) -> i64 {
    i64::from((date - Date::constant(1970, 1, 1)).get_days())
}

fn date(ordinal: i64) -> Date {
    let span = jiff::Span::new().try_days(ordinal);
    span.and_then(|span| Date::constant(1970, 1, 1).checked_add(span)).unwrap_or(Date::MAX)
}
