use std::collections::BTreeMap;

use super::*;
use crate::{
    domain::{sample::Decimals, unit::Unit},
    store::SeriesSpec,
};

fn store() -> (tempfile::TempDir, Store, MeterId) {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path()).unwrap();
    let meter = MeterId::new("main").unwrap();
    let spec = SeriesSpec {
        meter: meter.clone(),
        quantity: Quantity::KwhLifetime,
        unit: Unit::KilowattHour,
        decimals: Decimals::default(),
    };
    store.declare(vec![spec]).unwrap();
    (folder, store, meter)
}

fn zone() -> TimeZone {
    TimeZone::get("Europe/Amsterdam").unwrap()
}

fn grid() -> Grid {
    Grid::new(Duration::from_mins(15), &zone())
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn interval(consumed: &str) -> Interval {
    Interval {
        consumed: consumed.parse().unwrap(),
        generated: Decimal::ZERO,
        measured: Duration::from_mins(15),
        estimated: false,
    }
}

fn booking(meter: &MeterId, intervals: &[(Timestamp, Interval)]) -> MeterBooking {
    MeterBooking {
        meter: meter.clone(),
        intervals: intervals.iter().copied().collect::<BTreeMap<_, _>>(),
        incidents: Vec::new(),
        ledger: Ledger::default(),
        anew_from: None,
    }
}

#[test]
fn a_local_day_sums_its_own_quarter_hours() {
    let (_folder, store, meter) = store();
    // The day on which clocks go forward has 92 quarter hours and begins at 23:00 UTC.
    let begin = at("2026-03-28T22:45:00Z").as_second();
    let intervals: Vec<(Timestamp, Interval)> =
        (0..94).map(|place| (Timestamp::from_second(begin + place * 900).unwrap(), interval("1.25"))).collect();
    store.book(vec![booking(&meter, &intervals)], grid(), zone()).unwrap();
    let days = store.days(&meter, "2026-03-28".parse().unwrap(), "2026-03-31".parse().unwrap()).unwrap();
    let sums: Vec<(String, String)> = days.iter().map(|day| (day.date.to_string(), day.consumed.to_string())).collect();
    let expected = [("2026-03-28", "1.25"), ("2026-03-29", "115"), ("2026-03-30", "1.25")];
    assert_eq!(sums, expected.map(|(date, sum)| (date.to_owned(), sum.to_owned())));
    assert_eq!(days[1].peak, Some((Decimal::from(5), at("2026-03-28T23:00:00Z"))));
    assert_eq!(days[1].measured, Duration::from_hours(23));
}

#[test]
fn bookings_of_one_interval_add_up_and_counting_anew_forgets() {
    let (_folder, store, meter) = store();
    let start = at("2026-01-01T12:00:00Z");
    let part = |consumed| Interval { measured: Duration::from_secs(450), ..interval(consumed) };
    for consumed in ["0.5", "0.000001"] {
        store.book(vec![booking(&meter, &[(start, part(consumed))])], grid(), zone()).unwrap();
    }
    let span = Span { from: at("2026-01-01T00:00:00Z"), to: at("2026-01-02T00:00:00Z") };
    let rows = store.intervals(&meter, span).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].interval, interval("0.500001"));

    let mut anew = booking(&meter, &[(at("2026-01-01T12:15:00Z"), interval("2"))]);
    anew.anew_from = Some(start);
    store.book(vec![anew], grid(), zone()).unwrap();
    let rows = store.intervals(&meter, span).unwrap();
    assert_eq!(rows.iter().map(|row| row.start).collect::<Vec<_>>(), [at("2026-01-01T12:15:00Z")]);
    let days = store.days(&meter, "2026-01-01".parse().unwrap(), "2026-01-02".parse().unwrap()).unwrap();
    assert_eq!(days[0].consumed, Decimal::TWO);
}

#[test]
fn the_ledger_is_kept_with_what_it_led_to() {
    let (folder, store, meter) = store();
    let mut with_ledger = booking(&meter, &[]);
    with_ledger.ledger.power = Some((at("2026-01-01T12:00:00Z"), Decimal::ONE));
    let ledger = with_ledger.ledger.clone();
    store.book(vec![with_ledger], grid(), zone()).unwrap();
    drop(store);
    let (store, _) = Store::open(folder.path()).unwrap();
    assert_eq!(store.ledgers().unwrap(), BTreeMap::from([(meter, ledger)]));
}
