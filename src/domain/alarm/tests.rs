use proptest::prelude::*;

use super::{
    limits::{Comparison, Values, comparisons},
    *,
};

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

#[test]
fn thresholds_have_a_dead_band() {
    let load = |value| Comparison { kind: AlarmKind::LoadWarning, value: Some(value), threshold: 80.0, below: false };
    for (value, active, holds) in [(79.5, false, false), (80.1, false, true), (79.5, true, true), (79.1, true, false)] {
        assert_eq!(load(value).holds(active), Some(holds), "{value} {active}");
    }
    let unknown = Comparison { kind: AlarmKind::VoltageLow, value: None, threshold: 207.0, below: true };
    assert_eq!(unknown.holds(true), None);
}

#[test]
fn an_idle_meters_power_factor_is_no_fault() {
    let meter = serde_json::from_value(serde_json::json!({ "id": "m", "name": "m", "meter_point": "rack-pdu",
        "status": "active", "registers": [], "reports": "primary", "fed_by": [], "commodity": "electricity", "tags": [],
        "maintenance": {}, "utility_meter": [], "power_factor_min_threshold": 0.9 }))
    .unwrap();
    for (load_percent, holds) in [(Some(5.0), false), (Some(50.0), true), (None, true)] {
        let values = Values { load_percent, power_factor: Some(0.5), ..Values::default() };
        assert_eq!(comparisons(&meter, &values)[0].holds(false), Some(holds), "{load_percent:?}");
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
