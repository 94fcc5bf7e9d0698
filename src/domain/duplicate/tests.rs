//! The rules against the worked examples of their description, tables, and properties.

use rust_decimal::Decimal;

use super::*;

mod decisions;
mod documents;
mod examples;
mod findings;
mod properties;
mod rules;
mod timeline;
mod units;

/// A day: `01-31` is in 2023, a longer text has its year.
fn day(text: &str) -> jiff::civil::Date {
    let text = if text.len() == 5 { format!("2023-{text}") } else { text.to_owned() };
    text.parse().unwrap()
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// `01-01 02-01 45 kWh`; without a number there is no usage.
fn record(text: &str) -> Record {
    let mut words = text.split_whitespace();
    let period = Period::new(day(words.next().unwrap()), day(words.next().unwrap())).unwrap();
    let usage = words.next().filter(|word| *word != "-");
    let unit = UsageUnit::parse(words.next().unwrap_or("kWh"));
    Record {
        meter_id: Some("123".into()),
        meter_number: None,
        deregulation: None,
        period,
        usage: usage.map(|usage| Usage::parse(usage, unit.clone()).unwrap()),
        unit,
        excluded: None,
        source: Provenance { file: "f.json".into(), sha256: "00".into(), pointer: "/".into() },
    }
}

fn delivery_only(text: &str) -> Record {
    Record { deregulation: Some(DeregulationStatus::DeliveryOnly), ..record(text) }
}

fn account(number: &str, provider: &str, classification: &str, records: Vec<Record>) -> Account {
    let classification = Some(Classification::parse(classification));
    Account {
        number: Some(number.into()),
        providers: vec![Provider { name: Some(provider.into()), classification }],
        records,
        ..Account::default()
    }
}

fn with_stage(stage: &str, account: Account) -> Account {
    Account { stages: vec![ChargeStage::parse(stage)], ..account }
}

fn statement(id: &str, accounts: Vec<Account>) -> Statement {
    Statement { id: Some(StatementId::new(id)), date: Some(day("03-01")), modified_at: None, accounts }
}

/// What counts of some parts: the latest of each key, without what is excluded.
fn candidates_of(parts: &[Part]) -> Vec<Candidate> {
    let is_latest =
        |part: &&Part| latest(parts.iter().filter(|it| it.key == part.key).map(|it| &it.order)) == Some(&part.order);
    let readings = parts.iter().filter(is_latest).flat_map(|part| &part.readings);
    let mut seen = std::collections::BTreeSet::new();
    readings.filter(|reading| reading.excluded.is_none() && seen.insert(reading.id)).map(Candidate::from).collect()
}

fn candidates(statements: Vec<Statement>) -> Vec<Candidate> {
    candidates_of(&statements.into_iter().flat_map(Statement::into_parts).collect::<Vec<_>>())
}

/// Each record on a statement of its own, from `MAIN` of another account each.
fn apart(records: Vec<Record>) -> Vec<Candidate> {
    let statement = |(number, record): (usize, Record)| {
        let number = number.to_string();
        statement(&format!("s{number}"), vec![account(&number, "Grid Co", "MAIN", vec![record])])
    };
    candidates(records.into_iter().enumerate().map(statement).collect())
}

fn apart_of(records: &[&str]) -> Vec<Candidate> {
    apart(records.iter().map(|text| record(text)).collect())
}

fn assess_all(candidates: &[Candidate]) -> Assessment {
    assess(candidates, &Knowledge { book: &Book::default(), measured: None })
}

fn usage_of(candidates: &[Candidate], book: &Book) -> Vec<MeterUsage> {
    let assessment = assess(candidates, &Knowledge { book, measured: None });
    super::account("123", candidates, &assessment, book, &Window::default())
}

/// The only meter's only dimension.
fn only(usage: Vec<MeterUsage>) -> MeterUsage {
    assert_eq!(usage.len(), 1, "{usage:?}");
    usage.into_iter().next().unwrap()
}

/// What a group of these comes to: `45 kWh same_value`, or the reason for review.
fn outcome(candidates: &[Candidate]) -> String {
    let assessment = assess_all(candidates);
    assert_eq!(assessment.sets.len(), 1, "one group: {assessment:?}");
    match &assessment.sets[0].standing {
        Standing::Ruled { rule, chosen } => {
            let chosen = candidates.iter().find(|candidate| candidate.id == *chosen).unwrap();
            let usage = chosen.usage.as_ref().map_or("-".to_owned(), ToString::to_string);
            format!("{usage} {}", rule.word())
        }
        Standing::Open { reason, .. } => reason.unwrap().word().to_owned(),
        other @ Standing::Decided { .. } => panic!("{other:?}"),
    }
}
