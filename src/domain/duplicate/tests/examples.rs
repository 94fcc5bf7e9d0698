//! The worked examples, each with its number.

use super::*;

fn total(candidates: &[Candidate]) -> (String, bool, u32) {
    let usage = only(usage_of(candidates, &Book::default()));
    (format!("{} {}", usage.total.unwrap(), usage.unit), usage.complete, usage.open_reviews)
}

#[test]
fn example_1_two_values_without_evidence_go_to_a_person() {
    let candidates = apart_of(&["01-01 02-01 45", "01-01 02-01 50"]);
    assert_eq!(outcome(&candidates), "no_distributor_evidence");
    assert_eq!(total(&candidates), ("0 kWh".into(), false, 1));
}

#[test]
fn example_2_zeros_at_the_end_are_no_difference() {
    let candidates = apart_of(&["01-01 02-01 45", "01-01 02-01 45.000"]);
    assert_eq!(outcome(&candidates), "45 kWh same_value");
    assert_eq!(total(&candidates), ("45 kWh".into(), true, 0));
}

#[test]
fn example_3_units_are_converted_exactly() {
    let candidates = apart_of(&["01-01 02-01 45 kWh", "01-01 02-01 0.045 MWh"]);
    assert!(outcome(&candidates).ends_with("same_value"));
    assert_eq!(total(&candidates), ("45 kWh".into(), true, 0));
}

#[test]
fn example_4_delivery_only_is_the_distributor() {
    let candidates = apart(vec![delivery_only("01-01 02-01 45"), record("01-01 02-01 50")]);
    assert_eq!(outcome(&candidates), "45 kWh delivery_only");
}

#[test]
fn example_5_a_distribution_charge_in_its_own_account_is_the_distributor() {
    let candidates = candidates(vec![statement(
        "s",
        vec![
            with_stage("distribution", account("a", "Grid Co", "MAIN", vec![record("01-01 02-01 45")])),
            with_stage("GENERATION", account("b", "Retail Co", "ADDITIONAL", vec![record("01-01 02-01 50")])),
        ],
    )]);
    assert_eq!(outcome(&candidates), "45 kWh lifecycle_stage");
}

#[test]
fn example_6_delivery_only_comes_before_charges() {
    let candidates = candidates(vec![statement(
        "s",
        vec![
            account("a", "Grid Co", "MAIN", vec![delivery_only("01-01 02-01 45")]),
            with_stage("DISTRIBUTION", account("b", "Retail Co", "SECONDARY", vec![record("01-01 02-01 50")])),
        ],
    )]);
    assert_eq!(outcome(&candidates), "45 kWh delivery_only");
}

#[test]
fn example_7_two_readings_of_the_distributor_disagree() {
    let records = vec![record("01-01 02-01 45"), record("01-01 02-01 50")];
    let candidates =
        candidates(vec![statement("s", vec![with_stage("DISTRIBUTION", account("a", "Grid Co", "MAIN", records))])]);
    assert_eq!(outcome(&candidates), "conflicting_distributors");
}

#[test]
fn example_8_a_day_off_at_both_ends_is_the_same_period() {
    let candidates = apart(vec![record("01-01 02-01 45"), delivery_only("01-02 02-02 50")]);
    assert_eq!(outcome(&candidates), "50 kWh delivery_only");
    assert_eq!(total(&candidates), ("50 kWh".into(), true, 0));
}

#[test]
fn example_9_two_days_off_is_an_overlap() {
    let candidates = apart_of(&["01-01 02-01 45", "01-03 02-01 44"]);
    let assessment = assess_all(&candidates);
    assert_eq!(assessment.sets.len(), 2);
    let findings = assessment.findings(&candidates, &Book::default());
    let [overlap] = findings.as_slice() else { panic!("{findings:?}") };
    assert_eq!(
        (overlap.kind, overlap.standing.status(), overlap.standing.rule()),
        (FindingKind::Overlap, Status::Review, None)
    );
    assert_eq!(overlap.period, Period { start: day("01-03"), end: day("02-01") });
    assert_eq!(overlap.members.len(), 2);
    let usage = only(usage_of(&candidates, &Book::default()));
    assert_eq!((usage.total, usage.complete, usage.open_reviews), (Some(decimal("89")), false, 0));
    assert_eq!(usage.overlaps.len(), 1);
}

#[test]
fn example_10_days_after_each_other_are_no_duplicates() {
    let candidates = apart_of(&["01-01 01-02 5", "01-02 01-03 6"]);
    let assessment = assess_all(&candidates);
    assert_eq!(assessment.findings(&candidates, &Book::default()), []);
    assert_eq!(total(&candidates), ("11 kWh".into(), true, 0));
}

#[test]
fn example_11_a_chain_goes_to_a_person_unless_all_say_the_same() {
    let candidates = apart_of(&["01-01 01-31 45", "01-02 02-01 46", "01-03 02-02 47"]);
    assert_eq!(outcome(&candidates), "chained");
    let candidates = apart_of(&["01-01 01-31 45", "01-02 02-01 45", "01-03 02-02 45"]);
    assert_eq!(outcome(&candidates), "45 kWh same_value");
}

#[test]
fn example_12_what_does_not_contribute_is_excluded() {
    let usage =
        |text: &str, status| Record { excluded: Exclusion::check(&["Total"], Some(status)).err(), ..record(text) };
    let records = vec![usage("01-01 02-01 45", "contributing"), usage("01-01 02-01 50", "NON-CONTRIBUTING")];
    let part = Snapshot { meter: MeterKey::Id("123".into()), records }.into_part(1);
    assert_eq!(part.readings.len(), 2, "what is excluded is kept");
    let excluded: Vec<String> = part.readings.iter().filter_map(|it| Some(it.excluded.as_ref()?.describe())).collect();
    assert_eq!(excluded, ["contribution status NON-CONTRIBUTING"]);
    let candidates = candidates_of(&[part]);
    assert_eq!(outcome(&candidates), "45 kWh single");
}
