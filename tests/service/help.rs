//! A site on a simulated device, the real binary in processes and terminals.

use std::{
    fs,
    io::{Read as _, Write},
    os::unix::{fs::MetadataExt as _, process::CommandExt as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use meterdeck::service::{
    client::Client,
    interface::{Request, Response, ServiceError},
    socket,
};
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_meterdeck");
/// Nothing that should happen takes longer, on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A site file with a device that nobody serves.
pub(crate) const SITE: &str = r#"
[site]
name = "Shared site"
time_zone = "UTC"
currency = "EUR"

[device.d]
protocol = "modbus-tcp"
address = "127.0.0.1:9"
unit = 1
timeout = "200ms"

[meter.main]
name = "MAIN"
meter_point = "utility-entrance"
status = "active"
device = "d"
[meter.main.registers]
current_kw = { address = 0, function = "input", type = "u16", unit = "kW" }

[meter.by-hand]
name = "BY-HAND"
meter_point = "branch-circuit"
status = "active"
protocol = "manual"
"#;

/// A folder with a site file and a data folder.
pub(crate) struct Rig {
    pub folder: tempfile::TempDir,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(SITE)
    }

    pub(crate) fn with(site: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("site.toml"), site).unwrap();
        Self { folder }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command.current_dir(self.folder.path()).env("HOME", self.folder.path()).env_remove("RUNTIME_DIRECTORY");
        command.arg("--config").arg(self.folder.path().join("site.toml"));
        command.arg("--data").arg(self.data()).args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command prints, which must end well.
    pub(crate) fn prints(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {}: {said}", output.status);
        String::from_utf8(output.stdout).unwrap()
    }

    /// The real service, once it listens.
    pub(crate) fn poll(&self) -> Process {
        let process = Process(self.command(&["poll"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        self.until_served_by(process.id());
        process
    }

    /// The real service, started by a shell with this umask and environment.
    pub(crate) fn poll_under(&self, umask: &str, environment: &[(&str, &str)]) -> Process {
        let mut command = Command::new("sh");
        let plain = self.command(&["poll"]);
        command.arg("-c").arg(format!("umask {umask}; exec \"$0\" \"$@\"")).arg(PROGRAM).args(plain.get_args());
        command.env_remove("RUNTIME_DIRECTORY").envs(environment.iter().copied());
        let process = Process(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        self.until_served_by(process.id());
        process
    }

    fn until_served_by(&self, process: u32) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let begun = Instant::now();
        while runtime.block_on(served_by(&self.data())) != Some(process) {
            assert!(begun.elapsed() < PATIENCE, "no service listens");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The terminal program in a terminal of its own.
    pub(crate) fn terminal(&self) -> Terminal {
        let mut command = CommandBuilder::new(PROGRAM);
        command.args(["--config", "site.toml", "--data", "data"]);
        command.cwd(self.folder.path());
        command.env("TERM", "xterm-256color");
        command.env("HOME", self.folder.path());
        command.env_remove("NO_COLOR");
        Terminal::start(command)
    }
}

/// The process of the service of a data folder, if one answers.
pub(crate) async fn served_by(dir: &Path) -> Option<u32> {
    let client = socket::client::connect(dir).await.ok()?;
    let version = meterdeck::service::interface::INTERFACE_VERSION;
    match client.requests.ask(Request::Hello { version }).await.ok()? {
        Response::Hello { process, .. } => Some(process),
        _ => None,
    }
}

/// Asks over a connection of its own.
pub(crate) async fn ask(dir: &Path, request: Request) -> Result<Response, ServiceError> {
    connect(dir).await.requests.ask(request).await
}

pub(crate) async fn connect(dir: &Path) -> Client {
    socket::client::connect(dir).await.unwrap()
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

/// A process that ends with the test.
pub(crate) struct Process(pub Child);

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(i32::try_from(self.id()).unwrap()).unwrap(), signal).unwrap();
    }

    /// Waits for its end; its exit code.
    pub(crate) fn end(&mut self) -> Option<i32> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Ended already, in the normal case.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The terminal program, and what its screen shows.
pub(crate) struct Terminal {
    keys: Box<dyn Write + Send>,
    child: Box<dyn portable_pty::Child + Send + Sync>,
    screen: Arc<Mutex<vt100::Parser>>,
    _master: Box<dyn portable_pty::MasterPty + Send>,
}

impl Terminal {
    pub(crate) fn start(command: CommandBuilder) -> Self {
        let size = PtySize { rows: 30, cols: 120, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let keys = pair.master.take_writer().unwrap();
        let child = pair.slave.spawn_command(command).unwrap();
        let screen = Arc::new(Mutex::new(vt100::Parser::new(30, 120, 0)));
        let sink = Arc::clone(&screen);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut buffer) {
                sink.lock().unwrap().process(&buffer[..length]);
            }
        });
        Self { keys, child, screen, _master: pair.master }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub(crate) fn screen(&self) -> String {
        self.screen.lock().unwrap().screen().contents()
    }

    pub(crate) fn until_shown(&self, text: &str) {
        let begun = Instant::now();
        while !self.screen().contains(text) {
            assert!(begun.elapsed() < PATIENCE, "waited in vain for {text}:\n{}", self.screen());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that a shell of another user runs.
pub(crate) fn as_user(user: &str, program: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("runuser");
    command.args(["-u", user, "--"]).arg(program).args(arguments).current_dir("/");
    // Its own group of processes: runuser hands signals on otherwise.
    command.process_group(0);
    command
}
