//! A site under watch, in virtual time.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use serde_json::json;

use super::{
    super::watch::{ClockWatch, StoreCondition, Watch},
    *,
};
use crate::domain::{
    fault::{Fault, FaultKind},
    live::{ConnectionLive, DeviceLive, DeviceState, Snapshot},
    record::Book,
    site::{MeterStatus, Site},
};

/// A main meter on a line of its own, and three racks behind one gateway; the third is planned.
fn site() -> Arc<Site> {
    let second = json!({ "secs": 1, "nanos": 0 });
    let device = |id: &str, address: &str| {
        json!({ "id": id, "link": { "protocol": "modbus-tcp", "address": address }, "unit": 1, "every": second,
            "timeout": second, "registers": [], "tags": [], "behaviour": { "max_registers": 125, "max_gap": 8,
            "pause_after_connect": second, "pause_between": second, "single_connection": false,
            "close_after_poll": false, "busy_retries": 3 } })
    };
    let meter = |id: &str, more: serde_json::Value| {
        let mut fields = json!({ "id": id, "name": id, "device": id, "warning_threshold_percent": 80.0,
            "critical_threshold_percent": 95.0, "voltage_high_threshold": 253.0 });
        fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::to_value(super::meter(&fields)).unwrap()
    };
    let rack = |id| meter(id, json!({}));
    serde_json::from_value(json!({ "name": "s", "time_zone": "UTC", "currency": "EUR", "data_dir": "d",
        "keep_samples": second, "demand_interval": second, "places": {}, "profiles": {}, "accounts": {},
        "customer_sites": {}, "submeters": {},
        "devices": { "main": device("main", "a:1"), "r1": device("r1", "g:1"), "r2": device("r2", "g:1"), "r3": device("r3", "g:1") },
        "meters": { "main": meter("main", json!({ "maintenance": { "next_calibration_date": "1970-01-02" } })),
            "r1": rack("r1"), "r2": rack("r2"), "r3": meter("r3", json!({ "status": "planned" })) } }))
    .unwrap()
}

/// A watch with a clock that ticks once a second.
struct Rig {
    watch: Watch,
    second: i64,
    changes: Snapshot,
    store: StoreCondition,
}

impl Rig {
    fn new() -> Self {
        let watch = Watch::new(site(), TimeZone::UTC, Desk::default());
        let mut rig = Self { watch, second: 1000, changes: Snapshot::default(), store: StoreCondition::default() };
        for id in ["main", "r1", "r2", "r3"] {
            rig.device(id, DeviceState::Ok);
        }
        rig.gateway(true);
        rig
    }

    fn device(&mut self, id: &str, state: DeviceState) -> &mut Self {
        let fault = (state == DeviceState::Offline).then(|| (at(self.second), Fault::new(FaultKind::NoAnswer, "")));
        let live = DeviceLive { state, last_fault: fault, ..DeviceLive::default() };
        self.changes.devices.insert(id.parse().unwrap(), live);
        self
    }

    fn gateway(&mut self, connected: bool) -> &mut Self {
        let fault = (!connected).then(|| Fault::new(FaultKind::Refused, ""));
        let live = ConnectionLive { connected, fault, ..ConnectionLive::default() };
        self.changes.connections.insert("g:1".to_owned(), live);
        self
    }

    /// Readings of a meter, as of the present second.
    fn values(&mut self, id: &str, values: &[(Quantity, f64)]) -> &mut Self {
        let mut live = super::live(values);
        live.readings.values_mut().for_each(|reading| reading.at = at(self.second));
        live.at = Some(at(self.second));
        self.changes.meters.insert(id.parse().unwrap(), live);
        self
    }

    fn load(&mut self, id: &str, percent: f64) -> &mut Self {
        self.values(id, &[(Quantity::LoadPercent, percent)])
    }

    /// Lets seconds pass; each meter of `fresh` is read again in each of them, with the values it has.
    fn pass(&mut self, seconds: i64, fresh: &[(&str, f64)]) -> &mut Self {
        for _ in 0..seconds {
            for (id, percent) in fresh {
                self.load(id, *percent);
            }
            let changes = std::mem::take(&mut self.changes);
            self.watch.tick(changes, &self.store, at(self.second));
            self.second += 1;
        }
        self
    }

    fn ids(&self) -> Vec<String> {
        self.lines().iter().filter(|line| line.under.is_none()).map(|line| line.id.to_string()).collect()
    }

    fn lines(&self) -> Vec<AlarmLine> {
        self.watch.desk.list(at(self.second))
    }

    fn state(&self, id: &str) -> Option<AlarmState> {
        let id: AlarmKey = id.parse().unwrap();
        self.lines().iter().find(|line| line.id == id).map(|line| line.state)
    }
}

#[test]
fn a_load_is_raised_after_its_delay_with_value_and_threshold_and_returns() {
    let mut rig = Rig::new();
    rig.pass(10, &[("main", 96.0)]);
    assert_eq!(rig.ids(), ["load-critical:main"], "5 s for critical, 10 s for the warning");
    assert_eq!(rig.lines()[0].measured.as_ref().map(|seen| (seen.value, seen.threshold)), Some((96.0, 95.0)));
    rig.pass(1, &[("main", 96.0)]);
    assert_eq!(rig.ids(), ["load-critical:main", "load-warning:main"], "by severity");
    let key: AlarmKey = "load-critical:main".parse().unwrap();
    rig.watch.desk.acknowledge(&key, "ada", "on my way", at(rig.second)).unwrap();
    assert_eq!(rig.ids(), ["load-warning:main", "load-critical:main"], "unacknowledged first");
    rig.pass(31, &[("main", 40.0)]);
    assert_eq!(rig.state("load-critical:main"), None);
    assert_eq!(rig.state("load-warning:main"), Some(AlarmState::ReturnedUnacknowledged));
    let events: Vec<_> = rig.watch.desk.take_unsaved().events.iter().map(|event| event.kind.word()).collect();
    assert_eq!(events, ["raised", "raised", "acknowledged", "returned", "returned"]);
}

#[test]
fn one_phase_too_high_is_the_value_that_is_told() {
    let mut rig = Rig::new();
    let volts = [(Quantity::VoltagePhaseA, 230.0), (Quantity::VoltagePhaseB, 256.0), (Quantity::VoltagePhaseC, 254.0)];
    for _ in 0..7 {
        rig.values("main", &volts).pass(1, &[]);
    }
    let lines = rig.lines();
    let measured = lines[0].measured.as_ref().unwrap();
    assert_eq!((&measured.quantity, measured.value), (&Quantity::VoltagePhaseB, 256.0));
}

#[test]
fn values_that_no_longer_come_are_stale_though_nothing_changes() {
    let mut rig = Rig::new();
    rig.load("main", 40.0).pass(9, &[]);
    assert_eq!(rig.ids(), [""; 0], "4 s until it is stale, 5 s of delay");
    rig.pass(1, &[]);
    assert_eq!(rig.ids(), ["value-stale:main"]);
    assert_eq!(rig.lines()[0].detail, "load");
    rig.pass(6, &[("main", 40.0)]);
    assert_eq!(rig.state("value-stale:main"), Some(AlarmState::ReturnedUnacknowledged));
}

#[test]
fn an_offline_devices_alarms_collapse_under_it_and_come_back_with_it() {
    let mut rig = Rig::new();
    rig.pass(12, &[("main", 85.0), ("r1", 40.0)]);
    assert_eq!(rig.ids(), ["load-warning:main"]);
    rig.device("main", DeviceState::Offline).pass(60, &[("r1", 40.0)]);
    assert_eq!(rig.ids(), ["device-offline:main"], "nothing else, and no stale values");
    let under = rig.lines().into_iter().find(|line| line.id.kind == AlarmKind::LoadWarning).unwrap();
    assert_eq!(under.under, Some("device-offline:main".parse().unwrap()));
    rig.device("main", DeviceState::Ok).pass(6, &[("main", 85.0), ("r1", 40.0)]);
    assert_eq!(rig.state("device-offline:main"), Some(AlarmState::ReturnedUnacknowledged));
    assert!(rig.ids().contains(&"load-warning:main".to_owned()), "it stood all the time");
    rig.pass(31, &[("main", 20.0), ("r1", 40.0)]);
    assert_eq!(rig.state("load-warning:main"), Some(AlarmState::ReturnedUnacknowledged));
}

#[test]
fn a_connection_that_is_down_is_one_alarm_and_its_devices_begin_anew() {
    let mut rig = Rig::new();
    rig.pass(2, &[("main", 40.0)]);
    rig.gateway(false).device("r1", DeviceState::Offline).device("r2", DeviceState::Offline);
    rig.pass(30, &[("main", 40.0)]);
    assert_eq!(rig.ids(), ["connection-down:g:1"], "the planned one behind it does not count");
    assert_eq!(rig.lines()[0].detail, "REFUSED");
    rig.gateway(true).device("r1", DeviceState::Ok).pass(3, &[("main", 40.0)]);
    assert_eq!(rig.ids(), ["connection-down:g:1"], "r2 has its delay from now on");
    rig.pass(5, &[("main", 40.0)]);
    assert_eq!(rig.ids(), ["device-offline:r2", "connection-down:g:1"]);
}

#[test]
fn what_is_out_of_service_planned_or_unknown_does_not_alarm() {
    let mut rig = Rig::new();
    rig.pass(12, &[("main", 96.0), ("r3", 99.0)]);
    assert_eq!(rig.ids(), ["load-critical:main", "load-warning:main"]);
    let site = site();
    let meter = &site.meters["main"];
    let book = |status| BTreeMap::from([(meter.id.clone(), Book { status, ..Book::of(meter, &[], at(0)) })]);
    rig.watch.set_books(book(MeterStatus::Fault));
    rig.pass(1, &[("main", 96.0)]);
    assert_eq!(rig.state("load-critical:main"), Some(AlarmState::OutOfService));
    rig.watch.set_books(book(MeterStatus::Active));
    rig.pass(1, &[("main", 96.0)]);
    assert_eq!(rig.state("load-critical:main"), Some(AlarmState::Unacknowledged));
    rig.watch.set_books(book(MeterStatus::Decommissioned));
    rig.pass(1, &[("main", 96.0)]);
    assert_eq!(rig.ids(), [""; 0]);
}

#[test]
fn a_calibration_is_due_on_its_day_and_a_store_that_fails_is_told() {
    let mut rig = Rig::new();
    rig.second = 86_395;
    rig.pass(5, &[("main", 40.0)]);
    assert_eq!(rig.ids(), [""; 0]);
    rig.store.failing = Some("disk is full".to_owned());
    rig.pass(1, &[("main", 40.0)]);
    assert_eq!(rig.ids(), ["store-failed:site", "calibration-due:main"]);
    rig.store.failing = None;
    rig.pass(7, &[("main", 40.0)]);
    assert_eq!(rig.state("store-failed:site"), Some(AlarmState::ReturnedUnacknowledged));
}

#[test]
fn a_shelved_alarm_comes_back_by_itself_and_what_people_may_not_do_is_refused() {
    let mut rig = Rig::new();
    rig.pass(6, &[("main", 96.0)]);
    let key: AlarmKey = "load-critical:main".parse().unwrap();
    let now = at(rig.second);
    let desk = &mut rig.watch.desk;
    let soon = at(rig.second + 10);
    assert_eq!(desk.shelve(&key, soon, "ada", " ", now), Err(DeskError::NoNote));
    assert_eq!(desk.shelve(&key, now, "ada", "x", now), Err(DeskError::Passed));
    assert_eq!(desk.shelve(&key, at(rig.second + 32 * 86_400), "ada", "x", now), Err(DeskError::TooLong));
    assert_eq!(desk.shelve(&key, soon, "ada", &"x".repeat(501), now), Err(DeskError::LongNote));
    let other: AlarmKey = "load-critical:r1".parse().unwrap();
    assert_eq!(desk.acknowledge(&other, "ada", "", now), Err(DeskError::NotThere(other)));
    assert_eq!(desk.unshelve(&key, "ada", now), Err(DeskError::NotShelved(key.clone())));
    desk.shelve(&key, soon, "ada", "test\u{1b}[2J run", now).unwrap();
    assert_eq!(rig.state("load-critical:main"), Some(AlarmState::Shelved));
    assert_eq!(rig.lines()[0].note.as_deref(), Some("test[2J run"));
    let before = rig.watch.desk.version();
    rig.pass(11, &[("main", 96.0)]);
    assert_eq!(rig.state("load-critical:main"), Some(AlarmState::Unacknowledged));
    assert!(rig.watch.desk.version() > before, "lists are told");
    rig.watch.desk.acknowledge(&key, "ada", "", at(rig.second)).unwrap();
    assert_eq!(rig.watch.desk.acknowledge(&key, "bob", "", at(rig.second)), Err(DeskError::Acknowledged(key)));
}

#[test]
fn a_desk_survives_a_restart_and_what_cannot_be_saved_waits() {
    let mut rig = Rig::new();
    rig.pass(6, &[("main", 96.0)]);
    let key: AlarmKey = "load-critical:main".parse().unwrap();
    rig.watch.desk.acknowledge(&key, "ada", "seen", at(rig.second)).unwrap();
    let unsaved = rig.watch.desk.take_unsaved();
    assert!(rig.watch.desk.is_saved());
    rig.watch.desk.put_back(unsaved.clone());
    assert_eq!(rig.watch.desk.take_unsaved(), unsaved);
    let saved = unsaved.entries.into_iter().filter_map(|(key, entry)| {
        // As the store does: through JSON.
        let text = serde_json::to_string(&entry?).unwrap();
        Some((key, serde_json::from_str(&text).unwrap()))
    });
    let desk = Desk::of(saved);
    assert_eq!(desk.list(at(rig.second)), rig.watch.desk.list(at(rig.second)));
    rig.watch = Watch::new(site(), TimeZone::UTC, desk);
    rig.device("main", DeviceState::Waiting).pass(3, &[]);
    assert_eq!(rig.state("load-critical:main"), Some(AlarmState::Acknowledged));
    rig.device("main", DeviceState::Ok).pass(31, &[("main", 10.0)]);
    assert_eq!(rig.state("load-critical:main"), None);
    assert_eq!(rig.watch.desk.take_unsaved().entries, [(key, None)], "nothing is left to remember");
}

#[test]
fn f32_values_that_stand_still_for_hours_are_told_until_they_move() {
    let mut rig = Rig::new();
    for second in 0..7_260 {
        let power = 40.0 + f64::from(i8::from(second < 10));
        rig.values("main", &[(Quantity::CurrentKw, power), (Quantity::KwhLifetime, 7.0)]);
        rig.values("r1", &[(Quantity::CurrentKw, f64::from(second % 7)), (Quantity::KwhLifetime, 7.0)]);
        rig.values("r2", &[(Quantity::CurrentKw, 0.0), (Quantity::KwhLifetime, 7.0)]).pass(1, &[]);
        if second == 7_200 {
            assert!(rig.ids().is_empty(), "not yet: {:?}", rig.ids());
        }
    }
    assert_eq!(rig.ids(), ["value-frozen:main"], "what rests at zero is not frozen");
    assert!(rig.lines()[0].detail.starts_with("FROZEN since 1970-01-01T00:16:5"), "{:?}", rig.lines());
    rig.values("main", &[(Quantity::CurrentKw, 39.0)]).pass(2, &[]);
    assert_eq!(rig.state("value-frozen:main"), Some(AlarmState::ReturnedUnacknowledged));
}

#[test]
fn f34_a_clock_that_jumps_is_told_until_somebody_has_seen_it() {
    let mut clock = ClockWatch::default();
    let mut rig = Rig::new();
    let mut wall = 1_000_000_i64;
    for second in 0..40_u64 {
        wall += match second {
            10 => -3600,
            20 => 3600,
            30 => 315_360_000,
            _ => 1,
        };
        if let Some(jump) = clock.jump(Duration::from_secs(second), at(wall)) {
            rig.watch.clock_jumped(jump);
        }
        rig.watch.tick(Snapshot::default(), &StoreCondition::default(), at(wall));
        rig.second = wall;
        let told = rig.lines().into_iter().find(|line| line.id.kind == AlarmKind::ClockDrift);
        assert_eq!(told.is_some(), second >= 10, "{second}");
        if second == 10 {
            assert_eq!(told.unwrap().detail, "CLOCK JUMPED back by 1h 1s");
        }
    }
    assert_eq!(rig.state("clock-drift:site"), Some(AlarmState::ReturnedUnacknowledged));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn any_course_of_events_is_listed_truly(
        steps in prop::collection::vec((0u8..6, 0.0..130.0f64, 1i64..40), 1..60),
    ) {
        let mut rig = Rig::new();
        for (what, percent, seconds) in steps {
            match what {
                0 => { rig.device("main", DeviceState::Offline); }
                1 => { rig.device("main", DeviceState::Ok); }
                2 => { rig.gateway(false).device("r1", DeviceState::Offline).device("r2", DeviceState::Offline); }
                3 => { rig.gateway(true).device("r1", DeviceState::Ok).device("r2", DeviceState::Ok); }
                4 => {
                    let ids: Vec<AlarmKey> = rig.lines().into_iter().map(|line| line.id).collect();
                    for id in ids {
                        let _ = rig.watch.desk.acknowledge(&id, "ada", "", at(rig.second));
                    }
                }
                _ => { rig.pass(seconds, &[("main", percent), ("r1", percent), ("r3", percent)]); }
            }
            rig.pass(1, &[]);
            for line in rig.lines() {
                prop_assert!(line.state != AlarmState::Normal);
                prop_assert!(!line.id.to_string().ends_with(":r3"), "planned meters never alarm");
                prop_assert_eq!(line.state == AlarmState::Unacknowledged, line.active && line.state.is_unacknowledged());
                if let Some(cause) = &line.under {
                    prop_assert!(rig.watch.desk.is_active(cause), "a cause that stands");
                }
            }
        }
    }
}
