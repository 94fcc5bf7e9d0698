//! `meterdeck simulate FILE`, the real program.

use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
};

use tokio_modbus::client::{Reader, tcp::attach_slave};

fn program(file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meterdeck"));
    command.arg("simulate").arg(file).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn site_file(folder: &Path, simulate: &str) -> std::path::PathBuf {
    let file = folder.join("site.toml");
    let text = format!(
        r#"
        [site]
        name = "Test"
        time_zone = "Europe/Amsterdam"
        currency = "EUR"
        [device.incomer]
        protocol = "modbus-tcp"
        address = "10.9.9.9:502"
        unit = 1
        profile = "eastron-sdm630"
        [device.spare]
        protocol = "modbus-tcp"
        address = "10.9.9.9:502"
        unit = 2
        profile = "eastron-sdm630"
        [meter.main]
        name = "MAIN"
        meter_point = "main-switchgear"
        status = "active"
        device = "incomer"
        {simulate}
        "#
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// It says where it serves what, serves it, and ends in peace when told to.
#[tokio::test]
async fn simulate_serves_what_it_prints_until_it_is_told_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let file = site_file(folder.path(), "[simulate.spare]\nbehaviour = \"busy\"\ntimes = 9");
    let mut child = program(&file).arg("--json").spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let printed: serde_json::Value = serde_json::from_str(&line).unwrap();
    let devices = printed["devices"].as_array().unwrap();
    assert_eq!(
        (devices.len(), &devices[0]["device"], &devices[0]["meters"][0]),
        (2, &"incomer".into(), &"MAIN".into())
    );
    assert_eq!(devices[1]["behaviours"][0], "busy");
    let address = devices[0]["address"].as_str().unwrap();
    for (unit, answers) in [(1, true), (2, false)] {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let answer = attach_slave(stream, tokio_modbus::Slave(unit)).read_input_registers(0, 2).await.unwrap();
        assert_eq!(answer.is_ok(), answers, "unit {unit}");
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Mistakes end it with exit code 78 and say what was meant.
#[test]
fn mistakes_in_behaviours_are_configuration_errors() {
    let folder = tempfile::tempdir().unwrap();
    let file = site_file(folder.path(), "[simulate.incomer]\nbehaviour = \"slwo\"\ndelay = \"1s\"");
    let mut child = program(&file).spawn().unwrap();
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(78));
    assert!(said.contains("simulate.incomer.behaviour: `slwo` is not known; did you mean `slow`?"), "{said}");
}
