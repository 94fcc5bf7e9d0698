use proptest::prelude::*;

use super::{
    limits::{Comparison, Side, comparisons},
    *,
};
use crate::domain::{live::MeterLive, quantity::Quantity, reading::Reading, site::Meter, standing, unit::Unit};

mod watched;

const DELAYS: Delays = Delays { on: Duration::from_secs(5), off: Duration::from_secs(10) };

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// Observes at each second.
fn observe(alarm: &mut Alarm, seconds: std::ops::Range<i64>, holds: Option<bool>) {
    for second in seconds {
        alarm.observe(holds, DELAYS, at(second));
    }
}

#[test]
fn goes_through_the_states_of_the_standard() {
    let mut alarm = Alarm::default();
    observe(&mut alarm, 0..5, Some(true));
    assert_eq!(alarm.state(at(4)), AlarmState::Normal, "the on-delay");
    observe(&mut alarm, 5..6, Some(true));
    assert_eq!(alarm.state(at(5)), AlarmState::Unacknowledged);
    assert!(alarm.acknowledge());
    assert_eq!(alarm.state(at(6)), AlarmState::Acknowledged);
    observe(&mut alarm, 6..16, Some(false));
    assert_eq!(alarm.state(at(15)), AlarmState::Acknowledged, "the off-delay");
    observe(&mut alarm, 16..17, Some(false));
    assert_eq!(alarm.state(at(16)), AlarmState::Normal);

    observe(&mut alarm, 20..26, Some(true));
    observe(&mut alarm, 26..40, Some(false));
    assert_eq!(alarm.state(at(40)), AlarmState::ReturnedUnacknowledged);
    assert!(alarm.acknowledge());
    assert_eq!(alarm.state(at(40)), AlarmState::Normal);
    assert!(!alarm.acknowledge());
}

#[test]
fn shelving_ends_by_itself_and_hides_nothing_after() {
    let mut alarm = Alarm::default();
    observe(&mut alarm, 0..6, Some(true));
    alarm.shelve(at(100));
    assert_eq!(alarm.state(at(99)), AlarmState::Shelved);
    assert_eq!(alarm.state(at(100)), AlarmState::Unacknowledged);
    alarm.shelve(at(200));
    alarm.unshelve();
    assert_eq!(alarm.state(at(150)), AlarmState::Unacknowledged);
}

#[test]
fn an_unknown_value_changes_nothing() {
    let mut alarm = Alarm::default();
    observe(&mut alarm, 0..6, Some(true));
    observe(&mut alarm, 6..100, None);
    assert_eq!(alarm.state(at(100)), AlarmState::Unacknowledged);
}

#[test]
fn a_clock_set_back_does_not_make_a_delay_endless() {
    let mut alarm = Alarm::default();
    alarm.observe(Some(true), DELAYS, at(10_000));
    observe(&mut alarm, 0..6, Some(true));
    assert_eq!(alarm.state(at(6)), AlarmState::Unacknowledged);
}

fn comparison(kind: AlarmKind, value: Option<f64>, threshold: f64, side: Side) -> Comparison {
    Comparison { kind, quantity: Quantity::LoadPercent, value, threshold, side, is_idle: false }
}

#[test]
fn thresholds_have_a_dead_band() {
    let load = |value| comparison(AlarmKind::LoadWarning, Some(value), 80.0, Side::AtLeast);
    let rows = [(79.5, false, false), (80.0, false, true), (79.5, true, true), (79.2, true, true), (79.1, true, false)];
    for (value, active, holds) in rows {
        assert_eq!(load(value).holds(active), Some(holds), "{value} {active}");
    }
    let volts = |value| comparison(AlarmKind::VoltageLow, value, 207.0, Side::Below);
    for (value, active, holds) in
        [(207.0, false, false), (206.9, false, true), (209.0, true, true), (209.1, true, false)]
    {
        assert_eq!(volts(Some(value)).holds(active), Some(holds), "{value} {active}");
    }
    assert_eq!(volts(None).holds(true), None);
    let over = |value| comparison(AlarmKind::VoltageHigh, Some(value), 253.0, Side::Above);
    assert_eq!((over(253.0).holds(false), over(253.1).holds(false)), (Some(false), Some(true)));
}

fn meter(more: &serde_json::Value) -> Meter {
    let mut fields = serde_json::json!({ "id": "m", "name": "m", "meter_point": "rack-pdu", "status": "active",
        "registers": [], "reports": "primary", "fed_by": [], "commodity": "electricity", "tags": [], "maintenance": {},
        "utility_meter": [] });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(fields).unwrap()
}

fn live(values: &[(Quantity, f64)]) -> MeterLive {
    let reading = |value| Reading::good(value, Unit::Percent, at(100));
    let readings = values.iter().map(|(quantity, value)| (quantity.clone(), reading(*value))).collect();
    MeterLive { state: crate::domain::live::MeterState::Ok, at: Some(at(100)), readings, ..MeterLive::default() }
}

#[test]
fn an_idle_meters_power_factor_is_no_fault() {
    let every = Duration::from_secs(1);
    let unrated = meter(&serde_json::json!({ "power_factor_min_threshold": 0.9 }));
    let rated = meter(&serde_json::json!({ "power_factor_min_threshold": 0.9, "rated_capacity_kw": 10.0 }));
    for (meter, load, power_factor, holds) in [
        (&rated, Some(5.0), 0.5, Some(false)),
        (&rated, Some(10.0), 0.5, Some(false)),
        (&rated, Some(50.0), -0.5, Some(true)),
        (&rated, Some(50.0), -0.95, Some(false)),
        (&rated, None, 0.5, None),
        (&unrated, None, 0.5, Some(true)),
    ] {
        let mut values = vec![(Quantity::PowerFactor, power_factor)];
        values.extend(load.map(|load| (Quantity::LoadPercent, load)));
        let live = live(&values);
        let found = comparisons(meter, &live, at(100), every);
        assert_eq!(found[0].holds(false), holds, "{load:?}");
        let on_screen = standing::breaches(meter, &live, at(100), every);
        assert_eq!(!on_screen.is_empty(), holds == Some(true), "a screen says the same");
    }
}

proptest! {
    #[test]
    fn never_flaps_faster_than_its_delays(inputs in prop::collection::vec(prop::option::of(any::<bool>()), 1..300)) {
        let mut alarm = Alarm::default();
        let mut last_change = None;
        for (second, holds) in inputs.into_iter().enumerate() {
            let second = i64::try_from(second).unwrap();
            if alarm.observe(holds, DELAYS, at(second)) {
                if let Some(last) = last_change {
                    prop_assert!(second - last >= 5);
                }
                last_change = Some(second);
            }
        }
    }
}
