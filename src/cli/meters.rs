//! `meterdeck meters`: the site's meters as POWERMETER records, readings and consumption included.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use serde_json::Value;

use super::{
    Global,
    exit::{self, CommandError, Exit},
    history::{meter_id, with_service},
    time,
};
use crate::{
    domain::powermeter::PowerMeter,
    service::interface::{Request, Response},
};

mod panels;

/// Prints one meter, or all of them, as they are now or stood at `at`.
///
/// # Errors
/// A meter that there is not, a time that is none, or what the service says.
pub fn run(global: &Global, id: Option<&str>, at: Option<&str>) -> Result<ExitCode, CommandError> {
    let id = id.map(meter_id).transpose()?;
    with_service(global, async |site, client| {
        let at = at.map(|at| time::moment(at, &time::zone(&site))).transpose()?;
        let is_one = id.is_some();
        let Response::Meters { meters } = client.requests.ask(Request::Meters { id, at }).await? else {
            return Err(unexpected());
        };
        match (global.json, is_one, meters.first()) {
            (true, true, Some(meter)) => document(meter),
            (true, ..) => document(&meters),
            (false, true, Some(meter)) => print(&one(meter)),
            (false, ..) => print(&all(&meters)),
        }
    })
}

/// The service answered something else than was asked.
pub(super) fn unexpected() -> CommandError {
    CommandError::new(Exit::Internal, "The service answers something else than was asked.")
}

/// Prints a JSON document.
pub(super) fn document(document: &impl serde::Serialize) -> Result<ExitCode, CommandError> {
    let text = serde_json::to_string_pretty(document)
        .map_err(|error| CommandError::new(Exit::Internal, format!("Cannot write JSON: {error}.")))?;
    print(&(text + "\n"))
}

/// Prints text.
pub(super) fn print(text: &str) -> Result<ExitCode, CommandError> {
    exit::output(io::stdout().lock().write_all(text.as_bytes()))
}

/// One meter, in the panels of the entity.
fn one(meter: &PowerMeter) -> String {
    let fields = serde_json::to_value(meter).unwrap_or_default();
    let width = panels::PANELS.iter().flat_map(|(_, rows)| *rows).map(|(_, label, _)| label.chars().count()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for (panel, rows) in panels::PANELS {
        let gap = if text.is_empty() { "" } else { "\n" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{gap}{panel}");
        for (field, label, unit) in *rows {
            let value = shown(&fields, field, unit);
            let padding = " ".repeat(width.saturating_sub(label.chars().count()));
            let _ = writeln!(text, "{}", format!("  {label}{padding}  {value}").trim_end());
        }
    }
    text
}

/// A field with its unit, and its state where that is not good.
fn shown(fields: &Value, field: &str, unit: &str) -> String {
    let value = match fields.get(field) {
        None | Some(Value::Null) => return state(fields, field).unwrap_or("-").to_owned(),
        Some(Value::Object(reference)) => reference.get("name").and_then(Value::as_str).unwrap_or("-").to_owned(),
        Some(Value::String(text)) => text.lines().collect::<Vec<_>>().join("; "),
        Some(Value::Number(number)) => number.as_f64().map_or_else(|| number.to_string(), number_text),
        Some(other) => other.to_string(),
    };
    let unit = if unit == "currency" { fields.get("currency").and_then(Value::as_str).unwrap_or("") } else { unit };
    let state = state(fields, field).map(|state| format!("({state})")).unwrap_or_default();
    let parts = [value.as_str(), unit, &state];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The word for a state that is not good. Of a sum with a value, that a part of the time is missing.
fn state<'a>(fields: &'a Value, field: &str) -> Option<&'a str> {
    let of = |map: &str| fields.get(map)?.get(field)?.as_str();
    let is_known = fields.get(field).is_some_and(|value| !value.is_null());
    match of("readingStates").or_else(|| of("consumptionStates"))? {
        "missing" if is_known => Some("incomplete"),
        "good" | "missing" => None,
        word => Some(word),
    }
}

/// A reading with at most three decimals.
fn number_text(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// All meters, one a line.
fn all(meters: &[PowerMeter]) -> String {
    let head = ["METER", "NAME", "POINT", "STATUS", "kW", "TODAY kWh", "MONTH kWh", "MONTH COST"].map(str::to_owned);
    let row = |meter: &PowerMeter| {
        let fields = serde_json::to_value(meter).unwrap_or_default();
        let cell = |field: &str, unit: &str| shown(&fields, field, unit);
        [
            meter.id.clone(),
            meter.name.clone(),
            meter.meter_point.name.clone(),
            meter.status.name.clone(),
            cell("currentKw", ""),
            cell("kwhToday", ""),
            cell("kwhThisMonth", ""),
            cell("costThisMonth", "currency"),
        ]
    };
    table(&std::iter::once(head).chain(meters.iter().map(row)).collect::<Vec<_>>())
}

/// Cells in columns, as wide as they need to be.
pub(super) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}
