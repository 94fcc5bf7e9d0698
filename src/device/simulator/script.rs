//! `[simulate.DEVICE]` of a site file: which behaviours a simulated device has.
//!
//! ```toml
//! [simulate.pdu-3]
//! behaviour = "slow"                 # or several: ["slow", "split"], or each with parameters of its own:
//! delay = "900ms"                    # behaviour = [{ is = "busy", times = 3, of = 20 }, { is = "slow", delay = "200ms" }]
//! load_percent = 84
//! ```

use std::{collections::BTreeMap, fmt};

use super::behaviour::SimulatedDevice;
use crate::domain::{ids::DeviceId, site::Site};

mod parameters;
mod words;

use parameters::Parameters;

/// Something wrong in a `[simulate.DEVICE]` table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError {
    /// The table's device.
    pub device: DeviceId,
    /// The key within it; empty: the table itself.
    pub key: String,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.key.is_empty() { "" } else { "." };
        write!(formatter, "simulate.{}{dot}{}: {}", self.device, self.key, self.message)
    }
}

impl std::error::Error for ScriptError {}

/// Keys of a table beside those of its behaviours.
const DEVICE_KEYS: &[&str] = &["behaviour", "load_percent", "imbalance_percent", "power_factor", "voltage", "serial"];

/// Reads all tables.
///
/// # Errors
/// Everything that is wrong in them, in order of the devices.
pub fn parse(
    tables: &BTreeMap<DeviceId, toml::Table>,
    site: &Site,
) -> Result<BTreeMap<DeviceId, SimulatedDevice>, Vec<ScriptError>> {
    let mut problems = Vec::new();
    let mut devices = BTreeMap::new();
    for (id, table) in tables {
        let mut wrong = |key: &str, message: String| {
            problems.push(ScriptError { device: id.clone(), key: key.to_owned(), message });
        };
        let Some(device) = site.devices.get(id) else {
            let hint = did_you_mean(id.as_str(), site.devices.keys().map(DeviceId::as_str));
            wrong("", format!("there is no device `{id}`{hint}"));
            continue;
        };
        devices.insert(id.clone(), of_device(table, device.timeout, &mut wrong));
    }
    if problems.is_empty() { Ok(devices) } else { Err(problems) }
}

fn of_device(
    table: &toml::Table,
    timeout: std::time::Duration,
    wrong: &mut impl FnMut(&str, String),
) -> SimulatedDevice {
    let mut own = Parameters::new(table, wrong);
    let mut device = SimulatedDevice {
        rules: Vec::new(),
        load_percent: own.number("load_percent", 0.0, 150.0),
        imbalance_percent: own.number("imbalance_percent", -100.0, 200.0),
        power_factor: own.number("power_factor", 0.05, 1.0),
        voltage: own.number("voltage", 1.0, 1_000_000.0),
        serial: own.text("serial").map(Into::into),
    };
    let behaviours = own.take("behaviour").cloned();
    let named = match &behaviours {
        None => &[][..],
        Some(toml::Value::Array(several)) => several.as_slice(),
        Some(one) => std::slice::from_ref(one),
    };
    for value in named {
        match value {
            toml::Value::String(word) => device.rules.extend(words::rule(word, &mut own, timeout)),
            toml::Value::Table(inner) => {
                let mut parameters = own.within(inner);
                match parameters.text("is") {
                    Some(word) => device.rules.extend(words::rule(&word, &mut parameters, timeout)),
                    None => parameters.wrong("is", format!("names the behaviour: {}", words::all())),
                }
                parameters.finish(&["is"]);
            }
            _ => own.wrong("behaviour", format!("is a word, or an array of words: {}", words::all())),
        }
    }
    own.finish(DEVICE_KEYS);
    device
}

/// `; did you mean …?`, or nothing when no known word is near.
fn did_you_mean<'words>(word: &str, known: impl Iterator<Item = &'words str>) -> String {
    let nearest = known.map(|known| (strsim::jaro_winkler(word, known), known)).max_by(|a, b| a.0.total_cmp(&b.0));
    nearest
        .filter(|(likeness, _)| *likeness > 0.75)
        .map_or(String::new(), |(_, known)| format!("; did you mean `{known}`?"))
}
