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
struct Measured {
    value: Option<f64>,
    unit: &'static str,
    state: &'static str,
    derived: bool,
}

impl Serialize for Readings<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.live.readings.iter().map(|(quantity, reading)| {
            let state = reading.state_at(self.at, self.every).word();
            let value = Measured { value: reading.value, unit: reading.unit.symbol(), state, derived: reading.derived };
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

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::domain::{
        fault::{Fault, FaultKind},
        unit::Unit,
    };

    fn json(live: &MeterLive) -> Json {
        let site: Site = serde_json::from_value(json!({
            "name": "Test", "time_zone": "UTC", "currency": "EUR", "cost_per_kwh": null, "data_dir": "d",
            "keep_samples": {"secs": 0, "nanos": 0}, "demand_interval": {"secs": 900, "nanos": 0}, "access": null,
            "places": {}, "devices": {}, "meters": {}, "profiles": {}, "accounts": {}, "customer_sites": {},
            "submeters": {}, "programmes": {}, "duplicates_measured": null,
        }))
        .unwrap();
        let id = MeterId::new("main").unwrap();
        let now = "2026-01-01T00:00:09Z".parse().unwrap();
        serde_json::to_value(line(&site, &id, live, now)).unwrap()
    }

    fn read() -> MeterLive {
        let at: Timestamp = "2026-01-01T00:00:00.1234Z".parse().unwrap();
        let old: Timestamp = "2025-12-31T23:00:00Z".parse().unwrap();
        let power = Reading::good(12.34, Unit::Kilowatt, at);
        let load = Reading { derived: true, ..Reading::good(61.0, Unit::Percent, old) };
        let readings = [
            (Quantity::CurrentKw, power),
            (Quantity::LoadPercent, load),
            (Quantity::Voltage, Reading::bad(Unit::Volt, at)),
        ];
        MeterLive { state: MeterState::Ok, fault: None, at: Some(at), readings: readings.into() }
    }

    #[test]
    fn a_line_has_the_shape_that_others_rely_on() {
        let expected = json!({
            "meter": "main", "at": "2026-01-01T00:00:00.123Z", "status": "ok",
            "readings": {
                "currentKw": {"value": 12.34, "unit": "kW", "state": "good", "derived": false},
                "loadPercent": {"value": 61.0, "unit": "%", "state": "stale", "derived": true},
                "voltage": {"value": null, "unit": "V", "state": "bad", "derived": false},
            },
        });
        assert_eq!(json(&read()), expected);
    }

    #[test]
    fn a_failed_one_says_why_and_shows_nothing_old() {
        let fault = Some(Fault::new(FaultKind::NoAnswer, "after 1.0 s"));
        let line = json(&MeterLive { state: MeterState::Offline, fault, ..read() });
        assert_eq!((&line["status"], &line["at"]), (&json!("offline"), &json!("2026-01-01T00:00:09.000Z")));
        assert!(line["error"].as_str().unwrap().starts_with("NO ANSWER after 1.0 s. Check power"), "{line}");
        assert_eq!(line.get("readings"), None);
        let by_hand = json(&MeterLive::default());
        assert_eq!((&by_hand["status"], by_hand.get("error")), (&json!("waiting"), None));
    }
}
