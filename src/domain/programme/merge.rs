//! What an import of programme meters changes.

use std::collections::BTreeMap;

use super::{ProgrammeMeter, ProgrammeMeterId, ProgrammeMeterType};
use crate::domain::site::Site;

/// What became of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// To be stored: new and changed ones.
    pub store: Vec<ProgrammeMeter>,
    /// How many of them are new.
    pub new: usize,
    /// How many of them were there, with something else in them.
    pub changed: usize,
    /// How many of the imported ones are equipment of this site.
    pub linked: usize,
    /// Imported ones that are nothing here, with the reason.
    pub unlinked: Vec<(ProgrammeMeterId, String)>,
    /// Imported ones that were not taken, with the reason: a second of one type for one thing.
    pub refused: Vec<(ProgrammeMeterId, String)>,
}

/// Takes an import over into what is known. Of two meters of one type and reference that are not archived, the first one stays.
pub fn merge(known: &BTreeMap<ProgrammeMeterId, ProgrammeMeter>, imported: &[ProgrammeMeter], site: &Site) -> Merged {
    let mut merged = Merged::default();
    let mut all = known.clone();
    let mut taken: BTreeMap<(ProgrammeMeterType, String), ProgrammeMeterId> = BTreeMap::new();
    for meter in known.values().filter(|meter| !meter.is_archived) {
        taken.extend(place_key(meter, site).map(|key| (key, meter.id.clone())));
    }
    // Those that give up their place come first.
    let (archived, active): (Vec<_>, Vec<_>) = imported.iter().partition(|meter| meter.is_archived);
    for meter in archived.into_iter().chain(active) {
        let before = all.get(&meter.id).cloned();
        let key = place_key(meter, site);
        let holder = key.as_ref().and_then(|key| taken.get(key)).filter(|holder| **holder != meter.id);
        if let (false, Some(holder), Some((_, what))) = (meter.is_archived, holder, &key) {
            let reason = format!("{holder} is the {} of `{what}` already", meter.meter_type.word());
            merged.refused.push((meter.id.clone(), reason));
            continue;
        }
        taken.retain(|_, holder| *holder != meter.id);
        if !meter.is_archived {
            taken.extend(key.map(|key| (key, meter.id.clone())));
        }
        match meter.place(site) {
            Ok(_) => merged.linked += 1,
            Err(reason) => merged.unlinked.push((meter.id.clone(), reason)),
        }
        if before.as_ref() != Some(meter) {
            merged.new += usize::from(before.is_none());
            merged.changed += usize::from(before.is_some());
            merged.store.retain(|other| other.id != meter.id);
            merged.store.push(meter.clone());
            all.insert(meter.id.clone(), meter.clone());
        }
    }
    merged
}

/// What a meter stands for: its type and the thing's own id, however it was written.
fn place_key(meter: &ProgrammeMeter, site: &Site) -> Option<(ProgrammeMeterType, String)> {
    let written = meter.partner_reference.clone();
    let own = meter.place(site).ok().map(|place| match place {
        super::Place::CustomerSite(id) => id.to_string(),
        super::Place::Submeter(id) => id.to_string(),
        super::Place::Device(id) => id.to_string(),
    });
    Some((meter.meter_type, own.or(written)?))
}
