//! A small site and what is known of it, with everything that screens have to show: good, stale, bad, missing,
//! estimated, offline, slow, single phase, gas, planned, by hand.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use meterdeck::domain::{
    alarm::{AlarmKey, AlarmLine, AlarmState, Measured},
    fault::{Fault, FaultKind},
    live::{ConnectionLive, DeviceLive, DeviceState, MeterLive, MeterState, Snapshot, Trend},
    quantity::Quantity,
    reading::{Reading, State},
    readings::Readings,
    site::{Device, Meter, Site},
    unit::Unit,
};
use serde_json::{Value, json};

/// 2026-03-05 14:30:00 UTC.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_second(1_772_721_000).unwrap()
}

fn duration(seconds: u64) -> Value {
    json!({ "secs": seconds, "nanos": 0 })
}

fn register(quantity: &str, unit: &str) -> Value {
    json!({ "quantity": quantity, "address": 0, "function": "holding", "raw_type": "F32", "words": "big", "bytes": "big",
        "scale": 1.0, "offset": 0.0, "unit": unit, "encoding": "plain" })
}

/// A device with the usual behaviour.
#[expect(clippy::needless_pass_by_value, reason = "called with what `json!` or `tcp` just made")]
pub(crate) fn device(id: &str, link: Value, unit: u8, every: u64) -> Device {
    serde_json::from_value(json!({ "id": id, "link": link, "unit": unit, "every": duration(every), "timeout": duration(1),
        "profile": "pm5560", "registers": [], "tags": [],
        "behaviour": { "max_registers": 125, "max_gap": 8, "pause_after_connect": duration(0), "pause_between": duration(0),
            "single_connection": true, "close_after_poll": false, "busy_retries": 3 } }))
    .unwrap()
}

/// A TCP link.
pub(crate) fn tcp(address: &str) -> Value {
    json!({ "protocol": "modbus-tcp", "address": address })
}

/// A meter with the fields that `more` sets over the usual ones.
#[expect(clippy::needless_pass_by_value, reason = "called with what `json!` just made")]
pub(crate) fn meter(id: &str, name: &str, point: &str, more: Value) -> Meter {
    let mut fields = json!({ "id": id, "name": name, "meter_point": point, "status": "active",
        "registers": [register("current_kw", "kW")], "reports": "primary", "fed_by": [], "commodity": "electricity",
        "tags": [], "maintenance": {}, "utility_meter": [] });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(fields).unwrap()
}

fn places() -> Value {
    let place = |name: &str, parent: Option<&str>| json!({ "name": name, "parent": parent });
    json!({
        "building.north": place("North Hall", None),
        "building.south": place("South Hall", None),
        "floor.n-ground": place("Ground floor", Some("building.north")),
        "floor.s-ground": place("Ground floor", Some("building.south")),
        "room.n-101": place("Room 101", Some("floor.n-ground")),
        "room.s-001": place("Plant room", Some("floor.s-ground")),
        "rack.r01": place("Rack 01", Some("room.n-101")),
        "rack.r02": place("Rack 02", Some("room.n-101")),
    })
}

fn meters() -> Vec<Meter> {
    let rated = |place: &str, device: &str, feed: &str, fed_by: &[&str], kw: f64| {
        json!({ "place": place, "device": device, "feed_path": feed, "fed_by": fed_by, "rated_capacity_kw": kw,
            "warning_threshold_percent": 80.0, "critical_threshold_percent": 95.0, "phase_imbalance_max_percent": 10.0 })
    };
    let with = |mut base: Value, more: Value| {
        base.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        base
    };
    vec![
        meter(
            "msb-1",
            "MSB-1",
            "utility-entrance",
            with(
                rated("building.north", "incomer", "combined", &[], 800.0),
                json!({ "meter_name": "North Hall main", "manufacturer": "Schneider Electric", "model": "PM5560", "serial_number": "PM-00417",
                "ct_ratio": { "primary": 1200.0, "secondary": 5.0 }, "accuracy_class": "0.2S", "voltage_high_threshold": 440.0, "voltage_low_threshold": 360.0,
                "panel_board_ref": "MSB-1", "power_factor_min_threshold": 0.9 }),
            ),
        ),
        meter(
            "rpp-a",
            "RPP-A",
            "room-panel-board",
            with(rated("room.n-101", "rpp-a", "a", &["msb-1"], 85.0), json!({ "meter_name": "Room 101" })),
        ),
        meter(
            "rpp-b",
            "RPP-B",
            "room-panel-board",
            with(rated("room.n-101", "rpp-b", "b", &["msb-1"], 85.0), json!({ "meter_name": "Room 101" })),
        ),
        meter(
            "pdu-r01a",
            "PDU R01-A",
            "rack-pdu",
            with(rated("rack.r01", "gw-1", "a", &["rpp-a"], 11.0), json!({ "rated_capacity_amps": 16.0 })),
        ),
        meter("pdu-r01b", "PDU R01-B", "rack-pdu", rated("rack.r01", "gw-2", "b", &["rpp-b"], 11.0)),
        meter("pdu-r02a", "PDU R02-A", "rack-pdu", rated("rack.r02", "gw-3", "a", &["rpp-a"], 7.4)),
        meter(
            "chiller",
            "CH-1",
            "mechanical-load",
            with(rated("room.s-001", "chiller", "combined", &["msb-2"], 250.0), json!({ "meter_name": "Chiller 1" })),
        ),
        meter(
            "msb-2",
            "MSB-2",
            "utility-entrance",
            with(
                rated("building.south", "south", "combined", &[], 630.0),
                json!({ "meter_name": "South Hall main with a rather long name" }),
            ),
        ),
        meter(
            "gas-1",
            "GAS-1",
            "mechanical-load",
            json!({ "place": "room.s-001", "device": "gas", "commodity": "gas", "meter_name": "Boiler gas",
            "registers": [register("gas_m3", "m3")] }),
        ),
        meter(
            "hand-1",
            "WATER-1",
            "mechanical-load",
            json!({ "commodity": "water", "protocol": "manual", "registers": [] }),
        ),
        meter("future", "PDU R99", "rack-pdu", json!({ "status": "planned", "device": "gw-1", "place": "rack.r02" })),
    ]
}

/// The site.
pub(crate) fn site() -> Site {
    let gateway = || tcp("10.20.0.40:502");
    let serial =
        json!({ "protocol": "modbus-rtu", "serial": "/dev/ttyUSB0", "baud": 9600, "parity": "even", "stop_bits": 1 });
    let devices: BTreeMap<_, _> = [
        device("incomer", tcp("10.20.0.11:502"), 1, 1),
        device("rpp-a", tcp("10.20.0.12:502"), 1, 1),
        device("rpp-b", tcp("10.20.0.13:502"), 1, 1),
        device("gw-1", gateway(), 1, 5),
        device("gw-2", gateway(), 2, 5),
        device("gw-3", gateway(), 3, 5),
        device("south", tcp("south-main.example:502"), 1, 1),
        device("chiller", serial.clone(), 7, 10),
        device("gas", serial, 8, 60),
    ]
    .into_iter()
    .map(|device| (device.id.clone(), device))
    .collect();
    let meters: BTreeMap<_, _> = meters().into_iter().map(|meter| (meter.id.clone(), meter)).collect();
    serde_json::from_value(json!({ "name": "Demo campus", "time_zone": "Europe/Amsterdam", "currency": "EUR", "data_dir": "/var/lib/meterdeck",
        "keep_samples": duration(0), "demand_interval": duration(900), "places": places(), "devices": devices, "meters": meters,
        "profiles": {}, "accounts": {}, "customer_sites": {}, "submeters": {} }))
    .unwrap()
}

/// Readings of a three-phase meter.
pub(crate) fn three_phase(kw: f64, volts: f64, amps: [f64; 3], load: f64, at: Timestamp) -> Readings {
    let power_factor = 0.952;
    let mean = amps.iter().sum::<f64>() / 3.0;
    let imbalance = amps.iter().map(|amp| (amp - mean).abs()).fold(0.0, f64::max) / mean * 100.0;
    let kvar = kw / power_factor * (1.0f64 - power_factor * power_factor).sqrt();
    [
        (Quantity::CurrentKw, kw),
        (Quantity::CurrentKva, kw / power_factor),
        (Quantity::CurrentKvar, kvar),
        (Quantity::PowerFactor, power_factor),
        (Quantity::Frequency, 50.01),
        (Quantity::AmpsPhaseA, amps[0]),
        (Quantity::AmpsPhaseB, amps[1]),
        (Quantity::AmpsPhaseC, amps[2]),
        (Quantity::VoltagePhaseA, volts + 0.3),
        (Quantity::VoltagePhaseB, volts - 0.2),
        (Quantity::VoltagePhaseC, volts),
        (Quantity::LoadPercent, load),
        (Quantity::PhaseImbalance, imbalance),
        (Quantity::KwhLifetime, kw * 2016.2),
    ]
    .into_iter()
    .map(|(quantity, value)| {
        let unit = quantity.unit().unwrap();
        let derived = !quantity.is_readable();
        (quantity, Reading { derived, ..Reading::good(value, unit, at) })
    })
    .collect()
}

fn ok(readings: Readings, at: Timestamp) -> MeterLive {
    MeterLive { state: MeterState::Ok, fault: None, at: Some(at), readings }
}

fn ago(seconds: u64) -> Timestamp {
    now() - Duration::from_secs(seconds)
}

fn meter_lives() -> BTreeMap<&'static str, MeterLive> {
    let just = now() - Duration::from_millis(300);
    let mut chiller = three_phase(171.3, 229.0, [260.0, 251.0, 255.0], 68.5, ago(4));
    chiller.insert(Quantity::CurrentKva, Reading::bad(Unit::KilovoltAmpere, ago(4)));
    chiller.insert(
        Quantity::CurrentKw,
        Reading { state: State::Estimated, ..Reading::good(171.3, Unit::Kilowatt, ago(4)) },
    );
    chiller.insert(Quantity::TemperatureC, Reading::good(6.4, Unit::DegreeCelsius, ago(4)));
    let single = [
        (Quantity::CurrentKw, Reading::good(2.714, Unit::Kilowatt, ago(3))),
        (Quantity::Voltage, Reading::good(230.9, Unit::Volt, ago(3))),
        (Quantity::CurrentAmps, Reading::good(12.3, Unit::Ampere, ago(3))),
        (Quantity::Frequency, Reading::good(49.98, Unit::Hertz, ago(3))),
        (Quantity::LoadPercent, Reading { derived: true, ..Reading::good(24.7, Unit::Percent, ago(3)) }),
        (Quantity::KwhLifetime, Reading::good(48_211.0, Unit::KilowattHour, ago(3))),
    ];
    let gas = [(Quantity::GasM3, Reading::good(18_342.71, Unit::CubicMetre, ago(42)))];
    let offline = MeterLive {
        state: MeterState::Offline,
        fault: Some(Fault::new(FaultKind::NoAnswer, "after 1.0 s")),
        at: Some(ago(754)),
        readings: three_phase(3.91, 230.4, [17.2, 0.4, 0.0], 35.5, ago(754)),
    };
    let partly = MeterLive {
        state: MeterState::Error,
        fault: Some(Fault::new(FaultKind::IllegalAddress, "3203 to 3206")),
        at: Some(just),
        readings: three_phase(402.2, 231.0, [600.0, 590.0, 611.0], 63.8, just),
    };
    BTreeMap::from([
        ("msb-1", ok(three_phase(612.4, 402.0, [921.0, 917.0, 930.0], 76.6, just), just)),
        ("rpp-a", ok(three_phase(71.8, 230.9, [118.0, 92.0, 104.0], 84.5, just), just)),
        ("rpp-b", ok(three_phase(81.9, 230.9, [128.0, 122.0, 124.0], 96.4, just), just)),
        ("pdu-r01a", ok(single.into(), ago(3))),
        ("pdu-r01b", offline),
        ("pdu-r02a", ok(three_phase(4.4, 230.1, [6.3, 6.4, 6.5], 59.5, ago(31)), ago(31))),
        ("chiller", ok(chiller, ago(4))),
        ("msb-2", partly),
        ("gas-1", ok(gas.into(), ago(42))),
        ("hand-1", MeterLive::default()),
        ("future", MeterLive::default()),
    ])
}

fn device_lives() -> BTreeMap<&'static str, DeviceLive> {
    let well = |milliseconds: u64, requests: u32| DeviceLive {
        state: DeviceState::Ok,
        last_answer: Some(now() - Duration::from_millis(300)),
        round_trip: Some(Duration::from_millis(milliseconds)),
        requests_per_poll: requests,
        requests: 86_000,
        ..DeviceLive::default()
    };
    let silent = DeviceLive {
        state: DeviceState::Offline,
        offline_since: Some(ago(754)),
        last_answer: Some(ago(754)),
        last_fault: Some((ago(12), Fault::new(FaultKind::NoAnswer, "after 1.0 s"))),
        faults: BTreeMap::from([(FaultKind::NoAnswer, 31), (FaultKind::CutOff, 2)]),
        next_probe: Some(now() + Duration::from_secs(48)),
        ..well(21, 2)
    };
    let slow = DeviceLive {
        state: DeviceState::Slow,
        skipped: 14,
        last_fault: Some((ago(95), Fault::new(FaultKind::Busy, ""))),
        faults: BTreeMap::from([(FaultKind::Busy, 9)]),
        ..well(830, 6)
    };
    let refusing = DeviceLive {
        state: DeviceState::Error,
        last_fault: Some((ago(1), Fault::new(FaultKind::IllegalAddress, "3203 to 3206"))),
        faults: BTreeMap::from([(FaultKind::IllegalAddress, 4)]),
        notes: vec!["refuses 3203 to 3206, read around it".to_owned()],
        ..well(7, 3)
    };
    BTreeMap::from([
        ("incomer", well(4, 2)),
        ("rpp-a", well(5, 2)),
        ("rpp-b", well(5, 2)),
        ("gw-1", well(22, 2)),
        ("gw-2", silent),
        ("gw-3", slow),
        ("south", refusing),
        ("chiller", well(96, 3)),
        ("gas", well(88, 1)),
    ])
}

fn connection_lives(site: &Site) -> BTreeMap<String, ConnectionLive> {
    let mut connections: BTreeMap<String, ConnectionLive> = BTreeMap::new();
    for device in site.devices.values() {
        let live = connections.entry(device.link.name()).or_default();
        live.connected = true;
        live.connects = 1;
        live.devices.push(device.id.clone());
        live.busy = live.devices.len() as f64 * 0.083;
    }
    connections
}

/// The latest of everything.
pub(crate) fn snapshot(site: &Site) -> Snapshot {
    Snapshot {
        statuses: meterdeck::domain::live::Statuses::default(),
        meters: meter_lives().into_iter().map(|(id, live)| (id.parse().unwrap(), live)).collect(),
        devices: device_lives().into_iter().map(|(id, live)| (id.parse().unwrap(), live)).collect(),
        connections: connection_lives(site),
    }
}

/// Alarms in every state, as the service would tell them of this site; one of them under another.
#[expect(clippy::allow_attributes, reason = "some of the programs that share this use it, some do not")]
#[allow(dead_code, reason = "shared by several test programs")]
pub(crate) fn alarms() -> Vec<AlarmLine> {
    let line = |id: &str, state: AlarmState, seconds: u64| AlarmLine {
        id: id.parse().unwrap(),
        severity: id.parse::<AlarmKey>().unwrap().kind.severity(),
        state,
        active: state != AlarmState::ReturnedUnacknowledged,
        since: Some(ago(seconds)),
        measured: None,
        detail: String::new(),
        shelved_until: None,
        note: None,
        who: None,
        under: None,
    };
    let load = |value, threshold| Some(Measured { quantity: Quantity::LoadPercent, value, threshold });
    let imbalance = Some(Measured { quantity: Quantity::PhaseImbalance, value: 12.71, threshold: 10.0 });
    let said = |line: AlarmLine, note: &str| AlarmLine { who: Some("ada".into()), note: Some(note.into()), ..line };
    let offline = line("device-offline:gw-2", AlarmState::Unacknowledged, 749);
    let shelved = line("calibration-due:msb-2", AlarmState::Shelved, 200_000);
    vec![
        AlarmLine { measured: load(96.4, 95.0), ..line("load-critical:rpp-b", AlarmState::Unacknowledged, 125) },
        AlarmLine { detail: "NO ANSWER after 1.0 s".into(), ..offline },
        AlarmLine { measured: imbalance, ..line("phase-imbalance:rpp-a", AlarmState::ReturnedUnacknowledged, 4000) },
        said(
            AlarmLine { measured: load(84.1, 80.0), ..line("load-warning:rpp-a", AlarmState::Acknowledged, 9000) },
            "moving two racks to B tonight",
        ),
        said(
            AlarmLine {
                detail: "since 2026-03-01".into(),
                shelved_until: Some(now() + Duration::from_hours(8)),
                ..shelved
            },
            "technician is booked",
        ),
        AlarmLine {
            measured: load(85.0, 80.0),
            under: Some("device-offline:gw-2".parse().unwrap()),
            ..line("load-warning:pdu-r01b", AlarmState::Unacknowledged, 2000)
        },
        AlarmLine { detail: "REFUSED".into(), ..line("device-offline:gas", AlarmState::OutOfService, 90_000) },
    ]
}

/// A quarter of an hour of power, with a gap.
#[expect(clippy::allow_attributes, reason = "some of the programs that share this use it, some do not")]
#[allow(dead_code, reason = "shared by several test programs")]
pub(crate) fn trend(around: f64) -> Trend {
    let values = (0..90).map(|step| {
        let swing = (f64::from(step) / 15.0).sin() * 0.2 + 1.0;
        (!(33..42).contains(&step)).then_some(around * swing)
    });
    Trend { step: Duration::from_secs(10), end: now(), values: values.collect() }
}
