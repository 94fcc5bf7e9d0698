//! All the forms in which documents come, once, twice and again in another version.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::help::{Folder, account, reading, statement, usage};

fn bill(id: &str, month: &str, next: &str, value: i64) -> Value {
    statement(id, next, &[account("1", "MAIN", &[], &[reading(month, next, &json!(value))])])
}

fn twelve() -> Vec<Value> {
    (1..=12)
        .map(|month| {
            let start = format!("2023-{month:02}-01");
            let end = if month == 12 { "2024-01-01".to_owned() } else { format!("2023-{:02}-01", month + 1) };
            bill(&format!("s{month}"), &start, &end, 100 + month)
        })
        .collect()
}

fn packed(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn every_form_of_a_file_says_the_same() {
    let documents = twelve();
    let array = serde_json::to_string_pretty(&documents).unwrap();
    let lines = documents.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    let stream: String = documents.iter().map(|document| serde_json::to_string_pretty(document).unwrap()).collect();
    let page = json!({ "_links": { "self": { "href": "/statements" } }, "_embedded": { "statements": documents },
        "page": { "totalElements": 12 } });
    let lone: Vec<Value> = documents
        .iter()
        .map(|document| {
            let mut account = document["accountData"][0].clone();
            account["id"] = document["id"].clone();
            account["statementDate"] = document["statementDate"].clone();
            account["providers"] = account["providers"][0].clone();
            account["meterData"] = account["meterData"][0].clone();
            account
        })
        .collect();
    let accounts = json!({ "_embedded": { "accounts": lone } }).to_string();
    let mut expected: Option<Value> = None;
    for (name, content) in [
        ("array.json", array.clone().into_bytes()),
        ("lines.ndjson", lines.clone().into_bytes()),
        ("lines.json", lines.into_bytes()),
        ("stream.json", stream.into_bytes()),
        ("page.json", page.to_string().into_bytes()),
        ("accounts.json", accounts.into_bytes()),
        ("marked.json", [b"\xef\xbb\xbf".as_slice(), array.as_bytes()].concat()),
        ("packed.json.gz", packed(&array)),
    ] {
        let folder = Folder::new();
        folder.write(name, &content);
        let answer = folder.json(&["statements", "import", name]);
        assert_eq!((&answer["statements"], &answer["new"]), (&json!(12), &json!(12)), "{name}: {answer}");
        let totals = folder.only_usage();
        assert_eq!((&totals["total"], &totals["complete"]), (&json!("1278"), &json!(true)), "{name}: {totals}");
        assert_eq!(expected.get_or_insert_with(|| totals.clone()), &totals, "{name}");
        // Through standard input it is the same document, and nothing new.
        let again = folder.import_text(&content);
        assert_eq!((&again["new"], &again["unchanged"]), (&json!(0), &json!(12)), "{name}: {again}");
        assert_eq!(folder.only_usage(), totals, "{name}");
    }
}

#[test]
fn a_folder_is_all_its_json_files() {
    let folder = Folder::new();
    std::fs::create_dir_all(folder.path().join("bills/2023")).unwrap();
    for (place, document) in twelve().iter().enumerate() {
        folder.write(&format!("bills/2023/{place}.json"), document.to_string());
    }
    folder.write("bills/readme.txt", "no statement");
    let answer = folder.json(&["statements", "import", "bills"]);
    assert_eq!((&answer["files"], &answer["new"], &answer["rejected"]), (&json!(12), &json!(12), &json!([])));
    let group = folder.json(&["usage", "--meter", "123", "--from", "2023-03-02", "--to", "2023-04-01"]);
    assert_eq!(group["meters"][0]["total"], "103", "a day off at its ends: {group}");
    let months = folder.json(&["usage", "--meter", "123", "--from", "2023-02-01", "--to", "2023-05-01"]);
    assert_eq!(months["meters"][0]["total"], "309");
}

#[test]
fn a_later_version_of_a_bill_takes_the_place_of_the_earlier() {
    let version = |id: &str, modified: &str, value: i64| {
        let mut bill = bill(id, "2023-01-01", "2023-02-01", value);
        bill["lastModifiedAt"] = json!(modified);
        bill
    };
    let (early, late) = (version("b", "2023-02-06T00:00:00Z", 45), version("a", "2023-03-01T00:00:00Z", 47));
    for (first, second, superseded) in [(&early, &late, 1), (&late, &early, 1)] {
        let folder = Folder::new();
        folder.import(first);
        let answer = folder.import(second);
        assert_eq!((&answer["new"], &answer["superseded"]), (&json!(1), &json!(superseded)), "{answer}");
        let usage = folder.only_usage();
        assert_eq!((&usage["total"], &usage["periods"][0]["rule"]), (&json!("47"), &json!("single")), "{usage}");
    }
    // Repaired: the same id, other content. What is as it was is unchanged.
    let folder = Folder::new();
    folder.import(&version("a", "2023-02-06T00:00:00Z", 45));
    let mut repaired = version("a", "2023-02-07T00:00:00Z", 45);
    repaired["accountData"][0]["charges"] = json!([{ "lifeCycleStage": "DISTRIBUTION" }]);
    let answer = folder.import(&repaired);
    assert_eq!((&answer["new"], &answer["unchanged"], &answer["superseded"]), (&json!(0), &json!(1), &json!(0)));
    assert_eq!(folder.only_usage()["total"], "45");
    // A version without the meter takes its reading away.
    let mut without = version("a", "2023-02-08T00:00:00Z", 45);
    without["accountData"][0]["meterData"] = json!([]);
    let answer = folder.import(&without);
    assert_eq!((&answer["readings"], &answer["superseded"]), (&json!(0), &json!(1)), "{answer}");
    assert_eq!(folder.json(&["usage"])["meters"], json!([]));
}

#[test]
fn a_later_snapshot_takes_the_place_of_the_earlier() {
    let folder = Folder::new();
    let snapshot = |usages: &[Value]| json!({ "meterId": "123", "usages": usages });
    let january = usage("2023-01-01", "2023-02-01", &json!(45), "contributing");
    let february = |value: i64| usage("2023-02-01", "2023-03-01", &json!(value), "CONTRIBUTING");
    let first = snapshot(&[january.clone(), february(41)]);
    folder.import(&first);
    let answer = folder.import(&snapshot(&[january, february(42)]));
    assert_eq!((&answer["new"], &answer["unchanged"], &answer["superseded"]), (&json!(1), &json!(1), &json!(1)));
    assert_eq!(folder.only_usage()["total"], "87");
    // And back again.
    let answer = folder.import(&first);
    assert_eq!((&answer["new"], &answer["unchanged"], &answer["superseded"]), (&json!(0), &json!(2), &json!(1)));
    assert_eq!(folder.only_usage()["total"], "86");
    assert_eq!(folder.import(&first)["superseded"], 0);
    // A statement's reading of the same meter is of the same group.
    folder.import(&bill("s", "2023-01-02", "2023-02-01", 45));
    let periods = folder.only_usage()["periods"].clone();
    assert_eq!((periods.as_array().unwrap().len(), &periods[0]["rule"]), (2, &json!("same_value")), "{periods}");
}

#[test]
fn usages_count_where_a_meter_has_no_total() {
    let folder = Folder::new();
    let mut meter = reading("2023-01-01", "2023-02-01", &Value::Null);
    let mut part = usage("2023-01-01", "2023-02-01", &json!("12.5"), "CONTRIBUTING");
    part["tariffRateComponents"] = json!([{ "tariffRateComponentType": "ON_PEAK" }]);
    meter["usages"] = json!([usage("2023-01-01", "2023-02-01", &json!("40.5"), "CONTRIBUTING"), part]);
    let answer = folder.import(&statement("s", "2023-02-05", &[account("1", "MAIN", &[], &[meter.clone()])]));
    assert_eq!((&answer["new"], &answer["excluded"]), (&json!(2), &json!(1)), "{answer}");
    assert_eq!(folder.only_usage()["total"], "40.5");
    // With a total they are only detail, with nothing the reading has no usage.
    meter["totalUsage"] = json!(44);
    let folder = Folder::new();
    folder.import(&statement("s", "2023-02-05", &[account("1", "MAIN", &[], &[meter])]));
    assert_eq!(folder.only_usage()["total"], "44");
    let folder = Folder::new();
    let nothing = reading("2023-01-01", "2023-02-01", &Value::Null);
    folder.import(&statement("s", "2023-02-05", &[account("1", "MAIN", &[], &[nothing])]));
    let usage = folder.only_usage();
    assert_eq!((&usage["total"], &usage["complete"], &usage["openReviews"]), (&json!("0"), &json!(false), &json!(0)));
}

#[test]
fn the_legacy_export_counts_totals_of_consumption() {
    let folder = Folder::new();
    let row = |amount: &str, component: &str, kind: &str, unit: &str| {
        json!({ "PK": 1, "UsageActualName": "", "UsageAmount": amount, "RateComponent": component,
            "MeasurementType": kind, "EnergyUnit": unit, "IntervalStart": "2019-05-17", "IntervalEnd": "2019-06-18" })
    };
    let usages = [
        row("8758.4000", "[total]", "general_consumption", "kWh"),
        row("699.2000", "[on_peak, summer]", "general_consumption", "kWh"),
        row("13.6000", "[total]", "demand", "kW"),
    ];
    let meter = |number: &str, usages: &[Value]| {
        json!({ "PK": 2, "Tariff": "TOU", "ServiceType": "electric", "PODid": "", "MeterNumber": number,
            "IntervalStart": "2019-05-17", "IntervalEnd": "2019-06-18", "charges": [], "usages": usages })
    };
    let export = json!({ "accounts": [{ "PK": 7, "UtilityProvider": "Grid Co", "AccountNumber": "A-1",
        "RawAccountNumber": "A 1", "StatementType": "statement_type_bill", "StatementDate": "2019-07-26",
        "meters": [meter("M-1", &usages), meter("", &usages)], "floating_charges": [] }] });
    let answer = folder.import(&export);
    assert_eq!((&answer["new"], &answer["excluded"]), (&json!(3), &json!(2)), "{answer}");
    assert_eq!(answer["rejected"][0]["pointer"], "/accounts/0/meters/1");
    let usage = folder.only_usage();
    assert_eq!((&usage["meter"], &usage["total"], &usage["complete"]), (&json!("M-1"), &json!("8758.4"), &json!(true)));
    let reasons: Vec<String> =
        folder.json(&["usage", "--excluded"]).as_array().unwrap().iter().map(|it| it["reason"].to_string()).collect();
    assert!(reasons.iter().any(|reason| reason.contains("demand")), "{reasons:?}");
}

#[test]
fn a_number_of_several_accounts_is_said_with_its_account() {
    let folder = Folder::new();
    let totalizer = |account_number: &str, value: i64| {
        let mut reading = reading("2023-01-01", "2023-02-01", &json!(value));
        reading["meterId"] = Value::Null;
        reading["meterNumber"] = json!("Totalizer");
        account(account_number, "MAIN", &[], &[reading])
    };
    folder.import(&statement("s1", "2023-02-05", &[totalizer("1", 45)]));
    assert_eq!(folder.only_usage()["meter"], "Totalizer");
    folder.import(&statement("s2", "2023-02-05", &[totalizer("2", 50)]));
    let usage = folder.json(&["usage"]);
    let names: Vec<&Value> = usage["meters"].as_array().unwrap().iter().map(|meter| &meter["meter"]).collect();
    assert_eq!(names, ["Totalizer/1", "Totalizer/2"]);
    assert_eq!(folder.json(&["usage", "--meter", "Totalizer/2"])["meters"][0]["total"], "50");
    let unclear = folder.run(&["usage", "--meter", "Totalizer"], b"");
    assert!(String::from_utf8_lossy(&unclear.stderr).contains("Totalizer/1, Totalizer/2"), "{unclear:?}");
}
