//! Our side.

use std::{collections::BTreeMap, fs, thread, time::Instant};

use meterdeck::domain::duplicate::{DecidedSet, ExactSum, Rule, Verdict, decide_all};
use rust_decimal::Decimal;

use super::data;

/// What came out: for each rule or reason the sets, the places of the readings that count, and their amounts.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
struct Tally {
    by_rule: BTreeMap<&'static str, (u64, u64, ExactSum)>,
    /// Readings that are alone: most, so not looked up in the map each time.
    single: (u64, u64, ExactSum),
}

impl Tally {
    fn add(&mut self, set: DecidedSet<'_>) {
        let (entry, chosen) = match set.verdict {
            Verdict::Counts { rule: Rule::Single, chosen } => (&mut self.single, Some(chosen)),
            Verdict::Counts { rule, chosen } => (self.by_rule.entry(rule.word()).or_default(), Some(chosen)),
            Verdict::Review(reason) => (self.by_rule.entry(reason.word()).or_default(), None),
        };
        entry.0 += 1;
        if let Some(slot) = chosen.map(|chosen| set.members[chosen]) {
            entry.1 += u64::from(slot.place);
            entry.2.add(slot.amount);
        }
    }

    fn merge(mut self, other: Self) -> Self {
        let all = other.by_rule.into_iter().chain([("single", other.single)]);
        for (rule, (sets, places, sum)) in all.chain([("single", std::mem::take(&mut self.single))]) {
            let entry = self.by_rule.entry(rule).or_default();
            entry.0 += sets;
            entry.1 += places;
            entry.2.merge(&sum);
        }
        self
    }
}

/// Makes the readings, decides them, says figures and results.
pub(crate) fn run(readings: u32, meters: u32) {
    let slots = data::slots(readings, meters);
    let decide = |workers| {
        let start = Instant::now();
        let tallies = decide_all(&slots, meters, workers, Tally::default, Tally::add).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        (seconds, tallies.into_iter().fold(Tally::default(), Tally::merge))
    };
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let runs = [decide(cores), decide(cores), decide(cores)];
    let (alone, tally) = decide(1);
    assert!(runs.iter().all(|(_, other)| *other == tally), "the number of threads changes nothing");
    println!("seconds {}", runs.iter().map(|(seconds, _)| *seconds).fold(f64::INFINITY, f64::min));
    println!("peak_mib {}", peak_mib());
    println!("other {cores} threads; with one {alone:.2} s");
    for (rule, (sets, places, sum)) in &tally.by_rule {
        let kwh = sum.total().unwrap() / Decimal::from(1000);
        println!("{rule}: {sets} sets, {} kWh, {places}", kwh.normalize());
    }
}

/// Most memory of this process at any time, MiB.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}
