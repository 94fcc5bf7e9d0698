//! The real program: as the service, and in a terminal.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::{Duration, Instant},
};

use meterdeck::service::socket;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::devices::Devices;

const PROGRAM: &str = env!("CARGO_BIN_EXE_meterdeck");
/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// What each meter measures.
const QUANTITIES: [&str; 20] = [
    "current_kw",
    "current_kvar",
    "current_amps",
    "voltage",
    "frequency",
    "amps_phase_a",
    "amps_phase_b",
    "amps_phase_c",
    "voltage_phase_a",
    "voltage_phase_b",
    "voltage_phase_c",
    "voltage_ab",
    "voltage_bc",
    "voltage_ca",
    "kw_phase_a",
    "kw_phase_b",
    "kw_phase_c",
    "neutral_current",
    "kwh_lifetime",
    "temperature_c",
];

/// `meterdeck poll` on a site of these devices.
pub(crate) struct Service {
    folder: tempfile::TempDir,
    child: Child,
}

impl Service {
    pub(crate) fn start(devices: &Devices, units: u8, every: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut profile = "title = \"Bench\"\nmanufacturer = \"Bench\"\nsource = \"benches\"\n[registers]\n".to_owned();
        for (place, quantity) in QUANTITIES.iter().enumerate() {
            let address = place * 2;
            let unit = match *quantity {
                name if name.contains("kwh") => "kWh",
                name if name.contains("kvar") => "kvar",
                name if name.contains("kw") => "kW",
                name if name.contains("amps") || name.contains("current") => "A",
                name if name.contains("voltage") => "V",
                "frequency" => "Hz",
                _ => "degC",
            };
            let _ = writeln!(
                profile,
                "{quantity} = {{ address = {address}, function = \"input\", type = \"f32\", unit = \"{unit}\" }}"
            );
        }
        let mut site =
            format!("[site]\nname = \"Bench\"\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\n[poll]\nevery = \"{every}\"\n");
        for (place, port) in devices.ports.iter().enumerate() {
            for unit in 1..=units {
                let _ = write!(
                    site,
                    "[device.d{place}-{unit}]\nprotocol = \"modbus-tcp\"\naddress = \"127.0.0.1:{port}\"\nunit = {unit}\nprofile = \"bench\"\n\
                     [meter.m{place}-{unit}]\nname = \"M{place:02}-{unit:02}\"\nmeter_point = \"rack-pdu\"\nstatus = \"active\"\ndevice = \"d{place}-{unit}\"\n"
                );
            }
        }
        fs::create_dir(folder.path().join("profiles")).unwrap();
        fs::write(folder.path().join("profiles/bench.toml"), profile).unwrap();
        fs::write(folder.path().join("site.toml"), site).unwrap();
        let mut command = Command::new(PROGRAM);
        command.current_dir(folder.path()).args(["--config", "site.toml", "--data", "data", "--log", "error", "poll"]);
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let service = Self { folder, child };
        let begun = Instant::now();
        while !socket::path_in(&service.data()).exists() {
            assert!(begun.elapsed() < PATIENCE, "the service does not listen");
            thread::sleep(Duration::from_millis(20));
        }
        // Everything is connected and was read a few times.
        thread::sleep(Duration::from_secs(3));
        service
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Processor time of all its threads so far.
    pub(crate) fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().flatten();
        let nanoseconds = |task: fs::DirEntry| -> Option<u64> {
            fs::read_to_string(task.path().join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
        };
        Duration::from_nanos(tasks.filter_map(nanoseconds).sum())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a terminal shows, and when that last changed.
struct Screen {
    parser: vt100::Parser,
    changed: Instant,
}

/// The terminal program, attached to the service; wide enough for its header to say so.
pub(crate) struct Terminal {
    keys: Box<dyn std::io::Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    screen: Arc<(Mutex<Screen>, Condvar)>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Terminal {
    pub(crate) fn attach(service: &Service) -> Self {
        let mut command = CommandBuilder::new(PROGRAM);
        command.args(["--config", "site.toml", "--data", "data"]);
        command.cwd(service.folder.path());
        command.env("TERM", "xterm-256color");
        command.env("HOME", service.folder.path());
        let size = PtySize { rows: 24, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        let screen = Screen { parser: vt100::Parser::new(24, 120, 0), changed: Instant::now() };
        let screen = Arc::new((Mutex::new(screen), Condvar::new()));
        let sink = Arc::clone(&screen);
        thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                let mut screen = sink.0.lock().unwrap();
                screen.changed = Instant::now();
                screen.parser.process(&buffer[..length]);
                sink.1.notify_all();
            }
        });
        Self { keys, child, screen, _master: pair.master }
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// When this was on the screen: as the bytes that made it came.
    pub(crate) fn until_shown(&self, text: &str) -> Instant {
        let begun = Instant::now();
        let mut screen = self.screen.0.lock().unwrap();
        loop {
            let contents = screen.parser.screen().contents();
            if contents.contains(text) {
                return screen.changed;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain for {text}:\n{contents}");
            screen = self.screen.1.wait_timeout(screen, Duration::from_secs(1)).unwrap().0;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
