//! The site's own meter as evidence: shown where it is mapped, deciding only where the site file says so.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::help::{Folder, account, statement};

/// January 2023 by hours on the register: 45.0 kWh.
fn january() -> String {
    let mut csv = "time,meter,quantity,value\n".to_owned();
    let begin: Timestamp = "2022-12-31T23:00:00Z".parse().unwrap();
    for hour in 0..=744_i64 {
        let at = Timestamp::from_second(begin.as_second() + hour * 3600).unwrap();
        let tenths = 10_000 + hour * 450 / 744;
        let _ = writeln!(csv, "{at},main,kwh_lifetime,{}.{}", tenths / 10, tenths % 10);
    }
    csv
}

fn reading(value: i64) -> Value {
    json!({ "meterId": "mapped-1", "periodStart": "2023-01-01", "periodEnd": "2023-02-01", "totalUsage": value,
        "usageUnit": "kWh" })
}

fn measured(folder: &Folder) -> Value {
    let imported = folder.run(&["history", "import", "-"], january().as_bytes());
    assert!(imported.status.success(), "{imported:?}");
    let accounts = [account("1", "MAIN", &[], &[reading(50)]), account("2", "ADDITIONAL", &[], &[reading(45)])];
    folder.import(&statement("s", "2023-02-05", &accounts));
    let group = folder.groups("all").remove(0);
    folder.json(&["duplicates", "show", group["id"].as_str().unwrap()])
}

#[test]
fn what_was_measured_is_shown_and_decides_nothing_by_itself() {
    let folder = Folder::new();
    let shown = measured(&folder);
    assert_eq!((&shown["status"], &shown["reason"]), (&json!("review"), &json!("no_distributor_evidence")), "{shown}");
    let measured = &shown["measured"];
    assert_eq!((&measured["meter"], &measured["kwh"]), (&json!("main"), &json!("45")), "{measured}");
    assert!((measured["coveragePercent"].as_f64().unwrap() - 100.0).abs() < 0.01, "{measured}");
    assert_eq!(measured["accuracyClass"], "0.5S");
    let low =
        shown["readings"].as_array().unwrap().iter().find(|reading| reading["usage"] == "45").unwrap()["id"].clone();
    assert_eq!(shown["suggested"], low);
    let words = folder.run(&["duplicates", "show", shown["id"].as_str().unwrap()], b"");
    let words = String::from_utf8(words.stdout).unwrap();
    assert!(words.contains("measured here: 45 kWh by main") && words.contains("+11.1 %"), "{words}");
}

#[test]
fn what_was_measured_decides_where_the_site_file_says_so() {
    let folder = Folder::with("\n[duplicates]\nmeasured = { tolerance_percent = 1, coverage_percent = 99 }\n");
    let shown = measured(&folder);
    assert_eq!((&shown["status"], &shown["rule"]), (&json!("resolved"), &json!("measured")), "{shown}");
    assert_eq!(folder.only_usage()["total"], "45");
    // The meter is known by the site's id too.
    assert_eq!(folder.json(&["usage", "--meter", "main"])["meters"][0]["meter"], "mapped-1");
    // Switched off again, it goes back to a person.
    let site = std::fs::read_to_string(folder.path().join("site.toml")).unwrap();
    let without = site.split("[duplicates]").next().unwrap();
    folder.write("site.toml", without);
    assert_eq!(folder.groups("review").len(), 1);
}
