//! A simulated site, the service as a process of its own, and commands.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use meterdeck::{
    config,
    device::simulator::{Behaviour, Options, Simulator},
    domain::{
        ids::DeviceId,
        register::Function,
        site::{Link, Site},
    },
};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Nothing that should happen takes longer.
const PATIENCE: Duration = Duration::from_mins(1);
/// Addresses that are not on this machine: the simulator gives each a port of its own.
const SITE: &str = include_str!("site.toml");
const METERS: &str = r#"{"meters":[
    {"meter_id":"m-north","meter_type":"UTILITY_METER","partner_reference":"north"},
    {"meter_id":"m-south","meter_type":"UTILITY_METER","partner_reference":"south"},
    {"meter_id":"m-device","meter_type":"DEVICE","partner_reference":"north:charger-2"}]}"#;

pub(crate) struct Rig {
    folder: TempDir,
    runtime: Runtime,
    simulator: Simulator,
    service: Option<Child>,
    site: Site,
}

pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

impl Rig {
    /// Equipment, a service, and the programme meters.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let site = config::parse("site.toml", SITE).unwrap_or_else(|problems| panic!("{problems}")).site;
        let simulator = runtime.block_on(Simulator::start(&site, &BTreeMap::new(), Options::default())).unwrap();
        let mut text = SITE.replace("DATA", &folder.path().join("data").display().to_string());
        for (written, real) in simulator.addresses() {
            if let (Link::ModbusTcp { address: written }, Link::ModbusTcp { address: real }) = (written, real) {
                text = text.replace(written, real);
            }
        }
        fs::write(folder.path().join("site.toml"), text).unwrap();
        let mut rig = Self { folder, runtime, simulator, service: None, site };
        rig.serve();
        rig.write("meters.json", METERS);
        let file = rig.path("meters.json");
        let imported = rig.json(&["programme-meters", "import", &file]);
        assert_eq!((imported["new"].as_u64(), imported["linked"].as_u64()), (Some(3), Some(3)), "{imported}");
        rig
    }

    /// Starts the service; ready when it answers.
    pub(crate) fn serve(&mut self) {
        let service = self.command(&["poll"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        self.service = Some(service);
        let socket = self.folder.path().join("data");
        self.until("the service listens", || {
            let found = fs::read_dir(&socket).ok()?.flatten().any(|entry| {
                let path = entry.path();
                std::os::unix::net::UnixStream::connect(path).is_ok()
            });
            found.then_some(())
        });
    }

    /// As a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Some(mut service) = self.service.take() {
            service.kill().unwrap();
            service.wait().unwrap();
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meterdeck"));
        command.arg("--config").arg(self.folder.path().join("site.toml")).args(arguments).stdin(Stdio::null());
        command
    }

    /// Runs a command: its exit code and what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.command(arguments).arg("--json").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap_or(-1), if text.is_empty() { errors } else { text })
    }

    /// The JSON of a command that works.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let (code, text) = self.run(arguments);
        assert_eq!(code, 0, "{arguments:?}: {text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub(crate) fn start_event(&self, meter: &str, wanted: &[&str], duration: &str) -> String {
        let begin = ["dispatch", "start", "--meter", meter, "--duration", duration, "--yes"];
        let arguments: Vec<&str> = begin.into_iter().chain(wanted.iter().copied()).collect();
        self.json(&arguments)["event"].as_str().unwrap().to_owned()
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(PathBuf::from(self.path(name)), text).unwrap();
    }

    pub(crate) fn until<T>(&self, what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            if let Some(found) = is_so() {
                return found;
            }
            assert!(began.elapsed() < PATIENCE, "never: {what}; limits {:?}", self.limits());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The limit registers of the three devices, as they are.
    pub(crate) fn limits(&self) -> [u16; 3] {
        ["charger-1", "charger-2", "charger-3"].map(|id| self.word(id, 2000))
    }

    pub(crate) fn word(&self, id: &str, address: u16) -> u16 {
        let bank = self.simulator.control(&DeviceId::new(id).unwrap()).unwrap();
        bank.word(Function::Holding, address).unwrap()
    }

    pub(crate) fn behave(&self, id: &str, behaviours: impl IntoIterator<Item = Behaviour>) {
        let _inside = self.runtime.enter();
        assert!(self.simulator.set(&DeviceId::new(id).unwrap(), behaviours.into_iter().map(Into::into)));
    }

    /// Nothing outside limits and the allowed registers has come over the wire.
    pub(crate) fn assert_only_lawful_writes(&self) {
        for device in self.site.devices.values() {
            let Some(bank) = self.simulator.control(&device.id) else { continue };
            for write in bank.writes() {
                let lawful = match (write.address, write.words.as_slice()) {
                    (2000, [word]) => *word <= 220,
                    (2020, [word]) => matches!(word, 0 | 120),
                    _ => false,
                };
                assert!(lawful, "{}: {write:?}", device.id);
            }
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.kill();
    }
}
