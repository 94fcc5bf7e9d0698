//! What people decide: it stands while it covers the readings, is never lost, and can be taken back.

use super::*;

fn proposal(choice: Choice, version: u64) -> Proposal {
    Proposal {
        at: "2023-03-05T10:00:00Z".parse().unwrap(),
        who: "ada".into(),
        choice,
        reason: "bill checked".into(),
        version,
    }
}

/// Decides about the only finding of a kind among these.
fn decide(candidates: &[Candidate], book: &mut Book, kind: FindingKind, choice: Choice) -> Result<(), DecisionError> {
    let finding = finding(candidates, book, kind);
    let next = book.decisions().len() as u64 + 1;
    let decision = prepare(proposal(choice, finding.version), &finding, candidates, book, next)?;
    book.add(decision);
    Ok(())
}

fn finding(candidates: &[Candidate], book: &Book, kind: FindingKind) -> Finding {
    let findings = assess(candidates, &Knowledge { book, measured: None }).findings(candidates, book);
    let mut of_kind = findings.iter().filter(|finding| finding.kind == kind);
    let found = of_kind.next().unwrap_or_else(|| panic!("no {}: {findings:?}", kind.word())).clone();
    assert_eq!(of_kind.next(), None);
    found
}

fn choose(readings: &[&Candidate]) -> Choice {
    Choice::Use { readings: readings.iter().map(|reading| reading.id).collect() }
}

fn summary(candidates: &[Candidate], book: &Book) -> String {
    let usage = only(usage_of(candidates, book));
    format!(
        "{} of {} open {} {}",
        usage.total.unwrap(),
        usage.periods.len(),
        usage.open_reviews as usize + usage.overlaps.len(),
        usage.complete
    )
}

#[test]
fn a_group_is_decided_by_choice_value_or_keeping_all_and_undone() {
    let candidates = apart_of(&["01-01 02-01 45", "01-02 02-01 50", "02-01 03-01 10"]);
    let value = Choice::Value { usage: Usage::parse("0.047", UsageUnit::parse("MWh")).unwrap() };
    let mut book = Book::default();
    assert_eq!(summary(&candidates, &book), "10 of 2 open 1 false");
    for (choice, expected) in [
        (choose(&[&candidates[1]]), "60 of 2 open 0 true"),
        (value, "57 of 2 open 0 true"),
        (Choice::KeepAll, "105 of 3 open 0 true"),
        (Choice::Defer, "10 of 2 open 1 false"),
    ] {
        decide(&candidates, &mut book, FindingKind::Duplicate, choice.clone()).unwrap();
        assert_eq!(summary(&candidates, &book), expected, "{choice:?}");
    }
    // Each undo brings back what was before.
    for expected in ["105 of 3 open 0 true", "57 of 2 open 0 true", "60 of 2 open 0 true", "10 of 2 open 1 false"] {
        decide(&candidates, &mut book, FindingKind::Duplicate, Choice::Undo { of: 0 }).unwrap();
        assert_eq!(summary(&candidates, &book), expected);
    }
    let nothing = decide(&candidates, &mut book, FindingKind::Duplicate, Choice::Undo { of: 0 });
    assert_eq!(nothing, Err(DecisionError::NothingToUndo));
    assert_eq!(book.decisions().len(), 8, "all of it stays in the book");
    let members = finding(&candidates, &book, FindingKind::Duplicate).members;
    assert_eq!(book.history(FindingKind::Duplicate, &members).len(), 8);
}

#[test]
fn a_decision_that_no_longer_covers_the_readings_opens_the_group_again() {
    let all = apart_of(&["01-01 02-01 45", "01-02 02-01 50", "01-01 02-01 47"]);
    let mut book = Book::default();
    decide(&all[..2], &mut book, FindingKind::Duplicate, choose(&[&all[1]])).unwrap();
    assert_eq!(summary(&all[..2], &book), "50 of 1 open 0 true");
    let reopened = finding(&all, &book, FindingKind::Duplicate);
    let reason = Some(ReviewReason::NoDistributorEvidence);
    assert_eq!(reopened.standing, Standing::Open { reason, reopened: Some(1), deferred: None });
    let line = &only(usage_of(&all, &book)).periods[0];
    assert!(line.why.contains("changed since ada decided"), "{}", line.why);
    // Also where a rule would decide now: a person had said something else.
    let ruled = [all[0].clone(), all[1].clone(), Candidate { is_delivery_only: true, ..all[2].clone() }];
    assert_eq!(finding(&ruled, &book, FindingKind::Duplicate).standing.status(), Status::Review);
    decide(&ruled, &mut book, FindingKind::Duplicate, Choice::Undo { of: 0 }).unwrap();
    assert_eq!(finding(&ruled, &book, FindingKind::Duplicate).standing.rule(), Some(Rule::DeliveryOnly));
    decide(&all, &mut book, FindingKind::Duplicate, choose(&[&all[0]])).unwrap();
    // A reading that was set aside is gone: the decision still says what counts.
    assert_eq!(summary(&all[..2], &book), "45 of 1 open 0 true");
    // What was chosen is gone: it says no more.
    assert_eq!(finding(&all[1..], &book, FindingKind::Duplicate).standing.status(), Status::Review);
    assert_eq!(summary(&all[2..], &book), "47 of 1 open 0 true", "the only reading left counts by itself");
    assert_eq!(summary(&all[..2], &book), "45 of 1 open 0 true", "and the decision is still there");
}

#[test]
fn a_typed_value_never_counts_for_two_sets() {
    let chain = apart_of(&["01-01 01-31 45", "01-02 02-01 46", "01-03 02-02 47"]);
    let mut book = Book::default();
    let value = Choice::Value { usage: Usage::parse("100", UsageUnit::KWH).unwrap() };
    decide(&chain, &mut book, FindingKind::Duplicate, value).unwrap();
    assert_eq!(summary(&chain, &book), "100 of 1 open 0 true");
    let split = [chain[0].clone(), chain[2].clone()];
    assert_eq!(summary(&split, &book), "92 of 2 open 1 false", "two readings that overlap");
    assert_eq!(summary(&chain[..1], &book), "100 of 1 open 0 true");
}

#[test]
fn an_overlap_is_decided_by_what_counts() {
    let candidates = apart_of(&["01-01 04-01 300", "01-01 02-01 90", "02-01 03-01 100", "03-01 04-01 110"]);
    let mut book = Book::default();
    let value = Choice::Value { usage: Usage::parse("305", UsageUnit::KWH).unwrap() };
    assert_eq!(summary(&candidates, &book), "600 of 4 open 1 false");
    for (choice, expected) in [
        (choose(&[&candidates[0]]), "300 of 4 open 0 true"),
        (choose(&[&candidates[1], &candidates[2], &candidates[3]]), "300 of 4 open 0 true"),
        (choose(&[&candidates[1], &candidates[3]]), "200 of 4 open 0 false"),
        (value, "305 of 5 open 0 true"),
        (Choice::KeepAll, "600 of 4 open 0 true"),
        (Choice::Undo { of: 0 }, "305 of 5 open 0 true"),
    ] {
        decide(&candidates, &mut book, FindingKind::Overlap, choice.clone()).unwrap();
        assert_eq!(summary(&candidates, &book), expected, "{choice:?}");
    }
    // A correction comes in: somebody has to look again.
    let mut more = candidates.clone();
    more.extend(apart_of(&["03-05 03-20 7"]));
    assert!(matches!(
        finding(&more, &book, FindingKind::Overlap).standing,
        Standing::Open { reopened: Some(5 | 4), .. }
    ));
}

#[test]
fn duplicates_under_a_longer_bill_that_counts_have_nothing_to_decide() {
    let candidates = apart_of(&["01-01 02-01 45", "01-02 02-01 50", "01-01 03-01 90"]);
    let mut book = Book::default();
    assert_eq!(summary(&candidates, &book), "90 of 2 open 2 false");
    decide(&candidates, &mut book, FindingKind::Overlap, choose(&[&candidates[2]])).unwrap();
    assert_eq!(summary(&candidates, &book), "90 of 2 open 0 true");
    decide(&candidates, &mut book, FindingKind::Overlap, Choice::Undo { of: 0 }).unwrap();
    assert_eq!(summary(&candidates, &book), "90 of 2 open 2 false");
}

#[test]
fn what_does_not_fit_is_refused() {
    let candidates = apart_of(&["01-01 02-01 45", "01-02 02-01 50", "01-01 02-01 -", "05-01 06-01 3"]);
    let mut book = Book::default();
    let group = finding(&candidates, &book, FindingKind::Duplicate);
    let value = |text: &str, unit: &str| Choice::Value { usage: Usage::parse(text, UsageUnit::parse(unit)).unwrap() };
    let attempt =
        |book: &Book, proposal| prepare(proposal, &group, &candidates, book, 9).map(|decision| decision.choice);
    for (choice, expected) in [
        (choose(&[]), DecisionError::NotOne),
        (choose(&[&candidates[0], &candidates[1]]), DecisionError::NotOne),
        (choose(&[&candidates[3]]), DecisionError::NotAMember { reading: candidates[3].id }),
        (choose(&[&candidates[2]]), DecisionError::NoUsage { reading: candidates[2].id }),
        (value("45", "kW"), DecisionError::OtherDimension { unit: "kW".into() }),
        (value("45", ""), DecisionError::OtherDimension { unit: String::new() }),
    ] {
        assert_eq!(attempt(&book, proposal(choice, 0)), Err(expected));
    }
    let silent = Proposal { reason: " \u{200b} ".into(), ..proposal(Choice::KeepAll, 0) };
    assert_eq!(attempt(&book, silent), Err(DecisionError::NoReason));
    decide(&candidates, &mut book, FindingKind::Duplicate, Choice::KeepAll).unwrap();
    let late = finding(&candidates, &book, FindingKind::Duplicate);
    let Err(DecisionError::Outdated { other }) = prepare(proposal(Choice::KeepAll, 0), &late, &candidates, &book, 2)
    else {
        panic!("the second has to see what the first decided")
    };
    assert_eq!((other.who.as_str(), &other.choice), ("ada", &Choice::KeepAll));
}
