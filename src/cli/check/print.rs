//! What a right site file holds, as a table and as JSON.

use std::fmt::Write as _;

use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr as _;

use super::load::{Connection, DeviceLoad, GATEWAY_BAUD, LINE_TURNAROUND, TCP_ROUND_TRIP};
use crate::{
    config::Loaded,
    domain::site::{Device, Level, Link, Parity, Site},
};

/// The whole answer for programs.
pub(super) fn report(loaded: &Loaded, connections: &[Connection<'_>]) -> Value {
    let site = &loaded.site;
    json!({
        "site": site.name,
        "files": loaded.files,
        "places": site.places.len(),
        "meters": site.meters.len(),
        "devices": connections.iter().flat_map(|connection| &connection.devices).map(|load| device(site, load)).collect::<Vec<_>>(),
        "connections": connections.iter().map(connection).collect::<Vec<_>>(),
        "warnings": loaded.warnings,
    })
}

fn device(site: &Site, load: &DeviceLoad<'_>) -> Value {
    json!({
        "device": load.device.id,
        "connection": load.device.link.name(),
        "unit": load.device.unit,
        "profile": load.device.profile,
        "meters": meters(site, load.device),
        "registers": load.device.registers.len(),
        "requests": load.requests,
        "everyMs": u64::try_from(load.device.every.as_millis()).unwrap_or(u64::MAX),
    })
}

fn connection(connection: &Connection<'_>) -> Value {
    json!({
        "connection": connection.link.name(),
        "protocol": connection.link.protocol(),
        "devices": connection.devices.len(),
        "requests": connection.requests(),
        "loadPercent": (connection.load_percent() * 10.0).round() / 10.0,
    })
}

fn meters<'a>(site: &'a Site, device: &'a Device) -> Vec<&'a str> {
    let read = site.meters.values().filter(|meter| meter.device.as_ref() == Some(&device.id));
    read.map(|meter| meter.id.as_str()).collect()
}

/// The whole answer for people.
pub(super) fn text(loaded: &Loaded, connections: &[Connection<'_>]) -> String {
    let site = &loaded.site;
    let places = Level::ALL.iter().map(|level| {
        let count = site.places.keys().filter(|key| key.level == *level).count();
        counted(count, level.word())
    });
    let computed = site.meters.values().filter(|meter| meter.formula.is_some()).count();
    let mut text = format!(
        "{}: {}, {} ({computed} virtual), {}\n\n",
        site.name,
        counted(site.devices.len(), "device"),
        counted(site.meters.len(), "meter"),
        places.collect::<Vec<_>>().join(", "),
    );
    if connections.is_empty() {
        return text + "No device is read.\n";
    }
    text += &table(
        &["device", "connection", "unit", "profile", "meters", "values", "requests", "every"],
        &devices(site, connections),
    );
    text.push('\n');
    text += &table(&["connection", "protocol", "devices", "requests", "load"], &loads(connections));
    let _ = write!(
        text,
        "\nLoad is an estimate: {} ms for a request over TCP; on a line {} ms and its bytes at the line's speed\n\
         ({GATEWAY_BAUD} baud behind a gateway). Over 100 % (!) the intervals cannot be kept.\n",
        TCP_ROUND_TRIP.as_millis(),
        LINE_TURNAROUND.as_millis(),
    );
    text
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn devices(site: &Site, connections: &[Connection<'_>]) -> Vec<Vec<String>> {
    let rows = connections.iter().flat_map(|connection| &connection.devices).map(|load| {
        let device = load.device;
        vec![
            device.id.to_string(),
            device.link.name(),
            device.unit.to_string(),
            device.profile.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string),
            meters(site, device).len().to_string(),
            device.registers.len().to_string(),
            load.requests.to_string(),
            format!("{} s", device.every.as_secs_f64()),
        ]
    });
    rows.collect()
}

fn loads(connections: &[Connection<'_>]) -> Vec<Vec<String>> {
    let rows = connections.iter().map(|connection| {
        vec![
            connection.link.name(),
            protocol(connection.link),
            connection.devices.len().to_string(),
            connection.requests().to_string(),
            load(connection.load_percent()),
        ]
    });
    rows.collect()
}

fn load(percent: f64) -> String {
    let mark = if percent > 100.0 { "! " } else { "" };
    format!("{mark}{percent:.1} %")
}

fn protocol(link: &Link) -> String {
    match link {
        Link::ModbusRtu { baud, parity, stop_bits, .. } => {
            let parity = match parity {
                Parity::None => 'N',
                Parity::Even => 'E',
                Parity::Odd => 'O',
            };
            format!("{} {baud} 8{parity}{stop_bits}", link.protocol())
        }
        _ => link.protocol().to_owned(),
    }
}

/// Columns of numbers, which stand to the right.
const NUMBERS: [&str; 7] = ["unit", "meters", "values", "requests", "every", "devices", "load"];

/// Columns as wide as their widest cell, two blanks apart.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let titles: Vec<String> = head.iter().map(|&title| title.to_owned()).collect();
    let all = || std::iter::once(&titles).chain(rows);
    let width = |column: usize| all().filter_map(|row| row.get(column)).map(|cell| cell.width()).max().unwrap_or(0);
    let columns: Vec<(usize, bool)> =
        head.iter().enumerate().map(|(column, title)| (width(column), NUMBERS.contains(title))).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&columns).map(|(cell, (width, right))| {
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            if *right { blanks + cell } else { cell.clone() + &blanks }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    all().map(line).collect()
}
