//! Which meter a record is of, what a later document replaces, and ids.

use super::*;

fn by_number(number: &str, text: &str) -> Record {
    Record { meter_id: None, meter_number: Some(number.into()), ..record(text) }
}

fn keys(statement: Statement) -> Vec<String> {
    let parts = statement.into_parts();
    parts.iter().flat_map(|part| part.readings.iter().map(|reading| reading.meter.to_string())).collect()
}

#[test]
fn accounts_of_one_statement_share_the_key_of_a_meter_number() {
    let two = |one: &str, other: &str| {
        vec![
            account("200", "Grid Co", one, vec![by_number("Totalizer", "01-01 02-01 45")]),
            account("100", "Retail Co", other, vec![by_number("Totalizer", "01-01 02-01 50")]),
        ]
    };
    for (one, other, expected) in [
        ("MAIN", "ADDITIONAL", "Totalizer/200"),
        ("secondary", "primary", "Totalizer/100"),
        ("ADDITIONAL", "ADDITIONAL", "Totalizer/100"),
        ("MAIN", "MAIN", "Totalizer/100"),
    ] {
        assert_eq!(keys(statement("s", two(one, other))), [expected, expected], "{one} {other}");
    }
    let mut accounts = two("MAIN", "ADDITIONAL");
    for account in &mut accounts {
        account.number = None;
    }
    assert_eq!(keys(statement("s", accounts.clone())), ["Totalizer", "Totalizer"]);
    accounts[1].number = Some("7".into());
    assert_eq!(keys(statement("s", accounts)), ["Totalizer/7", "Totalizer/7"], "the only number there is");
    let with_id = Record { meter_number: Some("Totalizer".into()), ..record("01-01 02-01 1") };
    assert_eq!(keys(statement("s", vec![account("1", "Grid Co", "MAIN", vec![with_id])])), ["123"]);
    assert_eq!(
        keys(statement(
            "s",
            vec![account("1", "G", "MAIN", vec![Record { meter_id: Some(" ".into()), ..record("01-01 02-01 1") }])]
        )),
        [""; 0]
    );
}

#[test]
fn a_re_published_bill_takes_the_place_of_its_account_part_only() {
    let bill = |id: &str, at: Option<&str>, usage: &str| {
        let records = |usage: &str| vec![record(&format!("01-01 02-01 {usage}"))];
        let other = Record { meter_id: Some("9".into()), ..record("01-01 02-01 7") };
        let mut accounts = vec![account("1", "Grid Co", "MAIN", records(usage))];
        if id == "first" {
            accounts.push(account("2", "Grid Co", "MAIN", vec![other]));
        }
        Statement { modified_at: at.map(|at| at.parse().unwrap()), ..statement(id, accounts) }
    };
    let usages = |statements: Vec<Statement>| {
        let mut usages: Vec<String> =
            candidates(statements).iter().map(|it| it.usage.as_ref().unwrap().value().to_string()).collect();
        usages.sort();
        usages
    };
    let (early, late) = (Some("2023-02-01T00:00:00Z"), Some("2023-02-01T00:00:00.5Z"));
    for (first, second, expected) in [
        (early, late, ["50", "7"]),
        (late, early, ["45", "7"]),
        (None, early, ["50", "7"]),
        (early, None, ["45", "7"]),
        // The greater id.
        (early, early, ["50", "7"]),
        (None, None, ["50", "7"]),
    ] {
        let (first, second) = (bill("first", first, "45"), bill("second", second, "50"));
        assert_eq!(usages(vec![first.clone(), second.clone()]), expected);
        assert_eq!(usages(vec![second, first]), expected, "in any order");
    }
}

#[test]
fn accounts_of_one_document_never_replace_each_other() {
    let twice = || account("1", "Grid Co", "MAIN", vec![record("01-01 02-01 45")]);
    let candidates = candidates(vec![statement("s", vec![twice(), twice()])]);
    assert_eq!(candidates.len(), 2);
    assert_eq!(outcome(&candidates), "45 kWh same_value");
}

#[test]
fn without_number_provider_or_date_the_statement_is_replaced_by_its_id() {
    let nameless = |id: &str, usage: &str| {
        let mut account = account("1", "Grid Co", "MAIN", vec![record(&format!("01-01 02-01 {usage}"))]);
        account.providers.clear();
        statement(id, vec![account])
    };
    assert_eq!(candidates(vec![nameless("a", "45"), nameless("b", "50")]).len(), 2);
    assert_eq!(candidates(vec![nameless("a", "45"), nameless("a", "50")]).len(), 1);
}

#[test]
fn a_later_snapshot_replaces_what_it_no_longer_holds() {
    let snapshot = |texts: &[&str], import| {
        let records = texts.iter().map(|text| record(text)).collect();
        Snapshot { meter: MeterKey::Id("123".into()), records }.into_part(import)
    };
    let first = snapshot(&["01-01 02-01 45", "02-01 03-01 40"], 1);
    let second = snapshot(&["02-01 03-01 40.0", "01-01 02-01 46", "03-01 04-01 1"], 2);
    let kept = candidates_of(&[first.clone(), second.clone()]);
    assert_eq!(kept, candidates_of(&[second.clone(), first.clone()]), "by import, not by place");
    let usages: Vec<String> = kept.iter().map(|it| it.usage.as_ref().unwrap().to_string()).collect();
    assert_eq!(usages, ["40 kWh", "46 kWh", "1 kWh"]);
    assert_eq!(first.readings[1].id, second.readings[0].id, "what is identical is unchanged");
    let differing = snapshot(&["01-01 02-01 45", "01-01 02-01 46"], 3);
    assert_eq!(outcome(&candidates_of(&[first, differing])), "no_distributor_evidence");
}

#[test]
fn a_meter_of_both_shapes_has_its_readings_in_one_group() {
    let statement = statement("s", vec![account("1", "Grid Co", "MAIN", vec![record("01-01 02-01 45")])]);
    let snapshot = Snapshot { meter: MeterKey::Id("123".into()), records: vec![record("01-02 02-01 45.00")] };
    let mut parts = statement.into_parts();
    parts.push(snapshot.into_part(1));
    assert!(parts.iter().flat_map(|part| &part.readings).all(|reading| reading.meter == MeterKey::Id("123".into())));
    assert_eq!(outcome(&candidates_of(&parts)), "45 kWh same_value");
}

#[test]
fn ids_come_from_the_content_and_not_from_the_file() {
    let bill = |file: &str, usage: &str| {
        let mut record = record(&format!("01-01 02-01 {usage}"));
        record.source.file = file.into();
        record.source.pointer = format!("/{file}");
        statement("s", vec![account("1", "Grid Co", "MAIN", vec![record])])
    };
    let id = |statement: Statement| statement.into_parts()[0].readings[0].id;
    assert_eq!(bill("a", "45").document(), bill("b", "45.0").document());
    assert_ne!(bill("a", "45").document(), bill("a", "46").document());
    assert_eq!(id(bill("a", "45")), id(bill("b", "45.00")));
    // Ids are written down in decisions: they must stay the same from version to version.
    assert_eq!(id(bill("a", "45")).to_string(), "77ced73f881ccfba13978662");
    let text = id(bill("a", "45")).to_string();
    assert_eq!(text.parse::<ReadingId>().unwrap(), id(bill("a", "45")));
    for bad in ["", "12", text.trim_start_matches('7'), &text.to_uppercase(), &format!("{text}0")] {
        assert!(bad.parse::<ReadingId>().is_err(), "{bad}");
    }
    let nameless = || Statement { id: None, ..bill("a", "45") };
    assert_eq!(id(nameless()), id(nameless()));
}

#[test]
fn the_configuration_maps_several_keys_to_one_meter() {
    let main = "main".parse().unwrap();
    let other = "other".parse().unwrap();
    let (names, others) = (["123".to_owned(), "T/1".to_owned()], ["T".to_owned(), "123".to_owned()]);
    let map = MeterMap::new([(&main, names.as_slice()), (&other, others.as_slice())]);
    let key = |number: &str, account: Option<&str>| MeterKey::new(None, Some(number), account).unwrap();
    let id = MeterKey::new(Some("123"), Some("T"), Some("2")).unwrap();
    assert_eq!(map.meter(&id), UtilityMeter::Mapped(main.clone()));
    assert_eq!(map.meter(&key("T", Some("1"))), UtilityMeter::Mapped(main.clone()));
    assert_eq!(map.meter(&key("T", Some("2"))), UtilityMeter::Mapped(other.clone()), "the number alone");
    assert_eq!(map.meter(&key("U", Some("1"))), UtilityMeter::Key(key("U", Some("1"))));
}
