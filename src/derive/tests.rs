//! What derivation promises.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::domain::{
    ids::MeterId,
    register::{Encoding, Function, Order, Register, Reports},
    site::{Commodity, Maintenance, MeterPoint, MeterStatus, Transformer},
    unit::Unit,
};

fn meter() -> Meter {
    Meter {
        id: MeterId::new("main").unwrap(),
        name: "MSB-1".into(),
        meter_name: None,
        meter_point: MeterPoint::MainSwitchgear,
        status: MeterStatus::Active,
        description: None,
        place: None,
        panel_board_ref: None,
        feed_path: None,
        manufacturer: None,
        model: None,
        serial_number: None,
        meter_type: None,
        accuracy_class: None,
        ct_ratio: Some(Transformer { primary: 400.0, secondary: 5.0 }),
        pt_ratio: Some(Transformer { primary: 20_000.0, secondary: 100.0 }),
        protocol: None,
        ip_address: None,
        device: None,
        registers: [].into(),
        reports: Reports::Primary,
        fed_by: Vec::new(),
        commodity: Commodity::Electricity,
        external_meter_id: None,
        tags: Vec::new(),
        formula: None,
        cost_per_kwh: None,
        currency: None,
        rated_capacity_kw: None,
        rated_capacity_amps: None,
        warning_threshold_percent: None,
        critical_threshold_percent: None,
        voltage_high_threshold: None,
        voltage_low_threshold: None,
        power_factor_min_threshold: None,
        phase_imbalance_max_percent: None,
        maintenance: Maintenance::default(),
        utility_meter: Vec::new(),
    }
}

fn register(quantity: Quantity) -> Register {
    Register {
        unit: quantity.unit().unwrap(),
        quantity,
        address: 0,
        function: Function::Input,
        raw_type: RawType::F32,
        words: Order::Big,
        bytes: Order::Big,
        scale: 1.0,
        offset: 0.0,
        scale_register: None,
        invalid: None,
        min: None,
        max: None,
        modulus: None,
        encoding: Encoding::Plain,
    }
}

fn good(quantity: &Quantity, value: f64) -> Reading {
    Reading::good(value, quantity.unit().unwrap_or(Unit::Count), Timestamp::UNIX_EPOCH)
}

/// `name value` by commas; `bad` and `missing` are states.
fn raw(text: &str) -> Readings {
    let one = |pair: &str| {
        let (name, value) = pair.trim().split_once(' ').unwrap();
        let quantity = Quantity::parse(name).unwrap();
        let reading = match value {
            "bad" => Reading { state: State::Bad, value: None, ..good(&quantity, 0.0) },
            "missing" => Reading { state: State::Missing, value: None, ..good(&quantity, 0.0) },
            number => good(&quantity, number.parse().unwrap()),
        };
        (quantity, reading)
    };
    text.split(',').filter(|pair| !pair.trim().is_empty()).map(one).collect()
}

/// What `quantity` came to: its value or its state's word, `-` where there is none.
fn outcome(readings: &Readings, quantity: &Quantity) -> String {
    match readings.get(quantity) {
        None => "-".into(),
        Some(Reading { value: Some(value), state: State::Good, .. }) => format!("{}", (value * 1e6).round() / 1e6),
        Some(reading) => reading.state.word().into(),
    }
}

#[test]
fn transformers_apply_to_secondary_values_only() {
    let read = "amps_phase_a 2.5, neutral_current 0.1, voltage_phase_a 57.7, voltage_ab 100, current_kw 0.4, \
                current_kva 0.5, current_kvar 0.3, kwh_lifetime 12.5, demand_kw 0.2, frequency 50, power_factor 0.8, \
                x_door 1";
    let primary = meter_readings(&meter(), &raw(read)).readings;
    let secondary = meter_readings(&Meter { reports: Reports::Secondary, ..meter() }, &raw(read)).readings;
    for (name, before, after) in [
        ("amps_phase_a", "2.5", "200"),
        ("neutral_current", "0.1", "8"),
        ("voltage_phase_a", "57.7", "11540"),
        ("voltage_ab", "100", "20000"),
        ("current_kw", "0.4", "6400"),
        ("current_kva", "0.5", "8000"),
        ("current_kvar", "0.3", "4800"),
        ("kwh_lifetime", "12.5", "200000"),
        ("demand_kw", "0.2", "3200"),
        ("frequency", "50", "50"),
        ("power_factor", "0.8", "0.8"),
        ("x_door", "1", "1"),
    ] {
        let quantity = Quantity::parse(name).unwrap();
        assert_eq!(outcome(&primary, &quantity), before, "{name}");
        assert_eq!(outcome(&secondary, &quantity), after, "{name}");
        assert!(!secondary.get(&quantity).unwrap().derived, "{name} is read");
    }
    let bare = Meter { reports: Reports::Secondary, ct_ratio: None, pt_ratio: None, ..meter() };
    assert_eq!(outcome(&meter_readings(&bare, &raw(read)).readings, &Quantity::CurrentKw), "0.4");
}

#[test]
fn totals_are_derived_where_that_is_exact() {
    use Quantity::{CurrentAmps, CurrentKva, CurrentKw, PowerFactor, Voltage};
    for (read, quantity, expected) in [
        ("kw_phase_a 1.5, kw_phase_b 2, kw_phase_c -0.5", CurrentKw, "3"),
        ("kw_phase_a 1.5", CurrentKw, "1.5"),
        ("kw_phase_a 1.5, kw_phase_b bad, kw_phase_c 1", CurrentKw, "bad"),
        ("kw_phase_a 1.5, kw_phase_b missing, kw_phase_c bad", CurrentKw, "missing"),
        ("kw_phase_a 1, current_kw 7", CurrentKw, "7"),
        ("kw_phase_a 1, current_kw bad", CurrentKw, "bad"),
        ("frequency 50", CurrentKw, "-"),
        ("amps_phase_a 10, amps_phase_b 20, amps_phase_c 30", CurrentAmps, "60"),
        ("voltage_phase_a 229, voltage_phase_b 230, voltage_phase_c 234", Voltage, "231"),
        ("voltage_ab 400", Voltage, "-"),
        ("current_kw 8, power_factor 0.8", CurrentKva, "10"),
        ("current_kw -8, power_factor -0.8", CurrentKva, "10"),
        ("current_kw 3, current_kvar -4", CurrentKva, "5"),
        ("current_kw 3, power_factor 0, current_kvar 4", CurrentKva, "5"),
        ("current_kw 3, power_factor bad, current_kvar 4", CurrentKva, "5"),
        ("current_kw 3, power_factor 0", CurrentKva, "missing"),
        ("current_kw 3, power_factor bad", CurrentKva, "bad"),
        ("current_kw 8, current_kva 10", PowerFactor, "0.8"),
        ("current_kw -8, current_kva 10", PowerFactor, "-0.8"),
        ("current_kw 10.1, current_kva 10", PowerFactor, "1"),
        ("current_kw 20, current_kva 10", PowerFactor, "bad"),
        ("current_kw 0, current_kva 0", PowerFactor, "missing"),
        ("kw_phase_a 3, current_kvar 4", PowerFactor, "0.6"),
    ] {
        let readings = meter_readings(&meter(), &raw(read)).readings;
        assert_eq!(outcome(&readings, &quantity), expected, "{quantity} of {read}");
        if let Some(reading) = readings.get(&quantity) {
            assert_eq!(reading.derived, !raw(read).contains_key(&quantity), "{quantity} of {read}");
        }
    }
}

#[test]
fn a_register_that_was_not_read_is_missing() {
    let registers: Vec<_> = [Quantity::KwPhaseA, Quantity::KwPhaseB].map(register).into();
    let meter = Meter { registers: registers.into(), ..meter() };
    let readings = meter_readings(&meter, &raw("kw_phase_a 1")).readings;
    assert_eq!(outcome(&readings, &Quantity::KwPhaseB), "missing");
    assert_eq!(outcome(&readings, &Quantity::CurrentKw), "missing", "a total without all of its phases is none");
    assert_eq!(meter_readings(&meter, &Readings::new()), Said::default());
}

#[test]
fn load_is_of_power_else_of_the_highest_phase() {
    for (rated_kw, rated_amps, read, expected) in [
        (Some(800.0), None, "current_kw 200", "25"),
        (Some(800.0), Some(100.0), "current_kw 200, amps_phase_a 90", "25"),
        (None, Some(100.0), "current_kw 200, amps_phase_a 20, amps_phase_b 70, amps_phase_c 30", "70"),
        (None, Some(100.0), "amps_phase_a -80, amps_phase_b 70", "80"),
        (None, Some(50.0), "current_amps 20", "40"),
        (Some(800.0), Some(100.0), "amps_phase_a 90", "90"),
        (Some(800.0), Some(100.0), "current_kw bad, amps_phase_a 90", "90"),
        (Some(800.0), None, "current_kw bad", "bad"),
        (None, Some(100.0), "amps_phase_a 90, amps_phase_b bad", "bad"),
        (Some(800.0), None, "kw_phase_a 100, kw_phase_b 100", "25"),
        (None, None, "current_kw 200", "-"),
    ] {
        let meter = Meter { rated_capacity_kw: rated_kw, rated_capacity_amps: rated_amps, ..meter() };
        let readings = meter_readings(&meter, &raw(read)).readings;
        assert_eq!(outcome(&readings, &Quantity::LoadPercent), expected, "{read}");
    }
}

#[test]
fn imbalance_is_the_largest_deviation_from_the_mean() {
    for (rated_amps, read, expected) in [
        (None, "amps_phase_a 10, amps_phase_b 10, amps_phase_c 10", "0"),
        (None, "amps_phase_a 90, amps_phase_b 100, amps_phase_c 110", "10"),
        (None, "amps_phase_a 0, amps_phase_b 0, amps_phase_c 30", "200"),
        (None, "amps_phase_a 0, amps_phase_b 0, amps_phase_c 0", "missing"),
        (Some(1000.0), "amps_phase_a 9, amps_phase_b 10, amps_phase_c 10", "missing"),
        (Some(1000.0), "amps_phase_a 8, amps_phase_b 10, amps_phase_c 12", "20"),
        (None, "amps_phase_a 9, amps_phase_b bad, amps_phase_c 10", "bad"),
        (None, "amps_phase_a 9", "-"),
    ] {
        let meter = Meter { rated_capacity_amps: rated_amps, ..meter() };
        assert_eq!(
            outcome(&meter_readings(&meter, &raw(read)).readings, &Quantity::PhaseImbalance),
            expected,
            "{read}"
        );
    }
}

#[test]
fn what_cannot_be_is_a_fault_and_bad() {
    use Quantity::{CurrentKw, Frequency, Voltage, VoltagePhaseA};
    for (read, fault, concerned) in [
        ("voltage_phase_a 230, voltage_phase_b 231, voltage_phase_c 0", None, Voltage),
        ("voltage_phase_a 230, voltage_phase_b 4, voltage_phase_c 231", None, Voltage),
        ("voltage 0, current_kw 0.001", None, Voltage),
        ("voltage 0, demand_kw 40", None, Voltage),
        ("amps_phase_a 500, amps_phase_b 0.5", None, CurrentKw),
        ("frequency 0", None, Frequency),
        (
            "voltage_phase_a 230, voltage_phase_b 231, voltage_phase_c 2.3",
            Some("phases differ 100×: voltage L2 231.000 V, voltage L3 2.300 V"),
            VoltagePhaseA,
        ),
        ("voltage 0.2, current_kw 12", Some("real power 12.000 kW at voltage 0.200 V"), CurrentKw),
        ("voltage 0.2, kw_phase_a 12", Some("real power L1 12.000 kW at voltage 0.200 V"), CurrentKw),
        ("voltage_ab 2000000", Some("voltage L1-L2 2000000.000 V"), Quantity::VoltageAb),
        ("frequency 5000", Some("frequency 5000.000 Hz"), Frequency),
        ("frequency 5", Some("frequency 5.000 Hz"), Frequency),
        ("current_kw 2.4e-41", Some("real power 2.40e-41 kW"), CurrentKw),
        ("current_kw -1e30", Some("real power -1.00e30 kW"), CurrentKw),
    ] {
        let found = meter_readings(&meter(), &raw(read)).implausible;
        assert_eq!(found.as_ref().map(|fault| fault.detail.as_str()), fault, "{read}");
        let state = meter_readings(&meter(), &raw(read)).readings.get(&concerned).map(|reading| reading.state);
        let was_found = fault.is_some();
        assert!(state.is_none_or(|state| (state == State::Bad) == was_found), "{concerned} of {read}: {state:?}");
    }
}

#[test]
fn swapped_words_of_real_values_are_found() {
    // 230.1 V, 49.98 Hz and 12.3 kW as f32 with their words the wrong way round.
    let swapped = |value: f32| f64::from(f32::from_bits(value.to_bits().rotate_left(16)));
    let read = [(Quantity::Voltage, 230.1), (Quantity::Frequency, 49.98), (Quantity::CurrentKw, 12.3)]
        .map(|(quantity, value)| (quantity.clone(), good(&quantity, swapped(value))));
    assert!(meter_readings(&meter(), &read.into()).implausible.is_some());
}

fn any_readings() -> impl Strategy<Value = Readings> {
    let states = prop::sample::select(vec![State::Good, State::Estimated, State::Stale, State::Bad, State::Missing]);
    let reading = (prop_oneof![-1e3..1e3_f64, Just(0.0), any::<f64>()], states, 0_i64..100);
    let readable: Vec<Quantity> = Quantity::ALL.iter().filter(|quantity| quantity.is_readable()).cloned().collect();
    prop::collection::btree_map(prop::sample::select(readable), reading, 0..20).prop_map(|all| {
        let reading = |(quantity, (value, state, age)): (Quantity, (f64, State, i64))| {
            let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(age);
            let value = Some(value).filter(|value| state < State::Bad && value.is_finite());
            let state = if value.is_none() { state.worst(State::Bad) } else { state };
            (quantity.clone(), Reading { value, state, at, ..good(&quantity, 0.0) })
        };
        all.into_iter().map(reading).collect()
    })
}

proptest! {
    #[test]
    fn no_number_without_a_state_for_it(
        raw in any_readings(),
        rated in prop::option::of(1.0..1e4_f64),
        secondary in any::<bool>(),
    ) {
        let reports = if secondary { Reports::Secondary } else { Reports::Primary };
        let meter = Meter { rated_capacity_amps: rated, rated_capacity_kw: rated, reports, ..meter() };
        let worst = raw.values().map(|reading| reading.state).max();
        let oldest = raw.values().map(|reading| reading.at).min();
        for (quantity, reading) in meter_readings(&meter, &raw).readings {
            prop_assert_eq!(reading.value.is_some(), reading.state < State::Bad, "{}", quantity);
            prop_assert!(reading.value.is_none_or(f64::is_finite), "{}", quantity);
            prop_assert_eq!(Some(reading.unit), quantity.unit(), "{}", quantity);
            prop_assert_eq!(reading.derived, !raw.contains_key(&quantity), "{}", quantity);
            prop_assert!(Some(reading.at) >= oldest, "{} is younger than its inputs", quantity);
            if reading.derived && reading.value.is_some() {
                prop_assert!(Some(reading.state) <= worst, "{}", quantity);
            }
        }
    }

    #[test]
    fn total_power_is_the_sum_of_its_phases(phases in prop::array::uniform3(-1e4..1e4_f64)) {
        let raw: Readings =
            KILOWATTS.iter().zip(phases).map(|(quantity, value)| (quantity.clone(), good(quantity, value))).collect();
        let total = *meter_readings(&meter(), &raw).readings.get(&Quantity::CurrentKw).unwrap();
        prop_assert!((total.value.unwrap() - phases.iter().sum::<f64>()).abs() < 1e-9);
    }

    #[test]
    fn imbalance_does_not_depend_on_scale(phases in prop::array::uniform3(1.0..1e3_f64), factor in 0.5..20.0_f64) {
        let imbalance = |factor: f64| {
            let raw: Readings =
                AMPS.iter().zip(phases).map(|(phase, amps)| (phase.clone(), good(phase, amps * factor))).collect();
            meter_readings(&meter(), &raw).readings.get(&Quantity::PhaseImbalance).unwrap().value.unwrap()
        };
        prop_assert!((imbalance(1.0) - imbalance(factor)).abs() < 1e-6);
        prop_assert!((0.0..=200.0 + 1e-6).contains(&imbalance(factor)));
    }
}
