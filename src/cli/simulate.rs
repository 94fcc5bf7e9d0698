//! `meterdeck simulate FILE`: the devices of a site file on loopback, until it is told to stop.

use std::{
    io::{self, Write},
    path::Path,
    process::ExitCode,
};

use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    Colour,
    exit::{CommandError, Exit, output},
    start,
};
use crate::{
    device::simulator::{Options, SimulatedDevice, Simulator, script},
    domain::{
        ids::DeviceId,
        site::{Device, Site},
    },
};

/// Serves the devices of `file`, says where, and runs until `stop`.
///
/// # Errors
/// A wrong file, or an address that cannot be had.
pub async fn run(file: &Path, json: bool, stop: CancellationToken) -> Result<ExitCode, CommandError> {
    let loaded = start::site(Some(file), None, Colour::Auto)?;
    let simulated = script::parse(&loaded.simulate, &loaded.site).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        CommandError::new(Exit::Configuration, format!("{}: {}", file.display(), lines.join("\n")))
    })?;
    if loaded.site.devices.is_empty() {
        return Err(CommandError::new(Exit::Configuration, format!("{} has no devices to simulate.", file.display()))
            .hinted("add a [device.ID] table"));
    }
    let simulator = Simulator::start(&loaded.site, &simulated, Options::default()).await.map_err(|error| {
        CommandError::new(Exit::Failed, format!("{error}.")).hinted(
            "another program may have it; a port under 1024 wants rights; an address that is not on loopback gets a free port",
        )
    })?;
    let site = simulator.site_on(&loaded.site);
    let rows: Vec<Row<'_>> = site.devices.values().map(|device| Row::new(&site, device, &simulated)).collect();
    let mut stdout = io::stdout().lock();
    let printed = if json { print_json(&mut stdout, &rows) } else { print_table(&mut stdout, &rows) };
    drop(stdout);
    let code = output(printed)?;
    stop.cancelled().await;
    simulator.stop().await;
    Ok(code)
}

/// One device, and where it is served.
struct Row<'site> {
    device: &'site Device,
    meters: Vec<&'site str>,
    behaviours: Vec<&'static str>,
}

impl<'site> Row<'site> {
    fn new(
        site: &'site Site,
        device: &'site Device,
        simulated: &std::collections::BTreeMap<DeviceId, SimulatedDevice>,
    ) -> Self {
        let of_device = site.meters.values().filter(|meter| meter.device.as_ref() == Some(&device.id));
        let rules = simulated.get(&device.id).map(|simulated| simulated.rules.as_slice()).unwrap_or_default();
        Self {
            device,
            meters: of_device.map(|meter| meter.name.as_str()).collect(),
            behaviours: rules.iter().map(|rule| rule.behaviour.word()).collect(),
        }
    }

    fn profile(&self) -> &str {
        self.device.profile.as_ref().map_or("-", |profile| profile.as_str())
    }

    fn cells(&self) -> [String; 7] {
        let behaviours = if self.behaviours.is_empty() { "-".to_owned() } else { self.behaviours.join(", ") };
        [
            self.device.link.name(),
            self.device.unit.to_string(),
            self.device.id.to_string(),
            self.profile().to_owned(),
            self.device.link.protocol().to_owned(),
            behaviours,
            self.meters.join(", "),
        ]
    }
}

fn print_table(out: &mut impl Write, rows: &[Row<'_>]) -> io::Result<()> {
    let mut lines =
        vec![["ADDRESS", "UNIT", "DEVICE", "PROFILE", "PROTOCOL", "BEHAVIOUR", "METERS"].map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let mut widths = [0; 7];
    for line in &lines {
        for (width, cell) in widths.iter_mut().zip(line) {
            *width = cell.chars().count().max(*width);
        }
    }
    for line in &lines {
        let padded: Vec<String> = line.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "{}", padded.join("  ").trim_end())?;
    }
    out.flush()
}

fn print_json(out: &mut impl Write, rows: &[Row<'_>]) -> io::Result<()> {
    let devices: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            json!({
                "device": row.device.id,
                "protocol": row.device.link.protocol(),
                "address": row.device.link.name(),
                "unit": row.device.unit,
                "profile": row.device.profile,
                "behaviours": row.behaviours,
                "meters": row.meters,
            })
        })
        .collect();
    writeln!(out, "{}", json!({ "devices": devices }))?;
    out.flush()
}
