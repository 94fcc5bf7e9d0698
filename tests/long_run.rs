//! The service over half an hour of simulated devices, killed with SIGKILL in between: history goes on, each gap is shown, and
//! what was counted is what the simulator's registers say. It has a command of its own:
//!
//! `cargo test --test long_run -- --ignored --nocapture`; `METERDECK_LONG_RUN_S=120` for another length.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test whose program is not there has nothing to say"
)]

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::Value;

const METERS: [&str; 3] = ["main", "pdu-a", "pdu-b"];

/// How long the service runs between two kills, and how long it is away then, in s.
const RUNS_S: std::ops::Range<u64> = 40..260;
const AWAY_S: std::ops::Range<u64> = 4..40;

/// Samples further apart than this are apart because nobody read.
const GAP: SignedDuration = SignedDuration::from_secs(3);

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn meterdeck() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meterdeck"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn site(port: u16) -> String {
    let mut text = String::from(
        "[site]\nname = \"Long run\"\ntime_zone = \"Europe/Amsterdam\"\ncurrency = \"EUR\"\ncost_per_kwh = \"0.25\"\n[storage]\ndir = \"data\"\n",
    );
    for (meter, unit) in METERS.iter().zip(1..) {
        text += &format!(
            "[device.{meter}]\nprotocol = \"modbus-tcp\"\naddress = \"127.0.0.1:{port}\"\nunit = {unit}\nprofile = \"eastron-sdm630\"\nevery = \"1s\"\n\
             [meter.{meter}]\nname = \"{meter}\"\nmeter_point = \"rack-pdu\"\nstatus = \"active\"\ndevice = \"{meter}\"\nrated_capacity_kw = 100\n"
        );
    }
    text
}

/// What a command prints with `--json`.
fn asked(folder: &Path, arguments: &[&str]) -> Value {
    let output = meterdeck()
        .args(["--config"])
        .arg(folder.join("site.toml"))
        .args(arguments)
        .arg("--json")
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {output:?}"))
}

/// What the registers of the simulator say now, read by a program that keeps nothing.
fn registers(folder: &Path) -> BTreeMap<String, Decimal> {
    let output = meterdeck()
        .arg("--config")
        .arg(folder.join("site.toml"))
        .arg("--data")
        .arg(folder.join("elsewhere"))
        .args(["poll", "--once", "--json"])
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|line| {
            let kwh = line["readings"]["kwhLifetime"]["value"].to_string();
            (line["meter"].as_str().unwrap().to_owned(), kwh.parse().unwrap())
        })
        .collect()
}

/// Time and value of all stored counts of a meter.
fn counts(folder: &Path, meter: &str) -> Vec<(Timestamp, Decimal)> {
    let answer = asked(folder, &["history", meter, "kwh_lifetime"]);
    let points = answer["points"].as_array().unwrap();
    let count = |point: &Value| {
        (point["at"].as_str().unwrap().parse().unwrap(), point["value"].as_str().unwrap().parse().unwrap())
    };
    points.iter().map(count).collect()
}

fn start_simulator(folder: &Path) -> Running {
    let mut simulator = meterdeck();
    simulator.arg("simulate").arg(folder.join("site.toml")).arg("--json").stdout(Stdio::piped());
    let mut simulator = Running(simulator.spawn().unwrap());
    let mut line = String::new();
    BufReader::new(simulator.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("pdu-b"), "{line}");
    simulator
}

/// Runs the service and kills it, again and again; how often.
fn run_and_kill(folder: &Path, length: Duration) -> u32 {
    let end = Instant::now() + length;
    let mut random = fastrand::Rng::new();
    let mut kills = 0;
    loop {
        let log = fs::File::create(folder.join(format!("poll-{kills}.log"))).unwrap();
        let mut poll = meterdeck();
        poll.arg("--config").arg(folder.join("site.toml")).arg("poll").stderr(log);
        let mut poll = Running(poll.spawn().unwrap());
        let left = end.saturating_duration_since(Instant::now());
        let run = Duration::from_secs(random.u64(RUNS_S)).min(length / 4);
        if left <= run {
            sleep(left);
            // The last one ends in peace.
            let id = rustix::process::Pid::from_child(&poll.0);
            rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
            poll.0.wait().unwrap();
            return kills;
        }
        sleep(run + Duration::from_millis(random.u64(0..1000)));
        poll.0.kill().unwrap();
        poll.0.wait().unwrap();
        kills += 1;
        sleep(Duration::from_secs(random.u64(AWAY_S)).min(length / 10).max(GAP.unsigned_abs() * 2));
    }
}

#[test]
#[ignore = "takes half an hour: see the top of the file"]
fn what_is_counted_over_kills_is_what_the_registers_say() {
    let length = std::env::var("METERDECK_LONG_RUN_S").map_or(1800, |text| text.parse().unwrap());
    let kept = tempfile::tempdir().unwrap();
    let folder: PathBuf = kept.path().to_owned();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    fs::write(folder.join("site.toml"), site(port)).unwrap();
    let _simulator = start_simulator(&folder);
    let before = registers(&folder);
    let kills = run_and_kill(&folder, Duration::from_secs(length));
    let after = registers(&folder);
    for meter in METERS {
        let counts = counts(&folder, meter);
        let ((began, first), (ended, last)) = (counts[0], counts[counts.len() - 1]);
        assert!(before[meter] <= first && last <= after[meter], "{meter}: {before:?} {first} {last} {after:?}");
        let apart = counts.windows(2).map(|pair| pair[1].0.duration_since(pair[0].0));
        let away: Vec<f64> = apart.filter(|apart| *apart > GAP).map(|apart| apart.as_secs_f64()).collect();
        let gaps = away.len();
        assert!(gaps >= kills as usize, "{meter}: {gaps} gaps, and it was away {kills} times");
        let answer = asked(&folder, &["intervals", meter]);
        let intervals = answer["intervals"].as_array().unwrap();
        let consumed: Decimal =
            intervals.iter().map(|interval| interval["consumed"].as_str().unwrap().parse::<Decimal>().unwrap()).sum();
        assert_eq!(consumed, last - first, "{meter}: from {began} to {ended}");
        // What a gap costs is told as time that was not measured.
        let measured: f64 = intervals.iter().map(|interval| interval["coverage"].as_f64().unwrap() * 900.0).sum();
        let read = ended.duration_since(began).as_secs_f64() - away.iter().sum::<f64>();
        assert!((measured - read).abs() < 2.0, "{meter}: measured {measured} s, read {read} s");
        let entity = asked(&folder, &["meters", meter]);
        assert_eq!(entity["kwhLifetime"].as_str().unwrap().parse::<Decimal>().unwrap(), last, "{meter}");
        println!("{meter}: {} counts, {gaps} gaps, {consumed} kWh in {} intervals", counts.len(), intervals.len());
    }
    meterdeck::store::check(&folder.join("data/meterdeck.db")).unwrap();
    println!("{length} s, {kills} kills");
}
