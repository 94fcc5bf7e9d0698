//! Files that are wrong: what is wrong is named with its place, what is good is in, and nothing ends the program.

use serde_json::{Value, json};

use crate::help::{Folder, account, reading, statement};

fn good() -> Value {
    reading("2023-01-01", "2023-02-01", &json!(45))
}

fn with(field: &str, value: Value) -> Value {
    let mut reading = good();
    reading[field] = value;
    reading
}

/// One wrong reading between two good ones.
fn between(wrong: Value) -> Value {
    let later = reading("2023-02-01", "2023-03-01", &json!(41));
    statement("s", "2023-03-05", &[account("1", "MAIN", &[], &[good(), wrong, later])])
}

#[test]
fn a_wrong_reading_is_named_and_its_neighbours_are_in() {
    for (wrong, reason) in [
        (with("totalUsage", json!("n/a")), "not a number"),
        (with("totalUsage", json!("")), "not a number"),
        (with("totalUsage", json!([45])), "not a number"),
        (with("totalUsage", json!("NaN")), "not a number"),
        (with("totalUsage", json!("1,234.5")), "not a number"),
        (with("totalUsage", json!("9".repeat(400))), "more digits"),
        (with("totalUsage", json!("0.00000000000000000000000000000000001")), "more digits"),
        (with("periodStart", json!("2023-02-30")), "no date"),
        (with("periodStart", json!("01/02/2023")), "no date"),
        (with("periodStart", json!("2023-03-01")), "ends on"),
        (with("periodEnd", Value::Null), "end is missing"),
        (with("periodStart", json!({})), "start is missing"),
        (with("meterId", json!("\u{202e}\u{200b}")), "no meter"),
        (json!("no object"), "an object"),
        (json!([[]]), "an object"),
    ] {
        let folder = Folder::new();
        let answer = folder.import(&between(wrong.clone()));
        let rejected = answer["rejected"].as_array().unwrap();
        assert_eq!((rejected.len(), &answer["new"]), (1, &json!(2)), "{wrong}: {answer}");
        assert_eq!(rejected[0]["pointer"], "/accountData/0/meterData/1", "{wrong}");
        assert!(rejected[0]["reason"].as_str().unwrap().contains(reason), "{wrong}: {rejected:?}");
        assert_eq!(folder.only_usage()["total"], "86", "{wrong}");
    }
}

#[test]
fn a_file_that_is_not_json_changes_nothing() {
    let before = between(good()).to_string();
    let half = format!("[{before},{}", before.get(..before.len() / 2).unwrap());
    let literal = before.replacen("45", "NaN", 1);
    for text in [
        half.as_str(),
        literal.as_str(),
        "no json at all",
        "{",
        "[",
        "\u{0}\u{1}\u{2}",
        "[1,2",
        "\"",
        &format!("{before} trailing"),
        &format!("[{before},]"),
        &format!("[{before} {before}]"),
        &"[".repeat(100_000),
    ] {
        let folder = Folder::new();
        let answer = folder.import_text(text.as_bytes());
        assert_eq!(answer["new"], 0, "{answer}");
        assert_eq!(answer["rejected"].as_array().unwrap().len(), 1, "{answer}");
        assert_eq!(folder.json(&["usage"])["meters"], json!([]));
        // Other files are not affected.
        assert_eq!(folder.import(&between(good()))["new"], 3);
    }
}

#[test]
fn what_is_json_but_no_document_is_left_out_alone() {
    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    let twice = r#"{"accountData":[],"accountData":[]}"#;
    let huge = r#"{"accountData":1e999}"#;
    for other in
        [deep.as_str(), twice, huge, "{}", "5", "null", "\"text\"", "[[1]]", r#"{"usages":5}"#, r#"{"_embedded":[]}"#]
    {
        let folder = Folder::new();
        let text = format!("[{},{other},{}]", between(good()), statement("t", "2024-01-01", &[]));
        let answer = folder.import_text(text.as_bytes());
        let shown: String = other.chars().take(40).collect();
        assert_eq!((&answer["new"], answer["rejected"].as_array().unwrap().len()), (&json!(3), 1), "{shown}: {answer}");
        assert!(answer["rejected"][0]["pointer"].as_str().unwrap().starts_with("/1"), "{answer}");
    }
    let folder = Folder::new();
    let lines = format!("{{\"broken\n{}\nNaN\n\n[1]\n", between(good()));
    let answer = folder.import_text(lines.as_bytes());
    let pointers: Vec<&Value> =
        answer["rejected"].as_array().unwrap().iter().map(|rejected| &rejected["pointer"]).collect();
    assert_eq!((&answer["new"], pointers), (&json!(3), vec![&json!("1"), &json!("3"), &json!("5/0")]), "{answer}");
}

#[test]
fn names_are_made_safe_and_units_are_kept_apart() {
    let folder = Folder::new();
    let mut other = reading("2023-01-01", "2023-02-01", &json!(50));
    other["usageUnit"] = json!("=cmd|' /C calc'!A0");
    other["meterId"] = json!("12\u{1b}[31m\u{202e}3");
    let mut first = account("1", "MAIN", &[], &[good(), other]);
    first["providers"][0]["name"] = json!("Grid\u{7}\u{202e}Co");
    let output =
        folder.run(&["statements", "import", "-"], statement("s", "2023-02-05", &[first]).to_string().as_bytes());
    assert!(output.status.success(), "{output:?}");
    let notes = String::from_utf8(output.stderr).unwrap();
    assert!(notes.contains("/accountData/0/providers/0/name: hidden characters taken out"), "{notes}");
    let usage = folder.json(&["usage"]);
    let meters: Vec<(&Value, &Value)> =
        usage["meters"].as_array().unwrap().iter().map(|meter| (&meter["meter"], &meter["total"])).collect();
    assert_eq!(meters, [(&json!("123"), &json!("45")), (&json!("12[31m3"), &json!("50"))]);
    let csv = folder.run(&["usage", "--csv"], b"");
    let csv = String::from_utf8(csv.stdout).unwrap();
    assert!(csv.contains(",50,'=cmd"), "{csv}");
    assert!(csv.contains("123,2023-01-01,2023-02-01,45,kWh,"), "numbers stay numbers: {csv}");
    for command in [&["usage"][..], &["duplicates", "list", "--status", "all"], &["usage", "--csv"]] {
        let shown = String::from_utf8(folder.run(command, b"").stdout).unwrap();
        assert!(!shown.contains(['\u{1b}', '\u{202e}', '\u{7}']), "{shown:?}");
    }
}

#[test]
fn a_packed_file_that_is_cut_changes_nothing() {
    use std::io::Write as _;
    let folder = Folder::new();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(between(good()).to_string().as_bytes()).unwrap();
    let packed = encoder.finish().unwrap();
    let answer = folder.import_text(&packed[..packed.len() - 9]);
    assert_eq!((&answer["new"], answer["rejected"].as_array().unwrap().len()), (&json!(0), 1), "{answer}");
    assert_eq!(folder.import_text(&packed)["new"], 3);
    let missing = folder.run(&["statements", "import", "missing.json", "--json"], b"");
    assert_eq!(missing.status.code(), Some(65), "{missing:?}");
}
