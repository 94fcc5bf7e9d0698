//! `meterdeck record`: what technicians write into a meter's book.

use std::process::ExitCode;

use clap::Subcommand;
use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

use super::{
    Global,
    exit::CommandError,
    history::{meter_id, with_service},
    meters::{document, print, table, unexpected},
    time,
};
use crate::{
    domain::{
        quantity::Quantity,
        record::{Entry, Record},
        site::{MeterStatus, Site, VerificationResult},
    },
    service::interface::{Request, Response},
};

/// What is to be recorded.
#[derive(Debug, Clone, Subcommand)]
pub enum What {
    /// The accuracy was checked
    Verification {
        /// pass, marginal, fail or not-tested
        #[arg(long, value_parser = result)]
        result: VerificationResult,
        /// On which day, such as 2026-01-31; without it today
        #[arg(long, value_name = "DATE")]
        date: Option<Date>,
    },
    /// The meter was calibrated
    Calibration {
        /// On which day, such as 2026-01-31
        #[arg(long, value_name = "DATE")]
        date: Date,
        /// Months until the next one is due; without it the meter's own interval
        #[arg(long, value_name = "N")]
        interval_months: Option<u32>,
        /// Reference of the certificate
        #[arg(long, value_name = "TEXT")]
        certificate: Option<String>,
    },
    /// Something worth knowing
    Note {
        /// In words
        text: String,
    },
    /// The meter's status changed
    Status {
        /// active, planned, offline, fault or decommissioned
        #[arg(value_parser = status)]
        status: MeterStatus,
    },
    /// A register was read from the meter's display
    Reading {
        /// Which, as in the site file: kwh_lifetime, gas_m3, …
        #[arg(value_parser = quantity)]
        quantity: Quantity,
        /// What it said, in the quantity's own unit
        #[arg(allow_negative_numbers = true)]
        value: Decimal,
        /// When: 2026-01-31T08:30 (the site's time) or RFC 3339; without it now
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
        /// Record it although it contradicts the other readings
        #[arg(long)]
        force: bool,
    },
    /// Another meter took the place of the one before; its registers are counted from there on
    Swap {
        /// The new one's serial number
        #[arg(long, value_name = "TEXT")]
        serial: Option<String>,
        /// From when on: 2026-01-31T08:30 (the site's time) or RFC 3339; without it now
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Print what was recorded so far
    List,
}

fn result(text: &str) -> Result<VerificationResult, String> {
    let by_id = || VerificationResult::from_id(text.parse().ok()?);
    VerificationResult::parse(text).or_else(by_id).ok_or_else(|| "write pass, marginal, fail or not-tested".to_owned())
}

fn status(text: &str) -> Result<MeterStatus, String> {
    let words = || MeterStatus::ALL.iter().map(|status| status.word()).collect::<Vec<_>>().join(", ");
    let by_id = || MeterStatus::from_id(text.parse().ok()?);
    MeterStatus::parse(text).or_else(by_id).ok_or_else(|| format!("write one of {}", words()))
}

fn quantity(text: &str) -> Result<Quantity, String> {
    Quantity::parse(text).ok_or_else(|| "quantities are those of the site file: kwh_lifetime, gas_m3, …".to_owned())
}

/// Records something, or prints what was recorded.
///
/// # Errors
/// What is wrong with it, or what the service says.
pub fn run(global: &Global, meter: &str, what: What) -> Result<ExitCode, CommandError> {
    let meter = meter_id(meter)?;
    with_service(global, async |site, client| {
        let Some((entry, force)) = entry(what, &site)? else {
            let Response::Records { records } = client.requests.ask(Request::Records { meter }).await? else {
                return Err(unexpected());
            };
            return if global.json { document(&records) } else { print(&list(&records)) };
        };
        let request = Request::Record { meter, entry, force };
        let Response::Recorded { record } = client.requests.ask(request).await? else { return Err(unexpected()) };
        if global.json { document(&record) } else { print(&list(std::slice::from_ref(&*record))) }
    })
}

/// The entry; `None` where the book is only to be read.
fn entry(what: What, site: &Site) -> Result<Option<(Entry, bool)>, CommandError> {
    let zone = time::zone(site);
    let now = Timestamp::now();
    Ok(Some(match what {
        What::Verification { result, date } => {
            let date = date.unwrap_or_else(|| now.to_zoned(zone).date());
            (Entry::Verification { date, result }, false)
        }
        What::Calibration { date, interval_months, certificate } => {
            (Entry::Calibration { date, interval_months, certificate }, false)
        }
        What::Note { text } => (Entry::Note { text }, false),
        What::Status { status } => (Entry::Status { status }, false),
        What::Reading { quantity, value, at, force } => {
            let read_at = at.map_or(Ok(now), |at| time::moment(&at, &zone))?;
            (Entry::Reading { quantity, value, read_at }, force)
        }
        What::Swap { serial, at } => {
            let swapped_at = at.map_or(Ok(now), |at| time::moment(&at, &zone))?;
            (Entry::Swap { serial_number: serial, swapped_at }, false)
        }
        What::List => return Ok(None),
    }))
}

fn list(records: &[Record]) -> String {
    let head = ["AT", "WHO", "WHAT", "SAYS", "BEFORE"].map(str::to_owned);
    let row = |record: &Record| {
        [
            record.at.to_string(),
            record.who.clone(),
            record.entry.word().to_owned(),
            record.entry.describe(),
            record.before.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    };
    table(&std::iter::once(head).chain(records.iter().map(row)).collect::<Vec<_>>())
}
