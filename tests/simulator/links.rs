//! Where simulated devices are served: ports, units behind them, serial lines.

use std::{
    collections::BTreeMap,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use jiff::SignedDuration;
use meterdeck::{
    device::simulator::{Behaviour, SimulateError, SimulatedDevice, Simulator, frame::Framing},
    domain::site::{Link, Parity},
};
use tokio_modbus::client::{Reader, tcp::attach_slave};
use tokio_serial::SerialStream;

use crate::help::{Client, add, device_id, empty_site, meter_id, noon, one_device, standing, tcp};

fn float(words: &[u16]) -> f64 {
    f64::from(f32::from_bits(u32::from(words[0]) << 16 | u32::from(words[1])))
}

/// Each unit behind a port has its own values, read with a client that is not ours.
#[tokio::test]
async fn several_units_share_a_port() {
    let mut site = empty_site();
    for unit in [1, 2, 247] {
        add(&mut site, &format!("m{unit}"), tcp("gateway.local:502"), unit, "eastron-sdm630");
    }
    let simulator = Simulator::start(&site, &BTreeMap::new(), standing()).await.unwrap();
    assert_eq!(simulator.addresses().len(), 1);
    let Some(Link::ModbusTcp { address }) = simulator.addresses().values().next() else { panic!("no address") };
    for unit in [1, 2, 247] {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let mut client = attach_slave(stream, tokio_modbus::Slave(unit));
        let watts = float(&client.read_input_registers(52, 2).await.unwrap().unwrap());
        let truth = simulator.electrical(&meter_id(&format!("m{unit}")), noon()).unwrap().flow.total_kw() * 1000.0;
        assert!((watts - truth).abs() < truth * 1e-6, "unit {unit}: {watts} W, expected {truth} W");
        assert!(client.read_holding_registers(0, 2).await.unwrap().is_err(), "an exception");
    }
}

#[tokio::test]
async fn rtu_frames_go_over_tcp_too() {
    let mut site = empty_site();
    let link = Link::ModbusRtuOverTcp { address: "10.0.0.1:4001".to_owned() };
    add(&mut site, "a", link, 9, "eastron-sdm630");
    let simulator = Simulator::start(&site, &BTreeMap::new(), standing()).await.unwrap();
    let mut client = Client::of(&simulator, &site, "a").await;
    assert_eq!(client.read(9, 4, 0, 80).await.unwrap().len(), 80);
    assert_eq!(client.read(9, 4, 0, 0).await, Err(3));
    client.send_read(8, 4, 0, 2).await;
    assert_eq!(client.rest(Duration::from_millis(150)).await, (vec![], None), "nobody answers for another unit");
    assert_eq!(client.read(9, 4, 0, 2).await.unwrap().len(), 2);
}

/// A loopback address of the file is taken as written, and given back at the end; two that clash are an error.
#[tokio::test]
async fn loopback_addresses_are_taken_as_written() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let mut site = empty_site();
    add(&mut site, "a", tcp(&free), 1, "eastron-sdm630");
    let simulator = Simulator::start(&site, &BTreeMap::new(), standing()).await.unwrap();
    assert_eq!(simulator.site_on(&site), site);
    let mut client = Client::of(&simulator, &site, "a").await;
    client.read(1, 4, 0, 2).await.unwrap();
    let second = Simulator::start(&site, &BTreeMap::new(), standing()).await;
    assert!(matches!(second, Err(SimulateError::Listen { address, .. }) if address == free));
    simulator.stop().await;
    let (_, end) = client.rest(Duration::from_secs(2)).await;
    assert!(end.is_some(), "its connections end with it");
    assert!(tokio::net::TcpStream::connect(&free).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_dropped_simulator_ends_too() {
    let site = one_device();
    let simulator = Simulator::start(&site, &BTreeMap::new(), standing()).await.unwrap();
    let mut client = Client::of(&simulator, &site, "a").await;
    client.read(5, 4, 0, 2).await.unwrap();
    drop(simulator);
    assert!(client.rest(Duration::from_secs(2)).await.1.is_some());
}

/// Frozen values stay while the clock goes on.
#[tokio::test]
async fn frozen_devices_repeat_themselves() {
    use meterdeck::device::simulator::{Clock, Options};
    use std::sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    };
    let site = one_device();
    let hours = Arc::new(AtomicI64::new(0));
    let shown = Arc::clone(&hours);
    let clock = Clock::new(move || noon() + SignedDuration::from_hours(shown.load(Ordering::SeqCst)));
    let simulator = Simulator::start(&site, &BTreeMap::new(), Options { seed: 0, clock }).await.unwrap();
    let mut client = Client::of(&simulator, &site, "a").await;
    simulator.set(&device_id("a"), [Behaviour::Frozen.into()]);
    let before = client.read(5, 4, 0, 80).await.unwrap();
    hours.store(3, Ordering::SeqCst);
    assert_eq!(client.read(5, 4, 0, 80).await.unwrap(), before);
    simulator.set(&device_id("a"), []);
    assert_ne!(client.read(5, 4, 0, 80).await.unwrap(), before);
}

/// Scale registers change from answer to answer; value and scale from one answer always agree.
#[tokio::test]
async fn scale_factors_flip_with_their_values() {
    let mut site = empty_site();
    add(&mut site, "a", tcp("10.0.0.1:502"), 1, "sunspec-203");
    let behaviours = [(device_id("a"), SimulatedDevice::from(Behaviour::ScaleFactorFlips))].into();
    let simulator = Simulator::start(&site, &behaviours, standing()).await.unwrap();
    let mut client = Client::of(&simulator, &site, "a").await;
    let kw =
        site.devices[&device_id("a")].registers.iter().find(|register| register.quantity.toml_name() == "current_kw");
    let (value, scale) = (kw.unwrap().address + 40_070, kw.unwrap().scale_register.unwrap() + 40_070);
    let truth = simulator.electrical(&meter_id("a"), noon()).unwrap().flow.total_kw() * 1000.0;
    let mut scales = Vec::new();
    for _ in 0..2 {
        let words = client.read(1, 3, value, scale - value + 1).await.unwrap();
        let exponent = words.last().unwrap().cast_signed();
        let watts = f64::from(words[0].cast_signed()) * 10_f64.powi(i32::from(exponent));
        assert!((watts - truth).abs() <= 10_f64.powi(i32::from(exponent)), "{watts} W, expected {truth} W");
        scales.push(exponent);
    }
    assert_eq!(scales[1], scales[0] + 1);
}

fn serial_site(serial: &Path) -> meterdeck::domain::site::Site {
    let mut site = empty_site();
    let link = Link::ModbusRtu { serial: serial.to_owned(), baud: 19_200, parity: Parity::None, stop_bits: 1 };
    add(&mut site, "a", link.clone(), 1, "eastron-sdm630");
    add(&mut site, "b", link, 2, "carlo-gavazzi-em340");
    site
}

async fn talks_rtu(simulator: &Simulator, serial: &Path) {
    let line = SerialStream::open(&tokio_serial::new(serial.to_string_lossy(), 19_200)).unwrap();
    let mut client = Client::on(line, Framing::Rtu);
    let watts = float(&client.read(1, 4, 52, 2).await.unwrap());
    let truth = simulator.electrical(&meter_id("a"), noon()).unwrap().flow.total_kw() * 1000.0;
    assert!((watts - truth).abs() < truth * 1e-6, "{watts} W, expected {truth} W");
    assert_eq!(client.read(2, 4, 0, 12).await.unwrap().len(), 12);
    // Noise on the line, then a good request: the device finds it.
    client.send(1, &[0xFF, 0x00, 0x37]).await;
    client.rest(Duration::from_millis(250)).await;
    assert_eq!(client.read(1, 4, 0, 2).await.unwrap().len(), 2);
}

/// A line that does not exist becomes a pseudo-terminal, and serves one client after the other.
#[tokio::test]
async fn a_missing_line_becomes_a_pseudo_terminal() {
    let site = serial_site(Path::new("/nonexistent/rs485"));
    let simulator = Simulator::start(&site, &BTreeMap::new(), standing()).await.unwrap();
    let real = simulator.site_on(&site);
    let Link::ModbusRtu { serial, .. } = &real.devices[&device_id("a")].link else { panic!("no line") };
    for _ in 0..2 {
        talks_rtu(&simulator, serial).await;
    }
}

/// A pair of pseudo-terminals made by socat, for as long as the value lives.
struct Socat(Child);

impl Drop for Socat {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn socat(one: &Path, other: &Path) -> Option<Socat> {
    let end = |path: &Path| format!("pty,raw,echo=0,link={}", path.display());
    let child = Command::new("socat").args([end(one), end(other)]).stderr(Stdio::null()).spawn();
    let Ok(child) = child else {
        eprintln!("NOT TRIED: socat is missing; install it to test a serial line between two programs");
        return None;
    };
    let pair = Socat(child);
    for _ in 0..200 {
        if one.exists() && other.exists() {
            return Some(pair);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("socat made no terminals")
}

/// RTU between two ends of a line: the site file names one end, `serial` in `[simulate.DEVICE]` the simulator's.
#[tokio::test]
async fn rtu_goes_over_a_pair_of_terminals() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("simulator"), folder.path().join("client"));
    let Some(_pair) = socat(&ours, &theirs) else { return };
    let site = serial_site(&theirs);
    let simulated = SimulatedDevice { serial: Some(ours), ..SimulatedDevice::default() };
    let simulator = Simulator::start(&site, &[(device_id("a"), simulated)].into(), standing()).await.unwrap();
    assert_eq!(simulator.site_on(&site), site, "the client opens what the site file names");
    talks_rtu(&simulator, &theirs).await;
}
