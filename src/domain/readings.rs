//! The readings of a meter, by quantity.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{quantity::Quantity, reading::Reading};

/// One reading of each of some quantities, in the order in which quantities are shown.
///
/// A sorted list and no tree: a meter has some twenty, which are read, copied and dropped together a thousand times a
/// second, and seldom looked up alone. Copies share it until one of them is changed: many look at what is read once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Readings(Arc<Vec<(Quantity, Reading)>>);

impl Readings {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet, with room for so many.
    pub fn with_capacity(count: usize) -> Self {
        Self(Arc::new(Vec::with_capacity(count)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The reading of a quantity.
    pub fn get(&self, quantity: &Quantity) -> Option<&Reading> {
        self.0.get(self.place(quantity).ok()?).map(|(_, reading)| reading)
    }

    /// The reading of a quantity, to change it.
    pub fn get_mut(&mut self, quantity: &Quantity) -> Option<&mut Reading> {
        let place = self.place(quantity).ok()?;
        Arc::make_mut(&mut self.0).get_mut(place).map(|(_, reading)| reading)
    }

    /// Whether there is a reading of a quantity, good or not.
    pub fn contains_key(&self, quantity: &Quantity) -> bool {
        self.place(quantity).is_ok()
    }

    /// Takes a reading in; the one that it takes the place of is given back.
    pub fn insert(&mut self, quantity: Quantity, reading: Reading) -> Option<Reading> {
        match self.place(&quantity) {
            Ok(place) => {
                let known = Arc::make_mut(&mut self.0).get_mut(place);
                known.map(|(_, known)| std::mem::replace(known, reading))
            }
            Err(place) => {
                Arc::make_mut(&mut self.0).insert(place, (quantity, reading));
                None
            }
        }
    }

    /// Each with its quantity, in order.
    pub fn iter(&self) -> Iter<'_> {
        self.0.iter().map(|(quantity, reading)| (quantity, reading))
    }

    /// The quantities, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Quantity> {
        self.0.iter().map(|(quantity, _)| quantity)
    }

    /// The readings, in order of their quantities.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Reading> {
        self.0.iter().map(|(_, reading)| reading)
    }

    /// The readings, to change them.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Reading> {
        Arc::make_mut(&mut self.0).iter_mut().map(|(_, reading)| reading)
    }

    fn place(&self, quantity: &Quantity) -> Result<usize, usize> {
        // Nearly always they come in order.
        match self.0.last() {
            Some((last, _)) if last < quantity => Err(self.0.len()),
            _ => self.0.binary_search_by(|(known, _)| known.cmp(quantity)),
        }
    }
}

/// Readings with their quantities, in order.
pub type Iter<'readings> = std::iter::Map<
    std::slice::Iter<'readings, (Quantity, Reading)>,
    fn(&'readings (Quantity, Reading)) -> (&'readings Quantity, &'readings Reading),
>;

impl FromIterator<(Quantity, Reading)> for Readings {
    fn from_iter<I: IntoIterator<Item = (Quantity, Reading)>>(readings: I) -> Self {
        let mut all = Self::new();
        all.extend(readings);
        all
    }
}

impl<const N: usize> From<[(Quantity, Reading); N]> for Readings {
    fn from(readings: [(Quantity, Reading); N]) -> Self {
        readings.into_iter().collect()
    }
}

impl Extend<(Quantity, Reading)> for Readings {
    fn extend<I: IntoIterator<Item = (Quantity, Reading)>>(&mut self, readings: I) {
        let readings = readings.into_iter();
        Arc::make_mut(&mut self.0).reserve(readings.size_hint().0);
        for (quantity, reading) in readings {
            self.insert(quantity, reading);
        }
    }
}

impl<'readings> IntoIterator for &'readings Readings {
    type Item = (&'readings Quantity, &'readings Reading);
    type IntoIter = Iter<'readings>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Readings {
    type Item = (Quantity, Reading);
    type IntoIter = std::vec::IntoIter<(Quantity, Reading)>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter()
    }
}

impl Serialize for Readings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de> Deserialize<'de> for Readings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(BTreeMap::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::unit::Unit;

    proptest! {
        #[test]
        fn they_are_what_a_tree_would_hold(inserted in prop::collection::vec((0..Quantity::ALL.len(), -9.0..9.0f64), 0..60)) {
            let (mut list, mut tree) = (Readings::new(), BTreeMap::new());
            for (quantity, value) in inserted {
                let quantity = Quantity::ALL[quantity].clone();
                let reading = Reading::good(value, Unit::Count, Timestamp::UNIX_EPOCH);
                prop_assert_eq!(list.insert(quantity.clone(), reading), tree.insert(quantity, reading));
            }
            prop_assert!(list.iter().eq(tree.iter()));
            for quantity in Quantity::ALL {
                prop_assert_eq!(list.get(quantity), tree.get(quantity));
            }
            let json = serde_json::to_string(&list).unwrap();
            prop_assert_eq!(&json, &serde_json::to_string(&tree).unwrap());
            prop_assert_eq!(serde_json::from_str::<Readings>(&json).unwrap(), list);
        }
    }
}
