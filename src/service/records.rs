//! Technicians' records: checked, with who and when, and written down.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;

use super::{
    dispatcher::{Shared, not_found},
    interface::{ErrorKind, ServiceError},
    recorder::Recorder,
};
use crate::{
    domain::{
        ids::MeterId,
        live::Statuses,
        record::{self, Book, Entry, MAX_INTERVAL_MONTHS, MAX_TEXT_LENGTH, Record},
        site::{Meter, VerificationResult},
    },
    store::{NewRecord, Store, StoreError},
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

/// The statuses that hold at a time instead of the site file's. Waits for the disk.
///
/// # Errors
/// What the disk says.
pub fn statuses_at(shared: &Shared, at: Timestamp) -> Result<Statuses, StoreError> {
    let records = shared.store.as_ref().map(Store::all_records).transpose()?;
    Ok(record::statuses(&shared.site, &records.unwrap_or_default(), at))
}

/// Lets the clients know of the statuses that hold. Waits for the disk.
pub(super) fn tell_statuses(shared: &Shared) {
    match statuses_at(shared, Timestamp::MAX) {
        Ok(statuses) => shared.poller.hub().set_statuses(statuses),
        Err(error) => tracing::error!("recorded statuses cannot be read, those of the site file hold: {error}"),
    }
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
    if let Entry::Swap { swapped_at, .. } = record.entry {
        return swap(shared, store, record, swapped_at);
    }
    let record = store.add_record(record)?;
    if matches!(record.entry, Entry::Status { .. }) {
        tell_statuses(shared);
    }
    Ok(record)
}

/// From the swap on, registers are counted as another meter's.
fn swap(shared: &Shared, store: &Store, record: NewRecord, from: Timestamp) -> Result<Record, ServiceError> {
    let held = shared.recorder.as_ref().map(Recorder::hold_counting);
    store.mark_anew([(record.meter.clone(), from)].into())?;
    let record = store.add_record(record)?;
    drop(held);
    if let Some(recorder) = &shared.recorder {
        recorder.count_marked_anew()?;
    }
    Ok(record)
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
        Entry::Reading { read_at: at, .. } | Entry::Swap { swapped_at: at, .. }
            if at > now.saturating_add(CLOCKS_DIFFER).unwrap_or(now) =>
        {
            return Err(bad(format!("{at} is in the future.")));
        }
        // Kept to the millisecond, as samples are.
        Entry::Reading { quantity, value, read_at } => {
            Entry::Reading { quantity, value, read_at: to_millisecond(read_at) }
        }
        Entry::Swap { serial_number, swapped_at } => Entry::Swap {
            serial_number: serial_number.map(|text| words(&text, "serial number")).transpose()?,
            swapped_at: to_millisecond(swapped_at),
        },
        entry @ Entry::Status { .. } => entry,
    })
}

fn to_millisecond(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
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
        Entry::Swap { .. } => book.serial_number.as_ref().map(|serial_number| format!("serial number {serial_number}")),
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
