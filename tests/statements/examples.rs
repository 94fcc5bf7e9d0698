//! The worked examples of the specification, each by its number, through files and commands.

use serde_json::{Value, json};

use crate::help::{Folder, account, delivery, reading, statement, usage};

const JANUARY: [&str; 2] = ["2023-01-01", "2023-02-01"];

/// What becomes of two readings, each in an account of its own on one statement.
fn two(one: Value, stages: &[&str], other: Value, other_stages: &[&str]) -> (Folder, Value) {
    let folder = Folder::new();
    let accounts = [account("1", "MAIN", stages, &[one]), account("2", "ADDITIONAL", other_stages, &[other])];
    let answer = folder.import(&statement("s", "2023-02-05", &accounts));
    assert_eq!((&answer["readings"], &answer["new"]), (&json!(2), &json!(2)), "{answer}");
    let usage = folder.only_usage();
    (folder, usage)
}

#[expect(clippy::needless_pass_by_value, reason = "the examples read better")]
fn january(value: Value) -> Value {
    reading(JANUARY[0], JANUARY[1], &value)
}

fn counts(usage: &Value, value: &str, rule: &str) {
    let periods = usage["periods"].as_array().unwrap();
    assert_eq!(periods.len(), 1, "{usage}");
    assert_eq!((&periods[0]["usage"], &periods[0]["rule"]), (&json!(value), &json!(rule)), "{usage}");
    assert_eq!((&usage["total"], &usage["complete"]), (&json!(value), &json!(true)), "{usage}");
}

fn waits(folder: &Folder, usage: &Value, reason: &str) {
    assert_eq!((&usage["total"], &usage["complete"], &usage["openReviews"]), (&json!("0"), &json!(false), &json!(1)));
    let open = folder.groups("review");
    assert_eq!(open.len(), 1);
    assert_eq!((&open[0]["reason"], &open[0]["chosen"]), (&json!(reason), &Value::Null), "{open:?}");
}

#[test]
fn example_1_no_evidence_goes_to_a_person() {
    let (folder, usage) = two(january(json!(45)), &[], january(json!(50)), &[]);
    waits(&folder, &usage, "no_distributor_evidence");
}

#[test]
fn example_2_equal_values_count_once() {
    let (_, usage) = two(january(json!(45)), &[], january(json!("45.000")), &[]);
    counts(&usage, "45", "same_value");
}

#[test]
fn example_3_equal_values_in_two_units_count_once() {
    let mut other = january(json!("0.045"));
    other["usageUnit"] = json!("MWh");
    let (_, usage) = two(january(json!(45)), &[], other, &[]);
    counts(&usage, "45", "same_value");
}

#[test]
fn example_4_delivery_only_wins() {
    let (_, usage) = two(delivery(JANUARY[0], JANUARY[1], &json!(45)), &[], january(json!(50)), &[]);
    counts(&usage, "45", "delivery_only");
}

#[test]
fn example_5_the_stage_of_a_charge_wins() {
    let (_, usage) = two(january(json!(45)), &["DISTRIBUTION"], january(json!(50)), &["GENERATION"]);
    counts(&usage, "45", "lifecycle_stage");
}

#[test]
fn example_6_delivery_only_before_stage() {
    let (_, usage) = two(delivery(JANUARY[0], JANUARY[1], &json!(45)), &[], january(json!(50)), &["DISTRIBUTION"]);
    counts(&usage, "45", "delivery_only");
}

#[test]
fn example_7_two_readings_of_the_distributor_conflict() {
    let folder = Folder::new();
    let both = account("1", "MAIN", &["DISTRIBUTION"], &[january(json!(45)), january(json!(50))]);
    folder.import(&statement("s", "2023-02-05", &[both]));
    waits(&folder, &folder.only_usage(), "conflicting_distributors");
}

#[test]
fn example_8_a_day_off_is_the_same_period() {
    let (_, usage) = two(january(json!(45)), &[], delivery("2023-01-02", "2023-02-02", &json!(50)), &[]);
    counts(&usage, "50", "delivery_only");
}

#[test]
fn example_9_two_days_off_is_an_overlap() {
    let (folder, usage) = two(january(json!(45)), &[], reading("2023-01-03", "2023-02-01", &json!(50)), &[]);
    assert_eq!((&usage["total"], &usage["complete"], &usage["openReviews"]), (&json!("95"), &json!(false), &json!(0)));
    assert_eq!(usage["overlaps"].as_array().unwrap().len(), 1, "{usage}");
    let open = folder.groups("review");
    assert_eq!((open.len(), &open[0]["kind"]), (1, &json!("overlap")), "{open:?}");
    assert_eq!(folder.json(&["duplicates", "list", "--kind", "duplicate"]), json!([]));
}

#[test]
fn example_10_consecutive_days_are_no_duplicates() {
    let (folder, usage) =
        two(reading("2023-01-01", "2023-01-02", &json!(5)), &[], reading("2023-01-02", "2023-01-03", &json!(6)), &[]);
    assert_eq!((&usage["total"], &usage["complete"]), (&json!("11"), &json!(true)), "{usage}");
    assert_eq!(folder.groups("all").len(), 0);
}

#[test]
fn example_11_a_chain_goes_to_a_person_unless_all_are_equal() {
    for (values, is_chain) in [([45, 46, 47], true), ([45, 45, 45], false)] {
        let folder = Folder::new();
        let periods = [["2023-01-01", "2023-02-01"], ["2023-01-02", "2023-02-02"], ["2023-01-03", "2023-02-03"]];
        let readings: Vec<Value> =
            periods.iter().zip(values).map(|([start, end], value)| reading(start, end, &json!(value))).collect();
        folder.import(&statement("s", "2023-02-05", &[account("1", "MAIN", &[], &readings)]));
        let usage = folder.only_usage();
        if is_chain {
            waits(&folder, &usage, "chained");
        } else {
            counts(&usage, "45", "same_value");
        }
    }
}

#[test]
fn example_12_only_contributing_totals_of_meter_details_count() {
    let folder = Folder::new();
    let usages = [
        usage("2023-01-01", "2023-02-01", &json!(45), "CONTRIBUTING"),
        usage("2023-01-01", "2023-02-01", &json!(50), "NON-CONTRIBUTING"),
    ];
    let answer = folder.import(&json!({ "meterId": "123", "usages": usages }));
    assert_eq!((&answer["new"], &answer["excluded"]), (&json!(2), &json!(1)), "{answer}");
    counts(&folder.only_usage(), "45", "single");
    let excluded = folder.json(&["usage", "--excluded"]);
    assert_eq!((&excluded[0]["usage"], &excluded[0]["meter"]), (&json!("50"), &json!("123")));
    assert_eq!(excluded[0]["source"]["pointer"], "/usages/1");
    assert!(excluded[0]["reason"].as_str().unwrap().contains("NON-CONTRIBUTING"));
}
