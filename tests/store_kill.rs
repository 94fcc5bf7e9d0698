//! A process that writes, seals and compacts is killed with SIGKILL at random moments; every batch that it called kept is
//! there afterwards. 30 kills by default; `METERDECK_KILLS=1000` for more.
#![expect(clippy::unwrap_used, reason = "a test whose child or file is not there has nothing to say")]
#![expect(clippy::cast_possible_wrap, reason = "a few series")]

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use meterdeck::{
    domain::{
        ids::MeterId,
        quantity::Quantity,
        reading::State,
        sample::{Decimals, Point},
    },
    store::{Sample, SeriesKey, SeriesSpec, Store, check},
};
use tempfile::TempDir;

const START_MS: i64 = 1_699_999_200_000;

/// Far apart, so that seals and compactions come often.
const STEP_MS: i64 = 60_000;

const METERS: usize = 6;

const QUANTITIES: [Quantity; 4] =
    [Quantity::CurrentKw, Quantity::CurrentKvar, Quantity::CurrentKva, Quantity::KwhLifetime];

/// In the child's environment: where the store is.
const CHILD: &str = "METERDECK_TEST_KILL_DIR";

fn open(dir: &Path) -> (Store, Vec<SeriesKey>) {
    let (store, _) = Store::open(dir).unwrap();
    let specs = (0..METERS).flat_map(|meter| {
        QUANTITIES.iter().map(move |quantity| SeriesSpec {
            meter: MeterId::new(&format!("meter-{meter}")).unwrap(),
            quantity: quantity.clone(),
            unit: quantity.unit().unwrap(),
            decimals: Decimals::new(2).unwrap(),
        })
    });
    let keys = store.declare(specs.collect()).unwrap();
    (store, keys)
}

/// Time and number of a batch for a series: a function of both, so that a mix-up shows.
fn point(batch: i64, series: usize) -> Point {
    let meter = series as i64 / 4;
    Point::good(START_MS + batch * STEP_MS + meter, batch * 31 % 977 + series as i64)
}

/// The last batch that is stored.
fn last_batch(store: &Store) -> i64 {
    let newest = store.newest().iter().map(|(_, point)| point.at_ms).max();
    newest.map_or(-1, |at_ms| (at_ms - START_MS) / STEP_MS)
}

/// The child: appends, one after the other, and says which batch is kept.
#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let (store, keys) = open(Path::new(&dir));
    let mut stdout = std::io::stdout();
    for batch in last_batch(&store) + 1.. {
        let samples = keys.iter().enumerate().map(|(series, key)| {
            let Point { at_ms, number, .. } = point(batch, series);
            Sample { series: *key, at_ms, number, decimals: Decimals::new(2).unwrap(), state: State::Good }
        });
        store.append(samples.collect()).unwrap().wait().unwrap();
        writeln!(stdout, "kept {batch}").unwrap();
    }
}

/// Lets a child write for a while, kills it, and returns the last batch that it called kept.
fn write_and_kill(dir: &Path, time: Duration) -> Option<i64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let reader = std::thread::spawn(move || {
        let kept = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("kept ")?.parse().ok());
        kept.last()
    });
    std::thread::sleep(time);
    child.kill().unwrap();
    child.wait().unwrap();
    reader.join().unwrap()
}

/// Every batch from `from` to the last one is there, whole and once.
fn assert_whole(store: &Store, keys: &[SeriesKey], from: i64, last: i64) {
    for (series, key) in keys.iter().enumerate() {
        let samples = store.samples(*key, point(from, series).at_ms, i64::MAX, usize::MAX).unwrap();
        let expected: Vec<_> = (from..=last).map(|batch| point(batch, series)).collect();
        assert!(samples.points == expected, "series {series}: {} of {}", samples.points.len(), expected.len());
        assert_eq!(samples.damaged_blocks, 0);
    }
}

#[test]
fn what_was_called_kept_is_kept() {
    let kills: u32 = std::env::var("METERDECK_KILLS").map_or(30, |kills| kills.parse().unwrap());
    let dir = TempDir::new().unwrap();
    let mut random = fastrand::Rng::new();
    let seed = random.get_seed();
    let mut kept = -1;
    for kill in 1..=kills {
        let time = Duration::from_micros(random.u64(2_000..400_000));
        kept = write_and_kill(dir.path(), time).unwrap_or(kept).max(kept);
        let (store, keys) = open(dir.path());
        let last = last_batch(&store);
        assert!(last >= kept, "kill {kill} (seed {seed}): batch {kept} was kept, {last} is the last one there");
        let from = if kill % 50 == 0 || kill == kills { 0 } else { (last - 1000).max(0) };
        assert_whole(&store, &keys, from, last);
        let health = store.health();
        assert_eq!((health.damaged_blocks, health.conflicts, health.put_aside), (0, 0, None));
        drop(store);
        check(&dir.path().join("meterdeck.db")).unwrap();
        kept = last;
    }
    assert!(kept > i64::from(kills), "too few batches were written to mean anything: {kept}");
    println!("{kills} kills, {kept} batches, none lost (seed {seed})");
}
