//! What holds for any readings: the order of import, the split into files and other meters change nothing; nothing is
//! counted twice; an undo brings every total back; and the fast ways find what comparing every pair finds.

use std::collections::{BTreeMap, BTreeSet};

use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;

/// Usage records on few days with few values, so that most of them meet.
#[derive(Debug, Clone)]
struct Made {
    statement: u8,
    account: u8,
    meter: u8,
    start: i32,
    length: i32,
    usage: Option<u8>,
    unit: &'static str,
    is_delivery_only: bool,
    is_distribution: bool,
    class: &'static str,
}

fn made() -> impl Strategy<Value = Made> {
    let place = (0..6_u8, 0..3_u8, 0..2_u8, 0..9, 1..5);
    let usage = (prop::option::weighted(0.9, 0..3_u8), prop::sample::select(vec!["kWh", "Wh", "kW"]));
    let evidence =
        (prop::bool::weighted(0.2), prop::bool::weighted(0.2), prop::sample::select(vec!["MAIN", "ADDITIONAL", "?"]));
    (place, usage, evidence).prop_map(|((statement, account, meter, start, length), (usage, unit), evidence)| Made {
        statement,
        account,
        meter,
        start,
        length,
        usage,
        unit,
        is_delivery_only: evidence.0,
        is_distribution: evidence.1,
        class: evidence.2,
    })
}

fn statements(made: &[Made], file: &str) -> Vec<Statement> {
    let mut by_statement: BTreeMap<u8, BTreeMap<u8, Account>> = BTreeMap::new();
    for (place, one) in made.iter().enumerate() {
        let accounts = by_statement.entry(one.statement).or_default();
        let own = accounts
            .entry(one.account)
            .or_insert_with(|| account(&one.account.to_string(), "P", one.class, Vec::new()));
        if one.is_distribution {
            own.stages.push(ChargeStage::Distribution);
        }
        let unit = UsageUnit::parse(one.unit);
        own.records.push(Record {
            meter_id: Some(format!("{}", 100 + one.meter)),
            deregulation: one.is_delivery_only.then_some(DeregulationStatus::DeliveryOnly),
            period: assess::period_of(19_000 + one.start, 19_000 + one.start + one.length),
            usage: one.usage.map(|usage| Usage::parse(&usage.to_string(), unit.clone()).unwrap()),
            unit,
            source: Provenance { file: file.into(), sha256: "1".into(), pointer: place.to_string() },
            ..record("01-01 02-01")
        });
    }
    by_statement
        .into_iter()
        .map(|(id, accounts)| Statement {
            // Statements 0 and 3, 1 and 4, … are versions of the same bills.
            date: Some(day("03-01") + jiff::Span::new().days(i64::from(id % 3))),
            modified_at: Some(jiff::Timestamp::from_second(i64::from(id)).unwrap()),
            ..statement(&id.to_string(), accounts.into_values().collect())
        })
        .collect()
}

/// Everything that comes out for one meter: findings and accounting.
fn outcome_of(meter: &str, parts: &[Part], book: &Book) -> (Vec<Finding>, Vec<MeterUsage>) {
    let own: Vec<Part> = parts
        .iter()
        .map(|part| {
            let readings = part.readings.iter().filter(|it| it.meter.short() == meter).cloned().collect();
            Part { readings, ..part.clone() }
        })
        .collect();
    let candidates = candidates_of(&own);
    let assessment = assess(&candidates, &Knowledge { book, measured: None });
    let usage = super::super::account(meter, &candidates, &assessment, book, &Window::default());
    (assessment.findings(&candidates, book), usage)
}

fn parts_of(made: &[Made], file: &str) -> Vec<Part> {
    statements(made, file).into_iter().flat_map(Statement::into_parts).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn order_and_files_change_nothing(made in vec(made(), 0..40), turns in vec(any::<Index>(), 40)) {
        let parts = parts_of(&made, "all.json");
        let mut other = parts_of(&made, "part-7.json");
        for (place, turn) in turns.iter().enumerate().take(other.len()) {
            let to = turn.index(other.len());
            other.swap(place, to);
        }
        for meter in ["100", "101"] {
            let book = Book::default();
            prop_assert_eq!(outcome_of(meter, &parts, &book), outcome_of(meter, &other, &book));
        }
    }

    #[test]
    fn another_meter_changes_nothing(made in vec(made(), 0..40)) {
        // The accounts stay on their statements, so that the same parts replace each other.
        let mut parts = parts_of(&made, "f");
        let both = outcome_of("100", &parts, &Book::default());
        for part in &mut parts {
            part.readings.retain(|reading| reading.meter.short() == "100");
        }
        prop_assert_eq!(&both, &outcome_of("100", &parts, &Book::default()));
    }

    #[test]
    fn nothing_counts_twice(made in vec(made(), 0..40)) {
        let parts = parts_of(&made, "f");
        for meter in ["100", "101"] {
            let (_, usage) = outcome_of(meter, &parts, &Book::default());
            let mut seen = BTreeSet::new();
            for total in &usage {
                let mut sum = Decimal::ZERO;
                for line in &total.periods {
                    prop_assert!(line.chosen.iter().chain(&line.set_aside).all(|id| seen.insert(*id)));
                    sum += line.usage.unwrap_or_default();
                    prop_assert_eq!(line.usage.is_some(), line.chosen.is_some());
                }
                prop_assert_eq!(Some(sum.normalize()), total.total);
            }
        }
    }

    #[test]
    fn an_undo_brings_every_total_back(made in vec(made(), 1..40), picks in vec((any::<Index>(), any::<Index>(), 0..4), 1..6)) {
        let parts = parts_of(&made, "f");
        let candidates = candidates_of(&parts);
        let mut book = Book::default();
        let mut before = Vec::new();
        for (finding, member, kind) in picks {
            for meter in ["100", "101"] {
                let (findings, usage) = outcome_of(meter, &parts, &book);
                if findings.is_empty() {
                    continue;
                }
                let finding = &findings[finding.index(findings.len())];
                let member = finding.members[member.index(finding.members.len())];
                let unit = candidates.iter().find(|it| it.id == member).unwrap().unit.clone();
                let choice = match kind {
                    0 => Choice::Use { readings: vec![member] },
                    1 => Choice::KeepAll,
                    2 => Choice::Value { usage: Usage::parse("7.25", unit).unwrap() },
                    _ => Choice::Defer,
                };
                let proposal = Proposal {
                    at: jiff::Timestamp::UNIX_EPOCH, who: "ada".into(), choice, reason: "r".into(), version: finding.version,
                };
                let next = book.decisions().len() as u64 + 1;
                if let Ok(decision) = prepare(proposal, finding, &candidates, &book, next) {
                    before.push((meter, findings.clone(), usage, decision.clone()));
                    book.add(decision);
                }
            }
        }
        while let Some((meter, findings, usage, decision)) = before.pop() {
            let next = book.decisions().len() as u64 + 1;
            book.add(Decision { sequence: next, choice: Choice::Undo { of: decision.sequence }, ..decision });
            let (findings_now, usage_now) = outcome_of(meter, &parts, &book);
            prop_assert_eq!(usage_now, usage);
            let standings = |findings: &[Finding]| findings.iter().map(|it| (it.id, it.standing.clone())).collect::<Vec<_>>();
            prop_assert_eq!(standings(&findings_now), standings(&findings));
        }
    }

    #[test]
    fn sets_are_what_comparing_every_pair_finds(made in vec(made(), 0..60), workers in 1..4_usize) {
        let slots: Vec<Slot> = (0..).zip(&made).map(|(place, one)| slot(place, one)).collect();
        let mut expected = by_pairs(slots.len(), |one, other| {
            let (one, other) = (&slots[one], &slots[other]);
            (one.meter, one.dimension) == (other.meter, other.dimension) && one.is_same_period(other)
        });
        let mut found: Vec<BTreeSet<usize>> = decide_all(&slots, 2, workers, Vec::new, |sets: &mut Vec<_>, set| {
            sets.push(set.members.iter().map(|slot| slot.place as usize).collect());
        }).unwrap().into_iter().flatten().collect();
        expected.sort();
        found.sort();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn overlaps_are_what_comparing_every_pair_finds(made in vec(made(), 0..60)) {
        let parts = parts_of(&made, "f");
        let readings: Vec<Reading> = parts.into_iter().flat_map(|part| part.readings).filter(|it| it.meter.short() == "100").collect();
        let candidates: Vec<Candidate> = readings.iter().map(Candidate::from).collect();
        let assessment = assess_all(&candidates);
        let set_of = |index: usize| assessment.sets.iter().position(|set| assessment.order[set.members.clone()].contains(&index)).unwrap();
        let may_count = |index: usize| {
            let candidate = &candidates[index];
            candidate.usage.is_some()
                && assessment.sets[set_of(index)].standing.chosen().is_none_or(|chosen| chosen == candidate.id)
        };
        let overlap = |one: usize, other: usize| {
            let (a, b) = (&candidates[one], &candidates[other]);
            a.unit.dimension() == b.unit.dimension()
                && may_count(one) && may_count(other)
                && a.period.start < b.period.end && b.period.start < a.period.end
        };
        let connected = by_pairs(candidates.len(), overlap);
        let mut expected: Vec<BTreeSet<usize>> = connected
            .into_iter()
            .filter(|run| run.iter().map(|index| set_of(*index)).collect::<BTreeSet<_>>().len() > 1)
            .collect();
        let mut found: Vec<BTreeSet<usize>> =
            assessment.overlaps.iter().map(|overlap| overlap.members.iter().copied().collect()).collect();
        expected.sort();
        found.sort();
        prop_assert_eq!(found, expected);
        for overlap in &assessment.overlaps {
            let covering = |day: jiff::civil::Date| overlap.members.iter()
                .filter(|index| { let period = candidates[**index].period; period.start <= day && day < period.end })
                .map(|index| set_of(*index)).collect::<BTreeSet<_>>().len();
            let days = assess::period_of(18_990, 19_030);
            let twice: Vec<_> = days.start.series(jiff::Span::new().days(1)).take(40).filter(|day| covering(*day) > 1).collect();
            prop_assert_eq!(twice.first(), Some(&overlap.twice.start));
            prop_assert_eq!(twice.last().map(|last| last.tomorrow().unwrap()), Some(overlap.twice.end));
        }
    }
}

fn slot(place: u32, made: &Made) -> Slot {
    Slot {
        meter: u32::from(made.meter),
        start: made.start,
        end: made.start + made.length,
        amount: Decimal::from(made.usage.unwrap_or_default()),
        statement_day: i32::from(made.statement),
        place,
        dimension: u16::from(made.unit == "kW"),
        marks: Marks::default()
            .with_if(made.usage.is_some(), Marks::USAGE)
            .with_if(made.is_delivery_only, Marks::DELIVERY_ONLY)
            .with_if(made.is_distribution, Marks::DISTRIBUTOR_STAGE),
        class: made.account,
    }
}

/// Connected sets, the slow way.
fn by_pairs(count: usize, is_connected: impl Fn(usize, usize) -> bool) -> Vec<BTreeSet<usize>> {
    let mut sets: Vec<BTreeSet<usize>> = Vec::new();
    for one in 0..count {
        let (joined, others): (Vec<_>, Vec<_>) =
            sets.into_iter().partition(|set| set.iter().any(|other| is_connected(one, *other)));
        sets = others;
        sets.push(joined.into_iter().flatten().chain([one]).collect());
    }
    sets
}

#[test]
fn a_meter_with_very_many_readings_is_quick() {
    // A day apart each, all the same, and each over the next: what comparing every pair would take hours for.
    let count = 200_000;
    let made = |start: i32, length: i32| Made {
        statement: 0,
        account: 0,
        meter: 0,
        start,
        length,
        usage: Some(1),
        unit: "kWh",
        is_delivery_only: false,
        is_distribution: false,
        class: "MAIN",
    };
    for step in [0, 1] {
        let mut slots: Vec<Slot> = (0..count).map(|place| slot(place, &made(place.cast_signed() * step, 30))).collect();
        let mut sets = 0;
        decide_meter(&mut slots, &mut Scratch::default(), &mut |set| {
            assert_eq!(set.members.len(), count as usize);
            sets += 1;
        });
        assert_eq!(sets, 1);
    }
}
