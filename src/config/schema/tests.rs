use std::collections::BTreeSet;

use super::{Kind, Table, json, register, site};
use crate::config::{self, fields::asked};

const DEFAULT: &str = include_str!("../../../config/default.toml");
const PROFILE: &str = include_str!("../../../tests/check/good/profiles/acme-9.toml");

/// Table and key of the whole schema.
fn keys(table: &'static Table, found: &mut BTreeSet<(&'static str, String)>) {
    for key in table.keys {
        found.insert((table.what, key.name.to_owned()));
        match key.kind {
            Kind::Table(inner) | Kind::TableOf(inner) => keys(inner, found),
            Kind::Registers => keys(&register::REGISTER, found),
            _ => {}
        }
    }
}

#[test]
fn every_key_of_the_schema_is_read_and_no_other() {
    let mut schema = BTreeSet::new();
    keys(&site::FILE, &mut schema);
    keys(&register::PROFILE, &mut schema);
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/good/site.toml");
    config::load(&path).unwrap();
    config::profile::parse("acme-9", "acme-9.toml", PROFILE).unwrap();
    assert_eq!(asked::all(), schema);
}

#[test]
fn the_json_schema_has_every_key() {
    let json = json::schema();
    let mut schema = BTreeSet::new();
    keys(&site::FILE, &mut schema);
    keys(&register::PROFILE, &mut schema);
    let definitions = json["$defs"].as_object().unwrap();
    let in_json: BTreeSet<(String, String)> = definitions
        .iter()
        .flat_map(|(table, definition)| {
            assert_eq!(definition["additionalProperties"], false, "{table}");
            let properties = definition["properties"].as_object().unwrap();
            properties.keys().map(move |key| (table.clone(), key.clone()))
        })
        .collect();
    let in_tables = schema.into_iter().map(|(table, key)| (table.replace(' ', "_"), key)).collect();
    assert_eq!(in_json, in_tables);
}

#[test]
fn every_reference_of_the_json_schema_leads_somewhere() {
    fn references(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(object) => {
                found.extend(object.get("$ref").and_then(|reference| reference.as_str()).map(str::to_owned));
                object.values().for_each(|value| references(value, found));
            }
            serde_json::Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let json = json::schema();
    let mut found = Vec::new();
    references(&json, &mut found);
    assert!(found.len() > 20);
    for reference in found {
        assert!(json.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

/// The file with the settings that are commented out, too.
fn uncommented(text: &str) -> String {
    let is_setting = |line: &str| {
        let key: String = line.chars().take_while(|character| !" =".contains(*character)).collect();
        let is_key =
            line.contains(" = ") && key.chars().all(|character| character.is_ascii_lowercase() || character == '_');
        is_key || (line.starts_with('[') && line.ends_with(']'))
    };
    let lines = text.lines().map(|line| line.strip_prefix("# ").filter(|setting| is_setting(setting)).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_default_file_names_every_setting() {
    let mut all = BTreeSet::new();
    keys(&site::FILE, &mut all);
    let text = uncommented(DEFAULT);
    for (table, key) in &all {
        let as_key = text.lines().any(|line| line.contains(&format!("{key} =")));
        let as_table = text.lines().any(|line| {
            let path = line.trim_start_matches('[').split(']').next().unwrap_or_default();
            line.starts_with('[') && path.split('.').any(|part| part == key)
        });
        assert!(as_key || as_table, "config/default.toml does not name `{key}` of {table}");
    }
}

#[test]
fn the_default_file_says_the_defaults() {
    let written = config::parse("default.toml", DEFAULT).unwrap_or_else(|problems| panic!("{problems}"));
    // The same without all that has a default.
    let required = [
        "name",
        "time_zone",
        "currency",
        "building",
        "floor",
        "room",
        "protocol",
        "address",
        "serial",
        "unit",
        "limit",
    ];
    let required = [&required[..], &["meter_point", "status", "formula"]].concat();
    let keep = |line: &&str| {
        let key = line.split('=').next().unwrap_or_default().trim();
        line.starts_with('[') && !line.starts_with("[storage") && !line.starts_with("[poll") || required.contains(&key)
    };
    let least = DEFAULT.lines().filter(keep).collect::<Vec<_>>().join("\n");
    let least = config::parse("least.toml", &least).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(written.site, least.site);
}
