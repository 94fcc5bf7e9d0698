//! `meterdeck check` as people and programs use it: the real binary on real files.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test whose program or files are missing has nothing to say")]

use std::{fs, path::Path};

use assert_cmd::Command;
use serde_json::Value;

/// The program in a folder of `tests/check`, with no site file to be found elsewhere.
fn check(folder: &str, arguments: &[&str]) -> (i32, String, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check").join(folder);
    run(&folder, arguments)
}

fn run(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::cargo_bin("meterdeck")
        .unwrap()
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .arg("check")
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn everything_wrong_is_drawn_at_once() {
    let (code, stdout, stderr) = check("bad", &["--config", "site.toml"]);
    assert_eq!((code, stdout.as_str()), (78, ""), "only the answer goes to standard output");
    insta::assert_snapshot!(stderr);
}

#[test]
fn everything_wrong_is_data_too() {
    let (code, stdout, stderr) = check("bad", &["--config", "site.toml", "--json"]);
    assert_eq!((code, stderr.as_str()), (78, ""));
    let problems = json(&stdout);
    let source = |file: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/bad").join(file);
        fs::read_to_string(path).unwrap()
    };
    let mut at = Vec::new();
    for problem in problems.as_array().unwrap() {
        let file = problem["file"].as_str().unwrap();
        let line = usize::try_from(problem["line"].as_u64().unwrap()).unwrap();
        let column = usize::try_from(problem["column"].as_u64().unwrap()).unwrap();
        let text = source(file);
        let here: String = text.lines().nth(line - 1).unwrap().chars().skip(column - 1).collect();
        assert!(!problem["help"].as_str().unwrap().is_empty(), "{problem}");
        at.push(format!("{file}: {}", here.chars().take(14).collect::<String>().trim_end()));
    }
    let expected = [
        "site.toml: \"Europe/Amster",
        "site.toml: \"EURO\"",
        "site.toml: pol]",
        "site.toml: \"1 sec\"",
        "site.toml: 5",
        "site.toml: building = \"no",
        "site.toml: \"10.20.0.11\"",
        "site.toml: \"acme-8\"",
        "site.toml: 200",
        "site.toml: twin]",
        "site.toml: 1",
        "site.toml: meter_pont = \"",
        "site.toml: \"activ\"",
        "site.toml: \"n2\"",
        "site.toml: \"MSB-1\"",
        "site.toml: [\"main\"]",
        "site.toml: 95",
        "site.toml: bakcup * (main",
        "meters.d/more.toml: backup]",
        "meters.d/more.toml: \"kV\" }",
        "meters.d/more.toml: frequency = {",
        "profiles/acme-9.toml: \"float32\", uni",
    ];
    assert_eq!(at, expected);
}

#[test]
fn what_is_there_is_printed() {
    // Found without being named: ./site.toml.
    let (code, stdout, stderr) = check("good", &[]);
    assert_eq!((code, stderr.as_str()), (0, ""));
    insta::assert_snapshot!(stdout);

    let (code, stdout, _) = check("good", &["--json"]);
    let report = json(&stdout);
    assert_eq!(code, 0);
    assert_eq!((&report["meters"], &report["places"]), (&6.into(), &7.into()));
    let devices: Vec<_> =
        report["devices"].as_array().unwrap().iter().map(|device| device["requests"].as_u64()).collect();
    assert_eq!(devices, [Some(2), Some(4), Some(3)]);
    assert_eq!(report["connections"][0]["connection"], "10.20.0.11:502");
    assert_eq!(report["warnings"], Value::Array(Vec::new()));
}

#[test]
fn the_schema_is_one_document() {
    let (code, stdout, _) = check("bad", &["--schema"]);
    let schema = json(&stdout);
    assert_eq!(code, 0, "whatever the site file");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let meter_point = &schema["$defs"]["meter"]["properties"]["meter_point"]["enum"];
    assert!(meter_point.as_array().unwrap().contains(&"utility-entrance".into()), "{meter_point}");
}

#[test]
fn a_file_that_cannot_be_read_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, stderr) = run(folder.path(), &["--config", "gone.toml"]);
    assert_eq!(code, 78);
    assert!(stderr.contains("cannot read gone.toml"), "{stderr}");

    let (code, _, stderr) = run(folder.path(), &[]);
    if !Path::new("/etc/meterdeck/site.toml").exists() {
        assert_eq!(code, 78);
        assert!(stderr.contains("./site.toml") && stderr.contains("meterdeck demo"), "{stderr}");
    }

    fs::write(folder.path().join("site.toml"), b"name = \"\xff\"").unwrap();
    let (code, _, stderr) = run(folder.path(), &[]);
    assert_eq!(code, 78);
    assert!(stderr.contains("is not UTF-8 text"), "{stderr}");
}

#[test]
fn includes_are_bounded_and_each_file_is_read_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write(
        "site.toml",
        "[include]\nfiles = [\"*.toml\"]\n[site]\nname = \"S\"\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\n[building.b]\n",
    );
    write("a.toml", "[include]\nfiles = [\"site.toml\", \"a.toml\"]\n[floor.f]\nbuilding = \"b\"\n");
    let (code, stdout, stderr) = run(folder.path(), &["--json"]);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(json(&stdout)["files"].as_array().unwrap().len(), 2);

    write("a.toml", "[site]\nname = \"T\"\n[building.b]\n");
    let (code, stdout, _) = run(folder.path(), &["--json"]);
    let problems = json(&stdout);
    let messages: Vec<_> =
        problems.as_array().unwrap().iter().map(|problem| problem["message"].as_str().unwrap()).collect();
    assert_eq!((code, messages), (78, vec!["[site] is defined twice", "building `b` is defined twice"]));

    // What may be in a file that is not there is not reported as missing.
    write("a.toml", "[include]\nfiles = [\"gone.toml\"]\n[floor.f]\nbuilding = \"x\"\nnaem = \"F\"\n");
    let (code, stdout, _) = run(folder.path(), &["--json"]);
    let problems = json(&stdout);
    let messages: Vec<_> =
        problems.as_array().unwrap().iter().map(|problem| problem["message"].as_str().unwrap()).collect();
    assert_eq!((code, messages.len()), (78, 2), "{messages:?}");
    assert!(messages[0].contains("cannot read gone.toml"), "{messages:?}");
    assert_eq!(messages[1], "unknown key `naem` in floor `f`");

    for number in 0..300 {
        write(&format!("many-{number:03}.toml"), "");
    }
    let (code, stdout, _) = run(folder.path(), &["--json"]);
    assert_eq!(code, 78);
    assert!(stdout.contains("a site has at most 256 files"), "{stdout}");
}
