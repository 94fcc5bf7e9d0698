//! The site's records as people and programs use them: the real binary over a real store, against plain arithmetic.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

use std::{fmt::Write as _, fs, path::Path};

use assert_cmd::Command;
use meterdeck::store::lock::Lock;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

/// A month in which clocks go forward, in quarter hours of UTC: 2026-02-28T23:00Z is 1 March in Amsterdam.
const BEGIN: i64 = 1_772_319_600;
/// 2026-03-29T01:00Z, when local time goes from 2 to 3 h.
const FORWARD: i64 = 1_774_746_000;
const QUARTER: i64 = 900;
/// The register of `main` starts again at zero there, kWh.
const MODULUS_WH: i64 = 1_000_000;
/// What is on it at the beginning: soon it rolls over.
const FIRST_WH: i64 = 990_000;
/// Quarter hour in which the register is reset.
const RESET: i64 = 1_111;
/// Quarter hours of March and the first half day of April.
const QUARTERS: i64 = (31 * 24 - 1) * 4 + 48;

const SITE: &str = r#"
[site]
name = "Records"
time_zone = "Europe/Amsterdam"
currency = "EUR"
cost_per_kwh = "0.2140"
[storage]
keep_samples = "3650d"
[building.north]
name = "North"
[device.d]
protocol = "modbus-tcp"
address = "127.0.0.1:9"
unit = 1
[meter.main]
name = "MAIN"
meter_point = "utility-entrance"
status = "active"
building = "north"
device = "d"
rated_capacity_kw = 100
[meter.main.registers]
kwh_lifetime = { address = 0, function = "input", type = "u32", scale = 0.001, unit = "kWh", modulus = 1000 }
[meter.pdu-a]
name = "A"
meter_point = "rack-pdu"
status = "active"
building = "north"
tags = ["pdu"]
[meter.pdu-b]
name = "B"
meter_point = "rack-pdu"
status = "active"
building = "north"
tags = ["pdu"]
[meter.it-total]
name = "IT"
meter_point = "it-load"
status = "active"
meter_type = "virtual"
formula = 'sum("pdu")'
currency = "EUR"
cost_per_kwh = "0.3"
"#;

struct Rig(tempfile::TempDir);

impl Rig {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("site.toml"), SITE).unwrap();
        Self(folder)
    }

    /// With a month of counters of all meters.
    fn with_month() -> Self {
        let rig = Self::new();
        let mut rows = "time,meter,quantity,value\n".to_owned();
        let (mut register, mut rack) = (FIRST_WH, 0);
        for place in 0..=QUARTERS {
            let at = jiff::Timestamp::from_second(BEGIN + place * QUARTER).unwrap();
            let _ = writeln!(rows, "{at},main,kwh_lifetime,{}", Decimal::new(register, 3));
            let _ = writeln!(rows, "{at},pdu-a,kwh_lifetime,{}", Decimal::new(5_000 + rack, 3));
            // The second rack has no data on the last day of the month.
            if !(30 * 96 - 4..31 * 96 - 4).contains(&place) || place == 30 * 96 - 4 {
                let _ = writeln!(rows, "{at},pdu-b,kwh_lifetime,{}", Decimal::new(70_000 + rack, 3));
            }
            let step = consumed(place);
            register = if place == RESET { step } else { (register + step) % MODULUS_WH };
            rack += step / 3;
        }
        fs::write(rig.path("month.csv"), rows).unwrap();
        let imported = rig.json(&["history", "import", "month.csv"]);
        assert_eq!(imported["rejected"], serde_json::json!([]));
        rig
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = Command::cargo_bin("meterdeck")
            .unwrap()
            .current_dir(self.0.path())
            .env_clear()
            .env("HOME", self.0.path())
            .args(["--config", "site.toml", "--data", "data"])
            .args(arguments)
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (code, stdout, stderr) = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(code, 0, "{arguments:?}: {stderr}");
        serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
    }
}

/// What `main` consumes in a quarter hour, Wh.
fn consumed(place: i64) -> i64 {
    500 + place * 37 % 401
}

/// The local day of March of a quarter hour, from 1; of April from 32.
fn day(place: i64) -> i64 {
    let at = BEGIN + place * QUARTER;
    let offset = if at < FORWARD { 3600 } else { 7200 };
    (at + offset).div_euclid(86_400) - (BEGIN + 3600).div_euclid(86_400) + 1
}

fn sum(places: impl Iterator<Item = i64>) -> i64 {
    places.map(consumed).sum()
}

/// kWh as they are printed.
fn kwh(watt_hours: i64) -> String {
    Decimal::new(watt_hours, 3).normalize().to_string()
}

/// The quarter hours of a day.
fn of_day(wanted: i64) -> impl Iterator<Item = i64> {
    (0..QUARTERS).filter(move |place| day(*place) == wanted)
}

#[test]
fn a_month_with_23_hours_a_reset_and_rollovers_agrees_with_plain_arithmetic() {
    let rig = Rig::with_month();
    // 30 March, 8 h local: 32 quarter hours into the day after the short one.
    let now = of_day(30).nth(32).unwrap();
    let so_far = || 0..now;
    let meter = rig.json(&["meters", "main", "--at", "2026-03-30T08:00"]);
    assert_eq!(meter["kwhToday"], kwh(sum(of_day(30).take(32))));
    assert_eq!(meter["kwhYesterday"], kwh(sum(of_day(29))));
    assert_eq!(meter["kwhThisMonth"], kwh(sum(so_far())));
    assert_eq!(meter["kwhThisYear"], kwh(sum(so_far())));
    assert_eq!((&meter["kwhLastMonth"], &meter["kwhLastYear"]), (&Value::Null, &Value::Null));
    assert_eq!(meter["kwhLifetime"], kwh(FIRST_WH + sum(so_far())));
    let highest = so_far().max_by_key(|place| (consumed(*place), -place)).unwrap();
    assert_eq!(meter["peakDemandKw"], kwh(consumed(highest) * 4));
    assert_eq!(meter["peakDemandKwMonth"], kwh(consumed(highest) * 4));
    let at = jiff::Timestamp::from_second(BEGIN + highest * QUARTER).unwrap();
    assert_eq!(meter["peakDemandDate"], at.to_string());
    let hours = Decimal::new(now * 25, 2);
    let average = Decimal::new(sum(so_far()), 3) / hours;
    let average = average.round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero).normalize();
    assert_eq!(meter["averageDemandKw"], average.to_string());
    let cost = Decimal::new(sum(so_far()), 3) * Decimal::new(2140, 4);
    let cost = cost.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    assert_eq!(meter["costThisMonth"], format!("{cost:.2}"));
    assert_eq!((&meter["costPerKwh"], &meter["currency"]), (&Value::from("0.2140"), &Value::from("EUR")));
    for (field, state) in [
        ("kwhToday", "good"),
        ("kwhYesterday", "good"),
        ("kwhThisMonth", "good"),
        ("kwhLifetime", "good"),
        ("averageDemandKw", "good"),
        ("costThisMonth", "good"),
        ("kwhThisYear", "missing"),
        ("kwhLastMonth", "missing"),
    ] {
        assert_eq!(meter["consumptionStates"][field], state, "{field}");
    }

    // In the middle of a quarter hour, half of it has flowed.
    let half = rig.json(&["meters", "main", "--at", "2026-03-30T08:07:30"]);
    assert_eq!(half["kwhToday"], kwh(sum(of_day(30).take(32)) + consumed(now) / 2));

    // Days, intervals and the register's own difference are one sum.
    let intervals = rig.json(&["intervals", "main", "--from", "2026-03-29", "--to", "2026-03-30"]);
    assert_eq!(intervals["intervals"].as_array().unwrap().len(), 92);
    let total = |intervals: &Value| -> Decimal {
        let rows = intervals["intervals"].as_array().unwrap();
        rows.iter().map(|row| row["consumed"].as_str().unwrap().parse::<Decimal>().unwrap()).sum()
    };
    assert_eq!(total(&intervals), Decimal::new(sum(of_day(29)), 3));
    let whole = total(&rig.json(&["intervals", "main", "--from", "2026-03-01", "--to", "2026-04-01"]));
    let mut days = Decimal::ZERO;
    for date in (2..=31).map(|day| format!("2026-03-{day:02}T12:00")).chain(["2026-04-01T12:00".to_owned()]) {
        let meter = rig.json(&["meters", "main", "--at", &date]);
        days += meter["kwhYesterday"].as_str().unwrap().parse::<Decimal>().unwrap();
    }
    let april = rig.json(&["meters", "main", "--at", "2026-04-01T12:00"]);
    assert_eq!(whole, Decimal::new(sum((0..QUARTERS).filter(|place| day(*place) <= 31)), 3));
    assert_eq!(days, whole);
    assert_eq!(april["kwhLastMonth"], whole.normalize().to_string());
    assert_eq!(april["kwhLifetime"], kwh(FIRST_WH + sum(0..QUARTERS)));
}

#[test]
fn a_virtual_meter_and_the_pue_follow_from_others() {
    let rig = Rig::with_month();
    let rack = |places: &mut dyn Iterator<Item = i64>| places.map(|place| consumed(place) / 3).sum::<i64>();
    let meter = rig.json(&["meters", "it-total", "--at", "2026-03-30T08:00"]);
    assert_eq!(meter["kwhYesterday"], kwh(2 * rack(&mut of_day(29))));
    let so_far = rack(&mut (0..of_day(30).nth(32).unwrap()));
    assert_eq!(meter["kwhLifetime"], kwh(75_000 + 2 * so_far));
    assert_eq!((&meter["costPerKwh"], &meter["meterType"]["id"]), (&Value::from("0.3"), &Value::from(5)));

    let (facility, it) = (sum(of_day(20)), 2 * rack(&mut of_day(20)));
    let pue = Decimal::new(facility, 3) / Decimal::new(it, 3);
    let pue = pue.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero);
    let (code, stdout, _) = rig.run(&["pue", "--from", "2026-03-20", "--to", "2026-03-21", "--json"]);
    assert_eq!(code, 0);
    assert!(stdout.contains(&format!("\"pue\": {pue:.4}")), "four decimals: {stdout}");
    let report: Value = serde_json::from_str(&stdout).unwrap();
    let expected = serde_json::json!({ "scope": "site", "category": 3, "from": "2026-03-19T23:00:00Z",
        "to": "2026-03-20T23:00:00Z", "facilityKwh": kwh(facility), "itKwh": kwh(it), "pue": report["pue"],
        "complete": true, "missing": [] });
    assert_eq!(report, expected);

    // Before records began nothing is known, and what is known is not the whole.
    let part = rig.json(&["pue", "--from", "2026-02-27", "--to", "2026-03-02"]);
    assert_eq!((&part["complete"], &part["facilityKwh"]), (&Value::from(false), &Value::from(kwh(sum(of_day(1))))));
    assert_eq!(part["missing"], serde_json::json!(["main", "pdu-a", "pdu-b"]));

    // A virtual meter has no place: a building's IT is that of its racks.
    let of_building = rig.json(&["pue", "--building", "north", "--from", "2026-03-20", "--to", "2026-03-21"]);
    assert_eq!((&of_building["scope"], &of_building["category"]), (&Value::from("north"), &Value::from(2)));
    assert_eq!(of_building["pue"], report["pue"]);

    let live = rig.json(&["pue"]);
    assert_eq!((&live["pue"], &live["complete"]), (&Value::Null, &Value::from(false)));
    assert_eq!(live["missing"], serde_json::json!(["main", "pdu-a", "pdu-b"]));
    assert_eq!(live["facilityKwh"], Value::Null);
    let (code, _, stderr) = rig.run(&["pue", "--building", "south"]);
    assert_eq!((code, stderr.lines().next()), (1, Some("error: There is no building `south`.")));
}

#[test]
fn the_book_is_checked_and_says_who_and_what_was_before() {
    let rig = Rig::with_month();
    let said = |arguments: &[&str]| rig.json(&[&["record", "pdu-a"], arguments].concat());
    let verified = said(&["verification", "--result", "marginal", "--date", "2026-01-31"]);
    assert_eq!((&verified["before"], &verified["sequence"]), (&Value::Null, &Value::from(1)));
    assert!(!verified["who"].as_str().unwrap().is_empty());
    let again = said(&["verification", "--result", "pass", "--date", "2026-02-28"]);
    assert_eq!(again["before"], "2026-01-31 Marginal");
    said(&["calibration", "--date", "2026-01-31", "--interval-months", "25", "--certificate", "C-7\u{1b}[31m"]);
    said(&["note", "Fuse changed."]);
    assert_eq!(said(&["status", "fault"])["before"], "Active");

    let meter = rig.json(&["meters", "pdu-a"]);
    assert_eq!(meter["status"], serde_json::json!({ "id": 4, "name": "Fault" }));
    assert_eq!(meter["verificationResult"], serde_json::json!({ "id": 1, "name": "Pass" }));
    assert_eq!(meter["nextCalibrationDate"], "2028-02-29");
    assert_eq!(meter["calibrationCertificate"], "C-7[31m");
    assert!(meter["notes"].as_str().unwrap().ends_with("Fuse changed."));
    assert_eq!(rig.json(&["meters", "pdu-a", "--at", "2026-03-30"])["status"]["name"], "Active", "not yet then");

    let refused = |arguments: &[&str], code: i32, message: &str| {
        let (found, stdout, stderr) = rig.run(&[&["record"], arguments].concat());
        assert_eq!((found, stdout.as_str()), (code, ""), "{stderr}");
        assert!(stderr.contains(message), "{message}: {stderr}");
    };
    let long = "x".repeat(2001);
    refused(&["nobody", "note", "x"], 1, "There is no meter `nobody`.");
    refused(&["pdu-a", "status", "fault"], 65, "is Fault already");
    refused(&["pdu-a", "note", &long], 65, "longer than 2000 characters");
    refused(&["pdu-a", "note", "\u{200b} "], 65, "The note is empty.");
    refused(&["pdu-a", "verification", "--result", "pass", "--date", "2199-01-01"], 65, "in the future");
    refused(&["pdu-a", "calibration", "--date", "2026-01-01", "--interval-months", "0"], 65, "no interval");
    refused(&["pdu-a", "reading", "voltage", "230"], 65, "does not count up");
    refused(&["pdu-a", "reading", "kwh_lifetime", "-1"], 65, "is no reading");
    refused(&["pdu-a", "reading", "kwh_lifetime", "1"], 65, "would fall");
    refused(&["main", "reading", "kwh_lifetime", "999", "--at", "2026-04-01T12:30"], 65, "rating of 100 kW");
    refused(&["pdu-a", "verification", "--result", "good"], 2, "pass, marginal, fail or not-tested");

    // Read by hand is what the energy of a meter without a device is counted from.
    let before = rig.json(&["meters", "pdu-a", "--at", "2026-04-03T12:00"]);
    assert_eq!(before["kwhToday"], Value::Null);
    let last: Decimal = before["kwhLifetime"].as_str().unwrap().parse().unwrap();
    let next = (last + Decimal::new(96, 0)).to_string();
    let reading = said(&["reading", "kwh_lifetime", &next, "--at", "2026-04-03T12:00"]);
    assert!(reading["before"].as_str().unwrap().starts_with(&last.to_string()), "{reading}");
    let after = rig.json(&["meters", "pdu-a", "--at", "2026-04-03T12:00"]);
    assert_eq!((&after["kwhToday"], &after["kwhYesterday"]), (&Value::from("24"), &Value::from("48")));
    assert_eq!(after["consumptionStates"]["kwhYesterday"], "estimated");

    let forced = said(&["reading", "kwh_lifetime", "1", "--at", "2026-04-03T13:00", "--force"]);
    assert!(forced["before"].as_str().unwrap().contains("recorded by force"), "{forced}");
    assert_eq!(rig.json(&["record", "pdu-a", "list"]).as_array().unwrap().len(), 7);
}

#[test]
fn a_backup_is_whole_and_comes_back() {
    let rig = Rig::new();
    rig.json(&["record", "main", "note", "before"]);
    let backup = rig.json(&["backup", "kept.db"]);
    assert_eq!(backup["bytes"].as_u64().unwrap(), fs::metadata(rig.path("kept.db")).unwrap().len());
    rig.json(&["record", "main", "note", "after"]);

    let lock = Lock::take(&rig.path("data")).unwrap();
    for arguments in [&["restore", "kept.db"][..], &["meters"], &["record", "main", "note", "x"], &["pue"]] {
        let (code, stdout, stderr) = rig.run(arguments);
        assert_eq!((code, stdout.as_str()), (75, ""), "{arguments:?}");
        assert!(stderr.contains(&format!("process {} uses this data folder", std::process::id())), "{stderr}");
    }
    drop(lock);

    let restored = rig.json(&["restore", "kept.db"]);
    assert!(Path::new(restored["putAside"].as_str().unwrap()).file_name().is_some());
    let records = rig.json(&["record", "main", "list"]);
    let texts: Vec<&str> = records.as_array().unwrap().iter().filter_map(|one| one["entry"]["text"].as_str()).collect();
    assert_eq!(texts, ["before"]);

    let mut bytes = fs::read(rig.path("kept.db")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(rig.path("broken.db"), bytes).unwrap();
    for (file, code) in [("broken.db", 65), ("site.toml", 65), ("nowhere.db", 65)] {
        let (found, _, stderr) = rig.run(&["restore", file]);
        assert_eq!(found, code, "{file}: {stderr}");
        assert!(stderr.contains("Nothing was restored"), "{stderr}");
    }
    assert_eq!(rig.json(&["record", "main", "list"]).as_array().unwrap().len(), 1, "what is there stays");
    let (code, ..) = rig.run(&["backup", "no/such/folder/kept.db"]);
    assert_ne!(code, 0);
}

#[test]
fn people_see_panels_and_a_table() {
    let rig = Rig::with_month();
    let (code, stdout, _) = rig.run(&["meters", "main", "--at", "2026-03-30T08:00"]);
    assert_eq!(code, 0);
    for line in ["General", "Readings", "Consumption", "Thresholds", "Maintenance"] {
        assert!(stdout.lines().any(|shown| shown == line), "{line}: {stdout}");
    }
    let yesterday = format!("{} kWh", kwh(sum(of_day(29))));
    assert!(stdout.lines().any(|line| line.trim_start().starts_with("Yesterday") && line.ends_with(&yesterday)));
    assert!(stdout.lines().any(|line| line.trim_start().starts_with("This year") && line.ends_with("(incomplete)")));
    let (_, table, _) = rig.run(&["meters"]);
    assert_eq!(table.lines().count(), 5);
    assert!(table.lines().nth(1).unwrap().starts_with("it-total  IT    IT Load"), "{table}");
    let all = rig.json(&["meters"]);
    let ids: Vec<&str> = all.as_array().unwrap().iter().map(|meter| meter["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["it-total", "main", "pdu-a", "pdu-b"]);
}
