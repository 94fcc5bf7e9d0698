//! Buildings, floors, rooms and racks, and where meters are among them.

use std::collections::BTreeMap;

use super::{fields::Fields, problems::Problem, references::Names};
use crate::domain::{
    ids::PlaceId,
    site::{Level, Place, PlaceKey},
};

/// All places, by level and id.
pub(super) type Places = BTreeMap<PlaceKey, Place>;

/// Reads the four tables of places.
pub(super) fn read(file: &Fields<'_>, names: &Names<'_>) -> Places {
    let mut places = Places::new();
    for level in Level::ALL {
        for (id, fields) in file.tables(level.word()) {
            let Ok(place_id) = PlaceId::new(id) else { continue };
            let parent = parent(&fields, *level, names);
            let name = fields.text("name").unwrap_or_else(|| id.to_owned());
            places.insert(PlaceKey { level: *level, id: place_id }, Place { name, parent });
        }
    }
    places
}

/// The one place above; more or none are recorded.
fn parent(fields: &Fields<'_>, level: Level, names: &Names<'_>) -> Option<PlaceKey> {
    let above = || Level::ALL.iter().copied().filter(move |above| *above < level);
    let given: Vec<Level> = above().filter(|above| fields.has(above.word())).collect();
    let parents: Vec<PlaceKey> = given.iter().filter_map(|level| key(fields, *level, names)).collect();
    if let [.., outer, deepest] = given.as_slice() {
        let problem = Problem::error(&fields.key_spot(outer.word()), format!("{} has two parents", fields.name));
        let help = format!("keep `{}` only: that has a place of its own", deepest.word());
        fields.sink.add(problem.also(&fields.key_spot(deepest.word()), "the other one").help(help));
    }
    // A floor's building is required by its table already.
    if given.is_empty()
        && level > Level::Floor
        && let Some(usual) = above().next_back()
    {
        fields.missing(usual.word());
    }
    parents.into_iter().next_back()
}

fn key(fields: &Fields<'_>, level: Level, names: &Names<'_>) -> Option<PlaceKey> {
    Some(PlaceKey { level, id: names.one(fields, level.word())? })
}

/// The deepest place that a meter names; places that contradict it are recorded.
pub(super) fn of_meter(fields: &Fields<'_>, names: &Names<'_>, places: &Places) -> Option<PlaceKey> {
    let given: Vec<PlaceKey> = Level::ALL.iter().filter_map(|level| key(fields, *level, names)).collect();
    let (deepest, others) = given.split_last()?;
    let path: Vec<&PlaceKey> =
        std::iter::successors(Some(deepest), |key| places.get(*key)?.parent.as_ref()).take(Level::ALL.len()).collect();
    let whole = path.last().is_some_and(|top| top.level == Level::Building);
    for other in others.iter().filter(|other| whole && !path.contains(other)) {
        let (inner, outer) = (deepest.level.word(), other.level.word());
        let is_in = path.iter().find(|key| key.level == other.level);
        let message = format!("{} cannot be in {inner} `{}` and in {outer} `{}`", fields.name, deepest.id, other.id);
        let help = match is_in {
            Some(place) => {
                format!("{inner} `{}` is in {outer} `{}`: write that, or leave `{outer}` out", deepest.id, place.id)
            }
            None => format!("{inner} `{}` is in no {outer}: leave `{outer}` out", deepest.id),
        };
        let problem = Problem::error(&fields.spot(outer), message).label("contradicts");
        fields.sink.add(problem.also(&fields.spot(inner), "the deepest place counts").help(help));
    }
    Some(deepest.clone())
}
