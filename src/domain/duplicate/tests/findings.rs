//! Overlaps, gaps, windows and what a statement was expected to hold.

use super::*;

fn overlaps(candidates: &[Candidate]) -> Vec<(usize, String)> {
    let assessment = assess_all(candidates);
    let twice = |overlap: &Overlap| format!("{} {}", overlap.twice.start, overlap.twice.end);
    assessment.overlaps.iter().map(|overlap| (overlap.members.len(), twice(overlap))).collect()
}

#[test]
fn overlaps_are_what_would_be_counted_twice() {
    for (readings, expected) in [
        (
            &["01-01 04-01 300", "01-01 02-01 90", "02-01 03-01 100", "03-01 04-01 110"][..],
            &[(4, "2023-01-01 2023-04-01")][..],
        ),
        (&["01-01 02-01 1", "02-01 03-01 1"], &[]),
        (&["01-01 02-02 1", "02-01 03-01 1"], &[(2, "2023-02-01 2023-02-02")]),
        (&["01-01 02-01 -", "01-05 02-01 1"], &[]),
        (&["01-01 02-01 1 kWh", "01-05 02-01 1 kW"], &[]),
        // Duplicates that wait for a person, under a longer one.
        (&["01-01 02-01 1", "01-02 02-01 2", "01-01 03-01 5"], &[(3, "2023-01-01 2023-02-01")]),
        // Of decided duplicates only the one that counts.
        (&["01-01 02-01 2", "01-01 02-01 2", "01-01 03-01 5"], &[(2, "2023-01-01 2023-02-01")]),
        (
            &["01-01 02-01 1", "01-10 01-20 1", "03-01 04-01 1", "03-10 05-01 1"],
            &[(2, "2023-01-10 2023-01-20"), (2, "2023-03-10 2023-04-01")],
        ),
    ] {
        let found = overlaps(&apart_of(readings));
        let found: Vec<(usize, &str)> = found.iter().map(|(count, days)| (*count, days.as_str())).collect();
        assert_eq!(found, expected, "{readings:?}");
    }
}

#[test]
fn gaps_are_more_than_a_day() {
    for (readings, expected) in [
        (&["01-01 02-01 1", "02-01 03-01 1"][..], &[][..]),
        // The last day instead of the next.
        (&["01-01 01-31 1", "02-01 02-28 1"], &[]),
        (&["01-01 01-31 1", "02-02 03-01 1"], &["2023-01-31 2023-02-02"]),
        (&["01-01 04-01 1", "01-05 01-20 1", "05-01 06-01 1"], &["2023-04-01 2023-05-01"]),
        // A period that waits for a person, or says no usage, is no gap.
        (&["01-01 02-01 1", "02-01 03-01 1", "02-01 03-01 2", "03-01 04-01 1"], &[]),
        (&["01-01 02-01 1", "02-01 03-01 -", "03-01 04-01 1"], &[]),
    ] {
        let usage = only(usage_of(&apart_of(readings), &Book::default()));
        let found: Vec<String> = usage.gaps.iter().map(|gap| format!("{} {}", gap.from, gap.to)).collect();
        assert_eq!(found, expected, "{readings:?}");
        assert!(
            usage.complete
                == (found.is_empty()
                    && usage.overlaps.is_empty()
                    && usage.open_reviews == 0
                    && usage.without_usage == 0)
        );
    }
}

#[test]
fn a_window_takes_what_is_within_a_day_of_it_or_inside() {
    let candidates =
        apart_of(&["2022-12-31 02-01 45", "01-10 01-20 1", "02-01 03-01 40", "01-01 04-01 130", "01-02 01-31 2 kW"]);
    let assessment = assess_all(&candidates);
    let account = |from: Option<&str>, to: Option<&str>| {
        let window = Window { from: from.map(day), to: to.map(day) };
        let usage = super::super::account("123", &candidates, &assessment, &Book::default(), &window);
        usage
            .iter()
            .map(|usage| format!("{} {} {}", usage.periods.len(), usage.total.unwrap(), usage.unit))
            .collect::<Vec<_>>()
    };
    assert_eq!(account(None, None), ["4 216 kWh", "1 2 kW"]);
    assert_eq!(account(Some("01-01"), Some("02-01")), ["2 46 kWh", "1 2 kW"]);
    assert_eq!(account(Some("02-01"), Some("03-01")), ["1 40 kWh", "0 0 kW"]);
    assert_eq!(account(Some("01-02"), None), ["2 41 kWh", "1 2 kW"]);
    assert_eq!(account(None, Some("02-01")), ["2 46 kWh", "1 2 kW"]);
    let window = Window { from: Some(day("2022-11-01")), to: Some(day("2023-05-01")) };
    let usage = super::super::account("123", &candidates, &assessment, &Book::default(), &window);
    let gaps: Vec<String> = usage[0].gaps.iter().map(|gap| format!("{} {}", gap.from, gap.to)).collect();
    assert_eq!(gaps, ["2022-11-01 2022-12-31", "2023-04-01 2023-05-01"], "the window's ends are asked for too");
    assert!(!usage[0].complete);
}

#[test]
fn totals_have_the_most_frequent_unit_but_energy_kwh() {
    for (readings, expected) in [
        (&["01-01 02-01 1 MWh", "02-01 03-01 0.5 MWh"][..], "1500 kWh"),
        (&["01-01 02-01 1 therm", "02-01 03-01 1 therm", "03-01 04-01 1 MMBtu"], "12 therm"),
        (&["01-01 02-01 1 CCF", "02-01 03-01 1 gal"], "1.0013368055555555555555555556 CCF"),
        (&["01-01 02-01 3 units", "02-01 03-01 4 units"], "7 units"),
    ] {
        let usage = only(usage_of(&apart_of(readings), &Book::default()));
        assert_eq!(format!("{} {}", usage.total.unwrap(), usage.unit), expected, "{readings:?}");
    }
    let usage = usage_of(&apart_of(&["01-01 02-01 1 MWh", "01-01 02-01 3 kW"]), &Book::default());
    assert_eq!(usage.iter().map(|usage| usage.unit.symbol()).collect::<Vec<_>>(), ["kWh", "kW"]);
}

#[test]
fn a_single_reading_without_usage_counts_nothing_and_is_no_review() {
    let usage = only(usage_of(&apart_of(&["01-01 02-01 -"]), &Book::default()));
    assert_eq!(
        (usage.total, usage.complete, usage.open_reviews, usage.coverage_days),
        (Some(decimal("0")), false, 0, 0)
    );
    let json = serde_json::to_value(&usage).unwrap();
    assert_eq!(json["periods"][0]["usage"], serde_json::Value::Null);
    assert_eq!(json["periods"][0]["rule"], "single");
}

#[test]
fn the_shape_of_the_accounting_is_the_documented_one() {
    let candidates = apart(vec![delivery_only("01-01 02-01 45"), record("01-01 02-01 50"), record("01-03 02-02 1")]);
    let usage = only(usage_of(&candidates, &Book::default()));
    let json = serde_json::to_value(&usage).unwrap();
    let line = &json["periods"][0];
    assert_eq!((&line["periodStart"], &line["periodEnd"]), (&"2023-01-01".into(), &"2023-02-01".into()));
    assert_eq!(
        (&line["usage"], &line["rule"], &line["status"]),
        (&"45".into(), &"delivery_only".into(), &"counted".into())
    );
    assert_eq!(line["chosen"], candidates[0].id.to_string());
    assert_eq!(line["setAside"], serde_json::json!([candidates[1].id.to_string()]));
    assert_eq!((&json["total"], &json["complete"], &json["openReviews"]), (&"46".into(), &false.into(), &0.into()));
    assert_eq!(json["overlaps"][0]["from"], "2023-01-03");
    assert_eq!(serde_json::from_value::<MeterUsage>(json).unwrap(), usage);
}

#[test]
fn a_statement_with_an_additional_provider_should_hold_a_duplicate() {
    let grid = |text: &str| account("a", "Grid Co", "MAIN", vec![record(text)]);
    let retail = |text: &str| account("b", "Retail Co", "secondary", vec![record(text)]);
    let missing = |statements: Vec<Statement>| {
        let candidates = candidates(statements);
        let mut expected = ExpectedDuplicates::default();
        expected.add(&candidates, &assess_all(&candidates));
        let statements = expected.into_statements().into_iter();
        statements.filter(|(_, is_held)| !is_held).map(|(id, _)| id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(missing(vec![statement("s", vec![grid("01-01 02-01 1"), retail("01-01 02-01 2")])]), [""; 0]);
    assert_eq!(missing(vec![statement("s", vec![grid("01-01 02-01 1"), retail("02-01 03-01 2")])]), ["s"]);
    // A duplicate on two statements is not on this one.
    assert_eq!(
        missing(vec![statement("s", vec![retail("01-01 02-01 2")]), statement("t", vec![grid("01-01 02-01 1")])]),
        ["s"]
    );
    assert_eq!(missing(vec![statement("t", vec![grid("01-01 02-01 1")])]), [""; 0]);
}
