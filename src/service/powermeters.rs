//! Meters as POWERMETER entities: the site file, the readings, the energy kept and the technicians' records together.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    time::Duration,
};

use jiff::Timestamp;

use super::{
    dispatcher::{Shared, not_found},
    energy::Energies,
    interface::{ErrorKind, ServiceError},
};
use crate::{
    derive,
    domain::{
        computed::{self, Computed, Input},
        ids::MeterId,
        live::{MeterLive, MeterState},
        powermeter::{Consumption, PowerMeter, Sources},
        reading::{Reading, STALE_AFTER_INTERVALS},
        readings::Readings,
        record::Book,
        sample::{Decimals, Point},
        site::{Meter, Site},
        standing,
    },
    store::{SeriesInfo, Store, StoreError},
};

/// Of a meter that nothing polls, a value counts as of its time for three times this.
const INTERVAL_WITHOUT_DEVICE: Duration = Duration::from_mins(20);

/// One meter, or all, as they are now or stood at `at`. Waits for the disk.
///
/// # Errors
/// A meter that there is not, or what the disk says.
pub fn meters(shared: &Shared, id: Option<&MeterId>, at: Option<Timestamp>) -> Result<Vec<PowerMeter>, ServiceError> {
    let site = &shared.site;
    let chosen: Vec<&Meter> = match id {
        Some(id) => vec![site.meters.get(id).ok_or_else(|| not_found(format!("There is no meter `{id}`.")))?],
        None => site.meters.values().collect(),
    };
    if let Some(recorder) = &shared.recorder {
        // What was counted until now is read back below; without a recorder nothing is counted.
        let _ = recorder.book();
    }
    let computed = Computed::of(site);
    let needed = chosen.iter().flat_map(|meter| computed.sources(&meter.id)).collect();
    let lives = lives(shared, &computed, needed, at)?;
    let moment = at.unwrap_or_else(Timestamp::now);
    let energies = shared.store.as_ref().map(|store| Energies::new(store, site)).transpose()?;
    let records = shared.store.as_ref().map(Store::all_records).transpose()?.unwrap_or_default();
    let mut entities = Vec::with_capacity(chosen.len());
    for meter in chosen {
        let consumption = match &energies {
            Some(energies) => energies.consumption(meter, moment)?,
            None => Consumption::default(),
        };
        let written = records.get(&meter.id).map(Vec::as_slice).unwrap_or_default();
        let book = Book::of(meter, written, moment);
        let unread = MeterLive::default();
        let live = lives.get(&meter.id).unwrap_or(&unread);
        let every = interval(site, meter);
        let sources = Sources { live, book: &book, consumption: &consumption, every, at: moment };
        entities.push(PowerMeter::of(site, meter, &sources));
    }
    Ok(entities)
}

/// Copies the store to a file, and checks the copy; its size. Waits for the disk. The file is written as the user that
/// runs the service, so that others than that user must not be able to replace what is there.
///
/// # Errors
/// A file that cannot be made, or a copy that does not pass.
pub fn backup(shared: &Shared, file: &Path, may_replace: bool) -> Result<u64, ServiceError> {
    let store = shared.store.as_ref().ok_or_else(|| not_found("This service keeps nothing.".to_owned()))?;
    let real = |path: Option<&Path>| path.and_then(|path| path.canonicalize().ok());
    let is_own_name = file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("meterdeck."));
    let part = file.with_added_extension("part");
    let refusal = if !file.is_absolute() {
        Some("the service needs the whole path")
    } else if is_own_name && real(file.parent()) == real(store.path().parent()) {
        Some("the service keeps its own files under such names there")
    } else if !may_replace && [file, &part].into_iter().any(|path| path.symlink_metadata().is_ok()) {
        Some("there is a file of that name, which only the user that runs the service may replace")
    } else {
        None
    };
    if let Some(refusal) = refusal {
        let message = format!("Cannot write to {}: {refusal}.", crate::text::clean(&file.display().to_string()));
        return Err(ServiceError {
            kind: ErrorKind::CannotCreate,
            message,
            hint: Some("Name another file.".to_owned()),
        });
    }
    store.backup(file)?;
    let size = fs::metadata(file).map(|file| file.len());
    size.map_err(|source| StoreError::File { path: file.to_owned(), source }.into())
}

/// How often a meter is read, or else how long its values count.
pub(super) fn interval(site: &Site, meter: &Meter) -> Duration {
    standing::interval(site, meter).unwrap_or(INTERVAL_WITHOUT_DEVICE)
}

/// The readings of meters, and of every virtual meter that follows from these alone: what this process reads, else what
/// is stored; at a moment, what is stored of it.
pub(super) fn lives(
    shared: &Shared,
    computed: &Computed,
    needed: BTreeSet<MeterId>,
    at: Option<Timestamp>,
) -> Result<BTreeMap<MeterId, MeterLive>, StoreError> {
    let site = &shared.site;
    let (snapshot, newest) = match at {
        None => (shared.poller.hub().snapshot().meters, shared.store.as_ref().map(newest).unwrap_or_default()),
        Some(_) => (BTreeMap::new(), BTreeMap::new()),
    };
    let mut lives: BTreeMap<MeterId, MeterLive> = BTreeMap::new();
    for id in needed {
        let Some(meter) = site.meters.get(&id) else { continue };
        let live = match (snapshot.get(&id).filter(|live| live.at.is_some() || live.fault.is_some()), at) {
            (Some(live), _) => live.clone(),
            (None, None) => stored(meter, newest.get(&id).cloned().unwrap_or_default()),
            (None, Some(at)) => match &shared.store {
                Some(store) => stored(meter, samples_at(store, meter, interval(site, meter), at)?),
                None => MeterLive::default(),
            },
        };
        lives.insert(id, live);
    }
    for (id, formula) in computed.ids().filter_map(|id| Some((id, computed.formula(id)?))) {
        let (Some(meter), true) = (site.meters.get(id), formula.inputs().all(|input| lives.contains_key(input))) else {
            continue;
        };
        let input = |input: &MeterId| lives.get(input).map(Input::of).unwrap_or_default();
        let mut live = computed::live(formula, input);
        derive::complete(meter, &mut live.readings);
        lives.insert(id.clone(), live);
    }
    Ok(lives)
}

/// A stored value with what it is of.
type Stored = (SeriesInfo, Decimals, Point);

/// The newest stored value of every series, by meter.
fn newest(store: &Store) -> BTreeMap<MeterId, Vec<Stored>> {
    let catalogue = store.catalogue();
    let mut by_meter: BTreeMap<MeterId, Vec<Stored>> = BTreeMap::new();
    for (key, point) in store.newest() {
        if let Some(info) = catalogue.get(key) {
            by_meter.entry(info.meter.clone()).or_default().push((info.clone(), info.decimals, point));
        }
    }
    by_meter
}

/// The last stored value of every quantity of a meter at a moment, where it is not too old for that.
fn samples_at(store: &Store, meter: &Meter, every: Duration, at: Timestamp) -> Result<Vec<Stored>, StoreError> {
    let at_ms = at.as_millisecond();
    let oldest = every.saturating_mul(STALE_AFTER_INTERVALS).as_millis();
    let from_ms = at_ms.saturating_sub(i64::try_from(oldest).unwrap_or(i64::MAX));
    let mut found = Vec::new();
    for info in store.catalogue().of_meter(&meter.id) {
        let samples = store.samples(info.key, from_ms, at_ms.saturating_add(1), usize::MAX)?;
        if let Some(point) = samples.points.last() {
            found.push((info.clone(), samples.decimals, *point));
        }
    }
    Ok(found)
}

/// Readings from what is stored, and what follows from them.
fn stored(meter: &Meter, values: Vec<Stored>) -> MeterLive {
    let mut readings = Readings::new();
    for (info, decimals, point) in values {
        let Ok(at) = Timestamp::from_millisecond(point.at_ms) else { continue };
        let derived = !meter.registers.iter().any(|register| register.quantity == info.quantity);
        let value = point.number.map(|number| decimals.value(number));
        let reading = Reading { value, unit: info.unit, state: point.state, derived, at };
        readings.insert(info.quantity, reading);
    }
    let at = readings.values().map(|reading: &Reading| reading.at).max();
    derive::complete(meter, &mut readings);
    // What is not there will not come: a virtual meter need not wait for it.
    let state = if at.is_some() { MeterState::Ok } else { MeterState::Error };
    MeterLive { state, fault: None, at, readings }
}
