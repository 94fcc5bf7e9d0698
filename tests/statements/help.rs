//! The binary in a folder of its own.

use std::{fs, path::Path, process::Output};

use assert_cmd::Command;
use serde_json::{Value, json};

/// A site with one meter, which statements call `mapped-1`.
const SITE: &str = r#"
[site]
name = "Statements"
time_zone = "Europe/Amsterdam"
currency = "EUR"

[device.incomer]
protocol = "modbus-tcp"
address = "127.0.0.1:9"
unit = 1

[meter.main]
name = "MSB-1"
meter_point = "utility-entrance"
status = "active"
device = "incomer"
meter_type = "revenue"
accuracy_class = "0.5S"
rated_capacity_kw = 800
utility_meter = ["mapped-1"]

[meter.main.registers]
kwh_lifetime = { address = 0, function = "holding", type = "u32", unit = "kWh", scale = 0.1 }
"#;

/// A folder with a site file and a data folder.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With more in its site file.
    pub(crate) fn with(more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("site.toml"), format!("{SITE}{more}")).unwrap();
        Self(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), content).unwrap();
    }

    pub(crate) fn run(&self, arguments: &[&str], input: &[u8]) -> Output {
        Command::cargo_bin("meterdeck")
            .unwrap()
            .current_dir(self.path())
            .env_remove("METERDECK_CONFIG")
            .args(["--config", "site.toml", "--data", "data"])
            .args(arguments)
            .write_stdin(input)
            .output()
            .unwrap()
    }

    /// Runs a command with `--json` that must succeed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat(), b"");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }

    /// Imports a document; what the command says, whatever its end.
    pub(crate) fn import(&self, document: &Value) -> Value {
        self.import_text(document.to_string().as_bytes())
    }

    pub(crate) fn import_text(&self, text: &[u8]) -> Value {
        let output = self.run(&["statements", "import", "-", "--json"], text);
        let answer: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
        let expected = if answer["rejected"].as_array().unwrap().is_empty() { 0 } else { 65 };
        assert_eq!(output.status.code(), Some(expected), "{output:?}");
        answer
    }

    /// The only meter's accounting in its only dimension.
    pub(crate) fn only_usage(&self) -> Value {
        let usage = self.json(&["usage"]);
        assert_eq!(usage["meters"].as_array().unwrap().len(), 1, "{usage}");
        usage["meters"][0].clone()
    }

    pub(crate) fn groups(&self, status: &str) -> Vec<Value> {
        let groups = self.json(&["duplicates", "list", "--status", status]);
        groups.as_array().unwrap().clone()
    }
}

/// An account on a statement: number, provider, classification, stages, readings.
pub(crate) fn account(number: &str, class: &str, stages: &[&str], readings: &[Value]) -> Value {
    let charges: Vec<Value> = stages.iter().map(|stage| json!({ "lifeCycleStage": stage })).collect();
    json!({ "accountNumber": number, "providers": [{ "name": format!("Provider {number}"), "classification": class }],
        "charges": charges, "meterData": readings })
}

/// A reading of meter 123 in kWh.
pub(crate) fn reading(start: &str, end: &str, usage: &Value) -> Value {
    json!({ "meterId": "123", "periodStart": start, "periodEnd": end, "totalUsage": usage, "usageUnit": "kWh" })
}

/// The same, which says that it is delivery only.
pub(crate) fn delivery(start: &str, end: &str, usage: &Value) -> Value {
    let mut reading = reading(start, end, usage);
    reading["deregulationStatus"] = json!("DELIVERY_ONLY");
    reading
}

pub(crate) fn statement(id: &str, date: &str, accounts: &[Value]) -> Value {
    json!({ "id": id, "statementDate": date, "accountData": accounts })
}

/// A usage of meter details.
pub(crate) fn usage(start: &str, end: &str, usage: &Value, status: &str) -> Value {
    json!({ "periodStart": start, "periodEnd": end, "measuredUsage": usage, "usageUnit": "kWh",
        "contributionStatus": status, "tariffRateComponents": { "tarffRateComponentType": "TOTAL" } })
}
