//! Technicians' records: checked, with who and when, and written down.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;

use super::{
    dispatcher::{Shared, not_found},
    interface::{ErrorKind, ServiceError},
};
use crate::{
    domain::{
        ids::MeterId,
        record::{Book, Entry, MAX_INTERVAL_MONTHS, MAX_TEXT_LENGTH, Record},
        site::{Meter, VerificationResult},
    },
    store::{NewRecord, Store},
    text,
};

mod reading;

/// A clock of somebody who reads a meter may be so much ahead.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(2);

/// A meter's records, oldest first. Waits for the disk.
///
/// # Errors
/// A meter that there is not, or what the disk says.
pub fn of_meter(shared: &Shared, meter: &MeterId) -> Result<Vec<Record>, ServiceError> {
    let meter = find(shared, meter)?;
    Ok(store(shared)?.records(&meter.id)?)
}

/// Adds a record, written by `who`. Waits for the disk.
///
/// # Errors
/// What is wrong with it, or what the disk says; then nothing was written.
pub fn add(shared: &Shared, who: &str, meter: &MeterId, entry: Entry, force: bool) -> Result<Record, ServiceError> {
    let (meter, store) = (find(shared, meter)?, store(shared)?);
    let now = Timestamp::now();
    let zone = TimeZone::get(&shared.site.time_zone).unwrap_or(TimeZone::UTC);
    let entry = checked(entry, now, now.to_zoned(zone).date())?;
    let book = Book::of(meter, &store.records(&meter.id)?, now);
    let before = match &entry {
        Entry::Reading { quantity, value, read_at } => {
            let last = reading::check(store, meter, quantity, *value, *read_at, force)?;
            reading::keep(shared, meter, quantity, *value, *read_at)?;
            last
        }
        Entry::Status { status } if *status == book.status => {
            return Err(bad(format!("The status of {} is {} already.", meter.id, status.title())));
        }
        entry => before(entry, &book),
    };
    let configured = entry.configured(meter);
    let record = NewRecord { meter: meter.id.clone(), at: now, who: who.to_owned(), entry, before, configured };
    Ok(store.add_record(record)?)
}

fn find<'a>(shared: &'a Shared, meter: &MeterId) -> Result<&'a Meter, ServiceError> {
    shared.site.meters.get(meter).ok_or_else(|| not_found(format!("There is no meter `{meter}`.")))
}

fn store(shared: &Shared) -> Result<&Store, ServiceError> {
    shared.store.as_ref().ok_or_else(|| ServiceError {
        kind: ErrorKind::Unavailable,
        message: "This service keeps nothing: it has no data folder.".to_owned(),
        hint: None,
    })
}

/// The entry as it is written: possible, and its text clean.
fn checked(entry: Entry, now: Timestamp, today: Date) -> Result<Entry, ServiceError> {
    let past = |date: Date| {
        if date <= today { Ok(date) } else { Err(bad(format!("{date} is in the future; today is {today}."))) }
    };
    Ok(match entry {
        Entry::Verification { date, result } => Entry::Verification { date: past(date)?, result },
        Entry::Calibration { date, interval_months, certificate } => {
            if let Some(months) = interval_months.filter(|months| !(1..=MAX_INTERVAL_MONTHS).contains(months)) {
                return Err(bad(format!("{months} months are no interval; it is 1 to {MAX_INTERVAL_MONTHS}.")));
            }
            let certificate = certificate.map(|text| words(&text, "certificate")).transpose()?;
            Entry::Calibration { date: past(date)?, interval_months, certificate }
        }
        Entry::Note { text } => Entry::Note { text: words(&text, "note")? },
        Entry::Reading { read_at, .. } if read_at > now.saturating_add(CLOCKS_DIFFER).unwrap_or(now) => {
            return Err(bad(format!("{read_at} is in the future.")));
        }
        // Kept to the millisecond, as samples are.
        Entry::Reading { quantity, value, read_at } => Entry::Reading {
            quantity,
            value,
            read_at: Timestamp::from_millisecond(read_at.as_millisecond()).unwrap_or(read_at),
        },
        entry @ Entry::Status { .. } => entry,
    })
}

fn words(written: &str, what: &str) -> Result<String, ServiceError> {
    if written.chars().count() > MAX_TEXT_LENGTH {
        return Err(bad(format!("The {what} is longer than {MAX_TEXT_LENGTH} characters.")));
    }
    let clean = text::clean_within(written, MAX_TEXT_LENGTH);
    let clean = clean.trim();
    if clean.is_empty() { Err(bad(format!("The {what} is empty."))) } else { Ok(clean.to_owned()) }
}

/// What was so before, in words.
fn before(entry: &Entry, book: &Book) -> Option<String> {
    let maintenance = &book.maintenance;
    match entry {
        Entry::Verification { .. } => {
            let result = maintenance.verification_result.map_or("not known", VerificationResult::title);
            maintenance.last_verification_date.map(|date| format!("{date} {result}"))
        }
        Entry::Calibration { .. } => maintenance.last_calibration_date.map(|date| {
            let certificate = maintenance.calibration_certificate.as_deref().unwrap_or("no certificate");
            format!("{date} {certificate}")
        }),
        Entry::Status { .. } => Some(book.status.title().to_owned()),
        Entry::Note { .. } | Entry::Reading { .. } => None,
    }
}

fn bad(message: String) -> ServiceError {
    ServiceError { kind: ErrorKind::BadData, message, hint: None }
}

/// A decimal as people write it.
fn plain(value: Decimal) -> String {
    value.normalize().to_string()
}
