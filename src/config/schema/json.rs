//! The JSON schema of the site file, for editors (draft 2020-12).

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Key, Kind, Table, register::PROFILE, register::REGISTER, site::FILE};
use crate::domain::quantity::Quantity;

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
const ID_PATTERN: &str = "^[a-z0-9][a-z0-9._-]{0,63}$";
const SPAN_PATTERN: &str = "^[0-9]+ *(ms|s|m|h|d)$";
const PRICE_PATTERN: &str = "^[0-9]+(\\.[0-9]+)?$";

/// The schema of the site file; `$defs/profile` is that of a profile.
pub(in super::super) fn schema() -> Value {
    let mut definitions = BTreeMap::new();
    define(&FILE, &mut definitions);
    define(&PROFILE, &mut definitions);
    json!({
        "$schema": DIALECT,
        "title": "meterdeck site file",
        "$ref": reference(&FILE),
        "$defs": definitions.into_iter().collect::<Map<_, _>>(),
    })
}

fn name(table: &Table) -> String {
    table.what.replace(' ', "_")
}

fn reference(table: &Table) -> String {
    format!("#/$defs/{}", name(table))
}

/// Adds the table and all that it holds.
fn define(table: &'static Table, definitions: &mut BTreeMap<String, Value>) {
    for key in table.keys {
        match key.kind {
            Kind::Table(inner) | Kind::TableOf(inner) => define(inner, definitions),
            Kind::Registers => define(&REGISTER, definitions),
            _ => {}
        }
    }
    let properties: Map<String, Value> = table.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<&str> = table.keys.iter().filter(|key| key.required).map(|key| key.name).collect();
    let mut definition = json!({
        "type": "object",
        "description": table.doc,
        "properties": properties,
        "additionalProperties": false,
    });
    if let (Some(object), false) = (definition.as_object_mut(), required.is_empty()) {
        object.insert("required".to_owned(), json!(required));
    }
    definitions.insert(name(table), definition);
}

fn property(key: &Key) -> Value {
    let mut property = kind(&key.kind);
    if let Some(object) = property.as_object_mut() {
        object.insert("description".to_owned(), json!(key.doc));
    }
    property
}

fn kind(kind: &Kind) -> Value {
    match kind {
        Kind::Text | Kind::LongText => json!({ "type": "string", "minLength": 1 }),
        Kind::Reference(_) => json!({ "type": "string", "pattern": ID_PATTERN }),
        Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Kind::Number { min, max } => number(*min, *max),
        Kind::Switch => json!({ "type": "boolean" }),
        Kind::Duration { .. } => json!({ "type": "string", "pattern": SPAN_PATTERN }),
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::Price => json!({ "type": ["string", "integer"], "pattern": PRICE_PATTERN, "minimum": 0 }),
        Kind::Choice(words) => {
            let words = words();
            let ids = words.iter().filter_map(|(_, id)| id.map(|id| json!(id)));
            let all: Vec<Value> = words.iter().map(|(word, _)| json!(word)).chain(ids).collect();
            json!({ "enum": all })
        }
        Kind::Texts => json!({ "type": "array", "items": { "type": "string", "minLength": 1 } }),
        Kind::References(_) => {
            json!({ "type": "array", "uniqueItems": true, "items": { "type": "string", "pattern": ID_PATTERN } })
        }
        Kind::RawValues => json!({ "type": "array", "items": { "type": "integer" } }),
        Kind::Table(table) => json!({ "$ref": reference(table) }),
        Kind::TableOf(table) => by_id(&json!({ "$ref": reference(table) })),
        Kind::Registers => {
            let quantities = Quantity::ALL.iter().filter(|quantity| quantity.is_readable());
            let names: Vec<&str> = quantities.map(Quantity::toml_name).collect();
            json!({
                "type": "object",
                "propertyNames": { "anyOf": [{ "enum": names }, { "pattern": "^x_[a-z0-9]" }] },
                "additionalProperties": { "$ref": reference(&REGISTER) },
            })
        }
        Kind::Free => json!({ "type": "object", "additionalProperties": { "type": ["string", "number", "boolean"] } }),
        Kind::FreeTables => by_id(&json!({ "type": "object" })),
    }
}

fn by_id(table: &Value) -> Value {
    json!({ "type": "object", "propertyNames": { "pattern": ID_PATTERN }, "additionalProperties": table })
}

fn number(min: f64, max: f64) -> Value {
    let mut number = Map::from_iter([("type".to_owned(), json!("number"))]);
    if min > f64::MIN {
        number.insert("minimum".to_owned(), json!(min));
    }
    if max < f64::MAX {
        number.insert("maximum".to_owned(), json!(max));
    }
    Value::Object(number)
}
