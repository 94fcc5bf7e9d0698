//! The whole way with the real binary: JSON → readings in the store, grouped and decided; then the accounting of all meters.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{BufWriter, Write},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Meters on one account.
const METERS_OF_ACCOUNT: u32 = 4;

const SITE: &str = "[site]\nname = \"Bench\"\ntime_zone = \"UTC\"\ncurrency = \"EUR\"\n";

/// Imports a million readings; then the same file again.
pub(crate) fn import() {
    let folder = tempfile::tempdir().unwrap();
    let (meters, months) = (83_333, 12);
    let (readings, bytes) = write(&folder.path().join("bills.ndjson"), meters, months);
    let megabytes = bytes / 1_000_000;
    println!("import: {readings} readings of {meters} meters on {megabytes} MB of JSON");
    for what in ["first", "again"] {
        let (took, memory) = run(folder.path(), &["statements", "import", "bills.ndjson"]);
        let rate = f64::from(readings) / took.as_secs_f64();
        println!("  {what}: {:.1} s, {rate:.0} readings/s, {memory} MiB at most", took.as_secs_f64());
    }
    println!("  database: {} MB", file_size(&folder.path().join("data/meterdeck.db")) / 1_000_000);
}

/// Accounts for 200,000 meters with two million readings.
pub(crate) fn usage() {
    let folder = tempfile::tempdir().unwrap();
    let (meters, months) = (200_000, 10);
    let (readings, _) = write(&folder.path().join("bills.ndjson"), meters, months);
    let (took, memory) = run(folder.path(), &["statements", "import", "bills.ndjson"]);
    println!("usage: {readings} readings of {meters} meters ({:.0} s to import, {memory} MiB)", took.as_secs_f64());
    for form in ["--json", "--csv"] {
        let (took, memory) = run(folder.path(), &["usage", form]);
        println!("  {form}: {:.2} s, {memory} MiB at most", took.as_secs_f64());
    }
}

/// Writes statements, one a line: an account with a few meters for each month, 2 % of them with a second account that
/// says one of the readings again, half of those with another value.
fn write(path: &Path, meters: u32, months: u32) -> (u32, u64) {
    let mut random = fastrand::Rng::with_seed(1);
    fs::write(path.with_file_name("site.toml"), SITE).unwrap();
    let mut file = BufWriter::new(File::create(path).unwrap());
    let mut readings = 0;
    for month in 0..months {
        let (start, end) = (date(month), date(month + 1));
        for first in (0..meters).step_by(METERS_OF_ACCOUNT as usize) {
            let account = first / METERS_OF_ACCOUNT;
            let mut line = format!(
                "{{\"id\":\"{month:02}-{account}\",\"statementDate\":\"{end}\",\"accountData\":[{{\"accountNumber\":\"{account}\",\
                 \"providers\":[{{\"name\":\"Grid Company\",\"classification\":\"MAIN\"}}],\
                 \"charges\":[{{\"lifeCycleStage\":\"DISTRIBUTION\",\"amount\":12.5}}],\"meterData\":["
            );
            let reading = |meter: u32, value: u32| {
                format!(
                    "{{\"meterId\":\"3f2b6c1e-{meter:08x}\",\"meterNumber\":\"M{meter}\",\"periodStart\":\"{start}\",\
                     \"periodEnd\":\"{end}\",\"totalUsage\":{}.{:02},\"usageUnit\":\"kWh\"}}",
                    value / 100,
                    value % 100
                )
            };
            let last = (first + METERS_OF_ACCOUNT).min(meters);
            for meter in first..last {
                let comma = if meter == first { "" } else { "," };
                line.push_str(comma);
                line.push_str(&reading(meter, meter % 90_000 + month));
                readings += 1;
            }
            line.push_str("]}");
            if random.u8(..100) < 8 {
                let value = first % 90_000 + month + u32::from(random.bool());
                let _ = write!(
                    line,
                    ",{{\"accountNumber\":\"R{account}\",\"providers\":[{{\"name\":\"Retail\",\"classification\":\"ADDITIONAL\"}}],\
                     \"meterData\":[{}]}}",
                    reading(first, value)
                );
                readings += 1;
            }
            writeln!(file, "{line}]}}").unwrap();
        }
    }
    file.flush().unwrap();
    (readings, file_size(path))
}

fn date(month: u32) -> String {
    format!("{}-{:02}-01", 2023 + month / 12, month % 12 + 1)
}

fn file_size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Runs a command; how long it took, and the most memory that it had, MiB.
fn run(folder: &Path, arguments: &[&str]) -> (Duration, u64) {
    let begin = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_meterdeck"))
        .current_dir(folder)
        .env_remove("METERDECK_CONFIG")
        .args(["--config", "site.toml", "--data", "data"])
        .args(arguments)
        .stdout(Stdio::from(File::create(folder.join("output")).unwrap()))
        .spawn()
        .unwrap();
    let mut memory = 0;
    loop {
        memory = memory.max(peak(&child));
        match child.try_wait().unwrap() {
            Some(status) => {
                assert!(status.success(), "{arguments:?}: {status}");
                return (begin.elapsed(), memory);
            }
            None => thread::sleep(Duration::from_millis(5)),
        }
    }
}

/// The most memory that a process had so far, MiB.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
