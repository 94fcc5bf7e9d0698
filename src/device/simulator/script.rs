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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::simulator::behaviour::{Behaviour, Rule};
    use std::time::Duration;

    const TIMEOUT: Duration = Duration::from_secs(1);

    fn read(text: &str) -> (SimulatedDevice, Vec<String>) {
        let table: toml::Table = text.parse().unwrap();
        let mut problems = Vec::new();
        let device = of_device(&table, TIMEOUT, &mut |key, message| problems.push(format!("{key}: {message}")));
        (device, problems)
    }

    #[test]
    fn every_word_is_understood_and_comes_back() {
        for word in words::WORDS {
            let (device, problems) = read(&format!("behaviour = \"{word}\""));
            assert_eq!(problems, [] as [&str; 0], "{word}");
            assert_eq!(device.rules.first().map(|rule| rule.behaviour.word()), Some(*word));
        }
    }

    #[test]
    fn parameters_stand_in_the_table_or_with_their_behaviour() {
        let seconds = |seconds| Duration::from_secs_f64(seconds);
        for (text, expected) in [
            ("behaviour = 'slow'", vec![Behaviour::Slow(seconds(0.8)).into()]),
            ("behaviour = 'slow'\ndelay = '900ms'", vec![Behaviour::Slow(seconds(0.9)).into()]),
            ("behaviour = 'late'", vec![Behaviour::Late(seconds(1.4)).into()]),
            ("behaviour = 'busy'", vec![Rule::first(3, Behaviour::Busy)]),
            (
                "behaviour = 'busy'\ntimes = 2\nof = 30",
                vec![Rule { behaviour: Behaviour::Busy, times: Some(2), of: Some(30) }],
            ),
            ("behaviour = ['silent', 'frozen']", vec![Behaviour::Silent.into(), Behaviour::Frozen.into()]),
            (
                "behaviour = [{ is = 'slow', delay = '0.2s', times = 1 }, { is = 'split' }]",
                vec![Rule::first(1, Behaviour::Slow(seconds(0.2))), Behaviour::Split(seconds(0.001)).into()],
            ),
            (
                "behaviour = 'exception'\ncode = 4\nfirst = 10\nlast = 12",
                vec![Behaviour::Exception { code: 4, first: 10, last: 12 }.into()],
            ),
            (
                "behaviour = 'intermittent'\ndown = '5s'\nevery = '1m'",
                vec![Behaviour::Intermittent { down: seconds(5.0), every: seconds(60.0) }.into()],
            ),
        ] {
            let (device, problems) = read(text);
            assert_eq!(problems, [] as [&str; 0], "{text}");
            assert_eq!(device.rules, expected, "{text}");
        }
        let (device, _) = read("load_percent = 84\nimbalance_percent = 30.5\nserial = '/dev/x'");
        assert_eq!((device.load_percent, device.imbalance_percent), (Some(84.0), Some(30.5)));
        assert_eq!(device.serial, Some("/dev/x".into()));
    }

    #[test]
    fn mistakes_are_named_with_what_was_meant() {
        for (text, expected) in [
            ("behaviour = 'silnt'", "behaviour: `silnt` is not known; did you mean `silent`?"),
            ("behaviour = 'slow'\ndealy = '1s'", "dealy: is not known here; did you mean `delay`?"),
            ("behaviour = 'silent'\ndelay = '1s'", "delay: is not known here"),
            ("behaviour = 'slow'\ndelay = 900", "delay: is text in quotes"),
            (
                "behaviour = 'slow'\ndelay = '3d'",
                "delay: `3d` is no time span of at most a day; write `900ms`, `2s` or `1m`",
            ),
            ("behaviour = [{ is = 'busy', time = 3 }]", "time: is not known here; did you mean `times`?"),
            ("behaviour = 'intermittent'\ndown = '9s'\nevery = '9s'", "down: is shorter than `every`"),
            ("behaviour = 'closes'\nafter = 0", "after: is a number of requests, at least 1"),
            ("load_percent = 400", "load_percent: is a number from 0 to 150"),
        ] {
            assert_eq!(read(text).1, [expected], "{text}");
        }
        for text in ["behaviour = 5", "behaviour = [{ delay = '1s' }]", "behaviour = 'xyzzy'"] {
            let problems = read(text).1;
            assert!(problems.iter().any(|problem| problem.contains("silent, slow")), "{text}: {problems:?}");
        }
    }
}
