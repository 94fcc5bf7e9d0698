//! What technicians record about a meter: verifications, calibrations, notes, changes of status, manual readings, swaps.
//! Records are only ever added. What stands in the site file is the beginning; a later record wins over it, until the
//! value in the file itself changes.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    ids::MeterId,
    live::Statuses,
    quantity::Quantity,
    site::{Maintenance, Meter, MeterStatus, Site, VerificationResult},
};

/// The longest note or certificate, in characters.
pub const MAX_TEXT_LENGTH: usize = 2000;
/// The longest time between calibrations that is believed, in months: 50 years.
pub const MAX_INTERVAL_MONTHS: u32 = 600;

/// One entry in a meter's book.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Counts up; the order in which they were written.
    pub sequence: u64,
    /// Of which meter.
    pub meter: MeterId,
    /// When it was written.
    pub at: Timestamp,
    /// Who wrote it.
    pub who: String,
    /// What it says.
    pub entry: Entry,
    /// What was so before, in words, for the reader of the book.
    pub before: Option<String>,
    /// What the site file said then about the same thing; once it says something else, the file wins.
    pub configured: Option<String>,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// The accuracy was checked.
    Verification {
        /// On which day.
        date: Date,
        /// How it went.
        result: VerificationResult,
    },
    /// The meter was calibrated.
    Calibration {
        /// On which day.
        date: Date,
        /// Months until the next; the meter's own where it is not said.
        interval_months: Option<u32>,
        /// Certificate reference.
        certificate: Option<String>,
    },
    /// Something worth knowing.
    Note {
        /// In words.
        text: String,
    },
    /// The meter's status changed.
    Status {
        /// To this.
        status: MeterStatus,
    },
    /// Somebody read the register from the meter's display.
    Reading {
        /// Which register.
        quantity: Quantity,
        /// What it said, in the quantity's own unit.
        value: Decimal,
        /// When it was read.
        read_at: Timestamp,
    },
    /// Another meter took the place of the one before: its registers have nothing to do with the old ones.
    Swap {
        /// The new one's serial number, where it is known.
        serial_number: Option<String>,
        /// From when on it is the new one.
        swapped_at: Timestamp,
    },
}

impl Entry {
    /// Its name in commands.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Verification { .. } => "verification",
            Self::Calibration { .. } => "calibration",
            Self::Note { .. } => "note",
            Self::Status { .. } => "status",
            Self::Reading { .. } => "reading",
            Self::Swap { .. } => "swap",
        }
    }

    /// What it says, in words.
    pub fn describe(&self) -> String {
        match self {
            Self::Verification { date, result } => format!("{date} {}", result.title()),
            Self::Calibration { date, certificate, .. } => match certificate {
                Some(certificate) => format!("{date} {certificate}"),
                None => date.to_string(),
            },
            Self::Note { text } => text.clone(),
            Self::Status { status } => status.title().to_owned(),
            Self::Reading { quantity, value, read_at } => format!("{} {value} at {read_at}", quantity.label()),
            Self::Swap { serial_number, swapped_at } => match serial_number {
                Some(serial_number) => format!("serial number {serial_number} from {swapped_at}"),
                None => format!("another meter from {swapped_at}"),
            },
        }
    }

    /// What the site file says about the same thing, as text; what a record remembers of it.
    pub fn configured(&self, meter: &Meter) -> Option<String> {
        let maintenance = &meter.maintenance;
        match self {
            Self::Verification { .. } => {
                let result = maintenance.verification_result.map(VerificationResult::word);
                Some(format!("{} {}", text(maintenance.last_verification_date), result.unwrap_or("-")))
            }
            Self::Calibration { .. } => Some(format!(
                "{} {} {} {}",
                text(maintenance.last_calibration_date),
                text(maintenance.next_calibration_date),
                text(maintenance.calibration_interval_months),
                maintenance.calibration_certificate.as_deref().unwrap_or("-"),
            )),
            Self::Status { .. } => Some(meter.status.word().to_owned()),
            Self::Swap { .. } => Some(text(meter.serial_number.as_deref())),
            Self::Note { .. } | Self::Reading { .. } => None,
        }
    }
}

fn text(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// From when on a meter is another physical one, as its records say, in order of time.
pub fn swaps(records: &[Record]) -> Vec<Timestamp> {
    let swap = |record: &Record| match record.entry {
        Entry::Swap { swapped_at, .. } => Some(swapped_at),
        _ => None,
    };
    let mut swaps: Vec<Timestamp> = records.iter().filter_map(swap).collect();
    swaps.sort_unstable();
    swaps
}

/// The statuses that hold at a time instead of the site file's.
pub fn statuses(site: &Site, records: &BTreeMap<MeterId, Vec<Record>>, at: Timestamp) -> Statuses {
    let of_meter = |(id, records): (&MeterId, &Vec<Record>)| {
        let meter = site.meters.get(id)?;
        let status = Book::of(meter, records, at).status;
        (status != meter.status).then(|| (id.clone(), status))
    };
    Statuses(records.iter().filter_map(of_meter).collect())
}

/// A meter's maintenance and status as they stand after its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// The maintenance fields.
    pub maintenance: Maintenance,
    /// The status.
    pub status: MeterStatus,
    /// Of the meter that is there now.
    pub serial_number: Option<String>,
}

impl Book {
    /// What stands at `at`: the site file's values, with the records up to then over them. `records` are the meter's,
    /// in order.
    pub fn of(meter: &Meter, records: &[Record], at: Timestamp) -> Self {
        let mut book = Self {
            maintenance: meter.maintenance.clone(),
            status: meter.status,
            serial_number: meter.serial_number.clone(),
        };
        book.fill_next_calibration();
        let mut notes: Vec<String> = book.maintenance.notes.iter().cloned().collect();
        for record in records.iter().filter(|record| record.at <= at) {
            // The file was changed after the record: it wins.
            if record.configured != record.entry.configured(meter) {
                continue;
            }
            match &record.entry {
                Entry::Verification { date, result } => {
                    book.maintenance.last_verification_date = Some(*date);
                    book.maintenance.verification_result = Some(*result);
                }
                Entry::Calibration { date, interval_months, certificate } => {
                    book.calibrated(*date, *interval_months, certificate.as_deref());
                }
                Entry::Status { status } => book.status = *status,
                Entry::Note { text } => notes.push(format!("{} {}: {text}", record.at, record.who)),
                Entry::Swap { serial_number, .. } => book.serial_number.clone_from(serial_number),
                Entry::Reading { .. } => {}
            }
        }
        book.maintenance.notes = (!notes.is_empty()).then(|| notes.join("\n"));
        book
    }

    fn calibrated(&mut self, date: Date, interval_months: Option<u32>, certificate: Option<&str>) {
        let maintenance = &mut self.maintenance;
        maintenance.last_calibration_date = Some(date);
        maintenance.next_calibration_date = None;
        if interval_months.is_some() {
            maintenance.calibration_interval_months = interval_months;
        }
        if let Some(certificate) = certificate {
            maintenance.calibration_certificate = Some(certificate.to_owned());
        }
        self.fill_next_calibration();
    }

    /// Next due = last + interval, where it is not said.
    fn fill_next_calibration(&mut self) {
        let maintenance = &mut self.maintenance;
        if maintenance.next_calibration_date.is_none() {
            maintenance.next_calibration_date = maintenance
                .last_calibration_date
                .zip(maintenance.calibration_interval_months)
                .and_then(|(last, months)| last.checked_add(i64::from(months.min(MAX_INTERVAL_MONTHS)).months()).ok());
        }
    }

    /// Whether a calibration is due on `today`.
    pub fn is_calibration_due(&self, today: Date) -> bool {
        self.maintenance.next_calibration_date.is_some_and(|due| due <= today)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn meter(maintenance: &serde_json::Value) -> Meter {
        serde_json::from_value(json!({ "id": "m", "name": "m", "meter_point": "rack-pdu", "status": "active",
            "registers": [], "reports": "primary", "fed_by": [], "commodity": "electricity", "tags": [],
            "maintenance": maintenance, "utility_meter": [] }))
        .unwrap()
    }

    fn record(meter: &Meter, second: i64, entry: Entry) -> Record {
        let configured = entry.configured(meter);
        let at = Timestamp::from_second(second).unwrap();
        Record { sequence: 1, meter: meter.id.clone(), at, who: "ada".into(), entry, before: None, configured }
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn the_next_calibration_is_the_last_and_the_interval() {
        let configured = json!({ "last_calibration_date": "2024-01-31", "calibration_interval_months": 25 });
        let meter = meter(&configured);
        let book = Book::of(&meter, &[], Timestamp::MAX);
        assert_eq!(book.maintenance.next_calibration_date, Some(day("2026-02-28")));
        assert!(!book.is_calibration_due(day("2026-02-27")));
        assert!(book.is_calibration_due(day("2026-02-28")));

        let entry =
            Entry::Calibration { date: day("2026-02-10"), interval_months: Some(12), certificate: Some("C-7".into()) };
        let book = Book::of(&meter, &[record(&meter, 10, entry)], Timestamp::MAX);
        assert_eq!(book.maintenance.next_calibration_date, Some(day("2027-02-10")));
        assert_eq!(book.maintenance.calibration_certificate.as_deref(), Some("C-7"));
    }

    #[test]
    fn a_record_wins_until_the_file_says_something_else() {
        let before = meter(&json!({ "last_verification_date": "2025-01-01", "verification_result": "pass" }));
        let entry = Entry::Verification { date: day("2026-01-01"), result: VerificationResult::Fail };
        let records = [record(&before, 100, entry)];
        let result = |meter: &Meter, second| {
            let book = Book::of(meter, &records, Timestamp::from_second(second).unwrap());
            book.maintenance.verification_result
        };
        assert_eq!(result(&before, 99), Some(VerificationResult::Pass), "not yet");
        assert_eq!(result(&before, 100), Some(VerificationResult::Fail));
        let after = meter(&json!({ "last_verification_date": "2026-06-01", "verification_result": "marginal" }));
        assert_eq!(result(&after, 200), Some(VerificationResult::Marginal), "the file was changed since");
    }

    #[test]
    fn notes_and_status_are_kept() {
        let meter = meter(&json!({ "notes": "Door sticks." }));
        let records = [
            record(&meter, 1, Entry::Note { text: "Fuse changed.".into() }),
            record(&meter, 2, Entry::Status { status: MeterStatus::Fault }),
        ];
        let book = Book::of(&meter, &records, Timestamp::MAX);
        assert_eq!(book.status, MeterStatus::Fault);
        assert_eq!(book.maintenance.notes.as_deref(), Some("Door sticks.\n1970-01-01T00:00:01Z ada: Fuse changed."));
    }
}
