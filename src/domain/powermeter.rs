//! The POWERMETER entity: every field by the source's name, from the site file, the readings, the energy kept and the
//! technicians' records. Unknown is `null`; energy and money are exact, as text.

use std::{collections::BTreeMap, time::Duration};

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{
    ids::PlaceId,
    live::MeterLive,
    quantity::Quantity,
    reading::State,
    record::Book,
    site::{
        AccuracyClass, FeedPath, Level, Meter, MeterPoint, MeterProtocol, MeterStatus, MeterType, PlaceKey, Site,
        Transformer, VerificationResult,
    },
};

/// A choice, as the source writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// The source's id.
    pub id: u8,
    /// The source's name.
    pub name: String,
}

/// A place, as a reference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// Id in the site file.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// Energy, demand and cost of a meter, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consumption {
    /// kWh since local midnight.
    pub kwh_today: Option<Decimal>,
    /// kWh of the day before.
    pub kwh_yesterday: Option<Decimal>,
    /// kWh since the first of the month.
    pub kwh_this_month: Option<Decimal>,
    /// kWh of the month before.
    pub kwh_last_month: Option<Decimal>,
    /// kWh since the first of January.
    pub kwh_this_year: Option<Decimal>,
    /// kWh of the year before.
    pub kwh_last_year: Option<Decimal>,
    /// The cumulative register and everything before a reset or a meter swap, kWh.
    pub kwh_lifetime: Option<Decimal>,
    /// Highest mean power of a demand block since records began, kW.
    pub peak_demand_kw: Option<Decimal>,
    /// When that block began.
    pub peak_demand_date: Option<Timestamp>,
    /// The same of this month.
    pub peak_demand_kw_month: Option<Decimal>,
    /// Energy over time of this month so far, kW.
    pub average_demand_kw: Option<Decimal>,
    /// Price of a kWh: the meter's, else the site's.
    pub cost_per_kwh: Option<Decimal>,
    /// Cost of this month so far.
    pub cost_this_month: Option<Decimal>,
    /// Cost of the month before.
    pub cost_last_month: Option<Decimal>,
    /// Cost of this year so far.
    pub cost_this_year: Option<Decimal>,
    /// ISO 4217 code: the meter's, else the site's.
    pub currency: Option<String>,
    /// Of each sum, demand and cost by its name here: `good`; `estimated` in part; `missing` where a part of the time
    /// was never measured, whatever is known of the rest, or where nothing is known.
    #[serde(rename = "consumptionStates")]
    pub states: BTreeMap<String, State>,
}

/// The whole entity, in the source's order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields are the source's; what they mean stands in the site's types")]
pub struct PowerMeter {
    /// Id in the site file.
    pub id: String,
    // General
    pub name: String,
    pub meter_name: Option<String>,
    pub meter_point: Choice,
    pub status: Choice,
    pub description: Option<String>,
    pub building: Option<Reference>,
    pub floor: Option<Reference>,
    pub room: Option<Reference>,
    pub rack: Option<Reference>,
    pub panel_board_ref: Option<String>,
    pub feed_path: Option<Choice>,
    pub manufacturer: Option<String>,
    pub model: Option<String>,
    pub serial_number: Option<String>,
    pub meter_type: Option<Choice>,
    pub accuracy_class: Option<Choice>,
    pub ct_ratio: Option<String>,
    pub pt_ratio: Option<String>,
    pub protocol: Option<Choice>,
    pub ip_address: Option<String>,
    // Readings
    pub current_kw: Option<f64>,
    pub current_kva: Option<f64>,
    pub current_amps: Option<f64>,
    pub voltage: Option<f64>,
    pub power_factor: Option<f64>,
    pub frequency: Option<f64>,
    pub load_percent: Option<f64>,
    pub last_reading_time: Option<Timestamp>,
    pub amps_phase_a: Option<f64>,
    pub amps_phase_b: Option<f64>,
    pub amps_phase_c: Option<f64>,
    pub voltage_phase_a: Option<f64>,
    pub voltage_phase_b: Option<f64>,
    pub voltage_phase_c: Option<f64>,
    pub phase_imbalance: Option<f64>,
    pub neutral_current: Option<f64>,
    // Consumption
    #[serde(flatten)]
    pub consumption: Consumption,
    // Thresholds
    pub rated_capacity_kw: Option<f64>,
    pub rated_capacity_amps: Option<f64>,
    pub warning_threshold_percent: Option<f64>,
    pub critical_threshold_percent: Option<f64>,
    pub voltage_high_threshold: Option<f64>,
    pub voltage_low_threshold: Option<f64>,
    pub power_factor_min_threshold: Option<f64>,
    pub phase_imbalance_max_percent: Option<f64>,
    // Maintenance
    pub install_date: Option<Date>,
    pub last_calibration_date: Option<Date>,
    pub next_calibration_date: Option<Date>,
    pub calibration_interval_months: Option<u32>,
    pub calibration_certificate: Option<String>,
    pub last_verification_date: Option<Date>,
    pub verification_result: Option<Choice>,
    pub notes: Option<String>,
    /// Of each reading by its name here: `good estimated stale bad missing`.
    pub reading_states: BTreeMap<String, State>,
}

/// The readings of the entity.
pub const READINGS: &[Quantity] = &[
    Quantity::CurrentKw,
    Quantity::CurrentKva,
    Quantity::CurrentAmps,
    Quantity::Voltage,
    Quantity::PowerFactor,
    Quantity::Frequency,
    Quantity::LoadPercent,
    Quantity::AmpsPhaseA,
    Quantity::AmpsPhaseB,
    Quantity::AmpsPhaseC,
    Quantity::VoltagePhaseA,
    Quantity::VoltagePhaseB,
    Quantity::VoltagePhaseC,
    Quantity::PhaseImbalance,
    Quantity::NeutralCurrent,
];

/// What the entity is made of, beside the site.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The readings.
    pub live: &'a MeterLive,
    /// Maintenance and status, with records.
    pub book: &'a Book,
    /// Energy, demand, cost.
    pub consumption: &'a Consumption,
    /// How often the meter is read; decides what is stale.
    pub every: Duration,
    /// The moment that it is made for.
    pub at: Timestamp,
}

impl PowerMeter {
    /// The entity of `meter`.
    pub fn of(site: &Site, meter: &Meter, sources: &Sources<'_>) -> Self {
        let Sources { live, book, consumption, every, at } = *sources;
        let state = |quantity: &Quantity| {
            live.readings.get(quantity).map_or(State::Missing, |reading| reading.state_at(at, every))
        };
        let value = |quantity: &Quantity| live.value(quantity).filter(|_| state(quantity) < State::Bad);
        let place = |level| reference(site, meter, level);
        let maintenance = &book.maintenance;
        Self {
            id: meter.id.to_string(),
            name: meter.name.clone(),
            meter_name: meter.meter_name.clone(),
            meter_point: point(meter.meter_point),
            status: status(book.status),
            description: meter.description.clone(),
            building: place(Level::Building),
            floor: place(Level::Floor),
            room: place(Level::Room),
            rack: place(Level::Rack),
            panel_board_ref: meter.panel_board_ref.clone(),
            feed_path: meter.feed_path.map(feed),
            manufacturer: meter.manufacturer.clone(),
            model: meter.model.clone(),
            serial_number: book.serial_number.clone(),
            meter_type: meter.meter_type.map(kind),
            accuracy_class: meter.accuracy_class.map(class),
            ct_ratio: meter.ct_ratio.map(ratio),
            pt_ratio: meter.pt_ratio.map(ratio),
            protocol: meter.protocol.map(protocol),
            ip_address: meter.ip_address.clone(),
            current_kw: value(&Quantity::CurrentKw),
            current_kva: value(&Quantity::CurrentKva),
            current_amps: value(&Quantity::CurrentAmps),
            voltage: value(&Quantity::Voltage),
            power_factor: value(&Quantity::PowerFactor),
            frequency: value(&Quantity::Frequency),
            load_percent: value(&Quantity::LoadPercent),
            last_reading_time: live.at,
            amps_phase_a: value(&Quantity::AmpsPhaseA),
            amps_phase_b: value(&Quantity::AmpsPhaseB),
            amps_phase_c: value(&Quantity::AmpsPhaseC),
            voltage_phase_a: value(&Quantity::VoltagePhaseA),
            voltage_phase_b: value(&Quantity::VoltagePhaseB),
            voltage_phase_c: value(&Quantity::VoltagePhaseC),
            phase_imbalance: value(&Quantity::PhaseImbalance),
            neutral_current: value(&Quantity::NeutralCurrent),
            consumption: consumption.clone(),
            rated_capacity_kw: meter.rated_capacity_kw,
            rated_capacity_amps: meter.rated_capacity_amps,
            warning_threshold_percent: meter.warning_threshold_percent,
            critical_threshold_percent: meter.critical_threshold_percent,
            voltage_high_threshold: meter.voltage_high_threshold,
            voltage_low_threshold: meter.voltage_low_threshold,
            power_factor_min_threshold: meter.power_factor_min_threshold,
            phase_imbalance_max_percent: meter.phase_imbalance_max_percent,
            install_date: maintenance.install_date,
            last_calibration_date: maintenance.last_calibration_date,
            next_calibration_date: maintenance.next_calibration_date,
            calibration_interval_months: maintenance.calibration_interval_months,
            calibration_certificate: maintenance.calibration_certificate.clone(),
            last_verification_date: maintenance.last_verification_date,
            verification_result: maintenance.verification_result.map(verification),
            notes: maintenance.notes.clone(),
            reading_states: READINGS
                .iter()
                .map(|quantity| (quantity.json_name().to_owned(), state(quantity)))
                .collect(),
        }
    }
}

fn reference(site: &Site, meter: &Meter, level: Level) -> Option<Reference> {
    let place = meter.place.as_ref()?;
    let key: &PlaceKey = site.path(place).find(|key| key.level == level)?;
    let id: &PlaceId = &key.id;
    Some(Reference { id: id.to_string(), name: site.places.get(key)?.name.clone() })
}

fn ratio(transformer: Transformer) -> String {
    format!("{}:{}", transformer.primary, transformer.secondary)
}

macro_rules! choices {
    ($($function:ident $type:ty;)+) => {$(
        fn $function(value: $type) -> Choice {
            Choice { id: value.id(), name: value.title().to_owned() }
        }
    )+};
}

choices! {
    point MeterPoint;
    status MeterStatus;
    feed FeedPath;
    kind MeterType;
    class AccuracyClass;
    protocol MeterProtocol;
    verification VerificationResult;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::{reading::Reading, unit::Unit};

    /// Every field of the source's definition, by its name there.
    const SOURCE_FIELDS: &str = "name meterName meterPoint status description building floor room rack panelBoardRef \
        feedPath manufacturer model serialNumber meterType accuracyClass ctRatio ptRatio protocol ipAddress \
        currentKw currentKva currentAmps voltage powerFactor frequency loadPercent lastReadingTime ampsPhaseA ampsPhaseB \
        ampsPhaseC voltagePhaseA voltagePhaseB voltagePhaseC phaseImbalance neutralCurrent kwhToday kwhYesterday \
        kwhThisMonth kwhLastMonth kwhThisYear kwhLastYear kwhLifetime peakDemandKw peakDemandDate peakDemandKwMonth \
        averageDemandKw costPerKwh costThisMonth costLastMonth costThisYear currency ratedCapacityKw ratedCapacityAmps \
        warningThresholdPercent criticalThresholdPercent voltageHighThreshold voltageLowThreshold \
        powerFactorMinThreshold phaseImbalanceMaxPercent installDate lastCalibrationDate nextCalibrationDate \
        calibrationIntervalMonths calibrationCertificate lastVerificationDate verificationResult notes";

    fn entity(live: &MeterLive, at: Timestamp) -> serde_json::Value {
        let meter: Meter =
            serde_json::from_value(json!({ "id": "m", "name": "MSB-1", "meter_point": "utility-entrance",
            "status": "active", "registers": [], "reports": "primary", "fed_by": [], "commodity": "electricity",
            "tags": [], "maintenance": {}, "utility_meter": [], "place": "floor.f",
            "ct_ratio": { "primary": 400.0, "secondary": 5.0 } }))
            .unwrap();
        let site: Site = serde_json::from_value(json!({ "name": "s", "time_zone": "UTC", "currency": "EUR",
            "data_dir": "/", "keep_samples": { "secs": 0, "nanos": 0 }, "demand_interval": { "secs": 900, "nanos": 0 },
            "places": { "building.n": { "name": "North", "parent": null }, "floor.f": { "name": "F", "parent": "building.n" } },
            "devices": {}, "meters": {}, "profiles": {}, "accounts": {}, "customer_sites": {}, "submeters": {} }))
        .unwrap();
        let consumption = Consumption { kwh_today: Some("1.250".parse().unwrap()), ..Consumption::default() };
        let book = Book::of(&meter, &[], at);
        let sources = Sources { live, book: &book, consumption: &consumption, every: Duration::from_secs(1), at };
        serde_json::to_value(PowerMeter::of(&site, &meter, &sources)).unwrap()
    }

    #[test]
    fn has_every_field_of_the_source() {
        let entity = entity(&MeterLive::default(), Timestamp::UNIX_EPOCH);
        for field in SOURCE_FIELDS.split_whitespace() {
            assert!(entity.get(field).is_some(), "{field}");
        }
        assert_eq!(entity["meterPoint"], json!({ "id": 1, "name": "Utility Entrance" }));
        assert_eq!(entity["building"], json!({ "id": "n", "name": "North" }));
        assert_eq!(entity["ctRatio"], "400:5");
        assert_eq!(entity["kwhToday"], "1.250");
        assert_eq!(entity["currentKw"], serde_json::Value::Null);
        assert_eq!(entity["readingStates"]["currentKw"], "missing");
    }

    #[test]
    fn a_bad_value_is_never_a_number_and_an_old_one_is_stale() {
        let at = Timestamp::UNIX_EPOCH;
        let mut live = MeterLive::default();
        live.readings.insert(Quantity::CurrentKw, Reading::good(5.5, Unit::Kilowatt, at));
        live.readings.insert(Quantity::Voltage, Reading::bad(Unit::Volt, at));
        let entity = entity(&live, at + jiff::SignedDuration::from_secs(60));
        assert_eq!(entity["currentKw"], 5.5);
        assert_eq!(entity["readingStates"]["currentKw"], "stale");
        assert_eq!(entity["voltage"], serde_json::Value::Null);
        assert_eq!(entity["readingStates"]["voltage"], "bad");
    }
}
