//! `meterdeck alarms` as people and programs use it: the real binary on a data folder that a service filled.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that fails says so")]

use std::{fs, path::Path};

use assert_cmd::Command;
use jiff::Timestamp;
use meterdeck::{
    domain::alarm::{Desk, Measured, Observation},
    domain::quantity::Quantity,
    store::Store,
};
use serde_json::Value;

const SITE: &str = r#"
[site]
name = "Test"
time_zone = "Europe/Amsterdam"
currency = "EUR"

[device.incomer]
protocol = "modbus-tcp"
address = "127.0.0.1:9"
unit = 1
profile = "eastron-sdm630"

[meter.main]
name = "MSB-1"
meter_point = "main-switchgear"
status = "active"
device = "incomer"
"#;

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("meterdeck")
        .unwrap()
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .args(["--config", "site.toml", "--data", "data", "alarms"])
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn list(folder: &Path) -> Value {
    let (code, stdout, stderr) = run(folder, &["list", "--json"]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

/// A data folder in which a load alarm stands.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.toml"), SITE).unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let (store, _) = Store::open(&data).unwrap();
    let mut desk = Desk::default();
    let measured = Some(Measured { quantity: Quantity::LoadPercent, value: 96.4, threshold: 95.0 });
    let now = Timestamp::now();
    for seconds in [20, 10] {
        let seen = Observation {
            key: "load-critical:main".parse().unwrap(),
            holds: Some(true),
            measured: measured.clone(),
            detail: String::new(),
            out_of_service: false,
        };
        desk.observe(seen, now - jiff::SignedDuration::from_secs(seconds));
    }
    store.save_alarms(&desk.take_unsaved()).unwrap();
    folder
}

#[test]
fn alarms_are_listed_acknowledged_shelved_and_brought_back() {
    let folder = folder();
    let folder = folder.path();
    let (code, stdout, _) = run(folder, &[]);
    assert_eq!(code, 0);
    for expected in ["load-critical:main", "MSB-1", "critical", "unacknowledged", "load 96.4 %, limit 95 %", "1 event "]
    {
        assert!(stdout.contains(expected), "{expected}: {stdout}");
    }
    let (code, stdout, stderr) = run(folder, &["ack", "load-critical:main", "--note", "on my way"]);
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "load-critical:main is acknowledged.\n", ""));
    let answer = list(folder);
    let alarm = &answer["alarms"][0];
    assert_eq!((&alarm["state"], &alarm["note"]), (&"acknowledged".into(), &"on my way".into()));
    assert_eq!((&alarm["value"], &alarm["threshold"], &alarm["unit"]), (&96.4.into(), &95.0.into(), &"%".into()));
    assert!(!alarm["who"].as_str().unwrap().is_empty());
    assert_eq!(answer["eventsLastDay"], 2);

    let (code, _, _) = run(folder, &["shelve", "load-critical:main", "--until", "2h", "--note", "test run"]);
    assert_eq!(code, 0);
    let answer = list(folder);
    assert_eq!(answer["alarms"][0]["state"], "shelved");
    let until: Timestamp = answer["alarms"][0]["shelvedUntil"].as_str().unwrap().parse().unwrap();
    let left = until.duration_since(Timestamp::now()).as_secs();
    assert!((7000..=7200).contains(&left), "{left} s");
    assert_eq!(run(folder, &["unshelve", "load-critical:main"]).0, 0);
    assert_eq!(list(folder)["alarms"][0]["state"], "acknowledged");
}

#[test]
fn what_cannot_be_done_says_why_and_what_to_do() {
    let folder = folder();
    let folder = folder.path();
    for (arguments, code, message) in [
        (&["ack", "load-critical:rpp", "--note", "x"][..], 1, "There is no alarm `load-critical:rpp` now."),
        (&["ack", "main", "--note", "x"], 1, "`main` is no alarm"),
        (&["ack", "load-critical:main"], 2, "--note"),
        (&["shelve", "load-critical:main", "--until", "soon", "--note", "x"], 2, "a duration such as 30m"),
        (&["shelve", "load-critical:main", "--until", "2000-01-01T00:00:00Z", "--note", "x"], 1, "has passed"),
        (&["shelve", "load-critical:main", "--until", "90d", "--note", "x"], 1, "31 days"),
        (&["shelve", "load-critical:main", "--until", "1h", "--note", " "], 1, "needs a note"),
    ] {
        let (found, stdout, stderr) = run(folder, arguments);
        assert_eq!((found, stdout.as_str()), (code, ""), "{arguments:?}: {stderr}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
        assert!(code == 2 || stderr.contains("hint: "), "{stderr}");
    }
    assert_eq!(list(folder)["eventsLastDay"], 1, "nothing was done");
}

#[test]
fn a_site_without_alarms_says_so() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.toml"), SITE).unwrap();
    let (code, stdout, stderr) = run(folder.path(), &["list"]);
    assert_eq!((code, stdout.as_str()), (0, "No alarms. 0 events in the last 24 hours.\n"), "{stderr}");
}
