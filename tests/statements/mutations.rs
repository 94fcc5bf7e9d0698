//! The fuzz targets in short: their seeds, damaged in thousands of ways.

use std::{fs, path::PathBuf};

use fastrand::Rng;

#[path = "../../fuzz/fuzz_targets/read.rs"]
mod read;

/// Damaged forms of each seed; `METERDECK_MUTATIONS=1000000` for more.
const MUTATIONS: u64 = 400;

/// What a file is more likely to hold than chance would.
const TOKENS: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    "\\u202e",
    "\\ud800",
    "null",
    "true",
    "NaN",
    "1e999",
    "-0",
    "0.1e-99999",
    "\n",
    "\u{feff}",
    "\"accountData\":",
    "\"usages\":",
    "\"_embedded\":",
    "\"meters\":",
    "2023-02-30",
    "9999999999999999999999999999999999",
];

fn seeds(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/seeds")).join(target);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Between these, a target's input makes a document; as in the target itself.
fn frame(target: &str) -> (&'static str, &'static str) {
    match target {
        "statement" => (r#"{"id":"s","statementDate":"2023-02-05","accountData":"#, "}"),
        "details" => (r#"{"meterId":"m","usages":"#, "}"),
        "legacy" => (r#"{"accounts":"#, "}"),
        _ => ("", ""),
    }
}

fn damage(random: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..=bytes.len());
        let to = (at + random.usize(..40)).min(bytes.len());
        match random.u8(..6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..to)),
            2 => {
                let copy = bytes[at..to].to_vec();
                let place = random.usize(..=bytes.len());
                bytes.splice(place..place, copy);
            }
            3 => {
                let token = random.choice(&TOKENS).unwrap();
                bytes.splice(at..at, token.bytes());
            }
            4 => {
                let token = random.choice(&TOKENS).unwrap();
                bytes.splice(at..to, token.bytes());
            }
            _ => {
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << random.u8(..8);
                }
            }
        }
    }
}

#[test]
fn no_damage_ends_the_reading_otherwise_than_with_a_reason() {
    let mutations = std::env::var("METERDECK_MUTATIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(MUTATIONS);
    for target in ["statement", "details", "legacy", "stream"] {
        let (before, after) = frame(target);
        for (path, seed) in seeds(target) {
            for number in 0..mutations {
                let mut bytes = seed.clone();
                if number > 0 {
                    damage(&mut Rng::with_seed(number), &mut bytes);
                }
                let document = [before.as_bytes(), &bytes, after.as_bytes()].concat();
                let read = std::panic::catch_unwind(|| read::read(&document));
                assert!(read.is_ok(), "{} damaged with seed {number}", path.display());
            }
        }
    }
}
