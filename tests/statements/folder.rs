//! A thousand generated statements in random order and three imports, against a plain script that knows the specification.

use std::{collections::BTreeMap, fs, process::Command};

use fastrand::Rng;
use jiff::{ToSpan as _, civil::Date};
use serde_json::{Value, json};

use crate::help::Folder;

const STATEMENTS: u32 = 1_000;
const METERS: u32 = 40;
const MONTHS: i32 = 30;

fn month(place: i32) -> Date {
    Date::constant(2021, 1, 1).checked_add(place.months()).unwrap()
}

/// An amount as a number or a text, in one of three units.
fn amount(random: &mut Rng, wh: i64) -> (Value, &'static str) {
    let (unit, decimals) = *random.choice(&[("Wh", 0_u32), ("kWh", 3), ("MWh", 6)]).unwrap();
    let text = rust_decimal::Decimal::new(wh, decimals).to_string();
    let value = if random.bool() { serde_json::from_str(&text).unwrap() } else { json!(text) };
    (value, unit)
}

fn reading(random: &mut Rng, meter: u32, start: Date, end: Date, wh: i64) -> Value {
    let (usage, unit) = amount(random, wh);
    let name = if meter.is_multiple_of(2) { "meterId" } else { "meterNumber" };
    // Only some meters have periods that are a day off: what is chosen among equals decides about their gaps.
    let off = |random: &mut Rng, date: Date| {
        if meter.is_multiple_of(4) && random.u8(..10) == 0 {
            date.checked_add(random.i8(-1..=1).days()).unwrap()
        } else {
            date
        }
    };
    let mut reading = json!({ name: format!("{name}-{meter}"), "periodStart": off(random, start),
        "periodEnd": off(random, end), "totalUsage": usage, "usageUnit": unit });
    if random.u8(..30) == 0 {
        reading["totalUsage"] = Value::Null;
    }
    if random.u8(..4) == 0 {
        let words = ["DELIVERY_ONLY", "delivery_only", "FULL_SERVICE"];
        reading["deregulationStatus"] = json!(random.choice(&words).unwrap());
    }
    reading
}

#[expect(clippy::needless_pass_by_value, reason = "made for this call")]
fn account(random: &mut Rng, number: String, provider: &str, class: &str, reading: Value) -> Value {
    let stages = ["DISTRIBUTION", "TRANSMISSION", "COMBINED_DELIVERY", "GENERATION", "SUPPLY", "OTHER"];
    let stage = random.choice(&stages).unwrap();
    let charge = json!({ "lifeCycleStage": stage });
    let charges = if random.bool() { charge } else { json!([charge, { "amount": 1 }]) };
    let meter_data = if random.bool() { json!([reading]) } else { reading };
    json!({ "accountNumber": number, "providers": [{ "name": provider, "classification": class }], "charges": charges,
        "meterData": meter_data })
}

fn statement(random: &mut Rng, id: u32) -> Value {
    let meter = random.u32(..METERS);
    let place = random.i32(0..MONTHS);
    let months = if random.u8(..40) == 0 { 3 } else { 1 };
    let (start, end) = (month(place), month(place + months));
    let base = i64::from(meter + 1) * 10_000 + i64::from(place) * 250;
    let other = if random.bool() { base } else { base + random.i64(1..500) };
    let first = reading(random, meter, start, end, base);
    let mut accounts = vec![account(random, format!("A-{meter}"), "Grid Co", "MAIN", first)];
    if random.u8(..5) < 2 {
        let class = if random.bool() { "ADDITIONAL" } else { "secondary" };
        let second = reading(random, meter, start, end, other);
        accounts.push(account(random, format!("B-{meter}"), "Retail Co", class, second));
    }
    let date = end.checked_add(random.i8(3..6).days()).unwrap();
    let mut statement = json!({ "id": format!("s-{id:05}"), "statementDate": date, "accountData": accounts });
    if random.bool() {
        statement["lastModifiedAt"] = json!(format!("2024-01-{:02}T00:00:00Z", random.u8(1..=28)));
    }
    statement
}

fn details(random: &mut Rng, meter: u32) -> Value {
    let usages: Vec<Value> = (0..MONTHS).filter(|_| random.u8(..3) == 0).collect::<Vec<_>>().into_iter().map(|place| {
        let (usage, unit) = amount(random, i64::from(meter + 1) * 10_000 + i64::from(place) * 250);
        let status = if random.u8(..5) == 0 { "NON-CONTRIBUTING" } else { "Contributing" };
        let name = if random.bool() { "tarffRateComponentType" } else { "tariffRateComponentType" };
        let kind = if random.u8(..5) == 0 { "ON_PEAK" } else { "total" };
        json!({ "periodStart": month(place), "periodEnd": month(place + 1), "measuredUsage": usage, "usageUnit": unit,
            "contributionStatus": status, "tariffRateComponents": [{ name: kind }] })
    }).collect();
    json!({ "meterId": format!("meterId-{meter}"), "usages": usages })
}

#[test]
fn a_thousand_statements_in_three_imports_agree_with_a_plain_script() {
    let mut random = Rng::with_seed(20_230_101);
    let mut documents: Vec<Value> = (0..STATEMENTS).map(|id| statement(&mut random, id)).collect();
    documents.extend((0..METERS).step_by(6).map(|meter| details(&mut random, meter)));
    random.shuffle(&mut documents);
    let folder = Folder::new();
    let parts = ["one", "two", "three"];
    for part in parts {
        fs::create_dir_all(folder.path().join("bills").join(part)).unwrap();
    }
    // Some files hold several documents, most one.
    let mut rest = documents.as_slice();
    let mut number = 0;
    while !rest.is_empty() {
        let several = if random.u8(..10) == 0 { 20 } else { 1 };
        let (these, others) = rest.split_at(several.min(rest.len()));
        let content = if let [one] = these { one.to_string() } else { serde_json::to_string(these).unwrap() };
        folder.write(&format!("bills/{}/{number}.json", random.choice(&parts).unwrap()), content);
        number += 1;
        rest = others;
    }
    for part in parts {
        let answer = folder.json(&["statements", "import", &format!("bills/{part}")]);
        assert_eq!(answer["rejected"], json!([]));
    }
    compare(&folder);
    // All of it again, in one import: nothing is new.
    let again = folder.json(&["statements", "import", "bills"]);
    assert_eq!((&again["new"], &again["superseded"]), (&json!(0), &json!(0)), "{again}");
    compare(&folder);
}

fn compare(folder: &Folder) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/statements/plain.py");
    let output = Command::new("python3").arg(script).arg(folder.path().join("bills")).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs python3 (3.9 or later): {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let expected: BTreeMap<String, Value> = serde_json::from_slice(&output.stdout).unwrap();
    let usage = folder.json(&["usage"]);
    let meters = usage["meters"].as_array().unwrap();
    assert_eq!(meters.len(), expected.len());
    let mut open = 0;
    for meter in meters {
        let name = meter["meter"].as_str().unwrap();
        let plain = &expected[name];
        assert_eq!((&meter["total"], &meter["openReviews"]), (&plain["total"], &plain["openReviews"]), "{meter}");
        open += meter["openReviews"].as_u64().unwrap();
        let number: u32 = name.rsplit('-').next().unwrap().parse().unwrap();
        if !number.is_multiple_of(4) {
            let gaps = json!(meter["gaps"].as_array().unwrap().len());
            assert_eq!((&meter["complete"], &gaps), (&plain["complete"], &plain["gaps"]), "{meter}");
        }
    }
    assert!(open > 20, "the data leaves something to people: {open}");
    assert_eq!(folder.json(&["duplicates", "list", "--kind", "duplicate"]).as_array().unwrap().len() as u64, open);
}
