//! The store beside a plain map, under everything that may happen to it.

use super::*;

type Model = BTreeMap<(usize, i64), (Option<i64>, State)>;

#[derive(Debug, Clone)]
enum Step {
    /// A batch as from a poll.
    Append(Vec<(usize, i64, i64, bool)>),
    /// Rows of an import, and whether they replace.
    Merge(Vec<(usize, i64, i64, bool)>, bool),
    Settle,
    Restart,
    /// Backup, restore, open.
    Restore,
}

/// Series, time, number, whether there is none. Times are few, so that many meet.
fn any_values(span_s: i64) -> impl Strategy<Value = Vec<(usize, i64, i64, bool)>> {
    let at = (0..span_s).prop_map(|second| START_MS + second * 1000);
    prop::collection::vec((0..8_usize, at, 0..4_i64, prop::bool::weighted(0.1)), 1..40)
}

fn any_step(span_s: i64) -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => any_values(span_s).prop_map(Step::Append),
        4 => (any_values(span_s), any::<bool>()).prop_map(|(values, replace)| Step::Merge(values, replace)),
        2 => Just(Step::Settle),
        1 => Just(Step::Restart),
        1 => Just(Step::Restore),
    ]
}

fn sample(keys: &[SeriesKey], (series, at_ms, number, is_bad): (usize, i64, i64, bool)) -> Sample {
    let state = if is_bad { State::Bad } else { State::Good };
    Sample { number: (!is_bad).then_some(number), state, ..good(keys[series], at_ms, number) }
}

/// What a batch does to the model: the first of a time stays.
fn append(model: &mut Model, samples: &[(usize, i64, i64, bool)], keys: &[SeriesKey]) {
    for value in samples {
        let sample = sample(keys, *value);
        model.entry((value.0, value.1)).or_insert((sample.number, sample.state));
    }
}

/// What a merge does to the model, and what it must say.
fn merge(model: &mut Model, values: &[(usize, i64, i64, bool)], keys: &[SeriesKey], replace: bool) -> Merged {
    let mut merged = Merged::default();
    for (line, value) in (1..).zip(values) {
        let sample = sample(keys, *value);
        let new = (sample.number, sample.state);
        let place = (value.0, value.1);
        match model.get(&place) {
            None => {
                model.insert(place, new);
                merged.new += 1;
            }
            Some(old) if *old == new => merged.unchanged += 1,
            Some(_) if replace => {
                model.insert(place, new);
                merged.replaced += 1;
            }
            Some(_) => merged.rejected.push((line, Rejection::Different)),
        }
    }
    merged
}

fn assert_equal(store: &Store, keys: &[SeriesKey], model: &Model) {
    for (series, key) in keys.iter().enumerate() {
        let expected: Vec<Point> = model
            .range((series, i64::MIN)..=(series, i64::MAX))
            .map(|((_, at_ms), (number, state))| Point { at_ms: *at_ms, number: *number, state: *state })
            .collect();
        assert_eq!(all(store, *key), expected, "series {series}");
        assert_summaries(store, *key, &expected);
    }
}

/// Charts in every resolution hold exactly the samples.
fn assert_summaries(store: &Store, key: SeriesKey, expected: &[Point]) {
    for (span_ms, columns) in [(1_200_000, 600), (7_200_000, 120), (7_200_000, 8), (86_400_000 * 2, 2)] {
        let from_ms = START_MS - START_MS % 86_400_000;
        let from_ms = if span_ms > 7_200_000 { from_ms } else { START_MS };
        let chart = store.series(key, from_ms, from_ms + span_ms, columns).unwrap();
        assert_eq!(chart.columns.len(), columns);
        for column in &chart.columns {
            let mut summary = Summary::empty(column.start_ms);
            let of_column = |point: &&Point| (column.start_ms..column.start_ms + chart.step_ms).contains(&point.at_ms);
            expected.iter().filter(of_column).for_each(|point| summary.push(point.number, point.state));
            let parts = |summary: &Summary| (summary.count, summary.flawed, summary.min, summary.max);
            assert_eq!(parts(column), parts(&summary), "{columns} columns of {span_ms} ms");
            if chart.step_ms != 60_000 {
                assert_eq!(column.sum, summary.sum);
            }
        }
    }
}

fn run(steps: Vec<Step>) {
    let dir = TempDir::new().unwrap();
    let (mut store, keys) = open(dir.path(), 2);
    let mut model = Model::new();
    for step in steps {
        match step {
            Step::Append(values) => {
                let samples = values.iter().map(|value| sample(&keys, *value)).collect();
                let appended = store.append(samples).unwrap().wait().unwrap();
                assert_eq!(appended.new + appended.unchanged + appended.conflicts, values.len() as u64);
                // Within a batch, samples are taken in order of time; of one time and series in the order given.
                append(&mut model, &values, &keys);
            }
            Step::Merge(values, replace) => {
                let rows = (1..).zip(&values).map(|(line, value)| Row { line, sample: sample(&keys, *value) });
                let merged = store.merge(rows, replace).unwrap();
                assert_eq!(merged, merge(&mut model, &values, &keys, replace));
            }
            Step::Settle => store.settle().unwrap(),
            Step::Restart => {
                drop(store);
                assert_sound(dir.path());
                store = open(dir.path(), 2).0;
            }
            Step::Restore => {
                let copy = dir.path().join("copy.db");
                store.backup(&copy).unwrap();
                drop(store);
                meterdeck::store::restore(&copy, dir.path()).unwrap();
                store = open(dir.path(), 2).0;
            }
        }
        assert_equal(&store, &keys, &model);
    }
    assert_eq!(store.health().damaged_blocks, 0);
    drop(store);
    assert_sound(dir.path());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Within one hour, so that everything meets everything.
    #[test]
    fn the_store_is_a_map_within_an_hour(steps in prop::collection::vec(any_step(900), 1..8)) {
        run(steps);
    }

    /// Over hours, with seals and compactions between.
    #[test]
    fn the_store_is_a_map_over_hours(steps in prop::collection::vec(any_step(7200), 1..8)) {
        run(steps);
    }
}

#[test]
fn a_day_of_polls_seals_and_compacts_by_itself() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 2);
    let mut expected = vec![Vec::new(); keys.len()];
    for step in 0..2 * 720 {
        let at_ms = START_MS + step * 10_000 + step % 5;
        let samples: Vec<_> = (0..).zip(&keys).map(|(series, key)| good(*key, at_ms, step * series % 50)).collect();
        for (points, sample) in expected.iter_mut().zip(&samples) {
            points.push(Point::good(at_ms, sample.number.unwrap()));
        }
        let appended = store.append(samples).unwrap().wait().unwrap();
        assert_eq!(appended.new, keys.len() as u64);
    }
    let rows = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        store.read(|connection| connection.query_row(&sql, [], |row| row.get::<_, i64>(0))).unwrap()
    };
    // The writer compacts behind the batches: two meters of three whole hours.
    for _ in 0..500 {
        if rows("cold") >= 6 && rows("warm") <= 24 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(
        rows("cold") == 6 && rows("warm") <= 24 && rows("hot") < 60,
        "{} {} {}",
        rows("cold"),
        rows("warm"),
        rows("hot")
    );
    for (key, expected) in keys.iter().zip(&expected) {
        assert_eq!(all(&store, *key), *expected);
        assert_summaries(&store, *key, expected);
    }
}
