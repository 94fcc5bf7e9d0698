use proptest::prelude::*;

use super::*;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn counts(values: &[(i64, &str)]) -> Vec<Count> {
    values
        .iter()
        .map(|(second, value)| Count { at: Timestamp::from_second(*second).unwrap(), value: decimal(value), epoch: 0 })
        .collect()
}

fn run(counts: &[Count], limits: &Limits) -> Outcome {
    let mut counter = Counter::default();
    let mut all = Outcome::default();
    for count in counts {
        let outcome = counter.push(*count, limits);
        all.segments.extend(outcome.segments);
        all.incidents.extend(outcome.incidents);
    }
    let last = counter.finish(limits);
    all.segments.extend(last.segments);
    all.incidents.extend(last.incidents);
    all
}

fn total(outcome: &Outcome) -> Decimal {
    outcome.segments.iter().map(|segment| segment.amount).sum()
}

fn kinds(outcome: &Outcome) -> Vec<IncidentKind> {
    outcome.incidents.iter().map(|incident| incident.kind).collect()
}

/// What happens, the counter's values at seconds, its limits, what flowed, and what was noticed.
type Case<'a> = (&'a str, &'a [(i64, &'a str)], &'a Limits, &'a str, &'a [IncidentKind]);

#[test]
fn each_kind_of_history_counts_what_flowed() {
    use IncidentKind::{Glitch, Jump, NewBase, Reset, Rollover};
    let rated = Limits { modulus: None, per_hour: Some(decimal("800")) };
    let wide = Limits { modulus: Some(decimal("1000000")), per_hour: Some(decimal("800")) };
    let unrated = Limits { modulus: Some(decimal("1000000")), per_hour: None };
    let cases: &[Case<'_>] = &[
        ("counts up", &[(0, "10.0"), (900, "12.5"), (1800, "13.0")], &rated, "3.0", &[]),
        ("one poll at zero (F27)", &[(0, "40483"), (10, "0"), (20, "40484")], &rated, "1", &[Glitch]),
        ("stays low (F28)", &[(0, "40483"), (900, "3"), (1800, "5")], &rated, "5", &[Reset]),
        ("rollover (F29)", &[(0, "999999.9"), (60, "0.3"), (120, "0.5")], &wide, "0.6", &[Rollover]),
        ("rollover without a rating", &[(0, "999990"), (900, "15"), (1800, "20")], &unrated, "30", &[Rollover]),
        ("fall in mid-range is no rollover", &[(0, "400000"), (900, "15"), (1800, "20")], &unrated, "20", &[Reset]),
        ("jump (F31)", &[(0, "100"), (10, "15100"), (20, "15101")], &rated, "1", &[Jump]),
        ("jump and back", &[(0, "100"), (10, "15100"), (20, "101")], &rated, "1", &[Glitch]),
        ("another meter's count", &[(0, "40483"), (10, "20000"), (20, "20001")], &rated, "1", &[NewBase]),
        ("offline for a day", &[(0, "100"), (86_400, "9000")], &rated, "8900", &[]),
        ("clock back by an hour (F34)", &[(7200, "10"), (3600, "11"), (3660, "12")], &rated, "2", &[]),
        (
            "clock on by ten years and back (F34)",
            &[(0, "10"), (315_360_000, "11"), (60, "12"), (120, "13")],
            &rated,
            "3",
            &[],
        ),
        ("reset as the last there is", &[(0, "100"), (900, "2")], &rated, "2", &[Reset]),
    ];
    for (name, values, limits, expected, incidents) in cases {
        let outcome = run(&counts(values), limits);
        assert_eq!(total(&outcome), decimal(expected), "{name}");
        assert_eq!(kinds(&outcome), *incidents, "{name}");
    }
}

#[test]
fn a_swap_joins_nothing() {
    let mut series = counts(&[(0, "500"), (900, "501"), (1800, "7"), (2700, "8")]);
    for count in series.iter_mut().skip(2) {
        count.epoch = 1;
    }
    let outcome = run(&series, &Limits::default());
    assert_eq!(total(&outcome), decimal("2"));
    assert_eq!(kinds(&outcome), [IncidentKind::Swap]);
}

proptest! {
    #[test]
    fn never_negative_never_overlapping_never_more_than_the_rating(
        values in prop::collection::vec((1_i64..100_000, 0_u32..2_000_000), 1..60),
        rated in any::<bool>(),
        wide in any::<bool>(),
    ) {
        let limits = Limits {
            modulus: wide.then(|| decimal("1000000")),
            per_hour: rated.then(|| decimal("400")),
        };
        let mut at = 0;
        let series: Vec<Count> = values.iter().map(|(gap, value)| {
            at += gap;
            Count { at: Timestamp::from_second(at).unwrap(), value: Decimal::from(*value), epoch: 0 }
        }).collect();
        let outcome = run(&series, &limits);
        let mut end = series[0].at;
        for segment in &outcome.segments {
            prop_assert!(segment.amount >= Decimal::ZERO);
            prop_assert!(segment.from >= end && segment.to > segment.from);
            end = segment.to;
            if rated {
                let from = Count { at: segment.from, value: Decimal::ZERO, epoch: 0 };
                let to = Count { at: segment.to, value: Decimal::ZERO, epoch: 0 };
                prop_assert!(segment.amount <= allowance(from, to, &limits).unwrap());
            }
        }
    }

    #[test]
    fn a_register_that_only_counts_up_loses_nothing(steps in prop::collection::vec((1_i64..10_000, 0_u32..1000), 1..60)) {
        let mut at = 0;
        let mut value = Decimal::ZERO;
        let series: Vec<Count> = steps.iter().map(|(gap, step)| {
            at += gap;
            value += Decimal::new(i64::from(*step), 2);
            Count { at: Timestamp::from_second(at).unwrap(), value, epoch: 0 }
        }).collect();
        let outcome = run(&series, &Limits::default());
        prop_assert_eq!(total(&outcome), series[series.len() - 1].value - series[0].value);
        prop_assert!(outcome.incidents.is_empty());
    }
}
