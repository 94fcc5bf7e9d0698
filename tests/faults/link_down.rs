//! F18: the cable is pulled, so that nothing comes back, not even a refusal. A network namespace is the other end of
//! the cable; socat carries bytes into it, by a Unix socket, which namespaces do not divide.

use std::{
    collections::BTreeMap,
    process::{Child, Command, Stdio},
    time::Duration,
};

use meterdeck::{
    device::simulator::{Options, Simulator},
    domain::{
        fault::FaultKind,
        live::{DeviceLive, DeviceState, MeterState},
        site::Link,
    },
    service::{self, Mode, log::LogRing},
};
use tokio::time::Instant;

use crate::help::{Rig, add, device_id, empty_site, tcp};

/// A namespace with a cable to it, and socat at both ends; removed when dropped.
struct Cable {
    name: String,
    carriers: Vec<Child>,
    _folder: tempfile::TempDir,
}

impl Cable {
    /// To the device at `address`; `None`, with a word about it, where this machine does not let us.
    fn lay(address: &str) -> Option<Self> {
        let name = format!("mdtest{}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("cable").display().to_string();
        let mut cable = Self { name: name.clone(), carriers: Vec::new(), _folder: folder };
        let (here, there) = (format!("{name}a"), format!("{name}b"));
        let steps = [
            format!("netns add {name}"),
            format!("link add {here} type veth peer name {there} netns {name}"),
            format!("addr add 10.231.77.1/30 dev {here}"),
            format!("link set {here} up"),
            format!("-n {name} addr add 10.231.77.2/30 dev {there}"),
            format!("-n {name} link set {there} up"),
        ];
        if !steps.iter().all(|step| ip(step)) {
            eprintln!("SKIPPED: no network namespaces here (they need root and `ip`), so there is no cable to pull");
            return None;
        }
        let quiet = |command: &mut Command| command.stderr(Stdio::null()).spawn().ok();
        let device = format!("TCP:{address}");
        let near = quiet(Command::new("socat").args([format!("UNIX-LISTEN:{socket},fork"), device]));
        let listen = "TCP-LISTEN:502,bind=10.231.77.2,fork,reuseaddr".to_owned();
        let far = quiet(Command::new("ip").args([
            "netns",
            "exec",
            &name,
            "socat",
            &listen,
            &format!("UNIX-CONNECT:{socket}"),
        ]));
        let (Some(near), Some(far)) = (near, far) else {
            eprintln!("SKIPPED: socat is not installed, so nothing answers at the other end of the cable");
            return None;
        };
        cable.carriers = vec![near, far];
        Some(cable)
    }

    fn set(&self, state: &str) {
        assert!(ip(&format!("-n {0} link set {0}b {state}", self.name)));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for carrier in &mut self.carriers {
            let _ = carrier.kill();
            let _ = carrier.wait();
        }
        ip(&format!("netns del {}", self.name));
    }
}

fn ip(arguments: &str) -> bool {
    let status = Command::new("ip").args(arguments.split(' ')).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[tokio::test(flavor = "multi_thread")]
async fn f18_a_pulled_cable_is_told_within_two_intervals_and_forgotten_when_it_is_back() {
    let mut site = empty_site();
    add(&mut site, "a", tcp("10.0.0.1:502"), 1, "eastron-sdm120");
    site.devices.values_mut().for_each(|device| device.every = Duration::from_secs(1));
    let simulator = Simulator::start(&site, &BTreeMap::default(), Options::default()).await.unwrap();
    let mut site = simulator.site_on(&site);
    let Some(cable) = Cable::lay(&site.devices[&device_id("a")].link.name()) else { return };
    let device = site.devices.get_mut(&device_id("a")).unwrap();
    device.link = Link::ModbusTcp { address: "10.231.77.2:502".to_owned() };
    let service = service::start_as(site, LogRing::new(), Mode::Continuous);
    let client = service.client();
    let rig = Rig { simulator, service, client };
    let (_, well) = rig.until("a", "it is read", |_, meter| meter.state == MeterState::Ok).await;

    cable.set("down");
    let pulled = Instant::now();
    let (_, meter) = rig.until("a", "it is offline", |device, _| device.state == DeviceState::Offline).await;
    assert!(pulled.elapsed() < Duration::from_millis(2500), "told after {:?}", pulled.elapsed());
    assert_eq!(meter.readings.len(), well.readings.len(), "the last values stay");
    let no_link =
        |device: &DeviceLive| device.last_fault.as_ref().is_some_and(|(_, fault)| fault.kind == FaultKind::NoLink);
    rig.until("a", "NO LINK?", |device, _| no_link(device)).await;
    tokio::time::sleep(Duration::from_secs(3)).await;

    cable.set("up");
    let plugged_in = Instant::now();
    rig.until("a", "it is back", |device, _| device.state == DeviceState::Ok).await;
    assert!(plugged_in.elapsed() < Duration::from_secs(30), "back after {:?}", plugged_in.elapsed());
    rig.stop().await;
}
