//! One meter as a line: JSON for programs, text for people.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::{
    domain::{
        ids::MeterId,
        live::{MeterLive, MeterState},
        quantity::Quantity,
        reading::Reading,
        site::Site,
    },
    tui::format,
};

/// What people see first of a meter, where it has it.
const SHOWN: [Quantity; 5] =
    [Quantity::CurrentKw, Quantity::CurrentAmps, Quantity::Voltage, Quantity::PowerFactor, Quantity::KwhLifetime];

/// A line of `poll --json`.
#[derive(Debug, Serialize)]
pub struct Line<'live> {
    meter: &'live MeterId,
    /// When the device answered; of a meter that did not, when that was known.
    at: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    readings: Option<Readings<'live>>,
}

#[derive(Debug)]
struct Readings<'live> {
    live: &'live MeterLive,
    every: Duration,
    at: Timestamp,
}

#[derive(Debug, Serialize)]
struct Value {
    value: Option<f64>,
    unit: &'static str,
    state: &'static str,
    derived: bool,
}

impl Serialize for Readings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.live.readings.iter().map(|(quantity, reading)| {
            let state = reading.state_at(self.at, self.every).word();
            let value = Value { value: reading.value, unit: reading.unit.symbol(), state, derived: reading.derived };
            (quantity.json_name(), value)
        }))
    }
}

/// The line of a meter. Readings are there where the device answered the last poll; one that answered with errors has
/// its `error` and what could be read.
pub fn line<'live>(site: &Site, id: &'live MeterId, live: &'live MeterLive, now: Timestamp) -> Line<'live> {
    let answered = matches!(live.state, MeterState::Ok | MeterState::Error);
    let at = live.at.filter(|_| answered).unwrap_or(now);
    let readings = (answered && !live.readings.is_empty()).then(|| Readings { live, every: every(site, id), at });
    let error = live.fault.as_ref().map(|fault| format!("{fault}. {}", fault.kind.advice()));
    Line { meter: id, at: format!("{at:.3}"), status: status(live.state), error, readings }
}

/// How often the meter is read.
fn every(site: &Site, id: &MeterId) -> Duration {
    let device = site.meters.get(id).and_then(|meter| site.devices.get(meter.device.as_ref()?));
    device.map_or(Duration::from_secs(1), |device| device.every)
}

/// A state in JSON and for people. "waiting": read by hand, computed from others, or not built yet.
pub fn status(state: MeterState) -> &'static str {
    match state {
        MeterState::Ok => "ok",
        MeterState::Waiting => "waiting",
        MeterState::Error => "error",
        MeterState::Offline => "offline",
    }
}

/// A meter for people: id, state, main values, and what is wrong.
pub fn row(site: &Site, id: &MeterId, live: &MeterLive, id_width: usize) -> String {
    let answered = matches!(live.state, MeterState::Ok | MeterState::Error);
    let value = |quantity: &Quantity, reading: &Reading| match reading.value {
        Some(value) => {
            let unit = format::unit(reading.unit, true);
            format!("{} {unit}", format::value(quantity, reading.unit, value))
        }
        None => reading.state.word().to_owned(),
    };
    let values = SHOWN.iter().map(|quantity| match live.readings.get(quantity).filter(|_| answered) {
        Some(reading) => format!("{:>14}", value(quantity, reading)),
        None => format!("{:>14}", "-"),
    });
    let values: String = values.collect();
    let note = match (&live.fault, site.meters.get(id)) {
        (Some(fault), _) => format!("  {fault}"),
        (None, Some(meter)) if meter.device.is_none() => "  not read by a device".to_owned(),
        _ => String::new(),
    };
    format!("{:<id_width$}  {:<7}{values}{note}", id.as_str(), status(live.state))
}

/// The heads of the columns of [`row`].
pub fn head(id_width: usize) -> String {
    let columns: String =
        ["power", "current", "voltage", "power factor", "energy"].map(|name| format!("{name:>14}")).concat();
    format!("{:<id_width$}  {:<7}{columns}", "meter", "state")
}
