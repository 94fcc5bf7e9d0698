//! From the merged tree to a [`Site`]: every table is looked at, and everything wrong is recorded.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use super::{
    chains, control, currency,
    devices::{self, DEFAULT_EVERY, DEFAULT_TIMEOUT, PollDefaults},
    fields::Fields,
    include::Files,
    locate, meters,
    metrics::{self, Metrics},
    parties, places,
    problems::Sink,
    profiles::Profiles,
    references::Names,
    schema, simulate,
};
use crate::domain::{
    ids::{DeviceId, ProfileId},
    register::Profile,
    site::{Access, Device, Site},
};

/// How long samples are kept, where nothing else is said.
pub(super) const DEFAULT_KEEP_SAMPLES: Duration = Duration::from_hours(400 * 24);
/// Length of a demand block, where nothing else is said.
pub(super) const DEFAULT_DEMAND_INTERVAL: Duration = Duration::from_mins(15);
/// Lengths that a demand block may have, in minutes.
const DEMAND_INTERVALS: [u64; 4] = [5, 15, 30, 60];

/// What the site file says for the simulator, as written.
pub(super) type Simulated = BTreeMap<DeviceId, toml::Table>;

/// What the file comes to.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) site: Site,
    pub(super) simulate: Simulated,
    pub(super) metrics: Option<Metrics>,
}

/// Builds the site; `None` where it has no site table. It may be used only if no error was recorded.
pub(super) fn build(files: &Files, profiles: &Profiles, sink: &Sink) -> Option<Built> {
    let file = Fields::new(sink, &files.merged, &files.start, "the file", &schema::site::FILE);
    let names = Names::new(files, profiles);
    if !file.has("site") && files.complete {
        file.missing("site");
    }
    let places = places::read(&file, &names);
    let (poll, demand_interval) = poll(&file);
    let mut devices = devices::read(&file, &names, profiles, poll);
    let around = meters::Around { names: &names, places: &places, profiles };
    let meters = meters::read(&file, around, &mut devices);
    chains::check_feeds(&meters, sink);
    if names.are_complete() {
        chains::check_formulas(&meters, sink);
    } else {
        chains::check_syntax(&meters);
    }
    let submeters = parties::submeters(&file, &names);
    for draft in devices.values_mut() {
        draft.device.control = control::read(&draft.fields, &names, &submeters);
    }
    let devices: BTreeMap<DeviceId, Device> = devices.into_iter().map(|(id, draft)| (id, draft.finish(sink))).collect();
    let (data_dir, keep_samples) = storage(&file);
    let simulate = simulate::read(&file, &names);
    let metrics = metrics::read(&file);
    let access = access(&file);
    let customer_sites = parties::customer_sites(&file, &names);
    let accounts = parties::accounts(&file);
    let programmes = parties::programmes(&file);
    let duplicates_measured = parties::measured_evidence(&file);
    let fields = file.table("site")?;
    let site = Site {
        name: fields.text("name").unwrap_or_default(),
        time_zone: time_zone(&fields).unwrap_or_default(),
        currency: currency::read(&fields).unwrap_or_default(),
        cost_per_kwh: fields.price("cost_per_kwh"),
        data_dir,
        keep_samples,
        demand_interval,
        access,
        profiles: used_profiles(&devices, profiles),
        places,
        devices,
        meters: meters.into_iter().map(|(id, draft)| (id, draft.meter)).collect(),
        accounts,
        customer_sites,
        submeters,
        programmes,
        duplicates_measured,
    };
    Some(Built { site, simulate, metrics })
}

fn used_profiles(devices: &BTreeMap<DeviceId, Device>, profiles: &Profiles) -> BTreeMap<ProfileId, Arc<Profile>> {
    let used = devices.values().filter_map(|device| device.profile.as_ref());
    used.filter_map(|id| Some((id.clone(), Arc::clone(profiles.get(id.as_str())?)))).collect()
}

/// The zone under its own name.
fn time_zone(fields: &Fields<'_>) -> Option<String> {
    let text = fields.text("time_zone")?;
    let zone = jiff::tz::TimeZone::get(&text).ok();
    let name = zone.as_ref().filter(|zone| !zone.is_unknown()).and_then(|zone| zone.iana_name());
    if let Some(name) = name {
        return Some(name.to_owned());
    }
    let known: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    // People write the city alone, too.
    let by_city =
        known.iter().find(|name| name.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&text)));
    let meant =
        by_city.map(String::as_str).or_else(|| super::problems::closest(&text, known.iter().map(String::as_str)));
    let help = match meant {
        Some(meant) => format!("did you mean \"{meant}\"?"),
        None => "write an IANA name, such as \"Europe/Amsterdam\" or \"UTC\"".to_owned(),
    };
    fields.error("time_zone", format!("`{text}` is not a time zone"), help);
    None
}

fn storage(file: &Fields<'_>) -> (PathBuf, Duration) {
    let fields = file.table("storage");
    let dir = fields.as_ref().and_then(|fields| Some(fields.spot("dir").source.folder.join(fields.text("dir")?)));
    let keep = fields.and_then(|fields| fields.duration("keep_samples"));
    (dir.unwrap_or_else(locate::default_data_dir), keep.unwrap_or(DEFAULT_KEEP_SAMPLES))
}

fn poll(file: &Fields<'_>) -> (PollDefaults, Duration) {
    let mut defaults = PollDefaults { every: DEFAULT_EVERY, timeout: DEFAULT_TIMEOUT };
    let Some(fields) = file.table("poll") else { return (defaults, DEFAULT_DEMAND_INTERVAL) };
    defaults.every = fields.duration("every").unwrap_or(defaults.every);
    defaults.timeout = fields.duration("timeout").unwrap_or(defaults.timeout);
    let demand = fields.duration("demand_interval").unwrap_or(DEFAULT_DEMAND_INTERVAL);
    if !DEMAND_INTERVALS.iter().any(|minutes| demand == Duration::from_secs(minutes * 60)) {
        let message = format!("`demand_interval` cannot be {}", schema::span(demand));
        fields.error("demand_interval", message, "write \"5m\", \"15m\", \"30m\" or \"60m\"");
    }
    (defaults, demand)
}

fn access(file: &Fields<'_>) -> Option<Access> {
    let fields = file.table("access")?;
    let access = Access {
        viewers: group(&fields, "viewers"),
        operators: group(&fields, "operators"),
        approvers: group(&fields, "approvers"),
    };
    if access.viewers.is_none() && !fields.has("viewers") {
        for key in ["operators", "approvers"].into_iter().filter(|key| fields.has(key)) {
            fields.error(
                key,
                format!("`{key}` without `viewers` reach nothing"),
                "add the group of `viewers`, who may enter at all",
            );
        }
    }
    Some(access)
}

/// The name of a Unix group; whether it exists is seen on the machine where the service runs.
fn group(fields: &Fields<'_>, key: &str) -> Option<String> {
    /// As Linux has it (useradd).
    const MAX_GROUP: usize = 32;
    let text = fields.text(key)?;
    let inside = |character: char| character.is_ascii_alphanumeric() || "_-.$".contains(character);
    let starts_well = text.starts_with(|character: char| character.is_ascii_alphabetic() || character == '_');
    if !starts_well || !text.chars().all(inside) || text.len() > MAX_GROUP {
        fields.error(
            key,
            format!("`{text}` is not the name of a group"),
            "write the name of a Unix group, such as \"meterdeck\"",
        );
    }
    Some(text)
}
