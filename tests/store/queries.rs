//! What is asked of the store: newest values, limits, decimals, retention.

use super::*;

#[test]
fn the_newest_values_survive_a_restart() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 2);
    assert_eq!(store.newest(), []);
    for second in 0..700 {
        let samples = keys.iter().map(|key| good(*key, START_MS + second * 1000, second)).collect();
        store.append(samples).unwrap().wait().unwrap();
    }
    store.append(vec![good(keys[0], START_MS + 5000, 1)]).unwrap().wait().unwrap();
    let expected: Vec<_> = keys.iter().map(|key| (*key, Point::good(START_MS + 699_000, 699))).collect();
    assert_eq!(store.newest(), expected);
    store.settle().unwrap();
    drop(store);
    let (store, opened) = Store::open(dir.path()).unwrap();
    assert_eq!((store.newest(), opened), (expected, Opened::Existing));
}

#[test]
fn answers_end_at_their_limit_and_go_on_from_there() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 1);
    let times: Vec<i64> = (0..500).map(|step| START_MS + step * 60_000).collect();
    let rows = (1..).zip(&times).map(|(line, at_ms)| Row { line, sample: good(keys[0], *at_ms, i64::from(line)) });
    assert_eq!(store.merge(rows, false).unwrap().new, 500);
    let mut found = Vec::new();
    let mut next = Some(0);
    while let Some(from_ms) = next {
        let samples = store.samples(keys[0], from_ms, i64::MAX, 7).unwrap();
        assert!(samples.points.len() <= 7 && samples.damaged_blocks == 0);
        found.extend(samples.points.iter().map(|point| point.at_ms));
        next = samples.next_ms;
    }
    assert_eq!(found, times);
    let part = store.samples(keys[0], times[3], times[5], 100).unwrap();
    assert_eq!((part.points.len(), part.next_ms), (2, None));
}

#[test]
fn finer_values_make_the_series_finer() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 1);
    let key = keys[0];
    store.append(vec![good(key, START_MS, 1234)]).unwrap().wait().unwrap();
    let fine = |line, at_ms, number| Row { line, sample: Sample { decimals: decimals(4), ..good(key, at_ms, number) } };
    let merged = store.merge([fine(1, START_MS, 123_400), fine(2, START_MS + 1, 123_401)], false).unwrap();
    assert_eq!((merged.new, merged.unchanged), (1, 1));
    store.append(vec![good(key, START_MS + 2, 1)]).unwrap().wait().unwrap();
    for round in 0..3 {
        let samples = store.samples(key, 0, i64::MAX, 10).unwrap();
        let numbers: Vec<_> = samples.points.iter().filter_map(|point| point.number).collect();
        assert_eq!((samples.decimals.count(), numbers), (4, vec![123_400, 123_401, 100]), "round {round}");
        assert_eq!(store.newest()[0].1.number, Some(100));
        store.settle().unwrap();
    }
    drop(store);
    let (store, _) = Store::open(dir.path()).unwrap();
    assert_eq!(store.newest()[0].1.number, Some(100));
}

#[test]
fn what_cannot_be_is_refused_and_the_rest_kept() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 1);
    let samples = vec![
        good(keys[0], -1, 1),
        good(keys[0], i64::MAX, 1),
        good(keys[0], START_MS, i64::MAX),
        good(keys[1], START_MS, 5),
    ];
    let appended = store.append(samples).unwrap().wait().unwrap();
    assert_eq!((appended.new, appended.refused), (2, 2));
    assert_eq!(all(&store, keys[0]), [Point { at_ms: START_MS, number: None, state: State::Bad }]);
    let row = |line, at_ms| Row { line, sample: good(keys[0], at_ms, 7) };
    let merged = store.merge([row(4, -5), row(5, START_MS), row(6, START_MS + 1)], false).unwrap();
    assert_eq!((merged.new, merged.rejected), (1, vec![(4, Rejection::Time), (5, Rejection::Different)]));
    let too_many = vec![good(keys[0], 0, 0); meterdeck::store::MAX_BATCH + 1];
    assert!(matches!(store.append(too_many), Err(StoreError::TooLarge(_))));
}

#[test]
fn dropped_samples_leave_their_rollups() {
    let dir = TempDir::new().unwrap();
    let (store, keys) = open(dir.path(), 1);
    let rows = (1..=300).map(|line: u32| Row { line, sample: good(keys[0], START_MS + i64::from(line) * 60_000, 5) });
    store.merge(rows, false).unwrap();
    store.drop_samples_before(START_MS + 3 * 3_600_000 + 5).unwrap();
    assert_eq!(all(&store, keys[0])[0].at_ms, START_MS + 180 * 60_000);
    let chart = store.series(keys[0], START_MS, START_MS + 3 * 3_600_000, 3).unwrap();
    assert_eq!(chart.columns.iter().map(|column| column.count).collect::<Vec<_>>(), [59, 60, 60]);
    let row = |series| Row { line: 9, sample: good(series, START_MS + 90_000, 5) };
    let merged = store.merge([row(keys[0])], true).unwrap();
    assert_eq!(merged.rejected, [(9, Rejection::Dropped)]);
    assert_eq!(store.merge([row(keys[1])], true).unwrap().new, 1);
}
