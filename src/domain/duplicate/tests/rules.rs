//! Each rule and reason by a table, and the order of rank.

use super::*;

/// `M` main, `A` additional, `?` unknown; then `d` delivery only, `s` a distributor's stage; then the record.
fn reading(whole: &str) -> Candidate {
    let (marks, text) = whole.split_once(' ').unwrap();
    let class = if marks.contains('M') {
        "MAIN"
    } else if marks.contains('A') {
        "Additional"
    } else {
        "?"
    };
    let account = account(text, "P", class, vec![record(text)]);
    let account = if marks.contains('s') { with_stage("COMBINED_DELIVERY", account) } else { account };
    let candidates = candidates(vec![statement(whole, vec![account])]);
    let candidate = candidates.into_iter().next().unwrap();
    Candidate { is_delivery_only: marks.contains('d'), ..candidate }
}

#[test]
fn the_first_rule_that_applies_wins() {
    for (readings, expected) in [
        // 1
        (&["M 01-01 02-01 45", "A 01-02 02-01 45"][..], "45 kWh same_value"),
        (&["M 01-01 02-01 45", "A 01-01 02-01 -"], "no_distributor_evidence"),
        (&["M 01-01 02-01 0", "A 01-01 02-01 0.00 MWh"], "0 kWh same_value"),
        (&["Md 01-01 02-01 45", "Ad 01-02 02-01 45"], "45 kWh same_value"),
        // 1x, before any evidence
        (&["Md 01-01 01-31 45", "M 01-02 02-01 46", "M 01-03 02-02 47"], "chained"),
        (&["Md 01-01 01-31 -", "M 01-02 02-01 46", "M 01-03 02-02 47"], "chained"),
        // A chain of four has no reading in its middle.
        (&["M 01-01 01-31 45", "M 01-02 02-01 45", "M 01-03 02-02 45", "M 01-04 02-03 45"], "chained"),
        // Two that are as near as a day, but only meet: the third connects them.
        (&["M 01-01 01-02 45", "M 01-01 01-03 45", "M 01-02 01-03 45"], "45 kWh same_value"),
        (&["M 01-01 01-02 45", "M 01-01 01-03 46", "M 01-02 01-03 45"], "chained"),
        // 2
        (&["Ad 01-01 02-01 45", "Ms 01-01 02-01 50"], "45 kWh delivery_only"),
        (&["Ad 01-01 02-01 45", "M 01-01 02-01 -"], "45 kWh delivery_only"),
        (&["Ad 01-01 02-01 45", "Ms 01-01 02-01 -"], "45 kWh delivery_only"),
        (&["Ad 01-01 02-01 45", "Md 01-01 02-01 0.045 MWh", "M 01-01 02-01 50"], "0.045 MWh delivery_only"),
        (&["Ad 01-01 02-01 45", "Md 01-01 02-01 46", "M 01-01 02-01 50"], "conflicting_distributors"),
        (&["Ad 01-01 02-01 45", "Md 01-01 02-01 -"], "distributor_without_usage"),
        (&["Ad 01-01 02-01 45", "Md 01-01 02-01 46", "Md 01-01 02-01 -"], "distributor_without_usage"),
        (&["Ad 01-01 02-01 -", "Ms 01-01 02-01 45"], "distributor_without_usage"),
        // 3
        (&["As 01-01 02-01 45", "M 01-01 02-01 50"], "45 kWh lifecycle_stage"),
        (&["As 01-01 02-01 45", "Ms 01-02 02-01 45", "M 01-01 02-01 -"], "45 kWh lifecycle_stage"),
        (&["As 01-01 02-01 45", "Ms 01-02 02-01 46"], "conflicting_distributors"),
        (&["As 01-01 02-01 -", "M 01-02 02-01 46"], "distributor_without_usage"),
        // 4
        (&["A 01-01 02-01 45", "M 01-02 02-01 46"], "no_distributor_evidence"),
        (&["A 01-01 02-01 -", "M 01-02 02-01 -"], "no_distributor_evidence"),
    ] {
        let candidates: Vec<Candidate> = readings.iter().map(|text| reading(text)).collect();
        assert_eq!(outcome(&candidates), expected, "{readings:?}");
    }
}

#[test]
fn different_dimensions_and_unknown_units_are_never_compared() {
    for (units, sets) in [
        (["kWh", "kW"], 2),
        (["kWh", "m3"], 2),
        (["therm", "MMBtu"], 1),
        (["CCF", "gallons"], 1),
        (["units", "units"], 1),
        (["units", "Units"], 2),
        (["units", "kWh"], 2),
    ] {
        let candidates = apart_of(&[&format!("01-01 02-01 45 {}", units[0]), &format!("01-01 02-01 45 {}", units[1])]);
        let assessment = assess_all(&candidates);
        assert_eq!((assessment.sets.len(), assessment.overlaps.len()), (sets, 0), "{units:?}");
    }
}

#[test]
fn rank_is_provider_then_statement_then_majority_then_id() {
    let best = |readings: &[Candidate]| {
        let assessment = assess_all(readings);
        let chosen = assessment.sets[0].standing.chosen().unwrap();
        readings.iter().position(|reading| reading.id == chosen).unwrap()
    };
    let dated = |text: &str, date: Option<&str>| Candidate { statement_date: date.map(day), ..reading(text) };
    let by_class = [
        dated("? 01-01 02-01 4", Some("05-01")),
        dated("A 01-01 02-01 4", Some("04-01")),
        dated("M 01-02 02-01 4", None),
    ];
    assert_eq!(best(&by_class), 2);
    assert_eq!(best(&by_class[..2]), 1);
    let by_date = [
        dated("M 01-01 02-01 4", None),
        dated("M 01-01 02-01 4.0", Some("04-01")),
        dated("M 01-02 02-01 4", Some("05-01")),
    ];
    assert_eq!(best(&by_date), 2);
    assert_eq!(best(&by_date[..2]), 1);
    let by_majority = [
        dated("M 01-01 02-01 4", Some("05-01")),
        dated("M 01-02 02-01 4", Some("05-01")),
        dated("A 01-02 02-01 4", Some("05-01")),
    ];
    assert_eq!(best(&by_majority), 1);
    let by_id = [dated("M 01-01 02-01 4", None), dated("M 01-02 02-01 4", None)];
    let smallest = usize::from(by_id[1].id < by_id[0].id);
    assert_eq!(best(&by_id), smallest);
}

#[test]
fn the_site_s_own_meter_decides_only_where_it_is_told_to() {
    let candidates = apart_of(&["01-01 02-01 45", "01-01 02-01 50", "01-02 02-01 45.0"]);
    let measured_of = |coverage: &'static str, kwh: &'static str| {
        move |_: &Candidate| Some(Measured { energy_kwh: decimal(kwh), coverage_percent: decimal(coverage) })
    };
    let outcome = |coverage, kwh, tolerance: Option<&str>| {
        let measured_of = measured_of(coverage, kwh);
        let measured = tolerance.map(|tolerance| {
            let rule = MeasuredRule { tolerance_percent: decimal(tolerance), coverage_percent: decimal("99") };
            (rule, &measured_of as &MeasuredOf<'_>)
        });
        let assessment = assess(&candidates, &Knowledge { book: &Book::default(), measured });
        let standing = &assessment.sets[0].standing;
        standing.chosen().map(|chosen| {
            assert_eq!(standing.rule(), Some(Rule::Measured));
            candidates.iter().find(|it| it.id == chosen).unwrap().usage.as_ref().unwrap().to_string()
        })
    };
    assert_eq!(outcome("100", "45.2", None), None, "not switched on");
    assert_eq!(outcome("100", "45.2", Some("1")).as_deref(), Some("45 kWh"));
    assert_eq!(outcome("99", "49.5", Some("2")).as_deref(), Some("50 kWh"));
    assert_eq!(outcome("98.9", "45.2", Some("1")), None, "too little was measured");
    assert_eq!(outcome("100", "47.5", Some("6")), None, "two values would do");
    assert_eq!(outcome("100", "47.5", Some("1")), None, "neither would do");
    assert_eq!(outcome("100", "0", Some("1")), None, "nothing to divide by");
    let chain = apart_of(&["01-01 01-31 45", "01-02 02-01 46", "01-03 02-02 50"]);
    let rule = MeasuredRule { tolerance_percent: decimal("1"), coverage_percent: decimal("99") };
    let measured_of = measured_of("100", "45");
    let assessment = assess(&chain, &Knowledge { book: &Book::default(), measured: Some((rule, &measured_of)) });
    assert_eq!(assessment.sets[0].standing.reason(), Some(ReviewReason::Chained));
}
