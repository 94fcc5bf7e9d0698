//! `simulate` serves; mbpoll reads the values that `poll` reports.

use std::{collections::BTreeMap, path::Path, process::Command};

use meterdeck::{config::profile::embedded_profiles, domain::register::RawType};
use serde_json::Value;

use crate::peer::{self, Peer};

/// What mbpoll prints has six digits.
const TOLERANCE: f64 = 1e-5;
/// A meter of floating-point input registers, which is what mbpoll can show.
const PROFILE: &str = "eastron-sdm630";
const UNIT: u8 = 17;

fn is_here() -> bool {
    // Its `-V` prints its version, and succeeds.
    peer::is_usable("mbpoll", "install the package mbpoll", peer::runs("mbpoll", &["-V"]))
}

/// Simulates one meter whose registers stand still, and which `reached` says how to reach.
fn simulate(folder: &Path, reached: &str, simulated: &str) -> (Peer, std::path::PathBuf) {
    let text = format!(
        "{}[device.meter]\n{reached}\nunit = {UNIT}\nprofile = \"{PROFILE}\"\n\n\
         [meter.meter]\nname = \"M\"\nmeter_point = \"main-switchgear\"\nstatus = \"active\"\ndevice = \"meter\"\n\
         rated_capacity_kw = 400\n\n[simulate.meter]\nbehaviour = \"frozen\"\n{simulated}\n",
        peer::site_head(folder)
    );
    let path = folder.join("site.toml");
    std::fs::write(&path, text).unwrap();
    let simulator = Peer::start(Command::new(env!("CARGO_BIN_EXE_meterdeck")).arg("simulate").arg(&path));
    (simulator, path)
}

/// The floating-point number at an input register, as mbpoll prints it after its address in brackets.
fn read(address: u16, arguments: &[String]) -> Option<f64> {
    let (unit, address) = (UNIT.to_string(), address.to_string());
    let fixed = ["-1", "-0", "-B", "-t", "3:float", "-c", "1", "-a", &unit, "-r", &address];
    let output = Command::new("mbpoll").args(fixed).args(arguments).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = printed.lines().find(|line| line.starts_with('['))?;
    line.split_once(':')?.1.trim().parse().ok()
}

/// Compares what `poll` reports with what mbpoll reads.
fn compare(site: &Path, arguments: &[String]) {
    let read_all = || -> Option<BTreeMap<&'static str, f64>> {
        let profile = embedded_profiles().get(PROFILE)?;
        let registers = profile.registers.iter().filter(|register| register.raw_type == RawType::F32);
        registers
            .map(|register| {
                let raw = read(register.address, arguments)?;
                let value = register.unit.convert(raw, register.reading_unit())?;
                Some((register.quantity.json_name(), value))
            })
            .collect()
    };
    peer::wait_for("the simulator", || read(0x46, arguments));
    let by_mbpoll = read_all().unwrap();
    assert!(by_mbpoll["frequency"] > 49.0 && by_mbpoll["currentKw"] > 0.0, "{by_mbpoll:?}");
    let (meters, code) = peer::poll_once(site);
    assert_eq!(code, 0, "{meters:?}");
    for (name, expected) in by_mbpoll {
        let reading: &Value = &meters["meter"]["readings"][name];
        let value = reading["value"].as_f64().unwrap_or_else(|| panic!("{name}: {reading}, mbpoll reads {expected}"));
        assert!((value - expected).abs() <= TOLERANCE * expected.abs(), "{name}: {value}, mbpoll reads {expected}");
    }
}

#[test]
fn mbpoll_reads_what_poll_reports_over_tcp() {
    if !is_here() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = peer::free_port();
    let reached = format!("protocol = \"modbus-tcp\"\naddress = \"127.0.0.1:{port}\"");
    let (_simulator, site) = simulate(folder.path(), &reached, "");
    compare(&site, &["-p".to_owned(), port.to_string(), "127.0.0.1".to_owned()]);
}

#[test]
fn mbpoll_reads_what_poll_reports_over_rtu() {
    if !is_here() || !peer::is_usable("socat", "install the package socat", peer::runs("socat", &["-V"])) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("ours"), folder.path().join("theirs"));
    let ends = [&ours, &theirs].map(|end| format!("pty,raw,echo=0,link={}", end.display()));
    let _line = Peer::start(Command::new("socat").args(ends));
    peer::wait_for("the serial line", || (ours.exists() && theirs.exists()).then_some(()));
    let reached =
        format!("protocol = \"modbus-rtu\"\nserial = \"{}\"\nbaud = 19200\nparity = \"none\"", ours.display());
    let (_simulator, site) = simulate(folder.path(), &reached, &format!("serial = \"{}\"", theirs.display()));
    let arguments = ["-m", "rtu", "-b", "19200", "-P", "none", &ours.display().to_string()].map(str::to_owned);
    compare(&site, &arguments);
}
