//! pymodbus serves; every value that `poll` reports is right, and what is no value is said to be none.

use std::{
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use meterdeck::domain::quantity::Quantity;
use serde_json::Value;

use crate::peer::{self, Peer};

/// The largest relative error: single precision has a tenth of it.
const TOLERANCE: f64 = 1e-5;

/// A Python that has pymodbus: `$METERDECK_PYTHON`, else the one beside the build.
fn python() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python =
        std::env::var_os("METERDECK_PYTHON").map_or_else(|| root.join("target/peers/bin/python"), PathBuf::from);
    let works = peer::runs(&python, &["-c", "import pymodbus; assert pymodbus.__version__.startswith('3.16.')"]);
    let how = "python3 -m venv target/peers && target/peers/bin/python -m pip install 'pymodbus==3.16.*'";
    peer::is_usable("pymodbus 3.16", how, works).then_some(python)
}

/// pymodbus's devices, and what they say of themselves.
fn devices() -> Option<(Peer, Value)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/server.py");
    let mut server = Peer::start(Command::new(python()?).arg(script));
    let line = server.first_line();
    Some((server, serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))))
}

/// The site file for these devices; `link` gives the keys that say how a device is reached.
fn site(folder: &Path, devices: &Value, link: impl Fn(&str) -> String) -> PathBuf {
    let mut text = peer::site_head(folder);
    let mut device = |unit: u64, kind: &str, profile: Option<&str>, registers: &[Value]| {
        let profile = profile.map_or(String::new(), |profile| format!("profile = \"{profile}\"\n"));
        writeln!(text, "[device.d{unit}]\n{}\nunit = {unit}\n{profile}", link(kind)).unwrap();
        writeln!(text, "[meter.m{unit}]\nname = \"M{unit}\"\nmeter_point = \"branch-circuit\"").unwrap();
        writeln!(text, "status = \"active\"\ndevice = \"d{unit}\"\n\n[meter.m{unit}.registers]").unwrap();
        for register in registers {
            if let Some(form) = register["form"].as_str() {
                writeln!(text, "{} = {{ {form} }}", register["name"].as_str().unwrap()).unwrap();
            }
        }
        text.push('\n');
    };
    for unit in devices["units"].as_array().unwrap() {
        let registers = unit["registers"].as_array().unwrap();
        device(unit["unit"].as_u64().unwrap(), unit["link"].as_str().unwrap(), unit["profile"].as_str(), registers);
    }
    device(devices["gone"].as_u64().unwrap(), "tcp", Some("eastron-sdm120"), &[]);
    let path = folder.join("site.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// Polls once and compares everything.
fn compare(folder: &Path, devices: &Value, link: impl Fn(&str) -> String) {
    let (meters, code) = peer::poll_once(&site(folder, devices, link));
    assert_eq!(code, 69, "a device did not answer");
    for unit in devices["units"].as_array().unwrap() {
        let name = format!("m{}", unit["unit"]);
        let meter = &meters[&name];
        assert_eq!(meter["status"], "ok", "{meter}");
        for register in unit["registers"].as_array().unwrap() {
            let quantity = Quantity::parse(register["name"].as_str().unwrap()).unwrap();
            let reading = &meter["readings"][quantity.json_name()];
            let what = format!("{name} {quantity}: {reading}, expected {}", register["value"]);
            match register["value"].as_f64() {
                Some(expected) => {
                    let value = reading["value"].as_f64().unwrap_or_else(|| panic!("{what}"));
                    assert!((value - expected).abs() <= TOLERANCE * expected.abs(), "{what}");
                    assert_eq!(reading["state"], "good", "{what}");
                }
                None => assert_eq!((&reading["state"], &reading["value"]), (&"bad".into(), &Value::Null), "{what}"),
            }
        }
    }
    let gone = &meters[&format!("m{}", devices["gone"])];
    assert_eq!(gone["status"], "offline", "{gone}");
    assert!(gone["error"].as_str().is_some_and(|error| !error.is_empty()) && gone["readings"].is_null(), "{gone}");
}

#[test]
fn every_value_of_pymodbus_is_right() {
    let Some((_server, devices)) = devices() else { return };
    let folder = tempfile::tempdir().unwrap();
    compare(folder.path(), &devices, |kind| {
        let protocol = if kind == "rtu" { "modbus-rtu-over-tcp" } else { "modbus-tcp" };
        format!("protocol = \"{protocol}\"\naddress = \"127.0.0.1:{}\"", devices["ports"][kind])
    });
}

/// socat makes a serial line of pymodbus's RTU port.
#[test]
fn every_value_of_pymodbus_is_right_on_a_serial_line() {
    let has_socat = peer::is_usable("socat", "install the package socat", peer::runs("socat", &["-V"]));
    let Some((_server, devices)) = devices().filter(|_| has_socat) else { return };
    let folder = tempfile::tempdir().unwrap();
    let line = folder.path().join("line");
    let pty = format!("pty,raw,echo=0,link={}", line.display());
    let port = format!("tcp:127.0.0.1:{},nodelay", devices["ports"]["rtu"]);
    let _bridge = Peer::start(Command::new("socat").args([pty, port]));
    peer::wait_for("the serial line", || line.exists().then_some(()));
    compare(folder.path(), &devices, |kind| match kind {
        "rtu" => format!("protocol = \"modbus-rtu\"\nserial = \"{}\"\nbaud = 19200", line.display()),
        _ => format!("protocol = \"modbus-tcp\"\naddress = \"127.0.0.1:{}\"", devices["ports"][kind]),
    });
}
