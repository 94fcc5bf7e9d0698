use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    domain::{sample::Decimals, unit::Unit},
    store::{SeriesSpec, energy::MeterBooking},
};

/// 2026-03-28T00:00Z: the clocks go forward in the night after the next.
const BEGIN: i64 = 1_774_656_000;
const QUARTERS: i64 = 3 * 96;

fn id(text: &str) -> MeterId {
    MeterId::new(text).unwrap()
}

fn at(quarter: i64) -> Timestamp {
    Timestamp::from_second(BEGIN + quarter * 900).unwrap()
}

/// Two meters that are read by hand, and their difference.
fn site() -> Site {
    let meter = |id: &str, formula: Option<&str>| {
        json!({ "id": id, "name": id, "meter_point": "rack-pdu", "status": "active", "registers": [], "fed_by": [],
            "reports": "primary", "commodity": "electricity", "tags": [], "maintenance": {}, "utility_meter": [],
            "formula": formula, "meter_type": formula.map(|_| "virtual") })
    };
    serde_json::from_value(json!({ "name": "s", "time_zone": "Europe/Amsterdam", "currency": "EUR", "data_dir": "/",
        "keep_samples": { "secs": 0, "nanos": 0 }, "demand_interval": { "secs": 900, "nanos": 0 }, "places": {},
        "devices": {}, "profiles": {}, "accounts": {}, "customer_sites": {}, "submeters": {},
        "meters": { "a": meter("a", None), "b": meter("b", None), "rest": meter("rest", Some("a - b / 2")) } }))
    .unwrap()
}

/// A store with intervals in Wh, by meter and quarter hour.
fn store(energy: &BTreeMap<(usize, i64), i64>) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path()).unwrap();
    let site = site();
    let zone = TimeZone::get(&site.time_zone).unwrap();
    let mut bookings = Vec::new();
    for (place, meter) in ["a", "b"].map(id).into_iter().enumerate() {
        let quantity = Quantity::KwhLifetime;
        let decimals = Decimals::default();
        let spec = SeriesSpec { meter: meter.clone(), quantity, unit: Unit::KilowattHour, decimals };
        store.declare(vec![spec]).unwrap();
        let of_meter = energy.iter().filter(|((of, _), _)| *of == place);
        let interval = |(_, watt_hours): (_, &i64)| Interval {
            consumed: Decimal::new(*watt_hours, 3),
            measured: Duration::from_mins(15),
            ..Interval::default()
        };
        let intervals = of_meter.map(|entry| (at(entry.0.1), interval(entry))).collect();
        let (incidents, ledger) = (Vec::new(), Ledger::default());
        bookings.push(MeterBooking { meter, intervals, incidents, ledger, anew_from: None });
    }
    store.book(bookings, Grid::new(site.demand_interval, &zone), zone).unwrap();
    (folder, store)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn days_intervals_and_spans_are_one_sum(
        energy in prop::collection::btree_map((0_usize..2, 0..QUARTERS), 0_i64..100_000, 1..200),
        from in 0..QUARTERS,
        length in 1..QUARTERS,
        cut in 0_i64..900,
    ) {
        let (_folder, store) = store(&energy);
        let site = site();
        let energies = Energies::new(&store, &site).unwrap();
        let span = Span { from: at(from), to: at(from + length) };
        for meter in ["a", "b", "rest"].map(id) {
            let plain = |quarter: i64| -> Option<Decimal> {
                let of = |place: usize| Some(Decimal::new(*energy.get(&(place, quarter))?, 3));
                match meter.as_str() {
                    "a" => of(0),
                    "b" => of(1),
                    _ => Some(of(0)? - of(1)? / Decimal::TWO),
                }
            };
            let expected: Decimal = (from..from + length).filter_map(plain).sum();
            let rows = energies.intervals(&meter, span).unwrap();
            prop_assert_eq!(rows.iter().map(|row| row.interval.net()).sum::<Decimal>(), expected);
            let total = energies.total(&meter, span).unwrap();
            prop_assert_eq!(total.consumed - total.generated, expected);
            prop_assert_eq!(total.known, Duration::from_secs(900 * rows.len() as u64));
            // All days together are all intervals.
            let days = energies.days(&meter, "2026-03-27".parse().unwrap(), "2026-04-02".parse().unwrap()).unwrap();
            let all: Decimal = (0..QUARTERS).filter_map(plain).sum();
            prop_assert_eq!(days.values().map(|day| day.consumed - day.generated).sum::<Decimal>(), all);
            // A moment within a quarter hour has no more than that quarter hour of energy less.
            let to = span.to + jiff::SignedDuration::from_secs(cut);
            let cut_total = energies.total(&meter, Span { to, ..span }).unwrap();
            let more = cut_total.consumed - cut_total.generated - expected;
            let whole = plain(from + length).unwrap_or_default();
            prop_assert!((Decimal::ZERO..=whole.abs()).contains(&more.abs()), "{} of {}", more, whole);
        }
    }
}
