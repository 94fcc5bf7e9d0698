//! Every series of the file, by number and by name.

use std::collections::BTreeMap;

use super::types::{SeriesInfo, SeriesKey};
use crate::domain::{ids::MeterId, quantity::Quantity};

/// Every series of the file. A snapshot: series that come later are not in it.
#[derive(Debug, Clone, Default)]
pub struct Series {
    by_key: BTreeMap<u32, SeriesInfo>,
    by_name: BTreeMap<MeterId, BTreeMap<Quantity, u32>>,
    meters: BTreeMap<u32, Vec<u32>>,
}

impl Series {
    /// A quantity of a meter, if any of it was ever to be kept.
    pub fn find(&self, meter: &MeterId, quantity: &Quantity) -> Option<&SeriesInfo> {
        self.by_key.get(self.by_name.get(meter)?.get(quantity)?)
    }

    /// The series with a number.
    pub fn get(&self, key: SeriesKey) -> Option<&SeriesInfo> {
        self.by_key.get(&key.0)
    }

    /// All of them, in order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &SeriesInfo> {
        self.by_key.values()
    }

    /// All of one meter, in order of their quantities.
    pub fn of_meter(&self, meter: &MeterId) -> impl Iterator<Item = &SeriesInfo> {
        self.by_name.get(meter).into_iter().flat_map(|series| series.values()).filter_map(|key| self.by_key.get(key))
    }

    /// The numbers of all meters.
    pub(super) fn meter_keys(&self) -> impl Iterator<Item = u32> {
        self.meters.keys().copied()
    }

    /// The number of each series' meter, at the place of the series' number.
    pub(super) fn meters_by_series(&self) -> Vec<Option<u32>> {
        let mut meters = vec![None; self.next_key() as usize];
        for (key, info) in &self.by_key {
            if let Some(place) = meters.get_mut(*key as usize) {
                *place = Some(info.meter_key);
            }
        }
        meters
    }

    pub(super) fn by_number(&self, series: u32) -> Option<&SeriesInfo> {
        self.by_key.get(&series)
    }

    pub(super) fn meter_key(&self, meter: &MeterId) -> Option<u32> {
        let series = self.by_name.get(meter)?.values().next()?;
        Some(self.by_key.get(series)?.meter_key)
    }

    pub(super) fn next_key(&self) -> u32 {
        self.by_key.last_key_value().map_or(1, |(key, _)| key.saturating_add(1))
    }

    pub(super) fn next_meter_key(&self) -> u32 {
        self.meters.last_key_value().map_or(1, |(key, _)| key.saturating_add(1))
    }

    /// Adds a series, or takes over its new decimals.
    pub(super) fn insert(&mut self, info: SeriesInfo) {
        let key = info.key.0;
        let series = self.meters.entry(info.meter_key).or_default();
        if !series.contains(&key) {
            series.push(key);
        }
        self.by_name.entry(info.meter.clone()).or_default().insert(info.quantity.clone(), key);
        self.by_key.insert(key, info);
    }
}
