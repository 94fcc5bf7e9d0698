//! A review desk with everything that it has to show: groups, a chain, an overlap, one put off, evidence.

use meterdeck::{
    domain::duplicate::{
        Choice, Finding, FindingKind, GroupId, Reading, ReadingId, ReviewReason, Rule, Standing, Status,
    },
    service::interface::duplicates::{
        Document, DocumentAccount, Group, GroupDetail, Measured, OtherYear, Proposal, ProviderRecord, QueueLine,
        QueuePlace, Statistics,
    },
    tui::model::{Desk, duplicates::line_of},
};
use serde_json::json;

/// An id that ends in these digits.
pub(crate) fn reading_id(number: u32) -> ReadingId {
    format!("{number:024x}").parse().unwrap()
}

/// A reading of a bill.
pub(crate) fn reading(number: u32, period: [&str; 2], usage: Option<&str>, of: [&str; 2], stages: &[&str]) -> Reading {
    serde_json::from_value(json!({
        "id": reading_id(number), "meter": { "id": "123" },
        "period": { "periodStart": period[0], "periodEnd": period[1] },
        "usage": usage.map(|value| json!({ "value": value, "unit": "kWh" })), "unit": "kWh",
        "statement": format!("bill-{number}"), "statement_date": period[1], "account": format!("acc-{number}"),
        "provider": of[0], "classification": of[1], "deregulation": null, "stages": stages, "excluded": null,
        "expects_duplicate": false,
        "source": { "file": "bills.json", "sha256": "00", "pointer": "/accountData/0/meterData/0" },
    }))
    .unwrap()
}

/// A group or overlap of readings.
pub(crate) fn group(meter: u64, name: &str, kind: FindingKind, readings: Vec<Reading>, standing: Standing) -> Group {
    let id = GroupId::of(kind, readings.iter().map(|reading| reading.id));
    let finding = Finding {
        id,
        kind,
        dimension: readings[0].unit.dimension(),
        period: readings[0].period,
        members: readings.iter().map(|reading| reading.id).collect(),
        standing,
        version: 0,
    };
    let place = QueuePlace { meter, start: readings[0].period.start, group: id };
    Group { place, meter: name.to_owned(), finding, readings }
}

fn open(reason: Option<ReviewReason>, deferred: Option<u64>) -> Standing {
    Standing::Open { reason, reopened: None, deferred }
}

/// The groups of the desk, in order.
pub(crate) fn groups() -> Vec<Group> {
    let no_evidence = open(Some(ReviewReason::NoDistributorEvidence), None);
    let grid = ["Grid Co", "MAIN"];
    let retail = ["Retail Co", "ADDITIONAL"];
    let january = ["2023-01-01", "2023-02-01"];
    let pair = |first: u32, period: [&str; 2], low: &str, high: &str| {
        vec![
            reading(first, period, Some(low), grid, &["GENERATION"]),
            reading(first + 1, period, Some(high), retail, &[]),
        ]
    };
    let chain = ["2023-01-01", "2023-01-02", "2023-01-03"]
        .into_iter()
        .zip(["2023-04-01", "2023-04-02", "2023-04-03"])
        .zip(20..)
        .map(|((start, end), number)| reading(number, [start, end], Some("300"), grid, &[]));
    let overlap = vec![
        reading(30, ["2023-01-01", "2023-04-01"], Some("130.5"), grid, &["DISTRIBUTION", "TRANSMISSION"]),
        reading(31, ["2023-03-01", "2023-04-01"], None, retail, &[]),
    ];
    let duplicate = FindingKind::Duplicate;
    vec![
        group(1, "123", duplicate, pair(1, january, "45", "50"), no_evidence.clone()),
        group(1, "123", duplicate, pair(3, ["2023-02-01", "2023-03-01"], "41", "47"), no_evidence.clone()),
        group(2, "98-A", duplicate, chain.collect(), open(Some(ReviewReason::Chained), None)),
        group(2, "98-A", FindingKind::Overlap, overlap, open(None, None)),
        group(3, "4410", duplicate, pair(5, ["2023-03-01", "2023-04-01"], "3", "3.2"), open(None, Some(7))),
    ]
}

/// All about a group.
pub(crate) fn detail(group: Group) -> GroupDetail {
    let [first, second] = [&group.readings[0], &group.readings[1]].map(|reading| reading.id);
    let measured = Measured {
        meter: "msb-1".parse().unwrap(),
        meter_type: None,
        accuracy_class: None,
        kwh: "45.2".parse().unwrap(),
        coverage_percent: 100.0,
        estimated: false,
        deviations: vec![(first, Some(-0.4425)), (second, Some(10.6195))],
    };
    let record = |reading: &Reading, counted| ProviderRecord {
        provider: reading.provider.clone(),
        classification: reading.classification.clone(),
        counted,
        of: 4,
    };
    let providers = vec![record(&group.readings[0], 3), record(&group.readings[1], 1)];
    let year = OtherYear {
        period: serde_json::from_value(json!({ "periodStart": "2022-01-01", "periodEnd": "2022-02-01" })).unwrap(),
        usage: group.readings[0].usage.clone().unwrap(),
    };
    let other_years = vec![year];
    GroupDetail {
        group,
        decisions: Vec::new(),
        measured: Some(measured),
        providers,
        other_years,
        suggested: Some(first),
    }
}

/// The lines of the queue.
pub(crate) fn lines() -> Vec<QueueLine> {
    groups().iter().map(line_of).collect()
}

/// A desk on which all of it is here.
pub(crate) fn desk() -> Desk {
    let mut desk = Desk::default();
    desk.take_page(None, false, lines(), false);
    for group in groups() {
        desk.take_detail(Box::new(detail(group)));
    }
    desk.refreshed_at = Some(super::site::now());
    desk
}

/// Figures.
pub(crate) fn statistics() -> Statistics {
    Statistics {
        meters: 412,
        open_groups: 4,
        open_overlaps: 1,
        deferred: 1,
        by_rule: vec![(Rule::SameValue, 40), (Rule::DeliveryOnly, 20), (Rule::LifecycleStage, 15), (Rule::Manual, 7)],
        by_person: vec![("ana".to_owned(), 5), ("bob".to_owned(), 3)],
    }
}

/// The statement of the first reading.
pub(crate) fn document() -> Document {
    let first = groups().remove(0).readings.remove(0);
    let provider = json!({ "name": "Grid Co", "classification": "MAIN" });
    Document {
        file: "bills.json".to_owned(),
        imported_at: super::site::now(),
        imported_by: "ana".to_owned(),
        superseded: false,
        accounts: vec![DocumentAccount {
            number: first.account.clone(),
            providers: vec![serde_json::from_value(provider).unwrap()],
            stages: vec!["GENERATION".to_owned()],
            readings: vec![("123".to_owned(), first)],
        }],
    }
}

/// What would be decided alike.
pub(crate) fn proposals() -> Vec<Proposal> {
    let other = groups().remove(1);
    let reading = &other.readings[0];
    assert_eq!(other.finding.standing.status(), Status::Review);
    vec![Proposal {
        group: other.finding.id,
        version: 0,
        period: other.finding.period,
        choice: Choice::Use { readings: vec![reading.id] },
        usage: reading.usage.clone(),
    }]
}
