use std::time::Duration;

use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::json;

use super::*;
use crate::{
    domain::{calendar::Span, reading::State, unit::Unit},
    poll::tap::Measured,
    store::Row,
};

fn site() -> Arc<Site> {
    let register = json!({ "quantity": "kwh_lifetime", "address": 0, "function": "input", "raw_type": "U32", "words": "big",
        "bytes": "big", "scale": 0.1, "offset": 0.0, "unit": "kWh", "encoding": "plain", "modulus": 1000.0 });
    let device = json!({ "id": "d", "link": { "protocol": "modbus-tcp", "address": "127.0.0.1:1" }, "unit": 1,
        "every": { "secs": 1, "nanos": 0 }, "timeout": { "secs": 1, "nanos": 0 }, "registers": [], "tags": [],
        "behaviour": { "max_registers": 125, "max_gap": 8, "pause_after_connect": { "secs": 0, "nanos": 0 },
            "pause_between": { "secs": 0, "nanos": 0 }, "single_connection": true, "close_after_poll": false, "busy_retries": 3 } });
    let meter = json!({ "id": "main", "name": "main", "meter_point": "utility-entrance", "status": "active", "device": "d",
        "registers": [register], "reports": "primary", "fed_by": [], "commodity": "electricity", "tags": [],
        "maintenance": {}, "utility_meter": [], "rated_capacity_kw": 100.0 });
    Arc::new(
        serde_json::from_value(
            json!({ "name": "s", "time_zone": "Europe/Amsterdam", "currency": "EUR", "data_dir": "/",
            "keep_samples": { "secs": 34_560_000, "nanos": 0 }, "demand_interval": { "secs": 900, "nanos": 0 },
            "places": {}, "devices": { "d": device }, "meters": { "main": meter }, "profiles": {}, "accounts": {},
            "customer_sites": {}, "submeters": {} }),
        )
        .unwrap(),
    )
}

struct Rig {
    folder: tempfile::TempDir,
    store: Store,
    tap: Arc<Tap>,
    recorder: Recorder,
    meter: MeterId,
}

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path()).unwrap();
        Self::over(folder, store)
    }

    fn over(folder: tempfile::TempDir, store: Store) -> Self {
        let tap = Arc::<Tap>::default();
        let recorder = Recorder::start(site(), store.clone(), Arc::clone(&tap)).unwrap();
        Self { folder, store, tap, recorder, meter: MeterId::new("main").unwrap() }
    }

    fn again(self) -> Self {
        let Self { folder, store, recorder, .. } = self;
        recorder.stop();
        drop(recorder);
        drop(store);
        let (store, _) = Store::open(folder.path()).unwrap();
        Self::over(folder, store)
    }

    fn read(&self, second: i64, kwh: f64) {
        let reading = Reading::good(kwh, Unit::KilowattHour, Timestamp::from_second(second).unwrap());
        self.tap.put(&self.meter, [(&Quantity::KwhLifetime, &reading)].into_iter());
    }

    fn import(&self, counts: &[(i64, i64)]) {
        self.merge(counts);
        self.recorder.count_marked_anew().unwrap();
        assert!(self.store.marked_anew().unwrap().is_empty());
    }

    /// The rows of an import, of which the end was not said yet.
    fn merge(&self, counts: &[(i64, i64)]) {
        let key = self.store.catalogue().find(&self.meter, &Quantity::KwhLifetime).unwrap().key;
        let rows = counts.iter().map(|(second, tenths)| Row {
            line: 1,
            sample: Sample {
                series: key,
                at_ms: second * 1000,
                number: Some(*tenths),
                decimals: Decimals::new(1).unwrap(),
                state: State::Good,
            },
        });
        let from = counts.iter().map(|(second, _)| *second).min().unwrap();
        let from = Timestamp::from_second(from).unwrap();
        let _held = self.recorder.hold_counting();
        self.store.mark_anew(std::collections::BTreeMap::from([(self.meter.clone(), from)])).unwrap();
        let merged = self.store.merge(rows.collect::<Vec<_>>(), false).unwrap();
        assert_eq!(merged.new, counts.len() as u64);
    }

    /// Consumption of each quarter of an hour from `from`, where there is any data.
    fn quarters(&self) -> Vec<(i64, String, bool)> {
        self.recorder.book().unwrap();
        let span = Span { from: Timestamp::UNIX_EPOCH, to: Timestamp::MAX };
        let rows = self.store.intervals(&self.meter, span).unwrap();
        let row = |row: &crate::store::energy::IntervalRow| {
            let quarter = (row.start.as_second() - BEGIN) / 900;
            (quarter, row.interval.consumed.to_string(), row.interval.estimated)
        };
        rows.iter().map(row).collect()
    }
}

/// 2026-01-01T00:00:00Z.
const BEGIN: i64 = 1_767_225_600;

fn quarters(expected: &[(i64, &str, bool)]) -> Vec<(i64, String, bool)> {
    expected.iter().map(|(quarter, kwh, estimated)| (*quarter, (*kwh).to_owned(), *estimated)).collect()
}

#[test]
fn what_is_read_becomes_samples_and_energy() {
    let rig = Rig::new();
    for (second, kwh) in [(0, 100.0), (450, 101.0), (900, 102.5), (1800, 102.5)] {
        rig.read(BEGIN + second, kwh);
    }
    assert_eq!(rig.quarters(), quarters(&[(0, "2.5", false), (1, "0", false)]));
    let key = rig.store.catalogue().find(&rig.meter, &Quantity::KwhLifetime).unwrap().key;
    let samples = rig.store.samples(key, 0, i64::MAX, 100).unwrap();
    assert_eq!(
        samples.points.iter().map(|point| point.number).collect::<Vec<_>>(),
        [Some(1000), Some(1010), Some(1025), Some(1025)]
    );
}

#[test]
fn a_restart_goes_on_and_spreads_the_gap() {
    let rig = Rig::new();
    rig.read(BEGIN, 100.0);
    rig.read(BEGIN + 900, 101.0);
    let rig = rig.again();
    rig.read(BEGIN + 3600, 104.0);
    let expected = [(0, "1", false), (1, "1", true), (2, "1", true), (3, "1", true)];
    assert_eq!(rig.quarters(), quarters(&expected));
    let rig = rig.again();
    assert_eq!(rig.quarters(), quarters(&expected), "nothing is counted twice");
}

#[test]
fn imported_history_takes_the_place_of_the_guess() {
    let rig = Rig::new();
    rig.read(BEGIN, 100.0);
    rig.read(BEGIN + 3600, 104.0);
    rig.read(BEGIN + 4500, 105.0);
    assert_eq!(rig.quarters()[1], (1, "1".to_owned(), true));
    rig.import(&[(BEGIN + 900, 1000), (BEGIN + 1800, 1000), (BEGIN + 2700, 1035)]);
    let expected = [(0, "0", false), (1, "0", false), (2, "3.5", false), (3, "0.5", false), (4, "1", false)];
    assert_eq!(rig.quarters(), quarters(&expected));
    rig.import(&[(BEGIN - 900, 990)]);
    assert_eq!(rig.quarters()[0], (-1, "1".to_owned(), false), "earlier history too");
    assert_eq!(rig.store.ledgers().unwrap()[&rig.meter].consumed.first.unwrap().value, Decimal::from(99));
    rig.read(BEGIN + 5400, 106.0);
    assert_eq!(rig.quarters().last().unwrap(), &(5, "1".to_owned(), false), "and counting goes on");
}

#[test]
fn resets_and_rollovers_are_kept_as_incidents() {
    let rig = Rig::new();
    for (second, kwh) in [(0, 999.0), (900, 1.0), (1800, 2.0), (2700, 500.0), (2760, 2.5), (3600, 3.0)] {
        rig.read(BEGIN + second, kwh);
    }
    let total: Decimal = rig.quarters().iter().map(|(_, kwh, _)| kwh.parse::<Decimal>().unwrap()).sum();
    assert_eq!(total, Decimal::from(4));
    let words: Vec<&str> =
        rig.store.incidents(&rig.meter, 10).unwrap().iter().map(|(_, incident)| incident.kind.word()).collect();
    assert_eq!(words, ["SUSPECT", "ROLLED OVER"]);
    let days = rig.store.days(&rig.meter, "2025-12-31".parse().unwrap(), "2026-01-03".parse().unwrap()).unwrap();
    assert_eq!(days.iter().map(|day| day.consumed).sum::<Decimal>(), total);
    let zone = TimeZone::get("Europe/Amsterdam").unwrap();
    assert_eq!(days[0].date, Timestamp::from_second(BEGIN).unwrap().to_zoned(zone).date());
}

#[test]
fn f34_a_clock_that_jumps_counts_nothing_twice_and_drops_nothing() {
    const HOUR: i64 = 3600;
    const TEN_YEARS: i64 = 10 * 365 * 24 * HOUR;
    let rig = Rig::new();
    let mut kwh = 100.0;
    // Right, an hour back, right, ten years on, right again: 10 s each, at 36 kW.
    for (jump, from) in [(0, 0), (-HOUR, 10), (0, 20), (TEN_YEARS, 30), (0, 40)] {
        for second in from..from + 10 {
            rig.read(BEGIN + jump + second, kwh);
            kwh += 0.1;
            rig.recorder.book().unwrap();
        }
    }
    let quarters = rig.quarters();
    let total: Decimal = quarters.iter().map(|(_, kwh, _)| kwh.parse::<Decimal>().unwrap()).sum();
    assert_eq!(total, Decimal::new(49, 1), "what the register says: {quarters:?}");
    let starts: std::collections::BTreeSet<i64> = quarters.iter().map(|(start, ..)| *start).collect();
    assert_eq!(starts.len(), quarters.len(), "no quarter of an hour twice");
    assert!(rig.store.incidents(&rig.meter, 10).unwrap().is_empty());
    let key = rig.store.catalogue().find(&rig.meter, &Quantity::KwhLifetime).unwrap().key;
    assert_eq!(rig.store.samples(key, 0, i64::MAX, 100).unwrap().points.len(), 50, "every sample at its time");
    // A clock that is wrong by ten years asks to drop all there is, and gets a week.
    rig.store.drop_samples_before(1).unwrap();
    let work = Work::new(site(), rig.store.clone(), Arc::<Tap>::default(), Arc::<Mutex<()>>::default()).unwrap();
    let before = rig.store.samples_dropped_before().unwrap().unwrap();
    work.drop_before((BEGIN + TEN_YEARS) * 1000).unwrap();
    assert_eq!(rig.store.samples_dropped_before().unwrap().unwrap() - before, 7 * 24 * HOUR * 1000);
}

#[test]
fn what_is_of_no_known_series_is_left_out() {
    let rig = Rig::new();
    let unknown = Measured {
        meter: MeterId::new("other").unwrap(),
        quantity: Quantity::CurrentKw,
        reading: Reading::good(1.0, Unit::Kilowatt, Timestamp::UNIX_EPOCH),
    };
    rig.tap.put(&unknown.meter, [(&unknown.quantity, &unknown.reading)].into_iter());
    std::thread::sleep(Duration::from_millis(10));
    assert!(rig.quarters().is_empty());
}

#[test]
fn what_is_imported_and_older_than_what_is_kept_is_counted_before_it_is_dropped() {
    let rig = Rig::new();
    rig.recorder.book().unwrap(); // the series are declared
    let old = 1_672_531_200 - BEGIN; // 2023-01-01
    rig.merge(&[(BEGIN + old, 100), (BEGIN + old + 900, 125), (BEGIN + old + 1800, 150)]);
    // The recorder looks for old samples once it runs.
    std::thread::sleep(RECORD_EVERY + Duration::from_millis(500));
    rig.recorder.count_marked_anew().unwrap();
    let first = old / 900;
    assert_eq!(rig.quarters(), quarters(&[(first, "2.5", false), (first + 1, "2.5", false)]));
}
