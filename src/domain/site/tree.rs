//! The site as a tree: which places and meters are under which place.

use super::{Meter, PlaceKey, Site};

impl Site {
    /// The places directly under `parent`, in order; `None`: the buildings.
    pub fn places_under<'site>(&'site self, parent: Option<&'site PlaceKey>) -> impl Iterator<Item = &'site PlaceKey> {
        self.places.iter().filter(move |(_, place)| place.parent.as_ref() == parent).map(|(key, _)| key)
    }

    /// The meters placed at exactly this place; `None`: those without a place.
    pub fn meters_at<'site>(&'site self, place: Option<&'site PlaceKey>) -> impl Iterator<Item = &'site Meter> {
        self.meters.values().filter(move |meter| meter.place.as_ref() == place)
    }

    /// The place and all above it, from itself up to its building.
    pub fn path<'site>(&'site self, place: &'site PlaceKey) -> impl Iterator<Item = &'site PlaceKey> {
        std::iter::successors(Some(place), |key| self.places.get(*key)?.parent.as_ref())
    }

    /// Whether `place` is `ancestor` or under it.
    pub fn is_under(&self, place: &PlaceKey, ancestor: &PlaceKey) -> bool {
        self.path(place).any(|key| key == ancestor)
    }
}
