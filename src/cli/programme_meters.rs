//! `meterdeck programme-meters`: import them from a Meters API answer, list them, export them in the source's forms.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::{
    Global,
    dispatch::{print::columns, read},
    exit::{CommandError, Exit},
    history::with_service,
    meters::{print, unexpected},
};
use crate::{
    domain::{
        ids::DeviceId,
        programme::{DeviceMeters, ProgrammeMeterId, ProgrammeMeterType},
    },
    exchange::leap::{self, Rejected},
    service::{
        client::Client,
        interface::{
            Request, Response,
            dispatch::{DispatchRequest, DispatchResponse, ListedMeter, MAX_METERS},
        },
    },
};

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Take them over from an answer of the Meters API
    Import {
        /// The file; - for standard input
        file: PathBuf,
    },
    /// List them, with the devices of each
    List,
    /// Print them for another database
    Export {
        /// In one table of meters, by device, or split over customer sites and devices
        #[arg(long = "as", value_name = "FORM", default_value = "meters")]
        form: Form,
    },
}

/// The forms of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// Option A: a table of meters with their type.
    Meters,
    /// Option B: the device's table, with both ids of each device.
    Devices,
    /// Option C: utility meters with the customer sites, device meters with the devices.
    Split,
}

/// What became of an import.
#[derive(Debug, Default)]
struct Total {
    meters: usize,
    new: usize,
    changed: usize,
    linked: usize,
    unlinked: Vec<(ProgrammeMeterId, String)>,
    refused: Vec<(ProgrammeMeterId, String)>,
    rejected: Vec<Rejected>,
}

/// Does it.
///
/// # Errors
/// What the service refuses, and input that cannot be read.
pub fn run(global: &Global, action: &Action) -> Result<ExitCode, CommandError> {
    with_service(global, async |_, client| match action {
        Action::Import { file } => import(client, file, global.json).await,
        Action::List => {
            let (meters, _) = listed(client).await?;
            print(&list(&meters, global.json))
        }
        Action::Export { form } => {
            let (meters, devices) = listed(client).await?;
            print(&format!("{}\n", export(&meters, &devices, *form)))
        }
    })
}

async fn listed(client: &Client) -> Result<(Vec<ListedMeter>, BTreeMap<DeviceId, DeviceMeters>), CommandError> {
    match client.requests.ask(Request::Dispatch(DispatchRequest::Meters)).await? {
        Response::Dispatch(DispatchResponse::Meters { meters, devices }) => Ok((meters, devices)),
        _ => Err(unexpected()),
    }
}

async fn import(client: &Client, file: &Path, json: bool) -> Result<ExitCode, CommandError> {
    let leap::Meters { meters, rejected } = leap::meters(&read(file)?);
    let mut total = Total { meters: meters.len() + rejected.len(), rejected, ..Total::default() };
    for part in meters.chunks(MAX_METERS) {
        let request = DispatchRequest::ImportMeters { meters: part.to_vec() };
        match client.requests.ask(Request::Dispatch(request)).await? {
            Response::Dispatch(DispatchResponse::MetersImported { new, changed, linked, unlinked, refused }) => {
                total.new += new;
                total.changed += changed;
                total.linked += linked;
                total.unlinked.extend(unlinked);
                total.refused.extend(refused);
            }
            _ => return Err(unexpected()),
        }
    }
    print(&total.text(json))?;
    let is_whole = total.refused.is_empty() && total.rejected.is_empty();
    Ok(if is_whole { Exit::Done.into() } else { Exit::BadData.into() })
}

impl Total {
    fn text(&self, json: bool) -> String {
        let one = |(id, reason): &(ProgrammeMeterId, String)| json!({ "meterId": id, "reason": reason });
        if json {
            let document = json!({
                "meters": self.meters,
                "new": self.new,
                "changed": self.changed,
                "linked": self.linked,
                "unlinked": self.unlinked.iter().chain(&self.refused).map(one).collect::<Vec<_>>(),
                "refused": self.refused.iter().map(one).collect::<Vec<_>>(),
                "rejected": self.rejected.iter().map(|one| json!({"pointer": one.pointer, "reason": one.reason})).collect::<Vec<_>>(),
            });
            return format!("{document}\n");
        }
        let mut text = format!(
            "{} programme meters: {} new, {} changed, {} linked.\n",
            self.meters, self.new, self.changed, self.linked
        );
        for (id, reason) in &self.unlinked {
            let _ = writeln!(text, "not linked: {id}: {reason}");
        }
        for (id, reason) in &self.refused {
            let _ = writeln!(text, "refused: {id}: {reason}");
        }
        for one in &self.rejected {
            let _ = writeln!(text, "{}: {}", one.pointer, one.reason);
        }
        text
    }
}

fn list(meters: &[ListedMeter], json: bool) -> String {
    if json {
        let one = |listed: &ListedMeter| {
            json!({
                "meterId": listed.meter.id,
                "meterType": listed.meter.meter_type.word(),
                "partnerReference": listed.meter.partner_reference,
                "archived": listed.meter.is_archived,
                "devices": listed.devices,
                "reason": listed.unlinked,
            })
        };
        return format!("{}\n", Value::Array(meters.iter().map(one).collect()));
    }
    let row = |listed: &ListedMeter| {
        let devices: Vec<&str> = listed.devices.iter().map(DeviceId::as_str).collect();
        let archived = if listed.meter.is_archived { "archived" } else { "" };
        [
            listed.meter.id.to_string(),
            listed.meter.meter_type.word().to_owned(),
            listed.meter.partner_reference.clone().unwrap_or_default(),
            archived.to_owned(),
            listed.unlinked.clone().map_or_else(|| devices.join(", "), |reason| format!("not linked: {reason}")),
        ]
    };
    columns(["METER", "TYPE", "REFERENCE", "", "DEVICES"], meters.iter().map(row).collect())
}

/// The meters in a form of the source.
fn export(meters: &[ListedMeter], devices: &BTreeMap<DeviceId, DeviceMeters>, form: Form) -> Value {
    let by_device = || -> Vec<Value> {
        let one = |(device, ids): (&DeviceId, &DeviceMeters)| {
            json!({
                "device_id": device,
                "leap_utility_meter_id": ids.utility_meter,
                "leap_submeter_id": ids.submeter,
                "leap_device_meter_id": ids.device,
            })
        };
        devices.iter().map(one).collect()
    };
    let of_type = |meter_type: ProgrammeMeterType, key: &str, name: &str| -> Vec<Value> {
        let of_type = meters.iter().filter(|listed| listed.meter.meter_type == meter_type && !listed.meter.is_archived);
        let linked = of_type.filter(|listed| listed.unlinked.is_none());
        linked.map(|listed| json!({ key: listed.meter.partner_reference, name: listed.meter.id })).collect()
    };
    match form {
        Form::Meters => {
            let one = |listed: &ListedMeter| {
                json!({
                    "meter_id": listed.meter.id,
                    "meter_type": listed.meter.meter_type.word(),
                    "partner_reference": listed.meter.partner_reference,
                    "is_archived": listed.meter.is_archived,
                })
            };
            Value::Array(meters.iter().map(one).collect())
        }
        Form::Devices => Value::Array(by_device()),
        Form::Split => {
            let of_devices = devices.iter().filter_map(|(device, ids)| {
                Some(json!({ "device_id": device, "leap_device_meter_id": ids.device.as_ref()? }))
            });
            json!({
                "customer_sites": of_type(ProgrammeMeterType::UtilityMeter, "customer_site_id", "leap_utility_meter_id"),
                "submeters": of_type(ProgrammeMeterType::Submeter, "submeter_id", "leap_submeter_id"),
                "devices": of_devices.collect::<Vec<_>>(),
            })
        }
    }
}
