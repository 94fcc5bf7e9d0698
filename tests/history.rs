//! Imported history, with the real binary: a month of counters over a change of clocks, with a reset and a rollover,
//! against a plain calculation; and rows that are wrong.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is not as it must be")]

use std::{fs, path::Path, process::Output};

use assert_cmd::Command;
use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::Value;

const SITE: &str = r#"
[site]
name = "History"
time_zone = "Europe/Amsterdam"
currency = "EUR"
cost_per_kwh = "0.2140"

[device.incomer]
protocol = "modbus-tcp"
address = "127.0.0.1:9"
unit = 1

[meter.main]
name = "MSB-1"
meter_point = "utility-entrance"
status = "active"
device = "incomer"
rated_capacity_kw = 800

[meter.main.registers]
kwh_lifetime = { address = 0, function = "holding", type = "u32", unit = "kWh", scale = 0.1, modulus = 100000 }
"#;

/// A month of counters, one each quarter of an hour, and what flowed after each but the last.
fn month() -> Vec<(Timestamp, Decimal, Decimal)> {
    let begin: Timestamp = "2026-02-28T23:00:00Z".parse().unwrap();
    let quarters = 31 * 96 - 4;
    let mut register: Decimal = "99000.0".parse().unwrap();
    let mut random: u64 = 7;
    let mut counts = Vec::new();
    for quarter in 0..=quarters {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut flow = Decimal::new(i64::try_from(random >> 54).unwrap() + 100, 1);
        let mut next = register + flow;
        if next >= Decimal::from(100_000) {
            next -= Decimal::from(100_000);
        }
        if quarter == 1500 {
            // The register began again at zero.
            (next, flow) = (Decimal::new(55, 1), Decimal::new(55, 1));
        }
        let at = Timestamp::from_second(begin.as_second() + quarter * 900).unwrap();
        counts.push((at, register, flow));
        register = next;
    }
    counts
}

fn run(folder: &Path, arguments: &[&str], input: &str) -> Output {
    Command::cargo_bin("meterdeck")
        .unwrap()
        .current_dir(folder)
        .env_remove("METERDECK_CONFIG")
        .args(["--config", "site.toml", "--data", "data"])
        .args(arguments)
        .write_stdin(input)
        .output()
        .unwrap()
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let output = run(folder, arguments, "");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("site.toml"), SITE).unwrap();
    folder
}

fn csv(counts: &[(Timestamp, Decimal, Decimal)]) -> String {
    let rows = counts.iter().map(|(at, register, _)| format!("{at},main,kwh_lifetime,{register}\n"));
    format!("time,meter,quantity,value\n{}", rows.collect::<String>())
}

#[test]
fn a_month_over_a_change_of_clocks_agrees_with_a_plain_calculation() {
    let (folder, counts) = (folder(), month());
    let folder = folder.path();
    // In two halves and the later one first: order must not matter.
    let (early, late) = counts.split_at(1200);
    for part in [late, early] {
        let output = run(folder, &["history", "import", "-", "--json"], &csv(part));
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["new"], part.len(), "{output:?}");
        assert!(output.status.success());
    }
    let again = run(folder, &["history", "import", "-"], &csv(&counts));
    assert!(String::from_utf8_lossy(&again.stdout).contains("0 new, 2973 unchanged"), "{again:?}");

    let expected: Decimal = counts.iter().rev().skip(1).map(|(_, _, flow)| *flow).sum();
    let answer = json(folder, &["intervals", "main", "--json"]);
    let intervals = answer["intervals"].as_array().unwrap();
    let zone = TimeZone::get("Europe/Amsterdam").unwrap();
    let day: Date = "2026-03-29".parse().unwrap();
    let (mut total, mut quarters) = (Decimal::ZERO, 0);
    for (interval, (at, _, flow)) in intervals.iter().zip(&counts) {
        let start: Timestamp = interval["start"].as_str().unwrap().parse().unwrap();
        assert_eq!(start, *at);
        assert_eq!(interval["consumed"].as_str().unwrap().parse::<Decimal>().unwrap(), *flow, "{start}");
        assert_eq!((interval["state"].as_str().unwrap(), interval["coverage"].as_f64().unwrap()), ("good", 1.0));
        total += *flow;
        quarters += usize::from(start.to_zoned(zone.clone()).date() == day);
    }
    assert_eq!((total, quarters), (expected, 92));

    let meter = json(folder, &["meters", "main", "--at", "2026-04-01", "--json"]);
    let number = |field: &str| meter[field].as_str().unwrap().parse::<Decimal>().unwrap();
    assert_eq!(number("kwhLastMonth"), expected);
    assert_eq!(number("kwhLifetime"), expected + counts[0].1);
    let cost = (expected * Decimal::new(2140, 4))
        .round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
    assert_eq!(number("costLastMonth"), cost);
    let pue = json(folder, &["pue", "--from", "2026-03-01", "--to", "2026-04-01", "--json"]);
    assert_eq!(pue["facilityKwh"].as_str().unwrap().parse::<Decimal>().unwrap(), expected);
    assert_eq!(pue["pue"], Value::Null, "nothing of IT is metered");
}

#[test]
fn f33_days_of_23_and_25_hours_have_their_quarters_whatever_the_offset_of_the_source() {
    let folder = folder();
    let folder = folder.path();
    let zone = TimeZone::get("Europe/Amsterdam").unwrap();
    for (day, next, quarters) in [("2026-03-29", "2026-03-30", 92), ("2026-10-25", "2026-10-26", 100)] {
        let midnight: Timestamp = day.parse::<Date>().unwrap().to_zoned(zone.clone()).unwrap().timestamp();
        // As a source writes that keeps local time: the hour that comes twice has two offsets.
        let mut rows = "time,meter,quantity,value\n".to_owned();
        for quarter in 0..=quarters {
            let at = Timestamp::from_second(midnight.as_second() + quarter * 900).unwrap().to_zoned(zone.clone());
            rows += &format!("{},main,kwh_lifetime,{}.5\n", at.strftime("%Y-%m-%dT%H:%M:%S%:z"), 50_000 + quarter);
        }
        let output = run(folder, &["history", "import", "-", "--json"], &rows);
        assert!(output.status.success(), "{output:?}");
        let answer = json(folder, &["intervals", "main", "--from", day, "--to", next, "--json"]);
        let intervals = answer["intervals"].as_array().unwrap();
        assert_eq!(intervals.len(), usize::try_from(quarters).unwrap(), "{day}");
        assert!(intervals.iter().all(|interval| interval["consumed"] == "1" && interval["state"] == "good"));
        let meter = json(folder, &["meters", "main", "--at", next, "--json"]);
        assert_eq!(meter["kwhYesterday"], quarters.to_string(), "{day}");
        // People see the hour that comes twice with both of its names.
        let table = run(folder, &["intervals", "main", "--from", day, "--to", next], "");
        let table = String::from_utf8(table.stdout).unwrap();
        let twice = table.lines().filter(|line| line.starts_with(&format!("{day} 02:15"))).count();
        assert_eq!(twice, if quarters == 92 { 0 } else { 2 }, "{table}");
    }
}

#[test]
fn a_quarter_that_comes_late_takes_the_place_of_the_guess() {
    let (folder, counts) = (folder(), month());
    let folder = folder.path();
    let with_gap: Vec<_> = counts.iter().take(40).enumerate().filter(|(place, _)| !(10..14).contains(place)).collect();
    let with_gap: Vec<_> = with_gap.into_iter().map(|(_, count)| *count).collect();
    run(folder, &["history", "import", "-"], &csv(&with_gap));
    let estimated = |folder: &Path| {
        let answer = json(folder, &["intervals", "main", "--json"]);
        answer["intervals"].as_array().unwrap().iter().filter(|interval| interval["state"] == "estimated").count()
    };
    assert_eq!(estimated(folder), 5);
    run(folder, &["history", "import", "-"], &csv(&counts[10..14]));
    assert_eq!(estimated(folder), 0);
}

#[test]
fn wrong_rows_are_named_and_the_others_are_in() {
    let folder = folder();
    let folder = folder.path();
    let rows = "time,meter,quantity,value\n\
        2026-03-01T00:00:00Z,main,kwh_lifetime,100.5\n\
        yesterday,main,kwh_lifetime,1\n\
        2026-03-01T00:15:00Z,nobody,kwh_lifetime,1\n\
        2026-03-01T00:15:00Z,main,kwh_lifetime,many\n\
        2026-03-01T00:15:00Z,main,joules,1\n\
        1890-03-01T00:15:00Z,main,kwh_lifetime,1\n\
        2026-03-01T00:00:00Z,main,kwh_lifetime,100.50\n\
        2026-03-01T00:15:00Z,main,kwh_lifetime,101.5\n";
    let output = run(folder, &["history", "import", "-", "--json"], rows);
    assert_eq!(output.status.code(), Some(65));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["rows"], &answer["new"], &answer["unchanged"]), (&8.into(), &2.into(), &1.into()), "{answer}");
    let mut lines: Vec<u64> =
        answer["rejected"].as_array().unwrap().iter().map(|rejected| rejected["line"].as_u64().unwrap()).collect();
    lines.sort_unstable();
    assert_eq!(lines, [3, 4, 5, 6, 7]);

    let other = "time,meter,quantity,value\n2026-03-01T00:15:00Z,main,kwh_lifetime,102\n";
    assert_eq!(run(folder, &["history", "import", "-"], other).status.code(), Some(65), "a different value");
    let replaced = run(folder, &["history", "import", "-", "--replace", "--json"], other);
    assert_eq!(serde_json::from_slice::<Value>(&replaced.stdout).unwrap()["replaced"], 1);
    let intervals = json(folder, &["intervals", "main", "--json"]);
    assert_eq!(intervals["intervals"][0]["consumed"], "1.5");
    let nonsense = run(folder, &["history", "import", "-"], "\u{0}\u{1}\n");
    assert_eq!(nonsense.status.code(), Some(65), "{nonsense:?}");
    assert_eq!(run(folder, &["history", "import", "missing.csv"], "").status.code(), Some(65));
}
