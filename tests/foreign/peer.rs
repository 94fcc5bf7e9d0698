//! Running programs beside the test, with a limit on every wait.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long a peer may take to be there, or a command to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program that runs until it is dropped.
pub(crate) struct Peer(pub(crate) Child);

impl Peer {
    /// Starts it with pipes for input and output.
    pub(crate) fn start(command: &mut Command) -> Self {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        Self(child.unwrap_or_else(|error| panic!("cannot start {command:?}: {error}")))
    }

    /// Its first line of output.
    pub(crate) fn first_line(&mut self) -> String {
        let mut line = String::new();
        BufReader::new(self.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        line
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a foreign peer can be used; without it the test has nothing to say, which only the gate may not accept.
pub(crate) fn is_usable(name: &str, how_to_get: &str, works: bool) -> bool {
    if !works {
        let message = format!("NOT TESTED: {name} is not here; {how_to_get}");
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{message}");
        eprintln!("{message}");
    }
    works
}

/// Whether a program can be started at all.
pub(crate) fn runs(program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

/// Tries until it works.
pub(crate) fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let since = Instant::now();
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(since.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What `meterdeck poll --once --json` says of each meter, and its exit code.
pub(crate) fn poll_once(site: &Path) -> (BTreeMap<String, Value>, i32) {
    let output = assert_cmd::Command::cargo_bin("meterdeck")
        .unwrap()
        .args(["--config".as_ref(), site.as_os_str(), "poll".as_ref(), "--once".as_ref(), "--json".as_ref()])
        .timeout(PATIENCE)
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let meters = printed.lines().map(|line| {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        (object["meter"].as_str().unwrap().to_owned(), object)
    });
    let meters = meters.collect();
    let code = output.status.code().unwrap_or_else(|| panic!("poll did not end: {:?}", output.status));
    assert!(code == 0 || code == 69, "{code}: {}", String::from_utf8_lossy(&output.stderr));
    (meters, code)
}

/// The beginning of a site file with its data in `folder`.
pub(crate) fn site_head(folder: &Path) -> String {
    format!(
        "[site]\nname = \"Foreign\"\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\n\n\
         [storage]\ndir = \"{}\"\n\n[poll]\ntimeout = \"500ms\"\n\n",
        folder.join("data").display()
    )
}
