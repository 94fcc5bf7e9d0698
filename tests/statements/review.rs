//! What people decide: choosing, typing, keeping all, putting off, taking back; twice at once; and later imports.

use serde_json::{Value, json};

use crate::help::{Folder, account, reading, statement};

fn two(folder: &Folder, id: &str, month: &str, next: &str, one: i64, other: i64) {
    let accounts = [
        account("1", "MAIN", &[], &[reading(month, next, &json!(one))]),
        account("2", "ADDITIONAL", &[], &[reading(month, next, &json!(other))]),
    ];
    folder.import(&statement(id, next, &accounts));
}

/// A folder with one open group; its id, and the readings of 45 and of 50.
fn open() -> (Folder, String, String, String) {
    let folder = Folder::new();
    two(&folder, "s1", "2023-01-01", "2023-02-01", 45, 50);
    let group = folder.groups("review").remove(0);
    let of = |usage: &str| {
        let readings = group["readings"].as_array().unwrap().iter();
        readings.clone().find(|reading| reading["usage"] == usage).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (low, high) = (of("45"), of("50"));
    (folder, group["id"].as_str().unwrap().to_owned(), low, high)
}

fn total(folder: &Folder) -> Value {
    folder.only_usage()["total"].clone()
}

#[test]
fn a_person_decides_takes_back_and_the_book_tells_it() {
    let (folder, group, low, high) = open();
    let before = folder.json(&["usage"]);
    let chosen = folder.json(&["duplicates", "resolve", &group, "--use", &low, "--reason", "the meter says so"]);
    assert_eq!(
        (&chosen["status"], &chosen["rule"], &chosen["chosen"]),
        (&json!("resolved"), &json!("manual"), &json!(low))
    );
    assert_eq!(total(&folder), "45");
    folder.json(&["duplicates", "undo", &group, "--reason", "mistaken"]);
    assert_eq!(folder.json(&["usage"]), before, "to the last digit");
    folder.json(&["duplicates", "resolve", &group, "--value", "47.25", "--unit", "kWh", "--reason", "read by hand"]);
    assert_eq!(total(&folder), "47.25");
    folder.json(&["duplicates", "resolve", &group, "--keep-all", "--reason", "two meters"]);
    assert_eq!(total(&folder), "95");
    let deferred = folder.json(&["duplicates", "resolve", &group, "--defer", "--reason", "asked the utility"]);
    assert_eq!(deferred["status"], "review");
    assert_eq!(total(&folder), "0");
    folder.json(&["duplicates", "undo", &group]);
    assert_eq!(total(&folder), "95", "what held before the last holds again");
    folder.json(&["duplicates", "resolve", &group, "--use", &high, "--reason", "it is the distributor's"]);
    let history = folder.json(&["duplicates", "history", &group]);
    let told: Vec<(&Value, &Value)> =
        history.as_array().unwrap().iter().map(|entry| (&entry["choice"], &entry["reason"])).collect();
    let expected = [
        ("use", "the meter says so"),
        ("undo", "mistaken"),
        ("value", "read by hand"),
        ("keep all", "two meters"),
        ("defer", "asked the utility"),
        ("undo", ""),
        ("use", "it is the distributor's"),
    ];
    assert_eq!(told.len(), expected.len(), "{history}");
    for ((choice, reason), expected) in told.iter().zip(expected) {
        assert_eq!((choice.as_str().unwrap(), reason.as_str().unwrap()), expected);
    }
    assert!(history.as_array().unwrap().iter().all(|entry| entry["who"].as_str().is_some_and(|who| !who.is_empty())));
    let words = String::from_utf8(folder.run(&["duplicates", "history", &group], b"").stdout).unwrap();
    assert!(words.contains("takes back 1: mistaken") && words.lines().count() == 7, "{words}");
}

#[test]
fn a_decision_that_cannot_be_is_refused() {
    let (folder, group, low, _) = open();
    for (arguments, code) in [
        (&["--use", "000000000000000000000000", "--reason", "x"][..], 65),
        (&["--use", &low], 65),
        (&["--value", "45", "--unit", "m3", "--reason", "x"], 65),
        (&["--value", "45"], 2),
        (&["--value", "many", "--unit", "kWh", "--reason", "x"], 2),
        (&["--use", "nonsense", "--reason", "x"], 2),
        (&["--keep-all", "--defer"], 2),
        (&[], 2),
    ] {
        let output = folder.run(&[&["duplicates", "resolve", &group], arguments].concat(), b"");
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    }
    assert_eq!(folder.run(&["duplicates", "show", "0123456789abcdef01234567"], b"").status.code(), Some(1));
    assert_eq!(folder.run(&["duplicates", "undo", &group], b"").status.code(), Some(1), "nothing to take back");
    assert_eq!(folder.json(&["duplicates", "history", &group]), json!([]));
}

#[test]
fn the_second_of_two_people_sees_the_first_ones_decision() {
    let (folder, group, low, high) = open();
    let seen = folder.json(&["duplicates", "show", &group])["version"].to_string();
    let with_version = |reading: &str, reason: &str| {
        let arguments = ["duplicates", "resolve", &group, "--use", reading, "--reason", reason, "--version", &seen];
        folder.run(&arguments, b"")
    };
    assert!(with_version(&low, "first").status.success());
    let second = with_version(&high, "second");
    assert_eq!(second.status.code(), Some(75), "{second:?}");
    let words = String::from_utf8(second.stderr).unwrap();
    assert!(words.contains("decided meanwhile: use (first)"), "{words}");
    assert_eq!(total(&folder), "45");
    let late = folder.run(&["duplicates", "undo", &group, "--version", &seen], b"");
    assert_eq!(late.status.code(), Some(75), "{late:?}");
}

#[test]
fn a_later_import_opens_a_group_again_and_no_decision_is_lost() {
    let (folder, group, low, _) = open();
    folder.json(&["duplicates", "resolve", &group, "--use", &low, "--reason", "checked"]);
    // Another statement claims the same month.
    folder.import(&statement(
        "s9",
        "2023-02-09",
        &[account("9", "MAIN", &[], &[reading("2023-01-01", "2023-02-01", &json!(48))])],
    ));
    let open = folder.groups("review");
    assert_eq!((open.len(), open[0]["readings"].as_array().unwrap().len()), (1, 3), "{open:?}");
    assert_eq!(total(&folder), "0");
    let now = open[0]["id"].as_str().unwrap();
    assert_ne!(now, group);
    let words = String::from_utf8(folder.run(&["duplicates", "list"], b"").stdout).unwrap();
    assert!(words.contains("open again: its readings changed"), "{words}");
    let history = folder.json(&["duplicates", "history", now]);
    assert_eq!((history.as_array().unwrap().len(), &history[0]["reason"]), (1, &json!("checked")));
    // The third statement is replaced by one without the meter: the decision holds again.
    let mut without = statement("z9", "2023-02-09", &[account("9", "MAIN", &[], &[])]);
    without["lastModifiedAt"] = json!("2023-03-01T00:00:00Z");
    folder.import(&without);
    assert_eq!(folder.groups("review").len(), 0);
    assert_eq!(total(&folder), "45");
}

#[test]
fn a_decision_is_repeated_for_the_alike() {
    let (folder, group, _, high) = open();
    two(&folder, "s2", "2023-02-01", "2023-03-01", 41, 47);
    two(&folder, "s3", "2023-03-01", "2023-04-01", 40, 49);
    let lone = [
        account("1", "MAIN", &[], &[reading("2023-04-01", "2023-05-01", &json!(10))]),
        account("7", "ADDITIONAL", &[], &[reading("2023-04-01", "2023-05-01", &json!(11))]),
    ];
    folder.import(&statement("s4", "2023-05-05", &lone));
    let arguments = ["duplicates", "resolve", &group, "--use", &high, "--reason", "retail bills the net", "--alike"];
    let unasked = folder.run(&arguments, b"");
    assert_eq!(unasked.status.code(), Some(2), "without a terminal nobody confirms: {unasked:?}");
    assert_eq!(folder.groups("review").len(), 3, "the one is decided, the others are only shown");
    let preview = String::from_utf8(unasked.stderr).unwrap();
    assert!(preview.contains("counts 47 kWh") && preview.contains("counts 49 kWh"), "{preview}");
    let confirmed = folder.run(&[&arguments[..], &["--yes"]].concat(), b"");
    assert!(confirmed.status.success(), "{confirmed:?}");
    assert_eq!(folder.groups("review").len(), 1, "the one with another provider stays open");
    assert_eq!(total(&folder), "146");
    // What was decided before speaks for the same provider.
    let left = folder.groups("review").remove(0);
    let shown = folder.json(&["duplicates", "show", left["id"].as_str().unwrap()]);
    assert_eq!(shown["providers"][0]["provider"], "Provider 2");
    assert_eq!(shown["suggested"], Value::Null, "that provider has no reading here");
}

#[test]
fn an_overlap_is_counted_twice_until_somebody_decides() {
    let folder = Folder::new();
    let readings = [
        reading("2023-01-01", "2023-04-01", &json!(300)),
        reading("2023-01-01", "2023-02-01", &json!(110)),
        reading("2023-02-01", "2023-03-01", &json!(95)),
        reading("2023-03-01", "2023-04-01", &json!(96)),
    ];
    folder.import(&statement("s", "2023-04-05", &[account("1", "MAIN", &[], &readings)]));
    assert_eq!(total(&folder), "601");
    let overlap = folder.groups("review").remove(0);
    assert_eq!((&overlap["kind"], &overlap["rule"]), (&json!("overlap"), &Value::Null));
    let months: Vec<&str> = overlap["readings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|reading| reading["usage"] != "300")
        .map(|reading| reading["id"].as_str().unwrap())
        .collect();
    let id = overlap["id"].as_str().unwrap();
    let mut arguments = vec!["duplicates", "resolve", id, "--reason", "the quarter is the sum"];
    for month in &months {
        arguments.extend(["--use", month]);
    }
    folder.json(&arguments);
    let usage = folder.only_usage();
    assert_eq!((&usage["total"], &usage["complete"]), (&json!("301"), &json!(true)), "{usage}");
    folder.json(&["duplicates", "undo", id]);
    assert_eq!(total(&folder), "601");
}
