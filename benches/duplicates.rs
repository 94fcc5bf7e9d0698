//! Grouping and deciding utility readings in memory, beside the same job in DuckDB's SQL, on the same made-up readings
//! (`duplicates/data.rs`) with the same results: `cargo bench --bench duplicates [-- groups] [--readings N] [--meters N]`.
//! And the review desk over many open groups: `cargo bench --bench duplicates -- desk [--groups N]`.
//!
//! `import` and `usage` measure the whole way with the real binary instead: JSON → decided groups in the store → totals.
//!
//! DuckDB runs in the Python that `METERDECK_PYTHON` names, else in `target/peers/bin/python`
//! (`python3 -m venv target/peers && target/peers/bin/pip install duckdb`). Each side is a process of its own, has the
//! readings in memory in the same shuffled order before its time begins, and uses all cores.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement ends where what it needs is not there"
)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::NamedTempFile;

#[path = "duplicates/data.rs"]
mod data;
#[path = "duplicates/desk.rs"]
mod desk;
#[path = "duplicates/import.rs"]
mod import;
#[path = "duplicates/ours.rs"]
mod ours;

/// The DuckDB side.
const PEER: &str = include_str!("duplicates/peer.py");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let after = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).and_then(|count| count.parse().ok())
    };
    let (readings, meters) = (after("--readings").unwrap_or(10_000_000), after("--meters").unwrap_or(200_000));
    match arguments.first().map(String::as_str) {
        Some("role") => ours::run(readings, meters),
        Some("desk") => desk::run(after("--groups").unwrap_or(100_000)),
        Some("import") => import::import(),
        Some("usage") => import::usage(),
        Some(part) if !part.starts_with("--") && part != "groups" => {
            panic!("the parts are groups, import, usage and desk")
        }
        _ => groups(readings, meters),
    }
}

/// What one side says: its figures, then its results.
struct Side {
    seconds: f64,
    peak_mib: f64,
    other: String,
    results: Vec<String>,
}

impl Side {
    /// Runs it. It prints `seconds N`, `peak_mib N`, `other …`, and every other line is a result.
    fn run(command: &mut Command) -> Self {
        let output = command.stderr(Stdio::inherit()).output().unwrap();
        assert!(output.status.success(), "{command:?}");
        let mut side = Self { seconds: f64::NAN, peak_mib: f64::NAN, other: String::new(), results: Vec::new() };
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            match line.split_once(' ') {
                Some(("seconds", number)) => side.seconds = number.parse().unwrap(),
                Some(("peak_mib", number)) => side.peak_mib = number.parse().unwrap(),
                Some(("other", words)) => words.clone_into(&mut side.other),
                _ => side.results.push(line.to_owned()),
            }
        }
        side.results.sort();
        side
    }
}

fn groups(readings: u32, meters: u32) {
    println!("{readings} readings of {meters} meters, 2 % duplicates within a day, in no order (best of 3)");
    let counts = ["--readings".to_owned(), readings.to_string(), "--meters".to_owned(), meters.to_string()];
    let ours = Side::run(Command::new(std::env::current_exe().unwrap()).arg("role").args(&counts));
    println!("  meterdeck  {:>6.2} s  {:>7.0} MiB  {}", ours.seconds, ours.peak_mib, ours.other);
    for line in &ours.results {
        println!("    {line}");
    }
    let Some(python) = python() else {
        println!("  DuckDB     not measured: no Python with duckdb. Set METERDECK_PYTHON, or make target/peers:");
        println!("             python3 -m venv target/peers && target/peers/bin/pip install duckdb");
        return;
    };
    let file = NamedTempFile::new().unwrap();
    data::write(file.path(), readings, meters);
    let peer = Side::run(Command::new(python).arg("-c").arg(PEER).arg(file.path()));
    println!("  DuckDB     {:>6.2} s  {:>7.0} MiB  {}", peer.seconds, peer.peak_mib, peer.other);
    if peer.results == ours.results {
        println!("  the results are the same, to the last digit");
    } else {
        panic!("the results differ; DuckDB has\n{}", peer.results.join("\n"));
    }
    println!(
        "  {:.1} x as fast (to reach: 3), {:.2} x its memory",
        peer.seconds / ours.seconds,
        ours.peak_mib / peer.peak_mib
    );
}

/// A Python that has DuckDB.
fn python() -> Option<PathBuf> {
    let named = std::env::var_os("METERDECK_PYTHON").map(PathBuf::from);
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin/python");
    let has_duckdb = |python: &PathBuf| {
        let mut command = Command::new(python);
        command.args(["-c", "import duckdb"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    };
    named.into_iter().chain([own]).find(has_duckdb)
}
