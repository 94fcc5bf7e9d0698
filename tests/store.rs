//! The store over real files: what comes back is what went in, in any order and whatever happens between.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test whose file is not there has nothing to say")]

use std::{collections::BTreeMap, fs, path::Path};

use meterdeck::{
    domain::{
        ids::MeterId,
        quantity::Quantity,
        reading::State,
        sample::{Decimals, Point, Summary},
        unit::Unit,
    },
    store::{Merged, Opened, Rejection, Row, Sample, Saving, SeriesKey, SeriesSpec, Store, StoreError},
};
use proptest::prelude::*;
use tempfile::TempDir;

#[path = "store/faults.rs"]
mod faults;
#[path = "store/model.rs"]
mod model;
#[path = "store/queries.rs"]
mod queries;

/// 2023-11-14 22:00 UTC: the start of an hour.
const START_MS: i64 = 1_700_000_000_000 - 1_700_000_000_000 % 3_600_000;

const QUANTITIES: [Quantity; 4] =
    [Quantity::CurrentKw, Quantity::CurrentKvar, Quantity::CurrentKva, Quantity::KwhLifetime];

fn decimals(count: u8) -> Decimals {
    Decimals::new(count).unwrap()
}

fn spec(meter: usize, quantity: &Quantity) -> SeriesSpec {
    SeriesSpec {
        meter: MeterId::new(&format!("meter-{meter}")).unwrap(),
        quantity: quantity.clone(),
        unit: quantity.unit().unwrap_or(Unit::Count),
        decimals: decimals(2),
    }
}

/// A store with some meters, the series of each together.
fn open(dir: &Path, meters: usize) -> (Store, Vec<SeriesKey>) {
    let (store, _) = Store::open(dir).unwrap();
    let specs = (0..meters).flat_map(|meter| QUANTITIES.iter().map(move |quantity| spec(meter, quantity)));
    let keys = store.declare(specs.collect()).unwrap();
    (store, keys)
}

fn good(series: SeriesKey, at_ms: i64, number: i64) -> Sample {
    Sample { series, at_ms, number: Some(number), decimals: decimals(2), state: State::Good }
}

fn all(store: &Store, series: SeriesKey) -> Vec<Point> {
    store.samples(series, 0, i64::MAX, usize::MAX).unwrap().points
}

/// Whole-file checks of SQLite itself, on a store that is closed.
fn assert_sound(dir: &Path) {
    meterdeck::store::check(&dir.join("meterdeck.db")).unwrap();
}
